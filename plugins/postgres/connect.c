/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection.  libpq never waits here: poll() does, until the deadline. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

#define SETTINGS_MAX 64			/* libpq 15 knows 42 */

void
connection_free(struct connection *connection)
{
	if (connection == NULL)
		return;
	connection->call = NULL;
	PQfinish(connection->pg);
	free(connection);
}

static void
take_notice(void *arg, const char *text)
{
	const struct connection *connection = arg;

	if (connection->call != NULL)
		connection->host->log(connection->call, MORTISE_LOG_INFO, "PostgreSQL: %s", text);
}

/* Waits until so many ms are left to the call; false: not in time. */
static bool
wait_socket(const struct connection *connection, short events, int until_ms)
{
	struct pollfd waited = {.fd = PQsocket(connection->pg), .events = events};
	int ready, left;

	do {
		left = connection->host->left_ms(connection->call) - until_ms;
		ready = left <= 0 ? 0 : poll(&waited, 1, left);
	} while (ready < 0 && errno == EINTR);
	return ready > 0;
}

/* --- connecting ----------------------------------------------------------------------- */

struct settings {
	const char *keywords[SETTINGS_MAX], *values[SETTINGS_MAX];
	size_t count;
};

static void
set(struct settings *settings, const char *keyword, const char *value)
{
	if (value == NULL || value[0] == '\0' || settings->count == SETTINGS_MAX - 1)
		return;
	settings->keywords[settings->count] = keyword;
	settings->values[settings->count++] = value;
}

/* The later one holds: Kerberos, which libpq would ask for encryption by itself, knows no
 * deadline, so it has to be asked for. */
static struct settings
settings_of(const struct dsn *dsn, const struct endpoint *endpoint)
{
	struct settings settings = {.count = 0};

	set(&settings, "gssencmode", "disable");
	set(&settings, "fallback_application_name", "mortise");
	for (const PQconninfoOption *s = dsn->given; s->keyword != NULL; s++) {
		if (strcmp(s->keyword, "host") != 0 && strcmp(s->keyword, "hostaddr") != 0 &&
		    strcmp(s->keyword, "port") != 0)
			set(&settings, s->keyword, s->val);
	}
	set(&settings, "host", endpoint->host);
	set(&settings, "hostaddr", endpoint->address);
	set(&settings, "port", endpoint->port);
	set(&settings, "client_encoding", "UTF8");
	return settings;
}

/* The SQLSTATE in a message of PQERRORS_VERBOSE, "... FATAL:  28P01: ..."; "": none. */
static void
state_in(const char *message, char state[STATE_SIZE])
{
	state[0] = '\0';
	while ((message = strstr(message, ":  ")) != NULL) {
		message += 3;
		if (strspn(message, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == STATE_SIZE - 1 &&
		    message[STATE_SIZE - 1] == ':') {
			memcpy(state, message, STATE_SIZE - 1);
			state[STATE_SIZE - 1] = '\0';
			return;
		}
	}
}

/* Nothing was asked yet, so that no code but unavailable fits where none is said. */
static enum mortise_code
fail_connect(struct connection *connection, struct mortise_call *call)
{
	const char *message = PQerrorMessage(connection->pg);
	char words[256];

	(void)snprintf(words, sizeof(words), "%.*s", (int)strcspn(message, "\n"), message);
	state_in(message, connection->state);
	if (connection->state[0] != '\0')
		return failure_of(connection->host, call, connection->state, words);
	return connection->host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
	    "%s; check the dsn, and that the server runs and listens there", words);
}

static enum mortise_code
attempt(struct connection *connection, struct mortise_call *call,
    const struct settings *settings, int until_ms)
{
	PostgresPollingStatusType step = PGRES_POLLING_WRITING;

	PQfinish(connection->pg);
	connection->pg = PQconnectStartParams(settings->keywords, settings->values, 0);
	if (connection->pg == NULL)
		return no_memory(connection->host, call);
	(void)PQsetNoticeProcessor(connection->pg, take_notice, connection);
	(void)PQsetErrorVerbosity(connection->pg, PQERRORS_VERBOSE);
	while (step != PGRES_POLLING_OK) {
		if (PQstatus(connection->pg) == CONNECTION_BAD || step == PGRES_POLLING_FAILED)
			return fail_connect(connection, call);
		if (!wait_socket(connection, step == PGRES_POLLING_READING ? POLLIN : POLLOUT,
		    until_ms))
			return connection->host->fail(call, MORTISE_UNAVAILABLE,
			    MORTISE_REASON_NONE, "the server did not take the connection in time; "
			    "check that it runs, and what is between");
		step = PQconnectPoll(connection->pg);
	}
	return MORTISE_OK;
}

