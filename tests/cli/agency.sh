#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The application of conf/examples/agency.yaml, with a real PostgreSQL and Redis: its audit
# rows, its states, its authorizations; and a database that is away.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
. "$srcdir/tests/plugins/postgres_server.sh"
[ -n "$postgres_bin" ] || skip_all "no PostgreSQL is installed"
command -v redis-server >/dev/null || skip_all "no redis-server"
have_loopback || skip_all "no loopback interface that is up"
postgres_make "$work/pg" && postgres_start "$work/pg" || { note initdb "$work/pg/initdb.log"; skip_all "PostgreSQL does not start"; }
redis_server redis
sql_database=postgres sql -c 'CREATE DATABASE app'
sql <<'END'
CREATE TYPE "AuditAction" AS ENUM ('token_viewed', 'access_granted', 'access_revoked', 'AGENCY_CONNECTED',
    'AGENCY_DISCONNECTED', 'AGENCY_TOKEN_REFRESHED');
CREATE TABLE "AuditLog" (id text PRIMARY KEY, "agencyId" text NOT NULL, action "AuditAction" NOT NULL,
    "resourceType" text NOT NULL, "resourceId" text NOT NULL, "userEmail" text NOT NULL, "ipAddress" text NOT NULL,
    "userAgent" text NOT NULL, metadata jsonb, "createdAt" timestamp(3) NOT NULL DEFAULT now());
END
demo
dsn="host=127.0.0.1 port=$postgres_port dbname=app user=admin password='admin secret'"
# The example as it is, but for where its servers are; the store plays the manager.
awk '/^  redis:/ { on = 1 } /^secret:/ { on = 0 } on' "$srcdir/conf/examples/agency.yaml" |
    sed -e "s|dsn: .*|dsn: \"$dsn\"|" -e "s|url: .*|url: \"redis://127.0.0.1:$port\"|" -e '/username:/d' -e '/password: {/d' >"$work/backends"
awk '/^state:/' RS= "$srcdir/conf/examples/agency.yaml" >"$work/state"
awk '/^  sinks:/ { on = 1 } on' "$srcdir/conf/examples/agency.yaml" >"$work/sinks"
{ echo 'backends:'; cat "$work/backends" "$work/state"; echo 'audit:'; cat "$work/sinks"; } >"$work/demo/mortise.d/agency.yaml"
chmod 600 "$work/demo/mortise.d/agency.yaml"
run mortise check
status_is 0 "check"
run mortise backend pg schema --apply
status_is 0 "the schema"

# query TEXT SQL NAME: what the query gives.
query() {
	run sql -c "$2"
	out_is "$1" "$3"
}
connect() {
	printf '{"access_token":"not-to-be-seen","refresh_token":"r","expires_in":3600}' >"$work/answer"
	mortise token store meta_ads act_42 --agency ag_1 --authorization-id auth_1 --action AGENCY_CONNECTED \
	    --user-email ann@agency.example --ip-address 203.0.113.7 --user-agent 'Mozilla/5.0 (X11)' \
	    --metadata '{"campaign": 7}' <"$work/answer" >"$work/out" 2>"$work/err"
	ok $? "a connection"
}
connect
run mortise token get auth_1 --agency ag_1 --user-email bob@agency.example --ip-address 203.0.113.8 --user-agent curl
status_is 0 "a token"
run mortise token get auth_1
run mortise token revoke auth_1 --agency ag_1 --user-email ann@agency.example
status_is 0 "a revocation"
query 'ag_1|AGENCY_CONNECTED|platform_authorization|auth_1|ann@agency.example|203.0.113.7|Mozilla/5.0 (X11)|{"campaign": 7}|t
ag_1|token_viewed|platform_authorization|auth_1|bob@agency.example|203.0.113.8|curl||t
ag_1|token_viewed|platform_authorization|auth_1|unknown|unknown|unknown||t
ag_1|access_revoked|platform_authorization|auth_1|ann@agency.example|unknown|unknown||t' \
    'SELECT "agencyId", action, "resourceType", "resourceId", "userEmail", "ipAddress", "userAgent", metadata, abs(extract(epoch FROM (now() AT TIME ZONE $$UTC$$) - "createdAt")) < 300 FROM "AuditLog" ORDER BY "createdAt"' \
    "each access is a row with all nine fields"
query 'revoked|t' "SELECT status, secret_id IS NULL FROM mortise.authorization WHERE authorization_id = 'auth_1'" \
    "an authorization is a row to join"

