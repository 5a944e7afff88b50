"""Roles, policies, callers and TLS, with boto3 and the aws command."""

import datetime
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import types
import unittest
import unittest.mock
import urllib.error
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

from harness import ACCOUNT, BINARY, ENVIRONMENT, REGION, Server, ended, history

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "states.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"


def client(server, service, key="test", secret="test", token=None, **more):
    return boto3.client(
        service,
        endpoint_url=server.url,
        region_name=more.pop("region", REGION),
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"max_attempts": 0}),
        **more,
    )


def document(*statements):
    allowed = [
        {"Effect": "Allow", "Action": actions, "Resource": resource}
        for actions, resource in statements
    ]
    return {"Version": "2012-10-17", "Statement": allowed}


def machine_arn(name):
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


class IdentityTest(unittest.TestCase):
    """Tests that share a server of the default mode, which hears of children every second."""

    options = ("--child-poll-seconds", "1")

    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.server = Server(cls.data, *cls.options)
        cls.iam = client(cls.server, "iam")
        cls.sts = client(cls.server, "sts")
        cls.sfn = client(cls.server, "stepfunctions")

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        shutil.rmtree(cls.data, ignore_errors=True)

    def role(self, name, policy=None, trust=TRUST):
        role = self.iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps(trust)
        )["Role"]
        if policy is not None:
            self.iam.put_role_policy(
                RoleName=name, PolicyName="only", PolicyDocument=json.dumps(policy)
            )
        return role["Arn"]

    def machine(self, name, definition, role):
        created = self.sfn.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=role
        )
        return created["stateMachineArn"]

    def assert_refused(self, code, call, message=None):
        with self.assertRaises(ClientError) as caught:
            call()
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code)
        if message is not None:
            self.assertEqual(error["Message"], message)


class Iam(IdentityTest):
    def test_a_role_lives_as_terraform_makes_it(self):
        """The calls of the AWS provider for aws_iam_role, aws_iam_role_policy, aws_iam_policy
        and aws_iam_role_policy_attachment, in their order."""
        iam, name = self.iam, "terraform"
        tags = [{"Key": "Team", "Value": "a b&c"}]
        made = iam.create_role(
            RoleName=name,
            Path="/service/",
            AssumeRolePolicyDocument=json.dumps(TRUST),
            Description="of a test",
            MaxSessionDuration=3600,
            Tags=tags,
        )["Role"]
        self.assertEqual(made["Arn"], f"arn:aws:iam::{ACCOUNT}:role/service/{name}")
        self.assertRegex(made["RoleId"], "^AROA[A-Z2-7]{17}$")
        role = iam.get_role(RoleName=name)["Role"]
        self.assertEqual(role["AssumeRolePolicyDocument"], TRUST)
        self.assertEqual(role["Description"], "of a test")
        self.assertEqual(role["Tags"], tags)
        self.assertEqual(iam.list_role_policies(RoleName=name)["PolicyNames"], [])
        self.assertEqual(iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"], [])
        allowed = document(("states:StartExecution", "*"))
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(allowed))
        inline = iam.get_role_policy(RoleName=name, PolicyName="p")
        self.assertEqual(inline["PolicyDocument"], allowed)
        policy = iam.create_policy(PolicyName="managed", PolicyDocument=json.dumps(allowed))
        arn = policy["Policy"]["Arn"]
        self.assertEqual(iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"], "v1")
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        self.assertEqual(attached, [{"PolicyName": "managed", "PolicyArn": arn}])
        self.assertEqual(iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"], 1)
        entities = iam.list_entities_for_policy(PolicyArn=arn)
        self.assertEqual(entities["PolicyRoles"][0]["RoleName"], name)
        other = document(("states:*", "*"))
        version = iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=json.dumps(other), SetAsDefault=True
        )["PolicyVersion"]
        self.assertEqual((version["VersionId"], version["IsDefaultVersion"]), ("v2", True))
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        self.assertEqual([it["VersionId"] for it in versions], ["v2", "v1"])
        read = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]
        self.assertEqual(read["Document"], other)
        iam.update_role(RoleName=name, Description="changed", MaxSessionDuration=7200)
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(TRUST))
        iam.tag_role(RoleName=name, Tags=[{"Key": "New", "Value": ""}])
        iam.untag_role(RoleName=name, TagKeys=["Team"])
        role = iam.get_role(RoleName=name)["Role"]
        self.assertEqual(role["MaxSessionDuration"], 7200)
        self.assertEqual(role["Tags"], [{"Key": "New", "Value": ""}])
        self.assertEqual(iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"], [])
        self.assert_refused("DeleteConflict", lambda: iam.delete_role(RoleName=name))
        self.assert_refused("DeleteConflict", lambda: iam.delete_policy(PolicyArn=arn))
        iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        iam.delete_role_policy(RoleName=name, PolicyName="p")
        iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
        iam.delete_policy(PolicyArn=arn)
        iam.delete_role(RoleName=name)
        self.assert_refused(
            "NoSuchEntity",
            lambda: iam.get_role(RoleName=name),
            f"The role with name {name} cannot be found.",
        )

    def test_what_iam_refuses(self):
        iam = self.iam
        self.role("twice")
        make = lambda name, trust: iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        self.assert_refused("EntityAlreadyExists", lambda: make("TWICE", json.dumps(TRUST)))
        self.assert_refused("MalformedPolicyDocument", lambda: make("other", "{}"))
        self.assert_refused("ValidationError", lambda: make("a name", json.dumps(TRUST)))
        absent = f"arn:aws:iam::{ACCOUNT}:policy/absent"
        self.assert_refused(
            "NoSuchEntity", lambda: iam.attach_role_policy(RoleName="twice", PolicyArn=absent)
        )
        self.assert_refused("InvalidAction", lambda: iam.list_groups())

    def test_lists_have_pages(self):
        for number in range(5):
            self.role(f"page-{number}")
        paginator = self.iam.get_paginator("list_roles")
        pages = list(paginator.paginate(PaginationConfig={"PageSize": 2}))
        names = [role["RoleName"] for page in pages for role in page["Roles"]]
        self.assertEqual([name for name in names if name.startswith("page-")], [
            f"page-{number}" for number in range(5)
        ])
        self.assertGreater(len(pages), 2)

    def test_the_aws_command(self):
        def aws(*arguments):
            command = ["aws", "--endpoint-url", self.server.url, "--output", "json", *arguments]
            beside = os.path.join(os.path.dirname(sys.executable), "aws")
            command[0] = beside if os.path.exists(beside) else "aws"
            done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout) if done.stdout.strip() else None

        identity = aws("sts", "get-caller-identity")
        self.assertEqual(identity["Arn"], f"arn:aws:iam::{ACCOUNT}:root")
        aws("iam", "create-role", "--role-name", "by-command",
            "--assume-role-policy-document", json.dumps(TRUST))
        aws("iam", "attach-role-policy", "--role-name", "by-command",
            "--policy-arn", "arn:aws:iam::aws:policy/AWSStepFunctionsFullAccess")
        attached = aws("iam", "list-attached-role-policies", "--role-name", "by-command")
        self.assertEqual(
            attached["AttachedPolicies"][0]["PolicyName"], "AWSStepFunctionsFullAccess"
        )
        aws("iam", "create-user", "--user-name", "by-command")
        key = aws("iam", "create-access-key", "--user-name", "by-command")["AccessKey"]
        self.assertRegex(key["AccessKeyId"], "^AKIA")

    def test_roles_are_kept(self):
        data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        try:
            server = Server(data)
            client(server, "iam").create_role(
                RoleName="kept", AssumeRolePolicyDocument=json.dumps(TRUST)
            )
            server.kill()
            server = Server(data)
            role = client(server, "iam").get_role(RoleName="kept")["Role"]
            self.assertEqual(role["AssumeRolePolicyDocument"], TRUST)
            server.terminate()
        finally:
            shutil.rmtree(data, ignore_errors=True)


