"""Three servers of one database, behind what spreads connections over them."""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from harness import (BINARY, ENVIRONMENT, HELLO, REGION, WAIT_LONG, Server, create, ended, history,
                     one_state, types, wait_for)
from nodes import Proxy, each_call_its_own_connection
from postgres import Postgres

NODES = 3
# From the end of a process until what it drove goes on elsewhere.
FAILOVER_MAX = 5
STOP_MAX = 2


class NodesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = Postgres()
        cls.addClassCleanup(cls.postgres.remove)
        cls.folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)

    def setUp(self):
        self.schema = "s" + self.id().rsplit(".")[-1].lower()[:50]
        self.servers = [self.serve() for _ in range(NODES)]
        self.proxy = Proxy([server.url for server in self.servers])
        self.addCleanup(self.proxy.close)
        self.sfn = self.client()

    def options(self, key="KEY"):
        store = f"{self.postgres.url()}?schema={self.schema}"
        return ["--store", store, "--key-file", os.path.join(self.folder, key)]

    def serve(self, *options):
        server = Server(None, *self.options(), *options)
        self.addCleanup(server.kill)
        return server

    def client(self, attempts=0):
        """A client whose calls go to the servers in turn."""
        client = boto3.client(
            "stepfunctions", endpoint_url=f"http://{self.proxy.address}", region_name=REGION,
            aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(retries={"max_attempts": attempts, "mode": "standard"},
                          read_timeout=70, inject_host_prefix=False),
        )
        client.meta.events.register("before-send", each_call_its_own_connection)
        return client

    def count(self, table):
        return int(self.postgres.sql(f"SELECT count(*) FROM {self.schema}.{table}"))

    def assert_succeeded(self, execution, seconds=60):
        self.assertEqual(ended(self.sfn, execution, seconds)["status"], "SUCCEEDED", execution)
        events = history(self.sfn, execution)
        self.assertEqual([event["id"] for event in events], list(range(1, len(events) + 1)))
        self.assertEqual(types(events).count("ExecutionStarted"), 1)
        self.assertEqual(types(events).count("ExecutionSucceeded"), 1)

    def test_any_server_takes_any_call(self):
        machine = create(self.sfn, "wait", WAIT_LONG)
        for number in range(2 * NODES):
            name = f"e{number}"
            starts = [self.sfn.start_execution(stateMachineArn=machine, name=name, input="{}")
                      for _ in range(NODES)]
            execution = starts[0]["executionArn"]
            self.assertEqual({(it["executionArn"], it["startDate"]) for it in starts},
                             {(execution, starts[0]["startDate"])})
            with self.assertRaises(self.sfn.exceptions.ExecutionAlreadyExists):
                self.sfn.start_execution(stateMachineArn=machine, name=name, input='{"other": 1}')
            self.assertEqual(self.sfn.describe_execution(executionArn=execution)["status"],
                             "RUNNING")
            stopped = self.sfn.stop_execution(executionArn=execution)["stopDate"]
            described = self.sfn.describe_execution(executionArn=execution)
            self.assertEqual((described["status"], described["stopDate"]), ("ABORTED", stopped))
            self.sfn.redrive_execution(executionArn=execution)
            self.assertEqual(self.sfn.describe_execution(executionArn=execution)["redriveCount"], 1)
            self.sfn.stop_execution(executionArn=execution)
        self.assertEqual(self.count("executions"), 2 * NODES)

    def nodes(self, *more):
        command = [BINARY, "nodes", *self.options()[:2], *more]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_who_serves_is_told(self):
        machine = create(self.sfn, "wait", WAIT_LONG)
        for server in self.servers:
            server.client().start_execution(stateMachineArn=machine)

        def told():
            nodes = json.loads(self.nodes("--json"))["nodes"]
            return nodes if sum(it["openExecutions"] for it in nodes) == NODES else None

        nodes = wait_for(told, 20, "what each server told of open executions")
        self.assertEqual([(it["lives"], it["homes"], it["openExecutions"]) for it in nodes],
                         [(True, 16, 1)] * NODES)
        for node, server in zip(nodes, self.servers):
            self.assertIn(f"other servers: {node['address']};", server.line)
        self.assertEqual(self.nodes().count(" lives "), NODES)
        self.servers[0].process.send_signal(signal.SIGSTOP)
        states = [it["lives"] for it in json.loads(self.nodes("--json"))["nodes"]]
        self.assertIn(states, [[False, True, True], [True, True]])

        def is_replaced():
            homes = [it["homes"] for it in json.loads(self.nodes("--json"))["nodes"]]
            return len(homes) == NODES - 1 and sum(homes) == 16 * NODES

        wait_for(is_replaced, 20, "the homes of a server that is silent")

    def test_workers_work_at_any_server(self):
        activity = self.sfn.create_activity(name="work")["activityArn"]
        machine = create(self.sfn, "work", one_state(
            {"Type": "Task", "Resource": activity, "TimeoutSeconds": 60, "HeartbeatSeconds": 20}))
        executions = [self.sfn.start_execution(stateMachineArn=machine)["executionArn"]
                      for _ in range(2 * NODES)]
        for _ in executions:
            token = self.sfn.get_activity_task(activityArn=activity)["taskToken"]
            self.sfn.send_task_heartbeat(taskToken=token)
            self.sfn.send_task_success(taskToken=token, output='{"done": true}')
            with self.assertRaises(self.sfn.exceptions.TaskTimedOut):
                self.sfn.send_task_failure(taskToken=token)
        for execution in executions:
            self.assert_succeeded(execution)

    def test_map_runs_and_nested_executions(self):
        child = create(self.sfn, "child", one_state({"Type": "Wait", "Seconds": 1}))
        machine = create(self.sfn, "map", {
            "StartAt": "Map",
            "States": {
                "Map": {
                    "Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 5, "End": True,
                    "ItemProcessor": {
                        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                        **one_state({
                            "Type": "Task", "Parameters": {"StateMachineArn": child},
                            "Resource": "arn:aws:states:::states:startExecution.sync:2"}),
                    },
                },
            },
        })
        data = json.dumps({"items": list(range(20))})
        execution = self.sfn.start_execution(stateMachineArn=machine, input=data)["executionArn"]
        run = wait_for(
            lambda: self.sfn.list_map_runs(executionArn=execution)["mapRuns"], 20, "a Map Run"
        )[0]["mapRunArn"]
        for _ in range(NODES):
            self.sfn.update_map_run(mapRunArn=run, maxConcurrency=20)
        self.assert_succeeded(execution)
        for _ in range(NODES):
            counts = self.sfn.describe_map_run(mapRunArn=run)["itemCounts"]
            self.assertEqual((counts["succeeded"], counts["total"]), (20, 20))
        listed = self.sfn.list_executions(stateMachineArn=child)["executions"]
        self.assertEqual([it["status"] for it in listed], ["SUCCEEDED"] * 20)

    def test_express_executions(self):
        machine = self.sfn.create_state_machine(
            name="express", type="EXPRESS", definition=json.dumps(HELLO),
            roleArn="arn:aws:iam::123456789012:role/e2e")["stateMachineArn"]
        for _ in range(2 * NODES):
            answer = self.sfn.start_sync_execution(stateMachineArn=machine)
            self.assertEqual((answer["status"], answer["output"]),
                             ("SUCCEEDED", '"Hello World!"'))
            self.sfn.start_execution(stateMachineArn=machine)

    def load(self, machine, until):
        """Starts executions over all servers until told to stop; gives the acknowledged ones."""
        acknowledged, stop = {}, threading.Event()

        def work(worker):
            client, number = self.client(), 0
            while not stop.is_set():
                name = f"{worker}-{number}"
                try:
                    # The same name and input are the same execution, however often they are sent.
                    started = client.start_execution(
                        stateMachineArn=machine, name=name, input="{}")
                except (ClientError, BotoCoreError):
                    continue
                acknowledged[name] = started["executionArn"]
                number += 1

        workers = [threading.Thread(target=work, args=[it]) for it in range(4)]
        for worker in workers:
            worker.start()
        try:
            until(acknowledged)
        finally:
            stop.set()
            for worker in workers:
                worker.join()
        return acknowledged

    def more(self, acknowledged, count=60):
        before = len(acknowledged)
        wait_for(lambda: len(acknowledged) > before + count, 60, f"{count} starts")

    def steps(self):
        return create(self.sfn, "steps", {
            "StartAt": "One",
            "States": {"One": {"Type": "Pass", "Next": "Rest"},
                       "Rest": {"Type": "Wait", "Seconds": 1, "Next": "Two"},
                       "Two": {"Type": "Pass", "End": True}},
        })

    def assert_each_once(self, machine, acknowledged):
        for execution in acknowledged.values():
            self.assert_succeeded(execution)
        pages = self.sfn.get_paginator("list_executions").paginate(stateMachineArn=machine)
        listed = [one["executionArn"] for page in pages for one in page["executions"]]
        self.assertEqual(sorted(listed), sorted(acknowledged.values()))
        self.assertEqual(self.count("executions"), len(acknowledged))

    def test_kill_of_a_server_under_load(self):
        machine = self.steps()
        times = []

        def until(acknowledged):
            self.more(acknowledged)
            first = self.servers[0]
            own = first.client().start_execution(
                stateMachineArn=machine, name="own", input="{}")
            acknowledged["own"] = own["executionArn"]
            killed = time.monotonic()
            first.kill()
            ended(self.client(attempts=5), own["executionArn"])
            times.append(time.monotonic() - killed)
            self.more(acknowledged)

        acknowledged = self.load(machine, until)
        print(f"failover: {times[0]:.2f} s, {len(acknowledged)} executions")
        self.assertLess(times[0], FAILOVER_MAX)
        self.assert_each_once(machine, acknowledged)

    def test_orderly_stop_of_a_server_under_load(self):
        machine = self.steps()
        times = []

        def until(acknowledged):
            self.more(acknowledged)
            began = time.monotonic()
            self.assertEqual(self.servers[0].terminate(), 0)
            times.append(time.monotonic() - began)
            self.more(acknowledged)

        acknowledged = self.load(machine, until)
        print(f"orderly stop: {times[0]:.2f} s, {len(acknowledged)} executions")
        self.assertLess(times[0], STOP_MAX)
        self.assert_each_once(machine, acknowledged)
        self.assertEqual(self.count("nodes"), NODES - 1)

    def test_a_server_that_sleeps_is_replaced_and_goes_on_anew(self):
        machine = self.steps()
        first = self.servers[0]
        executions = [first.client().start_execution(stateMachineArn=machine)["executionArn"]
                      for _ in range(10)]
        first.process.send_signal(signal.SIGSTOP)
        others = self.servers[1].client()
        for execution in executions:
            self.assertEqual(ended(others, execution, 20)["status"], "SUCCEEDED")
        first.process.send_signal(signal.SIGCONT)
        for execution in executions:
            self.assert_succeeded(execution)
        started = first.client().start_execution(stateMachineArn=machine)["executionArn"]
        self.assert_succeeded(started)
        self.assertEqual(self.count("nodes"), NODES)

    def test_what_cannot_share_is_refused(self):
        with open(os.path.join(self.folder, "OTHER"), "w") as file:
            file.write(f"stairwell-key-1 {base64.b64encode(bytes(32)).decode()}\n")
        done = subprocess.run(
            [BINARY, "serve", "--port", "0", *self.options(key="OTHER")], env=ENVIRONMENT,
            capture_output=True, text=True, timeout=60, cwd=self.folder,
        )
        self.assertEqual(done.returncode, 1, done)
        last = done.stderr.strip().split("\n")[-1]
        self.assertIn("the secrets are sealed by the key", last)
        for option in [["--peer-listen", "127.0.0.1:0"], ["--advertise", "node7"]]:
            done = subprocess.run(
                [BINARY, "serve", "--port", "0", "--in-memory", *option], env=ENVIRONMENT,
                capture_output=True, text=True, timeout=60, cwd=self.folder,
            )
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(f"{option[0]} is of servers that share a database", done.stderr)


if __name__ == "__main__":
    unittest.main()
