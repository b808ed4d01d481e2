/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mortise/plugin.h: everything a plugin author needs.  doc/plugin-guide.md
 * shows how it is used; this header alone says what holds.
 *
 * Shape.  A plugin is one shared object NAME.so with one exported symbol,
 * mortise_plugin_init.  The core calls it once per process with its host
 * table and gets the plugin's descriptor back.  A plugin links nothing of
 * Mortise: everything it may ask of the core is in the host table.
 *
 * Growth.  A struct that begins with `size` may only grow at its end; so may
 * the tables.  Who fills it sets size to sizeof; who reads it takes what is
 * past the size as zero and ignores what is past the part it knows.  abi_major
 * must be equal on both sides; abi_minor rises with each addition.  Major 0
 * may still change; it becomes 1 when plugins of every kind exist, and is
 * frozen then.
 *
 * Ownership.  Strings are UTF-8 and NUL-terminated.  Every argument is
 * borrowed for the length of the call: copy what you keep.  A secret that a
 * function hands out belongs to the core when the function returns
 * MORTISE_OK, and to the function under every other code.  Nothing else that
 * is allocated crosses: fixed buffers belong to the caller, and the add_...
 * functions of the host copy what they are given.
 *
 * Errors.  `return host->fail(call, CODE, REASON, "what; what to do")` is how
 * a function fails; returning a code without it is allowed and gives a bare
 * message.  A message never holds a value.  MORTISE_IGNORE says "I abstain".
 *
 * Time.  Every function has until host->deadline(call); it must be back by
 * then, also when a name server, a peer or a disk is silent.
 *
 * Threads.  MORTISE_THREADS_SERIAL: the core enters one function of an
 * instance at a time.  MORTISE_THREADS_FREE: any function but open and close,
 * any thread, any time.  open comes before all others and close after them.
 * Several instances of one plugin may always run at once.
 *
 * Manners.  No mutable global state, no atexit or constructor, no signal
 * handler, no fork (use spawn), no output on stdout or stderr (use log), no
 * change of locale, umask or working directory.  Descriptors are CLOEXEC
 * from birth.  Code is never unmapped.
 */
#ifndef MORTISE_PLUGIN_H
#define MORTISE_PLUGIN_H

#include <mortise/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MORTISE_ABI_MAJOR 0u
#define MORTISE_ABI_MINOR 1u
#define MORTISE_PLUGIN_MAGIC 0x4d4f5254u	/* "MORT" */

#if defined(__GNUC__)
#define MORTISE_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define MORTISE_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define MORTISE_PRINTF(text, first)
#define MORTISE_PLUGIN_EXPORT
#endif

struct mortise_call;	/* one operation: deadline, error, notes; dead when the function has returned */
struct mortise_options;	/* checked options; an instance's live until close() has returned */
struct mortise_out;	/* takes an operation's many results */

/* --- options: the schema is data ---------------------------------------- */

enum mortise_option_type {
	MORTISE_OPTION_BOOL,		/* true, false */
	MORTISE_OPTION_INT,		/* a whole number */
	MORTISE_OPTION_SIZE,		/* bytes: 64KiB, 1MiB, 100 */
	MORTISE_OPTION_DURATION,	/* milliseconds: 250ms, 2s, 5m, 12h, 400d */
	MORTISE_OPTION_STRING,		/* text, or a value form */
	MORTISE_OPTION_ENUM,		/* one of `words` */
	MORTISE_OPTION_LIST,		/* of what members[0] says */
	MORTISE_OPTION_MAP,		/* any key -> what members[0] says */
	MORTISE_OPTION_GROUP		/* a map with the keys in `members` */
};

#define MORTISE_OPTION_REQUIRED 1u	/* must be given; in a group: where the group is */
#define MORTISE_OPTION_SECRET 2u	/* its value is one: read by option_secret only */
#define MORTISE_OPTION_PATH 4u		/* a file name: relative to the configuration file */

/*
 * One option.  The core checks a backend's options against the schema before
 * the plugin sees them, names unknown ones, and prints the schema in
 * `mortise plugin show NAME`.
 */
