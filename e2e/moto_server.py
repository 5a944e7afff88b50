"""AWS as moto plays it: a process of its own, which the tests of a class share."""

import json
import socket
import subprocess
import sys
import urllib.request

import boto3

import harness
from harness import REGION, ServerTest


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class MotoTest(ServerTest):
    """Tests whose server finds AWS at moto."""

    @classmethod
    def setUpClass(cls):
        port = free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        cls.moto = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        cls.addClassCleanup(cls.end_moto)
        cls.moto_url = f"http://127.0.0.1:{port}"
        harness.wait_for(cls.answers, 60, "moto")
        harness.ENVIRONMENT["AWS_ENDPOINT_URL"] = cls.moto_url
        super().setUpClass()

    @classmethod
    def end_moto(cls):
        harness.ENVIRONMENT.pop("AWS_ENDPOINT_URL", None)
        cls.moto.terminate()
        cls.moto.wait()

    @classmethod
    def answers(cls):
        try:
            return urllib.request.urlopen(cls.moto_url, timeout=5).status == 200
        except OSError:
            return False

    @classmethod
    def tell_moto(cls, path, **what):
        """A request to moto's own API."""
        request = urllib.request.Request(
            f"{cls.moto_url}/moto-api/{path}",
            data=json.dumps(what).encode(),
            headers={"content-type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).read()

    @classmethod
    def aws(cls, service):
        return boto3.client(
            service,
            endpoint_url=cls.moto_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
