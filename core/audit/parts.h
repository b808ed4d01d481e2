/* SPDX-License-Identifier: BSD-2-Clause */
/* parts.h: what the trail's files share.  audit's own. */
#ifndef AUDIT_PARTS_H
#define AUDIT_PARTS_H

#include <pthread.h>

#include "audit/trail.h"

#define SEGMENT_BYTES (UINT64_C(64) << 20)
#define SEGMENT_MS INT64_C(86400000)
#define SEGMENT_NAME_SIZE 24		/* "NNNNNN.jsonl", with room for more digits */
#define ZERO_HASH "0000000000000000000000000000000000000000000000000000000000000000"

/* --- what a place in the trail is ------------------------------------------- */

/* An intent that has no outcome yet. */
struct pending {
	uint64_t seq;
	char op[33];
	uint32_t writer;
};

struct store_note {
	char backend[33], id[65];
	uint64_t generation;
};

/* All that is known at one offset of one segment: reading on from there, or
 * appending there, goes on with it. */
struct view {
	char trail[33];
	uint64_t segment, offset;	/* the file, and where its next line begins */
	uint64_t seq;			/* of the last record; 0 = none */
	char hash[65];			/* its h */
	int64_t time_us;		/* its ts */
	struct pending *pending;
	size_t pending_count;
	struct store_note *stores;
	size_t stores_count;
};
void view_free(struct view *);		/* for _cleanup_ */
bool view_copy(const struct view *from, struct view *to);	/* to is overwritten */
bool view_add_pending(struct view *, uint64_t seq, const char *op, uint32_t writer);
void view_drop_pending(struct view *, const char *op);
bool view_set_store(struct view *, const char *backend, const char *id, uint64_t generation);

/* What a segment begins with. */
struct segment_open {
	char trail[33], before[65], host[17];
	uint64_t seq;
	int64_t time_us;
};
/* Of its first line; false = it has no whole first line, or that is no open. */
bool segment_read_open(int fd, struct segment_open *);

/*
 * Reads whole lines from view->offset to `end` and moves the view behind them,
 * verifying each.  corrupt: the first line that does not verify stays unread
 * and is named.  Lines after the first of a segment only, unless offset is 0.
 */
enum mortise_code view_read(struct view *, int fd, uint64_t end, struct mortise_error *);

/* --- files -------------------------------------------------------------------- */

/* DIR/lock, while it is locked. */
struct lock_state {
	uint64_t segment, size, durable;
	bool refused;
};
enum mortise_code lock_read(int fd, struct lock_state *, struct mortise_error *);
enum mortise_code lock_write(int fd, const struct lock_state *, struct mortise_error *);

/* DIR/head.  not_found: there is none. */
enum mortise_code head_read(int directory, struct view *, struct mortise_error *);
enum mortise_code head_write(int directory, const struct view *, struct mortise_error *);

void segment_name(uint64_t number, char name[SEGMENT_NAME_SIZE]);
/* The numbers of a directory's segments in order, malloc'd; -1 with errno. */
int segment_numbers(int directory, uint64_t **numbers, size_t *count);

/* 16 hex digits of SHA-256 of the trail's id and the machine's; "" where the
 * machine has none. */
void host_digest(const char *trail, char host[17]);

/* --- the trail ------------------------------------------------------------------ */

struct entry;

struct trail {
	struct trail_options options;
	int directory, lock, writers;	/* descriptors */
	uint32_t writer;		/* the byte of DIR/writers that is ours */

	pthread_mutex_t mutex;		/* guards queue and leading */
	pthread_cond_t done;
	struct entry *first, **last;	/* who waits for a leader */
	bool leading;

	/* The leader's: nobody else looks while `leading` is true. */
	int segment;			/* descriptor of the segment that view is of */
	struct view view;
	struct segment_open opened;	/* what that segment began with */
	uint64_t synced;		/* offset up to which it is durable */
	uint64_t head_seq;		/* of the last head that was written */
	uint64_t head_ns;
};

/* The functions below are called with DIR/lock locked. */

int trail_lock(const struct trail *);		/* flock; 0 or -1 */
void trail_unlock(const struct trail *);

/* Begins a segment after the view: O_EXCL, open record, syncs, the lock file.
 * before: the hash that it goes on from; gap may be NULL. */
enum mortise_code segment_begin(struct trail *, struct lock_state *, const char *parent,
    const struct record_gap *gap, struct mortise_error *);
/* The segment that the lock file names, read to its end. */
enum mortise_code segment_follow(struct trail *, struct lock_state *, struct mortise_error *);
/* Cuts what a writer that died left behind the last whole line. */
enum mortise_code segment_repair(struct trail *, struct lock_state *, struct mortise_error *);
/* Removes sealed segments that are older than the retention. */
void segment_retire(struct trail *);

/* Writes what the trail itself has to say, durably. */
enum mortise_code trail_write_own(struct trail *, struct lock_state *, const struct record *,
    struct mortise_error *);
/* Outcomes `unknown` for intents whose writers are gone. */
enum mortise_code trail_close_pending(struct trail *, struct lock_state *,
    struct mortise_error *);
/* Takes a byte of DIR/writers. */
enum mortise_code writer_take(struct trail *, struct mortise_error *);

/* The head, if it is due or `now`: after a sync, of one moment. */
enum mortise_code trail_head_due(struct trail *, bool now, struct mortise_error *);

/* Opens DIR and its lock file; begins nothing. */
enum mortise_code trail_attach(const struct trail_options *, struct trail **,
    struct mortise_error *);
void trail_detach(struct trail *);

enum mortise_code audit_failed(struct mortise_error *, const char *what, const char *directory);

#endif
