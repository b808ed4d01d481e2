/* SPDX-License-Identifier: BSD-2-Clause */
/* A configuration and its plugins, checked against each other. */
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "api/context.h"
#include "base/clock.h"
#include "operation/route.h"

struct loader
loader_for(const struct config *config)
{
	return (struct loader){
		.directories = config == NULL ? NULL : (const char *const *)config->plugin_path,
		.directories_count = config == NULL ? 0 : config->plugin_path_count,
		.check_path = geteuid() == 0 || getauxval(AT_SECURE) != 0,
	};
}

static void
tell(struct problems *problems, const struct place *place, const struct mortise_error *error)
{
	problem_error(problems, place, "%s", error->message);
}

static void
load_backend(struct assembly *assembly, size_t i, const struct loader *loader,
    const struct logger *logger, struct problems *problems)
{
	const struct config_backend *backend = &assembly->config->backends[i];
	struct mortise_error error = {0};
	struct mortise_call call = {
		.deadline = DEADLINE_NEVER, .error = &error, .logger = logger,
	};
	enum mortise_code code = plugin_load(loader, backend->plugin, backend_host(), &call,
	    &assembly->plugins[i], &error);

	if (code == MORTISE_NOT_FOUND && backend->skip_if_missing) {
		problem_warning(problems, &backend->plugin_place,
		    "%s; the backend is skipped, as `if-missing: skip` says", error.message);
		return;
	}
	if (code != MORTISE_OK) {
		tell(problems, &backend->plugin_place, &error);
		return;
	}
	if (backend->rules.recoverable_days != 0 &&
	    (assembly->plugins[i]->table.flags & MORTISE_PLUGIN_RECOVERABLE) == 0)
		problem_error(problems, &backend->place, "plugin %s cannot keep what is deleted for a "
		    "while; remove `recoverable`", backend->plugin);
	assembly->options[i] = options_check(backend->map, &backend->place,
	    assembly->plugins[i]->table.options, config_core_words, problems);
}

/* What a chain asks of a backend that its plugin cannot do. */
static void
check_entry(const struct assembly *assembly, const struct chain_entry *entry, uint64_t capability,
    struct problems *problems)
{
	const struct config_backend *backend = &assembly->config->backends[entry->target];
	const struct plugin *plugin = assembly->plugins[entry->target];

	if (plugin == NULL || backend->skip_if_unsupported || (plugin->can & capability) != 0)
		return;
	problem_error(problems, &entry->place, "backend %s (plugin %s) offers no %s; "
	    "use another backend here, or give it `call: {if-unsupported: skip}`",
	    backend->name, backend->plugin, plugin_operation_name(capability));
}

static void
check_racy(const struct assembly *assembly, const struct chain_entry *entry,
    struct problems *problems)
{
	const struct plugin *plugin = assembly->plugins[entry->target];

	if (plugin != NULL && (plugin->table.flags & MORTISE_PLUGIN_UNDO_RACY) != 0)
		problem_warning(problems, &entry->place, "backend %s cannot compare and set: taking "
		    "a failed put back may hit a write that came between",
		    assembly->config->backends[entry->target].name);
}

static void
check_chain(const struct assembly *assembly, const struct chain *chain, uint64_t capability,
    struct problems *problems)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_entry *entry = &chain->entries[i];

		if (entry->inner != NULL) {
			check_chain(assembly, entry->inner, capability, problems);
			continue;
		}
		check_entry(assembly, entry, capability, problems);
		if (capability == MORTISE_CAN_SECRET_UNDO)
			check_racy(assembly, entry, problems);
	}
}

static void
check_operation(const struct assembly *assembly, const struct config_operation *operation,
    uint64_t capability, struct problems *problems)
{
	if (operation->given == CONFIG_CHAIN)
		check_chain(assembly, &operation->chain, capability, problems);
}

/* Who was left behind is noted in state, and must be known after a power cut, too. */
static bool
is_durable(const struct assembly *assembly, const char *prefix)
{
	const struct config *config = assembly->config;
	const struct config_route *route = route_find(config->state, config->state_count, prefix);
	const struct plugin *plugin = route == NULL ? NULL : assembly->plugins[route->target];

	return plugin != NULL && (plugin->table.flags & MORTISE_PLUGIN_DURABLE) != 0;
}

static void
check_lags(const struct assembly *assembly, const struct config_route *route,
    struct problems *problems)
{
	const struct config *config = assembly->config;
	size_t i = 0;

