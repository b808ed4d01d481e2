/* SPDX-License-Identifier: BSD-2-Clause */
/* filter.h: which lines of a trail are wanted. */
#ifndef AUDIT_FILTER_H
#define AUDIT_FILTER_H

#include <mortise/mortise.h>

#include "audit/owner.h"
#include "audit/walk.h"
#include "base/clock.h"

#define FILTER_FIELDS 5

struct filter {
	const struct mortise_audit_filter *wanted;		/* borrowed */
	char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];	/* "": any */
	/* What a line must have in it to be worth parsing. */
	struct buffer needles[FILTER_FIELDS];
	struct owner owner;					/* of whole operations */
};

/* Where whole operations are wanted this goes over the walk once.  End it whatever this
 * returns. */
enum mortise_code filter_begin(struct filter *, const struct mortise_audit_filter *,
    const struct walk *, struct mortise_error *);
void filter_end(struct filter *);	/* for _cleanup_ */

bool filter_fits(const struct filter *, const char *line, size_t size);

#endif
