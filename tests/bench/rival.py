#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""How many gets a second another client makes, one after the other:

    rival.py hvac ADDRESS TOKEN NAME
    rival.py boto3 ENDPOINT NAME
    rival.py urllib ADDRESS PROJECT ENVIRONMENT ID SECRET NAME   (Infisical, kept connection)
"""
import http.client
import json
import os
import sys
import time
import urllib.parse

kind, address, *rest = sys.argv[1:]
if kind == "hvac":
    import hvac
    client = hvac.Client(url=address, token=rest[0])

    def get():
        client.secrets.kv.v2.read_secret_version(path=rest[1], raise_on_deleted_version=False)
elif kind == "boto3":
    import boto3
    client = boto3.client("secretsmanager", region_name="us-east-1", endpoint_url=address,
                          aws_access_key_id="key", aws_secret_access_key="key")

    def get():
        client.get_secret_value(SecretId=rest[0])
else:
    project, environment, identity, secret, name = rest
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc)
    connection.request("POST", "/api/v1/auth/universal-auth/login",
                       json.dumps({"clientId": identity, "clientSecret": secret}),
                       {"Content-Type": "application/json"})
    token = json.load(connection.getresponse())["accessToken"]
    folder, _, key = name.rpartition("/")
    path = f"/api/v4/secrets/{key}?" + urllib.parse.urlencode(
        {"projectId": project, "environment": environment, "secretPath": "/" + folder})

    def get():
        connection.request("GET", path, headers={"Authorization": "Bearer " + token})
        json.load(connection.getresponse())

get()
seconds = float(os.environ.get("BENCH_SECONDS", "0.5"))
begun, done = time.monotonic(), 0
while time.monotonic() - begun < seconds:
    get()
    done += 1
print(done / (time.monotonic() - begun))
