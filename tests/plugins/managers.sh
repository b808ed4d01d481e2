#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# One suite for the local store and every secret manager: nothing but the backend's
# lines in the configuration differs.  A manager that the environment names is used
# instead of one that is started here: MORTISE_TEST_VAULT_ADDR and _TOKEN,
# MORTISE_TEST_INFISICAL_ADDR and _CLIENT_ID, _CLIENT_SECRET, _PROJECT_ID, _ENVIRONMENT,
# MORTISE_TEST_AWS_ENDPOINT with the keys of the environment.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
command -v python3 >/dev/null || skip_all "no python3 for a server"
have_loopback || skip_all "no loopback interface that is up"
plugins=$work/plugins
mkdir "$plugins"
chmod 755 "$plugins"
cp "$builddir"/plugins/.libs/*.so "$builddir"/tests/mocks/.libs/mock.so "$plugins"
chmod 755 "$plugins"/*.so
demo
kit=$builddir/core/kit/mortise-plugin-test

# configure WHAT LINE...: the operations' chains (use: NAME), and the backends.
configure() {
	what=$1
	shift
	{
		printf 'plugin-path: ["%s"]\nbackends:%s\n' "$plugins" "$([ $# -gt 0 ] || echo ' {}')"
		for line in "$@"; do printf '  %s\n' "$line"; done
		printf 'secret:\n  - {match: "*", %s}\n' "$what"
	} >"$work/demo/mortise.d/build.yaml"
}

# What differs.  map_NAME ADDRESS: the backend; who answers there is started once.
map_local() {
	echo "{plugin: local, path: \"$work/other.db\", key: {file: \"$work/demo/local.key\"}}"
}
start_vault() {
	printf '%s\n' "${MORTISE_TEST_VAULT_TOKEN:-root}" >"$work/vault.token"
	chmod 600 "$work/vault.token"
	address=${MORTISE_TEST_VAULT_ADDR:-}
	[ -n "$address" ] && return
	bao=$(packaged bao) && openbao vault
}
map_vault() {
	echo "{plugin: vault, address: \"$1\", auth: {token: {file: \"$work/vault.token\"}}, call: {timeout: 1s}}"
}

start_infisical() {
	printf '%s\n' "${MORTISE_TEST_INFISICAL_CLIENT_SECRET:-secret}" >"$work/infisical.secret"
	chmod 600 "$work/infisical.secret"
	address=${MORTISE_TEST_INFISICAL_ADDR:-}
	[ -n "$address" ] && return
	python_server infisical infisical_server.py "$work/infisical.log" new
	address=http://127.0.0.1:$port
}
map_infisical() {
	echo "{plugin: infisical, address: \"$1\", project-id: ${MORTISE_TEST_INFISICAL_PROJECT_ID:-project}," \
	    "environment: ${MORTISE_TEST_INFISICAL_ENVIRONMENT:-dev}, call: {timeout: 1s}," \
	    "auth: {client-id: ${MORTISE_TEST_INFISICAL_CLIENT_ID:-client}, client-secret: {file: \"$work/infisical.secret\"}}}"
}

start_aws() {
	printf 'key\n' >"$work/aws.key"
	chmod 600 "$work/aws.key"
	address=${MORTISE_TEST_AWS_ENDPOINT:-}
	[ -n "$address" ] && return
	moto=$(packaged moto_server) || return
	port=$(free_port)
	"$(dirname "$moto")/python3" "$srcdir/tests/plugins/moto_server.py" "$port" >"$work/moto.out" 2>&1 &
	server_pid=$!
	pids="$pids $server_pid"
	address=http://127.0.0.1:$port
	answers "$address/moto-api/"
}
# With the keys of the environment where the endpoint is named there.
map_aws() {
	aws_keys="access-key-id: key, secret-access-key: {file: \"$work/aws.key\"},"
	[ -z "${MORTISE_TEST_AWS_ENDPOINT:-}" ] || aws_keys=
	echo "{plugin: aws, region: ${AWS_REGION:-us-east-1}, endpoint: \"$1\", $aws_keys call: {timeout: 1s}}"
}

# --- what every store keeps
keeps() {
	configure "use: main" "main: $(map_"$1" "$address")"
	run "$kit" "$plugins/$1.so" --config "$MORTISE_CONFIG" --backend main
	status_is 0 "$1: the kit"
	grep '^fail' "$work/out" | sed 's/^/# /'
	out_like '^ok +secret/undo-unknown' "$1: the kit has tried undo"
	out_like '^ok +secret/if-version' "$1: the kit has tried conditions"

	printf 'first\n' | mortise put app/db/password --label team=web >"$work/out" 2>"$work/err"
	ok $? "$1: put"
	version=$(cat "$work/out")
	run mortise get app/db/password
	out_is first "$1: get"
	head -c 3000 /dev/urandom >"$work/bytes"
	run mortise put app/db/password --file "$work/bytes" --if-version "$version"
	status_is 0 "$1: put on a version"
	newest=$(cat "$work/out")
	run mortise get app/db/password
	cmp -s "$work/out" "$work/bytes"
	ok $? "$1: get of bytes that are no text"
	run mortise put app/db/password --file "$work/bytes" --if-version "$version"
	status_is 8 "$1: put on a version that is not the newest"
	run mortise put app/db/password --file "$work/bytes" --if-absent
	status_is 8 "$1: put if absent of what is there"
	run mortise get app/db/password --version "$version"
	out_is first "$1: get of the version before"
	run mortise history app/db/password
	# Not each manager tells of the older ones.
	[ "$(head -n 1 "$work/out")" = "$newest" ]
	ok $? "$1: history, newest first"
	run mortise list app/
	out_is app/db/password "$1: list"
	printf '{"user":"u","pass":"p"}' | mortise put app/json >/dev/null 2>&1
	run mortise get app/json --field pass
	[ "$(cat "$work/out")" = p ]
	ok $? "$1: get of a member"
	run mortise delete app/db/password
	status_is 0 "$1: delete"
	run mortise get app/db/password
	status_is 3 "$1: get of what was deleted"
	run mortise delete app/db/password
	status_is 3 "$1: delete of what is not there"
	run mortise get app/db/password --version "$version"
	status_is 3 "$1: its versions are gone, too"
	mortise delete app/json >/dev/null 2>&1
	run mortise list
	empty out "$1: nothing is left"
}

# --- a put that the next backend refuses leaves all as it was
takes_back() {
	for order in "store, main, bad" "main, store, bad"; do
		configure "use: main" "main: $(map_"$1" "$address")"
		printf old | mortise put app/kept >/dev/null 2>&1
		configure "use: store"
		printf old | mortise put app/kept >/dev/null 2>&1
		configure "get: main, put: [$order], delete: main" "main: $(map_"$1" "$address")" \
		    'bad: {plugin: mock, fail: denied}'
		printf new | mortise put app/kept >"$work/out" 2>"$work/err"
		status=$?
		status_is 4 "$1: a put whose last backend refuses ($order)"
		run mortise get app/kept
		[ "$(cat "$work/out")" = old ]
		ok $? "$1: get answers what it answered before ($order)"
		printf new | mortise put app/new >/dev/null 2>&1
		run mortise get app/new
		status_is 3 "$1: what was not there is not there ($order)"
		configure "use: store"
		run mortise get app/kept
		[ "$(cat "$work/out")" = old ]
		ok $? "$1: so does the store ($order)"
	done
	configure "use: main" "main: $(map_"$1" "$address")"
	mortise delete app/kept >/dev/null 2>&1
	mortise delete app/new >/dev/null 2>&1
}

# --- an outage is passed over, a refusal is not.  asked NAME WHAT CODE [ADDRESS]
asked() {
	configure "get: [main, store], put: main, delete: main" "main: $(map_"$1" "${4:-$address}")"
	run timeout 20 "$program" --output json explain get app/stand-in --run
	out_like "\"entry\":\"main\".*\"code\":\"$3\"" "$1: $2 is $3"
	if [ "$3" = denied ]; then
		! grep -q '"entry":"store".*"code":"ok"' "$work/out"
	else
		grep -q '"entry":"store".*"code":"ok"' "$work/out"
	fi
	ok $? "$1: $2: $([ "$3" = denied ] && echo 'nobody else is asked' || echo 'the next one answers')"
}
fails_over() {
	configure "use: store"
	printf stand-in | mortise put app/stand-in >/dev/null 2>&1
	bad=http://127.0.0.1:$bad_port/bad
	for kind in 429 503 close silent cut; do
		asked "$1" "$kind" '(unavailable|timeout)' "$bad/$kind"
	done
	asked "$1" "broken TLS" unavailable "https://127.0.0.1:$bad_port"
	asked "$1" "nobody there" unavailable "http://127.0.0.1:$(free_port)"
	for kind in 401 403; do
		asked "$1" "$kind" denied "$bad/$kind"
	done
	# In none of these: hung, or more than it may read.
	for kind in endless heads trickle garbage html loop away; do
		configure "use: main" "main: $(map_"$1" "$bad/$kind")"
		run timeout 20 "$program" get app/stand-in
		[ "$status" != 0 ] && [ "$status" != 124 ] && [ "$status" -lt 128 ]
		ok $? "$1: a server that answers $kind: status $status"
		empty out "$1: $kind: nothing is released"
	done
	[ ! -s "$work/elsewhere.log" ]
	ok $? "$1: nobody elsewhere was asked"
}
# Of a server that was started here: stopped, and stalled.
stops() {
	configure "use: main" "main: $(map_"$1" "$address")"
	kill -STOP "$server_pid"
	asked "$1" "a stalled server" '(unavailable|timeout)'
	kill -CONT "$server_pid"
	asked "$1" "that goes on" not_found
	kill "$server_pid"
	wait "$server_pid" 2>/dev/null
	asked "$1" "a stopped server" unavailable
}

python_server bad http_server.py "$work/bad.log"
bad_port=$port
python_server elsewhere http_server.py "$work/elsewhere.log"
echo "http://127.0.0.1:$port/raw/stolen" >"$work/bad.log.other"
address= server_pid=
keeps local
takes_back local
for manager in vault infisical aws; do
	[ -e "$plugins/$manager.so" ] || continue
	server_pid=
	if ! start_$manager; then
		skip "$manager" "no server of it is installed; build-aux/check does that"
		continue
	fi
	keeps $manager
	takes_back $manager
	fails_over $manager
	[ -z "$server_pid" ] || stops $manager
done
finish
