/* SPDX-License-Identifier: BSD-2-Clause */
/* All sinks of a configuration: their threads, and who waits for them. */
#include "audit/followers.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/follower.h"
#include "base/condition.h"
#include "base/file.h"

#define POLL_MS UINT64_C(5000)		/* others write the trail too, and may die before they deliver */
#define TURN_MS 1		/* another process delivers now */
#define PAUSE_MS UINT64_C(100)		/* after a failure, doubled each time ... */
#define PAUSE_DOUBLED 6		/* ... so often at most */

struct followers {
	struct follower *all;
	size_t count;
};

/* --- the thread -------------------------------------------------------------------- */

bool
follower_late(struct follower *follower)
{
	bool late;

	(void)pthread_mutex_lock(&follower->lock);
	late = follower->stopping && deadline_left_ns(follower->stop_by) == 0;
	(void)pthread_mutex_unlock(&follower->lock);
	return late;
}

static uint64_t
next_look(const struct follower *follower)
{
	uint64_t pause_ms = PAUSE_MS, next;

	for (unsigned int i = 1; i < follower->failures && i < PAUSE_DOUBLED; i++)
		pause_ms *= 2;
	next = deadline_in_ms(follower->failures == 0 ? POLL_MS : pause_ms);
	return next < follower->beat ? next : follower->beat;
}

/* Sleeps until there may be something to do; false: it is to end.  After a failure the
 * pause is kept whatever comes, and at the end there is no other try. */
static bool
sleep_until_due(struct follower *follower)
{
	uint64_t until = next_look(follower);
	bool again;

	(void)pthread_mutex_lock(&follower->lock);
	while (!follower->stopping && (!follower->due || follower->failures > 0) &&
	    condition_wait(&follower->wake, &follower->lock, until))
		continue;
	again = !follower->stopping || (follower->due && follower->failures == 0);
	follower->due = false;
	(void)pthread_mutex_unlock(&follower->lock);
	return again;
}

static void
note_success(struct follower *follower)
{
	uint64_t failing_ns;

	(void)pthread_mutex_lock(&follower->lock);
	failing_ns = follower->failing_ns;
	follower->failing_ns = 0;
	(void)pthread_mutex_unlock(&follower->lock);
	follower->failures = 0;
	if (failing_ns != 0)
		log_line(follower->logger, MORTISE_LOG_INFO, "sink %s takes records again, after %"
		    PRIu64 " s", backend_name(follower->backend),
		    (clock_monotonic_ns() - failing_ns) / NS_PER_MS / 1000);
}

static void
note_failure(struct follower *follower, const struct mortise_error *error)
{
	bool known;

	(void)pthread_mutex_lock(&follower->lock);
	known = follower->failing_ns != 0 &&
	    strcmp(follower->failure.message, error->message) == 0;
	if (follower->failing_ns == 0)
		follower->failing_ns = clock_monotonic_ns();
	follower->failure = *error;
	(void)pthread_mutex_unlock(&follower->lock);
	follower->failures++;
	/* It may come back as another one. */
	follower->positioned = false;
	follower->position = 0;
	if (!known)
		log_line(follower->logger, error->code == MORTISE_CONFLICT ? MORTISE_LOG_ERROR :
		    MORTISE_LOG_WARNING, "sink %s: %s", backend_name(follower->backend),
		    error->message);
}

/* Another process delivers; to be looked at again where it has not done. */
static void
wait_for_turn(struct follower *follower)
{
	bool all = follower_catch_up(follower);
	uint64_t until = deadline_in_ms(TURN_MS);

	(void)pthread_mutex_lock(&follower->lock);
	follower->looked = true;
	while (!all && condition_wait(&follower->wake, &follower->lock, until))
		continue;
	follower->due = follower->due || (!all && (!follower->stopping ||
	    deadline_left_ns(follower->stop_by) > 0));
	(void)pthread_mutex_unlock(&follower->lock);
}

/* Sinks elsewhere, and who verifies what they have, see by it that nothing was cut. */
static void
beat(struct follower *follower)
{
	struct mortise_error error = {0};

	if (deadline_left_ns(follower->beat) > 0)
		return;
	follower->beat = deadline_in_ms((uint64_t)trail_beat_ms(follower->trail));
	if (trail_checkpoint(follower->trail, deadline_in_ms(POLL_MS), &error) != MORTISE_OK)
		log_line(follower->logger, MORTISE_LOG_WARNING, "no beat of the trail: %s",
		    error.message);
}

