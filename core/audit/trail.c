/* SPDX-License-Identifier: BSD-2-Clause */
/* Appending: callers queue, one of them leads and writes for all. */
#include "audit/trail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "audit/parts.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"

#define HEAD_RECORDS 1024
#define HEAD_NS UINT64_C(1000000000)

/* One record on its way.  Shared by its caller and its leader, so that a caller
 * whose deadline is over can leave. */
struct entry {
	struct entry *next;
	unsigned int references;	/* by the trail's mutex */
	struct record_body body;
	enum record_type type;
	char op[33];
	bool durable, taken, done;
	enum mortise_code code;
	struct mortise_error error;
	struct store_note *stores;
	size_t stores_count;
};

int
trail_lock(const struct trail *trail)
{
	int result;

	do
		result = flock(trail->lock, LOCK_EX);
	while (result < 0 && errno == EINTR);
	return result;
}

void
trail_unlock(const struct trail *trail)
{
	(void)flock(trail->lock, LOCK_UN);
}

static void
entry_unref(struct entry *entry)
{
	if (--entry->references > 0)
		return;
	record_free(&entry->body);
	free(entry->stores);
	free(entry);
}

/* --- a batch ---------------------------------------------------------------------- */

enum mortise_code
trail_head_due(struct trail *trail, bool now, struct mortise_error *error)
{
	uint64_t clock = clock_monotonic_ns();
	enum mortise_code code;

	/* All its members are of one moment, and durable. */
	if (trail->synced < trail->view.offset || trail->view.seq == trail->head_seq ||
	    (!now && clock - trail->head_ns < HEAD_NS &&
	    trail->view.seq - trail->head_seq < HEAD_RECORDS))
		return MORTISE_OK;
	code = head_write(trail->directory, &trail->view, error);
	if (code == MORTISE_OK) {
		trail->head_seq = trail->view.seq;
		trail->head_ns = clock;
	}
	return code;
}

/* The lines of a batch, and the view behind them. */
struct batch {
	struct buffer lines;
	struct view after;
	bool durable;
};

static void
batch_free(struct batch *batch)
{
	buffer_free(&batch->lines);
	view_free(&batch->after);
}

static bool
add_line(struct batch *batch, const struct record_body *body)
{
	struct record_link link = {
		.trail = batch->after.trail, .seq = batch->after.seq + 1,
		.time_us = clock_unix_us(), .before = batch->after.hash,
	};
	size_t before = batch->lines.size;
	char hash[65];

	link.back = link.time_us < batch->after.time_us;
	if (!record_finish(body, &link, &batch->lines, hash))
		return false;
	batch->after.seq++;
	batch->after.time_us = link.time_us;
	batch->after.offset += batch->lines.size - before;
	memcpy(batch->after.hash, hash, sizeof(hash));
	return true;
}

static bool
add_entry(struct trail *trail, struct batch *batch, const struct entry *entry)
{
	if (!add_line(batch, &entry->body))
		return false;
	batch->durable = batch->durable || entry->durable;
	if (entry->type == RECORD_INTENT &&
	    !view_add_pending(&batch->after, batch->after.seq, entry->op, trail->writer))
		return false;
	if (entry->type == RECORD_OUTCOME)
		view_drop_pending(&batch->after, entry->op);
	for (size_t i = 0; i < entry->stores_count; i++) {
		if (!view_set_store(&batch->after, entry->stores[i].backend, entry->stores[i].id,
		    entry->stores[i].generation))
			return false;
	}
	return true;
}

/* After a sync that failed nobody knows what the disk has, and another sync of
 * this descriptor may say ok for nothing: go back to what is known, and go on
 * in a new file.  If that fails too, everybody has to stop. */
static void
abandon_segment(struct trail *trail, struct lock_state *lock)
{
	struct view back = {.pending = NULL};
	struct mortise_error error = {0};
	enum mortise_code code = MORTISE_OK;

	(void)snprintf(back.trail, sizeof(back.trail), "%s", trail->opened.trail);
	back.segment = trail->view.segment;
	if (ftruncate(trail->segment, (off_t)trail->synced) < 0)
		code = MORTISE_ERROR;
	if (code == MORTISE_OK)
		code = view_read(&back, trail->segment, trail->synced, &error);
	if (code == MORTISE_OK) {
		trail->view.offset = back.offset;
		trail->view.seq = back.seq;
		trail->view.time_us = back.time_us;
		memcpy(trail->view.hash, back.hash, sizeof(back.hash));
		/* The old descriptor is not synced again, so it cannot be sealed. */
		file_close(&trail->segment);
		code = segment_begin(trail, lock, NULL, NULL, &error);
	}
	view_free(&back);
	if (code == MORTISE_OK)
		return;
	lock->refused = true;
	(void)lock_write(trail->lock, lock, NULL);
	log_line(trail->options.logger, MORTISE_LOG_ERROR, "the audit trail in %s cannot be made "
	    "durable, and no new segment can be begun: everything is refused until "
	    "`mortise audit accept-loss`", trail->options.directory);
}

