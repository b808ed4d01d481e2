/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mortise/mortise.h: secrets, OAuth tokens and one-time states through the
 * configured chains, each access audited.  Link with `pkg-config --libs mortise`.
 *
 * A program opens a context from a configuration file and calls operations on
 * it from any number of threads.  The library never prints, exits, aborts or
 * changes the process, and starts no thread but one for each audit sink, which ends with
 * its context, and for a name lookup that a plugin asks for, which may outlast its
 * deadline.
 *
 * Every fallible function returns an enum mortise_code.  Results go through
 * out-parameters, which are set on MORTISE_OK only.  The last argument is an
 * error object to fill, or NULL; it need not be reset between calls.
 *
 * Strings are UTF-8 and NUL-terminated, times are Unix time in milliseconds.
 * Arguments are borrowed for the call.  Structs that begin with `size` are the
 * caller's: set size to sizeof and the rest to zero first.
 */
#ifndef MORTISE_MORTISE_H
#define MORTISE_MORTISE_H

#include <mortise/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

struct mortise;		/* a context */
struct mortise_error;	/* what went wrong, in words */

/* The library's version, "MAJOR.MINOR.PATCH"; never freed. */
const char *mortise_version(void);

/* --- codes and errors ------------------------------------------------------ */

/* "ok", "not_found", ...; "error" for a value that is no code. */
const char *mortise_code_name(enum mortise_code);
/* "none", "audit", ...; "none" for a value that is no reason. */
const char *mortise_reason_name(enum mortise_reason);
/* The exit status and the HTTP status for a result; mortise(1) lists them.
 * 0 as an HTTP status: has none. */
int mortise_exit_status(enum mortise_code, enum mortise_reason);
int mortise_http_status(enum mortise_code, enum mortise_reason);

/* NULL = no memory.  One error object serves one thread at a time. */
struct mortise_error *mortise_error_new(void);
void mortise_error_free(struct mortise_error *);	/* NULL is fine */

/* Of the last call that got this object.  Strings live until its next call;
 * "" and 0 where there is nothing to say. */
enum mortise_code mortise_error_code(const struct mortise_error *);
enum mortise_reason mortise_error_reason(const struct mortise_error *);
const char *mortise_error_message(const struct mortise_error *);	/* never a value */
const char *mortise_error_backend(const struct mortise_error *);
const char *mortise_error_file(const struct mortise_error *);
unsigned int mortise_error_line(const struct mortise_error *);		/* from 1 */
unsigned int mortise_error_column(const struct mortise_error *);	/* from 1, in characters */
const char *mortise_error_request_id(const struct mortise_error *);	/* the backend's */
int64_t mortise_error_retry_after_ms(const struct mortise_error *);

/* --- secret buffers --------------------------------------------------------- */

/* An empty buffer that grows; NULL = no memory. */
struct mortise_secret *mortise_secret_new(size_t capacity);
/* invalid beyond 16 MiB, error = no memory; the old bytes are wiped when it moves. */
enum mortise_code mortise_secret_append(struct mortise_secret *, const void *, size_t);
/* The bytes, followed by a NUL, borrowed until the next append or free. */
const void *mortise_secret_peek(const struct mortise_secret *, size_t *size);
/* Compares in a time that depends on the sizes only. */
bool mortise_secret_equal(const struct mortise_secret *, const struct mortise_secret *);
void mortise_secret_free(struct mortise_secret *);	/* wipes; NULL is fine */

/* --- contexts --------------------------------------------------------------- */

/* Where a NULL path leads: $MORTISE_CONFIG, for uid 0 /etc/mortise/mortise.yaml,
 * else $XDG_CONFIG_HOME/mortise/mortise.yaml if it is there, else /etc, else
 * the vendor's default.  Fills path (its size in bytes), invalid if too short. */
enum mortise_code mortise_find_config(char *path, size_t size, struct mortise_error *);

/* Each problem of a configuration: errors, warnings, and notes of what a drop-in
 * replaced (MORTISE_LOG_INFO).  "what is wrong; what would be right" */
typedef void mortise_problem_fn(void *arg, enum mortise_level, const char *file,
    unsigned int line, unsigned int column, const char *message);

