/* SPDX-License-Identifier: BSD-2-Clause */
/* json.h: what managers answer, as jansson's trees.  For this folder's neighbours. */
#ifndef SDK_JSON_H
#define SDK_JSON_H

#include <jansson.h>
#include <mortise/plugin.h>

/* Of a body; NULL: it is no JSON, or has a number that a 64-bit one cannot hold. */
json_t *json_of(const struct mortise_host *, const struct mortise_secret *body);
/* Ends a tree; its strings are wiped.  The tree must be the caller's alone; NULL is fine. */
void json_forget(json_t *);

/* A member's text; NULL: no such member, or it is none. */
const char *json_string_of(const json_t *object, const char *member);
/* What stands there as a value: a string's bytes, anything else as compact JSON with
 * sorted members.  NULL: no memory. */
struct mortise_secret *json_secret(const struct mortise_host *, const json_t *);
/* RFC 3339 in UTC ("2026-01-02T03:04:05.678Z") as Unix time in ms; 0: it is none. */
int64_t json_time_of(const json_t *);
/* Now, as json_time_of says it. */
int64_t json_now(void);

#endif
