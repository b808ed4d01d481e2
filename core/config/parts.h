/* SPDX-License-Identifier: BSD-2-Clause */
/* parts.h: what the files of this room share.  config's own. */
#ifndef CONFIG_PARTS_H
#define CONFIG_PARTS_H

#include "config/config.h"

/* What a configuration lies in: freed with it, in one go. */
struct config_memory {
	void **blocks;
	size_t count;
	struct yaml_node *root;
	bool chains_broken;	/* told: what uses them is not checked on */
};

/* Zeroed, and the configuration's; NULL = no memory, which is told. */
void *config_take(struct config *, size_t count, size_t size, struct problems *);
/* A copy of a text, the configuration's. */
char *config_text(struct config *, const char *text, struct problems *);
/* Gives a malloc'd block to the configuration; NULL (told) for NULL. */
void *config_keep(struct config *, void *block, struct problems *);

/* Reads the file and its drop-ins into one tree, config->memory->root, and
 * their digest.  false: not all of it is there, so what is missing in the tree
 * may be elsewhere. */
bool config_load(struct config *, struct problems *);

/* What a map may hold. */
struct keys {
	const char *const *known;	/* NULL-ended */
	const char *const *unbuilt;	/* NULL-ended, NULL = none: refused as such */
};
/* Tells every key of the map that is none of these; false = it is no map. */
bool keys_check(const struct yaml_node *map, const char *what, const struct keys *,
    struct problems *);

/* A scalar's text; NULL (told) for anything else. */
const char *text_of(const struct yaml_node *, const char *what, struct problems *);

/* How a backend is called; call NULL: by the defaults. */
void config_call(struct config_backend *, const struct yaml_node *call, struct problems *);

/* audit: sinks, once the backends are known; list NULL: none. */
void config_sinks(struct config *, const struct yaml_node *list, struct problems *problems);

/* What backends need of each other, and their order from that. */
void config_order(struct config *, struct problems *);

/* secret:, state: and chains:, once the backends are known. */
void config_chains(struct config *, struct problems *);
void config_routes(struct config *, struct problems *);
/* Which backends writes may leave behind; the routes must be good. */
void config_lags(struct config *, struct problems *);
/* The entries that a name or a list says. */
void config_entries(struct config *, const struct yaml_node *, const char *name, struct chain *,
    struct problems *);
/* Tells what makes a chain unfit to be run, where it stands. */
void config_check_chain(const struct chain *, struct problems *);
/* What is legal and yet probably not meant. */
void config_warn(const struct config *, struct problems *);

#endif
