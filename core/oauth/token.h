/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * token.h: the calls on tokens, between operation_begin and operation_end.
 * They set the operation's resource and agency, and write its intent.
 */
#ifndef OAUTH_TOKEN_H
#define OAUTH_TOKEN_H

#include "oauth/authorization.h"

/* As mortise_token_store; *authorization is what was recorded. */
enum mortise_code token_store(struct operation *, const struct mortise_token_store_options *,
    const struct mortise_secret *tokens, struct authorization *authorization);
/* As mortise_token_get. */
enum mortise_code token_get(struct operation *, const char *id, struct mortise_secret **tokens,
    struct authorization *authorization);
/* As mortise_token_revoke.  ok without an authorization (json NULL) where
 * tokens lay under a name that none was recorded for. */
enum mortise_code token_revoke(struct operation *, const char *id,
    struct authorization *authorization);
/* As mortise_token_list, held until the outcome is durable. */
struct authorizations {
	struct authorization *items;
	size_t count, capacity;
};
void authorizations_free(struct authorizations *);	/* for _cleanup_ */
enum mortise_code token_list(struct operation *, struct authorizations *);

/*
 * A plain read of a name under tokens.name is a read of tokens: gives it the
 * action, agency and resource of one.  *authorization is empty where none is
 * recorded.
 */
enum mortise_code token_claim(struct operation *, const char *name,
    struct authorization *authorization);

#endif