/* Each address gets an even share of the time that is left; who refuses us is asked no
 * further, as libpq does it. */
static enum mortise_code
try_all(struct connection *connection, struct mortise_call *call, const struct dsn *dsn)
{
	enum mortise_code code = MORTISE_UNAVAILABLE;

	for (size_t i = 0; i < dsn->count && code == MORTISE_UNAVAILABLE; i++) {
		const struct settings settings = settings_of(dsn, &dsn->endpoints[i]);
		int left = connection->host->left_ms(call), shares = (int)(dsn->count - i);

		code = attempt(connection, call, &settings, left - left / shares);
	}
	return code;
}

/* An answer is worth its name only if the server has what it commits on its disk. */
static enum mortise_code
begin_session(struct connection *connection, struct mortise_call *call, const char *commit)
{
	const struct parameter parameters[] = {TEXT(commit)};
	const struct query query = {"SELECT set_config('synchronous_commit', $1, false), "
	    "set_config('client_connection_check_interval', '1000', false), "
	    "set_config('default_transaction_isolation', 'read committed', false), "
	    "current_setting('synchronous_commit'), current_setting('fsync')", parameters, 1, false};
	PGresult *result = NULL;
	enum mortise_code code;

	if (PQserverVersion(connection->pg) < SERVER_VERSION_MIN)
		return connection->host->fail(call, MORTISE_ERROR, MORTISE_REASON_CONFIGURATION,
		    "the server is of version %d; PostgreSQL %d or newer is needed",
		    PQserverVersion(connection->pg) / 10000, SERVER_VERSION_MIN / 10000);
	(void)PQsetnonblocking(connection->pg, 1);
	code = connection_ask(connection, call, &query, &result);
	if (code != MORTISE_OK)
		return code;
	if (strcmp(PQgetvalue(result, 0, 3), commit) != 0)
		code = connection->host->fail(call, MORTISE_ERROR, MORTISE_REASON_CONFIGURATION,
		    "synchronous_commit is %s although %s was set; connect without a pooler that "
		    "hands out connections by the transaction", PQgetvalue(result, 0, 3), commit);
	else if (strcmp(PQgetvalue(result, 0, 4), "on") != 0)
		connection->host->log(call, MORTISE_LOG_WARNING,
		    "the server runs with fsync=off: a crash loses what it has acknowledged");
	PQclear(result);
	return code;
}

enum mortise_code
connection_open(const struct mortise_host *host, struct mortise_call *call,
    const struct mortise_options *options, const char *option, const char *commit,
    struct connection **opened)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	struct dsn dsn = {0};
	enum mortise_code code;

	if (connection == NULL)
		return no_memory(host, call);
	connection->host = host;
	connection->call = call;
	code = dsn_read(host, call, options, option, &dsn);
	if (code == MORTISE_OK)
		code = dsn_locate(host, call, &dsn);
	if (code == MORTISE_OK)
		code = try_all(connection, call, &dsn);
	if (code == MORTISE_OK)
		code = begin_session(connection, call, commit);
	dsn_free(&dsn);
	if (code == MORTISE_OK)
		*opened = connection;
	else
		connection_free(connection);
	return code;
}

/* A server that has gone has said why, and closed: both can be read. */
bool
connection_alive(struct connection *connection)
{
	struct pollfd readable = {.fd = PQsocket(connection->pg), .events = POLLIN};

	while (!connection->lost && poll(&readable, 1, 0) > 0) {
		if (PQconsumeInput(connection->pg) == 0)
			connection->lost = true;
	}
	return !connection->lost && PQstatus(connection->pg) == CONNECTION_OK &&
	    PQtransactionStatus(connection->pg) == PQTRANS_IDLE;
}

/* --- asking --------------------------------------------------------------------------- */

void
result_clear(PGresult **result)
{
	PQclear(*result);
}

