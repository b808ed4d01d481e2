/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on one-time states. */
#include <string.h>

#include "api/context.h"
#include "oauth/state.h"

#define RESOURCE "oauth_state"

enum mortise_code
mortise_state_create(struct mortise *context, const struct mortise_request *request,
    const struct mortise_state_options *options, char state[MORTISE_STATE_SIZE],
    struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	char drawn[MORTISE_STATE_SIZE] = "", resource[STATE_RESOURCE_SIZE] = "";
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, &running->engine, request,
	    "state_created", RESOURCE, "", error);

	if (code == MORTISE_OK)
		code = state_draw(drawn, error);
	if (code == MORTISE_OK && state_resource(drawn, resource))
		operation_about(&operation, resource);
	if (code == MORTISE_OK)
		code = state_create(&operation, options, drawn);
	code = operation_end(&operation, code);
	if (code == MORTISE_OK)
		memcpy(state, drawn, sizeof(drawn));
	return code;
}

enum mortise_code
mortise_state_validate(struct mortise *context, const struct mortise_request *request,
    const char *state, const char *binding, mortise_state_fn *each, void *arg,
    struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	struct state_bound bound _cleanup_(state_bound_free) = {.json = NULL};
	char resource[STATE_RESOURCE_SIZE] = "";
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, &running->engine, request,
	    "state_validated", RESOURCE, "", error);

	if (code == MORTISE_OK && state_resource(state, resource))
		operation_about(&operation, resource);
	if (code == MORTISE_OK)
		code = state_validate(&operation, state, binding, &bound);
	code = operation_end(&operation, code);
	if (code == MORTISE_OK && each != NULL)
		each(arg, &bound.info);
	return code;
}
