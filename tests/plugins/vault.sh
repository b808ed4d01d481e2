#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# vault beside what every manager does: logins, mounts, denials, and a server that plays
# what a real one cannot be made to do.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
command -v python3 >/dev/null || skip_all "no python3 for a server"
have_loopback || skip_all "no loopback interface that is up"
unset VAULT_ADDR VAULT_TOKEN VAULT_NAMESPACE VAULT_SKIP_VERIFY BAO_ADDR BAO_TOKEN
demo
# secret FILE TEXT: a file that a value form may read.
secret() {
	printf '%s\n' "$2" >"$work/$1"
	chmod 600 "$work/$1"
}
# configured OPTIONS: what app/* is behind; $address is the server.
configured() {
	cat >"$work/demo/mortise.d/vault.yaml" <<END
backends:
  main: {plugin: vault, ${where:-address: "$address",} $1, call: {timeout: ${timeout:-2s}}}
secret:
  - {match: "app/*", use: main}
END
}
by_token='auth: {token: {file: "'$work'/token"}}'

# --- of our own server: logins by count, standbys, servers that are behind, doubt
python_server own vault_server.py "$work/own"
own=http://127.0.0.1:$port
address=$own
: >"$work/own.log"
secret secret-id secret-of-role
approle="auth: {method: approle, role-id: role, secret-id: {file: \"$work/secret-id\"}}"
# mode TEXT
mode() {
	printf '%s\n' "$1" >"$work/own.mode"
}
mode ''
configured "$approle"
printf one | mortise put app/a >"$work/out" 2>"$work/err"
ok $? "a login by role-id and secret-id"
run mortise get app/a
[ "$(cat "$work/out")" = one ]
ok $? "what it is for"
[ "$(grep -c 'auth/approle/login -$' "$work/own.log")" = 2 ]
ok $? "a login a process, and no token with it"
secret secret-id wrong
run mortise get app/a
status_is 4 "a wrong secret-id"
err_like 'the secret-id is wrong, or the secret-id has been used up' "a wrong secret-id: the message"
secret secret-id secret-of-role
secret jwt jwt
configured "auth: {method: kubernetes, role: web, jwt: {file: \"$work/jwt\"}}"
run mortise get app/a
[ "$(cat "$work/out")" = one ]
ok $? "a login by a service account"

# Of many threads one logs in: at first, after the token was refused, after its end; and
# one renews it, while the others go on.
many() {
	"$builddir/tests/plugins/many" "$MORTISE_CONFIG" "$@" >"$work/out" 2>"$work/err"
	status=$?
}
logins() {
	grep -c "auth/$1 " "$work/own.log"
}
configured "$approle"
timeout=8s configured "$approle"
mode "slow-login 0.3"
: >"$work/own.log"
many 64 2 "touch '$work/own.revoked'"
status_is 0 "64 threads whose token was revoked"
[ "$(logins approle/login)" = 2 ]
ok $? "they make one login ($(logins approle/login) with the first)"
rm "$work/own.revoked"
echo 2 >"$work/own.lease"
: >"$work/own.log"
many 64 2 'sleep 2.5'
status_is 0 "64 threads whose token has ended"
[ "$(logins approle/login)" = 2 ]
ok $? "they make one login, too ($(logins approle/login) with the first)"
# It is due at four of six seconds: on a loaded machine there is some time until the end.
echo 6 >"$work/own.lease"
: >"$work/own.log"
many 64 2 'sleep 4.3'
status_is 0 "64 threads whose token is near its end"
[ "$(logins approle/login)" = 1 ] && [ "$(logins token/renew-self)" = 1 ]
ok $? "it is renewed once"
echo 3600 >"$work/own.lease"
mode ''
: >"$work/own.log"
many 1 1000
status_is 0 "a thousand reads"
[ "$(sed 's/ .*//' "$work/own.log" | sort -u | wc -l)" = 1 ] && [ "$(wc -l <"$work/own.log")" -ge 1000 ]
ok $? "by one connection"

mode "behind 3"
configured "$approle"
run mortise get app/a
[ "$(cat "$work/out")" = one ]
ok $? "a server that is behind is asked again"
mode "index v1:cluster:7:0:hash"
run mortise get app/a
[ "$(cat "$work/out")" = one ]
ok $? "a state that a server has named is named to it"
for status in 412 472 473 501; do
	mode $status
	run mortise get app/a
	status_is 5 "HTTP status $status"
