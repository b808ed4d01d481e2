#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# token and state: results, forms, statuses, and input that is wrong.
. "$srcdir/tests/cli/lib.sh"
demo

# --- store
cat >"$work/meta.json" <<'JSON'
{"access_token":"EAAB-canary-1","token_type":"bearer","expires_in":5183944}
JSON
cat >"$work/ours.json" <<'JSON'
{"accessToken":"ya29-canary-2","refreshToken":"1//canary-3","expiresAt":"2035-01-31T12:00:00Z","scope":"ads"}
JSON
run mortise token store meta_ads act_42 --agency ag_1 --authorization-id auth-7 <"$work/meta.json"
status_is 0 "token store"
normal
out_is '{"authorizationId":"auth-7","agencyId":"ag_1","connectionId":"act_42","platform":"meta_ads","secretId":"oauth/meta_ads/act_42","status":"active","refresh":"none","expiresAt":TIME,"refreshAt":TIME,"createdAt":TIME,"updatedAt":TIME}' "token store prints the authorization"
run mortise token store google_ads 123-456 --agency ag_2 --file "$work/ours.json"
status_is 0 "token store --file"
out_like '"authorizationId":"auth_[a-z2-7]{26}"' "token store makes an id"
out_like '"expiresAt":"2035-01-31T12:00:00.000Z"' "token store keeps a given time"
made=$(sed 's/.*"authorizationId":"\([^"]*\)".*/\1/' "$work/out")
run mortise token store google_ads 123-456 --agency ag_2 --file "$work/ours.json"
out_like "\"authorizationId\":\"$made\"" "token store again updates the same authorization"
run mortise token store tiktok 'id with/odd bytes' --file "$work/meta.json"
status_is 0 "token store without an agency"
out_like '"agencyId":null' "token store without an agency: null"
out_like '"secretId":"oauth/tiktok/id\.20with\.2fodd\.20bytes"' "a connection of any bytes has a name"
! grep -rq 'canary-[123]' "$work/demo"
ok $? "no token in clear in any file"

# What is no token answer.
refused() {
	printf %s "$2" | mortise token store bad conn --agency ag_1 >"$work/out" 2>"$work/err"
	status=$?
	status_is 2 "token store of $1"
	empty out "token store of $1: nothing on stdout"
	! grep -q 'canary' "$work/err"
	ok $? "token store of $1 repeats no value"
}
refused "nothing" ''
refused "no JSON" 'canary'
refused "half of a JSON object" '{"access_token":"canary'
refused "a list" '["canary"]'
refused "no token" '{"token_type":"canary"}'
refused "an empty token" '{"access_token":""}'
refused "a token that is a number" '{"access_token":1}'
refused "a negative lifetime" '{"access_token":"canary","expires_in":-1}'
refused "a lifetime in quotes" '{"access_token":"canary","expires_in":"3600"}'
refused "a time that is none" '{"accessToken":"canary","expiresAt":"tomorrow"}'
refused "an error answer" '{"error":"invalid_grant","error_description":"canary"}'
run mortise token store meta_ads act_43 --action no_such_action --file "$work/meta.json"
status_is 2 "token store as another action"
run mortise token store meta_ads act_43 --authorization-id 'a b' --file "$work/meta.json"
status_is 2 "token store with an id that is none"
run mortise token store '' act_43 --file "$work/meta.json"
status_is 2 "token store without a platform"
run mortise token store meta_ads act_43 --metadata '[1]' --file "$work/meta.json"
status_is 2 "token store with metadata that is no object"
run mortise token get oauth/bad/conn
status_is 3 "nothing of it was kept"

