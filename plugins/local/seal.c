/* SPDX-License-Identifier: BSD-2-Clause */
#include "local.h"

#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 4096			/* of plaintext that is on the stack at once */
#define SEALED_MAX (16u << 20)		/* more is none of ours */
#define AAD_HEAD (1 + ID_SIZE + TAG_SIZE + 8 + 8)

/* --- numbers ------------------------------------------------------------------- */

void
number_encode(int64_t number, unsigned char bytes[8])
{
	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)((uint64_t)number >> (56 - 8 * i));
}

void
version_print(int64_t number, struct mortise_version *version)
{
	(void)snprintf(version->text, sizeof(version->text), "%" PRId64, number);
}

int64_t
version_parse(const struct mortise_version *version)
{
	int64_t number = 0;

	if (version->text[0] < '1' || version->text[0] > '9')
		return 0;
	for (const char *p = version->text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || number > (INT64_MAX - 9) / 10)
			return 0;
		number = number * 10 + (*p - '0');
	}
	return number;
}

void
free_bytes(unsigned char **bytes)
{
	free(*bytes);
}

/* --- HKDF, HMAC ---------------------------------------------------------------- */

/* The parameters are read only; OSSL_PARAM has no way to say so. */
#define PARAM_BYTES(name, bytes, size) \
	OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)(bytes), size)

bool
seal_derive(const struct store *store, const unsigned char key[KEY_SIZE], const void *salt,
    size_t salt_size, const char *info, void *out, size_t size)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		PARAM_BYTES(OSSL_KDF_PARAM_KEY, key, KEY_SIZE),
		PARAM_BYTES(OSSL_KDF_PARAM_SALT, salt, salt_size),
		PARAM_BYTES(OSSL_KDF_PARAM_INFO, info, strlen(info)),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF_CTX *kdf = EVP_KDF_CTX_new(store->hkdf);
	bool good = kdf != NULL && EVP_KDF_derive(kdf, out, size, params) == 1;

	EVP_KDF_CTX_free(kdf);
	if (!good)
		ERR_clear_error();
	return good;
}

enum mortise_code
seal_tag(struct store *store, enum tag_kind kind, const char *text, unsigned char tag[TAG_SIZE])
{
	const unsigned char number = (unsigned char)kind;
	/* A rekey knows names and keys, but not the texts of the others. */
	const unsigned char *key = kind >= TAG_INDEX ? store->keys->kept : store->keys->tags;
	EVP_MAC_CTX *mac = store->mac;
	size_t size = 0;
	bool good = EVP_MAC_init(mac, key, KEY_SIZE, NULL) == 1 &&
	    EVP_MAC_update(mac, &number, 1) == 1 &&
	    EVP_MAC_update(mac, (const unsigned char *)text, strlen(text)) == 1 &&
	    EVP_MAC_final(mac, tag, &size, TAG_SIZE) == 1 && size == TAG_SIZE;

	return good ? MORTISE_OK : fail_crypto(store);
}

/* --- AES-256-GCM --------------------------------------------------------------- */

bool
seal_encrypt(const struct store *store, const struct seal_key *key, const void *aad,
    size_t aad_size, const void *plain, size_t size, unsigned char *out)
{
	EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
	int done = 0;
	bool good = gcm != NULL && size <= SEALED_MAX &&
	    EVP_EncryptInit_ex2(gcm, store->gcm, key->key, key->nonce, NULL) == 1 &&
	    EVP_EncryptUpdate(gcm, NULL, &done, aad, (int)aad_size) == 1 &&
	    (size == 0 || EVP_EncryptUpdate(gcm, out, &done, plain, (int)size) == 1) &&
	    EVP_EncryptFinal_ex(gcm, out + size, &done) == 1 &&
	    EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_SIZE, out + size) == 1;

	EVP_CIPHER_CTX_free(gcm);
	return good;
}

static EVP_CIPHER_CTX *
start_decrypt(const struct store *store, const struct seal_key *key, const void *aad,
    size_t aad_size)
{
	EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
	int done = 0;

	if (gcm != NULL &&
	    EVP_DecryptInit_ex2(gcm, store->gcm, key->key, key->nonce, NULL) == 1 &&
	    EVP_DecryptUpdate(gcm, NULL, &done, aad, (int)aad_size) == 1)
		return gcm;
	EVP_CIPHER_CTX_free(gcm);
	return NULL;
}

/* Is it all what was encrypted? */
static bool
end_decrypt(EVP_CIPHER_CTX *gcm, const unsigned char *tag)
{
	unsigned char expected[GCM_TAG_SIZE], none[GCM_TAG_SIZE];
	int done = 0;

	memcpy(expected, tag, sizeof(expected));
	return EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_SIZE, expected) == 1 &&
	    EVP_DecryptFinal_ex(gcm, none, &done) == 1;
}

