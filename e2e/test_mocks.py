"""Mocked services: test cases of a mock configuration file, as Step Functions Local has them."""

import json
import os
import re
import shutil
import tempfile
import unittest

from harness import ACCOUNT, REGION, ROLE, ROOT, Server, create, ended, history

RECORDED = os.path.normpath(
    os.path.join(ROOT, "..", "shared", "conformance", "cases", "local_mocking")
)
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
# What a mock does not give: metadata of HTTP answers, and how a call was submitted.
NOT_MOCKED = {
    "SdkHttpMetadata",
    "SdkResponseMetadata",
    "ExecutedVersion",
    "RedriveCount",
    "RedriveStatus",
    "RedriveStatusReason",
    "taskSubmittedEventDetails",
    "roleArn",
    "timestamp",
}


def plain(value):
    """Without what is not mocked, and texts that are JSON objects as these."""
    if isinstance(value, dict):
        return {name: plain(it) for name, it in value.items() if name not in NOT_MOCKED}
    if isinstance(value, list):
        return [plain(it) for it in value]
    if isinstance(value, str) and value.startswith("{"):
        return plain(json.loads(value))
    return value


def differences(recorded, found, placeholders, path="$"):
    """Where the answer differs from the recording, apart from what stands for anything there."""
    if isinstance(recorded, str) and (recorded in placeholders or re.search("<.+>", recorded)):
        return []
    if type(recorded) is not type(found):
        return [f"{path}: {recorded!r}, found {found!r}"]
    if isinstance(recorded, dict):
        names = sorted(set(recorded) | set(found))
        pairs = [(name, recorded.get(name), found.get(name)) for name in names]
    elif isinstance(recorded, list):
        if len(recorded) != len(found):
            return [f"{path}: {len(recorded)} elements, found {len(found)}"]
        pairs = [(at, *pair) for at, pair in enumerate(zip(recorded, found))]
    else:
        return [] if recorded == found else [f"{path}: {recorded!r}, found {found!r}"]
    return [
        it for name, *pair in pairs for it in differences(*pair, placeholders, f"{path}.{name}")
    ]


def recorded_events(case):
    if "expect" in case:
        return case["expect"]["events"]
    histories = [step for step in case["steps"] if step.get("key") == "get_execution_history"]
    return histories[-1]["expect"]["events"]


class MocksTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.file = os.path.join(self.folder, "MockConfigFile.json")
        self.serve()

    def serve(self):
        data = os.path.join(self.folder, "data")
        self.server = Server(data, "--mock-config", self.file)
        self.addCleanup(self.server.kill)
        self.sfn = self.server.client(inject_host_prefix=False)

    def write(self, machine, test_case, states, responses):
        cases = {test_case: states}
        content = {"StateMachines": {machine: {"TestCases": cases}}, "MockedResponses": responses}
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump(content, file)

    def start(self, machine, test_case, **more):
        arn = f"{machine}#{test_case}"
        return self.sfn.start_execution(stateMachineArn=arn, **more)["executionArn"]

    @unittest.skipUnless(os.path.isdir(RECORDED), "no recordings in ../shared/conformance")
    def test_mocked_forms_of_recorded_cases_have_the_recorded_history(self):
        played = 0
        for name in sorted(os.listdir(RECORDED)):
            with open(os.path.join(RECORDED, name), encoding="utf-8") as file:
                case = json.load(file)
            placeholders = {it["as"] for it in case.get("normalise", []) if "as" in it}
            text = json.dumps(case["mocks"])
            text = re.sub(r"\$\{mock_uid(\d)\}", rf"{played}-\1", text)
            text = text.replace("${region}", REGION).replace("${account}", ACCOUNT)
            mocks = json.loads(text)
            with self.subTest(case=name):
                with open(self.file, "w", encoding="utf-8") as file:
                    json.dump(mocks["config"], file)
                machine = create(self.sfn, mocks["state_machine_name"], mocks["definition"])
                data = json.dumps(mocks["input"])
                execution = self.start(machine, mocks["test_case"], input=data)
                ended(self.sfn, execution)
                found = history(self.sfn, execution)
                for event in found:
                    del event["timestamp"]
                recorded = recorded_events(case)
                if "$..events..previousEventId" in case.get("unverified_paths", []):
                    for event in recorded + found:
                        del event["previousEventId"]
                pair = (plain(recorded), plain(found))
                self.assertEqual(differences(*pair, placeholders), [])
                played += 1
        self.assertGreater(played, 5)

    def one_task(self, name, **fields):
        task = {"Type": "Task", "Resource": FUNCTION, "End": True, **fields}
        return create(self.sfn, name, {"StartAt": "Call", "States": {"Call": task}})

    def test_the_file_is_read_again_at_each_start(self):
        machine = self.one_task("changing")
        for payload in ["first", "second"]:
            self.write("changing", "Case", {"Call": "R"}, {"R": {"0": {"Return": {"Payload": payload}}}})
            execution = self.start(machine, "Case")
            self.assertEqual(ended(self.sfn, execution)["output"], json.dumps(payload))

    def test_a_test_case_outlives_the_server_and_the_file(self):
        retry = [{"ErrorEquals": ["Early"], "IntervalSeconds": 1, "MaxAttempts": 5}]
        machine = self.one_task("survivor", Retry=retry)
        early = {"Throw": {"Error": "Early", "Cause": "not yet"}}
        responses = {"R": {"0-1": early, "2": {"Return": {"Payload": "late"}}}}
        self.write("survivor", "Case", {"Call": "R"}, responses)
        execution = self.start(machine, "Case")
        self.server.kill()
        os.unlink(self.file)
        self.serve()
        self.assertEqual(ended(self.sfn, execution)["output"], '"late"')
        types = [event["type"] for event in history(self.sfn, execution)]
        self.assertEqual(types.count("LambdaFunctionFailed"), 2)

    def test_express_executions_are_mocked_too(self):
        task = {"Type": "Task", "Resource": FUNCTION, "End": True}
        definition = json.dumps({"StartAt": "Call", "States": {"Call": task}})
        machine = self.sfn.create_state_machine(
            name="express", definition=definition, roleArn=ROLE, type="EXPRESS"
        )["stateMachineArn"]
        self.write("express", "Case", {"Call": "R"}, {"R": {"0": {"Return": {"Payload": 1}}}})
        answer = self.sfn.start_sync_execution(stateMachineArn=f"{machine}#Case")
        self.assertEqual((answer["status"], answer["output"]), ("SUCCEEDED", "1"))

    def test_what_is_wrong_is_said(self):
        machine = self.one_task("wrong")
        refused = self.sfn.exceptions.ClientError
        for content, reason in [
            (None, "cannot be read"),
            ("{", "is not JSON"),
            ('{"StateMachines": {}, "MockedResponses": {}}', "has no test case 'Case'"),
        ]:
            if content is not None:
                with open(self.file, "w", encoding="utf-8") as file:
                    file.write(content)
            with self.subTest(reason), self.assertRaisesRegex(refused, reason):
                self.start(machine, "Case")
        self.write("wrong", "Case", {"Other": "R"}, {"R": {"0": {"Return": 1}}})
        with self.assertRaisesRegex(refused, "'Other', which is no Task state"):
            self.start(machine, "Case")


if __name__ == "__main__":
    unittest.main()
