/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections that are kept between calls, up to so many. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "redis.h"

bool
pool_init(struct pool *pool, size_t max)
{
	pthread_condattr_t attributes;
	bool good;

	pool->max = max;
	if (pthread_condattr_init(&attributes) != 0)
		return false;
	good = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
	    pthread_cond_init(&pool->given, &attributes) == 0;
	(void)pthread_condattr_destroy(&attributes);
	if (good && pthread_mutex_init(&pool->lock, NULL) != 0) {
		(void)pthread_cond_destroy(&pool->given);
		good = false;
	}
	return good;
}

/* Under the lock, or alone. */
static void
close_idle(struct pool *pool)
{
	while (pool->idle != NULL) {
		struct connection *connection = pool->idle;

		pool->idle = connection->next;
		pool->count--;
		wire_free(connection);
	}
}

void
pool_free(struct pool *pool)
{
	close_idle(pool);
	(void)pthread_cond_destroy(&pool->given);
	(void)pthread_mutex_destroy(&pool->lock);
}

/* Under the lock.  One that works still, as far as can be seen from here; NULL: none. */
static struct connection *
take_idle(struct pool *pool)
{
	while (pool->idle != NULL) {
		struct connection *connection = pool->idle;

		pool->idle = connection->next;
		if (!wire_is_stale(connection))
			return connection;
		pool->count--;
		wire_free(connection);
	}
	return NULL;
}

/* Under the lock.  Whoever waited may find one then. */
static void
forget(struct pool *pool)
{
	pool->count--;
	(void)pthread_cond_broadcast(&pool->given);
}

static enum mortise_code
make_one(struct redis *redis, struct mortise_call *call, struct connection **connection)
{
	enum mortise_code code = redis_connect(redis, call, connection);

	if (code != MORTISE_OK) {
		(void)pthread_mutex_lock(&redis->pool.lock);
		forget(&redis->pool);
		(void)pthread_mutex_unlock(&redis->pool.lock);
	}
	return code;
}

enum mortise_code
pool_take(struct redis *redis, struct mortise_call *call, bool fresh,
    struct connection **result)
{
	struct pool *pool = &redis->pool;
	uint64_t deadline = redis->host->deadline(call), generation;
	struct timespec until = {(time_t)(deadline / 1000000000), (long)(deadline % 1000000000)};
	struct connection *connection = NULL;
	enum mortise_code code = MORTISE_OK;
	int waited = 0;

	/* What was sent could not be answered in time any more, and might be done. */
	if (redis->host->left_ms(call) == 0)
		return redis->host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "the time was over before anything was asked; raise the deadline");
	(void)pthread_mutex_lock(&pool->lock);
	if (fresh)
		close_idle(pool);
	while ((connection = take_idle(pool)) == NULL && pool->count >= pool->max && waited == 0)
		waited = pthread_cond_timedwait(&pool->given, &pool->lock, &until);
	generation = pool->generation;
	if (connection == NULL && waited == 0)
		pool->count++;
	(void)pthread_mutex_unlock(&pool->lock);
	if (connection == NULL && waited != 0)
		return redis->host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "all %zu connections are in use, and none became free in time; raise the "
		    "option pool", pool->max);
	if (connection == NULL) {
		code = make_one(redis, call, &connection);
		if (code != MORTISE_OK)
			return code;
		connection->generation = generation;
	}
	connection->call = call;
	connection->until = deadline;
	connection->began = false;
	*result = connection;
	return MORTISE_OK;
}

/* Where one broke, those that stand beside it are to the same server that is no more, or
 * no master any more. */
void
pool_give(struct redis *redis, struct connection *connection)
{
	struct pool *pool = &redis->pool;

	(void)pthread_mutex_lock(&pool->lock);
	if (connection->broken && connection->generation == pool->generation) {
		pool->generation++;
		close_idle(pool);
	}
	if (connection->generation == pool->generation) {
		connection->next = pool->idle;
		pool->idle = connection;
		connection = NULL;
		(void)pthread_cond_signal(&pool->given);
	} else
		forget(pool);
	(void)pthread_mutex_unlock(&pool->lock);
	wire_free(connection);
}
