#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# infisical, against servers of both generations: the kit, what each answer becomes, folders,
# values that a server alters, logins, writes in doubt.
#
# The kit runs against a real one, too: MORTISE_TEST_INFISICAL_ADDR, and with it _CLIENT_ID,
# _CLIENT_SECRET, _PROJECT_ID and _ENVIRONMENT.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
command -v python3 >/dev/null || skip_all "no python3 for a server"
have_loopback || skip_all "no loopback interface that is up"
# serve new|old: its address is in $base, what it was asked in $log.
serve() {
	log=$work/$1.log
	: >"$log"
	python_server "$1" infisical_server.py "$log" "$1"
	base=http://127.0.0.1:$port
}
mkdir "$work/plugins"
chmod 755 "$work/plugins"
cp "$builddir"/plugins/.libs/infisical.so "$work/plugins"
chmod 755 "$work/plugins/infisical.so"
demo
# mode WORDS: how the server misbehaves from now on.
mode() {
	printf '%s\n' "$*" >"$log.mode"
}
# asked REGEX N NAME: so often, since the log was emptied.
asked() {
	[ "$(grep -Ec -- "$1" "$log")" = "$2" ]
	set -- $? "$@"
	ok "$1" "$4"
	[ "$1" = 0 ] || { echo "# expected $3 of $2"; note log "$log"; }
}
# configured [LINES]: what `app/*` is behind.
auth="{client-id: client, client-secret: {file: \"$work/secret\"}}"
where='    project-id: project
    environment: dev'
configured() {
	cat >"$work/demo/mortise.d/infisical.yaml" <<END
backends:
  team:
    plugin: infisical
${base:+    address: \"$base\"}
$where
${auth:+    auth: $auth}
    call: {timeout: 2s}
${1:-}
secret:
  - {match: "app/*", get: team, put: team, delete: team}
END
}
kit() {
	"$builddir/core/kit/mortise-plugin-test" "$work/plugins/infisical.so" --config "$MORTISE_CONFIG" --backend "$@"
}
printf 'secret\n' >"$work/secret"
printf 'jwt\n' >"$work/jwt"
printf 'static\n' >"$work/token"
chmod 600 "$work/secret" "$work/jwt" "$work/token"
# put NAME TEXT
put() {
	printf '%s' "$2" >"$work/value"
	run mortise put "$1" --file "$work/value"
}

for generation in new old; do
	serve "$generation"
	configured
	mode

	# --- the kit
	run kit team
	status_is 0 "$generation: the kit"
	grep '^fail' "$work/out" | sed 's/^/# /'
	out_like '^ok +secret/binary' "$generation: bytes are kept"
	out_like '^ok +secret/undo-unknown' "$generation: undo by the bytes"
	case $generation in
	new)	out_like '^ok +secret/labels' "new: labels" ;;
	old)	out_like '^skip +secret/labels +it keeps no labels' "old: no labels" ;;
	esac
	run mortise list app/
	empty out "$generation: nothing is left behind"
	grep '/secrets' "$log" | grep GET | grep -v 'expandSecretReferences=false' >"$work/out"
	empty out "$generation: no reference is ever resolved"

	# --- the generation is found out once
	: >"$log"
	run mortise get app/none
	status_is 3 "$generation: no such secret"
	asked '^GET /api/status ' 1 "$generation: the status is asked for once"
	case $generation in
	new)	asked '/api/v3/' 0 "new: nothing of the old" ;;
	old)	asked '/api/v4/' 1 "old: the new is tried once" ;;
	esac

	# --- folders
	: >"$log"
	put app/some.where/a_-b/key-1.x first
	status_is 0 "$generation: put in folders that are not there"
	asked '^POST /api/v1/folders 200' 3 "$generation: each of them is made"
	run mortise get app/some.where/a_-b/key-1.x
	[ "$(cat "$work/out")" = first ]
	ok $? "$generation: and it is there"
	: >"$log"
	put app/some.where/a_-b/other second
	asked '^POST /api/v1/folders' 0 "$generation: they are made once"
	run mortise list app/some
	out_is "app/some.where/a_-b/key-1.x
app/some.where/a_-b/other" "$generation: a list has the names back"
	put "app/$(printf '%0100d' 0)" long
	status_is 0 "$generation: a key of 100 bytes"
	put "app/$(printf '%0101d' 0)" long
	status_is 2 "$generation: a key of 101 bytes"
	run mortise get "app/$(printf '%0101d' 0)"
	status_is 3 "$generation: there is none"
	run mortise delete "app/$(printf '%0100d' 0)"
	run mortise get app/nowhere/at/all
	status_is 3 "$generation: a folder that is not there"
	run mortise delete app/nowhere/at/all
	status_is 3 "$generation: nothing to delete in it"
	run mortise get app/some.where/a_-b/other --version 9
	status_is 3 "$generation: a version that is not there"

	# --- values that the server would alter, or read as more
	number=0
	for value in ' blank before' 'blank behind ' 'two ends