done
mode "standby $own"
run timeout 20 "$program" get app/a
status_is 1 "a standby that sends to itself for ever"
python_server active vault_server.py "$work/active"
active=http://127.0.0.1:$port
printf 'root\n' >"$work/token"
chmod 600 "$work/token"
mode "standby $active"
configured "$by_token"
run mortise get app/a
status_is 1 "a standby that sends to where no address leads"
! grep -q . "$work/active.log"
ok $? "nobody was asked there, with the token or without"
where="address: [\"$own\", \"$active\"]," configured "$by_token"
printf two | mortise put app/b >"$work/out" 2>"$work/err"
ok $? "a standby that sends to the other address: put"
run mortise get app/b
[ "$(cat "$work/out")" = two ] && grep -q 'POST /v1/secret/data/app/b root' "$work/active.log"
ok $? "with its method, its body and the token"
mode ''
# The first address is dead: the second one answers.
where="address: [\"http://127.0.0.1:$(free_port)\", \"$active\"]," configured "$by_token"
run mortise get app/b
[ "$(cat "$work/out")" = two ]
ok $? "an address that is dead is passed over"

configured "$by_token"
: >"$work/own.log"
for kind in "after 502" "after 504" "after 500" vanish; do
	mode "$kind"
	printf '%s' "$kind" | mortise put app/doubt >"$work/out" 2>"$work/err"
	ok $? "a write that was done and not answered ($kind) is found"
	mode ''
	run mortise get app/doubt
	[ "$(cat "$work/out")" = "$kind" ]
	ok $? "it is there ($kind)"
done
[ "$(grep -c 'POST /v1/secret/data/app/doubt' "$work/own.log")" = 4 ]
ok $? "each was sent once"
mode "after 502"
run mortise delete app/doubt
status_is 5 "a delete that was not answered"
err_like 'HTTP status 502' "a delete that was not answered: the message"
mode ''

# --- of a real one
bao=$(packaged bao) || { skip "a real server" "none is installed; build-aux/check does that"; finish; exit; }
openbao main
real=$address
# api METHOD PATH [JSON]: as root.
api() {
	python3 - "$address" "$@" <<'END'
import json, sys, urllib.request
address, method, path, *body = sys.argv[1:]
request = urllib.request.Request(f"{address}/v1/{path}", method=method,
    data=body[0].encode() if body else None, headers={"X-Vault-Token": "root"})
print(urllib.request.urlopen(request).read().decode())
END
}
# member NAME: of the answer's text, wherever it stands.
member() {
	sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"
}
configured "$by_token"
printf value | mortise put app/x >/dev/null 2>"$work/err"
ok $? "a real server: put"
api POST secret/data/app/many '{"data":{"b":"2","a":"1","n":7}}' >/dev/null
run mortise get app/many
[ "$(cat "$work/out")" = '{"a":"1","b":"2","n":7}' ]
ok $? "a secret of several fields is an object, by name"
run mortise get app/many --field b
[ "$(cat "$work/out")" = 2 ]
ok $? "one of them"
printf x | mortise put app/many >"$work/out" 2>"$work/err"
status=$?
status_is 8 "a put over several fields"
err_like 'replace: true' "a put over several fields: the message"
run mortise get app/many --field b
[ "$(cat "$work/out")" = 2 ]
ok $? "they are still there"
configured "replace: true, $by_token"
printf x | mortise put app/many >"$work/out" 2>"$work/err"
ok $? "a put that may"
configured "field: password, $by_token"
printf y | mortise put app/other >/dev/null 2>"$work/err"
api GET secret/data/app/other >"$work/out"
out_like '"password": *"y"' "the field has the name that is configured"

# What was deleted there, or is to be deleted, or has become old.
configured "$by_token"
api DELETE secret/data/app/other >/dev/null
run mortise get app/other
status_is 3 "a deleted version"
err_like 'deleted' "a deleted version: the message"
printf again | mortise put app/other --if-absent >"$work/out" 2>"$work/err"
ok $? "what was deleted is absent"
api POST secret/metadata/app/short '{"delete_version_after":"1h"}' >/dev/null
printf z | mortise put app/short >/dev/null
run mortise history app/short
! grep -q deleted "$work/out"
ok $? "what will be deleted is not"
api POST secret/metadata/app/x '{"cas_required":true,"max_versions":2}' >/dev/null
for i in 1 2 3; do printf "$i" | mortise put app/x >"$work/out" 2>"$work/err" || ok 1 "put $i of cas_required"; done
run mortise history app/x
[ "$(wc -l <"$work/out")" = 2 ]
ok $? "only what is kept is listed"
run mortise get app/x --version main:1
status_is 3 "a version that is not kept"

