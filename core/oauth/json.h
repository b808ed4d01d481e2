/* SPDX-License-Identifier: BSD-2-Clause */
/* json.h: jansson for what may hold secrets.  oauth's own. */
#ifndef OAUTH_JSON_H
#define OAUTH_JSON_H

#include <jansson.h>

#include "base/error.h"

/* A JSON object; NULL = it is none, and the error says where, never what. */
json_t *json_object_from(const void *bytes, size_t size, const char *what,
    struct mortise_error *);
/* Wipes every string in it, then frees. */
void json_wipe(json_t *);
void json_cleanup(json_t **);	/* for _cleanup_: json_wipe */
/* Compact text as a secret; the copies on the way are wiped. */
enum mortise_code json_to_secret(const json_t *, struct mortise_secret **, struct mortise_error *);
/* A member that is a string; NULL = there is none. */
const char *json_text(const json_t *object, const char *key);
/* Sets a member; value NULL = JSON's null.  false = no memory. */
bool json_set_text(json_t *object, const char *key, const char *value);
/* Times as RFC 3339 with ms; 0 <-> null. */
bool json_set_time(json_t *object, const char *key, int64_t ms);
int64_t json_time(const json_t *object, const char *key);

#endif
