/* SPDX-License-Identifier: BSD-2-Clause */
/* run.h: one run of a chain inside an operation.  operation's own. */
#ifndef OPERATION_RUN_H
#define OPERATION_RUN_H

#include "operation/call.h"
#include "operation/route.h"

/* The first error of each code is kept: the chain's code picks the one that the
 * caller sees.  run_chain clears it but for what stands first. */
struct run {
	struct operation *operation;
	const char *name;
	const struct config_route *route;	/* NULL: none serves the name */
	unsigned int failed;			/* bit by code: errors[code] is set */
	struct mortise_error errors[MORTISE_CODES];
	char left[256];				/* what undo left where */
	/* By the number of the call; a get: the version found, a put: the one made. */
	struct mortise_version versions[CHAIN_CALLS_MAX];
	const struct chain_entry *entries[CHAIN_CALLS_MAX];
};

/* For a name that is one. */
void run_begin(struct run *, struct operation *, const char *name);

/* Runs the chain that the name's route has for op.  `arg` is the host's, and
 * begins with run. */
enum mortise_code run_chain(struct run *run, const struct chain_host *host, enum chain_op op,
    void (*trace)(void *arg, const struct chain_step *), size_t *answer);

/* A call has ended: writes it down, and keeps its error. */
void run_call_end(struct run *run, struct step *step, enum mortise_code code, size_t number);

/* The backend's own timeout, for a chain_host whose arg is a run. */
uint64_t run_timeout(void *run, const struct chain_entry *entry);

/* The answer's version as BACKEND:VERSION; place may be NULL. */
void run_place(const struct run *run, size_t answer, struct mortise_place *place);
void place_set(const struct engine *engine, struct mortise_place *place, size_t target,
    const char *version);

#endif
