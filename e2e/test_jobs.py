"""Jobs that `.sync` waits for, at moto: how they end, and that they are stopped with their parent.

What moto cannot play (a container or a run that fails, a run of Glue that is stopped, a description
that is throttled, the other services) is played by the doubles of crates/integrations/src/optimised/job_tests.rs.
"""

import json
import time

from harness import create, ended, one_state, wait_for
from moto_server import MotoTest


class JobsTest(MotoTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tell_moto("config", batch={"use_docker": False})
        ecs = cls.aws("ecs")
        ecs.create_cluster(clusterName="c")
        ecs.register_task_definition(
            family="f", containerDefinitions=[{"name": "main", "image": "i", "memory": 4}]
        )
        glue = cls.aws("glue")
        glue.create_job(Name="j", Role="r", Command={"Name": "glueetl", "ScriptLocation": "s"})
        batch = cls.aws("batch")
        role = cls.aws("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
        environment = batch.create_compute_environment(
            computeEnvironmentName="environment",
            type="UNMANAGED",
            state="ENABLED",
            serviceRole=role["Role"]["Arn"],
        )["computeEnvironmentArn"]
        batch.create_job_queue(
            jobQueueName="queue",
            state="ENABLED",
            priority=1,
            computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment}],
        )
        batch.register_job_definition(
            jobDefinitionName="definition",
            type="container",
            containerProperties={"image": "i", "vcpus": 1, "memory": 4},
        )
        cls.aws("s3").create_bucket(Bucket="results")

    def progress(self, model, **transition):
        """How a kind of job at moto goes from state to state."""
        self.tell_moto("state-manager/set-transition", model_name=model, transition=transition)

    def start_job(self, resource, parameters, **more):
        """The execution of a task that starts a job and waits for it."""
        task = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}.sync"}
        definition = one_state({**task, "Parameters": parameters, **more})
        return self.start(create(self.sfn, f"m-{time.time_ns()}", definition), {})

    def output(self, execution):
        description = ended(self.sfn, execution)
        self.assertEqual(description["status"], "SUCCEEDED", description)
        return json.loads(description["output"])

    def failed(self, execution, error):
        """The cause of a failed execution, which is the description of its job."""
        description = ended(self.sfn, execution)
        self.assertEqual(description.get("error"), error, description)
        return json.loads(description["cause"])

    def submitted(self, execution):
        """What the service answered to the start of the job, once the task waits for its end."""
        def look():
            events = self.history(execution)
            found = [it for it in events if it["type"] == "TaskSubmitted"]
            return found and found[0]["taskSubmittedEventDetails"]
        details = wait_for(look, 20, "TaskSubmitted")
        return json.loads(details["output"])

    # A kind of job: how moto plays it, and what starts it.
    ECS = ("ecs:runTask", {"Cluster": "c", "TaskDefinition": "f", "LaunchType": "FARGATE"})
    GLUE = ("glue:startJobRun", {"JobName": "j"})
    ATHENA = (
        "athena:startQueryExecution",
        {
            "QueryString": "SELECT 1",
            "ResultConfiguration": {"OutputLocation": "s3://results/"},
        },
    )
    BATCH = ("batch:submitJob", {"JobName": "name", "JobQueue": "queue", "JobDefinition": "definition"})

    def test_ecs(self):
        self.progress("ecs::task", progression="manual", times=1)
        execution = self.start_job(*self.ECS)
        task = self.output(execution)
        self.assertEqual(task["LastStatus"], "STOPPED")
        self.assertEqual(task["StartedBy"], "AWS Step Functions")
        # Instants are numbers of milliseconds; no list of tasks, no metadata.
        self.assertNotIn("SdkHttpMetadata", task)
        submitted = self.submitted(execution)
        self.assertEqual(submitted["Tasks"][0]["TaskArn"], task["TaskArn"])
        self.assertEqual(submitted["SdkHttpMetadata"]["HttpStatusCode"], 200)

    def test_ecs_is_stopped_with_its_parent(self):
        self.progress("ecs::task", progression="manual", times=100_000)
        execution = self.start_job(*self.ECS)
        arn = self.submitted(execution)["Tasks"][0]["TaskArn"]
        self.sfn.stop_execution(executionArn=execution)
        ecs = self.aws("ecs")

        def stopped():
            task = ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"][0]
            return task["lastStatus"] == "STOPPED" and task

        task = wait_for(stopped, 20, "the task is stopped")
        self.assertIn("AWS Step Functions", task["stoppedReason"])

    def test_glue(self):
        self.progress("glue::job_run", progression="manual", times=2)
        run = self.output(self.start_job(*self.GLUE))
        self.assertEqual((run["JobName"], run["JobRunState"]), ("j", "SUCCEEDED"))
        self.assertIsInstance(run["StartedOn"], int)
        self.assertGreater(run["StartedOn"], 1_500_000_000_000)

    def test_what_the_service_refuses_has_its_name(self):
        description = ended(self.sfn, self.start_job("glue:startJobRun", {"JobName": "none"}))
        self.assertEqual(description["error"], "Glue.EntityNotFoundException", description)
        self.assertIn("(Service: AWSGlue; Status Code: 400; ", description["cause"])

    def test_athena(self):
        self.progress("athena::execution", progression="manual", times=1)
        execution = self.output(self.start_job(*self.ATHENA))["QueryExecution"]
        self.assertEqual(execution["Status"]["State"], "SUCCEEDED")
        self.assertEqual(execution["Query"], "SELECT 1")

    def test_athena_that_is_cancelled_fails_its_task(self):
        self.progress("athena::execution", progression="manual", times=100_000)
        execution = self.start_job(*self.ATHENA)
        query = self.submitted(execution)["QueryExecutionId"]
        self.aws("athena").stop_query_execution(QueryExecutionId=query)
        cause = self.failed(execution, "States.TaskFailed")["QueryExecution"]
        self.assertEqual((cause["QueryExecutionId"], cause["Status"]["State"]), (query, "CANCELLED"))

    def test_athena_is_stopped_when_its_task_times_out_or_its_parent_stops(self):
        self.progress("athena::execution", progression="manual", times=100_000)
        late = self.start_job(*self.ATHENA, TimeoutSeconds=1)
        stopped = self.start_job(*self.ATHENA)
        queries = [self.submitted(it)["QueryExecutionId"] for it in (late, stopped)]
        self.sfn.stop_execution(executionArn=stopped)
        self.assertEqual(ended(self.sfn, late)["error"], "States.Timeout")
        athena = self.aws("athena")

        def cancelled():
            found = [athena.get_query_execution(QueryExecutionId=query) for query in queries]
            return {it["QueryExecution"]["Status"]["State"] for it in found} == {"CANCELLED"}

        wait_for(cancelled, 20, "the queries are cancelled")

    def test_batch(self):
        job = self.output(self.start_job(*self.BATCH))
        self.assertEqual((job["JobName"], job["Status"]), ("name", "SUCCEEDED"))
        self.assertNotIn("SdkHttpMetadata", job)
