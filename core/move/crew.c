/* SPDX-License-Identifier: BSD-2-Clause */
#include "move/crew.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"

struct shift {
	const struct crew *crew;
	const struct names *names;
	pthread_mutex_t lock;		/* guards what follows */
	size_t next;
	uint64_t started_ns;
	enum mortise_code code;		/* the first that was not ok */
	struct mortise_error error;
};

/* NULL: there are no more. */
static const char *
take(struct shift *shift, uint64_t *begin_ns)
{
	const char *name = NULL;

	(void)pthread_mutex_lock(&shift->lock);
	if (shift->code == MORTISE_OK && shift->next < shift->names->count) {
		*begin_ns = shift->crew->rate == 0 ? 0 : shift->started_ns +
		    (uint64_t)shift->next * 1000000000 / shift->crew->rate;
		name = shift->names->all[shift->next++];
	}
	(void)pthread_mutex_unlock(&shift->lock);
	return name;
}

static void
wait_until(uint64_t ns)
{
	const struct timespec when = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
		;
}

static void *
work(void *arg)
{
	struct shift *shift = arg;
	struct mortise_error error = {0};
	const char *name;
	uint64_t begin_ns;

	while ((name = take(shift, &begin_ns)) != NULL) {
		enum mortise_code code;

		if (begin_ns != 0)
			wait_until(begin_ns);
		code = shift->crew->work(shift->crew->arg, name, &error);
		if (code == MORTISE_OK)
			continue;
		(void)pthread_mutex_lock(&shift->lock);
		if (shift->code == MORTISE_OK) {
			shift->code = code;
			shift->error = error;
		}
		(void)pthread_mutex_unlock(&shift->lock);
	}
	return NULL;
}

/* Fewer threads than asked for do as well; the caller is one. */
enum mortise_code
crew_run(const struct crew *crew, const struct names *names, struct mortise_error *error)
{
	struct shift shift = {.crew = crew, .names = names, .code = MORTISE_OK,
	    .started_ns = clock_monotonic_ns()};
	pthread_t threads[MOVE_THREADS_MAX];
	size_t count = 0;

	if (pthread_mutex_init(&shift.lock, NULL) != 0)
		return error_memory(error);
	while (count + 1 < crew->threads && count + 1 < names->count && count < MOVE_THREADS_MAX &&
	    pthread_create(&threads[count], NULL, work, &shift) == 0)
		count++;
	(void)work(&shift);
	while (count > 0)
		(void)pthread_join(threads[--count], NULL);
	(void)pthread_mutex_destroy(&shift.lock);
	if (shift.code != MORTISE_OK)
		*error = shift.error;
	return shift.code;
}
