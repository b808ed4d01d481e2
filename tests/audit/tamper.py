# SPDX-License-Identifier: BSD-2-Clause
"""Everything that can be done to a trail, and what both verifiers say of it: the
one in C, and doc/audit/verify.py.  They must agree on every file, and say what is
written here."""
import json
import random
import sys

sys.dont_write_bytecode = True
from verifiers import (HEADER, TRAIL, ZERO, Writer, all_say, cases, commitment, digested, dump, export,
                       finish, join, says, sealed, source, trail)

rng = random.Random(7)

with open(f"{source}/tests/golden/trail-v1.jsonl", "rb") as file:
    golden = file.read()
small = trail(12)
text, lines = small.text(), small.lines
head = {"trail": TRAIL, "seq": 12, "h": small.before}

# --- good ones ---------------------------------------------------------------------------

says(0, "the golden trail", [golden])
says(0, "a trail, with its head", [text], head=head)
says(0, "a torn tail", [text + lines[5][:100]])
says(0, "a torn tail and zeros", [text + lines[5][:100] + bytes(50)])
says(0, "a whole line without its LF", [text + lines[5][:-1]])
two = trail(5)
cut = len(two.text())
two.open(2).outcomes(4)
says(0, "two segments", [two.text()[:cut], two.text()[cut:]])
says(0, "white space in c", [trail(3).raw(b'{ "v" : 1 ,"seq":4,\t"ts":"x","t":"close","pc":null }').text()])
says(0, "members in another order", [trail(3).raw(b'{"pc":null,"t":"close","ts":"x","seq":4,"v":1}').text()])
says(0, "a lone surrogate", [trail(3).raw(trail(3).c(x=0).replace(b'"x":0', b'"x":"\\ud800"')).text()])

# --- a byte is not what it was --------------------------------------------------------------

all_say(10, "a flipped bit, each of the last two lines",
        cases(text[:i] + bytes([text[i] ^ 1 << bit]) + text[i + 1:]
              for i in range(len(text) - len(lines[-1]) - len(lines[-2]), len(text)) for bit in range(8)))
all_say(10, "a flipped bit, one of each byte of the golden trail",
        cases(golden[:i] + bytes([golden[i] ^ 1 << rng.randrange(8)]) + golden[i + 1:]
              for i in range(len(golden))))
all_say(10, "the last LF is another byte", cases(text[:-1] + bytes([b]) for b in range(1, 256) if b != 10))
all_say(10, "a byte is missing", cases(text[:i] + text[i + 1:] for i in range(0, len(text) - 1, 3)))
all_say(10, "a byte too many", cases(text[:i] + b"0" + text[i:] for i in range(0, len(text), 3)))

# --- a line is not where it was ----------------------------------------------------------------

all_say(10, "a deleted line", cases(join(lines[:i] + lines[i + 1:]) for i in range(len(lines) - 1)))
all_say(10, "two lines swapped", cases(
    join(lines[:i] + [lines[k]] + lines[i + 1:k] + [lines[i]] + lines[k + 1:])
    for i in range(len(lines)) for k in range(i + 1, len(lines))))
all_say(10, "a line repeated", cases(
    join(lines[:k] + [lines[i]] + lines[k:]) for i in range(len(lines)) for k in range(len(lines) + 1)
    if k > 0))
all_say(10, "a line of another trail", cases(
    join(lines[:i] + [golden.split(b"\n")[3] + b"\n"] + lines[i:]) for i in range(len(lines) + 1)))
all_say(10, "an empty line", cases(join(lines[:i] + [b"\n"] + lines[i:]) for i in range(len(lines) + 1)))
whole = [at for at in range(len(text)) if text[at - 1:at] == b"\n"]
all_say(11, "cut at any byte, against the head", cases(
    (text[:i] for i in range(len(lines[0]), len(text) - 1)), head=head))
all_say(0, "cut at any byte, with no anchor", cases(text[:i] for i in range(len(lines[0]), len(text))))
all_say(12, "cut in the first line", cases(text[:i] for i in range(len(lines[0]))))
says(10, "segments swapped", [two.text()[cut:], two.text()[:cut]])
says(10, "a torn tail inside", [two.text()[:cut] + b'{"c":{', two.text()[cut:]])
says(10, "a segment without its open record", [two.text()[:cut], join(two.lines[6:])])
says(10, "an open record in the middle", [two.text()])
says(10, "a segment of another trail", [text, golden])
says(0, "the first segment is kept elsewhere", [two.text()[cut:]])

