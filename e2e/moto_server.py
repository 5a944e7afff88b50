"""AWS as moto plays it, a process of its own."""

import json
import os
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


MOTO = ["-m", "moto.server", "-H", "127.0.0.1", "-p"]
# The same, put right where it differs from AWS.
CORRECTED_MOTO = [os.path.join(harness.ROOT, "e2e", "services.py")]


def start_moto(add_cleanup, program=MOTO):
    """Where it listens, until the clean-up of whoever started it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *program, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**harness.ENVIRONMENT, "MOTO_ACCOUNT_ID": harness.ACCOUNT},
    )
    add_cleanup(process.wait)
    add_cleanup(process.terminate)
    url = f"http://127.0.0.1:{port}"

    def answers():
        try:
            return urllib.request.urlopen(url, timeout=5).status == 200
        except OSError:
            return False

    harness.wait_for(answers, 60, "moto")
    return url


class MotoTest(ServerTest):
    """Tests whose server finds AWS at moto, which the tests of a class share."""

    @classmethod
    def setUpClass(cls):
        cls.moto_url = start_moto(cls.addClassCleanup)
        harness.ENVIRONMENT["AWS_ENDPOINT_URL"] = cls.moto_url
        cls.addClassCleanup(harness.ENVIRONMENT.pop, "AWS_ENDPOINT_URL")
        super().setUpClass()

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
