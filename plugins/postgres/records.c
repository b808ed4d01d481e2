/* SPDX-License-Identifier: BSD-2-Clause */
/* read, and erase on tables of our own. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

#define PAGE 256
#define PARAMETERS_MAX 16
#define TS "to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

/* Filters as SQL, behind which the parameter stands. */
static const struct {
	const char *name, *sql;
} filters[] = {
	{"trail", "trail = "},
	{"agencyId", "agency_id = "},
	{"action", "action = "},
	{"resourceType", "resource_type = "},
	{"resourceId", "resource_id = "},
	{"userEmail", "user_email = "},
	{"from", "ts >= "},
	{"to", "ts < "},
	{"after", "seq > "},
};

/* A page is asked for behind a record, and so many at most are left to be given. */
struct place {
	char trail[33], ts[32], seq[24];	/* seq "": from the first on */
	long long left;				/* -1: all */
};

struct reading {
	struct postgres *postgres;
	struct mortise_call *call;
	bool one_trail;				/* its records in the order of seq */
	struct text where;
	struct parameter parameters[PARAMETERS_MAX];
	size_t count;
	struct place place;
};

static void
add_condition(struct reading *reading, const char *sql, const char *value)
{
	text_format(&reading->where, "%s%s$%zu", reading->count == 0 ? " WHERE " : " AND ", sql,
	    reading->count + 1);
	reading->parameters[reading->count++] = (struct parameter)TEXT(value);
}

static enum mortise_code
take_filter(struct reading *reading, const struct mortise_pair *filter, size_t count)
{
	const struct mortise_host *host = reading->postgres->host;

	reading->place.left = -1;
	for (size_t i = 0; i < count; i++) {
		size_t known = 0;

		if (strcmp(filter[i].name, "last") == 0) {
			reading->place.left = strtoll(filter[i].value, NULL, 10);
			continue;
		}
		while (known < ARRAY_SIZE(filters) && strcmp(filters[known].name, filter[i].name) != 0)
			known++;
		if (known == ARRAY_SIZE(filters) || reading->count == PARAMETERS_MAX - 3)
			return host->fail(reading->call, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
			    "records cannot be filtered by %s here; leave that out", filter[i].name);
		reading->one_trail = reading->one_trail || known == 0;
		add_condition(reading, filters[known].sql, filter[i].value);
	}
	return MORTISE_OK;
}

static const char *
order_of(const struct reading *reading, bool newest)
{
	if (reading->one_trail)
		return newest ? "a.seq DESC" : "a.seq";
	return newest ? "a.ts DESC, a.trail DESC, a.seq DESC" : "a.ts, a.trail, a.seq";
}

/* Rows of trail, line, ts and seq. */
static enum mortise_code
select_rows(struct reading *reading, bool newest, long long offset, long long limit,
    PGresult **result)
{
	const struct postgres *postgres = reading->postgres;
	struct text sql = {0};
	enum mortise_code code;

	text_format(&sql, "SELECT trail, line, " TS ", seq::text FROM \"%s\".audit a",
	    postgres->schema);
	text_bytes(&sql, reading->where.bytes, reading->where.size);
	text_format(&sql, " ORDER BY %s OFFSET %lld LIMIT %lld", order_of(reading, newest), offset,
	    limit);
	code = sql.failed || reading->where.failed ? no_memory(postgres->host, reading->call) :
	    pool_ask(postgres->read, reading->call,
	    &(const struct query){sql.bytes, reading->parameters, reading->count, false}, result);
	text_free(&sql);
	return code;
}

static void
move_to(struct place *place, const PGresult *result, int row)
{
	(void)snprintf(place->trail, sizeof(place->trail), "%s", PQgetvalue(result, row, 0));
	(void)snprintf(place->ts, sizeof(place->ts), "%s", PQgetvalue(result, row, 2));
	(void)snprintf(place->seq, sizeof(place->seq), "%s", PQgetvalue(result, row, 3));
}

/* The newest ones begin behind the one before them. */
static enum mortise_code
find_last(struct reading *reading)
{
	PGresult *result = NULL;
	enum mortise_code code = select_rows(reading, true, reading->place.left, 1, &result);

	if (code == MORTISE_OK && PQntuples(result) > 0)
		move_to(&reading->place, result, 0);
	PQclear(result);
	return code;
}

