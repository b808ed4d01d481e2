/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner.h: the operations of one agency.  Whose an operation is says its outcome, which
 * has the resource's own agency; an intent may still name the one that was claimed.
 */
#ifndef AUDIT_OWNER_H
#define AUDIT_OWNER_H

#include <mortise/types.h>

#include "base/bytes.h"

struct owner_entry {
	unsigned char op[16];
	bool used, ours;
};
/* Starts as {0}. */
struct owner {
	const char *agency;		/* borrowed */
	struct buffer needle;		/* it, as a record has it */
	struct owner_entry *entries;
	size_t count, capacity;		/* a power of two */
};

/* false: no memory. */
bool owner_begin(struct owner *, const char *agency);
void owner_end(struct owner *);

/* Every line once, in order: takes in what it says.  false: no memory. */
bool owner_learn(struct owner *, const char *line, size_t size);
/* Then: is this line an intent, an outcome or a refused record of the agency's? */
bool owner_has(const struct owner *, const char *line, size_t size);

#endif
