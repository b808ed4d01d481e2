#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# aws beside what every manager does: where keys come from, and a server that plays what
# moto cannot be made to do.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
command -v python3 >/dev/null || skip_all "no python3 for a server"
have_loopback || skip_all "no loopback interface that is up"
for variable in $(env | sed -n 's/^\(AWS_[A-Z0-9_]*\)=.*/\1/p'); do unset "$variable"; done
HOME=$work/home
mkdir -p "$HOME/.aws"
export HOME
demo
python_server own aws_server.py "$work/own"
own=http://127.0.0.1:$port
printf 'key\n' >"$work/key"
chmod 600 "$work/key"
# configured OPTIONS: what app/* is behind.
configured() {
	cat >"$work/demo/mortise.d/aws.yaml" <<END
backends:
  main: {plugin: aws, endpoint: "$own", $1 call: {timeout: ${timeout:-3s}}}
secret:
  - {match: "app/*", use: main}
END
}
given="region: us-east-1, access-key-id: AKID, secret-access-key: {file: \"$work/key\"},"
mode() { printf '%s\n' "$1" >"$work/own.mode"; }
# got NAME: what a get says, or its status.
got() {
	run mortise get "$1"
	if [ "$status" = 0 ]; then cat "$work/out"; else echo "status $status"; fi
}
# by WHO NAME: the last request of a get was signed by these keys.
by() {
	: >"$work/own.log"
	got app/a >"$work/value"
	[ "$(cat "$work/value")" = one ] && [ "$(tail -n 1 "$work/own.log")" = "$1 GetSecretValue" ]
	set -- $? "$2"
	ok "$1" "$2"
	[ "$1" = 0 ] || { note err "$work/err"; note log "$work/own.log"; }
}
mode ''
configured "$given"
printf one | mortise put app/a >"$work/out" 2>"$work/err"
ok $? "put with given keys"
by AKID "get with given keys"

# --- what goes wrong
mode "throttle 2"
[ "$(got app/a)" = one ]
ok $? "a server that throttles is asked again"
mode "throttle-web 2"
[ "$(got app/a)" = one ]
ok $? "and by HTTP status 429"
mode "throttle 100"
: >"$work/own.log"
[ "$(got app/a)" = 'status 5' ]
ok $? "but not for ever"
[ "$(grep -c GetSecretValue "$work/own.log")" = 4 ]
ok $? "four times in all"
mode "throttle 2"
printf two | mortise put app/b >"$work/out" 2>"$work/err"
ok $? "a write is asked again, too: it was refused"
for row in "AccessDeniedException 4" "UnrecognizedClientException 4" "InvalidSignatureException 4" \
    "ResourceNotFoundException 3" "ValidationException 2" "LimitExceededException 2" \
    "DecryptionFailure 1" "com.amazonaws#OptInRequired 4" "SomethingElse 2"; do
	mode "error ${row% *}"
	run mortise get app/a
	status_is "${row#* }" "${row% *}"
	! grep -q 'secret words' "$work/err"
	ok $? "${row% *}: what the server says is not repeated"
done
mode "skew 600"
[ "$(got app/a)" = one ]
ok $? "a clock that is ten minutes ahead"
mode "skew 200000"
run mortise get app/a
status_is 4 "a clock of another day"
err_like 'the clocks of server and host differ' "a clock of another day: the message"
mode "deleting 3"
printf new | mortise put app/reborn >"$work/out" 2>"$work/err"
ok $? "a name that is being deleted is made once it is gone"
mode "deleting 1000"
printf new | mortise put app/stuck >"$work/out" 2>"$work/err"
status=$?
status_is 5 "or not in time"
err_like 'is being deleted' "or not in time: the message"
for kind in "after 502" "after 500" vanish; do
	mode "$kind"
	printf '%s' "$kind" >"$work/value"
	: >"$work/own.log"
	run timeout 20 "$program" put app/doubt --file "$work/value"
	status_is 5 "a write that is never answered ($kind)"
	mode ''
	[ "$(got app/doubt)" = 'status 3' ]
	ok $? "it was taken back ($kind)"
	[ "$(grep -c DeleteSecret "$work/own.log")" -ge 1 ]
	ok $? "for it was done ($kind)"
done
mode pages
[ "$(mortise list app/ | tr '\n' ' ')" = "app/a app/b app/reborn " ]
ok $? "a list of several pages, one of them empty"
mode ''
# A name that ends as an ARN does.
printf arn | mortise put app/x-abcdef >"$work/out" 2>"$work/err"
[ "$(got app/x-abcdef)" = arn ] && mortise list app/x | grep -qx app/x-abcdef
ok $? "a name that ends in a hyphen and six characters"
mortise delete app/x-abcdef >"$work/log" 2>&1

# --- deleted so that it can come back
cat >"$work/demo/mortise.d/soft.yaml" <<END
backends:
  soft: {plugin: aws, endpoint: "$own", $given call: {recoverable: 7}}
secret:
  - {match: "soft/*", use: soft}
END
printf soft | mortise put soft/x >/dev/null
run mortise delete soft/x
status_is 0 "a delete that is recoverable"
[ "$(got soft/x)" = 'status 3' ]
ok $? "it is not there"
printf again | mortise put soft/x >/dev/null
[ "$(got soft/x)" = again ]
ok $? "and a put restores it"
sed -i 's/recoverable: 7/recoverable: 6/' "$work/demo/mortise.d/soft.yaml"
run mortise get soft/x
status_is 6 "six days are too few"
err_like 'AWS keeps what is deleted for 7 to 30 days' "six days are too few: the message"
printf 'backends:\n  plain: {plugin: local, path: p.db, key: {file: k}, call: {recoverable: 7}}\n' >"$work/demo/mortise.d/soft.yaml"
run mortise check
status_is 6 "a plugin that cannot"
err_like 'plugin local cannot keep what is deleted' "a plugin that cannot: the message"
rm "$work/demo/mortise.d/soft.yaml"

