#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What completion offers is what help shows, no more and no less, in each shell that
# is here.
. "$srcdir/tests/cli/lib.sh"
made=$builddir/conf/completion

# complete_bash WORD...: what is offered for the last one, a word a line, sorted.
complete_bash() {
	bash -c '
		compopt() { :; }
		. "$0/bash/mortise"
		COMP_WORDS=(mortise "$@")
		COMP_CWORD=$#
		_mortise
		printf "%s\n" "${COMPREPLY[@]}"' "$made" "$@" | sort -u
}
complete_fish() {
	fish --no-config -c 'source $argv[1]/fish/mortise.fish; complete -C "mortise $argv[2..-1]"' \
	    "$made" "$@" | sed 's/	.*//' | sort -u
}
# same_as FILE NAME: what is in out is what is in FILE.
same_as() {
	diff "$1" "$work/out" >"$work/err"
	set -- $? "$2"
	ok "$1" "$2"
	[ "$1" = 0 ] || note diff "$work/err"
}

mortise --help | sed -n 's/^  \([a-z][a-z -]*[a-z]\)  .*/\1/p' >"$work/all"
sed 's/ .*//' "$work/all" | sort -u >"$work/verbs"
for shell in bash fish; do
	if ! command -v $shell >/dev/null; then
		skip "$shell" "it is not here"
		continue
	fi
	complete_$shell '' | grep -v '^-' >"$work/out"
	same_as "$work/verbs" "$shell: the verbs"
	for group in token state audit plugin; do
		sed -n "s/^$group //p" "$work/all" | sort -u >"$work/seconds"
		complete_$shell $group '' | grep -v '^-' >"$work/out"
		same_as "$work/seconds" "$shell: the verbs of $group"
	done
	while read -r verb; do
		# Words of a verb are split on purpose.
		mortise $verb --help | sed -n 's/^  \(-[a-z], \)*\(--[a-z-]*\).*/\2/p' | sort -u >"$work/options"
		complete_$shell $verb name -- >"$work/out"
		[ "$verb" = help ] || same_as "$work/options" "$shell: the options of $verb"
	done <"$work/all"
	complete_$shell --output j >"$work/out"
	out_is json "$shell: the forms of --output"
	complete_$shell --config x.yaml token st >"$work/out"
	out_is store "$shell: a verb behind an option with a value"
	complete_$shell explain g >"$work/out"
	out_is get "$shell: the operations of explain"
	[ "$(complete_$shell get app/)" = '' ]
	ok $? "$shell: no name of a secret"
done
# zsh completes at a terminal only: that it is zsh, and that nothing is missing.
if command -v zsh >/dev/null; then
	zsh -n "$made/zsh/_mortise" 2>"$work/err"
	ok $? "zsh: it can be read"
else
	skip "zsh" "it is not here"
fi
while read -r verb; do
	grep -A 1 "^	('$verb')\$" "$made/zsh/_mortise" | tail -n 1 | grep -o "'--[a-z-]*" |
	    tr -d "'" | sort -u >"$work/out"
	mortise $verb --help | sed -n 's/^  \(-[a-z], \)*\(--[a-z-]*\).*/\2/p' |
	    grep -vx -e --config -e --direct -e --output -e --log-level -e --help | sort -u >"$work/options"
	same_as "$work/options" "zsh: the options of $verb"
done <"$work/all"
finish
