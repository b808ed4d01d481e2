#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A full disk and a read-only directory: nothing is released without its record,
# nothing that was acknowledged is lost, and it goes on when there is room again.
. "$srcdir/tests/cli/lib.sh"

small=$work/small
mkdir "$small"
if [ "${FAULTS_INSIDE:-}" != yes ]; then
	# In a mount namespace of its own, as root or as a user who may have one; not as
	# a user who is root in there, for whom / would be a stranger's.
	own='-m'
	[ "$(id -u)" = 0 ] || own='-m --map-current-user --keep-caps'
	if unshare $own true 2>/dev/null; then
		FAULTS_INSIDE=yes exec unshare $own sh "$0"
	fi
	skip_all "no mount namespace to be had here"
fi
mount -t tmpfs -o size=512k none "$small" || skip_all "no tmpfs"
trap 'umount "$small"; rm -rf "$work"' EXIT

installation "$small"
MORTISE_CONFIG=$small/mortise.yaml
export MORTISE_CONFIG
printf before >"$work/value"
run mortise put kept/before --file "$work/value"
status_is 0 "a put with room"

dd if=/dev/zero of="$small/filler" bs=1k 2>/dev/null
run mortise get kept/before
status_is 1 "a get on a full disk"
empty out "nothing was released"
err_like 'local.db: .*No space left on device' "the message names the place and the cause"
run mortise put lost/during --file "$work/value"
status_is 1 "a put on a full disk"

run mortise doctor
status_is 10 "doctor on a full disk"
out_like '^FAIL +disk +0 MiB are free for the trail, .*make room$' "doctor on a full disk: what to do"

rm "$small/filler"
run mortise get kept/before
status_is 0 "a get when there is room again"
printf before | cmp -s - "$work/out"
ok $? "and what was acknowledged is there"
run mortise put kept/after --file "$work/value"
status_is 0 "a put when there is room again"
run mortise get lost/during
status_is 3 "what was refused is not there"
run mortise audit verify
status_is 0 "the trail holds"

# Room for the trail only: the store is what fails, at many sizes.
failures=0 lies=0
for left in 4 8 12 16 24 32 48 64 96; do
	dd if=/dev/zero of="$small/filler" bs=1k 2>/dev/null
	truncate -s -"${left}k" "$small/filler"
	head -c 60000 /dev/urandom >"$work/big"
	mortise put "big/$left" --file "$work/big" >/dev/null 2>&1 || failures=$((failures + 1))
	state=$?
	rm "$small/filler"
	if [ "$state" = 0 ] && mortise get "big/$left" >"$work/out" 2>/dev/null; then
		cmp -s "$work/big" "$work/out" || lies=$((lies + 1))
	fi
	mortise delete "big/$left" >/dev/null 2>&1
done
[ "$failures" -gt 0 ]
ok $? "some puts failed for want of room"
ok "$lies" "none that was acknowledged came back changed"
run mortise audit verify
status_is 0 "the trail holds after all of them"
run mortise get kept/before
status_is 0 "the store is whole after all of them"

# Eight callers of one context, the disk full under them, and room again.
# waits_for COMMAND: until it is so, for half a minute at most.
waits_for() {
	i=0
	while ! eval "$1" && [ $i -lt 300 ]; do i=$((i + 1)); sleep 0.1; done
	eval "$1"
}
lines() {
	wc -l <"$work/ledger"
}
mount -o remount,size=32m "$small"
: >"$work/ledger"
"$builddir/tests/faults/writer" work "$work/ledger" 8 >"$work/worked" 2>"$work/refusals" &
pid=$!
waits_for '[ "$(lines)" -ge 100 ]'
ok $? "8 callers: they work"
dd if=/dev/zero of="$small/filler" bs=1k 2>/dev/null
waits_for '[ "$(wc -l <"$work/refusals")" -ge 8 ]'
ok $? "8 callers: refused on a full disk"
grep -q 'No space left on device' "$work/refusals"
ok $? "8 callers: the message names the cause"
kill -0 $pid
ok $? "8 callers: the program goes on"
rm "$small/filler"
sleep 0.2
before=$(lines)
waits_for '[ "$(lines)" -ge $((before + 100)) ]'
ok $? "8 callers: they work again, by themselves"
kill -TERM $pid
wait $pid
ok $? "8 callers: it ends well"
note worked "$work/worked"
run "$builddir/tests/faults/writer" check "$work/ledger"
status_is 0 "8 callers: everything that was acknowledged is there"
run mortise audit verify
status_is 0 "8 callers: the trail holds"
mortise audit search --action secret_written --output json 2>/dev/null | grep '"t":"outcome"' |
    grep -c '"code":"ok"' >"$work/recorded"
[ "$(cat "$work/recorded")" -ge "$(lines)" ]
ok $? "8 callers: each of them is in the trail"

mount -o remount,ro "$small"
run mortise get kept/before
[ "$status" != 0 ]
ok $? "a get on a read-only file system is refused"
empty out "and nothing was released"
err_like 'Read-only file system' "the message names the cause"
mount -o remount,rw "$small"
run mortise get kept/before
status_is 0 "and goes on when it can be written"
finish