# --- anchors ---------------------------------------------------------------------------------------

says(10, "another hash than the head's", [text], head={**head, "h": "1" * 64})
says(10, "a head of another trail", [text], head={**head, "trail": "cd" * 16})
says(10, "a head whose hash is too long", [text], head={**head, "h": head["h"] + "0"})
says(10, "a head whose trail's id is too long", [text], head={**head, "trail": TRAIL + "a"})
says(10, "a head without a hash", [text], head={**head, "h": ""})
says(0, "a head of any trail", [text], head={**head, "trail": ""})
says(11, "shorter than the head", [join(lines[:-1])], head=head)
says(0, "longer than the head", [text], head={"trail": TRAIL, "seq": 1, "h": json.loads(lines[0])["h"]})
says(0, "an expected hash", [text], expect=[(12, small.before)])
says(10, "another hash than expected", [text], expect=[(11, small.before)])
says(11, "an expected record that is not there", [text], expect=[(13, small.before)])
says(11, "an expected record beyond all numbers", [text], expect=[((1 << 64) - 1, small.before)])
says(12, "an anchor before the first record", [two.text()[cut:]], expect=[(2, ZERO)])
says(11, "no record, and an anchor", [b""], expect=[(2, ZERO)])
says(12, "no record", [b""])
says(12, "no file", [])

# --- what a record says ----------------------------------------------------------------------------------

def with_next(c, p=b"null"):
    return trail(3).raw(c, p).text()


plain = trail(3)
for name, c in [
        ("a key twice", plain.c().replace(b'"ts":"x"', b'"ts":"x","ts":"x"')),
        ("a key twice, once escaped", plain.c().replace(b'"ts":"x"', b'"ts":"x","t\\u0073":"x"')),
        ("a key twice, deep down", plain.c(x=0).replace(b'"x":0', b'"x":[{"a":1,"a":2}]')),
        ("a float", plain.c(x=1.5)),
        ("a number with an exponent", plain.c(x=0).replace(b'"x":0', b'"x":1e3')),
        ("NaN", plain.c(x=0).replace(b'"x":0', b'"x":NaN')),
        ("-Infinity", plain.c(x=0).replace(b'"x":0', b'"x":-Infinity')),
        ("2^53", plain.c(x=1 << 53)),
        ("18 digits", plain.c(x=0).replace(b'"x":0', b'"x":000000000000000001')),
        ("a number with a zero before it", plain.c(x=0).replace(b'"x":0', b'"x":01')),
        ("a number that is none", plain.c(x=0).replace(b'"x":0', b'"x":-')),
        ("a control character in a text", plain.c(x=0).replace(b'"x":0', b'"x":"\x01"')),
        ("an escape that is none", plain.c(x=0).replace(b'"x":0', b'"x":"\\q"')),
        ("half a \\u", plain.c(x=0).replace(b'"x":0', b'"x":"\\u12"')),
        ("bytes that are not UTF-8", plain.c(x=0).replace(b'"x":0', b'"x":"\xff"')),
        ("an encoded surrogate", plain.c(x=0).replace(b'"x":0', b'"x":"\xed\xa0\x80"')),
        ("a comma at the end", plain.c()[:-1] + b",}"),
        ("no v", plain.c().replace(b'"v":1,', b"")),
        ("v as a text", plain.c().replace(b'"v":1', b'"v":"1"')),
        ("v as true", plain.c().replace(b'"v":1', b'"v":true')),
        ("seq as a text", plain.c().replace(b'"seq":4', b'"seq":"4"')),
        ("another seq", plain.c().replace(b'"seq":4', b'"seq":5')),
        ("no pc", plain.c().replace(b',"pc":null', b"")),
        ("nested too deep", plain.c(x=0).replace(b'"x":0', b'"x":' + b"[" * 3000 + b"]" * 3000)),
        ("erases nothing that is a list", plain.c(records=3).replace(b"close", b"erase")),
        ("erases no pairs", plain.c(records=[3]).replace(b"close", b"erase")),
        ("erases what is an object", plain.c(records={}).replace(b"close", b"erase")),
        ("erases what is a text", plain.c(records="").replace(b"close", b"erase")),
        ("erases what is no number", plain.c(records=[[True, 2]]).replace(b"close", b"erase")),
        ("erases three", plain.c(records=[[1, 2, 3]]).replace(b"close", b"erase")),
        ("erases itself", plain.c(records=[[1, 4]]).replace(b"close", b"erase")),
        ("erases backwards", plain.c(records=[[3, 2]]).replace(b"close", b"erase")),
        ("erases record 0", plain.c(records=[[0, 2]]).replace(b"close", b"erase")),
        ("erases without a list", plain.c().replace(b"close", b"erase"))]:
    says(10, name, [with_next(c)])
