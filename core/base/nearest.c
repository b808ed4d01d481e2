/* SPDX-License-Identifier: BSD-2-Clause */
/* Apart from name.c, so that programs get it without the error object, which
 * is the library's. */
#include <stdint.h>
#include <string.h>

#include "base/name.h"

/* Levenshtein with one row; words longer than the row are never near. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[48], n = strlen(b), previous, above;

	if (n >= sizeof(row) / sizeof(row[0]))
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		previous = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			above = row[j];
			row[j] = previous + (a[i - 1] != b[j - 1]);
			if (above + 1 < row[j])
				row[j] = above + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			previous = above;
		}
	}
	return row[n];
}

const char *
nearest_word(const char *word, const char *const *candidates)
{
	const char *best = NULL;
	size_t least = strlen(word) / 3 + 2, d;

	for (; *candidates != NULL; candidates++) {
		d = distance(word, *candidates);
		if (d < least && d < strlen(*candidates)) {
			least = d;
			best = *candidates;
		}
	}
	return best;
}
