/* SPDX-License-Identifier: BSD-2-Clause */
/* State records.  No message names a key: it may be an OAuth state. */
#include "local.h"

#include <stdio.h>
#include <string.h>

#define PAGE 256
#define LIFE_COLUMN 2
#define LEASE_COLUMN 10

/* --- rows ---------------------------------------------------------------------- */

enum mortise_code
state_read(struct store *store, sqlite3_stmt *statement, struct state_row *row)
{
	const unsigned char *index = sql_bytes(statement, 6, TAG_SIZE);
	const unsigned char *owner = sql_bytes(statement, 8, TAG_SIZE);

	*row = (struct state_row){
		.tag = sql_bytes(statement, 0, TAG_SIZE),
		.version = sqlite3_column_int64(statement, 1),
		.indexed = index != NULL,
		.due = sqlite3_column_int64(statement, 7),
		.leased = owner != NULL,
		.fence = sqlite3_column_int64(statement, 9),
	};
	if (index != NULL)
		memcpy(row->index, index, TAG_SIZE);
	if (owner != NULL)
		memcpy(row->owner, owner, TAG_SIZE);
	row->sealed = sql_blob(statement, 14, &row->sealed_size);
	if (row->tag == NULL || row->sealed == NULL || row->fence < 0 ||
	    !span_read(statement, LIFE_COLUMN, &row->life) ||
	    !span_read(statement, LEASE_COLUMN, &row->lease))
		return fail_damaged(store, "a state record is damaged");
	return MORTISE_OK;
}

/* All of the record but its lease, which changes without it. */
struct subject
state_subject(const struct state_row *row)
{
	struct subject subject = {.kind = SEAL_STATE, .tag = row->tag, .version = row->version};

	span_subject(&subject, &row->life);
	subject_bytes(&subject, row->index, TAG_SIZE);
	subject_number(&subject, row->due);
	return subject;
}

enum mortise_code
state_open(struct store *store, const struct state_row *row, struct mortise_secret **plain)
{
	const struct subject subject = state_subject(row);

	return seal_open(store, &subject, row->sealed, row->sealed_size,
	    "a state record is damaged", plain);
}

/* What is sealed: the key, a NUL, and the value. */
enum mortise_code
state_give(struct store *store, const struct state_row *row, struct mortise_out *out)
{
	struct mortise_record record = {.size = sizeof(record), .expires_ms = row->life.ends,
	    .fence = (uint64_t)row->fence};
	struct mortise_secret *plain = NULL;
	enum mortise_code code = state_open(store, row, &plain);
	const char *end;
	size_t size = 0;

	if (code != MORTISE_OK)
		return code;
	record.key = store->host->secret_peek(plain, &size);
	end = size == 0 ? NULL : memchr(record.key, '\0', size);
	if (end == NULL) {
		code = fail_damaged(store, "a state record has no key");
	} else {
		record.value = end + 1;
		record.value_size = size - (size_t)(end + 1 - record.key);
		version_print(row->version, &record.version);
		code = store->host->add_record(out, &record);
	}
	store->host->secret_free(plain);
	return code;
}

enum mortise_code
state_find(struct store *store, const unsigned char tag[TAG_SIZE], const struct instant *now,
    sqlite3_stmt **statement, struct state_row *row, bool *there)
{
	enum mortise_code code = sql_get(store, SQL_STATE, statement);

	if (code != MORTISE_OK)
		return code;
	sql_bind(*statement, 1, tag, TAG_SIZE);
	code = sql_step(store, *statement, there);
	if (code == MORTISE_OK && *there)
		code = state_read(store, *statement, row);
	if (code == MORTISE_OK && *there && span_over(store, &row->life, now))
		*there = false;
	return code;
}

static enum mortise_code
fail_none(struct store *store)
{
	return store->host->fail(store->call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
	    "there is no such state record, or no longer");
}

static enum mortise_code
fail_changed(struct store *store)
{
	return store->host->fail(store->call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
	    "the state record is not the one that the condition names; read it, and decide anew");
}

/* --- get, take ----------------------------------------------------------------- */

static enum mortise_code
give_record(struct store *store, const unsigned char tag[TAG_SIZE], struct mortise_out *out)
{
	const struct instant now = clock_now();
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	struct state_row row;
	bool there = false;
	enum mortise_code code = state_find(store, tag, &now, &statement, &row, &there);

	if (code != MORTISE_OK)
		return code;
	return there ? state_give(store, &row, out) : fail_none(store);
}

