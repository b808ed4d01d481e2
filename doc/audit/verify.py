#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Verifies an audit trail of Mortise, with nothing but Python's standard library.

    verify.py FILE... [--head FILE] [--expect SEQ:HASH]... [--gap FROM-TO]...

Segments in order, or an agency's export of all of them.  Prints one line and exits with 0: good; 10: broken (the first
bad record is named); 11: incomplete (shorter than an anchor, or a declared gap
that no --gap accepts); 12: cannot be checked.  doc/audit-format.md is the format
that this follows; `mortise audit verify` is a program of other authors' making
that must say the same.
"""
import hashlib
import json
import re
import sys

GOOD, BROKEN, SHORT, UNCHECKABLE = 0, 10, 11, 12
NOTHING = "0" * 64
LINE_MAX = 16384            # with its LF
DEPTH_MAX = 900             # of objects and lists in c, c itself is one
HEX32, HEX64 = re.compile("[0-9a-f]{32}"), re.compile("[0-9a-f]{64}")
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
    def __init__(self):
        self.id = None
        self.seq, self.hash, self.count = 0, NOTHING, 0
        self.hashes = {}        # number -> h, of every record that was seen
        self.misfits = {}       # number -> what does not fit, good if it was erased
        self.erased, self.holes = [], []
        self.tail = b""
        self.digests = 0        # of the records, those that an export has by their digests only

    def wrong(self, words):
        return broken("record after %d: %s" % (self.seq, words))

    def first_of_all(self, fields):
        if not (HEX32.fullmatch(fields["trail"]) and HEX64.fullmatch(fields["before"])) \
                or fields["seq"] < 1 or (fields["seq"] == 1) != (fields["before"] == NOTHING):
            raise self.wrong("malformed open")
        self.id, self.hash, self.seq = fields["trail"], fields["before"], fields["seq"] - 1
        self.hashes[self.seq] = self.hash

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

    def finish(self):
        self.erased.sort()
        taken, reach = 0, 0     # ranges that begin so far, and how far they go
        for number in sorted(self.misfits):
            while taken < len(self.erased) and self.erased[taken][0] <= number:
                reach = max(reach, self.erased[taken][1])
                taken += 1
            if number > reach:
                raise broken("record %d: personal part %s" % (number, self.misfits[number]))


def verify(segments, anchors=(), gaps=()):
    """segments: bytes in order; anchors: (name, seq, h, trail or None); gaps: (from, to).
    Returns (status, words)."""
    trail = Trail()
    try:
        for text in segments:
            trail.segment(text)
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
        if trail.id is None:
            raise Verdict(UNCHECKABLE, "no record")
        for _, number, _, _ in anchors:
            if number not in trail.hashes and not any(a <= number <= b for a, b in trail.holes):
                raise Verdict(UNCHECKABLE, "an anchor lies before the first record given")
    except Verdict as verdict:
        return verdict.status, str(verdict)
    tail = ", %d bytes of a torn tail" % len(trail.tail) if trail.tail else ""
    digests = ", %d of them as digests only" % trail.digests if trail.digests else ""
    return GOOD, "%d records%s, to %d %s%s" % (trail.count, digests, trail.seq, trail.hash, tail)


def read_head(path):
    with open(path, encoding="utf-8") as file:
        head = json.load(file)
    if type(head) is not dict or [type(head.get(key)) for key in ("seq", "h", "trail")] != [int, str, str]:
        raise ValueError("%s is no head file" % path)
    return "the head", head["seq"], head["h"], head["trail"]


def main(words):
    paths, anchors, gaps = [], [], []
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
            elif word.startswith("-"):
                print(__doc__)
                return UNCHECKABLE if word not in ("-h", "--help") else GOOD
            else:
                paths.append(word)
        segments = []
        for path in paths:
            with open(path, "rb") as file:
                segments.append(file.read())
    except (OSError, ValueError, StopIteration) as error:
        print("cannot be checked: %s" % (str(error) or "an option has no value"))
        return UNCHECKABLE
    status, verdict = verify(segments, anchors, gaps)
    print(verdict)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
