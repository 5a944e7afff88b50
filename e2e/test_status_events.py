"""Events of status changes: moto's EventBridge with a queue for a target, and kills in between."""

import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import boto3

import harness
from harness import ACCOUNT, HELLO, REGION, WAIT_LONG, Server, create, ended, wait_for
from moto_server import CORRECTED_MOTO, start_moto


class EventBridgeDouble(http.server.BaseHTTPRequestHandler):
    """Stands for EventBridge: takes events, or answers nothing but 503 while it is `away`."""

    away = False
    calls = 0
    details = []

    def log_message(self, *_):
        pass

    def do_POST(self):
        kind = type(self)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind.calls += 1
        answer = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}] * len(body["Entries"])}
        if not kind.away:
            kind.details += [json.loads(entry["Detail"]) for entry in body["Entries"]]
        text = json.dumps(answer).encode()
        self.send_response(503 if kind.away else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class StatusEventsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def serve(self, *options):
        server = Server(os.path.join(self.folder, "data"), *options)
        self.addCleanup(server.kill)
        return server

    def double(self):
        kind = EventBridgeDouble
        kind.away, kind.calls, kind.details = False, 0, []
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        return kind, f"http://127.0.0.1:{server.server_port}"

    def test_a_queue_gets_the_events_of_a_rule(self):
        url = start_moto(self.addCleanup, CORRECTED_MOTO)
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        events, sqs = (
            boto3.client(it, endpoint_url=url, region_name=REGION, **keys)
            for it in ["events", "sqs"]
        )
        queue = sqs.create_queue(QueueName="q")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        arn = arn["Attributes"]["QueueArn"]
        pattern = {"source": ["aws.states"], "detail": {"status": ["SUCCEEDED"]}}
        events.put_rule(Name="r", EventPattern=json.dumps(pattern))
        events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": arn}])
        sfn = self.serve("--events-endpoint", url).client()
        machine = create(sfn, "hello", HELLO)
        execution = sfn.start_execution(stateMachineArn=machine, name="e")["executionArn"]

        def message():
            found = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")
            return found and json.loads(found[0]["Body"])

        event = wait_for(message, 30, "the event")
        self.assertEqual(event["detail-type"], "Step Functions Execution Status Change")
        self.assertEqual((event["account"], event["resources"]), (ACCOUNT, [execution]))
        described = ended(sfn, execution)
        self.assertEqual(event["detail"]["output"], described["output"])
        stop = round(described["stopDate"].timestamp() * 1000)
        self.assertEqual(event["detail"]["stopDate"], stop)

    def statuses(self, kind):
        """The statuses of each execution by name, repetitions of the same event left out."""
        found = {}
        for detail in kind.details:
            statuses = found.setdefault(detail["name"], [])
            if detail["status"] not in statuses:
                statuses.append(detail["status"])
        return found

    def test_what_ended_before_a_kill_is_told_after_it(self):
        kind, url = self.double()
        kind.away = True
        server = self.serve("--events-endpoint", url)
        sfn = server.client()
        hello, wait = create(sfn, "hello", HELLO), create(sfn, "wait", WAIT_LONG)
        names = [f"e{number}" for number in range(30)]
        for name in names:
            ended(sfn, sfn.start_execution(stateMachineArn=hello, name=name)["executionArn"])
        running = sfn.start_execution(stateMachineArn=wait, name="w")["executionArn"]
        # They have ended, and EventBridge was asked, and has none.
        wait_for(lambda: kind.calls, 10, "an attempt")
        server.kill()
        self.assertEqual(kind.details, [])
        kind.away = False
        server = self.serve("--events-endpoint", url)
        both = ["RUNNING", "SUCCEEDED"]
        expected = {**{name: both for name in names}, "w": ["RUNNING"]}
        wait_for(lambda: self.statuses(kind) == expected, 30, "all events")
        server.client().stop_execution(executionArn=running)
        wait_for(lambda: self.statuses(kind)["w"] == ["RUNNING", "ABORTED"], 30, "the stop")
        # What was put is not put again.
        server.terminate()
        before = len(kind.details)
        server = self.serve("--events-endpoint", url)
        last = server.client().start_execution(stateMachineArn=hello, name="last")
        wait_for(lambda: self.statuses(kind).get("last") == both, 30, last)
        self.assertEqual(len(kind.details), before + 2)

    def test_kills_at_any_moment_lose_no_event(self):
        kind, url = self.double()
        expected = {}
        machine = None
        for round_number in range(4):
            server = self.serve("--events-endpoint", url)
            sfn = server.client()
            machine = machine or create(sfn, "hello", HELLO)
            limit = time.monotonic() + 0.3 + 0.1 * round_number
            while time.monotonic() < limit:
                name = f"r{round_number}-{len(expected)}"
                sfn.start_execution(stateMachineArn=machine, name=name)
                expected[name] = ["RUNNING", "SUCCEEDED"]
            server.kill()
        self.serve("--events-endpoint", url)
        wait_for(lambda: self.statuses(kind) == expected, 30, "all events")

    def test_nothing_is_put_where_it_is_turned_off(self):
        kind, url = self.double()
        harness.ENVIRONMENT["AWS_ENDPOINT_URL_EVENTBRIDGE"] = url
        self.addCleanup(harness.ENVIRONMENT.pop, "AWS_ENDPOINT_URL_EVENTBRIDGE")
        server = self.serve("--events-endpoint", "off")
        sfn = server.client()
        machine = create(sfn, "hello", HELLO)
        ended(sfn, sfn.start_execution(stateMachineArn=machine, name="unseen")["executionArn"])
        server.terminate()
        sfn = self.serve().client()
        sfn.start_execution(stateMachineArn=machine, name="seen")
        both = {"seen": ["RUNNING", "SUCCEEDED"]}
        wait_for(lambda: self.statuses(kind) == both, 30, "the events")

    def test_an_endpoint_that_is_none_is_refused(self):
        command = [harness.BINARY, "serve", "--port", "0", "--events-endpoint", "nonsense"]
        done = subprocess.run(command, env=harness.ENVIRONMENT, capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("--events-endpoint: 'nonsense' is not a URL", done.stderr)


if __name__ == "__main__":
    unittest.main()
