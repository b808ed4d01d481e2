/* SPDX-License-Identifier: BSD-2-Clause */
/* From the trail into one sink. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/follower.h"
#include "base/name.h"

#define RECORD_MS 10000		/* for a record of our own */

/* --- what the others see ----------------------------------------------------------- */

static void
wake(const struct follower *follower, bool all)
{
	for (struct follower_wait *wait = follower->waits; wait != NULL; wait = wait->next) {
		if (all || wait->seq <= follower->acked)
			(void)pthread_cond_signal(&wait->wake);
	}
}

/* The sink has all up to the cursor. */
static void
advance(struct follower *follower)
{
	(void)pthread_mutex_lock(&follower->lock);
	follower->acked = follower->cursor.seq;
	follower->parked = follower->cursor.parked;
	wake(follower, false);
	(void)pthread_mutex_unlock(&follower->lock);
}

/* So many bytes are to come, since then; 0: none. */
static void
note_waiting(struct follower *follower, int64_t waiting_us, uint64_t bytes)
{
	(void)pthread_mutex_lock(&follower->lock);
	follower->waiting_us = waiting_us;
	follower->bytes = bytes;
	wake(follower, !follower->looked);
	follower->looked = true;
	(void)pthread_mutex_unlock(&follower->lock);
}

/* --- where it stands --------------------------------------------------------------- */

static uint64_t
call_deadline(const struct follower *follower)
{
	return deadline_in_ms(follower->sink->timeout_ms);
}

/* A place that the trail does not reach: it was put back, and the file not with it. */
static bool
is_beyond(const struct cursor *cursor, const struct lock_state *durable)
{
	return cursor->segment > durable->segment || (cursor->segment == durable->segment &&
	    cursor->offset > durable->durable);
}

/* What the file says, or the beginning of this trail. */
static void
load_cursor(struct follower *follower)
{
	struct cursor *cursor = &follower->cursor;
	bool good = cursor_read(follower->file, cursor) &&
	    strcmp(cursor->trail, follower->trail->id) == 0;

	/* Read after it: what a cursor counts was durable before. */
	if (good && trail_lock_read(follower->trail->lock, &follower->durable))
		good = !is_beyond(cursor, &follower->durable);
	if (!good) {
		*cursor = (struct cursor){.seq = 0};
		memcpy(cursor->trail, follower->trail->id, sizeof(cursor->trail));
	}
	cursor->keep = follower->sink->wait != SINK_NEVER;
	advance(follower);
}

static void
save_cursor(struct follower *follower)
{
	if (!cursor_write(follower->file, &follower->cursor))
		log_line(follower->logger, MORTISE_LOG_WARNING,
		    "the trail's " CURSOR_DIRECTORY "/%s cannot be written; look for a full disk",
		    backend_name(follower->backend));
	advance(follower);
}

void
follower_begin(struct follower *follower)
{
	struct cursor before;
	bool there = cursor_read(follower->file, &before);

	load_cursor(follower);
	if ((there && before.keep == follower->cursor.keep) || !cursor_lock(follower->file))
		return;
	load_cursor(follower);
	save_cursor(follower);
	cursor_unlock(follower->file);
}

bool
follower_catch_up(struct follower *follower)
{
	load_cursor(follower);
	return follower->cursor.segment == follower->durable.segment &&
	    follower->cursor.offset == follower->durable.durable;
}

/* The sink knows best, where it knows it: it may have got what the cursor does not tell, or
 * have been put back to an older state.  Its last record is sent again, so that it tells where
 * that is another one.  Behind the cursor are also those records that it is not to get, or has
 * rejected. */
static enum mortise_code
ask_position(struct follower *follower, struct mortise_error *error)
{
	struct mortise_call call = {.deadline = call_deadline(follower), .error = error,
	    .logger = follower->logger};
	struct cursor *cursor = &follower->cursor;
	bool whole = follower->sink->only_count == 0 && cursor->parked == 0;
	uint64_t seq = cursor->seq;
	enum mortise_code code = MORTISE_OK;

	if ((backend_can(follower->backend) & MORTISE_CAN_SINK_POSITION) != 0)
		code = backend_sink_position(follower->backend, &call, cursor->trail, &seq);
	if (code != MORTISE_OK)
		return code;
	follower->positioned = true;
	follower->position = seq;
	if (seq > cursor->seq || (seq < cursor->seq && whole)) {
		cursor->seq = seq == 0 ? 0 : seq - 1;
		cursor->segment = 0;
		follower->placed = false;
	}
	return MORTISE_OK;
}

