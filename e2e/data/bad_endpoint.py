"""An endpoint of HTTP or, with a certificate and its key, of HTTPS, on a free port, which it prints:
what it answers, the path says. Each request's head and body are a line of JSON on standard output."""

import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("content-length", 0))
        seen = {
            "method": self.command,
            "path": self.path,
            "headers": dict(self.headers),
            "body": self.rfile.read(length).decode(),
        }
        print(json.dumps(seen), flush=True)
        what = self.path.split("?")[0].strip("/").split("/")[0]
        if what == "nonsense":
            self.wfile.write(b"\x00\x01 this is no HTTP\r\n\r\n")
            self.close_connection = True
        elif what == "cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
            self.close_connection = True
        elif what == "hang":
            threading.Event().wait(60)
        elif what == "redirect":
            self.reply(302, b"", {"location": "https://elsewhere.invalid/stolen"})
        elif what == "large":
            self.reply(200, b"x" * 10_485_760)
        elif what == "refuse":
            self.reply(403, b'{"message": "no"}')
        elif what == "token":
            self.reply(200, b'{"access_token": "token-secret", "token_type": "Bearer"}')
        elif what == "no-token":
            self.reply(200, b'{"error": "nothing"}')
        else:
            self.reply(200, json.dumps(seen).encode())

    def reply(self, status, body, headers=()):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
if len(sys.argv) > 1:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[1:3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.handle_error = lambda *_: None
print(server.server_address[1], flush=True)
server.serve_forever()
