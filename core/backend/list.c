/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/list.h"

#include <string.h>

#include "backend/instance.h"
#include "base/clock.h"

/* With a page of one name this is more than any sane store holds. */
#define PAGES_MAX 65536

static enum mortise_code
list_page(struct backend *backend, struct mortise_call *call, struct listing *listing,
    const char *cursor)
{
	struct attempts attempts = {.bit = listing->bit, .harmless = true, .out = &listing->filter};
	enum mortise_code code;

	listing->filter.given = false;
	do {
		listing->filter.cursor[0] = '\0';
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts,
			    listing->page(backend, call, listing, cursor));
	} while (backend_again(backend, call, &attempts, code));
	return code;
}

enum mortise_code
backend_list_pages(struct backend *backend, struct mortise_call *call, struct listing *listing)
{
	char cursor[sizeof(listing->filter.cursor)] = "";
	enum mortise_code code;

	for (unsigned int pages = 0; pages < PAGES_MAX; pages++) {
		code = list_page(backend, call, listing, pages == 0 ? NULL : cursor);
		if (code != MORTISE_OK || listing->filter.cursor[0] == '\0')
			return code;
		if (strcmp(cursor, listing->filter.cursor) == 0)
			return backend_broken(backend, call, "lists the same page for ever");
		memcpy(cursor, listing->filter.cursor, sizeof(cursor));
		if (deadline_left_ns(call->deadline) == 0) {
			(void)error_set(call->error, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
			    "the list was not complete by the deadline; ask for a longer prefix, "
			    "or raise the deadline");
			return backend_say(backend, call, MORTISE_TIMEOUT);
		}
	}
	return backend_broken(backend, call, "lists without end");
}