/* Before the record that comes next, or somewhere before that. */
static enum mortise_code
seek(struct follower *follower, struct mortise_error *error)
{
	uint64_t first = 0;
	enum mortise_code code = reader_seek(&follower->reader, &follower->durable,
	    follower->cursor.seq, &first, error);

	if (code != MORTISE_OK)
		return code;
	follower->placed = follower->sought = true;
	follower->reached = first <= follower->cursor.seq ? first - 1 : follower->cursor.seq;
	return MORTISE_OK;
}

static enum mortise_code
place(struct follower *follower, struct mortise_error *error)
{
	const struct cursor *cursor = &follower->cursor;

	if (follower->placed)
		return MORTISE_OK;
	if (cursor->segment == 0)
		return seek(follower, error);
	reader_place(&follower->reader, cursor->segment, cursor->offset);
	follower->placed = true;
	follower->sought = false;
	follower->reached = cursor->seq;
	return MORTISE_OK;
}

/* --- one batch --------------------------------------------------------------------- */

struct batch {
	size_t count;			/* lines for the sink */
	uint64_t ends[BATCH_MAX];	/* where each of them ends */
	uint64_t start;			/* where the first one begins */
	uint64_t seq, segment, offset;	/* behind all that was read, also of what is left out */
	const char *erases;		/* the last line is an erase record, with this list; NULL: no */
};

static bool
is_wanted(const struct config_sink *sink, const struct fields *fields)
{
	const char *action = fields_find(fields, "action");

	if (sink->only_count == 0 || action == NULL)
		return true;
	for (size_t i = 0; i < sink->only_count; i++) {
		if (glob_match(sink->only[i], action))
			return true;
	}
	return false;
}

static enum mortise_code
add_line(struct follower *follower, struct batch *batch, const char *line, size_t size,
    uint64_t seq, struct mortise_error *error)
{
	struct fields *fields = &follower->fields[batch->count];

	if (seq == 0 || !fields_take(fields, line, size))
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT, "what follows record %"
		    PRIu64 " of the trail is none; see `mortise audit verify`", follower->reached);
	batch->seq = follower->reached = seq;
	batch->offset = follower->reader.offset;
	if (!is_wanted(follower->sink, fields))
		return MORTISE_OK;
	follower->lines[batch->count] = (struct mortise_line){
		.size = sizeof(struct mortise_line), .trail = follower->cursor.trail, .seq = seq,
		.line = line, .line_size = size, .fields = fields->pairs,
		.fields_count = fields->count,
	};
	batch->ends[batch->count++] = batch->offset;
	if ((backend_can(follower->backend) & MORTISE_CAN_SINK_ERASE) != 0)
		batch->erases = fields_find(fields, "records");
	return MORTISE_OK;
}

/* The next line, from the disk where none is left. */
static enum mortise_code
next_line(struct follower *follower, char **line, size_t *size, uint64_t *seq,
    struct mortise_error *error)
{
	struct reader *reader = &follower->reader;
	enum mortise_code code;

	code = reader_next(reader, &follower->durable, line, size, seq, error);
	/* Its retention is over. */
	if (code == MORTISE_NOT_FOUND && seek(follower, error) == MORTISE_OK)
		code = reader_next(reader, &follower->durable, line, size, seq, error);
	if (code != MORTISE_OK)
		return code;
	return *line != NULL || reader->size == 0 ? MORTISE_OK :
	    error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT, "a segment of the trail ends "
	    "inside the record after %" PRIu64 "; see `mortise audit verify`", follower->reached);
}

/* The first line that the sink has not got; NULL: it has all. */
static enum mortise_code
first_line(struct follower *follower, char **line, size_t *size, uint64_t *seq,
    struct mortise_error *error)
{
	enum mortise_code code;

	for (;;) {
		code = next_line(follower, line, size, seq, error);
		if (code != MORTISE_OK || *line == NULL)
			return code;
		/* A cursor of another time: what it says of the place is not to be trusted. */
		if (!follower->sought && *seq != follower->cursor.seq + 1) {
			code = seek(follower, error);
			if (code != MORTISE_OK)
				return code;
			continue;
		}
		if (*seq == 0 || *seq > follower->cursor.seq)
			return MORTISE_OK;
		follower->reached = *seq;
	}
}