# --- get
run mortise token get auth-7 --agency ag_1
status_is 0 "token get by authorizationId"
out_like '^\{.*"accessToken": ?"EAAB-canary-1".*\}$' "token get: the token"
out_like '"expiresAt": ?"[0-9T:.-]+Z"' "token get: a time"
[ "$(wc -l <"$work/out")" = 1 ]
ok $? "token get: one line"
cp "$work/out" "$work/by-id"
run mortise token get oauth/meta_ads/act_42
cmp -s "$work/by-id" "$work/out"
ok $? "token get by secretId is the same"
run mortise token get oauth/google_ads/123-456
out_like '"refreshToken": ?"1//canary-3"' "token get: the refresh token"
out_like '"scope": ?"ads"' "token get: other members are kept"
run mortise token get auth-7 --agency ag_2
status_is 4 "token get of another agency's"
empty out "token get of another agency's: nothing on stdout"
run env MORTISE_AUDIT_AGENCY_ID=ag_2 "$builddir/mortise" token get auth-7
status_is 4 "the variable claims as the option does"
run env MORTISE_AUDIT_AGENCY_ID=ag_2 "$builddir/mortise" token get auth-7 --agency-id ag_1
status_is 0 "an option goes before its variable"
run mortise get oauth/meta_ads/act_42 --agency ag_2
status_is 4 "nor by get"
run mortise token get nothing
status_is 3 "token get of what is not there"

# --- list
run mortise token list --agency ag_1
normal
out_is '{"authorizationId":"auth-7","agencyId":"ag_1","connectionId":"act_42","platform":"meta_ads","secretId":"oauth/meta_ads/act_42","status":"active","refresh":"none","expiresAt":TIME,"refreshAt":TIME,"createdAt":TIME,"updatedAt":TIME}' "token list of an agency"
run mortise token list
[ "$(wc -l <"$work/out")" = 3 ]
ok $? "token list of all"
! grep -q canary "$work/out"
ok $? "token list shows no token"

# --- revoke
run mortise token revoke auth-7 --agency ag_2
status_is 4 "token revoke of another agency's"
run mortise token revoke auth-7 --agency ag_1 --action AGENCY_DISCONNECTED
status_is 0 "token revoke"
out_like '"secretId":null,"status":"revoked"' "token revoke prints the authorization"
run mortise token get auth-7
status_is 3 "token get after revoke"
run mortise get oauth/meta_ads/act_42
status_is 3 "get after revoke"
run mortise token store meta_ads act_42 --agency ag_9 --file "$work/meta.json"
status_is 0 "a revoked connection may be given to another agency"

# --- states
run mortise state create --platform google --agency ag_1 --connection c_1 --redirect-uri https://app.example/back
status_is 0 "state create"
out_like '^[A-Za-z0-9_-]{43}$' "state create prints 43 characters"
state=$(cat "$work/out")
run mortise state validate -- "$state"
status_is 0 "state validate"
normal
out_is '{"agencyId":"ag_1","platform":"google","connectionId":"c_1","redirectUri":"https://app.example/back","createdAt":TIME,"expiresAt":TIME}' "state validate prints what it is bound to"
run mortise state validate -- "$state"
status_is 3 "state validate a second time"
err_like 'Invalid or expired OAuth state' "state validate a second time: the message"
# create OPTION...: a state in $state
create() {
	state=$(mortise state create --platform google --agency ag_1 --redirect-uri https://a.example "$@")
}
create --output json
case $state in '{"state":"'*'"}') ok 0 "state create as JSON" ;; *) ok 1 "state create as JSON" ;; esac
create
run mortise state validate --output json -- "$state"
out_like '"connectionId":null' "state validate without a connection: null"
create --binding session-1
run mortise state validate --binding session-2 -- "$state"
status_is 3 "state validate with another binding"
run mortise state validate --binding session-1 -- "$state"
status_is 3 "which has used it up"
create --binding session-1
run mortise state validate -- "$state"
status_is 3 "state validate without the binding"
create --binding session-1
run mortise state validate --binding session-1 -- "$state"
status_is 0 "state validate with the binding"
create --ttl 1
sleep 2
run mortise state validate -- "$state"
status_is 3 "state validate too late"
run mortise state validate short
status_is 3 "state validate of what is no state"
run mortise state create --agency ag_1 --redirect-uri https://a.example
status_is 2 "state create without a platform"
run mortise state create --platform google --redirect-uri https://a.example
status_is 2 "state create without an agency"
run mortise state create --platform google --agency ag_1
status_is 2 "state create without a redirect URI"
finish
