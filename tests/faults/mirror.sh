#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Mirrors that do not lie: two processes put a thousand times through a mirror while its
# second store goes away, one of them is killed by kill -9, the store comes back, and the
# first one goes away.  No read gives an older value than the last that was acknowledged
# before it began, unless it says so.
# PUTS (1000) is how many there are in all.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
command -v python3 >/dev/null || skip_all "no python3 for a server"
have_loopback || skip_all "no loopback interface that is up"
[ -e "$builddir/plugins/.libs/vault.so" ] || skip_all "the plugin vault is not built"
demo
puts=${PUTS:-1000}
printf 'root\n' >"$work/token"
chmod 600 "$work/token"
python_server one vault_server.py "$work/one"
one=http://127.0.0.1:$port
python_server two vault_server.py "$work/two"
two=http://127.0.0.1:$port
# mirror [STALE]: what mirror/* is behind.
mirror() {
	cat >"$work/demo/mortise.d/mirror.yaml" <<END
deadline: 2s
backends:
  one: {plugin: vault, address: "$one", auth: {token: {file: "$work/token"}}, call: {timeout: 1s}}
  two: {plugin: vault, address: "$two", auth: {token: {file: "$work/token"}}, call: {timeout: 1s}}
chains:
  written: [{use: one, control: optional}, {use: two, control: optional}]
secret:
  - {match: "mirror/*", get: [one, {use: two${1:-}}], put: written, delete: written}
END
}
mirror
# away NAME, back NAME
away() { echo 503 >"$work/$1.mode"; }
back() { : >"$work/$1.mode"; }
# put NAME TEXT; got NAME: what a get says, or its status.
put() { printf '%s' "$2" | mortise put "$1" >"$work/out" 2>"$work/err"; }
got() {
	run mortise get "$1"
	if [ "$status" = 0 ]; then cat "$work/out"; else echo "status $status"; fi
}

# --- one thing after another
run mortise check
status_is 0 "a mirror is no mistake"
empty err "and nothing to warn of"
put mirror/a first
[ "$(got mirror/a)" = first ]
ok $? "written and read"
away two
put mirror/a second
ok $? "written with a store away"
back two
[ "$(got mirror/a)" = second ]
ok $? "read from the one that has it"
away one
[ "$(got mirror/a)" = 'status 5' ]
ok $? "the one that was left behind does not answer in its place"
run mortise --output json explain get mirror/a --run
out_like '"entry":"two".*"code":"unavailable"' "and is told as such"
put mirror/new only-two
[ "$(got mirror/new)" = only-two ]
ok $? "another name is not concerned"
mirror ', stale: allow'
[ "$(got mirror/a)" = first ]
ok $? "where stale is allowed, it does answer"
grep -q 'may be older' "$work/err"
ok $? "and says that it may be older"
run mortise audit search --resource-id mirror/a -n 1 --output json
out_like '"stale":true' "so does the record"
mirror
run mortise doctor
out_like '^warn +mirrors +2 times a write has left a backend behind' "doctor tells of it"
run mortise reconcile
status_is 5 "reconcile while the source is away"
back one
run mortise reconcile
status_is 0 "reconcile"
sort "$work/out" >"$work/sorted"
printf 'copied\tmirror/a\ttwo\ncopied\tmirror/new\tone\n' | cmp -s - "$work/sorted"
ok $? "each was brought up to date"
note sorted "$work/sorted"
run mortise reconcile
empty out "and once is enough"
run mortise doctor
out_like '^ok +mirrors +no backend is left behind' "doctor tells of that"
away one
[ "$(got mirror/a)" = second ]
ok $? "the other store has the newest value now"
back one

# --- a delete, and its tombstones
away two
run mortise delete mirror/a
status_is 0 "deleted with a store away"
back two
away one
run mortise --output json explain get mirror/a --run
out_like '"entry":"two".*"code":"not_found"' "what was deleted is not there, although the store has it yet"
back one
run mortise reconcile mirror/a
printf 'deleted\tmirror/a\ttwo\n' | cmp -s - "$work/out"
ok $? "reconcile deletes it there"
away two
put mirror/b one
back two
put mirror/b two
run mortise reconcile
empty out "a put that both take makes good what was left behind"
away one
away two
put mirror/c lost
[ $? = 5 ]
ok $? "a put that nobody takes"
back one
back two
[ "$(got mirror/c)" = 'status 3' ]
ok $? "and nothing is known of it"

