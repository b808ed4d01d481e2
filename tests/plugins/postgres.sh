#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# postgres against a real server: its schema and roles, the sink on tables of its own and on
# one of an application's, reading, erasing, state.  What breaks is in postgres_faults.sh.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
. "$srcdir/tests/plugins/postgres_server.sh"
[ -n "$postgres_bin" ] || skip_all "no PostgreSQL is installed"
command -v python3 >/dev/null || skip_all "no python3 to make trails with"
have_loopback || skip_all "no loopback interface that is up"
postgres_make "$work/pg" && postgres_start "$work/pg" || { note initdb "$work/pg/initdb.log"; skip_all "PostgreSQL does not start"; }
sql_database=postgres sql -c 'CREATE DATABASE app'
trail=00112233445566778899aabbccddeeff
other=ffeeddccbbaa99887766554433221100
make_trail() {
	python3 "$srcdir/tests/plugins/trail_maker.py" "$@"
}
make_trail 2000 $trail 70 >"$work/trail.jsonl"

# configured NAME LINES: the options of a sink, in $work/NAME.yaml; and who logs in.
configured() {
	printf '%s\n' "$2" >"$work/$1.yaml"
	chmod 600 "$work/$1.yaml"
}
login() {
	echo "dsn: \"host=127.0.0.1 port=$postgres_port dbname=${3:-app} user=$1 password='$2'\""
}
configured admin "$(login admin 'admin secret')"
# sink NAME COMMAND...
sink() {
	sink_options=$1
	shift
	"$builddir/tests/plugins/sink" postgres "$work/$sink_options.yaml" "${sink_timeout:-20000}" "$@"
}
# query TEXT SQL NAME: what the query gives.
query() {
	run sql -c "$2"
	out_is "$1" "$3"
}

demo
cat >"$work/demo/mortise.d/pg.yaml" <<END2
backends:
  pg:
    plugin: postgres
    $(login admin 'admin secret')
state:
  - {match: "*", use: pg}
END2
chmod 600 "$work/demo/mortise.d/pg.yaml"

# --- the schema
run mortise backend pg
out_like '^check +error' "no schema yet: check"
err_like '42P01.*run `mortise backend NAME schema --apply`' "no schema yet: what to do"
run sink admin emit $trail "$work/trail.jsonl" 10
out_like '^0 error configuration .*schema' "no schema yet: an outage, no record is rejected"
run mortise backend pg schema
status_is 0 "schema"
cp "$work/out" "$work/schema.sql"
! grep -q '{[a-z]*}' "$work/schema.sql"
ok $? "schema: every name is filled in"
run mortise backend pg schema --apply
status_is 0 "schema --apply"
out_is "schema=mortise version=1" "schema --apply: what it says"
run mortise backend pg schema --apply
status_is 0 "schema --apply, again"
empty err "schema --apply, again: no notices"
run sql -f "$work/schema.sql"
status_is 0 "what schema prints can be run"
query 1 'SELECT max(number) FROM mortise.version' "the schema has a version"
sql -c 'INSERT INTO mortise.version VALUES (2)'
run mortise backend pg schema --apply
status_is 6 "a newer schema is refused"
err_like 'the schema is of version 2, and this Mortise knows 1' "a newer schema: the message"
run sink admin check
out_like '^error configuration .*version 2' "a newer schema: check"
sql -c 'DELETE FROM mortise.version WHERE number = 2'
run sink admin check
out_is "ok none " "check"
run mortise backend pg schema --writer 'x; DROP TABLE y'
status_is 6 "a role that is no name"
err_like 'writer: x; DROP TABLE y is no name' "a role that is no name: the message"
sql_database=postgres sql -c "CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0"
configured latin "$(login admin 'admin secret' latin)"
sql_database=latin sql -f "$work/schema.sql" >"$work/out" 2>"$work/err"
err_like 'the database is in LATIN1; create one in UTF8' "a database of another encoding is refused"

# --- roles, each with one right
sql <<END2
CREATE ROLE audit_in LOGIN PASSWORD 'in' IN ROLE mortise_writer;
CREATE ROLE audit_out LOGIN PASSWORD 'out' IN ROLE mortise_reader;
CREATE ROLE audit_erase LOGIN PASSWORD 'erase' IN ROLE mortise_eraser;
CREATE ROLE state LOGIN PASSWORD 'state' IN ROLE mortise_state;
CREATE ROLE nobody LOGIN PASSWORD 'nobody';
END2
for role in in out erase; do
	configured $role "$(login audit_$role $role)"
