# SPDX-License-Identifier: BSD-2-Clause
"""For tests of the verifiers: a writer of trails, and asking both what they say, the one
in C and doc/audit/verify.py.  They must agree, also on the record that is the first bad
one."""
import functools
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile

source, build = os.environ["srcdir"], os.environ["builddir"]
spec = importlib.util.spec_from_file_location("verify", f"{source}/doc/audit/verify.py")
second = importlib.util.module_from_spec(spec)
spec.loader.exec_module(second)
work = tempfile.TemporaryDirectory()
first = subprocess.Popen([f"{build}/tests/audit/verify_many"], text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
TAG, ZERO, TRAIL = b"mortise-trail-v1\0", "0" * 64, "ab" * 16
count = failed = 0


def ok(good, name):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)
    return good


def finish():
    print(f"1..{count}")
    first.stdin.close()
    sys.exit(failed != 0)


# --- keys, as a writer has them ----------------------------------------------------

# What stands before a private and a public key of Ed25519 in DER (RFC 8410).
PRIVATE, PUBLIC = (bytes.fromhex(prefix) for prefix in
                   ("302e020100300506032b657004220420", "302a300506032b6570032100"))


def openssl(*words):
    return subprocess.run(["openssl", *words], capture_output=True, check=True).stdout


@functools.lru_cache(maxsize=None)
def pair(number):
    """The private key's file, and the public key in hexadecimal."""
    path = f"{work.name}/key-{number}"
    with open(path, "wb") as file:
        file.write(PRIVATE + hashlib.sha256(b"key %d" % number).digest())
    public = openssl("pkey", "-inform", "DER", "-in", path, "-pubout", "-outform", "DER")
    return path, public[len(PUBLIC):].hex()


@functools.lru_cache(maxsize=None)
def sign(number, text):
    with open(f"{work.name}/text", "wb") as file:
        file.write(text)
    return openssl("pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", pair(number)[0],
                   "-in", f"{work.name}/text").hex()


# --- a writer of its own -----------------------------------------------------------

