/* SPDX-License-Identifier: BSD-2-Clause */
/* get, put, keep and delete through the route's chain. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/name.h"
#include "operation/call.h"
#include "operation/route.h"
#include "secmem/secret.h"

/* One run of a chain.  The first error of each code is kept: the chain's code
 * picks the one that the caller sees. */
struct run {
	struct operation *operation;
	const char *name;
	unsigned int failed;			/* bit by code: errors[code] is set */
	struct mortise_error errors[MORTISE_CODES];
	/* get */
	struct mortise_secret *values[CHAIN_CALLS_MAX];
	/* put */
	const struct mortise_secret *value;
	const struct mortise_put_options *options;
	const char *only_if;
	struct mortise_receipt receipts[CHAIN_CALLS_MAX];
	char left[256];				/* what undo left where */
	/* get: the version found; put: the one made */
	struct mortise_version versions[CHAIN_CALLS_MAX];
	const struct chain_entry *entries[CHAIN_CALLS_MAX];
};

static void
keep_error(struct run *run, const struct step *step, enum mortise_code code)
{
	if (code == MORTISE_OK || code == MORTISE_IGNORE || (run->failed & 1u << code) != 0)
		return;
	run->failed |= 1u << code;
	if (step->error.code == code)
		run->errors[code] = step->error;
	else
		(void)error_set(&run->errors[code], code, MORTISE_REASON_NONE, "%s answered %s",
		    run->operation->engine->config->backends[step->target].name,
		    mortise_code_name(code));
}

static enum mortise_code
get_call(void *arg, const struct chain_entry *entry, size_t number, uint64_t deadline)
{
	struct run *run = arg;
	enum mortise_code code;
	struct step step;
	struct backend *backend = call_begin(run->operation, &step, entry->target, deadline,
	    MORTISE_CAN_SECRET_GET, &code);

	run->values[number] = NULL;
	run->entries[number] = entry;
	run->versions[number].text[0] = '\0';
	if (backend != NULL)
		code = backend_get(backend, &step.call, run->name, NULL, &run->values[number],
		    &run->versions[number]);
	call_end(run->operation, &step, code, run->versions[number].text);
	keep_error(run, &step, code);
	return code;
}

static void
get_drop(void *arg, size_t number)
{
	struct run *run = arg;

	mortise_secret_free(run->values[number]);
	run->values[number] = NULL;
}

static uint64_t
entry_timeout(void *arg, const struct chain_entry *entry)
{
	struct run *run = arg;

	return run->operation->engine->config->backends[entry->target].timeout_ms * NS_PER_MS;
}

static void
forward_trace(void *arg, const struct chain_step *step)
{
	struct run *run = arg;

	run->operation->trace(run->operation->trace_arg, step);
}

/* The chain's code with the error of the entry that gave it. */
static enum mortise_code
finish(struct run *run, enum mortise_code code)
{
	if (code == MORTISE_OK)
		return code;
	if ((run->failed & 1u << code) != 0)
		*run->operation->error = run->errors[code];
	else
		(void)error_set(run->operation->error, code, MORTISE_REASON_NONE,
		    "no entry of the chain said yes; `mortise explain` shows the chain");
	if (run->left[0] != '\0') {
		size_t used = strlen(run->operation->error->message);

		(void)snprintf(run->operation->error->message + used,
		    sizeof(run->operation->error->message) - used, "; %s", run->left);
	}
	return code;
}

static enum mortise_code
run_chain(struct run *run, const struct chain_host *host, enum chain_op op, size_t *answer)
{
	struct chain_run how = {
		.host = host, .arg = run, .op = op, .deadline = run->operation->deadline,
		.trace = run->operation->trace == NULL ? NULL : forward_trace,
	};
	const struct chain *chain;
	enum mortise_code code = route_chain(run->operation->engine->config, run->name, op, &chain,
	    run->operation->error);

	run->failed = 0;
	run->left[0] = '\0';
	if (code != MORTISE_OK)
		return code;
	return finish(run, chain_run(chain, &how, answer));
}

