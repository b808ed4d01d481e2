/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rekey: a new root key, and everything sealed anew under it, in one transaction.
 * Rows are read under the old keys and written under the new ones; `use` says
 * which of both the store works with.
 */
#include "local.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define OFFERS 3			/* configured, `key`, `passphrase` */
#define SLOTS_MAX 64

struct ring {
	struct mortise_secret *memory;
	const struct keys *keys;
	int64_t epoch;
};

/* A slot that is made anew: its number, and for which key. */
struct holder {
	int64_t number;
	const struct offer *offer;
};

struct rekey {
	struct offer offers[OFFERS];
	size_t offers_count;
	struct holder holders[SLOTS_MAX];
	size_t holders_count;
	struct ring old, new;
	struct counts done;
};

static void
use(struct store *store, const struct ring *ring)
{
	store->keys_memory = ring->memory;
	store->keys = ring->keys;
	store->epoch = ring->epoch;
}

static struct ring
in_use(const struct store *store)
{
	return (struct ring){store->keys_memory, store->keys, store->epoch};
}

/* --- who can be given the new root --------------------------------------------------- */

static enum mortise_code
read_offers(struct store *store, const struct mortise_options *options, struct rekey *rekey)
{
	static const char *const names[] = {"key", "passphrase"};
	enum mortise_code code = offer_read(store, store->options, "key", &rekey->offers[0]);

	if (code != MORTISE_OK)
		return code;
	rekey->offers_count = 1;
	for (size_t i = 0; code == MORTISE_OK && i < ARRAY_SIZE(names); i++) {
		if (!store->host->option_given(options, names[i]))
			continue;
		code = offer_read(store, options, names[i], &rekey->offers[rekey->offers_count]);
		if (code == MORTISE_OK)
			rekey->offers_count++;
	}
	return code;
}

static const struct offer *
find_offer(struct store *store, const struct rekey *rekey, const struct slot *slot)
{
	unsigned char root[KEY_SIZE];
	const struct offer *found = NULL;

	for (size_t i = 0; found == NULL && i < rekey->offers_count; i++) {
		if (slot_unwrap(store, &rekey->offers[i], slot, root))
			found = &rekey->offers[i];
	}
	OPENSSL_cleanse(root, sizeof(root));
	return found;
}

static enum mortise_code
find_holders(struct store *store, struct rekey *rekey, bool drop)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, SQL_SLOTS, &statement);
	char closed[256] = "";
	size_t length = 0;
	bool row = false;

	if (code != MORTISE_OK)
		return code;
	(void)sqlite3_bind_int64(statement, 1, store->epoch);
	while ((code = sql_step(store, statement, &row)) == MORTISE_OK && row) {
		const struct slot slot = slot_read(statement);
		const struct offer *offer;

		if (slot.type == SLOT_KEPT_TAGS)
			continue;
		offer = find_offer(store, rekey, &slot);
		if (offer != NULL && rekey->holders_count < SLOTS_MAX)
			rekey->holders[rekey->holders_count++] = (struct holder){slot.number, offer};
		else if (length < sizeof(closed) - 24)
			length += (size_t)snprintf(closed + length, sizeof(closed) - length, " %lld",
			    (long long)slot.number);
	}
	if (code == MORTISE_OK && length > 0 && !drop)
		return store->host->fail(store->call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "no key at hand opens slot%s; give its `key` or `passphrase`, or leave such slots "
		    "out with `drop-slots`", closed);
	return code;
}

/* --- rows ------------------------------------------------------------------------------ */

/* Sealed under the new keys, and bound as a statement's ?2 and ?3 behind the old tag. */
static enum mortise_code
replace_row(struct store *store, enum statement which, enum table table,
    const unsigned char old[TAG_SIZE], const struct subject *subject,
    const struct mortise_secret *plain)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	unsigned char *sealed _cleanup_(free_bytes) = NULL;
	size_t size = 0, sealed_size = 0;
	const void *bytes = store->host->secret_peek(plain, &size);
	enum mortise_code code = seal_close(store, subject, bytes, size, &sealed, &sealed_size);

	if (code == MORTISE_OK)
		code = sql_get(store, which, &statement);
	if (code != MORTISE_OK)
		return code;
	sql_bind(statement, 1, old, TAG_SIZE);
	sql_bind(statement, 2, subject->tag, TAG_SIZE);
	sql_bind(statement, 3, sealed, sealed_size);
	if (which == SQL_VERSION_RESEAL)
		(void)sqlite3_bind_int64(statement, 4, subject->version);
	return rows_added(store, statement, table);
}