def dump(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def sealed(before, c, p, trail=TRAIL):
    """A line of these bytes, with the hash that it should have; and that hash."""
    digest = hashlib.sha256(TAG + b"record\0" + c).digest()
    h = hashlib.sha256(TAG + b"link\0" + bytes.fromhex(trail) + bytes.fromhex(before) + digest)
    return b'{"c":' + c + b',"p":' + p + b',"h":"' + h.hexdigest().encode() + b'"}\n', h.hexdigest()


def commitment(p):
    return hashlib.sha256(TAG + b"personal\0" + p).hexdigest()


class Writer:
    def __init__(self):
        self.lines, self.before, self.seq = [], ZERO, 0

    def add(self, kind, personal=None, **fields):
        self.seq += 1
        p = b"null" if personal is None else dump(personal)
        c = {"v": 1, "seq": self.seq, "ts": "2026-11-25T10:00:00.%06dZ" % self.seq, "t": kind, **fields}
        c = dump({**c, "pc": None if personal is None else commitment(p)})
        return self.raw(c, p)

    def raw(self, c, p=b"null"):
        line, self.before = sealed(self.before, c, p)
        self.lines.append(line)
        return self

    def open(self, segment, **fields):
        return self.add("open", trail=TRAIL, segment=segment, before=self.before, **fields)

    def outcomes(self, number):
        for _ in range(number):
            personal = {"s": "%032x" % self.seq, "userEmail": "ü%d@x" % self.seq} if self.seq % 3 else None
            self.add("outcome", personal, op="%032x" % self.seq, action="token_viewed", code="ok")
        return self

    def checkpoint(self, number, following=None, signer=None, **changed):
        """Of the record before, of this epoch.  following: the epoch whose key it names; signer: the key
        that signs, where it is not the epoch's; changed: members as they are not to be, and
        signed like that, but for one of "sig"."""
        fields = {"of": self.seq, "h": self.before, "epoch": number, "key": pair(number)[1]}
        if following:
            fields["next"] = pair(following)[1]
        ts = changed.pop("ts", "2026-11-25T10:00:00.%06dZ" % (self.seq + 1))
        fields.update(changed)
        signed = "\n".join(("mortise-trail-v1", "checkpoint", TRAIL, str(fields["of"]),
                            str(fields["h"]), str(fields["epoch"]),
                            str(fields.get("next", "")), ts, ""))
        fields.setdefault("sig", sign(signer or number, signed.encode()))
        self.seq += 1
        return self.raw(dump({"v": 1, "seq": self.seq, "ts": ts, "t": "checkpoint", **fields,
                              "pc": None}))

    def text(self):
        return b"".join(self.lines)

    def c(self, **more):
        """The c of the next record, to be changed by hand."""
        return dump({"v": 1, "seq": self.seq + 1, "ts": "x", "t": "close", **more, "pc": None})


def join(items):
    return b"".join(items)


def trail(number):
    return Writer().open(1).outcomes(number - 1)


# --- asking both ---------------------------------------------------------------------

# --- exports -----------------------------------------------------------------------

HEADER = b'{"mortiseExport":1}\n'


def digested(line):
    """What an export has of a record that is somebody else's."""
    c = line[5:line.rindex(b',"p":')]
    d = hashlib.sha256(TAG + b"record\0" + c).hexdigest().encode()
    return b'{"d":"' + d + b'","h":"' + line[-67:-3] + b'"}\n'


def export(of, whole):
    return HEADER + join(line if number in whole else digested(line) for number, line in enumerate(of, 1))


def first_bad(verdict):
    """The record that it names, if any."""
    return re.findall("^record (after )?([0-9]+)", verdict)


def read_kept(texts):
    """The checkpoints that were kept elsewhere: words for the first verifier; anchors and keys
    for the second, None if it takes one for none."""
    words, anchors, keys = [], [], []
    for number, text in enumerate(texts):
        path = f"{work.name}/kept-{number}"
        words += ["-c", path]
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            anchor, its = second.read_checkpoint(path, True)
        except ValueError:
            return words, None, None
        anchors.append(anchor)
        keys += its
    return words, anchors, keys


def ask(segments, head=None, expect=(), gaps=(), keys=(), kept=()):
    """The status that both give; a pair where they differ, in that or in the first bad
    record.  kept: checkpoints, as texts."""
    options, kept_anchors, kept_keys = read_kept(kept)
    words, anchors = [], []
    for number, text in enumerate(segments):
        words.append(f"{work.name}/{number}")
        with open(words[-1], "wb") as file:
            file.write(text)
    if head:
        words += ["-h", f"{work.name}/head"]
        with open(words[-1], "w", encoding="utf-8") as file:
            json.dump(head, file)
        anchors.append(("the head", head["seq"], head["h"], head["trail"]))
    for number, h in expect:
        words += ["-e", f"{number}:{h}"]
        anchors.append(("the expected head", number, h, None))
    for a, b in gaps:
        words += ["-g", f"{a}-{b}"]
    for epoch, key in keys:
        words += ["-k", f"{epoch}:{key}"]
    words += options
    first.stdin.write("\t".join(words) + "\n")
    first.stdin.flush()
    one, verdict = first.stdout.readline().rstrip("\n").split(" ", 1)
    two, words = (12, "") if kept_anchors is None else \
        second.verify(segments, anchors + kept_anchors, gaps, [*keys, *kept_keys])
    if int(one) != two or first_bad(verdict) != first_bad(words):
        print(f"# in C: {one} {verdict}\n# in Python: {two} {words}")
        return int(one), two
    return two


def says(status, name, segments, **more):
    got = ask(segments, **more)
    ok(got == status, f"{status}: {name}") or print(f"# got {got}")


def all_say(status, name, cases):
    """cases: what ask takes, each; all must be this status."""
    number, wrong = 0, []
    for case in cases:
        got = ask(*case[0], **case[1])
        number += 1
        if got != status:
            wrong.append((case, got))
    ok(number > 0 and not wrong, f"{status}: {name}: {number} files")
    for case, got in wrong[:3]:
        print(f"# {got} for {case!r}"[:600])


def cases(texts, **more):
    return (((([text]),), more) for text in texts)
