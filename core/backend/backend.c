/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "backend/instance.h"
#include "base/clock.h"
#include "base/code.h"

/* --- the turn of a serial instance ------------------------------------------- */

/* 0, or an error number; the mutex and the condition are there, or neither is. */
static int
turn_init(struct turn *turn)
{
	pthread_condattr_t attributes;
	int failed = pthread_condattr_init(&attributes);

	if (failed != 0)
		return failed;
	failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (failed == 0)
		failed = pthread_cond_init(&turn->given, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	if (failed != 0)
		return failed;
	failed = pthread_mutex_init(&turn->lock, NULL);
	if (failed != 0)
		(void)pthread_cond_destroy(&turn->given);
	return failed;
}

static void
turn_destroy(struct turn *turn)
{
	(void)pthread_mutex_destroy(&turn->lock);
	(void)pthread_cond_destroy(&turn->given);
}

/* false: the deadline came first. */
static bool
turn_take(struct turn *turn, uint64_t deadline)
{
	struct timespec end = deadline_timespec(deadline);
	bool mine;

	(void)pthread_mutex_lock(&turn->lock);
	while (turn->taken && pthread_cond_timedwait(&turn->given, &turn->lock, &end) == 0)
		continue;
	mine = !turn->taken;
	turn->taken = true;
	(void)pthread_mutex_unlock(&turn->lock);
	return mine;
}

static void
turn_give(struct turn *turn)
{
	(void)pthread_mutex_lock(&turn->lock);
	turn->taken = false;
	(void)pthread_cond_signal(&turn->given);
	(void)pthread_mutex_unlock(&turn->lock);
}

/* --- around a call ------------------------------------------------------------ */

static bool
serial(const struct backend *backend)
{
	return backend->plugin->table.threads == MORTISE_THREADS_SERIAL;
}

/* The error is large and mostly clean: it is cleared only where it is not. */
static void
clean(struct mortise_error *error)
{
	if (error->code != MORTISE_OK || error->message[0] != '\0' ||
	    error->request_id[0] != '\0' || error->retry_after_ms != 0)
		error_clear(error);
}

enum mortise_code
backend_say(const struct backend *backend, struct mortise_call *call, enum mortise_code said)
{
	struct mortise_error *error = call->error;
	enum mortise_code code = code_known(said);

	if (code == MORTISE_OK) {
		clean(error);
		return code;
	}
	if (code != said)
		(void)error_set(error, code, MORTISE_REASON_NONE, "the plugin %s answered the code "
		    "%d, which is none; report it to its author", backend->plugin->table.name,
		    (int)said);
	else if (error->message[0] == '\0')
		(void)error_set(error, code, MORTISE_REASON_NONE, "the plugin %s answered %s and "
		    "does not say why", backend->plugin->table.name, mortise_code_name(code));
	/* The plugin may have prepared another answer; what it returned counts. */
	error->code = code;
	(void)snprintf(error->backend, sizeof(error->backend), "%s", backend->name);
	if (error->file[0] == '\0')
		error_at(error, &backend->place);
	return code;
}

enum mortise_code
backend_broken(const struct backend *backend, struct mortise_call *call, const char *what)
{
	(void)error_set(call->error, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "the plugin %s %s; report it to its author", backend->plugin->table.name, what);
	return backend_say(backend, call, MORTISE_ERROR);
}

enum mortise_code
backend_enter(struct backend *backend, struct mortise_call *call, uint64_t bit)
{
	call->backend = backend;
	call->note.set = false;
	clean(call->error);
	if ((backend->can & bit) != bit) {
		(void)error_set(call->error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "the plugin %s has no %s here; route it to a backend that has it",
		    backend->plugin->table.name, plugin_operation_name(bit));
		return backend_say(backend, call, MORTISE_UNSUPPORTED);
	}
	if (!serial(backend) || turn_take(&backend->turn, call->deadline))
		return MORTISE_OK;
	(void)error_set(call->error, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
	    "earlier calls took until the deadline: the plugin %s serves one at a time; raise the "
	    "deadline, or configure the backend twice", backend->plugin->table.name);
	return backend_say(backend, call, MORTISE_TIMEOUT);
}

enum mortise_code
backend_leave(struct backend *backend, struct mortise_call *call, enum mortise_code said)
{
	if (serial(backend))
		turn_give(&backend->turn);
	return backend_say(backend, call, said);
}

/* --- open and close ----------------------------------------------------------- */

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
open_instance(struct backend *backend, struct mortise_error *error)
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
	if (code == MORTISE_OK)
		introduce(backend);
	return code;
}

/* All but the instance. */
static void
release(struct backend *backend)
{
	options_free(backend->options);
	resolver_unref(backend->resolver);
	turn_destroy(&backend->turn);
	free(backend);
}

static struct backend *
make(const struct backend_setup *setup)
{
	struct backend *backend = calloc(1, sizeof(*backend));

	if (backend == NULL || turn_init(&backend->turn) != 0) {
		free(backend);
		options_free(setup->options);
		return NULL;
	}
	backend->name = setup->name;
	backend->place = setup->place;
	backend->plugin = setup->plugin;
	backend->options = setup->options;
	backend->timeout_ms = setup->timeout_ms;
	backend->logger = setup->logger;
	backend->noted = setup->noted;
	backend->fetch = setup->fetch;
	backend->arg = setup->arg;
	backend->resolver = resolver_new();
	if (backend->resolver == NULL) {
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
	code = open_instance(backend, error);
	if (code != MORTISE_OK) {
		release(backend);
		return code;
	}
	*result = backend;
	return MORTISE_OK;
}

void
backend_close(struct backend *backend)
{
	if (backend == NULL)
		return;
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
