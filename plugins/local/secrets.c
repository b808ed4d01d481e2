/* SPDX-License-Identifier: BSD-2-Clause */
#include "local.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- rows ---------------------------------------------------------------------- */

enum mortise_code
name_read(struct store *store, sqlite3_stmt *statement, struct name_row *row)
{
	struct subject subject = {.kind = SEAL_NAME, .tag = sql_bytes(statement, 0, TAG_SIZE),
	    .version = sqlite3_column_int64(statement, 1)};
	struct mortise_secret *content = NULL;
	size_t size = 0;
	const unsigned char *sealed = sql_blob(statement, 2, &size);
	enum mortise_code code = seal_open(store, &subject, sealed, size,
	    "the name of a secret is damaged", &content);

	if (code != MORTISE_OK)
		return code;
	row->name = store->host->secret_peek(content, &row->size);
	if (row->size == 0 || row->name[row->size - 1] != '\0') {
		store->host->secret_free(content);
		return fail_damaged(store, "the name of a secret has no end");
	}
	row->content = content;
	return MORTISE_OK;
}

enum mortise_code
version_read(struct store *store, sqlite3_stmt *statement, struct version_row *row)
{
	const unsigned char *key = sql_bytes(statement, 3, TAG_SIZE);

	row->tag = sql_bytes(statement, 0, TAG_SIZE);
	row->version = sqlite3_column_int64(statement, 1);
	row->created = sqlite3_column_int64(statement, 2);
	row->keyed = key != NULL;
	memset(row->key, 0, TAG_SIZE);
	if (key != NULL)
		memcpy(row->key, key, TAG_SIZE);
	row->sealed = sql_blob(statement, 4, &row->sealed_size);
	if (row->tag == NULL || row->sealed == NULL || row->version <= 0)
		return fail_damaged(store, "a version of a secret is damaged");
	return MORTISE_OK;
}

enum mortise_code
version_find(struct store *store, const unsigned char tag[TAG_SIZE], int64_t version,
    sqlite3_stmt **statement, struct version_row *row, bool *there)
{
	enum mortise_code code = sql_get(store, SQL_VERSION, statement);

	if (code != MORTISE_OK)
		return code;
	sql_bind(*statement, 1, tag, TAG_SIZE);
	(void)sqlite3_bind_int64(*statement, 2, version);
	code = sql_step(store, *statement, there);
	return code == MORTISE_OK && *there ? version_read(store, *statement, row) : code;
}

struct subject
version_subject(const struct version_row *row)
{
	struct subject subject = {.kind = SEAL_VALUE, .tag = row->tag, .version = row->version};

	subject_number(&subject, row->created);
	subject_bytes(&subject, row->key, TAG_SIZE);
	return subject;
}

enum mortise_code
version_open(struct store *store, const struct version_row *row, struct mortise_secret **value)
{
	const struct subject subject = version_subject(row);
	char what[80];

	(void)snprintf(what, sizeof(what), "version %lld of a secret is damaged",
	    (long long)row->version);
	return seal_open(store, &subject, row->sealed, row->sealed_size, what, value);
}

/* --- get ----------------------------------------------------------------------- */

static enum mortise_code
get_version(struct store *store, const char *name, const struct mortise_version *wanted,
    struct mortise_secret **value, struct mortise_version *found)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	int64_t number = wanted == NULL ? 0 : version_parse(wanted);
	unsigned char tag[TAG_SIZE];
	struct version_row row;
	bool there = false;
	enum mortise_code code = seal_tag(store, TAG_NAME, name, tag);

	if (code == MORTISE_OK && (wanted == NULL || number != 0))
		code = version_find(store, tag, number, &statement, &row, &there);
	if (code != MORTISE_OK)
		return code;
	if (!there)
		return wanted == NULL ? store->host->fail(store->call, MORTISE_NOT_FOUND,
		    MORTISE_REASON_NONE, "no secret %s here; `mortise list` shows what there is",
		    name) : store->host->fail(store->call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "no version %s of %s here; `mortise history` shows those that are kept",
		    wanted->text, name);
	code = version_open(store, &row, value);
	if (code == MORTISE_OK)
		version_print(row.version, found);
	return code;
}