' '	' '${NOWHERE}' 'a ${dev.x.Y} b' 'mortise:b64:eA==' "$(printf '\302\240x')" "$(printf 'x\357\273\277')" 'plain' ''; do
		number=$((number + 1))
		put app/value "$value"
		[ "$status" = 0 ] || note put "$work/err"
		run mortise get app/value
		cmp -s "$work/out" "$work/value"
		ok $? "$generation: value $number comes back as it was"
	done
	printf 'pem\n' >"$work/value"
	run mortise put app/value --file "$work/value"
	run mortise get app/value
	cmp -s "$work/out" "$work/value"
	ok $? "$generation: one line's end stays"
	mode altered
	put app/value altered
	status_is 1 "$generation: a server that alters values"
	err_like 'read back it is something else' "$generation: a server that alters values: the message"
	mode

	# --- what each answer becomes
	# bad MODE GET PUT REGEX
	bad() {
		mode "$1"
		run mortise get app/value
		status_is "$2" "$generation: $1: get"
		[ -z "$4" ] || err_like "$4" "$generation: $1: the message"
		! grep -q 'SeCrEt' "$work/err"
		ok $? "$generation: $1: what the server says is not repeated"
		empty out "$generation: $1: nothing is released"
		put app/value anew
		status_is "$3" "$generation: $1: put"
		mode
	}
	bad forbidden 4 4 'see its role in the project'
	bad e2ee 6 6 'end-to-end encrypted'
	bad 429 5 5 'takes no more requests'
	bad 429-header 5 5 'takes no more requests'
	bad 500 5 5 'HTTP status 500'
	bad 503 5 5 'HTTP status 503'
	bad html 1 1 'as no Infisical would'
	mode forbidden
	run mortise --output json get app/value
	grep -q 'req-[0-9a-f]' "$work/out" "$work/err"
	ok $? "$generation: the request's id is told"
	mode
	if [ "$generation" = new ]; then
		mode hidden
		run mortise get app/value
		status_is 4 "hidden values"
		empty out "hidden values: nothing is released"
		err_like 'may not read values' "hidden values: the message"
	fi
	mode approval
	put app/value anew
	status_is 4 "$generation: a put under a change policy"
	err_like 'change policy' "$generation: a put under a change policy: the message"
	run mortise delete app/value
	status_is 4 "$generation: a delete under one"
	mode
	run mortise get app/value
	status_is 0 "$generation: and it is still there"
	where='    project-id: nobodys
    environment: dev'
	configured
	run mortise get app/value
	status_is 6 "$generation: another project"
	err_like 'see the option project-id' "$generation: another project: the message"
	where='    project-id: project
    environment: nowhere'
	configured
	run mortise get value
	put app/x/y x
	status_is 6 "$generation: another environment"
	err_like 'see the option environment' "$generation: another environment: the message"
	where='    project-id: project
    environment: dev'
	configured

	# --- writes in doubt
	put app/doubt first
	mode lost
	: >"$log"
	put app/doubt second
	status_is 0 "$generation: a put whose answer is lost, and that is done"
	asked '^PATCH .* cut' 1 "$generation: it was sent once"
	put app/new-doubt first
	status_is 0 "$generation: the same, of a new name"
	mode dropped
	put app/doubt third
	status_is 5 "$generation: a put that is lost, and not done"
	err_like 'it may have had its effect' "$generation: a put that is lost: the message"
	put app/doubt second
	status_is 5 "$generation: the same, with the bytes that are there"
	mode
	run mortise get app/doubt
	[ "$(cat "$work/out")" = second ]
	ok $? "$generation: what was done is there"
	mode raced
	: >"$log"
	put app/doubt fourth
	status_is 0 "$generation: of two that make it at once both are right"
	asked '^POST .* 400' 1 "$generation: one of them was told that it is there"
	mode

	# --- logins
	: >"$log"
	run kit team secret/threads
	asked 'universal-auth/login 200' "$(grep -c '/api/status' "$log")" "$generation: a login an instance"
	mode slow
	: >"$log"
	kit team secret/list-pages >"$work/out" 2>"$work/err" &
	sleep 1
	mode slow revoke
	wait $!
	ok $? "$generation: a token that is revoked in the middle"
	asked 'universal-auth/login 200' 2 "$generation: there is one more login"
	mode slow short
	: >"$log"
	run kit team secret/list-pages
	status_is 0 "$generation: tokens that live for two seconds"
	asked 'universal-auth/login 200' 1 "$generation: one login"
	[ "$(grep -c 'token/renew 200' "$log")" -ge 2 ]
	ok $? "$generation: and $(grep -c 'token/renew 200' "$log") renewals"
	mode slow short no-renew
	: >"$log"
	run kit team secret/list-pages
	status_is 0 "$generation: tokens that are not renewed"
	[ "$(grep -c 'token/renew 403' "$log")" -ge 2 ] &&
	    [ "$(grep -c 'universal-auth/login 200' "$log")" -ge 3 ]
	ok $? "$generation: $(grep -c 'universal-auth/login 200' "$log") logins"
	mode
	printf 'wrong\n' >"$work/secret"
	run mortise get app/doubt
	status_is 4 "$generation: a wrong secret"
	err_like 'the login is refused' "$generation: a wrong secret: the message"
	printf 'secret\n' >"$work/secret"
	for method in kubernetes oidc; do
		auth="{method: $method, identity-id: identity, jwt: {file: \"$work/jwt\"}}"
		configured
		run mortise get app/doubt
		status_is 0 "$generation: a login by $method"
	done
	auth="{method: oidc, identity-id: nobody, jwt: {file: \"$work/jwt\"}}"
	configured
	run mortise get app/doubt
	status_is 6 "$generation: an identity that is not there"
	auth="{method: token, token: {file: \"$work/token\"}}"
	configured
	: >"$log"
	run mortise get app/doubt
	status_is 0 "$generation: a token of one's own"
	asked '/auth/' 0 "$generation: there is no login"
	mode revoke-all
	run mortise get app/doubt
	status_is 4 "$generation: it was revoked"
	err_like 'the configured token is refused' "$generation: it was revoked: the message"
	mode

	# --- the environment
	auth= where= served=$base base=
	INFISICAL_API_URL=$served/api INFISICAL_CLIENT_ID=client INFISICAL_CLIENT_SECRET=secret
	INFISICAL_PROJECT_ID=project INFISICAL_ENVIRONMENT=dev
	export INFISICAL_API_URL INFISICAL_CLIENT_ID INFISICAL_CLIENT_SECRET INFISICAL_PROJECT_ID INFISICAL_ENVIRONMENT
	configured '    env: true'
	run mortise get app/doubt
	status_is 0 "$generation: all of it from the environment"
	INFISICAL_TOKEN=nobodys run mortise get app/doubt
	status_is 4 "$generation: a token there goes before"
	configured
	run mortise get app/doubt
	status_is 6 "$generation: without \`env\` nothing of it is taken"
	unset INFISICAL_API_URL INFISICAL_CLIENT_ID INFISICAL_CLIENT_SECRET INFISICAL_PROJECT_ID INFISICAL_ENVIRONMENT
	base=$served
	where='    project-id: project
    environment: dev'
	auth="{client-id: client, client-secret: {file: \"$work/secret\"}}"

	# --- below a folder, and `check`
	configured '    path: //in/a_-b/'
	: >"$log"
	put app/z below
	run mortise list app/
	out_is app/z "$generation: below a folder"
	asked '^POST /api/v1/folders 200' 3 "$generation: and the folder is made with the others"
	run mortise doctor
	! grep -Eq 'team.*(fail|denied|unavailable)' "$work/out"
	ok $? "$generation: doctor finds it"
	configured
