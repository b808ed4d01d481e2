/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * api: the public API, one file per group of calls.  Called by programs, which
 * see <mortise/mortise.h> only.
 *
 * context.h: what a struct mortise is.  What a configuration has made of it is a
 * struct running: it never changes, every call holds the one that it began with,
 * and a reload puts another in its place.
 */
#ifndef API_CONTEXT_H
#define API_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>

#include "operation/operation.h"

/* A configuration with its plugins loaded and their options checked. */
struct assembly {
	_Atomic unsigned int refs;
	struct config *config;
	struct plugin **plugins;		/* by backend; NULL: skipped as missing */
	struct mortise_options **options;	/* the same */
};
/* ok, or invalid with every problem told. */
enum mortise_code assembly_load(const char *config_path, const struct logger *,
    struct problems *, struct assembly **);
struct assembly *assembly_ref(struct assembly *);
void assembly_unref(struct assembly *);		/* NULL is fine */
void assembly_release(struct assembly **);	/* for _cleanup_ */

/* The loader that a configuration asks for; NULL: the compiled-in directory. */
struct loader loader_for(const struct config *);

/* A backend, which a reload that does not touch it hands on. */
struct opened {
	_Atomic unsigned int refs;
	struct mortise *context;
	struct assembly *born;		/* names, places and options lie in there */
	struct backend *backend;
	struct opened **needs;		/* that it reads {secret:, from:} from */
	size_t needs_count;
};

/* One configuration in force. */
struct running {
	_Atomic unsigned int refs;
	struct assembly *assembly;
	struct opened **opened;		/* by backend; NULL: not open, or skipped as missing */
	struct backend **backends;	/* theirs */
	struct followers *followers;	/* the sinks' among them; NULL: none */
	struct engine engine;
};

struct mortise {
	struct logger logger;
	mortise_problem_fn *problem;	/* the program's; NULL: none */
	void *problem_arg;
	char *program, *config_path;
	bool maintenance;		/* no backend of `running` is open ... */
	bool deliver;			/* ... but those that are sinks */
	struct generations generations;
	struct trail *trail;		/* NULL: `audit: off` */
	pthread_mutex_t reloading;	/* one at a time */
	pthread_mutex_t lock;		/* guards running */
	struct running *running;
};

/* What is in force now, for the length of a call. */
struct running *running_hold(struct mortise *);
void running_unref(struct running *);		/* NULL is fine */
void running_release(struct running **);	/* for _cleanup_ */

/* An assembly with none of its backends open. */
struct running *running_new(struct mortise *, struct assembly *);	/* NULL = no memory */

/* What of it is to be opened, and how; {NULL}: all. */
struct opening {
	const struct running *before;	/* has some open in the same form; NULL: none */
	bool one;			/* only `target` and what it needs ... */
	size_t target;
	bool sinks;			/* only those that are sinks, and what they need */
	bool unopened;			/* ... itself for a command that needs no instance */
	bool accept_rollback;		/* ... however old its store is */
	struct backend_note *note;	/* ... and what opening left there; NULL: not wanted */
};
/* The trail must be open.  Only before others see the struct running. */
enum mortise_code running_open(struct mortise *, struct running *, const struct opening *,
    struct mortise_error *);

/* For the care of backends: what is in force or, in a context for maintenance, the
 * configuration read anew, with no backend open. */
enum mortise_code running_care(struct mortise *, struct running **, struct mortise_error *);
/* not_found: no backend of that name. */
enum mortise_code backend_find(const struct config *, const char *name, size_t *target,
    struct mortise_error *);

/* invalid: no sink has that name. */
enum mortise_code sink_find(const struct config *, const char *name, const struct config_sink **,
    struct mortise_error *);
/* The lines of an open sink that its filter takes, within an hour.  A code that is not ok
 * ends it, with the error set. */
typedef enum mortise_code sink_line_fn(void *arg, const char *line, size_t size,
    struct mortise_error *);
enum mortise_code sink_read(struct mortise *, struct backend *, const struct mortise_pair *filter,
    size_t count, sink_line_fn *each, void *arg, struct mortise_error *);
/* mortise_audit_search in filter->sink; own: the op of the search, which is not shown. */
enum mortise_code search_sink(struct mortise *, const struct running *,
    const struct mortise_audit_filter *, const char *own, mortise_line_fn *each, void *arg,
    struct mortise_error *);

/* What the trail records of an assembly's plugins: malloc'd, its strings borrowed. */
struct record_plugin *context_plugins(const struct assembly *, size_t *count);

/* The given path, or where one is found, in the buffer (PATH_MAX). */
enum mortise_code context_find(const char *given, char *buffer, const char **path,
    struct mortise_error *);
/* The first of the problems, as an error; never ok. */
enum mortise_code context_problems(const struct problems *, struct mortise_error *);
/* With nothing read or open yet. */
enum mortise_code context_new(const struct mortise_open_options *, struct mortise **,
    struct mortise_error *);
/* Not where audit is off. */
enum mortise_code context_open_trail(struct mortise *, const struct assembly *,
    struct mortise_error *);

/* Reads the context's configuration; errors go to its `problem`. */
enum mortise_code context_load(struct mortise *, struct assembly **, struct mortise_error *);

/* The configuration alone, for calls on files: trail and stores may be what is broken.
 * path NULL: where it is found.  unsupported where audit is off. */
enum mortise_code trail_config(const char *path, struct config **, struct mortise_error *);

/* mortise_get, with each step of its chain told to trace (NULL: nobody looks). */
enum mortise_code audited_get(const struct engine *, const struct mortise_request *, const char *name,
    const char *version, operation_trace_fn *trace, void *arg,
    struct mortise_secret **value, struct mortise_place *found, struct mortise_error *);

/* token_claim for what is done to a secret that holds tokens, whoever may see them: the
 * record's action stays what it is. */
enum mortise_code claim_tokens(struct operation *, const char *name);

/* The caller's error object, or the one that nobody will read. */
struct mortise_error *error_or(struct mortise_error *given, struct mortise_error *spare);

#endif
