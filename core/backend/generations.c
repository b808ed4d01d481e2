/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/generations.h"

#include <stddef.h>

uint64_t
name_hash(const char *name)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return hash;
}

uint64_t
generations_of(const struct generations *generations, uint64_t hash)
{
	return generations == NULL ? 0 :
	    atomic_load(&generations->counters[hash % GENERATIONS]);
}

void
generations_raise(struct generations *generations, const char *name)
{
	if (generations != NULL)
		(void)atomic_fetch_add(&generations->counters[name_hash(name) % GENERATIONS], 1);
}
