/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backend: one configured instance of a plugin, with its deadline, its thread
 * rule and the host table.  Called by operation, audit (sinks) and api (open,
 * close).  Breaker, cache, retry and single flight will stand between these
 * functions and the plugin's.
 */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

#include "base/log.h"
#include "config/options.h"
#include "loader/loader.h"

struct backend;

/* What an operation left in the store, for the trail. */
struct backend_note {
	bool set;
	char store[65];
	uint64_t generation;
};

/* One operation, as the plugin sees it. */
struct mortise_call {
	uint64_t deadline;		/* CLOCK_MONOTONIC, ns */
	struct mortise_error *error;	/* never NULL; clean, or from an earlier call */
	const struct backend *backend;	/* NULL while a plugin is loaded */
	const struct logger *logger;
	struct backend_note note;	/* out */
};

/* Collects the results of list, describe, take, claim and commands. */
struct mortise_out {
	/* Each may be NULL; ok = go on.  What they are given is borrowed. */
	enum mortise_code (*name)(void *arg, const char *);
	enum mortise_code (*history)(void *arg, const struct mortise_history *);
	enum mortise_code (*record)(void *arg, const struct mortise_record *);
	enum mortise_code (*row)(void *arg, const struct mortise_pair *, size_t);
	void *arg;
	char cursor[1025];		/* "" = last page */
};

struct backend_setup {
	const char *name;		/* borrowed for the backend's life, as all of these */
	struct place place;
	const struct plugin *plugin;
	/* Checked; the backend's from here on, also on failure. */
	struct mortise_options *options;
	uint64_t timeout_ms;
	const struct logger *logger;
	/* What the trail's head holds for this name; NULL: nothing. */
	bool (*noted)(void *arg, const char *backend, char store[65], uint64_t *generation);
	options_fetch_fn *fetch;	/* for {secret:}; NULL: none */
	void *arg;
};

/* The table that plugins get. */
const struct mortise_host *backend_host(void);

/* Resolves the options and opens the instance, within the setup's timeout. */
enum mortise_code backend_open(const struct backend_setup *, struct backend **,
    struct mortise_error *);
void backend_close(struct backend *);	/* no call may be running; NULL is fine */

const char *backend_name(const struct backend *);
const struct plugin *backend_plugin(const struct backend *);
uint64_t backend_timeout_ms(const struct backend *);
uint64_t backend_can(const struct backend *);		/* after offers() */
const char *backend_identity(const struct backend *);	/* of its store, or else its name */

/*
 * Each is the plugin's slot of that name behind the thread rule; unsupported
 * where there is none, or offers() took it away.  A wait for the turn of a
 * serial instance counts: over the deadline it is timeout.
 *
 * Error where the plugin breaks its word: a code that is none, ok without a
 * value or record, ignore with a value, more records than asked for, a list
 * without end.  Every code but ok, ignore too, comes with words, the backend's
 * name, and its place where the plugin named no better one.
 *
 * `call` needs deadline, error and logger; the rest is set here.  Results are
 * set on ok only; what `out` took before another code does not count.
 */
enum mortise_code backend_check(struct backend *, struct mortise_call *);
/* found may be NULL, and made below. */
enum mortise_code backend_get(struct backend *, struct mortise_call *, const char *name,
    const struct mortise_version *, struct mortise_secret **value, struct mortise_version *found);
/* The receipt needs size and idempotency_key; under every code the rest is set,
 * to "unknown" where the plugin did not say. */
enum mortise_code backend_put(struct backend *, struct mortise_call *, const char *name,
    const struct mortise_secret_put *, struct mortise_receipt *);
enum mortise_code backend_delete(struct backend *, struct mortise_call *, const char *name);
/* All pages: the names that begin with prefix, and no others. */
enum mortise_code backend_list(struct backend *, struct mortise_call *, const char *prefix,
    struct mortise_out *);
enum mortise_code backend_describe(struct backend *, struct mortise_call *, const char *name,
    struct mortise_out *);
enum mortise_code backend_undo(struct backend *, struct mortise_call *, const char *name,
    const struct mortise_receipt *, const struct mortise_secret *written);

enum mortise_code backend_state_get(struct backend *, struct mortise_call *, const char *key,
    struct mortise_out *);
enum mortise_code backend_state_take(struct backend *, struct mortise_call *, const char *key,
    struct mortise_out *);
enum mortise_code backend_state_put(struct backend *, struct mortise_call *, const char *key,
    const struct mortise_state_put *, struct mortise_version *made);
enum mortise_code backend_state_delete(struct backend *, struct mortise_call *, const char *key,
    const struct mortise_version *only_if);
enum mortise_code backend_state_list(struct backend *, struct mortise_call *, const char *prefix,
    struct mortise_out *);

struct backend_claim {
	const char *index, *owner;
	int64_t now_ms;			/* Unix time: due records are those of then */
	int64_t lease_ms;
	size_t max;
};
enum mortise_code backend_state_claim(struct backend *, struct mortise_call *,
    const struct backend_claim *, struct mortise_out *);
enum mortise_code backend_state_extend(struct backend *, struct mortise_call *,
    const struct mortise_lease *);
enum mortise_code backend_state_release(struct backend *, struct mortise_call *,
    const struct mortise_lease *);

#endif
