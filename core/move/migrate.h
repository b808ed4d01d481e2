/* SPDX-License-Identifier: BSD-2-Clause */
/* migrate.h: many secrets at a time.  Called by api. */
#ifndef MOVE_MIGRATE_H
#define MOVE_MIGRATE_H

#include "move/moving.h"

struct migrate {
	struct moving moving;
	const char *prefix;		/* never NULL */
	const char *journal;		/* NULL: none */
	unsigned int threads;
	uint64_t rate;
	bool delete_source;
	mortise_move_fn *each;		/* NULL: nobody is told; by one thread at a time */
	void *arg;
};

/* One name; without a journal. */
enum mortise_code move_single(const struct migrate *, const char *name,
    struct mortise_move_report *, struct mortise_error *);
/* Copies each name and, if that went well with all, deletes each at the source. */
enum mortise_code move_migrate(const struct migrate *, struct mortise_move_report *,
    struct mortise_error *);
/* Compares each name that one of both has. */
enum mortise_code move_diff(const struct migrate *, struct mortise_move_report *,
    struct mortise_error *);

#endif
