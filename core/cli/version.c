/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/verbs.h"

int
verb_version(struct cli *cli)
{
	if (cli->output.form == OUTPUT_JSON) {
		json_begin(&cli->output);
		json_text(&cli->output, "version", mortise_version());
		json_end(&cli->output);
	} else {
		buffer_format(&cli->output.text, "mortise %s", mortise_version());
		output_end_line(&cli->output);
	}
	return 0;
}
