"""`eks:call` and `eks:runJob` against a double of a cluster's Kubernetes API, over TLS."""

import base64
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
import unittest
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import ServerTest, create, ended, one_state, wait_for

JOBS = "/apis/batch/v1/namespaces/own/jobs"
PODS = "/api/v1/namespaces/own/pods"


class Kubernetes(BaseHTTPRequestHandler):
    """One job by name; the third time it is asked for it has ended as its name says."""

    requests = []
    asked = {}

    def answer(self):
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length).decode()
        self.requests.append((self.command, self.path, dict(self.headers), body))
        path = self.path.split("?")[0]
        name = path.rsplit("/", 1)[-1]
        if self.command == "POST" and path == JOBS:
            self.reply(201, {**json.loads(body), "kind": "Job"})
        elif self.command == "DELETE":
            self.reply(200, {"status": "Success"})
        elif path.startswith(JOBS + "/"):
            count = self.asked[name] = self.asked.get(name, 0) + 1
            ends = {"good": "Complete", "bad": "Failed"}.get(name)
            if name == "away" and count == 1:
                self.reply(503, {"message": "busy"})
                return
            ends = "Complete" if name == "away" else ends
            conditions = [{"type": ends, "status": "True"}] if ends and count >= 2 else []
            self.reply(200, {"metadata": {"name": name}, "status": {"conditions": conditions}})
        elif path == PODS:
            pod = {"metadata": {"name": "pod"}, "spec": {"containers": [{"name": "a"}, {"name": "b"}]}}
            self.reply(200, {"items": [pod]})
        elif path == PODS + "/pod/log":
            if "container=b" in self.path:
                self.reply(404, {"reason": "NotFound"})
            else:
                self.reply(200, {"pi": 3})
        elif path == "/unauthorized":
            self.reply(401, {"kind": "Status", "message": "Unauthorized"})
        else:
            self.reply(200, {"path": self.path, "method": self.command, "body": body})

    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

    def log_message(self, *_):
        pass


class EksTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        certificate, key = (os.path.join(folder, name) for name in ("certificate", "key"))
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/CN=kubernetes", "-addext", "subjectAltName=DNS:localhost",
             "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", certificate],
            capture_output=True, check=False,
        )
        if made.returncode != 0:
            raise unittest.SkipTest("there is no openssl that makes certificates")
        with open(certificate, "rb") as file:
            cls.authority = base64.b64encode(file.read()).decode()
        server = ThreadingHTTPServer(("127.0.0.1", 0), Kubernetes)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None
        cls.addClassCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.endpoint = f"https://localhost:{server.server_address[1]}"
        super().setUpClass()

    def begin(self, action, **parameters):
        cluster = {
            "ClusterName": "my-cluster",
            "CertificateAuthority": self.authority,
            "Endpoint": self.endpoint,
        }
        resource = f"arn:aws:states:::eks:{action}"
        task = {"Type": "Task", "Resource": resource, "Parameters": {**cluster, **parameters}}
        name = f"m-{len(self.sfn.list_state_machines()['stateMachines'])}"
        return self.start(create(self.sfn, name, one_state(task)), {})

    def output(self, action, **parameters):
        description = ended(self.sfn, self.begin(action, **parameters))
        self.assertEqual(description["status"], "SUCCEEDED", description)
        return json.loads(description["output"])

    def failed(self, error, action, **parameters):
        description = ended(self.sfn, self.begin(action, **parameters))
        self.assertEqual(description.get("error"), error, description)
        return description["cause"]

    def job(self, name, **more):
        return {"Namespace": "own", "Job": {"metadata": {"name": name}}, **more}

    def test_call(self):
        found = self.output(
            "call", Method="GET", Path="/api/v1/pods",
            QueryParameters={"labelSelector": ["job-name=j"]},
        )
        self.assertEqual((found["StatusCode"], found["StatusText"]), (200, "OK"))
        path = "/api/v1/pods?labelSelector=job-name%3Dj"
        self.assertEqual(found["ResponseBody"], {"path": path, "method": "GET", "body": ""})
        found = self.output("call", Method="POST", Path="/x", RequestBody={"a": 1})
        self.assertEqual(found["ResponseBody"]["body"], '{"a":1}')

    def test_the_token_is_a_request_to_sts_for_the_cluster(self):
        self.output("call", Method="GET", Path="/token")
        _, _, headers, _ = next(it for it in Kubernetes.requests if it[1] == "/token")
        token = headers["authorization"]
        self.assertTrue(token.startswith("Bearer k8s-aws-v1."), token)
        encoded = token.removeprefix("Bearer k8s-aws-v1.")
        url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        parts = urllib.parse.urlsplit(url)
        self.assertEqual((parts.scheme, parts.netloc), ("https", "sts.us-east-1.amazonaws.com"))
        query = dict(urllib.parse.parse_qsl(parts.query))
        self.assertEqual(query["Action"], "GetCallerIdentity")
        self.assertEqual(query["X-Amz-SignedHeaders"], "host;x-k8s-aws-id")
        self.assertEqual(query["X-Amz-Expires"], "60")

    def test_what_kubernetes_refuses(self):
        cause = self.failed("EKS.401", "call", Method="GET", Path="/unauthorized")
        self.assertEqual(json.loads(cause), {
            "ResponseBody": {"kind": "Status", "message": "Unauthorized"},
            "StatusCode": 401,
            "StatusText": "Unauthorized",
        })

    def test_what_cannot_be_called(self):
        for more, error, cause in [
            ({"CertificateAuthority": "nonsense!"}, "States.Runtime", "'CertificateAuthority'"),
            ({"Endpoint": "http://elsewhere.invalid"}, "States.Runtime", "must be an HTTPS URL"),
            ({"Method": "TRACE"}, "States.Runtime", "'Method' has an invalid format"),
            ({"Endpoint": "https://localhost:1"}, "EKS.SdkClientException", "Unable to execute"),
        ]:
            with self.subTest(cause):
                found = self.failed(error, "call", **{"Method": "GET", "Path": "/", **more})
                self.assertIn(cause, found)
        with self.assertRaises(self.sfn.exceptions.InvalidDefinition) as raised:
            self.begin("call", Method="GET")
        self.assertIn('"Path" is required but was missing', str(raised.exception))
        with self.assertRaises(self.sfn.exceptions.InvalidDefinition):
            self.begin("call.sync", Method="GET", Path="/")

    def test_jobs(self):
        found = self.output("runJob", **self.job("other"))
        self.assertEqual((found["StatusCode"], found["ResponseBody"]["kind"]), (201, "Job"))
        job = self.output("runJob.sync", **self.job("good", LogOptions={"RetrieveLogs": True}))
        self.assertEqual(job["status"]["conditions"][0]["type"], "Complete")
        containers = job["logs"]["pods"]["pod"]["containers"]
        self.assertEqual(containers["a"], {"log": {"pi": 3}})
        self.assertEqual(containers["b"]["error"], "EKS.404")
        raw = {"RetrieveLogs": True, "RawLogs": True, "LogParameters": {"tailLines": ["6"]}}
        job = self.output("runJob.sync", **self.job("good", LogOptions=raw))
        self.assertEqual(job["logs"]["pods"]["pod"]["containers"]["a"], {"log": '{"pi": 3}'})
        asked = [path for _, path, _, _ in Kubernetes.requests]
        self.assertIn(f"{PODS}/pod/log?container=a&tailLines=6", asked)
        cause = json.loads(self.failed("States.TaskFailed", "runJob.sync", **self.job("bad")))
        self.assertEqual(cause["status"]["conditions"][0]["type"], "Failed")
        self.assertNotIn("logs", self.output("runJob.sync", **self.job("away")))

    def test_a_job_is_deleted_with_its_parent(self):
        execution = self.begin("runJob.sync", **self.job("forever"))
        wait_for(lambda: Kubernetes.asked.get("forever"), 20, "the job is asked for")
        self.sfn.stop_execution(executionArn=execution)
        deleted = ("DELETE", f"{JOBS}/forever?propagationPolicy=Background")
        seen = lambda: any((it[0], it[1]) == deleted for it in Kubernetes.requests)
        wait_for(seen, 20, "the job is deleted")


if __name__ == "__main__":
    unittest.main()
