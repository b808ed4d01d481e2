/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flight.h: concurrent reads of one thing make one request.  The first caller
 * leads and asks; who comes meanwhile waits for its answer, each with a
 * deadline of its own.
 */
#ifndef BACKEND_FLIGHT_H
#define BACKEND_FLIGHT_H

#include <pthread.h>

#include "backend/cache.h"
#include "base/error.h"

struct flight;

struct flights {
	pthread_mutex_t lock;		/* guards the flights, and all that is in them */
	pthread_cond_t landed;		/* one of them has */
	struct flight *first;
	uint64_t joined;		/* callers who did not have to ask */
};

bool flights_init(struct flights *flights);
void flights_destroy(struct flights *flights);

enum flight_part {
	FLIGHT_LEADER,		/* ask, and land the flight whatever comes of it */
	FLIGHT_ALONE,		/* ask, nobody waits: no memory for company */
	FLIGHT_JOINED,		/* answer and error are set as the leader's were */
	FLIGHT_LATE		/* the deadline came first */
};
/* answer->code may be any code here. */
enum flight_part flight_join(struct flights *flights, const struct read_key *key,
    uint64_t deadline, struct flight **flight, struct read_answer *answer,
    struct mortise_error *error);

/* The leader's: gives everybody who waits a copy of the answer. */
void flight_land(struct flights *flights, struct flight *flight, const struct read_answer *answer,
    const struct mortise_error *error);

/* Callers so far who did not have to ask themselves. */
uint64_t flights_joined(struct flights *flights);

#endif