/* One write, one sync if somebody waits, then the lock file. */
static enum mortise_code
write_batch(struct trail *trail, struct lock_state *lock, struct batch *batch,
    struct mortise_error *error)
{
	uint64_t start = trail->view.offset;
	enum mortise_code code;
	struct view old;

	if (file_write(trail->segment, batch->lines.data, batch->lines.size, NULL) < 0) {
		code = audit_failed(error, "cannot be written", trail->options.directory);
		if (ftruncate(trail->segment, (off_t)start) < 0)
			abandon_segment(trail, lock);
		return code;
	}
	if (batch->durable && file_sync_data(trail->segment) < 0) {
		code = audit_failed(error, "cannot be made durable", trail->options.directory);
		abandon_segment(trail, lock);
		return code;
	}
	old = trail->view;
	trail->view = batch->after;
	batch->after = old;
	lock->size = trail->view.offset;
	if (batch->durable)
		trail->synced = lock->durable = trail->view.offset;
	return lock_write(trail->lock, lock, error);
}

/* A new segment when the old one is full or a day old. */
static enum mortise_code
rotate(struct trail *trail, struct lock_state *lock, struct mortise_error *error)
{
	uint64_t bytes = trail->options.segment_bytes;
	int64_t age = (clock_unix_us() - trail->opened.time_us) / 1000;
	enum mortise_code code;

	if (trail->view.offset < (bytes == 0 ? SEGMENT_BYTES : bytes) &&
	    age < (trail->options.segment_ms == 0 ? SEGMENT_MS : trail->options.segment_ms))
		return MORTISE_OK;
	code = segment_begin(trail, lock, NULL, NULL, error);
	if (code == MORTISE_OK)
		segment_retire(trail);
	return code;
}

static enum mortise_code
get_ready(struct trail *trail, struct lock_state *lock, struct mortise_error *error)
{
	enum mortise_code code = lock_read(trail->lock, lock, error);

	if (code == MORTISE_OK && lock->refused)
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
		    "the audit trail in %s refuses records since it lost some; "
		    "`mortise audit accept-loss` declares the loss", trail->options.directory);
	if (code == MORTISE_OK)
		code = segment_follow(trail, lock, error);
	return code == MORTISE_OK ? rotate(trail, lock, error) : code;
}

static enum mortise_code
write_entries(struct trail *trail, const struct entry *entries, struct mortise_error *error)
{
	struct batch batch _cleanup_(batch_free) = {.durable = false};
	struct lock_state lock;
	enum mortise_code code = get_ready(trail, &lock, error);

	if (code != MORTISE_OK)
		return code;
	if (!view_copy(&trail->view, &batch.after))
		return error_memory(error);
	for (const struct entry *entry = entries; entry != NULL; entry = entry->next) {
		if (!add_entry(trail, &batch, entry)) {
			(void)error_memory(error);
			if (error != NULL)
				error->reason = MORTISE_REASON_AUDIT;
			return MORTISE_ERROR;
		}
	}
	code = write_batch(trail, &lock, &batch, error);
	/* The records are safe; a head that is late only costs time at the next
	 * start. */
	if (code == MORTISE_OK && trail_head_due(trail, false, NULL) != MORTISE_OK)
		log_line(trail->options.logger, MORTISE_LOG_WARNING,
		    "the audit trail's head file cannot be written");
	return code;
}

enum mortise_code
trail_write_own(struct trail *trail, struct lock_state *lock, const struct record *record,
    struct mortise_error *error)
{
	struct batch batch _cleanup_(batch_free) = {.durable = true};
	struct record_body body _cleanup_(record_free) = {.commitment = ""};
	const struct record_link link = {.trail = trail->view.trail, .writer = trail->writer};
	enum mortise_code code = record_prepare(record, &link, &body, error);

	if (code != MORTISE_OK)
		return code;
	if (!view_copy(&trail->view, &batch.after) || !add_line(&batch, &body))
		return error_memory(error);
	if (record->type == RECORD_OUTCOME)
		view_drop_pending(&batch.after, record->op);
	return write_batch(trail, lock, &batch, error);
}

/* --- callers ------------------------------------------------------------------------ */

