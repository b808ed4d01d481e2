#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# audit erase: what records say of people goes for ever, and the trail still verifies.
# tests/faults/erase.sh has how it dies.
. "$srcdir/tests/cli/lib.sh"
python=${PYTHON:-python3}
demo
trail=$work/demo/trail

printf value | mortise put app/key --user-email ann@agency.example >"$work/out"
for i in 1 2 3; do
	mortise get app/key --user-email bob@agency.example --ip-address 192.0.2.77 >"$work/out"
	mortise get app/key --user-email "eve$i@agency.example" --agency ag_1 >"$work/out"
done
# holds: both verifiers.
holds() {
	run mortise audit verify
	status_is 0 "$1: the trail verifies"
	command -v "$python" >/dev/null || return 0
	"$python" "$srcdir/doc/audit/verify.py" --head "$trail/head" "$trail"/*.jsonl >"$work/out" 2>&1
	ok $? "$1: the other verifier"
}
gone() {
	! grep -q "$1" "$trail"/*.jsonl
	ok $? "$1 is gone"
}
there() {
	grep -q "$1" "$trail"/*.jsonl
	ok $? "$1 is there"
}

run mortise audit erase --user bob@agency.example --dry-run
status_is 0 "a dry run"
out_is '3 records would be erased' "a dry run: how many"
there bob@agency.example
[ "$(mortise audit search --action audit_erased | wc -l)" = 0 ]
ok $? "a dry run erases nothing, says the trail"
size=$(cat "$trail"/*.jsonl | wc -c)
run mortise audit erase --user bob@agency.example </dev/null
status_is 2 "where nobody can be asked"
err_like 'nobody can be asked here; give --yes to erase the personal parts of 3 records' "where nobody can be asked: the message"
there bob@agency.example
run mortise audit erase --user bob@agency.example --yes
status_is 0 "erase a person's"
out_is '3 records erased' "erase a person's: how many"
gone bob@agency.example
gone 192.0.2.77
there ann@agency.example
there eve1@agency.example
[ "$(cat "$trail"/*.jsonl | head -c "$size" | tail -c 2)" = '}' ]
ok $? "no line has moved"
[ "$(stat -c %s "$trail/erasing")" = 0 ]
ok $? "nothing is left to do"
holds "a person's"
mortise audit search --action audit_erased --output json >"$work/found"
matches found '"t":"intent".*"action":"audit_erased","resourceType":"audit_trail"' "its intent is in the trail"
matches found '"t":"outcome".*"action":"audit_erased".*"code":"ok"' "its outcome too"
grep '"t":"erase"' "$trail"/*.jsonl >"$work/record"
matches record "\"t\":\"erase\",\"records\":\[\[[0-9]+,[0-9]+\],\[[0-9]+,[0-9]+\],\[[0-9]+,[0-9]+\]\],\"by\":\"uid $(id -u)\"" "and what was erased, by whom"
run mortise audit search --user bob@agency.example
empty out "a search finds no such person"
run mortise audit search --resource-id app/key --output plain
out_like '^20[0-9: -]+  \(erased\) +secret_viewed +app/key +ok$' "a table says that it was erased"
run mortise audit erase --user bob@agency.example --yes
out_is '0 records erased' "once more: nothing is left"
[ "$(grep -c '"t":"erase"' "$trail"/*.jsonl)" = 1 ]
ok $? "once more: no record of nothing"

# --- by agency, time and number
run mortise audit erase --agency ag_1 --until 2001-01-01T00:00:00Z --yes
out_is '0 records erased' "of a time when there was nothing"
there eve2@agency.example
run mortise audit erase --agency ag_1 --user eve2@agency.example --since 2001-01-01T00:00:00Z --output json --yes
out_is '{"records":1,"erased":true}' "of a person and an agency, as JSON"
gone eve2@agency.example
there eve1@agency.example
run mortise audit erase --agency ag_1 --yes
out_is '2 records erased' "of an agency"
gone 'eve[13]@agency.example'
there ann@agency.example
grep '"t":"erase"' "$trail"/*.jsonl | tail -n 1 >"$work/record"
[ "$(grep -o '\[[0-9]*,[0-9]*\]' "$work/record" | wc -l)" = 1 ]
ok $? "ranges go over what has no personal part any more"
number=$(grep 'ann@agency.example' "$trail"/*.jsonl | grep '"t":"outcome"' | sed 's/.*"seq":\([0-9]*\).*/\1/')
run mortise audit erase --record 999999 --record "$number" --yes
out_is '1 records erased' "of a number"
[ "$(grep -c ann@agency.example "$trail"/*.jsonl)" = 1 ]
ok $? "of a number: its intent is another record"
run mortise audit erase --record "1-$number" --yes
out_is '1 records erased' "of a range"
gone ann@agency.example
holds "numbers"
rm "$trail/head"
run mortise list
status_is 0 "an erased trail can be read from its beginning"
holds "read anew"

# --- what is no good
# wrong REGEX ARGUMENT...
wrong() {
	regex=$1
	shift
	run mortise audit erase "$@" --yes
	status_is 2 "erase $*"
	err_like "$regex" "erase $*: the message"
}
wrong 'needs --user EMAIL, --agency ID or --record SEQ'
wrong 'needs --user EMAIL, --agency ID or --record SEQ' --since 2001-01-01T00:00:00Z
wrong 'names records by itself' --record 3 --user x
wrong 'names records by itself' --record 3 --since 2001-01-01T00:00:00Z
wrong '--record takes a number or a range' --record 0
wrong '--record takes a number or a range' --record 5-3
wrong '--record takes a number or a range' --record 5-
wrong '--record takes a number or a range' --record x
wrong '--since takes a time' --user x --since yesterday

# --- others write meanwhile
for i in 1 2 3 4 5 6 7 8; do
	mortise get app/key --user-email "old$i@agency.example" >"$work/out"
done
(for i in 1 2 3 4 5 6 7 8 9 10; do mortise get app/key --user-email "new$i@agency.example" || echo bad; done) \
    >"$work/others" 2>&1 &
others=$!
for i in 1 2 3 4 5 6 7 8; do
	mortise audit erase --user "old$i@agency.example" --yes
done >"$work/erased" 2>&1
wait "$others"
[ "$(grep -o value "$work/others" | wc -l)" = 10 ] && ! grep -q bad "$work/others"
ok $? "others went on meanwhile"
[ "$(grep -cx '1 records erased' "$work/erased")" = 8 ]
ok $? "each was erased"
gone 'old[1-8]@'
[ "$(grep -c 'new[0-9]*@' "$trail"/*.jsonl)" = 10 ]
ok $? "and nobody else"
holds "others"
mortise get app/key --user-email ask@agency.example >"$work/out"
if command -v flock >/dev/null && [ -x "$builddir/.libs/mortise" ]; then
	run env LD_LIBRARY_PATH="$builddir/core/.libs" flock "$trail/erasing" \
	    "$builddir/.libs/mortise" audit erase --user ask@agency.example --yes
	status_is 8 "two at once"
	err_like 'another erasure is under way; try again when it is done' "two at once: the message"
	there ask@agency.example
else
	skip "two at once" "no flock"
fi
if command -v "$python" >/dev/null; then
	"$python" - "$builddir" "$MORTISE_CONFIG" <<'END' >"$work/out" 2>"$work/err"
import os, pty, subprocess, sys
build, config = sys.argv[1:]
program = build + "/.libs/mortise" if os.path.exists(build + "/.libs/mortise") else build + "/mortise"
env = {**os.environ, "LD_LIBRARY_PATH": build + "/core/.libs", "MORTISE_CONFIG": config}
for answer in (b"y\n", b"yes\n"):
    master, slave = pty.openpty()
    child = subprocess.Popen([program, "audit", "erase", "--user", "ask@agency.example"], env=env,
                             stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.write(master, answer)
    out, err = child.communicate(timeout=60)
    print(child.returncode, out.decode().strip(), err.decode().replace("\n", " "))
END
	out_like '^1  mortise: the personal parts of 1 records will be gone for ever; type yes to erase them mortise: nothing was erased' "asked: no"
	out_like '^0 1 records erased mortise: the personal parts' "asked: yes"
	gone ask@agency.example
fi
finish
