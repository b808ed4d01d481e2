/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oauth: token records, authorizations and one-time states.  No HTTP.
 * Called by api.
 *
 * tokens.h: what is kept of a token answer, and under which name.
 */
#ifndef OAUTH_TOKENS_H
#define OAUTH_TOKENS_H

#include <mortise/mortise.h>

/*
 * A token answer to what is stored: {accessToken, refreshToken, expiresAt} and
 * the other members as they are.  Takes that form, or that of RFC 6749,
 * section 5.1 (access_token, refresh_token, expires_in in seconds from now_ms).
 * *expires_ms: 0 = not said.  invalid: no JSON object, no token in it, a
 * lifetime that is none.
 */
enum mortise_code tokens_normalise(const struct mortise_secret *answer, int64_t now_ms,
    struct mortise_secret **stored, int64_t *expires_ms, struct mortise_error *);

/*
 * The name of a connection's tokens: the template with {platform} and
 * {connectionId} filled in, bytes outside [A-Za-z0-9_-] as .xx, so that
 * no two connections share one.  invalid: an empty part, or too long.
 */
enum mortise_code tokens_name(const char *template, const char *platform,
    const char *connection_id, char name[MORTISE_NAME_MAX + 1], struct mortise_error *);

/* Does a name lie under the template's pattern, where every name is a token's? */
bool tokens_name_matches(const char *template, const char *name);

/* When to refresh: min(300 s, lifetime / 4) before expiry; 0 for never. */
int64_t tokens_refresh_ms(int64_t now_ms, int64_t expires_ms);

#endif
