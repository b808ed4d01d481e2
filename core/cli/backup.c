/* SPDX-License-Identifier: BSD-2-Clause */
/* backup, restore. */
#include "cli/verbs.h"

static void
print_item(void *arg, const char *what, const char *name, const char *detail)
{
	struct output *output = arg;

	if (output->form == OUTPUT_JSON) {
		json_begin(output);
		json_text(output, "what", what);
		json_text(output, "name", name);
		json_text(output, "detail", detail);
		json_end(output);
	} else {
		buffer_format(&output->text, "%s ", what);
		text_safe(output, name);
		buffer_text(&output->text, ": ");
		text_safe(output, detail);
		output_end_line(output);
	}
	output_flush(output);
}

int
verb_backup(struct cli *cli)
{
	struct mortise_request request = cli_request(cli);
	int status = cli_open_maintenance(cli);

	if (status == 0)
		status = cli_status(cli, mortise_backup(cli->context, &request, cli_word(cli, 0),
		    print_item, &cli->output, cli->error));
	if (status == 0)
		message("%s needs the keys of its stores, and has none of them: keep those elsewhere",
		    cli_word(cli, 0));
	return status;
}

int
verb_restore(struct cli *cli)
{
	struct mortise_request request = cli_request(cli);
	char *program _cleanup_(free_pointer) = NULL;
	struct mortise_open_options options = cli_open_options(cli, &program);

	return cli_opened(cli, mortise_restore(&options, &request, cli_word(cli, 0), print_item,
	    &cli->output, cli->error));
}
