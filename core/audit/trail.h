/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trail.h: the one local append-only file that commits operations.  Several
 * threads (a leader writes for its followers) and several processes (flock of
 * DIR/lock) append to one trail.
 */
#ifndef AUDIT_TRAIL_H
#define AUDIT_TRAIL_H

#include "audit/record.h"
#include "base/log.h"

struct trail;

struct trail_options {
	const char *directory;		/* made (0700) if only its last part is missing */
	const char *program;		/* "mortise 0.1.0" */
	const char *config;		/* digest of the configuration */
	const struct record_plugin *plugins;
	size_t plugins_count;
	int64_t retention_ms;
	const struct logger *logger;
	/* For tests: smaller segments, other clocks.  0: 64 MiB, 24 h; a checkpoint
	 * each minute, a key each 24 h, a beat each 15 min. */
	uint64_t segment_bytes;
	int64_t segment_ms, checkpoint_ms, epoch_ms, beat_ms;
};

/*
 * Opens or begins the trail, recovers a torn tail, and closes intents whose
 * writers are gone with outcomes `unknown`.  error with reason audit: cannot be
 * written, refused until accept-loss, corrupt (names the record), or with
 * reason short: shorter than its head.  Nothing is borrowed but the logger.
 */
enum mortise_code trail_open(const struct trail_options *, struct trail **,
    struct mortise_error *);
/* Writes the head.  NULL is fine. */
void trail_close(struct trail *);

/*
 * Appends one record, which gets the number *seq (may be NULL).  durable: returns ok once it is on the disk, and waits
 * for that no longer than the deadline (timeout with reason audit: it may or
 * may not become durable).  Not durable: once it is written.  error with
 * reason audit: it is not in the trail.  Any thread.
 */
enum mortise_code trail_append(struct trail *, const struct record *, bool durable,
    uint64_t deadline, uint64_t *seq, struct mortise_error *);

/* Whose function is called each time that records have become durable: from any thread that
 * appends, so it must be quick and not append. */
struct trail_watch {
	struct trail_watch *next;
	void (*synced)(void *arg);
	void *arg;
};
/* Until it is ended, which waits for a call that runs.  Any thread. */
void trail_watch(struct trail *, struct trail_watch *);
void trail_unwatch(struct trail *, struct trail_watch *);

/* Signs the trail up to here: returns once its newest record is a checkpoint no older than
 * a beat, that is durable, and the head has it.  Any thread. */
enum mortise_code trail_checkpoint(struct trail *, uint64_t deadline, struct mortise_error *);
/* So often it is to be called while nothing is recorded: then silence is a loss. */
int64_t trail_beat_ms(const struct trail *);

/* Another configuration is in force: recorded, where it or a plugin differs from what
 * the trail knows.  One thread at a time. */
enum mortise_code trail_configured(struct trail *, const char *config,
    const struct record_plugin *, size_t count, uint64_t deadline, struct mortise_error *);

/* What the head holds for a backend: false = never seen.  Any thread. */
bool trail_noted(struct trail *, const char *backend, char store[65], uint64_t *generation);

/* The segments of a directory in order, malloc'd paths in a malloc'd array. */
enum mortise_code trail_segments(const char *directory, char ***files, size_t *count,
    struct mortise_error *);
void trail_segments_free(char **files, size_t count);

/* The head file, as mortise_audit_head. */
enum mortise_code trail_head(const char *directory, struct mortise_audit_head *,
    struct mortise_error *);

/* As mortise_audit_accept_loss. */
enum mortise_code trail_accept_loss(const struct trail_options *, const char *reason,
    const char *by, struct mortise_error *);

#endif
