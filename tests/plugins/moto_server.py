#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""moto's server for Secrets Manager, on loopback: moto_server.py PORT.

With one thing mended that AWS documents otherwise: whoever moves the stage AWSCURRENT
changes which version is read, and which one loses the stage at the next put.
"""
import sys

from moto.secretsmanager.models import SecretsManagerBackend
from moto.server import main

move = SecretsManagerBackend.update_secret_version_stage


def move_and_mean_it(self, secret_id, version_stage, remove_from_version_id,
                     move_to_version_id):
    answer = move(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
    if version_stage == "AWSCURRENT" and move_to_version_id:
        secret = self.secrets[secret_id]
        secret.default_version_id = move_to_version_id
    return answer


SecretsManagerBackend.update_secret_version_stage = move_and_mean_it
main(["-H", "127.0.0.1", "-p", sys.argv[1]])
