/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "postgres.h"

struct pool {
	const struct mortise_host *host;
	const struct mortise_options *options;
	const char *option, *commit;
	size_t most;
	pthread_mutex_t lock;			/* guards what follows */
	pthread_cond_t given;			/* on CLOCK_MONOTONIC */
	struct connection *idle;
	size_t count;				/* idle, in use, or being made */
};

static bool
init_condition(pthread_cond_t *condition)
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

struct pool *
pool_new(const struct mortise_host *host, const struct mortise_options *options,
    const char *option, const char *commit, size_t most)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	pool->host = host;
	pool->options = options;
	pool->option = option;
	pool->commit = commit;
	pool->most = most;
	if (init_condition(&pool->given)) {
		if (pthread_mutex_init(&pool->lock, NULL) == 0)
			return pool;
		(void)pthread_cond_destroy(&pool->given);
	}
	free(pool);
	return NULL;
}

void
pool_free(struct pool *pool)
{
	struct connection *next;

	if (pool == NULL)
		return;
	for (struct connection *c = pool->idle; c != NULL; c = next) {
		next = c->next;
		connection_free(c);
	}
	(void)pthread_cond_destroy(&pool->given);
	(void)pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static void
leave(struct pool *pool)
{
	(void)pthread_mutex_lock(&pool->lock);
	pool->count--;
	(void)pthread_cond_signal(&pool->given);
	(void)pthread_mutex_unlock(&pool->lock);
}

/* An idle one, or NULL and the place of one that is to be made.  false: neither in time. */
static bool
enter(struct pool *pool, struct mortise_call *call, struct connection **idle)
{
	uint64_t deadline = pool->host->deadline(call);
	const struct timespec until = {(time_t)(deadline / 1000000000),
	    (long)(deadline % 1000000000)};
	bool good = true;

	(void)pthread_mutex_lock(&pool->lock);
	while (good && pool->idle == NULL && pool->count == pool->most)
		good = pthread_cond_timedwait(&pool->given, &pool->lock, &until) == 0;
	*idle = pool->idle;
	if (*idle != NULL) {
		pool->idle = (*idle)->next;
		good = true;
	} else if (pool->count < pool->most) {
		pool->count++;
		good = true;
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return good;
}

enum mortise_code
pool_take(struct pool *pool, struct mortise_call *call, struct connection **taken)
{
	enum mortise_code code;

	if (!enter(pool, call, taken))
		return pool->host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "all %zu connections were busy until the deadline; raise the option pool",
		    pool->most);
	if (*taken != NULL && connection_alive(*taken))
		return MORTISE_OK;
	connection_free(*taken);
	*taken = NULL;
	code = connection_open(pool->host, call, pool->options, pool->option, pool->commit,
	    taken);
	if (code != MORTISE_OK)
		leave(pool);
	return code;
}

void
pool_give(struct pool *pool, struct connection *connection)
{
	connection->call = NULL;
	if (!connection_alive(connection)) {
		connection_free(connection);
		leave(pool);
		return;
	}
	(void)pthread_mutex_lock(&pool->lock);
	connection->next = pool->idle;
	pool->idle = connection;
	(void)pthread_cond_signal(&pool->given);
	(void)pthread_mutex_unlock(&pool->lock);
}

enum mortise_code
pool_ask(struct pool *pool, struct mortise_call *call, const struct query *query,
    PGresult **result)
{
	struct connection *connection = NULL;
	enum mortise_code code = pool_take(pool, call, &connection);

	if (code != MORTISE_OK)
		return code;
	code = connection_ask(connection, call, query, result);
	pool_give(pool, connection);
	return code;
}