# --- states, as the application's own code has them
run mortise state create --platform meta_ads --agency ag_1 --redirect-uri https://app.agency.example/cb
status_is 0 "a state"
state=$(cat "$work/out")
redis-cli -p "$port" get "oauth:state:$state" >"$work/out"
out_like '"agencyId":"ag_1".*"platform":"meta_ads"|"platform":"meta_ads".*"agencyId":"ag_1"' "a state: JSON under its key"
left=$(redis-cli -p "$port" ttl "oauth:state:$state")
[ "$left" -gt 500 ] && [ "$left" -le 600 ]
ok $? "a state: for 600 s ($left)"
run mortise state validate "$state"
status_is 0 "a state is valid"
run mortise state validate "$state"
status_is 3 "a state is valid once"

# --- the database is away, where only the audit needs it
sed -i 's/match: "\*", use: pg/match: "*", use: store/' "$work/demo/mortise.d/agency.yaml"
connect
postgres_stop
run mortise token get auth_1 --agency ag_1
status_is 7 "the database is away: the read is refused"
empty out "the database is away: no value"
err_like 'the audit sink pg has not got record [0-9]+ in time: .*Connection refused' "the database is away: why"
run mortise token revoke auth_1 --agency ag_1
status_is 7 "the database is away: a revocation is refused before it has an effect"
postgres_start "$work/pg"
run mortise token get auth_1 --agency ag_1
status_is 0 "it is back, and no restart was needed"
out_like 'not-to-be-seen' "it is back: the token"
sql -c 'ALTER TABLE mortise.audit RENAME TO away'
run mortise token get auth_1 --agency ag_1
status_is 7 "the audit's table is away: the read is refused"
empty out "the audit's table is away: no value"
err_like 'the audit sink pg has not got record [0-9]+ in time' "the audit's table is away: why"
run mortise doctor
status_is 10 "doctor"
out_like '^FAIL +sinks +pg lags by [0-9]+ records, .*nothing is released until it takes them: .*42P01' "doctor: the lag and why"
sql -c 'ALTER TABLE mortise.away RENAME TO audit'
run mortise token get auth_1 --agency ag_1
status_is 0 "the audit's table is back"
out_like 'not-to-be-seen' "the audit's table is back: the token"
run mortise doctor
out_like '^ok +sinks +pg has all [0-9]+ records' "doctor: the lag is gone"
sql -c 'SELECT line FROM mortise.audit ORDER BY seq' >"$work/lines"
cat "$work"/demo/trail/*.jsonl | cmp -s - "$work/lines"
ok $? "the database has the trail, each record once, to the byte"
run mortise audit verify --sink pg
status_is 0 "what the database has verifies, and is the trail"
out_like '^pg: [0-9]+ records' "the database's verdict"
out_like '^trail: [0-9]+ records' "the trail's verdict"
run mortise audit search --sink pg --user bob@agency.example --output json
out_like '"action":"token_viewed".*"userEmail":"bob@agency.example"' "the database is searched"
[ "$(wc -l <"$work/out")" = 1 ]
ok $? "for what was asked"
run mortise audit search --sink prisma
status_is 1 "a table of the application's own is not searched"

# --- a person wants to be forgotten
run mortise audit erase --user bob@agency.example --yes
status_is 0 "erase"
query 0 "SELECT count(*) FROM mortise.audit WHERE line LIKE '%bob@%' OR user_email LIKE 'bob@%'" "erased in the database"
query 0 "SELECT count(*) FROM \"AuditLog\" WHERE \"userEmail\" LIKE 'bob@%'" "erased in the application's table"
query 3 "SELECT count(*) FROM mortise.audit WHERE user_email = 'ann@agency.example' AND t = 'outcome'" "others are not"
run mortise audit verify --sink pg
status_is 0 "both verify all the same"

# --- somebody changes a row, or removes one
sql -c "UPDATE mortise.audit SET line = replace(line, 'auth_1', 'auth_2') WHERE seq = 5"
run mortise audit verify --sink pg
status_is 10 "a row that was changed"
out_like '^pg: .*record after 4: hash differs' "a row that was changed: which"
sql -c 'DELETE FROM mortise.audit WHERE seq = 5'
run mortise audit verify --sink pg
status_is 10 "a row that was removed"
run mortise audit verify
status_is 0 "the trail verifies"
! grep -rq not-to-be-seen "$work/demo/trail" "$work/lines"
ok $? "no token in it"
finish