# --- where keys come from
configured "region: us-east-1,"
run env AWS_EC2_METADATA_DISABLED=true "$program" get app/a
status_is 4 "no keys anywhere"
err_like 'there are no keys: neither in the options' "no keys anywhere: the message"
AWS_ACCESS_KEY_ID=AKID AWS_SECRET_ACCESS_KEY=key by AKID "keys of the environment"
printf 'good-jwt\n' >"$work/jwt"
printf 'good-jwt\n' >"$work/own.jwt"
AWS_ENDPOINT_URL_STS=$own AWS_WEB_IDENTITY_TOKEN_FILE=$work/jwt AWS_ROLE_ARN=arn:aws:iam::1:role/web \
    by ASIA-web "keys of a web identity"
printf 'bad-jwt\n' >"$work/jwt"
run env AWS_ENDPOINT_URL_STS="$own" AWS_WEB_IDENTITY_TOKEN_FILE="$work/jwt" AWS_ROLE_ARN=arn:x "$program" get app/a
status_is 4 "a web identity that is refused"
cat >"$HOME/.aws/credentials" <<END
# keys
[default]
aws_access_key_id = AKID
aws_secret_access_key = key

[other]
aws_access_key_id=WRONG
aws_secret_access_key=key
END
cat >"$HOME/.aws/config" <<END
[default]
region = us-east-1
[profile role]
role_arn = arn:aws:iam::1:role/x
source_profile = default
external_id = from outside
[profile again]
role_arn = arn:aws:iam::1:role/y
source_profile = role
[profile circle]
role_arn = arn:aws:iam::1:role/z
source_profile = circle2
[profile circle2]
role_arn = arn:aws:iam::1:role/z
source_profile = circle
[profile refused]
role_arn = arn:aws:iam::1:role/refused
source_profile = default
[profile process]
credential_process = $work/process --name "a b" 'c'
[profile sso]
sso_session = corp
[profile placed]
services = here
source_profile = default
[services here]
secrets_manager =
  endpoint_url = $own
END
cat >"$work/process" <<'END'
#!/bin/sh
[ "$1 $2 $3" = "--name a b c" ] || exit 1
printf '{"Version":1,"AccessKeyId":"AKID","SecretAccessKey":"key"}'
END
chmod 755 "$work/process"
configured ""
by AKID "keys and the region of the default profile"
export AWS_ENDPOINT_URL_STS=$own
configured "profile: role,"
AWS_REGION=us-east-1 by ASIA-role "keys of a role"
configured "profile: again,"
AWS_REGION=us-east-1 by ASIA-role "keys of a role by those of another"
configured "region: us-east-1, profile: circle,"
run mortise get app/a
status_is 6 "profiles in a circle"
configured "region: us-east-1, profile: refused,"
run mortise get app/a
status_is 4 "a role that is refused"
configured "region: us-east-1, profile: process,"
by AKID "keys of a process"
configured "region: us-east-1, profile: sso,"
run mortise get app/a
status_is 1 "sso"
err_like 'aws configure export-credentials' "sso: what to do"
configured "region: us-east-1, profile: nowhere,"
run mortise get app/a
status_is 4 "a profile that is not there"
configured "region: us-east-1, profile: other,"
run mortise get app/a
status_is 4 "keys that nobody knows"
rm "$HOME/.aws/credentials"
configured "region: us-east-1,"
export AWS_CONTAINER_CREDENTIALS_FULL_URI=$own/box
by ASIA-box "keys of a container"
printf 'token-of-the-box\n' >"$work/box"
printf 'token-of-the-box\n' >"$work/own.box"
AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$work/box by ASIA-box "with a token for it, from a file"
run mortise get app/a
status_is 5 "and not without"
AWS_CONTAINER_CREDENTIALS_FULL_URI=http://example.com/box run mortise get app/a
status_is 6 "plain HTTP to elsewhere"
unset AWS_CONTAINER_CREDENTIALS_FULL_URI
export AWS_EC2_METADATA_SERVICE_ENDPOINT=$own
by ASIA-machine "keys of the machine"
rm "$HOME/.aws/config"
configured ""
by ASIA-machine "and its region"
mode no-role
run mortise get app/a
status_is 4 "a machine without a role"
mode ''
AWS_EC2_METADATA_DISABLED=true run mortise get app/a
status_is 4 "a machine that is not asked"

# --- their end
configured "region: us-east-1,"
: >"$work/own.log"
"$builddir/tests/plugins/many" "$MORTISE_CONFIG" 16 3 "echo expired >'$work/own.mode'" >"$work/out" 2>"$work/err"
ok $? "16 threads whose keys have ended"
[ "$(grep -c 'PUT /latest/api/token' "$work/own.log")" = 2 ]
ok $? "they get new ones once"
mode ''
echo 3 >"$work/own.life"
: >"$work/own.log"
"$builddir/tests/plugins/many" "$MORTISE_CONFIG" 16 2 "sleep 2.2" >"$work/out" 2>"$work/err"
ok $? "16 threads whose keys will end"
[ "$(grep -c 'PUT /latest/api/token' "$work/own.log")" = 2 ]
ok $? "new ones are got before, once"

# --- what is wrong with the options
wrong() {
	configured "$1"
	run mortise get app/a
	status_is 6 "$3"
	err_like "$2" "$3: the message"
}
wrong 'region: "US EAST",' '"US EAST" is no region' "a region that is none"
wrong 'region: us-east-1, access-key-id: AKID,' 'belong together; give both' "half a key"
finish
