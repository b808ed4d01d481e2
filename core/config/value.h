/* SPDX-License-Identifier: BSD-2-Clause */
/* value.h: what checked options are made of.  config's own. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/options.h"

/* One value of the schema: the whole map, a member, an element.  A group's
 * children are its schema's members in order, given or not; a list's or map's
 * are its elements. */
struct mortise_options {
	const struct mortise_option *option;	/* NULL: the whole map */
	const struct mortise_option *const *members;	/* of a group */
	const struct yaml_node *node;		/* NULL: not given */
	struct place place;
	const char *key;			/* of a map's element */
	char *text;				/* of a string that is not secret */
	int64_t number;
	bool wrong;				/* an enum whose word is none */
	struct mortise_options **children;
	size_t count;
};

/* The member of a group, by the first bytes of a path; NULL = none. */
const struct mortise_options *value_member(const struct mortise_options *group, const char *name,
    size_t length);

/* A whole number, with a sign; false = not one. */
bool int_parse(const char *text, int64_t *value);

#endif
