"""Clients that connect and send nothing, or half of a request, do not hold up those that do."""

import resource
import socket
import tempfile
import time
import unittest

from harness import ACCOUNT, Server

KEY = ("AKIDROOT", "root-secret")
SILENT = 10_000
BODIES = 150
BODY_BYTES = 2_000_000
CALLS = 300
P99_SECONDS_MAX = 0.1
MEMORY_BYTES_MAX = 150 << 20


def raise_file_limit(wanted):
    """Lets this process, and so the server that it starts, open this many files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (ValueError, PermissionError):
            raise unittest.SkipTest(f"{wanted} open files are needed; the limit is {hard}")
    else:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def resident_bytes(pid):
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) << 10


class Strangers(unittest.TestCase):
    def setUp(self):
        raise_file_limit(2 * SILENT)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        # The client that is served is known; those that hold things up are not.
        known = f"{KEY[0]}={ACCOUNT}:{KEY[1]}"
        self.server = Server(folder.name, "--require-auth", "--access-key", known)
        self.addCleanup(self.server.kill)
        host, port = self.server.url.removeprefix("http://").split(":")
        self.address = (host, int(port))
        self.sockets = []
        self.addCleanup(lambda: [each.close() for each in self.sockets])

    def connect(self):
        connection = socket.create_connection(self.address, timeout=10)
        self.sockets.append(connection)
        return connection

    def assert_served(self):
        """That a client that sends whole requests is answered fast, on new connections too."""
        client = self.server.client(key=KEY[0], secret=KEY[1])
        durations = []
        for number in range(CALLS):
            if number % 30 == 0:
                client = self.server.client(key=KEY[0], secret=KEY[1])
            began = time.monotonic()
            client.list_state_machines()
            durations.append(time.monotonic() - began)
        p99 = sorted(durations)[CALLS * 99 // 100 - 1]
        resident = resident_bytes(self.server.process.pid)
        print(f"p99 {p99 * 1000:.1f} ms, {resident >> 20} MiB", end=" ", flush=True)
        self.assertLess(p99, P99_SECONDS_MAX)
        self.assertLess(resident, MEMORY_BYTES_MAX)

    def test_silent_connections(self):
        for _ in range(SILENT):
            self.connect()
        self.assert_served()

    def test_half_a_preface(self):
        for _ in range(2_000):
            self.connect().sendall(b"PRI * HTTP/2.0\r\n")
        self.assert_served()

    def send_bodies(self):
        """Sends bodies that lack their last byte; how many were answered early."""
        head = (
            "POST / HTTP/1.1\r\nHost: stairwell\r\nContent-Type: application/x-amz-json-1.0\r\n"
            "X-Amz-Target: AWSStepFunctions.ListStateMachines\r\n"
            f"Content-Length: {BODY_BYTES}\r\n\r\n"
        ).encode()
        refused = 0
        for _ in range(BODIES):
            connection = self.connect()
            try:
                connection.sendall(head + b" " * (BODY_BYTES - 1))
            except OSError:
                # The server answered early, and closed.
                refused += 1
        return refused

    def test_unfinished_bodies(self):
        refused = self.send_bodies()
        self.assert_served()
        for connection in self.sockets:
            connection.setblocking(False)
            try:
                refused += connection.recv(1_000).startswith(b"HTTP/1.1 503")
            except OSError:
                pass
        self.assertGreater(refused, 0, "the bodies together are longer than the budget")

    def test_silent_connections_and_unfinished_bodies_together(self):
        for _ in range(SILENT):
            self.connect()
        self.send_bodies()
        self.assert_served()