def nested(pattern, child, **more):
    parameters = {"StateMachineArn": child, "Input": {}}
    if pattern == ".waitForTaskToken":
        parameters["Input"] = {"token.$": "$$.Task.Token"}
    task = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::states:startExecution{pattern}",
        "Parameters": parameters,
        "End": True,
        **more,
    }
    return {"StartAt": "Nested", "States": {"Nested": task}}


PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}}
START = "states:StartExecution"


class Nested(IdentityTest):
    """The four policy documents of AWS's page on nested executions."""

    def run_nested(self, name, pattern, policy, child=PASS, **more):
        """Runs a parent whose role has that policy, and gives its execution's ARN."""
        self.machine(f"{name}-child", child, "arn:aws:iam::123456789012:role/unknown")
        role = self.role(name, policy)
        definition = nested(pattern, machine_arn(f"{name}-child"), **more)
        machine = self.machine(name, definition, role)
        return self.sfn.start_execution(stateMachineArn=machine)["executionArn"]

    def single(self, name):
        return document(([START], [machine_arn(f"{name}-child")]))

    def synchronous(self, name, *without):
        execution = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{name}-child:*"
        statements = [
            ([START], [machine_arn(f"{name}-child")]),
            (["states:DescribeExecution", "states:StopExecution"], [execution]),
            (["events:PutTargets", "events:PutRule", "events:DescribeRule"], [RULE]),
        ]
        left = [
            ([action for action in actions if action not in without], resource)
            for actions, resource in statements
        ]
        return document(*[statement for statement in left if statement[0]])

    def assert_denied(self, execution, name):
        description = ended(self.sfn, execution)
        self.assertEqual(description["status"], "FAILED")
        self.assertEqual(description["error"], "StepFunctions.AWSStepFunctionsException")
        self.assertRegex(
            description["cause"],
            f"^User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/[A-Za-z]{{32}} is not authorized "
            f"to perform: states:StartExecution on resource: {machine_arn(name + '-child')} "
            "because no identity-based policy allows the states:StartExecution action "
            r"\(Service: AWSStepFunctions; Status Code: 400; Error Code: AccessDeniedException; "
            r"Request ID: [0-9a-f-]{36}; Proxy: null\)$",
        )

    def test_a_single_nested_workflow(self):
        """The first document, and the last, which is the same: asynchronous."""
        execution = self.run_nested("single", "", self.single("single"))
        self.assertEqual(ended(self.sfn, execution)["status"], "SUCCEEDED")
        none = document(("states:StartExecution", machine_arn("another")))
        execution = self.run_nested("single-denied", "", none)
        self.assert_denied(execution, "single-denied")

    def test_express_parents(self):
        self.machine("express-child", PASS, "arn:aws:iam::123456789012:role/unknown")
        role = self.role("express", document(("sqs:*", "*")))
        machine = self.sfn.create_state_machine(
            name="express",
            definition=json.dumps(nested("", machine_arn("express-child"))),
            roleArn=role,
            type="EXPRESS",
        )["stateMachineArn"]
        sync = client(self.server, "stepfunctions")
        sync.meta.events.register("before-call", lambda **_: None)
        done = boto3.client(
            "stepfunctions",
            endpoint_url=self.server.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(inject_host_prefix=False),
        ).start_sync_execution(stateMachineArn=machine)
        self.assertEqual(done["error"], "StepFunctions.AWSStepFunctionsException")

    def test_a_denied_start_can_be_caught(self):
        catch = [{"ErrorEquals": ["StepFunctions.AWSStepFunctionsException"], "Next": "Caught"}]
        self.machine("catch-child", PASS, "arn:aws:iam::123456789012:role/unknown")
        role = self.role("catch", document(("sqs:*", "*")))
        definition = nested("", machine_arn("catch-child"), Catch=catch)
        definition["States"]["Caught"] = {"Type": "Succeed"}
        machine = self.machine("catch", definition, role)
        execution = self.sfn.start_execution(stateMachineArn=machine)["executionArn"]
        description = ended(self.sfn, execution)
        self.assertEqual(description["status"], "SUCCEEDED")
        self.assertIn("is not authorized", json.loads(description["output"])["Cause"])

    def test_synchronous_with_events(self):
        for number, pattern in enumerate([".sync", ".sync:2"]):
            name = f"sync-{number}"
            began = time.monotonic()
            execution = self.run_nested(name, pattern, self.synchronous(name))
            self.assertEqual(ended(self.sfn, execution)["status"], "SUCCEEDED")
            self.assertLess(time.monotonic() - began, 0.9)

    def test_synchronous_without_start(self):
        execution = self.run_nested("no-start", ".sync", self.synchronous("no-start", START))
        self.assert_denied(execution, "no-start")

    def test_polling_replaces_events(self):
        for action in ["events:PutTargets", "events:PutRule", "events:DescribeRule"]:
            name = "poll-" + action.split(":")[1]
            began = time.monotonic()
            execution = self.run_nested(name, ".sync:2", self.synchronous(name, action))
            self.assertEqual(ended(self.sfn, execution)["status"], "SUCCEEDED")
            # The server asks every second; with events it would have been told at once.
            self.assertGreater(time.monotonic() - began, 0.9)

    def test_without_events_and_describe_the_task_runs_into_its_timeout(self):
        policy = self.synchronous("deaf", "events:PutRule", "states:DescribeExecution")
        execution = self.run_nested("deaf", ".sync", policy, TimeoutSeconds=3)
        description = ended(self.sfn, execution)
        self.assertEqual((description["status"], description["error"]), ("FAILED", "States.Timeout"))

    def test_events_do_without_describe(self):
        policy = self.synchronous("no-describe", "states:DescribeExecution")
        execution = self.run_nested("no-describe", ".sync", policy)
        self.assertEqual(ended(self.sfn, execution)["status"], "SUCCEEDED")

    def test_stopping_the_child_needs_stop_execution(self):
        for name, without, expected in [
            ("stop", [], "ABORTED"),
            ("no-stop", ["states:StopExecution"], "RUNNING"),
        ]:
            policy = self.synchronous(name, *without)
            execution = self.run_nested(name, ".sync", policy, child=WAIT)
            child = None
            while child is None:
                listed = self.sfn.list_executions(stateMachineArn=machine_arn(f"{name}-child"))
                child = next((it["executionArn"] for it in listed["executions"]), None)
            while not any(it["type"] == "TaskSubmitted" for it in history(self.sfn, execution)):
                pass
            self.sfn.stop_execution(executionArn=execution)
            deadline = time.monotonic() + 5
            describe = lambda: self.sfn.describe_execution(executionArn=child)["status"]
            while describe() != expected and time.monotonic() < deadline:
                pass
            self.assertEqual(describe(), expected)

    def test_callback(self):
        """The role of the parent needs to start the child, and nothing else."""
        name = "callback"
        send = {
            "StartAt": "S",
            "States": {
                "S": {
                    "Type": "Task",
                    "Resource": "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess",
                    "Parameters": {"TaskToken.$": "$.token", "Output": "{}"},
                    "End": True,
                }
            },
        }
        execution = self.run_nested(name, ".waitForTaskToken", self.single(name), child=send)
        self.assertEqual(ended(self.sfn, execution)["status"], "SUCCEEDED")

    def test_the_sdk_form_has_its_own_words(self):
        role = self.role("sdk", document(("states:ListExecutions", "*")))
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sfn:listStateMachines",
            "Parameters": {},
            "End": True,
        }
        machine = self.machine("sdk", {"StartAt": "L", "States": {"L": task}}, role)
        execution = self.sfn.start_execution(stateMachineArn=machine)["executionArn"]
        description = ended(self.sfn, execution)
        self.assertEqual(description["error"], "Sfn.SfnException")
        self.assertRegex(
            description["cause"],
            r"is not authorized to perform: states:ListStateMachines on resource: \* because no "
            r"identity-based policy allows the states:ListStateMachines action \(Service: Sfn, "
            r"Status Code: 400, Request ID: [0-9a-f-]{36}\) \(SDK Attempt Count: 1\)$",
        )

    def test_a_change_of_the_policy_holds_for_the_next_task(self):
        execution = self.run_nested("change", "", document(("sqs:*", "*")))
        self.assert_denied(execution, "change")
        self.iam.put_role_policy(
            RoleName="change", PolicyName="more", PolicyDocument=json.dumps(self.single("change"))
        )
        again = self.sfn.start_execution(stateMachineArn=machine_arn("change"))["executionArn"]
        self.assertEqual(ended(self.sfn, again)["status"], "SUCCEEDED")

    def test_step_functions_must_be_trusted(self):
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        role = self.role("distrusted", trust=trust)
        self.assert_refused(
            "AccessDeniedException",
            lambda: self.machine("distrusted", PASS, role),
            "Neither the global service principal states.amazonaws.com, nor the regional one is "
            "authorized to assume the provided role.",
        )


