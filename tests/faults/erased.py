# SPDX-License-Identifier: BSD-2-Clause
"""erased.py BEFORE AFTER: is a trail what erasing makes of another?

Every part that an erase record names is blank, every other byte is what it was, sealed
segments still are.  Says how many of the person's parts are named: who died between two
erase records has named some."""
import json
import os
import re
import sys

LINE = re.compile(rb'(\{"c":.*,"p":)(.*)(,"h":"[0-9a-f]{64}"\})')


def read(directory):
    modes, lines = {}, []
    for name in sorted(name for name in os.listdir(directory) if re.fullmatch(r"\d+\.jsonl", name)):
        path = os.path.join(directory, name)
        modes[name] = os.stat(path).st_mode & 0o777
        with open(path, "rb") as file:
            lines += file.read().splitlines()
    return modes, [LINE.fullmatch(line) for line in lines]


(sealed, before), (modes, after) = read(sys.argv[1]), read(sys.argv[2])
for name, mode in sealed.items():
    if mode == 0o400 and modes[name] != 0o400:
        sys.exit("%s has mode %o" % (name, modes[name]))
named, hit = set(), 0
for line in after:
    c = json.loads(line[1][5:-5])
    if c["t"] == "erase":
        for first, last in c["records"]:
            named.update(range(first, last + 1))
for number, old in enumerate(before, 1):
    new = after[number - 1]
    if (old[1], old[3], len(old[2])) != (new[1], new[3], len(new[2])):
        sys.exit("record %d has changed" % number)
    if number in named and old[2] != b"null":
        if new[2].rstrip(b" ") != b"null":
            sys.exit("record %d is not blank" % number)
        if b"gone@" not in old[2]:
            sys.exit("record %d is somebody else's" % number)
        hit += 1
    elif old[2] != new[2]:
        sys.exit("record %d is another, and not named" % number)
wanted = sum(b"gone@" in line[2] for line in before)
print("all of %d are erased" % hit if hit == wanted else "%d of %d are erased" % (hit, wanted))