static enum mortise_code
get(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found)
{
	struct store *store = instance;
	enum mortise_code code;

	store->call = call;
	code = store_begin(store, false);
	if (code != MORTISE_OK)
		return code;
	code = get_version(store, name, version, value, found);
	store_abort(store);
	return code;
}

/* --- put ----------------------------------------------------------------------- */

enum mortise_code
remove_by_tag(struct store *store, enum statement which, const unsigned char tag[TAG_SIZE],
    int64_t second, enum table table)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, which, &statement);

	if (code != MORTISE_OK)
		return code;
	sql_bind(statement, 1, tag, TAG_SIZE);
	if (sqlite3_bind_parameter_count(statement) > 1)
		(void)sqlite3_bind_int64(statement, 2, second);
	return rows_removed(store, statement, table);
}

/* Copies a text with its NUL; returns what is behind it. */
static char *
put_text(char *to, const char *text)
{
	size_t size = strlen(text) + 1;

	memcpy(to, text, size);
	return to + size;
}

/* The content of a name's row. */
static char *
compose_name(const char *name, const struct mortise_secret_put *put, size_t *size)
{
	char *content, *p;

	*size = strlen(name) + 1;
	for (size_t i = 0; i < put->labels_count; i++)
		*size += strlen(put->labels[i].name) + strlen(put->labels[i].value) + 2;
	p = content = malloc(*size);
	if (content == NULL)
		return NULL;
	p = put_text(p, name);
	for (size_t i = 0; i < put->labels_count; i++) {
		p = put_text(p, put->labels[i].name);
		p = put_text(p, put->labels[i].value);
	}
	return content;
}

/* The row of the name, new or in place of one with other labels. */
static enum mortise_code
write_name(struct store *store, const char *name, const unsigned char tag[TAG_SIZE],
    const struct mortise_secret_put *put)
{
	const struct subject subject = {.kind = SEAL_NAME, .tag = tag,
	    .version = store_next(store)};
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	unsigned char *sealed _cleanup_(free_bytes) = NULL;
	size_t size = 0, sealed_size = 0;
	char *content = compose_name(name, put, &size);
	enum mortise_code code;

	if (content == NULL)
		return fail_memory(store);
	code = seal_close(store, &subject, content, size, &sealed, &sealed_size);
	free(content);
	if (code == MORTISE_OK)
		code = remove_by_tag(store, SQL_NAME_DELETE, tag, 0, TABLE_NAMES);
	if (code == MORTISE_OK)
		code = sql_get(store, SQL_NAME_INSERT, &statement);
	if (code != MORTISE_OK)
		return code;
	sql_bind(statement, 1, tag, TAG_SIZE);
	(void)sqlite3_bind_int64(statement, 2, subject.version);
	sql_bind(statement, 3, sealed, sealed_size);
	return rows_added(store, statement, TABLE_NAMES);
}

static enum mortise_code
write_version(struct store *store, const unsigned char tag[TAG_SIZE],
    const struct mortise_secret *value, const char *key)
{
	struct version_row row = {.tag = tag, .version = store_next(store), .created = clock_now().wall,
	    .keyed = key[0] != '\0'};
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	unsigned char *sealed _cleanup_(free_bytes) = NULL;
	struct subject subject;
	size_t size = 0, sealed_size = 0;
	const void *bytes = store->host->secret_peek(value, &size);
	enum mortise_code code = MORTISE_OK;

	if (row.keyed)
		code = seal_tag(store, TAG_IDEMPOTENCY, key, row.key);
	subject = version_subject(&row);
	if (code == MORTISE_OK)
		code = seal_close(store, &subject, bytes, size, &sealed, &sealed_size);
	if (code == MORTISE_OK)
		code = sql_get(store, SQL_VERSION_INSERT, &statement);
	if (code != MORTISE_OK)
		return code;
	sql_bind(statement, 1, tag, TAG_SIZE);
	(void)sqlite3_bind_int64(statement, 2, row.version);
	(void)sqlite3_bind_int64(statement, 3, row.created);
	if (row.keyed)
		sql_bind(statement, 4, row.key, TAG_SIZE);
	sql_bind(statement, 5, sealed, sealed_size);
	return rows_added(store, statement, TABLE_VERSIONS);
}

