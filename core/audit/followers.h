/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * followers.h: sinks follow the trail.  Each has a thread and a cursor (cursor.h) and
 * gets the durable records in order, in batches, from where it left off, whoever wrote
 * them: so what a process that died has left is delivered by the next.  Of several
 * processes one at a time delivers to a sink.  A sink that hangs holds its own thread,
 * and who waits for it no longer than its timeout.
 *
 * A record that it rejects for ever is passed over (parked) or holds all that follow
 * back, as the configuration says.  What retention has removed before an optional sink
 * got it is dropped.  Both are records of the trail themselves.
 */
#ifndef AUDIT_FOLLOWERS_H
#define AUDIT_FOLLOWERS_H

#include "audit/trail.h"
#include "backend/backend.h"

#define SINK_FAILURE_SIZE 300

struct followers;

/* Begins to deliver.  backends: by number, as the sinks name them; those must be open.  All
 * is borrowed until followers_stop. */
enum mortise_code followers_start(struct trail *, const struct config_sink *, size_t count,
    struct backend *const *backends, const struct logger *, struct followers **,
    struct mortise_error *);

/* Ends it when what is durable by now is delivered, or failed to be, within each sink's
 * timeout.  NULL is fine. */
void followers_stop(struct followers *);

/*
 * May what record seq tells of go on?  Waits until each sink that is waited for has that
 * record, and looks how far the lagging ones lag; no longer than their timeouts and the
 * deadline.  error with reason audit: no.  Any thread; NULL: yes.
 */
enum mortise_code followers_allow(struct followers *, uint64_t seq, uint64_t deadline,
    struct mortise_error *);

/* What of its lag is beyond its max-lag, in words; NULL: nothing.  waiting_us: Unix time of
 * the oldest record to come; 0: none. */
const char *sink_beyond(const struct config_sink *, uint64_t records, uint64_t bytes,
    int64_t waiting_us);

/* How far a sink is, by what lies in the trail's directory: nothing is asked or changed. */
struct sink_progress {
	uint64_t seq, last;		/* what it has, and what is durable */
	uint64_t bytes;			/* that are to come */
	int64_t waiting_us;		/* Unix time of the oldest record to come; 0: none */
	uint64_t parked;		/* records that it rejected */
	char failure[SINK_FAILURE_SIZE];	/* of the last try; "": none */
};
enum mortise_code sink_progress(const char *directory, const char *sink, struct sink_progress *,
    struct mortise_error *);

#endif
