/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * emit and position.  A batch is one statement and one transaction; where the server
 * refuses it for what is in it, halves of it are tried until the line is found.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

/* What append() of schema.sql gets behind the trail, an array each. */
static const char *const fields[] = {"line", "seq", "ts", "t", "h", "op", "action", "agencyId",
    "resourceType", "resourceId", "code", "reason", "actor.uid", "userEmail", "ipAddress",
    "userAgent"};

static const char append_sql[] = "SELECT \"{schema}\".append($1, $2, $3, $4, $5, $6, $7, $8, $9, "
    "$10, $11, $12, $13, $14, $15, $16, $17)::text";

const char *
line_field(const struct mortise_line *line, const char *name)
{
	if (strcmp(name, "line") == 0)
		return line->line;
	if (strcmp(name, "trail") == 0)
		return line->trail;
	for (size_t i = 0; i < line->fields_count; i++) {
		if (strcmp(line->fields[i].name, name) == 0)
			return line->fields[i].value;
	}
	return NULL;
}

static void
add_array(struct text *array, const struct mortise_line *lines, size_t count, const char *field)
{
	array_begin(array, count);
	for (size_t i = 0; i < count; i++) {
		const char *value = line_field(&lines[i], field);

		array_add(array, value, value == NULL ? 0 : value == lines[i].line ?
		    lines[i].line_size : strlen(value));
	}
}

/* *position: the trail's last record there is, behind these. */
static enum mortise_code
append(const struct postgres *postgres, struct mortise_call *call,
    struct connection *connection, const char *trail, const struct mortise_line *lines,
    size_t count, uint64_t *position)
{
	struct text arrays[ARRAY_SIZE(fields)] = {0};
	struct parameter parameters[ARRAY_SIZE(fields) + 1] = {TEXT(trail)};
	char *sql = sql_of(postgres, append_sql);
	const struct query query = {sql, parameters, ARRAY_SIZE(parameters), false};
	PGresult *result = NULL;
	bool good = sql != NULL;
	enum mortise_code code;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		add_array(&arrays[i], lines, count, fields[i]);
		parameters[i + 1] = (struct parameter)BINARY(arrays[i].bytes, arrays[i].size);
		good = good && !arrays[i].failed;
	}
	code = good ? connection_ask(connection, call, &query, &result) :
	    no_memory(postgres->host, call);
	if (code == MORTISE_OK)
		*position = (uint64_t)result_number(result, 0, 0);
	PQclear(result);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		text_free(&arrays[i]);
	free(sql);
	return code;
}

static enum mortise_code
send_lines(const struct postgres *postgres, struct mortise_call *call,
    struct connection *connection, const struct mortise_line *lines, size_t count)
{
	uint64_t position;

	return postgres->mapped != NULL ?
	    mapped_send(postgres->mapped, call, connection, lines, count) :
	    append(postgres, call, connection, lines[0].trail, lines, count, &position);
}

/* How many of the lines that were refused together are to be tried next; 0: the first of
 * them is the one that is refused. */
static size_t
fewer(const struct connection *connection, enum mortise_code code, size_t count)
{
	size_t before = strtoul(connection->detail, NULL, 10);

	if (code == MORTISE_CONFLICT)
		return before < count ? before : 0;
	return failure_of_data(connection->state) ? count / 2 : 0;
}

/* How many of the first lines have numbers that rise: what one statement takes. */
static size_t
rising(const struct mortise_line *lines, size_t count)
{
	size_t run = 1;

	while (run < count && lines[run].seq > lines[run - 1].seq)
		run++;
	return run;
}

/* Behind those that went well, one before `bad` is known to be refused. */
static enum mortise_code
send_all(const struct postgres *postgres, struct mortise_call *call,
    struct connection *connection, const struct mortise_line *lines, size_t count, size_t *taken)
{
	size_t bad = 0, some = count;

	while (*taken < count) {
		enum mortise_code code;

		some = rising(lines + *taken, some);
		code = send_lines(postgres, call, connection, lines + *taken, some);
		if (code == MORTISE_OK) {
			*taken += some;
			some = *taken < bad ? (bad - *taken + 1) / 2 : count - *taken;
			continue;
		}
		bad = *taken + some;
		some = fewer(connection, code, some);
		if (some == 0)
			return code;
	}
	return MORTISE_OK;
}

static enum mortise_code
emit(void *instance, struct mortise_call *call, const struct mortise_line *lines, size_t count,
    size_t *taken)
{
	struct postgres *postgres = instance;
	struct connection *connection = NULL;
	enum mortise_code code;

	*taken = 0;
	code = pool_take(postgres->emit, call, &connection);
	if (code != MORTISE_OK)
		return code;
	code = send_all(postgres, call, connection, lines, count, taken);
	pool_give(postgres->emit, connection);
	return code;
}

static enum mortise_code
position(void *instance, struct mortise_call *call, const char *trail, uint64_t *seq)
{
	struct postgres *postgres = instance;
	struct connection *connection = NULL;
	enum mortise_code code = pool_take(postgres->emit, call, &connection);

	if (code != MORTISE_OK)
		return code;
	code = append(postgres, call, connection, trail, NULL, 0, seq);
	pool_give(postgres->emit, connection);
	return code;
}

const struct mortise_sink_ops postgres_sink_ops = {
	.size = sizeof(postgres_sink_ops),
	.emit = emit,
	.position = position,
	.read = postgres_read,
	.erase = postgres_erase,
};
