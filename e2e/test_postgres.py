"""`serve --store` on a real PostgreSQL, which is killed, and so is the server."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest
import urllib.error
import urllib.request

from botocore.exceptions import BotoCoreError, ClientError

from harness import (BINARY, ENVIRONMENT, HELLO, Server, create, ended, history, one_state, types,
                     wait_for)
from postgres import Postgres


class PostgresTest(unittest.TestCase):
    def setUp(self):
        self.postgres = Postgres()
        self.addCleanup(self.postgres.remove)
        self.folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def options(self, url=None):
        key = os.path.join(self.folder, "KEY")
        return ["--store", url or self.postgres.url(), "--key-file", key]

    def serve(self, *options):
        server = Server(None, *self.options(), *options)
        self.addCleanup(server.kill)
        return server

    def refused(self, *options, expected):
        """That a server does not start with these options, and says why in one line, soon."""
        done = subprocess.run(
            [BINARY, "serve", "--port", "0", *options], env=ENVIRONMENT, capture_output=True,
            text=True, timeout=60, cwd=self.folder,
        )
        self.assertEqual(done.returncode, 1, done)
        last = done.stderr.strip().split("\n")[-1]
        self.assertTrue(last.startswith("stairwell: "), done.stderr)
        self.assertIn(expected, last)
        self.assertNotIn("secret", done.stderr)

    def assert_dense(self, sfn, execution):
        events = history(sfn, execution)
        self.assertEqual([event["id"] for event in events], list(range(1, len(events) + 1)))
        self.assertEqual(types(events).count("ExecutionStarted"), 1)
        self.assertEqual(types(events).count("ExecutionSucceeded"), 1)

    def test_kill_of_the_server(self):
        server = self.serve()
        sfn = server.client()
        child = create(sfn, "child", {
            "StartAt": "Rest",
            "States": {"Rest": {"Type": "Wait", "Seconds": 2, "Next": "Answer"},
                       "Answer": {"Type": "Pass", "Result": {"answer": 42}, "End": True}},
        })
        parent = create(sfn, "parent", one_state({
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Parameters": {"StateMachineArn": child},
            "OutputPath": "$.Output",
        }))
        executions = [
            sfn.start_execution(stateMachineArn=parent)["executionArn"] for _ in range(20)
        ]
        server.kill()
        # At another port, so that it must wait until the old one is known to be dead.
        sfn = self.serve().client()
        for execution in executions:
            described = ended(sfn, execution)
            self.assertEqual((described["status"], json.loads(described["output"])),
                             ("SUCCEEDED", {"answer": 42}))
            self.assert_dense(sfn, execution)
        children = sfn.list_executions(stateMachineArn=child, maxResults=1000)["executions"]
        self.assertEqual(len(children), len(executions))

    def test_kill_of_the_database_under_load(self):
        server = self.serve()
        sfn = server.client()
        machine = create(sfn, "steps", {
            "StartAt": "One",
            "States": {"One": {"Type": "Pass", "Next": "Rest"},
                       "Rest": {"Type": "Wait", "Seconds": 1, "Next": "Two"},
                       "Two": {"Type": "Pass", "End": True}},
        })
        acknowledged, stop = {}, threading.Event()

        def start(worker):
            client, number = server.client(), 0
            while not stop.is_set():
                name = f"{worker}-{number}"
                try:
                    # The same name and input are the same execution, however often they are sent.
                    started = client.start_execution(stateMachineArn=machine, name=name)
                except (ClientError, BotoCoreError):
                    continue
                acknowledged[name] = started["executionArn"]
                number += 1

        workers = [threading.Thread(target=start, args=[it]) for it in range(6)]
        for worker in workers:
            worker.start()
        for _ in range(2):
            before = len(acknowledged)
            wait_for(lambda: len(acknowledged) > before + 100, 60, "a hundred starts")
            self.postgres.kill()
            self.postgres.start()
        before = len(acknowledged)
        wait_for(lambda: len(acknowledged) > before + 100, 60, "a hundred starts")
        stop.set()
        for worker in workers:
            worker.join()
        for execution in acknowledged.values():
            self.assertEqual(ended(sfn, execution, 60)["status"], "SUCCEEDED")
            self.assert_dense(sfn, execution)
        pages = sfn.get_paginator("list_executions").paginate(stateMachineArn=machine)
        listed = [one["executionArn"] for page in pages for one in page["executions"]]
        self.assertEqual(sorted(listed), sorted(acknowledged.values()))
        rows = self.postgres.sql("SELECT count(*) FROM stairwell.executions")
        self.assertEqual(int(rows), len(acknowledged))

    def test_the_server_is_not_ready_while_the_database_is_away(self):
        server = self.serve()

        def ready():
            try:
                with urllib.request.urlopen(f"{server.url}/health/ready", timeout=30) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return error.code

        self.assertEqual(ready(), 200)
        self.postgres.kill()
        wait_for(lambda: ready() == 503, 30, "a server that is not ready")
        with urllib.request.urlopen(f"{server.url}/health/live", timeout=5) as answer:
            self.assertEqual(answer.status, 200)
        self.postgres.start()
        wait_for(lambda: ready() == 200, 30, "a server that is ready")
        self.assertEqual(server.terminate(), 0)

    def test_a_server_that_sleeps_is_replaced_and_joins_anew_when_it_wakes(self):
        first = self.serve("--log", "error")
        machine = create(first.client(), "hello", HELLO)
        wait = create(first.client(), "wait", one_state({"Type": "Wait", "Seconds": 4}))
        waiting = first.client().start_execution(stateMachineArn=wait)["executionArn"]
        first.process.send_signal(signal.SIGSTOP)
        second = self.serve()
        sfn = second.client()
        execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
        self.assertEqual(ended(sfn, execution)["status"], "SUCCEEDED")
        first.process.send_signal(signal.SIGCONT)
        self.assertEqual(ended(sfn, waiting)["status"], "SUCCEEDED")
        self.assert_dense(sfn, waiting)
        execution = first.client().start_execution(stateMachineArn=machine)["executionArn"]
        self.assertEqual(ended(sfn, execution)["status"], "SUCCEEDED")
        self.assertEqual(self.postgres.sql("SELECT count(*) FROM stairwell.nodes"), "2")
        self.assertEqual(first.terminate(), 0)
        self.assertEqual(second.terminate(), 0)
        # One that stops in order leaves nothing behind that another one would wait for.
        self.assertEqual(self.postgres.sql("SELECT count(*) FROM stairwell.nodes"), "0")
        self.assertEqual(self.postgres.sql("SELECT count(*) FROM stairwell.lanes"), "0")

    def test_what_cannot_be_served_from_is_refused(self):
        url = self.postgres.url()
        self.postgres.sql("CREATE ROLE weak LOGIN; CREATE ROLE hasty LOGIN SUPERUSER; "
                          "ALTER ROLE hasty SET synchronous_commit = off")
        weak, hasty = self.postgres.url("weak"), self.postgres.url("hasty")
        self.refused(*self.options(weak), expected="the user lacks a right")
        self.refused(*self.options(hasty), expected="synchronous_commit is off")
        self.refused(*self.options(f"{url}?sslmode=require"), expected="no TLS")
        nothing = url.removesuffix("postgres") + "nothing"
        self.refused(*self.options(nothing), expected="does not exist")
        nowhere = "postgres://ann:secret@127.0.0.1:1/x"
        self.refused(*self.options(nowhere), expected="cannot be reached")
        file = os.path.join(self.folder, "url")
        with open(file, "w") as out:
            out.write(hasty + "\n")
        server = Server(None, *self.options(f"@{file}"), "--allow-lost-commits")
        self.assertEqual(server.terminate(), 0)


if __name__ == "__main__":
    unittest.main()
