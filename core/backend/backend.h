/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backend: one configured instance of a plugin, with its deadline, its thread
 * rule and the host table, and with breaker, cache, retry and single flight
 * between its functions and the plugin's.  Called by operation, audit (sinks)
 * and api (open, close).
 */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

#include "backend/breaker.h"
#include "backend/generations.h"
#include "base/log.h"
#include "config/config.h"
#include "loader/loader.h"

struct backend;

/* What an operation left in the store, for the trail. */
struct backend_note {
	bool set;
	char store[65];
	uint64_t generation;
};

/* How the answer of a get came about. */
struct backend_told {
	bool cached;			/* from the cache ... */
	uint64_t age_ms;		/* ... and this old */
	bool shared;			/* as another caller's request brought it */
	bool refused;			/* the breaker is open: nobody was asked */
	unsigned int attempts;		/* how often the plugin was asked */
};

/* One operation, as the plugin sees it. */
struct mortise_call {
	uint64_t deadline;		/* CLOCK_MONOTONIC, ns */
	struct mortise_error *error;	/* never NULL; clean, or from an earlier call */
	const struct backend *backend;	/* NULL while a plugin is loaded */
	const struct logger *logger;
	/* Where the backend stands now; NULL: where it stood when it was opened. */
	const struct place *place;
	bool fresh;			/* no cached answer, and nobody else's */
	/* Asked before a get leaves the machine; another code than ok refuses it.
	 * NULL: nobody wants to know. */
	enum mortise_code (*leaving)(void *arg, struct mortise_error *);
	void *leaving_arg;
	options_fetch_fn *fetch;	/* of a command's options; NULL: the backend's own */
	void *fetch_arg;
	struct backend_note note;	/* out */
	struct backend_told told;	/* out, of a get */
};

/* Collects the results of list, describe, take, claim and commands. */
struct mortise_out {
	/* Each may be NULL; ok = go on.  What they are given is borrowed. */
	enum mortise_code (*name)(void *arg, const char *);
	enum mortise_code (*history)(void *arg, const struct mortise_history *);
	enum mortise_code (*record)(void *arg, const struct mortise_record *);
	enum mortise_code (*row)(void *arg, const struct mortise_pair *, size_t);
	void *arg;
	bool given;			/* something was */
	char cursor[1025];		/* "" = last page */
};

struct backend_setup {
	const char *name;		/* borrowed for the backend's life, as all of these */
	struct place place;
	const struct plugin *plugin;
	/* Checked; the backend's from here on, also on failure. */
	struct mortise_options *options;
	uint64_t timeout_ms;
	struct call_rules rules;
	struct generations *generations;	/* shared by the backends of a context; NULL: none */
	const struct logger *logger;
	/* What the trail's head holds for this name; NULL: nothing. */
	bool (*noted)(void *arg, const char *backend, char store[65], uint64_t *generation);
	bool accept_rollback;		/* the operator accepts a store older than that */
	options_fetch_fn *fetch;	/* for {secret:}; NULL: none */
	void *arg;
	struct backend_note *opened;	/* out: what opening left in the store; NULL: not wanted */
};

/* The table that plugins get. */
const struct mortise_host *backend_host(void);

/* Resolves the options and opens the instance, within the setup's timeout. */
enum mortise_code backend_open(const struct backend_setup *, struct backend **,
    struct mortise_error *);
/* Would opening this setup make the same backend?  Resolves its options. */
enum mortise_code backend_same(const struct backend *, const struct backend_setup *, bool *same,
    struct mortise_error *);
void backend_close(struct backend *);	/* no call may be running; NULL is fine */

const char *backend_name(const struct backend *);
const struct plugin *backend_plugin(const struct backend *);
uint64_t backend_timeout_ms(const struct backend *);
uint64_t backend_can(const struct backend *);		/* after offers() */
const char *backend_identity(const struct backend *);	/* of its store, or else its name */

/* How it fares. */
struct backend_health {
	bool has_breaker, has_cache;
	enum breaker_state breaker;
	unsigned int failures;		/* in a row */
	uint64_t open_ms;		/* until a probe is let through; 0 unless open */
	size_t cache_entries, cache_bytes;
	uint64_t cache_hits, cache_misses, shared;	/* since it was opened */
};
void backend_health(struct backend *, struct backend_health *);

/*
 * Each is the plugin's slot of that name behind the thread rule; unsupported
 * where there is none, or offers() took it away.  A wait for the turn of a
 * serial instance counts: over the deadline it is timeout.  While the breaker is
 * open each is unavailable at once, but for undo, which is tried all the same.
 *
 * What surely had no effect (unavailable) is tried again as the rules say, and
 * so is a read that timed out, while there is time.
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
/* From the cache or together with others, unless call->fresh.  version NULL: the
 * newest.  found may be NULL, and made below. */
enum mortise_code backend_get(struct backend *, struct mortise_call *, const char *name,
    const struct mortise_version *, struct mortise_secret **value, struct mortise_version *found);
/* The last resort, without asking: a value that is past its time in the cache.
 * not_found where there is none. */
enum mortise_code backend_get_stale(struct backend *, struct mortise_call *, const char *name,
    struct mortise_secret **value, struct mortise_version *found);
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

/* --- sinks (sink.c) --------------------------------------------------------- */

/* *taken is set under every code.  position, flush and erase as the plugin's slots; a sink
 * without flush is durable at once. */
enum mortise_code backend_sink_emit(struct backend *, struct mortise_call *,
    const struct mortise_line *, size_t count, size_t *taken);
enum mortise_code backend_sink_flush(struct backend *, struct mortise_call *);
enum mortise_code backend_sink_position(struct backend *, struct mortise_call *,
    const char *trail, uint64_t *seq);
enum mortise_code backend_sink_erase(struct backend *, struct mortise_call *, const char *trail,
    const uint64_t *seqs, size_t count);
/* All pages: each row goes to out->row. */
enum mortise_code backend_sink_read(struct backend *, struct mortise_call *,
    const struct mortise_pair *filter, size_t count, struct mortise_out *);

/* --- maintain commands (command.c) --------------------------------------------- */

/* A backend that is not open: for commands that need no instance, and nothing
 * else.  As backend_open otherwise. */
enum mortise_code backend_unopened(const struct backend_setup *, struct backend **,
    struct mortise_error *);

/* NULL: the plugin has no such command. */
const struct mortise_command *backend_command_find(const struct plugin *, const char *name);

/* In a value form {secret: OPTION, from: ...}: given with the command itself. */
#define COMMAND_LINE "the command line"

struct backend_command {
	const struct mortise_command *command;
	const struct mortise_options *options;	/* checked against the command's schema */
	/* For forms that are from COMMAND_LINE. */
	options_fetch_fn *fetch;
	void *fetch_arg;
};
/* Runs it once, whatever the rules say of retries.  The backend is open, or
 * unopened where the command needs no instance.  Rows go to `out` as they come. */
enum mortise_code backend_command(struct backend *, struct mortise_call *,
    const struct backend_command *, struct mortise_out *);

#endif
