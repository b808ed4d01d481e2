/* SPDX-License-Identifier: BSD-2-Clause */
/* local: which files are opened, and with which keys. */
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "local_tamper.h"

#define OTHER_KEY "b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkgb3Q="

/* --- old stores, and gone ones ----------------------------------------------------------- */

static enum mortise_code
open_noted(struct fixture *fixture, const char *name, const char *store, uint64_t generation)
{
	*fixture = (struct fixture){.noted_generation = generation};
	(void)snprintf(fixture->noted_store, sizeof(fixture->noted_store), "%s", store);
	return open_with(fixture, name, KEY_TEXT, "");
}

static void
check_rollback(struct fixture *fixture, enum mortise_code code, const char *words)
{
	CHECK_NUMBER_AS(code, MORTISE_ERROR, words);
	CHECK_NUMBER(fixture->error.reason, MORTISE_REASON_ROLLBACK);
	CHECK_AS(strstr(fixture->error.message, words) != NULL, "says: %s", words);
	teardown(fixture);
}

static void
test_rollback(void)
{
	static const char other[] = "00000000000000000000000000000000";
	char *path _cleanup_(free_pointer) = store_path("gone.db");
	struct fixture f = {0};
	char id[65];

	if (!make_store("noted.db") || !open_store(&f, "noted.db"))
		return;
	(void)snprintf(id, sizeof(id), "%s", backend_identity(f.backend));
	teardown(&f);
	CHECK_NUMBER(open_noted(&f, "noted.db", id, 5), MORTISE_OK);
	teardown(&f);
	CHECK_NUMBER_AS(open_noted(&f, "noted.db", id, 3), MORTISE_OK, "newer than noted is fine");
	teardown(&f);
	check_rollback(&f, open_noted(&f, "noted.db", id, 6),
	    "is older than the trail says: generation 5 and not 6");
	check_rollback(&f, open_noted(&f, "noted.db", other, 1), "and the trail knows 0000");
	check_rollback(&f, open_noted(&f, "gone.db", id, 5), "and there is none now");
	CHECK_AS(access(path, F_OK) != 0, "and none was made");
	CHECK(file_replace(AT_FDCWD, path, "", 0, 0600) == 0);
	check_rollback(&f, open_noted(&f, "gone.db", id, 5), "and there is none now");
	CHECK_NUMBER_AS(open_noted(&f, "gone.db", "", 0), MORTISE_OK, "an empty file becomes one");
	teardown(&f);
}

/* --- keys ---------------------------------------------------------------------------------- */

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

/* --- a passphrase slot, made as doc/file-formats.md says ------------------------------------- */

#define AAD_SIZE (19 + 8 + 16 + 8 + 8)

static void
slot_aad(const unsigned char *id, unsigned char slot, unsigned char aad[AAD_SIZE])
{
	memset(aad, 0, AAD_SIZE);
	memcpy(aad, "mortise local store", 19);
	aad[26] = 1;
	memcpy(aad + 27, id, 16);
	aad[50] = slot;
	aad[58] = 1;
}

static bool
gcm(bool encrypt, const unsigned char key[44], const unsigned char aad[AAD_SIZE],
    const unsigned char in[48], unsigned char out[48])
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	unsigned char tag[16];
	int done;
	bool good;

	memcpy(tag, in + 32, sizeof(tag));
	good = EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key, key + 32, encrypt) == 1 &&
	    EVP_CipherUpdate(context, NULL, &done, aad, AAD_SIZE) == 1 &&
	    EVP_CipherUpdate(context, out, &done, in, 32) == 1 &&
	    (encrypt || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1) &&
	    EVP_CipherFinal_ex(context, out + 32, &done) == 1 &&
	    (!encrypt || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, out + 32) == 1);
	EVP_CIPHER_CTX_free(context);
	return good;
}

