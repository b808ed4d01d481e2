#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# redis against real servers: records as other programs see them, and servers that are
# restarted, stopped, full, replicas, locked, encrypted, or replaced by Sentinels; and one
# of ours that plays what they cannot be made to do.
. "$srcdir/tests/cli/lib.sh"
. "$srcdir/tests/plugins/servers.sh"
command -v redis-server >/dev/null || skip_all "no redis-server"
command -v python3 >/dev/null || skip_all "no python3 for a server"
have_loopback || skip_all "no loopback interface that is up"
unset REDISCLI_AUTH
demo
# cli COMMAND...: as another program; $port is the server's.
cli() {
	redis-cli -p "$port" --no-auth-warning "$@" 2>&1
}
# configured OPTIONS: what oauth:state:* is behind.
configured() {
	cat >"$work/demo/mortise.d/redis.yaml" <<END
backends:
  redis: {plugin: redis, $1, call: {timeout: ${timeout:-10s}}}
state:
  - {match: "oauth:state:*", use: redis}
END
}
# here [OPTIONS]: the server that was started last.
here() {
	configured "url: \"redis://127.0.0.1:$port\"${1:+, $1}"
}
# talk_to: begins a conversation with one instance that lives on.
talk_to() {
	rm -f "$work/talk"
	mkfifo "$work/talk"
	: >"$work/said"
	"$builddir/tests/plugins/state_talk" "$MORTISE_CONFIG" redis <"$work/talk" >"$work/said" 2>"$work/err" &
	talk_pid=$!
	exec 9>"$work/talk"
	said=0
}
# say COMMAND...: what it answers is in $work/out.
say() {
	echo "$*" >&9
	said=$((said + 1))
	i=0
	while [ "$(wc -l <"$work/said")" -lt $said ] && [ $i -lt 600 ]; do i=$((i + 1)); sleep 0.1; done
	sed -n "${said}p" "$work/said" >"$work/out"
}
deadline() {
	echo "deadline $1" >&9
}
talk_end() {
	exec 9>&-
	wait "$talk_pid"
	ok $? "the conversation ends well"
	! grep -q LATE "$work/said"
	ok $? "no call was late"
}
# is REGEX NAME: of what was said.
is() {
	out_like "^$1" "$2"
}
quit() {
	kill "$1"
	wait "$1" 2>/dev/null
}
cases() {
	"$builddir/tests/plugins/redis_cases" "$1" "$2" >"$work/cases" 2>&1
	set -- $? "$3"
	[ "$1" = 0 ] && [ "$(grep -c '^ok' "$work/cases")" -gt 200 ]
	ok $? "$2: $(grep -c '^ok' "$work/cases") checks"
	[ "$1" = 0 ] || note cases "$work/cases"
}

# --- records, as the plugin and as others see them
printf 'unixsocket %s/main.sock\nunixsocketperm 700\n' "$work" >"$work/main.conf"
redis_server main
main=$server_pid
url=redis://127.0.0.1:$port
cases "$url" '' "every state store's cases"
cli --scan | sort -u >"$work/out"
out_is mortise:fence "they leave the last fence, and nothing else"
cli del mortise:fence >/dev/null
cli set 'appX' foreign >/dev/null
cli set 'app*[x]?\^-Y' foreign >/dev/null
cases "unix://$work/main.sock?db=0" 'app*[x]?\^-:' "the cases by a socket, with a prefix of glob characters"
[ "$(cli --scan | sort -u | tr '\n' ' ')" = 'app*[x]?\^-:mortise:fence app*[x]?\^-Y appX ' ]
ok $? "others' keys are still there"
cli flushall >/dev/null
here
run "$builddir/core/kit/mortise-plugin-test" "$builddir/plugins/.libs/redis.so" --config "$MORTISE_CONFIG" --backend redis
status_is 0 "the kit"
note kit "$work/out"
out_like ' 0 failed' "the kit: nothing failed"
cli flushall >/dev/null

