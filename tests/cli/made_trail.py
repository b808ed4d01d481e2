# SPDX-License-Identifier: BSD-2-Clause
"""A trail of times gone by: made_trail.py DIR month|edges|many [COUNT]

month: an agency's September.  edges: cases that audit_people.sh looks for in it.  many:
COUNT records of people in turn, in three segments.  The writer is one of its own, in the
words of doc/audit-format.md."""
import hashlib
import json
import os
import random
import sys

TAG, TRAIL = b"mortise-trail-v1\0", "ab" * 16
rng = random.Random(11)


def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Writer:
    def __init__(self):
        self.segments, self.before, self.seq = [], "0" * 64, 0

    def open(self):
        self.segments.append([])
        self.add("2026-08-01T00:00:00.000000Z", "open", trail=TRAIL, segment=len(self.segments),
                 before=self.before)

    def add(self, when, kind, personal=None, **fields):
        self.seq += 1
        p = b"null" if personal is None else dump({"s": "%032x" % self.seq, **personal})
        pc = None if personal is None else hashlib.sha256(TAG + b"personal\0" + p).hexdigest()
        c = dump({"v": 1, "seq": self.seq, "ts": when, "t": kind, **fields, "pc": pc})
        digest = hashlib.sha256(TAG + b"record\0" + c).digest()
        self.before = hashlib.sha256(TAG + b"link\0" + bytes.fromhex(TRAIL) +
                                     bytes.fromhex(self.before) + digest).hexdigest()
        self.segments[-1].append(b'{"c":' + c + b',"p":' + p + b',"h":"' + self.before.encode() + b'"}\n')

    def operation(self, when, kind, op, agency, action, who, resource="auth_1", **more):
        fields = {"op": "%032x" % op, "action": action}
        if agency:
            fields["agencyId"] = agency
        self.add(when, kind, who and {"userEmail": who, "ipAddress": "192.0.2.7"}, **fields,
                 resourceType="platform_authorization", resourceId=resource,
                 actor={"uid": 1000, "gid": 1000, "pid": 7, "via": "direct"}, **more)


def month(to):
    people = ["ann@agency.example", "bob@agency.example", "robot@agency.example"]
    actions = ["token_viewed"] * 8 + ["AGENCY_TOKEN_REFRESHED"] * 2 + ["access_granted", "access_revoked"]
    for day in range(1, 31):
        for n in range(rng.randrange(0, 14)):
            when = "2026-09-%02dT%02d:%02d:00.%06dZ" % (day, 7 + n, rng.randrange(60), n)
            refused = rng.random() < .08
            to.operation(when, "outcome", to.seq, "ag_1", rng.choice(actions), rng.choice(people),
                         "auth_%d" % rng.randrange(1, 7), code="denied" if refused else "ok",
                         **({"reason": "agency", "claimed": "ag_2"} if refused else {}))


def edges(to):
    ag, view = "ag_1", "token_viewed"
    to.operation("2026-08-31T23:59:59.999999Z", "outcome", 1, ag, view, "before@x", code="ok")
    to.operation("2026-08-31T23:59:59.999999Z", "intent", 2, ag, view, "begun-before@x", w=1)
    to.operation("2026-09-01T00:00:00.000000Z", "outcome", 2, ag, view, "begun-before@x", code="ok")
    to.operation("2026-09-02T10:00:00.000000Z", "intent", 3, "ag_2", view, "false-claim@x", w=1)
    to.operation("2026-09-02T10:00:01.000000Z", "outcome", 3, ag, view, "false-claim@x", code="denied",
                 reason="agency", claimed="ag_2")
    to.operation("2026-09-03T10:00:00.000000Z", "intent", 4, ag, view, "no-outcome@x", w=1)
    to.operation("2026-09-04T10:00:00.000000Z", "intent", 5, ag, view, "writer-gone@x", w=1)
    to.add("2026-09-05T10:00:00.000000Z", "outcome", op="%032x" % 5, code="unknown")
    to.operation("2026-09-06T10:00:00.000000Z", "outcome", 6, ag, view, "withheld@x", code="ok")
    to.add("2026-09-06T10:00:01.000000Z", "refused", op="%032x" % 6, reason="sink")
    to.operation("2026-09-07T10:00:00.000000Z", "outcome", 7, "ag_2", view, "stranger@y", "auth_9", code="ok")
    to.operation("2026-09-08T10:00:00.000000Z", "intent", 8, ag, view, "liar@y", "auth_9", w=1)
    to.operation("2026-09-08T10:00:01.000000Z", "outcome", 8, "ag_2", view, "liar@y", "auth_9", code="denied",
                 reason="agency", claimed=ag)
    to.operation("2026-09-09T10:00:00.000000Z", "intent", 9, None, view, "no-claim@x", w=1)
    to.operation("2026-09-09T10:00:01.000000Z", "outcome", 9, ag, view, "no-claim@x", code="ok")
    to.operation("2026-09-10T10:00:00.000000Z", "outcome", 10, ag, "=1+2", '"&<b>\',\r\n', "-1", code="ok")
    to.operation("2026-09-30T23:59:59.999999Z", "intent", 11, ag, view, "ends-after@x", w=1)
    to.operation("2026-10-01T00:00:00.000000Z", "outcome", 11, ag, view, "ends-after@x", code="ok")


def many(to):
    total = int(sys.argv[3])
    for n in range(total):
        if n in (total // 3, 2 * total // 3):
            to.open()
        who = ("gone@agency.example", "stays@agency.example", None)[rng.randrange(3)]
        to.operation("2026-09-01T%02d:00:00.000000Z" % (n * 24 // total), "outcome", n, "ag_1", "token_viewed",
                     who, code="ok")


writer = Writer()
writer.open()
globals()[sys.argv[2]](writer)
for number, lines in enumerate(writer.segments, 1):
    with open(os.path.join(sys.argv[1], "%06d.jsonl" % number), "wb") as file:
        file.writelines(lines)
        os.fchmod(file.fileno(), 0o600 if number == len(writer.segments) else 0o400)
