#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# kill -9 of 1, 8 and 64 writers at any moment, with a ledger outside of what was
# acknowledged: nothing of it is lost, nothing stands twice, and the trail holds.
# KILLS (100) is how many are killed in all; 2000 before a release.
. "$srcdir/tests/cli/lib.sh"

demo
writer=$builddir/tests/faults/writer
kills=${KILLS:-100} killed=0 round=0
: >"$work/ledger"
while [ "$killed" -lt "$kills" ]; do
	round=$((round + 1))
	case $((round % 6)) in
	0)	writers=64 ;;
	3)	writers=8 ;;
	*)	writers=1 ;;
	esac
	pids=
	i=0
	while [ "$i" -lt "$writers" ]; do
		i=$((i + 1))
		WRITER_TEARS=yes "$writer" write "$work/ledger" "$round.$i" 2>>"$work/writer.err" &
		pids="$pids $!"
	done
	# Until the first has written something, and 1 to 50 ms more.
	lines=$(wc -l <"$work/ledger") waited=0
	while [ "$(wc -l <"$work/ledger")" = "$lines" ] && [ "$waited" -lt 3000 ]; do
		waited=$((waited + 1))
		sleep 0.01
	done
	sleep "$(printf '0.0%02d' $(($(od -An -N1 -tu1 /dev/urandom) % 50 + 1)))"
	# Words are split on purpose.
	kill -9 $pids 2>/dev/null
	wait $pids 2>/dev/null
	killed=$((killed + writers))
done 2>/dev/null
echo "# $killed killed in $round rounds, $(wc -l <"$work/ledger") puts acknowledged"
[ "$(wc -l <"$work/ledger")" -gt "$round" ]
ok $? "writers were killed while they wrote"
empty writer.err "and complained of nothing"
"$writer" check "$work/ledger" >"$work/out" 2>"$work/err"
ok $? "everything that was acknowledged is there"
note check "$work/out"
run mortise audit verify
status_is 0 "the trail holds"
mortise audit search --output json >"$work/records" 2>/dev/null
torn=$(grep -c '"t":"torn"' "$work/records")
echo "# $torn torn tails"
[ "$torn" -gt 0 ]
ok $? "torn tails did occur, and are recorded"
grep '"t":"outcome"' "$work/records" | grep -o '"op":"[0-9a-f]*"' | sort >"$work/outcomes"
ok "$(uniq -d "$work/outcomes" | wc -l)" "no operation has two outcomes"
grep '"t":"intent"' "$work/records" | grep -o '"op":"[0-9a-f]*"' | sort >"$work/intents"
ok "$(comm -23 "$work/intents" "$work/outcomes" | wc -l)" "every intent has its outcome, if only unknown"
unknown=$(grep -c '"code":"unknown"' "$work/records")
[ "$unknown" -gt 0 ] && [ "$unknown" -le "$killed" ]
ok $? "unknown: $unknown, of writers that were in the middle"
acknowledged=$(wc -l <"$work/ledger")
written=$(grep '"t":"outcome"' "$work/records" | grep '"action":"secret_written"' | grep -c '"code":"ok"')
[ "$written" -ge "$acknowledged" ]
ok $? "every acknowledged put is in the trail: $written for $acknowledged"
run mortise list
status_is 0 "the store can be listed"
finish
