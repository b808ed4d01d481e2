/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"

#define SIGNATURE_SIZE 64
/* The file: when it was made, a space, the private half as hex, LF. */
#define TIME_SIZE 27
#define HEX_AT (TIME_SIZE + 1)
#define FILE_SIZE (HEX_AT + 2 * KEY_PRIVATE_SIZE + 1)

void
key_wipe(struct key *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}

static void
wipe_text(char (*text)[FILE_SIZE + 1])
{
	OPENSSL_cleanse(*text, sizeof(*text));
}

static void
name_of(uint64_t epoch, char name[32])
{
	(void)snprintf(name, 32, "epoch-%" PRIu64 ".key", epoch);
}

static EVP_PKEY *
pair_of(const struct key *key)
{
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key->private,
	    sizeof(key->private));
}

/* The public half, from the private one. */
static bool
complete(struct key *key)
{
	unsigned char public[32];
	size_t size = sizeof(public);
	EVP_PKEY *pair = pair_of(key);
	bool good = pair != NULL && EVP_PKEY_get_raw_public_key(pair, public, &size) == 1;

	if (good)
		hex_encode(public, sizeof(public), key->public);
	else
		ERR_clear_error();
	EVP_PKEY_free(pair);
	return good;
}

static enum mortise_code
no_crypto(struct mortise_error *error)
{
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
	    "libcrypto makes no Ed25519 key; look at its configuration");
}

enum mortise_code
key_read(int directory, uint64_t epoch, struct key *key, struct mortise_error *error)
{
	char text[FILE_SIZE + 1] _cleanup_(wipe_text) = "", name[32];
	struct key made _cleanup_(key_wipe) = {.epoch = epoch};
	int fd _cleanup_(file_close) = -1;
	int64_t ms;

	name_of(epoch, name);
	fd = file_open(directory, name, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0 && errno == ENOENT)
		return error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_AUDIT,
		    "the trail has no %s", name);
	if (fd < 0)
		return error_errno(error, errno, "the trail's %s cannot be opened", name);
	/* One byte more than there is to be. */
	if (file_read_at(fd, text, sizeof(text), 0) != FILE_SIZE ||
	    text[TIME_SIZE] != ' ' || text[FILE_SIZE - 1] != '\n')
		goto damaged;
	text[TIME_SIZE] = text[FILE_SIZE - 1] = '\0';
	if (!clock_parse(text, &ms) || !hex_decode(text + HEX_AT, made.private, KEY_PRIVATE_SIZE))
		goto damaged;
	made.since_us = ms * 1000;
	if (!complete(&made))
		return no_crypto(error);
	*key = made;
	return MORTISE_OK;
damaged:
	return error_set(error, MORTISE_INVALID, MORTISE_REASON_AUDIT,
	    "the trail's %s holds no key", name);
}

enum mortise_code
key_make(int directory, uint64_t epoch, int64_t now_us, struct key *key,
    struct mortise_error *error)
{
	char text[FILE_SIZE + 1] _cleanup_(wipe_text) = "", name[32], time[CLOCK_TEXT_SIZE];
	struct key made _cleanup_(key_wipe) = {.epoch = epoch, .since_us = now_us};

	if (!random_bytes(made.private, sizeof(made.private)) || !complete(&made))
		return no_crypto(error);
	name_of(epoch, name);
	clock_format(now_us, 6, time);
	(void)snprintf(text, sizeof(text), "%.*s ", TIME_SIZE, time);
	hex_encode(made.private, sizeof(made.private), text + HEX_AT);
	text[FILE_SIZE - 1] = '\n';
	if (file_replace(directory, name, text, FILE_SIZE, 0600) < 0)
		return error_errno(error, errno, "the trail's %s cannot be written", name);
	*key = made;
	return MORTISE_OK;
}

int
key_destroy(int directory, uint64_t epoch)
{
	static const char nothing[FILE_SIZE];
	int fd _cleanup_(file_close) = -1;
	char name[32];

	name_of(epoch, name);
	fd = file_open(directory, name, O_WRONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (file_write_at(fd, nothing, sizeof(nothing), 0) < 0 || file_sync(fd) < 0 ||
	    unlinkat(directory, name, 0) < 0)
		return -1;
	return file_sync(directory);
}

bool
key_sign(const struct key *key, const void *text, size_t size,
    char signature[SIGNATURE_TEXT_SIZE])
{
	unsigned char bytes[SIGNATURE_SIZE];
	size_t length = sizeof(bytes);
	EVP_PKEY *pair = pair_of(key);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = pair != NULL && context != NULL &&
	    EVP_DigestSignInit(context, NULL, NULL, NULL, pair) == 1 &&
	    EVP_DigestSign(context, bytes, &length, text, size) == 1;

	if (good)
		hex_encode(bytes, sizeof(bytes), signature);
	else
		ERR_clear_error();
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pair);
	return good;
}
