/* SPDX-License-Identifier: BSD-2-Clause */
/* reconcile: what was brought up to date, a line each. */
#include "cli/verbs.h"

static void
print_one(void *arg, const char *name, const char *backend, bool deleted)
{
	struct output *output = arg;

	if (output->form == OUTPUT_JSON) {
		json_begin(output);
		json_text(output, "name", name);
		json_text(output, "backend", backend);
		json_text(output, "what", deleted ? "deleted" : "copied");
		json_end(output);
	} else {
		buffer_text(&output->text, deleted ? "deleted\t" : "copied\t");
		text_safe(output, name);
		buffer_format(&output->text, "\t%s", backend);
		output_end_line(output);
	}
	output_flush(output);
}

int
verb_reconcile(struct cli *cli)
{
	struct mortise_request request = cli_request(cli);
	int status = cli_open(cli);

	return status != 0 ? status : cli_status(cli, mortise_reconcile(cli->context, &request,
	    cli_word(cli, 0), print_one, &cli->output, cli->error));
}
