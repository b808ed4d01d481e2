#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# In each verb one call of the system fails once: write, fsync, fdatasync, rename,
# open, lock and truncate, with EIO, ENOSPC, EINTR and EDQUOT.  The program ends as
# documented and says what failed, or did without it; the trail verifies, and what
# was acknowledged is there.
# CALLS (2) is how many places of each kind are tried in a verb; 0 tries all.
. "$srcdir/tests/cli/lib.sh"

preload=$builddir/tests/faults/.libs/calls.so
[ -x "$builddir/.libs/mortise" ] && [ -e "$preload" ] || skip_all "no shared program to preload into"
demo
printf value >"$work/value"
printf '{"access_token":"a","expires_in":3600}' >"$work/tokens"
mortise put kept --file "$work/value" >/dev/null
mortise token store meta 7 --agency a --file "$work/tokens" >/dev/null
case $(sed -n 's/^SANITIZE_FLAGS = //p' "$builddir/Makefile") in
*address*|*thread*) skip_all "a sanitizer's own calls would be counted" ;;
esac

# one AT ERROR CALL VERB...: runs it with that fault.
one() {
	at=$1 errno=$2 call=$3
	shift 3
	rm -f "$work/export"
	timeout 60 env LD_LIBRARY_PATH="$builddir/core/.libs" LD_PRELOAD="$preload" \
	    FAULT_CALL=$call FAULT_AT="$at" FAULT_ERROR="$errno" FAULT_COUNT="$work/count" \
	    "$builddir/.libs/mortise" "$@" <"$work/value" >"$work/out" 2>"$work/err"
}
# numbers COUNT: which of them are tried.
numbers() {
	if [ "${CALLS:-2}" = 0 ] || [ "$1" -le "${CALLS:-2}" ]; then
		seq 1 "$1"
	else
		i=0
		while [ "$i" -lt "${CALLS:-2}" ]; do
			echo $((1 + i * ($1 - 1) / (${CALLS:-2} - 1 > 0 ? ${CALLS:-2} - 1 : 1)))
			i=$((i + 1))
		done
	fi
}
# What must hold after each: the trail, the store, and what was acknowledged.
whole() {
	mortise audit verify >"$work/verify" 2>&1 || return 1
	[ "$(mortise get kept 2>>"$work/verify")" = value ]
}

tried=0
try_verb() {
	wrong=
	for call in write fsync fdatasync rename open lock truncate; do
		one 0 0 $call "$@"
		count=$(cat "$work/count" 2>/dev/null || echo 0)
		for at in $(numbers "$count"); do
			for errno in 5 28 4 122; do
				one "$at" $errno $call "$@"
				state=$?
				tried=$((tried + 1))
				case $state in
				0)	;;
				[1-9]|1[0-2])
					[ -s "$work/err" ] || [ -s "$work/out" ] || wrong="$wrong $call/$at/$errno: no message;"
					# SQLite takes an interrupted sync for a failed one.
					[ $errno != 4 ] || [ $state = 3 ] || [ $state = 8 ] ||
					    [ $call = fdatasync ] ||
					    wrong="$wrong $call/$at: EINTR is seen;" ;;
				*)	wrong="$wrong $call/$at/$errno: status $state;" ;;
				esac
				if [ $errno != 4 ] && ! whole; then
					wrong="$wrong $call/$at/$errno: not whole afterwards;"
					note verify "$work/verify"
				fi
			done
		done
	done
	[ -z "$wrong" ]
	ok $? "$*:${wrong:- it ends as it should}"
}
try_verb put a/b --file "$work/value"
try_verb get kept
try_verb list
try_verb history kept
try_verb delete a/b
try_verb token store meta 8 --agency a --file "$work/tokens"
try_verb token get oauth/meta/7
try_verb token revoke oauth/meta/8
try_verb state create --platform meta --agency a --redirect-uri https://app.example/
try_verb audit search --action secret_viewed -n 2
try_verb audit report --agency a --month "$(date -u +%Y-%m)"
try_verb audit export --agency a --out "$work/export"
# Each has the parts of those before it to erase.
export MORTISE_AUDIT_USER_EMAIL=ops@agency.example
try_verb audit erase --record 1-999999 --yes
unset MORTISE_AUDIT_USER_EMAIL
try_verb audit verify
try_verb audit head
try_verb check
try_verb init --dir "$work/demo"
echo "# $tried faults"
[ "$tried" -gt 100 ]
ok $? "faults were tried"
finish
