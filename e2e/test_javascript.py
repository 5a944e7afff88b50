"""The JavaScript SDK: starts, a synchronous start, and a history read page by page, on a server that
verifies its signatures.

Skipped, with the reason, where node or npm is not there, or npm cannot fetch the SDK.
"""

import json
import os
import shutil
import subprocess
import tempfile

from harness import ACCOUNT, ENVIRONMENT, ROLE, ROOT, Server, ServerTest

SOURCE = os.path.join(ROOT, "e2e", "javascript")
# Kept between runs, so that the SDK is fetched once.
FOLDER = os.path.join(ROOT, "target", "e2e-javascript")


KEY, SECRET = "AKIDJAVASCRIPT000000", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


class JavaScriptTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.server = Server(
            cls.data, "--require-auth", "--roles", "permissive",
            "--access-key", f"{KEY}={ACCOUNT}:{SECRET}"
        )

    def setUp(self):
        for command in ["node", "npm"]:
            if not shutil.which(command):
                self.skipTest(f"the {command} command is not installed")
        os.makedirs(FOLDER, exist_ok=True)
        for name in ["package.json", "client.mjs"]:
            shutil.copy(os.path.join(SOURCE, name), FOLDER)
        with tempfile.TemporaryFile("w+") as output:
            install = subprocess.run(
                ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--omit=dev",
                 "--prefer-offline"],
                cwd=FOLDER, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=300,
            )
            output.seek(0)
            if install.returncode != 0:
                self.skipTest(f"npm cannot install the SDK: {output.read()[-500:]}")

    def test_starts_and_histories(self):
        run = subprocess.run(
            ["node", "client.mjs", self.server.url, ROLE, KEY, SECRET],
            cwd=FOLDER, env=ENVIRONMENT, capture_output=True, text=True, timeout=120,
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        told = json.loads(run.stdout)
        self.assertEqual(told["refused"], "InvalidSignatureException")
        self.assertTrue(told["startDateIsDate"])
        self.assertEqual((told["status"], told["output"]), ("SUCCEEDED", '{"from":"JavaScript"}'))
        # Ten states entered and left, a start and an end.
        self.assertEqual(told["pages"], [list(range(1, 8)), list(range(8, 15)),
                                         list(range(15, 22)), [22]])
        sync = told["sync"]
        self.assertEqual((sync["status"], sync["output"]), ("SUCCEEDED", '{"from":"JavaScript"}'))
        self.assertEqual(sync["billing"]["billedMemoryUsedInMB"], 64)
