/* SPDX-License-Identifier: BSD-2-Clause */
/* get through the route's chain, or of a given version. */
#include <stdio.h>
#include <string.h>

#include "base/name.h"
#include "operation/behind.h"
#include "operation/run.h"
#include "secmem/secret.h"

struct reading {
	struct run run;			/* first: it is the host's arg */
	struct mortise_secret *values[CHAIN_CALLS_MAX];
	struct backend_told told[CHAIN_CALLS_MAX];
	bool old[CHAIN_CALLS_MAX];	/* answered although it was left behind */
	/* What each backend came to, in the order of the calls. */
	size_t asked_count;
	struct asked {
		size_t target;
		enum mortise_code code;
	} asked[CHAIN_CALLS_MAX];
	/* The last resort, for the second evaluation; NULL: none, or it is used. */
	struct mortise_secret *stale;
	struct mortise_version stale_version;
	struct backend_told stale_told;
	size_t stale_target;
};

/* May the backend answer?  Its mark says whether a write has left it behind. */
static enum mortise_code
look_behind(struct reading *reading, const struct chain_entry *entry, bool *old,
    struct mortise_error *error)
{
	struct run *run = &reading->run;
	const char *backend = run->operation->engine->config->backends[entry->target].name;
	struct mortise_error kept = *run->operation->error;
	struct behind behind;

	*old = false;
	if (run->route->lags == NULL || !run->route->lags[entry->target])
		return MORTISE_OK;
	if (behind_read(run->operation, entry->target, run->name, &behind) != MORTISE_OK) {
		(void)error_set(error, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE, "whether %s was left "
		    "behind cannot be known: %s", backend, run->operation->error->message);
		*run->operation->error = kept;
		return MORTISE_UNAVAILABLE;
	}
	if (behind.kind == BEHIND_NONE || behind.kind == BEHIND_WRITING)
		return MORTISE_OK;
	if (behind.kind == BEHIND_GONE)
		return error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "it was deleted, which %s does not know yet", backend);
	*old = entry->stale;
	return *old ? MORTISE_OK : error_set(error, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
	    "%s was left behind by a write, and may have an older value; `mortise reconcile` brings "
	    "it up to date", backend);
}

static enum mortise_code
get_call(void *arg, const struct chain_entry *entry, size_t number, uint64_t deadline)
{
	struct reading *reading = arg;
	struct run *run = &reading->run;
	enum mortise_code code;
	struct step step;
	struct backend *backend = call_begin(run->operation, &step, entry->target, deadline,
	    MORTISE_CAN_SECRET_GET, &code);

	reading->values[number] = NULL;
	run->entries[number] = entry;
	run->versions[number].text[0] = '\0';
	step.call.fresh = run->operation->fresh;
	step.call.leaving = operation_leaving;
	step.call.leaving_arg = run->operation;
	reading->old[number] = false;
	if (backend != NULL)
		code = look_behind(reading, entry, &reading->old[number], &step.error);
	if (backend != NULL && code == MORTISE_OK)
		code = backend_get(backend, &step.call, run->name, NULL, &reading->values[number],
		    &run->versions[number]);
	reading->told[number] = step.call.told;
	reading->asked[reading->asked_count++] = (struct asked){entry->target, code};
	run_call_end(run, &step, code, number);
	return code;
}

static void
get_drop(void *arg, size_t number)
{
	struct reading *reading = arg;

	mortise_secret_free(reading->values[number]);
	reading->values[number] = NULL;
}

static void
forward_trace(void *arg, const struct chain_step *step)
{
	struct reading *reading = arg;
	const struct operation *operation = reading->run.operation;

	operation->trace(operation->trace_arg, step,
	    step->number == SIZE_MAX ? NULL : &reading->told[step->number]);
}

/* --- the last resort -------------------------------------------------------- */

/* Takes the first value past its time, in the order in which the backends were
 * asked; false: there is none. */
static bool
find_stale(struct reading *reading)
{
	const struct engine *engine = reading->run.operation->engine;

	for (size_t i = 0; i < reading->asked_count; i++) {
		const struct asked *asked = &reading->asked[i];
		struct mortise_error error = {0};
		struct mortise_call call = {.error = &error};

		if ((asked->code != MORTISE_UNAVAILABLE && asked->code != MORTISE_TIMEOUT) ||
		    backend_get_stale(engine->backends[asked->target], &call, reading->run.name,
		    &reading->stale, &reading->stale_version) != MORTISE_OK)
			continue;
		reading->stale_told = call.told;
		reading->stale_target = asked->target;
		return true;
	}
	return false;
}