static void
set_place(const struct engine *engine, struct mortise_place *place, size_t target,
    const char *version)
{
	if (place != NULL)
		(void)snprintf(place->text, sizeof(place->text), "%s:%s",
		    engine->config->backends[target].name, version);
}

bool
operation_leaves_machine(const struct engine *engine, const char *name)
{
	const struct chain *chain;

	if (route_chain(engine->config, name, CHAIN_GET, &chain, NULL) != MORTISE_OK)
		return false;
	for (size_t i = 0; i < engine->config->backends_count; i++) {
		if (engine->backends[i] != NULL && route_has_backend(chain, i) &&
		    backend_plugin(engine->backends[i])->table.reach == MORTISE_REACH_NETWORK)
			return true;
	}
	return false;
}

/* A given version: one backend, no chain. */
static enum mortise_code
get_version(struct operation *operation, const char *name, const char *version,
    struct mortise_secret **value, struct mortise_place *found)
{
	struct mortise_version wanted, got = {""};
	enum mortise_code code;
	struct backend *backend;
	struct step step;
	const char *bare;
	size_t target;

	code = route_one(operation->engine->config, name, version, &target, &bare,
	    operation->error);
	if (code != MORTISE_OK)
		return code;
	(void)snprintf(wanted.text, sizeof(wanted.text), "%s", bare);
	backend = call_begin(operation, &step, target, call_deadline(operation, target),
	    MORTISE_CAN_SECRET_GET, &code);
	if (backend == NULL)
		code = MORTISE_UNSUPPORTED;
	else
		code = backend_get(backend, &step.call, name, &wanted, value, &got);
	call_end(operation, &step, code, got.text);
	if (code != MORTISE_OK)
		return call_fail(operation, &step, code);
	set_place(operation->engine, found, target, got.text);
	return MORTISE_OK;
}

enum mortise_code
operation_get(struct operation *operation, const char *name, const char *version,
    struct mortise_secret **value, struct mortise_place *found)
{
	static const struct chain_host host = {
		.call = get_call, .drop = get_drop, .timeout = entry_timeout,
	};
	enum mortise_code code = name_check(name, operation->error);
	struct run run;
	size_t answer;

	if (code != MORTISE_OK)
		return code;
	if (version != NULL && version[0] != '\0')
		return get_version(operation, name, version, value, found);
	run.operation = operation;
	run.name = name;
	code = run_chain(&run, &host, CHAIN_GET, &answer);
	if (code != MORTISE_OK)
		return code;
	*value = run.values[answer];
	set_place(operation->engine, found, run.entries[answer]->target,
	    run.versions[answer].text);
	return MORTISE_OK;
}

static enum mortise_code
put_call(void *arg, const struct chain_entry *entry, size_t number, uint64_t deadline)
{
	struct run *run = arg;
	struct mortise_version only_if;
	struct mortise_secret_put put = {.size = sizeof(put), .value = run->value};
	struct mortise_receipt *receipt = &run->receipts[number];
	unsigned char key[16];
	enum mortise_code code;
	struct step step;
	struct backend *backend = call_begin(run->operation, &step, entry->target, deadline,
	    MORTISE_CAN_SECRET_PUT, &code);

	run->entries[number] = entry;
	*receipt = (struct mortise_receipt){.size = sizeof(*receipt), .existed = -1};
	if (run->options != NULL) {
		put.labels = run->options->labels;
		put.labels_count = run->options->labels_count;
		/* A precondition is for the first call alone. */
		put.only_if_absent = number == 0 && run->options->only_if_absent;
	}
	if (number == 0 && run->only_if != NULL) {
		(void)snprintf(only_if.text, sizeof(only_if.text), "%s", run->only_if);
		put.only_if = &only_if;
	}
	if (backend != NULL && random_bytes(key, sizeof(key))) {
		hex_encode(key, sizeof(key), receipt->idempotency_key);
		code = backend_put(backend, &step.call, run->name, &put, receipt);
	} else if (backend != NULL)
		code = error_set(&step.error, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "the random number generator failed");
	run->versions[number] = receipt->made;
	call_end(run->operation, &step, code, receipt->made.text);
	keep_error(run, &step, code);
	return code;
}