/* Reads the configuration and loads its plugins, and does nothing else.  ok, or
 * invalid with reason configuration and the first error; every problem goes to
 * `each` (NULL: none). */
enum mortise_code mortise_check(const char *config_path, mortise_problem_fn *each, void *arg,
    struct mortise_error *);

typedef void mortise_log_fn(void *arg, enum mortise_level, const char *message);

struct mortise_open_options {
	size_t size;
	const char *config_path;	/* NULL: mortise_find_config */
	const char *program;		/* for the trail: "shop 1.2"; NULL: libmortise and its version */
	mortise_problem_fn *problem;	/* each error; NULL: none but the first is told */
	mortise_log_fn *log;		/* NULL: nothing is logged; may be called from any thread */
	enum mortise_level log_level;	/* with log: this and graver */
	void *arg;			/* of both */
	/*
	 * For the care of backends: the trail is opened, and a backend only while one
	 * of the calls under "backends" works on it, so that one which does not open can
	 * be cared for.  Calls that need a backend are unsupported in such a context.
	 */
	bool maintenance;
	/* With maintenance: the sinks of the trail are open, and get its records, but nobody
	 * waits for them.  For calls under "audit". */
	bool deliver;
};

/* Configuration, plugins, trail, backends.  invalid with reason configuration,
 * audit (the trail cannot be written), rollback (a store is older than the
 * trail), or what a backend's open says.  On ok *context is the caller's. */
enum mortise_code mortise_open(const struct mortise_open_options *, struct mortise **context,
    struct mortise_error *);
/*
 * Reads the configuration again, opens what has changed in it beside what runs,
 * and puts it in place; calls that run meanwhile end as they began, and the last
 * of them closes what is not used any more.  A backend that says the same as
 * before stays open, with what it holds in memory and in its cache.  On any
 * error the configuration in force stays; errors are told as by mortise_open.
 * invalid where the trail has moved: that needs a restart.
 */
enum mortise_code mortise_reload(struct mortise *, struct mortise_error *);
/* No other call may be running.  NULL is fine. */
void mortise_close(struct mortise *);

/*
 * Who asks and until when; every operation takes one (NULL: nobody is claimed).
 * The texts are claims, recorded beside the process's own uid, gid and pid.
 */
struct mortise_request {
	size_t size;
	const char *agency_id;		/* denied (reason agency) where it is not the token's */
	const char *user_email;		/* at most 320 bytes are kept */
	const char *ip_address;		/* 64 */
	const char *user_agent;		/* 512 */
	const char *metadata;		/* a JSON object, at most 8 KiB when compact */
	uint64_t deadline_ms;		/* from now; 0: the configuration's `deadline` */
	bool fresh;			/* no cached value */
};

/* --- secrets ---------------------------------------------------------------- */

/*
 * Reads a secret; ok with reason stale in the error where a backend did not answer
 * and its cache served a value past its time (`call: {cache: {stale}}`).
 * version NULL or "": the newest through the route's chain;
 * else "BACKEND:VERSION" as put and history give it, or the version alone for
 * the first backend that is written.  *found (may be NULL) takes the version
 * as BACKEND:VERSION.  *value is the caller's.
 */
#define MORTISE_PLACE_SIZE 98		/* "BACKEND:VERSION" with its NUL */
struct mortise_place {
	char text[MORTISE_PLACE_SIZE];
};
enum mortise_code mortise_get(struct mortise *, const struct mortise_request *, const char *name,
    const char *version, struct mortise_secret **value, struct mortise_place *found,
    struct mortise_error *);

struct mortise_put_options {
	size_t size;
	const struct mortise_pair *labels;	/* NULL: leave them as they are */
	size_t labels_count;
	const char *only_if;		/* version that must be the newest; conflict if not; NULL: none */
	bool only_if_absent;
};
/* Writes a new version; options may be NULL, made may be NULL. */
enum mortise_code mortise_put(struct mortise *, const struct mortise_request *, const char *name,
    const struct mortise_secret *value, const struct mortise_put_options *options,
    struct mortise_place *made, struct mortise_error *);

/* Every version, beyond recovery.  not_found: nothing was there. */
enum mortise_code mortise_delete(struct mortise *, const struct mortise_request *, const char *name,
    struct mortise_error *);

