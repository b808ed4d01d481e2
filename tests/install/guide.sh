#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The guide's plugin, and the examples, as somebody with the installed library and
# its headers builds and runs them.
. "$srcdir/tests/cli/lib.sh"
check() {
	ok "$1" "$2"
	[ "$1" = 0 ] || note log "$work/log"
}
prefix=$(sed -n 's/^prefix = //p' "$builddir/Makefile")
(unset MAKEFLAGS MFLAGS; cd "$builddir" && ${MAKE:-make} -s install DESTDIR="$work/root") >"$work/log" 2>&1
check $? "make install"
root=$work/root$prefix
flags=$(PKG_CONFIG_PATH=$root/lib/pkgconfig pkg-config --cflags mortise | sed "s|-I$prefix|-I$root|g")
libs=$(PKG_CONFIG_PATH=$root/lib/pkgconfig pkg-config --libs mortise | sed "s|-L$prefix|-L$root|g")
[ -n "$libs" ]
check $? "pkg-config says how to link"
# A sanitizer's library needs it in the program too.
sanitize=$(sed -n 's/^SANITIZE_FLAGS = //p' "$builddir/Makefile")
compile() {
	$CC -std=c11 -Wall -Wextra -Werror $sanitize $flags "$@" >"$work/log" 2>&1
}

# The guide alone has all of it.
# pieces N NAME: those of its Nth part are examples/NAME.c, and lie in $work/NAME.c.
pieces() {
	awk -v part="$1" '/^# /&&!code{n++} /^```$/{code=0} code&&n==part{print} /^```c$/{code=1} /^```$/&&n==part{print ""}' \
	    "$srcdir/doc/plugin-guide.md" >"$work/$2.c"
	grep -v '^$' "$work/$2.c" >"$work/from-guide"
	grep -v '^$' "$srcdir/doc/examples/$2.c" | diff "$work/from-guide" - >"$work/log"
	check $? "the guide's pieces are doc/examples/$2.c"
}
pieces 1 directory
mkdir -m 755 "$work/plugins"
compile -shared -fPIC -fvisibility=hidden "$work/directory.c" -o "$work/plugins/directory.so"
check $? "the plugin is built from the installed headers"
chmod 755 "$work/plugins/directory.so"

installation "$work/demo"
mkdir -m 700 "$work/demo/files"
cat >"$work/demo/mortise.d/directory.yaml" <<END
plugin-path: ["$work/plugins", "$builddir/plugins/.libs"]
backends:
  files: {plugin: directory, path: "$work/demo/files"}
secret:
  - {match: "app/*", get: [files, store], put: files, delete: files}
END
mv "$work/demo/mortise.d/directory.yaml" "$work/demo/mortise.d/x.yaml"
MORTISE_CONFIG=$work/demo/mortise.yaml
export MORTISE_CONFIG
run mortise check
status_is 0 "the configuration with it"
run mortise plugin show directory
out_like 'path' "its schema is shown"

# It passes the kit, by the installed program.
MORTISE_LIBEXEC=$root/libexec/mortise
export MORTISE_LIBEXEC
run mortise plugin test "$work/plugins/directory.so" --backend files
status_is 0 "it passes the kit"
out_like '^ok +secret/names +names are kept apart' "the kit's cases"
out_like '^[0-9]+ ok, 0 failed, [0-9]+ skipped$' "the kit's sum"
[ "$(ls -A "$work/demo/files")" = '' ]
check $? "the kit leaves nothing behind"
run mortise --output json plugin test "$work/plugins/directory.so" --backend files --read-only plugin
out_is '{"case":"plugin/options","verdict":"ok","message":""}
{"case":"plugin/check","verdict":"skip","message":"it has no check"}
{"case":"plugin/instances","verdict":"ok","message":""}
{"case":"plugin/other-kinds","verdict":"ok","message":""}' "the kit's options are passed on"
MORTISE_LIBEXEC=$work/nowhere run mortise plugin test "$work/plugins/directory.so"
status_is 1 "without the kit"
err_like 'nowhere/mortise-plugin-test is not there; it comes with the headers' "without the kit: the message"

# Through a chain, with local behind it.
head -c 5000 /dev/urandom >"$work/value"
run mortise put app/db/key --file "$work/value"
status_is 0 "put"
[ -f "$work/demo/files/app+db+key" ]
check $? "it is a file"
mortise get app/db/key 2>"$work/log" | cmp - "$work/value" >>"$work/log" 2>&1
check $? "get: the same bytes"
printf x | mortise put other 2>"$work/log" >&2
run mortise list
out_is "app/db/key
other" "list: of both backends"
rm "$work/demo/files/app+db+key"
run mortise get app/db/key
status_is 3 "not_found in both"
printf kept | mortise put app/db/key >"$work/log" 2>&1
run mortise delete app/db/key
status_is 0 "delete"
[ "$(ls -A "$work/demo/files")" = '' ]
check $? "nothing is left in the directory"
printf x | mortise put app/x --label a=b >"$work/out" 2>"$work/err"
[ $? = 1 ]
ok $? "labels: unsupported"
chmod 000 "$work/demo/files"
rmdir "$work/demo/files"
run mortise get app/x
status_is 6 "without its directory it does not open"
err_like 'x\.yaml:3:[0-9]+: files: .*make it, with mode 0700' "the message names the place and the remedy"
mkdir -m 700 "$work/demo/files"
run mortise audit verify
status_is 0 "the trail holds"

