/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parts.h: the inside of the trail, for the files of this room that write it
 * and for its search.  Everyone else takes trail.h.
 *
 * One thread of a process at a time leads (batch.c).  The leader locks
 * DIR/lock, brings itself up to date (recover.c), writes, syncs and unlocks.
 * What is marked "leader" below belongs to it.
 */
#ifndef AUDIT_PARTS_H
#define AUDIT_PARTS_H

#include <jansson.h>
#include <pthread.h>
#include <sys/types.h>

#include "audit/checkpoint.h"
#include "audit/trail.h"
#include "base/clock.h"

#define ZERO_HASH "0000000000000000000000000000000000000000000000000000000000000000"
#define SEGMENT_NAME_SIZE 32

/* A place between two records. */
struct position {
	uint64_t offset;	/* in its segment */
	uint64_t seq;		/* of the record before it, and its time and hash */
	int64_t time_us;
	char hash[65];
};

/* An intent whose outcome is not durable yet. */
struct pending {
	uint64_t seq, closed;	/* closed: seq of its outcome, 0 = none */
	uint32_t writer;
	char op[33];
};
struct pendings {
	struct pending *all;
	size_t count, capacity;
};

struct noted {
	char backend[33], store[65];
	uint64_t generation;
};
struct noteds {
	struct noted *all;
	size_t count, capacity;
};

/* What DIR/lock says.  Always as long, so that writing it again leaves nothing of
 * the old text. */
#define LOCK_SIZE 128
struct lock_state {
	uint64_t segment, size, durable;
	bool refused;
	char text[LOCK_SIZE];		/* that this was read from, or written as */
};

/* What DIR/head says. */
#define RUNNING_DIGEST_SIZE 17	/* 16 hex digits of a digest of what runs */

struct head {
	char trail[33], hash[65];
	uint64_t seq, segment, offset;
	struct pendings pendings;
	struct noteds noteds;
	char running[RUNNING_DIGEST_SIZE];	/* "": it does not say */
	struct checkpoint checkpoint;		/* seq 0: it has none */
};

struct append;

/* What runs: copies. */
struct trail_running {
	char *config;			/* its digest */
	struct record_plugin *plugins;
	size_t plugins_count;
};

struct trail {
	/* Set at open, then never changed. */
	struct trail_options options;
	int directory, lock, writers;	/* descriptors */
	ino_t lock_inode;
	uint32_t writer;		/* our byte of DIR/writers */

	/* Leader: what the directory holds. */
	bool loaded;			/* false: load it before the next batch */
	char id[33], host[17], parent[33];
	uint64_t segment;		/* 0: none yet */
	int file;			/* of the segment; -1: none */
	bool sealed;			/* the file is not to be written any more */
	uint64_t first_seq;		/* of its open record, and its time */
	int64_t segment_us;
	struct position end, durable;
	struct pendings pendings;
	struct checkpoint checkpoint;	/* the newest up to end */
	bool key_lost;			/* it was looked for, to sign with */
	uint64_t anew;			/* the epoch of the key in its place; 0: none is */
	uint64_t checkpoint_ns;		/* one failed: no other before this */
	uint64_t torn_bytes;		/* cut, and not recorded yet; 0 = none */
	char torn_sha256[65];
	struct lock_state lock_state;	/* as it was read or written last */
	uint64_t head_seq, head_ns;	/* when the head was written last */
	char known[RUNNING_DIGEST_SIZE];	/* what ran when it was; looked at by open */
	bool head_due;

	pthread_mutex_t mutex;
	/* Guarded by mutex. */
	struct noteds noteds;
	struct trail_running running;
	struct trail_watch *watches;
	struct append *first, **last;	/* the queue */
	bool leading;			/* somebody leads */
};

/* --- running.c ------------------------------------------------------------- */

/* false: no memory, and what was there stays. */
bool running_set(struct trail_running *, const char *config, const struct record_plugin *,
    size_t count);
void running_forget(struct trail_running *);
/* Two of the same digest are the same. */
void running_digest(const struct trail_running *, char text[RUNNING_DIGEST_SIZE]);

/* --- trail.c ----------------------------------------------------------------- */

/* The directory opened and locked, nothing read yet. */
enum mortise_code trail_new(const struct trail_options *, struct trail **,
    struct mortise_error *);
void trail_free(struct trail *);

/* --- lock.c ------------------------------------------------------------------ */

/* Opens DIR/lock and DIR/writers, made if missing. */
enum mortise_code trail_lock_open(struct trail *, struct mortise_error *);
/* timeout with reason audit when another process keeps it until the deadline. */
enum mortise_code trail_lock_take(struct trail *, uint64_t deadline, struct mortise_error *);
void trail_lock_release(struct trail *);
/* false: it says nothing that can be read.  The state is zeroed, or what was read
 * before: the same text is not parsed again. */
bool trail_lock_read(int lock, struct lock_state *);
/* The same beside its writers, so perhaps in the middle of a change: more than once. */
bool trail_lock_look(const char *directory, struct lock_state *);
/* A member that is a whole number, from 0 on, of what this room writes as JSON. */
bool trail_number(const json_t *tree, const char *key, uint64_t *number);
enum mortise_code trail_lock_write(struct trail *, bool refused, struct mortise_error *);
/* Draws a byte of DIR/writers that is neither locked nor pending, and locks it. */
enum mortise_code trail_writer_draw(struct trail *, struct mortise_error *);
/* Is nobody there who holds this byte? */
bool trail_writer_gone(const struct trail *, uint32_t writer);

/* --- pending.c --------------------------------------------------------------- */

