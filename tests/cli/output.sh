#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Output that cannot be written is never lost in silence.
. "$srcdir/tests/cli/lib.sh"
demo
printf value | mortise put app/key >"$work/out"

lost() {
	status_is 1 "$1"
	err_like '^mortise: cannot write to stdout; part of the output is lost: ' "$1: says so"
}
status=0
mortise get app/key >&- 2>"$work/err" || status=$?
lost "get with stdout closed"
before=$(cat "$work"/demo/trail/*.jsonl | wc -l)
status=0
mortise list app >&- 2>"$work/err" || status=$?
lost "list with stdout closed"
run mortise audit verify
status_is 0 "and nothing was written into the trail instead"
[ "$(cat "$work"/demo/trail/*.jsonl | wc -l)" -gt "$before" ]
ok $? "the access was recorded all the same"
status=0
mortise delete app/none >&- 2>"$work/err" || status=$?
status_is 3 "what prints nothing does not mind"
status=0
printf new | mortise put app/key >&- 2>"$work/err" || status=$?
lost "put with stdout closed"
[ "$(mortise get app/key)" = new ]
ok $? "put with stdout closed was done"
if [ -w /dev/full ]; then
	for verb in 'get app/key' 'list' 'audit tail' 'version' '--help' '--output json get app/key'; do
		status=0
		# Words of a verb are split on purpose.
		mortise $verb >/dev/full 2>"$work/err" || status=$?
		lost "$verb to a full disk"
		err_like 'No space left' "$verb to a full disk: says why"
	done
else
	skip "a full disk" "no /dev/full here"
fi
# A reader that goes away ends it by SIGPIPE, as the shell's own tools.
head -c 60000 /dev/zero | mortise put app/large >"$work/out"
(
	mortise get app/large
	echo $? >"$work/status"
) 2>"$work/err" | :
sleep 0
[ "$(cat "$work/status")" = 141 ] || [ "$(cat "$work/status")" = 0 ]
ok $? "a reader that goes away"
: | mortise put app/empty >"$work/out"
run mortise put app/closed <&-
status_is 1 "put with stdin closed"
err_like 'cannot read stdin: Bad file descriptor' "put with stdin closed: says so"
status=0
mortise get app/nothing >"$work/out" 2>&- || status=$?
status_is 3 "stderr closed changes no status"
run mortise audit verify
status_is 0 "nor was the trail written into by it"
finish
