/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of key slots: keys, add-key, remove-key. */
#include "local.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

static const char *const type_names[] = {
	[SLOT_KEY_FILE] = "key file", [SLOT_PASSPHRASE] = "passphrase",
};

static enum mortise_code
begin_slots(struct store *store, sqlite3_stmt **statement)
{
	enum mortise_code code = sql_get(store, SQL_SLOTS, statement);

	if (code == MORTISE_OK)
		(void)sqlite3_bind_int64(*statement, 1, store->epoch);
	return code;
}

/* --- keys -------------------------------------------------------------------------- */

static enum mortise_code
list_slots(struct store *store, const struct offer *offer, struct mortise_out *out)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	unsigned char root[KEY_SIZE];
	enum mortise_code code = begin_slots(store, &statement);
	bool row = false;

	while (code == MORTISE_OK && (code = sql_step(store, statement, &row)) == MORTISE_OK && row) {
		const struct slot slot = slot_read(statement);
		bool opens = slot_unwrap(store, offer, &slot, root);
		const char *type = slot.type == SLOT_KEY_FILE || slot.type == SLOT_PASSPHRASE ?
		    type_names[slot.type] : "unknown";
		const struct column columns[] = {
			{.name = "slot", .number = slot.number},
			{.name = "type", .text = type},
			{.name = "epoch", .number = slot.epoch},
			{.name = "opens", .text = opens ? "yes" : "no"},
		};

		OPENSSL_cleanse(root, sizeof(root));
		if (slot.type != SLOT_KEPT_TAGS)
			code = give_row(store, out, columns, ARRAY_SIZE(columns));
	}
	return code;
}

enum mortise_code
command_keys(void *instance, struct mortise_call *call, const struct mortise_options *options,
    struct mortise_out *out)
{
	struct store *store = instance;
	struct offer offer = {0};
	enum mortise_code code;

	(void)options;
	store->call = call;
	code = offer_read(store, store->options, "key", &offer);
	if (code == MORTISE_OK)
		code = store_begin(store, false);
	if (code == MORTISE_OK) {
		code = list_slots(store, &offer, out);
		store_abort(store);
	}
	offer_free(store, &offer);
	return code;
}

/* Who loses the one key loses everything. */
enum mortise_code
slots_advise(struct store *store)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = begin_slots(store, &statement);
	bool row = false;
	int keys = 0;

	while (code == MORTISE_OK && (code = sql_step(store, statement, &row)) == MORTISE_OK && row)
		keys += slot_read(statement).type != SLOT_KEPT_TAGS;
	if (code == MORTISE_OK && keys == 1)
		store->host->log(store->call, MORTISE_LOG_INFO, "%s has one key, and is lost with it; "
		    "keep a copy of it elsewhere, or add a passphrase by the command add-key",
		    store->path);
	return code;
}

/* --- add-key ------------------------------------------------------------------------ */

/* A key must be one, and a passphrase none. */
static enum mortise_code
read_new(struct store *store, const struct mortise_options *options, struct offer *offer)
{
	const struct mortise_host *host = store->host;
	bool key = host->option_given(options, "key");
	enum mortise_code code;
	size_t size = 0;

	if (key == host->option_given(options, "passphrase"))
		return host->fail(store->call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "give one of `key` and `passphrase`");
	code = offer_read(store, options, key ? "key" : "passphrase", offer);
	if (code != MORTISE_OK)
		return code;
	if (key && offer->type != SLOT_KEY_FILE)
		return host->option_fail(store->call, options, "key",
		    "this is no key: one line, base64 of 32 random bytes");
	(void)host->secret_peek(offer->text, &size);
	if (!key && (offer->type != SLOT_PASSPHRASE || size < 8))
		return host->option_fail(store->call, options, "passphrase",
		    "this is a key, or shorter than 8 bytes; give a passphrase");
	return MORTISE_OK;
}

static enum mortise_code
next_number(struct store *store, int64_t *number)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = begin_slots(store, &statement);
	bool row = false;

	*number = 1;
	while (code == MORTISE_OK && (code = sql_step(store, statement, &row)) == MORTISE_OK && row)
		*number = slot_read(statement).number + 1;
	return code;
}

