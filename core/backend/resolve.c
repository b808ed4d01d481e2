/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * getaddrinfo() knows no deadline, so it runs in a detached thread.  Who waits
 * goes when the deadline comes; a late answer is thrown away by the thread.
 */
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "backend/instance.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/condition.h"

#define HOST_NAME_MAX_BYTES 253		/* RFC 1035, written out */
#define ADDRESS_SIZE 64			/* INET6_ADDRSTRLEN, and a scope */
#define LOOKUPS_MAX 16			/* of one backend at once, also abandoned ones */

struct resolver {
	pthread_mutex_t lock;		/* guards all below, and what each lookup says */
	pthread_cond_t done;		/* of some lookup */
	unsigned int running;
	bool closed;			/* the last lookup frees it */
};

struct lookup {
	struct resolver *resolver;
	char *name;
	struct addrinfo *found;
	int result;			/* of getaddrinfo */
	bool done, abandoned;
};

struct resolver *
resolver_new(void)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (resolver != NULL && condition_init_with(&resolver->lock, &resolver->done))
		return resolver;
	free(resolver);
	return NULL;
}

static void
resolver_free(struct resolver *resolver)
{
	condition_destroy_with(&resolver->lock, &resolver->done);
	free(resolver);
}

void
resolver_unref(struct resolver *resolver)
{
	bool last;

	if (resolver == NULL)
		return;
	(void)pthread_mutex_lock(&resolver->lock);
	resolver->closed = true;
	last = resolver->running == 0;
	(void)pthread_mutex_unlock(&resolver->lock);
	if (last)
		resolver_free(resolver);
}

static void
lookup_free(struct lookup *lookup)
{
	if (lookup == NULL)
		return;
	if (lookup->found != NULL)
		freeaddrinfo(lookup->found);
	free(lookup->name);
	free(lookup);
}

/* --- the thread -------------------------------------------------------------------- */

static int
ask(const char *name, int flags, struct addrinfo **found)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};

	return getaddrinfo(name, NULL, &hints, found);
}

static void *
run(void *arg)
{
	struct lookup *lookup = arg;
	struct resolver *resolver = lookup->resolver;
	struct addrinfo *found = NULL;
	int result = ask(lookup->name, 0, &found);
	bool abandoned, last;

	(void)pthread_mutex_lock(&resolver->lock);
	lookup->found = result == 0 ? found : NULL;
	lookup->result = result;
	lookup->done = true;
	abandoned = lookup->abandoned;
	last = --resolver->running == 0 && resolver->closed;
	(void)pthread_cond_broadcast(&resolver->done);
	(void)pthread_mutex_unlock(&resolver->lock);
	if (abandoned)
		lookup_free(lookup);
	if (last)
		resolver_free(resolver);
	return NULL;
}

/* Detached, and with all signals blocked: they are the program's own threads'. */
static int
start_thread(struct lookup *lookup)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int failed = pthread_attr_init(&attributes);

	if (failed != 0)
		return failed;
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&thread, &attributes, run, lookup);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attributes);
	return failed;
}

/* --- the call ---------------------------------------------------------------------- */

static enum mortise_code
pass_addresses(const struct addrinfo *found, address_fn *each, void *arg)
{
	enum mortise_code code = MORTISE_OK;
	char text[ADDRESS_SIZE];

	for (; code == MORTISE_OK && found != NULL; found = found->ai_next) {
		if (getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0,
		    NI_NUMERICHOST) == 0)
			code = each(arg, text);
	}
	return code;
}

static enum mortise_code
unavailable(struct mortise_call *call, const char *name, const char *why)
{
	return error_set(call->error, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
	    "the name %s cannot be resolved (%s); check it, and this host's name servers", name,
	    why);
}

/* The lookup is the thread's as well from here on, or nobody's. */
static enum mortise_code
start(struct mortise_call *call, struct lookup *lookup)
{
	struct resolver *resolver = lookup->resolver;
	bool full;

	(void)pthread_mutex_lock(&resolver->lock);
	full = resolver->running >= LOOKUPS_MAX;
	resolver->running += !full;
	(void)pthread_mutex_unlock(&resolver->lock);
	if (full)
		return unavailable(call, lookup->name, "too many earlier questions are unanswered");
	if (start_thread(lookup) == 0)
		return MORTISE_OK;
	(void)pthread_mutex_lock(&resolver->lock);
	resolver->running--;
	(void)pthread_mutex_unlock(&resolver->lock);
	return unavailable(call, lookup->name, "no thread can be started");
}

/* false: the deadline came first, and the lookup is the thread's alone. */
static bool
wait_for(struct lookup *lookup, uint64_t deadline)
{
	struct resolver *resolver = lookup->resolver;
	bool done;

	(void)pthread_mutex_lock(&resolver->lock);
	while (!lookup->done && condition_wait(&resolver->done, &resolver->lock, deadline))
		continue;
	done = lookup->done;
	lookup->abandoned = !done;
	(void)pthread_mutex_unlock(&resolver->lock);
	return done;
}

static enum mortise_code
ask_in_thread(struct mortise_call *call, const char *name, address_fn *each, void *arg)
{
	static const char late[] = "no answer by the deadline";
	struct lookup *lookup;
	enum mortise_code code;

	/* Nothing has been asked of the backend itself, so this is no timeout. */
	if (deadline_left_ns(call->deadline) == 0)
		return unavailable(call, name, late);
	lookup = calloc(1, sizeof(*lookup));
	if (lookup != NULL)
		lookup->name = text_dup(name);
	if (lookup == NULL || lookup->name == NULL) {
		lookup_free(lookup);
		return error_memory(call->error);
	}
	lookup->resolver = call->backend->resolver;
	code = start(call, lookup);
	if (code == MORTISE_OK && !wait_for(lookup, call->deadline))
		return unavailable(call, name, late);
	if (code == MORTISE_OK && lookup->result != 0)
		code = unavailable(call, name, gai_strerror(lookup->result));
	if (code == MORTISE_OK)
		code = pass_addresses(lookup->found, each, arg);
	lookup_free(lookup);
	return code;
}

enum mortise_code
host_resolve(struct mortise_call *call, const char *name, address_fn *each, void *arg)
{
	struct addrinfo *found = NULL;
	enum mortise_code code;
	size_t length = strlen(name);

	if (length == 0 || length > HOST_NAME_MAX_BYTES)
		return error_set(call->error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "a host's name has 1 to 253 bytes; correct the address");
	if (ask(name, AI_NUMERICHOST, &found) == 0) {
		code = pass_addresses(found, each, arg);
		freeaddrinfo(found);
		return code;
	}
	if (call->backend == NULL)
		return error_set(call->error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "names are not resolved while a plugin is loaded; do it when it is opened");
	return ask_in_thread(call, name, each, arg);
}
