/* SPDX-License-Identifier: BSD-2-Clause */
#include "configured.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

static void
print_problem(void *arg, enum mortise_level level, const char *file, unsigned int line,
    unsigned int column, const char *text)
{
	(void)arg;
	(void)level;
	(void)fprintf(stderr, "%s:%u:%u: %s\n", file, line, column, text);
}

static enum mortise_code
load(struct configured *configured, struct mortise_error *error)
{
	const struct config *config = configured->config;
	const struct loader loader = {.directories = config->plugin_path,
	    .directories_count = config->plugin_path_count};
	struct mortise_call call = {.deadline = deadline_in_ms(60000), .error = error};

	return plugin_load(&loader, configured->of->plugin, backend_host(), &call,
	    &configured->plugin, error);
}

static enum mortise_code
open_one(const struct configured *configured, struct problems *problems,
    struct backend **backend, struct mortise_error *error)
{
	const struct config_backend *of = configured->of;
	struct backend_setup setup = {.name = of->name, .place = of->place,
	    .plugin = configured->plugin, .timeout_ms = of->timeout_ms};

	setup.options = options_check(of->map, &of->place, configured->plugin->table.options,
	    config_core_words, problems);
	if (setup.options == NULL)
		return MORTISE_INVALID;
	return backend_open(&setup, backend, error);
}

bool
configured_open(struct configured *configured, const char *path, const char *backend)
{
	struct problems problems = {.each = print_problem};
	struct mortise_error error = {0};
	enum mortise_code code = MORTISE_OK;

	*configured = (struct configured){.config = NULL};
	if (config_read(path, &configured->config, &problems) != MORTISE_OK)
		return false;
	for (size_t i = 0; i < configured->config->backends_count; i++) {
		if (strcmp(configured->config->backends[i].name, backend) == 0)
			configured->of = &configured->config->backends[i];
	}
	if (configured->of == NULL) {
		(void)fprintf(stderr, "%s: no backend is called %s\n", path, backend);
		return false;
	}
	code = load(configured, &error);
	if (code == MORTISE_OK)
		code = open_one(configured, &problems, &configured->backend, &error);
	if (code == MORTISE_OK && configured->plugin->table.reach != MORTISE_REACH_PROCESS)
		code = open_one(configured, &problems, &configured->second, &error);
	if (code != MORTISE_OK)
		(void)fprintf(stderr, "%s\n", mortise_error_message(&error));
	return code == MORTISE_OK;
}

void
configured_close(struct configured *configured)
{
	backend_close(configured->second);
	backend_close(configured->backend);
	plugin_free(configured->plugin);
	config_free(configured->config);
}
