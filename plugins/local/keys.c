/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key slots.  A slot wraps the root key of an epoch under a key file or a
 * passphrase; everything else is derived from the root key.
 */
#include "local.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#define KEY_TEXT_SIZE 44		/* base64 of KEY_SIZE bytes */
#define MAGIC "mortise local store"
#define MAGIC_SIZE (sizeof(MAGIC) - 1)
#define AAD_SIZE (MAGIC_SIZE + 8 + ID_SIZE + 8 + 8)

/* scrypt with r 8 and p 1 takes 1 KiB << log_n: 32 MiB to 1 GiB. */
#define SCRYPT_FLOOR 15
#define SCRYPT_CAP 20

#define WHAT_A_KEY_IS "a key file is one line, base64 of 32 random bytes, made by `mortise init`"

void
offer_free(struct store *store, struct offer *offer)
{
	store->host->secret_free(offer->text);
	OPENSSL_cleanse(offer->key, sizeof(offer->key));
}

/* Strict: what it decodes to must encode to the same text. */
static bool
decode_key(const unsigned char *text, size_t size, unsigned char key[KEY_SIZE + 1])
{
	unsigned char again[KEY_TEXT_SIZE + 1];
	bool good;

	if (size == KEY_TEXT_SIZE + 1 && text[KEY_TEXT_SIZE] == '\n')
		size--;
	good = size == KEY_TEXT_SIZE && EVP_DecodeBlock(key, text, KEY_TEXT_SIZE) == KEY_SIZE + 1 &&
	    EVP_EncodeBlock(again, key, KEY_SIZE) == KEY_TEXT_SIZE &&
	    CRYPTO_memcmp(again, text, KEY_TEXT_SIZE) == 0;
	OPENSSL_cleanse(again, sizeof(again));
	return good;
}

enum mortise_code
offer_read(struct store *store, const struct mortise_options *options, const char *name,
    struct offer *offer)
{
	enum mortise_code code = store->host->option_secret(store->call, options, name,
	    &offer->text);
	const unsigned char *text;
	size_t size = 0;

	if (code != MORTISE_OK)
		return code;
	text = store->host->secret_peek(offer->text, &size);
	offer->type = decode_key(text, size, offer->key) ? SLOT_KEY_FILE : SLOT_PASSPHRASE;
	return MORTISE_OK;
}

bool
slot_derive(const struct store *store, const struct offer *offer, const struct slot *slot,
    struct seal_key *key)
{
	uint64_t n;
	const char *text;
	size_t size = 0;

	if (offer->type != SLOT_PASSPHRASE)
		return seal_derive(store, offer->key, slot->salt, SALT_SIZE, "mortise local slot",
		    key, sizeof(*key));
	if (slot->log_n < SCRYPT_FLOOR || slot->log_n > SCRYPT_CAP)
		return false;
	n = UINT64_C(1) << slot->log_n;
	text = store->host->secret_peek(offer->text, &size);
	/* An editor's end of line is none of the passphrase. */
	if (size > 0 && text[size - 1] == '\n')
		size--;
	/* The memory that it takes, and a little: libcrypto's own limit is lower. */
	return EVP_PBE_scrypt(text, size, slot->salt, SALT_SIZE, n, 8, 1,
	    1024 * n + (UINT64_C(1) << 20), (unsigned char *)key, sizeof(*key)) == 1;
}

static void
make_aad(const struct store *store, const struct slot *slot, unsigned char aad[AAD_SIZE])
{
	memcpy(aad, MAGIC, MAGIC_SIZE);
	number_encode(FORMAT, aad + MAGIC_SIZE);
	memcpy(aad + MAGIC_SIZE + 8, store->id, ID_SIZE);
	number_encode(slot->number, aad + MAGIC_SIZE + 8 + ID_SIZE);
	number_encode(slot->epoch, aad + MAGIC_SIZE + 8 + ID_SIZE + 8);
}

/* --- the root key in use --------------------------------------------------------- */

void
keys_forget(struct store *store)
{
	store->host->secret_free(store->keys_memory);
	store->keys_memory = NULL;
	store->keys = NULL;
}

