/* SPDX-License-Identifier: BSD-2-Clause */
/* state: the two ends of an OAuth flow.  Before the browser leaves, a state is made
 * and bound to the session; when it comes back, the state is used up. */
#include <mortise/mortise.h>
#include <stdio.h>

static void
print_bound(void *arg, const struct mortise_state_info *info)
{
	(void)arg;
	printf("%s of %s comes back to %s\n", info->platform, info->agency_id, info->redirect_uri);
}

int
main(void)
{
	const struct mortise_open_options open = {.size = sizeof(open), .program = "state 1"};
	const struct mortise_state_options options = {
		.size = sizeof(options), .platform = "meta_ads", .agency_id = "agency-1",
		.redirect_uri = "https://app.example/callback", .binding = "the session's cookie",
	};
	struct mortise_error *error = mortise_error_new();
	struct mortise *context = NULL;
	char state[MORTISE_STATE_SIZE];
	enum mortise_code code = error == NULL ? MORTISE_ERROR :
	    mortise_open(&open, &context, error);
	int status;

	if (code == MORTISE_OK)
		code = mortise_state_create(context, NULL, &options, state, error);
	/* ... the browser goes to the provider with it, and comes back ... */
	if (code == MORTISE_OK)
		code = mortise_state_validate(context, NULL, state, "the session's cookie",
		    print_bound, NULL, error);
	/* A second time it is unknown, as after 600 seconds, or in another session. */
	if (code == MORTISE_OK && mortise_state_validate(context, NULL, state,
	    "the session's cookie", print_bound, NULL, error) != MORTISE_NOT_FOUND)
		code = MORTISE_ERROR;
	if (code != MORTISE_OK)
		fprintf(stderr, "%s: %s\n", mortise_code_name(code), mortise_error_message(error));
	status = mortise_exit_status(code, mortise_error_reason(error));
	mortise_close(context);
	mortise_error_free(error);
	return status;
}