class Modes(unittest.TestCase):
    def check(self, mode, expected):
        data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        try:
            server = Server(data, "--roles", mode)
            sfn, iam = client(server, "stepfunctions"), client(server, "iam")
            iam.create_role(RoleName="known", AssumeRolePolicyDocument=json.dumps(TRUST))
            role = f"arn:aws:iam::{ACCOUNT}:role/known"
            made = sfn.create_state_machine(
                name="child", definition=json.dumps(PASS), roleArn=role
            )
            definition = json.dumps(nested("", made["stateMachineArn"]))
            parent = sfn.create_state_machine(name="parent", definition=definition, roleArn=role)
            started = sfn.start_execution(stateMachineArn=parent["stateMachineArn"])
            self.assertEqual(ended(sfn, started["executionArn"])["status"], expected)
            server.terminate()
        finally:
            shutil.rmtree(data, ignore_errors=True)

    def test_a_known_role_is_enforced_by_default(self):
        self.check("permissive", "FAILED")

    def test_a_known_role_is_enforced(self):
        self.check("enforce", "FAILED")

    def test_a_dry_run_allows(self):
        self.check("dry-run", "SUCCEEDED")

    def test_an_unknown_role_is_refused_where_all_are_enforced(self):
        data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        try:
            server = Server(data, "--roles", "enforce")
            sfn = client(server, "stepfunctions")
            with self.assertRaises(ClientError) as caught:
                sfn.create_state_machine(
                    name="m",
                    definition=json.dumps(PASS),
                    roleArn=f"arn:aws:iam::{ACCOUNT}:role/unknown",
                )
            code = caught.exception.response["Error"]["Code"]
            self.assertEqual(code, "AccessDeniedException")
            server.terminate()
        finally:
            shutil.rmtree(data, ignore_errors=True)


