/* SPDX-License-Identifier: BSD-2-Clause */
/* For explicit_bzero. */
#define _GNU_SOURCE
#include "secmem/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "secmem/arena.h"

/* What lies behind the bytes is zero up to the end of the block, so there is
 * a NUL without anybody writing one. */
struct mortise_secret {
	struct arena_block block;
	size_t size;
};

struct mortise_secret *
mortise_secret_new(size_t capacity)
{
	struct mortise_secret *secret;

	if (capacity > SECRET_MAX)
		return NULL;
	secret = calloc(1, sizeof(*secret));
	if (secret != NULL && !arena_take(capacity + 1, &secret->block)) {
		free(secret);
		return NULL;
	}
	return secret;
}

void
mortise_secret_free(struct mortise_secret *secret)
{
	if (secret == NULL)
		return;
	arena_give(&secret->block);
	free(secret);
}

void
secret_cleanup(struct mortise_secret **secret)
{
	mortise_secret_free(*secret);
}

/* Appends after making room for at least size + 1 more, and for as much again
 * as there is.  The old place is given back last: bytes may lie in it. */
static bool
append_moving(struct mortise_secret *secret, const void *bytes, size_t size)
{
	size_t needed = secret->size + size + 1, room = 2 * secret->block.size;
	struct arena_block bigger;

	if (room > SECRET_MAX + 1)
		room = SECRET_MAX + 1;
	if (!arena_take(needed > room ? needed : room, &bigger))
		return false;
	memcpy(bigger.bytes, secret->block.bytes, secret->size);
	if (size > 0)
		memcpy(bigger.bytes + secret->size, bytes, size);
	arena_give(&secret->block);
	secret->block = bigger;
	secret->size += size;
	return true;
}

enum mortise_code
mortise_secret_append(struct mortise_secret *secret, const void *bytes, size_t size)
{
	if (size > SECRET_MAX - secret->size)
		return MORTISE_INVALID;
	if (size >= secret->block.size - secret->size)
		return append_moving(secret, bytes, size) ? MORTISE_OK : MORTISE_ERROR;
	if (size > 0)
		memmove(secret->block.bytes + secret->size, bytes, size);
	secret->size += size;
	return MORTISE_OK;
}

struct mortise_secret *
secret_from(const void *bytes, size_t size)
{
	struct mortise_secret *secret = mortise_secret_new(size);

	if (secret != NULL && mortise_secret_append(secret, bytes, size) != MORTISE_OK) {
		mortise_secret_free(secret);
		return NULL;
	}
	return secret;
}

const void *
mortise_secret_peek(const struct mortise_secret *secret, size_t *size)
{
	if (size != NULL)
		*size = secret->size;
	return secret->block.bytes;
}

bool
mortise_secret_equal(const struct mortise_secret *a, const struct mortise_secret *b)
{
	return a->size == b->size && CRYPTO_memcmp(a->block.bytes, b->block.bytes, a->size) == 0;
}

void *
secret_resize(struct mortise_secret *secret, size_t size)
{
	if (size >= secret->block.size)
		return NULL;
	if (size < secret->size)
		explicit_bzero(secret->block.bytes + size, secret->size - size);
	secret->size = size;
	return secret->block.bytes;
}

/* Room for what a descriptor is likely to hold, a file's size or else a page,
 * and a byte more, so that the end shows without growing. */
static size_t
likely_size(int fd, size_t most)
{
	struct stat status;
	size_t size = 4094;

	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= 0)
		size = (size_t)status.st_size;
	return size < most ? size + 1 : most;
}

/* One read, into the arena and nowhere else; *end: there was nothing more. */
static enum mortise_code
read_some(int fd, struct mortise_secret *secret, bool *end, struct mortise_error *error)
{
	ssize_t n;

	/* One byte stays free for the NUL. */
	if (secret->size + 1 == secret->block.size && !append_moving(secret, NULL, 0))
		return error_memory(error);
	n = file_read_some(fd, secret->block.bytes + secret->size,
	    secret->block.size - secret->size - 1);
	if (n < 0)
		return error_errno(error, errno, "cannot read the value");
	secret->size += (size_t)n;
	*end = n == 0;
	return MORTISE_OK;
}

enum mortise_code
secret_read(int fd, size_t most, struct mortise_secret **secret, struct mortise_error *error)
{
	struct mortise_secret *got _cleanup_(secret_cleanup) = NULL;
	enum mortise_code code;
	bool end = false;

	if (most > SECRET_MAX)
		most = SECRET_MAX;
	got = mortise_secret_new(likely_size(fd, most));
	if (got == NULL)
		return error_memory(error);
	while (!end) {
		code = read_some(fd, got, &end, error);
		if (code != MORTISE_OK)
			return code;
		if (got->size > most)
			return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
			    "the value is longer than %zu bytes; give a shorter one", most);
	}
	*secret = got;
	got = NULL;
	return MORTISE_OK;
}

bool
secret_memory_locked(void)
{
	/* Something must have been mapped for the answer to mean anything. */
	mortise_secret_free(mortise_secret_new(0));
	return arena_locked();
}
