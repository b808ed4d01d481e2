/* SPDX-License-Identifier: BSD-2-Clause */
#include "oauth/authorization.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/name.h"
#include "oauth/json.h"

#define POINTER_PREFIX "authorization-id:"

void
authorization_free(struct authorization *authorization)
{
	json_decref(authorization->json);
	authorization->json = NULL;
}

enum mortise_code
authorization_check_id(const char *id, struct mortise_error *error)
{
	size_t length = strlen(id);

	if (length >= 1 && length <= AUTHORIZATION_ID_MAX && strchr(id, '/') == NULL &&
	    key_check(id, NULL) == MORTISE_OK)
		return MORTISE_OK;
	return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "not an authorization id; it is 1 to %d of [A-Za-z0-9_.:-]", AUTHORIZATION_ID_MAX);
}

enum mortise_code
authorization_make_id(char id[32], struct mortise_error *error)
{
	/* RFC 4648, section 6, in lower case: 26 digits of 5 bits. */
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char noise[26];

	if (!random_bytes(noise, sizeof(noise)))
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "the random number generator failed");
	memcpy(id, "auth_", 5);
	for (size_t i = 0; i < sizeof(noise); i++)
		id[5 + i] = digits[noise[i] & 31];
	id[5 + sizeof(noise)] = '\0';
	return MORTISE_OK;
}

enum mortise_code
authorization_parse(const char *key, const void *bytes, size_t size,
    struct authorization *authorization, struct mortise_error *error)
{
	json_t *json = json_object_from(bytes, size, "an authorization record", error);
	struct mortise_authorization *public = &authorization->public;

	if (json == NULL)
		return MORTISE_ERROR;
	*public = (struct mortise_authorization){
		.size = sizeof(*public),
		.authorization_id = json_text(json, "authorizationId"),
		.agency_id = json_text(json, "agencyId"),
		.connection_id = json_text(json, "connectionId"),
		.platform = json_text(json, "platform"),
		.secret_id = json_text(json, "secretId"),
		.status = json_text(json, "status"),
		.refresh = json_text(json, "refresh"),
		.expires_ms = json_time(json, "expiresAt"),
		.refresh_ms = json_time(json, "refreshAt"),
		.created_ms = json_time(json, "createdAt"),
		.updated_ms = json_time(json, "updatedAt"),
	};
	if (public->authorization_id == NULL || public->status == NULL) {
		json_decref(json);
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "an authorization record lacks its id or status");
	}
	authorization->json = json;
	(void)snprintf(authorization->secret_name, sizeof(authorization->secret_name), "%s",
	    key + strlen(AUTHORIZATION_PREFIX));
	return MORTISE_OK;
}

enum mortise_code
authorization_of_secret(struct operation *operation, const char *secret_name,
    struct authorization *authorization)
{
	struct state_value value _cleanup_(state_value_free) = {0};
	char key[sizeof(AUTHORIZATION_PREFIX) + MORTISE_NAME_MAX];
	enum mortise_code code = name_check(secret_name, operation->error);

	if (code != MORTISE_OK)
		return code;
	(void)snprintf(key, sizeof(key), AUTHORIZATION_PREFIX "%s", secret_name);
	code = operation_state_get(operation, key, &value);
	if (code != MORTISE_OK)
		return code;
	authorization->version = value.version;
	return authorization_parse(key, value.bytes, value.size, authorization,
	    operation->error);
}

static void
pointer_key(const char *id, char key[sizeof(POINTER_PREFIX) + AUTHORIZATION_ID_MAX])
{
	(void)snprintf(key, sizeof(POINTER_PREFIX) + AUTHORIZATION_ID_MAX, POINTER_PREFIX "%s", id);
}

enum mortise_code
authorization_find(struct operation *operation, const char *id,
    struct authorization *authorization)
{
	struct state_value value _cleanup_(state_value_free) = {0};
	char key[sizeof(POINTER_PREFIX) + AUTHORIZATION_ID_MAX];
	enum mortise_code code;

	if (authorization_check_id(id, NULL) == MORTISE_OK) {
		pointer_key(id, key);
		code = operation_state_get(operation, key, &value);
		if (code == MORTISE_OK)
			return authorization_of_secret(operation, value.bytes, authorization);
		if (code != MORTISE_NOT_FOUND)
			return code;
	}
	return authorization_of_secret(operation, id, authorization);
}

static bool
fill_json(json_t *json, const struct mortise_authorization *public)
{
	return json_set_text(json, "authorizationId", public->authorization_id) &&
	    json_set_text(json, "agencyId", public->agency_id) &&
	    json_set_text(json, "connectionId", public->connection_id) &&
	    json_set_text(json, "platform", public->platform) &&
	    json_set_text(json, "secretId", public->secret_id) &&
	    json_set_text(json, "status", public->status) &&
	    (public->refresh == NULL || json_set_text(json, "refresh", public->refresh)) &&
	    json_set_time(json, "expiresAt", public->expires_ms) &&
	    json_set_time(json, "refreshAt", public->refresh_ms) &&
	    json_set_time(json, "createdAt", public->created_ms) &&
	    json_set_time(json, "updatedAt", public->updated_ms);
}

/* The pointer before the record: who finds a pointer without a record finds
 * nothing, but a record without its pointer would be lost to its id. */
static enum mortise_code
write_pointer(struct operation *operation, const char *id, const char *secret_name)
{
	struct mortise_state_put put = {
		.size = sizeof(put), .value = secret_name, .value_size = strlen(secret_name),
		.only_if_absent = true,
	};
	struct state_value value _cleanup_(state_value_free) = {0};
	char key[sizeof(POINTER_PREFIX) + AUTHORIZATION_ID_MAX];
	enum mortise_code code;

	pointer_key(id, key);
	code = operation_state_put(operation, key, &put, NULL);
	if (code != MORTISE_CONFLICT)
		return code;
	code = operation_state_get(operation, key, &value);
	if (code != MORTISE_OK)
		return code;
	if (strcmp(value.bytes, secret_name) == 0)
		return MORTISE_OK;
	return error_set(operation->error, MORTISE_CONFLICT, MORTISE_REASON_NONE,
	    "the authorization id belongs to another connection; choose another");
}

enum mortise_code
authorization_write(struct operation *operation, const struct mortise_authorization *public,
    const char *secret_name, const struct mortise_version *before)
{
	char key[sizeof(AUTHORIZATION_PREFIX) + MORTISE_NAME_MAX];
	char *text _cleanup_(free_pointer) = NULL;
	json_t *json _cleanup_(json_cleanup) = json_object();
	struct mortise_state_put put = {.size = sizeof(put)};
	enum mortise_code code;

	if (json == NULL || !fill_json(json, public))
		return error_memory(operation->error);
	text = json_dumps(json, JSON_COMPACT);
	if (text == NULL)
		return error_memory(operation->error);
	code = write_pointer(operation, public->authorization_id, secret_name);
	if (code != MORTISE_OK)
		return code;
	(void)snprintf(key, sizeof(key), AUTHORIZATION_PREFIX "%s", secret_name);
	put.value = text;
	put.value_size = strlen(text);
	if (before->text[0] != '\0')
		put.only_if = before;
	else
		put.only_if_absent = true;
	return operation_state_put(operation, key, &put, NULL);
}
