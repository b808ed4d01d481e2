/* SPDX-License-Identifier: BSD-2-Clause */
/* Where keys come from, in their order. */
#include <string.h>

#include "aws.h"

#define MINUTE_MS 60000
#define SHORT_MS 1000			/* a life that is nearly over is still one */

void
keys_drop(const struct aws *aws, struct session_grant *grant)
{
	for (size_t i = 0; i < SESSION_SECRETS; i++)
		aws->host->secret_free(grant->secrets[i]);
	*grant = (struct session_grant){.secrets = {NULL}};
}

/* A minute before their end they are not begun to be used, and five before it others are
 * got by whoever comes first. */
static void
set_life(struct session_grant *grant, int64_t left_ms)
{
	grant->lifetime_ms = left_ms > 2 * MINUTE_MS ? left_ms - MINUTE_MS :
	    left_ms > SHORT_MS ? left_ms : SHORT_MS;
	grant->renew_ms = left_ms > 10 * MINUTE_MS ? left_ms - 5 * MINUTE_MS :
	    grant->lifetime_ms / 3 * 2;
}

enum mortise_code
keys_take(const struct aws *aws, struct mortise_call *call, const char *id, size_t id_size,
    const char *key, size_t key_size, const char *token, size_t token_size, int64_t expires_ms,
    struct session_grant *grant)
{
	*grant = (struct session_grant){.secrets = {NULL}};
	grant->secrets[0] = secret_of(aws->host, id, id_size);
	grant->secrets[1] = secret_of(aws->host, key, key_size);
	if (token != NULL && token_size > 0)
		grant->secrets[2] = secret_of(aws->host, token, token_size);
	if (grant->secrets[0] == NULL || grant->secrets[1] == NULL ||
	    (token != NULL && token_size > 0 && grant->secrets[2] == NULL)) {
		keys_drop(aws, grant);
		return aws_no_memory(aws, call);
	}
	if (expires_ms != 0)
		set_life(grant, expires_ms - json_now());
	return MORTISE_OK;
}

/* --- the sources -------------------------------------------------------------------- */

static enum mortise_code
given_keys(const struct aws *aws, struct mortise_call *call, struct session_grant *grant)
{
	const struct mortise_host *host = aws->host;
	const char *id = host->option_string(aws->options, "access-key-id");
	enum mortise_code code;

	if (id == NULL)
		return MORTISE_NOT_FOUND;
	grant->secrets[0] = secret_of(host, id, strlen(id));
	code = grant->secrets[0] == NULL ? aws_no_memory(aws, call) :
	    host->option_secret(call, aws->options, "secret-access-key", &grant->secrets[1]);
	if (code == MORTISE_OK && host->option_given(aws->options, "session-token"))
		code = host->option_secret(call, aws->options, "session-token", &grant->secrets[2]);
	if (code != MORTISE_OK)
		keys_drop(aws, grant);
	/* Named, and yet not there: nobody else is asked. */
	return code == MORTISE_NOT_FOUND ? host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
	    "secret-access-key, or session-token, cannot be read") : code;
}

enum mortise_code
environment_keys(const struct aws *aws, struct mortise_call *call, struct session_grant *grant)
{
	const char *id = place_environment("AWS_ACCESS_KEY_ID");
	const char *key = place_environment("AWS_SECRET_ACCESS_KEY");
	const char *token = place_environment("AWS_SESSION_TOKEN");

	return id == NULL || key == NULL ? MORTISE_NOT_FOUND : keys_take(aws, call, id, strlen(id),
	    key, strlen(key), token, token == NULL ? 0 : strlen(token), 0, grant);
}

enum mortise_code
keys_from_json(const struct aws *aws, struct mortise_call *call, const json_t *tree,
    const char *token_member, const char *what, struct session_grant *grant)
{
	const char *id = json_string_of(tree, "AccessKeyId");
	const char *key = json_string_of(tree, "SecretAccessKey");
	const char *token = json_string_of(tree, token_member);

	if (id == NULL || key == NULL || id[0] == '\0' || key[0] == '\0')
		return aws->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "%s has no keys in it", what);
	return keys_take(aws, call, id, strlen(id), key, strlen(key), token,
	    token == NULL ? 0 : strlen(token), json_time_of(json_object_get(tree, "Expiration")),
	    grant);
}

static enum mortise_code
find_keys(struct aws *aws, struct mortise_call *call, struct session_grant *grant)
{
	enum mortise_code code = given_keys(aws, call, grant);

	/* A profile that is named goes before what happens to be in the environment. */
	if (code == MORTISE_NOT_FOUND && !aws->profile_named) {
		code = environment_keys(aws, call, grant);
		if (code == MORTISE_NOT_FOUND)
			code = sts_web_keys(aws, call, grant);
	}
	if (code == MORTISE_NOT_FOUND)
		code = profile_keys(aws, call, grant);
	if (code == MORTISE_NOT_FOUND && aws->profile_named)
		return aws->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "the profile %s has no keys, or is not there", aws->profile);
	if (code == MORTISE_NOT_FOUND)
		code = container_keys(aws, call, grant);
	if (code == MORTISE_NOT_FOUND)
		code = machine_keys(aws, call, grant);
	return code != MORTISE_NOT_FOUND ? code : aws->host->fail(call, MORTISE_DENIED,
	    MORTISE_REASON_NONE, "there are no keys: neither in the options, nor in the environment, "
	    "the shared files, the container or the machine");
}

static enum mortise_code
aws_login(void *arg, struct mortise_call *call, struct session_grant *grant)
{
	struct aws *aws = arg;
	enum mortise_code code = find_keys(aws, call, grant);

	if (code == MORTISE_OK && aws->http == NULL) {
		code = machine_region(aws, call, aws->region);
		if (code == MORTISE_NOT_FOUND)
			code = aws->host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
			    "the region is not known: give `region`");
		if (code == MORTISE_OK)
			code = place_connect(aws, call);
		if (code != MORTISE_OK)
			keys_drop(aws, grant);
	}
	return code;
}

const struct session_ops aws_session_ops = {.login = aws_login};
