#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each public header compiles alone, as C and as C++, and declares what the
# library exports, no more and no less.
. "$srcdir/tests/cli/lib.sh"
check() {
	ok "$1" "$2"
	[ "$1" = 0 ] || note log "$work/log"
}
for header in types mortise audit plugin; do
	printf '#include <mortise/%s.h>\nint main(void) { return 0; }\n' "$header" >"$work/one.c"
	$CC -std=c11 -pedantic -Wall -Wextra -Werror -I"$srcdir/core/include" -fsyntax-only \
	    "$work/one.c" >"$work/log" 2>&1
	check $? "mortise/$header.h alone, as C11"
	cp "$work/one.c" "$work/one.cc"
	if command -v g++ >/dev/null; then
		g++ -std=c++11 -pedantic -Wall -Wextra -Werror -I"$srcdir/core/include" -fsyntax-only \
		    "$work/one.cc" >"$work/log" 2>&1
		check $? "mortise/$header.h alone, as C++11"
	else
		skip "mortise/$header.h alone, as C++11" "no g++ here"
	fi
done
cat "$srcdir/core/include/mortise/mortise.h" "$srcdir/core/include/mortise/audit.h" |
    sed -e 's|/\*.*\*/||' | grep -v '^typedef\|^ \*\|^/\*\|^	' |
    grep -o 'mortise_[a-z_0-9]*(' | tr -d '(' | LC_ALL=C sort -u >"$work/declared"
nm -D --defined-only "$builddir/core/.libs/libmortise.so" | sed -n 's/.* T \(mortise_[a-z_0-9]*\)@.*/\1/p' |
    LC_ALL=C sort -u >"$work/exported"
diff "$work/declared" "$work/exported" >"$work/log" 2>&1
check $? "libmortise exports what mortise.h and audit.h declare"
nm -D --defined-only "$builddir/core/.libs/libmortise.so" | grep -v ' mortise_\| A MORTISE_0' |
    grep ' [A-Z] ' >"$work/log"
[ ! -s "$work/log" ]
check $? "and nothing else"
sed -n 's/^\.It Fn \(.*\)/\1/p' "$srcdir/doc/mortise.3" | tr -d ',' | sed 's/ Fn / /g' | tr ' ' '\n' |
    grep '^mortise' | LC_ALL=C sort >"$work/page"
diff "$work/exported" "$work/page" >"$work/log"
check $? "mortise(3) names each of them once"
for plugin in "$builddir"/plugins/.libs/*.so; do
	[ "$(nm -D --defined-only "$plugin" | sed 's/.* //')" = mortise_plugin_init ]
	check $? "$(basename "$plugin") exports its entry only"
	nm -D --undefined-only "$plugin" | grep ' mortise_' >"$work/log"
	[ ! -s "$work/log" ]
	check $? "$(basename "$plugin") needs no symbol of ours"
done
finish
