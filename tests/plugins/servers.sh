# SPDX-License-Identifier: BSD-2-Clause
# For the tests of plugins that ask a server: starting servers on free ports of the
# loopback interface, with folders of their own, and stopping them by their pids.
# MORTISE_TEST_PACKAGES is where build-aux/check has installed real ones.
pids=
trap 'kill -CONT $pids 2>/dev/null; kill $pids 2>/dev/null; rm -rf "$work"' EXIT

# The program as a file, for commands that run one.
program=$work/mortise
cat >"$program" <<END
#!/bin/sh
LD_LIBRARY_PATH="$builddir/core/.libs" exec "$builddir/.libs/mortise" "\$@"
END
[ -x "$builddir/.libs/mortise" ] || printf '#!/bin/sh\nexec "%s" "$@"\n' "$builddir/mortise" >"$program"
chmod 755 "$program"

# python_server NAME SCRIPT [ARGUMENT...]: one of ours; its port is in $port, its pid in
# $server_pid.
python_server() {
	server_name=$1 server_script=$srcdir/tests/plugins/$2
	shift 2
	python3 "$server_script" "$@" >"$work/$server_name.port" 2>"$work/$server_name.err" &
	server_pid=$!
	pids="$pids $server_pid"
	i=0
	while [ ! -s "$work/$server_name.port" ] && [ $i -lt 300 ]; do i=$((i + 1)); sleep 0.1; done
	port=$(cat "$work/$server_name.port")
}
# free_port: one, and the next one too.
free_port() {
	python3 -c 'import socket
while True:
    one, two = socket.socket(), socket.socket()
    one.bind(("127.0.0.1", 0))
    try:
        two.bind(("127.0.0.1", one.getsockname()[1] + 1))
        break
    except OSError:
        pass
print(one.getsockname()[1])'
}
# answers URL: waits until somebody does, with any status.
answers() {
	python3 - "$1" <<'END'
import ssl, sys, time, urllib.error, urllib.request
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
for _ in range(300):
    try:
        urllib.request.urlopen(sys.argv[1], timeout=5, context=context)
    except urllib.error.HTTPError:
        pass
    except OSError:
        time.sleep(0.1)
        continue
    sys.exit(0)
sys.exit(1)
END
}
# packaged PROGRAM: where it is; nothing where it is not.
packaged() {
	if [ -n "${MORTISE_TEST_PACKAGES:-}" ] && [ -x "$MORTISE_TEST_PACKAGES/bin/$1" ]; then
		echo "$MORTISE_TEST_PACKAGES/bin/$1"
	else
		command -v "$1"
	fi
}
# openbao NAME [OPTION...]: a real server whose root token is "root"; its address is in
# $address, its pid in $server_pid.
openbao() {
	server_name=$1
	shift
	mkdir -p "$work/$server_name"
	port=$(free_port)
	scheme=http
	case " $* " in *" -dev-tls "*) scheme=https ;; esac
	HOME=$work/$server_name "$bao" server -dev -dev-root-token-id=root \
	    -dev-listen-address="127.0.0.1:$port" -dev-no-store-token "$@" >"$work/$server_name.out" 2>&1 &
	server_pid=$!
	pids="$pids $server_pid"
	address=$scheme://127.0.0.1:$port
	answers "$address/v1/sys/health"
}
# redis_server NAME [PORT]: a Redis server that keeps nothing, with the lines of its
# configuration from $work/NAME.conf where that is there; its port is in $port, its pid in
# $server_pid.  It is waited for until it listens, and gets no descriptor 9, which is a
# caller's own.
redis_server() {
	server_name=$1
	port=${2:-$(free_port)}
	mkdir -p "$work/$server_name"
	{
		printf 'port %s\nbind 127.0.0.1\nsave ""\ndir "%s"\n' "$port" "$work/$server_name"
		[ ! -e "$work/$server_name.conf" ] || cat "$work/$server_name.conf"
	} | redis-server - >"$work/$server_name.log" 2>&1 9>&- &
	server_pid=$!
	pids="$pids $server_pid"
	listens "$port"
}
# listens PORT: waits until somebody does.
listens() {
	python3 - "$1" <<'END'
import socket, sys, time
for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5).close()
        sys.exit(0)
    except OSError:
        time.sleep(0.1)
sys.exit(1)
END
}
