#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# backend: how they fare, commands of a plugin, a store from a backup, an older store.
. "$srcdir/tests/cli/lib.sh"
demo
store=$work/demo/local.db
key='b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkgb3Q='

# put TEXT: a value of app/a.
put() {
	printf '%s' "$1" | mortise put app/a >/dev/null
}
get_is() {
	run mortise get app/a
	printf '%s' "$1" | cmp -s - "$work/out"
	ok $? "$2"
}
# trail_says REGEX NAME [N]: the newest record, or the Nth from the end.
trail_says() {
	cat "$work"/demo/trail/*.jsonl | tail -n "${3:-1}" | head -n 1 >"$work/record"
	matches record "$1" "$2"
}
put one

# --- how they fare
run mortise backend
status_is 0 "backend"
out_like '^NAME +PLUGIN +CHECK +TIME +STORE$' "backend: heads"
out_like '^store +local +ok +[0-9]+ us +[0-9a-f]{32}$' "backend: a row"
run mortise backend store
status_is 0 "backend NAME"
out_like '^operations +secret: get put delete list describe undo; state: ' "backend NAME: what it can do"
out_like '^check +ok, in [0-9]+ us$' "backend NAME: its check"
out_like '^    --slot VALUE  its number' "backend NAME: its commands"
run mortise --output json backend
status_is 0 "backend as JSON"
out_like '^\{"name":"store","plugin":"local",.*"code":"ok","reason":"none","message":"",.*"attempts":1,.*"breaker":null,' "backend as JSON: the members"
run mortise backend sotre
status_is 3 "a backend that is not there"
err_like 'there is no backend sotre; `mortise backend` lists those of ' "a backend that is not there: the message"
trail_says '"resourceId":"app/a"' "looking leaves no record"

# --- commands
run mortise backend store keys
status_is 0 "a command"
out_is "slot=1 type=key file epoch=1 opens=yes" "a command: its rows"
trail_says '"t":"outcome".*"action":"backend_command".*"resourceType":"backend","resourceId":"store keys"' "a command is in the trail"
run mortise --output json backend store keys
out_is '{"slot":"1","type":"key file","epoch":"1","opens":"yes"}' "a command's rows as JSON"
run mortise backend store kes
status_is 3 "a command that is not there"
err_like 'the plugin local has no command kes; it has verify, upgrade, ' "a command that is not there: the message"
run mortise backend store remove-key
status_is 2 "an option that is missing"
err_like '^mortise: remove-key: slot is missing' "an option that is missing: the message"
run mortise backend store remove-key --slot
status_is 2 "an option without its value"
run mortise backend store remove-key --slto 1
status_is 2 "an unknown option"
err_like 'remove-key has no option --slto; did you mean --slot\?' "an unknown option: the message"
run mortise backend store remove-key --slot one
status_is 2 "an option of another type"
err_like '^mortise: remove-key: ' "an option of another type: the message"
run mortise backend store remove-key --slot '1, force: true'
status_is 2 "an option is a value, and no YAML"
run mortise backend store remove-key --slot 2 --slot 3
status_is 2 "an option given twice"
err_like 'slot is given twice' "an option given twice: the message"
run mortise backend store remove-key 1
status_is 2 "a word that is no option"
run mortise backend store remove-key --slot=7
status_is 3 "a slot that is not there"
err_like 'mortise.yaml:[0-9]+:[0-9]+: store: .* has no slot 7' "what a command says is about its backend"

# --- secrets of commands
run mortise backend store add-key --key="$key"
status_is 2 "no secret on the command line"
err_like 'a secret does not stand on the command line' "no secret on the command line: the message"
! grep -q "$key" "$work/err"
ok $? "no secret on the command line: nor in the message"
printf '%s\n' "$key" >"$work/other.key"
run mortise backend store add-key --key-file "$work/other.key"
status_is 0 "a key from a file"
printf 'eight words or bytes\n' | mortise backend store add-key --passphrase >"$work/out"
ok $? "a passphrase from stdin"
run mortise backend store keys
out_is "slot=1 type=key file epoch=1 opens=yes
slot=2 type=key file epoch=1 opens=no
slot=3 type=passphrase epoch=1 opens=no" "the slots"
chmod u+w "$work/demo/local.key"
cp "$work/demo/local.key" "$work/first.key"
printf 'eight words or bytes' >"$work/demo/local.key"
get_is one "the passphrase opens it"
cp "$work/first.key" "$work/demo/local.key"
run mortise backend store remove-key --slot 3
status_is 0 "a slot removed"
run mortise backend store remove-key --slot 1
status_is 8 "not the slot that opens"
run mortise backend store remove-key --slot 1 --force --metadata '{"ticket":7}'
status_is 0 "the slot that opens, by force"
trail_says '"metadata":\{"ticket":7\}' "who asks and why is in the trail"
cp "$work/other.key" "$work/demo/local.key"
get_is one "the other key opens it"
run mortise backend store rekey
status_is 0 "rekey"
trail_says '"action":"store_rekeyed"' "rekey has an action of its own"

# --- backup, restore
run mortise backend store backup --file "$work/copy.db"
status_is 0 "backup"
put two
run mortise backend store restore --file "$work/copy.db"
status_is 0 "restore"
trail_says '"action":"store_restored".*"stores":\{"[0-9a-f]{32}":9\}' "restore is in the trail, with the generation"
get_is one "what was restored"
(cd "$work" && run mortise backend store restore --file copy.db && [ "$status" = 0 ])
ok $? "a relative path is the caller's"

# A store that open refuses.
rm "$store" "$store"-*
run mortise get app/a
status_is 1 "a store that is gone"
err_like '`mortise backend store restore --file COPY` puts a backup back, and `mortise backend store --accept-rollback REASON` accepts' "a store that is gone: the message says how to go on"
run mortise backend
status_is 1 "a store that is gone: backend"
out_like '^store +local +error ' "a store that is gone: its row"
run mortise audit tail -n 1
status_is 0 "a store that is gone: the trail can be read"
run mortise backend store restore --file "$work/copy.db"
status_is 0 "a store that is gone is restored"
get_is one "a store that is gone is restored: the value"
[ "$(stat -c %a "$store")" = 600 ] && [ ! -e "$store.restoring" ]
ok $? "a store that is gone is restored: the file"
echo garbage >"$store"
rm -f "$store"-*
run mortise backend store restore --file "$work/copy.db"
status_is 2 "a file that is no store stays"
err_like 'move it away with its -wal and -shm, and restore again' "a file that is no store: the message"
rm "$store"
run mortise backend store restore --file "$work/copy.db"
status_is 0 "moved away, it is restored"

# --- an older store, accepted
put three
rm -f "$store"-*
cp "$work/copy.db" "$store"
run mortise get app/a
status_is 1 "an older store"
run mortise backend --accept-rollback why
status_is 2 "accepting needs a name"
run mortise backend store --accept-rollback ''
status_is 2 "accepting needs a reason"
run mortise backend store --accept-rollback 'the disk died' --metadata '{"ticket":8}'
status_is 0 "an older store is accepted"
empty out "an older store is accepted: nothing on stdout"
trail_says '"t":"intent".*"action":"store_restored".*"resourceId":"store"' "accepting is announced" 2
trail_says '"metadata":\{"ticket":8,"reason":"the disk died"\}' "accepting is in the trail, with its reason"
trail_says '"stores":\{"[0-9a-f]{32}":[0-9]+\}' "accepting is in the trail, with the new generation"
get_is one "the older store's value"
put four
get_is four "and it goes on"
run mortise audit verify
status_is 0 "the trail verifies"
finish