run mortise state create --platform meta_ads --agency ag_1 --redirect-uri https://app.example/cb
state=$(cat "$work/out")
status_is 0 "state create"
cli get "oauth:state:$state" >"$work/out"
out_like '^{"agencyId":"ag_1","platform":"meta_ads",.*}$' "its record is plain JSON under its key"
ttl=$(cli ttl "oauth:state:$state")
[ "$ttl" -gt 540 ] && [ "$ttl" -le 600 ]
ok $? "it lives for ten minutes"
[ "$(cli dbsize)" = 1 ]
ok $? "there is no other key"
run mortise state validate "$state"
status_is 0 "state validate"
[ "$(cli exists "oauth:state:$state")" = 0 ]
ok $? "it is gone"
run mortise state validate "$state"
status_is 3 "a second time"
cli setex "oauth:state:$state" 600 '{"agencyId":"ag_1","platform":"meta_ads","redirectUri":"https://app.example/cb"}' >/dev/null
run mortise state validate "$state"
status_is 0 "a record that an application wrote itself"
run mortise state validate "$state"
status_is 3 "it holds once, too"

talk_to
cli rpush list a b >/dev/null
cli set large "$(head -c 70000 /dev/zero | tr '\0' x)" >/dev/null
for verb in get take delete "put"; do
	say $verb list x
	is "invalid .*from another program; give the backend a prefix" "$verb of a key that is no string"
done
say get large
is "invalid .*larger than a state record" "get of what is larger than a record"
say take large
is "invalid .*larger than a state record" "take of it"
[ "$(cli strlen large)" = 70000 ] && [ "$(cli llen list)" = 2 ]
ok $? "they are as they were"
say put mortise:x 1
is "invalid .*mortise: are what the plugin redis keeps" "a key of the plugin's own"
say put a 1
say list ''
is 'ok a=1 $' "list gives records, and nothing of the rest"
say check
is "ok" "check"
cli script flush >/dev/null
say get a
is "ok a=1" "a server that has forgotten the scripts"
cli client kill type normal >/dev/null
say take a
is "ok a=1" "a connection that the server has closed is replaced"
talk_end
here 'database: 3'
talk_to
say put b 2
[ "$(cli -n 3 get b)" = 2 ]
ok $? "another database"
talk_end
here 'database: 99'
talk_to
say get b
is "invalid .*no database of that number" "a database that is not there"
talk_end

# --- a server that goes away, and comes back
here
talk_to
deadline 3000
say put kept 1
is ok "put"
kill -9 "$main"
wait "$main" 2>/dev/null
say get kept
is "unavailable .*cannot connect to 127.0.0.1:$port" "a server that is gone"
redis_server main "$port"
main=$server_pid
say put kept 2
is ok "a server that is back"
kill -STOP "$main"
deadline 700
say put kept 3
is "timeout .*has not answered in time; what was asked may have been done" "put of a stopped server"
say get kept
is "unavailable .*takes connections and does not answer" "get, by a new connection"
kill -CONT "$main"
deadline 10000
say get kept
is "ok kept=[23]" "it goes on"
i=0
while [ "$(cli get kept)" != 3 ] && [ $i -lt 100 ]; do i=$((i + 1)); sleep 0.1; done
[ "$(cli get kept)" = 3 ]
ok $? "what was asked was done"
kill -STOP "$main"
deadline 700
say get kept
is "timeout .*has not answered in time\$" "get of a stopped server"
kill -CONT "$main"
deadline 10000

