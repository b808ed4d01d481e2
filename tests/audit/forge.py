# SPDX-License-Identifier: BSD-2-Clause
"""Signed trails, and everything that can be done to them by who has no key, or the wrong
one: links that are computed anew do not help.  Both verifiers must find it, at the same
record.

FORGE=all flips every bit of a signed trail of a hundred records, cuts it at every byte,
and deletes, swaps, repeats and inserts every line; it takes half an hour.  Without it a
sample is taken."""
import json
import os
import random
import shutil
import sys

sys.dont_write_bytecode = True
from verifiers import (TRAIL, ZERO, Writer, all_say, cases, dump, export, finish, join, pair, says,
                       sign, source, trail)

if shutil.which("openssl") is None:
    print("1..0 # SKIP there is no command openssl to sign with")
    sys.exit(0)
rng = random.Random(7)
full = os.environ.get("FORGE") == "all"


def keys_of(*epochs):
    return [(epoch, pair(epoch)[1]) for epoch in epochs]


def with_checkpoint(make):
    """Epoch 1 is closed by record 6, and record 9 is what `make` adds; 11 is in order."""
    made = make(trail(3).checkpoint(1).outcomes(1).checkpoint(1, following=2).outcomes(2))
    return made.outcomes(1).checkpoint(2)


def put(made, c):
    """A record of these bytes, with its right hash."""
    made.seq += 1
    return made.raw(c)


def resealed(made, change):
    """The trail with the links computed anew over changed records."""
    other = Writer()
    for line in made.lines:
        c, p = line[5:-73].split(b',"p":')
        c = change(c)
        other.raw(c, p)
    return other.text()


def c_of(line):
    return line[5:-73].split(b',"p":')[0]


def kept(made, number, **other):
    """What was printed of the checkpoint that is this record."""
    c = json.loads(made.lines[number - 1])["c"]
    printed = {name: c.get(name, "") for name in ("of", "h", "epoch", "key", "next", "ts", "sig")}
    return json.dumps({"trail": TRAIL, "seq": number, "hash": ZERO, **printed, **other})


good = with_checkpoint(lambda made: made.checkpoint(2))
text = good.text()
with open(f"{source}/tests/golden/trail-v1-signed.jsonl", "rb") as file:
    golden = file.read()

# --- good ones -----------------------------------------------------------------------

says(0, "the golden signed trail", [golden], keys=keys_of(1))
says(0, "checkpoints of two epochs", [text])
says(0, "its members in another order", [with_checkpoint(lambda made: put(made, dump(dict(
    reversed(json.loads(good.lines[8])["c"].items()))))).text()])
says(0, "two checkpoints on end",
     [with_checkpoint(lambda made: made.checkpoint(2).checkpoint(2)).text()])
says(0, "a checkpoint in a torn tail", [text + good.lines[8][:200]])
says(0, "epochs that are closed by their first checkpoint",
     [trail(3).checkpoint(1, following=2).checkpoint(2, following=3).checkpoint(3).text()])
says(0, "no checkpoint", [trail(12).text()])

# --- keys that are known from elsewhere -------------------------------------------------

closed = trail(3).checkpoint(1, following=2)
for epochs in ([1], [2], [1, 2]):
    says(0, f"keys of epochs {epochs}", [text], keys=keys_of(*epochs))
says(11, "a key of an epoch to come", [text], keys=keys_of(3))
says(10, "another key of epoch 1", [text], keys=[(1, pair(9)[1])])
says(10, "another key of epoch 2", [text], keys=[*keys_of(1), (2, pair(9)[1])])
says(10, "a key of another form", [text], keys=[(1, pair(1)[1].upper())])
says(0, "a key that is named and has not signed yet", [closed.text()], keys=keys_of(2))
says(10, "another key than is named", [closed.text()], keys=[(2, pair(9)[1])])
says(11, "a key, and nothing is signed", [trail(12).text()], keys=keys_of(1))
says(11, "a key, and no record", [b""], keys=keys_of(1))
later = trail(3).checkpoint(1, following=2)
start = len(later.text())
later.open(2).outcomes(1).checkpoint(2)
says(0, "the first segment is kept elsewhere", [later.text()[start:]])
says(0, "and a key of the second epoch is known", [later.text()[start:]], keys=keys_of(2))
says(12, "and a key of the first one is known", [later.text()[start:]], keys=keys_of(1))

# --- checkpoints that were kept elsewhere ------------------------------------------------

says(0, "a kept checkpoint", [text], kept=[kept(good, 4)])
says(0, "all of them", [text], kept=[kept(good, number) for number in (4, 6, 9, 11)])
says(10, "one of another trail", [text], kept=[kept(good, 4, trail="cd" * 16, sig=sign(1, "\n".join((
        "mortise-trail-v1", "checkpoint", "cd" * 16, "3", json.loads(good.lines[2])["h"], "1", "",
        "2026-11-25T10:00:00.000004Z", "")).encode()))])
says(10, "one of another history", [text],
     kept=[kept(trail(2).checkpoint(1).outcomes(1).checkpoint(1), 5)])
