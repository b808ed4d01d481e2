/* SPDX-License-Identifier: BSD-2-Clause */
/* list.h: a listing page by page, for the lists of secrets and of state. */
#ifndef BACKEND_LIST_H
#define BACKEND_LIST_H

#include "backend/backend.h"

struct listing {
	uint64_t bit;			/* MORTISE_CAN_... of the operation */
	enum mortise_code (*page)(void *instance, struct mortise_call *call, const char *prefix,
	    const char *cursor, struct mortise_out *out);
	const char *prefix;
	struct mortise_out *out;	/* the caller's */
	struct mortise_out filter;	/* what the plugin gets: passes on what belongs there */
};

/* Each page is a call of its own, so that others have their turn in between. */
enum mortise_code backend_list_pages(struct backend *backend, struct mortise_call *call,
    struct listing *listing);

#endif