enum mortise_code
keys_install(struct store *store, struct keys *keys, const unsigned char *kept, int64_t epoch)
{
	enum mortise_code code = MORTISE_OK;

	keys_forget(store);
	store->keys_memory = store->host->secret_new(sizeof(*keys));
	if (store->keys_memory == NULL)
		code = fail_memory(store);
	else if (!seal_derive(store, keys->root, store->id, ID_SIZE, "mortise local tags",
	    keys->tags, KEY_SIZE) || !seal_derive(store, keys->root, store->id, ID_SIZE,
	    "mortise local rows", keys->rows, KEY_SIZE))
		code = fail_crypto(store);
	if (code == MORTISE_OK) {
		memcpy(keys->kept, kept == NULL ? keys->tags : kept, KEY_SIZE);
		if (store->host->secret_append(store->keys_memory, keys, sizeof(*keys)) != MORTISE_OK)
			code = fail_memory(store);
	}
	OPENSSL_cleanse(keys, sizeof(*keys));
	if (code != MORTISE_OK) {
		keys_forget(store);
		return code;
	}
	store->keys = store->host->secret_peek(store->keys_memory, NULL);
	store->epoch = epoch;
	return MORTISE_OK;
}

/* --- opening --------------------------------------------------------------------- */

struct slot
slot_read(sqlite3_stmt *statement)
{
	return (struct slot){
		.number = sqlite3_column_int64(statement, 0),
		.epoch = sqlite3_column_int64(statement, 1),
		.type = sqlite3_column_int64(statement, 2),
		.log_n = sqlite3_column_int64(statement, 3),
		.salt = sql_bytes(statement, 4, SALT_SIZE),
		.wrapped = sql_bytes(statement, 5, WRAPPED_SIZE),
	};
}

bool
slot_unwrap(const struct store *store, const struct offer *offer, const struct slot *slot,
    unsigned char root[KEY_SIZE])
{
	unsigned char aad[AAD_SIZE];
	struct seal_key key;
	bool good;

	if (slot->type != (int64_t)offer->type || slot->salt == NULL || slot->wrapped == NULL)
		return false;
	make_aad(store, slot, aad);
	good = slot_derive(store, offer, slot, &key) &&
	    seal_decrypt(store, &key, aad, sizeof(aad), slot->wrapped, WRAPPED_SIZE, root);
	OPENSSL_cleanse(&key, sizeof(key));
	return good;
}

static enum mortise_code
fail_key(struct store *store, const struct offer *offer, bool tried)
{
	if (offer->type == SLOT_PASSPHRASE && !tried)
		return store->host->option_fail(store->call, store->options, "key",
		    "this is no key; " WHAT_A_KEY_IS);
	return store->host->option_fail(store->call, store->options, "key",
	    "the key opens no slot of %s: it is another store's key, or the slot is damaged; give "
	    "the key that the store was made with", store->path);
}

static enum mortise_code
try_slots(struct store *store, const struct offer *offer, int64_t epoch, struct keys *keys)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, SQL_SLOTS, &statement);
	bool row = false, tried = false;

	if (code != MORTISE_OK)
		return code;
	(void)sqlite3_bind_int64(statement, 1, epoch);
	while ((code = sql_step(store, statement, &row)) == MORTISE_OK && row) {
		const struct slot slot = slot_read(statement);

		tried = tried || slot.type == (int64_t)offer->type;
		if (slot_unwrap(store, offer, &slot, keys->root))
			return MORTISE_OK;
	}
	return code == MORTISE_OK ? fail_key(store, offer, tried) : code;
}

/* The key of tags that a rekey could not make anew, if there was one. */
static enum mortise_code
read_kept(struct store *store, int64_t epoch, const struct keys *keys,
    unsigned char kept[KEY_SIZE], bool *there)
{
	struct offer offer = {.type = SLOT_KEPT_TAGS};
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, SQL_SLOTS, &statement);
	bool row = false;

	if (code != MORTISE_OK)
		return code;
	memcpy(offer.key, keys->root, KEY_SIZE);
	(void)sqlite3_bind_int64(statement, 1, epoch);
	while (!*there && (code = sql_step(store, statement, &row)) == MORTISE_OK && row) {
		const struct slot slot = slot_read(statement);

		if (slot.type != SLOT_KEPT_TAGS)
			continue;
		*there = slot_unwrap(store, &offer, &slot, kept);
		if (!*there)
			code = fail_damaged(store, "the slot of its tags is damaged");
		break;
	}
	OPENSSL_cleanse(&offer.key, sizeof(offer.key));
	return code;
}

