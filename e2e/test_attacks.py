"""Ways around what is authorised, each with a control: the allowed form passes."""

import datetime
import http.server
import json
import os
import re
import shutil
import tempfile
import textwrap
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from harness import REGION, Server, ended
from test_identity import TRUST, client, document

ONE, TWO = "111111111111", "222222222222"
KEYS = {ONE: ("KEYONE", "secret-one"), TWO: ("KEYTWO", "secret-two")}
PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
CONTENT_TYPE = "application/x-amz-json-1.0"


def states_arn(kind, name, account=ONE):
    return f"arn:aws:states:{REGION}:{account}:{kind}:{name}"


def role_arn(name, account=ONE):
    return f"arn:aws:iam::{account}:role/{name}"


def task(resource, parameters, **more):
    return {"StartAt": "T", "States": {"T": {
        "Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters,
        "End": True, **more,
    }}}


class AttackTest(unittest.TestCase):
    """A server of two accounts that takes nobody whom it does not know."""

    options = ()
    auth = ("--require-auth", "--access-key",
            ",".join(f"{key}={account}:{secret}" for account, (key, secret) in KEYS.items()))

    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.addClassCleanup(shutil.rmtree, cls.data, ignore_errors=True)
        cls.audit = os.path.join(cls.data, "audit.jsonl")
        cls.server = Server(
            os.path.join(cls.data, "data"), *cls.auth, "--audit", cls.audit, *cls.options
        )
        cls.addClassCleanup(cls.server.terminate)

    def root(self, service="stepfunctions", account=ONE):
        return client(self.server, service, *KEYS[account])

    def user(self, name, policy, account=ONE):
        """The access key of a new user with that policy."""
        iam = self.root("iam", account)
        iam.create_user(UserName=name)
        self.allow_user(name, policy, account)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def allow_user(self, name, policy, account=ONE):
        self.root("iam", account).put_user_policy(
            UserName=name, PolicyName="only", PolicyDocument=json.dumps(policy)
        )

    def role(self, name, policy=None, trust=TRUST, account=ONE, **more):
        iam = self.root("iam", account)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **more)
        if policy is not None:
            iam.put_role_policy(
                RoleName=name, PolicyName="only", PolicyDocument=json.dumps(policy)
            )
        return role_arn(name, account)

    def machine(self, name, role, definition=PASS, account=ONE, **more):
        return self.root(account=account).create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=role, **more
        )["stateMachineArn"]

    def run_machine(self, machine, account=ONE):
        sfn = self.root(account=account)
        return ended(sfn, sfn.start_execution(stateMachineArn=machine)["executionArn"])

    def code(self, call, *arguments, **members):
        """The code of what a call answers: none where it is done."""
        try:
            call(*arguments, **members)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return None

    def post(self, key, operation, body, unsigned=None):
        """The status and the code of a request that says what boto3 would not."""
        body = json.dumps(body).encode()
        headers = {"Content-Type": CONTENT_TYPE, "X-Amz-Target": f"AWSStepFunctions.{operation}"}
        request = AWSRequest("POST", self.server.url + "/", data=body, headers=headers)
        SigV4Auth(Credentials(*key), "states", REGION).add_auth(request)
        for name, value in (unsigned or {}).items():
            request.headers[name] = value
        return self.send(request.prepare())

    def send(self, request):
        request = urllib.request.Request(
            request.url, data=request.body or None, method=request.method,
            headers=dict(request.headers),
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def audited(self):
        """What came of each call."""
        with open(self.audit) as lines:
            records = [json.loads(line) for line in lines]
        return [record for record in records if record["record"] == "outcome"]


class ForeignMembers(AttackTest):
    """V1: no member that an operation does not have chooses what is authorised."""

    own = {
        "DeleteStateMachine": "stateMachineArn", "DescribeStateMachine": "stateMachineArn",
        "ListExecutions": "stateMachineArn", "ListStateMachineVersions": "stateMachineArn",
        "ListStateMachineAliases": "stateMachineArn", "StartExecution": "stateMachineArn",
        "StartSyncExecution": "stateMachineArn", "UpdateStateMachine": "stateMachineArn",
        "PublishStateMachineVersion": "stateMachineArn",
        "DeleteStateMachineAlias": "stateMachineAliasArn",
        "DescribeStateMachineAlias": "stateMachineAliasArn",
        "UpdateStateMachineAlias": "stateMachineAliasArn",
        "DeleteStateMachineVersion": "stateMachineVersionArn",
        "DescribeActivity": "activityArn", "DeleteActivity": "activityArn",
        "GetActivityTask": "activityArn",
        "DescribeExecution": "executionArn", "GetExecutionHistory": "executionArn",
        "StopExecution": "executionArn", "RedriveExecution": "executionArn",
        "DescribeStateMachineForExecution": "executionArn", "ListMapRuns": "executionArn",
        "DescribeMapRun": "mapRunArn", "UpdateMapRun": "mapRunArn",
        "ListTagsForResource": "resourceArn", "TagResource": "resourceArn",
        "UntagResource": "resourceArn",
    }
    secret = {
        "stateMachineArn": states_arn("stateMachine", "secret"),
        "stateMachineAliasArn": states_arn("stateMachine", "secret:PROD"),
        "stateMachineVersionArn": states_arn("stateMachine", "secret:1"),
        "activityArn": states_arn("activity", "secret"),
        "executionArn": states_arn("execution", "secret:e"),
        "mapRunArn": states_arn("mapRun", "secret/m:r"),
        "resourceArn": states_arn("stateMachine", "secret"),
    }
    more = {
        "TagResource": {"tags": []}, "UntagResource": {"tagKeys": []},
        "UpdateStateMachine": {"definition": json.dumps(PASS)},
        "UpdateStateMachineAlias": {"description": "d"},
    }

    def test_every_operation_with_every_foreign_arn_is_refused(self):
        self.machine("secret", self.role("secret"))
        public = {member: arn.replace("secret", "public") for member, arn in self.secret.items()}
        patterns = [states_arn("*", name) for name in ["public", "public:*", "public/*"]]
        key = self.user("public", document(("states:*", patterns)))
        tried = 0
        for operation, member in self.own.items():
            body = {member: self.secret[member], **self.more.get(operation, {})}
            for foreign in [None, *public]:
                if foreign == member or operation == "ListExecutions" and foreign == "mapRunArn":
                    continue
                sent = {**({foreign: public[foreign]} if foreign else {}), **body}
                status, answer = self.post(key, operation, sent)
                self.assertEqual(status, 400, (operation, foreign, answer))
                self.assertIn("AccessDeniedException", answer, (operation, foreign))
                tried += 1
            # The control: what the user may name is looked for.
            body[member] = public[member]
            _, answer = self.post(key, operation, body)
            self.assertNotIn("AccessDenied", answer, operation)
        self.assertGreater(tried, 180)
        self.assertEqual(self.root().describe_state_machine(
            stateMachineArn=self.secret["stateMachineArn"])["status"], "ACTIVE")
        for line in self.audited():
            if line.get("caller", "").endswith("user/public"):
                is_own = "secret" in line["resource"]
                self.assertEqual(is_own, line["outcome"] == "AccessDeniedException", line)


class AccountsApart(AttackTest):
    """V2: no role of another account is acted with that does not trust who acts."""

    def test_roles_are_enforced_where_callers_must_be_known(self):
        made = self.root().create_state_machine
        self.assertEqual("AccessDeniedException", self.code(
            made, name="m", definition=json.dumps(PASS), roleArn=role_arn("unknown")))
        self.machine("known", self.role("known"))

    def test_no_role_of_another_account_is_passed(self):
        self.role("theirs", account=TWO)
        self.role("own")
        create = lambda role: self.code(
            self.root().create_state_machine, name="passes", definition=json.dumps(PASS),
            roleArn=role)
        self.assertEqual(create(role_arn("theirs", TWO)), "AccessDeniedException")
        self.assertIsNone(create(role_arn("own")))
        update = lambda role: self.code(
            self.root().update_state_machine, stateMachineArn=states_arn("stateMachine", "passes"),
            roleArn=role)
        self.assertEqual(update(role_arn("theirs", TWO)), "AccessDeniedException")
        self.assertIsNone(update(role_arn("own")))
        try_state = lambda role: self.post(
            KEYS[ONE], "TestState",
            {"definition": json.dumps(PASS["States"]["P"]), "roleArn": role})
        self.assertIn("AccessDeniedException", try_state(role_arn("theirs", TWO))[1])
        self.assertEqual(try_state(role_arn("own"))[0], 200)


class PermissiveAccountsApart(AttackTest):
    options = ("--roles", "permissive")

    def test_an_unknown_role_of_another_account_is_never_assumed(self):
        self.machine("theirs", role_arn("any", TWO), account=TWO)
        theirs = {"StateMachineArn": states_arn("stateMachine", "theirs", TWO)}
        for account, expected in [(TWO, "FAILED"), (ONE, "SUCCEEDED")]:
            machine = self.machine(
                f"takes-{account}", role_arn("unknown"),
                task("aws-sdk:sfn:listStateMachines", {},
                     Credentials={"RoleArn": role_arn("nobody", account)}))
            self.assertEqual(self.run_machine(machine)["status"], expected)
        for action in ["describeStateMachine", "startExecution", "deleteStateMachine"]:
            machine = self.machine(
                f"does-{action}", role_arn("unknown"),
                task(f"aws-sdk:sfn:{action}", theirs,
                     Credentials={"RoleArn": role_arn("nobody", TWO)}))
            told = self.run_machine(machine)
            self.assertIn("is not authorized to assume", told["cause"])
        self.assertEqual(self.root(account=TWO).describe_state_machine(
            stateMachineArn=theirs["StateMachineArn"])["status"], "ACTIVE")

    def test_a_trusted_account_lends_its_role(self):
        """B1: the trust policy names the account; what its role may decides."""
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ONE}:root"},
            "Action": "sts:AssumeRole"}]}
        lent = self.role("lent", document(("states:*", "*")), trust, account=TWO)
        machine = self.machine(
            "borrows", self.role("borrower", document(("sts:AssumeRole", lent))),
            task("aws-sdk:sfn:listStateMachines", {}, Credentials={"RoleArn": lent}))
        self.assertEqual(self.run_machine(machine)["status"], "SUCCEEDED")
        self.root("iam").put_role_policy(
            RoleName="borrower", PolicyName="only",
            PolicyDocument=json.dumps(document(("sqs:*", "*"))))
        self.assertEqual(self.run_machine(machine)["status"], "FAILED")


