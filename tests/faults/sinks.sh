#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Writers that wait for a PostgreSQL, killed at any moment, and the PostgreSQL stopped and
# killed at any moment: what was acknowledged is in the trail and in the database, each record
# once, in order and to the byte.  KILLS (30) writers and OUTAGES (4); 2000 and 100 before a
# release.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
. "$srcdir/tests/plugins/postgres_server.sh"
[ -n "$postgres_bin" ] || skip_all "no PostgreSQL is installed"
have_loopback || skip_all "no loopback interface that is up"
postgres_make "$work/pg" && postgres_start "$work/pg" || { note initdb "$work/pg/initdb.log"; skip_all "PostgreSQL does not start"; }
sql_database=postgres sql -c 'CREATE DATABASE app'
demo
cat >"$work/demo/mortise.d/pg.yaml" <<EOF
backends:
  pg: {plugin: postgres, dsn: "host=127.0.0.1 port=$postgres_port dbname=app user=admin password='admin secret'"}
audit:
  sinks: [{use: pg, wait: ack, timeout: 5s}]
EOF
chmod 600 "$work/demo/mortise.d/pg.yaml"
mortise backend pg schema --apply >"$work/log" 2>&1 || note schema "$work/log"
writer=$builddir/tests/faults/writer
: >"$work/ledger"

# pause MS: sleeps for up to so long.
pause() {
	sleep "$(awk -v most="$1" -v seed="$(od -An -N4 -tu4 /dev/urandom)" \
	    'BEGIN { srand(seed); printf "%.3f", rand() * most / 1000 }')"
}
# acknowledged MORE: until the ledger has that many more lines; not for ever.
acknowledged() {
	lines=$(($(wc -l <"$work/ledger") + $1)) waited=0
	while [ "$(wc -l <"$work/ledger")" -lt "$lines" ] && [ "$waited" -lt 3000 ]; do
		waited=$((waited + 1))
		sleep 0.01
	done
	[ "$waited" -lt 3000 ]
}
# agrees NAME: after catching up, ledger, trail and database say the same.
agrees() {
	run mortise get kill/end
	printf x >"$work/value"
	run mortise put kill/end --file "$work/value"
	status_is 0 "$1: it goes on"
	"$writer" check "$work/ledger" >"$work/out" 2>"$work/err"
	ok $? "$1: everything that was acknowledged is there"
	note check "$work/out"
	run mortise audit verify
	status_is 0 "$1: the trail holds"
	run mortise doctor
	out_like '^ok +sinks +pg has all [0-9]+ records' "$1: the database has caught up"
	sql -c 'SELECT line FROM mortise.audit ORDER BY seq' >"$work/lines"
	cat "$work"/demo/trail/*.jsonl | cmp -s - "$work/lines"
	ok $? "$1: the database has the trail, each record once, to the byte"
	put=$(sql -c "SELECT count(*) FROM mortise.audit WHERE t = 'outcome' AND action = 'secret_written' AND code = 'ok'")
	[ "$put" -ge "$(wc -l <"$work/ledger")" ]
	ok $? "$1: each acknowledged put is in the database: $put for $(wc -l <"$work/ledger")"
}

kills=${KILLS:-30} killed=0 round=0
while [ "$killed" -lt "$kills" ]; do
	round=$((round + 1)) pids_now=
	for i in $(seq $((round % 3 * 3 + 1))); do
		"$writer" write "$work/ledger" "$round.$i" 2>>"$work/writer.err" &
		pids_now="$pids_now $!"
		killed=$((killed + 1))
	done
	acknowledged 1
	pause 60
	# Words are split on purpose.
	kill -9 $pids_now 2>/dev/null
	wait $pids_now 2>/dev/null
done 2>/dev/null
echo "# $killed killed in $round rounds, $(wc -l <"$work/ledger") puts acknowledged"
[ "$(wc -l <"$work/ledger")" -ge "$round" ]
ok $? "writers were killed while they wrote"
empty writer.err "and complained of nothing"
agrees "after kills"

# Now nobody waits for long.
sed -i 's/timeout: 5s/timeout: 200ms/' "$work/demo/mortise.d/pg.yaml"
"$writer" work "$work/ledger" 8 >"$work/worker" 2>"$work/refused" &
worker=$!
outages=${OUTAGES:-4} outage=0 stuck=0
while [ "$outage" -lt "$outages" ]; do
	outage=$((outage + 1))
	acknowledged 10 || stuck=$((stuck + 1))
	pause 200
	if [ $((outage % 2)) = 0 ]; then
		postgres_stop
	else
		postgres_crash
	fi
	pause 500
	postgres_start "$work/pg" || stuck=$((stuck + 1))
done 2>/dev/null
acknowledged 10 || stuck=$((stuck + 1))
kill -TERM "$worker"
wait "$worker"
ok $? "the program lived through $outages outages"
ok "$stuck" "and went on after each"
echo "# $(cat "$work/worker"), of refusals: $(sort "$work/refused" | sed 's/[0-9][0-9]*/N/g' | uniq -c | sort -rn | head -n 3 | tr '\n' ';')"
[ -s "$work/refused" ] && ! grep -v 'the audit sink pg has not got record' "$work/refused" | grep -q .
ok $? "meanwhile puts were refused, for their audit alone"
sed -i 's/timeout: 200ms/timeout: 10s/' "$work/demo/mortise.d/pg.yaml"
agrees "after outages"
finish
