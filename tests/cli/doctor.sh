#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# doctor: what is well, what is not, and that it goes on behind what is broken.
. "$srcdir/tests/cli/lib.sh"
demo
printf one | mortise put app/a >/dev/null
cp -Rp "$work/demo" "$work/good"

# again: the good one is back.
again() {
	rm -rf "$work/demo"
	cp -Rp "$work/good" "$work/demo"
}
# says VERDICT SUBJECT REGEX NAME
says() {
	out_like "^$1 +$2 +.*$3" "$4"
}
state_of() {
	(cd "$work/demo" && find . -type f ! -name '*-shm' ! -name '*-wal' -exec sha256sum {} + | sort)
}

# --- all is well
state_of >"$work/before"
run mortise doctor
status_is 0 "all is well"
says ok configuration 'demo/mortise.yaml: backends 1, routes of secrets 1, of state 1$' "the configuration"
says ok libraries 'libcrypto 3\..*, libyaml 0\..*, jansson 2\.' "the libraries"
says ok plugin 'local 0\.1\.0, .*/local\.so$' "the plugin"
says ok store 'checked, in [0-9]+ ms' "the backend"
says ok trail 'demo/trail: [0-9]+ records' "the trail"
says '(ok|warn|FAIL)' disk '[0-9]+ MiB are free for the trail, and [0-9]+ KiB were written in the last 24 hours: .*days at that rate' "the disk"
says warn store 'the key .*/local\.key lies beside what it opens: .*\{credential: NAME\}' "a key beside its store"
says warn store '.*local\.db has one key, and is lost with it; .*add-key' "one key"
empty err "all is well: nothing on stderr"
state_of | cmp -s - "$work/before"
ok $? "no file was changed"
run mortise --output json doctor
out_like '^\{"verdict":"ok","subject":"store","message":"checked, in ' "as JSON"
printf 'eight words or bytes\n' | mortise backend store add-key --passphrase >/dev/null
mkdir "$work/keys"
mv "$work/demo/local.key" "$work/keys/local.key"
sed -i "s|file: local.key|file: $work/keys/local.key|" "$MORTISE_CONFIG"
run mortise doctor
! grep -q '^warn  store' "$work/out"
ok $? "two keys, and elsewhere: no warning"

# --- modes
again
chmod 644 "$work/demo/local.key"
run mortise doctor
status_is 10 "a key that others can read"
says FAIL store 'local\.key has mode 0644, others can reach it; chmod 400 it' "a key that others can read: what to do"
says ok trail '' "a key that others can read: the rest is looked at"
again
chmod 755 "$work/demo/trail"
run mortise doctor
says warn trail 'demo/trail has mode 0755, others can read who asked for what; chmod 700 it' "a trail that others can read"

# --- a store that is damaged, older, or gone
again
size=$(stat -c %s "$work/demo/local.db")
head -c $((size / 2)) /dev/urandom | dd of="$work/demo/local.db" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
run mortise doctor
status_is 10 "a damaged store"
says FAIL store '' "a damaged store: its line"
says ok trail '' "a damaged store: the trail is looked at"
again
cp "$work/demo/local.db" "$work/older.db"
printf two | mortise put app/a >/dev/null
rm -f "$work"/demo/local.db-*
cp "$work/older.db" "$work/demo/local.db"
run mortise doctor
status_is 10 "an older store"
says FAIL store 'error: .*older than the trail says.*`mortise backend store --accept-rollback REASON`' "an older store: what to do"

# --- the trail
again
for segment in "$work"/demo/trail/*.jsonl; do :; done
sed -i '2s/secret_written/secret_writtem/' "$segment"
run mortise doctor
status_is 10 "a trail that was changed"
says FAIL trail 'demo/trail: record after 1: hash differs; .* keep it, and hold it against a backup' "a trail that was changed: the record, and what to do"
says ok store 'checked' "a trail that was changed: the store is looked at"
again
head -n 1 "$segment" >"$work/short"
cp "$work/short" "$segment"
run mortise doctor
status_is 10 "a trail that is shorter than its head"
says FAIL trail 'demo/trail: .*; put the missing part back, or go on behind it by `mortise audit accept-loss' "a trail that is shorter than its head: what to do"
says '(ok|FAIL)' store '' "a trail that is shorter than its head: the store is looked at"
again
rm -r "$work/demo/trail"
touch "$work/demo/trail"
run mortise doctor
status_is 10 "no trail"
says FAIL trail '' "no trail: its line"
again
mkdir "$work/demo/trail.restoring"
run mortise doctor
says warn trail 'trail\.restoring is what a restore that was killed has left; remove it' "a restore that was killed"
again
preload=$builddir/tests/faults/.libs/clock.so
case $(sed -n 's/^SANITIZE_FLAGS = //p' "$builddir/Makefile") in
*address*|*thread*) skip "a clock that was set back" "a sanitizer wants to be the first that is loaded" ;;
*)
	env LD_LIBRARY_PATH="$builddir/core/.libs" LD_PRELOAD="$preload" CLOCK_OFFSET=7200 \
	    "$builddir/.libs/mortise" get app/a >/dev/null 2>&1
	run mortise doctor
	says warn clock 'the newest record is of 2.*, which is yet to come: the clock was set back' "a clock that was set back" ;;
esac

# --- the configuration
again
sed -i 's/secret:/scret:/' "$MORTISE_CONFIG"
run mortise doctor
status_is 6 "a configuration that is wrong"
says FAIL configuration 'mortise\.yaml:[0-9]+:[0-9]+: .*scret' "a configuration that is wrong: its place"
run mortise --config "$work/none.yaml" doctor
status_is 6 "no configuration"
again
cat >"$work/demo/mortise.d/more.yaml" <<'END'
backends:
  near: {plugin: memory, call: {breaker: {failures: 5, open: 30s}, cache: {ttl: 1s}}}
  far: {plugin: elsewhere, call: {if-missing: skip}}
END
run mortise doctor
status_is 0 "more backends"
says ok near 'open, and has no check, in [0-9]+ ms; breaker: 5 failures open it for 30000 ms; cache: 1000 ms, and is closed' "rules, and how a breaker is"
says warn far 'its plugin is missing, and `if-missing: skip` leaves it out' "a plugin that is missing"
again
if grep -q '^SANITIZE_FLAGS = .' "$builddir/Makefile"; then
	skip "memory that cannot be locked" "a sanitizer locks none"
elif [ "$(id -u)" = 0 ] && have_user; then
	# Root's is locked whatever the limit.
	chmod 711 "$work"
	chown -R 65534:65534 "$work/demo"
	run as_user -u HOME MORTISE_CONFIG="$MORTISE_CONFIG" sh -c 'ulimit -l 0; exec "$0" doctor' "$builddir/.libs/mortise"
	says warn memory 'values may go to swap: .*LimitMEMLOCK=' "memory that cannot be locked"
elif [ "$(id -u)" = 0 ]; then
	skip "memory that cannot be locked" "nobody else reaches the program here"
else
	limited() (ulimit -l 0; mortise doctor)
	run limited
	says warn memory 'values may go to swap: .*LimitMEMLOCK=' "memory that cannot be locked"
fi
finish
