#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The kit: our plugins pass it, and of a plugin that is wrong in one way it finds
# that one, and nothing else.
. "$srcdir/tests/cli/lib.sh"
kit=$builddir/core/kit/mortise-plugin-test
plugins=$work/plugins
mkdir -m 755 "$plugins"
cp "$builddir"/plugins/.libs/*.so "$builddir/tests/mocks/.libs/mock.so" \
    "$builddir/tests/mocks/.libs/faulty.so" "$builddir/tests/mocks/.libs/init-fails.so" "$plugins"
chmod 755 "$plugins"/*.so
# configured NAME OPTIONS: $work/NAME.yaml has a backend with these.
configured() {
	printf '%s\n' 'version: 1' 'audit: off' "backends: {test: {$2}}" \
	    'secret: [{match: "*", use: test}]' >"$work/$1.yaml"
}
# Of the run before: verdict NAME REGEX TEXT
verdict() {
	out_like "^$1 +$2" "$3"
}

# --- ours
demo
run "$kit" "$plugins/local.so" --config "$MORTISE_CONFIG" --backend store
status_is 0 "local passes"
[ "$(grep -c '^ok ' "$work/out")" = 41 ] || [ "$(grep -c '^skip  limits/memory' "$work/out")" = 1 ]
ok $? "local has every case"
run mortise list
empty out "local: nothing is left behind"
run "$kit" "$plugins/memory.so"
status_is 0 "memory passes"
out_like '^ok +state/race +of many takers exactly one gets it$' "memory: a case of state"
out_like '^skip +secret/undo +it does not offer secret: get put undo$' "memory: a case that it cannot have"
# sink NAME OPTIONS...: its kit, with what it was that it cannot have.
sink() {
	[ -e "$plugins/$1.so" ] || { skip "$1" "not built"; return; }
	configured "$1" "plugin: $1, $2"
	run "$kit" "$plugins/$1.so" --config "$work/$1.yaml"
	status_is 0 "$1 passes: $2"
	out_like '^ok +sink/odd' "$1: a case of sinks"
}
sink file "path: $work/audit.log"
out_like '^ok +sink/conflict' "file: it tells another record"
sink file "path: $work/flat.log, format: flat, rotate-size: 100KiB"
if [ -e "$plugins/syslog.so" ]; then
	python3 - "$work/log" >"$work/heard" <<'END' &
import os, socket, sys
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind(sys.argv[1])
while True:
    print(len(log.recv(65536)), flush=True)
END
	listener=$!
	i=0
	while [ ! -S "$work/log" ] && [ $i -lt 100 ]; do i=$((i + 1)); sleep 0.1; done
	sink syslog "to: $work/log, severity: {\"token_*\": info}"
	out_like '^skip +sink/conflict +it does not tell' "syslog: it does not"
	kill $listener
	[ "$(wc -l <"$work/heard")" -gt 20 ] && [ "$(sort -n "$work/heard" | tail -n 1)" -le 8192 ]
	ok $? "syslog: messages came, none too long"
fi
run "$kit" "$plugins/mock.so"
status_is 0 "mock passes"
out_like '^[0-9]+ ok, 0 failed, [0-9]+ skipped$' "the sum"

# --- each wrong in one way: its word, the case that finds it, what is said
cat >"$work/pairs" <<'END'
trims-lf secret/text gives [0-9]+ bytes, where the newest value has [0-9]+
stops-at-nul secret/binary gives 0 bytes, where the newest value has 512
cuts-large secret/sizes gives 60000 bytes, where the newest value has 65535
folds-case secret/names get of .* gives [0-9]+ bytes that are not those
describes-nothing secret/missing describe of what is not there: ok, where not_found is right
refuses-same secret/replace put of .*: conflict, where ok is right
deletes-more secret/delete get of .*-not: not_found
any-version secret/versions get of version .* gives another version's value
says-existed secret/receipt the receipt of a first put says that the name existed
ignores-absent secret/if-absent put if absent, of a name that is there: ok, where conflict is right
ignores-version secret/if-version not the newest any more: ok, where conflict is right
drops-labels secret/labels a label is there 0 times
lists-folders secret/list list gives .* 0 times, where 1 is right
few-pages secret/list-pages list gives .* 0 times, where 1 is right
seconds secret/describe created at [0-9]+, in ms of Unix time
undo-leaves-first secret/undo get of .*undo-new, which is not there: ok
undo-without-reason secret/undo-superseded conflict with reason none, where superseded is right
undo-by-version secret/undo-unknown does not say what was made: conflict, where ok is right: .*nobody knows
state-deletes-nothing state/missing delete of a record that is not there: ok
state-stops-at-nul state/values gives 0 bytes that are not the 1 that were put
takes-nothing state/take take gives 0 bytes
takes-in-two state/race [2-8] of 8 callers took the same record
state-ignores-absent state/if-absent put if absent, of a record that is there: ok
state-ignores-version state/if-version put if the version is one that it is not any more: ok
immortal state/expiry a record with an hour to live says
state-lists-folders state/list gives .* 0 times, where once is right
claims-more lease/claim claim of what is due: error, where ok is right
index-stays lease/index claim gives 1 records, where 0 are due and free
any-owner lease/owner extend by another owner: ok, where conflict is right
lease-for-ever lease/over claim gives 0 records, where 1 are due and free
extends-after-put lease/put extend of a lease that a put has ended: ok
sleeps limits/deadline get came back [0-9]+ ms after its deadline
hangs limits/deadline get did not come back, 5 s after its deadline
mixes limits/threads (with 8 threads: get of .* gives [0-9]+ bytes that are not those|its process ended in exit)
leaks-descriptor limits/descriptors [0-9]+ more descriptors are open after 20 rounds
passes-descriptor limits/descriptors descriptor [0-9]+ is not CLOEXEC
leaks-memory limits/memory more bytes are allocated after each 40 rounds
logs-value limits/silence a line that it logs has a value in it
says-value limits/silence the message of a put has a value in it
sets-umask limits/manners it changes the umask
sets-signal limits/manners it changes what signal 13 does
forks limits/manners it leaves a child process behind
leaves-thread limits/manners it leaves threads behind close
guesses-position sink/unknown position of an unknown trail is 1, where 0 is right
keeps-twice sink/repeat read of the trail gives 6 records, where 3 are right
counts-records sink/position position behind missing numbers is 5, where 8 is right
one-position sink/trails position of the second trail is 5, where 3 is right
cuts-lines sink/odd read of the trail gives record 4 otherwise than it came
takes-any sink/conflict emit of another record under a number: ok, where conflict is right
reads-backwards sink/read read gives record 5 as number 1, where 1 is right
filters-nothing sink/filter read agencyId gives 3 records, where 1 are right
erases-nothing sink/erase the personal part of a record that was to be erased is there
erases-neighbour sink/erase erase of record 2 changes record 3
slow-emit limits/deadline emit came back [0-9]+ ms after its deadline
logs-email limits/silence a line that it logs has a value in it
check-refuses plugin/check check: denied, where ok is right: .*not today
two-identities plugin/instances name their store differently: store 1, store 2
prints secret/versions it wrote to standard output or error: here I am
crashes secret/versions it crashed in get: Aborted
exits secret/versions its process ended in get, with status 3
END
# Side by side: most of the time they sleep.
while read -r word one said; do
	configured "$word" "plugin: faulty, wrong: $word"
	echo "$word"
done <"$work/pairs" | (kit=$kit plugins=$plugins work=$work xargs -P 16 -I WORD sh -c '
	"$kit" "$plugins/faulty.so" --config "$work/$1.yaml" >"$work/$1.out" 2>"$work/$1.err"
	echo $? >"$work/$1.status"' sh WORD)
while read -r word one said; do
	if grep -q "^skip  $one" "$work/$word.out"; then
		skip "$word" "$(sed -n "s|^skip  $one *||p" "$work/$word.out")"
		continue
	fi
	[ "$(cat "$work/$word.status")" = 10 ] &&
	    [ "$(sed -n 's/^fail  *\([^ ]*\).*/\1/p' "$work/$word.out")" = "$one" ]
	set -- $?
	ok "$1" "$word: $one fails alone"
	[ "$1" = 0 ] || { note "$word" "$work/$word.err"; grep '^fail' "$work/$word.out" | sed 's/^/# /'; }
	matches "$word.out" "^fail +$one +.*$said" "$word: what is said"
