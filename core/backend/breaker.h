/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * breaker.h: leaves a backend alone that does not answer.  Closed, every call
 * goes through; after `limit` failures in a row it is open and none does; when
 * `open_ms` have passed it is half open: one call goes through as a probe, and
 * its result closes the breaker or opens it again.
 */
#ifndef BACKEND_BREAKER_H
#define BACKEND_BREAKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum breaker_state {
	BREAKER_CLOSED,
	BREAKER_OPEN,
	BREAKER_HALF_OPEN
};
const char *breaker_state_name(enum breaker_state state);

struct breaker {
	unsigned int limit;		/* 0: no breaker, always closed */
	uint64_t open_ms;
	pthread_mutex_t lock;		/* guards what follows */
	enum breaker_state state;
	unsigned int failures;		/* in a row */
	uint64_t until;			/* open: CLOCK_MONOTONIC ns */
	bool probing;			/* half open: the probe is under way */
};

bool breaker_init(struct breaker *breaker, unsigned int limit, uint64_t open_ms);
void breaker_destroy(struct breaker *breaker);

/* What a call that was let through is to the breaker. */
enum breaker_pass {
	BREAKER_REFUSED,	/* not let through: open */
	BREAKER_CALL,
	BREAKER_PROBE
};
enum breaker_pass breaker_enter(struct breaker *breaker);

enum breaker_result {
	BREAKER_ANSWERED,	/* whatever it said */
	BREAKER_FAILED,
	BREAKER_NEITHER		/* nothing is known: the caller had no time */
};
/* Of a call that was let through.  While the breaker is not closed only the
 * probe's result counts: the others were asked before. */
void breaker_leave(struct breaker *breaker, enum breaker_pass pass, enum breaker_result result);

/* *open_ms: until it will let a probe through; 0 unless open. */
enum breaker_state breaker_look(struct breaker *breaker, unsigned int *failures,
    uint64_t *open_ms);

#endif
