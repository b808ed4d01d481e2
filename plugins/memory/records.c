/* SPDX-License-Identifier: BSD-2-Clause */
/* get, take, put, remove and list.  No message names a key: it may be a state. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "operations.h"
#include "store.h"

static void
version_text(uint64_t version, struct mortise_version *text)
{
	(void)snprintf(text->text, sizeof(text->text), "%" PRIu64, version);
}

static bool
is_version(const struct record *record, const struct mortise_version *version)
{
	struct mortise_version text;

	version_text(record->version, &text);
	return strcmp(text.text, version->text) == 0;
}

struct mortise_record
record_view(const struct record *record, uint64_t now)
{
	struct mortise_record view = {
		.size = sizeof(view),
		.key = record->key,
		.value = record->value,
		.value_size = record->value_size,
		.fence = record->fence,
	};

	version_text(record->version, &view.version);
	if (record->expires != NEVER)
		view.expires_ms = unix_ms() + (int64_t)((record->expires - now) / 1000000);
	return view;
}

static enum mortise_code
fail_missing(const struct store *store, struct mortise_call *call)
{
	return store->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
	    "there is no such record, or it has expired");
}

static enum mortise_code
fail_memory(const struct store *store, struct mortise_call *call)
{
	return store->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
}

/* --- one record ---------------------------------------------------------------- */

static enum mortise_code
read_one(struct store *store, struct mortise_call *call, const char *key, bool take,
    struct mortise_out *out)
{
	uint64_t now = store_enter(store);
	struct record *record = store_find(store, key);
	enum mortise_code code;

	if (record == NULL) {
		code = fail_missing(store, call);
	} else {
		const struct mortise_record view = record_view(record, now);

		code = store->host->add_record(out, &view);
		if (code == MORTISE_OK && take)
			store_remove(store, record);
	}
	store_leave(store);
	return code;
}

enum mortise_code
memory_get(void *instance, struct mortise_call *call, const char *key, struct mortise_out *out)
{
	return read_one(instance, call, key, false, out);
}

enum mortise_code
memory_take(void *instance, struct mortise_call *call, const char *key, struct mortise_out *out)
{
	return read_one(instance, call, key, true, out);
}

/* May the record be written, where `old` (NULL: nothing) is? */
static enum mortise_code
check_put(const struct store *store, struct mortise_call *call, const struct record *old,
    const struct mortise_state_put *put)
{
	if (put->only_if_absent && old != NULL)
		return store->host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "the record exists already");
	if (put->only_if != NULL && (old == NULL || !is_version(old, put->only_if)))
		return store->host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "the record has another version, or is gone; read it again");
	if (old == NULL && store->count >= store->max_records)
		return store->host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "%zu records are in memory, which is all that max-records allows; "
		    "raise max-records, or delete some", store->count);
	return MORTISE_OK;
}

static enum mortise_code
put_one(struct store *store, struct mortise_call *call, const char *key,
    const struct mortise_state_put *put, uint64_t now, struct mortise_version *made)
{
	struct record *old = store_find(store, key), *record;
	enum mortise_code code = check_put(store, call, old, put);

	if (code != MORTISE_OK)
		return code;
	if (!store_reserve(store))
		return fail_memory(store, call);
	record = record_new(key, put, now);
	if (record == NULL)
		return fail_memory(store, call);
	if (old != NULL)
		store_remove(store, old);
	record->version = ++store->last_version;
	store_add(store, record);
	version_text(record->version, made);
	return MORTISE_OK;
}

enum mortise_code
memory_put(void *instance, struct mortise_call *call, const char *key,
    const struct mortise_state_put *put, struct mortise_version *made)
{
	struct store *store = instance;
	enum mortise_code code;

	if (put->ttl_ms < 0)
		return store->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "a record cannot live for a negative time");
	code = put_one(store, call, key, put, store_enter(store), made);
	store_leave(store);
	return code;
}

enum mortise_code
memory_remove(void *instance, struct mortise_call *call, const char *key,
    const struct mortise_version *only_if)
{
	struct store *store = instance;
	struct record *record;
	enum mortise_code code = MORTISE_OK;

	(void)store_enter(store);
	record = store_find(store, key);
	if (record == NULL)
		code = fail_missing(store, call);
	else if (only_if != NULL && !is_version(record, only_if))
		code = store->host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "the record has another version; read it again");
	else
		store_remove(store, record);
	store_leave(store);
	return code;
}

/* --- many ---------------------------------------------------------------------- */

static int
by_key(const void *a, const void *b)
{
	const struct record *const *left = a, *const *right = b;

	return strcmp((*left)->key, (*right)->key);
}

/* Those with the prefix, sorted; there is room for all records. */
static size_t
collect(const struct store *store, const char *prefix, struct record **found)
{
	size_t length = strlen(prefix), count = 0;

	for (size_t i = 0; i < store->buckets_count; i++) {
		for (struct record *record = store->buckets[i]; record != NULL;
		    record = record->next) {
			if (strncmp(record->key, prefix, length) == 0)
				found[count++] = record;
		}
	}
	qsort(found, count, sizeof(struct record *), by_key);
	return count;
}

/* One page with everything: a store that is full still fits, and what is
 * listed is what there was at one moment. */
enum mortise_code
memory_list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	struct store *store = instance;
	enum mortise_code code = MORTISE_OK;
	uint64_t now = store_enter(store);
	struct record **found = calloc(store->count + 1, sizeof(struct record *));
	size_t count = found == NULL ? 0 : collect(store, prefix, found);

	(void)cursor;
	if (found == NULL)
		code = fail_memory(store, call);
	for (size_t i = 0; i < count && code == MORTISE_OK; i++) {
		const struct mortise_record view = record_view(found[i], now);

		code = store->host->add_record(out, &view);
	}
	store_leave(store);
	free(found);
	return code;
}
