/* SPDX-License-Identifier: BSD-2-Clause */
/* Contexts: find, check, open, close. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/context.h"
#include "base/clock.h"

const char *
mortise_version(void)
{
	return VERSION_TEXT;
}

struct mortise_error *
error_or(struct mortise_error *given, struct mortise_error *spare)
{
	return given != NULL ? given : spare;
}

enum mortise_code
mortise_find_config(char *path, size_t size, struct mortise_error *error)
{
	return config_find(path, size, error);
}

/* A path, or where none leads, into buffer. */
static enum mortise_code
find_path(const char *given, char buffer[PATH_MAX], const char **path, struct mortise_error *error)
{
	*path = given != NULL ? given : buffer;
	return given != NULL ? MORTISE_OK : config_find(buffer, PATH_MAX, error);
}

static enum mortise_code
finish_problems(const struct problems *problems, struct mortise_error *error)
{
	*error = problems->first;
	return error->code == MORTISE_OK ? error_set(error, MORTISE_INVALID,
	    MORTISE_REASON_CONFIGURATION, "the configuration cannot be read") : error->code;
}

enum mortise_code
mortise_check(const char *config_path, mortise_problem_fn *each, void *arg,
    struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct problems problems = {.each = each, .arg = arg};
	struct assembly assembly _cleanup_(assembly_free) = {0};
	char buffer[PATH_MAX];
	const char *path;
	enum mortise_code code = find_path(config_path, buffer, &path, error);

	if (code != MORTISE_OK)
		return code;
	code = assembly_load(path, NULL, &problems, &assembly);
	return code == MORTISE_OK ? code : finish_problems(&problems, error);
}

static bool
noted(void *arg, const char *backend, char store[65], uint64_t *generation)
{
	const struct mortise *context = arg;

	return context->trail != NULL && trail_noted(context->trail, backend, store, generation);
}

static enum mortise_code open_backend(struct mortise *, size_t, struct mortise_error *);

/* {secret: NAME, from: BACKEND}: opens that backend first, so that the order of
 * the configuration does not matter. */
static enum mortise_code
fetch(void *arg, const char *backend, const char *name, struct mortise_secret **value,
    struct mortise_error *error)
{
	struct mortise *context = arg;
	const struct config *config = context->assembly.config;
	struct mortise_call call = {.error = error, .logger = &context->logger};
	struct mortise_version found;
	enum mortise_code code;
	size_t i = 0;

	while (i < config->backends_count && strcmp(config->backends[i].name, backend) != 0)
		i++;
	if (i == config->backends_count)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "{secret: %s, from: %s}: there is no backend %s", name, backend, backend);
	if (context->opening[i])
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "{secret: %s, from: %s}: backend %s needs itself to open; "
		    "give one of them its secret in another way", name, backend, backend);
	code = open_backend(context, i, error);
	if (code != MORTISE_OK)
		return code;
	call.deadline = deadline_in_ms(config->backends[i].timeout_ms);
	return backend_get(context->backends[i], &call, name, NULL, value, &found);
}

static enum mortise_code
open_backend(struct mortise *context, size_t i, struct mortise_error *error)
{
	struct assembly *assembly = &context->assembly;
	const struct config_backend *config = &assembly->config->backends[i];
	struct backend_setup setup = {
		.name = config->name,
		.place = config->place,
		.plugin = assembly->plugins[i],
		.options = assembly->options[i],
		.timeout_ms = config->timeout_ms,
		.rules = config->rules,
		.generations = &context->generations,
		.logger = &context->logger,
		.noted = noted,
		.fetch = fetch,
		.arg = context,
	};
	enum mortise_code code;

	if (assembly->plugins[i] == NULL || context->backends[i] != NULL)
		return MORTISE_OK;
	assembly->options[i] = NULL;	/* the backend's from here on */
	context->opening[i] = true;
	code = backend_open(&setup, &context->backends[i], error);
	context->opening[i] = false;
	return code;
}

