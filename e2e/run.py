"""Runs the end-to-end tests, and ends with a line `N passed, N failed, N skipped`.

`cargo xtask test` calls this with the release binary in STAIRWELL_BINARY and with a Python that has
what requirements.txt names. By hand: `STAIRWELL_BINARY=target/release/stairwell
target/venv/bin/python e2e/run.py [name of a test ...]`.
"""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


class Result(unittest.TextTestResult):
    """Counts what passed, sub-tests included as part of their test."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main():
    sys.path.insert(0, HERE)
    loader = unittest.TestLoader()
    names = sys.argv[1:]
    suite = loader.loadTestsFromNames(names) if names else loader.discover(HERE)
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result)
    result = runner.run(suite)
    failed = {test.id().split(" ")[0] for test, _ in result.failures + result.errors}
    failed |= {test.id() for test in result.unexpectedSuccesses}
    for test, reason in result.skipped:
        print(f"skipped: {test.id()}: {reason}")
    counts = f"{result.passed} passed, {len(failed)} failed"
    print(counts + (f", {len(result.skipped)} skipped" if result.skipped else ""))
    sys.exit(1 if failed or not result.passed else 0)


if __name__ == "__main__":
    main()
