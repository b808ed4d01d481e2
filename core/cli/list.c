/* SPDX-License-Identifier: BSD-2-Clause */
/* list: a name a line. */
#include "cli/verbs.h"

static void
print_name(void *arg, const char *name)
{
	struct output *output = arg;

	if (output->form == OUTPUT_JSON) {
		json_begin(output);
		json_text(output, "name", name);
		json_end(output);
		return;
	}
	buffer_text(&output->text, name);
	output_end_line(output);
}

int
verb_list(struct cli *cli)
{
	struct mortise_request request = cli_request(cli);
	int status = cli_open(cli);

	return status != 0 ? status : cli_status(cli, mortise_list(cli->context, &request,
	    cli_word(cli, 0), print_name, &cli->output, cli->error));
}
