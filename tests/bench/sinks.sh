#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A PostgreSQL that follows the trail: what waiting for it costs, and how fast it gets all.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
. "$srcdir/tests/plugins/postgres_server.sh"
[ -n "$postgres_bin" ] || { echo "bench: no PostgreSQL is installed" >&2; exit 0; }
postgres_make "$work/pg" && postgres_start "$work/pg" || { cat "$work/pg/log" >&2; exit 1; }
sql_database=postgres sql -c 'CREATE DATABASE app'
login="host=127.0.0.1 port=$postgres_port dbname=app user=admin password='admin secret'"
demo
# configured NAME TRAIL SINKS: NAME.yaml.
configured() {
	cat >"$work/demo/$1.yaml" <<-EOF
	version: 1
	plugin-path: [$builddir/plugins/.libs]
	backends:
	  store: {plugin: local, path: local.db, key: {file: local.key}}
	  pg: {plugin: postgres, dsn: "$login"}
	secret: [{match: "*", use: store}]
	audit: {trail: {path: $2}$3}
	EOF
	chmod 600 "$work/demo/$1.yaml"
}
configured plain trail ''
configured ack trail-ack ', sinks: [{use: pg, wait: ack}]'
configured never trail ', sinks: [{use: pg, wait: never, timeout: 10m}]'
rm -r "$work/demo/mortise.d"
printf 'a value of some length, as a password is' >"$work/value"
MORTISE_CONFIG=$work/demo/plain.yaml
mortise backend pg schema --apply >"$work/log" 2>&1 && mortise put app/bench --file "$work/value" >>"$work/log" 2>&1 ||
    { cat "$work/log" >&2; exit 1; }
"$builddir/tests/bench/sinks" "$work/demo/plain.yaml" "$work/demo/ack.yaml" "$work/demo/never.yaml" "$login"