static void *
follow(void *arg)
{
	struct follower *follower = arg;
	struct mortise_error error;
	enum mortise_code code;

	while (sleep_until_due(follower)) {
		beat(follower);
		if (!cursor_lock(follower->file)) {
			wait_for_turn(follower);
			continue;
		}
		error = (struct mortise_error){.code = MORTISE_OK};
		code = follower_deliver(follower, &error);
		cursor_unlock(follower->file);
		if (code == MORTISE_OK)
			note_success(follower);
		else
			note_failure(follower, &error);
	}
	return NULL;
}

static void
synced(void *arg)
{
	struct follower *follower = arg;

	(void)pthread_mutex_lock(&follower->lock);
	if (!follower->due)
		(void)pthread_cond_signal(&follower->wake);
	follower->due = true;
	(void)pthread_mutex_unlock(&follower->lock);
}

/* --- begin and end ----------------------------------------------------------------- */

static bool
start_thread(struct follower *follower)
{
	sigset_t all, before;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	follower->running = pthread_create(&follower->thread, NULL, follow, follower) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return follower->running;
}

static enum mortise_code
start(struct follower *follower, struct mortise_error *error)
{
	enum mortise_code code = cursor_open(follower->trail->directory,
	    backend_name(follower->backend), &follower->file, error);

	if (code != MORTISE_OK)
		return code;
	follower->fields = calloc(BATCH_MAX, sizeof(*follower->fields));
	follower->lines = calloc(BATCH_MAX, sizeof(*follower->lines));
	if (follower->fields == NULL || follower->lines == NULL)
		return error_memory(error);
	/* What a process that died has left is due at once. */
	follower->due = true;
	follower_begin(follower);
	trail_watch(follower->trail, &follower->watch);
	return start_thread(follower) ? MORTISE_OK : error_set(error, MORTISE_ERROR,
	    MORTISE_REASON_AUDIT, "no thread for the sink %s; raise the limit of processes",
	    backend_name(follower->backend));
}

static void
forget(struct follower *follower)
{
	trail_unwatch(follower->trail, &follower->watch);
	/* They are used from the first on: the others are memory that nobody has touched. */
	for (size_t i = 0; follower->fields != NULL && i < BATCH_MAX &&
	    follower->fields[i].text != NULL; i++)
		fields_free(&follower->fields[i]);
	free(follower->fields);
	free(follower->lines);
	reader_free(&follower->reader);
	file_close(&follower->file);
	condition_destroy_with(&follower->lock, &follower->wake);
}

enum mortise_code
followers_start(struct trail *trail, const struct config_sink *sinks, size_t count,
    struct backend *const *backends, const struct logger *logger, struct followers **started,
    struct mortise_error *error)
{
	struct followers *followers = calloc(1, sizeof(*followers));
	enum mortise_code code = MORTISE_OK;

	if (followers != NULL)
		followers->all = calloc(count, sizeof(*followers->all));
	if (followers == NULL || (followers->all == NULL && count > 0)) {
		free(followers);
		return error_memory(error);
	}
	for (size_t i = 0; code == MORTISE_OK && i < count; i++) {
		struct follower *follower = &followers->all[i];

		*follower = (struct follower){.trail = trail, .sink = &sinks[i], .file = -1,
		    .backend = backends[sinks[i].target], .logger = logger,
		    .watch = {.synced = synced, .arg = follower}, .beat = i == 0 ?
		    deadline_in_ms((uint64_t)trail_beat_ms(trail)) : DEADLINE_NEVER};
		reader_init(&follower->reader, trail->directory);
		if (!condition_init_with(&follower->lock, &follower->wake)) {
			code = error_memory(error);
			break;
		}
		followers->count++;
		code = start(follower, error);
		if (code != MORTISE_OK)
			error_at(error, &sinks[i].place);
	}
	if (code != MORTISE_OK) {
		followers_stop(followers);
		return code;
	}
	*started = followers;
	return MORTISE_OK;
}

void
followers_stop(struct followers *followers)
{
	if (followers == NULL)
		return;
	for (size_t i = 0; i < followers->count; i++) {
		struct follower *follower = &followers->all[i];

		(void)pthread_mutex_lock(&follower->lock);
		follower->stopping = follower->due = true;
		follower->stop_by = deadline_in_ms(follower->sink->timeout_ms);
		(void)pthread_cond_signal(&follower->wake);
		(void)pthread_mutex_unlock(&follower->lock);
	}
	for (size_t i = 0; i < followers->count; i++) {
		struct follower *follower = &followers->all[i];

		if (follower->running)
			(void)pthread_join(follower->thread, NULL);
		forget(follower);
	}
	free(followers->all);
	free(followers);
}

