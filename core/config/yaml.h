/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * yaml.h: YAML text to a tree with a place on every node.  Pure: bytes in,
 * tree or problems out.  Refused: bytes that are not UTF-8, anchors, aliases,
 * tags, merge keys, duplicate keys, a second document, depth over 32, more
 * than 4096 keys in one map, more than 1 MiB.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "config/problems.h"

#define YAML_SIZE_MAX (UINT64_C(1) << 20)
#define YAML_DEPTH_MAX 32
#define YAML_KEYS_MAX 4096	/* a walk over all pairs of them, or a chain of them, is short */

enum yaml_kind {
	YAML_SCALAR,
	YAML_LIST,
	YAML_MAP
};

struct yaml_node {
	enum yaml_kind kind;
	struct place place;
	char *text;			/* scalar, NUL-terminated, may hold no NUL */
	bool quoted;			/* scalar: 'x' or "x", so it is text and no word */
	bool exposed;			/* others can read the file (set by who read it) */
	struct yaml_node **keys;	/* map: scalars */
	struct yaml_node **values;	/* map, list */
	size_t count;			/* of values */
};

/* file is borrowed for the life of the tree.  NULL after a syntax error, a limit
 * or no memory; other breaches are told, and the tree is there to be checked
 * on.  An empty document is an empty map. */
struct yaml_node *yaml_parse(const char *bytes, size_t size, const char *file,
    struct problems *problems);
/* Not yaml_free, which is one of libyaml's own. */
void yaml_node_free(struct yaml_node *node);

/* Adds a value to a list (key NULL) or map, which owns both then; on failure
 * (false: no memory) nobody does, and they are freed. */
bool yaml_add(struct yaml_node *node, struct yaml_node *key, struct yaml_node *value);

/* The value of a map's key; NULL = not there, or no map. */
struct yaml_node *yaml_member(const struct yaml_node *map, const char *key);

#endif