/* On its own time: the caller's deadline may be over. */
static void
put_undo(void *arg, const struct chain_entry *entry, size_t number)
{
	struct run *run = arg;
	const struct config_backend *config =
	    &run->operation->engine->config->backends[entry->target];
	enum mortise_code code;
	struct step step;
	struct backend *backend = call_begin(run->operation, &step, entry->target,
	    deadline_in_ms(config->timeout_ms), MORTISE_CAN_SECRET_UNDO, &code);
	size_t used = strlen(run->left);

	if (backend != NULL)
		code = backend_undo(backend, &step.call, run->name, &run->receipts[number],
		    run->value);
	call_end(run->operation, &step, code, NULL);
	if (code == MORTISE_OK || code == MORTISE_NOT_FOUND ||
	    step.error.reason == MORTISE_REASON_SUPERSEDED)
		return;
	(void)snprintf(run->left + used, sizeof(run->left) - used,
	    "%s%s could not take the new version back (%s)", used == 0 ? "" : ", ", config->name,
	    mortise_code_name(code));
}

/* The precondition's backend must be the first that is written. */
static enum mortise_code
check_precondition(struct run *run, const struct mortise_put_options *options)
{
	const struct config *config = run->operation->engine->config;
	const struct chain *chain;
	enum mortise_code code;
	size_t target;

	run->only_if = NULL;
	if (options == NULL || options->only_if == NULL)
		return MORTISE_OK;
	code = route_chain(config, run->name, CHAIN_PUT, &chain, run->operation->error);
	if (code == MORTISE_OK)
		code = route_one(config, run->name, options->only_if, &target, &run->only_if,
		    run->operation->error);
	if (code != MORTISE_OK || target == route_first_backend(chain))
		return code;
	return error_set(run->operation->error, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "a condition goes to the backend that is written first, %s",
	    config->backends[route_first_backend(chain)].name);
}

static enum mortise_code
check_value(const struct mortise_secret *value, struct mortise_error *error)
{
	size_t size = 0;

	(void)mortise_secret_peek(value, &size);
	if (size <= MORTISE_VALUE_MAX)
		return MORTISE_OK;
	return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "the value has %zu bytes, and a secret holds at most %d; store a key to it instead",
	    size, MORTISE_VALUE_MAX);
}

enum mortise_code
operation_put(struct operation *operation, const char *name, const struct mortise_secret *value,
    const struct mortise_put_options *options, bool keep, struct mortise_place *made)
{
	static const struct chain_host host = {
		.call = put_call, .undo = put_undo, .timeout = entry_timeout,
	};
	enum mortise_code code = name_check(name, operation->error);
	struct run run;
	size_t answer;

	run.operation = operation;
	run.name = name;
	run.value = value;
	run.options = options;
	if (code == MORTISE_OK)
		code = check_value(value, operation->error);
	if (code == MORTISE_OK)
		code = check_precondition(&run, options);
	if (code == MORTISE_OK)
		code = run_chain(&run, &host, keep ? CHAIN_KEEP : CHAIN_PUT, &answer);
	if (code != MORTISE_OK)
		return code;
	set_place(operation->engine, made, run.entries[answer]->target,
	    run.versions[answer].text);
	return MORTISE_OK;
}

static enum mortise_code
delete_call(void *arg, const struct chain_entry *entry, size_t number, uint64_t deadline)
{
	struct run *run = arg;
	enum mortise_code code;
	struct step step;
	struct backend *backend = call_begin(run->operation, &step, entry->target, deadline,
	    MORTISE_CAN_SECRET_DELETE, &code);

	(void)number;
	if (backend != NULL)
		code = backend_delete(backend, &step.call, run->name);
	call_end(run->operation, &step, code, NULL);
	keep_error(run, &step, code);
	return code;
}

enum mortise_code
operation_delete(struct operation *operation, const char *name)
{
	static const struct chain_host host = {.call = delete_call, .timeout = entry_timeout};
	enum mortise_code code = name_check(name, operation->error);
	struct run run;
	size_t answer;

	run.operation = operation;
	run.name = name;
	return code == MORTISE_OK ? run_chain(&run, &host, CHAIN_DELETE, &answer) : code;
}
