/* SPDX-License-Identifier: BSD-2-Clause */
/* The plugin and its instances. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "kit/kit.h"

/* It is looked for where it is, before the installed ones. */
enum mortise_code
kit_load(struct kit *kit)
{
	char *directory _cleanup_(free_pointer) = path_directory(kit->settings->file);
	char *name _cleanup_(free_pointer) = text_dup(strrchr(kit->settings->file, '/') + 1);
	const char *const directories[] = {directory};
	const struct loader loader = {.directories = directories, .directories_count = 1};
	struct mortise_call call = {.deadline = deadline_in_ms(KIT_HUNG_MS), .error = &kit->error,
	    .logger = &kit->logger};
	char *suffix = name == NULL ? NULL : strstr(name, ".so");
	enum mortise_code code;

	if (directory == NULL || name == NULL)
		return error_memory(&kit->error);
	if (suffix == NULL || suffix[3] != '\0')
		return error_set(&kit->error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s: a plugin's file is called NAME.so", kit->settings->file);
	*suffix = '\0';
	kit_ask(kit, &call, "mortise_plugin_init");
	code = plugin_load(&loader, name, backend_host(), &call, &kit->plugin, &kit->error);
	kit_answered(kit, &call, "mortise_plugin_init");
	return code;
}

enum mortise_code
kit_open(struct kit *kit, struct backend **backend)
{
	const struct config_backend *configured = kit->settings->configured;
	const struct mortise_plugin *table = &kit->plugin->table;
	struct problems problems = {.each = NULL};
	struct backend_setup setup = {
		.name = configured == NULL ? table->name : configured->name,
		.plugin = kit->plugin,
		.timeout_ms = configured == NULL ? 2000 : configured->timeout_ms,
		.logger = &kit->logger,
	};
	struct mortise_call call = {.deadline = deadline_in_ms(setup.timeout_ms),
	    .error = &kit->error};
	enum mortise_code code;

	if (configured != NULL)
		setup.place = configured->place;
	setup.options = options_check(configured == NULL ? NULL : configured->map, &setup.place,
	    table->options, config_core_words, &problems);
	if (setup.options == NULL) {
		kit->error = problems.first;
		return kit->error.code;
	}
	kit_ask(kit, &call, "open");
	code = backend_open(&setup, backend, &kit->error);
	kit_answered(kit, &call, "open");
	return code;
}

/* close has no deadline, and must not wait. */
void
kit_close(struct kit *kit, struct backend *backend)
{
	struct mortise_call call = {.deadline = clock_monotonic_ns(), .error = &kit->error};

	error_clear(&kit->error);
	kit_ask(kit, &call, "close");
	backend_close(backend);
	kit_answered(kit, &call, "close");
}
