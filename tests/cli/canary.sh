#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A value is nowhere but at its caller's hand: no verb at the top log level shows
# one, none stands in the files, none is in argv or the environment of a process
# that holds it, and none is in a core.
. "$srcdir/tests/cli/lib.sh"

demo
# Drawn here, so that it stands in no file of ours.
canary=CANARY$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf %s "$canary" >"$work/value"
printf '{"access_token":"%s","refresh_token":"%s","expires_in":3600}' "$canary" "$canary" >"$work/answer"
printf '{"access_token":"%s"' "$canary" >"$work/broken"
: >"$work/all"
# Each verb; what it says goes to one file, but for the data of those that print
# a value.
try() {
	mortise --log-level debug "$@" 2>>"$work/all"
}
try put app/a <"$work/value" >>"$work/all"
try put app/a --label k=v --file "$work/value" >>"$work/all"
try put app/a --if-absent <"$work/value" >>"$work/all"
try put ../bad <"$work/value" >>"$work/all"
try put app/a --if-version store:99 <"$work/value" >>"$work/all"
try get app/a >"$work/got"
try list >>"$work/all"
try history app/a >>"$work/all"
try token store p c --agency a --authorization-id auth_1 <"$work/answer" >>"$work/all"
try token store p c --agency a <"$work/broken" >>"$work/all"
try token store p c --agency b <"$work/answer" >>"$work/all"
try token get auth_1 >"$work/tokens"
try token get auth_1 --agency b >>"$work/all"
try token list >>"$work/all"
try explain get app/a --run >>"$work/all"
try audit tail -n 100 >>"$work/all"
try audit search --action secret_viewed >>"$work/all"
try audit verify >>"$work/all"
try check >>"$work/all"
try token revoke auth_1 >>"$work/all"
cmp -s "$work/value" "$work/got"
ok $? "the value came back"
grep -q "$canary" "$work/tokens"
ok $? "the tokens came back"
grep -q debug "$work/all" || [ -s "$work/all" ]
ok $? "something was said"
! grep -q "$canary" "$work/all"
ok $? "no verb shows a value, at the top log level"
! grep -rqa "$canary" "$work/demo"
ok $? "no value in the store, the trail or any file beside them"
try delete app/a >>"$work/all"
! grep -rqa "$canary" "$work/demo"
ok $? "nor after a delete"

# A put that waits for the end of its input, and holds what came so far.
program=$builddir/.libs/mortise
[ -x "$program" ] || program=$builddir/mortise
mkfifo "$work/pipe"
start_put() {
	(cd "$work/demo" && ulimit -c unlimited 2>/dev/null
	LD_LIBRARY_PATH=$builddir/core/.libs exec "$program" put "$1") <"$work/pipe" >/dev/null 2>&1 &
	pid=$!
	exec 9>"$work/pipe"
	printf %s "$canary" >&9
	sleep 1
}
start_put app/b
cat "/proc/$pid/cmdline" "/proc/$pid/environ" >"$work/argv" 2>/dev/null
exec 9>&-
wait "$pid"
ok $? "a put that was looked at while it ran"
grep -qa put "$work/argv"
ok $? "its argv was seen"
! grep -qa "$canary" "$work/argv"
ok $? "no value in argv or the environment"
start_put app/c
kill -ABRT "$pid"
exec 9>&-
wait "$pid" 2>/dev/null
[ $? = 134 ]
ok $? "a put that was aborted while it held a value"
[ -z "$(find "$work/demo" -name '*core*')" ]
ok $? "and left no core"
finish
