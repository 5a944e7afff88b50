"""`stairwell why`, `tree`, `wait` and `tail`, and the graph of an execution as JSON."""

import json
import subprocess
import unittest

from harness import BINARY, ServerTest, ended, wait_for
from test_own_operations import ask

PASS = {"Type": "Pass", "End": True}
NESTED = "arn:aws:states:::states:startExecution.sync:2"
GONE = "arn:aws:states:us-east-1:123456789012:execution:none:none"


def starts(machine, **more):
    parameters = {"StateMachineArn": machine, "Input": {
        "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id"}}
    return {"Type": "Task", "Resource": NESTED, "Parameters": parameters, "End": True, **more}


class Why(ServerTest):
    def command(self, *arguments, status=0):
        ran = subprocess.run([BINARY, *arguments, "--endpoint", self.server.url],
                             capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(ran.returncode, status, ran.stdout + ran.stderr)
        return ran.stdout if status != 2 else ran.stderr

    def json(self, *arguments, status=0):
        return json.loads(self.command(*arguments, "--json", status=status))

    def generations(self, suffix):
        """Four machines, each of which starts the next one in another way."""
        charge = self.create(f"charge-{suffix}", {"StartAt": "Look", "States": {
            "Look": {"Type": "Pass", "Next": "Charge"},
            "Charge": {"Type": "Fail", "Error": "CardDeclined",
                       "Cause": "insufficient funds (issuer code 51)"}}})
        retry = [{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 2, "IntervalSeconds": 1,
                  "BackoffRate": 1}]
        authorise = self.create(f"authorise-{suffix}", {"StartAt": "Authorise", "States": {
            "Authorise": starts(charge, Retry=retry)}})
        each = self.create(f"each-{suffix}", {"StartAt": "Each", "States": {"Each": {
            "Type": "Map", "ItemsPath": "$.items", "End": True,
            "ItemProcessor": {"StartAt": "Which", "States": {
                "Which": {"Type": "Choice", "Default": "Good", "Choices": [
                    {"Variable": "$", "NumericEquals": 3, "Next": "Pay"}]},
                "Good": PASS, "Pay": starts(authorise)}}}}})
        child = {**starts(each), "Parameters": {"StateMachineArn": each, "Input": {
            "items": [1, 2, 3],
            "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id"}}}
        return self.create(f"order-{suffix}", {"StartAt": "Prepare", "States": {"Prepare": {
            "Type": "Parallel", "End": True, "Branches": [
                {"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 600,
                                                        "End": True}}},
                {"StartAt": "Items", "States": {"Items": child}}]}}})

    def test_a_failure_four_generations_deep(self):
        arn = self.start(self.generations("deep"), name="4711")
        self.assertEqual(self.command("wait", arn, status=1).strip(), "FAILED")
        told = self.command("why", arn).splitlines()
        self.assertRegex(told[0], r"^FAILED after .*: order-deep:4711$")
        self.assertEqual(told[1], "  CardDeclined: insufficient funds (issuer code 51)")
        self.assertEqual(told[2], "  in order-deep:4711, Prepare > Items")
        self.assertRegex(told[3], r"^  => each-deep:[^,]+, Each\[2\] > Pay$")
        self.assertRegex(told[4], r"^  => authorise-deep:[^,]+, Authorise, attempt 3 "
                                  r"\(2 before it failed by the same\)$")
        self.assertRegex(told[5], r"^  => charge-deep:[^,]+, Charge$")
        self.assertEqual(told[6:], ["  a redrive runs 2 steps again: Rest, Items"])
        failure = self.json("why", arn)["failure"]
        self.assertEqual((failure["deepest"], failure["complete"]), (3, True))
        self.assertEqual([link["path"] for link in failure["chain"]],
                         [["Prepare", "Items"], ["Each[2]", "Pay"], ["Authorise"], ["Charge"]])
        # The tree has each attempt, and is the same from the root.
        nodes = self.json("tree", arn)["nodes"]
        self.assertEqual([(node["depth"], node["status"]) for node in nodes],
                         [(0, "FAILED"), (1, "FAILED"), (2, "FAILED"), (3, "FAILED"),
                          (3, "FAILED"), (3, "FAILED")])
        self.assertEqual([node.get("attempt") for node in nodes], [None, 1, 1, 1, 2, 3])
        self.assertEqual(nodes[-1]["error"], "CardDeclined")
        self.assertEqual(self.json("tree", nodes[-1]["executionArn"], "--root")["nodes"], nodes)
        self.assertEqual(len(self.json("tree", arn, "--depth", "1")["nodes"]), 2)
        self.assertIn("Authorise, attempt 3 => charge-deep:", self.command("tree", arn))

    def test_what_is_gone_is_said_to_be_missing(self):
        cause = json.dumps({"ExecutionArn": GONE, "Error": "Deep", "Cause": "the reason",
                            "Status": "FAILED"})
        activity = self.sfn.create_activity(name="gone")["activityArn"]
        machine = self.create("gone", {"StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": activity, "End": True}}})
        arn = self.start(machine)
        token = self.sfn.get_activity_task(activityArn=activity)["taskToken"]
        self.sfn.send_task_failure(taskToken=token, error="States.TaskFailed", cause=cause)
        ended(self.sfn, arn)
        # Whatever a worker says, it is no nested execution.
        self.assertTrue(self.json("why", arn)["failure"]["complete"])
        self.assertIn("Execution Does Not Exist", self.command("why", GONE, status=2))
        self.assertIn("is not the ARN of an execution", self.command("why", activity, status=2))

    def test_a_failure_in_a_child_of_a_map_run(self):
        machine = self.create("items", {"StartAt": "Each", "States": {"Each": {
            "Type": "Map", "ItemsPath": "$.items", "End": True, "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Row", "States": {"Row": {"Type": "Fail", "Error": "BadRow",
                                                     "Cause": "no date"}}}}}})
        arn = self.start(machine, {"items": [1]})
        ended(self.sfn, arn)
        failure = self.json("why", arn)["failure"]
        self.assertEqual(([link["path"] for link in failure["chain"]], failure["complete"]),
                         ([["Each"], ["Row"]], True))
        self.assertEqual(failure["chain"][1]["cause"], "no date")
        status, view = ask(self.server, "GetExecutionView", executionArn=arn)
        self.assertEqual((status, view["failure"]), (200, failure))

    def test_what_it_waits_for(self):
        activity = self.sfn.create_activity(name="pick")["activityArn"]
        queued = self.create("queued", {"StartAt": "Pick", "States": {
            "Pick": {"Type": "Task", "Resource": activity, "TimeoutSeconds": 3600, "End": True}}})
        retried = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 600, "MaxAttempts": 3}]
        machine = self.create("waits", {"StartAt": "All", "States": {"All": {
            "Type": "Parallel", "End": True, "Branches": [
                {"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 600,
                                                        "End": True}}},
                {"StartAt": "Child", "States": {"Child": starts(queued)}},
                {"StartAt": "Call", "States": {"Call": {
                    **starts("arn:aws:states:us-east-1:123456789012:stateMachine:not-there"),
                    "Retry": retried}}}]}}})
        arn = self.start(machine)

        def waiting():
            told = self.json("why", arn)["waiting"]
            kinds = {one["waits"]["kind"]: one for one in told}
            return kinds if {"timer", "child", "activity", "retry"} <= set(kinds) else None
        found = wait_for(waiting, 30, "all that it waits for")
        self.assertEqual(found["timer"]["waits"]["path"], ["All", "Rest"])
        self.assertEqual((found["activity"]["depth"], found["activity"]["waits"]["activityArn"]),
                         (1, activity))
        self.assertIn("until", found["activity"]["waits"])
        self.assertEqual(found["retry"]["waits"]["failed"], 1)
        told = self.command("why", arn)
        self.assertRegex(told, r"(?m)^  All > Rest waits for its time, for ")
        self.assertRegex(told, r"(?m)^    Pick is queued for .*: no worker has taken it from "
                               + activity + "; it times out in ")
        self.assertEqual(self.command("wait", arn, "--timeout", "0", status=3).strip(), "RUNNING")
        self.sfn.stop_execution(executionArn=arn, error="Mine", cause="enough")
        self.command("wait", arn, status=1)
        told = self.command("why", arn)
        self.assertIn("  Mine: enough\n", told)
        self.assertIn("  what ran then: All > Rest\n", told)

    def test_tail_tells_events_as_they_come(self):
        activity = self.sfn.create_activity(name="tail")["activityArn"]
        machine = self.create("tail", {"StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": activity, "Next": "B"}, "B": PASS}})
        arn = self.start(machine)
        tail = subprocess.Popen([BINARY, "tail", arn, "--json", "--endpoint", self.server.url],
                                stdout=subprocess.PIPE, text=True)
        self.addCleanup(tail.kill)
        first = [json.loads(tail.stdout.readline()) for _ in range(3)]
        self.assertEqual(first[2]["type"], "ActivityScheduled")
        token = self.sfn.get_activity_task(activityArn=activity)["taskToken"]
        self.sfn.send_task_success(taskToken=token, output='{"Name": 1}')
        rest, _ = tail.communicate(timeout=60)
        self.assertEqual(tail.returncode, 0)
        told = first + [json.loads(line) for line in rest.splitlines()]
        history = self.history(arn)
        self.assertEqual([(event["id"], event["type"]) for event in told],
                         [(event["id"], event["type"]) for event in history])
        exited = next(event for event in told if event["type"] == "TaskStateExited")
        self.assertEqual(exited["stateExitedEventDetails"]["output"], '{"Name": 1}')
        self.assertIn("TaskStateEntered  A", self.command("tail", arn))
        self.assertEqual(self.command("wait", arn).strip(), "SUCCEEDED")
        self.assertEqual(self.json("wait", arn)["executionArn"], arn)

    def test_what_a_terminal_would_obey_is_not_printed(self):
        machine = self.create("marks", {"StartAt": "F", "States": {
            "F": {"Type": "Fail", "Error": "E", "Cause": "a\u001b[31m\u202eb"}}})
        arn = self.start(machine)
        ended(self.sfn, arn)
        self.assertIn(r"  E: a\u{1b}[31m\u{202e}b", self.command("why", arn))
        link = self.json("why", arn)["failure"]["chain"][0]
        self.assertEqual(link["cause"], "a\u001b[31m\u202eb")

    def test_a_graph_as_json_has_the_statuses(self):
        machine = self.create("drawn", {"StartAt": "F", "States": {
            "F": {"Type": "Choice", "Default": "H", "Choices": [
                {"Variable": "$.bad", "BooleanEquals": True, "Next": "G"}]},
            "G": {"Type": "Fail"}, "H": PASS}})
        arn = self.start(machine, {"bad": True})
        ended(self.sfn, arn)
        layout = json.loads(self.command("graph", arn, "--as", "json"))
        statuses = {node["name"]: node.get("status") for node in layout["nodes"] if node["type"]}
        self.assertEqual(statuses, {"F": "succeeded", "G": "failed", "H": None})


if __name__ == "__main__":
    unittest.main()
