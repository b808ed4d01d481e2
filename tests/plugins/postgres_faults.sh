#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The sink while PostgreSQL stops, crashes, is full, read-only, silent or changed under it: no
# acknowledged record is lost or stands twice, no call is late, and it goes on by itself.
# KILLS=100 make check TESTS=tests/plugins/postgres_faults.sh kills the server more often.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/postgres_server.sh"
[ -n "$postgres_bin" ] || skip_all "no PostgreSQL is installed"
command -v python3 >/dev/null || skip_all "no python3 to make trails with"
have_loopback || skip_all "no loopback interface that is up"
# A small file system, in a mount namespace of its own, where there can be one.
if [ "${FAULTS_INSIDE:-}" != yes ] && [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	rm -rf "$work"
	FAULTS_INSIDE=yes exec unshare -m sh "$0"
fi
. "$srcdir/tests/plugins/servers.sh"
small=$work/small
mkdir "$small"
small_mounted=no
if [ "${FAULTS_INSIDE:-}" = yes ] && mount -t tmpfs -o size=8m none "$small"; then
	small_mounted=yes
	chown 65534:65534 "$small"
	trap 'kill -CONT $pids 2>/dev/null; kill $pids 2>/dev/null; umount -l "$small"; rm -rf "$work"' EXIT
fi
postgres_make "$work/pg" && postgres_start "$work/pg" || { note initdb "$work/pg/initdb.log"; skip_all "PostgreSQL does not start"; }
sql_database=postgres sql -c 'CREATE DATABASE app'
trail=00112233445566778899aabbccddeeff
make_trail() {
	python3 "$srcdir/tests/plugins/trail_maker.py" "$@"
}
make_trail 20000 $trail >"$work/trail.jsonl"
head -n 600 "$work/trail.jsonl" >"$work/few.jsonl"
options() {
	echo "dsn: \"host=127.0.0.1 port=$2 dbname=app user=admin password='admin secret'\"" >"$work/$1.yaml"
	chmod 600 "$work/$1.yaml"
}
options admin "$postgres_port"
sink() {
	sink_options=$1
	shift
	"$builddir/tests/plugins/sink" postgres "$work/$sink_options.yaml" "${sink_timeout:-5000}" "$@"
}
query() {
	run sql -c "$2"
	out_is "$1" "$3"
}
clear() {
	sql -c 'TRUNCATE mortise.audit, mortise.trail'
}
installation "$work/demo"
MORTISE_CONFIG=$work/demo/mortise.yaml
export MORTISE_CONFIG
printf 'backends:\n  pg:\n    plugin: postgres\n    %s\n' "$(cat "$work/admin.yaml")" >"$work/demo/mortise.d/pg.yaml"
chmod 600 "$work/demo/mortise.d/pg.yaml"
run mortise backend pg schema --apply
status_is 0 "the schema"

# --- killed, in the middle of whatever it does: each record is there once when all are taken
kills=${KILLS:-8}
sink_timeout=3000 sink admin pour $trail "$work/trail.jsonl" 5 >"$work/poured" 2>"$work/poured.err" &
pour=$!
killed=0
while [ $killed -lt "$kills" ] && kill -0 $pour 2>/dev/null; do
	sleep 0.$((killed * 37 % 90 + 10))
	session=$(sql -c "SELECT pid FROM pg_stat_activity WHERE query LIKE '%append(%' AND pid <> pg_backend_pid() LIMIT 1" 2>/dev/null)
	[ -n "$session" ] || continue
	killed=$((killed + 1))
	if [ $((killed % 2)) = 1 ]; then
		# The one that writes: the server throws all sessions out, and recovers.
		kill -KILL "$session"
		continue
	fi
	postgres_crash
	postgres_start "$work/pg" || break
done
wait $pour
[ $killed = "$kills" ] || [ $killed -ge 3 ]
ok $? "the server was killed, $kills times at most"
echo "# killed $killed times"
run cat "$work/poured"
out_like '^20000 .*(timeout|unavailable)=' "killed: all of it is taken in the end, after failures"
sed 's/^/# /' "$work/poured"
query "20000|20000|20000" "SELECT count(*), count(DISTINCT seq), max(seq) FROM mortise.audit" "killed: none is lost, none is there twice"
sql -c "SELECT line FROM mortise.audit ORDER BY seq" | cmp -s - "$work/trail.jsonl"
ok $? "killed: byte for byte"

# --- stopped in good order, and started again, under one instance
clear
sink_timeout=3000 sink admin pour $trail "$work/trail.jsonl" 40 >"$work/poured" 2>"$work/poured.err" &
pour=$!
sleep 0.3
postgres_stop
sleep 0.3
postgres_start "$work/pg"
wait $pour
run cat "$work/poured"
out_like '^20000' "stopped: it goes on without a restart"
query "20000|20000" "SELECT count(*), count(DISTINCT seq) FROM mortise.audit" "stopped: each record once"
postgres_stop
run sink admin emit $trail "$work/few.jsonl" 100
out_like '^0 unavailable none ' "not running: unavailable"
run sink admin check
out_like '^unavailable' "not running: check"
postgres_start "$work/pg"

# --- read-only
clear
sql -c 'ALTER DATABASE app SET default_transaction_read_only = on'
run sink admin emit $trail "$work/few.jsonl" 100
out_like '^0 unavailable none .*25006.*takes no writes now' "read-only: unavailable"
run sink admin check
out_like '^unavailable .*25006' "read-only: check"
run sink admin position $trail
out_is "0 ok none " "read-only: the position is known"
sql_database=postgres sql -c 'ALTER DATABASE app RESET default_transaction_read_only'
run sink admin emit $trail "$work/few.jsonl" 100
out_is "600 ok none " "writable again"

# --- no more connections
sql_database=postgres sql -c 'ALTER DATABASE app CONNECTION LIMIT 0' -c "CREATE ROLE plain LOGIN PASSWORD 'plain' IN ROLE mortise_writer"
options plain "$postgres_port"
sed -i "s/user=admin password='admin secret'/user=plain password=plain/" "$work/plain.yaml"
run sink plain emit $trail "$work/few.jsonl" 100
out_like '^0 unavailable none .*53300' "too many connections: unavailable"
sql_database=postgres sql -c 'ALTER DATABASE app CONNECTION LIMIT -1'

# --- altered under it
clear
sql -c 'ALTER TABLE mortise.audit DROP COLUMN reason'
run sink admin emit $trail "$work/few.jsonl" 100
out_like '^0 error configuration .*42703.*schema --apply' "a column that is gone: an outage of the configuration"
sql -c 'ALTER TABLE mortise.audit ADD COLUMN reason text; ALTER TABLE mortise.audit ALTER COLUMN resource_id TYPE varchar(6)'
run sink admin emit $trail "$work/few.jsonl" 100
out_like '^19 invalid none .*22001' "a column that is too short: that record is invalid"
sql -c 'ALTER TABLE mortise.audit ALTER COLUMN resource_id TYPE text; DROP FUNCTION mortise.append'
run sink admin emit $trail "$work/few.jsonl" 100
out_like '^0 error configuration .*42883' "a function that is gone"
run mortise backend pg schema --apply
status_is 0 "schema --apply mends it"
run sink admin emit $trail "$work/few.jsonl" 100
out_is "600 ok none " "and it goes on"

clear
sql -c 'ALTER TABLE mortise.audit DETACH PARTITION mortise.audit_2026_10'
run sink admin emit $trail "$work/few.jsonl" 100
out_like '^0 error configuration .*42P07' "a month that is detached: an outage, no record is rejected"
sql -c 'DROP TABLE mortise.audit_2026_10; ALTER DATABASE app SET default_transaction_isolation = serializable'
run sink admin many 4 $trail "$work/few.jsonl" 30
out_is "600
600
600
600" "a database that is serializable by default"
sql -c 'ALTER DATABASE app RESET default_transaction_isolation'

# --- a full disk
if [ $small_mounted = yes ]; then
	clear
	sql -c "CREATE TABLESPACE small LOCATION '$small'" -c 'DROP TABLE mortise.audit_2026_10, mortise.audit_2026_11'
	sql_database=postgres sql -c 'ALTER DATABASE app SET default_tablespace = small'
	run sink admin emit $trail "$work/trail.jsonl" 100
	out_like '^[1-9][0-9]* unavailable none .*53100.*no room' "a full disk: unavailable"
	taken=$(sed 's/ .*//' "$work/out")
	query "$taken|$taken" "SELECT count(*), count(DISTINCT seq) FROM mortise.audit" "a full disk: what was acknowledged is there, and no more"
	mount -o remount,size=100m "$small"
	run sink admin emit $trail "$work/trail.jsonl" 100
	out_is "20000 ok none " "room again: it goes on"
	query "20000|20000" "SELECT count(*), count(DISTINCT seq) FROM mortise.audit" "room again: each record once"
	sql_database=postgres sql -c 'ALTER DATABASE app RESET default_tablespace'
	sql -c 'DROP TABLE mortise.audit_2026_10, mortise.audit_2026_11' -c 'DROP TABLESPACE small'
else
	skip "a full disk" "no mount namespace to be had here"
fi

# --- silence: a call is back at its deadline.  within MS NAME: of the run before.
now_ms() {
	date +%s%3N
}
timed() {
	began=$(now_ms)
	run "$@"
	took=$(($(now_ms) - began))
}
in_time() {
	[ "$took" -ge 900 ] && [ "$took" -lt 4000 ]
	set -- $? "$1"
	ok "$1" "$2: back at the deadline"
	[ "$1" = 0 ] || echo "# took $took ms"
}
clear
# The kernel still takes connections for a server that is stopped.
postgres_signal STOP
sink_timeout=1000
timed sink admin emit $trail "$work/few.jsonl" 100
out_like '^0 unavailable none .*did not take the connection in time' "a stalled server: unavailable"
in_time "a stalled server"
postgres_signal CONT
run sink admin emit $trail "$work/few.jsonl" 100
out_is "600 ok none " "it runs again"
clear
sql -c "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NULL; END'" \
    -c 'CREATE TRIGGER slow AFTER INSERT ON mortise.trail EXECUTE FUNCTION slow()'
timed sink admin emit $trail "$work/few.jsonl" 100
out_like '^0 timeout none .*no answer by the deadline' "a slow statement: timeout"
in_time "a slow statement"
i=0
while [ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%append(%' AND state = 'active' AND pid <> pg_backend_pid()")" != 0 ] && [ $i -lt 100 ]; do
	i=$((i + 1))
	sleep 0.1
done
[ $i -lt 100 ]
ok $? "a slow statement: the server gives it up when nobody waits any more"
sql -c 'DROP TRIGGER slow ON mortise.trail'
sql -c 'BEGIN; LOCK TABLE mortise.trail; SELECT pg_sleep(3)' >"$work/log" 2>&1 &
locker=$!
sleep 0.5
timed sink admin emit $trail "$work/few.jsonl" 100
out_like '^0 timeout' "a lock: timeout"
in_time "a lock"
wait $locker

# A peer that drops packets: before a connection, and in the middle of one.
python_server proxy proxy.py "$postgres_port" "$work/drop"
options proxied "$(cat "$work/proxy.port")"
sink_timeout=5000
run sink proxied emit $trail "$work/few.jsonl" 100
out_is "600 ok none " "through a proxy"
clear
sink_timeout=1000
touch "$work/drop"
timed sink proxied emit $trail "$work/few.jsonl" 100
out_like '^0 unavailable' "a peer that drops all: unavailable"
in_time "a peer that drops all"
rm "$work/drop"
sink proxied pour $trail "$work/trail.jsonl" 20 >"$work/poured" 2>"$work/poured.err" &
pour=$!
i=0
while [ "$(sql -c 'SELECT count(*) > 500 FROM mortise.audit')" != t ] && [ $i -lt 100 ]; do i=$((i + 1)); sleep 0.1; done
touch "$work/drop"
sleep 1.5
rm "$work/drop"
wait $pour
run cat "$work/poured"
out_like '^20000.* timeout=' "a peer that drops packets for a while: timeouts, then it goes on"
query "20000|20000" "SELECT count(*), count(DISTINCT seq) FROM mortise.audit" "a peer that drops packets for a while: each record once"

# --- a state store whose server restarts
printf 'state:\n  - {match: "*", use: pg}\n' >>"$work/demo/mortise.d/pg.yaml"
mortise state create --platform meta_ads --agency a --redirect-uri https://app.example/back >"$work/state" 2>"$work/err"
ok $? "a state is made"
postgres_crash
postgres_start "$work/pg"
run mortise state validate "$(sed -n 's/.*"state":"\([^"]*\)".*/\1/p; /^[A-Za-z0-9_-]*$/p' "$work/state" | head -n 1)"
status_is 0 "a state outlives a crash"
run mortise state validate "$(sed -n 's/.*"state":"\([^"]*\)".*/\1/p; /^[A-Za-z0-9_-]*$/p' "$work/state" | head -n 1)"
status_is 3 "and holds once"
postgres_stop
finish
