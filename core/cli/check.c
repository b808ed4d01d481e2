/* SPDX-License-Identifier: BSD-2-Clause */
/* check: the configuration and its plugins; asks no backend. */
#include <limits.h>

#include "cli/verbs.h"

static void
print_problem(void *arg, enum mortise_level level, const char *file, unsigned int line,
    unsigned int column, const char *text)
{
	struct output *output = arg;

	json_begin(output);
	json_text(output, "level", level == MORTISE_LOG_ERROR ? "error" :
	    level == MORTISE_LOG_WARNING ? "warning" : "note");
	json_text(output, "file", file);
	json_number(output, "line", line);
	json_number(output, "column", column);
	json_text(output, "message", text);
	json_end(output);
}

int
verb_check(struct cli *cli)
{
	bool json = cli->output.form == OUTPUT_JSON;
	char buffer[PATH_MAX];
	const char *path = cli->config_path;
	enum mortise_code code = MORTISE_OK;

	if (path == NULL) {
		code = mortise_find_config(buffer, sizeof(buffer), cli->error);
		path = buffer;
	}
	if (code != MORTISE_OK)
		return cli_status(cli, code);
	/* Notes too: which file's word counts is what people come here to see. */
	if (cli->problems.level == MORTISE_LOG_WARNING)
		cli->problems.level = MORTISE_LOG_INFO;
	code = json ? mortise_check(path, print_problem, &cli->output, cli->error) :
	    mortise_check(path, problem_message, &cli->problems, cli->error);
	if (code != MORTISE_OK)
		return json || cli->problems.errors > 0 ?
		    mortise_exit_status(code, mortise_error_reason(cli->error)) :
		    cli_status(cli, code);
	if (!json) {
		text_safe(&cli->output, path);
		buffer_text(&cli->output.text, ": good");
		output_end_line(&cli->output);
	}
	return 0;
}