nul = b"\\u0000"
opening = Writer().open(1).lines[0][5:].split(b',"p":')[0]
for name, word in (("type", b"open"), ("trail", TRAIL.encode()), ("hash before", ZERO.encode())):
    says(10, f"a NUL behind the first record's {name}",
         [sealed(ZERO, opening.replace(word, word + nul), b"null")[0]])
says(10, "a NUL behind a commitment", [with_next(
    plain.c().replace(b"null", b'"%s%s"' % (commitment(b"{}").encode(), nul)), b"{}")])
says(0, "a NUL behind a type that is no open any more", [with_next(plain.c().replace(b"close", b"open" + nul))])
says(12, "another version", [with_next(plain.c().replace(b'"v":1', b'"v":2'))])
says(0, "white space in an erase record's list", [with_next(plain.c(records=0).replace(
    b"close", b"erase").replace(b'"records":0', b'"records": [\r[\t1 ,\r2\r]\r, [3,3] ]'))])
says(0, "an erase record of nothing", [with_next(plain.c(records=[]).replace(b"close", b"erase"))])
says(0, "2^53 - 1", [with_next(plain.c(x=(1 << 53) - 1))])
for depth, status in ((899, 0), (900, 10)):
    for left, inner, right in ((b"[", b"1", b"]"), (b"[", b"", b"]"), (b'{"[":', b"1", b"}")):
        says(status, f"{depth} of {left.decode()}, one in another", [with_next(plain.c(x=0).replace(
            b'"x":0', b'"x":' + left * depth + inner + right * depth))])
says(0, "a thousand brackets in a text, and beside each other",
     [with_next(plain.c(x='\\"[' * 1000, y=[[]] * 1000))])
says(0, "16 384 bytes", [with_next(plain.c(x="y" * (16384 - len(sealed(ZERO, plain.c(x=""), b"null")[0]))))])
says(10, "16 385 bytes", [with_next(plain.c(x="y" * (16385 - len(sealed(ZERO, plain.c(x=""), b"null")[0]))))])
says(10, "a personal part that was added", [with_next(plain.c(), b'{"s":1}')])
says(10, "spaces behind a null that was always one", [with_next(plain.c(), b"null  ")])
says(10, "a commitment that is no text", [with_next(plain.c().replace(b'"pc":null', b'"pc":7'), b"{}")])

# --- erasing ---------------------------------------------------------------------------------------------------

def erased(erase, blank):
    """A trail whose record 3 has its personal part blanked, and perhaps says so."""
    made = trail(5)
    if erase:
        made.add("erase", records=[[2, 3]], by="dpo")
    line = made.lines[2]
    p = line[line.index(b',"p":') + 5:-73]
    made.lines[2] = line.replace(p, blank(p))
    return [made.text()]


says(0, "an erased part", erased(True, lambda p: b"null".ljust(len(p))))
says(0, "a part half erased, and an erase record", erased(True, lambda p: b"null" + p[4:]))
says(10, "a blank part without an erase record", erased(False, lambda p: b"null".ljust(len(p))))
says(10, "a changed part without an erase record", erased(False, lambda p: p.replace(b"@x", b"@y")))


