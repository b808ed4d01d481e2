#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An Infisical to test against: what its API says, and where it misbehaves.

    infisical_server.py LOG new|old

Prints its port; each request is a line "METHOD PATH STATUS" in LOG.  "new" has the routes
of /api/v4, "old" is a server of 2024 that has /api/v3/secrets/raw, says most with 400 and
gives the newest version for one that it does not have.  The project is "project", its
environments "dev" and "prod"; no part of a path has more than 100 bytes; the identity is "client" with the secret "secret", and
"identity" with the jwt "jwt"; "static" is a token that never ends.

LOG.mode has words, read at each request:

    hidden approval e2ee forbidden 429 429-header 500 502 503 html    what is answered
    lost      a write is done, and the connection is closed without an answer
    dropped   the same, but it is not done
    altered   values are kept in upper case
    slow      each answer takes 10 ms
    short     tokens live for 2 s;  no-renew: they cannot be renewed
    untold    no Date, and no times of secrets
    raced     a PATCH does not see what is there, once a name
    revoke    all tokens but "static" are forgotten, once: the word is taken out;  revoke-all
"""
import json
import os
import re
import sys
import threading
import time
import urllib.parse
import uuid
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOG, OLD = sys.argv[1], sys.argv[2] == "old"
LOCK = threading.RLock()
FOLDERS = {env: {"/": {}} for env in ("dev", "prod")}
TOKENS = {"static": None}
RACED = set()
BLANKS = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009" \
    "\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def modes():
    try:
        with open(LOG + ".mode", encoding="ascii") as file:
            return file.read().split()
    except OSError:
        return []


class Answer(Exception):
    """What a handler gives up with."""

    def __init__(self, status, error, message, headers=None):
        super().__init__(message)
        self.status, self.error, self.message = status, error, message
        self.headers = headers or {}


def missing(message, old):
    raise Answer(400, "BadRequest", old) if OLD else Answer(404, "NotFound", message)


def folder_of(query):
    project = query.get("workspaceId" if OLD else "projectId") or query.get("workspaceId")
    env, path = query.get("environment"), query.get("secretPath", "/")
    if not project or not env:
        raise Answer(422, "ValidationFailure", [{"message": "Required"}])
    if project != "project":
        missing(f"Project with ID '{project}' not found", "Project not found during bot lookup.")
    path = path.rstrip("/") or "/"
    if path not in FOLDERS.get(env, {}):
        missing(f"Folder with path '{path}' in environment with slug '{env}' not found",
                "Folder not found for the given environment slug & secret path")
    return FOLDERS[env][path], path


def trimmed(value):
    kept = value.strip(BLANKS)
    kept = kept + "\n" if value.endswith("\n") else kept
    return kept.upper() if "altered" in modes() else kept


def check_references(value, folder):
    for name in re.findall(r"\$\{([^}]+)\}", value):
        if name not in folder:
            raise Answer(400, "BadRequest", f"Referenced secret(s) not found: {name}")


def shown(key, secret, version, path, hide=False):
    one = secret["versions"][version]
    hidden = hide or "hidden" in modes()
    result = {"id": secret["id"], "workspace": "project", "environment": "dev",
              "version": version, "type": "shared", "secretKey": key, "secretComment": "",
              "secretValue": "<hidden-by-infisical>" if hidden and not OLD else one["value"]}
    if path is not None:
        result["secretPath"] = path
    if not OLD:
        result.update(secretValueHidden=hidden, secretMetadata=secret["labels"])
        if "untold" not in modes():
            result.update(createdAt=secret["created"], updatedAt=one["at"])
    return result


def put_version(secret, value):
    version = max(secret["versions"], default=0) + 1
    secret["versions"][version] = {"value": value, "at": now()}
    return version


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        return "" if "untold" in modes() else super().date_time_string(timestamp)

    def log(self, status):
        with LOCK, open(LOG, "a", encoding="utf-8") as file:
            file.write(f"{self.command} {self.path} {status}\n")

    def send(self, status, tree, headers=None, kind="application/json"):
        body = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
        self.log(status)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def cut(self):
        self.log("cut")
        self.close_connection = True
        self.connection.shutdown(2)

    def handle_one(self):
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        path, _, query = self.path.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.did_cut = False
        if "slow" in modes():
            time.sleep(0.01)
        try:
            self.body = json.loads(raw) if raw else {}
            with LOCK:
                tree = self.route(path)
            if self.did_cut:
                self.cut()
            elif isinstance(tree, bytes):
                self.send(200, tree, kind="text/html")
            else:
                self.send(200, tree)
        except Answer as answer:
            self.send(answer.status, {
                "reqId": "req-" + uuid.uuid4().hex[:12], "statusCode": answer.status,
                "error": answer.error, "message": answer.message}, answer.headers)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_one

    def route(self, path):
        words = modes()
        if "revoke" in words or "revoke-all" in words:
            static = {} if "revoke-all" in words else {"static": None}
            TOKENS.clear()
            TOKENS.update(static)
            with open(LOG + ".mode", "w", encoding="ascii") as file:
                file.write(" ".join(w for w in words if not w.startswith("revoke")))
        if "html" in words:
            return b"<html>a proxy's page</html>"
        if path == "/api/status":
            return {"date": now(), "message": "Ok"}
        if path.startswith("/api/v1/auth/"):
            return self.auth(path[len("/api/v1/auth/"):])
        secrets = "/api/v3/secrets/raw" if OLD else "/api/v4/secrets"
        if path != "/api/v1/folders" and path != secrets and not path.startswith(secrets + "/"):
            raise Answer(404, "Not Found", f"Route {self.command}:{self.path} not found")
        if len(urllib.parse.unquote(path.rsplit("/", 1)[1])) > 100:
            raise Answer(404, "Not Found", f"Route {self.command}:{self.path} not found")
        self.authorized()
        self.misbehave(words)
        if path == "/api/v1/folders":
            return self.folders()
        if path == secrets:
            return self.all_secrets()
        return self.one_secret(urllib.parse.unquote(path[len(secrets) + 1:]), words)

    def misbehave(self, words):
        for word in words:
            if word == "429":
                raise Answer(429, "RateLimitExceeded",
                             "Rate limit exceeded. Please try again in 2 seconds")
            if word == "429-header":
                raise Answer(429, "RateLimitExceeded", "Rate limit exceeded", {"Retry-After": "2"})
            if word in ("500", "502", "503"):
                raise Answer(int(word), "InternalServerError", "Something with SeCrEt words")
            if word == "forbidden":
                raise Answer(403, "PermissionDenied", "You are not allowed to read on secrets")
            if word == "e2ee":
                raise Answer(400, "bot_not_found_error",
                             "Project bot not found. Please upgrade your project.")

    # --- who asks

    def grant(self, token=None):
        seconds = 2 if "short" in modes() else 2592000
        token = token or "token-" + uuid.uuid4().hex
        TOKENS[token] = time.monotonic() + seconds
        return {"accessToken": token, "expiresIn": seconds, "accessTokenMaxTTL": 2592000,
                "tokenType": "Bearer"}

    def auth(self, what):
        body = self.body
        refused = Answer(403 if OLD else 401, "UnauthorizedError" if OLD else "Unauthorized",
                         "Invalid credentials")
        if what == "universal-auth/login":
            if body.get("clientId") == "client" and body.get("clientSecret") == "secret":
                return self.grant()
            raise refused
        if what in ("kubernetes-auth/login", "oidc-auth/login"):
            if body.get("identityId") != "identity":
                raise Answer(404, "NotFound", "Identity not found")
            if body.get("jwt") == "jwt":
                return self.grant()
            raise refused
        if what == "token/renew":
            if "no-renew" in modes() or body.get("accessToken") not in TOKENS:
                raise Answer(403, "UnauthorizedError",
                             "Failed to renew MI access token past its Max TTL expiration")
            return self.grant(body["accessToken"])
        raise Answer(404, "Not Found", f"Route {self.command}:{self.path} not found")

    def authorized(self):
        given = self.headers.get("Authorization", "")
        token = given[7:] if given.startswith("Bearer ") else None
        if token is None:
            raise Answer(401, "Unauthorized", "Token missing")
        if token not in TOKENS:
            raise Answer(500, "Internal Server Error", "jwt malformed") if OLD else \
                Answer(403, "TokenError", "The provided access token is malformed.")
        if TOKENS[token] is not None and TOKENS[token] < time.monotonic():
            raise Answer(401, "UnauthorizedError", "Token expired") if OLD else \
                Answer(403, "TokenError", "Your token has expired. Please re-authenticate.")

    # --- folders and secrets

    def folders(self):
        query = self.query if self.command == "GET" else self.body
        env, path = query.get("environment"), query.get("path", "/")
        if query.get("workspaceId") != "project":
            missing(f"Project with ID '{query.get('workspaceId')}' not found", "Project not found")
        if env not in FOLDERS:
            missing(f"Environment with slug '{env}' in project with ID 'project' not found",
                    "Environment not found")
        path = path.rstrip("/") or "/"
        if path not in FOLDERS[env]:
            missing(f"Folder with path '{path}' in environment with slug '{env}' not found",
                    "Folder not found for the given environment slug & secret path")
        start = path.rstrip("/") + "/"
        if self.command == "GET":
            return {"folders": [{"name": f[len(start):]} for f in FOLDERS[env]
                                if f.startswith(start) and f != "/" and "/" not in f[len(start):]]}
        name = query.get("name", "").strip()
        if not re.fullmatch("[a-zA-Z0-9_-]+", name):
            raise Answer(422, "ValidationFailure", [{"message": "Invalid folder name."}])
        if start + name in FOLDERS[env]:
            raise Answer(400, "BadRequest",
                         f"Folder with name '{name}' already exists in path '{path}'")
        FOLDERS[env][start + name] = {}
        return {"folder": {"id": uuid.uuid4().hex, "name": name}}

    def all_secrets(self):
        _, path = folder_of(self.query)
        start = path.rstrip("/") + "/"
        hide = self.query.get("viewSecretValue") == "false"
        return {"imports": [], "secrets": [
            shown(key, secret, max(secret["versions"]), at, hide)
            for at, folder in FOLDERS[self.query["environment"]].items()
            if at == path or (self.query.get("recursive") == "true" and at.startswith(start))
            for key, secret in folder.items()]}

    def one_secret(self, key, words):
        key = key.strip()
        if self.command == "GET":
            return self.get(key)
        if "/" in key or ":" in key:
            raise Answer(422, "ValidationFailure", [{"message": "Secret name cannot contain"}])
        folder, path = folder_of(self.body)
        if "dropped" in words:
            self.did_cut = True
            return None
        if "approval" in words:
            return {"approval": {"id": uuid.uuid4().hex, "status": "open"}}
        tree = {"POST": self.create, "PATCH": self.change, "DELETE": self.delete}[self.command](
            key, folder, path)
        self.did_cut = "lost" in words
        return tree

    def get(self, key):
        folder, path = folder_of(self.query)
        secret = folder.get(key)
        if secret is None:
            missing(f"Secret with name '{key}' not found", "Secret not found")
        version = int(self.query.get("version", 0)) or max(secret["versions"])
        if version not in secret["versions"]:
            if not OLD:
                missing(f"Secret with name '{key}' not found", "")
            version = max(secret["versions"])
        return {"secret": shown(key, secret, version, path,
                                self.query.get("viewSecretValue") == "false")}

    def create(self, key, folder, path):
        if key in folder:
            raise Answer(400, "BadRequest", "Secret already exist")
        check_references(self.body["secretValue"], folder)
        folder[key] = {"id": str(uuid.uuid4()), "created": now(), "versions": {},
                       "labels": self.body.get("secretMetadata", [])}
        put_version(folder[key], trimmed(self.body["secretValue"]))
        return {"secret": shown(key, folder[key], 1, path)}

    def change(self, key, folder, path):
        if "raced" in modes() and (path, key) not in RACED:
            RACED.add((path, key))
            missing(f"Secret with name {key} not found", "Secret not found")
        if key not in folder:
            missing(f"Secret with name {key} not found", "Secret not found")
        secret = folder[key]
        check_references(self.body["secretValue"], folder)
        if "secretMetadata" in self.body:
            secret["labels"] = self.body["secretMetadata"]
        version = put_version(secret, trimmed(self.body["secretValue"]))
        return {"secret": shown(key, secret, version, path)}

    def delete(self, key, folder, path):
        if key not in folder:
            missing(f"Secret with name {key} not found", f"Secret not found: blind index {key}")
        secret = folder.pop(key)
        return {"secret": shown(key, secret, max(secret["versions"]), path)}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
os.close(1)
server.serve_forever()
