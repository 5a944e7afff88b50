"""Each condition key that requests have here, in what allows and in what denies, for callers and for
what tasks do with their role."""

import datetime
import http.server
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

from harness import BINARY, REGION, ROOT, WAIT_LONG
from test_attacks import ONE, PASS, TWO, AttackTest, role_arn, states_arn, task
from test_identity import TRUST, client

NOW = datetime.datetime.now(datetime.timezone.utc).timestamp()
DENIED = {"AccessDeniedException", "AccessDenied"}
# Whoever asks, whatever is asked for.
ALWAYS = [
    ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"),
    ("NumericLessThan", "aws:EpochTime", str(int(NOW) + 36_000), "1"),
    ("StringEquals", "aws:PrincipalAccount", ONE, TWO),
    ("StringEquals", "aws:PrincipalTag/team", "a", "b"),
    ("StringEquals", "aws:RequestedRegion", REGION, "eu-south-2"),
    ("Bool", "aws:ViaAWSService", "false", "true"),
    ("Bool", "aws:PrincipalIsAWSService", "false", "true"),
    ("StringEquals", "aws:ResourceAccount", ONE, TWO),
    # There is no multi-factor authentication here.
    ("Null", "aws:MultiFactorAuthAge", "true", "false"),
]
# Temporary credentials.
OF_SESSIONS = [
    ("StringEquals", "aws:PrincipalType", "AssumedRole", "User"),
    ("DateGreaterThan", "aws:TokenIssueTime", "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"),
    ("Bool", "aws:MultiFactorAuthPresent", "false", "true"),
    ("Null", "aws:username", "true", "false"),
]
tried = set()


class KeysTest(AttackTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = cls().user("keys", {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]})
        cls().root("iam").tag_user(UserName="keys", Tags=[{"Key": "team", "Value": "a"}])

    def decides(self, write, is_allowed, action, condition):
        """That an operation is allowed and denied by a condition that holds, and by one that does
        not. Whatever else it needs is allowed."""
        operator, key, holding, other = condition
        rest = {"Effect": "Allow", "NotAction": action, "Resource": "*"}
        statement = {"Action": action, "Resource": "*"}
        for value, holds in [(holding, True), (other, False)]:
            conditional = {**statement, "Condition": {operator: {key: value}}}
            for statements, expected in [
                ([{"Effect": "Allow", **conditional}], holds),
                ([{"Effect": "Allow", **statement}, {"Effect": "Deny", **conditional}], not holds),
            ]:
                write({"Version": "2012-10-17", "Statement": [rest, *statements]})
                with self.subTest(action=action, key=key, value=value, statements=len(statements)):
                    self.assertEqual(is_allowed(), expected)
        tried.add(re.sub("/.*", "/", key.lower()))

    def caller_decides(self, action, condition, service, operation, **members):
        """The same for a call of the user."""
        call = getattr(client(self.server, service, *self.key), operation)

        def is_allowed():
            code = self.code(call, **members)
            self.assertIn(code, {None} | DENIED)
            return code is None

        self.decides(
            lambda policy: self.allow_user("keys", policy), is_allowed, action, condition)

    def write_role(self, name):
        return lambda policy: self.root("iam").put_role_policy(
            RoleName=name, PolicyName="only", PolicyDocument=json.dumps(policy))


