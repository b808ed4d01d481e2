/* SPDX-License-Identifier: BSD-2-Clause */
#include "local.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 256			/* names at once: others have their turn in between */

/* --- list ---------------------------------------------------------------------- */

static enum mortise_code
list_name(struct store *store, sqlite3_stmt *statement, const char *prefix,
    struct mortise_out *out)
{
	struct name_row row;
	enum mortise_code code = name_read(store, statement, &row);

	if (code != MORTISE_OK)
		return code;
	if (strncmp(row.name, prefix, strlen(prefix)) == 0)
		code = store->host->add_name(out, row.name);
	store->host->secret_free(row.content);
	return code;
}

/* In the order of ids: the names themselves are not there to be sorted. */
static enum mortise_code
list_page(struct store *store, const char *prefix, const char *cursor, struct mortise_out *out)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, SQL_NAMES, &statement);
	struct mortise_version last = {""};
	bool row = true;

	if (code != MORTISE_OK)
		return code;
	(void)snprintf(last.text, sizeof(last.text), "%s", cursor == NULL ? "" : cursor);
	(void)sqlite3_bind_int64(statement, 1, version_parse(&last));
	(void)sqlite3_bind_int64(statement, 2, PAGE);
	for (int i = 0; code == MORTISE_OK && row && i < PAGE; i++) {
		code = sql_step(store, statement, &row);
		if (code != MORTISE_OK || !row)
			break;
		version_print(sqlite3_column_int64(statement, 3), &last);
		code = list_name(store, statement, prefix, out);
	}
	return code == MORTISE_OK && row ? store->host->set_cursor(out, last.text) : code;
}

enum mortise_code
secret_list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	struct store *store = instance;
	enum mortise_code code;

	store->call = call;
	code = store_begin(store, false);
	if (code != MORTISE_OK)
		return code;
	code = list_page(store, prefix, cursor, out);
	store_abort(store);
	return code;
}

/* --- describe ------------------------------------------------------------------ */

/* Label and value in turn, each with its NUL, behind the name. */
static enum mortise_code
give_labels(struct store *store, const struct name_row *row, struct mortise_out *out)
{
	const char *start = row->name + strlen(row->name) + 1, *end = row->name + row->size;
	struct mortise_pair *pairs;
	enum mortise_code code;
	size_t texts = 0;

	for (const char *p = start; p < end; p += strlen(p) + 1)
		texts++;
	if (texts < 2)
		return MORTISE_OK;
	pairs = calloc(texts / 2, sizeof(*pairs));
	if (pairs == NULL)
		return fail_memory(store);
	for (size_t i = 0; i < texts / 2; i++) {
		pairs[i].name = start;
		start += strlen(start) + 1;
		pairs[i].value = start;
		start += strlen(start) + 1;
	}
	code = store->host->add_row(out, pairs, texts / 2);
	free(pairs);
	return code;
}

static enum mortise_code
describe_name(struct store *store, const char *name, const unsigned char tag[TAG_SIZE],
    struct mortise_out *out)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, SQL_NAME, &statement);
	struct name_row row;
	bool there = false;

	if (code != MORTISE_OK)
		return code;
	sql_bind(statement, 1, tag, TAG_SIZE);
	code = sql_step(store, statement, &there);
	if (code == MORTISE_OK && !there)
		return store->host->fail(store->call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "no secret %s here; `mortise list` shows what there is", name);
	if (code == MORTISE_OK)
		code = name_read(store, statement, &row);
	if (code != MORTISE_OK)
		return code;
	code = give_labels(store, &row, out);
	store->host->secret_free(row.content);
	return code;
}

static enum mortise_code
describe_versions(struct store *store, const unsigned char tag[TAG_SIZE],
    struct mortise_out *out)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, SQL_VERSIONS, &statement);
	struct version_row row;
	bool there = true;

	if (code != MORTISE_OK)
		return code;
	sql_bind(statement, 1, tag, TAG_SIZE);
	while ((code = sql_step(store, statement, &there)) == MORTISE_OK && there) {
		struct mortise_history history = {.size = sizeof(history)};

		code = version_read(store, statement, &row);
		if (code != MORTISE_OK)
			return code;
		version_print(row.version, &history.version);
		history.created_ms = row.created;
		code = store->host->add_history(out, &history);
		if (code != MORTISE_OK)
			return code;
	}
	return code;
}

