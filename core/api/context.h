/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * api: the public API, one file per group of calls.  Called by programs, which
 * see <mortise/mortise.h> only.
 *
 * context.h: what a struct mortise is.  After mortise_open nothing in it
 * changes until mortise_close, so calls need no lock of its.
 */
#ifndef API_CONTEXT_H
#define API_CONTEXT_H

#include "operation/operation.h"

/* A configuration with its plugins loaded and their options checked. */
struct assembly {
	struct config *config;
	struct plugin **plugins;		/* by backend; NULL: skipped as missing */
	struct mortise_options **options;	/* the same */
};
/* ok, or invalid with every problem told. */
enum mortise_code assembly_load(const char *config_path, const struct logger *,
    struct problems *, struct assembly *);
void assembly_free(struct assembly *);		/* for _cleanup_ */

/* The loader that a configuration asks for; NULL: the compiled-in directory. */
struct loader loader_for(const struct config *);

struct mortise {
	struct logger logger;
	struct assembly assembly;
	struct generations generations;
	struct trail *trail;
	struct backend **backends;		/* in the order of the configuration */
	bool *opening;				/* the same; true while one is being opened */
	struct engine engine;
	char *program;
};

/* mortise_get, with each step of its chain told to trace (NULL: nobody looks). */
enum mortise_code audited_get(struct mortise *, const struct mortise_request *, const char *name,
    const char *version, operation_trace_fn *trace, void *arg,
    struct mortise_secret **value, struct mortise_place *found, struct mortise_error *);

/* The caller's error object, or the one that nobody will read. */
struct mortise_error *error_or(struct mortise_error *given, struct mortise_error *spare);

#endif
