/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loader: finds, checks and opens plugins, and agrees with them on the ABI.
 * Called by backend, kit, and api for `plugin list`.  A plugin is mapped once
 * per process and stays mapped.
 */
#ifndef LOADER_LOADER_H
#define LOADER_LOADER_H

#include <mortise/plugin.h>

#include "base/bytes.h"
#include "base/error.h"

#define PLUGIN_PATH_SIZE 512

struct loader {
	const char *const *directories;	/* absolute, searched in order; then the compiled-in one */
	size_t directories_count;
	bool check_path;		/* every component: for uid 0, daemons and AT_SECURE */
};

struct plugin {
	/* The descriptor and its tables, zero-extended to what we know: a slot
	 * that an older plugin has not is NULL.  The table's pointers to the
	 * others lead to these copies. */
	struct mortise_plugin table;
	struct mortise_secret_ops secret;
	struct mortise_state_ops state;
	struct mortise_sink_ops sink;
	struct mortise_provider_ops provider;
	uint64_t can;			/* MORTISE_CAN_... of all slots */
	char path[PLUGIN_PATH_SIZE];	/* after realpath */
	char sha256[65];		/* of the file that is mapped */
};

/*
 * Finds and opens NAME.so.  Errors, each naming the file and the remedy, reason
 * configuration: not found (not_found), wrong owner or mode, no shared object,
 * a missing library, no entry symbol, another ABI, a broken descriptor, another
 * name than the file's, what its init says.
 *
 * Any thread.  A plugin is initialised once per process: later calls get the
 * same descriptor.  Where the file was replaced since, they get what is mapped,
 * its SHA-256, and a warning in the log.  A failed init is tried again.
 * `error` is the call's own and not NULL.
 */
enum mortise_code plugin_load(const struct loader *, const char *name,
    const struct mortise_host *, struct mortise_call *, struct plugin **, struct mortise_error *);
void plugin_free(struct plugin *);	/* the record, not the mapping */

/* Every NAME.so in the directories, sorted, each once; the first wins. */
enum mortise_code plugin_names(const struct loader *, void (*each)(void *arg, const char *name),
    void *arg, struct mortise_error *);

/* "get", "put", ... by bit; NULL for a bit that is none. */
const char *plugin_operation_name(uint64_t bit);
/* Of all these bits: "secret: get put delete; state: get". */
void plugin_operations(uint64_t can, struct buffer *out);

#endif