/* Names that begin with prefix (NULL: all), sorted by bytes, each once. */
typedef void mortise_name_fn(void *arg, const char *name);
enum mortise_code mortise_list(struct mortise *, const struct mortise_request *, const char *prefix,
    mortise_name_fn *each, void *arg, struct mortise_error *);

/* The versions of a name, newest first, and then its labels; no value. */
struct mortise_version_info {
	size_t size;
	struct mortise_place version;
	int64_t created_ms, deleted_ms;	/* 0 = unknown, none */
	bool destroyed;			/* its value is gone */
};
typedef void mortise_version_fn(void *arg, const struct mortise_version_info *);
typedef void mortise_label_fn(void *arg, const struct mortise_pair *);
enum mortise_code mortise_history(struct mortise *, const struct mortise_request *,
    const char *name, mortise_version_fn *version, mortise_label_fn *label, void *arg,
    struct mortise_error *);

/* --- moving secrets between backends ------------------------------------------ */

/* What became of a name, or how two backends differ in it. */
enum mortise_moved {
	MORTISE_MOVED_COPIED,		/* written, read back and compared; dry run: it would be */
	MORTISE_MOVED_SAME,		/* there already, with the same newest value */
	MORTISE_MOVED_DONE,		/* by an earlier run, says the journal */
	MORTISE_MOVED_DIFFERS,		/* both have it, with other values; nothing was written */
	MORTISE_MOVED_ONLY_FIRST,	/* diff: the second one lacks it */
	MORTISE_MOVED_ONLY_SECOND,	/* diff: the first one lacks it */
	MORTISE_MOVED_DELETED,		/* from the source */
	MORTISE_MOVED_FAILED		/* code, reason and message say why */
};
struct mortise_moved_info {
	size_t size;
	const char *name;
	enum mortise_moved what;
	uint64_t versions;		/* that were written, or would be */
	bool labels_left;		/* the target keeps none */
	enum mortise_code code;
	enum mortise_reason reason;
	const char *message;		/* NULL: none */
	uint64_t done, total;		/* names of this pass: deleting is a second one */
};
/* By one thread at a time, not always the caller's; what it is given is borrowed. */
typedef void mortise_move_fn(void *arg, const struct mortise_moved_info *);

struct mortise_move_options {
	size_t size;
	const char *from, *to;		/* backends; diff: the first and the second */
	const char *prefix;		/* NULL: all names; not for copy */
	bool dry_run;			/* reads and compares, and writes nothing */
	bool newest_only;		/* without older versions */
	bool overwrite;			/* also over a value that did not come from the source */
	bool delete_source;		/* migrate: after all went well, and a second comparison */
	unsigned int jobs;		/* names at a time, at most 64; 0: 8 */
	uint64_t rate;			/* names begun a second at most; 0: as fast as it goes */
	/* migrate: where it is noted what is done, so that a run after one that was killed goes on
	 * there; removed when all is.  NULL: migrate-FROM-TO.journal beside the trail. */
	const char *journal;
	mortise_move_fn *each;		/* NULL: nobody is told */
	void *arg;
};
struct mortise_move_report {
	size_t size;
	uint64_t total;			/* names */
	uint64_t copied, same, done_before, differ, failed, deleted;
	uint64_t versions;		/* written */
	uint64_t labels_left;		/* names whose labels the target does not keep */
};

/*
 * One name, or all of a prefix, from one backend to another, whatever the routes say:
 * older versions and labels go along where both keep such, oldest first, and the newest
 * value is read back and compared.  What an earlier run has written is not written again.
 * Each name is an audited operation of its own (secret_copied).
 *
 * ok: all are there.  conflict with reason difference: some have another value at the
 * target.  Otherwise the code of the first that failed; the others were moved all the
 * same.  *report (may be NULL; size set) is filled under each code.
 */
enum mortise_code mortise_copy(struct mortise *, const struct mortise_request *, const char *name,
    const struct mortise_move_options *, struct mortise_move_report *, struct mortise_error *);
enum mortise_code mortise_migrate(struct mortise *, const struct mortise_request *,
    const struct mortise_move_options *, struct mortise_move_report *, struct mortise_error *);