struct mortise_option {
	size_t size;
	const char *name;		/* [a-z0-9-]+; an element of a list has "" */
	const char *doc;		/* one line of words */
	uint32_t type;			/* enum mortise_option_type */
	uint32_t flags;
	const char *initial;		/* default, as YAML would say it; NULL = none */
	int64_t minimum, maximum;	/* of a number, in its unit; both 0 = any */
	const char *const *words;	/* NULL-ended, of an enum */
	const struct mortise_option *const *members;	/* NULL-ended, of a list, map or group */
	const char *chosen_by;		/* this member is for some words of that enum in the same map ... */
	const char *const *chosen_for;	/* ... NULL-ended list of these words */
};

/* --- what operations are given and give back ----------------------------- */

/*
 * What a write leaves for undo.  The core fills size and idempotency_key
 * before a put; the plugin completes what it knows, under any code.
 */
struct mortise_receipt {
	size_t size;
	char idempotency_key[33];	/* in: 32 hex digits, one per put */
	int32_t existed;		/* out: -1 unknown, 0 no, 1 yes */
	struct mortise_version before;	/* out: the newest version before the put */
	struct mortise_version made;	/* out: the version that the put made */
	size_t opaque_size;		/* out: bytes used below */
	unsigned char opaque[256];	/* out: whatever undo needs */
};

struct mortise_secret_put {
	size_t size;
	const struct mortise_secret *value;
	const struct mortise_pair *labels;	/* NULL: leave the name's labels as they are */
	size_t labels_count;
	const struct mortise_version *only_if;	/* NULL: no condition */
	bool only_if_absent;			/* conflict if the name has a version */
};

/* One version of a secret, as describe lists them. */
struct mortise_history {
	size_t size;
	struct mortise_version version;
	int64_t created_ms, deleted_ms;		/* Unix time in ms; 0 = none */
	bool destroyed;				/* listed, but its value is gone */
};

struct mortise_state_put {
	size_t size;
	const void *value;
	size_t value_size;
	int64_t ttl_ms;				/* 0 = for ever */
	bool only_if_absent;
	const struct mortise_version *only_if;	/* NULL: no condition */
	const char *index;			/* NULL: in none */
	int64_t due_ms;				/* Unix time in ms, with an index */
};

struct mortise_record {
	size_t size;
	const char *key;
	const void *value;
	size_t value_size;
	struct mortise_version version;
	int64_t expires_ms;			/* Unix time in ms; 0 = never */
	uint64_t fence;				/* of a claimed record: rises with each claim of its key */
};

struct mortise_lease {
	size_t size;
	const char *key, *owner;
	uint64_t fence;				/* as claim gave it */
	int64_t lease_ms;			/* extend: from now */
};

/*
 * One record of the audit trail, as stored and as fields.  Fields are the members
 * of the line's c, p and h in their order (doc/audit-format.md), those of an object
 * in it by path: "seq", "ts", "t", "action", "actor.uid", "userEmail", "h".  A text is
 * its characters, a number its digits; true, and a list, and `stores` and `metadata`
 * are their JSON.  The h that a checkpoint signs is "of.h".  What a record has not, and what of it was erased, is no field.
 */
struct mortise_line {
	size_t size;
	const char *trail;			/* 32 hex digits */
	uint64_t seq;
	const char *line;			/* without its LF; at most 16383 bytes */
	size_t line_size;
	const struct mortise_pair *fields;
	size_t fields_count;
};

struct mortise_grant {
	size_t size;
	const char *redirect_uri;		/* exchange */
	const struct mortise_secret *code, *verifier;	/* exchange; verifier NULL: no PKCE */
	const struct mortise_secret *access_token, *refresh_token;	/* refresh, revoke */
};

/* --- the host table: what a plugin may ask of the core -------------------- */

/*
 * Lives for ever; every function may be called from any thread, but a call
 * only from the thread that was given it (log, fail) unless said otherwise.
 */
struct mortise_host {
	size_t size;
	uint32_t abi_major, abi_minor;

