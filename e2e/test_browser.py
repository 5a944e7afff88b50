"""What web pages may do to a server on the reader's machine: nothing. By requests as browsers send
them, and by a real Chromium where there is one."""

import http.client
import http.server
import itertools
import json
import shutil
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from harness import ACCOUNT, REGION, Server
from test_identity import client

KEY = ("AKIDROOT", "root-secret")
FORM = "application/x-www-form-urlencoded"
AWS_JSON = "application/x-amz-json-1.0"
EVIL = "https://evil.example"


def serve(case, *options):
    folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
    case.addCleanup(shutil.rmtree, folder, ignore_errors=True)
    server = Server(folder, *options)
    case.addCleanup(server.kill)
    return server


class Matrix(unittest.TestCase):
    """Origin x Host x content type x signed or not: what is answered follows from the rule, and
    what is made is what was answered."""

    def send(self, server, content_type, name, host, origin, site, is_signed):
        """The status of a request that makes something of that name."""
        if content_type == AWS_JSON:
            service, target = "states", "AWSStepFunctions.CreateActivity"
            body = json.dumps({"name": name})
        else:
            service, target = "iam", None
            body = urllib.parse.urlencode(
                {"Action": "CreateUser", "Version": "2010-05-08", "UserName": name})
        headers = {"Host": host, "Content-Type": content_type}
        if target:
            headers["X-Amz-Target"] = target
        if is_signed:
            request = AWSRequest("POST", f"http://{host}/", data=body, headers=headers)
            SigV4Auth(Credentials(*KEY), service, REGION).add_auth(request)
            headers = dict(request.headers)
        headers |= {name: value for name, value in
                    [("Origin", origin), ("Sec-Fetch-Site", site)] if value}
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
        try:
            connection.request("POST", "/", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def check(self, must_be_known):
        known = ("--access-key", f"{KEY[0]}={ACCOUNT}:{KEY[1]}")
        server = serve(self, *known, *(["--require-auth"] if must_be_known else []))
        own = server.url.removeprefix("http://")
        port = own.split(":")[1]
        hosts = [own, f"localhost:{port}", f"rebind.evil.example:{port}"]
        origins = [None, EVIL, "null", f"http://{own}", f"http://localhost:{port}",
                   f"http://rebind.evil.example:{port}", "http://localhost:1"]
        made = {AWS_JSON: set(), FORM: set()}
        counts = {True: 0, False: 0}
        choices = itertools.product(
            hosts, origins, [None, "cross-site", "same-origin"], [AWS_JSON, FORM, "text/plain"],
            [True, False])
        for number, (host, origin, site, content_type, is_signed) in enumerate(choices):
            is_page_allowed = origin is None or (
                origin == f"http://{host}" and not host.startswith("rebind"))
            is_served = (
                is_page_allowed and site != "cross-site" and content_type != "text/plain"
                and (is_signed or not must_be_known))
            name = f"made-{number}"
            status = self.send(server, content_type, name, host, origin, site, is_signed)
            with self.subTest(host=host, origin=origin, site=site, content_type=content_type,
                              is_signed=is_signed):
                self.assertEqual(status == 200, is_served, status)
                if not is_page_allowed or site == "cross-site":
                    self.assertEqual(status, 403)
            counts[is_served] += 1
            if is_served:
                made[content_type].add(name)
        # Each rule was met in both ways.
        self.assertGreaterEqual(min(counts.values()), 20, counts)
        sfn, iam = (client(server, name, *KEY) for name in ["stepfunctions", "iam"])
        pages = iam.get_paginator("list_users").paginate()
        users = {user["UserName"] for page in pages for user in page["Users"]}
        self.assertEqual(users, made[FORM])
        pages = sfn.get_paginator("list_activities").paginate()
        activities = {one["name"] for page in pages for one in page["activities"]}
        self.assertEqual(activities, made[AWS_JSON])

    def test_an_open_server(self):
        self.check(must_be_known=False)

    def test_a_server_that_must_know_its_callers(self):
        self.check(must_be_known=True)


PAGE = """<!doctype html><title>evil</title><body><script>
const servers = %(servers)s;
const fields = name => ({Action: "CreateUser", Version: "2010-05-08", UserName: name});
const submit = server => new Promise(done => {
  const frame = document.createElement("iframe");
  frame.name = "frame-" + Math.random();
  document.body.append(frame);
  const form = document.createElement("form");
  Object.assign(form, {method: "post", action: server, target: frame.name});
  for (const [name, value] of Object.entries(fields("form"))) {
    const input = document.createElement("input");
    Object.assign(input, {name, value});
    form.append(input);
  }
  document.body.append(form);
  frame.onload = done;
  form.submit();
});
const quietly = promise => promise.catch(() => {});
const load = server => new Promise(done => {
  const image = new Image();
  image.onload = image.onerror = done;
  image.src = server + "?" + new URLSearchParams(fields("image"));
});
(async () => {
  for (const server of servers) {
    await submit(server);
    await quietly(fetch(server, {
      method: "POST", mode: "no-cors", body: new URLSearchParams(fields("fetch"))}));
    await quietly(fetch(server, {
      method: "POST", body: JSON.stringify({name: "json"}), headers: {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "AWSStepFunctions.CreateActivity"}}));
    navigator.sendBeacon(server, new URLSearchParams(fields("beacon")));
    await load(server);
  }
  await fetch("/done", {method: "POST"});
})();
</script>"""


class Recorder(http.server.BaseHTTPRequestHandler):
    """Serves the page, and keeps what is sent to it."""

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        self.server.got.append((self.command, self.path, self.headers.get("Origin"), body))
        if self.path == "/done":
            self.server.done.set()
        content = self.server.page.encode() if self.path == "/page" else b""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_OPTIONS = answer

    def log_message(self, *arguments):
        pass


def record(case):
    recorder = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    recorder.got, recorder.done, recorder.page = [], threading.Event(), ""
    threading.Thread(target=recorder.serve_forever, daemon=True).start()
    case.addCleanup(recorder.server_close)
    case.addCleanup(recorder.shutdown)
    return recorder


class Chromium(unittest.TestCase):
    """A page that tries to make a user by a form, by scripts, by a beacon and by an image."""

    def setUp(self):
        names = ["chromium", "chromium-browser", "google-chrome"]
        self.browser = next(filter(None, map(shutil.which, names)), None)
        if self.browser is None:
            self.skipTest(f"none of {', '.join(names)} is installed (apt-get install chromium)")

    def visit(self, url, done):
        profile = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, profile, ignore_errors=True)
        process = subprocess.Popen(
            [self.browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-dev-shm-usage", "--disable-background-networking",
             f"--user-data-dir={profile}", "--remote-debugging-port=0", url],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.assertTrue(done.wait(120), "the page did not come to its end")
        finally:
            process.kill()
            process.wait()

    def test_a_page_of_another_origin_makes_nothing(self):
        server = serve(self)
        evil, echo = record(self), record(self)
        echo_url = f"http://127.0.0.1:{echo.server_port}/"
        evil.page = PAGE % {"servers": json.dumps([server.url + "/", echo_url])}
        self.visit(f"http://evil.localhost:{evil.server_port}/page", evil.done)
        iam = client(server, "iam")
        self.assertEqual(iam.list_users()["Users"], [])
        self.assertEqual(client(server, "stepfunctions").list_activities()["activities"], [])
        # The same page did send these to a server that takes all.
        forms = [dict(urllib.parse.parse_qsl(body)).get("UserName")
                 for method, _, _, body in echo.got if method == "POST"]
        self.assertLessEqual({"form", "fetch", "beacon"}, set(forms), echo.got)
        self.assertTrue(any(method == "GET" and "UserName=image" in path
                            for method, path, _, _ in echo.got), echo.got)
        origins = {origin for method, _, origin, _ in echo.got if method == "POST"}
        self.assertEqual(origins, {f"http://evil.localhost:{evil.server_port}"})
        # And by curl, which is no page, the same form makes the user.
        fields = {"Action": "CreateUser", "Version": "2010-05-08", "UserName": "form"}
        made = subprocess.run(
            ["curl", "--silent", "--fail", "--data", urllib.parse.urlencode(fields), server.url],
            capture_output=True, text=True)
        self.assertEqual(made.returncode, 0, made)
        self.assertEqual([user["UserName"] for user in iam.list_users()["Users"]], ["form"])


if __name__ == "__main__":
    unittest.main()
