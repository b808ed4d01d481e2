/* SPDX-License-Identifier: BSD-2-Clause */
/* instance.h: what a backend is made of.  For this room only. */
#ifndef BACKEND_INSTANCE_H
#define BACKEND_INSTANCE_H

#include <pthread.h>

#include "backend/backend.h"
#include "backend/cache.h"
#include "backend/flight.h"

/*
 * The turn of a serial instance.  No mutex held for the length of a call: the
 * wait for one has no monotonic deadline in POSIX.  Who finds it taken looks for
 * it a moment longer, since most calls are short, and sleeps then.
 */
struct turn {
	_Atomic bool taken;
	_Atomic unsigned int sleepers;
	unsigned int looks;		/* for so long before it sleeps; 0 on one processor */
	pthread_mutex_t lock;		/* guards what follows */
	pthread_cond_t given;
	bool waking;			/* a sleeper was woken and is not there yet */
};
bool turn_init(struct turn *turn);
void turn_destroy(struct turn *turn);
/* false: the deadline came first. */
bool turn_take(struct turn *turn, uint64_t deadline);
void turn_give(struct turn *turn);

struct backend {
	const char *name;
	struct place place;
	const struct plugin *plugin;
	struct mortise_options *options;
	uint64_t timeout_ms;
	struct call_rules rules;
	struct generations *generations;
	const struct logger *logger;
	bool (*noted)(void *arg, const char *backend, char store[65], uint64_t *generation);
	bool accept_rollback;
	options_fetch_fn *fetch;
	void *arg;
	bool opened;			/* false: for commands that need no instance */
	void *instance;
	uint64_t can;
	const char *identity;
	struct turn turn;		/* used where the plugin is serial */
	struct breaker breaker;
	struct cache *cache;		/* NULL: none */
	struct flights flights;
	bool shares;			/* reads of one thing make one request */
	struct resolver *resolver;
};

/* One call of the plugin, made as often as the rules allow. */
struct attempts {
	uint64_t bit;			/* MORTISE_CAN_... of the operation; 0: none is asked */
	bool harmless;			/* it changes nothing: a timeout may be tried again too */
	const struct mortise_out *out;	/* what was given there cannot be taken back; NULL: none */
	unsigned int tried;		/* these three are kept by the functions below */
	bool whole;			/* had the backend's own timeout, no shorter one */
	enum breaker_pass pass;
};

/*
 * Around each call of the plugin's functions.  enter: unsupported where the
 * instance has no such operation, unavailable while the breaker is open, timeout
 * where its turn did not come by the deadline.  After ok, leave must follow.
 */
enum mortise_code backend_enter(struct backend *backend, struct mortise_call *call,
    struct attempts *attempts);
/* What the function said, as it goes on: a code that is one, and an error that
 * has words, the backend's name and a place. */
enum mortise_code backend_leave(struct backend *backend, struct mortise_call *call,
    const struct attempts *attempts, enum mortise_code said);
/* After enter and leave came to `code`: once more?  Then the pause is over. */
bool backend_again(const struct backend *backend, struct mortise_call *call,
    struct attempts *attempts, enum mortise_code code);
/* The second half of leave, for the calls that take no turn. */
enum mortise_code backend_say(const struct backend *backend, struct mortise_call *call,
    enum mortise_code said);
/* An error of ours about what the plugin did: "the plugin NAME ... " */
enum mortise_code backend_broken(const struct backend *backend, struct mortise_call *call,
    const char *what);

/*
 * Names to addresses in threads that may outlive the call, its backend and
 * the context.  A bound on those that hang: a silent name server shall not
 * fill the process with threads.
 */
struct resolver *resolver_new(void);		/* NULL = no memory */
void resolver_unref(struct resolver *resolver);	/* NULL is fine */

/* The slots of the host table that have a file of their own. */
typedef enum mortise_code address_fn(void *arg, const char *address);
enum mortise_code host_resolve(struct mortise_call *call, const char *name, address_fn *each,
    void *arg);
enum mortise_code host_spawn(struct mortise_call *call, const char *const argv[], size_t limit,
    struct mortise_secret **output);

#endif