# No room, and no writes.
cli config set maxmemory-policy noeviction >/dev/null
cli config set maxmemory 1mb >/dev/null
say put kept 4
is "unavailable .*has no memory left for writes; see maxmemory" "a server that is full"
say put another 4
is "unavailable .*has no memory left" "put of a new record there"
say get kept
is "ok kept=3" "nothing has changed"
say take kept
is "ok kept=3" "take needs no room"
cli config set maxmemory 0 >/dev/null
say put kept 5
is ok "put, with room again"
cli config set min-replicas-to-write 1 >/dev/null
say put kept 6
is "unavailable .*too few replicas" "min-replicas-to-write"
cli config set min-replicas-to-write 0 >/dev/null
cli replicaof 127.0.0.1 "$(free_port)" >/dev/null
say put kept 7
is "unavailable .*is a replica, and takes no writes" "a replica"
say check
is "unavailable .*is a replica" "check says so"
cli config set replica-serve-stale-data no >/dev/null
say get kept
is "unavailable .*a replica that has lost its master" "one that answers nothing"
cli replicaof no one >/dev/null
say put kept 8
is ok "a master again"
cli config set lua-time-limit 100 >/dev/null
cli eval "while true do end" 0 >/dev/null 9>&- &
busy=$!
while ! cli get kept | grep -q BUSY; do sleep 0.1; done
say get kept
is "unavailable .*busy with somebody's script" "a script that does not end"
cli script kill >/dev/null
wait "$busy"
talk_end

# Writes that replicas confirm.
here 'wait-replicas: 1, wait-timeout: 300ms'
talk_to
say put waited 1
is "timeout .*0 of 1 replicas have confirmed it in time .wait-replicas.: a failover may lose it" "no replica"
say take nothing
is "not_found" "what changed nothing waits for none"
master=$port
printf 'replicaof 127.0.0.1 %s\n' "$master" >"$work/copy.conf"
redis_server copy
copy=$server_pid
i=0
while ! redis-cli -p "$port" info replication | grep -q master_link_status:up && [ $i -lt 300 ]; do i=$((i + 1)); sleep 0.1; done
i=0
say put waited 2
while ! grep -q '^ok' "$work/out" && [ $i -lt 100 ]; do i=$((i + 1)); say put waited 2; done
is "ok" "a replica confirms it"
[ "$(redis-cli -p "$port" get waited)" = 2 ]
ok $? "it has it"
say take waited
is "ok waited=2" "take"
[ "$(redis-cli -p "$port" exists waited)" = 0 ]
ok $? "it is gone there"
talk_end
quit "$copy"
port=$master

# --- who may
printf 'requirepass secret-of-redis\nuser web on >secret-of-web %s\nuser reader on >secret-of-web ~* +@read\nuser half on >secret-of-web ~* +@all -set\n' \
    "$(sed -n 's/^\.Dl user NAME on >PASSWORD //p' "$srcdir/doc/mortise-redis.5")" >"$work/locked.conf"
chmod 600 "$work/locked.conf"
redis_server locked
locked=$server_pid
for word in default wrong web; do
	printf 'secret-of-%s\n' "$(echo $word | sed s/default/redis/)" >"$work/$word.key"
	chmod 600 "$work/$word.key"
done
# denied OPTIONS REGEX NAME
denied() {
	here "$1"
	run mortise --log-level debug state create --platform p --agency a --redirect-uri https://app.example/cb
	status_is 4 "$3"
	err_like "$2" "$3: the message"
	! grep -q secret-of "$work/err" "$work/out"
	ok $? "$3: no password is told"
}
denied '' 'asks for a password; give it by the option password' "no password"
denied "password: {file: \"$work/wrong.key\"}" "refuses the user's name or password" "a wrong one"
denied "username: reader, password: {file: \"$work/web.key\"}" 'does not allow this user that' "a user without rights"
here "username: half, password: {file: \"$work/web.key\"}"
run mortise state create --platform p --agency a --redirect-uri https://app.example/cb
status_is 1 "a user who may not do all that a script does"
err_like 'does not allow this user that' "a user who may not do all that a script does: the message"
here "username: nobody, password: {file: \"$work/none.key\"}"
run mortise state create --platform p --agency a --redirect-uri https://app.example/cb
status_is 6 "a password's file that is not there"
err_like 'password cannot be read' "a password's file that is not there: the message"
here "password: {file: \"$work/default.key\"}"
run mortise state create --platform p --agency a --redirect-uri https://app.example/cb
status_is 0 "the password"
configured "url: \"redis://web@127.0.0.1:$port\", password: {file: \"$work/web.key\"}"
run "$builddir/core/kit/mortise-plugin-test" "$builddir/plugins/.libs/redis.so" --config "$MORTISE_CONFIG" --backend redis
status_is 0 "the kit, with the rights that the manual names"
note kit "$work/out"
quit "$locked"

