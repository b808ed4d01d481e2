/* SPDX-License-Identifier: BSD-2-Clause */
/* audit erase: personal parts of records are blanked, for ever. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/verbs.h"

#define ANSWER "yes"

/* SEQ or SEQ-SEQ */
static bool
range_parse(const char *text, struct mortise_audit_range *range)
{
	const char *dash = strchr(text, '-');
	char first[24];
	size_t length = dash == NULL ? strlen(text) : (size_t)(dash - text);

	if (length >= sizeof(first))
		return false;
	memcpy(first, text, length);
	first[length] = '\0';
	return number_parse(first, INT64_MAX, &range->from) &&
	    number_parse(dash == NULL ? first : dash + 1, INT64_MAX, &range->to) &&
	    range->from > 0 && range->from <= range->to;
}

static int
take_ranges(const struct options *options, struct mortise_erase_options *wanted)
{
	struct mortise_audit_range *ranges = calloc(options->given_count + 1, sizeof(*ranges));
	const char *text;
	size_t at = 0;

	if (ranges == NULL)
		return system_error("cannot start");
	wanted->ranges = ranges;
	while ((text = option_next(options, OPTION_RECORD, &at)) != NULL) {
		if (!range_parse(text, &ranges[wanted->ranges_count++]))
			return usage_error("--record takes a number or a range, such as 12 or "
			    "12-15");
	}
	return 0;
}

static int
take_options(const struct cli *cli, struct mortise_erase_options *wanted)
{
	int status = cli_time(cli, OPTION_SINCE, &wanted->from_ms);

	wanted->user_email = option_value(&cli->options, OPTION_USER_EMAIL);
	wanted->agency_id = option_value(&cli->options, OPTION_AGENCY);
	if (status == 0)
		status = cli_time(cli, OPTION_UNTIL, &wanted->to_ms);
	if (status == 0)
		status = take_ranges(&cli->options, wanted);
	if (status != 0)
		return status;
	if (wanted->user_email == NULL && wanted->agency_id == NULL && wanted->ranges_count == 0)
		return usage_error("audit erase needs --user EMAIL, --agency ID or --record SEQ");
	if ((wanted->user_email != NULL || wanted->agency_id != NULL || wanted->from_ms != 0 ||
	    wanted->to_ms != 0) && wanted->ranges_count > 0)
		return usage_error("--record names records by itself; leave out the other options");
	return 0;
}

static int
ask(uint64_t records)
{
	char answer[sizeof(ANSWER) + 1];
	ssize_t size;

	if (isatty(STDIN_FILENO) != 1)
		return usage_error("nobody can be asked here; give --yes to erase the personal "
		    "parts of %" PRIu64 " records", records);
	message("the personal parts of %" PRIu64 " records will be gone for ever; type " ANSWER
	    " to erase them", records);
	size = file_read_some(STDIN_FILENO, answer, sizeof(answer));
	if (size == (ssize_t)sizeof(ANSWER) && memcmp(answer, ANSWER "\n", sizeof(ANSWER)) == 0)
		return 0;
	message("nothing was erased");
	return EXIT_FAILURE;
}

static void
print_count(struct output *output, uint64_t records, bool dry_run)
{
	if (output->form == OUTPUT_JSON) {
		json_begin(output);
		json_number(output, "records", (int64_t)records);
		json_bool(output, "erased", !dry_run);
		json_end(output);
		return;
	}
	buffer_format(&output->text, "%" PRIu64 " records %s", records,
	    dry_run ? "would be erased" : "erased");
	output_end_line(output);
}

static int
erase(struct cli *cli, struct mortise_erase_options *wanted)
{
	/* Its --user and --agency say whose records, and are no claims. */
	struct mortise_request request = cli_request_plain(cli);
	bool dry_run = option_given(&cli->options, OPTION_DRY_RUN);
	bool asks = !dry_run && !option_given(&cli->options, OPTION_YES);
	uint64_t records = 0;
	int status = cli_open_trail(cli);

	wanted->dry_run = true;
	if (status == 0 && (dry_run || asks))
		status = cli_status(cli, mortise_audit_erase(cli->context, &request, wanted,
		    &records, cli->error));
	if (status == 0 && asks)
		status = ask(records);
	wanted->dry_run = false;
	if (status == 0 && !dry_run)
		status = cli_status(cli, mortise_audit_erase(cli->context, &request, wanted,
		    &records, cli->error));
	if (status == 0)
		print_count(&cli->output, records, dry_run);
	return status;
}

int
verb_audit_erase(struct cli *cli)
{
	struct mortise_erase_options wanted = {.size = sizeof(wanted)};
	int status = take_options(cli, &wanted);

	if (status == 0)
		status = erase(cli, &wanted);
	free((struct mortise_audit_range *)(uintptr_t)wanted.ranges);
	return status;
}
