#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The sink `syslog` against a real rsyslogd: each record arrives once, by every way, and
# what it says is what rsyslog takes apart.  No peer whose certificate is not good, or is
# for another name, gets a byte.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
# A writer that has ended must not end this, which has a daemon to stop.
trap '' PIPE
writer=$builddir/tests/plugins/sink_writer
trail=11111111111111111111111111111111
PATH=$PATH:/usr/sbin
rsyslogd=$(command -v rsyslogd) || skip_all "rsyslogd is not installed"
have_loopback || skip_all "no loopback interface"
modules=$(dirname "$(ls /usr/lib/*/rsyslog/imuxsock.so /usr/lib/rsyslog/imuxsock.so \
    /usr/lib64/rsyslog/imuxsock.so 2>/dev/null | head -n 1)")
for module in imuxsock imudp imtcp mmpstrucdata; do
	[ -e "$modules/$module.so" ] || skip_all "rsyslogd has no $module"
done
tls=no
[ ! -e "$modules/lmnsd_ossl.so" ] || tls=yes

# --- certificates: a CA, a server's for localhost, a client's, and another CA
(
	cd "$work" || exit 1
	for ca in ca other; do
		openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=$ca" -keyout $ca.key -out $ca.pem -days 2
	done
	for one in server client; do
		openssl req -newkey rsa:2048 -nodes -subj "/CN=$one" -keyout $one.key -out $one.csr
		printf 'subjectAltName=DNS:localhost\n' >$one.ext
		openssl x509 -req -in $one.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
		    -extfile $one.ext -out $one.pem
	done
	openssl rsa -aes128 -passout pass:secret -in client.key -out locked.key
) >"$work/openssl" 2>&1
[ -s "$work/client.pem" ]
ok $? "certificates"

# --- rsyslogd
udp=$(free_port) tcp=$(free_port) secure=$(free_port) demanding=$(free_port)
cat >"$work/rsyslog.conf" <<END
global(workDirectory="$work" defaultNetstreamDriverCAFile="$work/ca.pem"
    defaultNetstreamDriverCertFile="$work/server.pem" defaultNetstreamDriverKeyFile="$work/server.key")
module(load="imuxsock" sysSock.use="on" sysSock.name="$work/local" sysSock.rateLimit.interval="0")
module(load="imudp")
module(load="imtcp")
module(load="mmpstrucdata")
template(name="parts" type="string" string="{%pri:::jsonf:pri%,%app-name:::jsonf:app%,%procid:::jsonf:pid%,%hostname:::jsonf:host%,%msgid:::jsonf:id%,%timereported:::date-rfc3339,jsonf:ts%,%msg:::jsonf:msg%,\"sd\":%\$!rfc5424-sd%}\n")
template(name="plain" type="string" string="%pri% %app-name% %procid%%msg%\n")
ruleset(name="parts") {
	action(type="mmpstrucdata" sd_name.lowercase="off")
	action(type="omfile" file="$work/parts" template="parts")
}
action(type="omfile" file="$work/plain" template="plain")
input(type="imuxsock" socket="$work/parsed" useSpecialParser="off" parseHostname="on" ruleset="parts"
    rateLimit.interval="0")
