#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# One-time states in Redis against bare hiredis.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
command -v redis-server >/dev/null || { echo "bench: no redis-server" >&2; exit 0; }
redis_server redis
cat >"$work/redis.yaml" <<EOF
version: 1
plugin-path: [$builddir/plugins/.libs]
backends: {redis: {plugin: redis, url: "redis://127.0.0.1:$port"}}
secret: [{match: "*", get: none, put: none, delete: none}]
state: [{match: "*", use: redis}]
audit: off
EOF
"$builddir/tests/bench/redis" "$work/redis.yaml" "$port"
