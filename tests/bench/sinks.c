/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a PostgreSQL that is waited for costs, and how fast it gets the trail: by
 * configurations that differ in their sinks alone (sinks.sh makes them).
 *
 *   sinks PLAIN.yaml ACK.yaml NEVER.yaml CONNINFO
 *
 * One caller: what the sink adds to a get, in round trips of bare libpq that append one
 * record by the same function.  64 callers: gets with the sink against gets without.
 * Delivery: what NEVER's trail has left undelivered, until the sink has all, in rows a second
 * against one INSERT and commit a row.
 */
#include "bench.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <mortise/mortise.h>
#include <sys/resource.h>

#define NAME "app/bench"
#define BACKLOG 40000		/* records to be delivered at least */

static struct mortise *
open_context(const char *path)
{
	struct mortise_error *error = mortise_error_new();
	const struct mortise_open_options options = {.size = sizeof(options), .config_path = path,
	    .program = "bench"};
	struct mortise *context = NULL;

	if (mortise_open(&options, &context, error) != MORTISE_OK)
		give_up(mortise_error_message(error));
	mortise_error_free(error);
	return context;
}

static void
get(void *arg, unsigned int caller)
{
	struct mortise_error *error = mortise_error_new();
	struct mortise_secret *value = NULL;

	(void)caller;
	if (mortise_get(arg, NULL, NAME, NULL, &value, NULL, error) != MORTISE_OK)
		give_up(mortise_error_message(error));
	mortise_secret_free(value);
	mortise_error_free(error);
}

static PGresult *
ask(PGconn *connection, const char *sql, const char *value)
{
	PGresult *result = PQexecParams(connection, sql, value == NULL ? 0 : 1, NULL, &value, NULL,
	    NULL, 0);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		give_up(PQerrorMessage(connection));
	return result;
}

/* As long as a record. */
static char line[600];

/* A row, and its commit. */
static void
insert(void *arg, unsigned int caller)
{
	(void)caller;
	PQclear(ask(arg, "INSERT INTO bench_rows (line) VALUES ($1)", line));
}

/* A record as the sink sends it: one statement, one commit. */
static void
append(void *arg, unsigned int caller)
{
	static uint64_t seq;
	static char sql[2048];

	(void)caller;
	(void)snprintf(sql, sizeof(sql), "SELECT mortise.append('00', ARRAY[$1], ARRAY['%" PRIu64 "'], "
	    "ARRAY['2026-11-25T10:00:00.000000Z'], ARRAY['outcome'], ARRAY[repeat('0', 64)], "
	    "ARRAY[repeat('0', 32)], ARRAY['secret_viewed'], ARRAY[NULL], ARRAY['secret'], "
	    "ARRAY['app/bench'], ARRAY['ok'], ARRAY[NULL], ARRAY['0'], ARRAY[NULL], ARRAY[NULL], "
	    "ARRAY[NULL])", ++seq);
	PQclear(ask(arg, sql, line));
}

static uint64_t
number(PGconn *connection, const char *sql)
{
	PGresult *result = ask(connection, sql, NULL);
	uint64_t value = strtoull(PQgetvalue(result, 0, 0), NULL, 10);

	PQclear(result);
	return value;
}

/* Records a second, of all that lies there undelivered. */
static double
deliver(const char *plain, const char *never, PGconn *connection)
{
	struct mortise *context = open_context(plain);
	uint64_t before = number(connection, "SELECT count(*) FROM mortise.audit"), after, begun, ended;

	for (double done = 0; done < BACKLOG; done += bench_rate(CALLERS, get, context) * bench_seconds())
		continue;
	mortise_close(context);
	begun = clock_monotonic_ns();
	/* What is durable when it ends is delivered. */
	mortise_close(open_context(never));
	ended = clock_monotonic_ns();
	after = number(connection, "SELECT count(*) FROM mortise.audit");
	if (after != number(connection, "SELECT sum(seq) FROM mortise.trail") ||
	    after < before + BACKLOG)
		give_up("records are lost, or there twice");
	return (double)(after - before) * 1e9 / (double)(ended - begun);
}

/* Of this process alone, in microseconds. */
static double
cpu_time(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Gets a second by all callers, and what one costs this process. */
static double
rate_of_all(struct mortise *context, double *cpu)
{
	double before = cpu_time(), rate = bench_rate(CALLERS, get, context);

	*cpu = (cpu_time() - before) / (rate * bench_seconds());
	return rate;
}

int
main(int argc, char **argv)
{
	double added[PAIRS], many[PAIRS], rate;
	struct mortise *plain, *ack;
	PGconn *connection;
	double bare = 0;

	if (argc != 5)
		give_up("usage: sinks PLAIN.yaml ACK.yaml NEVER.yaml CONNINFO");
	connection = PQconnectdb(argv[4]);
	memset(line, 'x', sizeof(line) - 1);
	PQclear(ask(connection, "CREATE TABLE bench_rows (id bigserial PRIMARY KEY, line text)", NULL));
	plain = open_context(argv[1]);
	ack = open_context(argv[2]);
	get(plain, 0);
	get(ack, 0);
	for (size_t i = 0; i < PAIRS; i++) {
		double alone = bench_rate(1, get, plain), waiting = bench_rate(1, get, ack);
		double cpu = 0, cpu_waiting = 0, all = rate_of_all(plain, &cpu);
		double all_waiting = rate_of_all(ack, &cpu_waiting);

		double round_trips = bench_rate(1, append, connection);

		bare = bench_rate(1, insert, connection);
		added[i] = (1 / waiting - 1 / alone) * round_trips;
		many[i] = all_waiting / all;
		fprintf(stderr, "sinks: one get %.0f us alone, %.0f with the sink, a round trip %.0f, an "
		    "insert %.0f; %d callers %.0f gets a second alone, %.0f with the sink, where one "
		    "costs this process %.0f and %.0f us of CPU\n", 1e6 / alone, 1e6 / waiting,
		    1e6 / round_trips, 1e6 / bare, CALLERS, all, all_waiting, cpu, cpu_waiting);
	}
	mortise_close(ack);
	mortise_close(plain);
	bench_ratios("a waiting PostgreSQL sink adds to a get, in round trips", added, AT_MOST, 1.5);
	bench_ratios("gets with a waiting PostgreSQL sink, 64 callers, against without", many, AT_LEAST,
	    0.8);
	rate = deliver(argv[1], argv[3], connection);
	fprintf(stderr, "sinks: %.0f records a second delivered, %.0f inserts\n", rate, bare);
	bench_row("audit into PostgreSQL against an insert and commit a row", rate / bare, "x", AT_LEAST, 50);
	PQfinish(connection);
	return 0;
}
