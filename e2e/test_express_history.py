"""Express executions that are kept for a while, where the server is asked to."""

import json
import os
import shutil
import tempfile
import time
import unittest

from harness import ROLE, Server, history, one_state, types, wait_for


class ExpressHistoryTest(unittest.TestCase):
    def serve(self, *options):
        data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, data, ignore_errors=True)
        server = Server(data, *options)
        self.addCleanup(server.kill)
        return server.client(inject_host_prefix=False)

    def machine(self, sfn, state):
        created = sfn.create_state_machine(
            name=f"m-{time.time_ns()}", definition=json.dumps(one_state(state)), roleArn=ROLE,
            type="EXPRESS",
        )
        return created["stateMachineArn"]

    def described(self, sfn, arn):
        found = sfn.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    def test_what_is_kept_is_described_listed_and_read(self):
        sfn = self.serve("--express-history", "10m")
        machine = self.machine(sfn, {"Type": "Pass", "Result": {"a": 1}})
        sync = sfn.start_sync_execution(stateMachineArn=machine, name="s", input='{"b":2}')
        arn = sync["executionArn"]
        found = sfn.describe_execution(executionArn=arn)
        for member in ("executionArn", "stateMachineArn", "name", "status", "input", "output",
                       "startDate", "stopDate"):
            self.assertEqual(found[member], sync[member], member)
        self.assertEqual(found["redriveStatus"], "NOT_REDRIVABLE")
        started = sfn.start_execution(stateMachineArn=machine, name="s")["executionArn"]
        self.assertNotEqual(started, arn)
        wait_for(lambda: self.described(sfn, started), 10, started)
        events = history(sfn, arn)
        self.assertEqual(types(events), [
            "ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded",
        ])
        backwards = sfn.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=3)
        self.assertEqual([it["id"] for it in backwards["events"]], [4, 3, 2])
        last = sfn.get_execution_history(
            executionArn=arn, reverseOrder=True, maxResults=3, nextToken=backwards["nextToken"]
        )
        self.assertEqual([it["id"] for it in last["events"]], [1])
        self.assertNotIn("nextToken", last)
        first = sfn.list_executions(stateMachineArn=machine, maxResults=1)
        second = sfn.list_executions(
            stateMachineArn=machine, maxResults=1, nextToken=first["nextToken"]
        )
        listed = [page["executions"][0]["executionArn"] for page in (first, second)]
        self.assertEqual(listed, [started, arn], "the newest first")
        self.assertNotIn("nextToken", second)
        none = sfn.list_executions(stateMachineArn=machine, statusFilter="FAILED")
        self.assertEqual(none["executions"], [])

    def test_a_running_one_is_stopped(self):
        sfn = self.serve("--express-history", "10m")
        machine = self.machine(sfn, {"Type": "Wait", "Seconds": 200})
        arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
        self.assertEqual(sfn.describe_execution(executionArn=arn)["status"], "RUNNING")
        running = sfn.list_executions(stateMachineArn=machine, statusFilter="RUNNING")
        self.assertEqual(len(running["executions"]), 1)
        stop = sfn.stop_execution(executionArn=arn, error="E", cause="C")["stopDate"]
        found = sfn.describe_execution(executionArn=arn)
        self.assertEqual((found["status"], found["error"], found["cause"]), ("ABORTED", "E", "C"))
        self.assertEqual(found["stopDate"], stop)
        self.assertEqual(types(history(sfn, arn))[-1], "ExecutionAborted")
        self.assertEqual(sfn.stop_execution(executionArn=arn)["stopDate"], stop)

    @unittest.skipIf(os.environ.get("STAIRWELL_TEST_NODES", "1") != "1", "each server has its bound")
    def test_the_oldest_goes_first(self):
        sfn = self.serve("--express-history", "3")
        machine = self.machine(sfn, {"Type": "Pass"})
        arns = [sfn.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(5)]
        listed = sfn.list_executions(stateMachineArn=machine)["executions"]
        self.assertEqual({it["executionArn"] for it in listed}, set(arns[2:]))
        with self.assertRaises(sfn.exceptions.ExecutionDoesNotExist):
            sfn.describe_execution(executionArn=arns[0])

    def test_what_is_old_is_gone(self):
        sfn = self.serve("--express-history", "1s")
        machine = self.machine(sfn, {"Type": "Pass"})
        arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
        gone = lambda: not sfn.list_executions(stateMachineArn=machine)["executions"]
        wait_for(gone, 10, "the execution is gone")
        with self.assertRaises(sfn.exceptions.ExecutionDoesNotExist):
            sfn.get_execution_history(executionArn=arn)

    def test_without_the_option_all_is_refused_as_aws_does(self):
        sfn = self.serve()
        machine = self.machine(sfn, {"Type": "Pass"})
        arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
        for call in (sfn.describe_execution, sfn.get_execution_history, sfn.stop_execution):
            with self.assertRaises(sfn.exceptions.InvalidArn):
                call(executionArn=arn)
        with self.assertRaises(sfn.exceptions.StateMachineTypeNotSupported):
            sfn.list_executions(stateMachineArn=machine)


if __name__ == "__main__":
    unittest.main()
