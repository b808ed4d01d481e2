#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# init, put, get, delete, list, history: results, forms, statuses.
. "$srcdir/tests/cli/lib.sh"
demo

# --- init
for file in mortise.yaml local.key local.db trail; do
	[ -e "$work/demo/$file" ]
	ok $? "init made $file"
done
out_is "made $work/demo/mortise.yaml
made $work/demo/local.key
made $work/demo/local.db
made $work/demo/trail" "init says what it made"
err_like "^mortise: ready; try: mortise --config '$work/demo/mortise.yaml' put app/first-secret\$" "init says what is next"
[ "$(stat -c %a "$work/demo/local.key")" = 400 ]
ok $? "the key's mode"
[ "$(stat -c %a "$work/demo/mortise.yaml")" = 600 ]
ok $? "the configuration's mode"
cp "$work/demo/local.key" "$work/key"
echo '# mine' >>"$work/demo/mortise.yaml"
run mortise init --dir "$work/demo"
status_is 0 "init again"
out_like "^kept $work/demo/local.key" "init again keeps the key"
cmp -s "$work/key" "$work/demo/local.key" && grep -q '^# mine$' "$work/demo/mortise.yaml"
ok $? "init again changes nothing"
run mortise --output json init --dir "$work/demo"
out_like '^\{"path":"[^"]*/mortise.yaml","made":false\}$' "init as JSON"
empty err "init as JSON: no words"
mkdir "$work/lost"
cp "$work/demo/local.db" "$work/lost/"
run mortise init --dir "$work/lost"
status_is 6 "init of a store without its key"
[ ! -e "$work/lost/local.key" ]
ok $? "init of a store without its key makes none"
# A user's own places.
if have_user; then
	run as_user -u HOME -u XDG_CONFIG_HOME -u XDG_STATE_HOME "$builddir/.libs/mortise" init
	status_is 2 "init without HOME"
	err_like 'HOME is not set' "init without HOME: the message"
	chmod 711 "$work"
	mkdir -p "$work/home/.config/mortise/mortise.d"
	cp "$work/demo/mortise.d/build.yaml" "$work/home/.config/mortise/mortise.d/"
	[ "$(id -u)" != 0 ] || chown -R 65534:65534 "$work/home"
	# user COMMAND...: the program with that home.
	user() {
		run as_user -u XDG_CONFIG_HOME -u XDG_STATE_HOME HOME="$work/home" \
		    "$builddir/.libs/mortise" "$@"
	}
	unset MORTISE_CONFIG
	user init
	status_is 0 "init of a user"
	out_is "made $work/home/.config/mortise/mortise.yaml
made $work/home/.config/mortise/local.key
made $work/home/.local/state/mortise/local.db
made $work/home/.local/state/mortise/trail" "init of a user: configuration and data apart"
	err_like '^mortise: ready; try: mortise put app/first-secret$' "init of a user: what is next"
	user list
	status_is 0 "which is found by itself"
	run as_user HOME=/nonexistent XDG_CONFIG_HOME="$work/home/.config" "$builddir/.libs/mortise" list
	status_is 0 "or by XDG_CONFIG_HOME"
	MORTISE_CONFIG=$work/demo/mortise.yaml
	export MORTISE_CONFIG
else
	skip "init of a user" "nobody but root can reach the program"
fi

