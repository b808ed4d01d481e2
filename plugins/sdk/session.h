/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session.h: credentials that end, shared by all threads of an instance.
 *
 * Got by a login when they are first asked for; renewed by one thread while the others
 * go on with what is still good; got anew by one thread, for which the others wait, when
 * they have ended or were refused.
 */
#ifndef SDK_SESSION_H
#define SDK_SESSION_H

#include <mortise/plugin.h>

#define SESSION_SECRETS 3

struct session;

/* What a login gives.  The secrets become the session's. */
struct session_grant {
	struct mortise_secret *secrets[SESSION_SECRETS];	/* the token, or keys; else NULL */
	int64_t lifetime_ms;			/* from now; 0 = it never ends */
	int64_t renew_ms;			/* when to see to it, from now; 0 = at two thirds */
	bool renewable;
};

/* Both within the call's deadline, by one thread at a time, and not under a lock. */
struct session_ops {
	enum mortise_code (*login)(void *arg, struct mortise_call *, struct session_grant *);
	/* secrets[0] NULL: the token stays as it is.  NULL slot: a login is the only way. */
	enum mortise_code (*renew)(void *arg, struct mortise_call *,
	    const struct mortise_secret *token, struct session_grant *);
};

/* Borrowed until session_give. */
struct session_token {
	struct mortise_secret *secrets[SESSION_SECRETS];
	uint64_t number;			/* rises with each login */
	size_t holders;				/* the session's own business */
};

/* NULL: no memory. */
struct session *session_new(const struct mortise_host *, const struct session_ops *, void *arg);
void session_free(struct session *);		/* no call may be running; NULL is fine */

/* A good token.  Fails as the login does; those who waited for another's login that
 * failed get its code. */
enum mortise_code session_take(struct session *, struct mortise_call *,
    const struct session_token **);
void session_give(struct session *, const struct session_token *);	/* NULL is fine */

/* The peer refused this one.  true: ask again with another (session_take gets it); false:
 * a login after such a refusal was less than 5 s ago, and would be in vain. */
bool session_refused(struct session *, const struct session_token *);

#endif
