/* SPDX-License-Identifier: BSD-2-Clause */
/* The care of backends: the commands of their plugins, and stores from a backup. */
#include <stdlib.h>
#include <string.h>

#include "api/context.h"
#include "base/clock.h"
#include "secmem/secret.h"

#define COMMAND_DEADLINE_MS 3600000

static const struct place command_line = {"the command line", 1, 1};

/* --- what there is ------------------------------------------------------------------ */

static size_t
count_options(const struct mortise_command *command)
{
	size_t count = 0;

	while (command->options != NULL && command->options[count] != NULL)
		count++;
	return count;
}

/* false: no memory. */
static bool
tell(const struct mortise_command *command, mortise_command_fn *each, void *arg)
{
	struct mortise_command_info info = {.size = sizeof(info), .name = command->name,
	    .doc = command->doc, .options_count = count_options(command)};
	struct mortise_command_option *options _cleanup_(free_pointer) =
	    calloc(info.options_count + 1, sizeof(*options));

	if (options == NULL)
		return false;
	for (size_t i = 0; i < info.options_count; i++) {
		const struct mortise_option *option = command->options[i];

		options[i] = (struct mortise_command_option){
			.size = sizeof(options[i]),
			.name = option->name,
			.doc = option->doc,
			.required = (option->flags & MORTISE_OPTION_REQUIRED) != 0,
			.secret = (option->flags & MORTISE_OPTION_SECRET) != 0,
			.many = option->type == MORTISE_OPTION_LIST,
			.plain = option->type == MORTISE_OPTION_BOOL,
		};
	}
	info.options = options;
	each(arg, &info);
	return true;
}

enum mortise_code
mortise_backend_commands(struct mortise *context, const char *backend, mortise_command_fn *each,
    void *arg, struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	size_t target = 0;
	enum mortise_code code = backend_find(running->assembly->config, backend, &target, error);
	const struct plugin *plugin = code == MORTISE_OK ? running->assembly->plugins[target] : NULL;

	for (const struct mortise_command *const *command = plugin == NULL ? NULL :
	    plugin->table.commands; command != NULL && *command != NULL; command++) {
		if (!tell(*command, each, arg))
			return error_memory(error);
	}
	return code;
}

/* --- running one -------------------------------------------------------------------- */

struct request {
	struct mortise *context;
	const struct mortise_request *claims;
	const struct mortise_command_value *values;
	size_t count;
	mortise_row_fn *each;
	void *arg;
};

static enum mortise_code
give_row(void *arg, const struct mortise_pair *cells, size_t count)
{
	const struct request *request = arg;

	if (request->each != NULL)
		request->each(request->arg, cells, count);
	return MORTISE_OK;
}

static enum mortise_code
fetch(void *arg, const char *from, const char *name, struct mortise_secret **value,
    struct mortise_error *error)
{
	const struct request *request = arg;
	size_t size = 0;
	const void *bytes = NULL;

	(void)from;
	for (size_t i = 0; i < request->count; i++) {
		if (request->values[i].secret != NULL &&
		    strcmp(request->values[i].option, name) == 0)
			bytes = mortise_secret_peek(request->values[i].secret, &size);
	}
	*value = bytes == NULL ? NULL : secret_from(bytes, size);
	return *value == NULL ? error_memory(error) : MORTISE_OK;
}

static const char *
action_of(const char *command)
{
	return strcmp(command, "rekey") == 0 ? "store_rekeyed" :
	    strcmp(command, "restore") == 0 ? "store_restored" : "backend_command";
}

static enum mortise_code
find_command(const struct assembly *assembly, const char *backend, const char *name,
    size_t *target, const struct mortise_command **command, struct mortise_error *error)
{
	struct buffer list _cleanup_(buffer_free) = {0};
	enum mortise_code code = backend_find(assembly->config, backend, target, error);
	const struct plugin *plugin = code == MORTISE_OK ? assembly->plugins[*target] : NULL;

	if (code != MORTISE_OK)
		return code;
	if (plugin == NULL)
		return error_set(error, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "the plugin of backend %s is missing", backend);
	*command = backend_command_find(plugin, name);
	if (*command != NULL)
		return MORTISE_OK;
	for (const struct mortise_command *const *has = plugin->table.commands;
	    has != NULL && *has != NULL; has++)
		buffer_format(&list, "%s%s", list.size == 0 ? "" : ", ", (*has)->name);
	return error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
	    "the plugin %s has no command %s; it has %s", plugin->table.name, name,
	    list.data == NULL || list.failed ? "none" : list.data);
}

