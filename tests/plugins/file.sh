#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The sink `file` killed at any moment, beside logrotate, and on a full disk: nothing that
# was flushed is lost, and nothing stands twice.  KILLS is how often it is killed.
. "$srcdir/tests/cli/lib.sh"
small=$work/small
mkdir "$small"
if [ "${FILE_INSIDE:-}" != yes ]; then
	# For the full disk, a mount namespace of its own where one is to be had.
	own='-m'
	[ "$(id -u)" = 0 ] || own='-m --map-current-user --keep-caps'
	! unshare $own true 2>/dev/null || FILE_INSIDE=yes exec unshare $own sh "$0"
fi
writer=$builddir/tests/plugins/sink_writer
trail=11111111111111111111111111111111

# each_once LAST FILE...: the records 1 to LAST, each once and in order, in lines of JSON?
each_once() {
	python3 - "$@" <<'END'
import json, sys
last, numbers = int(sys.argv[1]), []
for name in sys.argv[2:]:
    with open(name, "rb") as lines:
        for line in lines:
            assert line.endswith(b"\n"), (name, "torn")
            tree = json.loads(line)
            numbers.append(tree.get("c", tree)["seq"])
good = numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= last
if not good:
    print("# %d records; durable to %d; first that is wrong: %s" % (len(numbers), last, next(
        (pair for pair in enumerate(numbers, 1) if pair[0] != pair[1]), None)))
sys.exit(not good)
END
}
# killed FORMAT OPTION...: writers that are killed in the middle; the last one ends.
killed() {
	format=$1
	shift
	i=0 durable=0 wrong=0 between=0
	while [ $i -lt "${KILLS:-100}" ]; do
		i=$((i + 1))
		: >"$work/said"
		"$writer" file $trail 1 1000000 7 10000 "path=$work/$format.log" "format=$format" "$@" \
		    >"$work/said" 2>&1 &
		pid=$!
		sleep "0.0$((i % 7))$((i % 10))"
		kill -9 $pid
		wait $pid 2>/dev/null
		at=$(sed -n 's/^position //p' "$work/said")
		[ -z "$at" ] || [ "$at" -ge "$durable" ] || { wrong=$((wrong + 1)); echo "# position $at, durable $durable"; }
		next=$(sed -n 's/^durable //p' "$work/said" | tail -n 1)
		[ -z "$next" ] || { durable=$next between=$((between + 1)); }
	done
	[ "$between" -gt $((i / 2)) ]
	ok $? "$format $*: killed $i times, most of them while it wrote"
	ok $wrong "$format $*: no position before what was durable"
	# Each may have written two batches that it could not speak of any more.
	run "$writer" file $trail 1 $((durable + 14 * i + 20)) 7 10000 "path=$work/$format.log" "format=$format" "$@"
	status_is 0 "$format $*: the last one ends"
	durable=$(sed -n 's/^durable //p' "$work/out" | tail -n 1)
}

killed line
each_once "$durable" "$work/line.log"
ok $? "line: each record is there once"
killed flat keep=100 rotate-size=40000
# Only those that were kept; all, if there were no more.
files=$(ls -v -r "$work"/flat.log.[0-9]* "$work/flat.log" | grep -v position)
python3 - $files <<'END'
import json, sys
numbers = [json.loads(line)["seq"] for name in sys.argv[1:] for line in open(name)]
good = numbers == list(range(numbers[0], numbers[-1] + 1))
print("# %d records in %d files" % (len(numbers), len(sys.argv) - 1))
sys.exit(not good)
END
ok $? "flat, rotating: each record is there once, in order"
[ "$(tail -n 1 "$work/flat.log" | sed 's/.*"seq":\([0-9]*\).*/\1/')" = "$durable" ]
ok $? "flat, rotating: up to the last one"

# --- others that move it, while it is written
# beside NAME COMMAND: a writer, and the command five times under it.
beside() {
	"$writer" file $trail 1 4000 3 10000 "path=$work/$1/audit.log" >"$work/said" 2>&1 &
	pid=$!
	for i in 1 2 3 4 5; do
		sleep 0.1
		eval "$2" >>"$work/rotated" 2>&1
	done
	wait $pid
	set -- $? "$1"
	ok "$1" "$2: the writer ends"
	[ "$1" = 0 ] || note writer "$work/said"
}
mkdir "$work/mv"
beside mv '[ ! -e "$work/mv/audit.log" ] || mv "$work/mv/audit.log" "$work/mv/audit.log.$((1000 - i))"'
each_once 4000 $(ls -v -r "$work"/mv/audit.log.9* 2>/dev/null) "$work/mv/audit.log"
ok $? "mv: each record is there once"
logrotate=$(command -v logrotate || ls /usr/sbin/logrotate 2>/dev/null)
if [ -n "$logrotate" ]; then
	mkdir "$work/logrotate"
	chmod 755 "$work/logrotate"
	printf '"%s" {\n\trotate 20\n\tnocreate\n}\n' "$work/logrotate/audit.log" >"$work/logrotate.conf"
	chmod 644 "$work/logrotate.conf"
	beside logrotate '"$logrotate" -f -s "$work/logrotate.state" "$work/logrotate.conf"'
	[ -e "$work/logrotate/audit.log.1" ]
	ok $? "logrotate: it did rotate"
	each_once 4000 $(ls -v -r "$work"/logrotate/audit.log.* | grep -v position) "$work/logrotate/audit.log"
	ok $? "logrotate: each record is there once"
else
	skip logrotate "it is not installed"
fi

# --- a full disk
if [ "${FILE_INSIDE:-}" = yes ] && mount -t tmpfs -o size=512k none "$small"; then
	trap 'umount "$small"; rm -rf "$work"' EXIT
	run "$writer" file $trail 1 100000 50 10000 "path=$small/audit.log"
	status_is 1 "a full disk"
	out_like '^refused 2 .*audit.log.*: No space left on device; make room$' "a full disk: the message"
	durable=$(sed -n 's/^durable //p' "$work/out" | tail -n 1)
	mount -o remount,size=4m "$small"
	run "$writer" file $trail 1 $((durable + 500)) 50 10000 "path=$small/audit.log"
	status_is 0 "room again"
	each_once $((durable + 500)) "$small/audit.log"
	ok $? "each record is there once"
else
	skip "a full disk" "no mount namespace to be had here"
fi
finish
