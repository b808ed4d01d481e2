/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verify_keys.h: the verifier's part for signatures: is each checkpoint right, and do
 * the keys follow from one another, and from those that are known from elsewhere?
 */
#ifndef AUDIT_VERIFY_KEYS_H
#define AUDIT_VERIFY_KEYS_H

#include <mortise/mortise.h>

#include "audit/verify_line.h"

#define KEY_CHAIN_WORDS 160

struct known_key {
	int64_t epoch;
	char key[65];
};

/* Starts as {0}. */
struct key_chain {
	struct known_key *known;
	size_t known_count;
	/* Of the newest checkpoint: its epoch, 0 = none yet, and what it is of. */
	int64_t epoch, of;
	char key[65], next[65];		/* next "": the epoch goes on */
	int64_t begun, begun_epoch;	/* where they began anew within the trail; 0: nowhere */
	bool anew;			/* they may, at the next checkpoint */
	bool led;			/* a known key leads to them */
	char words[KEY_CHAIN_WORDS];	/* what is wrong */
};

/* false: no memory. */
bool key_chain_begin(struct key_chain *, const struct mortise_verify_options *);
void key_chain_free(struct key_chain *);

/* A checkpoint that was kept elsewhere; false: words say why it is none. */
bool key_chain_read(struct key_chain *, const char *path, int64_t *of, char hash[65],
    char trail[33]);
/* The checkpoint in a line whose hash is right, behind the record with hash `before`:
 * none, difference or uncheckable. */
enum mortise_reason key_chain_take(struct key_chain *, const struct scan_line *,
    const char *trail, const char *before, char room[SCAN_ROOM]);
/* After all lines, of the known keys: none, short or uncheckable. */
enum mortise_reason key_chain_end(struct key_chain *);
/* What a good verdict says of it; "" where nothing is signed. */
void key_chain_tell(const struct key_chain *, char words[KEY_CHAIN_WORDS]);

#endif
