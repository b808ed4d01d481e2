/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * operation: one audited operation: route -> intent -> chain -> outcome.
 * Called by oauth and api.
 *
 * An API call is one struct operation: begun with what is claimed and what it
 * is about, perhaps announced by an intent, carried out by any number of the
 * steps below, and ended, which is when its outcome becomes durable.  Nothing
 * a step has read may leave the process before operation_end has said ok.
 */
#ifndef OPERATION_OPERATION_H
#define OPERATION_OPERATION_H

#include "audit/followers.h"
#include "audit/trail.h"
#include "backend/backend.h"
#include "config/config.h"

/* What operations run on.  Made by api, shared by all threads, never changed
 * while operations run. */
struct engine {
	const struct config *config;
	struct backend **backends;	/* in the order of the configuration; NULL: skipped as missing */
	bool maintenance;		/* NULL: also those that nobody has opened */
	struct trail *trail;		/* NULL: `audit: off` */
	struct followers *followers;	/* its sinks; NULL: none */
	const struct logger *logger;
	struct record_actor actor;
};

/* Calls and stores that one record names at most. */
#define OPERATION_CALLS_MAX (2 * CHAIN_CALLS_MAX + 8)
#define OPERATION_STORES_MAX 16
/* Longer ids are cut in the record, as the trail's format says. */
#define OPERATION_FIELD_SIZE 513

/* Each step of a get's chain, for explain.  told: of a backend's call that was
 * made; NULL otherwise. */
typedef void operation_trace_fn(void *arg, const struct chain_step *,
    const struct backend_told *told);

struct operation {
	const struct engine *engine;
	struct mortise_error *error;	/* the caller's, never NULL */
	uint64_t started, deadline;	/* CLOCK_MONOTONIC, ns */
	bool fresh;

	/* Words of ours; the caller may change them any time before the end. */
	const char *action, *resource_type;
	bool cached, stale;		/* what the answer of a get was */

	/* Kept by the functions below. */
	char op[33];
	char resource_id[OPERATION_FIELD_SIZE], agency_id[OPERATION_FIELD_SIZE];
	const char *request_agency;	/* claimed by the caller; NULL: none */
	const char *claimed;		/* the same, where it was false */
	struct record_personal personal;
	char *metadata;
	struct record_call calls[OPERATION_CALLS_MAX];
	char versions[OPERATION_CALLS_MAX][MORTISE_VERSION_SIZE];
	size_t calls_count;
	struct record_store stores[OPERATION_STORES_MAX];
	char store_ids[OPERATION_STORES_MAX][65];
	size_t stores_count;
	bool announced;
	bool allowed;			/* the sinks have its intent */
	operation_trace_fn *trace;	/* NULL: nobody looks */
	void *trace_arg;
};

/*
 * Begins: takes the request (NULL: no claims) and draws the id.  The agency is
 * the request's until operation_agency knows better.  Whatever it returns, end it:
 * invalid metadata is an outcome too.  error is the caller's own or `spare`.
 */
enum mortise_code operation_begin(struct operation *, const struct engine *,
    const struct mortise_request *, const char *action, const char *resource_type,
    const char *resource_id, struct mortise_error *error);

/* Announces it: durable, and in the sinks that are waited for, before a write's first
 * effect.  A get does it by itself when it is about to leave the machine, and does not wait
 * for it. */
enum mortise_code operation_intent(struct operation *);

/*
 * Ends it with the code that the steps gave: the outcome is durable when this
 * returns.  Returns that code, or error with reason audit if the outcome is
 * not in the trail, or ok and not in a sink that is waited for: then nothing may
 * be released.
 */
enum mortise_code operation_end(struct operation *, enum mortise_code code);

/* What it is about: copied. */
void operation_about(struct operation *, const char *resource_id);

/* Takes another claim than the request's; borrowed until the end. */
void operation_claim(struct operation *, const char *agency);

/* The agency rule: agency (NULL or "": unknown) is the resource's own.  denied
 * with reason agency where the request claimed another. */
