/* SPDX-License-Identifier: BSD-2-Clause */
/* reload: another configuration, built aside and put in the place of the one in
 * force.  Calls that run keep what they began with. */
#include <string.h>

#include "api/context.h"
#include "base/clock.h"

/* What one process writes to is chosen once: nothing says what comes first in two
 * trails. */
static enum mortise_code
check_audit(const struct config *now, const struct config *next, struct mortise_error *error)
{
	if (now->audit.off == next->audit.off &&
	    (next->audit.off || strcmp(now->audit.trail, next->audit.trail) == 0))
		return MORTISE_OK;
	(void)error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
	    "a reload cannot change where the trail is; restart the program for that");
	error_at(error, &next->audit.place);
	return MORTISE_INVALID;
}

/* Recorded before it is in force: what it does from then on is explained. */
static enum mortise_code
record(struct mortise *context, const struct assembly *assembly, struct mortise_error *error)
{
	size_t count;
	struct record_plugin *plugins _cleanup_(free_pointer) = context_plugins(assembly, &count);

	if (plugins == NULL)
		return error_memory(error);
	return context->trail == NULL ? MORTISE_OK : trail_configured(context->trail,
	    assembly->config->digest, plugins, count,
	    deadline_in_ms((uint64_t)assembly->config->deadline_ms), error);
}

static enum mortise_code
build(struct mortise *context, struct assembly *assembly, const struct running *now,
    struct running **next, struct mortise_error *error)
{
	*next = running_new(context, assembly);
	if (*next == NULL)
		return error_memory(error);
	return context->maintenance ? MORTISE_OK :
	    running_open(context, *next, &(struct opening){.before = now}, error);
}

static void
swap(struct mortise *context, struct running *next)
{
	struct running *old;

	(void)pthread_mutex_lock(&context->lock);
	old = context->running;
	context->running = next;
	(void)pthread_mutex_unlock(&context->lock);
	running_unref(old);
}

enum mortise_code
mortise_reload(struct mortise *context, struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct assembly *assembly _cleanup_(assembly_release) = NULL;
	struct running *now, *next = NULL;
	enum mortise_code code;

	error_clear(error);
	(void)pthread_mutex_lock(&context->reloading);
	now = running_hold(context);
	code = context_load(context, &assembly, error);
	if (code == MORTISE_OK)
		code = check_audit(now->assembly->config, assembly->config, error);
	if (code == MORTISE_OK)
		code = build(context, assembly, now, &next, error);
	if (code == MORTISE_OK)
		code = record(context, assembly, error);
	if (code == MORTISE_OK)
		swap(context, next);
	else
		running_unref(next);
	running_unref(now);
	(void)pthread_mutex_unlock(&context->reloading);
	return code;
}
