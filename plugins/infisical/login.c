/* SPDX-License-Identifier: BSD-2-Clause */
/* How a token is got and renewed. */
#include <string.h>

#include "infisical.h"

#define SECONDS_MAX 1000000000		/* beyond that it never ends */

static enum mortise_code
take_grant(const struct infisical *infisical, struct mortise_call *call,
    const struct infisical_answer *answer, struct session_grant *grant)
{
	const char *token = json_string_of(answer->tree, "accessToken");
	json_int_t seconds = json_integer_value(json_object_get(answer->tree, "expiresIn"));

	if (token == NULL || token[0] == '\0')
		return infisical_strange(infisical, call, "the login");
	grant->secrets[0] = secret_of(infisical->host, token, strlen(token));
	if (grant->secrets[0] == NULL)
		return infisical_no_memory(infisical, call);
	grant->lifetime_ms = seconds <= 0 || seconds > SECONDS_MAX ? 0 : (int64_t)seconds * 1000;
	grant->renewable = true;
	return MORTISE_OK;
}

/* body: the function's to free; NULL: it could not be made. */
static enum mortise_code
ask_grant(struct infisical *infisical, struct mortise_call *call, const char *path,
    const char *what, struct mortise_secret *body, struct session_grant *grant)
{
	struct infisical_request request = {.method = "POST", .path = path, .body = body,
	    .anonymous = true, .login = true, .what = what};
	struct infisical_answer answer = {0};
	enum mortise_code code;

	if (body == NULL)
		return infisical->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "what %s needs is no text, or there is no memory", what);
	code = infisical_ask(infisical, call, &request, &answer);
	if (code == MORTISE_OK)
		code = take_grant(infisical, call, &answer, grant);
	answer_forget(&answer);
	infisical->host->secret_free(body);
	return code;
}

static enum mortise_code
login_universal(struct infisical *infisical, struct mortise_call *call,
    struct session_grant *grant)
{
	const struct mortise_host *host = infisical->host;
	const char *id = host->option_string(infisical->options, "auth.client-id");
	struct mortise_secret *secret = NULL;
	struct text_member members[] = {
		{.name = "clientId", .text = id != NULL ? id : infisical->given_id},
		{.name = "clientSecret", .text = infisical->given_secret},
	};
	enum mortise_code code = MORTISE_OK;

	if (infisical->given_secret == NULL)
		code = host->option_secret(call, infisical->options, "auth.client-secret", &secret);
	members[1].secret = secret;
	if (code == MORTISE_OK)
		code = ask_grant(infisical, call, "/api/v1/auth/universal-auth/login", "the login",
		    text_object(host, members, 2), grant);
	host->secret_free(secret);
	return code;
}

/* The token of a service account is another one each hour or so. */
static enum mortise_code
login_jwt(struct infisical *infisical, struct mortise_call *call, const char *path,
    struct session_grant *grant)
{
	const struct mortise_host *host = infisical->host;
	struct mortise_secret *jwt = NULL;
	enum mortise_code code = host->option_secret(call, infisical->options, "auth.jwt", &jwt);
	struct text_member members[] = {
		{.name = "identityId",
		    .text = host->option_string(infisical->options, "auth.identity-id")},
		{.name = "jwt", .secret = jwt},
	};

	if (code == MORTISE_OK)
		code = ask_grant(infisical, call, path, "the login", text_object(host, members, 2),
		    grant);
	host->secret_free(jwt);
	return code;
}

/* When it ends nobody says; it is used until it is refused. */
static enum mortise_code
login_token(struct infisical *infisical, struct mortise_call *call, struct session_grant *grant)
{
	const struct mortise_host *host = infisical->host;

	if (infisical->given_token == NULL)
		return host->option_secret(call, infisical->options, "auth.token",
		    &grant->secrets[0]);
	grant->secrets[0] = secret_of(host, infisical->given_token, strlen(infisical->given_token));
	return grant->secrets[0] == NULL ? infisical_no_memory(infisical, call) : MORTISE_OK;
}

static enum mortise_code
infisical_login(void *arg, struct mortise_call *call, struct session_grant *grant)
{
	struct infisical *infisical = arg;

	switch (infisical->method) {
	case INFISICAL_TOKEN:
		return login_token(infisical, call, grant);
	case INFISICAL_KUBERNETES:
		return login_jwt(infisical, call, "/api/v1/auth/kubernetes-auth/login", grant);
	case INFISICAL_OIDC:
		return login_jwt(infisical, call, "/api/v1/auth/oidc-auth/login", grant);
	case INFISICAL_UNIVERSAL:
	default:
		return login_universal(infisical, call, grant);
	}
}

/* Whatever comes of it but a token, the session logs in again: each token has a last end. */
static enum mortise_code
infisical_renew(void *arg, struct mortise_call *call, const struct mortise_secret *token,
    struct session_grant *grant)
{
	struct infisical *infisical = arg;
	const struct text_member member = {.name = "accessToken", .secret = token};

	return ask_grant(infisical, call, "/api/v1/auth/token/renew", "the token's renewal",
	    text_object(infisical->host, &member, 1), grant);
}

const struct session_ops infisical_session_ops = {.login = infisical_login,
    .renew = infisical_renew};
