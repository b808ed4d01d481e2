/* SPDX-License-Identifier: BSD-2-Clause */
/* state: one-time OAuth states. */
#include "cli/verbs.h"

#define TTL_MAX_S 86400		/* the library's own limit, in seconds */

int
verb_state_create(struct cli *cli)
{
	struct mortise_request request = cli_request(cli);
	struct mortise_state_options options = {
		.size = sizeof(options),
		.platform = option_value(&cli->options, OPTION_PLATFORM),
		.connection_id = option_value(&cli->options, OPTION_CONNECTION),
		.redirect_uri = option_value(&cli->options, OPTION_REDIRECT_URI),
		.binding = option_value(&cli->options, OPTION_BINDING),
	};
	char state[MORTISE_STATE_SIZE];
	uint64_t seconds = 0;
	int status;

	status = cli_number(cli, OPTION_TTL, "--ttl takes whole seconds", TTL_MAX_S, &seconds);
	if (status != 0)
		return status;
	options.ttl_ms = (int64_t)seconds * 1000;
	status = cli_open(cli);
	if (status == 0)
		status = cli_status(cli, mortise_state_create(cli->context, &request, &options,
		    state, cli->error));
	if (status != 0)
		return status;
	if (cli->output.form == OUTPUT_JSON) {
		json_begin(&cli->output);
		json_text(&cli->output, "state", state);
		json_end(&cli->output);
	} else {
		buffer_text(&cli->output.text, state);
		output_end_line(&cli->output);
	}
	return 0;
}

static void
print_info(void *arg, const struct mortise_state_info *info)
{
	struct output *output = arg;

	json_begin(output);
	json_text(output, "agencyId", info->agency_id);
	json_text(output, "platform", info->platform);
	json_text(output, "connectionId", info->connection_id);
	json_text(output, "redirectUri", info->redirect_uri);
	json_time(output, "createdAt", info->created_ms);
	json_time(output, "expiresAt", info->expires_ms);
	json_end(output);
}

int
verb_state_validate(struct cli *cli)
{
	struct mortise_request request = cli_request(cli);
	int status = cli_open(cli);

	return status != 0 ? status : cli_status(cli, mortise_state_validate(cli->context,
	    &request, cli_word(cli, 0), option_value(&cli->options, OPTION_BINDING), print_info,
	    &cli->output, cli->error));
}
