/* SPDX-License-Identifier: BSD-2-Clause */
/* A configuration in force: its backends, open. */
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

static enum mortise_code
open_backend(struct mortise *context, struct running *running, size_t i,
    const struct running *before, struct mortise_error *error)
{
	struct assembly *assembly = running->assembly;
	const struct config_backend *config = &assembly->config->backends[i];
	struct opened *old = find_before(before, config->name), *made;
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
		code = backend_open(&setup, &made->backend, error);
	}
	if (code != MORTISE_OK) {
		opened_unref(made);
		return code;
	}
	running->opened[i] = made;
	running->backends[i] = made->backend;
	return MORTISE_OK;
}

enum mortise_code
running_open(struct mortise *context, struct assembly *assembly, const struct running *before,
    struct running **result, struct mortise_error *error)
{
	struct running *running _cleanup_(running_release) = calloc(1, sizeof(*running));
	const struct config *config = assembly->config;
	enum mortise_code code = MORTISE_OK;

	if (running == NULL)
		return error_memory(error);
	running->refs = 1;
	running->assembly = assembly_ref(assembly);
	running->opened = calloc(config->backends_count, sizeof(struct opened *));
	running->backends = calloc(config->backends_count, sizeof(struct backend *));
	if (running->opened == NULL || running->backends == NULL)
		return error_memory(error);
	for (size_t i = 0; code == MORTISE_OK && i < config->backends_count; i++)
		code = open_backend(context, running, config->order[i], before, error);
	if (code != MORTISE_OK)
		return code;
	running->engine = (struct engine){
		.config = config,
		.backends = running->backends,
		.trail = context->trail,
		.logger = &context->logger,
		.actor = {.uid = getuid(), .gid = getgid(), .pid = getpid(), .via = "direct"},
	};
	*result = running;
	running = NULL;
	return MORTISE_OK;
}