static enum mortise_code
take_cursor(struct reading *reading, const char *cursor)
{
	struct place *place = &reading->place;

	if (cursor == NULL)
		return place->left < 0 ? MORTISE_OK : find_last(reading);
	return sscanf(cursor, "%lld %23s %31s %32s", &place->left, place->seq, place->ts,
	    place->trail) == 4 ? MORTISE_OK : reading->postgres->host->fail(reading->call,
	    MORTISE_INVALID, MORTISE_REASON_NONE, "the cursor is none of this sink's");
}

static void
go_behind(struct reading *reading)
{
	const struct place *place = &reading->place;
	size_t count = reading->count;

	if (place->seq[0] == '\0')
		return;
	if (reading->one_trail) {
		add_condition(reading, "seq > ", place->seq);
		return;
	}
	text_format(&reading->where, "%s(ts, trail, seq) > ($%zu, $%zu, $%zu)",
	    count == 0 ? " WHERE " : " AND ", count + 1, count + 2, count + 3);
	reading->parameters[reading->count++] = (struct parameter)TEXT(place->ts);
	reading->parameters[reading->count++] = (struct parameter)TEXT(place->trail);
	reading->parameters[reading->count++] = (struct parameter)TEXT(place->seq);
}

static enum mortise_code
give_page(struct reading *reading, struct mortise_out *out)
{
	const struct mortise_host *host = reading->postgres->host;
	struct place next = reading->place;
	long long limit = next.left < 0 || next.left > PAGE ? PAGE : next.left;
	PGresult *result = NULL;
	enum mortise_code code = select_rows(reading, false, 0, limit, &result);
	int rows = code == MORTISE_OK ? PQntuples(result) : 0;
	char cursor[128];

	for (int row = 0; code == MORTISE_OK && row < rows; row++) {
		const struct mortise_pair pairs[] = {{"trail", PQgetvalue(result, row, 0)},
		    {"line", PQgetvalue(result, row, 1)}};

		code = host->add_row(out, pairs, ARRAY_SIZE(pairs));
	}
	if (next.left >= 0)
		next.left -= rows;
	if (code == MORTISE_OK && rows == PAGE && next.left != 0) {
		move_to(&next, result, rows - 1);
		(void)snprintf(cursor, sizeof(cursor), "%lld %s %s %s", next.left, next.seq, next.ts,
		    next.trail);
		code = host->set_cursor(out, cursor);
	}
	PQclear(result);
	return code;
}

enum mortise_code
postgres_read(void *instance, struct mortise_call *call, const struct mortise_pair *filter,
    size_t count, const char *cursor, struct mortise_out *out)
{
	struct reading reading = {.postgres = instance, .call = call};
	enum mortise_code code = take_filter(&reading, filter, count);

	if (code == MORTISE_OK)
		code = take_cursor(&reading, cursor);
	if (code == MORTISE_OK) {
		go_behind(&reading);
		code = give_page(&reading, out);
	}
	text_free(&reading.where);
	return code;
}

/* --- erase ---------------------------------------------------------------------------- */

enum mortise_code
postgres_erase(void *instance, struct mortise_call *call, const char *trail,
    const uint64_t *seqs, size_t count)
{
	struct postgres *postgres = instance;
	struct text array = {0};
	char *sql, number[24];
	PGresult *result = NULL;
	enum mortise_code code;

	if (postgres->mapped != NULL)
		return mapped_erase(postgres, call, trail, seqs, count);
	sql = sql_of(postgres, "SELECT \"{schema}\".erase($1, $2)::text");
	array_begin(&array, count);
	for (size_t i = 0; i < count; i++) {
		int length = snprintf(number, sizeof(number), "%" PRIu64, seqs[i]);

		array_add(&array, number, (size_t)length);
	}
	code = sql == NULL || array.failed ? no_memory(postgres->host, call) :
	    pool_ask(postgres->erase, call, &(const struct query){sql,
	    (const struct parameter[]){TEXT(trail), BINARY(array.bytes, array.size)}, 2, false}, &result);
	PQclear(result);
	text_free(&array);
	free(sql);
	return code;
}
