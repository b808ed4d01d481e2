#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Verifies an audit trail of Mortise, with nothing but Python's standard library and,
for its signatures, the command openssl (3.0 or later).

    verify.py FILE... [--head FILE] [--expect SEQ:HASH]... [--gap FROM-TO]...
        [--key EPOCH:KEY]... [--checkpoint FILE]... [--no-signatures]

Segments in order, or an agency's export of all of them.  Prints one line and exits
with 0: good; 10: broken (the first bad record is named); 11: incomplete (shorter than
an anchor, a declared gap that no --gap accepts, or keys that begin anew and that no
--key leads to); 12: cannot be checked.  doc/audit-format.md is the format that this
follows; `mortise audit verify` is a program of other authors' making that must say
the same.
"""
import concurrent.futures
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

GOOD, BROKEN, SHORT, UNCHECKABLE = 0, 10, 11, 12
NOTHING = "0" * 64
LINE_MAX = 16384            # with its LF
DEPTH_MAX = 900             # of objects and lists in c, c itself is one
HEX32, HEX64, HEX128 = (re.compile("[0-9a-f]{%d}" % digits) for digits in (32, 64, 128))
TIME = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z")
EXPORT = b'{"mortiseExport":1}'   # an export's first line
DIGEST = re.compile(rb'{"d":"([0-9a-f]{64})","h":"([0-9a-f]{64})"}')
WHOLE_END = re.compile(rb',"h":"[0-9a-f]{64}"}[^\0]')


class Verdict(Exception):
    def __init__(self, status, words):
        super().__init__(words)
        self.status = status


def broken(words):
    return Verdict(BROKEN, words)


def sha256(kind, *parts):
    digest = hashlib.sha256(b"mortise-trail-v1\0" + kind + b"\0")
    for part in parts:
        digest.update(part)
    return digest


# --- signatures --------------------------------------------------------------------

# What stands before the 32 bytes of an Ed25519 key in its DER form (RFC 8410).
DER = bytes.fromhex("302a300506032b6570032100")


@functools.lru_cache(maxsize=None)
def verifies(key, text, signature):
    """openssl verifies one signature at a time, and reads all of it from files."""
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, content in (("key", DER + bytes.fromhex(key)), ("text", text),
                              ("sig", bytes.fromhex(signature))):
            names.append(os.path.join(folder, name))
            with open(names[-1], "wb") as file:
                file.write(content)
        try:
            said = subprocess.run(
                ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER",
                 "-inkey", names[0], "-in", names[1], "-sigfile", names[2]],
                stdin=subprocess.DEVNULL, capture_output=True, check=False).stdout
        except OSError as error:
            raise Verdict(UNCHECKABLE, "signatures need the command openssl: %s; --no-signatures "
                          "goes without" % error) from None
    if b"Signature Verified Successfully" in said:
        return True
    if b"Signature Verification Failure" in said:
        return False
    raise Verdict(UNCHECKABLE, "this openssl verifies no Ed25519; --no-signatures goes without")


def check_all(signatures):
    """Of (record before, key, text, signature) the record before the first that is wrong."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        good = pool.map(lambda one: verifies(*one[1:]), signatures)
        return next((one[0] for one, holds in zip(signatures, good) if not holds), None)


class Checkpoint:
    """The members of c, or of what was kept elsewhere."""
    def __init__(self, fields, trail):
        self.trail, self.next = trail, fields.get("next", "")
        self.of, self.h, self.epoch, self.key, self.ts, self.sig = (
            fields[name] for name in ("of", "h", "epoch", "key", "ts", "sig"))
        for number in (self.of, self.epoch):
            if type(number) is not int or not 1 <= number < 1 << 53:
                raise ValueError("malformed checkpoint")
        for form, text in ((HEX32, self.trail), (HEX64, self.h), (HEX64, self.key),
                           (HEX64, NOTHING if self.next == "" else self.next), (TIME, self.ts), (HEX128, self.sig)):
            if not form.fullmatch(text):
                raise ValueError("malformed checkpoint")

    def text(self):
        return "\n".join(("mortise-trail-v1", "checkpoint", self.trail, str(self.of), self.h,
                          str(self.epoch), self.next, self.ts, "")).encode()


# --- reading a line --------------------------------------------------------------

