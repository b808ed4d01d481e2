#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The command line: verbs, options, help, and what is said of mistakes.
. "$srcdir/tests/cli/lib.sh"

run mortise
status_is 2 "nothing to do"
empty out "nothing to do: nothing on stdout"
err_like '^mortise: what to do is missing; .mortise --help. lists it$' "nothing to do: says where to look"
run mortise token
status_is 2 "half a verb"
err_like 'mortise token --help' "half a verb: says where to look"

# wrong REGEX ARGUMENT...: status 2, the message, nothing else.
wrong() {
	regex=$1
	shift
	run mortise "$@"
	status_is 2 "$*"
	empty out "$*: nothing on stdout"
	err_like "^mortise: .*$regex" "$*: the message"
}
wrong 'no verb gte; did you mean get\?' gte app/key
wrong 'no verb tokne; did you mean token\?' tokne list
wrong 'no verb frobnicate; .mortise --help. lists them' frobnicate
wrong 'no verb token stroe; did you mean store\?' token stroe
wrong 'no verb audit xyzzy; .mortise audit --help. lists them' audit xyzzy
wrong 'get: there is no option --vesion; did you mean --version\?' get app/key --vesion 3
wrong 'get: there is no option --output-file;' get app/key --output-file x
wrong '--field stands behind the verb' --field x get app/key
wrong 'delete: there is no option --file' delete app/key --file x
wrong '--version needs a value: --version V' get app/key --version
wrong '--fresh takes no value' get app/key --fresh=yes
wrong 'no option -x here' get -x app/key
wrong 'get needs more' get
wrong 'get takes less' get one two
wrong 'token store needs more' token store meta_ads
wrong '--output takes plain \(default\), json or env' --output yaml list
wrong '--log-level takes error' list --log-level loud
wrong 'list has no --output env; get has' --output env list
wrong '--if-version and --if-absent' put app/key --if-absent --if-version 1
wrong '--label takes a name and a value' put app/key --label team
wrong '--label takes a name and a value' put app/key --label =web
wrong '--ttl takes whole seconds' state create --ttl 10m
wrong '--ttl takes whole seconds' state create --ttl 0
wrong '--ttl takes whole seconds' state create --ttl -5
wrong '-n takes a number' audit tail -n 0
wrong '-n takes a number' audit tail -n ten
wrong '--since takes a time of RFC 3339' audit search --since yesterday
wrong '--expect takes SEQ:HASH' audit verify --expect 12
wrong '--expect takes SEQ:HASH' audit verify --expect 12:ABC
wrong '--gap takes FROM-TO' audit verify --gap 5
wrong 'accept-loss needs --reason' audit accept-loss
wrong 'report needs --agency ID' audit report --month 2026-01
wrong 'report needs --month YYYY-MM' audit report --agency a
wrong 'report needs --month YYYY-MM' audit report --agency a --month 2026-13
wrong 'report needs --month YYYY-MM' audit report --agency a --month 2026-1
wrong '--format takes text, csv or html' audit report --agency a --month 2026-01 --format pdf
wrong 'report has no --output json' --output json audit report --agency a --month 2026-01
wrong 'export needs --agency ID' audit export
wrong 'erase needs --user EMAIL, --agency ID or --record SEQ' audit erase
wrong 'init makes its own configuration' --config /nonexistent/x.yaml init --dir "$work/none"
wrong 'no verb nothing' help nothing

# A value that was typed where none is taken is not repeated.
run mortise put app/key hunter2-canary
status_is 2 "a value on the command line"
err_like 'stdin, a hidden prompt or --file, never from the command line' "a value on the command line: says how"
run mortise put app/key --value=hunter2-canary
status_is 2 "a value in an unknown option"
grep -q canary "$work/err"
ok $((! $?)) "a value in an unknown option is not repeated"

run mortise --help
status_is 0 "--help"
for verb in init put get delete list history 'token store' 'token get' 'token revoke' 'token list' \
    'state create' 'state validate' 'audit tail' 'audit search' 'audit report' 'audit export' \
    'audit erase' 'audit verify' 'audit head' \
    'audit accept-loss' check explain 'plugin list' 'plugin show' version help; do
	out_like "^  $verb  " "--help lists $verb"
done
empty err "--help: nothing on stderr"
cp "$work/out" "$work/all"
run mortise help
cmp -s "$work/out" "$work/all"
ok $? "help is --help"
sed -n 's/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p' "$work/all" >"$work/verbs"
while read -r verb; do
	# Words of a verb are split on purpose.
	run mortise $verb --help
	status_is 0 "$verb --help"
	out_like "^usage: mortise $verb" "$verb --help: usage"
	out_like '^  --config F' "$verb --help: common options"
done <"$work/verbs"
[ "$(wc -l <"$work/verbs")" = 35 ]
ok $? "every verb was asked for its help"
run mortise help token
status_is 0 "help of a group"
out_like '^  token store ' "help of a group lists its verbs"
out_like '^usage: mortise token VERB' "help of a group: usage"
run mortise help token store
out_like '^usage: mortise token store PLATFORM CONNECTION' "help of a verb of two words"
run mortise get -h
status_is 0 "-h"

run mortise version
status_is 0 "version"
out_is "mortise $(sed -n "s/^#define PACKAGE_VERSION \"\(.*\)\"/\1/p" "$builddir/config.h")" "version: the version"
cp "$work/out" "$work/version"
run mortise --version
cmp -s "$work/out" "$work/version"
ok $? "--version is version"
run mortise --output=json version
out_like '^\{"version":"[0-9]+\.[0-9]+\.[0-9]+"\}$' "version as JSON"
# The man page shows every verb and every option that help shows.
tr -d '\\' <"$srcdir/doc/mortise.1" | sed 's/^\.//' >"$work/page"
while read -r verb; do
	grep -q "^Cm $verb" "$work/page"
	ok $? "mortise(1) has $verb"
	run mortise $verb --help
	sed -n 's/^  \(-[a-z], \)*--\([a-z-]*\).*/\2/p' "$work/out" >"$work/options"
	missing=
	while read -r option; do
		case $option in
		last|follow) pattern="Fl ${option%"${option#?}"}\|Fl n" ;;
		*) pattern="Fl -$option\|, -$option" ;;
		esac
		grep -q -e "$pattern" "$work/page" || missing="$missing --$option"
	done <"$work/options"
	[ -z "$missing" ]
	ok $? "mortise(1) has the options of $verb$missing"
done <"$work/verbs"
finish
