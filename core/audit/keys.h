/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keys.h: the pairs of Ed25519 keys that a trail is signed with, one an epoch.  The
 * private half lies in DIR/epoch-N.key for as long as epoch N lasts, is read for each
 * signature, and is then wiped: a process has it for a moment, and under the lock.
 */
#ifndef AUDIT_KEYS_H
#define AUDIT_KEYS_H

#include <mortise/mortise.h>

#define KEY_PRIVATE_SIZE 32
#define KEY_TEXT_SIZE 65		/* a public key as hex, with its NUL */
#define SIGNATURE_TEXT_SIZE 129

struct key {
	uint64_t epoch;
	int64_t since_us;		/* made then */
	unsigned char private[KEY_PRIVATE_SIZE];
	char public[KEY_TEXT_SIZE];
};
void key_wipe(struct key *);		/* for _cleanup_ */

/* not_found: there is no such file; invalid: it holds no key. */
enum mortise_code key_read(int directory, uint64_t epoch, struct key *, struct mortise_error *);
/* Draws one and makes its file durable, in the place of any other. */
enum mortise_code key_make(int directory, uint64_t epoch, int64_t now_us, struct key *,
    struct mortise_error *);
/* Overwrites the file and unlinks it; none is fine.  -1 with errno set. */
int key_destroy(int directory, uint64_t epoch);
/* false: libcrypto failed. */
bool key_sign(const struct key *, const void *text, size_t size,
    char signature[SIGNATURE_TEXT_SIZE]);

#endif