says(10, "one under another key", [text], kept=[kept(trail(3).checkpoint(1, key=pair(9)[1], signer=9), 4)])
says(10, "one that names another key", [text], kept=[kept(trail(3).checkpoint(1).outcomes(1).checkpoint(
    1, following=9), 6)])
says(11, "one from beyond the end", [join(good.lines[:7])], kept=[kept(good, 9)])
says(11, "one of an epoch beyond the end", [join(good.lines[:5])], kept=[kept(good, 6)])
says(12, "one from before the first record", [later.text()[start:]],
     kept=[kept(trail(3).checkpoint(1, following=2), 4)])
for name, other in (
        ("a wrong signature", {"sig": "0" * 128}), ("another number", {"of": 4}),
        ("another hash", {"h": ZERO}), ("another time", {"ts": "2026-11-25T10:00:00.000000Z"}),
        ("another next", {"next": pair(3)[1]}), ("another trail", {"trail": "cd" * 16}),
        ("a text for a number", {"of": "3"}), ("null for a text", {"next": None}),
        ("a number that is too large", {"epoch": 1 << 60}), ("a truth for a number", {"epoch": True})):
    says(12, f"one with {name}", [text], kept=[kept(good, 4, **other)])
for name, other in (("no object", "[]"), ("nothing", ""), ("no signature", "{}")):
    says(12, f"one that is {name}", [text], kept=[other])

# --- by who has no key --------------------------------------------------------------------

for number in (4, 6, 9):
    c = c_of(good.lines[number - 1])
    places = range(c.index(b'"of"'), c.index(b',"pc"'))
    flipped = [c[:i] + bytes([c[i] ^ 1 << bit]) + c[i + 1:]
               for i in (places if full else rng.sample(places, 60))
               for bit in (range(8) if full else [rng.randrange(8)])]
    all_say(10, f"a flipped bit of checkpoint {number}, the links computed anew", cases(
        resealed(good, lambda old: new if old == c else old) for new in flipped if b"\n" not in new))
all_say(10, "a record before a checkpoint is another, the links computed anew", cases(
    resealed(good, lambda old: old.replace(b'"seq":%d,' % number, b'"seq":%d,"x":0,' % number))
    for number in range(1, 11)))
says(0, "what is behind the last checkpoint is not signed", [resealed(
    with_checkpoint(lambda made: made.checkpoint(2)).outcomes(1),
    lambda old: old.replace(b'"seq":12,', b'"seq":12,"x":0,'))])
for name, members in (
        ("signed by another key, which it names", {"key": pair(9)[1], "signer": 9}),
        ("signed by another key, which it does not name", {"signer": 9}),
        ("signed by the key of the epoch before", {"signer": 1}),
        ("of the record before the one before", {"of": 7, "h": json.loads(good.lines[6])["h"]}),
        ("of itself", {"of": 9}), ("of no record", {"of": 0, "h": ZERO}),
        ("of another record's hash", {"h": json.loads(good.lines[5])["h"]}),
        ("with half a signature", {"sig": "0" * 64}), ("without a signature", {"sig": None}),
        ("with a longer signature", {"sig": "0" * 200}),
        ("with a text for its epoch", {"epoch": "2"}), ("with an empty next", {"next": ""}),
        ("with null for next", {"next": None}), ("with 0 for next", {"next": 0}),
        ("with capitals in its key", {"key": pair(2)[1].upper()}),
        ("of a time of another form", {"ts": "2026-11-25T10:00:00Z"}),
        ("of a time that goes on", {"ts": "2026-11-25T10:00:00.000009Z" + "0" * 200})):
    says(10, f"a checkpoint {name}", [with_checkpoint(lambda made: made.checkpoint(2, **members)).text()])

# --- by who has taken over a host, and with it the key of its epoch --------------------------

says(10, "an older epoch's record under the newer key, as that epoch's", [trail(3).checkpoint(1).outcomes(
    1).checkpoint(1, key=pair(2)[1], signer=2).text()])
says(10, "an older epoch's record under the newer key, as the newer epoch's",
     [trail(3).checkpoint(1).outcomes(1).checkpoint(2).text()])
says(10, "an epoch that was closed goes on", [with_checkpoint(lambda made: made.checkpoint(1)).text()])
says(10, "an epoch is closed twice",
     [with_checkpoint(lambda made: made.checkpoint(1, following=3)).text()])
says(10, "an epoch goes back", [with_checkpoint(lambda made: made.checkpoint(2).checkpoint(1)).text()])
says(10, "an epoch is left out", [with_checkpoint(lambda made: made.checkpoint(3)).text()])
says(10, "the whole trail under the newer key, as that epoch's", [trail(5).checkpoint(2).text()])
says(10, "the whole trail under the newer key, as the first epoch's",
     [trail(5).checkpoint(1, key=pair(2)[1], signer=2).text()], keys=keys_of(1))
says(0, "and it is seen by nobody who knows no key",
     [trail(5).checkpoint(1, key=pair(2)[1], signer=2).text()])