# Deleted so that it can come back.
cat >"$work/demo/mortise.d/soft.yaml" <<END
backends:
  soft: {plugin: vault, address: "$address", $by_token, call: {recoverable: 30}}
secret:
  - {match: "soft/*", use: soft}
END
printf back | mortise put soft/x >/dev/null
run mortise delete soft/x
status_is 0 "a delete that is recoverable"
run mortise get soft/x
status_is 3 "it is not there"
run mortise delete soft/x
status_is 3 "nor for a second delete"
api POST secret/undelete/soft/x '{"versions":[1]}' >/dev/null
run mortise get soft/x
[ "$(cat "$work/out")" = back ]
ok $? "and it comes back by undelete"
rm "$work/demo/mortise.d/soft.yaml"

# Mounts and namespaces: what is wrong with them is no missing secret.
api POST sys/mounts/team/a/kv '{"type":"kv","options":{"version":"2"}}' >/dev/null
api POST sys/mounts/old '{"type":"kv","options":{"version":"1"}}' >/dev/null
api POST sys/mounts/pki '{"type":"pki"}' >/dev/null
api POST sys/namespaces/ns1 >/dev/null
api POST ns1/sys/mounts/secret '{"type":"kv","options":{"version":"2"}}' >/dev/null
configured "mount: team/a/kv, prefix: web/prod, $by_token"
printf slashes | mortise put app/x >/dev/null 2>"$work/err"
run mortise get app/x
[ "$(cat "$work/out")" = slashes ] && api GET team/a/kv/data/web/prod/app/x >"$work/out"
ok $? "a mount with slashes, and a prefix"
run mortise list
out_is app/x "list: without the prefix"
configured "mount: old, $by_token"
printf plain | mortise put app/x >/dev/null 2>"$work/err"
run mortise get app/x
[ "$(cat "$work/out")" = plain ]
ok $? "version 1 is found out"
run mortise history app/x
status_is 1 "version 1 has no history"
configured "mount: old, kv-version: 1, $by_token"
run "$builddir/core/kit/mortise-plugin-test" "$builddir/plugins/.libs/vault.so" --config "$MORTISE_CONFIG" --backend main
status_is 0 "the kit, version 1"
configured "namespace: ns1, $by_token"
printf ns | mortise put app/x >/dev/null 2>"$work/err"
run mortise get app/x
[ "$(cat "$work/out")" = ns ]
ok $? "a namespace"
configured "mount: nowhere, kv-version: 2, $by_token"
run mortise get app/x
status_is 6 "a mount that is not there"
err_like 'nothing is mounted there; see the options mount' "a mount that is not there: the message"
configured "mount: secret, kv-version: 1, $by_token"
run mortise get app/x
status_is 6 "version 1 where it is 2"
configured "mount: pki, $by_token"
run mortise get app/x
status_is 6 "a mount of another engine"
configured "mount: team/a, $by_token"
run mortise get app/x
status_is 4 "a part of a mount"
configured "namespace: elsewhere, $by_token"
run mortise get app/x
status_is 6 "a namespace that is not there"
err_like 'does not know the option namespace' "a namespace that is not there: the message"