# --- addresses
# refused OPTIONS REGEX NAME
refused() {
	configured "$1"
	run mortise state create --platform p --agency a --redirect-uri https://app.example/cb
	status_is 6 "$3"
	err_like "redis.yaml:[0-9]+:[0-9]+: .*$2" "$3: the message"
	! grep -q canary "$work/err"
	ok $? "$3: no password is told"
}
refused 'url: "redis://:canary@127.0.0.1"' 'a url is no place for a password.*password: .file' "a password in the url"
refused 'url: "redis://web:canary/1@127.0.0.1"' 'an @ stands where none belongs' "one with a slash"
refused 'url: "http://127.0.0.1"' 'none of redis://' "another scheme"
refused 'url: "redis://"' "no host's name" "no host"
refused 'url: "redis://host:0"' 'the port is no number' "port 0"
refused 'url: "redis://host:99999"' 'the port is no number' "a port too large"
refused 'url: "redis://fe80::1"' 'IPv6 address is written in brackets' "IPv6 without brackets"
refused 'url: "redis://[::1"' 'not closed' "a bracket that is not closed"
refused 'url: "redis://host/x"' 'the number of a database' "a database that is no number"
refused 'url: "redis://host?db=1"' 'stands nothing, or /NUMBER' "a query"
refused 'url: "unix://sock"' "path is absolute" "a socket's relative path"
refused 'url: "unix:///sock?x=1"' '.db=NUMBER' "another query of a socket"
refused 'url: "redis://a@host"' 'a user has a password' "a user without password"
refused "url: \"redis://a@host\", username: b, password: {file: \"$work/web.key\"}" 'name it once' "two users"
refused 'url: "redis://host/1", database: 2' 'say it once' "two databases"
refused 'url: "redis://host", tls: {ca-file: x}' 'nothing would be encrypted' "tls without rediss"
refused 'url: "redis://host", sentinel: {addresses: [a], master: m}' 'one of both' "a url and Sentinels"
refused 'prefix: x' 'give url, or sentinel' "neither"
refused 'sentinel: {addresses: [], master: m}' 'there is none' "no Sentinel"
refused 'sentinel: {addresses: ["a b"], master: m}' "no host's name" "a Sentinel that is none"
configured "url: \"redis://[::1]:$port\""
run mortise state create --platform p --agency a --redirect-uri https://app.example/cb
status_is 5 "an IPv6 address"
configured 'url: "redis://no-such-host.invalid"'
run mortise state create --platform p --agency a --redirect-uri https://app.example/cb
status_is 5 "a name that has no address"

