#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# rest, and with it the HTTP client of plugins: the kit, statuses, a server that
# misbehaves, certificates that are not good.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
command -v python3 >/dev/null || skip_all "no python3 for a server"
have_loopback || skip_all "no loopback interface that is up"
# serve NAME [CERT KEY [old | mutual CA]]: its port is in $port, its log in NAME.stats.
serve() {
	name=$1
	shift
	python_server "$name" http_server.py "$work/$name.stats" "$@"
}
serve main
main=$port main_pid=$server_pid
serve other
other=$port
echo "http://127.0.0.1:$port/raw/stolen" >"$work/main.stats.other"
mkdir "$work/plugins"
chmod 755 "$work/plugins"
cp "$builddir"/plugins/.libs/rest.so "$work/plugins"
chmod 755 "$work/plugins/rest.so"

demo
# configured NAME OPTIONS: what `app/*` is behind, by a drop-in; $base is its address.
base=http://127.0.0.1:$main
configured() {
	cat >"$work/demo/mortise.d/rest.yaml" <<END
backends:
  api:
    plugin: rest
    base: "$base"
    auth: {header: {X-Api-Key: {file: "$work/key"}}}
    call: {timeout: ${timeout:-2s}}
$1
secret:
  - {match: "app/*", get: ${chain:-api}, put: api, delete: api}
END
}
raw='    get: {url: "/raw/{name}"}
    put: {url: "/raw/{name}"}
    delete: {url: "/raw/{name}"}
    list: {url: "/names?prefix={prefix}", value: "/items/*/name"}'
json='    get: {url: "/json/{name}", value: "/data/value"}
    put: {url: "/json/{name}", body: "{\"value\": \"{value}\"}"}
    delete: {url: "/json/{name}"}
    list: {url: "/names?prefix={prefix}", value: "/items/*/name"}'
printf 'good\n' >"$work/key"
chmod 600 "$work/key"

# --- the kit: as bytes, as JSON, as base64 in JSON
for how in raw json base64; do
	case $how in
	raw)	configured "$raw" ;;
	json)	configured "$json" ;;
	base64)	configured "$json
    encoding: base64" ;;
	esac
	run "$builddir/core/kit/mortise-plugin-test" "$work/plugins/rest.so" --config "$MORTISE_CONFIG" --backend api
	status_is 0 "the kit, $how"
	grep '^fail' "$work/out" | sed 's/^/# /'
	out_like '^ok +secret/list-pages' "the kit, $how: a list"
	case $how in
	json)	out_like '^skip +secret/binary +it refuses bytes that are no text' "$how: bytes are refused" ;;
	*)	out_like '^ok +secret/binary' "$how: bytes are kept" ;;
	esac
done
run mortise list app/
empty out "nothing is left behind"

# --- through a chain, and by one connection
configured "$json"
printf 'a "value"\\ with\nall\tof it' >"$work/value"
run mortise put app/db/pass-word --file "$work/value"
status_is 0 "put"
run mortise get app/db/pass-word
cmp -s "$work/out" "$work/value"
ok $? "get: the same bytes"
run mortise list
out_is app/db/pass-word "list"
: >"$work/main.stats"
run "$builddir/core/kit/mortise-plugin-test" "$work/plugins/rest.so" --config "$MORTISE_CONFIG" --backend api secret/list-pages
[ "$(wc -l <"$work/main.stats")" -gt 240 ] &&
    [ "$(sed -n 's/ .*//p' "$work/main.stats" | sort -u | wc -l)" -le 2 ]
ok $? "$(wc -l <"$work/main.stats") requests, $(sed -n 's/ .*//p' "$work/main.stats" | sort -u | wc -l) connections"
run mortise put app/x --file "$work/value" --if-absent
status_is 1 "a condition: unsupported"
run mortise delete app/db/pass-word
status_is 0 "delete"
run mortise get app/db/pass-word
status_is 3 "and it is gone"

