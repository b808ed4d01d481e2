#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check, explain, plugin, and where the configuration is looked for.
. "$srcdir/tests/cli/lib.sh"
demo
config=$MORTISE_CONFIG

# --- check
run mortise check
status_is 0 "check"
out_is "$config: good" "check says which file"
empty err "check: no problem"
mkdir "$work/bad"
cat >"$work/bad/mortise.yaml" <<'EOT'
version: 1
backend:
  store: {plugin: local}
backends:
  store: {plugin: local, kye: 3}
secret:
  - {match: "*", use: stroe}
audit:
  trail: {path: trail}
EOT
chmod 600 "$work/bad/mortise.yaml"
mkdir "$work/bad/mortise.d"
cp "$work/demo/mortise.d/build.yaml" "$work/bad/mortise.d/"
run mortise --config "$work/bad/mortise.yaml" check
status_is 6 "check of a bad file"
empty out "check of a bad file: nothing on stdout"
err_like "^$work/bad/mortise.yaml:2:1: .*did you mean backends\?" "check: an unknown key with its place"
err_like "^$work/bad/mortise.yaml:7:23: stroe is no backend" "check: and the others too"
run mortise --config "$work/bad/mortise.yaml" get app/key
status_is 6 "any verb on a bad file"
[ "$(grep -c "^$work/bad/mortise.yaml:[0-9]*:[0-9]*: " "$work/err")" -ge 2 ]
ok $? "any verb on a bad file tells every problem"
[ "$(sed 's/^mortise: //' "$work/err" | sort | uniq -d | wc -l)" = 0 ]
ok $? "and tells it once"
run mortise --config "$work/bad/mortise.yaml" check --output json
status_is 6 "check as JSON"
out_like "^\{\"level\":\"error\",\"file\":\"$work/bad/mortise.yaml\",\"line\":2,\"column\":1,\"message\":\"" "check as JSON: an object a problem"
empty err "check as JSON: no words"
run mortise --config "$work/none.yaml" check
status_is 6 "check of no file"
err_like "none.yaml" "check of no file names it"
printf 'secret:\n  - {match: "twice/*", get: [store, store], put: [{use: store, control: sufficient}, store], delete: store}\n' >"$work/demo/mortise.d/warn.yaml"
run mortise check
status_is 0 "check with a warning"
err_like "^$work/demo/mortise.d/warn.yaml:2:[0-9]+: warning: " "check with a warning: its place"
run mortise check --log-level error
empty err "check with a warning that nobody wants"
rm "$work/demo/mortise.d/warn.yaml"
chmod 666 "$work/bad/mortise.yaml"
run mortise --config "$work/bad/mortise.yaml" list
status_is 6 "a configuration that others can write"

# --- explain
cat >"$work/demo/mortise.d/chains.yaml" <<'EOT'
backends:
  gone: {plugin: no-such-plugin, call: {if-missing: skip}}
chains:
  both: [gone, store]
secret:
  - {match: "both/*", use: both}
EOT
run mortise explain get both/key
status_is 0 "explain"
head -n 1 "$work/out" >"$work/heads"
grep -Eq '^PLACE +ENTRY +WORD +ACTIONS$' "$work/heads"
ok $? "explain: the columns"
out_like "^$work/demo/mortise.d/chains.yaml:6:[0-9]+ +both/\* +get\$" "explain: the route with its place"
out_like "^$work/demo/mortise.d/chains.yaml:4:[0-9]+ +store +fallback +ok=done not_found=ignore .*denied=die" "explain: an entry, its word and actions"
run mortise explain put both/key --output json
out_like '"entry":"store","word":"requisite","actions":\{"ok":"ok","not_found":"die",.*"error":"die"\}\}$' "explain as JSON"
out_like '"match":"both/\*","operation":"put"\}$' "explain as JSON: the route"
run mortise explain get both/key --run
status_is 3 "explain --run of what is not there"
out_like ' not_found +ignore +[0-9]+ us$' "explain --run: code, action and time"
printf canary-value | mortise put both/key >"$work/out" 2>&1
run mortise explain get both/key --run
status_is 0 "explain --run"
out_like ' ok +done +[0-9]+ us$' "explain --run of what is there"
! grep -q canary "$work/out" "$work/err"
ok $? "explain --run shows no value"
run mortise audit search --resource-id both/key --action secret_viewed
[ "$(wc -l <"$work/out")" = 2 ]
ok $? "explain --run is audited, explain is not"
run mortise explain frob app/key
status_is 2 "explain of no operation"
run mortise explain get a//b
status_is 2 "explain of a bad name"
empty out "explain of a bad name: no table"
run mortise explain put app/key --run
status_is 2 "explain put --run"

# --- plugin
run mortise plugin list
status_is 0 "plugin list"
out_like '^local +[0-9.]+ +' "plugin list: local"
if [ -e "$builddir/plugins/.libs/memory.so" ]; then
	out_like '^memory +[0-9.]+ +' "plugin list: memory"
else
	skip "plugin list: memory" "it was not built"
fi
run mortise plugin list --output json
out_like '^\{"name":"local","version":"[^"]+","path":"/[^"]*/local\.so","sha256":"[0-9a-f]{64}","operations":"secret: get put delete list describe undo; state: ' "plugin list as JSON"
run mortise plugin show local
status_is 0 "plugin show"
out_like '^operations  secret: get' "plugin show: operations"
out_like '^ *key' "plugin show: options"
run mortise plugin show local --example
out_like 'plugin: local' "plugin show --example"
run mortise plugin show no-such-plugin
[ "$status" != 0 ]
ok $? "plugin show of what is not there"
err_like 'no-such-plugin' "plugin show of what is not there: the message"

# --- where it is found
unset MORTISE_CONFIG
run env HOME=/nonexistent XDG_CONFIG_HOME=/nonexistent MORTISE_CONFIG="$config" "$builddir/mortise" list
status_is 0 "by MORTISE_CONFIG"
run env MORTISE_CONFIG=/nonexistent/x.yaml "$builddir/mortise" --config "$config" list
status_is 0 "--config goes before it"
run mortise --direct --config "$config" list
status_is 0 "--direct is accepted"

# --- refusals that are the configuration's
printf 'secret:\n  - {match: "fixed/*", get: store, put: none, delete: none}\n' >"$work/demo/mortise.d/fixed.yaml"
MORTISE_CONFIG=$config
export MORTISE_CONFIG
printf x >"$work/value"
run mortise put fixed/key <"$work/value"
status_is 1 "put that a route refuses"
printf 'audit: off\n' >"$work/demo/mortise.d/off.yaml"
run mortise audit tail
status_is 1 "audit tail without a trail"
run mortise check
err_like 'warning: audit is off' "check warns of no audit"
finish
