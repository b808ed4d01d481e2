/* SPDX-License-Identifier: BSD-2-Clause */
#include "local.h"

#include <openssl/crypto.h>

/* Is it somebody's now? */
static bool
is_leased(const struct store *store, const struct state_row *row, const struct instant *now)
{
	return row->leased && !span_over(store, &row->lease, now);
}

/* Writes owner (NULL: nobody), fence and lease of the row that `found` is at. */
static enum mortise_code
write_lease(struct store *store, sqlite3_stmt *found, const struct state_row *row,
    const unsigned char *owner, const struct span *lease)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = row_subtract(store, &store->header.sum, found, TABLE_STATE);

	if (code == MORTISE_OK)
		code = sql_get(store, SQL_STATE_LEASE, &statement);
	if (code != MORTISE_OK)
		return code;
	sql_bind(statement, 1, row->tag, TAG_SIZE);
	if (owner != NULL)
		sql_bind(statement, 2, owner, TAG_SIZE);
	(void)sqlite3_bind_int64(statement, 3, row->fence);
	span_bind(statement, 4, lease);
	return rows_added(store, statement, TABLE_STATE);
}

/* --- claim --------------------------------------------------------------------- */

struct claim {
	unsigned char index[TAG_SIZE], owner[TAG_SIZE];
	int64_t due_by, lease_ms;
	size_t max, count;
};

/* The generation is the fence: it rises, also over the record's deletion. */
static enum mortise_code
claim_row(struct store *store, sqlite3_stmt *statement, struct claim *claim,
    const struct instant *now, struct mortise_out *out)
{
	const struct span lease = span_from(store, now, claim->lease_ms);
	struct state_row row;
	enum mortise_code code = state_read(store, statement, &row);

	if (code != MORTISE_OK || span_over(store, &row.life, now) || is_leased(store, &row, now))
		return code;
	row.fence = store_next(store);
	code = state_give(store, &row, out);
	if (code == MORTISE_OK)
		code = write_lease(store, statement, &row, claim->owner, &lease);
	if (code == MORTISE_OK)
		claim->count++;
	return code;
}

/* A lease moves no row within the index, so the statement goes on behind it. */
static enum mortise_code
claim_due(struct store *store, struct claim *claim, struct mortise_out *out)
{
	const struct instant now = clock_now();
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, SQL_STATE_DUE, &statement);
	bool there = true;

	if (code != MORTISE_OK)
		return code;
	sql_bind(statement, 1, claim->index, TAG_SIZE);
	(void)sqlite3_bind_int64(statement, 2, claim->due_by);
	while (code == MORTISE_OK && claim->count < claim->max) {
		code = sql_step(store, statement, &there);
		if (code != MORTISE_OK || !there)
			break;
		code = claim_row(store, statement, claim, &now, out);
	}
	return code;
}

enum mortise_code
state_claim(void *instance, struct mortise_call *call, const char *index, int64_t now_ms,
    size_t max, const char *owner, int64_t lease_ms, struct mortise_out *out)
{
	struct store *store = instance;
	struct claim claim = {.due_by = now_ms, .lease_ms = lease_ms, .max = max};
	enum mortise_code code;

	store->call = call;
	if (lease_ms <= 0)
		return store->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "a lease of %lld ms is none", (long long)lease_ms);
	code = store_begin(store, true);
	if (code != MORTISE_OK)
		return code;
	code = seal_tag(store, TAG_INDEX, index, claim.index);
	if (code == MORTISE_OK)
		code = seal_tag(store, TAG_OWNER, owner, claim.owner);
	if (code == MORTISE_OK)
		code = claim_due(store, &claim, out);
	if (code != MORTISE_OK || claim.count > 0)
		return store_end(store, code);
	store_abort(store);
	return MORTISE_OK;
}

/* --- extend, release ----------------------------------------------------------- */

static enum mortise_code
change_lease(struct store *store, const struct mortise_lease *given, bool keep)
{
	const struct instant now = clock_now();
	const struct span lease = span_from(store, &now, keep ? given->lease_ms : 0);
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	unsigned char tag[TAG_SIZE], owner[TAG_SIZE];
	struct state_row row;
	bool there = false;
	enum mortise_code code = seal_tag(store, TAG_STATE_KEY, given->key, tag);

	if (code == MORTISE_OK)
		code = seal_tag(store, TAG_OWNER, given->owner, owner);
	if (code == MORTISE_OK)
		code = state_find(store, tag, &now, &statement, &row, &there);
	if (code != MORTISE_OK)
		return code;
	if (!there || !is_leased(store, &row, &now) || (uint64_t)row.fence != given->fence ||
	    CRYPTO_memcmp(row.owner, owner, TAG_SIZE) != 0)
		return store->host->fail(store->call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "the record is not leased to this owner under this fence; claim it again");
	return write_lease(store, statement, &row, keep ? owner : NULL, &lease);
}

static enum mortise_code
change(struct store *store, struct mortise_call *call, const struct mortise_lease *lease,
    bool keep)
{
	enum mortise_code code;

	store->call = call;
	if (keep && lease->lease_ms <= 0)
		return store->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "a lease of %lld ms is none", (long long)lease->lease_ms);
	code = store_begin(store, true);
	return code == MORTISE_OK ? store_end(store, change_lease(store, lease, keep)) : code;
}

enum mortise_code
state_extend(void *instance, struct mortise_call *call, const struct mortise_lease *lease)
{
	return change(instance, call, lease, true);
}

enum mortise_code
state_release(void *instance, struct mortise_call *call, const struct mortise_lease *lease)
{
	return change(instance, call, lease, false);
}
