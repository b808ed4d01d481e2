#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# kill -9 at any moment, and several processes at once: what was acknowledged is
# there, once, and the trail holds.  KILLS says how many writers are killed (40).
. "$srcdir/tests/cli/lib.sh"

demo
program=$builddir/.libs/mortise
[ -x "$program" ] || program=$builddir/mortise
LD_LIBRARY_PATH=$builddir/core/.libs
export LD_LIBRARY_PATH

kills=${KILLS:-40} i=0 acknowledged=0 killed=0
: >"$work/ledger"
while [ "$i" -lt "$kills" ]; do
	i=$((i + 1))
	printf 'value %s' "$i" >"$work/value"
	"$program" put "kill/$i" --file "$work/value" >/dev/null 2>&1 &
	pid=$!
	# 1 to 16 ms: a put takes about ten.
	sleep "$(printf '0.0%02d' $(($(od -An -N1 -tu1 /dev/urandom) % 16 + 1)))"
	kill -9 "$pid" 2>/dev/null
	if wait "$pid" 2>/dev/null; then
		acknowledged=$((acknowledged + 1))
		echo "$i" >>"$work/ledger"
	else
		killed=$((killed + 1))
	fi
done 2>/dev/null
echo "# $acknowledged acknowledged, $killed killed"
[ "$((acknowledged + killed))" = "$kills" ]
ok $? "every writer was killed or ended"
missing=0
while read -r i; do
	[ "$(mortise get "kill/$i" 2>/dev/null)" = "value $i" ] || missing=$((missing + 1))
done <"$work/ledger"
ok "$missing" "every acknowledged put is there"
run mortise audit verify
status_is 0 "the trail holds"
mortise audit search --action secret_written --output json >"$work/records" 2>/dev/null
twice=$(grep '"t":"outcome"' "$work/records" | grep -o '"op":"[0-9a-f]*"' | sort | uniq -d | wc -l)
ok "$twice" "no operation has two outcomes"
open=$(grep -o '"op":"[0-9a-f]*"' "$work/records" | sort | uniq -u | wc -l)
mortise audit search --output json 2>/dev/null | grep -c '"code":"unknown"' >"$work/unknown"
[ "$open" -le "$(cat "$work/unknown")" ]
ok $? "every intent of a writer that was killed is closed as unknown"

# Eight at once, and all of them are told the truth.
pids=
for i in 1 2 3 4 5 6 7 8; do
	(
		k=0
		while [ "$k" -lt 10 ]; do
			printf '%s %s' "$i" "$k" | "$program" put "many/$i" >/dev/null || exit 1
			[ "$("$program" get "many/$i")" = "$i $k" ] || exit 1
			k=$((k + 1))
		done
	) &
	pids="$pids $!"
done
bad=0
for pid in $pids; do
	wait "$pid" || bad=$((bad + 1))
done
ok "$bad" "eight processes write and read at once"
run mortise audit verify
status_is 0 "the trail holds after them"
finish
