/* SPDX-License-Identifier: BSD-2-Clause */
/* A configuration in force: its backends, open. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/context.h"
#include "base/clock.h"

struct running *
running_hold(struct mortise *context)
{
	struct running *running;

	(void)pthread_mutex_lock(&context->lock);
	running = context->running;
	(void)atomic_fetch_add(&running->refs, 1);
	(void)pthread_mutex_unlock(&context->lock);
	return running;
}

static void
opened_unref(struct opened *opened)
{
	if (opened == NULL || atomic_fetch_sub(&opened->refs, 1) > 1)
		return;
	backend_close(opened->backend);
	for (size_t i = 0; i < opened->needs_count; i++)
		opened_unref(opened->needs[i]);
	free(opened->needs);
	assembly_unref(opened->born);
	free(opened);
}

void
running_unref(struct running *running)
{
	if (running == NULL || atomic_fetch_sub(&running->refs, 1) > 1)
		return;
	followers_stop(running->followers);
	for (size_t i = 0; running->opened != NULL &&
	    i < running->assembly->config->backends_count; i++)
		opened_unref(running->opened[i]);
	free(running->opened);
	free(running->backends);
	assembly_unref(running->assembly);
	free(running);
}

void
running_release(struct running **running)
{
	running_unref(*running);
}

static bool
noted(void *arg, const char *backend, char store[65], uint64_t *generation)
{
	const struct mortise *context = ((struct opened *)arg)->context;

	return context->trail != NULL && trail_noted(context->trail, backend, store, generation);
}

/* {secret: NAME, from: BACKEND}: from one of those that were opened before it. */
static enum mortise_code
fetch(void *arg, const char *backend, const char *name, struct mortise_secret **value,
    struct mortise_error *error)
{
	struct opened *opened = arg;
	struct mortise_call call = {.error = error, .logger = &opened->context->logger};

	for (size_t i = 0; i < opened->needs_count; i++) {
		struct opened *need = opened->needs[i];

		if (need == NULL || strcmp(backend_name(need->backend), backend) != 0)
			continue;
		call.deadline = deadline_in_ms(backend_timeout_ms(need->backend));
		return backend_get(need->backend, &call, name, NULL, value, NULL);
	}
	return error_set(error, MORTISE_UNAVAILABLE, MORTISE_REASON_CONFIGURATION,
	    "{secret: %s, from: %s}: that backend was skipped, as its plugin is missing", name,
	    backend);
}

static struct opened *
opened_new(struct mortise *context, const struct running *running, size_t i)
{
	const struct config_backend *config = &running->assembly->config->backends[i];
	struct opened *opened = calloc(1, sizeof(*opened));

	if (opened == NULL)
		return NULL;
	opened->refs = 1;
	opened->context = context;
	opened->born = assembly_ref(running->assembly);
	opened->needs = calloc(config->needs_count + 1, sizeof(struct opened *));
	if (opened->needs == NULL) {
		opened_unref(opened);
		return NULL;
	}
	for (size_t k = 0; k < config->needs_count; k++) {
		struct opened *need = running->opened[config->needs[k]];

		if (need != NULL)
			(void)atomic_fetch_add(&need->refs, 1);
		opened->needs[opened->needs_count++] = need;
	}
	return opened;
}

/* The backend of this name in what ran before; NULL: none. */
static struct opened *
find_before(const struct running *before, const char *name)
{
	for (size_t i = 0; before != NULL && i < before->assembly->config->backends_count; i++) {
		if (before->opened[i] != NULL &&
		    strcmp(backend_name(before->opened[i]->backend), name) == 0)
			return before->opened[i];
	}
	return NULL;
}

/* Unless what it needs was opened anew, too. */
static bool
same_needs(const struct opened *a, const struct opened *b)
{
	if (a->needs_count != b->needs_count)
		return false;
	for (size_t i = 0; i < a->needs_count; i++) {
		if (a->needs[i] != b->needs[i])
			return false;
	}
	return true;
}

static void
tell_reopened(struct mortise *context, const struct opened *old)
{
	bool forgets = backend_plugin(old->backend)->table.reach == MORTISE_REACH_PROCESS;

	log_line(&context->logger, forgets ? MORTISE_LOG_WARNING : MORTISE_LOG_INFO,
	    "backend %s has changed and is opened anew%s", backend_name(old->backend),
	    forgets ? "; what it held in memory is gone" : "");
}

/* A plugin does not know the name by which it is cared for. */
static void
tell_remedy(const char *backend, struct mortise_error *error)
{
	size_t used = strlen(error->message);

	if (error->reason == MORTISE_REASON_ROLLBACK)
		(void)snprintf(error->message + used, sizeof(error->message) - used,
		    "; `mortise backend %s restore --file COPY` puts a backup back, and `mortise "
		    "backend %s --accept-rollback REASON` accepts what is there", backend, backend);
}