done
configured nobody "$(login nobody nobody)"
configured three "$(login audit_in in)
$(login audit_erase erase | sed 's/^dsn/erase-dsn/')
$(login audit_out out | sed 's/^dsn/read-dsn/')"
run sink nobody check
out_like '^denied none .*42501' "a role without rights: check"
run sink out check
out_like '^denied none .*may not append .*grant it mortise_writer' "a role that may only read: check"
run sink three check
out_is "ok none " "three roles: check"

# --- emit and position, as the role that may do that alone
run sink three position $trail
out_is "0 ok none " "no record yet"
run sink three emit $trail "$work/trail.jsonl" 300
out_is "2000 ok none " "emit"
run sink three position $trail
out_is "2000 ok none " "position"
query "2000|2000|2000" "SELECT count(*), count(DISTINCT seq), max(seq) FROM mortise.audit" "each record once"
query 4 "SELECT count(*) FROM pg_inherits WHERE inhparent = 'mortise.audit'::regclass" "a table a month"
query "2026-10-31 14:31:12.123456 agency-1 auth_1 user1@agency.example 203.0.113.3 1000 ok" \
    "SELECT concat_ws(' ', ts AT TIME ZONE 'UTC', agency_id, resource_id, user_email, ip_address, actor_uid, code) FROM mortise.audit WHERE seq = 3" \
    "its columns"
sql -c "SELECT line FROM mortise.audit WHERE trail = '$trail' ORDER BY seq" >"$work/lines"
cmp "$work/lines" "$work/trail.jsonl"
ok $? "the lines are kept byte for byte"
run python3 "$srcdir/doc/audit/verify.py" "$work/lines"
status_is 0 "and verify"
run sink three emit $trail "$work/trail.jsonl" 512
out_is "2000 ok none " "the same again"
query 2000 "SELECT count(*) FROM mortise.audit" "the same again: no row more"
for statement in 'SELECT * FROM mortise.audit' 'SELECT * FROM mortise.trail' 'DELETE FROM mortise.audit' \
    "INSERT INTO mortise.trail VALUES ('x', 1, 'h')" 'TRUNCATE mortise.audit_2026_11' 'SELECT * FROM mortise.state' \
    "SELECT mortise.erase('$trail', '{1}')" 'CREATE TABLE mortise.x (y int)' "SELECT mortise.add_month('2030-01-01')"; do
	sql_user=audit_in sql_password=in sql -c "$statement" >"$work/out" 2>"$work/err"
	err_like 'permission denied' "the writer may not: $statement"
done

# --- another record with the number of one
changed() {
	sed -n "$1p" "$work/trail.jsonl" | sed "s/\"h\":\"[0-9a-f]\{8\}/\"h\":\"00000000/${2:-}"
}
sed -n 1990,1995p "$work/trail.jsonl" >"$work/batch"
changed 1996 >>"$work/batch"
sed -n 1997,2000p "$work/trail.jsonl" >>"$work/batch"
run sink three emit $trail "$work/batch" 100
out_like '^6 conflict none .*another record has this number' "another hash: the lines before it are taken"
changed 1996 ';s/"ts":"2026-../"ts":"2026-09/' >"$work/batch"
run sink three emit $trail "$work/batch" 100
out_like '^0 conflict' "another hash and another time"
make_trail 5 $other >"$work/five"
{ head -n 4 "$work/five"; sed -n 4p "$work/five"; sed -n 4p "$work/five" | sed 's/"h":"......../"h":"00000000/'; tail -n 1 "$work/five"; } >"$work/batch"
run sink three emit $other "$work/batch" 100
out_like '^5 conflict' "another hash within a batch: the line that comes later"
query "4|4" "SELECT count(*), max(seq) FROM mortise.audit WHERE trail = '$other'" "another hash within a batch: what came before is there"
sql -c "DELETE FROM mortise.audit WHERE trail = '$other'; DELETE FROM mortise.trail WHERE trail = '$other'"