class TasksAsCallers(AttackTest):
    """V4: what a task asks of Step Functions is asked as over HTTP, and audited."""

    def made_by(self, name, parameters, *allowed):
        role = self.role(name, document(*allowed))
        machine = self.machine(name, role, task("aws-sdk:sfn:createStateMachine", {
            "Name": f"made-by-{name}", "Definition": json.dumps(PASS), **parameters}))
        return self.run_machine(machine)

    def test_a_task_needs_every_permission_that_a_caller_needs(self):
        boss = self.role("boss")
        create, pass_role = ("states:CreateStateMachine", "*"), ("iam:PassRole", boss)
        for number, (parameters, allowed, denied) in enumerate([
            ({"RoleArn": boss}, [create], "iam:PassRole"),
            ({"RoleArn": boss}, [create, ("iam:PassRole", role_arn("other"))], "iam:PassRole"),
            ({"RoleArn": boss, "Tags": [{"Key": "a", "Value": "b"}]}, [create, pass_role],
             "states:TagResource"),
            ({"RoleArn": boss, "Publish": True}, [create, pass_role],
             "states:PublishStateMachineVersion"),
            ({"RoleArn": boss}, [create, pass_role], None),
        ]):
            told = self.made_by(f"maker-{number}", parameters, *allowed)
            if denied is None:
                self.assertEqual(told["status"], "SUCCEEDED", told)
            else:
                self.assertIn(f"is not authorized to perform: {denied} on", told["cause"])
        lines = [line for line in self.audited() if "assumed-role/maker-" in line.get("caller", "")]
        outcomes = [line["outcome"] for line in lines]
        self.assertEqual(outcomes, ["AccessDeniedException"] * 4 + ["done"])
        self.assertEqual(lines[-1]["resource"], states_arn("stateMachine", "made-by-maker-4"))

    def test_a_role_that_step_functions_may_not_assume_is_not_passed(self):
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole"}]}
        other = self.role("of-lambda", trust=trust)
        theirs = self.role("of-two", account=TWO)
        everything = ("*", "*")
        told = self.made_by("trusts-not", {"RoleArn": other}, everything)
        self.assertIn("is authorized to assume the provided role", told["cause"])
        told = self.made_by("passes-across", {"RoleArn": theirs}, everything)
        self.assertIn("Cross-account pass role is not allowed.", told["cause"])
        told = self.made_by("passes-own", {"RoleArn": role_arn("passes-own")}, everything)
        self.assertEqual(told["status"], "SUCCEEDED")

    def test_a_trust_policy_may_ask_whose_machine_it_is(self):
        """What AWS's page on the confused deputy asks for."""
        def trust(account):
            return {"Version": "2012-10-17", "Statement": [{
                **TRUST["Statement"][0],
                "Condition": {"StringEquals": {"aws:SourceAccount": account}}}]}
        self.machine("deputy", self.role("deputy", trust=trust(ONE)))
        other = self.role("no-deputy", trust=trust(TWO))
        self.assertEqual("AccessDeniedException", self.code(
            self.root().create_state_machine, name="no-deputy", definition=json.dumps(PASS),
            roleArn=other))
        only = trust(ONE)
        only["Statement"][0]["Condition"] = {
            "ArnLike": {"aws:SourceArn": states_arn("stateMachine", "only-*")}}
        role = self.role("of-some-machines", trust=only)
        self.machine("only-this", role)
        self.assertEqual("AccessDeniedException", self.code(
            self.root().create_state_machine, name="not-that", definition=json.dumps(PASS),
            roleArn=role))


