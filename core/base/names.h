/* SPDX-License-Identifier: BSD-2-Clause */
/* names.h: a list of names that grows, and is sorted in the end. */
#ifndef BASE_NAMES_H
#define BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Starts as {0}. */
struct names {
	char **all;
	size_t count, capacity;
};

void names_free(struct names *);	/* for _cleanup_ */
bool names_add(struct names *, const char *);	/* copies; false: no memory */
void names_sort(struct names *);	/* by bytes, each once */

#endif
