"""Lambda functions without a Lambda server: commands that speak the runtime API."""

import json
import os
import shutil
import sys
import tempfile
import textwrap
import unittest

from harness import ACCOUNT, REGION, Server, create, ended

# A runtime in the smallest form: what the event asks for is done.
RUNTIME = textwrap.dedent(
    """
    import json, os, sys, time, urllib.request
    base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
    def post(path, value):
        body = json.dumps(value).encode()
        urllib.request.urlopen(urllib.request.Request(base + path, data=body)).read()
    while True:
        with urllib.request.urlopen(base + "next") as answer:
            event = json.loads(answer.read())
            request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        if event.get("do") == "die":
            sys.exit(7)
        if event.get("do") == "hang":
            time.sleep(60)
        if event.get("do") == "tell the environment":
            event = dict(os.environ)
        if event.get("do") == "fail":
            error = {"errorType": "Custom", "errorMessage": "on purpose"}
            post(request_id + "/error", error)
        else:
            post(request_id + "/response", {"got": event, "process": os.getpid()})
    """
)


class FunctionsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        program = os.path.join(self.folder, "function.py")
        with open(program, "w", encoding="utf-8") as file:
            file.write(RUNTIME)
        config = os.path.join(self.folder, "stairwell.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("[lambda-functions.local]\n")
            file.write(f"command = {json.dumps([sys.executable, program])}\n")
            file.write("timeout-seconds = 2\n")
            file.write('environment = { TABLE = "orders" }\n')
            file.write('pass-environment = ["PASSED"]\n')
            file.write('[lambda-functions.absent]\ncommand = ["/no/such/program"]\n')
        environment = {
            "PASSED": "yes", "LC_TIME": "C", "OTHER": "environment-secret",
            "AWS_SECRET_ACCESS_KEY": "environment-secret",
            "STAIRWELL_ACCESS_KEYS": f"AKIDROOT={ACCOUNT}:environment-secret",
        }
        self.server = Server(
            os.path.join(self.folder, "data"), "--config", config, environment=environment)
        self.addCleanup(self.server.kill)
        self.sfn = self.server.client()

    def run_function(self, name, data, resource=None):
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        task = {"Type": "Task", "Resource": resource or arn, "End": True}
        if resource:
            task["Parameters"] = {"FunctionName": name, "Payload.$": "$"}
        machine = create(self.sfn, f"m{len(os.listdir(self.folder))}-{id(data)}",
                         {"StartAt": "S", "States": {"S": task}})
        started = self.sfn.start_execution(stateMachineArn=machine, input=json.dumps(data))
        return ended(self.sfn, started["executionArn"])

    def test_a_command_answers_and_lives_on(self):
        first = json.loads(self.run_function("local", {"a": 1})["output"])
        self.assertEqual(first["got"], {"a": 1})
        again = self.run_function("local", {"a": 2}, "arn:aws:states:::lambda:invoke")
        again = json.loads(again["output"])
        self.assertEqual(again["Payload"]["got"], {"a": 2})
        self.assertEqual(again["Payload"]["process"], first["process"])
        self.assertEqual(again["ExecutedVersion"], "$LATEST")

    def test_a_command_sees_its_own_environment_alone(self):
        told = json.loads(self.run_function("local", {"do": "tell the environment"})["output"])
        got = told["got"]
        self.assertEqual(
            [got.get(name) for name in ["TABLE", "PASSED", "LC_TIME", "PATH", "AWS_REGION"]],
            ["orders", "yes", "C", os.environ["PATH"], REGION])
        self.assertEqual(got["AWS_LAMBDA_FUNCTION_NAME"], "local")
        self.assertNotIn("OTHER", got)
        self.assertNotIn("environment-secret", json.dumps(got))
        lines = [name for name in got if name.startswith(("STAIRWELL_", "AWS_"))
                 and not name.startswith("AWS_LAMBDA_")]
        self.assertEqual(sorted(lines), ["AWS_DEFAULT_REGION", "AWS_REGION"])

    def test_what_goes_wrong_has_the_names_of_lambda(self):
        for name, data, error, cause in [
            ("local", {"do": "fail"}, "Custom", "on purpose"),
            ("local", {"do": "die"}, "Runtime.ExitError", "exit status: 7"),
            ("local", {"do": "hang"}, "Sandbox.Timedout", "Task timed out after 2.00 seconds"),
            ("absent", {}, "Runtime.InvalidEntrypoint", "/no/such/program"),
        ]:
            with self.subTest(error):
                found = self.run_function(name, data)
                self.assertEqual((found["status"], found["error"]), ("FAILED", error))
                self.assertIn(cause, found["cause"])


if __name__ == "__main__":
    unittest.main()
