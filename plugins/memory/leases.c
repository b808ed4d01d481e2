/* SPDX-License-Identifier: BSD-2-Clause */
/* claim, extend and release. */
/* For strdup. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "operations.h"
#include "store.h"

static bool
is_leased(const struct record *record, uint64_t now)
{
	return record->owner != NULL && record->lease_ends > now;
}

static void
lease_end(struct record *record)
{
	free(record->owner);
	record->owner = NULL;
	record->lease_ends = 0;
}

/* --- claim ---------------------------------------------------------------------- */

/* Earliest first; the key makes the order of equal times the same each time. */
static int
by_due(const void *a, const void *b)
{
	const struct record *const *left = a, *const *right = b;

	if ((*left)->due_ms != (*right)->due_ms)
		return (*left)->due_ms < (*right)->due_ms ? -1 : 1;
	return strcmp((*left)->key, (*right)->key);
}

/* Those that can be claimed, sorted; there is room for all records. */
static size_t
collect_due(const struct store *store, const char *index, int64_t now_ms, uint64_t now,
    struct record **found)
{
	size_t count = 0;

	for (struct record *record = store->indexed; record != NULL; record = record->index_next) {
		if (strcmp(record->index, index) == 0 && record->due_ms <= now_ms &&
		    !is_leased(record, now))
			found[count++] = record;
	}
	qsort(found, count, sizeof(struct record *), by_due);
	return count;
}

/* Leases a record and hands it out; under any code but ok it is not leased. */
static enum mortise_code
claim_one(struct store *store, struct mortise_call *call, struct record *record,
    const char *owner, uint64_t now, int64_t lease_ms, struct mortise_out *out)
{
	char *copy = strdup(owner);
	struct mortise_record view;
	enum mortise_code code;

	if (copy == NULL)
		return store->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "out of memory");
	free(record->owner);
	record->owner = copy;
	record->lease_ends = time_after(now, lease_ms);
	record->fence = ++store->last_fence;
	view = record_view(record, now);
	code = store->host->add_record(out, &view);
	if (code != MORTISE_OK)
		lease_end(record);
	return code;
}

enum mortise_code
memory_claim(void *instance, struct mortise_call *call, const char *index, int64_t now_ms,
    size_t max, const char *owner, int64_t lease_ms, struct mortise_out *out)
{
	struct store *store = instance;
	enum mortise_code code = MORTISE_OK;
	uint64_t now = store_enter(store);
	struct record **found = calloc(store->count + 1, sizeof(struct record *));
	size_t count = found == NULL ? 0 : collect_due(store, index, now_ms, now, found);
	size_t claimed = 0;

	if (found == NULL)
		code = store->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "out of memory");
	while (code == MORTISE_OK && claimed < count && claimed < max) {
		code = claim_one(store, call, found[claimed], owner, now, lease_ms, out);
		if (code == MORTISE_OK)
			claimed++;
	}
	/* Nobody hears of them: let the next one have them. */
	while (code != MORTISE_OK && claimed > 0)
		lease_end(found[--claimed]);
	store_leave(store);
	free(found);
	return code;
}

/* --- extend, release ------------------------------------------------------------ */

/* The record that is leased so, NULL if it is not. */
static struct record *
find_leased(const struct store *store, const struct mortise_lease *lease, uint64_t now)
{
	struct record *record = store_find(store, lease->key);

	if (record == NULL || !is_leased(record, now) || record->fence != lease->fence ||
	    strcmp(record->owner, lease->owner) != 0)
		return NULL;
	return record;
}

static enum mortise_code
fail_lost(const struct store *store, struct mortise_call *call)
{
	return store->host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
	    "the lease is over or somebody else's; stop working on the record");
}

enum mortise_code
memory_extend(void *instance, struct mortise_call *call, const struct mortise_lease *lease)
{
	struct store *store = instance;
	uint64_t now = store_enter(store);
	struct record *record = find_leased(store, lease, now);

	if (record != NULL)
		record->lease_ends = time_after(now, lease->lease_ms);
	store_leave(store);
	return record != NULL ? MORTISE_OK : fail_lost(store, call);
}

enum mortise_code
memory_release(void *instance, struct mortise_call *call, const struct mortise_lease *lease)
{
	struct store *store = instance;
	struct record *record = find_leased(store, lease, store_enter(store));

	if (record != NULL)
		lease_end(record);
	store_leave(store);
	return record != NULL ? MORTISE_OK : fail_lost(store, call);
}
