#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Plays Secrets Manager, STS, a container's and a machine's place of keys, on loopback, for
what moto cannot be made to do.

    aws_server.py CONTROL

prints its port.  Secrets are kept for callers with one of the keys that it has given or
knows: AKID, and what STS ("ASIA-role", "ASIA-web"), the container ("ASIA-box") and the
machine ("ASIA-machine") give.  CONTROL.mode says how it misbehaves, at each request:

    throttle N      the next N requests are throttled
    throttle-web N  the same, by HTTP status 429
    deleting N      the next N creations are told that the name is being deleted
    skew S          whoever's date differs more than a minute from a clock S s ahead is refused
    expired         session tokens that were given before this file was written have ended
    vanish          does a write, then closes without an answer
    after STATUS    does a write, then answers that
    error TYPE      that error, with HTTP status 400
    no-role         the machine has none
    pages           lists have a page that is empty, and two more

CONTROL.life is how many seconds keys live (3600).  CONTROL.log has a line a request: the
key's id or "-", and the operation or path.
"""
import datetime
import email.utils
import json
import os
import re
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

control = sys.argv[1]
lock = threading.Lock()
log = open(control + ".log", "a", buffering=1)
secrets = {}        # name -> {"versions": {id: value}, "current": id, "tags": [...]}
given = {}          # session token -> when
left = {}           # mode -> how often it still holds
machine_tokens = set()


def setting(name, default=""):
    try:
        with open(f"{control}.{name}") as file:
            return file.read().strip() or default
    except OSError:
        return default


def counts_down(mode):
    """Does "throttle 3" still hold?  Three times it does."""
    stamp = (mode, os.stat(control + ".mode").st_mtime_ns)
    with lock:
        left.setdefault(stamp, int(mode.split()[1]))
        left[stamp] -= 1
        return left[stamp] >= 0


def new_keys(who):
    token = f"token-of-{who}-{os.urandom(4).hex()}"
    ends = datetime.datetime.fromtimestamp(time.time() + float(setting("life", "3600")),
                                           datetime.timezone.utc)
    with lock:
        given[token] = time.time()
    return {"AccessKeyId": f"ASIA-{who}", "SecretAccessKey": "key", "Token": token,
            "SessionToken": token, "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"), "Version": 1}


class Refused(Exception):
    pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        ahead = float(self.mode[1]) if self.mode[:1] == ["skew"] else 0
        self.send_response_only(status)
        self.send_header("Date", email.utils.formatdate(time.time() + ahead, usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def tree(self, tree, status=200, headers=()):
        self.answer(status, json.dumps(tree).encode(), headers)

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.mode = setting("mode").split()
        found = re.search(r"Credential=([^/]*)/", self.headers.get("Authorization", ""))
        self.key = found.group(1) if found else "-"
        operation = self.headers.get("X-Amz-Target", "").removeprefix("secretsmanager.")
        with lock:
            log.write(f"{self.key} {operation or self.command + ' ' + self.path}\n")
        if not operation:
            return self.keys(body.decode())
        try:
            self.check_caller()
            answer = self.misbehave(operation) or self.perform(operation, json.loads(body))
        except Refused as refusal:
            kind, _, text = str(refusal).partition(": ")
            return self.tree({"message": text}, 400,
                             [("x-amzn-errortype", kind + ":http://internal.amazon.com/")])
        writes = operation in ("PutSecretValue", "CreateSecret", "DeleteSecret")
        if writes and self.mode == ["vanish"]:
            self.close_connection = True
            return None
        if writes and self.mode[:1] == ["after"]:
            return self.answer(int(self.mode[1]))
        return None if answer is True else self.tree(answer)

    # --- who asks, and how it goes wrong

    def check_caller(self):
        token = self.headers.get("X-Amz-Security-Token")
        if self.key != "AKID" and token not in given:
            raise Refused("com.amazon.coral.service#UnrecognizedClientException: who?")
        signed = self.headers["Authorization"]
        if token and "x-amz-security-token" not in signed:
            raise Refused("IncompleteSignature: the token is not signed")
        if self.mode == ["expired"] and token and \
                given[token] < os.stat(control + ".mode").st_mtime:
            raise Refused("ExpiredTokenException: it has ended")
        if self.mode[:1] == ["skew"]:
            date = datetime.datetime.strptime(self.headers["X-Amz-Date"] + "+0000",
                                              "%Y%m%dT%H%M%SZ%z").timestamp()
            if abs(time.time() + float(self.mode[1]) - date) > 60:
                raise Refused("InvalidSignatureException: Signature expired: 2026 is now earlier")

    def misbehave(self, operation):
        kind = self.mode[0] if self.mode else ""
        if kind == "throttle" and counts_down(" ".join(self.mode)):
            raise Refused("ThrottlingException: Rate exceeded")
        if kind == "throttle-web" and counts_down(" ".join(self.mode)):
            self.answer(429, b"slow down")
            return True
        if kind == "deleting" and operation == "CreateSecret" and counts_down(" ".join(self.mode)):
            raise Refused("InvalidRequestException: a secret with this name is already "
                          "scheduled for deletion.")
        if kind == "deleting" and operation == "RestoreSecret":
            raise Refused("ResourceNotFoundException: none")
        if kind == "error":
            raise Refused(self.mode[1] + ": secret words")
        return None

    # --- secrets

    def perform(self, operation, body):
        with lock:
            return getattr(self, operation)(body)

    def find(self, body):
        if body["SecretId"] not in secrets:
            raise Refused("ResourceNotFoundException: Secrets Manager can't find it")
        return secrets[body["SecretId"]]

    def add(self, secret, body):
        version = body["ClientRequestToken"]
        value = {k: body[k] for k in ("SecretString", "SecretBinary") if k in body}
        if secret["versions"].setdefault(version, value) != value:
            raise Refused("ResourceExistsException: another value")
        secret["current"] = version
        return {"VersionId": version}

    def CreateSecret(self, body):
        if body["Name"] in secrets and body["ClientRequestToken"] not in \
                secrets[body["Name"]]["versions"]:
            raise Refused("ResourceExistsException: there")
        secret = secrets.setdefault(body["Name"], {"versions": {}, "tags": body.get("Tags", [])})
        return self.add(secret, body)

    def PutSecretValue(self, body):
        return self.add(self.find(body), body)

    def GetSecretValue(self, body):
        secret = self.find(body)
        if "deleted" in secret:
            raise Refused("InvalidRequestException: it was marked for deletion")
        version = body.get("VersionId", secret["current"])
        if version not in secret["versions"]:
            raise Refused("ResourceNotFoundException: no such version")
        return dict(secret["versions"][version], VersionId=version)

    def DescribeSecret(self, body):
        secret = self.find(body)
        return {"VersionIdsToStages": {secret["current"]: ["AWSCURRENT"]}, "Tags": secret["tags"],
                "DeletedDate": secret.get("deleted")}

    def DeleteSecret(self, body):
        if body.get("RecoveryWindowInDays"):
            self.find(body)["deleted"] = time.time()
        else:
            self.find(body)
            del secrets[body["SecretId"]]
        return {}

    def RestoreSecret(self, body):
        self.find(body).pop("deleted", None)
        return {}

    def ListSecrets(self, body):
        names = [{"Name": name} for name in sorted(secrets) if "deleted" not in secrets[name]]
        if self.mode != ["pages"]:
            return {"SecretList": names}
        page = int(body.get("NextToken", "0").partition("-")[0])
        pages = [names[:1], [], names[1:]]
        answer = {"SecretList": pages[page]}
        if page < 2:
            answer["NextToken"] = f"{page + 1}-" + "x" * 2000
        return answer

    # --- keys

    def keys(self, body):
        path = self.path.split("?")[0]
        if path == "/" and self.command == "POST":
            return self.sts({k: v[0] for k, v in urllib.parse.parse_qs(body).items()})
        if path == "/box":
            good = setting("box")
            if good and self.headers.get("Authorization") != good:
                return self.answer(403)
            return self.tree(new_keys("box"))
        if path == "/latest/api/token" and self.command == "PUT":
            token = os.urandom(8).hex()
            machine_tokens.add(token)
            return self.answer(200, token.encode())
        if self.headers.get("X-aws-ec2-metadata-token") not in machine_tokens:
            return self.answer(401)
        if path == "/latest/meta-data/placement/region":
            return self.answer(200, b"eu-test-1")
        if path == "/latest/meta-data/iam/security-credentials/" and self.mode != ["no-role"]:
            return self.answer(200, b"web role\n")
        if path == "/latest/meta-data/iam/security-credentials/web%20role":
            return self.tree(new_keys("machine"))
        return self.answer(404)

    def sts(self, form):
        signed = form.get("Action") == "AssumeRole"
        if form.get("RoleArn", "").endswith("refused") or (signed and self.key == "-") or \
                (not signed and form.get("WebIdentityToken") != setting("jwt")):
            return self.answer(403, b"<ErrorResponse/>")
        keys = new_keys("role" if signed else "web")
        keys["who"] = form.get("ExternalId", "")
        return self.answer(200, "".join(
            ["<R xmlns='x'><Credentials>"] +
            [f"<{name}>{keys[name]}</{name}>" for name in
             ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")] +
            ["</Credentials></R>"]).encode())

    do_GET = do_PUT = do_POST = handle_request


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):         # a client that went away
        pass


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