# Tokens: a policy's denial is no reason for a login, a bad token is; renewal.
api POST sys/policies/acl/web '{"policy":"path \"secret/data/app/*\" { capabilities = [\"read\"] }"}' >/dev/null
api POST auth/token/create '{"policies":["web"],"ttl":"1h"}' | member client_token >"$work/web"
chmod 600 "$work/web"
configured "auth: {token: {file: \"$work/web\"}}"
run mortise get app/many
[ "$(cat "$work/out")" = x ]
ok $? "a policy for some paths is enough"
printf no | mortise put app/many >"$work/out" 2>"$work/err"
status=$?
status_is 4 "a policy that allows no writing"
err_like "the token's policies do not allow it" "a policy that allows no writing: the message"
secret token wrong
configured "$by_token"
run mortise get app/many
status_is 4 "a token that is none"
err_like 'the configured token is refused, and there is no other one' "a token that is none: the message"
secret token root
api POST sys/auth/approle '{"type":"approle"}' >/dev/null
api POST auth/approle/role/web '{"token_policies":"web","token_ttl":"1h","secret_id_num_uses":2}' >/dev/null
api GET auth/approle/role/web/role-id | member role_id >"$work/role-id"
api POST auth/approle/role/web/secret-id | member secret_id >"$work/secret-id"
real_role="method: approle, role-id: {file: \"$work/role-id\"}, secret-id: {file: \"$work/secret-id\"}"
configured "auth: {$real_role}"
run mortise get app/many
[ "$(cat "$work/out")" = x ]
ok $? "a real login by role-id and secret-id"
run mortise get app/many
run mortise get app/many
status_is 4 "a secret-id that is used up"
# wrapped PATH: a wrapping token in the file secret-id.
wrapped() {
	python3 - "$address" "$1" <<'END' >"$work/secret-id"
import json, sys, urllib.request
request = urllib.request.Request(f"{sys.argv[1]}/v1/{sys.argv[2]}", method="POST", data=b"{}",
    headers={"X-Vault-Token": "root", "X-Vault-Wrap-TTL": "60s"})
print(json.load(urllib.request.urlopen(request))["wrap_info"]["token"])
END
}
wrapped auth/approle/role/web/secret-id
configured "auth: {$real_role, unwrap: true}"
run mortise get app/many
[ "$(cat "$work/out")" = x ]
ok $? "a wrapped secret-id"
run mortise get app/many
status_is 4 "a wrapping token twice"
err_like 'SOMEBODY ELSE HAS USED IT' "a wrapping token twice: the message"
wrapped auth/token/create
run mortise get app/many
status_is 4 "a wrapping token of something else"
err_like 'wraps no secret-id' "a wrapping token of something else: the message"

# The environment is asked where that is configured, and then too never past certificates.
where=' ' configured "env: true"
run env VAULT_ADDR="$real" VAULT_TOKEN=root "$program" get app/many
[ "$(cat "$work/out")" = x ]
ok $? "VAULT_ADDR and VAULT_TOKEN"
printf 'root\n' >"$work/.vault-token"
run env HOME="$work" BAO_ADDR="$real" "$program" get app/many
[ "$(cat "$work/out")" = x ]
ok $? "BAO_ADDR and ~/.vault-token"
run env VAULT_SKIP_VERIFY=1 VAULT_ADDR="$real" VAULT_TOKEN=root "$program" get app/many
status_is 6 "VAULT_SKIP_VERIFY"
err_like 'certificates are always checked' "VAULT_SKIP_VERIFY: the message"
where=' ' configured "$by_token"
run env VAULT_ADDR="$real" "$program" get app/many
status_is 6 "the environment is not asked otherwise"
configured 'mount: secret'
run mortise check
run mortise get app/many
status_is 6 "no token"
err_like 'the token is missing: give auth.token' "no token: the message"

# A quota, and a seal.
configured "$by_token"
api POST sys/quotas/rate-limit/few '{"path":"secret/","rate":1,"interval":"60s"}' >/dev/null
mortise get app/many >/dev/null 2>&1
mortise get app/many >/dev/null 2>&1
run mortise get app/many
status_is 5 "a quota"
api DELETE sys/quotas/rate-limit/few >/dev/null
api POST sys/seal >/dev/null 2>&1
run mortise get app/many
status_is 5 "a sealed server"
err_like 'the server is sealed' "a sealed server: the message"
printf 'secret: [{match: "app/*", get: [main, store], put: main, delete: main}]\n' >"$work/demo/mortise.d/z.yaml"
run mortise --output json explain get app/many --run
out_like '"entry":"main".*"code":"unavailable"' "a sealed server is an outage ..."
out_like '"entry":"store".*"code":"not_found"' "... and the next one is asked"
rm "$work/demo/mortise.d/z.yaml"
run mortise doctor
out_like 'main.*sealed' "doctor says so"
kill "$server_pid"
wait "$server_pid" 2>/dev/null