def blanked(numbers, *lists):
    """Seven records, those blank, and an erase record for each list of ranges."""
    made = trail(1)
    for number in range(2, 8):
        made.add("outcome", {"s": "%032x" % number})
        if number in numbers:
            c, p = made.lines[-1].split(b',"p":')
            made.lines[-1] = c + b',"p":null'.ljust(len(p) - 68) + p[-73:]
    for ranges in lists:
        made.add("erase", records=ranges, by="dpo")
    return [made.text()]


says(0, "one erase record of many", blanked({2, 4, 7}, [[4, 4]], [[7, 7], [1, 2]], [[3, 3]]))
says(0, "a range within another", blanked({2, 3, 6}, [[2, 2], [1, 6], [2, 3]]))
says(0, "an erase record names an erase record", blanked({5}, [[5, 5]], [[5, 8]]))
says(10, "blank between two ranges", blanked({2, 4, 6}, [[6, 7], [1, 3]], [[5, 5]]))
says(10, "blank before all ranges", blanked({2, 5}, [[4, 7]], [[3, 3]]))
says(10, "blank behind all ranges", blanked({2, 7}, [[1, 6]], [[2, 4]]))

# --- gaps ---------------------------------------------------------------------------------------------------------

def gap(a, b, seq=9):
    made = trail(5)
    end = len(made.text())
    made.seq, made.before = seq - 1, "12" * 32
    made.open(2, gap={"from": a, "to": b, "reason": "x", "by": "y"}).outcomes(3)
    return [made.text()[:end], made.text()[end:]]


says(11, "a declared gap", gap(6, 8))
says(0, "a declared gap that is accepted", gap(6, 8), gaps=[(6, 8)])
says(11, "another gap is accepted", gap(6, 8), gaps=[(6, 9)])
says(10, "a gap that hides more", gap(6, 7))
says(10, "a gap that goes backwards", gap(6, 3, 4))
says(0, "an anchor in an accepted gap", gap(6, 8), gaps=[(6, 8)], expect=[(7, ZERO)])
# --- exports -----------------------------------------------------------------------------------------------------------

def instead(items, number, *others):
    """A line of a list by others."""
    return join(items[:number] + list(others) + items[number + 1:])


def changes(items, number, places):
    """One digit of a line by every other, and by one that is none."""
    for at in places:
        for digit in b"0123456789abcdefAg":
            if digit != items[number][at]:
                line = items[number]
                yield instead(items, number, line[:at] + bytes([digit]) + line[at + 1:])


every = set(range(1, 13))
mine = export(lines, {1, 4, 5, 9})
parts = mine.splitlines(keepends=True)
others = [n for n, line in enumerate(parts) if line.startswith(b'{"d":')]
says(0, "an export", [mine], head=head)
says(0, "an export of everything", [export(lines, every)], head=head)
says(0, "an export of nothing but the first", [export(lines, {1})], head=head)
says(0, "an export, and an anchor that is a digest there", [mine],
     expect=[(3, json.loads(lines[2])["h"]), (12, small.before)])
says(10, "an anchor that a digest differs from", [mine], expect=[(3, small.before)])
says(11, "an export that was cut at a line", [join(parts[:-1])], head=head)
says(0, "the same without an anchor", [join(parts[:-1])])
says(0, "an export cut in a digest", [mine[:-20]])
says(11, "an export cut in a digest, with its head", [mine[:-20]], head=head)
says(0, "an export of two segments, in one file", [export(two.lines, {1, 3, 6, 8})])
says(0, "segments, and an export of the next ones", [two.text()[:cut], export(two.lines[5:], {1, 2})])
says(0, "an export, and a segment that follows", [export(two.lines[:5], {1, 2}), two.text()[cut:]])
all_say(0, "a whole record by its digest", cases(
    instead(parts, n, digested(parts[n])) for n in range(2, len(parts)) if n not in others))
all_say(0, "a digest by its record", cases(instead(parts, n, lines[n - 1]) for n in others))
says(10, "the first record by its digest", [instead(parts, 1, digested(parts[1]))])
says(10, "the first record of a later segment by its digest", [two.text()[:cut], export(two.lines[5:], {2})])
says(10, "nothing but digests", [export(lines, set())])
all_say(10, "another d", cases(text for n in others for text in changes(parts, n, range(6, 70, 7))))
all_say(10, "another h", cases(text for n in others for text in changes(parts, n, range(77, 141, 7))))
all_say(10, "every digit of one digest", cases(changes(parts, others[2], [*range(6, 70), *range(77, 141)])))
all_say(10, "a flipped bit, in each byte of an export",
        cases(mine[:i] + bytes([mine[i] ^ 1 << rng.randrange(8)]) + mine[i + 1:] for i in range(len(mine))))
