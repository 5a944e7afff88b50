"""Recorded answers of AWS, where they lie beside the tree.

The recordings are not part of this repository: a folder `../shared/conformance` beside it holds
them, and without it these tests are skipped. `expected_failures.json` lists the cases that are
known to differ, each with its reason; a case that passes although it is listed is a failure too, so
that the list can only shrink.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

from harness import ENVIRONMENT, ROOT, ServerTest

FOLDER = os.path.normpath(os.path.join(ROOT, "..", "shared", "conformance"))
AREAS = [
    "base", "callback", "choice_operators", "comments", "context_object", "error_handling",
    "intrinsic_functions", "timeouts", "activities",
]


@unittest.skipUnless(os.path.isdir(FOLDER), "no recordings in ../shared/conformance")
class ConformanceTest(ServerTest):
    def test_the_recorded_cases(self):
        with open(os.path.join(ROOT, "e2e", "expected_failures.json"), encoding="utf-8") as file:
            expected = json.load(file)
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            command = [sys.executable, os.path.join(FOLDER, "check.py"), "--endpoint",
                       self.server.url, "--json", out.name, "--timeout", "40", "--jobs", "8"]
            for area in AREAS:
                command += ["--only", area]
            done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
            with open(out.name, encoding="utf-8") as file:
                answer = json.load(file)
        print(done.stdout)
        self.assertGreater(answer["passed"], 0)
        results = {it["name"]: it for it in answer["results"] if it["status"] != "skip"}
        failed = {name for name, it in results.items() if it["status"] == "fail"}
        for name in sorted(failed - set(expected)):
            with self.subTest(case=name):
                it = results[name]
                detail = it.get("problem") or [it.get(key) for key in ("path", "expected", "observed")]
                self.fail(f"differs from the recording: {detail}")
        for name in sorted(set(expected) - failed):
            with self.subTest(case=name):
                self.fail("passes now: take it off e2e/expected_failures.json")