	/* Sets the operation's error and returns the code given.  The message
	 * says what happened and what to do, at most 512 bytes, never a value. */
	enum mortise_code (*fail)(struct mortise_call *, enum mortise_code,
	    enum mortise_reason, const char *format, ...) MORTISE_PRINTF(4, 5);
	/* Adds the peer's request id (NULL: none) and when to come back (0: unknown). */
	void (*fail_detail)(struct mortise_call *, const char *request_id,
	    int64_t retry_after_ms);
	/* One line to the operator.  There is no way to give it a secret. */
	void (*log)(struct mortise_call *, enum mortise_level, const char *format,
	    ...) MORTISE_PRINTF(3, 4);

	/* The absolute end of this operation: CLOCK_MONOTONIC in nanoseconds. */
	uint64_t (*deadline)(const struct mortise_call *);
	/* Milliseconds until then for poll(): rounded up; 0 = over or cancelled. */
	int (*left_ms)(const struct mortise_call *);

	/* An empty secret that holds up to `capacity` bytes at once and grows as
	 * needed; NULL = no memory.  append: invalid beyond 16 MiB. */
	struct mortise_secret *(*secret_new)(size_t capacity);
	enum mortise_code (*secret_append)(struct mortise_secret *, const void *, size_t);
	/* The bytes, borrowed until the next append or free; size may be NULL. */
	const void *(*secret_peek)(const struct mortise_secret *, size_t *size);
	void (*secret_free)(struct mortise_secret *);	/* wipes; NULL is fine */

	/* Options by path: "auth.role-id".  What was not given is the schema's
	 * default, else NULL or 0.  A string value form is resolved at open. */
	const char *(*option_string)(const struct mortise_options *, const char *path);
	/* Of a bool (0, 1), int, size (bytes), duration (ms), enum (index of its word). */
	int64_t (*option_number)(const struct mortise_options *, const char *path);
	bool (*option_given)(const struct mortise_options *, const char *path);
	/* Elements of a list or map; 0 where it was not given. */
	size_t (*option_count)(const struct mortise_options *, const char *path);
	/* One element as options of its own ("" is its own value); *key (may be
	 * NULL) is set for a map.  NULL = no such element. */
	const struct mortise_options *(*option_at)(const struct mortise_options *,
	    const char *path, size_t, const char **key);
	/* A secret option, read anew each time: of a list of value forms the first
	 * that exists.  not_found: not given, or none of them exists. */
	enum mortise_code (*option_secret)(struct mortise_call *,
	    const struct mortise_options *, const char *path, struct mortise_secret **);
	/* Fails as invalid with the option's file:line:column. */
	enum mortise_code (*option_fail)(struct mortise_call *,
	    const struct mortise_options *, const char *path, const char *format,
	    ...) MORTISE_PRINTF(4, 5);

	/* Results; each copies.  error = no memory or too many, pass it on. */
	enum mortise_code (*add_name)(struct mortise_out *, const char *);
	enum mortise_code (*add_history)(struct mortise_out *, const struct mortise_history *);
	enum mortise_code (*add_record)(struct mortise_out *, const struct mortise_record *);
	enum mortise_code (*add_row)(struct mortise_out *, const struct mortise_pair *,
	    size_t);	/* describe: the labels; read: a record; a command: a line of output */
	enum mortise_code (*set_cursor)(struct mortise_out *, const char *next);	/* at most 1 KiB; not called = last page */

	/* Tells the trail which generation of a store this operation left. */
	void (*note_generation)(struct mortise_call *, const char *store, uint64_t);
	/* In open and in commands: what the trail's head holds for this backend's
	 * name: the store id ("" = never seen; 64 hex digits at most) and its
	 * generation. */
	bool (*noted_generation)(struct mortise_call *, char store[65], uint64_t *);

	/* Name -> numeric addresses inside the deadline, which `each` gets one after
	 * another; any code of its own but ok ends that, and is returned. */
	enum mortise_code (*resolve)(struct mortise_call *, const char *host,
	    enum mortise_code (*each)(void *arg, const char *address), void *arg);
	/* Runs a helper (no shell) inside the deadline and takes at most `limit`
	 * bytes of its output. */
	enum mortise_code (*spawn)(struct mortise_call *, const char *const argv[],
	    size_t limit, struct mortise_secret **output);

