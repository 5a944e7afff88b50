"""The nested forms, with the documents of AWS's guide: only account and region are ours.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
"""

import json

from harness import ACCOUNT, REGION, WAIT_LONG, ServerTest, one_state, pass_state, types, wait_for

HELLO_WORLD = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:HelloWorld"

SYNC_2 = """{ "Type":"Task", "Resource":"arn:aws:states:::states:startExecution.sync:2",
    "Parameters":{ "Input":{ "Comment": "Hello world!" },
    "StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:HelloWorld",
    "Name":"ExecutionName" }, "End":true }"""
REQUEST_RESPONSE = """{ "Type":"Task", "Resource":"arn:aws:states:::states:startExecution",
    "Parameters":{ "Input":{ "Comment": "Hello world!" },
    "StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:HelloWorld",
    "Name":"ExecutionName" }, "End":true }"""
CALLBACK = """{ "Type":"Task", "Resource":"arn:aws:states:::states:startExecution.waitForTaskToken",
    "Parameters":{ "Input":{ "Comment": "Hello world!", "token.$": "$$.Task.Token" },
    "StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:HelloWorld",
    "Name":"ExecutionName" }, "End":true }"""
SYNC_ASSOCIATED = """{ "Type":"Task", "Resource":"arn:aws:states:::states:startExecution.sync",
    "Parameters":{ "Input":{ "Comment": "Hello world!",
    "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id" },
    "StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:HelloWorld",
    "Name":"ExecutionName" }, "End":true }"""

DESCRIPTION = {
    "ExecutionArn", "Input", "InputDetails", "Name", "Output", "OutputDetails", "RedriveCount",
    "RedriveStatus", "RedriveStatusReason", "StartDate", "StateMachineArn", "Status", "StopDate",
}


class NestedTest(ServerTest):
    def child(self, definition):
        """HelloWorld as this test wants it; its names are free again, since it is another."""
        self.sfn.delete_state_machine(stateMachineArn=HELLO_WORLD)
        self.assertEqual(self.create("HelloWorld", definition), HELLO_WORLD)

    def parent(self, text, name):
        name = f"{self._testMethodName}-{name}"
        document = json.loads(text)
        # The guide gives every child the same name.
        document["Parameters"]["Name"] = name
        machine = self.create(name, {"StartAt": "Start", "States": {"Start": document}})
        return self.start(machine), name

    def test_sync_2_gives_json(self):
        self.child(one_state(pass_state(Result={"MyKey": "MyValue"})))
        execution, name = self.parent(SYNC_2, "a")
        described = self.ended(execution)
        self.assertEqual(described["status"], "SUCCEEDED")
        output = json.loads(described["output"])
        self.assertEqual(output["Output"], {"MyKey": "MyValue"})
        self.assertEqual(output["Input"], {"Comment": "Hello world!"})
        self.assertEqual(output["Name"], name)
        self.assertEqual(output["Status"], "SUCCEEDED")
        self.assertEqual(set(output), DESCRIPTION)
        self.assertEqual(list(output), sorted(output))
        self.assertGreater(output["StartDate"], 1_600_000_000_000)
        events = self.history(execution)
        self.assertEqual(
            types(events),
            ["ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted",
             "TaskSubmitted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"],
        )
        details = events[2]["taskScheduledEventDetails"]
        self.assertEqual(details["resource"], "startExecution.sync:2")
        self.assertEqual(details["resourceType"], "states")
        self.assertEqual(details["region"], REGION)

    def test_sync_gives_text(self):
        self.child(one_state(pass_state(Result={"MyKey": "MyValue"})))
        execution, name = self.parent(SYNC_ASSOCIATED, "a")
        output = json.loads(self.ended(execution)["output"])
        self.assertEqual(json.loads(output["Output"]), {"MyKey": "MyValue"})
        given = json.loads(output["Input"])
        self.assertEqual(
            given,
            {"Comment": "Hello world!", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": execution},
        )
        child = self.ended(output["ExecutionArn"])
        self.assertEqual(child["name"], name)
        self.assertEqual(json.loads(child["input"]), given)

    def test_request_response_does_not_wait(self):
        self.child(WAIT_LONG)
        execution, name = self.parent(REQUEST_RESPONSE, "a")
        described = self.ended(execution)
        self.assertEqual(described["status"], "SUCCEEDED")
        output = json.loads(described["output"])
        self.assertEqual(
            set(output), {"ExecutionArn", "SdkHttpMetadata", "SdkResponseMetadata", "StartDate"}
        )
        self.assertEqual(output["SdkHttpMetadata"]["HttpStatusCode"], 200)
        child = self.sfn.describe_execution(executionArn=output["ExecutionArn"])
        self.assertEqual((child["status"], child["name"]), ("RUNNING", name))
        self.sfn.stop_execution(executionArn=output["ExecutionArn"])

    def test_callback_waits_for_the_token_and_not_for_the_child(self):
        self.child(one_state(pass_state()))
        execution, name = self.parent(CALLBACK, "a")
        wait_for(lambda: "TaskSubmitted" in types(self.history(execution)), 10, "the child")
        child = self.ended(f"arn:aws:states:{REGION}:{ACCOUNT}:execution:HelloWorld:{name}")
        self.assertEqual(child["status"], "SUCCEEDED")
        self.assertEqual(self.sfn.describe_execution(executionArn=execution)["status"], "RUNNING")
        token = json.loads(child["input"])["token"]
        self.sfn.send_task_success(taskToken=token, output='{"from": "outside"}')
        described = self.ended(execution)
        self.assertEqual(described["output"], '{"from": "outside"}')
        self.assert_refused(
            "TaskTimedOut", lambda: self.sfn.send_task_success(taskToken=token, output="{}")
        )
        self.assertIn("TaskSubmitted", types(self.history(execution)))

    def test_a_child_that_fails_fails_the_task(self):
        self.child({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Mine", "Cause": "c"}}})
        execution, _ = self.parent(SYNC_2, "a")
        described = self.ended(execution)
        self.assertEqual((described["status"], described["error"]), ("FAILED", "States.TaskFailed"))
        cause = json.loads(described["cause"])
        self.assertEqual((cause["Error"], cause["Cause"], cause["Status"]), ("Mine", "c", "FAILED"))
        self.assertEqual(json.loads(cause["Input"]), {"Comment": "Hello world!"})
        self.assertNotIn("Output", cause)

    def test_a_parent_that_is_stopped_stops_its_child(self):
        self.child(WAIT_LONG)
        execution, name = self.parent(SYNC_2, "a")
        child = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:HelloWorld:{name}"
        wait_for(lambda: "TaskSubmitted" in types(self.history(execution)), 10, "the child")
        self.sfn.stop_execution(executionArn=execution, error="Enough", cause="for today")
        stopped = self.ended(child)
        self.assertEqual(stopped["status"], "ABORTED")
        self.assertEqual(
            stopped["cause"],
            f"The Task state in AWS Step Functions execution [{execution}] "
            "which was managing this resource was aborted",
        )
        self.assertEqual(self.ended(execution)["error"], "Enough")

    def test_a_machine_that_is_not_there(self):
        self.sfn.delete_state_machine(stateMachineArn=HELLO_WORLD)
        execution, _ = self.parent(SYNC_2, "a")
        described = self.ended(execution)
        self.assertEqual(described["error"], "StepFunctions.StateMachineDoesNotExistException")
        self.assertIn(f"State Machine Does Not Exist: '{HELLO_WORLD}'", described["cause"])
