/* SPDX-License-Identifier: BSD-2-Clause */
/* token: OAuth tokens.  All of these print JSON, an object a line. */
#include "cli/input.h"
#include "cli/verbs.h"

/* The reference that an application's database keeps; never a token. */
static void
print_authorization(void *arg, const struct mortise_authorization *authorization)
{
	struct output *output = arg;

	json_begin(output);
	json_text(output, "authorizationId", authorization->authorization_id);
	json_text(output, "agencyId", authorization->agency_id);
	json_text(output, "connectionId", authorization->connection_id);
	json_text(output, "platform", authorization->platform);
	json_text(output, "secretId", authorization->secret_id);
	json_text(output, "status", authorization->status);
	json_text(output, "refresh", authorization->refresh);
	json_time(output, "expiresAt", authorization->expires_ms);
	json_time(output, "refreshAt", authorization->refresh_ms);
	json_time(output, "createdAt", authorization->created_ms);
	json_time(output, "updatedAt", authorization->updated_ms);
	json_end(output);
}

int
verb_token_store(struct cli *cli)
{
	struct mortise_secret *tokens _cleanup_(secret_release) = NULL;
	struct mortise_request request = cli_request(cli);
	struct mortise_token_store_options options = {
		.size = sizeof(options),
		.platform = cli_word(cli, 0),
		.connection_id = cli_word(cli, 1),
		.authorization_id = option_value(&cli->options, OPTION_AUTHORIZATION_ID),
		.action = option_value(&cli->options, OPTION_ACTION),
	};
	int status = cli_open(cli);

	if (status == 0)
		status = input_value(cli, "the token answer as JSON", &tokens);
	return status != 0 ? status : cli_status(cli, mortise_token_store(cli->context, &request,
	    &options, tokens, print_authorization, &cli->output, cli->error));
}

int
verb_token_get(struct cli *cli)
{
	struct mortise_secret *tokens _cleanup_(secret_release) = NULL;
	struct mortise_request request = cli_request(cli);
	int status = cli_open(cli);
	const char *bytes;
	size_t size;

	if (status == 0)
		status = cli_status(cli, mortise_token_get(cli->context, &request,
		    cli_word(cli, 0), &tokens, cli->error));
	if (status != 0)
		return status;
	bytes = mortise_secret_peek(tokens, &size);
	output_bytes(&cli->output, bytes, size);
	output_end_line(&cli->output);
	return 0;
}

int
verb_token_revoke(struct cli *cli)
{
	struct mortise_request request = cli_request(cli);
	int status = cli_open(cli);

	return status != 0 ? status : cli_status(cli, mortise_token_revoke(cli->context, &request,
	    cli_word(cli, 0), option_value(&cli->options, OPTION_ACTION), print_authorization,
	    &cli->output, cli->error));
}

int
verb_token_list(struct cli *cli)
{
	struct mortise_request request = cli_request(cli);
	int status = cli_open(cli);

	return status != 0 ? status : cli_status(cli, mortise_token_list(cli->context, &request,
	    print_authorization, &cli->output, cli->error));
}
