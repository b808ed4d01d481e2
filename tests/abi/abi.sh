#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The ABI is what tests/golden says; that old plugins run, tests/install/guide.sh says.
. "$srcdir/tests/cli/lib.sh"
check() {
	ok "$1" "$2"
	[ "$1" = 0 ] || note log "$work/log"
}
golden=$srcdir/tests/golden/abi-0.1.txt
if [ "$(printf '#if defined(__x86_64__) && defined(__LP64__)\nyes\n#endif\n' | $CC -E -P -)" = yes ]; then
	sh "$srcdir/tests/abi/describe.sh" "$srcdir/core/include" "$builddir/core/.libs/libmortise.so" \
	    >"$work/now" 2>"$work/log"
	check $? "the compiler describes the ABI"
	# A struct that begins with its size may grow, and so may a count of values.
	awk -F '\t' '
	FNR == 1 { file++ }
	{ key = $1 "\t" $2 }
	file == 1 { now[key] = $3 "\t" $4; next }
	$1 == "member" && sub(/\.size$/, "", $2) && $3 == 0 { sized[$2] = 1 }
	{ keys[++n] = key; old[key] = $3 "\t" $4 }
	END {
		for (i = 1; i <= n; i++) {
			key = keys[i]; split(key, part, "\t")
			if (!(key in now))
				print "gone: " key
			else if (now[key] == old[key])
				continue
			else if (now[key] + 0 > old[key] + 0 && part[1] == "struct" && part[2] in sized)
				continue
			else if (now[key] + 0 > old[key] + 0 && part[2] ~ /^MORTISE_(CODES|REASONS|ABI_MINOR)$/)
				continue
			else
				print "was " old[key] ", is " now[key] ": " key
		}
	}' "$work/now" "$golden" >"$work/log" 2>&1 && [ ! -s "$work/log" ]
	check $? "nothing that was promised has changed: a struct grows at its end, values are added last"
	diff "$golden" "$work/now" >"$work/log"
	check $? "what was added is written down: run make abi-golden, and commit its file"
else
	skip "the ABI" "it is described for x86-64 only"
fi
finish
