/* SPDX-License-Identifier: BSD-2-Clause */
/* The command `schema`: schema.sql with names in it, printed or applied. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/postgres/schema_sql.h"
#include "postgres.h"
#include "sdk/schema.h"

SCHEMA_BOOL(apply, "apply", "run it in the database, instead of printing it", "false");
SCHEMA_TEXT(dsn, "dsn", "who runs it, where that is not the backend's dsn", NULL,
    MORTISE_OPTION_SECRET);
SCHEMA_TEXT(writer, "writer", "the role that appends to the audit trail", "mortise_writer", 0);
SCHEMA_TEXT(eraser, "eraser", "the role that blanks personal parts", "mortise_eraser", 0);
SCHEMA_TEXT(reader, "reader", "the role that reads the audit trail", "mortise_reader", 0);
SCHEMA_TEXT(state, "state", "the role that keeps state records", "mortise_state", 0);

static enum mortise_code
apply_sql(struct mortise_call *call, const struct mortise_options *backend,
    const struct mortise_options *options, const char *sql, struct mortise_out *out)
{
	const struct mortise_host *host = postgres_host();
	const struct mortise_pair cells[] = {{"schema", host->option_string(backend, "schema")},
	    {"version", "1"}};
	struct connection *connection = NULL;
	PGresult *result = NULL;
	enum mortise_code code = connection_open(host, call,
	    host->option_given(options, "dsn") ? options : backend, "dsn", "on", &connection);

	if (code != MORTISE_OK)
		return code;
	code = connection_ask(connection, call, &(const struct query){.text = sql, .script = true},
	    &result);
	PQclear(result);
	connection_free(connection);
	return code == MORTISE_OK ? host->add_row(out, cells, ARRAY_SIZE(cells)) : code;
}

static enum mortise_code
run_schema(void *instance, struct mortise_call *call, const struct mortise_options *options,
    struct mortise_out *out)
{
	static const char *const roles[] = {"writer", "eraser", "reader", "state"};
	const struct mortise_host *host = postgres_host();
	const struct mortise_options *backend = host->backend_options(call);
	const char *names[2 * ARRAY_SIZE(roles) + 3] = {"schema",
	    host->option_string(backend, "schema")};
	bool applies = host->option_number(options, "apply") != 0;
	struct text sql = {0};
	enum mortise_code code = check_name(host, call, backend, "schema");

	(void)instance;
	for (size_t i = 0; code == MORTISE_OK && i < ARRAY_SIZE(roles); i++) {
		names[2 * i + 2] = roles[i];
		names[2 * i + 3] = host->option_string(options, roles[i]);
		code = check_name(host, call, options, roles[i]);
	}
	for (size_t i = 0; code == MORTISE_OK && i < ARRAY_SIZE(schema_sql); i++) {
		text_fill(&sql, schema_sql[i], strlen(schema_sql[i]), names);
		if (sql.failed)
			code = no_memory(host, call);
		else if (applies)
			text_bytes(&sql, "\n", 1);
		else {
			code = host->add_row(out,
			    &(const struct mortise_pair){"sql", sql.bytes}, 1);
			sql.size = 0;
		}
	}
	if (code == MORTISE_OK && applies)
		code = apply_sql(call, backend, options, sql.bytes, out);
	text_free(&sql);
	return code;
}

static const struct mortise_option *const schema_options[] = {&apply, &dsn, &writer, &eraser,
    &reader, &state, NULL};
static const struct mortise_command schema_command = {
	.size = sizeof(schema_command),
	.name = "schema",
	.doc = "print or apply the SQL that makes its tables, functions and roles",
	.options = schema_options,
	.flags = MORTISE_COMMAND_NO_INSTANCE,
	.run = run_schema,
};

const struct mortise_command *const postgres_commands[] = {&schema_command, NULL};