enum mortise_code operation_agency(struct operation *, const char *agency);

/* --- steps: secrets --------------------------------------------------------- */

/*
 * As mortise_get, mortise_put, mortise_delete, without the audit around them.
 * keep: the value cannot be had again.
 *
 * A get that comes to unavailable or timeout is evaluated once more with the
 * first value that a cache holds past its time.  If that makes it ok,
 * operation->stale is set, and the error says so: ok with reason stale.
 */
enum mortise_code operation_get(struct operation *, const char *name, const char *version,
    struct mortise_secret **value, struct mortise_place *found);
enum mortise_code operation_put(struct operation *, const char *name,
    const struct mortise_secret *value, const struct mortise_put_options *options, bool keep,
    struct mortise_place *made);
enum mortise_code operation_delete(struct operation *, const char *name);
enum mortise_code operation_list(struct operation *, const char *prefix, mortise_name_fn *each,
    void *arg);
enum mortise_code operation_history(struct operation *, const char *name,
    mortise_version_fn *version, mortise_label_fn *label, void *arg);

/*
 * The same of one given backend, whatever the routes say, each by one call of its
 * plugin: for what moves secrets between backends.  version NULL: the newest.  list and
 * describe give what the plugin does: names may be any.
 */
bool operation_can_at(const struct engine *, size_t target, uint64_t capability);
enum mortise_code operation_get_at(struct operation *, size_t target, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found);
enum mortise_code operation_put_at(struct operation *, size_t target, const char *name,
    const struct mortise_secret_put *, struct mortise_version *made);
enum mortise_code operation_delete_at(struct operation *, size_t target, const char *name);
enum mortise_code operation_list_at(struct operation *, size_t target, const char *prefix,
    struct mortise_out *);
enum mortise_code operation_describe_at(struct operation *, size_t target, const char *name,
    struct mortise_out *);

/*
 * Brings each backend that writes of a name have left behind up to date: by a copy of the
 * newest value, read back and compared, or by deleting the name there.  done(arg, backend,
 * deleted) for each; one that fails does not keep the others back.
 */
typedef void operation_reconciled_fn(void *arg, size_t target, bool deleted);
enum mortise_code operation_reconcile(struct operation *, const char *name,
    operation_reconciled_fn *done, void *arg);
/* State keys of its marks, and of the writers' turns. */
#define BEHIND_PREFIX "behind:"
#define TURN_PREFIX "turn:"
/* The names that a backend is left behind in, each perhaps again. */
enum mortise_code operation_behind(struct operation *,
    enum mortise_code (*each)(void *arg, const char *name), void *arg);

/* --- steps: state ----------------------------------------------------------- */

/* A state record that was read; the value is malloc'd and NUL-terminated. */
struct state_value {
	char *bytes;
	size_t size;
	struct mortise_version version;
	int64_t expires_ms;
};
void state_value_free(struct state_value *);	/* for _cleanup_ */

enum mortise_code operation_state_get(struct operation *, const char *key, struct state_value *);
enum mortise_code operation_state_take(struct operation *, const char *key, struct state_value *);
/* made may be NULL. */
enum mortise_code operation_state_put(struct operation *, const char *key,
    const struct mortise_state_put *, struct mortise_version *made);
enum mortise_code operation_state_delete(struct operation *, const char *key,
    const struct mortise_version *only_if);
/* All records of a prefix, from every backend that a route may lead it to. */
enum mortise_code operation_state_list(struct operation *, const char *prefix,
    enum mortise_code (*each)(void *arg, const struct mortise_record *), void *arg);

/* --- steps: the care of a backend --------------------------------------------- */

enum mortise_code operation_command(struct operation *, size_t target,
    const struct backend_command *, struct mortise_out *);
/* What opening a backend left in its store, and the code that it came to. */
void operation_opened(struct operation *, size_t target, enum mortise_code code,
    const struct backend_note *);

#endif
