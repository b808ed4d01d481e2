/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on tokens. */
#include <string.h>

#include "api/context.h"
#include "oauth/token.h"
#include "oauth/tokens.h"

#define RESOURCE "platform_authorization"

enum mortise_code
mortise_token_name(struct mortise *context, const char *platform, const char *connection_id,
    char name[MORTISE_NAME_MAX + 1], struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare;

	return tokens_name(running->engine.config->token_name, platform, connection_id, name,
	    error_or(given, &spare));
}

/* The caller's choice between two words, NULL being the first. */
static enum mortise_code
choose_action(const char *asked, const char *first, const char *second, const char **action,
    struct mortise_error *error)
{
	*action = first;
	if (asked == NULL || strcmp(asked, first) == 0)
		return MORTISE_OK;
	if (strcmp(asked, second) != 0)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "this call is audited as %s or %s, and as nothing else", first, second);
	*action = second;
	return MORTISE_OK;
}

enum mortise_code
mortise_token_store(struct mortise *context, const struct mortise_request *request,
    const struct mortise_token_store_options *options, const struct mortise_secret *tokens,
    mortise_authorization_fn *each, void *arg, struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	struct authorization authorization _cleanup_(authorization_free) = {.json = NULL};
	struct operation operation;
	const char *action;
	enum mortise_code code = choose_action(options->action, "access_granted",
	    "AGENCY_CONNECTED", &action, error), begun;

	if (code != MORTISE_OK)
		return code;
	begun = operation_begin(&operation, &running->engine, request, action, RESOURCE, "",
	    error);
	code = begun == MORTISE_OK ? token_store(&operation, options, tokens, &authorization) :
	    begun;
	code = operation_end(&operation, code);
	if (code == MORTISE_OK && each != NULL)
		each(arg, &authorization.public);
	return code;
}

enum mortise_code
mortise_token_get(struct mortise *context, const struct mortise_request *request, const char *id,
    struct mortise_secret **tokens, struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	struct authorization authorization _cleanup_(authorization_free) = {.json = NULL};
	struct mortise_secret *read = NULL;
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, &running->engine, request,
	    "token_viewed", RESOURCE, id, error);

	if (code == MORTISE_OK)
		code = token_get(&operation, id, &read, &authorization);
	code = operation_end(&operation, code);
	if (code == MORTISE_OK)
		*tokens = read;
	else
		mortise_secret_free(read);
	return code;
}

enum mortise_code
mortise_token_revoke(struct mortise *context, const struct mortise_request *request,
    const char *id, const char *asked, mortise_authorization_fn *each, void *arg,
    struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	struct authorization authorization _cleanup_(authorization_free) = {.json = NULL};
	struct operation operation;
	const char *action;
	enum mortise_code code = choose_action(asked, "access_revoked", "AGENCY_DISCONNECTED",
	    &action, error), begun;

	if (code != MORTISE_OK)
		return code;
	begun = operation_begin(&operation, &running->engine, request, action, RESOURCE, id,
	    error);
	code = begun == MORTISE_OK ? token_revoke(&operation, id, &authorization) : begun;
	code = operation_end(&operation, code);
	if (code == MORTISE_OK && each != NULL && authorization.json != NULL)
		each(arg, &authorization.public);
	return code;
}

enum mortise_code
mortise_token_list(struct mortise *context, const struct mortise_request *request,
    mortise_authorization_fn *each, void *arg, struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	struct authorizations list _cleanup_(authorizations_free) = {0};
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, &running->engine, request,
	    "token_listed", RESOURCE, "", error);

	if (code == MORTISE_OK)
		code = token_list(&operation, &list);
	code = operation_end(&operation, code);
	for (size_t i = 0; code == MORTISE_OK && i < list.count; i++)
		each(arg, &list.items[i].public);
	return code;
}
