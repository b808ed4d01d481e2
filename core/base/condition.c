/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/condition.h"

#include "base/clock.h"

bool
condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	bool good;

	if (pthread_condattr_init(&attributes) != 0)
		return false;
	good = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
	    pthread_cond_init(condition, &attributes) == 0;
	(void)pthread_condattr_destroy(&attributes);
	return good;
}

bool
condition_init_with(pthread_mutex_t *lock, pthread_cond_t *condition)
{
	if (!condition_init(condition))
		return false;
	if (pthread_mutex_init(lock, NULL) == 0)
		return true;
	(void)pthread_cond_destroy(condition);
	return false;
}

void
condition_destroy_with(pthread_mutex_t *lock, pthread_cond_t *condition)
{
	(void)pthread_mutex_destroy(lock);
	(void)pthread_cond_destroy(condition);
}

bool
condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t deadline)
{
	struct timespec until = deadline_timespec(deadline);

	return pthread_cond_timedwait(condition, lock, &until) == 0;
}