ROOT_KEY, ROOT_SECRET = "AKIDROOT", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


class Callers(IdentityTest):
    """A server that takes nobody whom it does not know."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.audit = os.path.join(folder, "audit.jsonl")
        cls.options = (
            "--require-auth", "--access-key", f"{ROOT_KEY}={ACCOUNT}:{ROOT_SECRET}",
            "--roles", "permissive", "--audit", cls.audit,
        )
        super().setUpClass()
        cls.iam = client(cls.server, "iam", ROOT_KEY, ROOT_SECRET)
        cls.sfn = client(cls.server, "stepfunctions", ROOT_KEY, ROOT_SECRET)

    def user(self, name, policy=None):
        self.iam.create_user(UserName=name)
        if policy is not None:
            self.iam.put_user_policy(
                UserName=name, PolicyName="only", PolicyDocument=json.dumps(policy)
            )
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def test_who_is_not_known_is_refused(self):
        unknown = client(self.server, "stepfunctions", "AKIDUNKNOWN", "secret")
        self.assert_refused(
            "UnrecognizedClientException",
            unknown.list_state_machines,
            "The security token included in the request is invalid.",
        )
        wrong = client(self.server, "stepfunctions", ROOT_KEY, "secret")
        self.assert_refused(
            "InvalidSignatureException",
            wrong.list_state_machines,
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method. Consult the service documentation for "
            "details.",
        )
        iam = client(self.server, "iam", "AKIDUNKNOWN", "secret")
        self.assert_refused("InvalidClientTokenId", iam.list_roles)
        iam = client(self.server, "iam", ROOT_KEY, "secret")
        self.assert_refused("SignatureDoesNotMatch", iam.list_roles)
        request = urllib.request.Request(
            self.server.url,
            data=b"{}",
            headers={
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "AWSStepFunctions.ListStateMachines",
            },
        )
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        with caught.exception as error:
            body = json.loads(error.read())
        self.assertTrue(body["__type"].endswith("#MissingAuthenticationTokenException"))
        self.assertEqual(body["message"], "Missing Authentication Token")

    def test_a_user_may_what_its_policies_allow(self):
        only = machine_arn("of-user")
        policy = document((["states:CreateStateMachine", "states:DescribeStateMachine"], only))
        key = self.user("ann", policy)
        sfn = client(self.server, "stepfunctions", *key)
        role = f"arn:aws:iam::{ACCOUNT}:role/any"
        arn = f"arn:aws:iam::{ACCOUNT}:user/ann"
        create = lambda name: sfn.create_state_machine(
            name=name, definition=json.dumps(PASS), roleArn=role
        )
        self.assert_refused(
            "AccessDeniedException",
            lambda: create("of-user"),
            f"User: {arn} is not authorized to perform: iam:PassRole on resource: {role} because "
            "no identity-based policy allows the iam:PassRole action",
        )
        self.iam.put_user_policy(
            UserName="ann",
            PolicyName="pass",
            PolicyDocument=json.dumps(document(("iam:PassRole", role))),
        )
        self.assertEqual(create("of-user")["stateMachineArn"], only)
        self.assertEqual(sfn.describe_state_machine(stateMachineArn=only)["name"], "of-user")
        self.assert_refused(
            "AccessDeniedException",
            sfn.list_state_machines,
            f"User: {arn} is not authorized to perform: states:ListStateMachines on resource: * "
            "because no identity-based policy allows the states:ListStateMachines action",
        )
        self.assert_refused("AccessDeniedException", lambda: create("another"))
        self.assertEqual(client(self.server, "sts", *key).get_caller_identity()["Arn"], arn)
        self.assert_refused("AccessDenied", client(self.server, "iam", *key).list_roles)
        self.iam.update_access_key(UserName="ann", AccessKeyId=key[0], Status="Inactive")
        self.assert_refused("UnrecognizedClientException", sfn.list_state_machines)

    def test_versions_and_aliases_belong_to_their_machine(self):
        """As AWS's page on the authorization for versions and aliases has it: the state machine's
        ARN stands for them, and a condition key tells them apart."""
        machine = self.machine("qualified", PASS, f"arn:aws:iam::{ACCOUNT}:role/any")
        version = self.sfn.publish_state_machine_version(stateMachineArn=machine)
        version = version["stateMachineVersionArn"]
        route = [{"stateMachineVersionArn": version, "weight": 100}]
        alias = self.sfn.create_state_machine_alias(name="PROD", routingConfiguration=route)
        alias = alias["stateMachineAliasArn"]
        policy = document((START, machine))
        key = self.user("qualifier", policy)
        sfn = client(self.server, "stepfunctions", *key)
        for arn in [machine, version, alias]:
            sfn.start_execution(stateMachineArn=arn)
        policy["Statement"][0]["Condition"] = {
            "ForAnyValue:StringEquals": {"states:StateMachineQualifier": ["PROD", "2"]}
        }
        self.iam.put_user_policy(
            UserName="qualifier", PolicyName="only", PolicyDocument=json.dumps(policy)
        )
        sfn.start_execution(stateMachineArn=alias)
        for arn in [machine, version]:
            self.assert_refused(
                "AccessDeniedException",
                lambda: sfn.start_execution(stateMachineArn=arn),
                f"User: arn:aws:iam::{ACCOUNT}:user/qualifier is not authorized to perform: "
                f"{START} on resource: {machine} because no identity-based policy allows the "
                f"{START} action",
            )
        # The same of the role of a nested start.
        role = self.role("qualifies", policy)
        for number, (arn, expected) in enumerate([(alias, "SUCCEEDED"), (version, "FAILED")]):
            parent = self.machine(f"qualifies-{number}", nested("", arn), role)
            started = self.sfn.start_execution(stateMachineArn=parent)["executionArn"]
            self.assertEqual(ended(self.sfn, started)["status"], expected)

    def test_tags_and_versions_need_their_own_actions(self):
        role = f"arn:aws:iam::{ACCOUNT}:role/any"
        key = self.user("tagger")
        sfn = client(self.server, "stepfunctions", *key)
        create = "states:CreateStateMachine"
        only = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]},
                "StringEquals": {"aws:RequestTag/team": "a"}}

        def allow(actions, condition=None):
            policy = document((actions, "*"), ("iam:PassRole", role))
            if condition:
                policy["Statement"][0]["Condition"] = condition
            self.iam.put_user_policy(
                UserName="tagger", PolicyName="only", PolicyDocument=json.dumps(policy)
            )

        def make(name, tags=None, **more):
            if tags:
                more["tags"] = [{"key": key, "value": value} for key, value in tags.items()]
            return sfn.create_state_machine(
                name=name, definition=json.dumps(PASS), roleArn=role, **more
            )

        def denied(action, call):
            with self.assertRaises(ClientError) as caught:
                call()
            self.assertIn(f"to perform: {action} on", caught.exception.response["Error"]["Message"])

        allow([create])
        make("plain")
        denied("states:TagResource", lambda: make("tagged", {"team": "a"}))
        denied("states:PublishStateMachineVersion", lambda: make("published", publish=True))
        allow([create, "states:TagResource", "states:PublishStateMachineVersion"], only)
        denied(create, lambda: make("tagged", {"team": "b"}))
        denied(create, lambda: make("tagged", {"team": "a", "other": "x"}))
        make("tagged", {"team": "a"}, publish=True)

    def test_a_boundary_limits(self):
        boundary = self.iam.create_policy(
            PolicyName="boundary", PolicyDocument=json.dumps(document(("sqs:*", "*")))
        )["Policy"]["Arn"]
        key = self.user("bounded", document(("*", "*")))
        sfn = client(self.server, "stepfunctions", *key)
        sfn.list_state_machines()
        self.iam.put_user_permissions_boundary(UserName="bounded", PermissionsBoundary=boundary)
        self.assert_refused("AccessDeniedException", sfn.list_state_machines)

    def test_a_role_is_assumed(self):
        key = self.user("assumer")
        user = f"arn:aws:iam::{ACCOUNT}:user/assumer"
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": user},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"sts:ExternalId": "42"}},
                }
            ],
        }
        role = self.role("assumed", document(("states:List*", "*")), trust)
        sts = client(self.server, "sts", *key)
        self.assert_refused(
            "AccessDenied",
            lambda: sts.assume_role(RoleArn=role, RoleSessionName="one"),
            f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {role}",
        )
        assumed = sts.assume_role(RoleArn=role, RoleSessionName="one", ExternalId="42")
        given = assumed["Credentials"]
        session = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/assumed/one"
        self.assertEqual(assumed["AssumedRoleUser"]["Arn"], arn)
        self.assertEqual(client(self.server, "sts", *session).get_caller_identity()["Arn"], arn)
        sfn = client(self.server, "stepfunctions", *session)
        sfn.list_state_machines()
        self.assert_refused(
            "AccessDeniedException",
            lambda: sfn.describe_state_machine(stateMachineArn=machine_arn("m")),
        )
        forged = (session[0], session[1], "x" + session[2][1:])
        self.assert_refused(
            "UnrecognizedClientException",
            client(self.server, "stepfunctions", *forged).list_state_machines,
        )
        limited = sts.assume_role(
            RoleArn=role,
            RoleSessionName="two",
            ExternalId="42",
            Policy=json.dumps(document(("sqs:*", "*"))),
        )["Credentials"]
        session = (limited["AccessKeyId"], limited["SecretAccessKey"], limited["SessionToken"])
        self.assert_refused(
            "AccessDeniedException",
            client(self.server, "stepfunctions", *session).list_state_machines,
            f"User: arn:aws:sts::{ACCOUNT}:assumed-role/assumed/two is not authorized to perform: "
            "states:ListStateMachines on resource: * because no session policy allows the "
            "states:ListStateMachines action",
        )

    def test_a_signature_is_for_its_service(self):
        """What was signed for another service is no call of this one."""
        session = boto3.Session(ROOT_KEY, ROOT_SECRET, region_name=REGION)
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "AWSStepFunctions.ListStateMachines",
        }
        request = AWSRequest("POST", self.server.url + "/", headers=headers, data=b"{}")
        SigV4Auth(session.get_credentials(), "sqs", REGION).add_auth(request)
        sent = urllib.request.Request(
            request.url, data=b"{}", headers=dict(request.headers.items()), method="POST"
        )
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(sent)
        with caught.exception as error:
            body = json.loads(error.read())
        self.assertEqual(
            body["message"], "Credential should be scoped to correct service: 'states'."
        )


    def sent(self, change=lambda request: None, at=None, sign_region=REGION):
        """The answer to a signed ListStateMachines that is changed after it was signed."""
        body = b"{}"
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "AWSStepFunctions.ListStateMachines",
        }
        request = AWSRequest("POST", self.server.url + "/", headers=headers, data=body)
        credentials = boto3.Session(ROOT_KEY, ROOT_SECRET).get_credentials()
        now = at or datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        with unittest.mock.patch("botocore.auth.get_current_datetime", lambda **_: now):
            SigV4Auth(credentials, "states", sign_region).add_auth(request)
        sent = types.SimpleNamespace(
            url=request.url, headers=dict(request.headers.items()), data=body, method="POST"
        )
        change(sent)
        made = urllib.request.Request(**vars(sent))
        try:
            with urllib.request.urlopen(made) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def test_what_is_changed_on_the_way_is_refused(self):
        self.assertEqual(self.sent()[0], 200)

        def changed(name, value):
            return lambda request: request.headers.update({name: value})

        def another_region(request):
            header = request.headers["Authorization"]
            request.headers["Authorization"] = header.replace(f"/{REGION}/", "/eu-west-1/")

        def another_digit(request):
            header = request.headers["Authorization"]
            last = "0" if header[-1] != "0" else "1"
            request.headers["Authorization"] = header[:-1] + last

        for change in [
            lambda request: setattr(request, "data", b"{ }"),
            lambda request: setattr(request, "url", request.url + "?a=b"),
            changed("X-Amz-Target", "AWSStepFunctions.ListActivities"),
            changed("Host", "example.com"),
            another_region,
            another_digit,
        ]:
            status, answer = self.sent(change)
            self.assertEqual(status, 400, answer)
            self.assertTrue(answer["__type"].endswith("InvalidSignatureException"), answer)
            self.assertIn("does not match the signature you provided", answer["message"])

    def test_what_was_signed_long_ago_or_for_nowhere_is_refused(self):
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        for minutes, words in [(-6, "Signature expired: "), (6, "Signature not yet current: ")]:
            _, answer = self.sent(at=now + datetime.timedelta(minutes=minutes))
            self.assertTrue(answer["__type"].endswith("InvalidSignatureException"), answer)
            self.assertTrue(answer["message"].startswith(words), answer)
        for minutes in [-4, 4]:
            self.assertEqual(self.sent(at=now + datetime.timedelta(minutes=minutes))[0], 200)
        _, answer = self.sent(sign_region="No_Region")
        self.assertEqual(answer["message"], "Credential should be scoped to a valid region.")

    def test_the_aws_command_signs(self):
        def aws(secret):
            beside = os.path.join(os.path.dirname(sys.executable), "aws")
            return subprocess.run(
                [beside if os.path.exists(beside) else "aws", "stepfunctions",
                 "list-state-machines", "--endpoint-url", self.server.url],
                env={**ENVIRONMENT, "AWS_ACCESS_KEY_ID": ROOT_KEY, "AWS_SECRET_ACCESS_KEY": secret},
                capture_output=True, text=True,
            )

        self.assertEqual(aws(ROOT_SECRET).returncode, 0)
        refused = aws("wrong")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("InvalidSignatureException", refused.stderr)

    def test_the_audit_has_every_attempt_and_no_secret(self):
        key = self.user("audited")
        sfn = client(self.server, "stepfunctions", *key)
        machine = machine_arn("audited")
        make = lambda client, **more: client.create_state_machine(
            name="audited", definition=json.dumps(PASS),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/any", **more
        )
        for client_of in [
            sfn, client(self.server, "stepfunctions", key[0], "wrong"),
            client(self.server, "stepfunctions", "AKIDNOBODY", "wrong"),
        ]:
            with self.assertRaises(ClientError):
                make(client_of)
        make(self.sfn, tags=[{"key": "k", "value": "a-tag-value"}])
        with self.assertRaises(ClientError):
            self.sfn.start_execution(stateMachineArn=machine, input="{no-json-payload")
        with open(self.audit, encoding="utf-8") as file:
            text = file.read()
        for secret in [key[1], ROOT_SECRET, "a-tag-value", "no-json-payload", "StartAt"]:
            self.assertNotIn(secret, text)
        lines = [json.loads(line) for line in text.splitlines()]
        lines = [line for line in lines if line["record"] == "outcome"]
        user = f"arn:aws:iam::{ACCOUNT}:user/audited"
        denied = (f"User: {user} is not authorized to perform: states:CreateStateMachine on "
                  f"resource: {machine} because no identity-based policy allows the "
                  "states:CreateStateMachine action")
        root = f"arn:aws:iam::{ACCOUNT}:root"
        told = [
            tuple(line.get(name) for name in ["caller", "action", "resource", "outcome", "reason"])
            for line in lines
        ]
        keyed = (root, "iam:CreateAccessKey", user, "done", None)
        self.assertIn(keyed, told)
        create, states = "states:CreateStateMachine", "states:StartExecution"
        self.assertEqual(told[told.index(keyed) + 1:][:5], [
            (user, create, machine, "AccessDeniedException", denied),
            (None, create, None, "InvalidSignatureException", None),
            (None, create, None, "UnrecognizedClientException", None),
            (root, create, machine, "done", None),
            (root, states, machine, "InvalidExecutionInput", None),
        ])


class Accounts(IdentityTest):
    """Accounts see nothing of each other."""

    options = (
        "--require-auth",
        "--roles",
        "permissive",
        "--access-key",
        "KEYONE=111111111111:one,KEYTWO=222222222222:two",
        "--throttle",
        "DescribeStateMachineForExecution=1/1",
    )

    def test_accounts_are_apart(self):
        one = client(self.server, "stepfunctions", "KEYONE", "one")
        two = client(self.server, "stepfunctions", "KEYTWO", "two")
        made = one.create_state_machine(
            name="m", definition=json.dumps(PASS), roleArn="arn:aws:iam::111111111111:role/r"
        )["stateMachineArn"]
        self.assertIn(":111111111111:", made)
        self.assertEqual(two.list_state_machines()["stateMachines"], [])
        self.assert_refused(
            "StateMachineDoesNotExist", lambda: two.describe_state_machine(stateMachineArn=made)
        )
        self.assert_refused(
            "StateMachineDoesNotExist", lambda: two.start_execution(stateMachineArn=made)
        )
        client(self.server, "iam", "KEYONE", "one").create_role(
            RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST)
        )
        roles = client(self.server, "iam", "KEYTWO", "two").list_roles()["Roles"]
        self.assertEqual(roles, [])

    def test_quotas_are_of_each_account(self):
        def asked(key, secret):
            execution = f"arn:aws:states:{REGION}:{key[3:]}:execution:m:e"
            client(self.server, "stepfunctions", key, secret) \
                .describe_state_machine_for_execution(executionArn=execution)

        for key, secret in [("KEYONE", "one"), ("KEYTWO", "two")]:
            self.assert_refused("ExecutionDoesNotExist", lambda: asked(key, secret))
            # The bucket holds one token, and it is gone.
            self.assert_refused("ThrottlingException", lambda: asked(key, secret))

    def test_executions_of_another_account_are_started_by_its_roles_alone(self):
        one = client(self.server, "stepfunctions", "KEYONE", "one")
        two = client(self.server, "stepfunctions", "KEYTWO", "two")
        iam_one = client(self.server, "iam", "KEYONE", "one")
        iam_two = client(self.server, "iam", "KEYTWO", "two")
        own, other = (f"arn:aws:iam::{account}:role/across" for account in
                      ["111111111111", "222222222222"])
        child = two.create_state_machine(
            name="child", definition=json.dumps(PASS), roleArn=other
        )["stateMachineArn"]
        iam_one.create_role(RoleName="across", AssumeRolePolicyDocument=json.dumps(TRUST))
        all_of_it = json.dumps(document(("*", "*")))
        iam_one.put_role_policy(RoleName="across", PolicyName="p", PolicyDocument=all_of_it)
        as_other = {"Credentials": {"RoleArn": other}}

        def run(name, **more):
            machine = one.create_state_machine(
                name=name, definition=json.dumps(nested("", child, **more)), roleArn=own
            )["stateMachineArn"]
            execution = one.start_execution(stateMachineArn=machine)["executionArn"]
            return ended(one, execution)

        # Whatever its own role allows, there is no such machine in its account.
        told = run("without")
        self.assertEqual(told["error"], "StepFunctions.StateMachineDoesNotExistException", told)
        for number, (trusted, expected) in enumerate([
            ("arn:aws:iam::111111111111:role/another", "FAILED"), (own, "SUCCEEDED"),
        ]):
            trust = {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}]}
            trust = json.dumps(trust)
            if number == 0:
                iam_two.create_role(RoleName="across", AssumeRolePolicyDocument=trust)
                iam_two.put_role_policy(
                    RoleName="across", PolicyName="p", PolicyDocument=all_of_it
                )
            else:
                iam_two.update_assume_role_policy(RoleName="across", PolicyDocument=trust)
            told = run(f"with-{number}", **as_other)
            self.assertEqual(told["status"], expected, told)
            started = two.list_executions(stateMachineArn=child)["executions"]
            self.assertEqual(len(started), number)
        self.assertIn(":222222222222:", started[0]["executionArn"])


class Starting(unittest.TestCase):
    def refuses(self, *options):
        data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        try:
            done = subprocess.run(
                [BINARY, "serve", "--port", "0", "--data", data, *options],
                env=ENVIRONMENT,
                capture_output=True,
                text=True,
                timeout=30,
            )
            self.assertEqual(done.returncode, 1, done.stdout)
            return done.stderr
        finally:
            shutil.rmtree(data, ignore_errors=True)

    def test_an_open_address_needs_keys(self):
        message = self.refuses("--host", "0.0.0.0")
        self.assertIn("nobody has an access key with a secret", message)
        message = self.refuses("--host", "0.0.0.0", "--access-key", f"KEY={ACCOUNT}")
        self.assertIn("nobody has an access key with a secret", message)

    def test_an_open_address_may_be_insisted_on(self):
        data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        try:
            server = Server(data, "--host", "0.0.0.0", "--insecure-no-auth")
            server.terminate()
        finally:
            shutil.rmtree(data, ignore_errors=True)

    def test_a_wrong_certificate_is_told(self):
        message = self.refuses("--tls-cert", os.devnull, "--tls-key", os.devnull)
        self.assertIn("there is no certificate in PEM form", message)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.certificate = os.path.join(cls.data, "certificate.pem")
        cls.key = os.path.join(cls.data, "key.pem")
        cls.audit = os.path.join(cls.data, "audit.jsonl")
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", cls.key, "-out", cls.certificate],
            capture_output=True,
        )
        if made.returncode != 0:
            raise unittest.SkipTest("there is no openssl that makes certificates")
        cls.server = Server(
            os.path.join(cls.data, "store"),
            "--tls-cert", cls.certificate, "--tls-key", cls.key, "--audit", cls.audit,
        )

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        shutil.rmtree(cls.data, ignore_errors=True)

    def test_boto3_and_the_audit(self):
        sfn = client(self.server, "stepfunctions", verify=self.certificate)
        arn = sfn.create_state_machine(
            name="tls", definition=json.dumps(PASS), roleArn=f"arn:aws:iam::{ACCOUNT}:role/r"
        )["stateMachineArn"]
        sfn.list_state_machines()
        sfn.start_execution(stateMachineArn=arn, name="n", input='{"secret": "payload"}')
        with self.assertRaises(ClientError):
            sfn.start_execution(stateMachineArn=arn + "x")
        with open(self.audit) as file:
            text = file.read()
        self.assertNotIn("payload", text)
        lines = [json.loads(line) for line in text.splitlines()]
        lines = [line for line in lines if line["record"] == "outcome"]
        told = [(line["action"], line["resource"], line["outcome"]) for line in lines]
        self.assertEqual(told, [
            ("states:CreateStateMachine", arn, "done"),
            ("states:StartExecution", arn, "done"),
            ("states:StartExecution", arn + "x", "StateMachineDoesNotExist"),
        ])
        self.assertEqual(lines[0]["caller"], f"arn:aws:iam::{ACCOUNT}:root")

    def test_the_aws_command(self):
        beside = os.path.join(os.path.dirname(sys.executable), "aws")
        done = subprocess.run(
            [beside if os.path.exists(beside) else "aws", "stepfunctions", "list-activities",
             "--endpoint-url", self.server.url, "--ca-bundle", self.certificate],
            env=ENVIRONMENT, capture_output=True, text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_alpn_offers_both_versions_of_http(self):
        for offered in ["h2", "http/1.1"]:
            context = ssl.create_default_context(cafile=self.certificate)
            context.set_alpn_protocols([offered])
            host, port = self.server.url.removeprefix("https://").split(":")
            import socket

            with socket.create_connection((host, int(port))) as connection:
                with context.wrap_socket(connection, server_hostname=host) as wrapped:
                    self.assertEqual(wrapped.selected_alpn_protocol(), offered)


if __name__ == "__main__":
    unittest.main()
