"""Execution logs in a file, and states that are tried on their own, through an SDK."""

import json
import os
import shutil
import tempfile
import unittest

from harness import ROLE, Server

GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/vendedlogs/states/e2e:*"
FAILS = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Broken", "Cause": "so"}}}


class LogsTest(unittest.TestCase):
    def setUp(self):
        self.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.data, ignore_errors=True)
        self.log = os.path.join(self.data, "executions.jsonl")
        self.server = Server(os.path.join(self.data, "data"), "--log-executions", f"file:{self.log}")
        self.addCleanup(self.server.kill)
        self.sfn = self.server.client(inject_host_prefix=False)

    def test_events_are_in_the_file_when_the_server_has_ended(self):
        configuration = {
            "level": "ERROR",
            "includeExecutionData": True,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": GROUP}}],
        }
        for machine_type in ["STANDARD", "EXPRESS"]:
            machine = self.sfn.create_state_machine(
                name=machine_type, definition=json.dumps(FAILS), roleArn=ROLE, type=machine_type,
                loggingConfiguration=configuration,
            )["stateMachineArn"]
            described = self.sfn.describe_state_machine(stateMachineArn=machine)
            self.assertEqual(described["loggingConfiguration"], configuration)
            self.sfn.start_execution(stateMachineArn=machine, name="logged", input='{"a":1}')
        self.assertEqual(self.server.terminate(), 0)
        with open(self.log, encoding="utf-8") as file:
            events = [json.loads(line) for line in file]
        for machine_type, kind in [("STANDARD", "execution"), ("EXPRESS", "express")]:
            of_machine = [it for it in events if f":{kind}:{machine_type}:" in it["execution_arn"]]
            self.assertEqual(
                [(it["id"], it["type"], it["details"].get("input")) for it in of_machine],
                [("2", "FailStateEntered", '{"a":1}'), ("3", "ExecutionFailed", None)],
            )

    def test_a_state_is_tried(self):
        state = {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
            "Parameters": {"FunctionName": "f", "Payload.$": "$"},
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "BackoffRate": 3.0}],
        }
        answer = self.sfn.test_state(
            definition=json.dumps(state), input='{"n":1}', inspectionLevel="TRACE",
            mock={"errorOutput": {"error": "Busy", "cause": "come later"}},
            stateConfiguration={"retrierRetryCount": 1},
        )
        self.assertEqual((answer["status"], answer["error"]), ("RETRIABLE", "Busy"))
        inspection = answer["inspectionData"]
        self.assertEqual(
            inspection["errorDetails"], {"retryIndex": 0, "retryBackoffIntervalSeconds": 6}
        )
        self.assertEqual(
            json.loads(inspection["afterParameters"]), {"FunctionName": "f", "Payload": {"n": 1}}
        )
        answer = self.sfn.test_state(
            definition=json.dumps(state), mock={"result": '{"StatusCode":200,"Payload":[1]}'}
        )
        self.assertEqual((answer["status"], answer["output"]),
                         ("SUCCEEDED", '{"StatusCode":200,"Payload":[1]}'))
