#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# backup, restore: stores and the trail in one file, and back from it.
. "$srcdir/tests/cli/lib.sh"
demo
file=$work/night.tar

put() {
	printf '%s' "$1" | mortise put app/a >/dev/null
}
get_is() {
	run mortise get app/a
	printf '%s' "$1" | cmp -s - "$work/out"
	ok $? "$2"
}
# place NAME: an empty one with the same configuration and key, in force from now on.
place() {
	mkdir "$work/$1"
	cp -R "$work/demo/mortise.yaml" "$work/demo/mortise.d" "$work/demo/local.key" "$work/$1"
	MORTISE_CONFIG=$work/$1/mortise.yaml
}
# untouched DIR NAME: no store, no trail, nothing half done.
untouched() {
	left=$(ls -A "$work/$1")
	[ "$left" = "$(printf 'local.key\nmortise.d\nmortise.yaml')" ]
	ok $? "$2: nothing is touched"
}

# --- backup
put one
mortise audit head --output json >"$work/checkpoint"
run mortise backup "$file"
status_is 0 "backup"
out_like '^store store: store [0-9a-f]{32}, generation [0-9]+, rows [0-9]+, bytes [0-9]+$' "backup: the store"
out_like '^trail .*/demo/trail: segments 1, record [0-9]+ or a later one$' "backup: the trail"
err_like 'night.tar needs the keys of its stores, and has none of them: keep those elsewhere' "backup: the keys are not in it"
[ "$(stat -c %a "$file")" = 600 ] && [ ! -e "$file.partial" ]
ok $? "backup: the file"
tar -tf "$file" >"$work/out"
out_like '^stores/store$' "any tar lists it"
out_like '^trail/head$' "any tar lists it: the trail"
[ "$(tail -n 1 "$work/out")" = manifest.json ]
ok $? "any tar lists it: the list at the end"
tar -xOf "$file" manifest.json >"$work/out"
out_like '^\{"mortiseBackup":1,"made":"[0-9T:.-]+Z","program":"mortise [0-9.]+","trail":"[0-9a-f]{32}","seq":[0-9]+,"hash":"[0-9a-f]{64}","files":\[$' "the list: its head"
out_like '^\{"name":"stores/store","sha256":"[0-9a-f]{64}","size":[0-9]+\},$' "the list: a file"
! tar -xOf "$file" | grep -q "$(cat "$work/demo/local.key")"
ok $? "no key is in it"
[ -e "$work/demo/trail/epoch-1.key" ] && ! tar -tf "$file" | grep -q 'epoch'
ok $? "nor the one that signs the trail"
cat "$work"/demo/trail/*.jsonl | grep -q '"action":"backend_command".*"resourceId":"store backup"'
ok $? "backup is in the trail"
cp "$file" "$work/first.tar"
run mortise backup "$file"
status_is 8 "a backup replaces none"
err_like 'night.tar is there already; name a new file' "a backup replaces none: the message"
cmp -s "$file" "$work/first.tar" && [ ! -e "$file.partial" ]
ok $? "a backup replaces none: the file"
mkdir "$work/other.tar.partial"
run mortise backup "$work/other.tar"
status_is 8 "a backup that was killed"
err_like 'other.tar.partial is there: another backup is being made, or was killed; remove it' "a backup that was killed: the message"
run mortise backup "$work/nowhere/file"
status_is 1 "no such directory"
run mortise backup
status_is 2 "a file must be named"
(cd "$work" && run mortise --output json backup here.tar && [ "$status" = 0 ] && [ -s here.tar ])
ok $? "a relative path is the caller's"
out_like '^\{"what":"trail","name":".*/trail","detail":"segments 1' "backup as JSON"

# --- where it is: the trail stays, as the newer one
put two
run mortise restore "$file"
status_is 0 "restore over a newer store"
out_like '^trail .*/demo/trail: kept: it is that of the backup, or newer$' "restore over a newer store: the trail"
out_like '^store store: put back$' "restore over a newer store: the store"
get_is one "restore over a newer store: the value"
cat "$work"/demo/trail/*.jsonl | grep -q '"action":"store_restored"'
ok $? "restore is in the trail"
put three
get_is three "and it goes on"
run mortise audit verify
status_is 0 "the trail verifies"
[ ! -e "$work/demo/trail.restoring" ]
ok $? "nothing is left lying about"

# --- an empty place
place empty
run mortise restore "$file"
status_is 0 "restore to an empty place"
out_like '^trail .*/empty/trail: put back$' "restore to an empty place: the trail"
get_is one "restore to an empty place: the value"
run mortise audit verify
status_is 0 "restore to an empty place: the trail verifies"
mortise audit head --output json >"$work/anew"
run mortise audit verify
status_is 0 "restore to an empty place: the trail is signed by a key of its own"
out_like ', signed to [0-9]+ in epoch 2, by keys begun anew at record [0-9]+$' "restore to an empty place: the verdict says so"
run mortise audit verify --checkpoint "$work/checkpoint"
status_is 11 "restore to an empty place: no key from before leads there"
out_like '^record [0-9]+ begins keys anew, with epoch 2, and no known key leads there$' "restore to an empty place: the verdict"
run mortise audit verify --checkpoint "$work/checkpoint" --checkpoint "$work/anew"
status_is 0 "restore to an empty place: the key from after does"
grep -q '"resourceId":"app/a"' "$work"/empty/trail/*.jsonl
ok $? "restore to an empty place: what was before is in the trail"
run mortise restore "$file"
status_is 0 "restore once more"
get_is one "restore once more: the value"

# --- not over another trail, nor an older one
installation "$work/foreign"
cp "$work/demo/local.key" "$work/foreign/local.key" 2>/dev/null || {
	rm -f "$work/foreign/local.key"; cp "$work/demo/local.key" "$work/foreign/local.key"; }
rm -f "$work/foreign"/local.db*
MORTISE_CONFIG=$work/foreign/mortise.yaml
run mortise restore "$file"
status_is 8 "another trail"
err_like 'the trail in .*/foreign/trail has no record [0-9]+ of hash [0-9a-f]{64}, and so is not that of this backup, continued; move it away' "another trail: the message"
[ ! -e "$work/foreign/local.db" ] && [ ! -e "$work/foreign/trail.restoring" ]
ok $? "another trail: nothing is touched"

