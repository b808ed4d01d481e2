/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Appending.  Who finds nobody leading leads: it writes and syncs for all that
 * wait by then, and hands the lead to the first who came meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/parts.h"
#include "base/condition.h"
#include "base/digest.h"
#include "base/file.h"

enum append_state {
	APPEND_QUEUED,
	APPEND_LEAD,		/* it is this one's turn to lead */
	APPEND_TAKEN,		/* a leader has it */
	APPEND_DONE
};

/* One record on its way.  On the heap, for a caller may leave at its deadline
 * while a leader still has it. */
struct append {
	struct append *next;
	struct record_draft draft;
	enum record_type type;
	char op[33];
	struct noteds stores;
	bool durable;
	uint64_t deadline, seq;
	/* Guarded by the trail's mutex. */
	enum append_state state;
	bool abandoned;
	enum mortise_code code;
	struct mortise_error error;
	pthread_cond_t wake;
};

static void
append_free(struct append *append)
{
	if (append == NULL)
		return;
	record_draft_free(&append->draft);
	noteds_free(&append->stores);
	(void)pthread_cond_destroy(&append->wake);
	free(append);
}

static enum mortise_code
no_memory(struct mortise_error *error)
{
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
	    "an audit record cannot be made: out of memory");
}

static enum mortise_code
append_new(const struct trail *trail, const struct record *record, struct append **made,
    struct mortise_error *error)
{
	unsigned char salt[16] = {0};
	struct record_link link = {.writer = trail->writer, .salt = salt};
	struct append *append = calloc(1, sizeof(*append));
	enum mortise_code code;
	bool good = true;

	if (append == NULL || !condition_init(&append->wake)) {
		free(append);
		return no_memory(error);
	}
	append->type = record->type;
	memcpy(append->op, record->op, sizeof(append->op));
	for (size_t i = 0; good && i < record->stores_count; i++)
		good = noteds_set(&append->stores, record->stores[i].backend,
		    record->stores[i].id, record->stores[i].generation, NULL);
	if (good && record->personal != NULL)
		good = random_bytes(salt, sizeof(salt));
	/* A checkpoint is made by who leads: it is of the record before it. */
	if (good && record->type == RECORD_CHECKPOINT)
		code = MORTISE_OK;
	else
		code = good ? record_draft(record, &link, &append->draft, error) :
		    no_memory(error);
	if (code != MORTISE_OK) {
		append_free(append);
		return code;
	}
	*made = append;
	return MORTISE_OK;
}

static enum mortise_code
write_failed(const struct trail *trail, struct mortise_error *error, int saved, const char *what)
{
	(void)error_errno(error, saved, "%s: no audit record, so nothing is done; see to the "
	    "disk: %s", trail->options.directory, what);
	if (error != NULL)
		error->reason = MORTISE_REASON_AUDIT;
	return MORTISE_ERROR;
}

/* --- one batch, under the lock ----------------------------------------------- */

/* One draft as the next line. */
static enum mortise_code
add_line(const struct trail *trail, const struct record_draft *draft, int64_t now,
    struct position *next, struct buffer *lines, struct mortise_error *error)
{
	char before[65];
	const struct record_link link = {
		.trail = trail->id, .seq = next->seq + 1, .time_us = now,
		.back = now < next->time_us, .before = before,
	};
	size_t start = lines->size;
	enum mortise_code code;

	memcpy(before, next->hash, sizeof(before));
	code = record_seal(draft, &link, lines, next->hash, error);
	next->seq++;
	next->time_us = now;
	next->offset += lines->size - start;
	return code;
}

/* What was cut from the trail's end is told before anything else. */
static enum mortise_code
add_torn(const struct trail *trail, int64_t now, struct position *next, struct buffer *lines,
    struct mortise_error *error)
{
	const struct record record = {
		.type = RECORD_TORN, .torn_bytes = trail->torn_bytes,
		.torn_sha256 = trail->torn_sha256,
	};
	const struct record_link link = {0};
	struct record_draft draft _cleanup_(record_draft_free) = {0};
	enum mortise_code code;

	if (trail->torn_bytes == 0)
		return MORTISE_OK;
	code = record_draft(&record, &link, &draft, error);
	return code == MORTISE_OK ? add_line(trail, &draft, now, next, lines, error) : code;
}