static enum mortise_code
new_entry(const struct trail *trail, const struct record *record, bool durable,
    struct entry **entry, struct mortise_error *error)
{
	unsigned char salt[16];
	const struct record_link link = {.writer = trail->writer, .salt = salt};
	struct entry *made = calloc(1, sizeof(*made));
	enum mortise_code code;

	if (made == NULL)
		return error_memory(error);
	made->references = 1;
	made->type = record->type;
	made->durable = durable;
	memcpy(made->op, record->op, sizeof(made->op));
	made->stores = calloc(record->stores_count + 1, sizeof(*made->stores));
	if (made->stores == NULL || !random_bytes(salt, sizeof(salt)))
		code = error_memory(error);
	else
		code = record_prepare(record, &link, &made->body, error);
	if (code != MORTISE_OK) {
		entry_unref(made);
		return code;
	}
	for (; made->stores_count < record->stores_count; made->stores_count++) {
		const struct record_store *from = &record->stores[made->stores_count];
		struct store_note *to = &made->stores[made->stores_count];

		(void)snprintf(to->backend, sizeof(to->backend), "%s", from->backend);
		(void)snprintf(to->id, sizeof(to->id), "%s", from->id);
		to->generation = from->generation;
	}
	*entry = made;
	return MORTISE_OK;
}

/* Takes the whole queue and writes it.  Called and left with the mutex held. */
static void
lead(struct trail *trail)
{
	struct entry *entries = trail->first, *next;
	struct mortise_error error = {0};
	enum mortise_code code;

	trail->leading = true;
	trail->first = NULL;
	trail->last = &trail->first;
	for (struct entry *entry = entries; entry != NULL; entry = entry->next)
		entry->taken = true;
	(void)pthread_mutex_unlock(&trail->mutex);
	if (trail_lock(trail) < 0)
		code = audit_failed(&error, "cannot be locked", trail->options.directory);
	else {
		code = write_entries(trail, entries, &error);
		trail_unlock(trail);
	}
	(void)pthread_mutex_lock(&trail->mutex);
	for (struct entry *entry = entries; entry != NULL; entry = next) {
		next = entry->next;
		entry->done = true;
		entry->code = code;
		entry->error = error;
		entry_unref(entry);
	}
	trail->leading = false;
	(void)pthread_cond_broadcast(&trail->done);
}

/* Out of the queue again, if no leader has it. */
static void
withdraw(struct trail *trail, struct entry *entry)
{
	struct entry **at = &trail->first;

	while (*at != NULL && *at != entry)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	*at = entry->next;
	if (trail->last == &entry->next)
		trail->last = at;
	entry_unref(entry);
}

static enum mortise_code
too_late(struct trail *trail, struct entry *entry, struct mortise_error *error)
{
	if (!entry->taken)
		withdraw(trail, entry);
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
	    "the audit trail in %s did not become durable in time; is its disk slow?",
	    trail->options.directory);
}

enum mortise_code
trail_append(struct trail *trail, const struct record *record, bool durable, uint64_t deadline,
    struct mortise_error *error)
{
	const struct timespec until = deadline_timespec(deadline);
	struct entry *entry = NULL;
	enum mortise_code code = new_entry(trail, record, durable, &entry, error);
	int waited = 0;

	if (code != MORTISE_OK)
		return code;
	(void)pthread_mutex_lock(&trail->mutex);
	entry->references++;		/* the queue's */
	*trail->last = entry;
	trail->last = &entry->next;
	while (!entry->done && waited == 0) {
		if (!trail->leading)
			lead(trail);
		else
			waited = pthread_cond_timedwait(&trail->done, &trail->mutex, &until);
	}
	if (entry->done) {
		code = entry->code;
		if (code != MORTISE_OK && error != NULL)
			*error = entry->error;
	} else
		code = too_late(trail, entry, error);
	entry_unref(entry);
	(void)pthread_mutex_unlock(&trail->mutex);
	return code;
}

bool
trail_noted(struct trail *trail, const char *backend, char store[65], uint64_t *generation)
{
	bool found = false;

	(void)pthread_mutex_lock(&trail->mutex);
	while (trail->leading)
		(void)pthread_cond_wait(&trail->done, &trail->mutex);
	for (size_t i = 0; !found && i < trail->view.stores_count; i++) {
		found = strcmp(trail->view.stores[i].backend, backend) == 0;
		if (found) {
			memcpy(store, trail->view.stores[i].id, 65);
			*generation = trail->view.stores[i].generation;
		}
	}
	(void)pthread_mutex_unlock(&trail->mutex);
	return found;
}
