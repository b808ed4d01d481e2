/* SPDX-License-Identifier: BSD-2-Clause */
/* verify_hash.h: the verifier's own hashes, from the words of the format.  All are given
 * as hex; false: libcrypto computes none, which says nothing about the trail. */
#ifndef AUDIT_VERIFY_HASH_H
#define AUDIT_VERIFY_HASH_H

#include <mortise/types.h>

#define VERIFY_HASH_SIZE 65

bool verify_digest(const char *c, size_t size, char hash[VERIFY_HASH_SIZE]);
bool verify_commitment(const char *p, size_t size, char hash[VERIFY_HASH_SIZE]);
/* Behind the record whose hash is `before`; all three are known to be hex. */
bool verify_link(const char *trail, const char *before, const char *digest,
    char hash[VERIFY_HASH_SIZE]);

#endif
