/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * State records: a statement each.  Times are the server's.  No message names a key: it may
 * be an OAuth state.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

#define PAGE 128
#define FOREVER_MS INT64_C(31536000000000)	/* a thousand years: no TTL at all */
#define SWEEP_EVERY 16				/* puts, the first one too */

#define PUT_SQL "INSERT INTO \"{schema}\".state AS s " \
	"(key, value, version, expires, index_name, due_ms) VALUES ($1, $2, " \
	"nextval('\"{schema}\".numbers'), " \
	"clock_timestamp() + $3::bigint * interval '1 millisecond', $4, $5::bigint) " \
	"ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version, " \
	"expires = excluded.expires, index_name = excluded.index_name, due_ms = excluded.due_ms, " \
	"owner = NULL, leased_until = NULL"
#define RETURNING " RETURNING s.version::text"

static const char put_sql[] = PUT_SQL RETURNING;
static const char put_absent_sql[] = PUT_SQL " WHERE NOT " RECORD_LIVES RETURNING;
static const char put_version_sql[] = "UPDATE \"{schema}\".state s SET value = $2, "
    "version = nextval('\"{schema}\".numbers'), "
    "expires = clock_timestamp() + $3::bigint * interval '1 millisecond', index_name = $4, "
    "due_ms = $5::bigint, owner = NULL, leased_until = NULL "
    "WHERE s.key = $1 AND s.version::text = $6 AND " RECORD_LIVES RETURNING;
static const char get_sql[] = "SELECT " RECORD_COLUMNS " FROM \"{schema}\".state s "
    "WHERE s.key = $1 AND " RECORD_LIVES;
static const char take_sql[] = "DELETE FROM \"{schema}\".state s WHERE s.key = $1 AND "
    RECORD_LIVES " RETURNING " RECORD_COLUMNS ", s.expires::text, s.index_name, s.due_ms::text";
static const char put_back_sql[] = "INSERT INTO \"{schema}\".state "
    "(key, value, version, fence, expires, index_name, due_ms) VALUES "
    "($1, $2, $3::bigint, $4::bigint, $5::timestamptz, $6, $7::bigint) ON CONFLICT DO NOTHING";
static const char remove_sql[] = "WITH gone AS (DELETE FROM \"{schema}\".state s WHERE s.key = $1 "
    "AND ($2::text IS NULL OR s.version::text = $2) AND " RECORD_LIVES " RETURNING 1) "
    "SELECT (SELECT count(*) FROM gone)::text, (SELECT count(*) FROM \"{schema}\".state s "
    "WHERE s.key = $1 AND " RECORD_LIVES ")::text";
/* Keys are of ASCII, and in its order: DEL stands behind them all. */
static const char list_sql[] = "SELECT " RECORD_COLUMNS " FROM \"{schema}\".state s "
    "WHERE s.key >= $1 AND s.key < $1 || chr(127) AND s.key > $2 AND " RECORD_LIVES
    " ORDER BY s.key LIMIT $3::bigint";
/* Not in the statement that puts: two of those could wait for each other. */
static const char sweep_sql[] = "DELETE FROM \"{schema}\".state WHERE key IN (SELECT key FROM "
    "\"{schema}\".state WHERE expires <= now() LIMIT 100 FOR UPDATE SKIP LOCKED)";

enum mortise_code
state_ask(struct postgres *postgres, struct mortise_call *call, const char *template,
    const struct parameter *parameters, size_t count, PGresult **result)
{
	char *sql = sql_of(postgres, template);
	enum mortise_code code = sql == NULL ? no_memory(postgres->host, call) :
	    pool_ask(postgres->state, call, &(const struct query){sql, parameters, count, false},
	    result);

	free(sql);
	return code;
}

static enum mortise_code
fail_none(const struct postgres *postgres, struct mortise_call *call)
{
	return postgres->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
	    "there is no such state record, or no longer");
}

static enum mortise_code
fail_changed(const struct postgres *postgres, struct mortise_call *call)
{
	return postgres->host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
	    "the state record is not the one that the condition names; read it, and decide anew");
}

enum mortise_code
give_record(const struct postgres *postgres, const PGresult *result, int row,
    struct mortise_out *out)
{
	struct mortise_record record = {
		.size = sizeof(record),
		.key = PQgetvalue(result, row, 0),
		.value = PQgetvalue(result, row, 1),
		.value_size = (size_t)PQgetlength(result, row, 1),
		.expires_ms = result_number(result, row, 3),
		.fence = (uint64_t)result_number(result, row, 4),
	};

	(void)snprintf(record.version.text, sizeof(record.version.text), "%s",
	    PQgetvalue(result, row, 2));
	return postgres->host->add_record(out, &record);
}

/* --- get, take ------------------------------------------------------------------------ */

static enum mortise_code
get(void *instance, struct mortise_call *call, const char *key, struct mortise_out *out)
{
	struct postgres *postgres = instance;
	PGresult *result __attribute__((cleanup(result_clear))) = NULL;
	enum mortise_code code = state_ask(postgres, call, get_sql,
	    (const struct parameter[]){TEXT(key)}, 1, &result);

	if (code != MORTISE_OK)
		return code;
	return PQntuples(result) == 0 ? fail_none(postgres, call) :
	    give_record(postgres, result, 0, out);
}

