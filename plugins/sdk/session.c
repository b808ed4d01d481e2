/* SPDX-License-Identifier: BSD-2-Clause */
/* Credentials that end, shared by all threads. */
#include "sdk/session.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sdk/encoding.h"

#define AGAIN_MS 5000		/* between logins after refusals, and after a renewal that failed */

struct session {
	const struct mortise_host *host;
	const struct session_ops *ops;
	void *arg;
	pthread_mutex_t lock;		/* guards what follows */
	pthread_cond_t done;		/* of a login or renewal, on CLOCK_MONOTONIC */
	struct session_token *token;	/* NULL: none yet */
	int64_t ends_ms, renew_ms;	/* on CLOCK_BOOTTIME; 0 = never */
	int64_t first_lifetime_ms;	/* of the login; renewals may give less and less */
	int64_t refused_ms;		/* of the last refusal that led to a login; 0 = none */
	bool renewable;
	bool refused;			/* the token was, and is good for nothing */
	bool busy;			/* somebody is at it */
	uint64_t flights;		/* how often somebody was */
	enum mortise_code last;		/* what came of the last one */
};

static int64_t
now_ms(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct session *
session_new(const struct mortise_host *host, const struct session_ops *ops, void *arg)
{
	struct session *session = calloc(1, sizeof(*session));
	pthread_condattr_t attributes;

	if (session == NULL)
		return NULL;
	session->host = host;
	session->ops = ops;
	session->arg = arg;
	if (pthread_condattr_init(&attributes) == 0) {
		bool good = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
		    pthread_cond_init(&session->done, &attributes) == 0;

		(void)pthread_condattr_destroy(&attributes);
		if (good && pthread_mutex_init(&session->lock, NULL) == 0)
			return session;
		if (good)
			(void)pthread_cond_destroy(&session->done);
	}
	free(session);
	return NULL;
}

static void
secrets_free(const struct mortise_host *host, struct mortise_secret *secrets[SESSION_SECRETS])
{
	for (size_t i = 0; i < SESSION_SECRETS; i++)
		host->secret_free(secrets[i]);
}

static void
drop(const struct session *session, struct session_token *token)
{
	if (token == NULL || --token->holders > 0)
		return;
	secrets_free(session->host, token->secrets);
	free(token);
}

void
session_free(struct session *session)
{
	if (session == NULL)
		return;
	drop(session, session->token);
	(void)pthread_cond_destroy(&session->done);
	(void)pthread_mutex_destroy(&session->lock);
	free(session);
}

void
session_give(struct session *session, const struct session_token *token)
{
	if (token == NULL)
		return;
	(void)pthread_mutex_lock(&session->lock);
	drop(session, (struct session_token *)(uintptr_t)token);
	(void)pthread_mutex_unlock(&session->lock);
}

bool
session_refused(struct session *session, const struct session_token *token)
{
	int64_t now = now_ms();
	bool again;

	(void)pthread_mutex_lock(&session->lock);
	again = session->token != token || session->refused;
	if (!again && (session->refused_ms == 0 || now - session->refused_ms >= AGAIN_MS)) {
		session->refused_ms = now;
		session->refused = again = true;
	}
	(void)pthread_mutex_unlock(&session->lock);
	return again;
}

/* --- a new one ---------------------------------------------------------------------- */

/* Under the lock.  Renewed: the times of the token that there is. */
static void
set_times(struct session *session, const struct session_grant *grant, bool renewed)
{
	int64_t now = now_ms(), lifetime = grant->lifetime_ms;
	/* Not all hosts at once: some up to a tenth earlier. */
	int64_t early = lifetime / 15 == 0 ? 0 : now * 7919 % (lifetime / 15);

	if (!renewed)
		session->first_lifetime_ms = lifetime;
	session->ends_ms = lifetime == 0 ? 0 : now + lifetime;
	session->renew_ms = lifetime == 0 ? 0 :
	    now + (grant->renew_ms != 0 ? grant->renew_ms : lifetime / 3 * 2 - early);
	/* What shrinks is near its last end: the next time it is a login. */
	session->renewable = grant->renewable && lifetime * 3 >= session->first_lifetime_ms;
}

static enum mortise_code
no_memory(const struct session *session, struct mortise_call *call)
{
	return session->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
}

/* All that the refused token had. */
static bool
same_secrets(const struct session *session, const struct session_grant *grant)
{
	for (size_t i = 0; i < SESSION_SECRETS; i++) {
		const struct mortise_secret *old = session->token->secrets[i];

		if ((old != NULL || grant->secrets[i] != NULL) &&
		    !secret_same(session->host, old, grant->secrets[i]))
			return false;
	}
	return true;
}

/* Under the lock; the grant's secrets are taken or freed. */
static enum mortise_code
install(struct session *session, struct mortise_call *call, struct session_grant *grant,
    bool renewed)
{
	struct session_token *token;

	if (renewed && grant->secrets[0] == NULL) {
		set_times(session, grant, true);
		return MORTISE_OK;
	}
	if (session->refused && same_secrets(session, grant)) {
		secrets_free(session->host, grant->secrets);
		return session->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "the configured token is refused, and there is no other one; it may have ended, "
		    "or have been revoked or used up");
	}
	token = calloc(1, sizeof(*token));
	if (token == NULL) {
		secrets_free(session->host, grant->secrets);
		return no_memory(session, call);
	}
	memcpy(token->secrets, grant->secrets, sizeof(token->secrets));
	token->holders = 1;
	token->number = session->token == NULL ? 1 : session->token->number + 1;
	drop(session, session->token);
	session->token = token;
	session->refused = false;
	set_times(session, grant, renewed);
	return MORTISE_OK;
}

