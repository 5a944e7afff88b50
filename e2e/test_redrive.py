"""Redrives, through a server that is killed in between."""

import json
import shutil
import tempfile
import unittest

from harness import ROLE, Server, create, ended, history, types, wait_for

SECRET = {"kept": [1, 2]}


class RedriveTest(unittest.TestCase):
    def setUp(self):
        self.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.data, ignore_errors=True)
        self.serve()

    def serve(self):
        self.server = Server(self.data)
        self.sfn = self.server.client()
        self.addCleanup(self.server.kill)

    def kill_and_serve(self):
        self.server.kill()
        self.serve()

    def test_a_redriven_execution_outlives_the_server(self):
        activity = self.sfn.create_activity(name="work")["activityArn"]
        task = {"Type": "Task", "Resource": activity, "End": True}
        definition = {"StartAt": "Keep", "States": {
            "Keep": {"Type": "Pass", "Assign": {"secret": SECRET}, "Next": "Both"},
            "Both": {"Type": "Parallel", "Next": "Told", "Branches": [
                {"StartAt": "Good", "States": {"Good": {"Type": "Pass", "End": True}}},
                {"StartAt": "Work", "States": {"Work": task}}]},
            "Told": {"Type": "Pass", "End": True, "Parameters": {
                "secret.$": "$secret", "redrives.$": "$$.Execution.RedriveCount"}}}}
        machine = create(self.sfn, "redriven", definition)
        execution = self.sfn.start_execution(stateMachineArn=machine)["executionArn"]
        token = self.sfn.get_activity_task(activityArn=activity)["taskToken"]
        self.sfn.send_task_failure(taskToken=token, error="Broken")
        described = ended(self.sfn, execution)
        self.assertEqual((described["status"], described["redriveStatus"]),
                         ("FAILED", "REDRIVABLE"))
        # What is redriven keeps to the definition that it has run so far.
        self.sfn.update_state_machine(
            stateMachineArn=machine, roleArn=ROLE,
            definition=json.dumps({"StartAt": "F", "States": {"F": {"Type": "Fail"}}}))
        self.kill_and_serve()
        date = self.sfn.redrive_execution(executionArn=execution, clientToken="one")["redriveDate"]
        again = self.sfn.redrive_execution(executionArn=execution, clientToken="one")
        self.assertEqual(again["redriveDate"], date)
        self.kill_and_serve()
        described = self.sfn.describe_execution(executionArn=execution)
        self.assertEqual((described["status"], described["redriveCount"]), ("RUNNING", 1))
        self.assertEqual(described["redriveDate"], date)
        self.assertNotIn("stopDate", described)
        self.assertNotIn("error", described)
        (listed,) = self.sfn.list_executions(stateMachineArn=machine)["executions"]
        self.assertEqual((listed["status"], listed["redriveCount"]), ("RUNNING", 1))
        with self.assertRaises(self.sfn.exceptions.ExecutionNotRedrivable):
            self.sfn.redrive_execution(executionArn=execution)
        task = wait_for(
            lambda: (lambda it: it if it.get("taskToken") else None)(
                self.sfn.get_activity_task(activityArn=activity)), 60, "the task")
        self.sfn.send_task_success(taskToken=task["taskToken"], output='"done"')
        described = ended(self.sfn, execution)
        self.assertEqual(json.loads(described["output"]), {"secret": SECRET, "redrives": 1})
        events = history(self.sfn, execution)
        self.assertEqual([event["id"] for event in events], list(range(1, len(events) + 1)))
        told = types(events)
        self.assertEqual(told.count("ExecutionRedriven"), 1)
        self.assertEqual(told.count("ActivityScheduled"), 2)
        self.assertEqual(told.count("PassStateEntered"), 3, "what succeeded does not run again")


if __name__ == "__main__":
    unittest.main()
