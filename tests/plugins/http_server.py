#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A server for the tests of plugins that speak HTTP, on loopback.

    http_server.py STATS [CERT KEY [old | mutual CA]]

prints its port.  old: TLS 1.1 at most; mutual: it wants a certificate, signed by CA.

It keeps what is put to /raw/NAME as bytes and to /json/NAME as {"data": {"value": TEXT}},
for callers whose X-Api-Key is "good"; /names?prefix=P has the names of both.  What stands
at /bad/KIND/... misbehaves as KIND says.  STATS is a file that has, a line a request,
the number of the connection, the method, the path, and the key that came with it.
"""
import json
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

store = {}
lock = threading.Lock()
counts = {"connections": 0}
stats = open(sys.argv[1], "a", buffering=1)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True      # many small answers on kept connections

    def setup(self):
        super().setup()
        with lock:
            counts["connections"] += 1
            self.number = counts["connections"]

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-Id", f"req-{self.number}")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_request(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        key = self.headers.get("X-Api-Key")
        with lock:
            stats.write(f"{self.number} {self.command} {self.path} {key}\n")
        parts = self.path.split("/", 3)
        if parts[1] == "bad":
            return self.misbehave(parts[2])
        if key != "good":
            return self.answer(401, b"who are you?")
        if parts[1].startswith("names"):
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            prefix = query.get("prefix", [""])[0]
            with lock:
                names = sorted(name for name in store if name.startswith(prefix))
            return self.answer(200, json.dumps({"items": [{"name": n} for n in names]}).encode())
        name = urllib.parse.unquote(self.path.split("/", 2)[2])
        return self.keep(parts[1] == "json", name, body)

    def keep(self, is_json, name, body):
        with lock:
            if self.command == "PUT":
                store[name] = json.loads(body)["value"].encode() if is_json else body
                return self.answer(204)
            if name not in store:
                return self.answer(404, b'{"errors":[]}')
            value = store[name]
            if self.command == "DELETE":
                del store[name]
                return self.answer(204)
        return self.answer(200, json.dumps({"data": {"value": value.decode()}}).encode()
                           if is_json else value)

    def misbehave(self, kind):
        write = self.wfile.write
        self.close_connection = True
        if kind == "close":             # before a word
            return
        if kind == "cut":               # in the middle of what it promised
            write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        elif kind == "trickle":         # a byte now and then, for ever
            write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                write(b"x")
                time.sleep(0.05)
        elif kind == "endless":
            write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        elif kind == "heads":           # a head without end
            write(b"HTTP/1.1 200 OK\r\n")
            while True:
                write(b"X-Long: " + b"y" * 1000 + b"\r\n")
        elif kind == "silent":
            time.sleep(60)
        elif kind == "html":
            self.answer(200, b"<html>sign in</html>", [("Content-Type", "text/html")])
        elif kind == "garbage":
            write(b"\x00\x01\x02 this is no HTTP\r\n\r\n")
        elif kind == "loop":
            self.answer(307, b"", [("Location", self.path)])
        elif kind == "away":            # to where the other server is
            self.answer(307, b"", [("Location", open(sys.argv[1] + ".other").read().strip())])
        elif kind.isdigit():            # that status
            self.answer(int(kind), b"secret words", [("Retry-After", "1")]
                        if kind == "429" else [])
        else:
            self.answer(500)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_request


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):         # a client that went away
        pass


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if sys.argv[4:] == ["old"]:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    if sys.argv[4:5] == ["mutual"]:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(sys.argv[5])
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
