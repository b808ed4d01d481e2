#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Secret managers: a get against bare libcurl and against the usual client, and a migration
# with sixteen in flight.  Real servers where they are installed (MORTISE_TEST_PACKAGES).
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
demo
name=app/bench
# backend LINES: in both configurations; the first has no trail.
mkdir -p "$work/null/mortise.d"
backend() {
	printf 'version: 1\nplugin-path: [%s/plugins/.libs]\nbackends: {main: %s}\nsecret: [{match: "*", use: main}]\n' \
	    "$builddir" "$1" >"$work/null/mortise.yaml"
	cp "$work/null/mortise.yaml" "$work/demo/mortise.yaml"
	echo 'audit: off' >>"$work/null/mortise.yaml"
	echo "audit: {trail: {path: trail}}" >>"$work/demo/mortise.yaml"
	chmod 600 "$work/null/mortise.yaml" "$work/demo/mortise.yaml"
	printf 'a value of some length, as a password is' | mortise put $name >"$work/log" 2>&1 ||
	    { cat "$work/log" >&2; exit 1; }
}
bench() {
	"$builddir/tests/bench/manager" "$1" "$work/null/mortise.yaml" "$work/demo/mortise.yaml" $name "$2" "$3" \
	    "$4" "$5" "$6" "$7" "$8"
}
printf 'root\n' >"$work/token"
printf 'key\n' >"$work/key"
printf 'secret\n' >"$work/secret"
chmod 600 "$work/token" "$work/key" "$work/secret"
python=${MORTISE_TEST_PACKAGES:+$MORTISE_TEST_PACKAGES/bin/}python3
if bao=$(packaged bao); then
	openbao vault
	backend "{plugin: vault, address: \"$address\", kv-version: 2, auth: {token: {file: \"$work/token\"}}}"
	bench vault hvac "$python $srcdir/tests/bench/rival.py hvac $address root $name" \
	    "$address/v1/secret/data/$name" "X-Vault-Token: root" "X-Vault-Request: true" "Accept: */*" "X-None: none"
else
	echo "bench: no OpenBao is installed" >&2
fi
python_server infisical infisical_server.py "$work/infisical.log" new
address=http://127.0.0.1:$port
backend "{plugin: infisical, address: \"$address\", project-id: project, environment: dev, auth: {client-id: client, client-secret: {file: \"$work/secret\"}}}"
token=$(python3 -c 'import json, sys, urllib.request
request = urllib.request.Request(sys.argv[1] + "/api/v1/auth/universal-auth/login", method="POST",
    data=b"{\"clientId\":\"client\",\"clientSecret\":\"secret\"}", headers={"Content-Type": "application/json"})
print(json.load(urllib.request.urlopen(request))["accessToken"])' "$address")
bench infisical "Python's http.client" "$python $srcdir/tests/bench/rival.py http $address project dev client secret $name" \
    "$address/api/v4/secrets/bench?projectId=project&environment=dev&secretPath=%2Fapp&viewSecretValue=true&expandSecretReferences=false&include_imports=false&type=shared" \
    "Authorization: Bearer $token" "Accept: */*" "X-None: none" "X-None: none"
if moto=$(packaged moto_server); then
	port=$(free_port)
	"$(dirname "$moto")/python3" "$srcdir/tests/plugins/moto_server.py" "$port" >"$work/moto.out" 2>&1 &
	pids="$pids $!"
	address=http://127.0.0.1:$port
	answers "$address/moto-api/"
	backend "{plugin: aws, region: us-east-1, endpoint: \"$address\", access-key-id: key, secret-access-key: {file: \"$work/key\"}}"
	BENCH_POST="{\"SecretId\":\"$name\",\"VersionStage\":\"AWSCURRENT\"}" BENCH_SIGN=aws:amz:us-east-1:secretsmanager \
	    BENCH_KEYS=key:key bench aws boto3 "$python $srcdir/tests/bench/rival.py boto3 $address $name" "$address/" \
	    "X-Amz-Target: secretsmanager.GetSecretValue" "Content-Type: application/x-amz-json-1.1" "Accept: */*" "X-None: none"
else
	echo "bench: no moto is installed" >&2
fi