# --- many sessions, which also make the months
sql -c "TRUNCATE mortise.audit, mortise.trail; DROP TABLE mortise.audit_2026_10, mortise.audit_2026_11, mortise.audit_2026_12, mortise.audit_2027_01"
run sink three many 8 $trail "$work/trail.jsonl" 50
out_is "$(for i in 1 2 3 4 5 6 7 8; do echo 2000; done)" "eight sessions of one trail: all of it is taken"
query "2000|2000" "SELECT count(*), count(DISTINCT seq) FROM mortise.audit" "eight sessions: each record once"
run sink three position $trail
out_is "2000 ok none " "eight sessions: the position"
sql -c "TRUNCATE mortise.audit, mortise.trail; DROP TABLE mortise.audit_2026_10, mortise.audit_2026_11, mortise.audit_2026_12, mortise.audit_2027_01"
for i in 1 2 3 4; do
	make_trail 500 0$i$trail 70 | sed "s/$trail/$trail/" >"$work/t$i"
done 2>/dev/null
for i in 1 2 3 4; do
	id=$(printf '%032d' $i)
	make_trail 500 "$id" 70 >"$work/t$i"
	sink three emit "$id" "$work/t$i" 500 >"$work/t$i.out" 2>&1 &
	emitters="${emitters:-} $!"
done
for pid in $emitters; do wait "$pid"; done
[ "$(grep -h '^500 ok' "$work"/t?.out | wc -l)" = 4 ]
ok $? "four trails at once make the same months"
[ "$failed" = 0 ] || for i in 1 2 3 4; do note "t$i" "$work/t$i.out"; done
sql -c "DELETE FROM mortise.audit; DELETE FROM mortise.trail"

# --- reading, as another role
sink three emit $trail "$work/trail.jsonl" 500 >"$work/log" 2>&1
make_trail 300 $other 70 >"$work/other.jsonl"
sink three emit $other "$work/other.jsonl" 500 >"$work/log" 2>&1
reads() {
	reads_name=$1 reads_want=$2
	shift 2
	run sink three read "$@"
	[ "$(tail -n 1 "$work/out")" = "ok none " ] && [ "$(($(wc -l <"$work/out") - 1))" = "$reads_want" ]
	set -- $? "$reads_name"
	ok "$1" "$2"
	[ "$1" = 0 ] || { echo "# want $reads_want lines, got $(wc -l <"$work/out")"; tail -n 1 "$work/out" | cut -c1-300; }
}
reads "read: one trail, of many pages" 2000 trail=$trail
sed '$d; s/^[^ ]* //' "$work/out" | cmp -s - "$work/trail.jsonl"
ok $? "read: in order, byte for byte"
reads "read: all of two trails" 2300
sed '$d; s/.*"ts":"\([^"]*\)".*/\1/' "$work/out" | sort -c
ok $? "read: several trails in the order of time"
reads "read: last, less than a page" 7 trail=$trail last=7
sed -n '1s/.*"seq":\([0-9]*\).*/\1/p' "$work/out" | grep -qx 1994
ok $? "read: last are the newest"
reads "read: last, of several pages" 600 last=600
reads "read: last, more than there are" 300 trail=$other last=1000
reads "read: none are the last" 0 trail=$other last=0
reads "read: after" 10 trail=$trail after=1990
reads "read: agency" 40 trail=$trail agencyId=agency-7
reads "read: resource" 4 trail=$trail resourceType=platform_authorization resourceId=auth_9
reads "read: user" 6 userEmail=user7@agency.example
reads "read: action" 1999 trail=$trail action=token_viewed
reads "read: a time, from and to" 200 trail=$trail from=2026-11-06T21:18:50.523456Z to=2026-11-13T21:18:50.523456Z
run sink three read colour=blue
out_like '^unsupported' "read: an unknown filter"
run sink three read from=yesterday-ish
out_like '^invalid .*22007' "read: a time that is none"
run sink in read trail=$trail
out_like '^denied .*42501' "read: the writer may not"

# --- a search uses an index, in a table of a size that is worth one
sql <<'END2'
INSERT INTO mortise.audit (trail, seq, ts, t, h, line, action, agency_id, resource_id, user_email)
SELECT 'aaaa', n, '2026-11-01Z'::timestamptz + n * interval '10 s', 'outcome', 'h', repeat('x', 300), 'token_viewed',
    'agency-' || n % 400, 'auth_' || n % 4000, 'user' || n % 2000 || '@agency.example'