static enum mortise_code
open_trail(struct mortise *context, struct mortise_error *error)
{
	const struct assembly *assembly = &context->assembly;
	const struct config *config = assembly->config;
	struct record_plugin *plugins _cleanup_(free_pointer) =
	    calloc(config->backends_count + 1, sizeof(*plugins));
	struct trail_options options = {
		.directory = config->audit.trail,
		.program = context->program,
		.config = config->digest,
		.plugins = plugins,
		.retention_ms = config->audit.retention_ms,
		.logger = &context->logger,
	};
	enum mortise_code code;

	if (plugins == NULL)
		return error_memory(error);
	for (size_t i = 0; i < config->backends_count; i++) {
		const struct plugin *plugin = assembly->plugins[i];

		if (plugin != NULL)
			plugins[options.plugins_count++] = (struct record_plugin){
				.name = plugin->table.name, .version = plugin->table.version,
				.path = plugin->path, .sha256 = plugin->sha256,
			};
	}
	code = trail_open(&options, &context->trail, error);
	if (code != MORTISE_OK)
		error_at(error, &config->audit.place);
	return code;
}

static enum mortise_code
open_all(struct mortise *context, const char *path, struct problems *problems,
    struct mortise_error *error)
{
	const struct config *config;
	enum mortise_code code = assembly_load(path, &context->logger, problems,
	    &context->assembly);

	if (code != MORTISE_OK)
		return finish_problems(problems, error);
	config = context->assembly.config;
	context->backends = calloc(config->backends_count, sizeof(*context->backends));
	context->opening = calloc(config->backends_count, sizeof(*context->opening));
	if (context->backends == NULL || context->opening == NULL)
		return error_memory(error);
	/* The trail first: a store asks it for the generation that it must have. */
	if (config->audit.off)
		log_line(&context->logger, MORTISE_LOG_WARNING,
		    "audit is off: no access is recorded; this is for tests only");
	else
		code = open_trail(context, error);
	for (size_t i = 0; code == MORTISE_OK && i < config->backends_count; i++)
		code = open_backend(context, i, error);
	context->engine = (struct engine){
		.config = config,
		.backends = context->backends,
		.trail = context->trail,
		.logger = &context->logger,
		.actor = {.uid = getuid(), .gid = getgid(), .pid = getpid(), .via = "direct"},
	};
	return code;
}

/* Warnings are what `check` is for: told at every start nobody reads them. */
static void
errors_only(void *arg, enum mortise_level level, const char *file, unsigned int line,
    unsigned int column, const char *message)
{
	const struct mortise_open_options *options = arg;

	if (level == MORTISE_LOG_ERROR && options->problem != NULL)
		options->problem(options->arg, level, file, line, column, message);
}

enum mortise_code
mortise_open(const struct mortise_open_options *options, struct mortise **context,
    struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct mortise_open_options copy = *options;
	struct problems problems = {.each = errors_only, .arg = &copy};
	struct mortise *made = calloc(1, sizeof(*made));
	char buffer[PATH_MAX];
	const char *path;
	enum mortise_code code;

	if (made == NULL)
		return error_memory(error);
	error_clear(error);
	made->logger = (struct logger){options->log, options->arg, options->log_level};
	made->program = options->program != NULL ? text_dup(options->program) :
	    text_dup("libmortise " VERSION_TEXT);
	code = made->program == NULL ? error_memory(error) :
	    find_path(options->config_path, buffer, &path, error);
	if (code == MORTISE_OK)
		code = open_all(made, path, &problems, error);
	if (code != MORTISE_OK) {
		mortise_close(made);
		return code;
	}
	*context = made;
	return MORTISE_OK;
}

void
mortise_close(struct mortise *context)
{
	if (context == NULL)
		return;
	for (size_t i = 0; context->backends != NULL &&
	    i < context->assembly.config->backends_count; i++)
		backend_close(context->backends[i]);
	trail_close(context->trail);
	assembly_free(&context->assembly);
	free(context->backends);
	free(context->opening);
	free(context->program);
	free(context);
}