# --- a writer that dies between both
put mirror/d acknowledged
echo slow 5 >"$work/two.mode"
printf unknown | "$program" put mirror/d >"$work/log" 2>&1 &
writer=$!
i=0
while [ "$(grep -c 'POST /v1/secret/data/mirror/d' "$work/one.log")" -lt 2 ] && [ $i -lt 100 ]; do i=$((i + 1)); sleep 0.05; done
sleep 0.2
kill -9 $writer
wait $writer 2>/dev/null
back two
run mortise get mirror/d
[ "$status" = 0 ]
ok $? "while it could still be writing, either value will do"
sleep 7
[ "$(got mirror/d)" = 'status 5' ]
ok $? "afterwards nobody knows which one is the newest"
run mortise reconcile mirror/d
status_is 0 "until reconcile has made them the same"
[ "$(got mirror/d)" = "$(away one; got mirror/d)" ]
ok $? "which one it is does not change with who is asked"
back one

# --- a state store that fails
cat >"$work/demo/mortise.d/z.yaml" <<END
backends: {forgetful: {plugin: memory}}
state: [{match: "*", use: forgetful}]
END
run mortise check
status_is 6 "what was left behind must be noted durably"
err_like 'is noted in state: lead "behind:\*" and "turn:\*" to a durable backend' "the message"
rm "$work/demo/mortise.d/z.yaml"

# --- all of it at once
program_of() { "$builddir/tests/faults/mirror" "$@" 2>>"$work/complaints"; }
: >"$work/ledger"
# lines N: waits for that many puts.
lines() {
	i=0
	while [ "$(grep -c ^W "$work/ledger")" -lt "$1" ] && [ $i -lt 1200 ]; do i=$((i + 1)); sleep 0.05; done
}
program_of read "$MORTISE_CONFIG" "$work/ledger" "$work/stop" &
reader=$!
program_of write "$MORTISE_CONFIG" "$work/ledger" a $((puts / 2)) &
a=$!
"$builddir/tests/faults/mirror" write "$MORTISE_CONFIG" "$work/ledger" b $((puts / 4)) 2>>"$work/complaints" &
b=$!
lines $((puts / 8))
away two
lines $((puts / 4))
kill -9 $b
wait $b 2>/dev/null
program_of write "$MORTISE_CONFIG" "$work/ledger" c $((puts / 2)) &
c=$!
lines $((puts * 3 / 8))
back two
lines $((puts / 2))
away one
lines $((puts * 5 / 8))
back one
run mortise reconcile
wait $a $c
away one
sleep 0.3
back one
run mortise reconcile
status_is 0 "reconcile at the end"
away one
sleep 0.3
: >"$work/stop"
wait $reader
back one
cat >"$work/judge.py" <<'END'
import sys
puts, begun, reads = [], {}, []
for line in open(sys.argv[1]):
    kind, name, value, t0, *rest = line.split()
    if kind == "B":
        begun[name, value] = int(t0)
    elif kind == "W":
        puts.append((name, value, int(t0), int(rest[0]), rest[1]))
    else:
        reads.append((name, value, int(t0), rest[1], rest[2]))
good = [p for p in puts if p[4] == "ok"]
ends = {(p[0], p[1]): p[3] for p in good}
lies = served = 0
for name, value, t0, code, stale in reads:
    if code != "ok":
        continue
    served += 1
    # Somebody began after that value was acknowledged, and was acknowledged before the read.
    end = ends.get((name, value), float("inf"))
    newer = [p for p in good if p[0] == name and p[2] > end and p[3] < t0]
    if newer and stale == "0":
        lies += 1
        print("#", name, value, "read, acknowledged since:", newer[-1][1])
print(len(good), "acknowledged of", len(puts), "puts,", len(begun) - len(puts), "killed;",
      served, "served of", len(reads), "reads;", lies, "lies")
sys.exit(lies > 0 or served < 100 or len(good) < int(sys.argv[2]) * 3 // 4)
END
python3 "$work/judge.py" "$work/ledger" "$puts" >"$work/verdict"
ok $? "no read is older than what was acknowledged: $(tail -n 1 "$work/verdict")"
note verdict "$work/verdict"
sort "$work/complaints" | uniq -c | sort -rn | head -5 | sed 's/^/# /'
run mortise diff one two mirror/
status_is 0 "both stores are the same in the end"
note differ "$work/out"
run mortise audit verify
status_is 0 "the trail verifies"
finish
