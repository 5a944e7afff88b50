"""What tasks call may speak nonsense, have another's certificate, answer too much, redirect, hang
or die: each is a clear error, and no secret is in the log, which is read here as it is at `trace`."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

import boto3
from botocore.config import Config

import harness
from harness import ACCOUNT, REGION, ROLE, ROOT, Server, create, ended, one_state, wait_for

CONNECTION = f"arn:aws:events:{REGION}:{ACCOUNT}:connection/"
SECRETS = [
    "key-secret", "session-secret", "basic-secret", "header-secret", "query-secret", "body-secret",
    "api-secret", "client-secret-secret", "token-secret",
]


class BadEndpointsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.plain, cls.plain_output = cls.endpoint()
        cls.strange, _ = cls.endpoint(*cls.certificate("strange.invalid", "DNS:strange.invalid"))
        cls.untrusted, _ = cls.endpoint(*cls.certificate("localhost", "DNS:localhost"))
        trusted = os.path.join(cls.folder, "strange.invalid.pem")
        config = os.path.join(cls.folder, "stairwell.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(cls.configuration())
        os.makedirs(os.path.join(cls.folder, "bin"))
        cls.log = os.path.join(cls.folder, "log")
        environment = {
            "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "key-secret",
            "AWS_SESSION_TOKEN": "session-secret", "AWS_CA_BUNDLE": trusted,
            "AWS_ENDPOINT_URL_SNS": f"http://localhost:{cls.plain}/nonsense",
            "AWS_ENDPOINT_URL_SQS": f"https://localhost:{cls.strange}",
            "AWS_ENDPOINT_URL_SSM": f"https://localhost:{cls.untrusted}",
            "AWS_ENDPOINT_URL_GLUE": f"http://localhost:{cls.plain}/large",
            "AWS_ENDPOINT_URL_BATCH": f"http://localhost:{cls.plain}/redirect",
            "AWS_ENDPOINT_URL_LAMBDA": f"http://localhost:{cls.plain}/cut",
        }
        data = os.path.join(cls.folder, "data")
        with open(cls.log, "w", encoding="utf-8") as log:
            cls.server = Server(
                data, "--config", config, "--log", "trace", environment=environment, log=log
            )
        cls.addClassCleanup(cls.server.kill)
        cls.sfn = cls.server.client()

    @classmethod
    def endpoint(cls, *certificate):
        output = open(os.path.join(cls.folder, f"requests-{time.time_ns()}"), "w+")
        cls.addClassCleanup(output.close)
        double = os.path.join(ROOT, "e2e/data/bad_endpoint.py")
        process = subprocess.Popen([sys.executable, double, *certificate], stdout=output)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.kill)
        reader = open(output.name, encoding="utf-8")
        cls.addClassCleanup(reader.close)
        return wait_for(lambda: int(reader.readline() or 0), 20, "the endpoint"), reader

    @classmethod
    def certificate(cls, name, names):
        paths = [os.path.join(cls.folder, f"{name}.{end}") for end in ("pem", "key")]
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             f"/CN={name}", "-addext", f"subjectAltName={names}",
             "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", paths[1],
             "-out", paths[0]],
            capture_output=True, check=False,
        )
        if made.returncode != 0:
            raise unittest.SkipTest("there is no openssl that makes certificates")
        return paths

    @classmethod
    def configuration(cls):
        url = f"http://localhost:{cls.plain}"
        shell = lambda program: json.dumps(["/bin/sh", "-c", program])
        # A runtime that takes an invocation and answers what is none, to another's id, and ends.
        garbage = textwrap.dedent(
            """
            import os, urllib.request
            base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"
            def post(path, body):
                request = urllib.request.Request(base + path, data=body)
                try:
                    urllib.request.urlopen(request).read()
                except OSError:
                    pass
            answer = urllib.request.urlopen(base + "invocation/next")
            answer.read()
            post("invocation/another/response", b"1")
            post("nonsense", b"1")
            request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
            post("invocation/" + request_id + "/response", b"\\xff{no JSON")
            """
        )
        program = os.path.join(cls.folder, "garbage.py")
        with open(program, "w", encoding="utf-8") as file:
            file.write(garbage)
        return textwrap.dedent(
            f"""
            [connections.basic]
            basic = {{ username = "me", password = "basic-secret" }}
            headers = {{ X-Own = "header-secret" }}
            query = {{ tenant = "query-secret" }}
            body = {{ source = "body-secret" }}
            [connections.key]
            api-key = {{ name = "X-Key", value = "api-secret" }}
            [connections."{CONNECTION}oauth/1"]
            oauth = {{ endpoint = "{url}/token", client-id = "me",
                client-secret = "client-secret-secret" }}
            [connections.no-token]
            oauth = {{ endpoint = "{url}/no-token", client-id = "me",
                client-secret = "client-secret-secret" }}
            [lambda-functions.ends]
            command = {shell("exit 3")}
            [lambda-functions.prints]
            command = {shell("echo garbage; echo garbage >&2; exit 0")}
            [lambda-functions.killed]
            command = {shell("kill -9 $$")}
            [lambda-functions.garbage]
            command = {json.dumps([sys.executable, program])}
            """
        )

    def run_task(self, resource, parameters, **more):
        task = {"Type": "Task", "Resource": f"arn:aws:states:::{resource}"}
        definition = one_state({**task, "Parameters": parameters, **more})
        machine = create(self.sfn, f"m-{time.time_ns()}", definition)
        started = self.sfn.start_execution(stateMachineArn=machine, input="{}")
        return ended(self.sfn, started["executionArn"])

    def http(self, path, connection=None, **more):
        parameters = {"ApiEndpoint": f"http://localhost:{self.plain}/{path}", "Method": "POST"}
        if connection:
            parameters["Authentication"] = {"ConnectionArn": CONNECTION + connection + "/1"}
        return self.run_task("http:invoke", {**parameters, **more})

    def fails(self, description, error, cause):
        self.assertEqual(description.get("error"), error, description)
        self.assertIn(cause, description.get("cause", ""))
        for secret in SECRETS:
            self.assertNotIn(secret, json.dumps(description, default=str))

    def test_http_apis(self):
        unable = "Unable to execute HTTP request: "
        for path, error, cause in [
            ("nonsense", "States.Http.Socket", unable + "invalid HTTP version parsed"),
            ("cut", "States.Http.Socket", unable + "end of file before message length reached"),
            ("large", "States.DataLimitExceeded", "returned a result with a size exceeding"),
            ("refuse", "States.Http.StatusCode.403", '{"message": "no"}'),
        ]:
            with self.subTest(path):
                self.fails(self.http(path, "basic"), error, cause)
        late = self.run_task(
            "http:invoke",
            {"ApiEndpoint": f"http://localhost:{self.plain}/hang", "Method": "GET"},
            TimeoutSeconds=1,
        )
        self.fails(late, "States.Timeout", "")
        # A redirect is the answer; nobody follows it with the credentials.
        redirected = json.loads(self.http("redirect", "basic")["output"])
        self.assertEqual(redirected["StatusCode"], 302)
        self.assertEqual(redirected["Headers"]["location"], ["https://elsewhere.invalid/stolen"])

    def test_certificates(self):
        for port, cause in [
            (self.strange, "certificate not valid for name"),
            (self.untrusted, "invalid peer certificate: "),
        ]:
            parameters = {"ApiEndpoint": f"https://localhost:{port}/", "Method": "GET"}
            self.fails(self.run_task("http:invoke", parameters), "States.Http.Socket", cause)
        queue = {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/1/q", "MessageBody": "m"}
        for resource, parameters, error, cause in [
            ("aws-sdk:sqs:sendMessage", queue, "Sqs.SdkClientException", "not valid for name"),
            ("sqs:sendMessage", queue, "SQS.SdkClientException", "not valid for name"),
            ("aws-sdk:ssm:getParameter", {"Name": "n"}, "Ssm.SdkClientException", "invalid peer"),
        ]:
            with self.subTest(resource):
                self.fails(self.run_task(resource, parameters), error, cause)

    def test_services(self):
        message = {"TopicArn": "t", "Message": "m"}
        job = {"JobName": "n", "JobQueue": "q", "JobDefinition": "d"}
        for resource, parameters, error, cause in [
            ("sns:publish", message, "SNS.SdkClientException", "invalid HTTP version"),
            ("aws-sdk:sns:publish", message, "Sns.SdkClientException", "invalid HTTP version"),
            ("glue:startJobRun.sync", {"JobName": "n"}, "States.DataLimitExceeded", "exceeding"),
            ("batch:submitJob.sync", job, "Batch.AWSBatchException", "which is not followed"),
            ("lambda:invoke", {"FunctionName": "f"}, "Lambda.SdkClientException", "end of file"),
        ]:
            with self.subTest(resource):
                self.fails(self.run_task(resource, parameters), error, cause)

    def test_commands_that_die(self):
        for function, error, cause in [
            ("ends", "Runtime.ExitError", "Runtime exited with error: exit status: 3"),
            ("prints", "Runtime.ExitError", "Runtime exited with error: exit status: 0"),
            ("killed", "Runtime.ExitError", "signal: 9"),
            ("garbage", "Lambda.Unknown", "did not return an error type"),
        ]:
            with self.subTest(function):
                found = self.run_task("lambda:invoke", {"FunctionName": function})
                self.fails(found, error, cause)

    def test_connections_of_the_configuration(self):
        def sent(connection, **more):
            description = self.http("echo", connection, **more)
            self.assertEqual(description["status"], "SUCCEEDED", description)
            return json.loads(description["output"])["ResponseBody"]

        basic = sent("basic", RequestBody={"a": 1, "source": "own"}, QueryParameters={"q": ["1"]},
                     Headers={"x-own": "own", "x-other": "o"})
        headers = {name.lower(): value for name, value in basic["headers"].items()}
        self.assertEqual(headers["authorization"], "Basic bWU6YmFzaWMtc2VjcmV0")
        self.assertEqual((headers["x-own"], headers["x-other"]), ("header-secret", "o"))
        self.assertEqual(basic["path"], "/echo?q=1&tenant=query-secret")
        self.assertEqual(json.loads(basic["body"]), {"a": 1, "source": "body-secret"})
        self.assertEqual(sent("key")["headers"]["x-key"], "api-secret")
        self.assertEqual(sent("oauth")["headers"]["authorization"], "Bearer token-secret")
        error = "Events.ConnectionResource.AccessDenied"
        self.fails(self.http("echo", "no-token"), error, "it got no access token")

    def test_an_inspection_shows_the_exchange_and_hides_secrets(self):
        def inspected(level, **more):
            parameters = {
                "ApiEndpoint": f"http://localhost:{self.plain}/refuse",
                "Method": "POST",
                "RequestBody": {"a": 1},
                "Authentication": {"ConnectionArn": CONNECTION + "basic/1"},
            }
            resource = "arn:aws:states:::http:invoke"
            state = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
            return self.server.client(inject_host_prefix=False).test_state(
                definition=json.dumps(state), roleArn=ROLE, inspectionLevel=level, **more
            )

        found = inspected("TRACE")
        self.assertEqual(found["error"], "States.Http.StatusCode.403")
        request, response = (found["inspectionData"][it] for it in ("request", "response"))
        self.assertEqual(request, {
            "protocol": "http",
            "method": "POST",
            "url": f"http://localhost:{self.plain}/refuse",
            "headers": f"[content-type: application/json, user-agent: Amazon|StepFunctions|"
                       f"HttpInvoke|{REGION}, range: bytes=0-262144]",
            "body": '{"a":1}',
        })
        self.assertEqual((response["statusCode"], response["statusMessage"]), ("403", "Forbidden"))
        self.assertEqual((response["protocol"], response["body"]), ("http", '{"message": "no"}'))
        self.assertIn("Content-Length: 17", response["headers"])
        revealed = inspected("TRACE", revealSecrets=True)["inspectionData"]["request"]
        self.assertIn("authorization: Basic bWU6YmFzaWMtc2VjcmV0", revealed["headers"])
        self.assertTrue(revealed["url"].endswith("/refuse?tenant=query-secret"), revealed)
        self.assertNotIn("request", inspected("DEBUG")["inspectionData"])

    def test_secrets_are_revealed_to_whom_that_is_allowed(self):
        iam = boto3.client(
            "iam", endpoint_url=self.server.url, region_name=REGION,
            aws_access_key_id="test", aws_secret_access_key="test",
        )
        iam.create_user(UserName="curious")
        key = iam.create_access_key(UserName="curious")["AccessKey"]
        sfn = boto3.client(
            "stepfunctions", endpoint_url=self.server.url, region_name=REGION,
            aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
            config=Config(inject_host_prefix=False),
        )
        parameters = {
            "ApiEndpoint": f"http://localhost:{self.plain}/echo",
            "Method": "GET",
            "Authentication": {"ConnectionArn": CONNECTION + "key/1"},
            "RequestBody": {},
        }
        resource = "arn:aws:states:::http:invoke"
        state = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}

        def headers(*actions):
            allowed = ["states:TestState", "iam:PassRole", *actions]
            statement = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
            policy = {"Version": "2012-10-17", "Statement": [statement]}
            iam.put_user_policy(
                UserName="curious", PolicyName="p", PolicyDocument=json.dumps(policy)
            )
            found = sfn.test_state(
                definition=json.dumps(state), roleArn=ROLE, inspectionLevel="TRACE",
                revealSecrets=True,
            )
            return found["inspectionData"]["request"]["headers"]

        with self.assertRaises(sfn.exceptions.ClientError) as raised:
            headers()
        self.assertEqual(raised.exception.response["Error"]["Code"], "AccessDeniedException")
        self.assertIn("states:RevealSecrets", str(raised.exception))
        self.assertIn("api-secret", headers("states:RevealSecrets"))

    def test_zz_no_secret_is_in_the_log(self):
        """Named to run last: the log of all of the above."""
        with open(self.log, encoding="utf-8") as log:
            text = log.read()
        # That it is the log at that level.
        self.assertIn("TRACE", text)
        for secret in SECRETS + ["bWU6YmFzaWMtc2VjcmV0"]:
            self.assertNotIn(secret, text)


class WrongConnectionsTest(unittest.TestCase):
    def test_a_wrong_section_is_refused_at_start_without_its_values(self):
        folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        config = os.path.join(folder, "stairwell.toml")
        for section, told in [
            ("", "connections.c: it must have one of basic, api-key and oauth"),
            ('basic = "me:secret"', "connections.c: a value is wrong: expected struct BasicTable"),
            ('basic = { username = "secret" }', "connections.c: missing field `password`"),
            ('token = "secret"', "connections.c: unknown field `token`, expected one of"),
            ('api-key = { name = "a b", value = "secret" }', "'a b' is no name of a header"),
            ('api-key = { name = "a", value = "secret\\n" }', "the value of the header 'a' is none"),
            ('oauth = { endpoint = "x", client-id = "secret", client-secret = "secret" }',
             "connections.c: oauth.endpoint is no URL"),
            ('oauth = { endpoint = "https://x", method = "HEAD", client-id = "", '
             'client-secret = "secret" }', "oauth.method is none of GET, POST and PUT"),
            ('basic = { username = "a", password = "secret" }\n'
             'api-key = { name = "a", value = "secret" }', "it must have one of"),
        ]:
            with self.subTest(section):
                with open(config, "w", encoding="utf-8") as file:
                    file.write(f"[connections.c]\n{section}\n")
                ended = subprocess.run(
                    [harness.BINARY, "serve", "--in-memory", "--port", "0", "--config", config],
                    capture_output=True, text=True, env=harness.ENVIRONMENT, timeout=20,
                    check=False,
                )
                self.assertEqual((ended.returncode, ended.stdout), (1, ""), ended)
                self.assertIn(told, ended.stderr)
                self.assertNotIn("secret\"", ended.stderr)
                self.assertNotIn("me:secret", ended.stderr)


if __name__ == "__main__":
    unittest.main()