class NamesOfIdentities(AttackTest):
    """V6: IAM decides about what there is, however it is spelt."""

    def test_a_denial_holds_for_every_spelling(self):
        iam = self.root("iam")
        iam.create_user(UserName="Admin", Path="/boss/")
        iam.create_role(RoleName="Lead", Path="/boss/",
                        AssumeRolePolicyDocument=json.dumps(TRUST))
        policy = document(("iam:*", "*"))
        policy["Statement"].append({"Effect": "Deny", "Action": "iam:*", "Resource": [
            f"arn:aws:iam::{ONE}:user/boss/Admin", f"arn:aws:iam::{ONE}:role/boss/Lead"]})
        key = self.user("helper", policy)
        mine = client(self.server, "iam", *key)
        text = json.dumps(document(("*", "*")))
        for name in ["Admin", "ADMIN", "admin"]:
            for call, more in [
                (mine.get_user, {}), (mine.create_access_key, {}), (mine.delete_user, {}),
                (mine.list_access_keys, {}), (mine.list_user_policies, {}),
                (mine.put_user_policy, {"PolicyName": "p", "PolicyDocument": text}),
                (mine.attach_user_policy,
                 {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
                (mine.tag_user, {"Tags": [{"Key": "a", "Value": "b"}]}),
                (mine.delete_user_permissions_boundary, {}),
            ]:
                self.assertEqual("AccessDenied", self.code(call, UserName=name, **more), name)
        for name in ["Lead", "LEAD", "lead"]:
            for call, more in [
                (mine.get_role, {}), (mine.delete_role, {}), (mine.list_attached_role_policies, {}),
                (mine.put_role_policy, {"PolicyName": "p", "PolicyDocument": text}),
                (mine.update_assume_role_policy, {"PolicyDocument": json.dumps(TRUST)}),
                (mine.update_role, {"MaxSessionDuration": 3600}),
            ]:
                self.assertEqual("AccessDenied", self.code(call, RoleName=name, **more), name)
        # The controls: of another user and role all of it is allowed.
        mine.create_user(UserName="other")
        self.assertIsNone(self.code(mine.create_access_key, UserName="OTHER"))
        mine.create_role(RoleName="other", AssumeRolePolicyDocument=json.dumps(TRUST))
        self.assertIsNone(self.code(
            mine.put_role_policy, RoleName="Other", PolicyName="p", PolicyDocument=text))

    def test_a_path_belongs_to_the_name(self):
        iam = self.root("iam")
        for path, name in [("/admin/", "app-x"), ("/", "app-y")]:
            iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(TRUST))
        key = self.user("deployer", document(("iam:*", f"arn:aws:iam::{ONE}:role/app-*")))
        put = lambda name: self.code(
            client(self.server, "iam", *key).put_role_policy, RoleName=name, PolicyName="p",
            PolicyDocument=json.dumps(document(("*", "*"))))
        self.assertEqual(put("app-x"), "AccessDenied")
        self.assertIsNone(put("app-y"))
        create = lambda path: self.code(
            client(self.server, "iam", *key).create_role, RoleName="app-z", Path=path,
            AssumeRolePolicyDocument=json.dumps(TRUST))
        self.assertEqual(create("/admin/"), "AccessDenied")
        self.assertIsNone(create("/"))

    def test_conditions_on_policies_and_boundaries_hold(self):
        iam = self.root("iam")
        self.role("target")
        admin = "arn:aws:iam::aws:policy/AdministratorAccess"
        reader = "arn:aws:iam::aws:policy/ReadOnlyAccess"
        policy = document(("iam:*", "*"))
        policy["Statement"].append({
            "Effect": "Deny", "Action": "iam:AttachRolePolicy", "Resource": "*",
            "Condition": {"ArnEquals": {"iam:PolicyARN": admin}}})
        policy["Statement"].append({
            "Effect": "Deny", "Action": "iam:CreateRole", "Resource": "*",
            "Condition": {"StringNotEquals": {"iam:PermissionsBoundary": reader}}})
        mine = client(self.server, "iam", *self.user("attacher", policy))
        attach = lambda arn: self.code(
            mine.attach_role_policy, RoleName="target", PolicyArn=arn)
        self.assertEqual(attach(admin), "AccessDenied")
        self.assertIsNone(attach(reader))
        create = lambda **more: self.code(
            mine.create_role, RoleName="limited", AssumeRolePolicyDocument=json.dumps(TRUST),
            **more)
        self.assertEqual(create(), "AccessDenied")
        self.assertEqual(create(PermissionsBoundary=admin), "AccessDenied")
        self.assertIsNone(create(PermissionsBoundary=reader))
        iam.detach_role_policy(RoleName="target", PolicyArn=reader)

    def test_sessions_end_with_their_role(self):
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": ONE}, "Action": "sts:AssumeRole"}]}
        role = self.role("session", document(("states:*", "*")), trust)
        key = self.user("assumes", document(("sts:AssumeRole", role)))
        sts = client(self.server, "sts", *key)
        given = sts.assume_role(RoleArn=role, RoleSessionName="one")["Credentials"]
        session = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        listing = lambda: self.code(
            client(self.server, "stepfunctions", *session).list_state_machines)
        self.assertIsNone(listing())
        iam = self.root("iam")
        iam.delete_role_policy(RoleName="session", PolicyName="only")
        iam.delete_role(RoleName="session")
        self.assertEqual(listing(), "UnrecognizedClientException")
        self.role("session", document(("states:*", "*")), trust)
        self.assertEqual(listing(), "UnrecognizedClientException")

    def test_a_root_user_assumes_no_role(self):
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": ONE}, "Action": "sts:AssumeRole"}]}
        role = self.role("for-users", trust=trust)
        self.assertEqual("AccessDenied", self.code(
            self.root("sts").assume_role, RoleArn=role, RoleSessionName="one"))
        key = self.user("allowed", document(("sts:AssumeRole", role)))
        self.assertIsNone(self.code(
            client(self.server, "sts", *key).assume_role, RoleArn=role, RoleSessionName="one"))


class ConditionKeys(AttackTest):
    """V7: keys that AWS always has are there, in what allows and in what denies."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = cls().user("keys", document(("sqs:*", "*")))

    def listing(self, statement):
        """Whether a user with those statements may list."""
        statements = [{"Action": "states:ListStateMachines", "Resource": "*", **one}
                      for one in statement]
        self.allow_user("keys", {"Version": "2012-10-17", "Statement": statements})
        code = self.code(client(self.server, "stepfunctions", *self.key).list_state_machines)
        self.assertIn(code, [None, "AccessDeniedException"])
        return code is None

    def check(self, operator, key, holding, other):
        """A condition holds with the one value, and not with the other."""
        for value, holds in [(holding, True), (other, False)]:
            condition = {"Condition": {operator: {key: value}}}
            self.assertEqual(
                self.listing([{"Effect": "Allow", **condition}]), holds, (operator, key, value))
            self.assertEqual(
                self.listing([{"Effect": "Allow"}, {"Effect": "Deny", **condition}]), not holds,
                (operator, key, value))

    def test_every_key_decides(self):
        self.root("iam").tag_user(UserName="keys", Tags=[{"Key": "team", "Value": "a"}])
        user = f"arn:aws:iam::{ONE}:user/keys"
        now = datetime.datetime.now(datetime.timezone.utc).timestamp()
        self.check("IpAddress", "aws:SourceIp", "127.0.0.0/8", "10.0.0.0/8")
        self.check("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", "127.0.0.1")
        self.check("Bool", "aws:SecureTransport", "false", "true")
        self.check("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z",
                   "2099-01-01T00:00:00Z")
        self.check("NumericLessThan", "aws:EpochTime", str(int(now) + 3600), "1")
        self.check("StringLike", "aws:UserAgent", "Boto3*", "curl*")
        self.check("ArnEquals", "aws:PrincipalArn", user, user + "x")
        self.check("StringEquals", "aws:PrincipalAccount", ONE, TWO)
        self.check("StringEquals", "aws:PrincipalType", "User", "AssumedRole")
        self.check("StringEquals", "aws:PrincipalTag/team", "a", "b")
        self.check("StringEquals", "aws:RequestedRegion", REGION, "eu-south-2")
        self.check("StringEquals", "aws:username", "keys", "other")
        # Long-term keys have neither.
        self.check("Null", "aws:MultiFactorAuthPresent", "true", "false")
        self.check("Null", "aws:TokenIssueTime", "true", "false")

    def test_a_key_that_is_never_filled_denies_and_does_not_allow(self):
        condition = {"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}
        self.assertFalse(self.listing([{"Effect": "Allow", **condition}]))
        self.assertFalse(self.listing([{"Effect": "Allow"}, {"Effect": "Deny", **condition}]))
        self.assertTrue(self.listing([{"Effect": "Allow"}]))

    def test_tags_of_resources_decide(self):
        role = self.role("tagged")
        make = lambda name, team: self.machine(
            name, role, tags=[{"key": "team", "value": team}])
        ours, theirs = make("ours", "a"), make("theirs", "b")
        policy = document(("states:*", "*"))
        policy["Statement"][0]["Condition"] = {"StringEquals": {"aws:ResourceTag/team": "a"}}
        sfn = client(self.server, "stepfunctions", *self.user("by-tag", policy))
        start = lambda arn: self.code(sfn.start_execution, stateMachineArn=arn)
        self.assertIsNone(start(ours))
        self.assertEqual(start(theirs), "AccessDeniedException")
        # The same in what a task does, by itself and through the API, and of executions.
        policy["Statement"][0]["Condition"] = {"StringEquals": {"aws:ResourceTag/team": "b"}}
        policy["Statement"][0]["Effect"] = "Deny"
        policy["Statement"].append(document(("states:*", "*"))["Statement"][0])
        denies = self.role("denies-by-tag", policy)
        begun = self.root().start_execution(stateMachineArn=theirs)["executionArn"]
        for number, (resource, parameters, expected) in enumerate([
            ("states:startExecution", {"StateMachineArn": ours}, "SUCCEEDED"),
            ("states:startExecution", {"StateMachineArn": theirs}, "FAILED"),
            ("aws-sdk:sfn:startExecution", {"StateMachineArn": ours}, "SUCCEEDED"),
            ("aws-sdk:sfn:startExecution", {"StateMachineArn": theirs}, "FAILED"),
            ("aws-sdk:sfn:describeExecution", {"ExecutionArn": begun}, "FAILED"),
        ]):
            machine = self.machine(f"by-tag-{number}", denies, task(resource, parameters))
            told = self.run_machine(machine)
            self.assertEqual(told["status"], expected, told)
        # A role that is lent has tags, too.
        self.role("boss", Tags=[{"Key": "level", "Value": "boss"}])
        self.role("clerk", Tags=[{"Key": "level", "Value": "clerk"}])
        policy = document(("states:*", "*"), ("iam:PassRole", "*"))
        policy["Statement"].append({
            "Effect": "Deny", "Action": "iam:PassRole", "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/level": "boss"}}})
        sfn = client(self.server, "stepfunctions", *self.user("lends", policy))
        lend = lambda role: self.code(
            sfn.create_state_machine, name=f"lent-{role}", definition=json.dumps(PASS),
            roleArn=role_arn(role))
        self.assertEqual(lend("boss"), "AccessDeniedException")
        self.assertIsNone(lend("clerk"))
        # Whose the resource is.
        for account, allowed in [(TWO, True), (ONE, False)]:
            policy = document(("states:*", "*"))
            policy["Statement"].append({
                "Effect": "Deny", "Action": "*", "Resource": "*",
                "Condition": {"StringEquals": {"aws:ResourceAccount": account}}})
            key = self.user(f"not-of-{account}", policy)
            code = self.code(
                client(self.server, "stepfunctions", *key).start_execution, stateMachineArn=ours)
            self.assertEqual(code is None, allowed, code)

    def test_sessions_are_revoked_by_when_they_began(self):
        """AWS's way: AWSRevokeOlderSessions."""
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": ONE}, "Action": "sts:AssumeRole"}]}
        role = self.role("revoked", document(("states:*", "*")), trust)
        key = self.user("revokes", document(("sts:AssumeRole", role)))
        given = client(self.server, "sts", *key).assume_role(
            RoleArn=role, RoleSessionName="one")["Credentials"]
        session = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        listing = lambda: self.code(
            client(self.server, "stepfunctions", *session).list_state_machines)

        def revoke(before):
            policy = {"Version": "2012-10-17", "Statement": [{
                "Effect": "Deny", "Action": "*", "Resource": "*",
                "Condition": {"DateLessThan": {"aws:TokenIssueTime": before}}}]}
            self.root("iam").put_role_policy(
                RoleName="revoked", PolicyName="AWSRevokeOlderSessions",
                PolicyDocument=json.dumps(policy))

        revoke("2020-01-01T00:00:00Z")
        self.assertIsNone(listing())
        revoke("2099-01-01T00:00:00Z")
        self.assertEqual(listing(), "AccessDeniedException")

    def test_regions_hold_for_tasks(self):
        for region, expected in [(REGION, "SUCCEEDED"), ("eu-south-2", "FAILED")]:
            policy = document(("states:ListStateMachines", "*"))
            policy["Statement"][0]["Condition"] = {"StringEquals": {"aws:RequestedRegion": region}}
            role = self.role(f"in-{region}", policy)
            machine = self.machine(
                f"in-{region}", role, task("aws-sdk:sfn:listStateMachines", {}))
            self.assertEqual(self.run_machine(machine)["status"], expected)


class AroundSignatures(AttackTest):
    """V10: what is signed is what is done, and keys are what they are."""

    def test_what_means_something_is_signed(self):
        key = self.user("signer", document(("states:*", "*")))
        status, _ = self.post(key, "ListActivities", {})
        self.assertEqual(status, 200)
        status, answer = self.post(
            key, "ListActivities", {}, unsigned={"X-Amz-Something": "else"})
        self.assertGreaterEqual(status, 400, answer)
        self.assertIn("InvalidSignatureException", answer)
        # Another target under the same signature.
        headers = {"Content-Type": CONTENT_TYPE}
        body = json.dumps({"name": "stolen"}).encode()
        request = AWSRequest("POST", self.server.url + "/", data=body, headers=headers)
        SigV4Auth(Credentials(*key), "states", REGION).add_auth(request)
        request.headers["X-Amz-Target"] = "AWSStepFunctions.CreateActivity"
        status, answer = self.send(request.prepare())
        self.assertIn("InvalidSignatureException", answer)
        self.assertEqual(self.root().list_activities()["activities"], [])

    def test_permanent_keys_take_no_token(self):
        key = self.user("permanent", document(("states:*", "*")))
        for pair in [KEYS[ONE], key]:
            with_token = client(self.server, "stepfunctions", *pair, "token")
            self.assertEqual(
                self.code(with_token.list_activities), "UnrecognizedClientException")
            without = client(self.server, "stepfunctions", *pair)
            self.assertIsNone(self.code(without.list_activities))

    def test_a_test_case_is_no_other_machine(self):
        self.machine("spared", self.role("spared"))
        arn = states_arn("stateMachine", "spared")
        policy = document(("states:*", "*"))
        policy["Statement"].append(
            {"Effect": "Deny", "Action": "states:StartExecution", "Resource": arn})
        key = self.user("tester", policy)
        for name in [arn, arn + "#T"]:
            _, answer = self.post(key, "StartExecution", {"stateMachineArn": name})
            self.assertIn("AccessDeniedException", answer, name)

    def presigned(self, key, action="GetCallerIdentity", **more):
        query = {"Action": action, "Version": "2011-06-15", **more}
        url = f"{self.server.url}/?{urllib.parse.urlencode(query)}"
        request = AWSRequest("GET", url)
        if key:
            SigV4QueryAuth(Credentials(*key), "sts", REGION, expires=60).add_auth(request)
        return self.send(request.prepare())

    def test_links_to_sts_are_answered_where_they_are_signed(self):
        """B8: what Vault and Kubernetes send to learn who somebody is."""
        key = self.user("linked", document(("states:*", "*")))
        status, answer = self.presigned(key)
        self.assertEqual(status, 200, answer)
        self.assertIn(f"<Arn>arn:aws:iam::{ONE}:user/linked</Arn>", answer)
        status, answer = self.presigned((key[0], "wrong"))
        self.assertEqual(status, 403, answer)
        status, answer = self.presigned(None)
        self.assertEqual(status, 405, answer)


class ConnectionsApart(AttackTest):
    """V10: no execution sends the secret of another account's connection."""

    @classmethod
    def setUpClass(cls):
        class Echo(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                got.append(self.headers.get("X-Key"))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *arguments):
                pass

        cls.got = got = []
        cls.echo = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        threading.Thread(target=cls.echo.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.echo.server_close)
        cls.addClassCleanup(cls.echo.shutdown)
        folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        path = os.path.join(folder, "stairwell.toml")
        with open(path, "w") as file:
            file.write(textwrap.dedent(f"""
                [connections.ours]
                account = "{ONE}"
                api-key = {{ name = "X-Key", value = "secret-of-one" }}
                [connections."{cls.arn('whole', ONE)}"]
                api-key = {{ name = "X-Key", value = "secret-of-one" }}
            """))
        cls.options = ("--config", path)
        super().setUpClass()

    @staticmethod
    def arn(name, account):
        return f"arn:aws:events:{REGION}:{account}:connection/{name}/1"

    def invoke(self, name, account, arn):
        role = self.role(name, document(("*", "*")), account=account)
        machine = self.machine(name, role, task("http:invoke", {
            "ApiEndpoint": f"http://localhost:{self.echo.server_port}/", "Method": "GET",
            "Authentication": {"ConnectionArn": arn}}), account=account)
        return self.run_machine(machine, account)["status"]

    def test_a_connection_belongs_to_an_account(self):
        for number, (account, name, owner) in enumerate([
            (TWO, "ours", ONE), (TWO, "ours", TWO), (TWO, "whole", ONE), (TWO, "whole", TWO),
        ]):
            status = self.invoke(f"steals-{number}", account, self.arn(name, owner))
            self.assertEqual(status, "FAILED", (name, owner))
        self.assertEqual(self.got, [])
        for name in ["ours", "whole"]:
            self.assertEqual(self.invoke(f"uses-{name}", ONE, self.arn(name, ONE)), "SUCCEEDED")
        self.assertEqual(self.got, ["secret-of-one"] * 2)


class OpenServer(AttackTest):
    """A server that trusts everybody still knows whom it does not."""

    auth = ()

    def root(self, service="stepfunctions", account=ONE):
        return client(self.server, service, account)

    def test_an_inactive_key_is_nobodys(self):
        key = self.user("leaver", document(("states:*", "*")))
        sfn = client(self.server, "stepfunctions", *key)
        self.assertIsNone(self.code(sfn.list_activities))
        self.root("iam").update_access_key(
            UserName="leaver", AccessKeyId=key[0], Status="Inactive")
        for secret in [key[1], "wrong"]:
            sfn = client(self.server, "stepfunctions", key[0], secret)
            self.assertEqual(self.code(sfn.list_activities), "UnrecognizedClientException")
        self.assertIsNone(self.code(self.root().list_activities))

    def test_a_link_that_nobody_known_signed_is_not_answered(self):
        query = {"Action": "CreateUser", "Version": "2010-05-08", "UserName": "linked"}
        request = AWSRequest("GET", f"{self.server.url}/?{urllib.parse.urlencode(query)}")
        SigV4QueryAuth(Credentials("test", "test"), "iam", REGION, expires=60).add_auth(request)
        status, answer = self.send(request.prepare())
        self.assertEqual(status, 403, answer)
        self.assertEqual(self.root("iam").list_users()["Users"], [])


class Announcement(unittest.TestCase):
    """The line that a server prints says who is trusted, and what roles may."""

    def line(self, *options):
        folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        try:
            server = Server(folder, *options)
            server.terminate()
            return server.line
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def test_the_line_says_the_mode(self):
        for options, words in [
            ((), "everybody who reaches it is trusted; roles: permissive"),
            (("--roles", "enforce"), "everybody who reaches it is trusted; roles: enforce"),
            (AttackTest.auth, "callers must be known; roles: enforce"),
            ((*AttackTest.auth, "--roles", "dry-run"), "callers must be known; roles: dry-run"),
        ]:
            line = self.line(*options)
            self.assertTrue(re.search(re.escape(words) + r"\)$", line.strip()), line)


if __name__ == "__main__":
    unittest.main()
