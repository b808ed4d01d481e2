#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A whole installation is copied to another host, and goes on there with a trail of its
# own; store and trail are put back from yesterday, together and each alone.
. "$srcdir/tests/cli/lib.sh"
demo
printf one | mortise put app/a >/dev/null
mortise audit head >"$work/anchor"
cp -Rp "$work/demo" "$work/yesterday"
printf two | mortise put app/a >/dev/null
printf new | mortise put app/b >/dev/null
mortise audit head >"$work/newest"
cp -Rp "$work/demo" "$work/today"

# back_to WHAT...: these are as they were yesterday, the rest as today.
back_to() {
	rm -rf "$work/demo"
	cp -Rp "$work/today" "$work/demo"
	for what in "$@"; do
		rm -rf "$work/demo/$what" "$work/demo/$what"-*
		cp -Rp "$work/yesterday/$what" "$work/demo/$what"
	done
}

# --- the store alone
back_to local.db
run mortise get app/a
status_is 1 "yesterday's store: refused"
err_like 'older|generation' "yesterday's store: the message"
err_like -- '--accept-rollback' "yesterday's store: what can be done"
empty out "yesterday's store: nothing is released"
run mortise audit verify --expect "$(cat "$work/newest")"
status_is 0 "yesterday's store: the trail is today's"

# --- the trail alone
back_to trail
run mortise audit verify
status_is 0 "yesterday's trail: whole in itself"
run mortise audit verify --expect "$(cat "$work/newest")"
status_is 11 "yesterday's trail: shorter than today's anchor"
run mortise get app/a
status_is 0 "yesterday's trail: a store that is newer serves"
[ "$(cat "$work/out")" = two ]
ok $? "yesterday's trail: the newest value"
run mortise audit verify --expect "$(cat "$work/newest")"
[ "$status" = 10 ] || [ "$status" = 11 ]
ok $? "yesterday's trail, continued: the anchor is not in it"

# --- both
back_to trail local.db
run mortise get app/a
status_is 0 "both of yesterday: they fit"
[ "$(cat "$work/out")" = one ]
ok $? "both of yesterday: yesterday's value"
run mortise get app/b
status_is 3 "both of yesterday: what came later is not there"
run mortise audit verify --expect "$(cat "$work/anchor")"
status_is 0 "both of yesterday: yesterday's anchor"
run mortise audit verify --expect "$(cat "$work/newest")"
[ "$status" = 10 ] || [ "$status" = 11 ]
ok $? "both of yesterday: today's anchor, kept elsewhere, tells"
printf three | mortise put app/a >/dev/null
run mortise audit verify
status_is 0 "both of yesterday: it goes on"

# --- another host
[ -s /etc/machine-id ] || skip_all "no machine-id to be another one"
own='-m'
[ "$(id -u)" = 0 ] || own='-m --map-current-user --keep-caps'
printf '0123456789abcdef0123456789abcdef\n' >"$work/machine-id"
chmod 444 "$work/machine-id"
# elsewhere COMMAND...: on a host of another machine-id.
elsewhere() {
	# shellcheck disable=SC2086 # words of unshare
	LD_LIBRARY_PATH=$builddir/core/.libs unshare $own sh -c '
		mount --bind "$1" /etc/machine-id || exit 99
		shift
		exec "$@"' sh "$work/machine-id" "$@"
}
program=$builddir/.libs/mortise
[ -x "$program" ] || program=$builddir/mortise
elsewhere true 2>/dev/null || { skip "another host" "no mount namespace to be had here"; finish; exit; }
rm -rf "$work/demo"
cp -Rp "$work/today" "$work/demo"
cp -Rp "$work/today" "$work/copy"
copied=$work/copy/mortise.yaml
trail=$(sed -n 's/.*"trail":"\([0-9a-f]*\)".*/\1/p' "$work/today/trail/000001.jsonl" | head -n 1)
run elsewhere "$program" --config "$copied" get app/a
status_is 0 "on another host: the store serves"
[ "$(cat "$work/out")" = two ]
ok $? "on another host: the value"
[ -d "$work/copy/trail/old-$trail" ] && [ -e "$work/copy/trail/old-$trail/000001.jsonl" ]
ok $? "on another host: the trail that came is aside"
grep -q "\"parent\":\"$trail\"" "$work/copy/trail/000001.jsonl"
ok $? "on another host: the new one names it"
run elsewhere "$program" --config "$copied" audit verify
status_is 0 "on another host: the new one verifies"
run mortise audit verify "$work/copy/trail/old-$trail"/*.jsonl
status_is 0 "the one that came verifies, as it was"
run elsewhere "$program" --config "$copied" put app/a --file "$work/machine-id"
status_is 0 "on another host: a put"
run mortise get app/a
[ "$(cat "$work/out")" = two ]
ok $? "here: nothing of it"
run mortise audit verify --expect "$(cat "$work/newest")"
status_is 0 "here: the trail goes on as it was"
grep -q '"parent"' "$work"/demo/trail/*.jsonl
[ $? = 1 ]
ok $? "here: no new trail"
finish
