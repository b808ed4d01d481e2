/* SPDX-License-Identifier: BSD-2-Clause */
/* put, keep and delete through the route's chain. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/name.h"
#include "operation/mirror.h"
#include "operation/run.h"

struct writing {
	struct run run;			/* first: it is the host's arg */
	const struct mortise_secret *value;
	const struct mortise_put_options *options;
	const char *only_if;
	struct mortise_receipt receipts[CHAIN_CALLS_MAX];
	struct mirror mirror;
	size_t calls;			/* made so far */
	bool written[CHAIN_CALLS_MAX];	/* by the call: ok, and not taken back */
};

static enum mortise_code
put_call(void *arg, const struct chain_entry *entry, size_t number, uint64_t deadline)
{
	struct writing *writing = arg;
	struct run *run = &writing->run;
	struct mortise_version only_if;
	struct mortise_secret_put put = {.size = sizeof(put), .value = writing->value};
	struct mortise_receipt *receipt = &writing->receipts[number];
	enum mortise_code code;
	struct step step;
	struct backend *backend = call_begin(run->operation, &step, entry->target, deadline,
	    MORTISE_CAN_SECRET_PUT, &code);

	run->entries[number] = entry;
	*receipt = (struct mortise_receipt){.size = sizeof(*receipt), .existed = -1};
	if (writing->options != NULL) {
		put.labels = writing->options->labels;
		put.labels_count = writing->options->labels_count;
		/* A precondition is for the first call alone. */
		put.only_if_absent = number == 0 && writing->options->only_if_absent;
	}
	if (number == 0 && writing->only_if != NULL) {
		(void)snprintf(only_if.text, sizeof(only_if.text), "%s", writing->only_if);
		put.only_if = &only_if;
	}
	if (backend != NULL)
		code = call_put(backend, &step, run->name, &put, receipt);
	run->versions[number] = receipt->made;
	run_call_end(run, &step, code, number);
	mirror_called(&writing->mirror, entry->target, code);
	writing->written[number] = code == MORTISE_OK;
	writing->calls = number + 1;
	return code;
}

/* On its own time: the caller's deadline may be over. */
static void
put_undo(void *arg, const struct chain_entry *entry, size_t number)
{
	struct writing *writing = arg;
	struct run *run = &writing->run;
	const struct config_backend *config =
	    &run->operation->engine->config->backends[entry->target];
	enum mortise_code code;
	struct step step;
	struct backend *backend = call_begin(run->operation, &step, entry->target,
	    deadline_in_ms(config->timeout_ms), MORTISE_CAN_SECRET_UNDO, &code);
	size_t used = strlen(run->left);

	if (backend != NULL)
		code = backend_undo(backend, &step.call, run->name, &writing->receipts[number],
		    writing->value);
	call_end(run->operation, &step, code, NULL);
	writing->written[number] = false;
	if (code == MORTISE_OK || code == MORTISE_NOT_FOUND ||
	    step.error.reason == MORTISE_REASON_SUPERSEDED) {
		mirror_undone(&writing->mirror, entry->target, true);
		return;
	}
	mirror_undone(&writing->mirror, entry->target, false);
	(void)snprintf(run->left + used, sizeof(run->left) - used,
	    "%s%s could not take the new version back (%s)", used == 0 ? "" : ", ", config->name,
	    mortise_code_name(code));
}

/* The precondition's backend must be the first that is written. */
static enum mortise_code
check_precondition(struct writing *writing, const struct mortise_put_options *options)
{
	struct run *run = &writing->run;
	const struct config *config = run->operation->engine->config;
	const struct chain *chain;
	enum mortise_code code;
	size_t target;

	writing->only_if = NULL;
	if (options == NULL || options->only_if == NULL)
		return MORTISE_OK;
	code = route_chain(run->route, CHAIN_PUT, &chain, run->operation->error);
	if (code == MORTISE_OK)
		code = route_one(config, run->name, options->only_if, &target, &writing->only_if,
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

/* What the chain was content with, newest first. */
static void
take_back(struct writing *writing)
{
	for (size_t i = writing->calls; i > 0; i--) {
		if (writing->written[i - 1])
			put_undo(writing, writing->run.entries[i - 1], i - 1);
	}
}

static enum mortise_code
run_put(struct writing *writing, bool keep, size_t *answer)
{
	static const struct chain_host host = {
		.call = put_call, .undo = put_undo, .timeout = run_timeout,
	};
	enum chain_op op = keep ? CHAIN_KEEP : CHAIN_PUT;
	struct mirror *mirror = &writing->mirror;
	struct operation *operation = writing->run.operation;
	enum mortise_code code = mirror_begin(mirror, &writing->run, op), settled;

	if (code != MORTISE_OK && !keep)
		return code;
	if (code != MORTISE_OK) {
		/* What cannot be had again is kept all the same. */
		log_line(operation->engine->logger, MORTISE_LOG_WARNING, "%s is kept, and if a backend "
		    "does not take it that cannot be noted: %s", writing->run.name,
		    operation->error->message);
		error_clear(operation->error);
	}
	writing->calls = 0;
	code = run_chain(&writing->run, &host, op, NULL, answer);
	settled = mirror_end(mirror, code);
	if (settled != code) {
		take_back(writing);
		code = mirror_end(mirror, settled);
	}
	mirror_close(mirror);
	return code;
}

enum mortise_code
operation_put(struct operation *operation, const char *name, const struct mortise_secret *value,
    const struct mortise_put_options *options, bool keep, struct mortise_place *made)
{
	enum mortise_code code = name_check(name, operation->error);
	struct writing writing;
	size_t answer;

	if (code == MORTISE_OK)
		run_begin(&writing.run, operation, name);
	writing.value = value;
	writing.options = options;
	if (code == MORTISE_OK)
		code = check_value(value, operation->error);
	if (code == MORTISE_OK)
		code = check_precondition(&writing, options);
	if (code == MORTISE_OK)
		code = run_put(&writing, keep, &answer);
	if (code != MORTISE_OK)
		return code;
	run_place(&writing.run, answer, made);
	return MORTISE_OK;
}

struct deleting {
	struct run run;			/* first: it is the host's arg */
	struct mirror mirror;
};

static enum mortise_code
delete_call(void *arg, const struct chain_entry *entry, size_t number, uint64_t deadline)
{
	struct deleting *deleting = arg;
	struct run *run = &deleting->run;
	enum mortise_code code;
	struct step step;
	struct backend *backend = call_begin(run->operation, &step, entry->target, deadline,
	    MORTISE_CAN_SECRET_DELETE, &code);

	run->versions[number].text[0] = '\0';
	if (backend != NULL)
		code = backend_delete(backend, &step.call, run->name);
	run_call_end(run, &step, code, number);
	mirror_called(&deleting->mirror, entry->target, code);
	return code;
}

enum mortise_code
operation_delete(struct operation *operation, const char *name)
{
	static const struct chain_host host = {.call = delete_call, .timeout = run_timeout};
	enum mortise_code code = name_check(name, operation->error);
	struct deleting deleting;
	size_t answer;

	if (code != MORTISE_OK)
		return code;
	run_begin(&deleting.run, operation, name);
	code = mirror_begin(&deleting.mirror, &deleting.run, CHAIN_DELETE);
	if (code != MORTISE_OK)
		return code;
	code = mirror_end(&deleting.mirror, run_chain(&deleting.run, &host, CHAIN_DELETE, NULL,
	    &answer));
	mirror_close(&deleting.mirror);
	return code;
}