enum mortise_code
secret_describe(void *instance, struct mortise_call *call, const char *name,
    struct mortise_out *out)
{
	struct store *store = instance;
	unsigned char tag[TAG_SIZE];
	enum mortise_code code;

	store->call = call;
	code = store_begin(store, false);
	if (code != MORTISE_OK)
		return code;
	code = seal_tag(store, TAG_NAME, name, tag);
	if (code == MORTISE_OK)
		code = describe_name(store, name, tag, out);
	if (code == MORTISE_OK)
		code = describe_versions(store, tag, out);
	store_abort(store);
	return code;
}

/* --- undo ---------------------------------------------------------------------- */

static bool
same_bytes(const struct store *store, const struct mortise_secret *a,
    const struct mortise_secret *b)
{
	size_t a_size = 0, b_size = 0;
	const void *a_bytes = store->host->secret_peek(a, &a_size);
	const void *b_bytes = store->host->secret_peek(b, &b_size);

	return a_size == b_size && (a_size == 0 || CRYPTO_memcmp(a_bytes, b_bytes, a_size) == 0);
}

/*
 * Is the newest version the receipt's?  Where both the put and the version have
 * an idempotency key, no version of another key is: a value that was there
 * before, and is the same, is not taken for what was written.
 */
static enum mortise_code
is_ours(struct store *store, const struct version_row *newest,
    const struct mortise_receipt *receipt, const struct mortise_secret *written, bool *ours)
{
	bool known = receipt->made.text[0] != '\0';
	struct mortise_secret *value = NULL;
	unsigned char key[TAG_SIZE];
	enum mortise_code code = MORTISE_OK;

	*ours = false;
	if (known ? version_parse(&receipt->made) != newest->version :
	    version_parse(&receipt->before) == newest->version)
		return MORTISE_OK;
	if (newest->keyed && receipt->idempotency_key[0] != '\0') {
		code = seal_tag(store, TAG_IDEMPOTENCY, receipt->idempotency_key, key);
		*ours = code == MORTISE_OK && CRYPTO_memcmp(key, newest->key, TAG_SIZE) == 0;
	} else if (known) {
		*ours = true;
	} else if (written != NULL) {
		code = version_open(store, newest, &value);
		*ours = code == MORTISE_OK && same_bytes(store, value, written);
		store->host->secret_free(value);
	}
	return code;
}

/* *made: the number of the version to take back. */
static enum mortise_code
find_ours(struct store *store, const char *name, const unsigned char tag[TAG_SIZE],
    const struct mortise_receipt *receipt, const struct mortise_secret *written, int64_t *made)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	struct version_row newest;
	bool there = false, ours = false;
	enum mortise_code code = version_find(store, tag, 0, &statement, &newest, &there);

	if (code == MORTISE_OK && there)
		code = is_ours(store, &newest, receipt, written, &ours);
	if (code != MORTISE_OK)
		return code;
	if (!ours)
		return store->host->fail(store->call, MORTISE_CONFLICT,
		    MORTISE_REASON_SUPERSEDED, "the newest version of %s is not the one to take "
		    "back; nothing was changed", name);
	*made = newest.version;
	return MORTISE_OK;
}

/* A name without versions is none. */
static enum mortise_code
take_back(struct store *store, const unsigned char tag[TAG_SIZE], int64_t made)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	struct version_row newest;
	bool there = false;
	enum mortise_code code = remove_by_tag(store, SQL_VERSION_DELETE, tag, made,
	    TABLE_VERSIONS);

	if (code == MORTISE_OK)
		code = version_find(store, tag, 0, &statement, &newest, &there);
	if (code == MORTISE_OK && !there)
		code = remove_by_tag(store, SQL_NAME_DELETE, tag, 0, TABLE_NAMES);
	return code;
}

enum mortise_code
secret_undo(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_receipt *receipt, const struct mortise_secret *written)
{
	struct store *store = instance;
	unsigned char tag[TAG_SIZE];
	enum mortise_code code;
	int64_t made = 0;

	store->call = call;
	code = store_begin(store, true);
	if (code != MORTISE_OK)
		return code;
	code = seal_tag(store, TAG_NAME, name, tag);
	if (code == MORTISE_OK)
		code = find_ours(store, name, tag, receipt, written, &made);
	if (code == MORTISE_OK)
		code = take_back(store, tag, made);
	return store_end(store, code);
}
