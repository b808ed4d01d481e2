/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct word {
	const char *name;
	int value;
};

/* Leaves *value as it is where the option was not given. */
static int
choose(const struct cli *cli, enum option option, const struct word *words, size_t count,
    int *value)
{
	const char *given = option_value(&cli->options, option);

	for (size_t i = 0; given != NULL && i < count; i++) {
		if (strcmp(words[i].name, given) == 0) {
			*value = words[i].value;
			return 0;
		}
	}
	return given == NULL ? 0 : usage_error("--%s takes %s", option_row(option)->name,
	    option_row(option)->help);
}

int
cli_begin(struct cli *cli)
{
	static const struct word forms[] = {
		{"plain", OUTPUT_PLAIN}, {"json", OUTPUT_JSON}, {"env", OUTPUT_ENV},
	};
	static const struct word levels[] = {
		{"warning", MORTISE_LOG_WARNING}, {"error", MORTISE_LOG_ERROR},
		{"info", MORTISE_LOG_INFO}, {"debug", MORTISE_LOG_DEBUG},
	};
	int form = OUTPUT_PLAIN, level = MORTISE_LOG_WARNING;
	int status = choose(cli, OPTION_OUTPUT, forms, ARRAY_SIZE(forms), &form);

	if (status == 0)
		status = choose(cli, OPTION_LOG_LEVEL, levels, ARRAY_SIZE(levels), &level);
	if (status != 0)
		return status;
	cli->output.form = (enum output_form)form;
	cli->problems.level = (enum mortise_level)level;
	cli->config_path = option_value(&cli->options, OPTION_CONFIG);
	cli->error = mortise_error_new();
	return cli->error == NULL ? system_error("cannot start") : 0;
}

void
cli_end(struct cli *cli)
{
	mortise_close(cli->context);
	mortise_error_free(cli->error);
	options_release(&cli->options);
	cli->context = NULL;
	cli->error = NULL;
}

int
cli_status(const struct cli *cli, enum mortise_code code)
{
	if (code != MORTISE_OK)
		return library_error(cli->error);
	/* ok, and yet something to say: a value past its time. */
	if (mortise_error_reason(cli->error) != MORTISE_REASON_NONE)
		message("%s", mortise_error_message(cli->error));
	return 0;
}

struct mortise_open_options
cli_open_options(struct cli *cli, char **program)
{
	*program = text_format("mortise %s", mortise_version());
	return (struct mortise_open_options){
		.size = sizeof(struct mortise_open_options),
		.config_path = cli->config_path,
		.program = *program,
		.problem = problem_message,
		.log = log_message,
		.log_level = cli->problems.level,
		.arg = &cli->problems,
	};
}

int
cli_opened(const struct cli *cli, enum mortise_code code)
{
	/* Each problem was told already, the error is the first of them. */
	if (code != MORTISE_OK && cli->problems.errors > 0)
		return mortise_exit_status(code, mortise_error_reason(cli->error));
	return cli_status(cli, code);
}

static int
open_context(struct cli *cli, bool maintenance, bool deliver)
{
	char *program _cleanup_(free_pointer) = NULL;
	struct mortise_open_options options = cli_open_options(cli, &program);

	options.maintenance = maintenance;
	options.deliver = deliver;
	return cli_opened(cli, mortise_open(&options, &cli->context, cli->error));
}

int
cli_open(struct cli *cli)
{
	return open_context(cli, false, false);
}

int
cli_open_maintenance(struct cli *cli)
{
	return open_context(cli, true, false);
}

int
cli_open_trail(struct cli *cli)
{
	return open_context(cli, true, true);
}

const char *
cli_word(const struct cli *cli, size_t i)
{
	return i < cli->options.words_count ? cli->options.words[i] : NULL;
}

static const char *
option_or(const struct cli *cli, enum option option, const char *variable)
{
	const char *value = option_value(&cli->options, option);

	return value != NULL ? value : getenv(variable);
}

struct mortise_request
cli_request(const struct cli *cli)
{
	struct mortise_request request = cli_request_plain(cli);

	request.agency_id = option_or(cli, OPTION_AGENCY, "MORTISE_AUDIT_AGENCY_ID");
	request.user_email = option_or(cli, OPTION_USER_EMAIL, "MORTISE_AUDIT_USER_EMAIL");
	return request;
}

struct mortise_request
cli_request_plain(const struct cli *cli)
{
	return (struct mortise_request){
		.size = sizeof(struct mortise_request),
		.agency_id = getenv("MORTISE_AUDIT_AGENCY_ID"),
		.user_email = getenv("MORTISE_AUDIT_USER_EMAIL"),
		.ip_address = option_or(cli, OPTION_IP_ADDRESS, "MORTISE_AUDIT_IP_ADDRESS"),
		.user_agent = option_or(cli, OPTION_USER_AGENT, "MORTISE_AUDIT_USER_AGENT"),
		.metadata = option_or(cli, OPTION_METADATA, "MORTISE_AUDIT_METADATA"),
		.fresh = option_given(&cli->options, OPTION_FRESH),
	};
}

bool
number_parse(const char *text, uint64_t most, uint64_t *number)
{
	uint64_t n = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (*text < '0' || *text > '9' || n > (most - digit) / 10 || digit > most)
			return false;
		n = n * 10 + digit;
	}
	*number = n;
	return true;
}

int
cli_number(const struct cli *cli, enum option option, const char *takes, uint64_t most,
    uint64_t *number)
{
	const char *text = option_value(&cli->options, option);

	if (text == NULL || (number_parse(text, most, number) && *number > 0))
		return 0;
	return usage_error("%s, 1 to %" PRIu64, takes, most);
}

int
cli_time(const struct cli *cli, enum option option, int64_t *ms)
{
	const char *text = option_value(&cli->options, option);

	if (text == NULL || clock_parse(text, ms))
		return 0;
	return usage_error("--%s takes a time of RFC 3339, such as 2026-01-31T12:00:00Z",
	    option_row(option)->name);
}

void
secret_release(struct mortise_secret **secret)
{
	mortise_secret_free(*secret);
}
