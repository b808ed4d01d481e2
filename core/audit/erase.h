/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * erase.h: personal parts of records are blanked in the files, and links stay.
 *
 * First DIR/erasing says from which number on erase records may not be carried out yet,
 * then the erase records are made durable, then each part is overwritten by `null` and
 * spaces, and at last DIR/erasing is emptied.  Who erases holds flock of it, so that who
 * opens the trail can tell an erasure that goes on from one that died.
 */
#ifndef AUDIT_ERASE_H
#define AUDIT_ERASE_H

#include "audit/trail.h"
#include "audit/walk.h"

/* A record and where its personal part stands. */
struct erase_place {
	uint64_t seq, segment, offset;
	size_t size;
};

struct erase_ranges {
	struct record_range *all;
	size_t count, capacity;
};

/* What is to be blanked.  Starts as {0}. */
struct erase_plan {
	struct erase_place *places;	/* in order: for sinks too */
	size_t count, capacity;
	/* Their numbers, and those between that have no personal part any more. */
	struct erase_ranges ranges;
	uint64_t last;			/* the trail's newest record then */
};
void erase_plan_free(struct erase_plan *);	/* for _cleanup_ */

/* Which records: those that the filter takes or, where it is NULL, of the ranges. */
struct erase_wanted {
	const struct mortise_audit_filter *filter;
	struct erase_ranges *ranges;	/* are sorted */
	bool again;			/* also what is blank already */
};
/* Plans it for the durable records that have a personal part. */
enum mortise_code erase_find(const struct walk *, const struct erase_wanted *,
    struct erase_plan *, struct mortise_error *);
/* The ranges of all erase records from a number on; `all` is the caller's to free. */
enum mortise_code erase_named(const struct walk *, uint64_t from, struct erase_ranges *,
    struct mortise_error *);

/*
 * Carries a plan out: ok once all of it is blank on the disk.  Other writers wait no
 * longer than for a few parts at a time.  conflict: another erasure goes on.  After
 * another code, the next trail_open ends what was begun.  Any thread.
 */
enum mortise_code trail_erase(struct trail *, const struct erase_plan *, const char *by,
    struct mortise_error *);

#endif