/* Compares the newest values by digests under a key of this run, audited as
 * secret_compared; tells of each name.  conflict with reason difference: some differ. */
enum mortise_code mortise_diff(struct mortise *, const struct mortise_request *,
    const struct mortise_move_options *, struct mortise_move_report *, struct mortise_error *);

/* --- backends that were left behind ------------------------------------------ */

/*
 * Where a put or a delete may end well without one of its backends, that backend is left
 * behind, which is noted in state, and it answers no more reads of the name until it is
 * brought up to date: by a copy of the newest value, read back and compared, or by deleting
 * the name there.  Each name is an audited operation (secret_reconciled).
 */
typedef void mortise_reconciled_fn(void *arg, const char *name, const char *backend,
    bool deleted);
/* name NULL: all.  The code of the first that failed; the others are done all the same. */
enum mortise_code mortise_reconcile(struct mortise *, const struct mortise_request *,
    const char *name, mortise_reconciled_fn *each, void *arg, struct mortise_error *);

/* --- tokens ----------------------------------------------------------------- */

/*
 * The secret name of a connection's tokens by the configured template
 * `tokens.name`: injective, bytes outside [A-Za-z0-9_-] become .xx in hex.
 */
enum mortise_code mortise_token_name(struct mortise *, const char *platform,
    const char *connection_id, char name[MORTISE_NAME_MAX + 1], struct mortise_error *);

/* An authorization: all that an application's database needs to keep. */
struct mortise_authorization {
	size_t size;
	const char *authorization_id, *agency_id, *connection_id, *platform;
	const char *secret_id;		/* NULL when revoked */
	const char *status;		/* active, revoking, revoked, needs_reauth */
	const char *refresh;		/* "none": nobody refreshes it; NULL otherwise */
	int64_t expires_ms, refresh_ms;	/* 0 = never */
	int64_t created_ms, updated_ms;
};
typedef void mortise_authorization_fn(void *arg, const struct mortise_authorization *);

struct mortise_token_store_options {
	size_t size;
	const char *platform, *connection_id;	/* required */
	const char *agency_id;			/* NULL: the request's */
	const char *authorization_id;		/* NULL: made */
	const char *action;			/* access_granted (NULL) or AGENCY_CONNECTED */
};
/*
 * Keeps tokens: {accessToken, refreshToken, expiresAt} or an RFC 6749 answer
 * (access_token, refresh_token, expires_in), other members kept as they are.
 * `each` (may be NULL) is told the authorization once.  invalid: no token in it.
 */
enum mortise_code mortise_token_store(struct mortise *, const struct mortise_request *,
    const struct mortise_token_store_options *, const struct mortise_secret *tokens,
    mortise_authorization_fn *each, void *arg, struct mortise_error *);

/* id is a secretId or an authorizationId.  *tokens is JSON: accessToken,
 * refreshToken, expiresAt (RFC 3339, ms, Z), and what else was stored. */
enum mortise_code mortise_token_get(struct mortise *, const struct mortise_request *,
    const char *id, struct mortise_secret **tokens, struct mortise_error *);
/* Deletes the tokens, keeps the authorization as revoked.  action:
 * access_revoked (NULL) or AGENCY_DISCONNECTED. */
enum mortise_code mortise_token_revoke(struct mortise *, const struct mortise_request *,
    const char *id, const char *action, mortise_authorization_fn *each, void *arg,
    struct mortise_error *);
/* All authorizations; of one agency where the request claims it. */
enum mortise_code mortise_token_list(struct mortise *, const struct mortise_request *,
    mortise_authorization_fn *each, void *arg, struct mortise_error *);

/* --- one-time states -------------------------------------------------------- */

#define MORTISE_STATE_SIZE 44	/* 43 characters of base64url and a NUL */

struct mortise_state_options {
	size_t size;
	const char *platform, *agency_id;	/* required; agency NULL: the request's */
	const char *connection_id;		/* may be NULL */
	const char *redirect_uri;		/* required */
	const char *binding;			/* say, the session cookie; may be NULL */
	int64_t ttl_ms;				/* 0: 600 s */
};
enum mortise_code mortise_state_create(struct mortise *, const struct mortise_request *,
    const struct mortise_state_options *, char state[MORTISE_STATE_SIZE],
    struct mortise_error *);