enum mortise_code
keys_unlock(struct store *store, int64_t epoch)
{
	unsigned char kept[KEY_SIZE];
	struct offer offer = {0};
	struct keys keys;
	bool there = false;
	enum mortise_code code = offer_read(store, store->options, "key", &offer);

	if (code == MORTISE_OK)
		code = try_slots(store, &offer, epoch, &keys);
	offer_free(store, &offer);
	if (code != MORTISE_OK)
		return code;
	code = read_kept(store, epoch, &keys, kept, &there);
	if (code == MORTISE_OK)
		code = keys_install(store, &keys, there ? kept : NULL, epoch);
	OPENSSL_cleanse(&keys, sizeof(keys));
	OPENSSL_cleanse(kept, sizeof(kept));
	return code;
}

/* --- making ---------------------------------------------------------------------- */

enum mortise_code
slot_insert(struct store *store, const struct slot *slot)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, SQL_SLOT_INSERT, &statement);

	if (code != MORTISE_OK)
		return code;
	(void)sqlite3_bind_int64(statement, 1, slot->number);
	(void)sqlite3_bind_int64(statement, 2, slot->epoch);
	(void)sqlite3_bind_int64(statement, 3, slot->type);
	if (slot->type == SLOT_PASSPHRASE)
		(void)sqlite3_bind_int64(statement, 4, slot->log_n);
	sql_bind(statement, 5, slot->salt, SALT_SIZE);
	sql_bind(statement, 6, slot->wrapped, WRAPPED_SIZE);
	return rows_added(store, statement, TABLE_SLOTS);
}

bool
slot_wrap(const struct store *store, const struct slot *slot, const struct seal_key *key,
    const unsigned char root[KEY_SIZE], unsigned char wrapped[WRAPPED_SIZE])
{
	unsigned char aad[AAD_SIZE];

	make_aad(store, slot, aad);
	return seal_encrypt(store, key, aad, sizeof(aad), root, KEY_SIZE, wrapped);
}

enum mortise_code
slot_add(struct store *store, const struct offer *offer, int64_t number, int64_t epoch,
    const unsigned char secret[KEY_SIZE])
{
	unsigned char salt[SALT_SIZE], wrapped[WRAPPED_SIZE];
	const struct slot slot = {.number = number, .epoch = epoch, .type = offer->type,
	    .log_n = SCRYPT_LOG_N, .salt = salt, .wrapped = wrapped};
	struct seal_key key;
	bool good = RAND_bytes(salt, sizeof(salt)) == 1 && slot_derive(store, offer, &slot, &key) &&
	    slot_wrap(store, &slot, &key, secret, wrapped);

	OPENSSL_cleanse(&key, sizeof(key));
	return good ? slot_insert(store, &slot) : fail_crypto(store);
}

/* A root key of epoch 1, wrapped for slot 1. */
static enum mortise_code
make_slot(struct store *store, const struct offer *offer)
{
	struct keys keys;
	enum mortise_code code = MORTISE_OK;

	if (RAND_priv_bytes(keys.root, sizeof(keys.root)) != 1)
		return fail_crypto(store);
	code = keys_install(store, &keys, NULL, 1);
	return code == MORTISE_OK ? slot_add(store, offer, 1, 1, store->keys->root) : code;
}

static enum mortise_code
offer_for_new(struct store *store, struct offer *offer)
{
	enum mortise_code code = offer_read(store, store->options, "key", offer);

	if (code == MORTISE_OK && offer->type != SLOT_KEY_FILE)
		code = fail_key(store, offer, false);
	return code;
}

enum mortise_code
keys_usable(struct store *store)
{
	struct offer offer = {0};
	enum mortise_code code = offer_for_new(store, &offer);

	offer_free(store, &offer);
	return code;
}

enum mortise_code
keys_create(struct store *store)
{
	struct offer offer = {0};
	enum mortise_code code = offer_for_new(store, &offer);

	if (code == MORTISE_OK)
		code = make_slot(store, &offer);
	offer_free(store, &offer);
	return code;
}
