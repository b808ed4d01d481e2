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
# database `app`; its port is in $postgres_port.  Everybody gives a password.
postgres_make() {
	postgres_port=$(free_port)
	mkdir -p "$1"
	echo 'admin secret' >"$1/password"
	chmod 755 "$work" "$1"
	mkdir -m 700 "$1/data"
	[ "$(id -u)" != 0 ] || chown 65534:65534 "$1" "$1/data" "$1/password"
	(as_postgres "$postgres_bin/initdb" -D "$1/data" -U admin --pwfile="$1/password" -A scram-sha-256 \
	    -E UTF8 --locale=C >"$1/initdb.log" 2>&1) || return
	printf '%s\n' "port = $postgres_port" "listen_addresses = '127.0.0.1'" "unix_socket_directories = '$1'" \
	    'max_connections = 100' 'shared_buffers = 32MB' 'log_min_messages = warning' >>"$1/data/postgresql.conf"
}
# postgres_start DIR [OPTION...]: starts it, or again; its pid is in $postgres_pid.
postgres_start() {
	postgres_dir=$1
	shift
	(as_postgres "$postgres_bin/postgres" -D "$postgres_dir/data" "$@" >>"$postgres_dir/log" 2>&1) &
	postgres_pid=$!
	pids="$pids $postgres_pid"
	i=0
	while [ $i -lt 300 ]; do
		"$postgres_bin/pg_isready" -q -h "$postgres_dir" -p "$postgres_port" && return
		i=$((i + 1))
		sleep 0.1
	done
	return 1
}
# postgres_signal SIGNAL: to all processes of it, which are known by their working directory.
postgres_signal() {
	for directory in /proc/[0-9]*; do
		[ "$(readlink "$directory/cwd" 2>/dev/null)" != "$postgres_dir/data" ] || echo "${directory#/proc/}"
	done >"$postgres_dir/pids"
	kill -"$1" $(cat "$postgres_dir/pids") 2>/dev/null
}
# postgres_stop: in good order, at once.  postgres_crash: all of it dies.  Gone when these
# are back.
postgres_stop() {
	kill -INT "$postgres_pid" 2>/dev/null
	wait "$postgres_pid" 2>/dev/null
}
postgres_crash() {
	postgres_signal KILL
	wait "$postgres_pid" 2>/dev/null
	rm -f "$postgres_dir/data/postmaster.pid" "$postgres_dir"/.s.PGSQL.*
}
# sql [OPTION...]: statements on the standard input or by -c, as admin, unless told else.
sql() {
	PGPASSWORD=${sql_password:-admin secret} "$postgres_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 \
	    -h 127.0.0.1 -p "$postgres_port" -U "${sql_user:-admin}" -d "${sql_database:-app}" "$@"
}