/* Records between the last one and this are not there: lost, and declared to be, or removed
 * before the sink got them.  A sink that is new has lost nothing. */
static enum mortise_code
pass_gap(struct follower *follower, const char *line, size_t size, uint64_t seq,
    struct mortise_error *error)
{
	const struct record record = {.type = RECORD_DROP,
	    .sink = backend_name(follower->backend), .dropped = {follower->reached + 1, seq - 1}};
	enum mortise_code code;

	if (follower->reached == 0 || (fields_take(&follower->fields[0], line, size) &&
	    fields_find(&follower->fields[0], "gap.from") != NULL))
		return MORTISE_OK;
	code = trail_append(follower->trail, &record, true, deadline_in_ms(RECORD_MS), NULL, error);
	if (code == MORTISE_OK)
		log_line(follower->logger, MORTISE_LOG_WARNING, "sink %s did not get the records %"
		    PRIu64 " to %" PRIu64 ", which are past their retention", record.sink,
		    record.dropped.from, record.dropped.to);
	return code;
}

/* What is in memory of the lines that come next; seq 0: nothing is left. */
static enum mortise_code
read_batch(struct follower *follower, struct batch *batch, struct mortise_error *error)
{
	uint64_t seq = 0;
	size_t size;
	char *line = NULL;
	enum mortise_code code = first_line(follower, &line, &size, &seq, error);

	if (code == MORTISE_OK && line != NULL && seq > follower->reached + 1)
		code = pass_gap(follower, line, size, seq, error);
	batch->count = 0;
	batch->seq = 0;
	batch->erases = NULL;
	batch->segment = follower->reader.segment;
	batch->start = line == NULL ? 0 : follower->reader.offset - size - 1;
	while (code == MORTISE_OK && line != NULL) {
		code = add_line(follower, batch, line, size, seq, error);
		line = batch->count < BATCH_MAX && batch->erases == NULL ?
		    reader_line(&follower->reader, &size, &seq) : NULL;
	}
	return code;
}

/* The sink has the first `taken` lines. */
static void
take(struct follower *follower, const struct batch *batch, size_t taken)
{
	struct cursor *cursor = &follower->cursor;
	bool whole = taken == batch->count;

	/* Those that are left are read again. */
	follower->placed = whole;
	if (taken == 0 && !whole)
		return;
	cursor->seq = whole ? batch->seq : follower->lines[taken - 1].seq;
	cursor->segment = batch->segment;
	cursor->offset = whole ? batch->offset : batch->ends[taken - 1];
	save_cursor(follower);
}

static enum mortise_code
hold_back(uint64_t seq, struct mortise_error *error)
{
	char message[sizeof(error->message)];

	(void)snprintf(message, sizeof(message), "it rejects record %" PRIu64 ": %.300s; mend the "
	    "sink, or have such records passed over by `on-reject: park`", seq, error->message);
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT, "%s", message);
}

/* A record is passed over, and that recorded. */
static enum mortise_code
park(struct follower *follower, const struct batch *batch, size_t at, const char *why,
    struct mortise_error *error)
{
	const struct record record = {.type = RECORD_PARK, .sink = backend_name(follower->backend),
	    .parked = follower->lines[at].seq, .park_error = why};
	struct mortise_error failure = {0};
	enum mortise_code code = trail_append(follower->trail, &record, true,
	    deadline_in_ms(RECORD_MS), NULL, &failure);

	if (code != MORTISE_OK) {
		*error = failure;
		return code;
	}
	log_line(follower->logger, MORTISE_LOG_ERROR, "sink %s: record %" PRIu64 " is parked: %s",
	    record.sink, record.parked, why);
	follower->cursor.parked++;
	take(follower, batch, at + 1);
	error_clear(error);
	return MORTISE_OK;
}

/* lines[at] is rejected for ever. */
static enum mortise_code
reject(struct follower *follower, const struct batch *batch, size_t at,
    struct mortise_error *error)
{
	if (!follower->sink->park)
		return hold_back(follower->lines[at].seq, error);
	return park(follower, batch, at, error->message, error);
}

/* Behind all that it names.  Where the sink may not erase, that is no reason to hold back
 * all that follows. */
static enum mortise_code
erase(struct follower *follower, const struct batch *batch, struct mortise_error *error)
{
	enum mortise_code code = follower_erase(follower, batch->erases, error);
	char why[sizeof(error->message)];

	if (code == MORTISE_OK || code == MORTISE_UNAVAILABLE || code == MORTISE_TIMEOUT)
		return code;
	(void)snprintf(why, sizeof(why), "what it names is not erased: %.400s", error->message);
	return park(follower, batch, batch->count - 1, why, error);
}