# The second plugin, which speaks HTTP, against a server.
if [ -e "$root/include/mortise/http.h" ] && have_loopback; then
	pieces 2 inhouse
	compile -shared -fPIC -fvisibility=hidden \
	    $(PKG_CONFIG_PATH=$root/lib/pkgconfig pkg-config --cflags mortise-http | sed "s|-I$prefix|-I$root|g") \
	    "$work/inhouse.c" \
	    $(PKG_CONFIG_PATH=$root/lib/pkgconfig pkg-config --libs mortise-http | sed "s|-L$prefix|-L$root|g") \
	    -o "$work/plugins/inhouse.so"
	check $? "inhouse is built with mortise-http"
	chmod 755 "$work/plugins/inhouse.so"
	nm -D --defined-only "$work/plugins/inhouse.so" | sed 's/.* //' >"$work/out"
	out_is mortise_plugin_init "inhouse exports nothing of that"
	python3 "$srcdir/tests/plugins/http_server.py" "$work/stats" >"$work/port" 2>"$work/log" &
	server=$!
	trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
	i=0
	while [ ! -s "$work/port" ] && [ $i -lt 300 ]; do i=$((i + 1)); sleep 0.1; done
	printf good >"$work/key"
	chmod 600 "$work/key"
	cat >"$work/demo/mortise.d/inhouse.yaml" <<END
backends:
  inhouse: {plugin: inhouse, address: "http://127.0.0.1:$(cat "$work/port")", key: {file: "$work/key"}}
secret:
  - {match: "home/*", get: [inhouse, store], put: inhouse, delete: inhouse}
END
	run mortise plugin test "$work/plugins/inhouse.so" --backend inhouse
	status_is 0 "inhouse passes the kit"
	printf house | mortise put home/a >"$work/log" 2>&1 && [ "$(mortise get home/a 2>>"$work/log")" = house ]
	check $? "inhouse serves a chain"
	kill $server
	wait $server 2>/dev/null
	run mortise get home/a
	status_is 5 "without its server nobody knows"
	err_like 'inhouse\.yaml:2:3: inhouse: http://127\.0\.0\.1:[0-9]+: .*connect' "and the message names it"
	rm "$work/demo/mortise.d/inhouse.yaml"
fi

# The same, built against the headers of each release: today's core loads it.
for old in "$srcdir"/tests/abi/*/mortise; do
	release=$(basename "$(dirname "$old")")
	mkdir -m 755 "$work/old"
	$CC -std=c11 -Wall -Wextra -Werror $sanitize -I"${old%/mortise}" -shared -fPIC \
	    -fvisibility=hidden "$work/directory.c" -o "$work/old/directory.so" >"$work/log" 2>&1
	check $? "a plugin of $release is built"
	chmod 755 "$work/old/directory.so"
	sed "s|$work/plugins|$work/old|" "$work/demo/mortise.d/x.yaml" >"$work/demo/mortise.d/y.yaml"
	mv "$work/demo/mortise.d/x.yaml" "$work/x.yaml"
	printf 'of old' | mortise put app/old >"$work/log" 2>&1 &&
	    [ "$(mortise get app/old 2>>"$work/log")" = 'of old' ]
	check $? "a plugin of $release is loaded and serves"
	mv "$work/x.yaml" "$work/demo/mortise.d/x.yaml"
	rm -r "$work/old" "$work/demo/mortise.d/y.yaml"
done

# The examples.
LD_LIBRARY_PATH=$root/lib
export LD_LIBRARY_PATH
for example in get token state search service; do
	compile "$srcdir/doc/examples/$example.c" $libs -lpthread -o "$work/$example"
	check $? "examples/$example.c is built by pkg-config's flags"
done
printf value | mortise put app/one >"$work/log" 2>&1
run "$work/get" app/one
[ "$(cat "$work/out")" = value ]
check $? "get prints the value"
run "$work/get" app/none
status_is 3 "get of what is not there"
printf '{"access_token":"a","expires_in":3600}' >"$work/answer"
run "$work/token" meta_ads 7 agency-1 <"$work/answer"
out_is oauth/meta_ads/7 "token prints the reference"
run "$work/state"
out_is "meta_ads of agency-1 comes back to https://app.example/callback" "state is good once"
run "$work/search" secret_viewed
out_like '"resourceId":"app/one"' "search finds what get has done"
"$work/service" app/one >"$work/out" 2>"$work/err" &
pid=$!
# waits_for LINE: until it is printed, for a minute at most.
waits_for() {
	i=0
	while ! grep -q "$1" "$work/out" && [ $i -lt 600 ]; do i=$((i + 1)); sleep 0.1; done
	grep -q "$1" "$work/out"
	ok $? "service: $1"
}
waits_for '^ready$'
kill -HUP $pid
waits_for '^reloaded$'
cp "$MORTISE_CONFIG" "$work/good.yaml"
echo 'nonsense: 1' >>"$MORTISE_CONFIG"
kill -HUP $pid
waits_for '^kept: .*unknown key nonsense'
cp "$work/good.yaml" "$MORTISE_CONFIG"
kill -TERM $pid
wait $pid
set -- $?
ok "$1" "service ends well"
[ "$1" = 0 ] || note err "$work/err"
waits_for '^served, 0 failed$'
finish
