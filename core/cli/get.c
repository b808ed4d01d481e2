/* SPDX-License-Identifier: BSD-2-Clause */
/* get: a secret's bytes, as they are. */
#include <unistd.h>

#include "cli/value.h"
#include "cli/verbs.h"

/* On a terminal, a line that does not end would run into the prompt. */
static bool
needs_newline(const struct mortise_secret *value)
{
	size_t size;
	const char *bytes = mortise_secret_peek(value, &size);

	return isatty(STDOUT_FILENO) && size > 0 && bytes[size - 1] != '\n';
}

static void
print_bytes(struct output *output, const struct mortise_secret *value)
{
	size_t size;
	const void *bytes = mortise_secret_peek(value, &size);

	output_bytes(output, bytes, size);
}

static int
print(struct cli *cli, const char *name, const char *version, const struct mortise_secret *value)
{
	struct mortise_secret *formed _cleanup_(secret_release) = NULL;
	int status = 0;

	switch (cli->output.form) {
	case OUTPUT_PLAIN:
		print_bytes(&cli->output, value);
		if (needs_newline(value))
			output_bytes(&cli->output, "\n", 1);
		return 0;
	case OUTPUT_JSON:
		status = value_json(name, version, value, &formed);
		break;
	case OUTPUT_ENV:
		status = value_env(name, value, &formed);
		break;
	}
	if (status == 0)
		print_bytes(&cli->output, formed);
	return status;
}

int
verb_get(struct cli *cli)
{
	struct mortise_secret *value _cleanup_(secret_release) = NULL;
	struct mortise_secret *member _cleanup_(secret_release) = NULL;
	const char *name = cli_word(cli, 0);
	const char *field = option_value(&cli->options, OPTION_FIELD);
	struct mortise_request request = cli_request(cli);
	struct mortise_place found;
	int status = cli_open(cli);

	if (status == 0)
		status = cli_status(cli, mortise_get(cli->context, &request, name,
		    option_value(&cli->options, OPTION_VERSION), &value, &found, cli->error));
	if (status == 0 && field != NULL)
		status = value_field(value, field, &member);
	return status == 0 ? print(cli, name, found.text, field != NULL ? member : value) : status;
}
