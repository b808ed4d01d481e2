/* SPDX-License-Identifier: BSD-2-Clause */
#include "operation/call.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"

struct backend *
call_begin(struct operation *operation, struct step *step, size_t target, uint64_t deadline,
    uint64_t capability, enum mortise_code *code)
{
	const struct engine *engine = operation->engine;
	const struct config_backend *config = &engine->config->backends[target];
	struct backend *backend = engine->backends[target];

	step->call = (struct mortise_call){
		.deadline = deadline,
		.error = &step->error,
		.logger = engine->logger,
		.place = &config->place,
	};
	error_clear(&step->error);
	step->target = target;
	step->started = clock_monotonic_ns();
	if (backend == NULL && engine->maintenance) {
		*code = error_set(&step->error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "the backend %s is not open: this context is for maintenance", config->name);
		return NULL;
	}
	if (backend == NULL || (config->skip_if_unsupported &&
	    (backend_can(backend) & capability) == 0)) {
		*code = MORTISE_IGNORE;
		return NULL;
	}
	return backend;
}

static void
note_store(struct operation *operation, const char *backend, const struct backend_note *note)
{
	size_t i = 0;

	while (i < operation->stores_count && strcmp(operation->stores[i].backend, backend) != 0)
		i++;
	if (i == OPERATION_STORES_MAX)
		return;
	if (i == operation->stores_count)
		operation->stores_count++;
	(void)snprintf(operation->store_ids[i], sizeof(operation->store_ids[i]), "%s",
	    note->store);
	operation->stores[i] = (struct record_store){
		.backend = backend, .id = operation->store_ids[i], .generation = note->generation,
	};
}

void
call_end(struct operation *operation, struct step *step, enum mortise_code code,
    const char *version)
{
	const char *backend = operation->engine->config->backends[step->target].name;
	size_t i = operation->calls_count;

	if (step->call.note.set)
		note_store(operation, backend, &step->call.note);
	if (i == OPERATION_CALLS_MAX)
		return;
	operation->calls_count++;
	(void)snprintf(operation->versions[i], sizeof(operation->versions[i]), "%s",
	    version == NULL ? "" : version);
	operation->calls[i] = (struct record_call){
		.backend = backend,
		.code = mortise_code_name(code),
		.ms = (int64_t)((clock_monotonic_ns() - step->started) / NS_PER_MS),
		.version = operation->versions[i],
	};
}

enum mortise_code
call_put(struct backend *backend, struct step *step, const char *name,
    const struct mortise_secret_put *put, struct mortise_receipt *receipt)
{
	unsigned char key[16];

	if (!random_bytes(key, sizeof(key)))
		return error_set(&step->error, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "the random number generator failed");
	hex_encode(key, sizeof(key), receipt->idempotency_key);
	return backend_put(backend, &step->call, name, put, receipt);
}

uint64_t
call_deadline(const struct operation *operation, size_t target)
{
	uint64_t own = deadline_in_ms(operation->engine->config->backends[target].timeout_ms);

	return own < operation->deadline ? own : operation->deadline;
}

enum mortise_code
call_fail(struct operation *operation, const struct step *step, enum mortise_code code)
{
	if (step->error.code != code)
		return error_set(operation->error, code, MORTISE_REASON_NONE, "%s answered %s",
		    operation->engine->config->backends[step->target].name,
		    mortise_code_name(code));
	*operation->error = step->error;
	return code;
}