static enum mortise_code
emit(struct follower *follower, const struct batch *batch, struct mortise_error *error)
{
	struct mortise_error flush_error = {0};
	struct mortise_call call = {.deadline = call_deadline(follower), .error = error,
	    .logger = follower->logger};
	size_t taken = 0;
	enum mortise_code code = MORTISE_OK, flushed = MORTISE_OK;

	if (batch->count > 0)
		code = backend_sink_emit(follower->backend, &call, follower->lines, batch->count,
		    &taken);
	call.error = &flush_error;
	if (taken > 0)
		flushed = backend_sink_flush(follower->backend, &call);
	if (flushed != MORTISE_OK) {
		*error = flush_error;
		return flushed;
	}
	if (code != MORTISE_OK || batch->erases == NULL) {
		take(follower, batch, taken);
		return code == MORTISE_INVALID ? reject(follower, batch, taken, error) : code;
	}
	take(follower, batch, taken - 1);
	code = erase(follower, batch, error);
	if (code == MORTISE_OK && follower->cursor.seq < batch->seq)
		take(follower, batch, taken);
	return code;
}

/* All is there.  Does the sink name a record that the trail has not? */
static enum mortise_code
finish(struct follower *follower, struct mortise_error *error)
{
	uint64_t seq = follower->cursor.seq > follower->position ? follower->cursor.seq :
	    follower->position;

	note_waiting(follower, 0, 0);
	if (follower->reached >= seq)
		return MORTISE_OK;
	/* Which of ours it has is not known. */
	follower->cursor.seq = follower->cursor.segment = 0;
	return error_set(error, MORTISE_CONFLICT, MORTISE_REASON_AUDIT, "it has record %" PRIu64
	    " of this trail, which ends at %" PRIu64 ": the trail was cut or put back; see "
	    "`mortise audit verify`", seq, follower->reached);
}

/* What lags with it. */
static void
note_batch(struct follower *follower, const struct batch *batch)
{
	const char *ts = fields_find(&follower->fields[0], "ts");
	int64_t ms = 0;

	if (ts != NULL && clock_parse(ts, &ms))
		note_waiting(follower, ms * 1000, batch->offset - batch->start +
		    reader_left(&follower->reader, &follower->durable));
}

static enum mortise_code
deliver(struct follower *follower, struct mortise_error *error)
{
	struct batch *batch _cleanup_(free_pointer) = calloc(1, sizeof(*batch));
	enum mortise_code code = MORTISE_OK;

	if (batch == NULL)
		return error_memory(error);
	load_cursor(follower);
	follower->placed = false;
	while (code == MORTISE_OK && !follower_late(follower)) {
		(void)trail_lock_read(follower->trail->lock, &follower->durable);
		code = place(follower, error);
		if (code == MORTISE_OK)
			code = read_batch(follower, batch, error);
		if (code == MORTISE_OK && batch->seq == 0)
			return finish(follower, error);
		if (code == MORTISE_OK)
			note_batch(follower, batch);
		/* With something for it, so that nobody asks it for nothing. */
		if (code == MORTISE_OK && !follower->positioned)
			code = ask_position(follower, error);
		if (code == MORTISE_OK && follower->placed)
			code = emit(follower, batch, error);
	}
	return code;
}

/* Printable ASCII, so that it is no longer in the file. */
static void
keep_failure(struct cursor *cursor, const char *message)
{
	size_t i = 0;

	for (; message[i] != '\0' && i + 1 < sizeof(cursor->failure); i++)
		cursor->failure[i] = message[i] < ' ' || message[i] > '~' || message[i] == '"' ||
		    message[i] == '\\' ? '\'' : message[i];
	cursor->failure[i] = '\0';
}

enum mortise_code
follower_deliver(struct follower *follower, struct mortise_error *error)
{
	enum mortise_code code = deliver(follower, error);
	struct cursor *cursor = &follower->cursor;
	char before[SINK_FAILURE_SIZE];

	memcpy(before, cursor->failure, sizeof(before));
	keep_failure(cursor, code == MORTISE_OK ? "" : error->message);
	if (strcmp(before, cursor->failure) != 0)
		save_cursor(follower);
	return code;
}