# --- a server of ours
python_server fake redis_server.py "$work/fake"
fake=$port
# mode TEXT
mode() {
	printf '%s\n' "$1" >"$work/fake"
}
here
mode ''
talk_to
# refuses TEXT CODE REGEX: the server's error, and what it is here.
refuses() {
	mode "$1"
	say get a
	is "$2 .*$3" "\"$1\""
}
refuses 'LOADING Redis is loading the dataset in memory' unavailable 'still loading'
refuses 'CLUSTERDOWN The cluster is down' unavailable 'a cluster that is not well'
refuses 'TRYAGAIN Multiple keys' unavailable 'a cluster that is not well'
refuses 'MOVED 3999 127.0.0.1:6381' unsupported 'Redis Cluster is not supported'
refuses 'ASK 3999 127.0.0.1:6381' unsupported 'Redis Cluster is not supported'
refuses 'MISCONF Redis is configured to save' unavailable 'cannot save its data'
refuses 'ERR max number of clients reached' unavailable 'as many clients as it takes'
refuses "ERR unknown command 'EVALSHA'" unsupported 'Redis 5 or newer'
refuses 'ERR Error running script (call to f_0): @user_script:1: @user_script: 1: -OOM command not allowed' unavailable 'no memory left'
refuses 'ERR Error running script (call to f_0): @user_script:1: @user_script: 1: -NOPERM this user' error 'does not allow this user'
refuses 'ERR some canary' error 'refused a command .ERR.; its log'
refuses 'canary' error 'refused a command ..; its log'
! grep -q canary "$work/said"
ok $? "what a server says is not told on"
mode vanish
say get a
is "unavailable .*broke before the answer came .the server closed it.\$" "get, and nobody answers"
for verb in put take delete; do
	say $verb a 1
	is "timeout .*broke before the answer came .*may have been done" "$verb, and nobody answers"
done
mode once
say get a
is "ok a=1" "an answer before the connection is closed"
say get a
is "ok a=1" "and by another one"
mode web
say get a
is "error .*does not answer as a Redis server does" "another service"
mode double
say list ''
is 'ok a=1 b=1 $' "a key that SCAN says twice is listed once"
mode odd
for verb in get take put delete list; do
	say $verb a 1
	is "error .*does not answer as a Redis server does" "an odd answer: $verb"
done
mode flood
say get a
is "error .*does not answer as a Redis server does" "an answer without end"
deadline 500
for one in half drip; do
	mode $one
	say get a
	is "timeout .*has not answered in time" "an answer that does not come to its end ($one)"
	say take a
	is "timeout .*may have been done" "take of it ($one)"
done
deadline 10000
mode cluster
say get a
is "unsupported .*in cluster mode" "a cluster, by what it says of itself"
mode vanish
: >"$work/fake.log"
deadline 0
say take a
is "unavailable .*time was over before anything was asked" "a take whose time is over"
! grep -q EVALSHA "$work/fake.log"
ok $? "it is not sent"
talk_end
mode vanish
: >"$work/fake.log"
here
run mortise state create --platform p --agency a --redirect-uri https://app.example/cb
[ "$(grep -c EVALSHA "$work/fake.log")" = 1 ]
ok $? "a write whose answer was lost is sent once"

# A peer that takes no connection, and says nothing: its queue is full.
python3 -c 'import socket, time
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(0)
queue = [socket.socket() for _ in range(4)]
for one in queue:
    one.setblocking(False)
    one.connect_ex(server.getsockname())
print(server.getsockname()[1], flush=True)
time.sleep(600)' >"$work/full.port" &
pids="$pids $!"
i=0
while [ ! -s "$work/full.port" ] && [ $i -lt 300 ]; do i=$((i + 1)); sleep 0.1; done
port=$(cat "$work/full.port")
here
talk_to
deadline 500
say put a 1
is "unavailable .*cannot connect to .*timed out" "a peer that drops packets"
talk_end

# --- a real one in cluster mode
printf 'cluster-enabled yes\n' >"$work/cluster.conf"
# The cluster's own port is 10000 higher.
port=$(free_port)
while [ "$port" -gt 55000 ]; do port=$(free_port); done
redis_server cluster "$port"
here
talk_to
say put a 1
is "unsupported .*in cluster mode, and Redis Cluster is not supported" "a real cluster"
say check
is "unsupported .*in cluster mode" "check says so"
talk_end
quit "$server_pid"

