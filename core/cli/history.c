/* SPDX-License-Identifier: BSD-2-Clause */
/* history: a version a line, newest first. */
#include <string.h>

#include "base/clock.h"
#include "cli/verbs.h"

struct showing {
	struct output *output;
	const char *name;
	bool long_form;
	struct table table;	/* of the long form */
	struct buffer labels;	/* JSON members of the labels */
};

static void
add_time(struct table *table, const char *before, int64_t ms)
{
	char time[CLOCK_TEXT_SIZE];
	char *cell _cleanup_(free_pointer) = NULL;

	if (ms != 0) {
		clock_format(ms * 1000, 3, time);
		cell = text_format("%s%s", before, time);
	}
	table_add(table, cell == NULL ? "" : cell);
}

static void
print_version(void *arg, const struct mortise_version_info *info)
{
	struct showing *showing = arg;
	struct output *output = showing->output;

	if (output->form == OUTPUT_JSON) {
		json_begin(output);
		json_text(output, "name", showing->name);
		json_text(output, "version", info->version.text);
		json_time(output, "createdAt", info->created_ms);
		json_time(output, "deletedAt", info->deleted_ms);
		json_bool(output, "destroyed", info->destroyed);
		json_end(output);
		return;
	}
	if (!showing->long_form) {
		buffer_text(&output->text, info->version.text);
		output_end_line(output);
		return;
	}
	table_add(&showing->table, info->version.text);
	add_time(&showing->table, "", info->created_ms);
	if (info->destroyed)
		table_add(&showing->table, "destroyed");
	else
		add_time(&showing->table, "deleted ", info->deleted_ms);
}

static void
print_label(void *arg, const struct mortise_pair *label)
{
	struct showing *showing = arg;
	char *cell _cleanup_(free_pointer) = NULL;

	if (showing->output->form == OUTPUT_JSON) {
		buffer_text(&showing->labels, showing->labels.size == 0 ? "{" : ",");
		(void)buffer_json(&showing->labels, label->name, strlen(label->name));
		buffer_text(&showing->labels, ":");
		(void)buffer_json(&showing->labels, label->value, strlen(label->value));
		return;
	}
	if (!showing->long_form)
		return;
	cell = text_format("%s=%s", label->name, label->value);
	table_add(&showing->table, "label");
	table_add(&showing->table, cell == NULL ? "" : cell);
	table_add(&showing->table, "");
}

static void
finish(struct showing *showing)
{
	struct output *output = showing->output;

	if (showing->labels.size > 0) {
		json_begin(output);
		json_text(output, "name", showing->name);
		json_key(output, "labels");
		buffer_append(&output->text, showing->labels.data, showing->labels.size);
		buffer_text(&output->text, "}");
		json_end(output);
	}
	output->text.failed |= showing->labels.failed;
	table_print(&showing->table, output);
}

int
verb_history(struct cli *cli)
{
	struct showing showing = {
		.output = &cli->output,
		.name = cli_word(cli, 0),
		.long_form = option_given(&cli->options, OPTION_LONG),
		.table = {.columns = 3},
	};
	struct mortise_request request = cli_request(cli);
	int status = cli_open(cli);

	if (status == 0)
		status = cli_status(cli, mortise_history(cli->context, &request, showing.name,
		    print_version, print_label, &showing, cli->error));
	finish(&showing);
	buffer_free(&showing.labels);
	return status;
}
