/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of plugins. */
#include <string.h>

#include "backend/instance.h"

const struct mortise_command *
backend_command_find(const struct plugin *plugin, const char *name)
{
	const struct mortise_command *const *command = plugin->table.commands;

	while (command != NULL && *command != NULL && strcmp((*command)->name, name) != 0)
		command++;
	return command == NULL ? NULL : *command;
}

/* Secrets of the command line, and those that the backend's own options name. */
struct fetching {
	const struct backend *backend;
	const struct backend_command *command;
};

static enum mortise_code
fetch(void *arg, const char *from, const char *name, struct mortise_secret **value,
    struct mortise_error *error)
{
	const struct fetching *fetching = arg;
	const struct backend *backend = fetching->backend;

	if (strcmp(from, COMMAND_LINE) == 0)
		return fetching->command->fetch(fetching->command->fetch_arg, from, name, value,
		    error);
	if (backend->fetch != NULL)
		return backend->fetch(backend->arg, from, name, value, error);
	return error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_CONFIGURATION,
	    "{secret:} cannot be used here");
}

enum mortise_code
backend_command(struct backend *backend, struct mortise_call *call,
    const struct backend_command *given, struct mortise_out *out)
{
	const struct mortise_command *command = given->command;
	struct fetching fetching = {.backend = backend, .command = given};
	struct attempts attempts = {.out = out};
	bool alone = (command->flags & MORTISE_COMMAND_NO_INSTANCE) != 0;
	enum mortise_code code;

	call->fetch = fetch;
	call->fetch_arg = &fetching;
	code = backend_enter(backend, call, &attempts);
	if (code == MORTISE_OK)
		code = backend_leave(backend, call, &attempts, command->run(
		    alone ? NULL : backend->instance, call, given->options, out));
	call->fetch = NULL;
	call->fetch_arg = NULL;
	return code == MORTISE_IGNORE ? backend_broken(backend, call, "abstains from a command") :
	    code;
}
