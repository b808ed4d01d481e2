#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Plays a Vault for what a real one in a test cannot be made to do, on loopback.

    vault_server.py CONTROL

prints its port.  A mount "secret" of version 2, logins at auth/approle and
auth/kubernetes.  CONTROL.mode, read at each request, says how it misbehaves:

    standby URL     307 to there
    behind N        412 to the next N requests
    472, 473, ...   that status to all but logins
    after STATUS    does a write, then answers that
    vanish          does a write, then closes without an answer
    slow-login S    a login takes S seconds
    slow S          all else does
    index TEXT      answers name this state, and whoever has not named it since is told 412

CONTROL.revoked, if it is there, makes all tokens given before it invalid; CONTROL.lease
is a token's life in seconds (3600).  CONTROL.log has a line a request: the number of its
connection, method, path, and the token that came with it.
"""
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

control = sys.argv[1]
lock = threading.Lock()
log = open(control + ".log", "a", buffering=1)
secrets = {}        # name -> list of {"data", "destroyed"}
tokens = {}         # token -> (when it was given, when it ends)
counts = {"behind": None, "connections": 0}


def setting(name, default=""):
    try:
        with open(f"{control}.{name}") as file:
            return file.read().strip() or default
    except OSError:
        return default


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    index = None
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        with lock:
            counts["connections"] += 1
            self.number = counts["connections"]

    def log_message(self, *_):
        pass

    def answer(self, status, tree=None, headers=()):
        body = b"" if tree is None else json.dumps(tree).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if self.index:
            self.send_header("X-Vault-Index", self.index)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def errors(self, status, *texts):
        self.answer(status, {"errors": list(texts)})

    def data(self, data):
        self.answer(200, {"request_id": "request-7", "data": data, "auth": None})

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = self.headers.get("X-Vault-Token", "-")
        with lock:
            log.write(f"{self.number} {self.command} {self.path} {token}\n")
        path = self.path.split("?")[0].removeprefix("/v1/")
        if path.startswith("auth/") and path.endswith("/login"):
            return self.login(path.split("/")[1], json.loads(body))
        mode = setting("mode").split()
        kind = mode[0] if mode else ""
        if kind == "slow":
            time.sleep(float(mode[1]))
        if kind == "index" and self.command == "GET" and "/data/" in path and \
                self.headers.get("X-Vault-Index") != mode[1]:
            self.index = mode[1]
            return self.errors(412, "required index state not present")
        if kind == "standby":
            return self.answer(307, None, [("Location", mode[1] + self.path)])
        if kind == "behind" and self.is_behind(int(mode[1])):
            return self.errors(412, "required index state not present")
        if kind.isdigit():
            return self.errors(int(kind))
        if path == "auth/token/renew-self":
            return self.renew(token)
        if not self.is_good(token):
            return self.errors(403, "permission denied")
        self.kept = None
        with lock:
            self.keep(path, json.loads(body) if body else None)
        if self.command != "GET" and kind == "vanish":
            self.close_connection = True
            return None
        if self.command != "GET" and kind == "after":
            return self.errors(int(mode[1]))
        return self.kept()

    def is_behind(self, count):
        with lock:
            if counts["behind"] is None:
                counts["behind"] = count
            counts["behind"] -= 1
            return counts["behind"] >= 0

    # --- tokens

    def login(self, mount, given):
        mode = setting("mode").split()
        if mode[:1] == ["slow-login"]:
            time.sleep(float(mode[1]))
        good = {"approle": {"role_id": "role", "secret_id": "secret-of-role"},
                "kubernetes": {"role": "web", "jwt": setting("jwt", "jwt")}}.get(mount)
        if given != good:
            return self.errors(400, "invalid role or secret ID")
        return self.grant(f"s.{os.urandom(12).hex()}")

    def renew(self, token):
        if not self.is_good(token):
            return self.errors(403, "permission denied")
        return self.grant(token)

    def grant(self, token):
        lease = float(setting("lease", "3600"))
        with lock:
            tokens[token] = (time.time(), time.time() + lease)
        self.answer(200, {"data": None, "auth": {"client_token": token, "renewable": True,
                                                 "lease_duration": int(lease)}})

    def is_good(self, token):
        with lock:
            given, ends = tokens.get(token, (0, 0))
        try:
            revoked = os.stat(control + ".revoked").st_mtime
        except OSError:
            revoked = 0
        return time.time() < ends and given > revoked or token == "root"

    # --- secrets: sets self.kept, which answers

    def keep(self, path, given):
        if path == "sys/internal/ui/mounts/secret":
            self.kept = lambda: self.data({"path": "secret/", "type": "kv",
                                           "options": {"version": "2"}})
            return
        _, part, name = path.split("/", 2)
        versions = secrets.get(name, [])
        newest = {"version": len(versions), "destroyed": False}
        if part == "metadata" and self.command == "DELETE":
            secrets.pop(name, None)
            self.kept = lambda: self.answer(204)
        elif part == "destroy":
            for number in given["versions"]:
                versions[number - 1] = None
            self.kept = lambda: self.answer(204)
        elif not versions and self.command == "GET":
            self.kept = lambda: self.errors(404)
        elif part == "metadata":
            self.kept = lambda: self.data({"current_version": len(versions)})
        elif self.command == "GET":
            wanted = int(self.path.partition("version=")[2] or len(versions))
            self.kept = lambda: self.data({"data": versions[wanted - 1],
                                           "metadata": dict(newest, version=wanted)})
        elif given["options"]["cas"] != len(versions):
            self.kept = lambda: self.errors(
                400, "check-and-set parameter did not match the current version")
        else:
            secrets.setdefault(name, versions).append(given["data"])
            self.kept = lambda: self.data({"version": len(versions)})

    do_GET = do_PUT = do_POST = do_DELETE = handle_request


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):         # a client that went away
        pass


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
