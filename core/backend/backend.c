/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "backend/instance.h"
#include "base/clock.h"

/* The instance is open: what it says of itself. */
static void
introduce(struct backend *backend)
{
	const struct mortise_plugin *table = &backend->plugin->table;

	backend->can = backend->plugin->can;
	if (table->offers != NULL)
		backend->can &= table->offers(backend->instance);
	backend->identity = table->identity == NULL ? NULL : table->identity(backend->instance);
	if (backend->identity == NULL || backend->identity[0] == '\0')
		backend->identity = backend->name;
}

static enum mortise_code
open_instance(struct backend *backend, struct backend_note *note, struct mortise_error *error)
{
	struct mortise_call call = {.deadline = deadline_in_ms(backend->timeout_ms),
	    .error = error, .backend = backend, .logger = backend->logger};
	enum mortise_code code = options_resolve(backend->options, backend->fetch, backend->arg,
	    error);

	if (code == MORTISE_OK)
		code = backend->plugin->table.open(&call, backend->options, &backend->instance);
	code = backend_say(backend, &call, code);
	if (code == MORTISE_IGNORE)
		code = backend_broken(backend, &call, "abstains from being opened");
	backend->opened = code == MORTISE_OK;
	if (backend->opened)
		introduce(backend);
	if (note != NULL)
		*note = call.note;
	return code;
}

/* All but the instance. */
static void
release(struct backend *backend)
{
	options_free(backend->options);
	resolver_unref(backend->resolver);
	cache_free(backend->cache);
	flights_destroy(&backend->flights);
	breaker_destroy(&backend->breaker);
	turn_destroy(&backend->turn);
	free(backend);
}

/* What is destroyed whatever is in it; false: nothing of it is there. */
static bool
init_locks(struct backend *backend, const struct call_rules *rules)
{
	if (!turn_init(&backend->turn))
		return false;
	if (breaker_init(&backend->breaker, rules->failures, rules->open_ms)) {
		if (flights_init(&backend->flights))
			return true;
		breaker_destroy(&backend->breaker);
	}
	turn_destroy(&backend->turn);
	return false;
}

static struct backend *
make(const struct backend_setup *setup)
{
	struct backend *backend = calloc(1, sizeof(*backend));

	if (backend == NULL || !init_locks(backend, &setup->rules)) {
		free(backend);
		options_free(setup->options);
		return NULL;
	}
	backend->name = setup->name;
	backend->place = setup->place;
	backend->plugin = setup->plugin;
	backend->options = setup->options;
	backend->timeout_ms = setup->timeout_ms;
	backend->rules = setup->rules;
	backend->generations = setup->generations;
	/* What is on this machine answers sooner than callers find together. */
	backend->shares = setup->rules.ttl_ms > 0 ||
	    setup->plugin->table.reach == MORTISE_REACH_NETWORK;
	backend->logger = setup->logger;
	backend->noted = setup->noted;
	backend->accept_rollback = setup->accept_rollback;
	backend->fetch = setup->fetch;
	backend->arg = setup->arg;
	backend->resolver = resolver_new();
	if (setup->rules.ttl_ms > 0)
		backend->cache = cache_new(&setup->rules);
	if (backend->resolver == NULL || (setup->rules.ttl_ms > 0 && backend->cache == NULL)) {
		release(backend);
		return NULL;
	}
	return backend;
}

enum mortise_code
backend_open(const struct backend_setup *setup, struct backend **result,
    struct mortise_error *error)
{
	struct mortise_error nobodys;
	struct backend *backend = make(setup);
	enum mortise_code code;

	if (backend == NULL)
		return error_memory(error);
	if (error == NULL)
		error = &nobodys;
	error_clear(error);
	code = open_instance(backend, setup->opened, error);
	if (code != MORTISE_OK) {
		release(backend);
		return code;
	}
	*result = backend;
	return MORTISE_OK;
}

enum mortise_code
backend_unopened(const struct backend_setup *setup, struct backend **result,
    struct mortise_error *error)
{
	struct backend *backend = make(setup);
	enum mortise_code code;

	if (backend == NULL)
		return error_memory(error);
	backend->identity = backend->name;
	code = options_resolve(backend->options, backend->fetch, backend->arg, error);
	if (code != MORTISE_OK) {
		release(backend);
		return code;
	}
	*result = backend;
	return MORTISE_OK;
}

static bool
rules_same(const struct call_rules *a, const struct call_rules *b)
{
	return a->failures == b->failures && a->open_ms == b->open_ms && a->ttl_ms == b->ttl_ms &&
	    a->negative_ms == b->negative_ms && a->stale_ms == b->stale_ms &&
	    a->cache_size == b->cache_size && a->attempts == b->attempts &&
	    a->recoverable_days == b->recoverable_days;
}

enum mortise_code
backend_same(const struct backend *backend, const struct backend_setup *setup, bool *same,
    struct mortise_error *error)
{
	enum mortise_code code = options_resolve(setup->options, setup->fetch, setup->arg, error);

	if (code == MORTISE_OK)
		*same = strcmp(backend->plugin->path, setup->plugin->path) == 0 &&
		    strcmp(backend->plugin->sha256, setup->plugin->sha256) == 0 &&
		    backend->timeout_ms == setup->timeout_ms &&
		    rules_same(&backend->rules, &setup->rules) &&
		    options_same(backend->options, setup->options);
	return code;
}

void
backend_close(struct backend *backend)
{
	if (backend == NULL)
		return;
	if (backend->opened)
		backend->plugin->table.close(backend->instance);
	release(backend);
}

const char *
backend_name(const struct backend *backend)
{
	return backend->name;
}

const struct plugin *
backend_plugin(const struct backend *backend)
{
	return backend->plugin;
}

uint64_t
backend_timeout_ms(const struct backend *backend)
{
	return backend->timeout_ms;
}

uint64_t
backend_can(const struct backend *backend)
{
	return backend->can;
}

const char *
backend_identity(const struct backend *backend)
{
	return backend->identity;
}

void
backend_health(struct backend *backend, struct backend_health *health)
{
	struct cache_counts counts = {0};

	*health = (struct backend_health){
		.has_breaker = backend->breaker.limit > 0,
		.has_cache = backend->cache != NULL,
	};
	health->breaker = breaker_look(&backend->breaker, &health->failures, &health->open_ms);
	health->shared = flights_joined(&backend->flights);
	if (backend->cache != NULL)
		cache_count(backend->cache, &counts);
	health->cache_entries = counts.entries;
	health->cache_bytes = counts.bytes;
	health->cache_hits = counts.hits;
	health->cache_misses = counts.misses;
}