static enum mortise_code
get(void *instance, struct mortise_call *call, const char *key, struct mortise_out *out)
{
	struct store *store = instance;
	unsigned char tag[TAG_SIZE];
	enum mortise_code code;

	store->call = call;
	code = store_begin(store, false);
	if (code != MORTISE_OK)
		return code;
	code = seal_tag(store, TAG_STATE_KEY, key, tag);
	if (code == MORTISE_OK)
		code = give_record(store, tag, out);
	store_abort(store);
	return code;
}

static enum mortise_code
take(void *instance, struct mortise_call *call, const char *key, struct mortise_out *out)
{
	struct store *store = instance;
	unsigned char tag[TAG_SIZE];
	enum mortise_code code;

	store->call = call;
	code = store_begin(store, true);
	if (code != MORTISE_OK)
		return code;
	code = seal_tag(store, TAG_STATE_KEY, key, tag);
	if (code == MORTISE_OK)
		code = give_record(store, tag, out);
	if (code == MORTISE_OK)
		code = remove_by_tag(store, SQL_STATE_DELETE, tag, 0, TABLE_STATE);
	return store_end(store, code);
}

/* --- put ----------------------------------------------------------------------- */

static enum mortise_code
check_put(struct store *store, const unsigned char tag[TAG_SIZE],
    const struct mortise_state_put *put, const struct instant *now)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	struct state_row row;
	bool there = false;
	enum mortise_code code = state_find(store, tag, now, &statement, &row, &there);

	if (code != MORTISE_OK)
		return code;
	if ((put->only_if_absent && there) ||
	    (put->only_if != NULL && (!there || version_parse(put->only_if) != row.version)))
		return fail_changed(store);
	return MORTISE_OK;
}

static enum mortise_code
insert(struct store *store, const struct state_row *row)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, SQL_STATE_INSERT, &statement);

	if (code != MORTISE_OK)
		return code;
	sql_bind(statement, 1, row->tag, TAG_SIZE);
	(void)sqlite3_bind_int64(statement, 2, row->version);
	span_bind(statement, LIFE_COLUMN + 1, &row->life);
	if (row->indexed)
		sql_bind(statement, 7, row->index, TAG_SIZE);
	(void)sqlite3_bind_int64(statement, 8, row->due);
	(void)sqlite3_bind_int64(statement, 10, row->fence);
	span_bind(statement, LEASE_COLUMN + 1, &row->lease);
	sql_bind(statement, 15, row->sealed, row->sealed_size);
	return rows_added(store, statement, TABLE_STATE);
}

static enum mortise_code
seal_record(struct store *store, const char *key, const struct mortise_state_put *put,
    const struct state_row *row, unsigned char **sealed, size_t *sealed_size)
{
	const struct mortise_host *host = store->host;
	const struct subject subject = state_subject(row);
	size_t size = strlen(key) + 1 + put->value_size;
	struct mortise_secret *plain = host->secret_new(size);
	enum mortise_code code;

	if (plain == NULL || host->secret_append(plain, key, strlen(key) + 1) != MORTISE_OK ||
	    (put->value_size != 0 &&
	    host->secret_append(plain, put->value, put->value_size) != MORTISE_OK))
		code = fail_memory(store);
	else
		code = seal_close(store, &subject, host->secret_peek(plain, NULL), size, sealed,
		    sealed_size);
	host->secret_free(plain);
	return code;
}

static enum mortise_code
write_record(struct store *store, const char *key, const unsigned char tag[TAG_SIZE],
    const struct mortise_state_put *put, const struct instant *now)
{
	unsigned char *sealed _cleanup_(free_bytes) = NULL;
	struct state_row row = {.tag = tag, .version = store_next(store), .due = put->due_ms,
	    .indexed = put->index != NULL, .life = span_from(store, now, put->ttl_ms),
	    .lease = span_from(store, now, 0)};
	enum mortise_code code = MORTISE_OK;

	if (put->index != NULL)
		code = seal_tag(store, TAG_INDEX, put->index, row.index);
	if (code == MORTISE_OK)
		code = seal_record(store, key, put, &row, &sealed, &row.sealed_size);
	row.sealed = sealed;
	if (code == MORTISE_OK)
		code = remove_by_tag(store, SQL_STATE_DELETE, tag, 0, TABLE_STATE);
	return code == MORTISE_OK ? insert(store, &row) : code;
}

