/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of a backend. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/name.h"
#include "move/moving.h"

void
move_names_free(struct move_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
}

struct listing {
	struct move_names *names;
	size_t capacity;
	const char *prefix;
};

static bool
add(struct listing *listing, const char *name)
{
	struct move_names *names = listing->names;

	if (names->count == listing->capacity) {
		size_t capacity = listing->capacity == 0 ? 64 : listing->capacity * 2;
		char **bigger = realloc(names->names, capacity * sizeof(*bigger));

		if (bigger == NULL)
			return false;
		names->names = bigger;
		listing->capacity = capacity;
	}
	names->names[names->count] = text_dup(name);
	if (names->names[names->count] == NULL)
		return false;
	names->count++;
	return true;
}

static enum mortise_code
take_name(void *arg, const char *name)
{
	struct listing *listing = arg;

	if (strncmp(name, listing->prefix, strlen(listing->prefix)) != 0 ||
	    name_check(name, NULL) != MORTISE_OK)
		return MORTISE_OK;
	return add(listing, name) ? MORTISE_OK : MORTISE_ERROR;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
sort(struct move_names *names)
{
	size_t kept = 0;

	if (names->count > 0)
		qsort(names->names, names->count, sizeof(*names->names), compare);
	for (size_t i = 0; i < names->count; i++) {
		if (kept > 0 && strcmp(names->names[kept - 1], names->names[i]) == 0)
			free(names->names[i]);
		else
			names->names[kept++] = names->names[i];
	}
	names->count = kept;
}

enum mortise_code
move_list(const struct moving *moving, size_t backend, const char *prefix,
    struct move_names *names, struct mortise_error *error)
{
	struct listing listing = {.names = names, .prefix = prefix};
	struct mortise_out out = {.name = take_name, .arg = &listing};
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, moving->engine, moving->request,
	    "secret_listed", "secret", prefix, error);

	if (code == MORTISE_OK)
		code = operation_list_at(&operation, backend, prefix, &out);
	code = operation_end(&operation, code);
	if (code == MORTISE_OK)
		sort(names);
	return code;
}

enum mortise_code
move_merge(const struct move_names *a, const struct move_names *b, struct move_names *both,
    struct mortise_error *error)
{
	struct listing listing = {.names = both};
	bool good = true;

	for (size_t i = 0; good && i < a->count; i++)
		good = add(&listing, a->names[i]);
	for (size_t i = 0; good && i < b->count; i++)
		good = add(&listing, b->names[i]);
	if (!good)
		return error_memory(error);
	sort(both);
	return MORTISE_OK;
}