	if (route->lags == NULL || (is_durable(assembly, BEHIND_PREFIX) && is_durable(assembly, TURN_PREFIX)))
		return;
	while (i < config->backends_count && !route->lags[i])
		i++;
	if (i < config->backends_count)
		problem_error(problems, &route->place, "a write of %s may end well without %s, which is "
		    "noted in state: lead \"behind:*\" and \"turn:*\" to a durable backend there, such "
		    "as state: [{match: \"*\", use: store}]", route->match, config->backends[i].name);
}

static void
check_routes(const struct assembly *assembly, struct problems *problems)
{
	static const uint64_t state_needs[] = {MORTISE_CAN_STATE_GET, MORTISE_CAN_STATE_PUT,
	    MORTISE_CAN_STATE_TAKE, MORTISE_CAN_STATE_DELETE};
	const struct config *config = assembly->config;

	for (size_t i = 0; i < config->secret_count; i++) {
		const struct config_route *route = &config->secret[i];

		check_operation(assembly, &route->get, MORTISE_CAN_SECRET_GET, problems);
		check_operation(assembly, &route->put, MORTISE_CAN_SECRET_PUT, problems);
		check_operation(assembly, &route->delete, MORTISE_CAN_SECRET_DELETE, problems);
		if (route->put.given == CONFIG_CHAIN && chain_calls(&route->put.chain) > 1)
			check_chain(assembly, &route->put.chain, MORTISE_CAN_SECRET_UNDO,
			    problems);
		check_lags(assembly, route, problems);
	}
	for (size_t i = 0; i < config->state_count; i++) {
		const struct config_route *route = &config->state[i];
		struct chain_entry entry = {.place = route->place, .target = route->target};

		for (size_t k = 0; k < ARRAY_SIZE(state_needs); k++)
			check_entry(assembly, &entry, state_needs[k], problems);
	}
}

static void
check_sinks(const struct assembly *assembly, struct problems *problems)
{
	const struct config_audit *audit = &assembly->config->audit;

	for (size_t i = 0; i < audit->sinks_count; i++) {
		const struct config_sink *sink = &audit->sinks[i];
		struct chain_entry entry = {.place = sink->place, .target = sink->target};
		const struct config_backend *backend = &assembly->config->backends[sink->target];

		if (assembly->plugins[sink->target] != NULL)
			check_entry(assembly, &entry, MORTISE_CAN_SINK_EMIT, problems);
		else if (backend->skip_if_missing)
			problem_error(problems, &sink->place, "%s is a sink, and skipped as its plugin "
			    "is missing: records would not reach it; install the plugin, or remove the "
			    "sink", backend->name);
	}
}

struct assembly *
assembly_ref(struct assembly *assembly)
{
	(void)atomic_fetch_add(&assembly->refs, 1);
	return assembly;
}

void
assembly_unref(struct assembly *assembly)
{
	if (assembly == NULL || atomic_fetch_sub(&assembly->refs, 1) > 1)
		return;
	for (size_t i = 0; assembly->config != NULL && i < assembly->config->backends_count; i++) {
		if (assembly->options != NULL)
			options_free(assembly->options[i]);
		if (assembly->plugins != NULL)
			plugin_free(assembly->plugins[i]);
	}
	free(assembly->options);
	free(assembly->plugins);
	config_free(assembly->config);
	free(assembly);
}

void
assembly_release(struct assembly **assembly)
{
	assembly_unref(*assembly);
}

enum mortise_code
assembly_load(const char *config_path, const struct logger *logger, struct problems *problems,
    struct assembly **assembly)
{
	struct assembly *made _cleanup_(assembly_release) = calloc(1, sizeof(*made));
	struct loader loader;
	size_t count;

	if (made == NULL)
		return error_memory(&problems->first);
	made->refs = 1;
	if (config_read(config_path, &made->config, problems) != MORTISE_OK)
		return MORTISE_INVALID;
	count = made->config->backends_count;
	made->plugins = calloc(count, sizeof(*made->plugins));
	made->options = calloc(count, sizeof(*made->options));
	if (made->plugins == NULL || made->options == NULL)
		return error_memory(&problems->first);
	loader = loader_for(made->config);
	for (size_t i = 0; i < count; i++)
		load_backend(made, i, &loader, logger, problems);
	check_routes(made, problems);
	check_sinks(made, problems);
	if (problems->errors > 0)
		return MORTISE_INVALID;
	*assembly = assembly_ref(made);
	return MORTISE_OK;
}