/* Takes a few records away whose time is over. */
enum mortise_code
state_expire(struct store *store, const struct instant *now)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, SQL_STATE_EXPIRE, &statement);

	if (code != MORTISE_OK)
		return code;
	(void)sqlite3_bind_int64(statement, 1, now->wall);
	return rows_removed(store, statement, TABLE_STATE);
}

static enum mortise_code
put_key(struct store *store, const char *key, const struct mortise_state_put *put)
{
	const struct instant now = clock_now();
	unsigned char tag[TAG_SIZE];
	enum mortise_code code = seal_tag(store, TAG_STATE_KEY, key, tag);

	if (code == MORTISE_OK)
		code = check_put(store, tag, put, &now);
	if (code == MORTISE_OK)
		code = state_expire(store, &now);
	return code == MORTISE_OK ? write_record(store, key, tag, put, &now) : code;
}

static enum mortise_code
put(void *instance, struct mortise_call *call, const char *key,
    const struct mortise_state_put *given, struct mortise_version *made)
{
	struct store *store = instance;
	enum mortise_code code;

	store->call = call;
	if (given->value_size > MORTISE_VALUE_MAX || given->ttl_ms < 0 || given->due_ms < 0)
		return store->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "a state record has at most %d bytes and no negative times", MORTISE_VALUE_MAX);
	code = store_begin(store, true);
	if (code != MORTISE_OK)
		return code;
	code = store_end(store, put_key(store, key, given));
	if (code == MORTISE_OK)
		version_print(store->header.generation, made);
	return code;
}

/* --- delete, list -------------------------------------------------------------- */

static enum mortise_code
remove_key(struct store *store, const char *key, const struct mortise_version *only_if)
{
	const struct instant now = clock_now();
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	unsigned char tag[TAG_SIZE];
	struct state_row row;
	bool there = false;
	enum mortise_code code = seal_tag(store, TAG_STATE_KEY, key, tag);

	if (code == MORTISE_OK)
		code = state_find(store, tag, &now, &statement, &row, &there);
	if (code != MORTISE_OK)
		return code;
	if (!there)
		return fail_none(store);
	if (only_if != NULL && version_parse(only_if) != row.version)
		return fail_changed(store);
	return remove_by_tag(store, SQL_STATE_DELETE, tag, 0, TABLE_STATE);
}

static enum mortise_code
delete(void *instance, struct mortise_call *call, const char *key,
    const struct mortise_version *only_if)
{
	struct store *store = instance;
	enum mortise_code code;

	store->call = call;
	code = store_begin(store, true);
	return code == MORTISE_OK ? store_end(store, remove_key(store, key, only_if)) : code;
}

/* More than the prefix asks for: keys are sealed, and the core filters. */
static enum mortise_code
list_page(struct store *store, int64_t after, struct mortise_out *out)
{
	const struct instant now = clock_now();
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, SQL_STATES, &statement);
	struct mortise_version last = {""};
	struct state_row row;
	bool there = true;

	if (code != MORTISE_OK)
		return code;
	(void)sqlite3_bind_int64(statement, 1, after);
	(void)sqlite3_bind_int64(statement, 2, PAGE);
	for (int i = 0; code == MORTISE_OK && i < PAGE; i++) {
		code = sql_step(store, statement, &there);
		if (code != MORTISE_OK || !there)
			return code;
		version_print(sqlite3_column_int64(statement, 15), &last);
		code = state_read(store, statement, &row);
		if (code == MORTISE_OK && !span_over(store, &row.life, &now))
			code = state_give(store, &row, out);
	}
	return code == MORTISE_OK ? store->host->set_cursor(out, last.text) : code;
}

static enum mortise_code
list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	struct store *store = instance;
	struct mortise_version after = {""};
	enum mortise_code code;

	(void)prefix;
	(void)snprintf(after.text, sizeof(after.text), "%s", cursor == NULL ? "" : cursor);
	store->call = call;
	code = store_begin(store, false);
	if (code != MORTISE_OK)
		return code;
	code = list_page(store, version_parse(&after), out);
	store_abort(store);
	return code;
}

const struct mortise_state_ops state_ops = {
	.size = sizeof(state_ops),
	.get = get,
	.take = take,
	.put = put,
	.remove = delete,
	.list = list,
	.claim = state_claim,
	.extend = state_extend,
	.release = state_release,
};