/* All or nothing. */
static enum mortise_code
write_lines(struct trail *trail, struct append *batch, struct mortise_error *error)
{
	struct buffer lines _cleanup_(buffer_free) = {0};
	struct position next = trail->end;
	int64_t now = clock_unix_us();
	enum mortise_code code = add_torn(trail, now, &next, &lines, error);

	for (struct append *a = batch; code == MORTISE_OK && a != NULL; a = a->next) {
		if (a->type != RECORD_CHECKPOINT)
			code = add_line(trail, &a->draft, now, &next, &lines, error);
		a->seq = next.seq;
	}
	if (code != MORTISE_OK)
		return code;
	if (file_write(trail->file, lines.data, lines.size, NULL) < 0) {
		int saved = errno;

		/* What is left of it would be a torn tail for the next one. */
		if (ftruncate(trail->file, (off_t)trail->end.offset) < 0)
			trail->loaded = false;
		return write_failed(trail, error, saved, "a record could not be written whole");
	}
	trail->end = next;
	trail->torn_bytes = 0;
	return MORTISE_OK;
}

static void
note_pending(struct trail *trail, const struct append *batch)
{
	for (const struct append *a = batch; a != NULL; a = a->next) {
		if (a->type == RECORD_OUTCOME)
			pendings_close(&trail->pendings, a->op, a->seq);
		/* Read again from the file when memory is short. */
		if (a->type == RECORD_INTENT &&
		    !pendings_add(&trail->pendings, a->seq, a->op, trail->writer))
			trail->loaded = false;
	}
}

static void
note_stores(struct trail *trail, const struct append *batch)
{
	(void)pthread_mutex_lock(&trail->mutex);
	for (const struct append *a = batch; a != NULL; a = a->next) {
		for (size_t i = 0; i < a->stores.count; i++) {
			const struct noted *noted = &a->stores.all[i];

			/* A store that the head does not know must be in it before its
			 * first generation is acknowledged. */
			(void)noteds_set(&trail->noteds, noted->backend, noted->store,
			    noted->generation, &trail->head_due);
		}
	}
	(void)pthread_mutex_unlock(&trail->mutex);
}

static void
tell_watches(struct trail *trail)
{
	(void)pthread_mutex_lock(&trail->mutex);
	for (const struct trail_watch *watch = trail->watches; watch != NULL; watch = watch->next)
		watch->synced(watch->arg);
	(void)pthread_mutex_unlock(&trail->mutex);
}

/* The kernel may have dropped what it could not write, and would say so once:
 * the descriptor proves nothing any more, and neither does what was written
 * after the last sync. */
static enum mortise_code
sync_failed(struct trail *trail, int saved, struct mortise_error *error)
{
	bool good = ftruncate(trail->file, (off_t)trail->durable.offset) == 0;
	bool unsigned_now = trail->checkpoint.seq > trail->durable.seq;

	trail->end = trail->durable;
	pendings_rewind(&trail->pendings, trail->end.seq);
	good = good && trail_segment_begin(trail, NULL, NULL) == MORTISE_OK;
	if (!good)
		(void)trail_lock_write(trail, true, NULL);
	/* The checkpoint before the one that went is read again. */
	if (!good || unsigned_now)
		trail->loaded = false;
	log_line(trail->options.logger, MORTISE_LOG_ERROR, "%s: the trail could not be synced, %s",
	    trail->options.directory, good ? "a new segment was begun" :
	    "nor a new segment be begun: all records are refused until "
	    "`mortise audit accept-loss`");
	return write_failed(trail, error, saved, "the records could not be synced");
}

static enum mortise_code
sync_file(struct trail *trail, struct mortise_error *error)
{
	if (file_sync_data(trail->file) < 0)
		return sync_failed(trail, errno, error);
	trail->durable = trail->end;
	return MORTISE_OK;
}

/* A segment that this batch may be written to. */
static enum mortise_code
make_room(struct trail *trail, const struct append *batch, struct mortise_error *error)
{
	enum mortise_code code = trail_catch_up(trail, error);
	size_t more = 0;

	for (const struct append *a = batch; a != NULL; a = a->next)
		more += a->draft.fields.size + a->draft.personal.size;
	if (code == MORTISE_OK && trail->segment == 0)
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
		    "%s: the trail was removed while in use; see `mortise audit accept-loss`",
		    trail->options.directory);
	if (code != MORTISE_OK || (!trail->sealed && !trail_segment_due(trail, more)))
		return code;
	if (!trail->sealed) {
		/* A segment ends signed; one that cannot be, ends all the same. */
		(void)checkpoint_add(trail, NULL);
		code = sync_file(trail, error);
		if (code == MORTISE_OK)
			(void)checkpoint_settle(trail, NULL);
	}
	return code == MORTISE_OK ? trail_segment_next(trail, error) : code;
}