done

# --- nobody there
kill $server_pid
wait $server_pid 2>/dev/null
run mortise get app/value
status_is 5 "nobody there"
run mortise check
status_is 0 "nobody there: the configuration is good all the same"

# --- what is wrong with the options
# wrong REGEX NAME [OPTIONS]
wrong() {
	configured "${3:-}"
	run mortise list
	status_is 6 "$2"
	err_like "infisical\.yaml:[0-9]+:[0-9]+: .*$1" "$2: the message"
}
where='    environment: dev' wrong 'project-id is missing' "no project"
where='    project-id: project' wrong 'environment is missing' "no environment"
auth= wrong 'client-id is missing' "no client id"
auth='{client-id: client}' wrong 'client-secret is missing' "no client secret"
auth='{method: token}' wrong 'token is missing' "no token"
auth='{method: oidc, identity-id: x}' wrong 'jwt' "no jwt"
base=ftp://example wrong 'is no address' "an address that is none"
wrong 'names of' "a folder that cannot be one" '    path: /a.b'

# --- a real one
if [ -n "${MORTISE_TEST_INFISICAL_ADDR:-}" ]; then
	base=$MORTISE_TEST_INFISICAL_ADDR
	where="    project-id: \"$MORTISE_TEST_INFISICAL_PROJECT_ID\"
    environment: \"$MORTISE_TEST_INFISICAL_ENVIRONMENT\""
	printf '%s\n' "$MORTISE_TEST_INFISICAL_CLIENT_SECRET" >"$work/secret"
	auth="{client-id: \"$MORTISE_TEST_INFISICAL_CLIENT_ID\", client-secret: {file: \"$work/secret\"}}"
	configured
	run kit team
	status_is 0 "a real server: the kit"
	grep '^fail' "$work/out" | sed 's/^/# /'
fi
finish
