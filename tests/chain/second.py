#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A second implementation of the chain's rules, from doc/chains.md alone.

It shares nothing with core/chain: it knows beforehand what every backend says,
looks at a list as a whole instead of going through it, and has no speed to
keep.  Where both agree on thousands of chains that nobody thought of, a
mistake would have to be made twice.

  second.py N SEED    N random rows as tests/chain/table.tsv explains them
"""
import random
import sys

CODES = ("ok not_found unavailable timeout denied invalid conflict unsupported ignore "
         "error").split()
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

# By word: ok, not_found, no answer, a refusal.
WORDS = {
    "required": ("ok", "bad", "bad", "bad"),
    "requisite": ("ok", "die", "die", "die"),
    "sufficient": ("done", "ignore", "ignore", "ignore"),
    "binding": ("done", "bad", "bad", "bad"),
    "optional": ("ok", "ignore", "ignore", "ignore"),
    "fallback": ("done", "ignore", "ignore", "die"),
}
DEFAULTS = {"get": "fallback", "put": "requisite", "keep": "requisite", "delete": "required"}
LIGHT_TO_GRAVE = ("not_found unsupported unavailable timeout conflict invalid denied "
                  "error").split()


class Entry:
    def __init__(self, word, says, codes=None):
        self.word = word            # None: the operation's
        self.says = says            # a code, or a list of entries
        self.codes = codes or {}
        self.letter = None

    def __str__(self):
        says = self.says
        if isinstance(says, list):
            says = "(%s)" % text(says)
        codes = ",".join("%s=%s" % pair for pair in self.codes.items())
        return "%s:%s%s" % (self.word or "-", says, "[%s]" % codes if codes else "")


class Outcome:
    """What a list, or a backend, comes to."""
    def __init__(self, code):
        self.code = code
        self.asked = []
        self.answer = None
        self.undone = []
        self.standing = []          # written and not taken back
        self.silent = set()


def text(entries):
    return " ".join(map(str, entries)) or "-"


def backends(entries):
    for entry in entries:
        if isinstance(entry.says, list):
            yield from backends(entry.says)
        else:
            yield entry


def nesting(entries):
    return max((1 + nesting(e.says) for e in entries if isinstance(e.says, list)), default=0)


def sound(entries):
    """May this list run?  Not a question of size."""
    return bool(entries) and all(
        all(code == "ok" or action not in ("ok", "done") for code, action in e.codes.items())
        and (not isinstance(e.says, list) or sound(e.says)) for e in entries)


def action(op, entry, code):
    word = entry.word or DEFAULTS[op]
    row = WORDS[word]
    if code in entry.codes:
        act = entry.codes[code]
    elif code == "ignore":
        act = "ignore"
    elif code == "ok":
        act = row[0]
    elif code == "not_found":
        act = "ignore" if op == "delete" and row[1] in ("bad", "die") else row[1]
    elif code in ("unavailable", "timeout"):
        act = row[2]
    else:
        act = row[3]
    if op == "keep":
        if code == "ok":
            return "done" if act == "done" else "ok"
        return "ignore"
    return act


def ask(op, entry):
    if isinstance(entry.says, list):
        return whole(op, entry.says, True)
    out = Outcome(entry.says if entry.says in CODES else "error")
    out.asked = [entry.letter]
    if out.code == "ok":
        out.answer = entry.letter
    if out.code in ("ok", "timeout", "error"):      # the others promise: no effect
        out.standing = [entry.letter]
    if out.code in ("unavailable", "timeout"):
        out.silent = {out.code}
    return out


def reach(actions):
    """How many entries are consulted."""
    for i, act in enumerate(actions):
        spoilt = any(a in ("bad", "die") for a in actions[:i])
        if act == "die" or (act == "done" and not spoilt):
            return i + 1
    return len(actions)


def whole(op, entries, inner):
    parts = [ask(op, e) for e in entries]
    actions = [action(op, e, p.code) for e, p in zip(entries, parts)]
    count = reach(actions)
    parts, actions = parts[:count], actions[:count]

    failures = [p.code for p, a in zip(parts, actions) if a in ("bad", "die")]
    yeses = [p for p, a in zip(parts, actions) if a in ("ok", "done")]
    noted = [p.code for p, a in zip(parts, actions)
             if a == "ignore" and p.code not in ("ok", "ignore")]
    if failures:
        out = Outcome("error" if failures[0] in ("ok", "ignore") else failures[0])
    elif yeses:
        out = Outcome("ok")
        out.answer = yeses[0].answer
    elif noted:
        out = Outcome(max(noted, key=LIGHT_TO_GRAVE.index))
    elif inner and all(p.code == "ignore" for p in parts):
        out = Outcome("ignore")
    else:
        out = Outcome("error")

    for part in parts:
        out.silent |= part.silent
        out.asked += part.asked
        out.undone += part.undone
        out.standing += part.standing
    if op == "get" and out.code == "not_found":
        for code in ("timeout", "unavailable"):
            if code in out.silent:
                out.code = code
                break
    if op == "put" and out.code != "ok":
        out.undone += reversed(out.standing)
        out.standing = []
    return out


def row(op, entries):
    all_backends = list(backends(entries))
    for i, backend in enumerate(all_backends):
        backend.letter = LETTERS[i % len(LETTERS)]
    if not sound(entries) or len(all_backends) > 64 or nesting(entries) > 16:
        return (op, text(entries), "refused", "-", "-", "-")
    out = whole(op, entries, False)
    return (op, text(entries), out.code, "".join(out.asked), out.answer or "-",
            "".join(out.undone) or "-")


def random_entries(rng, depth):
    entries = []
    for _ in range(rng.randint(1, rng.choice((2, 4, 6)))):
        says = rng.choice(("ok", "ok", "not_found", "unavailable", "999",
                           rng.choice(CODES), rng.choice(CODES)))
        if rng.random() < .25 / depth:
            says = random_entries(rng, depth + 1)
        codes = {}
        while rng.random() < .25:
            code = rng.choice(CODES)
            if says in CODES and rng.random() < .5:
                code = says             # one that matters
            codes[code] = rng.choice(("bad", "die", "ignore") + ("ok", "done") * (code == "ok"))
        word = rng.choice(list(WORDS) + [None])
        entries.append(Entry(word, says, codes))
    return entries


def spoil(rng, entries):
    """A chain near one of the limits, on either side of it."""
    entry = rng.choice(entries)
    kind = rng.randrange(4)
    if kind == 0:
        entry.codes[rng.choice(CODES)] = rng.choice(("ok", "done"))
    elif kind == 1:
        entry.says = []
    elif kind == 2:
        for _ in range(rng.randint(14, 17)):
            entry.says = [Entry("required", entry.says)]
    else:
        missing = 64 - len(list(backends(entries))) + rng.randint(-1, 1)
        entries += [Entry("optional", "not_found") for _ in range(missing)]
    return entries


def main(argv):
    if len(argv) != 3:
        print(__doc__)
        return 2
    rng = random.Random(int(argv[2]))
    for _ in range(int(argv[1])):
        entries = random_entries(rng, 1)
        if rng.random() < .1:
            entries = spoil(rng, entries)
        print("\t".join(row(rng.choice(("get", "put", "keep", "delete")), entries)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