FROM generate_series(1, 60000) AS n;
ANALYZE mortise.audit;
END2
for search in "agency_id = 'agency-7' AND ts >= '2026-11-02' AND ts < '2026-11-04'" "resource_id = 'auth_9'" \
    "user_email = 'user7@agency.example'" "trail = 'aaaa' AND seq > 59990"; do
	run sql -c "EXPLAIN SELECT line FROM mortise.audit WHERE $search ORDER BY ts, trail, seq LIMIT 256"
	! grep 'Seq Scan on audit_2026_1[12]' "$work/out" >"$work/log" && grep -q 'Index' "$work/out"
	set -- $?
	ok "$1" "an index is used for $search"
	[ "$1" = 0 ] || note plan "$work/out"
done
sql -c "DELETE FROM mortise.audit WHERE trail = 'aaaa'"

# --- erasing, as a third role
run sink in erase $trail 3
out_like '^denied .*42501' "erase: the writer may not"
run sink three erase $trail 3 5 4 999999
out_is "ok none " "erase"
run sink three erase $trail 3 5
out_is "ok none " "erase, again"
query "||" "SELECT user_email, ip_address, user_agent FROM mortise.audit WHERE trail = '$trail' AND seq = 3" "erased columns"
query "user3@agency.example" "SELECT user_email FROM mortise.audit WHERE trail = '$trail' AND seq = 7" "others stay"
python3 - "$work/trail.jsonl" >"$work/blanked" <<'END2'
import sys
for n, line in enumerate(open(sys.argv[1], "rb"), 1):
    if n in (3, 5):
        at = line.index(b',"p":{"s":') + 5
        line = line[:at] + b"null" + b" " * (len(line) - 73 - at - 4) + line[-73:]
    sys.stdout.buffer.write(line)
END2
sql -c "SELECT line FROM mortise.audit WHERE trail = '$trail' ORDER BY seq" | cmp - "$work/blanked"
ok $? "erased lines are blanked as those of the trail, and no byte else"
run sink three emit $trail "$work/trail.jsonl" 500
out_is "2000 ok none " "what was erased is not written again"
query 0 "SELECT count(*) FROM mortise.audit WHERE line LIKE '%user1@agency.example%' AND trail = '$trail' AND seq = 3" "what was erased stays so"

# --- a line that the server refuses: it alone, wherever it stands
sql -c "ALTER TABLE mortise.audit ADD CONSTRAINT odd CHECK (resource_id NOT IN ('auth_33', 'auth_77')) NOT VALID"
sql -c "DELETE FROM mortise.audit WHERE trail = '$other'; DELETE FROM mortise.trail WHERE trail = '$other'"
for batch in 1 7 512; do
	run sink three emit $other "$work/other.jsonl" $batch
	out_like '^65 invalid none .*23514.*constraint' "a refused line, in batches of $batch: those before it are taken, and it alone is invalid"
	run sink three position $other
	out_is "65 ok none " "a refused line, in batches of $batch: the position"
	sql -c "DELETE FROM mortise.audit WHERE trail = '$other'; DELETE FROM mortise.trail WHERE trail = '$other'"
done
sql -c 'ALTER TABLE mortise.audit DROP CONSTRAINT odd'

# What is refused in the commit comes behind the answer to the statement.
sql -c "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''too late'' USING ERRCODE = TG_ARGV[0]; END'" \
    -c "CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON mortise.trail DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late('23514')"
run sink three emit $other "$work/other.jsonl" 100
out_like '^0 invalid none .*23514, too late' "refused in the commit: it is not taken"
sql -c 'DROP TRIGGER late ON mortise.trail' \
    -c "CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE ON mortise.trail DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late('53100')"
run sink three emit $other "$work/other.jsonl" 100
out_like '^0 timeout none ' "out of room in the commit: nobody knows what is there"
sql -c 'DROP TRIGGER late ON mortise.trail'
query 0 "SELECT count(*) FROM mortise.audit WHERE trail = '$other'" "and nothing is"