/* The newest version that still has the old tag; *there: was there one? */
static enum mortise_code
move_version(struct store *store, struct rekey *rekey, const unsigned char old[TAG_SIZE],
    const unsigned char tag[TAG_SIZE], bool *there)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	struct mortise_secret *plain = NULL;
	struct version_row row;
	enum mortise_code code = version_find(store, old, 0, &statement, &row, there);

	if (code != MORTISE_OK || !*there)
		return code;
	use(store, &rekey->old);
	code = version_open(store, &row, &plain);
	use(store, &rekey->new);
	if (code != MORTISE_OK)
		return code;
	row.tag = tag;
	const struct subject subject = version_subject(&row);

	sql_reset(&statement);
	code = replace_row(store, SQL_VERSION_RESEAL, TABLE_VERSIONS, old, &subject, plain);
	store->host->secret_free(plain);
	rekey->done.rows[2]++;
	return code;
}

static enum mortise_code
move_name(struct store *store, struct rekey *rekey, sqlite3_stmt *statement)
{
	unsigned char old[TAG_SIZE], tag[TAG_SIZE];
	struct subject subject = {.kind = SEAL_NAME, .tag = tag,
	    .version = sqlite3_column_int64(statement, 1)};
	struct name_row row;
	bool there = true;
	enum mortise_code code;

	use(store, &rekey->old);
	code = name_read(store, statement, &row);
	use(store, &rekey->new);
	if (code != MORTISE_OK)
		return code;
	memcpy(old, sql_bytes(statement, 0, TAG_SIZE), TAG_SIZE);
	code = seal_tag(store, TAG_NAME, row.name, tag);
	if (code == MORTISE_OK)
		code = replace_row(store, SQL_NAME_RESEAL, TABLE_NAMES, old, &subject, row.content);
	store->host->secret_free(row.content);
	while (code == MORTISE_OK && there)
		code = move_version(store, rekey, old, tag, &there);
	rekey->done.rows[1]++;
	return code;
}

static enum mortise_code
move_record(struct store *store, struct rekey *rekey, sqlite3_stmt *statement)
{
	unsigned char old[TAG_SIZE], tag[TAG_SIZE];
	struct mortise_secret *plain = NULL;
	struct subject subject;
	struct state_row row;
	enum mortise_code code = state_read(store, statement, &row);

	if (code != MORTISE_OK)
		return code;
	memcpy(old, row.tag, TAG_SIZE);
	use(store, &rekey->old);
	code = state_open(store, &row, &plain);
	use(store, &rekey->new);
	if (code != MORTISE_OK)
		return code;
	/* The check before this has seen that it begins with its key. */
	code = seal_tag(store, TAG_STATE_KEY, store->host->secret_peek(plain, NULL), tag);
	row.tag = tag;
	subject = state_subject(&row);
	if (code == MORTISE_OK)
		code = replace_row(store, SQL_STATE_RESEAL, TABLE_STATE, old, &subject, plain);
	store->host->secret_free(plain);
	rekey->done.rows[3]++;
	return code;
}

/* By id, one at a time: none is read while it is written. */
static enum mortise_code
move_table(struct store *store, struct rekey *rekey, enum statement page, int id_column,
    enum mortise_code (*move)(struct store *, struct rekey *, sqlite3_stmt *))
{
	int64_t last = 0;
	bool row = true;
	enum mortise_code code = MORTISE_OK;

	while (code == MORTISE_OK && row) {
		sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;

		code = sql_get(store, page, &statement);
		if (code != MORTISE_OK)
			break;
		(void)sqlite3_bind_int64(statement, 1, last);
		(void)sqlite3_bind_int64(statement, 2, 1);
		code = sql_step(store, statement, &row);
		if (code != MORTISE_OK || !row)
			break;
		last = sqlite3_column_int64(statement, id_column);
		code = move(store, rekey, statement);
	}
	return code;
}