class Callers(KeysTest):
    def test_keys_of_every_request(self):
        user = self.root("iam").get_user(UserName="keys")["User"]
        for condition in [
            *ALWAYS,
            ("IpAddress", "aws:SourceIp", "127.0.0.0/8", "10.0.0.0/8"),
            ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", "127.0.0.1"),
            ("Bool", "aws:SecureTransport", "false", "true"),
            ("StringLike", "aws:UserAgent", "Boto3*", "curl*"),
            ("ArnEquals", "aws:PrincipalArn", user["Arn"], user["Arn"] + "x"),
            ("StringEquals", "aws:PrincipalType", "User", "AssumedRole"),
            ("StringEquals", "aws:userid", user["UserId"], "AIDAOTHER"),
            ("StringEquals", "aws:username", "keys", "other"),
            # A permanent key has neither.
            ("Null", "aws:MultiFactorAuthPresent", "true", "false"),
            ("Null", "aws:TokenIssueTime", "true", "false"),
        ]:
            self.caller_decides(
                "states:ListStateMachines", condition, "stepfunctions", "list_state_machines")

    def test_keys_of_some_requests(self):
        made = self.machine("tagged", self.role("tagged"),
                            tags=[{"key": "team", "value": "a"}], publish=True)
        version = made + ":1"
        self.root().create_state_machine_alias(
            name="PROD", routingConfiguration=[{"stateMachineVersionArn": version, "weight": 100}])
        for operator, key, holding, other in [
            ("StringEquals", "aws:RequestTag/team", "a", "b"),
            ("ForAnyValue:StringEquals", "aws:TagKeys", "team", "cost"),
        ]:
            self.caller_decides(
                "states:TagResource", (operator, key, holding, other), "stepfunctions",
                "tag_resource", resourceArn=made, tags=[{"key": "team", "value": "a"}])
        self.caller_decides(
            "states:DescribeStateMachine", ("StringEquals", "aws:ResourceTag/team", "a", "b"),
            "stepfunctions", "describe_state_machine", stateMachineArn=made)
        for qualifier in ["PROD", "1"]:
            self.caller_decides(
                "states:StartExecution",
                ("StringEquals", "states:StateMachineQualifier", qualifier, "other"),
                "stepfunctions", "start_execution", stateMachineArn=f"{made}:{qualifier}")

    def test_keys_of_iam_and_sts(self):
        self.role("target", Tags=[{"Key": "team", "Value": "a"}])
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": ONE}, "Action": "sts:AssumeRole"}]}
        assumed = self.role("assumed", trust=trust)
        reader = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        for key in ["aws:ResourceTag/team", "iam:ResourceTag/team"]:
            self.caller_decides("iam:GetRole", ("StringEquals", key, "a", "b"), "iam", "get_role",
                                RoleName="target")
        self.caller_decides(
            "iam:AttachRolePolicy", ("ArnEquals", "iam:PolicyARN", reader, reader + "x"), "iam",
            "attach_role_policy", RoleName="target", PolicyArn=reader)
        self.caller_decides(
            "iam:PutRolePermissionsBoundary",
            ("StringEquals", "iam:PermissionsBoundary", reader, reader + "x"), "iam",
            "put_role_permissions_boundary", RoleName="target", PermissionsBoundary=reader)
        lend = ("iam:PassRole", "stepfunctions", "create_state_machine",
                {"name": "lent", "definition": json.dumps(PASS), "roleArn": role_arn("target")})
        action, service, operation, members = lend
        for key, holding, other in [
            ("iam:PassedToService", "states.amazonaws.com", "lambda.amazonaws.com"),
            ("iam:AssociatedResourceArn", states_arn("stateMachine", "lent"),
             states_arn("stateMachine", "other")),
        ]:
            self.caller_decides(
                action, ("StringEquals", key, holding, other), service, operation, **members)
        for key, holding in [("sts:RoleSessionName", "one"), ("sts:ExternalId", "external")]:
            self.caller_decides(
                "sts:AssumeRole", ("StringEquals", key, holding, "other"), "sts", "assume_role",
                RoleArn=assumed, RoleSessionName="one", ExternalId="external")

    def test_keys_of_sessions(self):
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": ONE}, "Action": "sts:AssumeRole"}]}
        role = self.role("session", trust=trust, Tags=[{"Key": "team", "Value": "a"}])
        self.allow_user("keys", {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}]})
        assumed = client(self.server, "sts", *self.key).assume_role(
            RoleArn=role, RoleSessionName="one")
        given = assumed["Credentials"]
        sfn = client(self.server, "stepfunctions", given["AccessKeyId"],
                     given["SecretAccessKey"], given["SessionToken"])
        user_id = assumed["AssumedRoleUser"]["AssumedRoleId"]
        for condition in [
            *ALWAYS, *OF_SESSIONS,
            ("ArnEquals", "aws:PrincipalArn", role, role + "x"),
            ("StringEquals", "aws:userid", user_id, "AROAOTHER:one"),
        ]:
            self.decides(
                self.write_role("session"),
                lambda: self.code(sfn.list_state_machines) not in DENIED,
                "states:ListStateMachines", condition)

    def test_keys_of_trust_in_step_functions(self):
        role = self.role("trusting")
        names = iter(range(1_000))
        for operator, key, holding, other in [
            ("StringEquals", "aws:SourceAccount", ONE, TWO),
            ("ArnLike", "aws:SourceArn", states_arn("stateMachine", "trusted-*"),
             states_arn("stateMachine", "other-*")),
            ("Bool", "aws:PrincipalIsAWSService", "true", "false"),
            ("StringEquals", "aws:PrincipalServiceName", "states.amazonaws.com", "other"),
            ("Bool", "aws:SecureTransport", "false", "true"),
        ]:
            for value, holds in [(holding, True), (other, False)]:
                plain = TRUST["Statement"][0]
                conditional = {**plain, "Condition": {operator: {key: value}}}
                for statements, expected in [
                    ([conditional], holds),
                    ([plain, {**conditional, "Effect": "Deny"}], not holds),
                ]:
                    self.root("iam").update_assume_role_policy(
                        RoleName="trusting", PolicyDocument=json.dumps(
                            {"Version": "2012-10-17", "Statement": statements}))
                    code = self.code(
                        self.root().create_state_machine, name=f"trusted-{next(names)}",
                        definition=json.dumps(PASS), roleArn=role)
                    self.assertIn(code, {None} | DENIED)
                    with self.subTest(key=key, value=value, statements=len(statements)):
                        self.assertEqual(code is None, expected)
            tried.add(key.lower())


