/* SPDX-License-Identifier: BSD-2-Clause */
/* condition.h: condition variables whose waits end by a deadline as all here are,
 * on CLOCK_MONOTONIC. */
#ifndef BASE_CONDITION_H
#define BASE_CONDITION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A mutex and a condition: both, or (false) neither. */
bool condition_init_with(pthread_mutex_t *lock, pthread_cond_t *condition);
void condition_destroy_with(pthread_mutex_t *lock, pthread_cond_t *condition);
/* The condition alone. */
bool condition_init(pthread_cond_t *condition);

/* Waits to be woken; false: the deadline came first.  Wakes for nothing, too. */
bool condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t deadline);

#endif
