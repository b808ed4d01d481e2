#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Sinks that follow the trail: what is released, refused and delivered, as a caller sees it.
# The sink is a recorder (tests/mocks/recorder.c), which does what its file `answer` says.
. "$srcdir/tests/cli/lib.sh"
demo
sink=$work/sink
mkdir "$sink" "$work/plugins"
cp "$builddir/tests/mocks/.libs/recorder.so" "$work/plugins/recorder.so"
chmod 755 "$work/plugins" "$work/plugins/recorder.so"

# sinks YAML: the list of sinks.
sinks() {
	cat >"$work/demo/mortise.d/sinks.yaml" <<-EOF
	plugin-path: [$work/plugins, $builddir/plugins/.libs]
	backends:
	  rec: {plugin: recorder, path: $sink}
	audit:
	  sinks: [$1]
	EOF
}
answer() {
	printf '%s' "$1" >"$sink/answer"
}
well() {
	rm -f "$sink/answer"
}
# Does the sink have the trail, each record once and in order?
has_all() {
	cut -d' ' -f2- "$sink/lines" >"$work/sunk"
	cat "$work"/demo/trail/*.jsonl | cmp -s - "$work/sunk"
	ok $? "$1: the sink has the trail"
}
last() {
	tail -n "$1" "$work/demo/trail/000001.jsonl" | head -n 1
}

# --- configurations that are wrong
bad() {
	sinks "$1"
	run mortise check
	status_is 6 "check $1"
	err_like "$2" "check $1: $2"
}
bad '{wait: ack}' 'sinks\.yaml:5:11: use is missing: the backend that the records go to'
bad '{use: nobody}' 'sinks\.yaml:5:17: there is no backend nobody; name one of'
bad '{use: store}' 'sinks\.yaml:5:11: backend store \(plugin local\) offers no emit'
bad '{use: rec, wait: sometimes}' 'wait'
bad '{use: rec, wait: lag}' 'wait: lag needs a max-lag that it denies beyond'
bad '{use: rec, max-lag: {age: 1m}}' 'max-lag goes with wait: lag only'
bad '{use: rec}, {use: rec}' 'rec is a sink already \(line 5\)'
bad '{use: rec, only: []}' 'only must be a list of actions'
bad '{use: rec, timout: 1s}' 'unknown key timout.*did you mean timeout'
sinks '{use: rec, wait: lag, max-lag: {records: 10, bytes: 1MiB, age: 5m}, only: ["token_*"], on-reject: park, timeout: 1s}'
run mortise check
status_is 0 "check: all keys"

# --- wait: ack
sinks '{use: rec, wait: ack, timeout: 500ms}'
printf hunter2 >"$work/value"
run mortise put app/a --file "$work/value"
status_is 0 "a put with its sink"
run mortise get app/a
status_is 0 "a get with its sink"
out_like '^hunter2$' "a get with its sink: the value"
has_all "all is well"
run mortise doctor
out_like '^ok +sinks +rec has all [0-9]+ records' "doctor: the sink has all"

answer unavailable
run mortise get app/a
status_is 7 "a get whose sink is away"
empty out "a get whose sink is away: no value"
err_like 'the audit sink rec has not got record [0-9]+ in time: the recorder was told to answer unavailable' \
    "a get whose sink is away: why"
last 1 | grep -q '"t":"refused","op":"[0-9a-f]*","reason":"the audit sink rec'
ok $? "a get whose sink is away: that it got nothing is recorded"
[ "$(last 2 | grep -o '"op":"[0-9a-f]*"')" = "$(last 1 | grep -o '"op":"[0-9a-f]*"')" ]
ok $? "a get whose sink is away: of that operation"
printf other >"$work/value"
run mortise put app/a --file "$work/value"
status_is 7 "a put whose sink is away"
last 2 | grep -q '"t":"intent"' && last 1 | grep -q '"t":"outcome".*"code":"error","reason":"audit"'
ok $? "a put whose sink is away: refused after its intent"
run mortise doctor
status_is 10 "doctor while the sink is away"
out_like '^FAIL +sinks +rec lags by [0-9]+ records, [0-9]+ KiB, [0-9]+ s; nothing is released until it takes them: the recorder was told' \
    "doctor: how much it lags"
well
run mortise get app/a
status_is 0 "the sink is back"
out_like '^hunter2$' "the sink is back: the refused put had no effect"
has_all "the sink is back"

answer hang
run mortise get app/a
status_is 7 "a sink that hangs"
empty out "a sink that hangs: no value"
well

# --- denied, not found: nothing is released, so nobody waits
answer unavailable
run mortise get app/nothing
status_is 3 "what is not there is told without the sink"
well

# --- wait: never
sinks '{use: rec, wait: never, timeout: 500ms}'
answer unavailable
run mortise get app/a
status_is 0 "an optional sink that is away"
out_like '^hunter2$' "an optional sink that is away: the value"
run mortise doctor
out_like '^FAIL +sinks +rec lags by [0-9]+ records, .*; nobody waits for it: the recorder' \
    "doctor: an optional sink that is away"
well
run mortise get app/a
has_all "an optional sink that is back"

# --- wait: lag
sinks '{use: rec, wait: lag, max-lag: {records: 3}, timeout: 500ms}'
answer unavailable
run mortise get app/a
status_is 0 "a sink that lags a little"
run mortise get app/a
run mortise get app/a
run mortise get app/a
status_is 7 "a sink that lags too much"
err_like 'the audit sink rec lags by more records than max-lag allows: the recorder was told' \
    "a sink that lags too much: why"
well
run mortise get app/a
run mortise get app/a
status_is 0 "a lagging sink that is back"
has_all "a lagging sink that is back"

# --- records that are rejected
sinks '{use: rec, wait: ack, timeout: 500ms, on-reject: park}'
next=$(($(wc -l <"$work/demo/trail/000001.jsonl") + 2))
answer "invalid $next"
run mortise get app/a
status_is 0 "a record that is rejected is parked"
run mortise get app/a
grep -h '"t":"park"' "$work/demo/trail/000001.jsonl" >"$work/out"
out_like '"t":"park","sink":"rec","of":'"$next"',"error":"the recorder was told to answer invalid"' \
    "a record that is rejected: in the trail"
run mortise doctor
out_like '^FAIL +sinks +rec has rejected 1 records, which it will not get' "doctor: rejected records"
well

# --- a sink that is removed
rm "$work/demo/mortise.d/sinks.yaml"
run mortise doctor
out_like '^warn +sinks +rec is no sink any more, and the trail may be kept for it: remove .*/sinks/rec' \
    "doctor: a sink that is no more"
run mortise audit verify
status_is 0 "the trail verifies"
finish
