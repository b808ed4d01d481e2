/* SPDX-License-Identifier: BSD-2-Clause */
#include "local.h"

#include <stdio.h>
#include <string.h>

/* --- each table's rows open ------------------------------------------------------ */

static enum mortise_code
check_name(struct store *store, sqlite3_stmt *statement)
{
	struct name_row row;
	enum mortise_code code = name_read(store, statement, &row);

	if (code == MORTISE_OK)
		store->host->secret_free(row.content);
	return code;
}

static enum mortise_code
check_version(struct store *store, sqlite3_stmt *statement)
{
	struct version_row row;
	enum mortise_code code = version_read(store, statement, &row);

	return code == MORTISE_OK ? version_open(store, &row, NULL) : code;
}

static enum mortise_code
check_state(struct store *store, sqlite3_stmt *statement)
{
	struct state_row row;
	enum mortise_code code = state_read(store, statement, &row);

	return code == MORTISE_OK ? state_open(store, &row, NULL) : code;
}

static const struct {
	enum statement all;
	enum table table;
	enum mortise_code (*check)(struct store *store, sqlite3_stmt *statement);
} tables[TABLES] = {
	{SQL_ALL_SLOTS, TABLE_SLOTS, NULL},	/* each opens for its own key only */
	{SQL_ALL_NAMES, TABLE_NAMES, check_name},
	{SQL_ALL_VERSIONS, TABLE_VERSIONS, check_version},
	{SQL_ALL_STATE, TABLE_STATE, check_state},
};

/* --- and are those that were written ---------------------------------------------- */

static enum mortise_code
walk_table(struct store *store, size_t number, struct sum *sum)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, tables[number].all, &statement);
	bool row = true;

	while (code == MORTISE_OK) {
		code = sql_step(store, statement, &row);
		if (code != MORTISE_OK || !row)
			break;
		if (tables[number].check != NULL)
			code = tables[number].check(store, statement);
		if (code == MORTISE_OK)
			code = row_add(store, sum, statement, tables[number].table);
	}
	return code;
}

/* Rows are walked without the indexes, which must lead to the same ones. */
static enum mortise_code
check_indexes(struct store *store)
{
	sqlite3_stmt *statement = NULL;
	enum mortise_code code = MORTISE_OK;
	const char *said = NULL;

	if (sqlite3_prepare_v2(store->db, "PRAGMA integrity_check(1)", -1, &statement, NULL) ==
	    SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		said = (const char *)sqlite3_column_text(statement, 0);
	if (said == NULL)
		code = sql_fail(store);
	else if (strcmp(said, "ok") != 0)
		code = fail_damaged(store, "SQLite finds its tables or indexes damaged");
	(void)sqlite3_finalize(statement);
	return code;
}

static enum mortise_code
compare(struct store *store, const struct sum *found)
{
	char what[128];

	if (found->rows != store->header.sum.rows) {
		(void)snprintf(what, sizeof(what), "%lld rows are there, and %lld were written; "
		    "%s", (long long)found->rows, (long long)store->header.sum.rows,
		    found->rows < store->header.sum.rows ? "some were deleted" :
		    "some were added or put back");
		return fail_damaged(store, what);
	}
	if (memcmp(found->hash, store->header.sum.hash, SUM_SIZE) != 0)
		return fail_damaged(store, "its rows are not those that were written last; "
		    "some were exchanged for others or older ones");
	return MORTISE_OK;
}

enum mortise_code
walk_rows(struct store *store, struct counts *counts)
{
	struct sum found = {0};
	enum mortise_code code = MORTISE_OK;

	for (size_t i = 0; code == MORTISE_OK && i < TABLES; i++) {
		int64_t before = found.rows;

		code = walk_table(store, i, &found);
		counts->rows[i] = found.rows - before;
	}
	if (code == MORTISE_OK)
		code = compare(store, &found);
	return code == MORTISE_OK ? check_indexes(store) : code;
}

enum mortise_code
walk_check(void *instance, struct mortise_call *call)
{
	struct store *store = instance;
	struct counts counts;
	enum mortise_code code;

	store->call = call;
	code = store_begin(store, false);
	if (code != MORTISE_OK)
		return code;
	code = walk_rows(store, &counts);
	if (code == MORTISE_OK)
		code = slots_advise(store);
	store_abort(store);
	return code;
}
