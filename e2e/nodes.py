"""Several servers of one database, and what spreads connections over them."""

import itertools
import socket
import threading


class Proxy:
    """Passes each connection on to the next server that takes it, as a load balancer does."""

    def __init__(self, urls):
        self.targets = [target(url) for url in urls]
        self.turns = itertools.count()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        first = next(self.turns)
        for turn in range(len(self.targets)):
            try:
                server = socket.create_connection(self.targets[(first + turn) % len(self.targets)])
            except OSError:
                continue
            back = threading.Thread(target=copy, args=[server, client], daemon=True)
            back.start()
            copy(client, server)
            back.join()
            server.close()
            break
        client.close()

    def close(self):
        self.listener.close()


def target(url):
    host, port = url.split("//")[1].split(":")
    return host, int(port)


def copy(source, sink):
    """Passes on what comes, and its end."""
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
    except OSError:
        # One end is gone: so is the other.
        for end in [source, sink]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
    try:
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def each_call_its_own_connection(request, **_):
    """So that calls go to the servers in turn. Called before each is sent, after it was signed."""
    request.headers["Connection"] = "close"
