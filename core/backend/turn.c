/* SPDX-License-Identifier: BSD-2-Clause */
#include <unistd.h>

#include "backend/instance.h"
#include "base/condition.h"

/* Some 20 us: about as long as a call that asks nobody else takes. */
#define LOOKS 1000

bool
turn_init(struct turn *turn)
{
	turn->looks = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? LOOKS : 0;
	return condition_init_with(&turn->lock, &turn->given);
}

void
turn_destroy(struct turn *turn)
{
	condition_destroy_with(&turn->lock, &turn->given);
}

static bool
try(struct turn *turn)
{
	return !atomic_load(&turn->taken) &&
	    !atomic_exchange(&turn->taken, true);
}

static bool
sleep_for(struct turn *turn, uint64_t deadline)
{
	bool mine, woken = true;

	(void)pthread_mutex_lock(&turn->lock);
	(void)atomic_fetch_add(&turn->sleepers, 1);
	/* Whoever gives after this has seen the sleeper. */
	while (!(mine = try(turn)) && woken) {
		woken = condition_wait(&turn->given, &turn->lock, deadline);
		turn->waking = false;
	}
	(void)atomic_fetch_sub(&turn->sleepers, 1);
	(void)pthread_mutex_unlock(&turn->lock);
	return mine;
}

bool
turn_take(struct turn *turn, uint64_t deadline)
{
	for (unsigned int i = 0; i <= turn->looks; i++) {
		if (try(turn))
			return true;
	}
	return sleep_for(turn, deadline);
}

/* One sleeper is woken at a time: while it is on its way, who is awake may have
 * the turn over and over. */
void
turn_give(struct turn *turn)
{
	atomic_store(&turn->taken, false);
	if (atomic_load(&turn->sleepers) == 0)
		return;
	(void)pthread_mutex_lock(&turn->lock);
	/* With the lock held, whoever is counted is asleep. */
	if (!turn->waking && atomic_load(&turn->sleepers) > 0) {
		turn->waking = true;
		(void)pthread_cond_signal(&turn->given);
	}
	(void)pthread_mutex_unlock(&turn->lock);
}
