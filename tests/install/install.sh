#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# make install DESTDIR= puts everything under the prefix, and the pkg-config
# file says where plugins go.
. "$srcdir/tests/cli/lib.sh"
check() {
	ok "$1" "$2"
	[ "$1" = 0 ] || note log "$work/log"
}
: >"$work/log"
prefix=$(sed -n 's/^prefix = //p' "$builddir/Makefile")
(unset MAKEFLAGS MFLAGS; cd "$builddir" && ${MAKE:-make} -s install DESTDIR="$work/root") >"$work/log" 2>&1
check $? "make install DESTDIR="
root=$work/root$prefix
plugins=$(cd "$builddir/plugins/.libs" 2>/dev/null && ls -- *.so)
for file in bin/mortise lib/libmortise.so $(printf 'lib/mortise/%s ' $plugins) \
    include/mortise/types.h include/mortise/plugin.h include/mortise/mortise.h include/mortise/audit.h \
    lib/pkgconfig/mortise.pc share/man/man1/mortise.1 share/man/man5/mortise.yaml.5; do
	[ -e "$root/$file" ]
	check $? "installed: $file"
done
[ -z "$(find "$work/root" -type f ! -path "$root/*")" ]
check $? "nothing outside the prefix"
pc() { PKG_CONFIG_PATH=$root/lib/pkgconfig pkg-config "$@" mortise; }
[ "$(pc --variable=plugindir)" = "$prefix/lib/mortise" ]
check $? "pkg-config knows plugindir"
[ "$(pc --variable=abi)" = "$(sed -n 's/^#define MORTISE_ABI_MAJOR \([0-9]*\)u$/\1/p' "$root/include/mortise/plugin.h")" ]
check $? "pkg-config knows the plugin ABI"
finish