/* Fills the receipt, and holds the conditions against what there is. */
static enum mortise_code
check_put(struct store *store, const char *name, const unsigned char tag[TAG_SIZE],
    const struct mortise_secret_put *put, struct mortise_receipt *receipt)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	struct version_row newest;
	bool there = false;
	enum mortise_code code = version_find(store, tag, 0, &statement, &newest, &there);

	if (code != MORTISE_OK)
		return code;
	receipt->existed = there;
	if (there)
		version_print(newest.version, &receipt->before);
	if (put->only_if_absent && there)
		return store->host->fail(store->call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "%s is there already, as version %s", name, receipt->before.text);
	if (put->only_if != NULL && (!there || version_parse(put->only_if) != newest.version))
		return store->host->fail(store->call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "the newest version of %s is %s and not %s; read it, and decide anew", name,
		    there ? receipt->before.text : "none", put->only_if->text);
	return MORTISE_OK;
}

static enum mortise_code
put_version(struct store *store, const char *name, const struct mortise_secret_put *put,
    struct mortise_receipt *receipt)
{
	unsigned char tag[TAG_SIZE];
	enum mortise_code code = seal_tag(store, TAG_NAME, name, tag);

	if (code == MORTISE_OK)
		code = check_put(store, name, tag, put, receipt);
	if (code == MORTISE_OK && (receipt->existed == 0 || put->labels != NULL))
		code = write_name(store, name, tag, put);
	if (code == MORTISE_OK)
		code = write_version(store, tag, put->value, receipt->idempotency_key);
	if (code == MORTISE_OK)
		code = remove_by_tag(store, SQL_PRUNE, tag, store->versions, TABLE_VERSIONS);
	return code;
}

static enum mortise_code
put(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *given, struct mortise_receipt *receipt)
{
	struct store *store = instance;
	enum mortise_code code;
	size_t size = 0;

	store->call = call;
	(void)store->host->secret_peek(given->value, &size);
	if (size > MORTISE_VALUE_MAX)
		return store->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the value has %zu bytes, and the store holds at most %d", size,
		    MORTISE_VALUE_MAX);
	code = store_begin(store, true);
	if (code != MORTISE_OK)
		return code;
	code = put_version(store, name, given, receipt);
	/* Set before the commit: should that end in doubt, undo knows what to look for. */
	if (code == MORTISE_OK)
		version_print(store_next(store), &receipt->made);
	return store_end(store, code);
}

/* --- delete -------------------------------------------------------------------- */

static enum mortise_code
remove_name(struct store *store, const char *name)
{
	unsigned char tag[TAG_SIZE];
	int64_t before = store->header.sum.rows;
	enum mortise_code code = seal_tag(store, TAG_NAME, name, tag);

	if (code == MORTISE_OK)
		code = remove_by_tag(store, SQL_NAME_DELETE, tag, 0, TABLE_NAMES);
	if (code == MORTISE_OK)
		code = remove_by_tag(store, SQL_VERSIONS_DELETE, tag, 0, TABLE_VERSIONS);
	if (code == MORTISE_OK && store->header.sum.rows == before)
		return store->host->fail(store->call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "no secret %s here; nothing was deleted", name);
	return code;
}

static enum mortise_code
delete(void *instance, struct mortise_call *call, const char *name)
{
	struct store *store = instance;
	enum mortise_code code;

	store->call = call;
	code = store_begin(store, true);
	if (code != MORTISE_OK)
		return code;
	code = store_end(store, remove_name(store, name));
	if (code == MORTISE_OK)
		store_checkpoint(store);
	return code;
}

const struct mortise_secret_ops secret_ops = {
	.size = sizeof(secret_ops),
	.get = get,
	.put = put,
	.remove = delete,
	.list = secret_list,
	.describe = secret_describe,
	.undo = secret_undo,
};
