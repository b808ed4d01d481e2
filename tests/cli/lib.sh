# SPDX-License-Identifier: BSD-2-Clause
# For the tests of the program, in POSIX sh; they print TAP.  A test sources
# this, runs commands by `run`, says what is expected, and ends with `finish`.
#
# Plugins are those of the build, by a drop-in of each installation.
set -u
LC_ALL=C
export LC_ALL
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0 failed=0
unset MORTISE_CONFIG MORTISE_AUDIT_AGENCY_ID MORTISE_AUDIT_USER_EMAIL MORTISE_AUDIT_IP_ADDRESS \
    MORTISE_AUDIT_USER_AGENT MORTISE_AUDIT_METADATA

# The program itself, not libtool's script, which minds closed descriptors.
mortise() {
	if [ -x "$builddir/.libs/mortise" ]; then
		LD_LIBRARY_PATH=$builddir/core/.libs "$builddir/.libs/mortise" "$@"
	else
		"$builddir/mortise" "$@"
	fi
}

# ok STATUS NAME: 0 is good.
ok() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=$((failed + 1))
	fi
}
note() {
	sed "s/^/# $1: /" "$2" | tail -n 20
}
# skip NAME WHY: what cannot be checked here; a failure under MORTISE_TEST_REQUIRE=all.
skip() {
	if [ "${MORTISE_TEST_REQUIRE:-}" = all ]; then
		ok 1 "$1: $2"
	else
		n=$((n + 1))
		echo "ok $n - $1 # SKIP $2"
	fi
}
# skip_all WHY: a whole script.
skip_all() {
	skip "$(basename "$0")" "$1"
	finish
	exit
}
finish() {
	echo "1..$n"
	[ "$failed" = 0 ]
}

# run COMMAND...: its results are in $status, $work/out and $work/err.
run() {
	"$@" >"$work/out" 2>"$work/err"
	status=$?
}
# status_is N NAME
status_is() {
	[ "$status" = "$1" ]
	set -- $? "$1" "$2"
	ok "$1" "$3: status $2"
	[ "$1" = 0 ] || { echo "# got $status"; note out "$work/out"; note err "$work/err"; }
}
# out_is TEXT NAME: exactly, with its newline.
out_is() {
	printf '%s\n' "$1" | cmp -s - "$work/out"
	set -- $? "$1" "$2"
	ok "$1" "$3"
	[ "$1" = 0 ] || { echo "# expected: $2"; note got "$work/out"; note err "$work/err"; }
}
# matches FILE REGEX NAME
matches() {
	grep -Eq -- "$2" "$work/$1"
	set -- $? "$@"
	ok "$1" "$4"
	[ "$1" = 0 ] || { echo "# expected in $2: $3"; note "$2" "$work/$2"; }
}
out_like() {
	matches out "$1" "$2"
}
err_like() {
	matches err "$1" "$2"
}
# empty FILE NAME
empty() {
	[ ! -s "$work/$1" ]
	set -- $? "$@"
	ok "$1" "$3"
	[ "$1" = 0 ] || note "$2" "$work/$2"
}
# Times and drawn ids to words, so that the rest can be compared.
normal() {
	sed -e 's/"[0-9]\{4\}-[0-9][0-9]-[0-9][0-9]T[0-9:]*\.[0-9]\{3\}Z"/TIME/g' \
	    -e 's/"auth_[a-z2-7]\{26\}"/ID/g' "$work/out" >"$work/normal"
	mv "$work/normal" "$work/out"
}

# Is there a loopback interface that is up?  A builder may have none.
have_loopback() {
	python3 -c 'import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), 5)' 2>/dev/null
}

# installation DIR: makes one there with the build's plugins.
installation() {
	mkdir -p "$1/mortise.d"
	printf 'plugin-path: [%s/plugins/.libs]\n' "$builddir" >"$1/mortise.d/build.yaml"
	run mortise init --dir "$1"
	if [ "$status" != 0 ]; then
		note init "$work/err"
		echo "Bail out! no installation"
		exit 1
	fi
}
# as_user [-u VARIABLE]... [VARIABLE=VALUE]... COMMAND...: as somebody who is not root.
as_user() (
	LD_LIBRARY_PATH=$builddir/core/.libs
	export LD_LIBRARY_PATH
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups env "$@"
	else
		env "$@"
	fi
)
# Can there be one, who can reach the program?
have_user() {
	[ -x "$builddir/.libs/mortise" ] &&
	    as_user "$builddir/.libs/mortise" --version >"$work/out" 2>&1
}

# Most tests need one.
demo() {
	installation "$work/demo"
	MORTISE_CONFIG=$work/demo/mortise.yaml
	export MORTISE_CONFIG
}
