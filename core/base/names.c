/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

void
names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->all[i]);
	free(names->all);
}

bool
names_add(struct names *names, const char *name)
{
	if (names->count == names->capacity) {
		size_t capacity = names->capacity == 0 ? 64 : names->capacity * 2;
		char **bigger = realloc(names->all, capacity * sizeof(*bigger));

		if (bigger == NULL)
			return false;
		names->all = bigger;
		names->capacity = capacity;
	}
	names->all[names->count] = text_dup(name);
	if (names->all[names->count] == NULL)
		return false;
	names->count++;
	return true;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
names_sort(struct names *names)
{
	size_t kept = 0;

	if (names->count > 0)
		qsort(names->all, names->count, sizeof(*names->all), compare);
	for (size_t i = 0; i < names->count; i++) {
		if (kept > 0 && strcmp(names->all[kept - 1], names->all[i]) == 0)
			free(names->all[i]);
		else
			names->all[kept++] = names->all[i];
	}
	names->count = kept;
}
