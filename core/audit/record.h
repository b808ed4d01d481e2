/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * audit: the trail, the commit point of every operation; its readers and its
 * verifier.  Called by operation (append) and api (open, read, verify).
 * doc/audit-format.md is the format.
 *
 * record.h: one record as fields, and as the line that stands in the file.
 */
#ifndef AUDIT_RECORD_H
#define AUDIT_RECORD_H

#include "base/bytes.h"
#include "base/error.h"

#define RECORD_LINE_MAX 16384	/* bytes, with its LF */

enum record_type {
	RECORD_OPEN,
	RECORD_INTENT,
	RECORD_OUTCOME,
	RECORD_TORN,
	RECORD_CONFIG,		/* another configuration is in force */
	RECORD_REFUSED,		/* a sink that is waited for failed after the outcome */
	RECORD_CHECKPOINT,	/* a signed anchor */
	RECORD_DROP,		/* an optional sink did not get these */
	RECORD_PARK,		/* a sink rejects this one for ever */
	RECORD_ERASE		/* personal parts are blanked, or about to be */
};

/* Whose process asked, as the kernel says. */
struct record_actor {
	uint32_t uid, gid;
	int32_t pid;
	const char *via;		/* "direct", "socket", "tcp", "unit" */
	bool app;			/* the application wrote the record itself */
};

struct record_call {
	const char *backend;
	const char *code;
	int64_t ms;
	const char *version;		/* "" or NULL: none */
};

struct record_store {
	const char *backend;		/* for the head file */
	const char *id;			/* the store's */
	uint64_t generation;
};

/* What a caller claims of people.  Limits in bytes; longer is cut with "…". */
struct record_personal {
	const char *user_email;		/* 320 */
	const char *ip_address;		/* 64 */
	const char *user_agent;		/* 512 */
	const char *metadata;		/* compact JSON object, as record_metadata gives it */
};

struct record_gap {
	uint64_t from, to;
	const char *reason, *by;
};

/* An anchor under the key of an epoch (checkpoint.h). */
struct record_checkpoint {
	uint64_t of, epoch;		/* the record that it anchors */
	const char *hash;		/* of that record */
	const char *key, *next;		/* public keys as 64 hex digits; next: of the epoch after, or "" */
	const char *signature;		/* 128 hex digits */
};

struct record_range {
	uint64_t from, to;		/* both included */
};

struct record_plugin {
	const char *name, *version, *path, *sha256;
};

/* NULL, "" and false are left out, and lists without elements. */
struct record {
	enum record_type type;
	/* open; config: the last four */
	uint64_t segment;
	const struct record_gap *gap;
	bool anew;			/* the key that comes next was named by no checkpoint */
	const char *program, *config;
	const struct record_plugin *plugins;
	size_t plugins_count;
	/* intent, outcome; refused: op and reason */
	char op[33];
	const char *action, *agency_id, *resource_type, *resource_id;
	const struct record_actor *actor;
	const char *claimed;
	const char *code, *reason;
	int64_t ms;			/* negative: not known */
	const struct record_call *calls;
	size_t calls_count;
	bool cached, stale;
	const struct record_store *stores;
	size_t stores_count;
	const struct record_personal *personal;
	/* torn */
	uint64_t torn_bytes;
	const char *torn_sha256;
	const struct record_checkpoint *checkpoint;
	/* drop, park */
	const char *sink;
	struct record_range dropped;
	uint64_t parked;
	const char *park_error;
	/* erase */
	const struct record_range *erased;
	size_t erased_count;
	const char *by;
};

/* What the trail adds. */
struct record_link {
	const char *trail;		/* 32 hex digits */
	const char *host;		/* 16, or NULL; open only */
	const char *parent;		/* of a trail that was begun anew; or NULL */
	uint64_t seq;
	int64_t time_us;
	bool back;			/* the clock went back */
	uint32_t writer;		/* w of an intent */
	const char *before;		/* h of the record before, 64 hex digits */
	const unsigned char *salt;	/* 16 bytes, with a personal part */
};

/*
 * A record before it has its place: what can be written without knowing seq,
 * time and the hash before (an open record needs that one too).  So callers do
 * the most of the work, and who numbers the records the least.
 */
struct record_draft {
	struct buffer fields, personal;
	char commitment[65];
};
/* error: no memory, or longer than RECORD_LINE_MAX even without calls. */
enum mortise_code record_draft(const struct record *, const struct record_link *,
    struct record_draft *, struct mortise_error *);
void record_draft_free(struct record_draft *);	/* for _cleanup_ */
/* Appends the line with its LF; hash takes its h.  error: no memory. */
enum mortise_code record_seal(const struct record_draft *, const struct record_link *,
    struct buffer *line, char hash[65], struct mortise_error *);

/* Both at once. */
enum mortise_code record_line(const struct record *, const struct record_link *,
    struct buffer *line, char hash[65], struct mortise_error *);

/* The digest of c that its hash is made of; false: none to be had. */
bool record_digest(const char *c, size_t size, char digest[65]);
/* The two hashes of a record, over bytes as they stand; false: no digest to be
 * had, or trail and before are not 32 and 64 hex digits. */
bool record_hash(const char *trail, const char *before, const char *c, size_t size,
    char hash[65]);
bool record_commitment(const char *personal, size_t size, char commitment[65]);

/* Metadata as callers give it -> compact JSON, order kept.  *compact NULL for
 * NULL; malloc'd.  invalid: no JSON object, or over 8 KiB. */
enum mortise_code record_metadata(const char *text, char **compact, struct mortise_error *);

#endif