def no_doubles(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a key twice")
    return dict(pairs)


def small_number(digits):
    if len(digits) > 17 or not -(1 << 53) < int(digits) < 1 << 53:
        raise ValueError("a number that is too large")
    return int(digits)


def refuse(_):
    raise ValueError("no whole number")


decoder = json.JSONDecoder(object_pairs_hook=no_doubles, parse_int=small_number,
                           parse_float=refuse, parse_constant=refuse)


def check_depth(text):
    """How deep json goes by itself differs from one Python to the next."""
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return
    depth = 0
    for mark in re.findall(r"[][{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        depth += 1 if mark in "[{" else -1
        if depth > DEPTH_MAX:
            raise ValueError("nested too deep")


def take_apart(line):
    """The record's c as bytes and as a dict, its p as bytes, its h."""
    if len(line) >= LINE_MAX or line[:6] != b'{"c":{' or line[-2:] != b'"}' \
            or line[-72:-66] != b',"h":"':
        raise ValueError("the form of a record")
    text = line[5:-72].decode("utf-8")
    fields, end = decoder.raw_decode(text)
    check_depth(text[:end])
    if text[end:end + 5] != ',"p":':
        raise ValueError("the form of a record")
    for name, kind in (("v", int), ("seq", int), ("ts", str), ("t", str)):
        if type(fields.get(name)) is not kind:
            raise ValueError("a record without its %s" % name)
    return text[:end].encode(), fields, text[end + 5:].encode(), line[-66:-2].decode("ascii")


# --- the trail ---------------------------------------------------------------------

class Trail:
    def __init__(self, keys):
        self.id = None
        self.seq, self.hash, self.count = 0, NOTHING, 0
        self.hashes = {}        # number -> h, of every record that was seen
        self.misfits = {}       # number -> what does not fit, good if it was erased
        self.erased, self.holes = [], []
        self.tail = b""
        self.known = keys       # (epoch, key), from elsewhere
        self.newest = None      # checkpoint
        self.anew = False       # keys may begin anew at the next one
        self.begun = None       # the checkpoint at which they did
        self.led = False        # a known key leads to them
        self.signatures = []    # to be verified: (record before, key, text, signature)
        self.digests = 0        # of the records, those that an export has by their digests only

    def wrong(self, words):
        return broken("record after %d: %s" % (self.seq, words))

    def first_of_all(self, fields):
        if not (HEX32.fullmatch(fields["trail"]) and HEX64.fullmatch(fields["before"])) \
                or fields["seq"] < 1 or (fields["seq"] == 1) != (fields["before"] == NOTHING):
            raise self.wrong("malformed open")
        self.id, self.hash, self.seq = fields["trail"], fields["before"], fields["seq"] - 1
        self.hashes[self.seq] = self.hash
        self.anew = self.seq > 0

    def first_of_segment(self, fields):
        if fields["trail"] != self.id:
            raise self.wrong("a segment of another trail")
        if fields["before"] == self.hash:
            return
        gap = fields.get("gap")
        missing = (self.seq + 1, fields["seq"] - 1)
        if type(gap) is not dict or (gap.get("from"), gap.get("to")) != missing \
                or missing[0] > missing[1] or not HEX64.fullmatch(fields["before"]):
            raise self.wrong("a segment is missing here")
        self.holes.append(missing)
        self.hash, self.seq = fields["before"], missing[1]
        self.anew = True

    def personal(self, fields, stored):
        number, promised = fields["seq"], fields["pc"]
        if promised is None:
            if stored != b"null":
                raise broken("record %d: personal part added" % number)
        elif stored.rstrip(b" ") == b"null":
            self.misfits[number] = "blank without an erase record"
        elif sha256(b"personal", stored).hexdigest() != promised:
            self.misfits[number] = "differs"

    def erase(self, fields):
        if type(fields["records"]) is not list:
            raise self.wrong("erases no list")
        for first, last in fields["records"]:
            if type(first) is not int or type(last) is not int or not 1 <= first <= last < fields["seq"]:
                raise self.wrong("erases no earlier record")
            self.erased.append((first, last))

    def due(self):
        """The epoch that lasts, and its key."""
        last = self.newest
        return (last.epoch + 1, last.next) if last.next else (last.epoch, last.key)

    def know(self, epoch, key):
        known = [other for number, other in self.known if number == epoch]
        if any(other != key for other in known):
            raise self.wrong("another key than the known one")
        self.led = self.led or known != []

    def checkpoint(self, fields):
        if fields.get("next") == "":
            raise self.wrong("malformed checkpoint")
        made = Checkpoint(fields, self.id)
        if (made.of, made.h) != (self.seq, self.hash):
            raise self.wrong("a checkpoint of another record")
        if self.newest is None:
            if made.epoch != 1 and not self.anew:
                raise self.wrong("the first epoch is not 1")
        elif made.epoch == self.due()[0]:
            if made.key != self.due()[1]:
                raise self.wrong("another key than its epoch has")
        elif made.epoch < self.due()[0] or not self.anew:
            raise self.wrong("its epoch does not follow")
        else:
            self.led, self.begun = False, made
        self.know(made.epoch, made.key)
        if made.next:
            self.know(made.epoch + 1, made.next)
        self.signatures.append((self.seq, made.key, made.text(), made.sig))
        self.newest, self.anew = made, False

    def link(self, digest, h):
        before = bytes.fromhex(self.id), bytes.fromhex(self.hash)
        if sha256(b"link", *before, digest).hexdigest() != h:
            raise self.wrong("hash differs")

    def keep(self, h):
        self.seq, self.hash, self.count = self.seq + 1, h, self.count + 1
        self.hashes[self.seq] = h

    def digest(self, raw, begins):
        if begins:
            raise self.wrong("an export begins with an open record")
        digest, h = (part.decode("ascii") for part in DIGEST.fullmatch(raw).groups())
        self.link(bytes.fromhex(digest), h)
        self.digests += 1
        self.keep(h)

    def line(self, raw, begins, exported):
        try:
            c, fields, p, h = take_apart(raw)
        except (ValueError, RecursionError):
            raise self.wrong("not a record") from None
        opens = fields["t"] == "open"
        if opens != begins and not (opens and exported):
            raise self.wrong("a segment begins with an open record, and only there")
        if opens:
            (self.first_of_all if self.id is None else self.first_of_segment)(fields)
        self.link(sha256(b"record", c).digest(), h)
        if fields["v"] != 1:
            raise Verdict(UNCHECKABLE, "record after %d: format version %d" % (self.seq, fields["v"]))
        if fields["seq"] != self.seq + 1:
            raise self.wrong("sequence %d, expected %d" % (fields["seq"], self.seq + 1))
        self.personal(fields, p)
        if fields["t"] == "erase":
            self.erase(fields)
        if fields["t"] == "checkpoint":
            self.checkpoint(fields)
        elif begins and fields.get("anew") is True:
            self.anew = True
        self.keep(h)

    def segment(self, text):
        if self.tail:
            raise self.wrong("a cut line inside the trail")
        *lines, self.tail = text.split(b"\n")
        if WHOLE_END.search(self.tail):
            raise broken("the last line's end is changed")
        exported = lines[:1] == [EXPORT]
        for number, raw in enumerate(lines[exported:]):
            try:
                if exported and DIGEST.fullmatch(raw):
                    self.digest(raw, number == 0)
                else:
                    self.line(raw, number == 0, exported)
            except (KeyError, TypeError, ValueError) as error:
                raise self.wrong("malformed (%s)" % error) from None

    def read(self, segments, signed):
        """All of them.  A wrong signature is found late, and goes before what comes
        after it."""
        found = None
        try:
            for text in segments:
                self.segment(text)
        except Verdict as verdict:
            found = verdict
        try:
            before = check_all(self.signatures) if signed else None
        except Verdict as verdict:
            raise found or verdict from None
        if before is not None:
            raise broken("record after %d: the signature is wrong" % before)
        if found:
            raise found

    def led_to(self):
        """Does what it is signed with follow from what is known?  None, or why not."""
        reached = self.due()[0] if self.newest else 0
        for epoch, _ in self.known:
            if epoch > reached:
                return Verdict(SHORT, "signed to epoch %d, but a key of epoch %d is known"
                               % (reached, epoch))
        if self.led or not self.known:
            return None
        if self.begun:
            return Verdict(SHORT, "record %d begins keys anew, with epoch %d, and no known key "
                           "leads there" % (self.begun.of + 1, self.begun.epoch))
        return Verdict(UNCHECKABLE, "the known keys are of earlier epochs")

    def finish(self):
        self.erased.sort()
        taken, reach = 0, 0     # ranges that begin so far, and how far they go
        for number in sorted(self.misfits):
            while taken < len(self.erased) and self.erased[taken][0] <= number:
                reach = max(reach, self.erased[taken][1])
                taken += 1
            if number > reach:
                raise broken("record %d: personal part %s" % (number, self.misfits[number]))


def verify(segments, anchors=(), gaps=(), keys=(), signed=True):
    """segments: bytes in order; anchors: (name, seq, h, trail or None); gaps: (from, to);
    keys: (epoch, key).  Returns (status, words)."""
    trail = Trail(keys)
    try:
        trail.read(segments, signed)
        trail.finish()
        for name, number, h, of in anchors:
            if of and trail.id and of != trail.id:
                raise broken("%s is of another trail" % name)
            if trail.hashes.get(number, h) != h:
                raise broken("record %d: hash differs from %s" % (number, name))
        for hole in trail.holes:
            if hole not in gaps:
                raise Verdict(SHORT, "records %d to %d are missing, as declared" % hole)
        for name, number, _, _ in anchors:
            if trail.id is None or number > trail.seq:
                raise Verdict(SHORT, "ends at record %d, but %s says %d" % (trail.seq, name, number))
        led = trail.led_to()
        if led and led.status == SHORT:
            raise led
        if trail.id is None:
            raise Verdict(UNCHECKABLE, "no record")
        for _, number, _, _ in anchors:
            if number not in trail.hashes and not any(a <= number <= b for a, b in trail.holes):
                raise Verdict(UNCHECKABLE, "an anchor lies before the first record given")
        if led:
            raise led
    except Verdict as verdict:
        return verdict.status, str(verdict)
    tail = ", %d bytes of a torn tail" % len(trail.tail) if trail.tail else ""
    if trail.newest:
        tail += ", signed to %d in epoch %d" % (trail.newest.of, trail.newest.epoch)
    if trail.begun:
        tail += ", by keys begun anew at record %d" % (trail.begun.of + 1)
    digests = ", %d of them as digests only" % trail.digests if trail.digests else ""
    return GOOD, "%d records%s, to %d %s%s" % (trail.count, digests, trail.seq, trail.hash, tail)


def read_head(path):
    with open(path, encoding="utf-8") as file:
        head = json.load(file)
    if type(head) is not dict or [type(head.get(key)) for key in ("seq", "h", "trail")] != [int, str, str]:
        raise ValueError("%s is no head file" % path)
    return "the head", head["seq"], head["h"], head["trail"]


def read_checkpoint(path, signed):
    """As an anchor, and the keys that it has."""
    try:
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
        kept = Checkpoint(fields, fields["trail"])
    except (KeyError, TypeError, ValueError):
        raise ValueError("%s is no checkpoint" % path) from None
    if signed and not verifies(kept.key, kept.text(), kept.sig):
        raise ValueError("%s: its signature is wrong" % path)
    return ("the given checkpoint", kept.of, kept.h, kept.trail), \
        [(kept.epoch, kept.key)] + ([(kept.epoch + 1, kept.next)] if kept.next else [])


def main(words):
    paths, anchors, gaps, keys = [], [], [], []
    signed = "--no-signatures" not in words
    words = iter(words)
    try:
        for word in words:
            if word == "--head":
                anchors.append(read_head(next(words)))
            elif word == "--expect":
                number, h = next(words).split(":")
                anchors.append(("the expected head", int(number), h, None))
            elif word == "--gap":
                first, last = next(words).split("-")
                gaps.append((int(first), int(last)))
            elif word == "--key":
                epoch, key = next(words).split(":")
                keys.append((int(epoch), key))
            elif word == "--checkpoint":
                anchor, its_keys = read_checkpoint(next(words), signed)
                anchors.append(anchor)
                keys += its_keys
            elif word == "--no-signatures":
                pass
            elif word.startswith("-"):
                print(__doc__)
                return UNCHECKABLE if word not in ("-h", "--help") else GOOD
            else:
                paths.append(word)
        segments = []
        for path in paths:
            with open(path, "rb") as file:
                segments.append(file.read())
    except (OSError, ValueError, StopIteration, Verdict) as error:
        print("cannot be checked: %s" % (str(error) or "an option has no value"))
        return UNCHECKABLE
    status, verdict = verify(segments, anchors, gaps, keys, signed)
    print(verdict)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