int64_t
result_number(const PGresult *result, int row, int column)
{
	return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

static bool
send_parameters(PGconn *pg, const struct query *query)
{
	const char **values = calloc(query->count + 1, sizeof(*values));
	int *lengths = calloc(query->count + 1, sizeof(*lengths));
	int *formats = calloc(query->count + 1, sizeof(*formats));
	bool sent = values != NULL && lengths != NULL && formats != NULL;

	for (size_t i = 0; sent && i < query->count; i++) {
		values[i] = query->parameters[i].bytes;
		lengths[i] = (int)query->parameters[i].size;
		formats[i] = query->parameters[i].binary;
	}
	sent = sent && PQsendQueryParams(pg, query->text, (int)query->count, NULL, values, lengths,
	    formats, 1) == 1;
	free(values);
	free(lengths);
	free(formats);
	return sent;
}

/* What has been sent may be done, whatever becomes of the connection. */
static enum mortise_code
fail_unknown(struct connection *connection, struct mortise_call *call, const char *what)
{
	connection->lost = true;
	return connection->host->fail(call, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
	    "%s; whether PostgreSQL has done it is not known", what);
}

static enum mortise_code
flush(struct connection *connection, struct mortise_call *call)
{
	int left;

	while ((left = PQflush(connection->pg)) > 0) {
		if (!wait_socket(connection, POLLIN | POLLOUT, 0))
			return fail_unknown(connection, call, "the deadline came while it was sent");
		if (PQconsumeInput(connection->pg) == 0)
			break;
	}
	return left == 0 ? MORTISE_OK :
	    fail_unknown(connection, call, "the connection was lost while it was sent");
}

/* The next result, NULL after the last; false: not in time. */
static bool
next_result(struct connection *connection, PGresult **result)
{
	while (PQisBusy(connection->pg)) {
		if (!wait_socket(connection, POLLIN, 0))
			return false;
		if (PQconsumeInput(connection->pg) == 0) {
			connection->lost = true;
			break;
		}
	}
	*result = PQgetResult(connection->pg);
	return true;
}

static bool
is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* The first refusal counts, and else the last answer; the rest is dropped. */
static enum mortise_code
take_results(struct connection *connection, struct mortise_call *call, PGresult **kept)
{
	PGresult *result;

	for (;;) {
		if (!next_result(connection, &result)) {
			PQclear(*kept);
			*kept = NULL;
			return fail_unknown(connection, call, "no answer by the deadline");
		}
		if (result == NULL)
			return MORTISE_OK;
		if (*kept != NULL && !is_good(*kept)) {
			PQclear(result);
			continue;
		}
		/* A failure behind an answer is one of its commit. */
		if (*kept != NULL && !is_good(result))
			connection->committing = true;
		PQclear(*kept);
		*kept = result;
	}
}

static enum mortise_code
fail_result(struct connection *connection, struct mortise_call *call, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);

	if (state == NULL)
		return fail_unknown(connection, call, "the connection was lost before the answer");
	(void)snprintf(connection->state, sizeof(connection->state), "%s", state);
	(void)snprintf(connection->detail, sizeof(connection->detail), "%s",
	    detail == NULL ? "" : detail);
	if (connection->committing && failure_code(state) == MORTISE_UNAVAILABLE)
		return fail_unknown(connection, call, "the server ended during the commit");
	return failure_of(connection->host, call, state,
	    PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
}

enum mortise_code
connection_ask(struct connection *connection, struct mortise_call *call,
    const struct query *query, PGresult **result)
{
	PGresult *kept = NULL;
	enum mortise_code code;

	connection->call = call;
	connection->committing = false;
	connection->state[0] = connection->detail[0] = '\0';
	if (query->script ? PQsendQuery(connection->pg, query->text) == 0 :
	    !send_parameters(connection->pg, query)) {
		connection->lost = true;
		return connection->host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "it could not be sent: the connection is lost, or there is no memory");
	}
	code = flush(connection, call);
	if (code == MORTISE_OK)
		code = take_results(connection, call, &kept);
	if (code == MORTISE_OK && !is_good(kept)) {
		code = fail_result(connection, call, kept);
		PQclear(kept);
	}
	if (code == MORTISE_OK)
		*result = kept;
	return code;
}