# --- sessions
run sink three position $trail "PGPASSWORD='admin secret' $postgres_bin/psql -Xqtc \"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'audit_in'\" -h 127.0.0.1 -p $postgres_port -U admin app >/dev/null; sleep 0.2"
out_is "2000 ok none 
2000 ok none " "a session that the server has ended is replaced, and nobody notices"
sql -c 'CREATE TABLE seen (word text)' \
    -c "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.seen VALUES (current_setting(''synchronous_commit'')); RETURN NULL; END'" \
    -c 'CREATE TRIGGER see AFTER UPDATE ON mortise.trail EXECUTE FUNCTION see()' -c 'ALTER DATABASE app SET synchronous_commit = off'
run sink three emit $other "$work/other.jsonl" 300
query on 'SELECT DISTINCT word FROM seen' "synchronous_commit is on, whatever the database says"
sql -c 'DROP TRIGGER see ON mortise.trail' -c 'ALTER DATABASE app RESET synchronous_commit'

# --- options
configured bad "dsn: \"host=127.0.0.1 password=hunter2 port\""
run sink bad check
out_like '^open: dsn: it is no connection string' "a dsn that is none"
! grep -q hunter2 "$work/out"
ok $? "a dsn that is none: its password is not told"
configured bad "$(login audit_in wrong)"
run sink bad check
out_like '^denied none .*28P01' "a wrong password"
! grep -q wrong "$work/out"
ok $? "a wrong password is not told"
configured bad "$(login audit_in in nowhere)"
run sink bad check
out_like '^error configuration .*3D000' "a database that is not there"
configured bad "dsn: postgresql://audit_in:in@localhost:$postgres_port/app"
run sink bad check
out_is "ok none " "a URI, and a name that is resolved"
run sink bad identity
out_is "localhost:$postgres_port/app/mortise" "identity: without who asks"
configured bad "dsn: postgresql://audit_in:in@localhost:1,localhost:$postgres_port/app?target_session_attrs=read-write"
run sink bad check
out_is "ok none " "two hosts, of which one does not listen"
configured bad "dsn: postgresql://audit_in:in@nowhere.invalid:$postgres_port,127.0.0.1:$postgres_port/app"
run sink bad check
out_is "ok none " "two hosts, of which one has no address"
configured bad "$(login audit_in in)
synchronous-commit: local"
run sink bad check
out_is "ok none " "another synchronous-commit"
configured bad "$(login audit_in in)
schema: Mortise"
run sink bad check
out_like '^open: schema: Mortise is no name' "a schema that is no name"

# --- on a table of an application, as Prisma makes it
sql <<'END2'
CREATE TYPE "AuditAction" AS ENUM ('token_viewed', 'access_granted', 'access_revoked', 'AGENCY_CONNECTED',
    'AGENCY_DISCONNECTED', 'AGENCY_TOKEN_REFRESHED');
CREATE TABLE "AuditLog" (id text PRIMARY KEY, "agencyId" text NOT NULL, action "AuditAction" NOT NULL,
    "resourceType" text NOT NULL, "resourceId" text NOT NULL, "userEmail" text NOT NULL, "ipAddress" text NOT NULL,
    "userAgent" text NOT NULL, metadata jsonb, "createdAt" timestamp(3) NOT NULL);
CREATE ROLE prisma LOGIN PASSWORD 'prisma';
GRANT INSERT, SELECT (id) ON "AuditLog" TO prisma;
END2
mapped="sink:
  table: '\"AuditLog\"'
  id: {column: id, form: cuid}
  columns:
    agencyId: agencyId
    action: action
    resourceType: resourceType
    resourceId: resourceId
    userEmail: userEmail
    ipAddress: ipAddress
    userAgent: userAgent
    metadata: metadata
    createdAt: ts
  defaults: {userEmail: unknown, ipAddress: unknown, userAgent: unknown}"