/* Ends one; with the mutex held. */
static void
finish(struct append *append, enum mortise_code code, const struct mortise_error *error)
{
	if (append->abandoned) {
		append_free(append);
		return;
	}
	append->code = code;
	if (code != MORTISE_OK)
		append->error = *error;
	append->state = APPEND_DONE;
	(void)pthread_cond_signal(&append->wake);
}

static bool
is_written(const struct append *append)
{
	return !append->durable;
}

static bool
is_checkpoint(const struct append *append)
{
	return append->type == RECORD_CHECKPOINT;
}

/* Lets those go of whom this is true; the batch keeps the others. */
static void
release(struct trail *trail, struct append **batch, bool (*leaves)(const struct append *),
    enum mortise_code code, const struct mortise_error *error)
{
	(void)pthread_mutex_lock(&trail->mutex);
	for (struct append **at = batch; *at != NULL;) {
		struct append *append = *at;

		if (!leaves(append)) {
			at = &append->next;
			continue;
		}
		*at = append->next;
		finish(append, code, error);
	}
	(void)pthread_mutex_unlock(&trail->mutex);
}

/* Syncs what was written, signed if that is due or asked for.  The records do not
 * depend on the signature, only who asked for it is told. */
static enum mortise_code
sign_and_sync(struct trail *trail, struct append **batch, struct mortise_error *error)
{
	struct mortise_error unsigned_error = {0};
	enum mortise_code code, signed_code = MORTISE_OK;
	bool asked = false;

	for (const struct append *a = *batch; a != NULL; a = a->next)
		asked = asked || is_checkpoint(a);
	/* Others are to find it in the head. */
	trail->head_due = trail->head_due || asked;
	if (asked || checkpoint_due(trail))
		signed_code = checkpoint_add(trail, &unsigned_error);
	code = sync_file(trail, error);
	if (code != MORTISE_OK)
		return code;
	if (trail->key_lost || signed_code == MORTISE_OK)
		signed_code = checkpoint_settle(trail, &unsigned_error);
	if (signed_code != MORTISE_OK)
		release(trail, batch, is_checkpoint, signed_code, &unsigned_error);
	return MORTISE_OK;
}

/* One batch, the lock being held.  *batch: in the end those who still wait. */
static enum mortise_code
write_batch(struct trail *trail, struct append **batch, struct mortise_error *error)
{
	bool sync = *batch == NULL;	/* only what was cut is to be told */
	const struct mortise_error none = {0};
	enum mortise_code code = make_room(trail, *batch, error);

	if (code == MORTISE_OK)
		code = write_lines(trail, *batch, error);
	if (code != MORTISE_OK)
		return code;
	note_pending(trail, *batch);
	release(trail, batch, is_written, MORTISE_OK, &none);
	sync = sync || *batch != NULL;
	if (sync) {
		code = sign_and_sync(trail, batch, error);
		if (code != MORTISE_OK)
			return code;
		pendings_settle(&trail->pendings);
		note_stores(trail, *batch);
	}
	/* The records stand whatever becomes of this: others read the file. */
	if (trail_lock_write(trail, false, NULL) != MORTISE_OK)
		log_line(trail->options.logger, MORTISE_LOG_WARNING,
		    "%s/lock cannot be written", trail->options.directory);
	if (sync) {
		tell_watches(trail);
		trail_head_write(trail, false);
	}
	return MORTISE_OK;
}

/* --- who leads --------------------------------------------------------------- */

static void
enqueue(struct trail *trail, struct append *append)
{
	*trail->last = append;
	trail->last = &append->next;
}

static void
dequeue(struct trail *trail, struct append *append)
{
	struct append **at = &trail->first;

	while (*at != NULL && *at != append)
		at = &(*at)->next;
	*at = append->next;
	if (trail->last == &append->next)
		trail->last = at;
	append->next = NULL;
}

/* With the mutex held. */
static void
hand_over(struct trail *trail)
{
	struct append *next = trail->first;

	trail->leading = next != NULL;
	if (next == NULL)
		return;
	next->state = APPEND_LEAD;
	(void)pthread_cond_signal(&next->wake);
}

/* The whole queue as a batch; with the mutex held. */
static struct append *
take_queue(struct trail *trail)
{
	struct append *batch = trail->first;

	for (struct append *append = batch; append != NULL; append = append->next)
		append->state = APPEND_TAKEN;
	trail->first = NULL;
	trail->last = &trail->first;
	return batch;
}