/* What a state was bound to. */
struct mortise_state_info {
	size_t size;
	const char *agency_id, *platform, *connection_id, *redirect_uri;
	int64_t created_ms, expires_ms;
};
typedef void mortise_state_fn(void *arg, const struct mortise_state_info *);
/* Uses the state up; ok at most once.  not_found: unknown, used, late, or bound
 * to another binding (which uses it up too). */
enum mortise_code mortise_state_validate(struct mortise *, const struct mortise_request *,
    const char *state, const char *binding, mortise_state_fn *each, void *arg,
    struct mortise_error *);

/* --- looking at it ---------------------------------------------------------- */

/*
 * How a call would run: first the route's line, then one for each entry.  With
 * `run` (for "get" only) the get is made, audited, and each step has its code,
 * action and time; the value goes nowhere.
 */
struct mortise_explain_step {
	size_t size;
	const char *file;		/* of the route or entry */
	unsigned int line, column;
	unsigned int depth;		/* 0: the route, 1: its chain, 2: an inner one */
	const char *backend;		/* or inner chain; the glob of a route */
	const char *word;		/* control word; the operation, of a route */
	const char *actions;		/* "ok=done not_found=ignore ..." */
	const char *code, *action;	/* with run, NULL otherwise or when not asked */
	int64_t us;			/* microseconds, with run */
	/* With run, how the answer came about: "cached, 120 ms old", "3 attempts";
	 * "" if it was asked for once, NULL otherwise. */
	const char *detail;
};
typedef void mortise_explain_fn(void *arg, const struct mortise_explain_step *);
enum mortise_code mortise_explain(struct mortise *, const struct mortise_request *,
    const char *operation, const char *name, bool run, mortise_explain_fn *each, void *arg,
    struct mortise_error *);

/* --- backends --------------------------------------------------------------- */

/* How a backend is and fares. */
struct mortise_backend_info {
	size_t size;
	const char *name, *plugin, *version, *path;
	const char *reach;		/* process, host or network: who sees the same store */
	const char *operations;		/* "secret: get put ...; state: ..." */
	const char *store;		/* what names the store; NULL: it is not open */
	/* The live check.  ok; why it is not open, or what is wrong; unsupported where
	 * the plugin has no check. */
	enum mortise_code code;
	enum mortise_reason reason;
	const char *message;		/* "" for ok */
	int64_t check_us;		/* how long opening and check took, in microseconds */
	/* `call:` */
	int64_t timeout_ms;
	unsigned int attempts;		/* at most; 1: no retry */
	unsigned int breaker_failures;	/* that open it; 0: no breaker */
	int64_t breaker_ms, cache_ms;	/* 0: no cache */
	/* In this process. */
	const char *breaker;		/* closed, open or half-open; NULL: none */
	unsigned int failures;		/* in a row */
	uint64_t cache_entries, cache_bytes, cache_hits, cache_misses;
	uint64_t shared;		/* reads that another caller's request answered */
};
typedef void mortise_backend_fn(void *arg, const struct mortise_backend_info *);
/* name NULL: all of them, in the order of the configuration.  Asks each whether it
 * is there, and changes nothing.  not_found: no such backend. */
enum mortise_code mortise_backends(struct mortise *, const char *name, mortise_backend_fn *each,
    void *arg, struct mortise_error *);

/* A command that a backend's plugin has for the care of its store. */
struct mortise_command_option {
	size_t size;
	const char *name, *doc;
	bool required, secret, many;	/* many: may be given again */
	bool plain;			/* true or false: may stand without a value */
};
struct mortise_command_info {
	size_t size;
	const char *name, *doc;
	const struct mortise_command_option *options;
	size_t options_count;
};
typedef void mortise_command_fn(void *arg, const struct mortise_command_info *);
/* not_found: no such backend.  A plugin without commands has none to tell. */
enum mortise_code mortise_backend_commands(struct mortise *, const char *backend,
    mortise_command_fn *each, void *arg, struct mortise_error *);

