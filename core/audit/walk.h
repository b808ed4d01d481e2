/* SPDX-License-Identifier: BSD-2-Clause */
/* walk.h: the durable lines of a trail in their order, read beside its writers. */
#ifndef AUDIT_WALK_H
#define AUDIT_WALK_H

#include <mortise/mortise.h>

/* The segments of one moment, and how far the last of them was durable then: two walks
 * over it see the same. */
struct walk {
	char **files;
	size_t count;
	uint64_t segment, durable;
};
enum mortise_code walk_begin(struct walk *, const char *directory, struct mortise_error *);
void walk_end(struct walk *);	/* for _cleanup_ */

/* A line without its LF, which stands behind it. */
struct walk_line {
	const char *text;
	size_t size;
	uint64_t segment, offset;	/* where it stands */
};
typedef enum mortise_code walk_fn(void *arg, const struct walk_line *, struct mortise_error *);
/* from_ms: segments that ended before it are passed over; 0: none is.  The first code
 * that is not ok ends it. */
enum mortise_code walk_lines(const struct walk *, int64_t from_ms, walk_fn *each, void *arg,
    struct mortise_error *);

/* The number of a segment's file. */
uint64_t walk_segment(const char *path);

#endif