says(10, "another next key, under the key that is known", [trail(3).checkpoint(1, following=3).checkpoint(
    2).text()])
says(10, "an old checkpoint once more",
     [with_checkpoint(lambda made: put(made, c_of(good.lines[3]).replace(b'"seq":4', b'"seq":9'))).text()])

# --- keys begin anew ------------------------------------------------------------------------


def anew(*added, closed=False, **opening):
    """Epoch 1, perhaps closed, and a segment with checkpoints of these epochs and keys."""
    made = trail(3).checkpoint(1, following=2 if closed else None)
    end = len(made.text())
    made.open(2, **opening)
    for epoch, key in added:
        made.outcomes(1).checkpoint(epoch, key=pair(key)[1], signer=key)
    return [made.text()[:end], made.text()[end:]]


def behind_gap(epoch):
    made = trail(3).checkpoint(1)
    end = len(made.text())
    made.seq, made.before = 8, "12" * 32
    made.open(2, gap={"from": 5, "to": 8, "reason": "x", "by": "y"}).outcomes(1).checkpoint(epoch)
    return [made.text()[:end], made.text()[end:]]


says(10, "another epoch in another segment", anew((2, 2)))
says(0, "the open record says that keys begin anew", anew((2, 2), anew=True))
says(0, "with any later epoch", anew((7, 7), anew=True))
says(0, "not needed, for the key was found again", anew((1, 1), anew=True))
says(10, "not with another key of that epoch", anew((1, 9), anew=True))
says(10, "not with the epoch whose key was named, under another one",
     anew((2, 9), closed=True, anew=True))
says(0, "but with the one after it", anew((3, 3), closed=True, anew=True))
says(10, "not where it says something else than true", anew((2, 2), anew=1))
says(10, "for the next checkpoint, and not for another", anew((2, 2), (3, 3), anew=True))
says(11, "no known key leads there", anew((2, 2), anew=True), keys=keys_of(1))
says(0, "a known key does", anew((2, 2), anew=True), keys=keys_of(1, 2))
says(0, "the known key of what came later is enough", anew((2, 2), anew=True), keys=keys_of(2))
says(0, "the key is the same behind a declared gap that is accepted", behind_gap(1), gaps=[(5, 8)])
says(0, "the checkpoint that closed an epoch may be lost in one", behind_gap(2), gaps=[(5, 8)])
says(11, "if who verifies accepts the gap", behind_gap(2))
says(11, "and who knows a key knows the other, too", behind_gap(2), gaps=[(5, 8)], keys=keys_of(1))
says(0, "as here", behind_gap(2), gaps=[(5, 8)], keys=keys_of(1, 2))

# --- all that can be done to a hundred records -------------------------------------------------


def hundred():
    made = trail(20).checkpoint(1).outcomes(28).checkpoint(1, following=2).outcomes(30).checkpoint(
        2).outcomes(18).checkpoint(2)
    assert made.seq == 100
    return made


long = hundred()
text, lines = long.text(), long.lines
head = {"trail": TRAIL, "seq": 100, "h": long.before}
chosen = range(100) if full else sorted(rng.sample(range(100), 8))
all_say(10, "each bit of a hundred records", cases(
    text[:i] + bytes([text[i] ^ 1 << bit]) + text[i + 1:]
    for i in (range(len(text)) if full else rng.sample(range(len(text)), 150))
    for bit in (range(8) if full else [rng.randrange(8)])))
all_say(10, "each line deleted", cases(join(lines[:i] + lines[i + 1:]) for i in chosen if i < 99))
all_say(11, "the last line deleted", cases([join(lines[:-1])], head=head))
all_say(10, "each two lines swapped", cases(
    join(lines[:i] + [lines[k]] + lines[i + 1:k] + [lines[i]] + lines[k + 1:])
    for i in chosen for k in chosen if i < k))
all_say(10, "each line repeated, anywhere", cases(
    join(lines[:k] + [lines[i]] + lines[k:]) for i in chosen for k in (*chosen, 100) if k > 0))
foreign = golden.split(b"\n")[4] + b"\n"
all_say(10, "a line of another trail inserted", cases(join(lines[:i] + [foreign] + lines[i:]) for i in chosen))
all_say(11, "cut at each byte", cases(
    (text[:i] for i in (range(len(lines[0]), len(text) - 1) if full else
                        rng.sample(range(len(lines[0]), len(text) - 1), 60))), head=head))
# --- exports ---------------------------------------------------------------------------

signed = trail(5).checkpoint(1).outcomes(2).checkpoint(1, following=2)
marks = {1, 6, 9}
says(0, "an export of a signed trail", [export(signed.lines, marks)], keys=keys_of(1))
says(10, "an export whose checkpoint is signed by another", [export(
    trail(5).checkpoint(1).outcomes(2).checkpoint(1, signer=3).lines, marks)])
says(0, "an export, and a checkpoint by its digest", [export(signed.lines, {1, 9})], keys=keys_of(1))

finish()
