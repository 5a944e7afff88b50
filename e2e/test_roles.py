"""What the role of a state machine is asked for beside the calls of its tasks: Map Runs and their
objects, jobs that are waited for, roles that tasks assume, the delivery of logs. And the trace that
calls belong to.
"""

import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading

import harness
from harness import ACCOUNT, REGION, create, ended, one_state, wait_for
from test_identity import IdentityTest, client, document, machine_arn

BUCKET = "arn:aws:s3:::data"
PASS = one_state({"Type": "Pass"})


class FakeServices(http.server.BaseHTTPRequestHandler):
    """Jobs of Glue, which run until `state` says otherwise, and functions, which give null. Keeps
    what was called, and with which headers."""

    state = "RUNNING"
    calls = []

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        action = self.headers.get("X-Amz-Target", self.path).rsplit(".", 1)[-1]
        FakeServices.calls.append((action, dict(self.headers.items())))
        answers = {
            "StartJobRun": {"JobRunId": "jr_1"},
            "GetJobRun": {"JobRun": {"Id": "jr_1", "JobRunState": FakeServices.state}},
            "BatchStopJobRun": {},
        }
        body = json.dumps(answers.get(action)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class RolesTest(IdentityTest):
    """Tests that share a server with a folder for S3, and services that are played."""

    @classmethod
    def setUpClass(cls):
        cls.services = http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeServices)
        threading.Thread(target=cls.services.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{cls.services.server_port}"
        cls.objects = tempfile.mkdtemp(prefix="stairwell-objects-")
        os.makedirs(os.path.join(cls.objects, "data", "in"))
        for name, text in [("items.json", "[1, 2]"), ("in/a.json", "[3]")]:
            with open(os.path.join(cls.objects, "data", name), "w", encoding="utf-8") as file:
                file.write(text)
        cls.options = (
            "--s3-endpoint", f"file://{cls.objects}", "--lambda-endpoint", url,
            "--log-executions", "off",
        )
        harness.ENVIRONMENT["AWS_ENDPOINT_URL_GLUE"] = url
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        harness.ENVIRONMENT.pop("AWS_ENDPOINT_URL_GLUE")
        cls.services.shutdown()
        cls.services.server_close()
        shutil.rmtree(cls.objects, ignore_errors=True)

    def allow(self, name, *statements):
        """Gives a role that policy instead of the one that it has."""
        self.iam.put_role_policy(
            RoleName=name, PolicyName="only", PolicyDocument=json.dumps(document(*statements))
        )

    def run_machine(self, name, **more):
        return self.sfn.start_execution(stateMachineArn=machine_arn(name), **more)["executionArn"]

    def check(self, name, error, action, resource, execution=None):
        """An execution fails because the role may not do that."""
        told = ended(self.sfn, execution or self.run_machine(name))
        self.assertEqual((told["status"], told.get("error")), ("FAILED", error), told)
        self.assertRegex(
            told["cause"],
            f"^User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/[A-Za-z]{{32}} is not authorized "
            f"to perform: {action} on resource: ",
        )
        self.assertIn(
            f" on resource: {resource} because no identity-based policy allows the {action} action",
            told["cause"],
        )

    def check_succeeds(self, name):
        told = ended(self.sfn, self.run_machine(name))
        self.assertEqual(told["status"], "SUCCEEDED", told)
        return told


def distributed(child=PASS, **more):
    """A machine of one Map state in DISTRIBUTED mode."""
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    state = {"Type": "Map", "Label": "each", "End": True,
             "ItemProcessor": {"ProcessorConfig": config, **child}, **more}
    return {"StartAt": "Each", "States": {"Each": state}}


def reader(action, config=None, **parameters):
    found = {"Resource": f"arn:aws:states:::s3:{action}",
             "Parameters": {"Bucket": "data", **parameters}}
    return {**found, "ReaderConfig": config} if config else found


class MapRuns(RolesTest):
    def start(self, name):
        return ("states:StartExecution", machine_arn(name))

    def test_a_run_starts_executions_of_its_own_machine(self):
        role = self.role("maps", document(("sqs:*", "*")))
        self.machine("maps", distributed(ItemsPath="$"), role)
        self.check("maps", "StepFunctions.AWSStepFunctionsException",
                   "states:StartExecution", machine_arn("maps"),
                   self.run_machine("maps", input="[1]"))
        self.allow("maps", self.start("maps"))
        told = ended(self.sfn, self.run_machine("maps", input="[1]"))
        self.assertEqual(told["output"], "[1]")

    def test_items_are_read_as_the_role_may(self):
        name = "reads"
        role = self.role(name, document(self.start(name)))
        self.machine(name, distributed(
            ItemReader=reader("getObject", {"InputType": "JSON"}, Key="items.json")), role)
        failed = "States.ItemReaderFailed"
        self.check(name, failed, "s3:GetObject", f"{BUCKET}/items.json")
        self.allow(name, self.start(name), ("s3:GetObject", f"{BUCKET}/other.json"))
        self.check(name, failed, "s3:GetObject", f"{BUCKET}/items.json")
        self.allow(name, self.start(name), ("s3:GetObject", f"{BUCKET}/items.json"))
        self.assertEqual(self.check_succeeds(name)["output"], "[1,2]")

    def test_buckets_are_listed_as_the_role_may(self):
        name = "lists"
        role = self.role(name, document(self.start(name)))
        self.machine(name, distributed(ItemReader=reader("listObjectsV2", Prefix="in/")), role)
        failed = "States.ItemReaderFailed"
        self.check(name, failed, "s3:ListBucket", BUCKET)
        for prefix, may in [("out/*", False), ("in/*", True)]:
            policy = document(self.start(name), ("s3:ListBucket", BUCKET))
            policy["Statement"][1]["Condition"] = {"StringLike": {"s3:prefix": [prefix]}}
            self.iam.put_role_policy(
                RoleName=name, PolicyName="only", PolicyDocument=json.dumps(policy)
            )
            if may:
                self.assertIn("in/a.json", self.check_succeeds(name)["output"])
            else:
                self.check(name, failed, "s3:ListBucket", BUCKET)

    def test_results_are_written_as_the_role_may(self):
        name = "writes"
        role = self.role(name, document(self.start(name)))
        writer = {"Resource": "arn:aws:states:::s3:putObject",
                  "Parameters": {"Bucket": "data", "Prefix": "out"}}
        definition = distributed(ItemsPath="$.of", ResultWriter=writer)
        self.machine(name, definition, role)
        execution = self.run_machine(name, input='{"of": [1]}')
        told = ended(self.sfn, execution)
        self.assertEqual(told["error"], "States.ResultWriterFailed", told)
        self.assertIn("is not authorized to perform: s3:PutObject on resource: "
                      f"{BUCKET}/out/", told["cause"])
        self.assertIn("Status Code: 403; Error Code: AccessDenied;", told["cause"])
        self.assertFalse(os.path.exists(os.path.join(self.objects, "data", "out")))
        self.allow(name, self.start(name), ("s3:PutObject", f"{BUCKET}/out/*"))
        told = ended(self.sfn, self.run_machine(name, input='{"of": [1]}'))
        self.assertEqual(told["status"], "SUCCEEDED", told)

    def test_children_are_redriven_as_the_role_may(self):
        name = "redrives"
        role = self.role(name, document(self.start(name)))
        self.machine("redriven", PASS, f"arn:aws:iam::{ACCOUNT}:role/unknown")
        child = one_state({
            "Type": "Task", "Resource": "arn:aws:states:::states:startExecution",
            "Parameters": {"StateMachineArn": machine_arn("redriven")},
        })
        self.machine(name, distributed(child, ItemsPath="$"), role)
        execution = self.run_machine(name, input="[1]")
        self.assertEqual(
            ended(self.sfn, execution)["error"], "States.ExceedToleratedFailureThreshold"
        )
        starts = ("states:StartExecution", [machine_arn(name), machine_arn("redriven")])
        self.allow(name, starts)
        self.sfn.redrive_execution(executionArn=execution)
        children = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{name}/each:*"
        self.check(name, "StepFunctions.AWSStepFunctionsException",
                   "states:RedriveExecution", children, execution)
        self.allow(name, starts, ("states:RedriveExecution", children))
        self.sfn.redrive_execution(executionArn=execution)
        self.assertEqual(ended(self.sfn, execution)["status"], "SUCCEEDED")

    def test_the_policy_that_the_command_prints_is_enough(self):
        """The least policy of a Distributed Map with reader and writer, as `stairwell policy`
        prints it."""
        name = "printed"
        writer = {"Resource": "arn:aws:states:::s3:putObject",
                  "Parameters": {"Bucket": "data", "Prefix": "printed"}}
        definition = distributed(
            ItemReader=reader("getObject", {"InputType": "JSON"}, Key="items.json"),
            ResultWriter=writer,
        )
        path = os.path.join(self.data, "definition.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(definition, file)
        printed = subprocess.run(
            [harness.BINARY, "policy", path, "--state-machine", machine_arn(name)],
            capture_output=True, text=True, check=True,
        ).stdout
        self.machine(name, definition, self.role(name, json.loads(printed)))
        self.check_succeeds(name)


class Jobs(RolesTest):
    def job(self, name):
        role = self.role(name, document(("glue:StartJobRun", "*")))
        self.machine(name, one_state({
            "Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync",
            "Parameters": {"JobName": "j"},
        }), role)

    def test_a_job_is_asked_for_as_the_role_may(self):
        name = "asks"
        FakeServices.state = "SUCCEEDED"
        self.job(name)
        told = ended(self.sfn, self.run_machine(name))
        self.assertEqual(told["error"], "Glue.AccessDeniedException", told)
        self.assertIn("is not authorized to perform: glue:GetJobRun on resource: arn:aws:glue:",
                      told["cause"])
        self.assertIn(" because no identity-based policy allows the glue:GetJobRun action (Service:"
                      " AWSGlue; Status Code: 400; Error Code: AccessDeniedException; Request ID: ",
                      told["cause"])
        self.allow(name, (["glue:StartJobRun", "glue:GetJobRun"], "*"))
        self.check_succeeds(name)

    def test_a_job_is_stopped_as_the_role_may(self):
        FakeServices.state = "RUNNING"
        asked = ["glue:StartJobRun", "glue:GetJobRun"]
        for name, actions, stops in [
            ("leaves", asked, 0), ("stops", [*asked, "glue:BatchStopJobRun"], 1),
        ]:
            self.job(name)
            self.allow(name, (actions, "*"))
            del FakeServices.calls[:]
            called = lambda action: sum(it[0] == action for it in FakeServices.calls)
            execution = self.run_machine(name)
            wait_for(lambda: called("GetJobRun") > 1, 10, "a job that is asked for")
            self.sfn.stop_execution(executionArn=execution)
            if stops:
                wait_for(lambda: called("BatchStopJobRun") == stops, 10, "a job that is stopped")
            self.check_succeeds_elsewhere()
            self.assertEqual(called("BatchStopJobRun"), stops)

    def check_succeeds_elsewhere(self):
        """Something else, which takes longer than a stop that is about to come."""
        machine = create(self.sfn, "elsewhere", one_state({"Type": "Wait", "Seconds": 1}))
        execution = self.sfn.start_execution(stateMachineArn=machine)["executionArn"]
        self.assertEqual(ended(self.sfn, execution)["status"], "SUCCEEDED")


class AssumedRoles(RolesTest):
    """Tasks with Credentials act as the role that these name."""

    def test_a_task_acts_as_the_role_that_it_assumes(self):
        target = f"arn:aws:iam::{ACCOUNT}:role/target"
        own = self.role("assumes", document(("states:*", "*")))
        not_assumed = f"The role {own} is not authorized to assume the task state's role, {target}."
        task = {
            "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:listStateMachines",
            "Parameters": {}, "Credentials": {"RoleArn": target},
        }
        self.machine("assumes", one_state(task), own)
        nested = {**task, "Resource": "arn:aws:states:::states:startExecution",
                  "Parameters": {"StateMachineArn": machine_arn("assumed-child")}}
        self.machine("assumes-nested", one_state(nested), own)
        self.machine("assumed-child", PASS, f"arn:aws:iam::{ACCOUNT}:role/unknown")
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": own}, "Action": "sts:AssumeRole"}]}
        both = ["assumes", "assumes-nested"]

        # Neither side allows it; then the one; then both do, and the other role may do nothing.
        self.role("target", document(("sqs:*", "*")))
        self.iam.update_assume_role_policy(RoleName="target", PolicyDocument=json.dumps(trust))
        for name in both:
            told = ended(self.sfn, self.run_machine(name))
            self.assertEqual((told["error"], told["cause"]), ("States.TaskFailed", not_assumed))
        self.allow("assumes", ("sts:AssumeRole", target))
        for name, action, resource in [
            ("assumes", "states:ListStateMachines", r"\*"),
            ("assumes-nested", "states:StartExecution", machine_arn("assumed-child")),
        ]:
            told = ended(self.sfn, self.run_machine(name))
            self.assertRegex(
                told["cause"],
                f"^User: arn:aws:sts::{ACCOUNT}:assumed-role/target/[A-Za-z]{{32}} is not "
                f"authorized to perform: {action} on resource: {resource} ",
            )
        self.allow("target", ("states:*", "*"))
        for name in both:
            self.check_succeeds(name)
        # The other side trusts somebody else.
        trust["Statement"][0]["Principal"] = {"Service": "lambda.amazonaws.com"}
        self.iam.update_assume_role_policy(RoleName="target", PolicyDocument=json.dumps(trust))
        for name in both:
            self.assertEqual(ended(self.sfn, self.run_machine(name))["cause"], not_assumed)


class LogDelivery(RolesTest):
    """A role that may not have logs delivered is for no state machine that is logged."""

    message = "The state machine IAM Role is not authorized to access the Log Destination"

    def test_a_machine_that_is_logged_needs_a_role_that_may(self):
        group = {"logGroupArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:g:*"}
        logging = {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": group}]}
        role = self.role("logs", document(("sqs:*", "*")))
        make = lambda name, **more: self.sfn.create_state_machine(
            name=name, definition=json.dumps(PASS), roleArn=role, **more
        )["stateMachineArn"]
        denied = lambda call: self.assert_refused("AccessDeniedException", call, self.message)
        denied(lambda: make("logged", loggingConfiguration=logging))
        make("off", loggingConfiguration={"level": "OFF"})
        machine = make("plain")
        update = lambda **more: self.sfn.update_state_machine(stateMachineArn=machine, **more)
        denied(lambda: update(loggingConfiguration=logging))
        # AWS's page has eight actions, on every resource.
        actions = ["CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery",
                   "ListLogDeliveries", "PutResourcePolicy", "DescribeResourcePolicies",
                   "DescribeLogGroups"]
        actions = [f"logs:{action}" for action in actions]
        self.allow("logs", (actions[1:], "*"))
        denied(lambda: make("logged", loggingConfiguration=logging))
        self.allow("logs", (actions, "*"))
        make("logged", loggingConfiguration=logging)
        update(loggingConfiguration=logging)
        # Another role, which may not, for the same logs.
        other = self.role("logs-not", document(("sqs:*", "*")))
        denied(lambda: update(roleArn=other))
        update(roleArn=other, loggingConfiguration={"level": "OFF"})


class Traces(RolesTest):
    """What an execution calls belongs to its trace."""

    def test_the_trace_header_goes_with_nested_starts_and_functions(self):
        trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
        role = f"arn:aws:iam::{ACCOUNT}:role/unknown"
        child = self.machine("traced-child", PASS, role)
        function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
        start = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution",
                 "Parameters": {"StateMachineArn": child, "Name.$": "$.name"},
                 "ResultPath": None, "Next": "Call"}
        states = {"Start": start, "Call": {"Type": "Task", "Resource": function, "End": True}}
        definition = {"StartAt": "Start", "States": states}
        self.machine("traced", definition, role)
        express = client(self.server, "stepfunctions").create_state_machine(
            name="traced-express", definition=json.dumps(definition), roleArn=role, type="EXPRESS"
        )["stateMachineArn"]
        for machine, name, given in [
            (machine_arn("traced"), "a", trace), (express, "b", trace),
            (machine_arn("traced"), "c", None),
        ]:
            del FakeServices.calls[:]
            more = {"traceHeader": given} if given else {}
            self.sfn.start_execution(
                stateMachineArn=machine, input=json.dumps({"name": name}), **more
            )
            call = wait_for(lambda: FakeServices.calls, 10, "a call of the function")[0]
            self.assertEqual(call[1].get("X-Amzn-Trace-Id") or call[1].get("x-amzn-trace-id"), given)
            arn = child.replace(":stateMachine:", ":execution:") + f":{name}"
            self.assertEqual(
                self.sfn.describe_execution(executionArn=arn).get("traceHeader"), given
            )
        # A header of its own wins.
        start["Parameters"]["TraceHeader"] = "Root=1-own"
        self.sfn.update_state_machine(
            stateMachineArn=machine_arn("traced"), definition=json.dumps(definition)
        )
        ended(self.sfn, self.run_machine("traced", input='{"name": "d"}', traceHeader=trace))
        arn = child.replace(":stateMachine:", ":execution:") + ":d"
        described = self.sfn.describe_execution(executionArn=arn)
        self.assertEqual(described["traceHeader"], "Root=1-own")
