/* SPDX-License-Identifier: BSD-2-Clause */
/* audit: reading the trail. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/record.h"
#include "cli/verbs.h"

#define TAIL_LINES 10
#define LAST_MAX 1000000
#define TABLE_COLUMNS 6

struct reading {
	struct output *output;
	struct table table;	/* of no columns: lines with tabs */
	bool follow;
};

static void
add_field(struct output *output, const char *text)
{
	buffer_text(&output->text, "\t");
	text_safe(output, text[0] == '\0' ? "-" : text);
}

/* seq, time, type, action, resource, agency, person, code: for other programs. */
static void
print_columns(struct output *output, const struct trail_record *record)
{
	buffer_format(&output->text, "%lld", (long long)record->seq);
	add_field(output, record->time);
	add_field(output, record->type);
	add_field(output, record->action);
	add_field(output, record->resource_type);
	add_field(output, record->resource_id);
	add_field(output, record->agency);
	add_field(output, record->email);
	add_field(output, record->code);
	output_end_line(output);
}

/* The same for people. */
static void
add_row(struct table *table, const struct trail_record *record)
{
	static const char *const heads[] = {"TIME (UTC)", "WHO", "ACTION", "RESOURCE", "AGENCY",
	    "CODE"};
	char time[RECORD_TIME_SIZE];
	bool first = table->cells.size == 0;

	for (size_t i = 0; first && i < ARRAY_SIZE(heads); i++)
		table_add(table, heads[i]);
	trail_record_time(record, time);
	table_add(table, time);
	table_take(table, trail_record_who(record));
	/* What is no operation has its type for an action. */
	table_add(table, record->action[0] == '\0' ? record->type : record->action);
	table_add(table, record->resource_id[0] == '\0' ? record->resource_type :
	    record->resource_id);
	table_add(table, record->agency);
	table_add(table, strcmp(record->type, "intent") == 0 ? "(intent)" : record->code);
}

static void
print_record(void *arg, const char *line, size_t size)
{
	struct reading *reading = arg;
	struct output *output = reading->output;
	struct trail_record record = {.tree = NULL};

	if (output->form == OUTPUT_JSON) {
		buffer_append(&output->text, line, size);
		output_end_line(output);
	} else if (trail_record_read(&record, line, size)) {
		if (reading->table.columns > 0)
			add_row(&reading->table, &record);
		else
			print_columns(output, &record);
	}
	trail_record_free(&record);
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
	int status;

	/* People get a table, and so does who asks for it; what has no end can be none. */
	reading.table.width = output_width();
	if (!filter->follow && (reading.table.width > 0 ||
	    option_given(&cli->options, OPTION_OUTPUT)))
		reading.table.columns = TABLE_COLUMNS;
	status = cli_status(cli, mortise_audit_search(cli->context, request, filter, print_record,
	    &reading, cli->error));
	if (reading.table.columns > 0)
		table_print(&reading.table, &cli->output);
	return status;
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
		status = cli_open_trail(cli);
	return status == 0 ? read_trail(cli, &request, &filter) : status;
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
		.sink = option_value(&cli->options, OPTION_SINK),
	};
	int status = parse_last(cli, &filter.last);

	if (status == 0)
		status = cli_time(cli, OPTION_SINCE, &filter.from_ms);
	if (status == 0)
		status = cli_time(cli, OPTION_UNTIL, &filter.to_ms);
	if (status == 0)
		status = cli_open_trail(cli);
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
	int status = cli_open_trail(cli);

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
