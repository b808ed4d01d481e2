/* SPDX-License-Identifier: BSD-2-Clause */
/* audit export: one agency's part of the trail, as a file that can be verified. */
#include <inttypes.h>

#include "cli/outfile.h"
#include "cli/verbs.h"

static void
write_line(void *arg, const char *line, size_t size)
{
	struct outfile *file = arg;

	buffer_append(&file->text, line, size);
	buffer_text(&file->text, "\n");
	outfile_flush(file);
}

int
verb_audit_export(struct cli *cli)
{
	/* Its --agency says whose records, and is no claim. */
	struct mortise_request request = cli_request_plain(cli);
	struct mortise_export_report exported = {.size = sizeof(exported)};
	const char *agency = option_value(&cli->options, OPTION_AGENCY);
	struct outfile file;
	int status, lost;

	if (agency == NULL || agency[0] == '\0')
		return usage_error("audit export needs --agency ID: whose records it has");
	status = cli_open_trail(cli);
	if (status == 0)
		status = outfile_open(&file, &cli->output,
		    option_value(&cli->options, OPTION_OUT));
	if (status != 0)
		return status;
	status = cli_status(cli, mortise_audit_export(cli->context, &request, agency, write_line,
	    &file, &exported, cli->error));
	lost = outfile_close(&file, status == 0);
	if (status == 0 && lost == 0)
		message("%" PRIu64 " records, %" PRIu64 " of them whole; who verifies them: "
		    "--expect %" PRIu64 ":%s", exported.records, exported.whole,
		    exported.seq, exported.hash);
	return status != 0 ? status : lost;
}