	/* In open: does the operator accept a store that is older than the trail
	 * says, or another one?  Then open makes it the newest by a commit of its own
	 * beyond the noted generation, and notes that. */
	bool (*rollback_accepted)(struct mortise_call *);

	/* The backend's own options, as open gets them, for commands that run while it
	 * is not open; NULL while a plugin is loaded. */
	const struct mortise_options *(*backend_options)(struct mortise_call *);

	/* How many days what is deleted shall be recoverable by the manager's own means, as
	 * `call: {recoverable}` of the backend says; 0: not at all. */
	int (*recoverable_days)(const struct mortise_call *);
};

/* --- operation tables ----------------------------------------------------- */

/*
 * A slot that is not NULL is a capability.  All functions get the instance
 * that open made.  A name or key is checked before it comes here; refuse what
 * the store cannot hold with invalid.
 */
struct mortise_secret_ops {
	size_t size;
	/* The value of a version (NULL: the newest) and which one it was.
	 * not_found: no such name or version. */
	enum mortise_code (*get)(void *instance, struct mortise_call *, const char *name,
	    const struct mortise_version *, struct mortise_secret **value,
	    struct mortise_version *found);
	/* A new version.  conflict: a condition of `put` does not hold. */
	enum mortise_code (*put)(void *instance, struct mortise_call *, const char *name,
	    const struct mortise_secret_put *, struct mortise_receipt *);
	/* Every version, beyond recovery but for recoverable_days.  not_found: nothing was
	 * there. */
	enum mortise_code (*remove)(void *instance, struct mortise_call *, const char *name);
	/* Names that begin with prefix (bytes; more are filtered), page by page;
	 * cursor NULL = the first.  Nothing there is ok. */
	enum mortise_code (*list)(void *instance, struct mortise_call *, const char *prefix,
	    const char *cursor, struct mortise_out *);
	/* add_history per version, newest first, and add_row with the labels. */
	enum mortise_code (*describe)(void *instance, struct mortise_call *, const char *name,
	    struct mortise_out *);
	/* Takes a put back so that get answers what it answered before.  Acts only
	 * if the newest version is the receipt's `made`; where that is unknown, if
	 * it holds the bytes `written` or the idempotency key.  Otherwise fails as
	 * conflict with reason superseded. */
	enum mortise_code (*undo)(void *instance, struct mortise_call *, const char *name,
	    const struct mortise_receipt *, const struct mortise_secret *written);
};

struct mortise_state_ops {
	size_t size;
	/* Exactly one add_record, or not_found. */
	enum mortise_code (*get)(void *instance, struct mortise_call *, const char *key,
	    struct mortise_out *);
	/* Reads and deletes in one step: of many callers exactly one gets it. */
	enum mortise_code (*take)(void *instance, struct mortise_call *, const char *key,
	    struct mortise_out *);
	/* Replaces; ends a lease.  conflict: a condition does not hold. */
	enum mortise_code (*put)(void *instance, struct mortise_call *, const char *key,
	    const struct mortise_state_put *, struct mortise_version *made);
	enum mortise_code (*remove)(void *instance, struct mortise_call *, const char *key,
	    const struct mortise_version *only_if);	/* NULL: no condition */
	/* As for secrets, with add_record: expired records are not there. */
	enum mortise_code (*list)(void *instance, struct mortise_call *, const char *prefix,
	    const char *cursor, struct mortise_out *);
	/* At most max records of the index that are due at now_ms (Unix time) and
	 * not leased, earliest first; each is leased to owner for lease_ms of the
	 * store's own clock and gets the next fence of its key. */
	enum mortise_code (*claim)(void *instance, struct mortise_call *, const char *index,
	    int64_t now_ms, size_t max, const char *owner, int64_t lease_ms,
	    struct mortise_out *);
	/* Both: conflict if the lease is not this owner's with this fence. */
	enum mortise_code (*extend)(void *instance, struct mortise_call *,
	    const struct mortise_lease *);
	enum mortise_code (*release)(void *instance, struct mortise_call *,
	    const struct mortise_lease *);
};

