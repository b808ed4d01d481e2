/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * authorization.h: what is known of a connection's tokens, as state records:
 * "authorization:SECRETID" holds it, "authorization-id:ID" points to it.
 */
#ifndef OAUTH_AUTHORIZATION_H
#define OAUTH_AUTHORIZATION_H

#include "operation/operation.h"

#define AUTHORIZATION_ID_MAX 128
#define AUTHORIZATION_PREFIX "authorization:"

struct authorization {
	struct mortise_authorization public;	/* its strings lie in json */
	struct json_t *json;
	char secret_name[MORTISE_NAME_MAX + 1];	/* also when secret_id is NULL */
	struct mortise_version version;		/* of the state record; "" = new */
};
void authorization_free(struct authorization *);	/* for _cleanup_ */

/* Of a state record's bytes. */
enum mortise_code authorization_parse(const char *key, const void *bytes, size_t size,
    struct authorization *, struct mortise_error *);

/* By the secret's name. */
enum mortise_code authorization_of_secret(struct operation *, const char *secret_name,
    struct authorization *);
/* By authorizationId, else by secretId.  not_found: neither is known. */
enum mortise_code authorization_find(struct operation *, const char *id, struct authorization *);

/* [A-Za-z0-9_.:-]{1,128} */
enum mortise_code authorization_check_id(const char *id, struct mortise_error *);
/* "auth_" and 26 digits of base32. */
enum mortise_code authorization_make_id(char id[32], struct mortise_error *);

/* Writes the record, and the pointer if its id has none: conflict if somebody
 * else wrote meanwhile, or if the id belongs to another secret. */
enum mortise_code authorization_write(struct operation *, const struct mortise_authorization *,
    const char *secret_name, const struct mortise_version *before);

#endif
