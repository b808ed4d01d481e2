/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of a backend. */
#include <string.h>

#include "base/name.h"
#include "move/moving.h"

struct listing {
	struct names *names;
	const char *prefix;
};

static enum mortise_code
take_name(void *arg, const char *name)
{
	struct listing *listing = arg;

	if (strncmp(name, listing->prefix, strlen(listing->prefix)) != 0 ||
	    name_check(name, NULL) != MORTISE_OK)
		return MORTISE_OK;
	return names_add(listing->names, name) ? MORTISE_OK : MORTISE_ERROR;
}

enum mortise_code
move_list(const struct moving *moving, size_t backend, const char *prefix,
    struct names *names, struct mortise_error *error)
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
		names_sort(names);
	return code;
}
