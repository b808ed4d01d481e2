/* SPDX-License-Identifier: BSD-2-Clause */
/* What an erase record names is erased in the sink, too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/follower.h"

#define ERASE_AT_ONCE 1000

struct erasing {
	const struct follower *follower;
	uint64_t seqs[ERASE_AT_ONCE];
	size_t count;
	struct mortise_error *error;
};

static enum mortise_code
erase_some(struct erasing *erasing)
{
	const struct follower *follower = erasing->follower;
	struct mortise_call call = {.error = erasing->error, .logger = follower->logger,
	    .deadline = deadline_in_ms(follower->sink->timeout_ms)};
	size_t count = erasing->count;

	erasing->count = 0;
	return count == 0 ? MORTISE_OK : backend_sink_erase(follower->backend, &call,
	    follower->cursor.trail, erasing->seqs, count);
}

/* A number, and what stands behind it. */
static bool
take_number(const char **at, uint64_t *number, char behind)
{
	char *end;

	*number = strtoull(*at, &end, 10);
	if (end == *at || *end != behind)
		return false;
	*at = end + 1;
	return true;
}

enum mortise_code
follower_erase(const struct follower *follower, const char *records, struct mortise_error *error)
{
	struct erasing *erasing = calloc(1, sizeof(*erasing));
	const char *at = records + 1;
	enum mortise_code code = MORTISE_OK;
	uint64_t from, to;

	if (erasing == NULL)
		return error_memory(error);
	erasing->follower = follower;
	erasing->error = error;
	/* [[1,2],[5,5]] */
	while (code == MORTISE_OK && *at == '[') {
		at++;
		if (!take_number(&at, &from, ',') || !take_number(&at, &to, ']'))
			break;
		for (; code == MORTISE_OK && from <= to; from++) {
			erasing->seqs[erasing->count++] = from;
			if (erasing->count == ERASE_AT_ONCE)
				code = erase_some(erasing);
		}
		at += *at == ',';
	}
	if (code == MORTISE_OK)
		code = erase_some(erasing);
	free(erasing);
	return code;
}