/* Under the lock, which is open while the peer is asked. */
static enum mortise_code
refresh(struct session *session, struct mortise_call *call, bool good)
{
	bool renew = good && session->renewable && session->ops->renew != NULL;
	struct session_token *old = session->token;
	struct session_grant grant = {.secrets = {NULL}};
	enum mortise_code code = MORTISE_ERROR;

	session->busy = true;
	if (old != NULL)
		old->holders++;
	(void)pthread_mutex_unlock(&session->lock);
	if (renew)
		code = session->ops->renew(session->arg, call, old->secrets[0], &grant);
	if (code != MORTISE_OK) {
		renew = false;
		grant = (struct session_grant){.secrets = {NULL}};
		code = session->ops->login(session->arg, call, &grant);
	}
	(void)pthread_mutex_lock(&session->lock);
	if (code == MORTISE_OK)
		code = install(session, call, &grant, renew);
	else if (good)
		session->renew_ms = now_ms() + AGAIN_MS;
	drop(session, old);
	session->busy = false;
	session->flights++;
	session->last = code;
	(void)pthread_cond_broadcast(&session->done);
	return code;
}

/* --- taking one --------------------------------------------------------------------- */

/* Under the lock.  Waits for whoever is at it; *code is what came of that. */
static bool
wait_for(struct session *session, struct mortise_call *call, enum mortise_code *code)
{
	uint64_t deadline = session->host->deadline(call), flight = session->flights;
	struct timespec until = {(time_t)(deadline / 1000000000), (long)(deadline % 1000000000)};
	int waited = 0;

	while (session->flights == flight && waited == 0)
		waited = pthread_cond_timedwait(&session->done, &session->lock, &until);
	if (session->flights == flight) {
		*code = session->host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "a login by another call did not end in time");
		return false;
	}
	if (session->last != MORTISE_OK)
		*code = session->host->fail(call, session->last == MORTISE_TIMEOUT ?
		    MORTISE_UNAVAILABLE : session->last, MORTISE_REASON_NONE,
		    "the login failed, which another call has made and told of");
	return session->last == MORTISE_OK;
}

enum mortise_code
session_take(struct session *session, struct mortise_call *call,
    const struct session_token **token)
{
	enum mortise_code code = MORTISE_OK;
	bool good = false;

	*token = NULL;
	(void)pthread_mutex_lock(&session->lock);
	while (code == MORTISE_OK) {
		int64_t now = now_ms();

		good = session->token != NULL && !session->refused &&
		    (session->ends_ms == 0 || now < session->ends_ms);
		if (good && (session->busy || session->renew_ms == 0 || now < session->renew_ms))
			break;
		if (session->busy) {
			if (!wait_for(session, call, &code))
				break;
		} else if (refresh(session, call, good) != MORTISE_OK && !good) {
			code = session->last;
			break;
		}
	}
	if (code == MORTISE_OK) {
		session->token->holders++;
		*token = session->token;
	}
	(void)pthread_mutex_unlock(&session->lock);
	/* Nothing was asked for: a login that fails is no doubt about a write. */
	return code == MORTISE_TIMEOUT ? session->host->fail(call, MORTISE_UNAVAILABLE,
	    MORTISE_REASON_NONE, "the login was not answered in time") : code;
}
