/* SPDX-License-Identifier: BSD-2-Clause */
/* fields.h: a record's line as the flat fields that sinks get (struct mortise_line). */
#ifndef AUDIT_FIELDS_H
#define AUDIT_FIELDS_H

#include <mortise/plugin.h>

#define FIELDS_MAX 96		/* of one record; ours have fewer than half of it */

struct fields {
	struct mortise_pair pairs[FIELDS_MAX];
	size_t count;
	char *text;		/* what the pairs point into */
	size_t used, capacity;
};

/* Takes a line of the trail apart, without its LF.  false: it is no record, it has more
 * fields, or there is no memory. */
bool fields_take(struct fields *, const char *line, size_t size);
/* NULL: the record has none of that name. */
const char *fields_find(const struct fields *, const char *name);
void fields_free(struct fields *);

#endif