static enum mortise_code
add_slot(struct store *store, struct slot *slot, const struct seal_key *key)
{
	unsigned char wrapped[WRAPPED_SIZE];
	enum mortise_code code = next_number(store, &slot->number);

	slot->epoch = store->epoch;
	slot->wrapped = wrapped;
	if (code == MORTISE_OK && !slot_wrap(store, slot, key, store->keys->root, wrapped))
		code = fail_crypto(store);
	if (code == MORTISE_OK)
		code = slot_insert(store, slot);
	slot->wrapped = NULL;
	return code;
}

enum mortise_code
command_add_key(void *instance, struct mortise_call *call,
    const struct mortise_options *options, struct mortise_out *out)
{
	struct store *store = instance;
	unsigned char salt[SALT_SIZE];
	struct slot slot = {.log_n = SCRYPT_LOG_N, .salt = salt};
	struct offer offer = {0};
	struct seal_key key;
	enum mortise_code code;

	store->call = call;
	code = read_new(store, options, &offer);
	slot.type = offer.type;
	/* scrypt takes its time before others have to wait. */
	if (code == MORTISE_OK && (RAND_bytes(salt, sizeof(salt)) != 1 ||
	    !slot_derive(store, &offer, &slot, &key)))
		code = fail_crypto(store);
	offer_free(store, &offer);
	if (code == MORTISE_OK)
		code = store_begin(store, true);
	if (code == MORTISE_OK)
		code = store_end(store, add_slot(store, &slot, &key));
	OPENSSL_cleanse(&key, sizeof(key));
	if (code != MORTISE_OK)
		return code;

	const struct column columns[] = {{.name = "slot", .number = slot.number},
	    {.name = "type", .text = type_names[slot.type]}};

	return give_row(store, out, columns, ARRAY_SIZE(columns));
}

/* --- remove-key --------------------------------------------------------------------- */

/* May it go?  The configured key must open another one, or force say so. */
static enum mortise_code
check_others(struct store *store, const struct offer *offer, int64_t number, bool force)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	unsigned char root[KEY_SIZE];
	size_t others = 0;
	bool row = false, there = false, opens = false;
	enum mortise_code code = begin_slots(store, &statement);

	while (code == MORTISE_OK && (code = sql_step(store, statement, &row)) == MORTISE_OK && row) {
		const struct slot slot = slot_read(statement);

		if (slot.type == SLOT_KEPT_TAGS)
			continue;
		there = there || slot.number == number;
		others += slot.number != number;
		opens = opens || (slot.number != number && slot_unwrap(store, offer, &slot, root));
	}
	OPENSSL_cleanse(root, sizeof(root));
	if (code != MORTISE_OK)
		return code;
	if (!there)
		return store->host->fail(store->call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "%s has no slot %lld; `keys` lists them", store->path, (long long)number);
	if (others == 0)
		return store->host->fail(store->call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "slot %lld is the last one, and without it the store is lost; add another key "
		    "first", (long long)number);
	if (!opens && !force)
		return store->host->fail(store->call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "slot %lld is the only one that the configured key opens; configure another "
		    "key first, or give `force`", (long long)number);
	return MORTISE_OK;
}

static enum mortise_code
remove_slot(struct store *store, int64_t number)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, SQL_SLOT_DELETE, &statement);

	if (code != MORTISE_OK)
		return code;
	(void)sqlite3_bind_int64(statement, 1, number);
	(void)sqlite3_bind_int64(statement, 2, store->epoch);
	return rows_removed(store, statement, TABLE_SLOTS);
}

enum mortise_code
command_remove_key(void *instance, struct mortise_call *call,
    const struct mortise_options *options, struct mortise_out *out)
{
	struct store *store = instance;
	const int64_t number = store->host->option_number(options, "slot");
	const bool force = store->host->option_number(options, "force") != 0;
	const struct column columns[] = {{.name = "slot", .number = number},
	    {.name = "done", .text = "removed; older copies still open with it until a rekey"}};
	struct offer offer = {0};
	enum mortise_code code;

	store->call = call;
	code = offer_read(store, store->options, "key", &offer);
	if (code == MORTISE_OK)
		code = store_begin(store, true);
	if (code == MORTISE_OK) {
		code = check_others(store, &offer, number, force);
		if (code == MORTISE_OK)
			code = remove_slot(store, number);
		code = store_end(store, code);
	}
	offer_free(store, &offer);
	if (code != MORTISE_OK)
		return code;
	store_checkpoint(store);
	return give_row(store, out, columns, ARRAY_SIZE(columns));
}
