"""Where the requests of tasks go: AWS's own endpoints, proxies, profiles. Nothing leaves the machine:
a proxy that answers nothing is told where a request would go."""

import os
import shutil
import socketserver
import subprocess
import tempfile
import textwrap
import threading
import unittest

import harness
from harness import Server, create, ended
from test_attacks_network import Listener

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}


class Proxy(socketserver.ThreadingTCPServer):
    """Keeps the first line and the proof of what it is asked for, and refuses it."""

    def __init__(self):
        self.got = got = []

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                head = iter(lambda: self.rfile.readline().decode().strip(), "")
                first, *headers = head
                proof = [line for line in headers if line.lower().startswith("proxy-auth")]
                got.append((first, proof))
                self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://user:pass-word@127.0.0.1:{self.server_address[1]}"


class OutboundTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.proxy = Proxy()
        self.addCleanup(self.proxy.server_close)
        self.addCleanup(self.proxy.shutdown)

    def run_tasks(self, environment, *resources, parameters={}):
        """The causes of these tasks, on a server with these variables."""
        server = Server(tempfile.mkdtemp(dir=self.folder), environment=environment)
        self.addCleanup(server.terminate)
        sfn = server.client()
        causes = []
        for number, resource in enumerate(resources):
            machine = create(sfn, f"outbound-{number}", {"StartAt": "T", "States": {"T": {
                "Type": "Task", "Resource": f"arn:aws:states:::{resource}",
                "Parameters": parameters, "End": True}}})
            execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
            causes.append(ended(sfn, execution).get("cause"))
        return causes

    def connects(self):
        return [first.removeprefix("CONNECT ").removesuffix(" HTTP/1.1")
                for first, _ in self.proxy.got]

    def test_services_are_looked_for_where_they_are(self):
        tasks = ["aws-sdk:sqs:listQueues", "aws-sdk:datazone:listDomains",
                 "aws-sdk:iam:listUsers", "aws-sdk:s3:listBuckets"]
        for more, expected in [
            ({}, ["sqs.us-east-1.amazonaws.com:443", "datazone.us-east-1.api.aws:443",
                  "iam.amazonaws.com:443", "s3.us-east-1.amazonaws.com:443"]),
            ({"AWS_USE_FIPS_ENDPOINT": "true"},
             ["sqs-fips.us-east-1.amazonaws.com:443", "datazone-fips.us-east-1.api.aws:443",
              "iam-fips.amazonaws.com:443", "s3-fips.us-east-1.amazonaws.com:443"]),
            ({"AWS_USE_DUALSTACK_ENDPOINT": "true"},
             ["sqs.us-east-1.api.aws:443", "datazone.us-east-1.api.aws:443",
              "iam.global.api.aws:443", "s3.dualstack.us-east-1.amazonaws.com:443"]),
        ]:
            del self.proxy.got[:]
            causes = self.run_tasks({"HTTPS_PROXY": self.proxy.url, **KEYS, **more}, *tasks)
            self.assertEqual(self.connects(), expected)
            proofs = {tuple(proof) for _, proof in self.proxy.got}
            self.assertEqual(proofs, {("Proxy-Authorization: Basic dXNlcjpwYXNzLXdvcmQ=",)})
            for cause in causes:
                self.assertNotIn("pass-word", cause)

    def test_what_cannot_be_fips_is_not_called(self):
        here = Listener()
        self.addCleanup(here.server_close)
        self.addCleanup(here.shutdown)
        url = f"http://127.0.0.1:{here.server_port}"
        fips = {"AWS_USE_FIPS_ENDPOINT": "true", **KEYS}
        [cause] = self.run_tasks({**fips, "AWS_ENDPOINT_URL_SQS": url}, "aws-sdk:sqs:listQueues")
        self.assertIn("FIPS and custom endpoint are not supported", cause)
        self.assertEqual(here.taken(), [])
        [cause] = self.run_tasks({**KEYS, "AWS_ENDPOINT_URL_SQS": url}, "aws-sdk:sqs:listQueues")
        self.assertEqual([path for path, _ in here.taken()], ["/"], cause)

    def test_proxies_are_not_asked_for_this_machine_or_for_what_they_are_not_for(self):
        here = Listener()
        self.addCleanup(here.server_close)
        self.addCleanup(here.shutdown)
        proxies = {"HTTPS_PROXY": self.proxy.url, "HTTP_PROXY": self.proxy.url, **KEYS}
        own = {"ApiEndpoint": f"http://localhost:{here.server_port}/", "Method": "GET"}
        self.run_tasks(proxies, "http:invoke", parameters={
            **own, "Authentication": {"ConnectionArn": "arn:aws:events:us-east-1:1:connection/a/b"}})
        # The connection is asked for at AWS, by the proxy.
        self.assertEqual(self.connects(), ["events.us-east-1.amazonaws.com:443"])
        del self.proxy.got[:]
        [cause] = self.run_tasks(
            {**proxies, "AWS_ENDPOINT_URL_SQS": "http://queues.invalid"}, "aws-sdk:sqs:listQueues")
        self.assertEqual(self.connects(), ["POST http://queues.invalid/"], cause)
        del self.proxy.got[:]
        self.run_tasks({**proxies, "NO_PROXY": "queues.invalid",
                        "AWS_ENDPOINT_URL_SQS": "http://queues.invalid"}, "aws-sdk:sqs:listQueues")
        self.assertEqual(self.connects(), [])

    def test_a_proxy_that_cannot_be_used_is_refused_at_start(self):
        for variable, value in [("HTTPS_PROXY", "socks5://user:pass-word@127.0.0.1:1"),
                                ("http_proxy", "::::")]:
            command = [harness.BINARY, "serve", "--port", "0", "--in-memory"]
            run = subprocess.run(command, env={**harness.ENVIRONMENT, variable: value},
                                 capture_output=True, text=True, timeout=60)
            self.assertNotEqual(run.returncode, 0)
            self.assertIn(f"{variable} is not the URL of a proxy", run.stderr)
            self.assertNotIn("pass-word", run.stderr)

    def test_a_profile_says_who_calls_and_where(self):
        here = Listener()
        self.addCleanup(here.server_close)
        self.addCleanup(here.shutdown)
        config = os.path.join(self.folder, "config")
        with open(config, "w") as file:
            file.write(textwrap.dedent(f"""
                [profile work]
                credential_process = echo '{{"Version":1,"AccessKeyId":"K","SecretAccessKey":"S"}}'
                services = local
                [services local]
                sqs =
                  endpoint_url = http://127.0.0.1:{here.server_port}
                [profile person]
                role_arn = arn:aws:iam::123456789012:role/r
                source_profile = work
                mfa_serial = arn:aws:iam::123456789012:mfa/me
            """))
        files = {"AWS_CONFIG_FILE": config, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        self.run_tasks({**files, "AWS_PROFILE": "work"}, "aws-sdk:sqs:listQueues")
        self.assertEqual([path for path, _ in here.taken()], ["/"])
        [cause] = self.run_tasks({**files, "AWS_PROFILE": "person"}, "aws-sdk:sqs:listQueues")
        self.assertIn("mfa_serial", cause)


if __name__ == "__main__":
    unittest.main()
