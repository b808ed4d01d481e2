/* SPDX-License-Identifier: BSD-2-Clause */
/* How backends fare. */
#include <string.h>

#include "api/context.h"
#include "base/clock.h"

static const char *const reaches[] = {
	[MORTISE_REACH_PROCESS] = "process",
	[MORTISE_REACH_HOST] = "host",
	[MORTISE_REACH_NETWORK] = "network",
};

enum mortise_code
backend_find(const struct config *config, const char *name, size_t *target,
    struct mortise_error *error)
{
	for (size_t i = 0; i < config->backends_count; i++) {
		if (strcmp(config->backends[i].name, name) == 0) {
			*target = i;
			return MORTISE_OK;
		}
	}
	return error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
	    "there is no backend %s; `mortise backend` lists those of %s", name,
	    config->path);
}

static void
describe_plugin(struct mortise_backend_info *info, const struct plugin *plugin,
    struct buffer *operations)
{
	info->version = plugin->table.version;
	info->path = plugin->path;
	info->reach = reaches[plugin->table.reach];
	plugin_operations(plugin->can, operations);
}

static void
describe_health(struct mortise_backend_info *info, struct backend *backend)
{
	struct backend_health health = {0};

	backend_health(backend, &health);
	info->store = backend_identity(backend);
	info->breaker = health.has_breaker ? breaker_state_name(health.breaker) : NULL;
	info->failures = health.failures;
	info->cache_entries = health.cache_entries;
	info->cache_bytes = health.cache_bytes;
	info->cache_hits = health.cache_hits;
	info->cache_misses = health.cache_misses;
	info->shared = health.shared;
}

static enum mortise_code
check(struct backend *backend, const struct logger *logger, uint64_t timeout_ms,
    struct mortise_error *error)
{
	struct mortise_call call = {.error = error, .logger = logger,
	    .deadline = deadline_in_ms(timeout_ms)};

	return backend_check(backend, &call);
}

/* Of a backend that is open, is skipped, or is opened for this. */
static void
tell(struct mortise *context, struct running *running, size_t i, mortise_backend_fn *each,
    void *arg)
{
	const struct config_backend *config = &running->assembly->config->backends[i];
	const struct plugin *plugin = running->assembly->plugins[i];
	const struct opening opening = {.one = true, .target = i};
	struct buffer operations _cleanup_(buffer_free) = {0};
	struct mortise_error error = {0};
	struct mortise_backend_info info = {.size = sizeof(info), .name = config->name,
	    .plugin = config->plugin, .operations = "", .message = error.message,
	    .timeout_ms = (int64_t)config->timeout_ms,
	    .attempts = config->rules.attempts == 0 ? 1 : config->rules.attempts,
	    .breaker_failures = config->rules.failures,
	    .breaker_ms = (int64_t)config->rules.open_ms,
	    .cache_ms = (int64_t)config->rules.ttl_ms};
	uint64_t begun = clock_monotonic_ns();

	if (plugin == NULL)
		info.code = error_set(&error, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "its plugin is missing, and `if-missing: skip` leaves it out");
	else {
		describe_plugin(&info, plugin, &operations);
		if (context->maintenance)
			info.code = running_open(context, running, &opening, &error);
		if (info.code == MORTISE_OK)
			info.code = check(running->backends[i], &context->logger,
			    config->timeout_ms, &error);
		info.reason = error.reason;
	}
	info.check_us = (int64_t)((clock_monotonic_ns() - begun) / 1000);
	if (operations.data != NULL && !operations.failed)
		info.operations = operations.data;
	if (running->backends[i] != NULL)
		describe_health(&info, running->backends[i]);
	each(arg, &info);
}

enum mortise_code
running_care(struct mortise *context, struct running **running, struct mortise_error *error)
{
	struct assembly *assembly _cleanup_(assembly_release) = NULL;
	enum mortise_code code;

	error_clear(error);
	if (!context->maintenance) {
		*running = running_hold(context);
		return MORTISE_OK;
	}
	code = context_load(context, &assembly, error);
	if (code != MORTISE_OK)
		return code;
	*running = running_new(context, assembly);
	return *running == NULL ? error_memory(error) : MORTISE_OK;
}

enum mortise_code
mortise_backends(struct mortise *context, const char *name, mortise_backend_fn *each, void *arg,
    struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct running *running _cleanup_(running_release) = NULL;
	enum mortise_code code = running_care(context, &running, error);
	size_t target = 0;

	if (code != MORTISE_OK)
		return code;
	if (name == NULL) {
		for (size_t i = 0; i < running->assembly->config->backends_count; i++)
			tell(context, running, i, each, arg);
		return MORTISE_OK;
	}
	code = backend_find(running->assembly->config, name, &target, error);
	if (code == MORTISE_OK)
		tell(context, running, target, each, arg);
	return code;
}
