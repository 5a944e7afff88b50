"""Ways of tasks to hosts that they may not reach, each with a control: the allowed form passes."""

import http.server
import os
import shutil
import tempfile
import textwrap
import threading
import unittest

from harness import REGION, Server, create, ended

SECRET = "secret-of-the-connection"
CONNECTION = f"arn:aws:events:{REGION}:123456789012:connection/api/1"


class Listener(http.server.ThreadingHTTPServer):
    """A host that answers any request, and keeps what it got."""

    def __init__(self, address="127.0.0.1", redirect=None):
        self.got = got = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                got.append((self.path, self.headers.get("X-Key")))
                self.send_response(302 if redirect else 200)
                if redirect:
                    self.send_header("Location", redirect)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_PUT = do_POST = do_GET

            def log_message(self, *arguments):
                pass

        super().__init__((address, 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def taken(self):
        """What it got since the last time."""
        taken = self.got[:]
        del self.got[:]
        return taken


def names_of_this_machine():
    """Names other than localhost that this system's resolver has loopback addresses for."""
    names = []
    with open("/etc/hosts") as file:
        for line in file:
            address, *hosts = line.split("#")[0].split() or [""]
            if address.startswith("127.") or address == "::1":
                names += [host for host in hosts if host != "localhost"]
    return names


class NetworkTest(unittest.TestCase):
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        path = os.path.join(cls.folder, "stairwell.toml")
        with open(path, "w") as file:
            file.write(textwrap.dedent(f"""
                [connections.api]
                api-key = {{ name = "X-Key", value = "{SECRET}" }}
            """))
        cls.server = Server(os.path.join(cls.folder, "data"), "--config", path, *cls.options)
        cls.addClassCleanup(cls.server.terminate)
        cls.sfn = cls.server.client()
        # Another address of the machine, which stands for another host.
        cls.own, cls.other = Listener(), Listener("127.0.0.2")
        for listener in (cls.own, cls.other):
            cls.addClassCleanup(listener.server_close)
            cls.addClassCleanup(listener.shutdown)
        cls.count = 0

    def run_task(self, resource, parameters):
        type(self).count += 1
        machine = create(self.sfn, f"network-{self.count}", {"StartAt": "T", "States": {"T": {
            "Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters,
            "End": True}}})
        execution = self.sfn.start_execution(stateMachineArn=machine)["executionArn"]
        return ended(self.sfn, execution)

    def invoke(self, url, **more):
        return self.run_task("http:invoke", {
            "ApiEndpoint": url, "Method": "GET",
            "Authentication": {"ConnectionArn": CONNECTION}, **more})

    def refused(self, url):
        found = self.invoke(url)
        self.assertEqual(found["status"], "FAILED", url)
        self.assertNotIn(SECRET, found.get("cause", ""))
        self.assertEqual((self.own.taken(), self.other.taken()), ([], []), url)
        return found

    def test_only_this_machine_is_spoken_to_without_tls(self):
        own, other = self.own.server_port, self.other.server_port
        for url in [f"http://127.0.0.1:{own}/a", f"http://localhost:{own}/a"]:
            found = self.invoke(url)
            self.assertEqual(found["status"], "SUCCEEDED", found)
            self.assertEqual(self.own.taken(), [("/a", SECRET)])
        self.assertEqual(self.invoke(f"http://127.0.0.2:{other}/b")["status"], "SUCCEEDED")
        self.assertEqual(self.other.taken(), [("/b", SECRET)])
        for url in [
            f"http://127.0.0.1:{own}@127.0.0.2:{other}/", f"http://127.0.0.1:{own}@169.254.169.254/",
            f"http://user@127.0.0.1:{own}/", f"http://user:pass@localhost:{own}/",
            f"http://127.anything.example:{own}/", f"http://127.0.0.1.example.com:{own}/",
            f"http://2130706433:{own}/", f"http://0x7f000001:{own}/", f"http://0177.0.0.1:{own}/",
            f"http://127.1:{own}/", f"http://0.0.0.0:{own}/", f"http://[::]:{own}/",
            "http://169.254.169.254/latest/api/token", "http://[fd00:ec2::254]/latest/api/token",
            "http://2852039166/", "http://[::ffff:169.254.169.254]/", "http://10.0.0.1/",
        ]:
            found = self.refused(url)
            self.assertEqual(found["error"], "States.Runtime", found)

    def test_addresses_are_judged_after_names_are_resolved(self):
        own = self.own.server_port
        names = names_of_this_machine()
        if not names:
            self.skipTest("/etc/hosts has no name of this machine but localhost")
        for url in [f"https://{name}:{own}/" for name in names] + [
            "https://169.254.169.254/", "https://[fe80::1]/", "https://[fd00:ec2::254]/",
            "https://10.0.0.1/", "https://192.168.0.1/", f"https://0.0.0.0:{own}/",
        ]:
            found = self.refused(url)
            self.assertEqual(found["error"], "States.Http.Socket", found)
            self.assertIn("has no address that may be connected to here", found["cause"])
        # The control: a connection is made, and then there is no TLS to be had.
        found = self.invoke(f"https://localhost:{own}/")
        self.assertNotIn("has no address", found["cause"])

    def test_a_redirect_is_not_followed(self):
        redirecting = Listener(redirect=f"http://127.0.0.1:{self.own.server_port}/next")
        self.addCleanup(redirecting.server_close)
        self.addCleanup(redirecting.shutdown)
        self.invoke(f"http://127.0.0.1:{redirecting.server_port}/first")
        self.assertEqual([path for path, _ in redirecting.taken()], ["/first"])
        self.assertEqual(self.own.taken(), [])

    def test_an_api_of_another_host_is_not_reached_without_tls(self):
        own, other = self.own.server_port, self.other.server_port
        call = {"Method": "GET", "Stage": "s", "Path": "/p"}
        for endpoint in [f"localhost:{own}", f"http://127.0.0.1:{own}"]:
            found = self.run_task("apigateway:invoke", {"ApiEndpoint": endpoint, **call})
            self.assertEqual(found["status"], "SUCCEEDED", found)
            self.assertEqual(self.own.taken(), [("/s/p", None)])
        for endpoint in [f"127.0.0.1:{own}@127.0.0.2:{other}", f"http://x@127.0.0.1:{own}",
                         f"2130706433:{own}", "http://169.254.169.254", "169.254.169.254"]:
            found = self.run_task("apigateway:invoke", {"ApiEndpoint": endpoint, **call})
            self.assertEqual(found["status"], "FAILED", endpoint)
            self.assertEqual((self.own.taken(), self.other.taken()), ([], []), endpoint)
        climbing = {**call, "ApiEndpoint": f"localhost:{own}", "Path": "/p/../../admin"}
        self.assertEqual(self.run_task("apigateway:invoke", climbing)["status"], "FAILED")
        self.assertEqual(self.own.taken(), [])

    def test_a_label_is_no_way_to_another_resource(self):
        environment = {"AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{self.own.server_port}"}
        server = Server(os.path.join(self.folder, "labels"), environment=environment)
        self.addCleanup(server.terminate)
        sfn = server.client()
        for name, expected in [("fine", ["/2015-03-31/functions/fine"]), ("..", []), (".", [])]:
            machine = create(sfn, f"label-{name.count('.')}", {"StartAt": "T", "States": {"T": {
                "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:lambda:getFunction",
                "Parameters": {"FunctionName": name}, "End": True}}})
            execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
            found = ended(sfn, execution)
            self.assertEqual([path for path, _ in self.own.taken()], expected, found)
            self.assertEqual(found["status"], "SUCCEEDED" if expected else "FAILED", found)


class PrivateAddresses(NetworkTest):
    """What `--allow-private-addresses` lets tasks reach, and what it does not."""

    options = ("--allow-private-addresses",)

    def test_the_line_says_so(self):
        self.assertIn("; tasks reach private addresses)", self.server.line)

    def test_addresses_are_judged_after_names_are_resolved(self):
        own = self.own.server_port
        for url in ["https://169.254.169.254/", "https://[fe80::1]/", "https://[fd00:ec2::254]/",
                    f"https://0.0.0.0:{own}/"]:
            self.assertIn("has no address that may be", self.refused(url)["cause"])
        for name in names_of_this_machine():
            found = self.invoke(f"https://{name}:{own}/")
            self.assertNotIn("has no address that may be", found["cause"])
            found = self.refused(f"http://{name}:{own}/")
            self.assertEqual(found["error"], "States.Runtime", found)


if __name__ == "__main__":
    unittest.main()
