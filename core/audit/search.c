/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/search.h"

#include <stdlib.h>
#include <string.h>

#include "audit/filter.h"
#include "base/error.h"

struct kept {
	char *bytes;
	size_t size;
};

struct search {
	const struct filter *filter;
	size_t last;
	mortise_line_fn *each;
	void *arg;
	/* Where only the `last` are wanted: the newest so far, a ring from `oldest` on. */
	struct kept *kept;
	size_t kept_count, kept_capacity, oldest;
};

/* A place of the ring: a new one until there are `last`, then the oldest. */
static struct kept *
kept_next(struct search *search)
{
	size_t capacity;
	struct kept *bigger;

	if (search->kept_count == search->last) {
		struct kept *oldest = &search->kept[search->oldest];

		search->oldest = (search->oldest + 1) % search->kept_count;
		free(oldest->bytes);
		oldest->bytes = NULL;
		return oldest;
	}
	if (search->kept_count == search->kept_capacity) {
		capacity = search->kept_capacity == 0 ? 64 : search->kept_capacity * 2;
		bigger = capacity > SIZE_MAX / sizeof(*bigger) ? NULL :
		    realloc(search->kept, capacity * sizeof(*bigger));
		if (bigger == NULL)
			return NULL;
		search->kept = bigger;
		search->kept_capacity = capacity;
	}
	return &search->kept[search->kept_count++];
}

static enum mortise_code
take_line(void *arg, const struct walk_line *line, struct mortise_error *error)
{
	struct search *search = arg;
	struct kept *kept;
	char *copy;

	if (!filter_fits(search->filter, line->text, line->size))
		return MORTISE_OK;
	copy = malloc(line->size + 1);
	if (copy == NULL)
		return error_memory(error);
	memcpy(copy, line->text, line->size);
	copy[line->size] = '\0';
	if (search->last == 0) {
		search->each(search->arg, copy, line->size);
		free(copy);
		return MORTISE_OK;
	}
	kept = kept_next(search);
	if (kept == NULL) {
		free(copy);
		return error_memory(error);
	}
	*kept = (struct kept){copy, line->size};
	return MORTISE_OK;
}

static void
give_kept(struct search *search, bool give)
{
	for (size_t i = 0; i < search->kept_count; i++) {
		struct kept *kept = &search->kept[(search->oldest + i) % search->kept_count];

		if (give)
			search->each(search->arg, kept->bytes, kept->size);
		free(kept->bytes);
	}
	free(search->kept);
}

enum mortise_code
search_trail(const char *directory, const struct mortise_audit_filter *filter,
    mortise_line_fn *each, void *arg, struct mortise_error *error)
{
	struct walk walk _cleanup_(walk_end) = {.files = NULL};
	struct filter fitting _cleanup_(filter_end) = {.wanted = NULL};
	struct search search = {.filter = &fitting, .last = filter->last, .each = each,
	    .arg = arg};
	enum mortise_code code = walk_begin(&walk, directory, error);

	if (code == MORTISE_OK)
		code = filter_begin(&fitting, filter, &walk, error);
	if (code == MORTISE_OK)
		code = walk_lines(&walk, filter->from_ms, take_line, &search, error);
	give_kept(&search, code == MORTISE_OK);
	return code;
}
