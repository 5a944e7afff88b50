"""The audit as evidence: who did what from where, written before it is done, and never lost."""

import json
import os
import re
import shutil
import signal
import tempfile
import unittest
import urllib.error
import urllib.request

from botocore.exceptions import ClientError

from harness import ACCOUNT, HELLO, REGION, Server, create, ended, one_state, wait_for

ROOT = ("AKIDADMIN", "the-root-secret")
TRUST = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"},
    "Action": "sts:AssumeRole"}]}
ALLOW_ALL = {"Version": "2012-10-17",
             "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
UNWRITTEN = "The audit cannot be written, so nothing is changed until it can be."


def arn(kind, name):
    return f"arn:aws:states:{REGION}:{ACCOUNT}:{kind}:{name}"


class AuditTest(unittest.TestCase):
    options = ()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.mkdir(os.path.join(self.folder, "log"))
        self.audit = os.path.join(self.folder, "log", "audit.jsonl")
        self.log_path = os.path.join(self.folder, "stderr")
        self.serve(self.audit)

    def serve(self, audit):
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.server = Server(
                os.path.join(self.folder, "data"), "--audit", audit,
                "--log", "info,stairwell_api::request_log=debug", *self.options, log=log,
            )
        self.addCleanup(self.server.kill)

    def client(self, service="stepfunctions", key=ROOT):
        return self.server.client(service=service, key=key[0], secret=key[1])

    def records(self, path=None):
        with open(path or self.audit, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def refusal(self, call, **members):
        with self.assertRaises(ClientError) as caught:
            call(**members)
        return caught.exception.response

    def outcomes(self, path=None):
        return [(it["action"], it["outcome"]) for it in self.records(path)
                if it["record"] == "outcome"]


class Evidence(AuditTest):
    options = ("--require-auth", "--access-key", f"{ROOT[0]}={ACCOUNT}:{ROOT[1]}")

    def user(self, name):
        iam = self.client("iam")
        iam.create_user(UserName=name, Path="/team/")
        key = iam.create_access_key(UserName=name.upper())["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def test_every_answer_is_in_the_log_and_each_change_in_the_audit(self):
        key = self.user("eve")
        iam, sfn, eve = self.client("iam"), self.client(), self.client(key=key)
        role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(
            RoleName="worker", PolicyName="p", PolicyDocument=json.dumps(ALLOW_ALL))
        made = sfn.create_state_machine(
            name="m", definition=json.dumps(HELLO), roleArn=role["Role"]["Arn"])
        listed = sfn.list_state_machines()
        started = sfn.start_execution(stateMachineArn=made["stateMachineArn"])
        denied = self.refusal(eve.start_execution, stateMachineArn=made["stateMachineArn"])
        absent = self.refusal(sfn.start_execution, stateMachineArn=arn("stateMachine", "x"))
        answers = [role, made, listed, started, denied, absent]
        ids = [answer["ResponseMetadata"]["RequestId"] for answer in answers]
        self.assertEqual(
            ids[1], made["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"])
        told = {}
        for record in self.records():
            told.setdefault(record["requestId"], []).append(record)
        self.assertEqual([len(told.get(it, [])) for it in ids], [2, 2, 0, 2, 1, 2])
        root, eve_arn = f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:user/team/eve"
        for answer_id, action, resource, outcome, caller in [
            (ids[0], "iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/worker", "done", root),
            (ids[1], "states:CreateStateMachine", made["stateMachineArn"], "done", root),
            (ids[3], "states:StartExecution", made["stateMachineArn"], "done", root),
            (ids[4], "states:StartExecution", made["stateMachineArn"],
             "AccessDeniedException", eve_arn),
            (ids[5], "states:StartExecution", arn("stateMachine", "x"),
             "StateMachineDoesNotExist", root),
        ]:
            for record in told[answer_id]:
                self.assertEqual(record["action"], action)
                self.assertEqual(record["resource"], resource)
                self.assertEqual(record["caller"], caller)
                self.assertEqual(record["proof"], "signature")
                self.assertEqual(record["accessKeyId"], key[0] if caller == eve_arn else ROOT[0])
                self.assertEqual(record["peer"], "127.0.0.1")
                self.assertIn("Boto3/", record["userAgent"])
            self.assertEqual(told[answer_id][-1]["outcome"], outcome)
            if len(told[answer_id]) == 2:
                self.assertEqual(told[answer_id][0]["record"], "intent")
                self.assertNotIn("outcome", told[answer_id][0])
        self.assertIn("no identity-based policy allows", told[ids[4]][0]["reason"])
        self.assertEqual(told[ids[1]][0]["permissions"], [
            {"action": "iam:PassRole", "resource": role["Role"]["Arn"]}])
        # The user that was named in another spelling is told by its own ARN.
        keyed = [it for it in self.records() if it["action"] == "iam:CreateAccessKey"]
        self.assertEqual({it["resource"] for it in keyed}, {eve_arn})
        lines = self.log().splitlines()
        for answer_id in ids:
            self.assertEqual(sum(answer_id in line for line in lines), 1, answer_id)
        with open(self.audit, encoding="utf-8") as file:
            text = file.read() + self.log()
        for secret in [key[1], ROOT[1], "Hello World"]:
            self.assertNotIn(secret, text)

    def test_failed_signatures_are_told_by_key_and_address_and_a_flood_is_counted(self):
        wrong, nobody = self.client(key=(ROOT[0], "wrong")), self.client(key=("AKIDNOBODY", "x"))
        response = self.refusal(wrong.list_state_machines)
        self.refusal(nobody.list_state_machines)
        self.refusal(self.client("iam", ("AKIDNOBODY", "x")).list_users)
        request = urllib.request.Request(self.server.url, data=b"{}", headers={
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "AWSStepFunctions.CreateActivity", "User-Agent": "stranger"})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        caught.exception.close()
        records = self.records()
        names = ["accessKeyId", "peer", "action", "outcome"]
        self.assertEqual([tuple(record.get(name) for name in names) for record in records], [
            (ROOT[0], "127.0.0.1", "states:ListStateMachines", "InvalidSignatureException"),
            ("AKIDNOBODY", "127.0.0.1", "states:ListStateMachines",
             "UnrecognizedClientException"),
            ("AKIDNOBODY", "127.0.0.1", "iam:ListUsers", "InvalidClientTokenId"),
            (None, "127.0.0.1", "states:CreateActivity", "MissingAuthenticationTokenException"),
        ])
        self.assertEqual(records[0]["requestId"], response["ResponseMetadata"]["RequestId"])
        self.assertEqual(records[-1]["userAgent"], "stranger")
        self.assertTrue(all("caller" not in record for record in records))
        for _ in range(80):
            self.refusal(nobody.list_state_machines)
        self.client().create_activity(name="a")
        self.server.terminate()
        records = self.records()
        omitted = [it for it in records if it["record"] == "omitted"]
        self.assertEqual({it["peer"] for it in omitted}, {"127.0.0.1"})
        written = sum("caller" not in it for it in records) - len(omitted)
        self.assertEqual(written + sum(it["count"] for it in omitted), 84)
        # Those of one minute, or of two where it ended in between.
        self.assertIn(written, range(60, 84))
        self.assertIn(("states:CreateActivity", "done"), self.outcomes())

    def test_tasks_are_callers(self):
        iam, sfn = self.client("iam"), self.client()
        role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(TRUST))
        role = role["Role"]["Arn"]
        iam.put_role_policy(
            RoleName="worker", PolicyName="p", PolicyDocument=json.dumps(ALLOW_ALL))
        make = lambda name, definition: sfn.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
        child = make("child", HELLO)
        for resource, parameters, operation, on in [
            ("states:startExecution", {"StateMachineArn": child}, "StartExecution", child),
            ("aws-sdk:sfn:createActivity", {"Name": "a"}, "CreateActivity", arn("activity", "a")),
        ]:
            parent = make(f"parent-{operation}", one_state({
                "Type": "Task", "Resource": f"arn:aws:states:::{resource}",
                "Parameters": parameters}))
            execution = sfn.start_execution(stateMachineArn=parent)["executionArn"]
            self.assertEqual(ended(sfn, execution)["status"], "SUCCEEDED")
            records = [it for it in self.records() if it.get("execution") == execution]
            self.assertEqual([it["record"] for it in records], ["intent", "outcome"], resource)
            self.assertEqual(records[0]["requestId"], records[1]["requestId"])
            for record in records:
                self.assertEqual(record["action"], f"states:{operation}")
                self.assertEqual(record["resource"], on)
                self.assertIn(":assumed-role/worker/", record["caller"])
                self.assertEqual(record["proof"], "task")

    def test_a_test_of_a_state_is_told_since_it_calls_services(self):
        sfn = self.server.client(key=ROOT[0], secret=ROOT[1], inject_host_prefix=False)
        state = json.dumps({"Type": "Pass", "End": True})
        sfn.test_state(definition=state)
        self.assertEqual(self.outcomes(), [("states:TestState", "done")])


class Reads(AuditTest):
    options = ("--audit-reads",)

    def test_reads_are_told_where_that_is_asked_for(self):
        self.client().list_activities()
        self.client("iam").list_roles()
        self.client("sts").get_caller_identity()
        self.assertEqual(self.outcomes(), [
            ("states:ListActivities", "done"), ("iam:ListRoles", "done"),
            ("sts:GetCallerIdentity", "done")])
        self.assertEqual({it["proof"] for it in self.records()}, {"none"})


class Unwritable(AuditTest):
    def test_nothing_is_changed_and_reads_go_on(self):
        sfn, iam = self.client(), self.client("iam")
        machine = create(sfn, "m", HELLO)
        parent = create(sfn, "parent", one_state({
            "Type": "Task", "Resource": "arn:aws:states:::states:startExecution",
            "Parameters": {"StateMachineArn": machine}}))
        wait = create(sfn, "wait", {"StartAt": "W", "States": {
            "W": {"Type": "Wait", "Seconds": 1, "Next": "T"},
            "T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution",
                  "Parameters": {"StateMachineArn": machine}, "End": True}}})
        waiting = sfn.start_execution(stateMachineArn=wait)["executionArn"]
        shutil.move(os.path.dirname(self.audit), os.path.join(self.folder, "moved"))
        for call, members in [
            (sfn.start_execution, {"stateMachineArn": parent}),
            (sfn.create_activity, {"name": "a"}),
            (iam.create_user, {"UserName": "u"}),
            (iam.create_role, {"RoleName": "r", "AssumeRolePolicyDocument": json.dumps(TRUST)}),
        ]:
            response = self.refusal(call, **members)
            self.assertEqual(response["ResponseMetadata"]["HTTPStatusCode"], 503)
            self.assertEqual(response["Error"],
                             {**response["Error"], "Code": "ServiceUnavailable",
                              "Message": UNWRITTEN})
        self.assertEqual(sfn.list_activities()["activities"], [])
        self.assertEqual(iam.list_users()["Users"], [])
        self.assertEqual(len(sfn.list_state_machines()["stateMachines"]), 3)
        # A nested start waits until its record can be written.
        wait_for(lambda: "not available: the audit cannot be written" in self.log(), 20,
                 "the nested start that is held up")
        self.assertEqual(sfn.describe_execution(executionArn=waiting)["status"], "RUNNING")
        self.assertEqual(sfn.list_executions(stateMachineArn=machine)["executions"], [])
        shutil.move(os.path.join(self.folder, "moved"), os.path.dirname(self.audit))
        self.assertEqual(ended(sfn, waiting)["status"], "SUCCEEDED")
        sfn.create_activity(name="a")
        self.assertEqual(self.outcomes()[-1], ("states:CreateActivity", "done"))
        self.assertEqual(len(re.findall("ERROR.*the audit cannot be written", self.log())), 1)
        self.assertIn("the audit can be written again", self.log())

    def test_a_full_disk_is_a_file_that_cannot_be_written(self):
        self.server.terminate()
        self.serve("/dev/full")
        self.assertEqual(
            self.refusal(self.client().create_activity, name="a")["Error"]["Message"], UNWRITTEN)
        self.assertEqual(self.client().list_activities()["activities"], [])

    def test_the_server_is_not_ready_meanwhile(self):
        self.assertEqual(self.ready(), 200)
        shutil.move(os.path.dirname(self.audit), os.path.join(self.folder, "moved"))
        self.refusal(self.client().create_activity, name="a")
        self.assertEqual(self.ready(), 503)
        self.assertEqual(self.ready(), 503)
        shutil.move(os.path.join(self.folder, "moved"), os.path.dirname(self.audit))
        # No call has changed anything since: the answer is found out by a record of its own.
        self.assertEqual(self.ready(), 200)
        self.assertEqual(self.records()[-1]["record"], "resumed")

    def ready(self):
        try:
            with urllib.request.urlopen(self.server.url + "/health/ready", timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


class Rotation(AuditTest):
    def test_a_signal_opens_the_file_anew_and_ends_nothing(self):
        sfn = self.client()
        sfn.create_activity(name="before")
        rotated = self.audit + ".1"
        os.rename(self.audit, rotated)
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "the audit is opened anew" in self.log(), 10, "the log of the signal")
        sfn.create_activity(name="after")
        self.assertEqual(len(self.records(rotated)), 2)
        self.assertEqual([it["resource"] for it in self.records()],
                         [arn("activity", "after")] * 2)
        self.assertEqual(os.stat(self.audit).st_mode & 0o777, 0o600)
        self.assertEqual(self.server.terminate(), 0)


if __name__ == "__main__":
    unittest.main()
