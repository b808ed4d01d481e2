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

enum mortise_code
context_find(const char *given, char *buffer, const char **path, struct mortise_error *error)
{
	*path = given != NULL ? given : buffer;
	return given != NULL ? MORTISE_OK : config_find(buffer, PATH_MAX, error);
}

enum mortise_code
context_problems(const struct problems *problems, struct mortise_error *error)
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
	struct assembly *assembly _cleanup_(assembly_release) = NULL;
	char buffer[PATH_MAX];
	const char *path;
	enum mortise_code code = context_find(config_path, buffer, &path, error);

	if (code != MORTISE_OK)
		return code;
	code = assembly_load(path, NULL, &problems, &assembly);
	return code == MORTISE_OK ? code : context_problems(&problems, error);
}

struct record_plugin *
context_plugins(const struct assembly *assembly, size_t *count)
{
	struct record_plugin *plugins = calloc(assembly->config->backends_count + 1,
	    sizeof(*plugins));

	*count = 0;
	for (size_t i = 0; plugins != NULL && i < assembly->config->backends_count; i++) {
		const struct plugin *plugin = assembly->plugins[i];

		if (plugin != NULL)
			plugins[(*count)++] = (struct record_plugin){
				.name = plugin->table.name, .version = plugin->table.version,
				.path = plugin->path, .sha256 = plugin->sha256,
			};
	}
	return plugins;
}

enum mortise_code
context_open_trail(struct mortise *context, const struct assembly *assembly,
    struct mortise_error *error)
{
	const struct config *config = assembly->config;
	size_t count;
	struct record_plugin *plugins _cleanup_(free_pointer) = context_plugins(assembly, &count);
	struct trail_options options = {
		.directory = config->audit.trail,
		.program = context->program,
		.config = config->digest,
		.plugins = plugins,
		.plugins_count = count,
		.retention_ms = config->audit.retention_ms,
		.logger = &context->logger,
	};
	enum mortise_code code;

	if (plugins == NULL)
		return error_memory(error);
	code = trail_open(&options, &context->trail, error);
	if (code != MORTISE_OK)
		error_at(error, &config->audit.place);
	return code;
}

/* Warnings are what `check` is for: told at every start nobody reads them. */
static void
errors_only(void *arg, enum mortise_level level, const char *file, unsigned int line,
    unsigned int column, const char *message)
{
	const struct mortise *context = arg;

	if (level == MORTISE_LOG_ERROR && context->problem != NULL)
		context->problem(context->problem_arg, level, file, line, column, message);
}

enum mortise_code
context_load(struct mortise *context, struct assembly **assembly, struct mortise_error *error)
{
	struct problems problems = {.each = errors_only, .arg = context};
	enum mortise_code code = assembly_load(context->config_path, &context->logger, &problems,
	    assembly);

	return code == MORTISE_OK ? code : context_problems(&problems, error);
}

/* The trail before the backends: a store asks it for the generation that it must
 * have. */
static enum mortise_code
open_all(struct mortise *context, struct mortise_error *error)
{
	struct assembly *assembly _cleanup_(assembly_release) = NULL;
	enum mortise_code code = context_load(context, &assembly, error);

	if (code != MORTISE_OK)
		return code;
	if (assembly->config->audit.off)
		log_line(&context->logger, MORTISE_LOG_WARNING,
		    "audit is off: no access is recorded; this is for tests only");
	else
		code = context_open_trail(context, assembly, error);
	if (code != MORTISE_OK)
		return code;
	context->running = running_new(context, assembly);
	if (context->running == NULL)
		return error_memory(error);
	return context->maintenance && !context->deliver ? code : running_open(context,
	    context->running, &(struct opening){.sinks = context->deliver}, error);
}

static struct mortise *
make(const struct mortise_open_options *options)
{
	struct mortise *context = calloc(1, sizeof(*context));

	if (context == NULL || pthread_mutex_init(&context->lock, NULL) != 0) {
		free(context);
		return NULL;
	}
	if (pthread_mutex_init(&context->reloading, NULL) != 0) {
		(void)pthread_mutex_destroy(&context->lock);
		free(context);
		return NULL;
	}
	context->logger = (struct logger){options->log, options->arg, options->log_level};
	context->problem = options->problem;
	context->problem_arg = options->arg;
	context->maintenance = options->maintenance;
	context->deliver = options->maintenance && options->deliver;
	return context;
}

enum mortise_code
context_new(const struct mortise_open_options *options, struct mortise **context,
    struct mortise_error *error)
{
	struct mortise *made = make(options);
	char buffer[PATH_MAX];
	const char *path;
	enum mortise_code code;

	if (made == NULL)
		return error_memory(error);
	made->program = text_dup(options->program != NULL ? options->program :
	    "libmortise " VERSION_TEXT);
	code = context_find(options->config_path, buffer, &path, error);
	if (code == MORTISE_OK)
		made->config_path = text_dup(path);
	if (code == MORTISE_OK && (made->program == NULL || made->config_path == NULL))
		code = error_memory(error);
	if (code != MORTISE_OK) {
		mortise_close(made);
		return code;
	}
	*context = made;
	return MORTISE_OK;
}

enum mortise_code
mortise_open(const struct mortise_open_options *options, struct mortise **context,
    struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct mortise *made = NULL;
	enum mortise_code code;

	error_clear(error);
	code = context_new(options, &made, error);
	if (code == MORTISE_OK)
		code = open_all(made, error);
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
	running_unref(context->running);
	trail_close(context->trail);
	(void)pthread_mutex_destroy(&context->reloading);
	(void)pthread_mutex_destroy(&context->lock);
	free(context->config_path);
	free(context->program);
	free(context);
}