done <"$work/pairs"
! grep -q 'left behind' "$work"/*.err
ok $? "nothing is left behind, not by a crash either"

# --- the command line
run "$kit" "$plugins/mock.so" --output json secret/text plugin
status_is 0 "some cases"
out_like '^\{"case":"secret/text","verdict":"ok","message":""\}$' "as JSON"
[ "$(wc -l <"$work/out")" = 5 ]
ok $? "a word means a group of cases"
run "$kit" "$plugins/mock.so" --read-only
status_is 0 "--read-only"
verdict skip 'secret/text +it writes, and --read-only is given$' "--read-only: no case writes"
verdict ok 'secret/missing' "--read-only: others run"
run "$kit" "$plugins/mock.so" secret/txet
status_is 2 "an unknown case"
err_like 'there is no case secret/txet' "an unknown case: the message"
run "$kit" "$plugins/mock.so" --prefix 'with blank'
status_is 2 "a prefix that no name has"
run "$kit"
status_is 2 "no file"
run "$kit" "$work/none.so"
status_is 6 "a file that is not there"
run "$kit" "$plugins/init-fails.so"
status_is 6 "a plugin that does not load"
err_like 'this mock cannot run anywhere' "a plugin that does not load: the message"
run "$kit" "$plugins/mock.so" --config "$MORTISE_CONFIG"
status_is 6 "no backend with it"
err_like 'no backend has the plugin of mock.so' "no backend with it: the message"
run "$kit" "$plugins/mock.so" --config "$MORTISE_CONFIG" --backend store
status_is 6 "a backend of another plugin"
err_like 'mortise.yaml:[0-9]+:[0-9]+: backend store has the plugin local, and mock.so is to be tested' "a backend of another plugin: the message"
configured refuse 'plugin: mock, refuse: "not in this house"'
run "$kit" "$plugins/mock.so" --config "$work/refuse.yaml"
status_is 6 "a plugin that does not open"
err_like 'not in this house' "a plugin that does not open: the message"
configured noisy 'plugin: faulty, wrong: logs-value'
run "$kit" "$plugins/faulty.so" --config "$work/noisy.yaml" --log-level debug secret/replace
err_like '^mortise-plugin-test: secret/replace: .*put second$' "--log-level"
run "$kit" "$plugins/mock.so" --prefix ci/kit --log-level error secret/text
status_is 0 "a prefix"
run "$kit" --help
status_is 0 "help"
out_like '^  lease/over +a lease ends' "help lists the cases"
finish