/* Called and left with the mutex held; own is done then. */
static void
lead(struct trail *trail, struct append *own)
{
	struct mortise_error error = {0};
	struct append *batch, *next;
	enum mortise_code code;

	(void)pthread_mutex_unlock(&trail->mutex);
	code = trail_lock_take(trail, own->deadline, &error);
	(void)pthread_mutex_lock(&trail->mutex);
	if (code != MORTISE_OK) {
		dequeue(trail, own);
		finish(own, code, &error);
		hand_over(trail);
		return;
	}
	/* Only now: who came while we waited for the lock is in it too. */
	batch = take_queue(trail);
	(void)pthread_mutex_unlock(&trail->mutex);
	code = write_batch(trail, &batch, &error);
	if (code != MORTISE_OK && error.reason == MORTISE_REASON_NONE)
		error.reason = MORTISE_REASON_AUDIT;
	trail_lock_release(trail);
	(void)pthread_mutex_lock(&trail->mutex);
	/* The next leader is on its way before the others wake up. */
	hand_over(trail);
	for (; batch != NULL; batch = next) {
		next = batch->next;
		finish(batch, code, &error);
	}
}

/* With the mutex held.  True: the append is done; false: its caller has left it. */
static bool
wait_for(struct trail *trail, struct append *append, struct mortise_error *error)
{
	while (append->state != APPEND_DONE) {
		if (append->state == APPEND_LEAD) {
			lead(trail, append);
			continue;
		}
		if (deadline_left_ns(append->deadline) > 0) {
			(void)condition_wait(&append->wake, &trail->mutex, append->deadline);
			continue;
		}
		(void)error_set(error, MORTISE_TIMEOUT, MORTISE_REASON_AUDIT,
		    "%s: the audit record was not durable in time; look for a slow disk",
		    trail->options.directory);
		if (append->state == APPEND_TAKEN) {
			append->abandoned = true;
			return false;
		}
		dequeue(trail, append);
		append->code = MORTISE_TIMEOUT;
		if (error != NULL)
			append->error = *error;
		return true;
	}
	return true;
}

enum mortise_code
trail_append(struct trail *trail, const struct record *record, bool durable, uint64_t deadline,
    uint64_t *seq, struct mortise_error *error)
{
	struct append *append = NULL;
	enum mortise_code code = append_new(trail, record, &append, error);
	bool done;

	if (code != MORTISE_OK)
		return code;
	append->durable = durable;
	append->deadline = deadline;
	(void)pthread_mutex_lock(&trail->mutex);
	enqueue(trail, append);
	if (!trail->leading)
		hand_over(trail);
	done = wait_for(trail, append, error);
	(void)pthread_mutex_unlock(&trail->mutex);
	if (!done)
		return MORTISE_TIMEOUT;
	code = append->code;
	if (code != MORTISE_OK && error != NULL)
		*error = append->error;
	if (code == MORTISE_OK && seq != NULL)
		*seq = append->seq;
	append_free(append);
	return code;
}

void
trail_watch(struct trail *trail, struct trail_watch *watch)
{
	(void)pthread_mutex_lock(&trail->mutex);
	watch->next = trail->watches;
	trail->watches = watch;
	(void)pthread_mutex_unlock(&trail->mutex);
}

void
trail_unwatch(struct trail *trail, struct trail_watch *watch)
{
	struct trail_watch **at = &trail->watches;

	(void)pthread_mutex_lock(&trail->mutex);
	while (*at != NULL && *at != watch)
		at = &(*at)->next;
	if (*at != NULL)
		*at = watch->next;
	(void)pthread_mutex_unlock(&trail->mutex);
}

enum mortise_code
trail_checkpoint(struct trail *trail, uint64_t deadline, struct mortise_error *error)
{
	const struct record wanted = {.type = RECORD_CHECKPOINT};

	return trail_append(trail, &wanted, true, deadline, NULL, error);
}

enum mortise_code
trail_write(struct trail *trail, const struct record *records, size_t count,
    struct mortise_error *error)
{
	struct append *batch = NULL, **last = &batch, *next;
	enum mortise_code code = MORTISE_OK;

	for (size_t i = 0; code == MORTISE_OK && i < count; i++) {
		code = append_new(trail, &records[i], last, error);
		if (code != MORTISE_OK)
			break;
		(*last)->durable = true;
		last = &(*last)->next;
	}
	if (code == MORTISE_OK)
		code = write_batch(trail, &batch, error);
	for (; batch != NULL; batch = next) {
		next = batch->next;
		append_free(batch);
	}
	return code;
}