/* --- slots ------------------------------------------------------------------------------ */

static enum mortise_code
move_slots(struct store *store, struct rekey *rekey)
{
	struct offer root = {.type = SLOT_KEPT_TAGS};
	sqlite3_stmt *clear _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, SQL_CLEAR_SLOTS, &clear);
	bool row;

	if (code == MORTISE_OK)
		code = sql_step(store, clear, &row);
	for (size_t i = 0; code == MORTISE_OK && i < rekey->holders_count; i++)
		code = slot_add(store, rekey->holders[i].offer, rekey->holders[i].number,
		    store->epoch, store->keys->root);
	if (code != MORTISE_OK)
		return code;
	memcpy(root.key, store->keys->root, KEY_SIZE);
	code = slot_add(store, &root, 0, store->epoch, store->keys->kept);
	OPENSSL_cleanse(root.key, sizeof(root.key));
	return code;
}

/* The epoch is the commit's generation: no other content ever has the same. */
static enum mortise_code
make_ring(struct store *store, struct rekey *rekey)
{
	struct keys keys;
	enum mortise_code code;

	if (RAND_priv_bytes(keys.root, sizeof(keys.root)) != 1)
		return fail_crypto(store);
	rekey->old = in_use(store);
	use(store, &(struct ring){0});
	code = keys_install(store, &keys, rekey->old.keys->kept, store_next(store));
	rekey->new = in_use(store);
	return code;
}

static enum mortise_code
move_all(struct store *store, struct rekey *rekey)
{
	enum mortise_code code = make_ring(store, rekey);

	if (code != MORTISE_OK)
		return code;
	store->header.sum = (struct sum){0};
	code = move_table(store, rekey, SQL_NAMES, 3, move_name);
	if (code == MORTISE_OK)
		code = move_table(store, rekey, SQL_STATES, 15, move_record);
	return code == MORTISE_OK ? move_slots(store, rekey) : code;
}

static enum mortise_code
rekey_in(struct store *store, struct rekey *rekey, bool drop)
{
	struct counts counts = {0};
	/* What was exchanged would be sealed as if it were right. */
	enum mortise_code code = walk_rows(store, &counts);

	if (code == MORTISE_OK)
		code = find_holders(store, rekey, drop);
	if (code == MORTISE_OK)
		code = move_all(store, rekey);
	if (code == MORTISE_OK && memcmp(rekey->done.rows + 1, counts.rows + 1,
	    sizeof(counts.rows) - sizeof(counts.rows[0])) != 0)
		code = fail_damaged(store, "a version of a secret has no name");
	return code;
}

static enum mortise_code
rekey_store(struct store *store, struct rekey *rekey, bool drop)
{
	enum mortise_code code = store_begin(store, true);

	if (code != MORTISE_OK)
		return code;
	code = store_end(store, rekey_in(store, rekey, drop));
	if (rekey->old.memory == NULL)
		return code;
	/* Which keys are right after a failure, the header says. */
	if (code != MORTISE_OK)
		keys_forget(store);
	store->host->secret_free(rekey->old.memory);
	if (code == MORTISE_OK)
		store_checkpoint(store);
	return code;
}

enum mortise_code
command_rekey(void *instance, struct mortise_call *call, const struct mortise_options *options,
    struct mortise_out *out)
{
	struct store *store = instance;
	struct rekey rekey = {0};
	enum mortise_code code;

	store->call = call;
	code = read_offers(store, options, &rekey);
	if (code == MORTISE_OK)
		code = rekey_store(store, &rekey,
		    store->host->option_number(options, "drop-slots") != 0);
	for (size_t i = 0; i < OFFERS; i++)
		offer_free(store, &rekey.offers[i]);
	if (code != MORTISE_OK)
		return code;

	const struct column columns[] = {
		{.name = "epoch", .number = store->epoch},
		{.name = "generation", .number = store->header.generation},
		{.name = "slots", .number = (int64_t)rekey.holders_count},
		{.name = "names", .number = rekey.done.rows[1]},
		{.name = "versions", .number = rekey.done.rows[2]},
		{.name = "state", .number = rekey.done.rows[3]},
	};

	return give_row(store, out, columns, ARRAY_SIZE(columns));
}