# --- put and get
run sh -c 'printf %s "first value" | "$0" "$@"' "$builddir/mortise" put app/key
status_is 0 "put"
out_like '^store:[^ ]+$' "put prints BACKEND:VERSION"
first=$(cat "$work/out")
run mortise get app/key
status_is 0 "get"
printf %s "first value" | cmp -s - "$work/out"
ok $? "get prints the bytes, no newline is added to a pipe"
printf 'second\n' >"$work/value"
run mortise put app/key --file "$work/value"
status_is 0 "put --file"
second=$(cat "$work/out")
[ "$first" != "$second" ]
ok $? "a new version each time"
run mortise get app/key
out_is second "get prints the newest"
run mortise get app/key --version "$first"
printf %s "first value" | cmp -s - "$work/out"
ok $? "get --version of an older one"
run mortise get app/key --version "${first#store:}"
printf %s "first value" | cmp -s - "$work/out"
ok $? "get --version without the backend"
run mortise get app/key --version store:no-such-version
status_is 3 "get of a version that is not there"
run mortise get app/nothing
status_is 3 "get of a name that is not there"
empty out "get of a name that is not there: nothing on stdout"
err_like '^mortise: ' "get of a name that is not there: a message"
run mortise get --fresh -- app/key
out_is second "options before the name, and --"
mortise put -- -dash <"$work/value" >"$work/out" 2>"$work/err"
status=$?
status_is 0 "a name with a dash in front, behind --"
run mortise put app/stdin --file - <"$work/value"
status_is 0 "put --file -"
run mortise get app/stdin
out_is second "put --file - reads stdin"
run mortise put app/key --file "$work/no-such-file"
status_is 1 "put of a file that is not there"
err_like "cannot read $work/no-such-file: No such file" "put of a file that is not there: the message"
run mortise put app/key --file "$work"
status_is 1 "put of a directory"

# --- conditions
run mortise put app/key --if-absent <"$work/value"
status_is 8 "put --if-absent of what is there"
run mortise put app/other --if-absent <"$work/value"
status_is 0 "put --if-absent of what is not"
run mortise put app/key --if-version "$first" <"$work/value"
status_is 8 "put --if-version of an older one"
run mortise put app/key --if-version "$second" <"$work/value"
status_is 0 "put --if-version of the newest"

# --- bytes
for size in 0 1 65536; do
	head -c "$size" /dev/urandom >"$work/bytes"
	run mortise put app/bytes --file "$work/bytes"
	status_is 0 "put of $size bytes"
	run mortise get app/bytes
	cmp -s "$work/bytes" "$work/out"
	ok $? "$size bytes come back"
done
head -c 65537 /dev/zero >"$work/bytes"
run mortise put app/large --file "$work/bytes"
status_is 2 "put of 65537 bytes"
err_like '65536' "put of 65537 bytes names the limit"
run mortise put app/large <"$work/bytes"
status_is 2 "put of 65537 bytes from stdin"
run mortise get app/large
status_is 3 "nothing of it was written"
yes | head -c 1000000 | mortise put app/large >"$work/out" 2>"$work/err"
status=$?
status_is 2 "put of a megabyte from a pipe"

# --- names
long=$(printf '%0255d' 0)
run mortise put "$long" <"$work/value"
status_is 0 "a name of 255 bytes"
for name in "${long}0" .. a/../b ./a a//b /a a/ 'a b' 'a	b' 'a*' "a
b" 'ä' ''; do
	for verb in put get delete history; do
		run mortise "$verb" "$name" <"$work/value"
		status_is 2 "$verb of the name '$(printf %.20s "$name" | tr '\n\t' '??')'"
		[ -s "$work/err" ] && [ ! -s "$work/out" ]
		ok $? "$verb of a bad name: a message and no output"
	done
done
for prefix in a/../ 'a b' a//; do
	run mortise list "$prefix"
	status_is 2 "list of the prefix '$prefix'"
done

# --- forms
printf 'it'\''s "quoted"\\\ntwo\ttabs' >"$work/value"
run mortise put app/some-key.v2 --file "$work/value" --output json
status_is 0 "put as JSON"
out_like '^\{"name":"app/some-key\.v2","version":"store:[^"]+"\}$' "put as JSON: name and version"
version=$(sed 's/.*"version":"\([^"]*\)".*/\1/' "$work/out")
run mortise get app/some-key.v2 --output json
out_is "{\"name\":\"app/some-key.v2\",\"version\":\"$version\",\"value\":\"it's \\\"quoted\\\"\\\\\\u000atwo\\u0009tabs\"}" "get as JSON"
run mortise --output env get app/some-key.v2
out_like "^SOME_KEY_V2='it'" "get as a shell's variable: its name"
(
	eval "$(cat "$work/out")"
	printf %s "$SOME_KEY_V2" >"$work/back"
)
cmp -s "$work/back" "$work/value"
ok $? "get as a shell's variable: the shell reads the same back"
printf 'a\000b' >"$work/binary"
run mortise put app/9bytes --file "$work/binary"
run mortise get app/9bytes --output json
out_like '"valueBase64":"YQBi"\}$' "get as JSON of what is no text"
printf '\377\376' | mortise put app/latin >"$work/out"
run mortise get app/latin --output json
out_like '"valueBase64":"//4="\}$' "get as JSON of bytes that are not UTF-8"
run mortise get app/9bytes --output env
status_is 2 "get as a variable of a NUL byte"
printf x | mortise put app/9bytes >"$work/out"
run mortise get app/9bytes --output env
out_is "_9BYTES='x'" "get as a variable whose name would begin with a digit"
head -c 3000 /dev/urandom >"$work/binary"
mortise put app/9bytes --file "$work/binary" >"$work/out"
mortise get app/9bytes --output json | sed 's/.*"valueBase64":"\(.*\)"}/\1/' | base64 -d >"$work/back"
cmp -s "$work/binary" "$work/back"
ok $? "base64 of many bytes"

