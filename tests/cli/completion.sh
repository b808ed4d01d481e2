#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The completion knows the verbs and options that help shows, and no others.
. "$srcdir/tests/cli/lib.sh"
command -v bash >"$work/out" || skip_all "no bash here"

# complete WORD...: what is offered for the last one, a word a line, sorted.
complete_words() {
	bash -c '
		compopt() { :; }
		. "$0/conf/completion/mortise"
		COMP_WORDS=(mortise "$@")
		COMP_CWORD=$#
		_mortise
		printf "%s\n" "${COMPREPLY[@]}"' "$srcdir" "$@" | sort -u
}
offers() {
	complete_words "$@" >"$work/out"
}

mortise --help | sed -n 's/^  \([a-z]*\)\( [a-z-]*\)*  .*/\1/p' | sort -u >"$work/verbs"
offers ''
grep -v '^-' "$work/out" | diff "$work/verbs" - >"$work/err"
ok $? "the verbs"
for group in token state audit plugin; do
	mortise $group --help | sed -n "s/^  $group \([a-z-]*\)  .*/\1/p" | sort -u >"$work/seconds"
	offers $group ''
	grep -v '^-' "$work/out" | diff "$work/seconds" - >"$work/err"
	ok $? "the verbs of $group"
done
mortise --help | sed -n 's/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p' >"$work/all"
while read -r verb; do
	# Words of a verb are split on purpose.
	mortise $verb --help | sed -n 's/^  \(-[a-z], \)*\(--[a-z-]*\).*/\2/p' | sort -u >"$work/options"
	offers $verb name --
	[ "$verb" != help ] || continue
	diff "$work/options" "$work/out" >"$work/err"
	set -- $?
	ok "$1" "the options of $verb"
	[ "$1" = 0 ] || note diff "$work/err"
done <"$work/all"
offers --output j
out_is json "the forms of --output"
offers --config x.yaml token st
out_is store "a verb behind an option with a value"
offers explain g
out_is get "the operations of explain"
offers get app/
[ "$(cat "$work/out")" = "" ]
ok $? "no name of a secret"
finish