static bool
hkdf(const char *info, const unsigned char salt[16], unsigned char out[44])
{
	unsigned char key[32];
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	size_t size = 44;
	bool good;

	memset(key, 'k', sizeof(key));
	good = EVP_PKEY_derive_init(context) == 1 &&
	    EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1 &&
	    EVP_PKEY_CTX_set1_hkdf_salt(context, salt, 16) == 1 &&
	    EVP_PKEY_CTX_set1_hkdf_key(context, key, sizeof(key)) == 1 &&
	    EVP_PKEY_CTX_add1_hkdf_info(context, (const unsigned char *)info,
	    (int)strlen(info)) == 1 && EVP_PKEY_derive(context, out, &size) == 1;
	EVP_PKEY_CTX_free(context);
	return good;
}

/* Unwraps the root key of slot 1 and wraps it into slot 2 for a passphrase. */
static bool
add_passphrase(sqlite3 *db, const char *phrase, int log_n)
{
	unsigned char id[16], salt[16], wrapped[48], root[48], key[44], aad[AAD_SIZE];
	sqlite3_stmt *s = NULL;
	bool good = sqlite3_prepare_v2(db, "SELECT store, salt, wrapped FROM header, slots", -1, &s,
	    NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW;

	if (good) {
		memcpy(id, sqlite3_column_blob(s, 0), sizeof(id));
		memcpy(salt, sqlite3_column_blob(s, 1), sizeof(salt));
		memcpy(wrapped, sqlite3_column_blob(s, 2), sizeof(wrapped));
		slot_aad(id, 1, aad);
		good = hkdf("mortise local slot", salt, key) && gcm(false, key, aad, wrapped, root);
		memset(salt, 's', sizeof(salt));
		slot_aad(id, 2, aad);
		good = good && EVP_PBE_scrypt(phrase, strlen(phrase), salt, sizeof(salt),
		    UINT64_C(1) << log_n, 8, 1, UINT64_C(1) << 28, key, sizeof(key)) == 1 &&
		    gcm(true, key, aad, root, wrapped);
	}
	(void)sqlite3_finalize(s);
	good = good && sqlite3_prepare_v2(db, "INSERT INTO slots (slot, epoch, type, log_n, salt,"
	    " wrapped) VALUES (2, 1, 2, ?1, ?2, ?3)", -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_bind_int(s, 1, log_n) == SQLITE_OK &&
	    sqlite3_bind_blob(s, 2, salt, 16, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_bind_blob(s, 3, wrapped, 48, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_DONE;
	(void)sqlite3_finalize(s);
	return good;
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

/* --- files that are not ours to use ----------------------------------------------------------- */

static void
test_foreign(void)
{
	static const struct {
		const char *sql, *words;
		enum mortise_code code;
	} rows[] = {
		{"PRAGMA application_id = 7", "of another program", MORTISE_INVALID},
		{"PRAGMA user_version = 2", "is of format 2, and this program knows format 1; upgrade",
		    MORTISE_INVALID},
		{"PRAGMA user_version = 0", "its format number is none", MORTISE_ERROR},
		{"PRAGMA application_id = 0", "of another program", MORTISE_INVALID},
	};
	char *path _cleanup_(free_pointer) = store_path("text.db");
	char *link _cleanup_(free_pointer) = store_path("link.db");
	char *from _cleanup_(free_pointer) = store_path("foreign.db");
	char *to _cleanup_(free_pointer) = store_path("copy.db");
	struct fixture f = {0};

	if (!make_store("foreign.db"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK(copy_file(from, to));
		tamper("copy.db", rows[i].sql);
		CHECK_NUMBER_AS(open_with(&f, "copy.db", KEY_TEXT, ""), rows[i].code, rows[i].sql);
		CHECK_AS(strstr(f.error.message, rows[i].words) != NULL, "says: %s", rows[i].words);
		teardown(&f);
	}
	CHECK(file_replace(AT_FDCWD, path, "this is a text, and longer than nothing", 39, 0600) == 0);
	CHECK_NUMBER(open_with(&f, "text.db", KEY_TEXT, ""), MORTISE_INVALID);
	CHECK(strstr(f.error.message, "is no store, but some other file") != NULL);
	teardown(&f);
	CHECK(symlink("foreign.db", link) == 0);
	CHECK_NUMBER(open_with(&f, "link.db", KEY_TEXT, ""), MORTISE_INVALID);
	CHECK(strstr(f.error.message, "is a symbolic link") != NULL);
	teardown(&f);
	CHECK(chmod(from, 0640) == 0);
	CHECK_NUMBER(open_with(&f, "foreign.db", KEY_TEXT, ""), MORTISE_DENIED);
	CHECK(strstr(f.error.message, "open to others (mode 0640)") != NULL);
	teardown(&f);
	CHECK_NUMBER(open_with(&f, "nowhere/a.db", KEY_TEXT, ""), MORTISE_INVALID);
	CHECK(strstr(f.error.message, "No such file or directory; make it") != NULL);
	teardown(&f);
}

static void
test_modes(void)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	mode_t mask = umask(0);
	struct fixture f = {0};
	struct stat status;

	if (open_store(&f, "modes.db"))
		CHECK_NUMBER(put_text(&f, "a", "v"), MORTISE_OK);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char *path _cleanup_(free_pointer) = text_format("%s/modes.db%s", directory,
		    suffixes[i]);

		CHECK_AS(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600,
		    "modes.db%s is its owner's alone", suffixes[i]);
	}
	teardown(&f);
	(void)umask(mask);
}

/* --- a file of format 1 opens for ever ---------------------------------------------------------- */

static enum mortise_code
append_name(void *arg, const char *name)
{
	buffer_format(arg, "%s ", name);
	return MORTISE_OK;
}

static enum mortise_code
append_version(void *arg, const struct mortise_history *history)
{
	buffer_format(arg, "%s/%lld ", history->version.text, (long long)history->created_ms);
	return MORTISE_OK;
}

static enum mortise_code
append_labels(void *arg, const struct mortise_pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buffer_format(arg, "%s=%s ", pairs[i].name, pairs[i].value);
	return MORTISE_OK;
}

static enum mortise_code
append_record(void *arg, const struct mortise_record *record)
{
	buffer_format(arg, "%s=%.*s/%s/%llu ", record->key, (int)record->value_size,
	    (const char *)record->value, record->version.text, (unsigned long long)record->fence);
	return MORTISE_OK;
}

static void
test_golden(void)
{
	char *from _cleanup_(free_pointer) = text_format("%s/tests/golden/local-1.db",
	    getenv("srcdir") == NULL ? "." : getenv("srcdir"));
	char *to _cleanup_(free_pointer) = store_path("golden.db");
	struct buffer got = {0};
	struct mortise_out out = {.name = append_name, .history = append_version,
	    .row = append_labels, .record = append_record, .arg = &got};
	char text[TEXT_SIZE];
	struct fixture f = {0};

	if (!CHECK_AS(copy_file(from, to), "copy %s", from) || !open_store(&f, "golden.db"))
		return;
	CHECK_TEXT(backend_identity(f.backend), "e5c04be063226ede090792cae2106f7b");
	CHECK_TEXT(get_text(&f, "app/key", NULL, text), "second value");
	CHECK_TEXT(get_text(&f, "app/key", "2", text), "first value");
	CHECK_TEXT(get_text(&f, "empty", NULL, text), "");
	CHECK_NUMBER(backend_list(f.backend, &f.call, "", &out), MORTISE_OK);
	CHECK_NUMBER(backend_describe(f.backend, &f.call, "app/key", &out), MORTISE_OK);
	CHECK_NUMBER(backend_state_list(f.backend, &f.call, "", &out), MORTISE_OK);
	CHECK_TEXT(got.data, "app/key empty team=ads env=prod 3/1795579993113 2/1795579993109 "
	    "authorization:1={\"platform\":\"meta\"}/5/6 ");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	CHECK_NUMBER_AS(put_text(&f, "new", "value"), MORTISE_OK, "it is written to as well");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	buffer_free(&got);
	teardown(&f);
}

int
main(void)
{
	if (!local_begin())
		return test_end();
	test_rollback();
	test_keys();
	test_passphrase();
	test_foreign();
	test_modes();
	test_golden();
	return local_end();
}
