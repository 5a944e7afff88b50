"""`stairwell graph` of an execution: how its states stand, read from its history."""

import re
import subprocess
import unittest

from harness import BINARY, ServerTest, ended

PASS = {"Type": "Pass", "End": True}
FAIL = {"Type": "Fail", "Error": "Broken"}


class Graph(ServerTest):
    def graph(self, arn, *options, status=0):
        ran = subprocess.run([BINARY, "graph", arn, "--endpoint", self.server.url, *options],
                             capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(ran.returncode, status, ran.stderr)
        return ran.stdout if status == 0 else ran.stderr

    def statuses(self, svg):
        nodes = re.findall(r'<g class="node([^"]*)" data-id="([^"]*)"', svg)
        known = {"ok", "fail", "gone", "run", "caught", "time", "idle"}
        return {id.rsplit("/", 1)[1]: " ".join(known & set(classes.split()))
                for classes, id in nodes}

    def run_machine(self, name, definition):
        machine = self.create(name, definition)
        return machine, self.start(machine)

    def test_a_failure_among_branches(self):
        branches = [{"StartAt": "Good", "States": {"Good": PASS}},
                    {"StartAt": "Slow", "States": {"Slow": {"Type": "Wait", "Seconds": 60,
                                                            "Next": "Late"}, "Late": PASS}},
                    {"StartAt": "Bad", "States": {"Bad": FAIL}}]
        machine, arn = self.run_machine("branches", {"StartAt": "First", "States": {
            "First": {"Type": "Pass", "Next": "All"},
            "All": {"Type": "Parallel", "Branches": branches, "Next": "Never"},
            "Never": PASS}})
        self.assertEqual(ended(self.sfn, arn)["status"], "FAILED")
        self.assertEqual(self.statuses(self.graph(arn)), {
            "First": "ok", "All": "fail", "Good": "ok", "Bad": "fail", "Slow": "gone",
            "Late": "idle", "Never": "idle"})
        # Of the state machine, nothing stands in any way.
        self.assertEqual(set(self.statuses(self.graph(machine)).values()), {""})

    def test_an_error_that_is_caught(self):
        _, arn = self.run_machine("caught", {"StartAt": "Try", "States": {
            "Try": {"Type": "Parallel", "Branches": [{"StartAt": "Bad", "States": {"Bad": FAIL}}],
                    "Catch": [{"ErrorEquals": ["Broken"], "Next": "Mend"}], "Next": "Never"},
            "Mend": PASS, "Never": PASS}})
        self.assertEqual(ended(self.sfn, arn)["status"], "SUCCEEDED")
        self.assertEqual(self.statuses(self.graph(arn)),
                         {"Try": "caught", "Bad": "fail", "Mend": "ok", "Never": "idle"})

    def test_one_that_runs_and_is_stopped(self):
        _, arn = self.run_machine("waits", {"StartAt": "W", "States": {
            "W": {"Type": "Wait", "Seconds": 600, "Next": "P"}, "P": PASS}})
        self.assertEqual(self.statuses(self.graph(arn)), {"W": "run", "P": "idle"})
        self.sfn.stop_execution(executionArn=arn)
        self.assertEqual(self.statuses(self.graph(arn)), {"W": "gone", "P": "idle"})

    def test_what_is_not_there_is_told(self):
        arn = "arn:aws:states:us-east-1:123456789012:execution:none:none"
        self.assertIn("Execution Does Not Exist", self.graph(arn, status=2))


if __name__ == "__main__":
    unittest.main()
