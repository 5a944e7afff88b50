"""TLS whose certificates change under a running server, and clients that are known by theirs."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, SSLError

from harness import ACCOUNT, REGION, Server, wait_for

ROOT = ("AKIDADMIN", "the-root-secret")
EVE = f"arn:aws:iam::{ACCOUNT}:user/team/eve"


def openssl(*arguments):
    made = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    if made.returncode != 0:
        raise AssertionError(made.stderr)
    return made.stdout


@unittest.skipUnless(shutil.which("openssl"), "there is no openssl that makes certificates")
class TlsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.certificate, self.key = self.self_signed("first")
        self.shown, self.shown_key = self.path("shown.pem"), self.path("shown.key")
        self.show("first")

    def path(self, name):
        return os.path.join(self.folder, name)

    def self_signed(self, name):
        """A certificate for this machine, and its key."""
        certificate, key = self.path(f"{name}.pem"), self.path(f"{name}.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "2", "-subj", f"/CN={name}", "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate)
        return certificate, key

    def show(self, certificate, key=None):
        for source, target in [(f"{certificate}.pem", self.shown),
                               (f"{key or certificate}.key", self.shown_key)]:
            shutil.copy(self.path(source), target + ".new")
            os.replace(target + ".new", target)

    def serve(self, *options):
        with open(self.path("stderr"), "w", encoding="utf-8") as log:
            self.server = Server(
                self.path("data"), "--tls-cert", self.shown, "--tls-key", self.shown_key,
                "--log", "info", *options, log=log)
        self.addCleanup(self.server.kill)

    def log(self):
        with open(self.path("stderr"), encoding="utf-8") as file:
            return file.read()

    def seen(self):
        """The certificate that a new connection is shown."""
        host, port = self.server.url.removeprefix("https://").split(":")
        return ssl.get_server_certificate((host, int(port)))

    def pem(self, name):
        with open(self.path(f"{name}.pem"), encoding="utf-8") as file:
            return file.read()


class Reload(TlsTest):
    def test_certificates_change_under_a_running_server(self):
        self.self_signed("second")
        self.self_signed("third")
        self.serve()
        self.assertEqual(self.seen(), self.pem("first"))
        host, port = self.server.url.removeprefix("https://").split(":")
        context = ssl.create_default_context(cafile=self.certificate)
        connection = context.wrap_socket(
            socket.create_connection((host, int(port))), server_hostname=host)
        self.addCleanup(connection.close)
        self.show("second")
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.seen() == self.pem("second"), 10, "the second certificate")
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(b"200", connection.recv(100), "a connection that is open stays")
        for certificate, key in [("third", "second"), ("second", "third")]:
            self.show(certificate, key)
            told = self.log().count("the certificates before stay")
            self.server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: self.log().count("the certificates before stay") > told, 10,
                     "what the log says of a key that is another one's")
            self.assertEqual(self.seen(), self.pem("second"))
        os.remove(self.shown)
        self.server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "cannot read " + self.shown in self.log(), 10, "the file that is gone")
        self.assertEqual(self.seen(), self.pem("second"))
        # Without a signal, it is looked for every five seconds.
        self.show("third")
        wait_for(lambda: self.seen() == self.pem("third"), 15, "the third certificate")


class Mutual(TlsTest):
    def setUp(self):
        super().setUp()
        for name in ["ca", "other-ca"]:
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout",
                    self.path(f"{name}.key"), "-out", self.path(f"{name}.pem"))
        self.audit = self.path("audit.jsonl")
        self.known = self.client_certificate("known", "/O=Example, Inc./CN=ci")
        self.unknown = self.client_certificate("unknown", "/O=Example, Inc./CN=other")
        subject = openssl("x509", "-in", self.known[0], "-noout", "-subject", "-nameopt",
                          "RFC2253").strip().removeprefix("subject=")
        self.serve(
            "--require-auth", "--tls-client-ca", self.path("ca.pem"), "--audit", self.audit,
            "--tls-client-principal", f"{subject}={EVE}",
            "--access-key", f"{ROOT[0]}={ACCOUNT}:{ROOT[1]}")

    def client_certificate(self, name, subject, authority="ca"):
        certificate, key = self.path(f"{name}.pem"), self.path(f"{name}.key")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                subject, "-keyout", key, "-out", self.path("request"))
        with open(self.path("extensions"), "w", encoding="utf-8") as file:
            file.write("basicConstraints=CA:FALSE\n")
        openssl("x509", "-req", "-in", self.path("request"), "-CA", self.path(f"{authority}.pem"),
                "-CAkey", self.path(f"{authority}.key"), "-CAcreateserial", "-days", "2",
                "-extfile", self.path("extensions"), "-out", certificate)
        return certificate, key

    def client(self, service, certificate, key=None):
        signed = {} if key else {"signature_version": UNSIGNED}
        return boto3.client(
            service, endpoint_url=self.server.url, region_name=REGION, verify=self.certificate,
            aws_access_key_id=key and key[0], aws_secret_access_key=key and key[1],
            config=Config(retries={"max_attempts": 0}, client_cert=certificate, **signed))

    def refused(self, call, **members):
        with self.assertRaises(ClientError) as caught:
            call(**members)
        return caught.exception.response["Error"]["Code"]

    def test_a_client_is_whom_its_certificate_stands_for(self):
        with self.assertRaises((SSLError, ConnectionClosedError)):
            self.client("stepfunctions", None, ROOT).list_activities()
        stranger = self.client_certificate("stranger", "/O=Example, Inc./CN=ci", "other-ca")
        with self.assertRaises((SSLError, ConnectionClosedError)):
            self.client("stepfunctions", stranger, ROOT).list_activities()
        eve = self.client("stepfunctions", self.known)
        # There is no such user yet.
        self.assertEqual(self.refused(eve.list_activities), "UnrecognizedClientException")
        iam = self.client("iam", self.unknown, ROOT)
        iam.create_user(UserName="eve", Path="/team/")
        self.assertEqual(self.refused(eve.list_activities), "AccessDeniedException")
        iam.put_user_policy(UserName="eve", PolicyName="p", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": ["states:CreateActivity", "states:ListActivities"],
                "Resource": "*"}]}))
        arn = eve.create_activity(name="a")["activityArn"]
        self.assertEqual(self.client("sts", self.known).get_caller_identity()["Arn"], EVE)
        self.assertEqual(self.refused(eve.delete_activity, activityArn=arn),
                         "AccessDeniedException")
        with open(self.audit, encoding="utf-8") as file:
            created = [record for record in map(json.loads, file)
                       if record["action"] == "states:CreateActivity"]
        self.assertEqual([it["record"] for it in created], ["intent", "outcome"])
        for record in created:
            self.assertEqual((record["caller"], record["proof"]), (EVE, "certificate"))
            self.assertEqual(record["certificate"], "CN=ci,O=Example\\, Inc.")
            self.assertNotIn("accessKeyId", record)
        # Another certificate of the same authority stands for nobody.
        other = self.client("stepfunctions", self.unknown)
        self.assertEqual(self.refused(other.list_activities),
                         "MissingAuthenticationTokenException")
        # Who signs is who signs, whatever the certificate.
        self.assertEqual(
            self.client("sts", self.known, ROOT).get_caller_identity()["Arn"],
            f"arn:aws:iam::{ACCOUNT}:root")
        self.assertEqual(
            self.refused(self.client("stepfunctions", self.known, (ROOT[0], "wrong"))
                         .list_activities), "InvalidSignatureException")
        self.assertEqual(
            self.refused(self.client("stepfunctions", self.known, ("AKIDNOBODY", "x"))
                         .list_activities), "UnrecognizedClientException")
        iam.delete_user_policy(UserName="eve", PolicyName="p")
        iam.delete_user(UserName="eve")
        self.assertEqual(self.refused(eve.list_activities), "UnrecognizedClientException")


if __name__ == "__main__":
    unittest.main()
