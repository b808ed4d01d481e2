/* SPDX-License-Identifier: BSD-2-Clause */
/* list.h: a listing page by page, for the lists of secrets and state, and what sinks read. */
#ifndef BACKEND_LIST_H
#define BACKEND_LIST_H

#include "backend/backend.h"

struct listing {
	uint64_t bit;			/* MORTISE_CAN_... of the operation */
	/* One page into `filter`. */
	enum mortise_code (*page)(struct backend *backend, struct mortise_call *call,
	    struct listing *listing, const char *cursor);
	const char *prefix;
	const struct mortise_pair *pairs;	/* that a sink filters by */
	size_t pairs_count;
	struct mortise_out *out;	/* the caller's */
	struct mortise_out filter;	/* what the plugin gets: passes on what belongs there */
};

/* Each page is a call of its own, so that others have their turn in between. */
enum mortise_code backend_list_pages(struct backend *backend, struct mortise_call *call,
    struct listing *listing);

#endif
