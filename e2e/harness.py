"""A server as a process of its own, and the clients that the tests use."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import boto3
from botocore.config import Config

from nodes import Proxy, each_call_its_own_connection

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.environ.get("STAIRWELL_BINARY", os.path.join(ROOT, "target/release/stairwell"))
ACCOUNT = "123456789012"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/e2e"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("STAIRWELL_")},
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_PAGER": "",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
ENDED = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}


def check_answer(http_response, parsed, model, **_):
    """That an answer is what the service's model says, member by member. Called after each call."""
    if http_response.status_code < 300:
        check_shape(json.loads(http_response.content), model.output_shape, model.name)


def check_shape(value, shape, place):
    if shape.type_name == "structure":
        assert isinstance(value, dict), f"{place} is {value!r}, and no object"
        for name, member in value.items():
            assert name in shape.members, f"{place} has a member {name!r}, which the model lacks"
            check_shape(member, shape.members[name], f"{place}.{name}")
        missing = [name for name in shape.required_members if name not in value]
        assert not missing, f"{place} lacks {missing}"
    elif shape.type_name == "list":
        assert isinstance(value, list), f"{place} is {value!r}, and no list"
        for index, member in enumerate(value):
            check_shape(member, shape.member, f"{place}[{index}]")
    elif shape.type_name == "map":
        assert isinstance(value, dict), f"{place} is {value!r}, and no map"
        for name, member in value.items():
            check_shape(member, shape.value, f"{place}[{name!r}]")
    else:
        kinds = {"string": str, "boolean": bool, "integer": int, "long": int}
        kind = kinds.get(shape.type_name, (int, float))
        assert isinstance(value, kind), f"{place} is {value!r}, and no {shape.type_name}"
        values = getattr(shape, "enum", None)
        assert not values or value in values, f"{place} is {value!r}, and none of {values}"


def storage_options(data, options):
    """The options of a server that keeps everything in a folder, or in what stands for it."""
    database = os.environ.get("STAIRWELL_TEST_DATABASE_URL")
    if not data or not database:
        return ["--data", data] if data else []
    schema = "e2e_" + hashlib.sha256(data.encode()).hexdigest()[:16]
    url = f"{database}{'&' if '?' in database else '?'}schema={schema}"
    os.makedirs(data, exist_ok=True)
    key = [] if "--key-file" in options else ["--key-file", os.path.join(data, "KEY")]
    return ["--store", url, *key]


class Server:
    """`stairwell serve` on a data folder and a free port, run by the command `under` if any.

    Without a folder, the options say where everything is kept. Where STAIRWELL_TEST_DATABASE_URL
    names a database, a schema of it that is named after the folder takes its place; then
    STAIRWELL_TEST_NODES says how many processes serve it, behind what spreads calls over them.
    """

    def __init__(self, data, *options, environment=None, log=None, under=()):
        level = [] if "--log" in options else ["--log", "warn"]
        storage = storage_options(data, options)
        count = int(os.environ.get("STAIRWELL_TEST_NODES", "1")) if "--store" in storage else 1
        self.processes, self.proxy, urls = [], None, []
        for _ in range(count):
            process = subprocess.Popen(
                [*under, BINARY, "serve", "--port", "0", *level, *storage, *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**ENVIRONMENT, **(environment or {})},
                text=True,
            )
            line = process.stdout.readline()
            found = re.search(r"https?://[0-9.]+:[0-9]+", line)
            if not found:
                process.wait()
                self.kill()
                raise RuntimeError(f"the server said {line!r} and ended")
            self.processes.append(process)
            urls.append(found[0])
            threading.Thread(target=process.stdout.read, daemon=True).start()
        self.process, self.line, self.url = self.processes[0], line, urls[0]
        if count > 1:
            self.proxy = Proxy(urls)
            self.url = f"{self.url.split('//')[0]}//{self.proxy.address}"

    def client(
        self, region=REGION, key="test", secret="test", service="stepfunctions", **options
    ):
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(retries={"max_attempts": 0}, read_timeout=70, **options),
        )
        client.meta.events.register("after-call.sfn", check_answer)
        if self.proxy:
            client.meta.events.register("before-send", each_call_its_own_connection)
        return client

    def kill(self):
        """As a loss of power would end it, but for what the kernel holds."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
        self.close()

    def terminate(self, number=signal.SIGTERM, timeout=30):
        """Asks it to stop, and returns its exit status."""
        for process in self.processes:
            process.send_signal(number)
        statuses = [process.wait(timeout) for process in self.processes]
        self.close()
        return next((status for status in statuses if status != 0), 0)

    def close(self):
        if self.proxy:
            self.proxy.close()


class ServerTest(unittest.TestCase):
    """Tests that share one server."""

    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.server = Server(cls.data)
        cls.sfn = cls.server.client()

    @classmethod
    def tearDownClass(cls):
        status = cls.server.terminate()
        shutil.rmtree(cls.data, ignore_errors=True)
        if status != 0:
            raise AssertionError(f"the server ended with {status}")

    def create(self, name, definition):
        return create(self.sfn, name, definition)

    def start(self, machine, data=None, **more):
        if data is not None:
            more["input"] = json.dumps(data)
        return self.sfn.start_execution(stateMachineArn=machine, **more)["executionArn"]

    def ended(self, execution, seconds=30):
        return ended(self.sfn, execution, seconds)

    def history(self, execution):
        return history(self.sfn, execution)

    def assert_refused(self, code, call, message=None):
        """The call is answered with that error, and that message if one is given."""
        with self.assertRaises(self.sfn.exceptions.ClientError) as caught:
            call()
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code)
        if message is not None:
            self.assertEqual(error["Message"], message)


def create(sfn, name, definition):
    created = sfn.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=ROLE
    )
    return created["stateMachineArn"]


def ended(sfn, execution, seconds=30):
    """The description of an execution, once it has ended."""
    return wait_for(
        lambda: (lambda it: it if it["status"] in ENDED else None)(
            sfn.describe_execution(executionArn=execution)
        ),
        seconds,
        execution,
    )


def wait_for(look, seconds, what):
    """The first answer that is something."""
    limit = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > limit:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.02)


def history(sfn, execution):
    pages = sfn.get_paginator("get_execution_history").paginate(executionArn=execution)
    return [event for page in pages for event in page["events"]]


def types(events):
    return [event["type"] for event in events]


def pass_state(**more):
    return {"Type": "Pass", **more}


def one_state(state):
    return {"StartAt": "Only", "States": {"Only": {**state, "End": True}}}


WAIT_LONG = one_state({"Type": "Wait", "Seconds": 1000})
HELLO = one_state(pass_state(Result="Hello World!"))
