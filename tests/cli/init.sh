#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# init at each boot: by several at once, after one that was killed, with parts gone.
# Nothing is ever overwritten, and what it says is ready is.
. "$srcdir/tests/cli/lib.sh"

# drop_in DIR: the plugins of the build.
drop_in() {
	mkdir -p "$1/mortise.d"
	printf 'plugin-path: [%s/plugins/.libs]\n' "$builddir" >"$1/mortise.d/build.yaml"
}
# works DIR NAME
works() {
	printf value >"$work/value"
	mortise --config "$1/mortise.yaml" put boot/x --file "$work/value" >"$work/out" 2>"$work/err" &&
	    [ "$(mortise --config "$1/mortise.yaml" get boot/x 2>>"$work/err")" = value ] &&
	    mortise --config "$1/mortise.yaml" audit verify >>"$work/out" 2>>"$work/err"
	set -- $? "$2"
	ok "$1" "$2"
	[ "$1" = 0 ] || note err "$work/err"
}

# Eight at once on nothing.
drop_in "$work/many"
for i in 1 2 3 4 5 6 7 8; do
	{ mortise init --dir "$work/many" >"$work/out.$i" 2>"$work/err.$i"; echo $? >"$work/status.$i"; } &
done
wait
cat "$work"/status.? | sort -u >"$work/out"
out_is 0 "eight at once: each of them is content"
[ "$(cat "$work/out")" = 0 ] || note err "$work/err.1"
works "$work/many" "eight at once: it works"
ls "$work/many" | tr '\n' ' ' >"$work/out"
echo >>"$work/out"
grep -qx 'local.db local.db-shm local.db-wal local.key mortise.d mortise.yaml trail \|local.db local.key mortise.d mortise.yaml trail ' "$work/out"
ok $? "eight at once: nothing is left lying"

# Killed at any moment, and again, until it gets through.
broken=0 killed=0 i=0
while [ "$i" -lt "${KILLS:-25}" ]; do
	i=$((i + 1))
	drop_in "$work/kill.$i"
	( export LD_LIBRARY_PATH="$builddir/core/.libs"; exec "$builddir/.libs/mortise" init --dir "$work/kill.$i" ) >"$work/out" 2>&1 &
	pid=$!
	sleep "$(printf '0.0%02d' $(($(od -An -N1 -tu1 /dev/urandom) % 14 + 1)))"
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null || killed=$((killed + 1))
	rm -f "$work/key"
	cp "$work/kill.$i/local.key" "$work/key" 2>/dev/null || : >"$work/key"
	mortise init --dir "$work/kill.$i" >"$work/out" 2>"$work/err" || { broken=$((broken + 1)); note err "$work/err"; }
	[ ! -s "$work/key" ] || cmp -s "$work/key" "$work/kill.$i/local.key" || broken=$((broken + 1))
	printf x | mortise --config "$work/kill.$i/mortise.yaml" put a >/dev/null 2>&1 || broken=$((broken + 1))
	rm -rf "$work/kill.$i"
done 2>/dev/null
echo "# $killed of $i were killed"
ok "$broken" "after one that was killed, init makes it whole and keeps the key"

# Parts gone.
installation "$work/parts"
before=$(sha256sum "$work/parts/local.key" "$work/parts/local.db")
rm "$work/parts/mortise.yaml"
run mortise init --dir "$work/parts"
status_is 0 "without its configuration"
out_like "^made $work/parts/mortise.yaml" "the configuration is made again"
[ "$before" = "$(sha256sum "$work/parts/local.key" "$work/parts/local.db")" ]
ok $? "and nothing else is touched"
works "$work/parts" "without its configuration: it works again"
printf 'version: 1\n# mine\n' >"$work/parts/mortise.yaml"
run mortise init --dir "$work/parts"
status_is 6 "with a configuration that is broken"
[ "$(tail -n 1 "$work/parts/mortise.yaml")" = '# mine' ]
ok $? "which is not overwritten"
finish