/* In the second evaluation: what the backend came to in the first, unless it was
 * ok.  Then it is asked again: its value is gone. */
static const struct asked *
failed_before(const struct reading *reading, size_t target)
{
	for (size_t i = 0; i < reading->asked_count; i++) {
		if (reading->asked[i].target == target)
			return reading->asked[i].code == MORTISE_OK ? NULL : &reading->asked[i];
	}
	return NULL;
}

static enum mortise_code
stale_call(void *arg, const struct chain_entry *entry, size_t number, uint64_t deadline)
{
	struct reading *reading = arg;
	const struct asked *before = failed_before(reading, entry->target);

	if (before == NULL)
		return get_call(arg, entry, number, deadline);
	reading->old[number] = false;
	reading->run.entries[number] = entry;
	reading->run.versions[number].text[0] = '\0';
	reading->values[number] = NULL;
	if (entry->target != reading->stale_target || reading->stale == NULL)
		return before->code;
	reading->values[number] = reading->stale;
	reading->run.versions[number] = reading->stale_version;
	reading->told[number] = reading->stale_told;
	reading->stale = NULL;
	return MORTISE_OK;
}

/*
 * The chain came to unavailable or timeout: evaluated once more, with the first
 * value past its time as its entry's ok.  The error is kept if that fails too.
 */
static enum mortise_code
get_stale(struct reading *reading, enum mortise_code code, size_t *answer)
{
	static const struct chain_host host = {
		.call = stale_call, .drop = get_drop, .timeout = run_timeout,
	};
	struct operation *operation = reading->run.operation;
	struct mortise_error first = *operation->error;

	if (operation->fresh || !find_stale(reading))
		return code;
	if (run_chain(&reading->run, &host, CHAIN_GET, NULL, answer) != MORTISE_OK) {
		mortise_secret_free(reading->stale);
		*operation->error = first;
		return code;
	}
	operation->stale = reading->run.entries[*answer]->target == reading->stale_target;
	if (operation->stale)
		(void)error_set(operation->error, MORTISE_OK, MORTISE_REASON_STALE,
		    "%s did not answer; this is what it said %llu s ago (`cache: {stale}`)",
		    operation->engine->config->backends[reading->stale_target].name,
		    (unsigned long long)(reading->stale_told.age_ms / 1000));
	return MORTISE_OK;
}

static void
flag_old(struct operation *operation, size_t target)
{
	operation->stale = true;
	(void)error_set(operation->error, MORTISE_OK, MORTISE_REASON_STALE,
	    "%s was left behind by a write, and may be older than the newest value (`stale: allow`)",
	    operation->engine->config->backends[target].name);
}

/* --- the operation ------------------------------------------------------------ */

/* A given version: one backend, no chain. */
static enum mortise_code
get_version(struct operation *operation, const char *name, const char *version,
    struct mortise_secret **value, struct mortise_place *found)
{
	struct mortise_version wanted, got;
	const char *bare;
	size_t target;
	enum mortise_code code = route_one(operation->engine->config, name, version, &target,
	    &bare, operation->error);

	if (code != MORTISE_OK)
		return code;
	(void)snprintf(wanted.text, sizeof(wanted.text), "%s", bare);
	code = operation_get_at(operation, target, name, &wanted, value, &got);
	if (code == MORTISE_OK)
		place_set(operation->engine, found, target, got.text);
	return code;
}

enum mortise_code
operation_get(struct operation *operation, const char *name, const char *version,
    struct mortise_secret **value, struct mortise_place *found)
{
	static const struct chain_host host = {
		.call = get_call, .drop = get_drop, .timeout = run_timeout,
	};
	enum mortise_code code = name_check(name, operation->error);
	struct reading reading;
	size_t answer;

	if (code != MORTISE_OK)
		return code;
	if (version != NULL && version[0] != '\0')
		return get_version(operation, name, version, value, found);
	run_begin(&reading.run, operation, name);
	reading.asked_count = 0;
	reading.stale = NULL;
	code = run_chain(&reading.run, &host, CHAIN_GET,
	    operation->trace == NULL ? NULL : forward_trace, &answer);
	if (code == MORTISE_UNAVAILABLE || code == MORTISE_TIMEOUT)
		code = get_stale(&reading, code, &answer);
	if (code != MORTISE_OK)
		return code;
	if (reading.old[answer])
		flag_old(operation, reading.run.entries[answer]->target);
	operation->cached = reading.told[answer].cached;
	*value = reading.values[answer];
	run_place(&reading.run, answer, found);
	return MORTISE_OK;
}