/*
 * Sinks are written by one thread of the core at a time, also of several processes;
 * read and erase may come from others.  Not every record of a trail need come (`only`).
 */
struct mortise_sink_ops {
	size_t size;
	/* A batch of one trail in order, at most 512 lines.  *taken: so many need not be
	 * sent again.  invalid rejects lines[*taken] for ever; any other code: send again
	 * from there.  A line that was there already (same trail and seq) is taken;
	 * conflict: another one with lines[*taken]'s trail and seq was there, an alarm. */
	enum mortise_code (*emit)(void *instance, struct mortise_call *,
	    const struct mortise_line *lines, size_t count, size_t *taken);
	/* ok: all that was taken is durable.  NULL slot: it is when it is taken. */
	enum mortise_code (*flush)(void *instance, struct mortise_call *);
	/* The last record that is durable here of those that came, *seq: it goes on after
	 * it, wherever the core thinks that it is.  0 = none. */
	enum mortise_code (*position)(void *instance, struct mortise_call *,
	    const char *trail, uint64_t *seq);
	/* Records as rows, page by page: of one trail in the order of seq, of several of
	 * time.  Each is {"trail", ...}, {"line", as stored}; a sink that keeps no lines gives
	 * the fields that it has.  filter, all must match: trail, agencyId, action,
	 * resourceType, resourceId, userEmail; from <= ts < to (as ts is written); after (seq
	 * above it); last (so many, the newest). */
	enum mortise_code (*read)(void *instance, struct mortise_call *,
	    const struct mortise_pair *filter, size_t count, const char *cursor,
	    struct mortise_out *);
	/* Blanks the personal parts of these records. */
	enum mortise_code (*erase)(void *instance, struct mortise_call *,
	    const char *trail, const uint64_t *seqs, size_t count);
};

/* *answer is the provider's JSON as it came (RFC 6749, 5.1).  A final refusal
 * is denied with reason reauth. */
struct mortise_provider_ops {
	size_t size;
	enum mortise_code (*exchange)(void *instance, struct mortise_call *,
	    const struct mortise_grant *, struct mortise_secret **answer);
	enum mortise_code (*refresh)(void *instance, struct mortise_call *,
	    const struct mortise_grant *, struct mortise_secret **answer);
	enum mortise_code (*revoke)(void *instance, struct mortise_call *,
	    const struct mortise_grant *);
};

/* Instance is NULL: it works also on what open would refuse, and finds the
 * backend's options by host->backend_options. */
#define MORTISE_COMMAND_NO_INSTANCE 1u
#define MORTISE_COMMAND_EXCLUSIVE 2u	/* the daemon must be stopped; nobody looks yet */

/*
 * What is one plugin's own business: `mortise backend NAME COMMAND --OPTION
 * VALUE`.  A secret option comes from a file or a prompt, never from the command
 * line; a path is relative to the working directory; a list is an option that is
 * given again; maps and groups cannot be given.  It is never tried again, and has
 * an hour, or what the caller says.
 */
struct mortise_command {
	size_t size;
	const char *name, *doc;
	const struct mortise_option *const *options;	/* NULL-ended */
	uint32_t flags;
	/* Rows are printed as they are added, each a line of named cells. */
	enum mortise_code (*run)(void *instance, struct mortise_call *,
	    const struct mortise_options *, struct mortise_out *);
};

/* --- the descriptor ------------------------------------------------------- */

enum mortise_threads {
	MORTISE_THREADS_SERIAL,
	MORTISE_THREADS_FREE
};

/* Who sees the same store. */
enum mortise_reach {
	MORTISE_REACH_PROCESS,		/* this process alone */
	MORTISE_REACH_HOST,		/* every process of this host */
	MORTISE_REACH_NETWORK		/* others too; calls may leave the machine */
};

#define MORTISE_PLUGIN_DURABLE 1u	/* what it has said ok to survives a power cut */
#define MORTISE_PLUGIN_UNDO_RACY 2u	/* undo has no compare-and-set */
#define MORTISE_PLUGIN_RECOVERABLE 4u	/* remove minds recoverable_days */

