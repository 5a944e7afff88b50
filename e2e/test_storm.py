"""500 calls at a time to a Lambda endpoint that hangs, fails, trickles and drops connections: the
API goes on answering, and each task ends as its timeouts say."""

import collections
import concurrent.futures
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from harness import ROLE, ROOT, Server, wait_for

INVOKE = "arn:aws:states:::lambda:invoke"
# Longer than a slow machine needs to begin them all.
SECONDS = 10
# Function, what its task says besides, and how the task ends.
KINDS = [
    ("hang", INVOKE, {"TimeoutSeconds": SECONDS}, "States.Timeout"),
    ("hang", INVOKE + ".waitForTaskToken", {"HeartbeatSeconds": SECONDS}, "States.Timeout"),
    ("trickle", INVOKE, {"TimeoutSeconds": SECONDS}, "States.Timeout"),
    ("drop", INVOKE, {}, "Lambda.SdkClientException"),
    ("cut", INVOKE, {}, "Lambda.SdkClientException"),
    ("fail", INVOKE, {}, "Own"),
    ("throttle", INVOKE, {}, "Lambda.TooManyRequestsException"),
    ("fine", INVOKE, {}, None),
]
# As many of each kind; those that hang are under way all the time.
COUNTS = [170, 170, 160, 100, 100, 100, 100, 100]


class StormTest(unittest.TestCase):
    def setUp(self):
        self.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.data, ignore_errors=True)
        double = os.path.join(ROOT, "e2e/data/bad_lambda.py")
        self.double = subprocess.Popen(
            [sys.executable, double], stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(self.double.wait)
        self.addCleanup(self.double.kill)
        port = self.double.stdout.readline().strip()
        url = f"http://127.0.0.1:{port}"
        self.server = Server(self.data, "--lambda-endpoint", url)
        self.addCleanup(self.server.kill)
        self.sfn = self.server.client(max_pool_connections=20)

    def machine(self, index, function, resource, more):
        parameters = {"FunctionName": function}
        if "Token" in resource:
            parameters["Payload"] = {"token.$": "$$.Task.Token"}
        task = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
        definition = {"StartAt": "T", "States": {"T": {**task, **more}}}
        created = self.sfn.create_state_machine(
            name=f"{function}-{index}", definition=json.dumps(definition), roleArn=ROLE
        )
        return created["stateMachineArn"]

    def test_the_api_answers_while_functions_misbehave(self):
        machines = [self.machine(index, *kind[:3]) for index, kind in enumerate(KINDS)]
        starts = [(machine, index) for index, machine in enumerate(machines)
                  for _ in range(COUNTS[index])]

        def start(pair):
            machine, index = pair
            started = self.sfn.start_execution(stateMachineArn=machine)
            return started["executionArn"], index, time.monotonic()

        latencies = []
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            started = list(threads.map(start, starts))
        waiting = [arn for arn, index, _ in started if KINDS[index][0] in ("hang", "trickle")]
        still = [it for it in waiting if self.status(it) == "RUNNING"]
        self.assertEqual(len(still), len(waiting), "500 calls are under way")
        # While those hang, 500 more fail and answer at once, again and again.
        connection = http.client.HTTPConnection(self.server.url.split("//")[1])
        end = time.monotonic() + SECONDS / 2
        quick = iter(pair for pair in starts * 100 if pair[1] >= 3)
        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            under_way = collections.deque()
            while time.monotonic() < end:
                while len(under_way) < 2:
                    under_way.append(threads.submit(start, next(quick)))
                for operation, body in [
                    ("DescribeExecution", {"executionArn": waiting[len(latencies) % 500]}),
                    ("ListStateMachines", {}),
                ]:
                    latencies.append(self.latency(connection, operation, body))
                if under_way[0].done():
                    started.append(under_way.popleft().result())
        started += [it.result() for it in under_way]
        for arn, index, begun in started:
            expected = KINDS[index][3]
            ended = wait_for(lambda: self.ended(arn), 20, arn)
            self.assertEqual(ended.get("error"), expected, ended)
            took = (ended["stopDate"] - ended["startDate"]).total_seconds()
            limit = SECONDS if expected == "States.Timeout" else 0
            self.assertGreaterEqual(took, limit)
            self.assertLess(took, limit + 3, ended)
        latencies.sort()
        p50, p99 = (latencies[len(latencies) * it // 100] * 1000 for it in (50, 99))
        told = f"{len(started)} executions, {len(latencies)} calls: p50 {p50:.1f}, p99 {p99:.1f} ms"
        print(told, end=" ")
        self.assertLess(p99, 50, told)

    def status(self, arn):
        return self.sfn.describe_execution(executionArn=arn)["status"]

    def ended(self, arn):
        description = self.sfn.describe_execution(executionArn=arn)
        return description if description["status"] != "RUNNING" else None

    def latency(self, connection, operation, body):
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"AWSStepFunctions.{operation}",
        }
        begun = time.monotonic()
        connection.request("POST", "/", json.dumps(body), headers)
        response = connection.getresponse()
        response.read()
        self.assertEqual(response.status, 200)
        return time.monotonic() - begun


if __name__ == "__main__":
    unittest.main()
