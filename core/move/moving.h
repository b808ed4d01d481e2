/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * moving.h: secrets from one backend to another, each one audited operation of its own.
 * Called by api.
 */
#ifndef MOVE_MOVING_H
#define MOVE_MOVING_H

#include "base/names.h"
#include "operation/operation.h"

#define MOVE_THREADS_MAX 64		/* names at a time */

struct moving {
	const struct engine *engine;
	const struct mortise_request *request;
	size_t from, to;		/* backends */
	bool dry_run;			/* reads and compares, and writes nothing */
	bool newest_only;		/* leaves older versions where they are */
	bool overwrite;			/* also over a value that did not come from there */
	/* The agency of a name that holds tokens, and whether the request may claim it. */
	enum mortise_code (*claim)(struct operation *, const char *name);
	unsigned char key[32];		/* of this run's digests */
};

/* Adds those of a backend that begin with prefix, and sorts all; names that are none of
 * ours are left out. */
enum mortise_code move_list(const struct moving *, size_t backend, const char *prefix,
    struct names *, struct mortise_error *);

/*
 * What became of one name; `info` has name, done and total already, and gets the rest.
 * Ok also where it says that the name could not be moved: then info's code and message
 * say why, and the message lies in error.  Otherwise the trail failed, and nothing more
 * may be done.
 *
 * copy     reads what is new in the source, writes it, reads it back and compares
 * compare  reads both
 * remove   from the source, if both have the same newest value
 */
enum mortise_code move_copy(const struct moving *, struct mortise_moved_info *info,
    struct mortise_error *);
enum mortise_code move_compare(const struct moving *, struct mortise_moved_info *info,
    struct mortise_error *);
enum mortise_code move_remove(const struct moving *, struct mortise_moved_info *info,
    struct mortise_error *);

/* Both newest values, for these; *same is whether they are. */
enum mortise_code move_read_both(const struct moving *, struct operation *, const char *name,
    bool *in_from, bool *in_to, bool *same);
/* Ends the operation, and tells what came of it in info. */
enum mortise_code move_end(struct operation *, enum mortise_code code,
    struct mortise_moved_info *info);

#endif