bool
seal_decrypt(const struct store *store, const struct seal_key *key, const void *aad,
    size_t aad_size, const unsigned char *sealed, size_t size, unsigned char *plain)
{
	EVP_CIPHER_CTX *gcm = start_decrypt(store, key, aad, aad_size);
	size_t length = size - GCM_TAG_SIZE;
	int done = 0;
	bool good = gcm != NULL &&
	    EVP_DecryptUpdate(gcm, plain, &done, sealed, (int)length) == 1 &&
	    end_decrypt(gcm, sealed + length);

	EVP_CIPHER_CTX_free(gcm);
	if (!good) {
		OPENSSL_cleanse(plain, length);
		ERR_clear_error();
	}
	return good;
}

/* --- sealed bytes -------------------------------------------------------------- */

void
subject_bytes(struct subject *subject, const void *bytes, size_t size)
{
	memcpy(subject->extra + subject->extra_size, bytes, size);
	subject->extra_size += size;
}

void
subject_number(struct subject *subject, int64_t number)
{
	unsigned char bytes[8];

	number_encode(number, bytes);
	subject_bytes(subject, bytes, sizeof(bytes));
}

static size_t
make_aad(const struct store *store, const struct subject *subject,
    unsigned char aad[AAD_HEAD + sizeof(subject->extra)])
{
	memset(aad, 0, AAD_HEAD);
	aad[0] = (unsigned char)subject->kind;
	memcpy(aad + 1, store->id, ID_SIZE);
	if (subject->tag != NULL)
		memcpy(aad + 1 + ID_SIZE, subject->tag, TAG_SIZE);
	number_encode(subject->version, aad + 1 + ID_SIZE + TAG_SIZE);
	number_encode(store->epoch, aad + 1 + ID_SIZE + TAG_SIZE + 8);
	memcpy(aad + AAD_HEAD, subject->extra, subject->extra_size);
	return AAD_HEAD + subject->extra_size;
}

static bool
key_of(const struct store *store, const unsigned char salt[SALT_SIZE], struct seal_key *key)
{
	return seal_derive(store, store->keys->root, salt, SALT_SIZE, "mortise local seal", key,
	    sizeof(*key));
}

enum mortise_code
seal_close(struct store *store, const struct subject *subject, const void *plain, size_t size,
    unsigned char **result, size_t *result_size)
{
	unsigned char aad[AAD_HEAD + sizeof(subject->extra)];
	size_t aad_size = make_aad(store, subject, aad);
	unsigned char *sealed = malloc(size + SEAL_OVERHEAD);
	struct seal_key key;
	bool good;

	if (sealed == NULL)
		return fail_memory(store);
	good = RAND_bytes(sealed, SALT_SIZE) == 1 && key_of(store, sealed, &key) &&
	    seal_encrypt(store, &key, aad, aad_size, plain, size, sealed + SALT_SIZE);
	OPENSSL_cleanse(&key, sizeof(key));
	if (!good) {
		free(sealed);
		return fail_crypto(store);
	}
	*result = sealed;
	*result_size = size + SEAL_OVERHEAD;
	return MORTISE_OK;
}

/* Chunk by chunk into the secret, so that little is ever outside of it. */
static bool
decrypt_into(const struct store *store, EVP_CIPHER_CTX *gcm, const unsigned char *bytes,
    size_t size, struct mortise_secret *plain)
{
	unsigned char chunk[CHUNK];
	bool good = true;
	int done = 0;

	for (size_t at = 0; good && at < size; at += CHUNK) {
		size_t length = size - at < CHUNK ? size - at : CHUNK;

		good = EVP_DecryptUpdate(gcm, chunk, &done, bytes + at, (int)length) == 1 &&
		    (plain == NULL || store->host->secret_append(plain, chunk, length) ==
		    MORTISE_OK);
	}
	OPENSSL_cleanse(chunk, size < CHUNK ? size : CHUNK);
	return good;
}

enum mortise_code
seal_open(struct store *store, const struct subject *subject, const unsigned char *sealed,
    size_t size, const char *what, struct mortise_secret **result)
{
	unsigned char aad[AAD_HEAD + sizeof(subject->extra)];
	size_t aad_size = make_aad(store, subject, aad);
	struct mortise_secret *plain = NULL;
	EVP_CIPHER_CTX *gcm = NULL;
	struct seal_key key;
	bool started, good;

	if (sealed == NULL || size < SEAL_OVERHEAD || size > SEALED_MAX)
		return fail_damaged(store, what);
	size -= SEAL_OVERHEAD;
	if (result != NULL && (plain = store->host->secret_new(size)) == NULL)
		return fail_memory(store);
	if (key_of(store, sealed, &key))
		gcm = start_decrypt(store, &key, aad, aad_size);
	OPENSSL_cleanse(&key, sizeof(key));
	started = gcm != NULL;
	good = started && decrypt_into(store, gcm, sealed + SALT_SIZE, size, plain) &&
	    end_decrypt(gcm, sealed + SALT_SIZE + size);
	EVP_CIPHER_CTX_free(gcm);
	if (!good) {
		ERR_clear_error();
		store->host->secret_free(plain);
		return started ? fail_damaged(store, what) : fail_crypto(store);
	}
	if (result != NULL)
		*result = plain;
	return MORTISE_OK;
}
