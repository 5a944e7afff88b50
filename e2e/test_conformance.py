"""Recorded answers of AWS, where they lie beside the tree.

The recordings are not part of this repository: a folder `../shared/conformance` beside it holds
them, and without it these tests are skipped. `expected_failures.json` lists the cases that are
known to differ, with the reason; a case that passes although it is listed is a failure too, so that
the list can only shrink.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from harness import ENVIRONMENT, ROOT, Server
from moto_server import CORRECTED_MOTO, free_port, start_moto

FOLDER = os.path.normpath(os.path.join(ROOT, "..", "shared", "conformance"))


@unittest.skipUnless(os.path.isdir(FOLDER), "no recordings in ../shared/conformance")
class ConformanceTest(unittest.TestCase):
    def setUp(self):
        self.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.data, ignore_errors=True)
        self.lambda_port = free_port()
        self.services = start_moto(self.addCleanup, CORRECTED_MOTO)
        ENVIRONMENT["AWS_ENDPOINT_URL"] = self.services
        self.addCleanup(ENVIRONMENT.pop, "AWS_ENDPOINT_URL")
        endpoint = f"http://127.0.0.1:{self.lambda_port}"
        self.server = Server(self.data, "--lambda-endpoint", endpoint)
        self.addCleanup(self.server.kill)

    def test_the_recorded_cases(self):
        with open(os.path.join(ROOT, "e2e", "expected_failures.json"), encoding="utf-8") as file:
            known = json.load(file)
        reasons = {
            case: group["reason"] for group in known["expected_failures"] for case in group["cases"]
        }
        areas = sorted(set(os.listdir(os.path.join(FOLDER, "cases"))) - set(known["areas_left_out"]))
        answer = self.check(areas)
        results = {it["name"]: it for it in answer["results"] if it["status"] != "skip"}
        self.assertGreater(answer["passed"], 300)
        failed = {name for name, it in results.items() if it["status"] == "fail"}
        for name in sorted(failed - set(reasons)):
            with self.subTest(case=name):
                it = results[name]
                detail = it.get("problem") or [it.get(key) for key in ("path", "expected", "observed")]
                self.fail(f"differs from the recording: {detail}")
        for name in sorted(set(reasons) - failed):
            with self.subTest(case=name):
                self.assertNotIn(name, results, "passes: take it off e2e/expected_failures.json")

    def check(self, areas):
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            command = [
                sys.executable, os.path.join(FOLDER, "check.py"), "--endpoint", self.server.url,
                "--lambda-port", str(self.lambda_port), "--json", out.name, "--timeout", "60",
                "--jobs", "8", "--services-endpoint", self.services,
            ]
            for area in areas:
                command += ["--only", area]
            done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
            print(done.stdout + done.stderr)
            with open(out.name, encoding="utf-8") as file:
                return json.load(file)