# --- encrypted
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" -days 2 -subj /CN=authority >"$work/log" 2>&1
# certificate NAME SUBJECT EXTENSION
certificate() {
	openssl req -newkey rsa:2048 -nodes -keyout "$work/$1.key" -out "$work/$1.csr" -subj "/CN=$2" >"$work/log" 2>&1
	printf '%s\n' "$3" >"$work/$1.ext"
	openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 2 \
	    -extfile "$work/$1.ext" -out "$work/$1.pem" >"$work/log" 2>&1
	chmod 600 "$work/$1.key"
}
certificate server redis 'subjectAltName=IP:127.0.0.1,DNS:redis.example'
certificate client web 'extendedKeyUsage=clientAuth'
tls_port=$(free_port)
cat >"$work/tls.conf" <<END
tls-port $tls_port
tls-cert-file $work/server.pem
tls-key-file $work/server.key
tls-ca-cert-file $work/ca.pem
END
redis_server tls
if grep -q 'Ready to accept' "$work/tls.log"; then
	client="cert: \"$work/client.pem\", key: \"$work/client.key\""
	# encrypted TLS-OPTIONS
	encrypted() {
		configured "url: \"rediss://127.0.0.1:$tls_port\"${1:+, tls: {$1\}}"
		run mortise state create --platform p --agency a --redirect-uri https://app.example/cb
	}
	encrypted "ca-file: \"$work/ca.pem\", $client"
	status_is 0 "TLS, with a certificate of the client"
	run "$builddir/core/kit/mortise-plugin-test" "$builddir/plugins/.libs/redis.so" --config "$MORTISE_CONFIG" --backend redis
	status_is 0 "the kit, encrypted"
	note kit "$work/out"
	encrypted "ca-file: \"$work/ca.pem\", server-name: redis.example, $client"
	status_is 0 "TLS, with another name of the server's"
	encrypted "ca-file: \"$work/ca.pem\""
	status_is 5 "TLS without a certificate of the client"
	encrypted "$client"
	status_is 5 "an authority that is not known"
	err_like 'cannot connect to .*certificate' "an authority that is not known: the message"
	encrypted "ca-file: \"$work/ca.pem\", server-name: other.example, $client"
	status_is 5 "a server of another name"
	err_like 'cannot connect to .*ostname mismatch' "a server of another name: the message"
	timeout=2s configured "url: \"rediss://127.0.0.1:$port\", tls: {ca-file: \"$work/ca.pem\"}"
	run mortise state create --platform p --agency a --redirect-uri https://app.example/cb
	status_is 5 "TLS where there is none"
	refused "url: \"rediss://127.0.0.1\", tls: {ca-file: \"$work/none.pem\"}" 'no certificates in PEM' "a file that is not there"
	refused "url: \"rediss://127.0.0.1\", tls: {cert: \"$work/client.pem\"}" 'belong together' "a certificate without key"
	refused "url: \"rediss://127.0.0.1\", tls: {cert: \"$work/client.pem\", key: \"$work/server.key\"}" 'is no key in PEM' "the key of another certificate"
else
	skip "TLS" "redis-server is built without it"
fi
quit "$server_pid"

# --- few connections for many
redis_server pool
here 'pool: 2'
TAKING_ROUNDS=20 "$builddir/tests/plugins/taking" "$MORTISE_CONFIG" redis >"$work/out" 2>&1
ok $? "64 threads by two connections each instance"
[ "$(cli info stats | sed -n 's/^total_connections_received:\([0-9]*\).*/\1/p')" -le 8 ]
ok $? "there were no more"
quit "$server_pid"

# --- roles that change while connections are kept; who is the master, one of ours says
redis_server left
left=$server_pid left_port=$port
printf 'replicaof 127.0.0.1 %s\n' "$left_port" >"$work/right.conf"
redis_server right
right=$server_pid right_port=$port
i=0
while ! redis-cli -p "$right_port" info replication | grep -q master_link_status:up && [ $i -lt 300 ]; do i=$((i + 1)); sleep 0.1; done
configured "sentinel: {addresses: [\"127.0.0.1:$fake\"], master: house}"
talk_to
mode "sentinel $right_port"
say put a 1
is "unavailable .*is no master, though a Sentinel says so" "a Sentinel that is ahead"
mode "sentinel $left_port"
say put a 1
is ok "a Sentinel that is right"
redis-cli -p "$left_port" config set replica-read-only yes >/dev/null
redis-cli -p "$right_port" replicaof no one >/dev/null
redis-cli -p "$left_port" replicaof 127.0.0.1 "$right_port" >/dev/null
mode "sentinel $right_port"
say put a 2
is ok "the master takes no writes any more: the call goes on to the other one"
[ "$(redis-cli -p "$right_port" get a)" = 2 ]
ok $? "it is there"
mode canary
cli client kill type normal >/dev/null
say get a
is "error .*refused a command" "a Sentinel that refuses"
talk_end
quit "$left"
quit "$right"

