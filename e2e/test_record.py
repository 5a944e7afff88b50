"""`stairwell record`: an execution is run, recorded, and replayed where there are no services."""

import collections
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

from harness import ACCOUNT, BINARY, ENVIRONMENT, REGION, Server, create, ended, history

CHILD = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": {"ok": 1}, "End": True}}}


class Lambda(http.server.BaseHTTPRequestHandler):
    """Stands for Lambda: functions that fail at first, count, or take their time."""

    calls = collections.Counter()

    def log_message(self, *_):
        pass

    def do_POST(self):
        name = urllib.parse.unquote(self.path.split("/")[3]).split(":")[-1]
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
        number = self.calls[name]
        self.calls[name] += 1
        error, answer = None, event
        if name == "flaky" and number < 2:
            error, answer = "Unhandled", {"errorType": "Early", "errorMessage": f"try {number}"}
        if name == "refusing":
            error, answer = "Unhandled", {"errorType": "Refused", "errorMessage": "never"}
        if name == "overtaken":
            time.sleep(0.3 if event == 0 else 0)
        if name == "once" and event == 1 and number < 3:
            error, answer = "Unhandled", {"errorType": "Early", "errorMessage": "once"}
        if name in ("tens", "once"):
            answer = answer if error else event * 10
        # Without white space, which a mock configuration file does not keep.
        body = json.dumps(answer, separators=(",", ":")).encode()
        self.send_response(200)
        if error:
            self.send_header("X-Amz-Function-Error", error)
        self.send_header("X-Amz-Executed-Version", "$LATEST")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def function(name):
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def task(resource, **more):
    return {"Type": "Task", "Resource": resource, **more}


def machine_of(states):
    """The states one after the other."""
    names = list(states)
    for name, following in zip(names, names[1:]):
        states[name] = {**states[name], "Next": following}
    states[names[-1]] = {**states[names[-1]], "End": True}
    return {"StartAt": names[0], "States": states}


class RecordTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.file = os.path.join(self.folder, "MockConfigFile.json")
        Lambda.calls.clear()
        self.functions = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lambda)
        self.addCleanup(self.functions.server_close)
        threading.Thread(target=self.functions.serve_forever, daemon=True).start()
        self.addCleanup(self.functions.shutdown)
        url = f"http://127.0.0.1:{self.functions.server_port}"
        self.server = self.serve("recorded", "--lambda-endpoint", url)
        self.sfn = self.server.client()

    def serve(self, name, *options):
        server = Server(os.path.join(self.folder, name), *options)
        self.addCleanup(server.kill)
        return server

    def record(self, *arguments):
        return subprocess.run(
            [BINARY, "record", *arguments], env=ENVIRONMENT, capture_output=True, text=True
        )

    def replayed(self, definition, data, execution, status):
        """The histories of the execution and of its replay."""
        found = ended(self.sfn, execution)
        self.assertEqual(found["status"], status, found)
        done = self.record(
            execution, "--endpoint", self.server.url, "--test-case", "Case", "--output", self.file
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        recorded = history(self.sfn, execution)
        # Neither functions nor children nor workers are there.
        replaying = self.serve("replayed", "--mock-config", self.file)
        sfn = replaying.client()
        arn = create(sfn, found["stateMachineArn"].split(":")[-1], definition)
        replay = sfn.start_execution(stateMachineArn=f"{arn}#Case", input=json.dumps(data))
        replay = replay["executionArn"]
        again = ended(sfn, replay)
        self.assertEqual(again["status"], status, again)
        for name in ["output", "error", "cause"]:
            self.assertEqual(found.get(name), again.get(name))
        return recorded, history(sfn, replay)

    @staticmethod
    def facts(event):
        """What an event says, but for when, and for what a test case does not have."""
        event = {name: it for name, it in event.items() if name != "timestamp"}
        if event["type"] == "TaskSubmitted":
            event["taskSubmittedEventDetails"]["output"] = None
        if event["type"] == "ActivityStarted":
            event["activityStartedEventDetails"] = {}
        return event

    def test_an_execution_with_tasks_of_every_kind_is_replayed_event_by_event(self):
        create(self.sfn, "child", CHILD)
        activity = self.sfn.create_activity(name="work")["activityArn"]
        child = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:child"
        early = [{"ErrorEquals": ["Early"], "IntervalSeconds": 1, "MaxAttempts": 3}]
        catch = [{"ErrorEquals": ["Refused"], "ResultPath": "$.refused", "Next": "Nested"}]
        nested = {"StateMachineArn": child, "Input": {}}
        payload = {"FunctionName": "echo", "Payload.$": "$"}
        definition = machine_of(
            {
                "Flaky": task(function("flaky"), Retry=early),
                "Invoke": task("arn:aws:states:::lambda:invoke", Parameters=payload),
                "Work": task(activity, InputPath="$.Payload", ResultPath="$.work"),
                "Refusing": task(function("refusing"), Catch=catch),
                "Nested": task(
                    "arn:aws:states:::states:startExecution.sync:2",
                    Parameters=nested,
                    ResultSelector={"Output.$": "$.Output"},
                ),
                "Sdk": task("arn:aws:states:::aws-sdk:sfn:listActivities", Parameters={}),
            }
        )
        machine = create(self.sfn, "every-kind", definition)
        data = {"a": 1.0}
        execution = self.sfn.start_execution(stateMachineArn=machine, input=json.dumps(data))
        work = self.sfn.get_activity_task(activityArn=activity, workerName="w")
        self.sfn.send_task_success(taskToken=work["taskToken"], output='{"done":true}')
        pair = self.replayed(definition, data, execution["executionArn"], "SUCCEEDED")
        recorded, replay = ([self.facts(event) for event in events] for events in pair)
        role = recorded[0]["executionStartedEventDetails"]["roleArn"]
        self.assertEqual(replay[0]["executionStartedEventDetails"]["roleArn"], role)
        self.assertEqual(recorded, replay)
        with open(self.file, encoding="utf-8") as file:
            responses = json.load(file)["MockedResponses"]
        self.assertEqual(list(responses["every-kind.Case.Flaky"]), ["0", "1", "2"])

    def test_iterations_get_their_own_results_though_they_overtook_each_other(self):
        self.check_iterations("overtaking")

    def test_iterations_that_wait_for_others_get_their_own_results_too(self):
        self.check_iterations("waiting", MaxConcurrency=2)

    def check_iterations(self, name, **fields):
        early = [{"ErrorEquals": ["Early"], "IntervalSeconds": 1, "MaxAttempts": 3}]
        item = machine_of(
            {
                "First": task(function("overtaken")),
                "Second": task(function("once"), Retry=early),
                "Third": task(function("tens")),
            }
        )
        both = {"Type": "Parallel", "Branches": [item_branch("A"), item_branch("B")]}
        each = {"Type": "Map", "ItemProcessor": item, **fields}
        definition = machine_of({"Each": each, "Both": both})
        machine = create(self.sfn, name, definition)
        data = [0, 1, 2, 3]
        execution = self.sfn.start_execution(stateMachineArn=machine, input=json.dumps(data))
        recorded, replay = self.replayed(definition, data, execution["executionArn"], "SUCCEEDED")

        def counted(events):
            # Events of branches come in another order, and so have other numbers.
            facts = [self.facts({**event, "id": 0, "previousEventId": 0}) for event in events]
            return collections.Counter(json.dumps(it, sort_keys=True) for it in facts)

        self.assertEqual(counted(recorded), counted(replay))

    def test_a_failure_is_replayed(self):
        definition = machine_of({"Refusing": task(function("refusing"))})
        machine = create(self.sfn, "failing", definition)
        execution = self.sfn.start_execution(stateMachineArn=machine, input="1")["executionArn"]
        pair = self.replayed(definition, 1, execution, "FAILED")
        recorded, replay = ([self.facts(event) for event in events] for events in pair)
        self.assertEqual(recorded, replay)
        # The file is there now, and has such a test case.
        options = ["--endpoint", self.server.url, "--output", self.file]
        done = self.record(execution, *options, "--test-case", "Case")
        self.assertEqual(done.returncode, 2)
        self.assertIn("has a test case 'Case' of 'failing' already", done.stderr)
        self.assertEqual(self.record(execution, *options, "--test-case", "Other").returncode, 0)
        with open(self.file, encoding="utf-8") as file:
            cases = json.load(file)["StateMachines"]["failing"]["TestCases"]
        self.assertEqual(sorted(cases), ["Case", "Other"])

    def test_what_cannot_be_recorded_is_said(self):
        wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1000, "End": True}}}
        running = self.sfn.start_execution(stateMachineArn=create(self.sfn, "wait", wait))
        running = running["executionArn"]
        idle = self.sfn.start_execution(stateMachineArn=create(self.sfn, "idle", CHILD))
        ended(self.sfn, idle["executionArn"])
        for arn, reason in [
            ("nonsense", "is not the ARN of a Standard execution"),
            (running, "has not ended yet"),
            (running + "x", "ExecutionDoesNotExist"),
            (idle["executionArn"], "there is nothing to record"),
        ]:
            with self.subTest(reason):
                done = self.record(arn, "--endpoint", self.server.url)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(reason, done.stderr)
        done = self.record(running, "--endpoint", "http://127.0.0.1:1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("DescribeExecution at http://127.0.0.1:1", done.stderr)


def item_branch(name):
    """A branch that multiplies the second result by ten."""
    return machine_of({name: task(function("tens"), InputPath="$[1]")})


if __name__ == "__main__":
    unittest.main()
