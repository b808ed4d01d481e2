/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor: a verdict and a next step a line. */
#include "cli/verbs.h"

static const char *const words[] = {
	[MORTISE_VERDICT_OK] = "ok",
	[MORTISE_VERDICT_WARN] = "warn",
	[MORTISE_VERDICT_FAIL] = "FAIL",
};

static void
print_finding(void *arg, const struct mortise_finding *finding)
{
	struct output *output = arg;

	if (output->form == OUTPUT_JSON) {
		json_begin(output);
		json_text(output, "verdict", words[finding->verdict]);
		json_text(output, "subject", finding->subject);
		json_text(output, "message", finding->message);
		json_end(output);
	} else {
		buffer_format(&output->text, "%-5s %-14s ", words[finding->verdict],
		    finding->subject);
		text_safe(output, finding->message);
		output_end_line(output);
	}
	output_flush(output);
}

/* Its findings are what it has to say: an error of its own adds nothing to them. */
int
verb_doctor(struct cli *cli)
{
	char *program _cleanup_(free_pointer) = NULL;
	struct mortise_open_options options = cli_open_options(cli, &program);
	enum mortise_code code = mortise_doctor(&options, print_finding, &cli->output, cli->error);
	enum mortise_reason reason = mortise_error_reason(cli->error);

	if (code == MORTISE_OK)
		return 0;
	return reason == MORTISE_REASON_DIFFERENCE || reason == MORTISE_REASON_CONFIGURATION ?
	    mortise_exit_status(code, reason) : cli_status(cli, code);
}