# --- Sentinels: the master dies, and another one takes its place
if ! command -v redis-sentinel >/dev/null; then
	skip "Sentinels" "no redis-sentinel"
	finish
	exit
fi
redis_server first
first=$server_pid first_port=$port
printf 'replicaof 127.0.0.1 %s\n' "$first_port" >"$work/second.conf"
redis_server second
second=$server_pid second_port=$port
sentinels=
for i in 1 2 3; do
	port=$(free_port)
	cat >"$work/sentinel-$i.conf" <<END
port $port
bind 127.0.0.1
dir "$work"
requirepass secret-of-sentinel
sentinel sentinel-pass secret-of-sentinel
sentinel monitor house 127.0.0.1 $first_port 2
sentinel down-after-milliseconds house 1000
sentinel failover-timeout house 5000
END
	chmod 600 "$work/sentinel-$i.conf"
	redis-sentinel "$work/sentinel-$i.conf" >"$work/sentinel-$i.log" 2>&1 &
	pids="$pids $!"
	listens "$port"
	sentinels="$sentinels${sentinels:+, }\"127.0.0.1:$port\""
done
printf 'secret-of-sentinel\n' >"$work/sentinel.key"
chmod 600 "$work/sentinel.key"
# Each must know the other two and the replica before one may die.
i=0
while [ "$(REDISCLI_AUTH=secret-of-sentinel redis-cli -p "$port" sentinel master house | tr '\n' ' ' |
    sed -n 's/.*num-slaves \([0-9]*\) num-other-sentinels \([0-9]*\) .*/\1\2/p')" != 12 ] && [ $i -lt 600 ]; do i=$((i + 1)); sleep 0.1; done
dead=$(free_port)
by_sentinels="sentinel: {addresses: [\"127.0.0.1:$dead\", $sentinels], master: house, password: {file: \"$work/sentinel.key\"}}"
configured "sentinel: {addresses: [$sentinels], master: barn, password: {file: \"$work/sentinel.key\"}}"
run mortise state create --platform p --agency a --redirect-uri https://app.example/cb
status_is 5 "a master of another name"
err_like 'knows no master that is called barn; see sentinel.master' "a master of another name: the message"
configured "sentinel: {addresses: [$sentinels], master: house}"
run mortise state create --platform p --agency a --redirect-uri https://app.example/cb
status_is 4 "Sentinels that ask for a password"
configured "$by_sentinels"
talk_to
say put before 1
is ok "put, by Sentinels of which the first one is dead"
[ "$(redis-cli -p "$first_port" get before)" = 1 ]
ok $? "it is at the master"
i=0
while [ "$(redis-cli -p "$second_port" get before)" != 1 ] && [ $i -lt 300 ]; do i=$((i + 1)); sleep 0.1; done
kill -9 "$first"
wait "$first" 2>/dev/null
say put after 2
is "(unavailable|ok) " "the master dies"
i=0
while ! grep -q '^ok' "$work/out" && [ $i -lt 600 ]; do i=$((i + 1)); sleep 0.1; say put after 2; done
is ok "the same instance writes to the new one"
[ "$(redis-cli -p "$second_port" get after)" = 2 ]
ok $? "it is there"
say take before
is "ok before=1" "and takes what was written before"
talk_end
finish
