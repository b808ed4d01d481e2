/* SPDX-License-Identifier: BSD-2-Clause */
/* audit: reading the trail. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/verbs.h"

#define TAIL_LINES 10
#define LAST_MAX 1000000

struct reading {
	struct output *output;
	bool follow;
};

static void
add_field(struct output *output, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	buffer_text(&output->text, "\t");
	text_safe(output, text == NULL || text[0] == '\0' ? "-" : text);
}

/* seq, time, type, action, resource, agency, person, code. */
static void
print_columns(struct output *output, const char *line, size_t size)
{
	json_t *record = json_loadb(line, size, 0, NULL);
	const json_t *linked = json_object_get(record, "c");
	const json_t *personal = json_object_get(record, "p");

	buffer_format(&output->text, "%" JSON_INTEGER_FORMAT,
	    json_integer_value(json_object_get(linked, "seq")));
	add_field(output, linked, "ts");
	add_field(output, linked, "t");
	add_field(output, linked, "action");
	add_field(output, linked, "resourceType");
	add_field(output, linked, "resourceId");
	add_field(output, linked, "agencyId");
	add_field(output, personal, "userEmail");
	add_field(output, linked, "code");
	output_end_line(output);
	json_decref(record);
}

static void
print_record(void *arg, const char *line, size_t size)
{
	struct reading *reading = arg;
	struct output *output = reading->output;

	if (output->form == OUTPUT_JSON) {
		buffer_append(&output->text, line, size);
		output_end_line(output);
	} else
		print_columns(output, line, size);
	if (!reading->follow)
		return;
	/* Following has no end by itself, so nobody would be told later. */
	output_flush(output);
	if (output->failed != 0)
		exit(output_finish(output));
}

static int
read_trail(struct cli *cli, const struct mortise_request *request,
    const struct mortise_audit_filter *filter)
{
	struct reading reading = {.output = &cli->output, .follow = filter->follow};

	return cli_status(cli, mortise_audit_search(cli->context, request, filter, print_record,
	    &reading, cli->error));
}

static int
parse_last(const struct cli *cli, size_t *last)
{
	uint64_t number = *last;
	int status = cli_number(cli, OPTION_LAST, "-n takes a number of records", LAST_MAX, &number);

	*last = (size_t)number;
	return status;
}

int
verb_audit_tail(struct cli *cli)
{
	struct mortise_request request = cli_request(cli);
	struct mortise_audit_filter filter = {
		.size = sizeof(filter),
		.last = TAIL_LINES,
		.follow = option_given(&cli->options, OPTION_FOLLOW),
	};
	int status = parse_last(cli, &filter.last);

	if (status == 0)
		status = cli_open_maintenance(cli);
	return status == 0 ? read_trail(cli, &request, &filter) : status;
}

static int
parse_time(const struct cli *cli, enum option option, int64_t *ms)
{
	const char *text = option_value(&cli->options, option);

	if (text == NULL || clock_parse(text, ms))
		return 0;
	return usage_error("--%s takes a time of RFC 3339, such as 2026-01-31T12:00:00Z",
	    option_row(option)->name);
}

int
verb_audit_search(struct cli *cli)
{
	/* Its --agency and --user-email are a filter, and no claim. */
	struct mortise_request request = cli_request_plain(cli);
	struct mortise_audit_filter filter = {
		.size = sizeof(filter),
		.agency_id = option_value(&cli->options, OPTION_AGENCY),
		.action = option_value(&cli->options, OPTION_ACTION),
		.resource_type = option_value(&cli->options, OPTION_RESOURCE_TYPE),
		.resource_id = option_value(&cli->options, OPTION_RESOURCE_ID),
		.user_email = option_value(&cli->options, OPTION_USER_EMAIL),
	};
	int status = parse_last(cli, &filter.last);

	if (status == 0)
		status = parse_time(cli, OPTION_SINCE, &filter.from_ms);
	if (status == 0)
		status = parse_time(cli, OPTION_UNTIL, &filter.to_ms);
	if (status == 0)
		status = cli_open_maintenance(cli);
	return status == 0 ? read_trail(cli, &request, &filter) : status;
}

/* With the names that a checkpoint's record has, as --checkpoint takes it. */
static void
print_head(struct output *output, const struct mortise_audit_head *head)
{
	json_begin(output);
	json_text(output, "trail", head->trail);
	json_number(output, "seq", (int64_t)head->seq);
	json_text(output, "hash", head->hash);
	if (head->of != 0) {
		json_number(output, "of", (int64_t)head->of);
		json_text(output, "h", head->of_hash);
		json_number(output, "epoch", (int64_t)head->epoch);
		json_text(output, "key", head->key);
		json_text(output, "next", head->next);
		json_text(output, "ts", head->ts);
		json_text(output, "sig", head->signature);
	}
	json_end(output);
}

static int
sign(struct cli *cli, struct mortise_audit_head *head)
{
	int status = cli_open_maintenance(cli);

	return status == 0 ? cli_status(cli, mortise_audit_checkpoint(cli->context, head,
	    cli->error)) : status;
}

int
verb_audit_head(struct cli *cli)
{
	struct mortise_audit_head head = {.size = sizeof(head)};
	int status;

	if (option_given(&cli->options, OPTION_READ_ONLY))
		status = cli_status(cli, mortise_audit_head(cli->config_path, &head, NULL, 0,
		    cli->error));
	else
		status = sign(cli, &head);
	if (status != 0)
		return status;
	if (cli->output.form == OUTPUT_JSON)
		print_head(&cli->output, &head);
	else {
		buffer_format(&cli->output.text, "%" PRIu64 ":%s", head.seq, head.hash);
		output_end_line(&cli->output);
	}
	return 0;
}

int
verb_audit_accept_loss(struct cli *cli)
{
	const char *reason = option_value(&cli->options, OPTION_REASON);
	const char *by = option_value(&cli->options, OPTION_USER_EMAIL);
	char *uid _cleanup_(free_pointer) = text_format("uid %lu", (unsigned long)getuid());

	if (reason == NULL || reason[0] == '\0')
		return usage_error("audit accept-loss needs --reason TEXT: it stands in the "
		    "trail for ever");
	if (by == NULL)
		by = getenv("MORTISE_AUDIT_USER_EMAIL");
	if (by == NULL || by[0] == '\0')
		by = uid;
	if (by == NULL)
		return system_error("cannot start");
	return cli_status(cli, mortise_audit_accept_loss(cli->config_path, reason, by,
	    cli->error));
}
