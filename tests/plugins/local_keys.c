/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * local: keys.  What the plugin has no command for is made here by other code,
 * from what doc/file-formats.md says.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include "local_tamper.h"

#define OTHER_KEY "b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkgb3Q="

/* --- keys ---------------------- */

static void
test_keys(void)
{
	static const char *const no_keys[] = {"short", KEY_TEXT "=", KEY_TEXT "a2s=",
	    "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2t=", (" " KEY_TEXT),
	    "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tr",
	    "!!tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="};
	char *path _cleanup_(free_pointer) = store_path("none.db");
	char text[TEXT_SIZE];
	struct fixture f = {0};

	if (!make_store("keys.db"))
		return;
	CHECK_NUMBER(open_with(&f, "keys.db", OTHER_KEY, ""), MORTISE_INVALID);
	CHECK(strstr(f.error.message, "another store's key") != NULL);
	CHECK_NUMBER(f.error.line, 1);
	teardown(&f);
	for (size_t i = 0; i < ARRAY_SIZE(no_keys); i++) {
		CHECK_NUMBER_AS(open_with(&f, "none.db", no_keys[i], ""), MORTISE_INVALID, no_keys[i]);
		CHECK(strstr(f.error.message, "made by `mortise init`") != NULL);
		CHECK_AS(access(path, F_OK) != 0, "and no store is made");
		teardown(&f);
		CHECK_NUMBER_AS(open_with(&f, "keys.db", no_keys[i], ""), MORTISE_INVALID, no_keys[i]);
		teardown(&f);
	}
	CHECK_NUMBER(open_with(&f, "keys.db", KEY_TEXT "\\n", ""), MORTISE_OK);
	CHECK_TEXT(get_text(&f, "a", NULL, text), "two");
	teardown(&f);
}

/* --- a second writer of the format ---------------------- */

#define SLOT_AAD (19 + 8 + 16 + 8 + 8)
#define HEADER_AAD (1 + 16 + 32 + 8 + 8 + 8 + 8)

static void
slot_aad(const unsigned char *id, unsigned char slot, unsigned char epoch,
    unsigned char aad[SLOT_AAD])
{
	memset(aad, 0, SLOT_AAD);
	memcpy(aad, "mortise local store", 19);
	aad[26] = 1;
	memcpy(aad + 27, id, 16);
	aad[50] = slot;
	aad[58] = epoch;
}

/* Of 32 bytes, and their tag behind them. */
static bool
gcm(bool encrypt, const unsigned char key[44], const unsigned char *aad, int aad_size,
    const unsigned char *in, unsigned char *out)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	unsigned char tag[16];
	int done;
	bool good;

	if (!encrypt)
		memcpy(tag, in + 32, sizeof(tag));
	good = EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key, key + 32, encrypt) == 1 &&
	    EVP_CipherUpdate(context, NULL, &done, aad, aad_size) == 1 &&
	    EVP_CipherUpdate(context, out, &done, in, 32) == 1 &&
	    (encrypt || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1) &&
	    EVP_CipherFinal_ex(context, out + 32, &done) == 1 &&
	    (!encrypt || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, out + 32) == 1);
	EVP_CIPHER_CTX_free(context);
	return good;
}

/* Salts and store ids have 16 bytes, keys 32. */
static bool
hkdf(const unsigned char *key, const unsigned char *salt, const char *info, unsigned char *out,
    size_t size)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	bool good = EVP_PKEY_derive_init(context) == 1 &&
	    EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1 &&
	    EVP_PKEY_CTX_set1_hkdf_salt(context, salt, 16) == 1 &&
	    EVP_PKEY_CTX_set1_hkdf_key(context, key, 32) == 1 &&
	    EVP_PKEY_CTX_add1_hkdf_info(context, (const unsigned char *)info,
	    (int)strlen(info)) == 1 && EVP_PKEY_derive(context, out, &size) == 1;

	EVP_PKEY_CTX_free(context);
	return good;
}

/* Runs SQL with blobs for ?1, ?2: 16 bytes of salt, 48 that are wrapped or 64
 * that are sealed. */
