/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * taking CONFIG BACKEND [ROUNDS]: 64 threads take one state at once, and exactly one gets
 * it; of a store that others see too, half of them by an instance of their own.
 * TAKING_ROUNDS in the environment goes before ROUNDS, which is 100.
 */
#include <pthread.h>
#include <stdlib.h>

#include "../test.h"
#include "base/clock.h"
#include "configured.h"

#define THREADS 64

struct round {
	struct configured *store;
	pthread_barrier_t start, end;
	bool over;			/* set before `start` */
};

struct taker {
	struct round *round;
	struct backend *backend;
	pthread_t thread;
	enum mortise_code code;
	char got[32];			/* the value */
	struct mortise_error error;
};

static enum mortise_code
keep_value(void *arg, const struct mortise_record *record)
{
	struct taker *taker = arg;

	(void)snprintf(taker->got, sizeof(taker->got), "%.*s", (int)record->value_size,
	    (const char *)record->value);
	return MORTISE_OK;
}

static void *
take_rounds(void *arg)
{
	struct taker *taker = arg;

	for (;;) {
		struct mortise_call call = {.error = &taker->error};
		struct mortise_out out = {.record = keep_value, .arg = taker};

		(void)pthread_barrier_wait(&taker->round->start);
		if (taker->round->over)
			return NULL;
		taker->got[0] = '\0';
		call.deadline = deadline_in_ms(60000);
		taker->code = backend_state_take(taker->backend, &call, "oauth:state:raced", &out);
		(void)pthread_barrier_wait(&taker->round->end);
	}
}

static bool
put(struct backend *backend, const char *value)
{
	const struct mortise_state_put put = {.size = sizeof(put), .value = value,
	    .value_size = strlen(value), .ttl_ms = 600000, .only_if_absent = true};
	struct mortise_error error = {0};
	struct mortise_call call = {.deadline = deadline_in_ms(60000), .error = &error};
	struct mortise_version made;

	if (backend_state_put(backend, &call, "oauth:state:raced", &put, &made) == MORTISE_OK)
		return true;
	printf("# put: %s\n", error.message);
	return false;
}

/* One winner, who has this value, and 63 who are told that it is not there. */
static bool
is_fair(const struct taker takers[THREADS], const char *value)
{
	size_t winners = 0, losers = 0;

	for (size_t i = 0; i < THREADS; i++) {
		winners += takers[i].code == MORTISE_OK && strcmp(takers[i].got, value) == 0;
		losers += takers[i].code == MORTISE_NOT_FOUND;
		if (takers[i].code != MORTISE_OK && takers[i].code != MORTISE_NOT_FOUND)
			printf("# take: %s\n", takers[i].error.message);
	}
	if (winners != 1 || losers != THREADS - 1)
		printf("# %s: %zu got it, %zu were told that it is not there\n", value, winners,
		    losers);
	return winners == 1 && losers == THREADS - 1;
}

static unsigned long
race(struct configured *store, unsigned long rounds)
{
	static struct taker takers[THREADS];
	struct round round = {.store = store};
	unsigned long fair = 0;
	char value[32];

	if (pthread_barrier_init(&round.start, NULL, THREADS + 1) != 0 ||
	    pthread_barrier_init(&round.end, NULL, THREADS + 1) != 0)
		return 0;
	for (size_t i = 0; i < THREADS; i++) {
		takers[i] = (struct taker){.round = &round, .backend = i % 2 == 0 ||
		    store->second == NULL ? store->backend : store->second};
		if (pthread_create(&takers[i].thread, NULL, take_rounds, &takers[i]) != 0)
			exit(1);
	}
	for (unsigned long i = 0; i < rounds; i++) {
		(void)snprintf(value, sizeof(value), "round %lu", i);
		if (!put(store->backend, value))
			break;
		(void)pthread_barrier_wait(&round.start);
		(void)pthread_barrier_wait(&round.end);
		fair += is_fair(takers, value);
	}
	round.over = true;
	(void)pthread_barrier_wait(&round.start);
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(takers[i].thread, NULL);
	(void)pthread_barrier_destroy(&round.start);
	(void)pthread_barrier_destroy(&round.end);
	return fair;
}

int
main(int argc, char **argv)
{
	const char *given = getenv("TAKING_ROUNDS");
	unsigned long rounds = given != NULL ? strtoul(given, NULL, 10) :
	    argc > 3 ? strtoul(argv[3], NULL, 10) : 100;
	struct configured store;

	if (argc < 3 || rounds == 0)
		return 2;
	if (CHECK_AS(configured_open(&store, argv[1], argv[2]), "%s opens", argv[2]))
		CHECK_NUMBER_AS(race(&store, rounds), rounds,
		    "in each round one of 64 takers has the record");
	configured_close(&store);
	return test_end();
}