configured mapped "$(login prisma prisma)
$mapped"
run sink mapped check
out_is "ok none " "a table of one's own: check"
query 0 'SELECT count(*) FROM "AuditLog"' "check leaves nothing"
run sink mapped emit $trail "$work/trail.jsonl" 500
out_is "2000 ok none " "a table of one's own: emit"
query "999|999" 'SELECT count(*), count(DISTINCT id) FROM "AuditLog"' "a row for each access that ended"
query '2026-10-31 14:31:12.123|agency-1|token_viewed|platform_authorization|auth_1|user1@agency.example|203.0.113.3|Mozilla/5.0 «3» \ "q"|1' \
    'SELECT "createdAt", "agencyId", action, "resourceType", "resourceId", "userEmail", "ipAddress", "userAgent", metadata->'"'p'"' FROM "AuditLog" ORDER BY "createdAt" LIMIT 1' \
    "its columns"
query 999 "SELECT count(*) FROM \"AuditLog\" WHERE id ~ '^c[0-9a-z]{24}\$'" "ids look like those of cuid()"
run sink mapped emit $trail "$work/trail.jsonl" 77
query 999 'SELECT count(*) FROM "AuditLog"' "the same again: no row more"
run sink mapped position $trail
out_like '^0 unsupported' "a table of one's own has no position"
run sink mapped read trail=$trail
out_like '^unsupported' "a table of one's own is not read"
run sink mapped erase $trail 3
out_like '^denied .*42501' "erase needs a right of its own"
sql -c 'GRANT UPDATE ("userEmail", "ipAddress", "userAgent", metadata) ON "AuditLog" TO prisma'
run sink mapped erase $trail 3 5
out_is "ok none " "erase"
query 'unknown|unknown|unknown||agency-1' 'SELECT "userEmail", "ipAddress", "userAgent", metadata, "agencyId" FROM "AuditLog" ORDER BY "createdAt" LIMIT 1' "erased: the defaults, or NULL"
query 2 "SELECT count(*) FROM \"AuditLog\" WHERE \"userEmail\" = 'unknown'" "erased: those and no others"
sed -n 9p "$work/trail.jsonl" | sed 's/"action":"token_viewed"/"action":"secret_viewed"/' >"$work/odd"
{ sed -n 1,8p "$work/other.jsonl"; cat "$work/odd"; sed -n 10,20p "$work/other.jsonl"; } >"$work/batch"
run sink mapped emit $other "$work/batch" 20
out_like '^8 invalid none .*22P02, invalid input value for enum "AuditAction"' "an action that the enum lacks: it alone is invalid"
! grep -q secret_viewed "$work/out"
ok $? "a refused value is not told"
sed -n 3p "$work/other.jsonl" | sed 's/,"userEmail":"[^"]*","ipAddress":"[^"]*","userAgent":"[^,]*,"metadata":.*}},"h"/},"h"/' >"$work/batch"
run sink mapped emit ${other%0}1 "$work/batch" 1
query "unknown unknown unknown" "SELECT concat_ws(' ', \"userEmail\", \"ipAddress\", \"userAgent\") FROM \"AuditLog\" WHERE metadata IS NULL AND \"ipAddress\" = 'unknown' AND \"agencyId\" = 'agency-1' ORDER BY \"createdAt\" DESC LIMIT 1" "what a record lacks gets its default"
sql -c 'TRUNCATE "AuditLog"'
sink mapped emit ${other%0}1 "$work/batch" 1 >"$work/log" 2>&1
sql -c 'CREATE UNIQUE INDEX once ON "AuditLog" ("createdAt")'
run sink mapped emit ${other%0}2 "$work/batch" 1
out_like '^0 invalid none .*23505' "another key of the table is no repeat, and nothing is dropped silently"
sql -c 'DROP INDEX once; ALTER TABLE "AuditLog" DROP COLUMN "userAgent"'
run sink mapped emit ${other%0}3 "$work/batch" 1
out_like '^0 error configuration .*42703' "a column that is gone: an outage, the record is not rejected"
run sink mapped check
out_like '^error configuration .*42703' "a column that is gone: check"
sql -c 'ALTER TABLE "AuditLog" ADD COLUMN "userAgent" varchar(5)'
run sink mapped emit ${other%0}3 "$work/other.jsonl" 100
out_like '^2 invalid none .*22001' "a column that is too short"
configured mapped "$(login prisma prisma)
$mapped
    # a constant, and one more field
