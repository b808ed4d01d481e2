/* SPDX-License-Identifier: BSD-2-Clause */
#include "operation/run.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

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

void
run_call_end(struct run *run, struct step *step, enum mortise_code code, size_t number)
{
	call_end(run->operation, step, code, run->versions[number].text);
	keep_error(run, step, code);
}

uint64_t
run_timeout(void *arg, const struct chain_entry *entry)
{
	const struct run *run = arg;

	return run->operation->engine->config->backends[entry->target].timeout_ms * NS_PER_MS;
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

void
run_begin(struct run *run, struct operation *operation, const char *name)
{
	const struct config *config = operation->engine->config;

	run->operation = operation;
	run->name = name;
	run->route = route_find(config->secret, config->secret_count, name);
}

enum mortise_code
run_chain(struct run *run, const struct chain_host *host, enum chain_op op,
    void (*trace)(void *arg, const struct chain_step *), size_t *answer)
{
	const struct chain_run how = {
		.host = host, .arg = run, .op = op, .deadline = run->operation->deadline,
		.trace = trace,
	};
	const struct chain *chain;
	enum mortise_code code = route_chain(run->route, op, &chain, run->operation->error);

	run->failed = 0;
	run->left[0] = '\0';
	if (code != MORTISE_OK)
		return code;
	return finish(run, chain_run(chain, &how, answer));
}

void
place_set(const struct engine *engine, struct mortise_place *place, size_t target,
    const char *version)
{
	if (place != NULL)
		(void)snprintf(place->text, sizeof(place->text), "%s:%s",
		    engine->config->backends[target].name, version);
}

void
run_place(const struct run *run, size_t answer, struct mortise_place *place)
{
	place_set(run->operation->engine, place, run->entries[answer]->target,
	    run->versions[answer].text);
}
