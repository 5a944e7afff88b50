"""A disk that fails under a running server."""

import os
import shutil
import tempfile
import unittest

from botocore.exceptions import BotoCoreError, ClientError
from harness import Server, create, ended

PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
EXIT_DISK = 74


@unittest.skipUnless(shutil.which("strace"), "strace, which makes system calls fail, is not there")
class DiskTest(unittest.TestCase):
    def test_a_sync_that_fails_ends_the_server_and_loses_nothing(self):
        folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        data, log_path = os.path.join(folder, "data"), os.path.join(folder, "log")
        server = Server(data)
        machine = create(server.client(), "disk", PASS)
        self.assertEqual(server.terminate(), 0)

        # The first syncs are those of the start.
        calls = "fsync,fdatasync"
        under = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}"]
        under += ["-e", f"inject={calls}:error=EIO:when=40+"]
        answered = []
        with open(log_path, "w") as log:
            server = Server(data, log=log, under=under)
            self.addCleanup(server.kill)
            sfn = server.client()
            try:
                for number in range(1_000):
                    name = f"e{number}"
                    started = sfn.start_execution(stateMachineArn=machine, name=name)
                    answered.append(started["executionArn"])
            except (ClientError, BotoCoreError):
                pass
            self.assertEqual(server.process.wait(30), EXIT_DISK)
        self.assertTrue(0 < len(answered) < 1_000, answered[-1:])
        with open(log_path) as log:
            lines = [line for line in log if "the store failed, and the server ends" in line]
        self.assertEqual(len(lines), 1, lines)

        server = Server(data)
        self.addCleanup(server.kill)
        sfn = server.client()
        for arn in answered:
            self.assertEqual(ended(sfn, arn)["status"], "SUCCEEDED")
        # It takes more, and the names that were not answered are there once at most.
        for number in range(len(answered), len(answered) + 5):
            try:
                sfn.start_execution(stateMachineArn=machine, name=f"e{number}")
            except sfn.exceptions.ExecutionAlreadyExists:
                self.assertEqual(number, len(answered))
        self.assertEqual(server.terminate(), 0)


if __name__ == "__main__":
    unittest.main()
