/* SPDX-License-Identifier: BSD-2-Clause */
#include "oauth/state.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "oauth/json.h"

#define KEY_PREFIX "oauth:state:"
#define KEY_SIZE (sizeof(KEY_PREFIX) + MORTISE_STATE_SIZE)
#define TTL_MAX_MS INT64_C(86400000)

static bool
digest_text(const char *text, char digest[DIGEST_TEXT_SIZE])
{
	struct digest_part part = {text, strlen(text)};
	unsigned char bytes[DIGEST_SIZE];

	if (!digest_sha256(&part, 1, bytes))
		return false;
	hex_encode(bytes, sizeof(bytes), digest);
	return true;
}

bool
state_resource(const char *state, char resource[STATE_RESOURCE_SIZE])
{
	char digest[DIGEST_TEXT_SIZE];

	if (!digest_text(state, digest))
		return false;
	memcpy(resource, digest, STATE_RESOURCE_SIZE - 1);
	resource[STATE_RESOURCE_SIZE - 1] = '\0';
	return true;
}

enum mortise_code
state_draw(char state[MORTISE_STATE_SIZE], struct mortise_error *error)
{
	unsigned char noise[32];

	/* One that begins with "-" would be an option where it stands on a command line. */
	do {
		if (!random_bytes(noise, sizeof(noise)))
			return error_set(error, MORTISE_ERROR, MORTISE_REASON_NONE,
			    "the random number generator failed");
		base64url_encode(noise, sizeof(noise), state);
	} while (state[0] == '-');
	return MORTISE_OK;
}

static enum mortise_code
check_options(const struct operation *operation, const struct mortise_state_options *options)
{
	const char *missing = options->platform == NULL || options->platform[0] == '\0' ?
	    "a platform" : operation->agency_id[0] == '\0' ? "an agency" :
	    options->redirect_uri == NULL || options->redirect_uri[0] == '\0' ?
	    "a redirect URI" : NULL;

	if (missing != NULL)
		return error_set(operation->error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "a state is bound to %s; give one", missing);
	if (options->ttl_ms < 0 || options->ttl_ms > TTL_MAX_MS)
		return error_set(operation->error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "a state lives 1 second to 1 day");
	return MORTISE_OK;
}

static bool
fill(json_t *json, const struct operation *operation, const struct mortise_state_options *options,
    int64_t now, int64_t ttl)
{
	char digest[DIGEST_TEXT_SIZE];

	if (options->binding != NULL && (!digest_text(options->binding, digest) ||
	    !json_set_text(json, "binding", digest)))
		return false;
	return json_set_text(json, "agencyId", operation->agency_id) &&
	    json_set_text(json, "platform", options->platform) &&
	    json_set_text(json, "connectionId", options->connection_id) &&
	    json_set_text(json, "redirectUri", options->redirect_uri) &&
	    json_set_time(json, "createdAt", now) &&
	    json_set_time(json, "expiresAt", now + ttl) &&
	    json_object_set_new(json, "uid",
	    json_integer((json_int_t)operation->engine->actor.uid)) == 0;
}

enum mortise_code
state_create(struct operation *operation, const struct mortise_state_options *options,
    const char *state)
{
	int64_t now = clock_unix_ms(), ttl = options->ttl_ms == 0 ? STATE_TTL_MS : options->ttl_ms;
	json_t *json _cleanup_(json_cleanup) = json_object();
	char *text _cleanup_(free_pointer) = NULL;
	struct mortise_state_put put = {.size = sizeof(put), .ttl_ms = ttl, .only_if_absent = true};
	char key[KEY_SIZE];
	enum mortise_code code;

	if (options->agency_id != NULL)
		operation_claim(operation, options->agency_id);
	code = check_options(operation, options);
	if (code != MORTISE_OK)
		return code;
	if (json == NULL || !fill(json, operation, options, now, ttl) ||
	    (text = json_dumps(json, JSON_COMPACT)) == NULL)
		return error_memory(operation->error);
	put.value = text;
	put.value_size = strlen(text);
	(void)snprintf(key, sizeof(key), KEY_PREFIX "%s", state);
	return operation_state_put(operation, key, &put, NULL);
}

void
state_bound_free(struct state_bound *bound)
{
	json_decref(bound->json);
	bound->json = NULL;
}

static enum mortise_code
reject(struct operation *operation)
{
	operation->action = "state_rejected";
	return error_set(operation->error, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
	    "Invalid or expired OAuth state");
}

static bool
is_state(const char *state)
{
	return strlen(state) == MORTISE_STATE_SIZE - 1 && strspn(state, "-_0123456789"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == MORTISE_STATE_SIZE - 1;
}

/* A state with a binding is good with it only, one without for any. */
static bool
binding_holds(const json_t *json, const char *binding)
{
	const char *want = json_text(json, "binding");
	char have[DIGEST_TEXT_SIZE];

	if (want == NULL)
		return true;
	return binding != NULL && strlen(want) == sizeof(have) - 1 &&
	    digest_text(binding, have) && CRYPTO_memcmp(want, have, sizeof(have) - 1) == 0;
}

static bool
is_ours(const struct operation *operation, const json_t *json)
{
	const json_t *uid = json_object_get(json, "uid");

	return uid == NULL || (json_is_integer(uid) &&
	    json_integer_value(uid) == (json_int_t)operation->engine->actor.uid);
}

enum mortise_code
state_validate(struct operation *operation, const char *state, const char *binding,
    struct state_bound *bound)
{
	struct state_value value _cleanup_(state_value_free) = {0};
	char key[KEY_SIZE];
	enum mortise_code code;
	json_t *json;

	if (!is_state(state))
		return reject(operation);
	(void)snprintf(key, sizeof(key), KEY_PREFIX "%s", state);
	code = operation_state_take(operation, key, &value);
	if (code == MORTISE_NOT_FOUND)
		return reject(operation);
	if (code != MORTISE_OK)
		return code;
	json = json_object_from(value.bytes, value.size, "the state's record", operation->error);
	if (json == NULL)
		return reject(operation);
	bound->json = json;
	bound->info = (struct mortise_state_info){
		.size = sizeof(bound->info),
		.agency_id = json_text(json, "agencyId"),
		.platform = json_text(json, "platform"),
		.connection_id = json_text(json, "connectionId"),
		.redirect_uri = json_text(json, "redirectUri"),
		.created_ms = json_time(json, "createdAt"),
		.expires_ms = json_time(json, "expiresAt"),
	};
	code = operation_agency(operation, bound->info.agency_id);
	if (code != MORTISE_OK) {
		operation->action = "state_rejected";
		return code;
	}
	if (!binding_holds(json, binding) || !is_ours(operation, json) ||
	    (bound->info.expires_ms != 0 && bound->info.expires_ms <= clock_unix_ms()))
		return reject(operation);
	return MORTISE_OK;
}
