"""Signals, crashes, the command line, and the README."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from harness import (BINARY, ENVIRONMENT, HELLO, ROOT, WAIT_LONG, Server, create, ended, history,
                     one_state, types)


class FolderTest(unittest.TestCase):
    def setUp(self):
        self.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.data, ignore_errors=True)

    def serve(self, *options):
        server = Server(self.data, *options)
        self.addCleanup(server.kill)
        return server


class CrashTest(FolderTest):
    def test_kill_in_the_middle_of_nested_executions(self):
        server = self.serve()
        sfn = server.client()
        child = create(sfn, "child", {
            "StartAt": "Rest",
            "States": {"Rest": {"Type": "Wait", "Seconds": 2, "Next": "Answer"},
                       "Answer": {"Type": "Pass", "Result": {"answer": 42}, "End": True}},
        })
        parent = create(sfn, "parent", one_state({
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Parameters": {"StateMachineArn": child},
            "OutputPath": "$.Output",
        }))
        executions = [
            sfn.start_execution(stateMachineArn=parent)["executionArn"] for _ in range(20)
        ]
        time.sleep(0.2)
        server.kill()
        server = self.serve()
        sfn = server.client()
        for execution in executions:
            described = ended(sfn, execution)
            self.assertEqual((described["status"], json.loads(described["output"])),
                             ("SUCCEEDED", {"answer": 42}))
            events = history(sfn, execution)
            self.assertEqual([event["id"] for event in events], list(range(1, len(events) + 1)))
            self.assertEqual(types(events).count("TaskSubmitted"), 1)
        children = sfn.list_executions(stateMachineArn=child, maxResults=1000)["executions"]
        self.assertEqual(len(children), len(executions))

    def test_timers_that_came_due_while_nobody_served(self):
        server = self.serve()
        sfn = server.client()
        machine = create(sfn, "wait", one_state({"Type": "Wait", "Seconds": 1}))
        execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
        server.kill()
        time.sleep(1.2)
        described = ended(self.serve().client(), execution, 5)
        self.assertEqual(described["status"], "SUCCEEDED")


class SignalTest(FolderTest):
    def test_a_server_that_is_asked_to_stop_answers_its_long_polls(self):
        for number in [signal.SIGTERM, signal.SIGINT]:
            with self.subTest(signal=number):
                server = self.serve()
                sfn = server.client()
                activity = sfn.create_activity(name="work")["activityArn"]
                machine = create(sfn, f"long-{number}", WAIT_LONG)
                execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
                answers = []
                poll = threading.Thread(
                    target=lambda: answers.append(sfn.get_activity_task(activityArn=activity))
                )
                poll.start()
                time.sleep(0.3)
                began = time.monotonic()
                self.assertEqual(server.terminate(number), 0)
                self.assertLess(time.monotonic() - began, 5)
                poll.join()
                self.assertNotIn("taskToken", answers[0])
                again = self.serve()
                described = again.client().describe_execution(executionArn=execution)
                self.assertEqual(described["status"], "RUNNING")
                again.kill()

    @unittest.skipIf(os.environ.get("STAIRWELL_TEST_DATABASE_URL"), "a database is used, no folder")
    def test_one_server_at_a_time_uses_a_folder(self):
        self.serve()
        second = subprocess.run(
            [BINARY, "serve", "--port", "0", "--data", self.data],
            env=ENVIRONMENT, capture_output=True, text=True, timeout=30,
        )
        self.assertNotEqual(second.returncode, 0)
        self.assertIn(self.data, second.stderr)


class CommandTest(FolderTest):
    def run_command(self, *arguments, **options):
        return subprocess.run(
            [BINARY, *arguments], env=ENVIRONMENT, capture_output=True, text=True, timeout=60,
            cwd=self.data, **options,
        )

    def test_run_tells_the_output(self):
        done = self.run_command("run", "-", "--input", "{}", input=json.dumps(HELLO))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Hello World!", done.stdout)

    def test_validate_names_the_place(self):
        done = self.run_command("validate", "-", input='{"StartAt": "A", "States": {}}')
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)

    def test_the_demonstration_succeeds(self):
        demo = subprocess.Popen(
            [BINARY, "demo", "--port", "0"], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True,
            cwd=self.data,
        )
        self.addCleanup(demo.wait)
        self.addCleanup(demo.kill)
        lines = []
        for line in demo.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        demo.stdout.close()
        self.assertTrue(any("SUCCEEDED" in line for line in lines), lines)
        demo.send_signal(signal.SIGTERM)
        self.assertEqual(demo.wait(30), 0)


class ReadmeTest(FolderTest):
    """The example of the README, as it stands there, with the real `aws` command."""

    def test_the_example(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            blocks = re.findall(r"```sh\n(.*?)```", file.read(), re.S)
        (example,) = [block for block in blocks if "aws stepfunctions" in block]
        server = self.serve()
        self.assertIn("http://127.0.0.1:8083", example)
        example = example.replace("http://127.0.0.1:8083", server.url)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", example + "\necho $execution"],
            env=ENVIRONMENT, capture_output=True, text=True, timeout=120, cwd=ROOT,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('"ExecutionStarted"', done.stdout)
        execution = done.stdout.strip().splitlines()[-1]
        described = ended(server.client(), execution)
        self.assertEqual(described["status"], "SUCCEEDED", described)
