/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mock: a plugin that keeps secrets and state in memory and answers what it is
 * told to, by the name that it is asked for:
 *
 *   code/CODE...   answers that code: code/denied, code/timeout/2, code/999
 *   done/CODE...   a put that takes effect and then answers that code
 *   slow/MS...     sleeps, at most until the deadline (timeout then)
 *   flaky/N...     is unavailable N times, then goes on as any other name
 *   down           put: from then on every other name is answered with the code
 *                  that is its value, until it is deleted
 *   calls/OP       get: how often this instance was asked for that operation
 *   option/token   get: the option `token`
 *
 * Every other name is simply kept.  Options: mock.c.
 */
#ifndef MOCK_H
#define MOCK_H

#include <mortise/plugin.h>
#include <pthread.h>

enum mock_op {
	MOCK_GET,
	MOCK_PUT,
	MOCK_DELETE,
	MOCK_LIST,
	MOCK_DESCRIBE,
	MOCK_UNDO,
	MOCK_STATE_GET,
	MOCK_STATE_TAKE,
	MOCK_STATE_PUT,
	MOCK_STATE_DELETE,
	MOCK_STATE_LIST,
	MOCK_STATE_CLAIM,
	MOCK_STATE_EXTEND,
	MOCK_STATE_RELEASE
};
#define MOCK_OPS 14

struct mock {
	const struct mortise_host *host;
	const struct mortise_options *options;
	enum mortise_code fail;		/* of every operation; ok = none */
	bool read_only;
	pthread_mutex_t lock;		/* guards all below */
	struct mock_secret *secrets;	/* sorted by name */
	struct mock_record *records;	/* sorted by key */
	unsigned long last_version, flaked, calls[MOCK_OPS];
	enum mortise_code down;		/* ok = it is not */
};

/* Counts the call, and says whether it goes on (ok) or is answered with this. */
enum mortise_code mock_begin(struct mock *mock, struct mortise_call *call, enum mock_op op,
    const char *name);
/* NULL-safe strdup that needs nothing but C. */
char *mock_copy(const void *bytes, size_t size);
void mock_version(unsigned long number, struct mortise_version *version);
/* Is there a condition, and does it not hold?  newest: 0 = there is none. */
bool mock_conflict(bool only_if_absent, const struct mortise_version *only_if,
    unsigned long newest);

extern const struct mortise_state_ops mock_state_ops;
#ifdef MOCK_INIT
enum mortise_code MOCK_INIT(const struct mortise_host *host, struct mortise_call *call,
    const struct mortise_plugin **result);
#endif
void mock_state_free(struct mock *mock);

#endif