static bool
store_blobs(sqlite3 *db, const char *sql, const void *salt, const void *bytes, int size)
{
	sqlite3_stmt *s = NULL;
	bool good = sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK &&
	    (salt == NULL || sqlite3_bind_blob(s, 1, salt, 16, SQLITE_STATIC) == SQLITE_OK) &&
	    sqlite3_bind_blob(s, 2, bytes, size, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_DONE;

	(void)sqlite3_finalize(s);
	return good;
}

/* The store's id, and the root key that slot 1 of a key file of "k"s holds. */
static bool
read_root(sqlite3 *db, unsigned char id[16], unsigned char root[48])
{
	unsigned char file_key[32], key[44], aad[SLOT_AAD];
	sqlite3_stmt *s = NULL;
	bool good = sqlite3_prepare_v2(db, "SELECT store, salt, wrapped FROM header, slots", -1, &s,
	    NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW;

	memset(file_key, 'k', sizeof(file_key));
	if (good) {
		memcpy(id, sqlite3_column_blob(s, 0), 16);
		slot_aad(id, 1, 1, aad);
		good = hkdf(file_key, sqlite3_column_blob(s, 1), "mortise local slot", key, 44) &&
		    gcm(false, key, aad, sizeof(aad), sqlite3_column_blob(s, 2), root);
	}
	(void)sqlite3_finalize(s);
	return good;
}

/* --- a passphrase ---------------------- */

/* Wraps the root key of slot 1 into slot 2. */
static bool
add_passphrase(sqlite3 *db, const char *phrase, int log_n)
{
	unsigned char id[16], salt[16], wrapped[48], root[48], key[44], aad[SLOT_AAD];
	char *sql _cleanup_(free_pointer) = text_format("INSERT INTO slots (slot, epoch, type,"
	    " log_n, salt, wrapped) VALUES (2, 1, 2, %d, ?1, ?2)", log_n);

	memset(salt, 's', sizeof(salt));
	if (!read_root(db, id, root))
		return false;
	slot_aad(id, 2, 1, aad);
	return EVP_PBE_scrypt(phrase, strlen(phrase), salt, sizeof(salt), UINT64_C(1) << log_n, 8,
	    1, UINT64_C(1) << 28, key, sizeof(key)) == 1 &&
	    gcm(true, key, aad, sizeof(aad), root, wrapped) &&
	    store_blobs(db, sql, salt, wrapped, sizeof(wrapped));
}

static void
test_passphrase(void)
{
	static const struct {
		const char *name, *phrase;
		int log_n;
		enum mortise_code code;
	} rows[] = {
		{"phrase15.db", "correct horse", 15, MORTISE_OK},
		{"phrase15b.db", "wrong horse", 15, MORTISE_INVALID},
		{"phrase14.db", "correct horse", 14, MORTISE_INVALID},
	};
	char text[TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *path _cleanup_(free_pointer) = store_path(rows[i].name);
		struct fixture f = {0};
		sqlite3 *db = NULL;

		if (!make_store(rows[i].name))
			return;
		CHECK(sqlite3_open(path, &db) == SQLITE_OK &&
		    add_passphrase(db, "correct horse", rows[i].log_n));
		(void)sqlite3_close(db);
		CHECK_NUMBER_AS(open_with(&f, rows[i].name, rows[i].phrase, ""), rows[i].code,
		    rows[i].name);
		if (rows[i].code == MORTISE_OK)
			CHECK_TEXT(get_text(&f, "a", NULL, text), "two");
		teardown(&f);
	}
}

/* --- another root key ---------------------- */

/* The HMAC of slot 1 of epoch 2: the sum of a store that holds nothing else. */
static void
slot_sum(const unsigned char rows_key[32], const unsigned char salt[16],
    const unsigned char wrapped[48], unsigned char sum[32])
{
	unsigned char row[1 + 3 * 9 + 1 + 9 + 16 + 9 + 48] = {1, 'i', 0, 0, 0, 0, 0, 0, 0, 1,
	    'i', 0, 0, 0, 0, 0, 0, 0, 2, 'i', 0, 0, 0, 0, 0, 0, 0, 1, 'n'};
	unsigned char *p = row + 29;
	unsigned int size;

	p[0] = 'b';
	p[8] = 16;
	memcpy(p + 9, salt, 16);
	p += 9 + 16;
	p[0] = 'b';
	p[8] = 48;
	memcpy(p + 9, wrapped, 48);
	(void)HMAC(EVP_sha256(), rows_key, 32, row, sizeof(row), sum, &size);
}

/* What a rekey by another process does to a store without secrets. */
static bool
rekey(sqlite3 *db, unsigned char generation)
{
	unsigned char id[16], old[48], root[32], file_key[32], key[44], rows_key[32], salt[16];
	unsigned char wrapped[48], sum[32], sealed[64], aad[SLOT_AAD], head[HEADER_AAD] = {1};
	char *sql _cleanup_(free_pointer) = text_format("UPDATE header SET epoch = 2, count = 1,"
	    " generation = %d, sealed = ?2", generation);

	memset(root, 'r', sizeof(root));
	memset(salt, 's', sizeof(salt));
	memset(file_key, 'k', sizeof(file_key));
	if (!read_root(db, id, old))
		return false;
	slot_aad(id, 1, 2, aad);
	if (!hkdf(file_key, salt, "mortise local slot", key, 44) ||
	    !gcm(true, key, aad, sizeof(aad), root, wrapped) ||
	    !hkdf(root, id, "mortise local rows", rows_key, 32))
		return false;
	slot_sum(rows_key, salt, wrapped, sum);
	memcpy(head + 1, id, 16);
	head[1 + 16 + 32 + 7] = generation;
	head[1 + 16 + 32 + 15] = 2;
	head[1 + 16 + 32 + 23] = 1;
	head[1 + 16 + 32 + 31] = 1;
	memcpy(sealed, salt, 16);
	return hkdf(root, salt, "mortise local seal", key, 44) &&
	    gcm(true, key, head, sizeof(head), sum, sealed + 16) &&
	    store_blobs(db, "UPDATE slots SET epoch = 2, salt = ?1, wrapped = ?2", salt, wrapped,
	    sizeof(wrapped)) && store_blobs(db, sql, NULL, sealed, sizeof(sealed));
}

static void
test_rekey(void)
{
	char *path _cleanup_(free_pointer) = store_path("rekey.db");
	char text[TEXT_SIZE];
	struct fixture f = {0};
	sqlite3 *db = NULL;

	if (!open_store(&f, "rekey.db"))
		return;
	CHECK(sqlite3_open(path, &db) == SQLITE_OK && rekey(db, 2));
	(void)sqlite3_close(db);
	CHECK_NUMBER_AS(put_text(&f, "a", "new"), MORTISE_OK, "an open store takes the new key");
	CHECK_NUMBER(f.call.note.generation, 3);
	CHECK_TEXT(get_text(&f, "a", NULL, text), "new");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	teardown(&f);
	if (!open_store(&f, "rekey.db"))
		return;
	CHECK_TEXT(get_text(&f, "a", NULL, text), "new");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	teardown(&f);
}

int
main(void)
{
	if (!local_begin())
		return test_end();
	test_keys();
	test_passphrase();
	test_rekey();
	return local_end();
}