# --- fields
printf '{"user":"ann","port":5432,"tags":["a", "b"],"none":null,"nul":"a\\u0000b"}' >"$work/value"
mortise put app/db --file "$work/value" >"$work/out"
run mortise get app/db --field user
printf ann | cmp -s - "$work/out"
ok $? "--field: a string's text"
run mortise get app/db --field port
printf 5432 | cmp -s - "$work/out"
ok $? "--field: a number"
run mortise get app/db --field tags
printf '["a","b"]' | cmp -s - "$work/out"
ok $? "--field: a list as JSON"
run mortise get app/db --field nul
printf 'a\000b' | cmp -s - "$work/out"
ok $? "--field: a string with a NUL"
run mortise get app/db --field user --output json
out_like '"value":"ann"\}$' "--field as JSON"
run mortise get app/db --field absent
status_is 2 "--field that is not there"
run mortise get app/key --field user
status_is 2 "--field of what is no JSON"

# --- labels and history
printf x | mortise put app/labels --label team=web --label note=a=b >"$work/out"
printf y | mortise put app/labels >"$work/out"
newest=$(cat "$work/out")
run mortise history app/labels
status_is 0 "history"
[ "$(wc -l <"$work/out")" = 2 ] && [ "$(head -n 1 "$work/out")" = "$newest" ]
ok $? "history: a version a line, the newest first"
run mortise history app/labels --long
out_like "^$newest  20[0-9-]*T[0-9:.]*Z\$" "history --long: when"
out_like '^label +note=a=b$' "history --long: labels"
run mortise history app/labels --output json
normal
out_like '^\{"name":"app/labels","version":"store:[^"]+","createdAt":TIME,"deletedAt":null,"destroyed":false\}$' "history as JSON"
out_like '^\{"name":"app/labels","labels":\{("note":"a=b"|,|"team":"web"){3}\}\}$' "history as JSON: labels"
run mortise history app/nothing
status_is 3 "history of a name that is not there"

# --- list and delete
run mortise list app/l
out_is "app/labels
app/latin" "list of a prefix, sorted"
run mortise list no/such
status_is 0 "list of nothing"
empty out "list of nothing is empty"
run mortise list app/l --output json
out_is '{"name":"app/labels"}
{"name":"app/latin"}' "list as JSON"
run mortise delete app/labels
status_is 0 "delete"
empty out "delete prints nothing"
run mortise get app/labels
status_is 3 "what was deleted is gone"
run mortise delete app/labels
status_is 3 "delete of what is not there"
run mortise get app/labels --version "$newest"
status_is 3 "an older version is gone too"

# --- no value in any message
printf canary-%s 4711 >"$work/value"
for verb in 'put app/canary' 'get app/canary' 'history app/canary' 'list' 'explain get app/canary --run' \
    'delete app/canary'; do
	# Words of a verb are split on purpose.
	run mortise --log-level debug $verb <"$work/value"
	status_is 0 "$verb at the top log level"
	! grep -q canary-4711 "$work/err"
	ok $? "$verb tells no value"
done
! grep -rq canary-4711 "$work/demo"
ok $? "no value in clear in any file"
finish
