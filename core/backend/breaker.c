/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/breaker.h"

#include "base/clock.h"

const char *
breaker_state_name(enum breaker_state state)
{
	static const char *const names[] = {
		[BREAKER_CLOSED] = "closed",
		[BREAKER_OPEN] = "open",
		[BREAKER_HALF_OPEN] = "half-open",
	};

	return names[state];
}

bool
breaker_init(struct breaker *breaker, unsigned int limit, uint64_t open_ms)
{
	*breaker = (struct breaker){.limit = limit, .open_ms = open_ms};
	return pthread_mutex_init(&breaker->lock, NULL) == 0;
}

void
breaker_destroy(struct breaker *breaker)
{
	(void)pthread_mutex_destroy(&breaker->lock);
}

/* Open becomes half open when its time is over.  Under the lock. */
static void
ripen(struct breaker *breaker)
{
	if (breaker->state == BREAKER_OPEN && deadline_left_ns(breaker->until) == 0)
		breaker->state = BREAKER_HALF_OPEN;
}

enum breaker_pass
breaker_enter(struct breaker *breaker)
{
	enum breaker_pass pass = BREAKER_REFUSED;

	if (breaker->limit == 0)
		return BREAKER_CALL;
	(void)pthread_mutex_lock(&breaker->lock);
	ripen(breaker);
	if (breaker->state == BREAKER_CLOSED)
		pass = BREAKER_CALL;
	else if (breaker->state == BREAKER_HALF_OPEN && !breaker->probing) {
		breaker->probing = true;
		pass = BREAKER_PROBE;
	}
	(void)pthread_mutex_unlock(&breaker->lock);
	return pass;
}

static void
trip(struct breaker *breaker)
{
	breaker->state = BREAKER_OPEN;
	breaker->until = deadline_in_ms(breaker->open_ms);
}

void
breaker_leave(struct breaker *breaker, enum breaker_pass pass, enum breaker_result result)
{
	if (breaker->limit == 0)
		return;
	(void)pthread_mutex_lock(&breaker->lock);
	if (pass == BREAKER_PROBE)
		breaker->probing = false;
	if (pass == BREAKER_PROBE || breaker->state == BREAKER_CLOSED) {
		switch (result) {
		case BREAKER_ANSWERED:
			breaker->state = BREAKER_CLOSED;
			breaker->failures = 0;
			break;
		case BREAKER_FAILED:
			if (++breaker->failures >= breaker->limit)
				trip(breaker);
			break;
		case BREAKER_NEITHER:
			break;
		}
	}
	(void)pthread_mutex_unlock(&breaker->lock);
}

enum breaker_state
breaker_look(struct breaker *breaker, unsigned int *failures, uint64_t *open_ms)
{
	enum breaker_state state;

	(void)pthread_mutex_lock(&breaker->lock);
	ripen(breaker);
	state = breaker->state;
	*failures = breaker->failures;
	*open_ms = state == BREAKER_OPEN ? deadline_left_ns(breaker->until) / NS_PER_MS + 1 : 0;
	(void)pthread_mutex_unlock(&breaker->lock);
	return state;
}
