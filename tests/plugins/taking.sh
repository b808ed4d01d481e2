#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Of many takers of a state exactly one gets it, in every store that keeps states; where one
# needs a server that is not installed, it is skipped by its name.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
. "$srcdir/tests/plugins/postgres_server.sh"
demo
# taking BACKEND
taking() {
	"$builddir/tests/plugins/taking" "$MORTISE_CONFIG" "$1" >"$work/out" 2>"$work/err"
	set -- $? "$1"
	ok "$1" "64 takers, $2: $(sed -n 's/^ok 2 - //p' "$work/out")"
	[ "$1" = 0 ] || { note out "$work/out"; note err "$work/err"; }
}
# built PLUGIN
built() {
	[ -e "$builddir/plugins/.libs/$1.so" ] || skip "$1" "it is not built"
	[ -e "$builddir/plugins/.libs/$1.so" ]
}
taking store
if built memory; then
	printf 'backends: {memory: {plugin: memory}}\n' >"$work/demo/mortise.d/taking.yaml"
	taking memory
fi
if built redis; then
	if command -v redis-server >/dev/null && have_loopback; then
		redis_server taking
		printf 'backends: {redis: {plugin: redis, url: "redis://127.0.0.1:%s"}}\n' "$port" \
		    >"$work/demo/mortise.d/taking.yaml"
		taking redis
	else
		skip redis "no redis-server, or no loopback interface that is up"
	fi
fi
if built postgres; then
	if [ -n "$postgres_bin" ] && have_loopback && postgres_make "$work/pg" && postgres_start "$work/pg"; then
		sql_database=postgres sql -c 'CREATE DATABASE app'
		cat >"$work/demo/mortise.d/taking.yaml" <<-EOF
		backends:
		  pg: {plugin: postgres, dsn: "host=127.0.0.1 port=$postgres_port dbname=app user=admin password='admin secret'"}
		EOF
		chmod 600 "$work/demo/mortise.d/taking.yaml"
		mortise backend pg schema --apply >"$work/log" 2>&1 || note schema "$work/log"
		taking pg
	else
		skip postgres "no PostgreSQL, or no loopback interface that is up"
	fi
fi
finish
