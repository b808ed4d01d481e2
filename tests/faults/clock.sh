#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The wall clock is set back an hour, and forward again: everything goes on, the trail
# holds and keeps the order of what happened, and nothing lives longer for it.
. "$srcdir/tests/cli/lib.sh"

preload=$builddir/tests/faults/.libs/clock.so
[ -x "$builddir/.libs/mortise" ] && [ -e "$preload" ] || skip_all "no shared program to preload into"
case $(sed -n 's/^SANITIZE_FLAGS = //p' "$builddir/Makefile") in
*address*|*thread*) skip_all "a sanitizer wants to be the first that is loaded" ;;
esac
# at SECONDS COMMAND...: the program with a wall clock that is so far off.
at() {
	offset=$1
	shift
	env LD_LIBRARY_PATH="$builddir/core/.libs" LD_PRELOAD="$preload" CLOCK_OFFSET="$offset" \
	    "$builddir/.libs/mortise" "$@"
}
# of_minute SECONDS: the minute that it is then.
of_minute() {
	date -u -d "@$(($(date +%s) + $1))" +%Y-%m-%dT%H:%M
}

demo
printf first | mortise put app/a >/dev/null
short=$(mortise state create --platform meta --agency a --redirect-uri https://app.example/c --ttl 2)
long=$(mortise state create --platform meta --agency a --redirect-uri https://app.example/c --ttl 600)
mortise audit head >"$work/anchor"

# --- back
minute=$(of_minute -3600)
run at -3600 get app/a
status_is 0 "a get, an hour ago"
[ "$(cat "$work/out")" = first ]
ok $? "a get, an hour ago: the value"
printf second | at -3600 put app/a >/dev/null
ok $? "a put, an hour ago"
run at -3600 history app/a --long
[ "$(wc -l <"$work/out")" -ge 2 ]
ok $? "the history has both"
tail -n 1 "$work"/demo/trail/*.jsonl | grep -q "\"ts\":\"$minute" ||
    tail -n 1 "$work"/demo/trail/*.jsonl | grep -q "\"ts\":\"$(of_minute -3600)"
ok $? "a record has the time that it was by the clock"
run at -3600 audit verify --expect "$(cat "$work/anchor")"
status_is 0 "the trail verifies, and is the one that was anchored"
sleep 2.5
run at -3600 state validate "$short"
status_is 3 "a state of 2 seconds is over, whatever the clock says"
run at -3600 state validate "$long"
status_is 0 "a state of 10 minutes is not"
at -3600 state create --platform meta --agency a --redirect-uri https://app.example/c >"$work/past"

# --- and forward again
run mortise get app/a
[ "$(cat "$work/out")" = second ]
ok $? "a get, now: the newest value is the last one written"
run mortise state validate "$(cat "$work/past")"
status_is 3 "a state that was made by that clock is over by this one: too early, never too late"
printf third | mortise put app/a >/dev/null
run at -3600 get app/a
[ "$(cat "$work/out")" = third ]
ok $? "and back: the newest value is the last one written"
run mortise audit verify --expect "$(cat "$work/anchor")"
status_is 0 "the trail verifies"
cat "$work"/demo/trail/*.jsonl | sed 's/.*"seq":\([0-9]*\).*/\1/' >"$work/seqs"
sort -n "$work/seqs" | cmp -s - "$work/seqs"
ok $? "the order is that of the numbers"
run mortise audit search --since "$(of_minute -60):00Z" --until "$(of_minute 120):00Z" --resource-id app/a
[ "$(grep -c app/a "$work/out")" -ge 3 ]
ok $? "a search by time goes by what the clock said"
finish