/* Room for one more element of a list; false: no memory. */
bool trail_grow(void **all, size_t count, size_t *capacity, size_t element);

bool pendings_add(struct pendings *, uint64_t seq, const char *op, uint32_t writer);
/* The outcome of op has this seq. */
void pendings_close(struct pendings *, const char *op, uint64_t seq);
/* Forgets those that are closed, once that is durable. */
void pendings_settle(struct pendings *);
/* Takes back all that happened after seq. */
void pendings_rewind(struct pendings *, uint64_t seq);
/* Is it in the list, and open? */
bool pendings_holds(const struct pendings *, uint32_t writer);
void pendings_free(struct pendings *);

/* backend NULL: of every backend that has this store.  *fresh (may be NULL):
 * the backend had none, or another. */
bool noteds_set(struct noteds *, const char *backend, const char *store, uint64_t generation,
    bool *fresh);
const struct noted *noteds_find(const struct noteds *, const char *backend);
void noteds_free(struct noteds *);

/* --- head.c ------------------------------------------------------------------ */

/* not_found: no file; invalid: not to be read. */
enum mortise_code head_read(int directory, struct head *, struct mortise_error *);
void head_free(struct head *);
/* Takes in what another process noted there first. */
void trail_head_merge(struct trail *);
/* Replaces DIR/head if that is due (or always); a failure is logged only, the
 * next try comes soon. */
void trail_head_write(struct trail *, bool always);

/* --- scan.c ------------------------------------------------------------------ */

/* A line taken apart; everything points into it. */
struct line {
	const char *c, *p, *h;
	size_t c_size, p_size;
	json_t *tree;		/* of c: the caller's, where this is true */
};
/* Of its bytes with the LF; false: it is no record. */
bool line_split(const char *bytes, size_t size, struct line *);

/* "The next record is corrupt: what", for the file and byte of trail->end. */
enum mortise_code trail_corrupt(const struct trail *, struct mortise_error *, const char *what);
/* Verifies one line with its LF as the next after trail->end, and takes it in. */
enum mortise_code trail_scan_line(struct trail *, const char *line, size_t size,
    struct mortise_error *);
/* All lines of trail->file from trail->end on; *tail: how many bytes follow the
 * last LF.  Where end passes durable_at, trail->durable becomes end. */
enum mortise_code trail_scan(struct trail *, uint64_t durable_at, uint64_t *tail,
    struct mortise_error *);
/* A record's ts as microseconds; false: it has not the form that we write. */
bool trail_time(const char *ts, int64_t *us);
/* Makes end the place that the head names, in the open segment: the line that
 * ends there must carry its h. */
enum mortise_code trail_scan_last(struct trail *, const struct head *, struct mortise_error *);
/* What the first record of a segment says; false: it has no good one. */
struct segment_start {
	char trail[33], host[17], before[65];
	uint64_t seq;
	int64_t time_us;
};
bool segment_start(int directory, uint64_t segment, struct segment_start *);

/* --- segment.c --------------------------------------------------------------- */

void segment_name(uint64_t segment, char name[SEGMENT_NAME_SIZE]);
/* The numbers of all segments, ascending; malloc'd. */
enum mortise_code segment_list(int directory, uint64_t **segments, size_t *count,
    struct mortise_error *);
/* Opens a segment for writing, or for reading only where it is sealed. */
enum mortise_code trail_segment_open(struct trail *, uint64_t segment, struct mortise_error *);
/* Begins the next segment at trail->end; gap NULL: none. */
enum mortise_code trail_segment_begin(struct trail *, const struct record_gap *gap,
    struct mortise_error *);
/* Is the segment full or old, with more bytes to come? */
bool trail_segment_due(const struct trail *, size_t more);
/* The next one after a synced one; segments past their retention go. */
enum mortise_code trail_segment_next(struct trail *, struct mortise_error *);

/* --- recover.c --------------------------------------------------------------- */

/* Reads the directory from its head on. */
enum mortise_code trail_load(struct trail *, struct mortise_error *);
/* Brings the trail up to what other processes left. */
enum mortise_code trail_catch_up(struct trail *, struct mortise_error *);
/* Begins a new segment where the file of this one is gone, cut, or another:
 * what cannot be read of it any more is declared as a gap. */
enum mortise_code trail_declare_loss(struct trail *, struct mortise_error *);
/* Cuts the tail if it is the beginning of a record and then NULs. */
enum mortise_code trail_cut_tail(struct trail *, uint64_t tail, struct mortise_error *);

/* --- orphans.c --------------------------------------------------------------- */

/* Closes the intents whose writers are gone, and tells what was cut.  DIR/lock is written. */
enum mortise_code trail_close_orphans(struct trail *, struct mortise_error *);

/* --- host.c ------------------------------------------------------------------ */

/* The digest of this host for a trail; "" without a machine-id. */
void host_digest(const char *trail, char host[17]);
/* Is this the host that the trail was written on?  If not, moves the trail
 * aside, so that another is begun. */
enum mortise_code trail_host_check(struct trail *, struct mortise_error *);

/* --- erase.c ----------------------------------------------------------------- */

/* Does DIR/erasing name an erasure that is not done yet? */
bool trail_erasing(const struct trail *);
/* Ends what a crash has left of one, under the lock; a failure is logged only, and the
 * next who opens the trail tries again. */
void trail_erase_again(struct trail *);

/* --- batch.c ----------------------------------------------------------------- */

/* Writes records and syncs; under the lock, for open and close. */
enum mortise_code trail_write(struct trail *, const struct record *, size_t count,
    struct mortise_error *);

#endif