static struct parameter
column(const PGresult *result, int at)
{
	return (struct parameter){PQgetisnull(result, 0, at) ? NULL : PQgetvalue(result, 0, at),
	    (size_t)PQgetlength(result, 0, at), at == 1};
}

/* Nobody heard of it: let the next one have it. */
static void
put_back(struct postgres *postgres, struct mortise_call *call, const PGresult *taken)
{
	const struct parameter parameters[] = {column(taken, 0), column(taken, 1), column(taken, 2),
	    column(taken, 4), column(taken, 5), column(taken, 6), column(taken, 7)};
	PGresult *result = NULL;

	(void)state_ask(postgres, call, put_back_sql, parameters, ARRAY_SIZE(parameters), &result);
	PQclear(result);
}

static enum mortise_code
take(void *instance, struct mortise_call *call, const char *key, struct mortise_out *out)
{
	struct postgres *postgres = instance;
	PGresult *result __attribute__((cleanup(result_clear))) = NULL;
	enum mortise_code code = state_ask(postgres, call, take_sql,
	    (const struct parameter[]){TEXT(key)}, 1, &result);

	if (code != MORTISE_OK)
		return code;
	if (PQntuples(result) == 0)
		return fail_none(postgres, call);
	code = give_record(postgres, result, 0, out);
	if (code != MORTISE_OK)
		put_back(postgres, call, result);
	return code;
}

/* --- put ------------------------------------------------------------------------------ */

/* What has expired goes by and by; whether it does is no matter of this call's. */
static void
sweep(struct postgres *postgres, struct mortise_call *call)
{
	PGresult *result = NULL;

	if (atomic_fetch_add(&postgres->puts, 1) % SWEEP_EVERY != 0)
		return;
	(void)state_ask(postgres, call, sweep_sql, NULL, 0, &result);
	PQclear(result);
}

static enum mortise_code
put(void *instance, struct mortise_call *call, const char *key,
    const struct mortise_state_put *given, struct mortise_version *made)
{
	struct postgres *postgres = instance;
	PGresult *result __attribute__((cleanup(result_clear))) = NULL;
	bool mortal = given->ttl_ms > 0 && given->ttl_ms < FOREVER_MS;
	char ttl[24], due[24];
	const struct parameter parameters[] = {TEXT(key), BINARY(given->value == NULL ? "" :
	    given->value, given->value_size), TEXT(mortal ? ttl : NULL), TEXT(given->index), TEXT(due),
	    TEXT(given->only_if == NULL ? NULL : given->only_if->text)};
	enum mortise_code code;

	if (given->ttl_ms < 0)
		return postgres->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "a record cannot live for a negative time");
	(void)snprintf(ttl, sizeof(ttl), "%" PRId64, given->ttl_ms);
	(void)snprintf(due, sizeof(due), "%" PRId64, given->due_ms);
	code = given->only_if != NULL ?
	    state_ask(postgres, call, put_version_sql, parameters, 6, &result) :
	    state_ask(postgres, call, given->only_if_absent ? put_absent_sql : put_sql, parameters, 5,
	    &result);
	if (code != MORTISE_OK)
		return code;
	if (PQntuples(result) == 0)
		return fail_changed(postgres, call);
	(void)snprintf(made->text, sizeof(made->text), "%s", PQgetvalue(result, 0, 0));
	sweep(postgres, call);
	return MORTISE_OK;
}

/* --- remove, list --------------------------------------------------------------------- */

static enum mortise_code
delete(void *instance, struct mortise_call *call, const char *key,
    const struct mortise_version *only_if)
{
	struct postgres *postgres = instance;
	PGresult *result __attribute__((cleanup(result_clear))) = NULL;
	enum mortise_code code = state_ask(postgres, call, remove_sql, (const struct parameter[]){
	    TEXT(key), TEXT(only_if == NULL ? NULL : only_if->text)}, 2, &result);

	if (code != MORTISE_OK || result_number(result, 0, 0) > 0)
		return code;
	return only_if != NULL && result_number(result, 0, 1) > 0 ? fail_changed(postgres, call) :
	    fail_none(postgres, call);
}

static enum mortise_code
list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	struct postgres *postgres = instance;
	PGresult *result __attribute__((cleanup(result_clear))) = NULL;
	char limit[24];
	enum mortise_code code;
	int rows;

	(void)snprintf(limit, sizeof(limit), "%d", PAGE);
	code = state_ask(postgres, call, list_sql, (const struct parameter[]){TEXT(prefix),
	    TEXT(cursor == NULL ? "" : cursor), TEXT(limit)}, 3, &result);
	if (code != MORTISE_OK)
		return code;
	rows = PQntuples(result);
	for (int row = 0; code == MORTISE_OK && row < rows; row++)
		code = give_record(postgres, result, row, out);
	return code == MORTISE_OK && rows == PAGE ?
	    postgres->host->set_cursor(out, PQgetvalue(result, rows - 1, 0)) : code;
}

const struct mortise_state_ops postgres_state_ops = {
	.size = sizeof(postgres_state_ops),
	.get = get,
	.take = take,
	.put = put,
	.remove = delete,
	.list = list,
	.claim = postgres_claim,
	.extend = postgres_extend,
	.release = postgres_release,
};