all_say(10, "a line of an export is missing", cases(instead(parts, n) for n in range(1, len(parts) - 1)))
all_say(10, "two lines of an export swapped", cases(
    join(parts[:i] + [parts[k]] + parts[i + 1:k] + [parts[i]] + parts[k + 1:])
    for i in range(1, len(parts)) for k in range(i + 1, len(parts))))
all_say(10, "a digest repeated", cases(instead(parts, n, parts[n], parts[n]) for n in others))
all_say(10, "a digest of another export", cases(
    instead(parts, n, digested(golden.split(b"\n")[3] + b"\n")) for n in others))
all_say(10, "d and h of two records", cases(
    instead(parts, n, parts[n][:70] + parts[k][70:]) for n in others for k in others if n != k))


def forged(number, keep):
    """A record of one's own making in the place of a digest; keep: it has the h of that one."""
    c = dump({"v": 1, "seq": number, "ts": "x", "t": "outcome", "action": "token_viewed", "pc": None})
    line, _ = sealed(json.loads(lines[number - 2])["h"], c, b"null")
    return line[:-67] + lines[number - 1][-67:] if keep else line


all_say(10, "a digest by a forged record, with the digest's hash", cases(
    instead(parts, n, forged(n, True)) for n in others))
all_say(10, "a digest by a forged record, with its own", cases(
    instead(parts, n, forged(n, False)) for n in others if n < 12))
says(0, "the last digest by a forged record: no anchor, so nobody can tell", [instead(parts, 12, forged(12, False))])
says(10, "the same with an anchor", [instead(parts, 12, forged(12, False))], head=head)
all_say(10, "a digest in a segment that is no export", cases(
    instead(lines, n, digested(lines[n])) for n in range(len(lines))))
says(10, "the first line twice", [HEADER + mine])
says(10, "the first line within", [join(parts[:5]) + HEADER + join(parts[5:])])
says(10, "the first line at the end", [mine + HEADER])
says(10, "the first line with a space", [b'{"mortiseExport": 1}\n' + join(parts[1:])])
says(10, "an export of another version", [b'{"mortiseExport":2}\n' + join(parts[1:])])
says(10, "an export without its first line", [join(parts[1:])])
says(12, "nothing but the first line", [HEADER])
says(12, "half of the first line", [HEADER[:9]])
says(11, "nothing but the first line, and an anchor", [HEADER], head=head)
says(10, "a line behind a digest is empty", [instead(parts, others[0], parts[others[0]], b"\n")])
for name, change in (("a space", lambda line: line.replace(b":", b": ", 1)),
                     ("a third member", lambda line: line[:-2] + b',"p":null}\n'),
                     ("the members in another order",
                      lambda line: b'{"h":"' + line[77:141] + b'","d":"' + line[6:70] + b'"}\n'),
                     ("digits that are large", lambda line: line[:6] + line[6:70].upper() + line[70:]),
                     ("a digit too few", lambda line: line[:6] + line[7:]),
                     ("a byte behind it", lambda line: line[:-1] + b" \n")):
    says(10, f"a digest with {name}", [instead(parts, others[1], change(parts[others[1]]))])
gone = blanked({2, 4}, [[2, 4]])[0].splitlines(keepends=True)
says(0, "an erase record that names digests", [export(gone, {1, 8})])
says(0, "an erased record, and its erase record", [export(gone, {1, 4, 8})])
says(10, "an erased record, and a digest of its erase record", [export(gone, {1, 4})])
says(0, "the erased record as a digest too", [export(gone, {1})])
holed = [line for part in gap(6, 8) for line in part.splitlines(keepends=True)]
says(11, "a declared gap in an export", [export(holed, {1, 6})])
says(0, "one that is accepted", [export(holed, {1, 6})], gaps=[(6, 8)])
says(10, "an open record behind a gap by its digest", [export(holed, {1})], gaps=[(6, 8)])
finish()
