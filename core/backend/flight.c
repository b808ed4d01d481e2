/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/flight.h"

#include <stdlib.h>
#include <string.h>

#include "base/condition.h"
#include "secmem/secret.h"

struct flight {
	struct flight *next;
	struct read_key key;		/* the leader's strings: read until it has landed */
	size_t holders;			/* the leader and who waits */
	bool landed;
	struct read_answer answer;
	struct mortise_error error;
};

bool
flights_init(struct flights *flights)
{
	*flights = (struct flights){.first = NULL};
	return condition_init_with(&flights->lock, &flights->landed);
}

void
flights_destroy(struct flights *flights)
{
	condition_destroy_with(&flights->lock, &flights->landed);
}

/* One under way for the same thing, begun since the name was last written. */
static struct flight *
find(const struct flights *flights, const struct read_key *key)
{
	struct flight *flight = flights->first;

	while (flight != NULL && (flight->key.hash != key->hash ||
	    flight->key.generation != key->generation ||
	    strcmp(flight->key.name, key->name) != 0 ||
	    strcmp(flight->key.version, key->version) != 0))
		flight = flight->next;
	return flight;
}

/* The last one frees it. */
static void
let_go(struct flight *flight)
{
	if (--flight->holders > 0)
		return;
	mortise_secret_free(flight->answer.value);
	free(flight);
}

static bool
copy_answer(const struct read_answer *from, struct read_answer *to)
{
	const void *bytes;
	size_t size;

	*to = *from;
	if (from->value == NULL)
		return true;
	bytes = mortise_secret_peek(from->value, &size);
	to->value = secret_from(bytes, size);
	return to->value != NULL;
}

static enum flight_part
wait_for(struct flights *flights, struct flight *flight, uint64_t deadline,
    struct read_answer *answer, struct mortise_error *error)
{
	enum flight_part part = FLIGHT_LATE;

	flight->holders++;
	while (!flight->landed && condition_wait(&flights->landed, &flights->lock, deadline))
		continue;
	if (flight->landed) {
		flights->joined++;
		part = FLIGHT_JOINED;
		*error = flight->error;
		if (!copy_answer(&flight->answer, answer))
			answer->code = error_memory(error);
	}
	let_go(flight);
	return part;
}

static struct flight *
take_off(struct flights *flights, const struct read_key *key)
{
	struct flight *flight = calloc(1, sizeof(*flight));

	if (flight == NULL)
		return NULL;
	flight->key = *key;
	flight->holders = 1;
	flight->next = flights->first;
	flights->first = flight;
	return flight;
}

enum flight_part
flight_join(struct flights *flights, const struct read_key *key, uint64_t deadline,
    struct flight **result, struct read_answer *answer, struct mortise_error *error)
{
	enum flight_part part;
	struct flight *flight;

	(void)pthread_mutex_lock(&flights->lock);
	flight = find(flights, key);
	if (flight != NULL)
		part = wait_for(flights, flight, deadline, answer, error);
	else {
		*result = take_off(flights, key);
		part = *result == NULL ? FLIGHT_ALONE : FLIGHT_LEADER;
	}
	(void)pthread_mutex_unlock(&flights->lock);
	return part;
}

void
flight_land(struct flights *flights, struct flight *flight, const struct read_answer *answer,
    const struct mortise_error *error)
{
	struct flight **at = &flights->first;

	(void)pthread_mutex_lock(&flights->lock);
	while (*at != flight)
		at = &(*at)->next;
	*at = flight->next;
	flight->landed = true;
	if (flight->holders > 1) {
		flight->error = *error;
		if (!copy_answer(answer, &flight->answer))
			flight->answer.code = error_memory(&flight->error);
		(void)pthread_cond_broadcast(&flights->landed);
	}
	let_go(flight);
	(void)pthread_mutex_unlock(&flights->lock);
}

uint64_t
flights_joined(struct flights *flights)
{
	uint64_t joined;

	(void)pthread_mutex_lock(&flights->lock);
	joined = flights->joined;
	(void)pthread_mutex_unlock(&flights->lock);
	return joined;
}
