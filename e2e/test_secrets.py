"""No secret stands in plain text in what a server writes: its data folder, its log at `trace`, its
audit, the logs of executions, histories, answers. A scanner looks for each in every form that it
could have; that it finds what is there is shown by secrets that are put there."""

import base64
import http.server
import json
import os
import shutil
import sys
import tempfile
import textwrap
import threading
import unittest
import urllib.parse

from harness import REGION, Server, ended, history
from test_functions import RUNTIME
from test_identity import TRUST, client, document

ACCOUNT = "111111111111"
ROOT = ("AKIDROOTROOT", "root-Secret/0123456789+abcdefghijkl")
CONNECTION_SECRETS = {
    "api-key": "connection-Api-Key/0123456789",
    "password": "connection-Password/0123456789",
    "client-secret": "connection-Client-Secret/0123456789",
    "header": "connection-Header-Value/0123456789",
}
AWS_SECRET = "aws-Secret-Access-Key/0123456789+abcdef"
AWS_TOKEN = "aws-Session-Token/0123456789+abcdef"
FUNCTION_SECRET = "function-Variable/0123456789"
TOKEN_OF_OAUTH = "oauth-Token/0123456789"


def forms(secret):
    """A secret as it is, and as JSON, URLs, numbers, hexadecimal digits and base64 have it."""
    plain = secret if isinstance(secret, bytes) else secret.encode()
    encoded = set()
    for padding in range(3):
        # What is before it decides how its letters are cut; those at the ends depend on others.
        text = base64.b64encode(b"x" * padding + plain).decode().rstrip("=")
        encoded.add(text[-(-padding * 8 // 6):-2])
    texts = encoded | {text.replace("+", "-").replace("/", "_") for text in encoded}
    numbers = ",".join(str(byte) for byte in plain)
    texts.add(urllib.parse.quote(plain, safe=""))
    texts |= {numbers, numbers.replace(",", ", "), plain.hex(), plain.hex().upper()}
    try:
        texts |= {json.dumps(plain.decode())[1:-1], plain.decode().replace("/", "\\/")}
    except UnicodeDecodeError:
        pass
    return {plain} | {text.encode() for text in texts}


def scan(folder, secrets, extra):
    """The names of the secrets that stand in files below a folder or in other bytes, with where."""
    wanted = {name: forms(secret) for name, secret in secrets.items()}
    found = []

    def look(place, content):
        found.extend((name, place) for name, texts in wanted.items()
                     if any(text in content for text in texts))

    for place, _, files in os.walk(folder):
        for file in files:
            path = os.path.join(place, file)
            with open(path, "rb") as content:
                look(os.path.relpath(path, folder), content.read())
    for place, content in extra.items():
        look(place, content if isinstance(content, bytes) else content.encode())
    return found


class Services(http.server.BaseHTTPRequestHandler):
    """What is called by tasks: it keeps what was sent, and gives tokens."""

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        self.server.got.append(f"{self.path} {self.headers} {body}")
        answer = {"access_token": TOKEN_OF_OAUTH} if self.path == "/token" else {"ok": True}
        answer = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def log_message(self, *arguments):
        pass


def task(resource, parameters):
    return {"Type": "Task", "Resource": resource, "Parameters": parameters}


class SecretsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        # What the server writes is apart from what it reads.
        self.written = os.path.join(self.folder, "written")
        os.mkdir(self.written)
        self.services = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Services)
        self.services.got = []
        threading.Thread(target=self.services.serve_forever, daemon=True).start()
        self.addCleanup(self.services.server_close)
        self.addCleanup(self.services.shutdown)
        self.url = f"http://localhost:{self.services.server_port}"
        self.key_file = os.path.join(self.folder, "key")
        self.data = os.path.join(self.written, "data")
        self.outputs = {}

    def configure(self):
        program = os.path.join(self.folder, "function.py")
        with open(program, "w", encoding="utf-8") as file:
            file.write(RUNTIME)
        keys = os.path.join(self.folder, "keys")
        with open(keys, "w", encoding="utf-8") as file:
            file.write(f"{ROOT[0]}={ACCOUNT}:{ROOT[1]}\n")
        path = os.path.join(self.folder, "stairwell.toml")
        secrets = CONNECTION_SECRETS
        with open(path, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(f"""
                account = "{ACCOUNT}"
                [connections.key]
                api-key = {{ name = "X-Key", value = "{secrets["api-key"]}" }}
                headers = {{ X-More = "{secrets["header"]}" }}
                [connections.basic]
                basic = {{ username = "me", password = "{secrets["password"]}" }}
                [connections.oauth]
                oauth = {{ endpoint = "{self.url}/token", client-id = "me",
                           client-secret = "{secrets["client-secret"]}" }}
                [lambda-functions.local]
                command = {json.dumps([sys.executable, program])}
                environment = {{ TOKEN = "{FUNCTION_SECRET}" }}
            """).replace("\n           ", " "))
        return "--config", path, "--access-key", f"@{keys}", "--key-file", self.key_file

    def serve(self, options):
        log = open(os.path.join(self.written, "log"), "ab")
        self.addCleanup(log.close)
        server = Server(
            self.data, *options, "--require-auth", "--log", "trace",
            "--audit", os.path.join(self.written, "audit.jsonl"),
            "--log-executions", f"file:{os.path.join(self.written, 'executions.jsonl')}",
            log=log,
            environment={
                "AWS_ACCESS_KEY_ID": "AKIDOFSERVER", "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
                "AWS_SESSION_TOKEN": AWS_TOKEN, "AWS_ENDPOINT_URL_SQS": self.url,
            },
        )
        self.addCleanup(server.kill)
        return server

    def run_all(self, server):
        """A machine for each kind of task that has a secret at hand; keeps what came of it."""
        sfn = server.client(key=ROOT[0], secret=ROOT[1], inject_host_prefix=False)
        iam = client(server, "iam", *ROOT)
        role = f"arn:aws:iam::{ACCOUNT}:role/worker"
        iam.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName="worker", PolicyName="all",
                            PolicyDocument=json.dumps(document(("*", "*"))))
        group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/vendedlogs/states/m:*"
        call = lambda name: task("arn:aws:states:::http:invoke", {
            "ApiEndpoint": f"{self.url}/call", "Method": "POST",
            "RequestBody": {"order": 1}, "Authentication": {
                "ConnectionArn": f"arn:aws:events:{REGION}:{ACCOUNT}:connection/{name}/1"}})
        function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:local"
        states = {
            "key": call("key"), "basic": call("basic"), "oauth": call("oauth"),
            "function": task(function, {"order": 1}),
            "failed-function": task(function, {"do": "fail"}),
            "sqs": task("arn:aws:states:::sqs:sendMessage", {
                "QueueUrl": f"{self.url}/{ACCOUNT}/q", "MessageBody": "order"}),
            "refused": task("arn:aws:states:::aws-sdk:iam:createUser", {"UserName": "x"}),
        }
        for name, state in states.items():
            machine = sfn.create_state_machine(
                name=name, roleArn=role,
                definition=json.dumps({"StartAt": "S", "States": {"S": {**state, "End": True}}}),
                loggingConfiguration={
                    "level": "ALL", "includeExecutionData": True,
                    "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]},
            )["stateMachineArn"]
            execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
            told = ended(sfn, execution)
            self.outputs[f"description of {name}"] = json.dumps(told, default=str)
            self.outputs[f"history of {name}"] = json.dumps(history(sfn, execution), default=str)
            tested = sfn.test_state(
                definition=json.dumps({**state, "End": True}), roleArn=role,
                inspectionLevel="TRACE")
            self.outputs[f"TestState of {name}"] = json.dumps(tested, default=str)

    def make_identities(self, server):
        """The secrets of a user's key and of a session, which have signed something since."""
        iam = client(server, "iam", *ROOT)
        iam.create_user(UserName="ann")
        iam.put_user_policy(UserName="ann", PolicyName="all",
                            PolicyDocument=json.dumps(document(("*", "*"))))
        key = iam.create_access_key(UserName="ann")["AccessKey"]
        user = (key["AccessKeyId"], key["SecretAccessKey"])
        trust = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]}
        iam.create_role(RoleName="assumed", AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName="assumed", PolicyName="all",
                            PolicyDocument=json.dumps(document(("*", "*"))))
        given = client(server, "sts", *user).assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/assumed", RoleSessionName="one")["Credentials"]
        session = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        for credentials in [user, session]:
            client(server, "stepfunctions", *credentials).create_activity(name="signed")
        # Refusals tell nothing either.
        wrong = client(server, "stepfunctions", user[0], user[1][::-1])
        with self.assertRaises(wrong.exceptions.ClientError) as refused:
            wrong.list_activities()
        self.outputs["refusal"] = str(refused.exception)
        return {"user's key": user[1], "session's key": session[1], "session's token": session[2]}

    def test_nothing_is_written_in_plain_text(self):
        options = self.configure()
        server = self.serve(options)
        secrets = {
            "root's key": ROOT[1], "AWS's key": AWS_SECRET, "AWS's token": AWS_TOKEN,
            "function": FUNCTION_SECRET, "token of OAuth": TOKEN_OF_OAUTH, **CONNECTION_SECRETS,
        }
        secrets |= self.make_identities(server)
        self.run_all(server)
        with open(self.key_file, encoding="utf-8") as file:
            secrets["key file"] = base64.b64decode(file.read().split()[1])
        self.assertEqual(len(secrets["key file"]), 32)
        # They were used: what was sent to the services has them.
        sent = dict(enumerate(self.services.got))
        used = {name for name, _ in scan(self.folder + "/none", secrets, sent)}
        self.assertLessEqual({"api-key", "password", "client-secret", "header", "AWS's token",
                              "token of OAuth"}, used)
        found = scan(self.written, secrets, self.outputs)
        self.assertEqual(found, [], "while it runs")
        server.kill()
        server = self.serve(options)
        self.assertEqual(server.terminate(), 0)
        self.assertEqual(scan(self.written, secrets, self.outputs), [], "after two restarts")
        # The scanner sees what is there, in whichever form.
        whole = {name: os.path.getsize(os.path.join(self.written, name))
                 for name in ["log", "audit.jsonl", "executions.jsonl"]}
        self.assertGreater(min(whole.values()), 1_000, whole)
        plant = os.path.join(self.data, "planted")
        for secret in [secrets["user's key"], secrets["key file"]]:
            for form in forms(secret):
                with open(plant, "wb") as file:
                    file.write(b"before" + form + b"after")
                self.assertEqual(len(scan(self.written, secrets, {})), 1, form)
        with open(plant, "wb") as file:
            file.write(b'{"secret":"' + base64.b64encode(b"ab:" + ROOT[1].encode()) + b'"}')
        self.assertEqual(scan(self.written, secrets, {}), [("root's key", "data/planted")])


if __name__ == "__main__":
    unittest.main()
