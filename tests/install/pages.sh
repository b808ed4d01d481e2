#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each plugin's page has its options, all of them and no others.
. "$srcdir/tests/cli/lib.sh"
demo
for plugin in "$builddir"/plugins/.libs/*.so; do
	name=$(basename "$plugin" .so)
	page=$srcdir/doc/mortise-$name.5
	[ -f "$page" ]
	ok $? "$name has a page"
	run mortise plugin show "$name"
	# Behind the blank line, the first column: the last part of each name.
	sed '1,/^$/d; s/	.*//; s/.*\.//' "$work/out" | sort -u >"$work/options"
	[ -s "$work/options" ]
	ok $? "$name: it has options"
	# `.It Cm a : Ar x , Cm b : Ar y` and `.It Cm a , b , c : ...` are options; commands
	# and others have no colon.
	sed -n '/^\.Sh DESCRIPTION/,/^\.S[sh] [^D]/s/^\.It \(Cm .* :.*\)/\1/p' "$page" | tr ',' '\n' |
	    sed 's/ :.*//; s/^ *//; s/^Cm //; s/^Brq //' | tr ' ' '\n' | grep '^[a-z][a-z-]*$' | sort -u >"$work/page"
	# A member that stands inside its group's line: header of auth.
	grep -o 'Brq Cm [a-z-]* :' "$page" | sed 's/Brq Cm //; s/ ://' | grep -Fx -f "$work/options" >>"$work/page"
	sort -u -o "$work/page" "$work/page"
	diff "$work/options" "$work/page" >"$work/log"
	set -- $? "$name"
	ok "$1" "$2: page and schema have the same options"
	[ "$1" = 0 ] || note diff "$work/log"
done
finish
