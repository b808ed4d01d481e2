/* SPDX-License-Identifier: BSD-2-Clause */
/* Are we let in, is all of it there, and may we?  Nothing is written. */
#include <stdlib.h>

#include "postgres.h"

static const char rights_sql[] = "SELECT (SELECT max(number) FROM \"{schema}\".version)::text, "
    "current_setting('transaction_read_only'), "
    "has_function_privilege(to_regproc('\"{schema}\".append'), 'EXECUTE')::int::text, "
    "has_table_privilege('\"{schema}\".state', 'INSERT')::int::text, "
    "has_function_privilege(to_regproc('\"{schema}\".erase'), 'EXECUTE')::int::text, "
    "has_table_privilege('\"{schema}\".audit', 'SELECT')::int::text";

enum column {
	COLUMN_VERSION,
	COLUMN_READ_ONLY,
	COLUMN_APPEND,
	COLUMN_STATE,
	COLUMN_ERASE,
	COLUMN_READ
};

static enum mortise_code
fail_right(const struct postgres *postgres, struct mortise_call *call, const char *what,
    const char *role)
{
	return postgres->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
	    "the dsn's role may not %s; grant it %s, or the role that `schema` was told instead",
	    what, role);
}

static enum mortise_code
judge(const struct postgres *postgres, struct mortise_call *call, const PGresult *rights,
    enum column wanted)
{
	if (result_number(rights, 0, COLUMN_VERSION) != SCHEMA_VERSION)
		return postgres->host->fail(call, MORTISE_ERROR, MORTISE_REASON_CONFIGURATION,
		    "the schema is of version %lld, and this Mortise works with %d; upgrade the older "
		    "of both", (long long)result_number(rights, 0, COLUMN_VERSION), SCHEMA_VERSION);
	if (wanted == COLUMN_ERASE && result_number(rights, 0, COLUMN_ERASE) == 0)
		return fail_right(postgres, call, "erase", "mortise_eraser");
	if (wanted == COLUMN_READ && result_number(rights, 0, COLUMN_READ) == 0)
		return fail_right(postgres, call, "read the audit trail", "mortise_reader");
	if (wanted != COLUMN_APPEND)
		return MORTISE_OK;
	if (result_number(rights, 0, COLUMN_APPEND) == 0 &&
	    result_number(rights, 0, COLUMN_STATE) == 0)
		return fail_right(postgres, call, "append to the trail, nor keep state",
		    "mortise_writer or mortise_state");
	return PQgetvalue(rights, 0, COLUMN_READ_ONLY)[1] == 'f' ? MORTISE_OK :
	    failure_of(postgres->host, call, "25006", NULL);
}

static enum mortise_code
check_rights(struct postgres *postgres, struct mortise_call *call, struct pool *pool,
    enum column wanted)
{
	char *sql = sql_of(postgres, rights_sql);
	PGresult *rights = NULL;
	enum mortise_code code = sql == NULL ? no_memory(postgres->host, call) :
	    pool_ask(pool, call, &(const struct query){.text = sql}, &rights);

	free(sql);
	if (code == MORTISE_OK)
		code = judge(postgres, call, rights, wanted);
	PQclear(rights);
	return code;
}

enum mortise_code
postgres_check(void *instance, struct mortise_call *call)
{
	struct postgres *postgres = instance;
	const struct mortise_host *host = postgres->host;
	enum mortise_code code;

	if (postgres->mapped != NULL)
		return mapped_check(postgres, call);
	code = check_rights(postgres, call, postgres->emit, COLUMN_APPEND);
	if (code == MORTISE_OK && host->option_given(postgres->options, "erase-dsn"))
		code = check_rights(postgres, call, postgres->erase, COLUMN_ERASE);
	if (code == MORTISE_OK && host->option_given(postgres->options, "read-dsn"))
		code = check_rights(postgres, call, postgres->read, COLUMN_READ);
	return code;
}