input(type="imudp" address="127.0.0.1" port="$udp" ruleset="parts")
input(type="imtcp" address="127.0.0.1" port="$tcp" ruleset="parts")
END
[ $tls = no ] || cat >>"$work/rsyslog.conf" <<END
input(type="imtcp" address="127.0.0.1" port="$secure" ruleset="parts"
    streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" address="127.0.0.1" port="$demanding" ruleset="parts"
    streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
END
# waits_for COMMAND: until it is so, for half a minute at most.
waits_for() {
	i=0
	while ! eval "$1" && [ $i -lt 300 ]; do i=$((i + 1)); sleep 0.1; done
	eval "$1"
}
start_daemon() {
	rm -f "$work/parsed" "$work/local"
	"$rsyslogd" -n -f "$work/rsyslog.conf" -i "$work/pid" >>"$work/rsyslog.err" 2>&1 &
	daemon=$!
	pids="$pids $daemon"
	waits_for '[ -S "$work/parsed" ] && [ -S "$work/local" ] && listens $tcp &&
	    { [ $tls = no ] || { listens $secure && listens $demanding; }; }'
}
listens() {
	python3 -c 'import socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)' "$1" 2>/dev/null
}
stop_daemon() {
	kill -TERM $daemon
	wait $daemon 2>/dev/null
}
start_daemon
ok $? "rsyslogd runs"

# arrived FROM TO: each of these records is there once, in order, and no other one.
arrived() {
	waits_for "[ \$(wc -l <\"$work/parts\") -ge $(($2 - $1 + 1)) ]" 2>/dev/null
	sleep 0.2
	python3 - "$work/parts" "$1" "$2" <<'END'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
numbers = [int(line["sd"]["mortise@32473"]["seq"]) for line in lines]
wanted = list(range(int(sys.argv[2]), int(sys.argv[3]) + 1))
if numbers != wanted:
    print("# %d came: %s ... %s" % (len(numbers), numbers[:5], numbers[-5:]))
sys.exit(numbers != wanted)
END
}
# sends NAME FROM TO BATCH OPTION...: they are taken, and arrive.
sends() {
	name=$1 from=$2 to=$3 batch=$4
	shift 4
	: >"$work/parts"
	run "$writer" syslog $trail "$from" "$to" "$batch" 10000 "$@"
	status_is 0 "$name: taken"
	arrived "$from" "$to"
	ok $? "$name: each arrives once"
}

# --- every way
sends "a Unix socket" 1 300 50 "to=$work/parsed" format=rfc5424
sends udp 1 40 10 "to=udp://127.0.0.1:$udp"
sends tcp 1 2000 500 "to=tcp://127.0.0.1:$tcp"
python3 - "$work/parts" "$trail" <<'END'
import json, socket, sys
line = json.loads(open(sys.argv[1]).readline())
sd = line["sd"]["mortise@32473"]
assert line["pri"] == "85" and line["app"] == "mortise" and line["id"] == "token_viewed", line
assert line["host"] == socket.gethostname() and line["pid"].isdigit(), line
assert line["ts"].startswith("2026-11-25T10:00:00.123456"), line
assert line["msg"].strip() == "token_viewed platform_authorization auth_1: ok", line
wanted = {"trail": sys.argv[2], "seq": "1", "h": sys.argv[2] + "%032x" % 1, "t": "outcome",
    "ts": "2026-11-25T10:00:00.123456Z", "action": "token_viewed", "agencyId": 'ag "1"]\\',
    "resourceType": "platform_authorization", "resourceId": "auth_1", "code": "ok",
    "actor.uid": "1001", "userEmail": "ann@agency.example", "ipAddress": "192.0.2.7"}
for name, value in wanted.items():
    assert sd[name] == value, (name, sd)
assert json.loads(sd["metadata"]) == {"p": {"h": "x"}, "n": [1, 2]}, sd
assert not {"pc", "s", "v", "cut"} & set(sd), sd
END
ok $? "rsyslog takes a message apart, and all of it is as it was"
: >"$work/plain"
run "$writer" syslog $trail 1 20 10 10000 "to=$work/local" facility=local0
status_is 0 "the local socket: taken"
waits_for '[ "$(grep -c seq= "$work/plain")" = 20 ]'
ok $? "the local socket: each arrives once"
matches plain '^133 mortise [0-9]+ token_viewed platform_authorization auth_1: ok \[mortise@32473 trail="1{32}" seq="1" h="' \
    "the local socket: rsyslog finds the program's name and pid"

# --- the daemon is started anew, under a sink that stays open
# over_restart NAME OPTION...
over_restart() {
	: >"$work/parts"
	rm -f "$work/steps"
	mkfifo "$work/steps"
	SINK_STEPS=yes "$writer" syslog $trail 1 60 20 10000 "$2" ${3:+"$3"} <"$work/steps" >"$work/said" 2>&1 &
	pid=$!
	exec 9>"$work/steps"
	echo >&9
	arrived 1 20
	set -- $? "$@"
	stop_daemon
	start_daemon
	echo >&9
	waits_for '[ "$(wc -l <"$work/parts")" -ge 40 ]'
	echo >&9
	exec 9>&-
	arrived 1 60 && wait $pid && [ "$1" = 0 ]
	set -- $? "$2"
	ok "$1" "$2: each arrives once, over a restart of rsyslogd"
	[ "$1" = 0 ] || note writer "$work/said"
}
over_restart "a Unix socket" "to=$work/parsed" format=rfc5424
over_restart tcp "to=tcp://localhost:$tcp"

# --- it stands still, behind a connection that is made
# stands_still NAME OPTION...
stands_still() {
	: >"$work/parts"
	rm -f "$work/steps"
	mkfifo "$work/steps"
	SINK_STEPS=yes "$writer" syslog $trail 1 1000000 500 300 "$2" ${3:+"$3"} <"$work/steps" >"$work/out" 2>&1 &
	pid=$!
	exec 9>"$work/steps"
	echo >&9
	arrived 1 500
	kill -STOP $daemon
	yes '' >&9 2>/dev/null
	wait $pid
	exec 9>&-
	out_like "^refused 3 ${2#to=} takes no more messages for now" "$1, standing still: timeout"
	[ "$(sed -n 's/^took //p' "$work/out" | sort -n | tail -n 1)" -lt 1300 ]
	ok $? "$1, standing still: nobody waits longer than that"
	last=$(sed -n 's/^durable //p' "$work/out" | tail -n 1)
	kill -CONT $daemon
	waits_for '[ "$(wc -l <"$work/parts")" -ge "$last" ]'
	ok $? "$1: when it goes on, what was taken arrives"
}
stands_still tcp "to=tcp://127.0.0.1:$tcp"
stop_daemon
run "$writer" syslog $trail 1 1 1 5000 "to=tcp://127.0.0.1:$tcp"
status_is 1 "nobody is there"
out_like '^refused 2 tcp://127.0.0.1:[0-9]+ cannot be reached: Connection refused; start what receives there' \
    "nobody is there: the message"
start_daemon

# --- TLS
# refuses NAME REGEX OPTION...: with this message, and nothing arrives.
refuses() {
	name=$1 regex=$2
	shift 2
	: >"$work/parts"
	run "$writer" syslog $trail 1 1 1 10000 "$@"
	status_is 1 "$name"
	out_like "$regex" "$name: the message"
	sleep 0.3
	empty parts "$name: nothing was sent"
}
if [ $tls = yes ]; then
	sends tls 1 2000 500 "to=tls://localhost:$secure" "ca-file=$work/ca.pem"
	sends "tls, by another name" 1 1 1 "to=tls://127.0.0.1:$secure" "ca-file=$work/ca.pem" server-name=localhost
	sends "tls, with a client's certificate" 1 1000 500 "to=tls://localhost:$demanding" \
	    "ca-file=$work/ca.pem" "cert=$work/client.pem" "key=$work/client.key"
	over_restart tls "to=tls://localhost:$secure" "ca-file=$work/ca.pem"
	refuses "tls, another CA" '^refused 9 tls://.*certificate is not good: .*; give its CA by ca-file' \
	    "to=tls://localhost:$secure" "ca-file=$work/other.pem"
	refuses "tls, the system's CAs" '^refused 9 tls://.*certificate is not good: ' "to=tls://localhost:$secure"
	refuses "tls, an address that is not in it" '^refused 9 tls://.*certificate is not good: IP address mismatch' \
	    "to=tls://127.0.0.1:$secure" "ca-file=$work/ca.pem"
	refuses "tls, another name" '^refused 9 tls://.*certificate is not good: hostname mismatch' \
	    "to=tls://localhost:$secure" "ca-file=$work/ca.pem" server-name=log.example
	run "$writer" syslog $trail 1 1 1 1000 "to=tls://localhost:$tcp" "ca-file=$work/ca.pem"
	out_like '^refused 2 tls://.*no TLS is to be had: no answer by the deadline' "tls, and no TLS there"
	stands_still tls "to=tls://localhost:$secure" "ca-file=$work/ca.pem"
else
	skip tls "rsyslogd has no lmnsd_ossl"
fi
run "$writer" syslog $trail 1 1 1 5000 "to=tls://localhost:1" "ca-file=$work/none.pem"
out_like 'ca-file: .*none.pem cannot be used: .*; it is PEM' "a CA that is not there"
run "$writer" syslog $trail 1 1 1 5000 "to=tls://localhost:1" "ca-file=$work/ca.pem" \
    "cert=$work/client.pem" "key=$work/locked.key" </dev/null
out_like 'key: .*locked.key cannot be used: ' "a key with a password asks nobody"
run "$writer" syslog $trail 1 1 1 5000 "to=tls://localhost:1" "cert=$work/client.pem"
out_like 'give both' "a certificate without a key"
finish
