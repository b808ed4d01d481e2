#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# audit erase dies at any moment, by kill -9 and in the middle of each kind of call: who
# opens the trail next ends it.  All parts that are named are blank then, nothing else is
# changed, and both verifiers say so.
# KILLS (8) is how often it is killed by the clock; DEATHS (6) at how many places of each
# kind of call, 0 at all of them.
. "$srcdir/tests/cli/lib.sh"
python=${PYTHON:-python3}
preload=$builddir/tests/faults/.libs/calls.so
command -v "$python" >/dev/null || skip_all "no python"
[ -x "$builddir/.libs/mortise" ] && [ -e "$preload" ] || skip_all "no shared program to preload into"
demo
trail=$work/demo/trail
# What is made here is of 2026, and no retention is to end.
printf 'audit: {trail: {path: "%s", retention: 36500d}}\n' "$trail" >"$work/demo/mortise.d/keep.yaml"

# made COUNT: that trail, with a copy of it to compare with.
made() {
	rm -rf "$trail" "$work/before"
	mkdir -m 700 "$trail"
	"$python" "$srcdir/tests/cli/made_trail.py" "$trail" many "$1"
	cp -Rp "$trail" "$work/before"
}
# again: the same trail anew.
again() {
	rm -rf "$trail"
	cp -Rp "$work/before" "$trail"
}
# ended: what must hold when it was opened once more; $cut counts how often there was
# something to end.
cut=0 named=0
ended() {
	[ ! -s "$trail/erasing" ] || cut=$((cut + 1))
	mortise audit tail -n 1 >"$work/tail" 2>"$work/state" || return 1
	[ ! -s "$trail/erasing" ] || { echo "erasing is not empty" >"$work/state"; return 1; }
	"$python" "$srcdir/tests/faults/erased.py" "$work/before" "$trail" >"$work/state" 2>&1 || return 1
	! grep -q '^all' "$work/state" || named=$((named + 1))
	mortise audit verify >"$work/state" 2>&1 || return 1
	"$python" "$srcdir/doc/audit/verify.py" "$trail"/*.jsonl >"$work/state" 2>&1
}

made 3000
run mortise audit erase --user gone@agency.example --yes
status_is 0 "erase"
! grep -q gone@agency "$trail"/*.jsonl && grep -q stays@agency "$trail"/*.jsonl
ok $? "the text is gone, and others' is there"
ended
ok $? "it is as it should be"
note state "$work/state"
[ "$named" = 1 ]
ok $? "and there was something to see"

killed=0 wrong=0 dead=0
while [ "$killed" -lt "${KILLS:-8}" ]; do
	killed=$((killed + 1))
	again
	# Not by the function: the shell's own process would be killed.
	LD_LIBRARY_PATH=$builddir/core/.libs "$builddir/.libs/mortise" audit erase \
	    --user gone@agency.example --yes >"$work/out" 2>&1 &
	pid=$!
	sleep "$(printf '0.%03d' $(($(od -An -N1 -tu1 /dev/urandom) % 120)))"
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	[ $? != 137 ] || dead=$((dead + 1))
	ended || { wrong=$((wrong + 1)); note state "$work/state"; }
done 2>/dev/null
ok "$wrong" "killed $dead times of $killed: the next one ends it"
echo "# $cut of them in the middle of it"

case $(sed -n 's/^SANITIZE_FLAGS = //p' "$builddir/Makefile") in
*address*|*thread*) skip "died in a call" "a sanitizer's own calls would be counted"; finish; exit ;;
esac
# one AT CALL: erases, and dies in that one.
one() {
	env LD_LIBRARY_PATH="$builddir/core/.libs" LD_PRELOAD="$preload" FAULT_ERROR=-9 \
	    FAULT_AT="$1" FAULT_CALL="$2" FAULT_COUNT="$work/count" "$builddir/.libs/mortise" \
	    audit erase --user gone@agency.example --yes >"$work/out" 2>&1
}
made 240
for call in write fsync fdatasync truncate lock open; do
	again
	one 0 $call
	count=$(cat "$work/count")
	step=1
	[ "${DEATHS:-6}" = 0 ] || [ "$count" -le "${DEATHS:-6}" ] || step=$((count / ${DEATHS:-6}))
	at=1 wrong=0 tried=0 cut=0
	while [ "$at" -le "$count" ]; do
		again
		one $at $call 2>/dev/null
		[ $? = 137 ] || wrong=$((wrong + 1))
		# Without it all of the trail is read at open: also what is half blank.
		[ $call != write ] || rm -f "$trail/head"
		ended || { wrong=$((wrong + 1)); echo "# $call $at"; note state "$work/state"; }
		tried=$((tried + 1))
		at=$((at + step))
	done
	ok "$wrong" "died in $tried of $count calls of $call, $cut in the middle of it"
	[ $call != write ] || [ "$cut" -gt 0 ]
	ok $? "$call: some were in the middle"
done
finish