/* One option of a command: its text or, where it is secret, its bytes. */
struct mortise_command_value {
	const char *option, *text;
	const struct mortise_secret *secret;	/* NULL: text */
};
/* A line of what a command says; name and value of each cell. */
typedef void mortise_row_fn(void *arg, const struct mortise_pair *cells, size_t count);
/*
 * Runs one.  Audited like a write, as backend_command, or as store_rekeyed and
 * store_restored for `rekey` and `restore`.  Rows go to `each` as they come (NULL:
 * nobody looks).  Its deadline is the request's, or else an hour.  not_found: no
 * such backend or command; invalid: its options.
 */
enum mortise_code mortise_backend_run(struct mortise *, const struct mortise_request *,
    const char *backend, const char *command, const struct mortise_command_value *values,
    size_t count, mortise_row_fn *each, void *arg, struct mortise_error *);

/*
 * Accepts that a backend's store is older than the trail says, or another one
 * (mortise_open refuses it with reason rollback).  Audited as store_restored
 * before it has an effect; say why in the request's metadata.  The context must be
 * one for maintenance.  ok too where there is nothing to accept.
 */
enum mortise_code mortise_backend_accept(struct mortise *, const struct mortise_request *,
    const char *backend, struct mortise_error *);

/* What was done: "store", "trail" or "left out"; its name, and words about it. */
typedef void mortise_backup_fn(void *arg, const char *what, const char *name,
    const char *detail);
/*
 * Writes a new file (0600) with a copy of every store whose plugin has a command
 * `backup`, and behind them the trail up to now.  Others may work meanwhile.  Values
 * are in it as their stores keep them, and no key is.  The file is whole or not there
 * at all; meanwhile PATH.partial is.  Each store's copy is audited.  conflict: there
 * is such a file.
 */
enum mortise_code mortise_backup(struct mortise *, const struct mortise_request *,
    const char *path, mortise_backup_fn *each, void *arg, struct mortise_error *);
/*
 * Puts it back: the trail where there is none, then each store by its plugin's
 * command `restore`, however old it is; audited as store_restored.  A trail that is
 * there stays if it has the backup's newest record, and is refused (conflict)
 * otherwise.  Nothing is touched unless the whole file is good.  It may be called
 * again.  The configuration and the keys must be there.
 */
enum mortise_code mortise_restore(const struct mortise_open_options *,
    const struct mortise_request *, const char *path, mortise_backup_fn *each, void *arg,
    struct mortise_error *);

enum mortise_verdict {
	MORTISE_VERDICT_OK,
	MORTISE_VERDICT_WARN,		/* works, and ought to be otherwise */
	MORTISE_VERDICT_FAIL
};
struct mortise_finding {
	size_t size;
	enum mortise_verdict verdict;
	const char *subject;		/* "configuration", "trail", "disk", ... or a backend's name */
	const char *message;		/* what was seen; for what is not ok, "; " and what to do */
};
typedef void mortise_finding_fn(void *arg, const struct mortise_finding *);
/*
 * Looks at all that there is: configuration, libraries, plugins, files, each backend
 * by its check, memory, the trail from end to end and its disk.  Goes on where
 * something is broken, and changes nothing but what every start does.  ok; invalid
 * with reason configuration, where it does not get beyond that; error with reason
 * difference: something failed.
 */
enum mortise_code mortise_doctor(const struct mortise_open_options *, mortise_finding_fn *each,
    void *arg, struct mortise_error *);

/* A plugin as found. */
struct mortise_plugin_info {
	size_t size;
	const char *name, *path, *version, *doc, *sha256;
	const char *operations;		/* "secret: get put ...; state: ..." */
	const char *options;		/* the schema as a table of text, a line an option */
	const char *example;		/* a stanza of YAML to paste */
};
typedef void mortise_plugin_fn(void *arg, const struct mortise_plugin_info *);
/* name NULL: all in the compiled-in directory and, with a configuration that
 * can be read, its plugin-path. */
enum mortise_code mortise_plugins(const char *config_path, const char *name,
    mortise_plugin_fn *each, void *arg, struct mortise_error *);

/* Makes a private installation under directory: mortise.yaml, local.key,
 * local.db and trail/, or only what of it is missing.  config_directory NULL:
 * the same.  Overwrites nothing. */
enum mortise_code mortise_init(const char *config_directory, const char *directory,
    struct mortise_error *);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#include <mortise/audit.h>

#endif