class Tasks(KeysTest):
    """What a task does with its role."""

    @classmethod
    def setUpClass(cls):
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *arguments):
                pass

        cls.called = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=cls.called.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.called.server_close)
        cls.addClassCleanup(cls.called.shutdown)
        folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        os.makedirs(os.path.join(folder, "objects", "bucket", "in"))
        with open(os.path.join(folder, "objects", "bucket", "in", "one"), "w") as file:
            file.write("1")
        config = os.path.join(folder, "stairwell.toml")
        with open(config, "w") as file:
            file.write(f'[connections.c]\naccount = "{ONE}"\n'
                       'api-key = { name = "X-Key", value = "v" }\n')
        cls.options = ("--config", config, "--s3-endpoint",
                       f"file://{os.path.join(folder, 'objects')}")
        super().setUpClass()
        cls.worker = cls().role("worker", Tags=[{"Key": "team", "Value": "a"}])

    def task_decides(self, name, definition, action, conditions):
        machine = self.machine(name, self.worker, definition)

        def is_allowed():
            told = self.run_machine(machine)
            self.assertIn(told["status"], ["SUCCEEDED", "FAILED"])
            if told["status"] == "FAILED":
                self.assertIn("is not authorized to perform", told["cause"])
            return told["status"] == "SUCCEEDED"

        for condition in conditions:
            self.decides(self.write_role("worker"), is_allowed, action, condition)

    def test_keys_of_every_task(self):
        role_id = self.root("iam").get_role(RoleName="worker")["Role"]["RoleId"]
        begun = self.root().start_execution(
            stateMachineArn=self.machine("begun", self.worker, WAIT_LONG))["executionArn"]
        definition = task("aws-sdk:sfn:describeExecution", {"ExecutionArn": begun},
                          OutputPath="$.ExecutionArn")
        self.task_decides("describes", definition, "states:DescribeExecution", [
            *ALWAYS, *OF_SESSIONS,
            ("ArnEquals", "aws:PrincipalArn", self.worker, self.worker + "x"),
            ("StringLike", "aws:userid", role_id + ":*", "AROAOTHER:*"),
            ("Bool", "aws:SecureTransport", "true", "false"),
            ("StringEquals", "aws:UserAgent", "states.amazonaws.com", "curl"),
            # A task comes from no address.
            ("Null", "aws:SourceIp", "true", "false"),
        ])

    def test_keys_of_http_tasks(self):
        endpoint = f"http://localhost:{self.called.server_port}/orders"
        definition = task("http:invoke", {
            "ApiEndpoint": endpoint, "Method": "GET",
            "Authentication": {
                "ConnectionArn": f"arn:aws:events:{REGION}:{ONE}:connection/c/1"}})
        self.task_decides("calls", definition, "states:InvokeHTTPEndpoint", [
            ("StringEquals", "states:HTTPMethod", "GET", "POST"),
            ("StringLike", "states:HTTPEndpoint", "http://localhost:*/orders", "https://*"),
        ])

    def test_keys_of_map_runs(self):
        definition = {"StartAt": "M", "States": {"M": {
            "Type": "Map", "End": True, "ResultPath": None,
            "ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2",
                           "Parameters": {"Bucket": "bucket", "Prefix": "in/"}},
            "ItemProcessor": {**PASS, "ProcessorConfig": {
                "Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}}}}}
        self.task_decides("lists", definition, "s3:ListBucket", [
            ("StringLike", "s3:prefix", "in/*", "other/*")])


class ZWholeList(unittest.TestCase):
    """Runs last: no key is taken for one that requests have, unless it was tried."""

    def test_every_key_that_is_filled_was_tried(self):
        with open(os.path.join(ROOT, "crates/permissions/src/keys.rs"), encoding="utf-8") as file:
            listed = re.search(r"const FILLED.*?\[\n(.*?)\];", file.read(), re.S)[1]
        filled = set(re.findall(r'"([^"]+)"', listed))
        self.assertGreater(len(filled), 25)
        self.assertEqual(filled - tried, set())

    def test_a_key_that_is_never_filled_is_told(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"Version": "2012-10-17", "Statement": {
                "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {
                    "StringEquals": {"aws:SourceVpce": "v", "aws:PrincipalOrgID": "o"},
                    "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}}, file)
            file.flush()
            checked = subprocess.run(
                [BINARY, "policy", "--check", file.name], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 1, checked)
        told = re.findall(r"the condition key (\S+)", checked.stdout)
        self.assertEqual(told, ["aws:principalorgid", "aws:sourcevpce"])


class Unfilled(KeysTest):
    def test_a_key_that_is_never_filled_denies_and_does_not_allow(self):
        for key in ["aws:SourceVpce", "aws:PrincipalOrgID", "aws:CalledVia", "states:Nothing"]:
            condition = {"Condition": {"StringEquals": {key: "any"}}}
            for statements, expected in [
                ([{"Effect": "Allow", **condition}], False),
                ([{"Effect": "Allow"}, {"Effect": "Deny", **condition}], False),
                ([{"Effect": "Allow"}], True),
            ]:
                self.allow_user("keys", {"Version": "2012-10-17", "Statement": [
                    {"Action": "states:ListStateMachines", "Resource": "*", **one}
                    for one in statements]})
                sfn = client(self.server, "stepfunctions", *self.key)
                with self.subTest(key=key, statements=len(statements)):
                    self.assertEqual(self.code(sfn.list_state_machines) is None, expected)


if __name__ == "__main__":
    unittest.main()