" && sed -i 's/^    createdAt: ts/    createdAt: ts\n    result: code/; s/^  defaults: {/  defaults: {source: mortise, /; s/form: cuid/form: uuid/' "$work/mapped.yaml"
sql -c 'ALTER TABLE "AuditLog" DROP COLUMN "userAgent", ADD COLUMN "userAgent" text, ADD COLUMN result text, ADD COLUMN source text; TRUNCATE "AuditLog"; ALTER TABLE "AuditLog" ALTER COLUMN id TYPE uuid USING id::uuid'
run sink mapped emit $other "$work/other.jsonl" 100
out_is "300 ok none " "ids as UUIDs, a constant, another field"
query "149|mortise|ok" 'SELECT count(*), source, result FROM "AuditLog" GROUP BY source, result' "ids as UUIDs, a constant, another field: the rows"
sql -c 'ALTER TABLE "AuditLog" ALTER COLUMN id TYPE text, DROP CONSTRAINT "AuditLog_pkey"'
run sink mapped check
out_like '^error configuration .*42P10' "an id that is not unique"
# refused SCRIPT REGEX: the options, edited so.
refused() {
	sed "$1" "$work/mapped.yaml" >"$work/bad.yaml"
	run sink bad check
	out_like "^open: .*$2" "refused: $2"
}
refused 's/agencyId: agencyId/agencyId: agencyID/' 'agencyID is no field of a record'
refused 's/column: id,/column: agencyId,/' "agencyId is the id's column"
refused '/id: {column/d' 'id.column is missing'
refused '/table:/d' 'it goes with a table'
refused "s/table: .*/table: 'a.\"b'/" "no table's name"

# --- state
dsn="host=127.0.0.1 port=$postgres_port dbname=app user=state password=state"
"$builddir/tests/plugins/postgres_state" "$dsn" >"$work/out" 2>"$work/err"
ok $? "state: what every store does ($(grep -c '^ok' "$work/out") checks)"
grep -A2 '^not ok' "$work/out" | sed 's/^/# /'
cp "$builddir/plugins/.libs/postgres.so" "$work/postgres.so"
chmod 755 "$work/postgres.so"
run "$builddir/core/kit/mortise-plugin-test" "$work/postgres.so" --config "$MORTISE_CONFIG" --backend pg
status_is 0 "state: the kit"
grep '^fail' "$work/out" | sed 's/^/# /'
out_like '^ok +state/race' "state: the kit tries it"
query 0 'SELECT count(*) FROM mortise.state' "state: nothing is left behind"
printf '{"access_token":"not-to-be-seen","refresh_token":"r","expires_in":3600}' |
    mortise token store meta_ads 'act/42' --agency agency-7 --authorization-id auth_mine >"$work/out" 2>"$work/err"
ok $? "an authorization"
query "auth_mine|agency-7|act/42|meta_ads|active|t|t" "SELECT authorization_id, agency_id, connection_id, platform, status, secret_id = secret_name, expires_at > now() + interval '55 minutes' FROM mortise.authorization" "an authorization has columns"
run mortise token get auth_mine
status_is 0 "an authorization is found by its id"
run mortise token revoke auth_mine
status_is 0 "revoke"
query "auth_mine|revoked|t" "SELECT authorization_id, status, secret_id IS NULL FROM mortise.authorization" "revoked: no secret any more"
query 0 "SELECT count(*) FROM mortise.state s WHERE encode(value, 'escape') LIKE '%not-to-be-seen%'" "no token is in the database"
sql -c "INSERT INTO mortise.state (key, value, version, due_ms) VALUES ('authorization:odd', 'no json', 1, 0)"
query 1 "SELECT count(*) FROM mortise.authorization" "a record of another form is stored, and is no authorization"
sql -c "DELETE FROM mortise.state"
query 0 "SELECT count(*) FROM mortise.authorization" "and goes with its record"
sql -c "INSERT INTO mortise.state (key, value, version, due_ms, expires) SELECT 'old/' || n, '', n, 0, now() - interval '1 s' FROM generate_series(1, 150) n"
run mortise state create --platform meta_ads --agency a --redirect-uri https://app.example/back
status_is 0 "a state"
query 50 "SELECT count(*) FROM mortise.state WHERE key LIKE 'old/%'" "a put takes some of the expired records away"
! grep -rq 'admin secret\|not-to-be-seen' "$work/pg/log"
ok $? "no password, no token in the server's log"
postgres_stop
finish