/* Options of the command, checked as those of a configuration are. */
static enum mortise_code
make_options(struct request *request, const struct mortise_command *command,
    struct yaml_node **map, struct mortise_options **options, struct mortise_error *error)
{
	struct problems problems = {0};

	*map = options_given_by(command->options, request->values, request->count, &command_line,
	    &problems);
	if (*map != NULL)
		*options = options_check(*map, &command_line, command->options, NULL, &problems);
	if (problems.errors == 0 && *options != NULL)
		return options_resolve(*options, fetch, request, error);
	(void)error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE, "%s: %s", command->name,
	    problems.first.message);
	return MORTISE_INVALID;
}

/* Begun, announced, and ended in any case.  A backend that nobody has opened is
 * opened here. */
static enum mortise_code
run(const struct request *request, struct running *running, size_t target,
    const struct backend_command *command, struct mortise_error *error)
{
	const char *backend = running->assembly->config->backends[target].name;
	const struct opening opening = {.one = true, .target = target,
	    .unopened = (command->command->flags & MORTISE_COMMAND_NO_INSTANCE) != 0};
	char *about _cleanup_(free_pointer) = text_format("%s %s", backend, command->command->name);
	struct mortise_out out = {.row = give_row, .arg = command->fetch_arg};
	struct operation operation;
	enum mortise_code code;

	if (about == NULL)
		return error_memory(error);
	code = operation_begin(&operation, &running->engine, request->claims,
	    action_of(command->command->name), "backend", about, error);
	if (request->claims == NULL || request->claims->deadline_ms == 0)
		operation.deadline = deadline_in_ms(COMMAND_DEADLINE_MS);
	if (code == MORTISE_OK)
		code = operation_intent(&operation);
	if (code == MORTISE_OK && running->backends[target] == NULL)
		code = running_open(request->context, running, &opening, error);
	if (code == MORTISE_OK)
		code = operation_command(&operation, target, command, &out);
	/* The caller knows where his own words are. */
	if (strcmp(error->file, command_line.file) == 0)
		error->file[0] = '\0';
	return operation_end(&operation, code);
}

enum mortise_code
mortise_backend_run(struct mortise *context, const struct mortise_request *claims,
    const char *backend, const char *name, const struct mortise_command_value *values,
    size_t count, mortise_row_fn *each, void *arg, struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct running *running _cleanup_(running_release) = NULL;
	struct request request = {context, claims, values, count, each, arg};
	const struct mortise_command *command = NULL;
	struct mortise_options *options = NULL;
	struct yaml_node *map = NULL;
	size_t target = 0;
	enum mortise_code code = running_care(context, &running, error);

	if (code == MORTISE_OK)
		code = find_command(running->assembly, backend, name, &target, &command, error);
	if (code == MORTISE_OK)
		code = make_options(&request, command, &map, &options, error);
	if (code == MORTISE_OK)
		code = run(&request, running, target, &(struct backend_command){command, options,
		    fetch, &request}, error);
	options_free(options);
	yaml_node_free(map);
	return code;
}

/* --- an older store, accepted ------------------------------------------------------- */

enum mortise_code
mortise_backend_accept(struct mortise *context, const struct mortise_request *claims,
    const char *backend, struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct running *running _cleanup_(running_release) = NULL;
	struct backend_note note = {.set = false};
	struct opening opening = {.one = true, .accept_rollback = true, .note = &note};
	struct operation operation;
	enum mortise_code code;

	if (!context->maintenance)
		return error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "an older store is accepted in a context for maintenance, before it is open");
	code = running_care(context, &running, error);
	if (code == MORTISE_OK)
		code = backend_find(running->assembly->config, backend, &opening.target, error);
	if (code != MORTISE_OK)
		return code;
	code = operation_begin(&operation, &running->engine, claims, "store_restored", "backend",
	    backend, error);
	if (code == MORTISE_OK)
		code = operation_intent(&operation);
	if (code == MORTISE_OK)
		code = running_open(context, running, &opening, error);
	operation_opened(&operation, opening.target, code, &note);
	return operation_end(&operation, code);
}