# --- codes: what a status becomes, and that an outage is passed over and a refusal is not
printf local | mortise put kept/local >/dev/null
# bad KIND STATUS NAME [REGEX]
bad() {
	configured "    get: {url: \"/bad/$1/{name}\"}
    put: {url: \"/bad/$1/{name}\"}
    delete: {url: \"/bad/$1/{name}\"}
${more:-}"
	run timeout 20 "$program" get app/a
	status_is "$2" "$1"
	empty out "$1: nothing is released"
	[ -z "${3:-}" ] || err_like "$3" "$1: the message"
	! grep -q 'secret words' "$work/err"
	ok $? "$1: what the server says is not repeated"
}
bad 404 3
bad 401 4 'get of app/a was answered by HTTP status 401'
bad 403 4
bad 409 8
bad 400 2
bad 418 2
bad 500 5
bad 502 5
bad 503 5
bad 429 5
more='    codes: {418: not_found}' bad 418 3
printf 'bad\n' >"$work/key"
configured "$raw"
run mortise get app/a
status_is 4 "a wrong key"
printf 'good\n' >"$work/key"

# --- a server that misbehaves
bad close 5
bad cut 5
bad trickle 5 'did not answer in time'
bad silent 5 'did not answer in time'
bad endless 2 'larger than 4194304 bytes; raise http.max-response'
bad heads 2 'is larger than'
bad garbage 1 'is no HTTP'
bad loop 1 'sends elsewhere by 307'
: >"$work/other.stats"
bad away 1 'to an address that is not configured'
[ ! -s "$work/other.stats" ]
ok $? "away: nobody there was asked, with the key or without"
configured '    get: {url: "/bad/html/{name}", value: "/data/value"}'
run mortise get app/a
status_is 2 "a page that is no JSON"
err_like 'the answer is no JSON' "a page that is no JSON: the message"
configured '    get: {url: "/json/{name}", value: "/data/vlaue"}
    put: {url: "/json/{name}", body: "{\"value\": \"{value}\"}"}
    delete: {url: "/json/{name}"}'
printf x | mortise put app/a >/dev/null
run mortise get app/a
err_like 'the answer has nothing at /data/vlaue' "a pointer that leads nowhere"
# A write that may have had its effect is in doubt, and is not sent twice.
configured '    get: {url: "/raw/{name}"}
    put: {url: "/bad/close/{name}"}
    delete: {url: "/raw/{name}"}'
: >"$work/main.stats"
run mortise put app/a --file "$work/value"
status_is 5 "a put that breaks off"
err_like 'it may have had its effect' "a put that breaks off: the message"
[ "$(grep -c PUT "$work/main.stats")" = 1 ]
ok $? "a put that breaks off: sent once"
: >"$work/main.stats"
configured '    get: {url: "/bad/503/{name}"}'
run mortise get app/a
[ "$(grep -c GET "$work/main.stats")" = 3 ]
ok $? "a read is asked for three times"

# --- in a chain: an outage is passed over, a refusal is not
printf local | mortise put store/a >/dev/null
chain='[api, store]'
for kind in 503 429 500 silent close; do
	configured "    get: {url: \"/bad/$kind/{name}\"}
    put: {url: \"/raw/{name}\"}
    delete: {url: \"/raw/{name}\"}"
	run mortise --output json explain get app/a --run
	out_like '"entry":"store".*"code":"not_found"' "$kind: the next backend is asked"
done
for kind in 401 403; do
	configured "    get: {url: \"/bad/$kind/{name}\"}
    put: {url: \"/raw/{name}\"}
    delete: {url: \"/raw/{name}\"}"
	run mortise --output json explain get app/a --run
	out_like '"entry":"api".*"code":"denied"' "$kind: denied"
	! grep -q '"entry":"store".*"code":"not_found"' "$work/out"
	ok $? "$kind: nobody else is asked"
done
chain=api

# --- a proxy: the one of the options, and no other
: >"$work/other.stats"
printf by-proxy | mortise put app/proxied >"$work/log" 2>&1
configured "$raw
    http: {proxy: \"http://127.0.0.1:$other\"}"
run mortise get app/proxied
grep -q " GET http://127.0.0.1:$main/raw/app/proxied good" "$work/other.stats"
ok $? "a proxy is asked"
: >"$work/other.stats"
configured "$raw"
http_proxy=http://127.0.0.1:$other ALL_PROXY=http://127.0.0.1:$other run mortise get app/a
[ ! -s "$work/other.stats" ]
ok $? "a proxy of the environment is not"

# --- certificates
if command -v openssl >/dev/null; then
	# certificate NAME SUBJECT [DAYS]: signed by ca.
	certificate() {
		openssl req -newkey rsa:2048 -nodes -keyout "$work/$1.key" -out "$work/$1.csr" -subj "/CN=$2" >"$work/log" 2>&1
		printf 'subjectAltName=DNS:%s,IP:127.0.0.1\n' "$2" >"$work/$1.ext"
		[ "$2" != elsewhere.example ] || printf 'subjectAltName=DNS:%s\n' "$2" >"$work/$1.ext"
		openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
		    -days "${3:-1}" -extfile "$work/$1.ext" -out "$work/$1.pem" >>"$work/log" 2>&1
	}
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" -days 2 -subj /CN=ca >"$work/log" 2>&1
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/self.key" -out "$work/self.pem" -days 2 \
	    -subj /CN=localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' >"$work/log" 2>&1
	certificate good localhost
	certificate wrong elsewhere.example
	tls='    http: {ca-file: "'$work'/ca.pem"}'
	serve good "$work/good.pem" "$work/good.key"
	base=https://localhost:$port
	configured "$json
$tls"
	printf tls | mortise put app/tls >"$work/out" 2>"$work/err"
	ok $? "over TLS: put"
	run mortise get app/tls
	[ "$(cat "$work/out")" = tls ]
	ok $? "over TLS: get"
	configured "$json"
	run mortise get app/tls
	status_is 1 "a CA that the system does not know"
	err_like 'see http.ca-file' "a CA that the system does not know: what to do"
	serve wrong "$work/wrong.pem" "$work/wrong.key"
	base=https://localhost:$port
	configured "$json
$tls"
	run mortise get app/tls
	status_is 1 "a certificate of another host"
	configured "$json
    http: {ca-file: \"$work/ca.pem\", server-name: elsewhere.example}"
	run mortise get app/tls
	status_is 3 "server-name says which one it is"
	serve self "$work/self.pem" "$work/self.key"
	base=https://localhost:$port
	configured "$json
$tls"
	run mortise get app/tls
	status_is 1 "a certificate that signed itself"
	certificate expired localhost -1
	serve expired "$work/expired.pem" "$work/expired.key"
	base=https://localhost:$port
	configured "$json
$tls"
	run mortise get app/tls
	status_is 1 "a certificate that is over"
	err_like 'expired' "a certificate that is over: the message"
	serve mutual "$work/good.pem" "$work/good.key" mutual "$work/ca.pem"
	base=https://localhost:$port
	configured "$json
$tls"
	run mortise get app/tls
	[ "$status" != 3 ]
	ok $? "a server that wants a certificate refuses without"
	certificate client me
	chmod 600 "$work/client.key"
	configured "$json
    http: {ca-file: \"$work/ca.pem\", cert: \"$work/client.pem\", key: \"$work/client.key\"}"
	run mortise get app/tls
	status_is 3 "and knows the client by one"
	serve old "$work/good.pem" "$work/good.key" old
	base=https://localhost:$port
	configured "$json
$tls"
	run mortise get app/tls
	status_is 5 "TLS 1.1"
	[ ! -s "$work/self.stats" ] && [ ! -s "$work/expired.stats" ] && [ ! -s "$work/old.stats" ]
	ok $? "no key went to a server that was not good"
else
	skip "certificates" "no openssl command"
fi

# --- nobody there
base=http://127.0.0.1:$main
kill "$main_pid"
wait "$main_pid" 2>/dev/null
configured "$raw"
run mortise get app/a
status_is 5 "nobody there"
run mortise check
status_is 0 "nobody there: the configuration is good all the same"

# --- what is wrong with the options
# wrong OPTIONS REGEX NAME
wrong() {
	configured "$1"
	run mortise list
	status_is 6 "$3"
	err_like "rest\.yaml:[0-9]+:[0-9]+: .*$2" "$3: the message"
}
wrong '    get: {url: "raw/{name}"}' 'its url begins with no /' "a url without a slash"
wrong '    get: {url: "/raw/all"}' '\{name\} is nowhere in it' "a url without a name"
wrong '    get: {url: "/raw/{name}"}
    http: {ca-file: /nowhere/ca.pem}' '/nowhere/ca.pem cannot be read' "a file that is not there"
base=ftp://example
wrong "$raw" '"ftp://example" is no address; it is https://HOST' "an address that is none"
base=https://user:pass@example
wrong "$raw" 'is no address' "an address with a password"
finish