static enum mortise_code
open_backend(struct mortise *context, struct running *running, size_t i,
    const struct opening *opening, struct mortise_error *error)
{
	bool cared = opening->one && opening->target == i;
	struct assembly *assembly = running->assembly;
	const struct config_backend *config = &assembly->config->backends[i];
	struct opened *old = find_before(opening->before, config->name), *made;
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
		.accept_rollback = cared && opening->accept_rollback,
		.fetch = fetch,
		.opened = cared ? opening->note : NULL,
	};
	enum mortise_code code = MORTISE_OK;
	bool same = false;

	if (assembly->plugins[i] == NULL)
		return MORTISE_OK;
	made = opened_new(context, running, i);
	if (made == NULL)
		return error_memory(error);
	setup.arg = made;
	if (old != NULL && same_needs(old, made))
		code = backend_same(old->backend, &setup, &same, error);
	if (code == MORTISE_OK && same) {
		opened_unref(made);
		made = old;
		(void)atomic_fetch_add(&old->refs, 1);
	} else if (code == MORTISE_OK) {
		if (old != NULL)
			tell_reopened(context, old);
		assembly->options[i] = NULL;	/* the backend's from here on */
		code = cared && opening->unopened ?
		    backend_unopened(&setup, &made->backend, error) :
		    backend_open(&setup, &made->backend, error);
	}
	if (code != MORTISE_OK) {
		tell_remedy(config->name, error);
		opened_unref(made);
		return code;
	}
	running->opened[i] = made;
	running->backends[i] = made->backend;
	return MORTISE_OK;
}

struct running *
running_new(struct mortise *context, struct assembly *assembly)
{
	struct running *running = calloc(1, sizeof(*running));
	const struct config *config = assembly->config;

	if (running == NULL)
		return NULL;
	running->refs = 1;
	running->assembly = assembly_ref(assembly);
	running->opened = calloc(config->backends_count, sizeof(struct opened *));
	running->backends = calloc(config->backends_count, sizeof(struct backend *));
	if (running->opened == NULL || running->backends == NULL) {
		running_unref(running);
		return NULL;
	}
	running->engine = (struct engine){
		.config = config,
		.backends = running->backends,
		.maintenance = context->maintenance,
		.trail = context->trail,
		.logger = &context->logger,
		.actor = {.uid = getuid(), .gid = getgid(), .pid = getpid(), .via = "direct"},
	};
	return running;
}

/* The order has what is needed first: from its end, so that what they need in turn is
 * found too. */
static void
mark_needed(const struct config *config, bool *wanted)
{
	for (size_t i = config->backends_count; i-- > 0;) {
		const struct config_backend *backend = &config->backends[config->order[i]];

		for (size_t k = 0; wanted[config->order[i]] && k < backend->needs_count; k++)
			wanted[backend->needs[k]] = true;
	}
}

static void
mark_wanted(const struct config *config, const struct opening *opening, bool *wanted)
{
	for (size_t i = 0; i < config->backends_count; i++)
		wanted[i] = !opening->one && !opening->sinks;
	for (size_t i = 0; opening->sinks && i < config->audit.sinks_count; i++)
		wanted[config->audit.sinks[i].target] = true;
	if (opening->one)
		wanted[opening->target] = true;
	mark_needed(config, wanted);
}

/* Who cares for one backend leaves the sinks to others. */
static enum mortise_code
follow(struct mortise *context, struct running *running, const struct opening *opening,
    struct mortise_error *error)
{
	const struct config_audit *audit = &running->assembly->config->audit;
	enum mortise_code code;

	if (opening->one || context->trail == NULL)
		return MORTISE_OK;
	code = followers_start(context->trail, audit->sinks, audit->sinks_count,
	    running->backends, &context->logger, &running->followers, error);
	if (code == MORTISE_OK && !opening->sinks)
		running->engine.followers = running->followers;
	return code;
}

enum mortise_code
running_open(struct mortise *context, struct running *running, const struct opening *opening,
    struct mortise_error *error)
{
	const struct config *config = running->assembly->config;
	bool *wanted _cleanup_(free_pointer) = calloc(config->backends_count, sizeof(bool));
	enum mortise_code code = MORTISE_OK;

	if (wanted == NULL)
		return error_memory(error);
	mark_wanted(config, opening, wanted);
	for (size_t i = 0; code == MORTISE_OK && i < config->backends_count; i++) {
		if (wanted[config->order[i]])
			code = open_backend(context, running, config->order[i], opening, error);
	}
	return code == MORTISE_OK ? follow(context, running, opening, error) : code;
}
