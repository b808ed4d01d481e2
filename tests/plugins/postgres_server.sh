# SPDX-License-Identifier: BSD-2-Clause
# For tests that ask a PostgreSQL: a real one on the loopback interface, with a folder of
# its own.  To be sourced behind servers.sh.  $postgres_bin is empty where none is installed.
postgres_bin=
for directory in ${MORTISE_TEST_POSTGRES:-} /usr/lib/postgresql/*/bin; do
	[ -x "$directory/initdb" ] && [ -x "$directory/postgres" ] && postgres_bin=$directory
done

# It does not run as root.  Ends the shell: to be called in one of its own.
as_postgres() {
	[ "$(id -u)" != 0 ] || exec setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/ "$@"
	exec "$@"
}

# postgres_make DIR: a cluster whose superuser is `admin`, password "admin secret", and a
# database `app`; its port is in $port.  Everybody gives a password.
postgres_make() {
	port=$(free_port)
	mkdir -p "$1"
	echo 'admin secret' >"$1/password"
	chmod 755 "$work" "$1"
	mkdir -m 700 "$1/data"
	[ "$(id -u)" != 0 ] || chown 65534:65534 "$1" "$1/data" "$1/password"
	(as_postgres "$postgres_bin/initdb" -D "$1/data" -U admin --pwfile="$1/password" -A scram-sha-256 \
	    -E UTF8 --locale=C >"$1/initdb.log" 2>&1) || return
	printf '%s\n' "port = $port" "listen_addresses = '127.0.0.1'" "unix_socket_directories = '$1'" \
	    'max_connections = 100' 'shared_buffers = 32MB' 'log_min_messages = warning' >>"$1/data/postgresql.conf"
}
# postgres_start DIR [OPTION...]: starts it, or again; its pid is in $server_pid.
postgres_start() {
	postgres_dir=$1
	shift
	(as_postgres "$postgres_bin/postgres" -D "$postgres_dir/data" "$@" >>"$postgres_dir/log" 2>&1) &
	server_pid=$!
	pids="$pids $server_pid"
	i=0
	while [ $i -lt 300 ]; do
		"$postgres_bin/pg_isready" -q -h "$postgres_dir" -p "$port" && return
		i=$((i + 1))
		sleep 0.1
	done
	return 1
}
# postgres_stop SIGNAL: INT stops it at once, KILL is a crash; gone when this is back.
postgres_stop() {
	kill -"$1" "$server_pid" 2>/dev/null
	wait "$server_pid" 2>/dev/null
	[ "$1" != KILL ] || postgres_orphans "$postgres_dir"
}
# A server that was killed leaves processes behind, which hold its memory; those of this
# folder are known by their working directory.
postgres_orphans() {
	for directory in /proc/[0-9]*; do
		[ "$(readlink "$directory/cwd" 2>/dev/null)" = "$1/data" ] &&
		    kill -KILL "${directory#/proc/}" 2>/dev/null
	done
	rm -f "$1/data/postmaster.pid"
}
# sql [OPTION...]: statements on the standard input or by -c, as admin, unless told else.
sql() {
	PGPASSWORD=${sql_password:-admin secret} "$postgres_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 \
	    -h 127.0.0.1 -p "$port" -U "${sql_user:-admin}" -d "${sql_database:-app}" "$@"
}
