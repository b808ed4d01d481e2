/* SPDX-License-Identifier: BSD-2-Clause */
/* follower.h: one of them: what its thread (deliver.c) and those who wait for it
 * (followers.c) share.  audit's own. */
#ifndef AUDIT_FOLLOWER_H
#define AUDIT_FOLLOWER_H

#include "audit/cursor.h"
#include "audit/fields.h"
#include "audit/followers.h"
#include "audit/reader.h"

#define BATCH_MAX 512		/* records; plugin.h says so too */

/* Somebody who waits until the sink has this record. */
struct follower_wait {
	struct follower_wait *next;
	uint64_t seq;
	pthread_cond_t wake;
};

struct follower {
	/* Set at start, then never changed. */
	struct trail *trail;
	const struct config_sink *sink;
	struct backend *backend;
	const struct logger *logger;
	int file;			/* of its cursor */
	struct trail_watch watch;
	pthread_t thread;
	bool running;			/* there is a thread */

	/* The thread's. */
	struct lock_state durable;
	struct reader reader;
	struct cursor cursor;
	bool positioned;		/* the sink was asked where it stands, since it last failed: */
	uint64_t position;		/* there, it said; 0: it has not */
	bool placed;			/* the reader stands behind the cursor, or ... */
	bool sought;			/* ... somewhere before that */
	uint64_t reached;		/* the last record that was read, whoever has it */
	struct fields *fields;		/* BATCH_MAX of each */
	struct mortise_line *lines;
	unsigned int failures;		/* in a row */
	uint64_t beat;			/* when the trail's next one is due; of one of them */

	pthread_mutex_t lock;
	pthread_cond_t wake;		/* for the thread */
	/* Guarded by lock. */
	bool due, stopping;
	uint64_t stop_by;
	bool looked;			/* the thread has looked what there is, once at least */
	uint64_t acked;			/* in the sink */
	uint64_t parked, bytes;
	int64_t waiting_us;
	uint64_t failing_ns;		/* since when, CLOCK_MONOTONIC; 0: it does not fail */
	struct mortise_error failure;
	struct follower_wait *waits;
};

/* Before its thread begins: its file says whether the trail keeps for it, and how far it is. */
void follower_begin(struct follower *follower);
/* Delivers what is durable, as far as it goes (deliver.c).  Its cursor is locked. */
enum mortise_code follower_deliver(struct follower *follower, struct mortise_error *error);
/* Erases in the sink what an erase record names (sink_erase.c): records is its list. */
enum mortise_code follower_erase(const struct follower *follower, const char *records,
    struct mortise_error *error);
/* Reads how far it is, in the file; true: all that is durable is there. */
bool follower_catch_up(struct follower *follower);
/* Is it to end, and its time for that over? */
bool follower_late(struct follower *follower);

#endif