/* --- who waits --------------------------------------------------------------------- */

/* With the lock held. */
static void
remove_wait(struct follower *follower, struct follower_wait *wait)
{
	struct follower_wait **at = &follower->waits;

	while (*at != wait)
		at = &(*at)->next;
	*at = wait->next;
}

/* It has failed for longer than anybody would wait. */
static bool
is_down(const struct follower *follower)
{
	return follower->failing_ns != 0 && clock_monotonic_ns() - follower->failing_ns >=
	    follower->sink->timeout_ms * NS_PER_MS;
}

/* Until it has the record or, seq 0, has looked what there is.  With the lock held. */
static bool
wait_for(struct follower *follower, uint64_t seq, uint64_t until)
{
	struct follower_wait wait = {.seq = seq == 0 ? UINT64_MAX : seq};
	bool there = seq == 0 ? follower->looked : follower->acked >= seq;

	if (there || !condition_init(&wait.wake))
		return there;
	wait.next = follower->waits;
	follower->waits = &wait;
	while (!there && !is_down(follower) &&
	    condition_wait(&wait.wake, &follower->lock, until))
		there = seq == 0 ? follower->looked : follower->acked >= seq;
	remove_wait(follower, &wait);
	(void)pthread_cond_destroy(&wait.wake);
	return there;
}

static enum mortise_code
refuse(const struct follower *follower, struct mortise_error *error, const char *what)
{
	bool failing = follower->failing_ns != 0;

	return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT, "the audit sink %s %s%s%.300s",
	    backend_name(follower->backend), what, failing ? ": " : "; see `mortise doctor`",
	    failing ? follower->failure.message : "");
}

static enum mortise_code
allow_ack(struct follower *follower, uint64_t seq, uint64_t until, struct mortise_error *error)
{
	char what[96];

	if (wait_for(follower, seq, until))
		return MORTISE_OK;
	(void)snprintf(what, sizeof(what), "has not got record %" PRIu64 " in time", seq);
	return refuse(follower, error, what);
}

const char *
sink_beyond(const struct config_sink *sink, uint64_t records, uint64_t bytes, int64_t waiting_us)
{
	int64_t age_ms = waiting_us == 0 ? 0 : clock_unix_ms() - waiting_us / 1000;

	if (sink->max_records != 0 && records > sink->max_records)
		return "more records";
	if (sink->max_bytes != 0 && bytes > sink->max_bytes)
		return "more bytes";
	return sink->max_age_ms != 0 && age_ms > sink->max_age_ms ? "a longer time" : NULL;
}

static enum mortise_code
allow_lag(struct follower *follower, uint64_t seq, uint64_t until, struct mortise_error *error)
{
	const char *beyond;
	char what[96];

	if (follower->acked >= seq)
		return MORTISE_OK;
	if (!wait_for(follower, 0, until) && follower->failing_ns == 0)
		return refuse(follower, error, "does not say how far it is");
	beyond = sink_beyond(follower->sink, follower->acked < seq ? seq - follower->acked : 0,
	    follower->bytes, follower->waiting_us);
	if (beyond == NULL)
		return MORTISE_OK;
	(void)snprintf(what, sizeof(what), "lags by %s than max-lag allows", beyond);
	return refuse(follower, error, what);
}

enum mortise_code
followers_allow(struct followers *followers, uint64_t seq, uint64_t deadline,
    struct mortise_error *error)
{
	enum mortise_code code = MORTISE_OK;

	for (size_t i = 0; followers != NULL && code == MORTISE_OK && i < followers->count; i++) {
		struct follower *follower = &followers->all[i];
		uint64_t until = deadline_in_ms(follower->sink->timeout_ms);

		if (until > deadline)
			until = deadline;
		(void)pthread_mutex_lock(&follower->lock);
		if (follower->sink->wait == SINK_ACK)
			code = allow_ack(follower, seq, until, error);
		else if (follower->sink->wait == SINK_LAG)
			code = allow_lag(follower, seq, until, error);
		(void)pthread_mutex_unlock(&follower->lock);
	}
	return code;
}
