#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A migration of a thousand secrets that is killed by kill -9 again and again, and goes on:
# at its end all are there, no version twice, none lost.  To another local store, and to a
# Vault, real where there is one.
# KILLS (10) is how often each is killed.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
demo
kills=${KILLS:-10}
# backends LINE...
backends() {
	{
		echo backends:
		printf '  %s\n' "$@"
	} >"$work/demo/mortise.d/other.yaml"
}
"$builddir/tests/plugins/many" "$MORTISE_CONFIG" 1000 0 >"$work/out" 2>"$work/err"
ok $? "a thousand secrets to move"
# Some of them have older versions, and labels.
for i in 1 2 3 4 5 6 7 8 9 10; do
	printf second | mortise put app/many/$((i * 97)) --label number=$i >"$work/log" 2>&1
	printf third | mortise put app/many/$((i * 97)) >"$work/log" 2>&1
done

# moves TARGET: until one is not killed.
moves() {
	killed=0 finished=0
	while [ "$killed" -lt "$kills" ] && [ "$finished" -lt 3 ]; do
		"$program" migrate --from store --to "$1" --jobs 4 >"$work/out.$killed" 2>"$work/err" &
		mover=$!
		sleep "$(printf '0.%03d' $(($(od -An -N1 -tu1 /dev/urandom) + 20)))"
		if kill -9 "$mover" 2>/dev/null; then
			killed=$((killed + 1))
		else
			# It was faster: all over again.
			finished=$((finished + 1))
		fi
		wait "$mover" 2>/dev/null
	done 2>/dev/null
	[ "$killed" -ge 3 ]
	ok $? "$1: killed $killed times"
	run mortise migrate --from store --to "$1"
	status_is 0 "$1: the next one ends"
	out_like '^names 1000, ' "$1: it tells of all"
	note "$1" "$work/out" | tail -n 1
	run mortise diff store "$1"
	status_is 0 "$1: no difference"
	empty out "$1: diff tells of none"
	printf 'secret:\n  - {match: "app/*", use: %s}\n' "$1" >"$work/demo/mortise.d/z.yaml"
	"$program" list app/ >"$work/names"
	[ "$(wc -l <"$work/names")" = 1000 ]
	ok $? "$1: nothing is lost"
	bad=0
	# One in seven, and all that have more than one version.
	for i in $(awk 'BEGIN { for (i = 0; i < 1000; i++) if (i % 7 == 0 || i % 97 == 0) print i }'); do
		versions=1
		[ $((i % 97)) != 0 ] || [ "$i" = 0 ] || versions=3
		[ "$("$program" history "app/many/$i" | wc -l)" = $versions ] || bad=$((bad + 1))
	done
	ok $bad "$1: no version is there twice"
	"$program" history app/many/485 --long | grep -q number=5
	ok $? "$1: labels are there"
	rm "$work/demo/mortise.d/z.yaml"
}
backends "other: {plugin: local, path: \"$work/demo/other.db\", key: {file: \"$work/demo/local.key\"}}"
moves other
printf 'root\n' >"$work/token"
chmod 600 "$work/token"
if [ ! -e "$builddir/plugins/.libs/vault.so" ]; then
	skip "to a Vault" "the plugin is not built"
elif ! bao=$(packaged bao) || ! have_loopback; then
	skip "to a Vault" "no real one is installed; build-aux/check does that"
else
	openbao vault
	backends "vault: {plugin: vault, address: \"$address\", auth: {token: {file: \"$work/token\"}}}"
	moves vault
fi
run mortise audit verify
status_is 0 "the trail verifies"
finish
