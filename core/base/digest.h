/* SPDX-License-Identifier: BSD-2-Clause */
/* digest.h: SHA-256, HMAC and random bytes, from libcrypto. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define DIGEST_SIZE 32
#define DIGEST_TEXT_SIZE 65	/* hex and NUL */

struct digest_part {
	const void *bytes;
	size_t size;
};

/* SHA-256 of the parts one after another; false = libcrypto failed. */
bool digest_sha256(const struct digest_part *parts, size_t count,
    unsigned char digest[DIGEST_SIZE]);
/* The same of a file's bytes, as hex; false with errno set. */
bool digest_file(int fd, char text[DIGEST_TEXT_SIZE]);
/* Cryptographically strong; false = none to be had. */
bool random_bytes(void *bytes, size_t size);

#endif