# A login by a JWT that a real server checks.
openbao signer
real=$address
openssl genrsa -out "$work/jwt.key" 2048 2>/dev/null
openssl rsa -in "$work/jwt.key" -pubout -out "$work/jwt.pub" 2>/dev/null
# jwt EXPIRES: signed, for the audience "mortise".
jwt() {
	python3 - "$work/jwt.key" "$1" <<'END'
import base64, json, subprocess, sys, time
def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")
claims = {"iss": "tests", "sub": "web", "aud": "mortise", "exp": int(time.time()) + int(sys.argv[2]), "iat": int(time.time()) - 60}
text = part(b'{"alg":"RS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", sys.argv[1]], input=text, stdout=subprocess.PIPE).stdout
print((text + b"." + part(signature)).decode())
END
}
api POST sys/auth/jwt '{"type":"jwt"}' >/dev/null
api POST auth/jwt/config "$(python3 -c 'import json, sys; print(json.dumps({"jwt_validation_pubkeys": [open(sys.argv[1]).read()], "bound_issuer": "tests"}))' "$work/jwt.pub")" >/dev/null
api POST auth/jwt/role/web '{"role_type":"jwt","user_claim":"sub","bound_audiences":["mortise"],"token_policies":["all"]}' >/dev/null
api POST sys/policies/acl/all '{"policy":"path \"secret/*\" { capabilities = [\"create\", \"read\", \"update\", \"delete\", \"list\"] }"}' >/dev/null
jwt 600 >"$work/jwt"
configured "auth: {method: jwt, role: web, jwt: {file: \"$work/jwt\"}}"
printf by-jwt | mortise put app/jwt >"$work/out" 2>"$work/err"
run mortise get app/jwt
[ "$(cat "$work/out")" = by-jwt ]
ok $? "a login by a JWT"
jwt -600 >"$work/jwt"
run mortise get app/jwt
status_is 4 "a JWT that has ended"
jwt 600 >"$work/jwt"
configured "auth: {method: jwt, role: other, jwt: {file: \"$work/jwt\"}}"
run mortise get app/jwt
status_is 4 "a role that is not there"
kill "$server_pid"
wait "$server_pid" 2>/dev/null

# TLS, with HTTP/2, and a login by a certificate.
mkdir "$work/tls"
openbao tls -dev-tls -dev-tls-cert-dir="$work/tls"
configured "http: {ca-file: \"$work/tls/vault-ca.pem\"}, $by_token"
printf tls | mortise put app/tls >/dev/null 2>"$work/err"
run mortise get app/tls
[ "$(cat "$work/out")" = tls ]
ok $? "over TLS"
run mortise --log-level debug get app/tls
err_like 'GET https://[^ ]*/v1/secret/data/app/tls: HTTP/2 200' "by HTTP/2"
! grep -q 'X-Vault-Token\|root' "$work/err"
ok $? "the log has no token"
configured "$by_token"
run mortise get app/tls
status_is 1 "a certificate authority that is not known"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/client.key" -out "$work/client.pem" -days 2 -subj /CN=web \
    -addext extendedKeyUsage=clientAuth >"$work/log" 2>&1
chmod 600 "$work/client.key"
SSL_CERT_FILE=$work/tls/vault-ca.pem api POST sys/policies/acl/all '{"policy":"path \"secret/*\" { capabilities = [\"read\"] }"}' >/dev/null
SSL_CERT_FILE=$work/tls/vault-ca.pem api POST sys/auth/cert '{"type":"cert"}' >/dev/null
SSL_CERT_FILE=$work/tls/vault-ca.pem api POST auth/cert/certs/web "$(python3 -c 'import json, sys
print(json.dumps({"certificate": open(sys.argv[1]).read(), "token_policies": ["all"]}))' "$work/client.pem")" >/dev/null
by_cert="http: {ca-file: \"$work/tls/vault-ca.pem\", cert: \"$work/client.pem\", key: \"$work/client.key\"}"
configured "$by_cert, auth: {method: cert, role: web}"
run mortise get app/tls
[ "$(cat "$work/out")" = tls ]
ok $? "a login by a certificate"
configured "$by_cert, auth: {method: cert, role: other}"
run mortise get app/tls
status_is 4 "a certificate that is not that role's"
configured "http: {ca-file: \"$work/tls/vault-ca.pem\"}, auth: {method: cert}"
run mortise get app/tls
status_is 4 "no certificate"
err_like 'no client certificate; see http.cert' "no certificate: the message"
finish