# --- a file that is no backup, or damaged
place bad
# refused NAME REGEX: of $work/bad.tar.
refused() {
	run mortise restore "$work/bad.tar"
	status_is 2 "$1"
	err_like "bad.tar: $2" "$1: the message"
	untouched bad "$1"
}
echo 'no archive' >"$work/bad.tar"
refused "no archive" 'it ends before it should'
head -c 4096 /dev/zero >"$work/bad.tar"
refused "an empty archive" 'it is damaged: it has no list of files'
yes | head -c 4096 >"$work/bad.tar"
refused "something else" 'it is no backup of Mortise, or damaged'
size=$(stat -c %s "$file")
head -c $((size - 2048)) "$file" >"$work/bad.tar"
refused "cut short" '(it ends|manifest.json ends)'
head -c 9000 "$file" >"$work/bad.tar"
refused "cut in a file" 'stores/store ends before its [0-9]+ bytes'
cp "$file" "$work/bad.tar"
printf 'X' | dd of="$work/bad.tar" bs=1 seek=5000 conv=notrunc 2>"$work/err"
refused "a changed byte" 'it is damaged: stores/store; take another backup'
mkdir "$work/made"
tar -xf "$file" -C "$work/made"
# made NAME REGEX FILE...: an archive of these, in $work/made.
made() {
	name=$1 regex=$2
	shift 2
	tar -cf "$work/bad.tar" --format=ustar -C "$work/made" "$@"
	refused "$name" "$regex"
}
sed -i 's/"mortiseBackup":1/"mortiseBackup":2/' "$work/made/manifest.json"
segment=$(cd "$work/made" && ls trail/*.jsonl)
made "a newer format" 'it is of format 2, and this program knows format 1; upgrade Mortise' \
    stores/store trail/head "$segment" manifest.json
sed -i 's/"mortiseBackup":2/"mortiseBackup":1/' "$work/made/manifest.json"
made "a file that is missing" 'it is damaged: its list of files is not that of its files' \
    stores/store trail/head manifest.json
cp "$work/made/stores/store" "$work/made/stray"
made "a file elsewhere" 'it is damaged: a file in it has a strange name' stray manifest.json
tar -cf "$work/bad.tar" --format=ustar -C "$work/made" --transform 's|stray|stores/../../x|' stray
refused "a file that leads out" 'it is damaged: a file in it has a strange name'
[ ! -e "$work/bad/x" ] && [ ! -e "$work/x" ]
ok $? "a file that leads out: is not written"
ln -s /etc/passwd "$work/made/stores/link"
made "a link" 'it is no backup of Mortise, or damaged' stores/link
run mortise restore "$work/missing.tar"
status_is 1 "no such file"
mkdir "$work/bad/trail.restoring"
run mortise restore "$file"
status_is 8 "a restore that was killed"
err_like 'trail.restoring is there: another restore runs, or was killed; remove it' "a restore that was killed: the message"
rmdir "$work/bad/trail.restoring"

# A store without its key stays where it is: in the file.
rm -f "$work/bad/local.key"
printf 'b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkgb3Q=' >"$work/bad/local.key"
chmod 400 "$work/bad/local.key"
run mortise restore "$file"
[ "$status" != 0 ]
ok $? "the wrong key"
err_like 'the key opens no slot of' "the wrong key: the message"
rm -f "$work/bad/local.key"
cp "$work/demo/local.key" "$work/bad/local.key"
run mortise restore "$file"
status_is 0 "the right key, and it may be called again"
get_is one "the right key: the value"

# --- one that was made by the first version
place golden
rm -f "$work/golden/local.key"
printf 'Z29sZGVuIGtleSBnb2xkZW4ga2V5IGdvbGRlbiBrZXk=' >"$work/golden/local.key"
chmod 400 "$work/golden/local.key"
run mortise restore "$srcdir/tests/golden/backup-1.tar"
status_is 0 "the golden backup"
get_is golden "the golden backup: the value"
run mortise audit verify
status_is 0 "the golden backup: the trail verifies"
finish
