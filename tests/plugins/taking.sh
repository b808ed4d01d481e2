#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Of many takers of a state exactly one gets it, in every store that keeps states.
. "$srcdir/tests/cli/lib.sh"
demo
# taking BACKEND
taking() {
	"$builddir/tests/plugins/taking" "$MORTISE_CONFIG" "$1" >"$work/out" 2>"$work/err"
	set -- $? "$1"
	ok "$1" "64 takers, $2: $(sed -n 's/^ok 2 - //p' "$work/out")"
	[ "$1" = 0 ] || { note out "$work/out"; note err "$work/err"; }
}
# built PLUGIN
built() {
	[ -e "$builddir/plugins/.libs/$1.so" ] || skip "$1" "it is not built"
	[ -e "$builddir/plugins/.libs/$1.so" ]
}
taking store
if built memory; then
	printf 'backends: {memory: {plugin: memory}}\n' >"$work/demo/mortise.d/taking.yaml"
	taking memory
fi
finish
