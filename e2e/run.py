"""Runs the end-to-end tests, and ends with a line `N passed, N failed, N skipped`.

`cargo xtask test` calls this with the release binary in STAIRWELL_BINARY and with a Python that has
what requirements.txt names. By hand: `STAIRWELL_BINARY=target/release/stairwell
target/venv/bin/python e2e/run.py [name of a test ...]`.

Without names, each file runs in a process of its own, as many at a time as there are processors:
most of them wait. What measures time runs alone, at the end.
"""

import collections
import concurrent.futures
import os
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))

# They take longest, and begin first.
LONG = ["test_terraform", "test_conformance", "test_jobs", "test_errors"]
# Their measurements would be wrong beside others.
ALONE = ["test_storm", "test_strangers"]


class Result(unittest.TextTestResult):
    """Counts what passed, sub-tests included as part of their test."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def run_here(names):
    """Runs the tests of these names in this process."""
    suite = unittest.TestLoader().loadTestsFromNames(names)
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result)
    result = runner.run(suite)
    failed = {test.id().split(" ")[0] for test, _ in result.failures + result.errors}
    failed |= {test.id() for test in result.unexpectedSuccesses}
    for test, reason in result.skipped:
        print(f"skipped: {test.id()}: {reason}")
    return {"passed": result.passed, "failed": len(failed), "skipped": len(result.skipped)}


def run_module(name):
    """Runs a file of tests in a process, prints what that printed, and returns its counts."""
    began = time.monotonic()
    command = [sys.executable, os.path.abspath(__file__), name]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = ended.stdout.rstrip().split("\n")
    try:
        parts = [part.split() for part in lines[-1].split(", ")]
        counts = {word: int(count) for count, word in parts}
    except ValueError:
        counts = {"failed": 1}
    seconds = time.monotonic() - began
    sys.stdout.write("".join(f"{line}\n" for line in [f"== {name}, {seconds:.0f} s", *lines]))
    sys.stdout.flush()
    return counts


def run_all():
    """Runs all files of tests."""
    found = [file[:-3] for file in os.listdir(HERE) if file.startswith("test_")]
    beside = [name for name in found if name not in ALONE]
    beside.sort(key=lambda name: (LONG.index(name) if name in LONG else len(LONG), name))
    total = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for counts in pool.map(run_module, beside):
            total.update(counts)
    for name in ALONE:
        total.update(run_module(name))
    return total


def main():
    sys.path.insert(0, HERE)
    names = sys.argv[1:]
    counts = run_here(names) if names else run_all()
    line = f"{counts['passed']} passed, {counts['failed']} failed"
    print(line + (f", {counts['skipped']} skipped" if counts["skipped"] else ""))
    sys.exit(1 if counts["failed"] or not counts["passed"] else 0)


if __name__ == "__main__":
    main()
