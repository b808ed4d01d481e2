#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""trail_maker.py COUNT [ID [DAYS]]: a trail of so many records as doc/audit-format.md has it,
over so many days; every other one is an outcome with a personal part."""
import datetime
import hashlib
import json
import sys

VERSION = b"mortise-trail-v1\0"


def text(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def sha(*parts):
    return hashlib.sha256(VERSION + b"\0".join(parts)).digest()


def main():
    count = int(sys.argv[1])
    trail = sys.argv[2] if len(sys.argv) > 2 else "00112233445566778899aabbccddeeff"
    days = float(sys.argv[3]) if len(sys.argv) > 3 else 1
    begin = datetime.datetime(2026, 10, 31, 12, 0, 0, 123456)
    before = bytes(32)
    for seq in range(1, count + 1):
        ts = begin + datetime.timedelta(days=days * seq / count)
        c = {"v": 1, "seq": seq, "ts": ts.isoformat(timespec="microseconds") + "Z"}
        p = None
        if seq == 1:
            c.update(t="open", trail=trail, segment=1, before="0" * 64, program="trail_maker 1")
        else:
            op = hashlib.md5(b"%d" % (seq // 2)).hexdigest()
            c.update(t="outcome" if seq % 2 else "intent", op=op, action="token_viewed",
                     agencyId="agency-%d" % (seq // 2 % 50), resourceType="platform_authorization",
                     resourceId="auth_%d" % (seq // 2 % 500),
                     actor={"uid": 1000, "gid": 1000, "pid": 7, "via": "direct"})
        if c["t"] == "outcome":
            c.update(code="ok", ms=3, calls=[{"backend": "store", "code": "ok", "ms": 1}])
            p = text({"s": "%032x" % seq, "userEmail": "user%d@agency.example" % (seq // 2 % 200),
                      "ipAddress": "203.0.113.%d" % (seq % 250), "userAgent": "Mozilla/5.0 «%d» \\ \"q\"" % seq,
                      "metadata": {"pc": None, "p": 1, "note": ",\"pc\":null},\"p\":"}}).encode()
            c["pc"] = sha(b"personal", p).hex()
        else:
            p, c["pc"] = b"null", None
        line = text(c).encode()
        h = hashlib.sha256(VERSION + b"link\0" + bytes.fromhex(trail) + before + sha(b"record", line)).digest()
        sys.stdout.buffer.write(b'{"c":' + line + b',"p":' + p + b',"h":"' + h.hex().encode() + b'"}\n')
        before = h


main()
