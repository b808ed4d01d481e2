#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each example of a configuration is one that `check` takes, and explain can tell of.
. "$srcdir/tests/cli/lib.sh"
for example in "$srcdir"/conf/examples/*.yaml; do
	name=$(basename "$example" .yaml)
	mkdir -p "$work/$name/mortise.d"
	cp "$example" "$work/$name/mortise.yaml"
	chmod 644 "$work/$name/mortise.yaml"
	printf 'plugin-path: [%s/plugins/.libs]\n' "$builddir" >"$work/$name/mortise.d/build.yaml"
	missing=
	for plugin in $(sed -n 's/.*plugin: *\([a-z0-9-]*\).*/\1/p' "$example"); do
		[ -e "$builddir/plugins/.libs/$plugin.so" ] || missing="$missing $plugin"
	done
	if [ -n "$missing" ]; then
		skip "$name" "not built:$missing"
		continue
	fi
	run mortise --config "$work/$name/mortise.yaml" check
	status_is 0 "$name is a good configuration"
	note "$name" "$work/err"
done
finish
