/* SPDX-License-Identifier: BSD-2-Clause */
/* agree.h: is what a plugin handed over sound?  For the loader only. */
#ifndef LOADER_AGREE_H
#define LOADER_AGREE_H

#include "loader/loader.h"

/*
 * Checks the descriptor that the plugin called `name` handed over and copies
 * it and its tables into *plugin, as far as both sides know them.  plugin->path
 * is set, for the errors.
 */
enum mortise_code plugin_agree(const struct mortise_plugin *given, const char *name,
    struct plugin *plugin, struct mortise_error *error);

/* NULL: a sound NULL-ended schema (NULL = none); else what is wrong, written to
 * `what`, of size bytes. */
const char *schema_breach(const struct mortise_option *const *schema, char *what, size_t size);

/* MORTISE_CAN_... of the slots that are not NULL. */
uint64_t plugin_slots(const struct plugin *plugin);

#endif
