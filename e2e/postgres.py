"""A PostgreSQL of the tests' own: in a folder, by another user where the tests run as root."""

import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

USER = "stairwell"


def binaries():
    """The folder with initdb and the others; the newest version, where there are several."""
    found = glob.glob("/usr/lib/postgresql/*/bin")
    found.sort(key=lambda path: float(path.split("/")[-2]), reverse=True)
    path = found + os.environ.get("PATH", "").split(os.pathsep)
    for folder in path:
        names = ["initdb", "postgres", "pg_isready", "psql"]
        if all(os.path.isfile(os.path.join(folder, name)) for name in names):
            return folder
    raise unittest.SkipTest(
        "no PostgreSQL: initdb is neither in the PATH nor in /usr/lib/postgresql/*/bin"
    )


def other_user():
    """Whom it runs as, where the tests run as root, which it refuses to be."""
    if os.geteuid() != 0:
        return {}
    for name in ["postgres", "nobody"]:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise unittest.SkipTest("no PostgreSQL: the tests run as root, and there is no other user")


class Postgres:
    """A server that listens on this machine, and lets everybody in."""

    def __init__(self):
        self.binaries = binaries()
        self.user = other_user()
        self.folder = tempfile.mkdtemp(prefix="stairwell-pg-")
        if self.user:
            os.chown(self.folder, self.user["user"], self.user["group"])
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.data = os.path.join(self.folder, "data")
        self.run("initdb", "-D", self.data, "-U", USER, "-A", "trust", "-E", "UTF8",
                 "--locale=C", "--no-sync")
        self.start()

    def run(self, name, *arguments):
        """Runs one of its commands to its end, and returns what that printed."""
        ended = subprocess.run(
            [os.path.join(self.binaries, name), *arguments], cwd=self.folder,
            capture_output=True, text=True, env={"LC_ALL": "C", "HOME": self.folder}, **self.user,
        )
        if ended.returncode != 0:
            raise RuntimeError(f"{name}: {ended.stderr}")
        return ended.stdout.strip()

    def start(self):
        """Starts it, also after it was killed, and waits until it takes connections."""
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(self.binaries, "postgres"), "-D", self.data, "-p", str(self.port),
                 "-k", self.folder, "-c", "listen_addresses=127.0.0.1"],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"LC_ALL": "C", "HOME": self.folder}, **self.user,
            )
        limit = time.monotonic() + 60
        while True:
            try:
                return self.run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port))
            except RuntimeError:
                if time.monotonic() > limit:
                    raise
                time.sleep(0.02)

    def kill(self):
        """Kills it, as a crash does."""
        self.process.kill()
        self.process.wait()
        try:
            # A server whose old children still live does not start.
            os.remove(os.path.join(self.data, "postmaster.pid"))
        except FileNotFoundError:
            pass

    def remove(self):
        """Ends it, and takes its folder away."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, text):
        """What a statement answers."""
        return self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d",
                        "postgres", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", text)

    def url(self, user=USER):
        return f"postgres://{user}@127.0.0.1:{self.port}/postgres"