/* Operations as bits, for offers(). */
#define MORTISE_CAN_SECRET_GET (UINT64_C(1) << 0)
#define MORTISE_CAN_SECRET_PUT (UINT64_C(1) << 1)
#define MORTISE_CAN_SECRET_DELETE (UINT64_C(1) << 2)
#define MORTISE_CAN_SECRET_LIST (UINT64_C(1) << 3)
#define MORTISE_CAN_SECRET_DESCRIBE (UINT64_C(1) << 4)
#define MORTISE_CAN_SECRET_UNDO (UINT64_C(1) << 5)
#define MORTISE_CAN_STATE_GET (UINT64_C(1) << 8)
#define MORTISE_CAN_STATE_TAKE (UINT64_C(1) << 9)
#define MORTISE_CAN_STATE_PUT (UINT64_C(1) << 10)
#define MORTISE_CAN_STATE_DELETE (UINT64_C(1) << 11)
#define MORTISE_CAN_STATE_LIST (UINT64_C(1) << 12)
#define MORTISE_CAN_STATE_CLAIM (UINT64_C(1) << 13)
#define MORTISE_CAN_STATE_EXTEND (UINT64_C(1) << 14)
#define MORTISE_CAN_STATE_RELEASE (UINT64_C(1) << 15)
#define MORTISE_CAN_SINK_EMIT (UINT64_C(1) << 16)
#define MORTISE_CAN_SINK_FLUSH (UINT64_C(1) << 17)
#define MORTISE_CAN_SINK_POSITION (UINT64_C(1) << 18)
#define MORTISE_CAN_SINK_READ (UINT64_C(1) << 19)
#define MORTISE_CAN_SINK_ERASE (UINT64_C(1) << 20)
#define MORTISE_CAN_PROVIDER_EXCHANGE (UINT64_C(1) << 24)
#define MORTISE_CAN_PROVIDER_REFRESH (UINT64_C(1) << 25)
#define MORTISE_CAN_PROVIDER_REVOKE (UINT64_C(1) << 26)

struct mortise_plugin {
	size_t size;
	uint32_t magic, abi_major, abi_minor;
	const char *name;		/* [a-z0-9-]+, as its file is called */
	const char *version;		/* its own */
	const char *doc;		/* one line of words */
	uint32_t threads, reach, flags;
	const struct mortise_option *const *options;	/* NULL-ended; NULL = none */
	/* Makes an instance from checked options.  Local work only where that is
	 * possible: a network backend that is down must open.  Under any code but
	 * ok nothing is left behind. */
	enum mortise_code (*open)(struct mortise_call *, const struct mortise_options *,
	    void **instance);
	/* After every other function has returned, once, from any thread; frees
	 * what open made.  It has no deadline and cannot fail: it must not wait. */
	void (*close)(void *instance);
	/* Is it there, and may we?  Without side effects.  May be NULL.  ok;
	 * unavailable or timeout: not reached; denied: reached, and refused. */
	enum mortise_code (*check)(void *instance, struct mortise_call *);
	/* What names the store wherever it is configured (store id, or address
	 * and mount); lives as long as the instance.  NULL slot = the backend's name. */
	const char *(*identity)(void *instance);
	/* Narrows the capabilities for this instance; NULL slot = all of them.
	 * Like identity: local, at once, and the same answer each time. */
	uint64_t (*offers)(void *instance);
	const struct mortise_secret_ops *secret;
	const struct mortise_state_ops *state;
	const struct mortise_sink_ops *sink;
	const struct mortise_provider_ops *provider;
	const struct mortise_command *const *commands;	/* NULL-ended */
};

/*
 * The one symbol.  Called once per process, before anything else, from one
 * thread; both tables live for ever.  Fail with host->fail where the plugin
 * cannot run here.
 */
#define MORTISE_PLUGIN_SYMBOL "mortise_plugin_init"
MORTISE_PLUGIN_EXPORT enum mortise_code mortise_plugin_init(const struct mortise_host *host,
    struct mortise_call *call, const struct mortise_plugin **plugin);

#ifdef __cplusplus
}
#endif

#endif
