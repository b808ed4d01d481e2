/* SPDX-License-Identifier: BSD-2-Clause */
/* Stores that are written to past the plugin. */
#ifndef TESTS_LOCAL_TAMPER_H
#define TESTS_LOCAL_TAMPER_H

#include <sqlite3.h>

#include "local.h"

/* flip(blob): one bit in its middle is another. */
static void
flip(sqlite3_context *context, int count, sqlite3_value **values)
{
	unsigned char bytes[512];
	int size = sqlite3_value_bytes(values[0]);
	const void *blob = sqlite3_value_blob(values[0]);

	(void)count;
	if (size <= 0 || size > (int)sizeof(bytes)) {
		sqlite3_result_error(context, "not a blob to flip", -1);
		return;
	}
	memcpy(bytes, blob, (size_t)size);
	bytes[size / 2] ^= 0x10;
	sqlite3_result_blob(context, bytes, size, SQLITE_TRANSIENT);
}

__attribute__((unused)) static void
tamper(const char *name, const char *sql)
{
	char *path _cleanup_(free_pointer) = store_path(name);
	sqlite3 *db = NULL;
	char *said = NULL;
	bool good = sqlite3_open(path, &db) == SQLITE_OK &&
	    sqlite3_create_function(db, "flip", 1, SQLITE_UTF8, NULL, flip, NULL, NULL) ==
	    SQLITE_OK && sqlite3_exec(db, sql, NULL, NULL, &said) == SQLITE_OK;

	CHECK_AS(good, "%s", sql);
	if (!good)
		printf("# %s\n", said == NULL ? "?" : said);
	sqlite3_free(said);
	(void)sqlite3_close(db);
}

/* A secret `a` of two versions, 2 and 3, a secret `b`, and a state record. */
static bool
make_store(const char *name)
{
	const struct mortise_state_put put = {.size = sizeof(put), .value = "v", .value_size = 1,
	    .ttl_ms = 3600000};
	struct fixture f = {0};
	bool good;

	if (!open_store(&f, name))
		return false;
	good = put_text(&f, "a", "one") == MORTISE_OK && put_text(&f, "a", "two") == MORTISE_OK &&
	    put_text(&f, "b", "other") == MORTISE_OK &&
	    backend_state_put(f.backend, &f.call, "s", &put, NULL) == MORTISE_OK;
	teardown(&f);
	return CHECK_AS(good, "make %s", name);
}

#endif
