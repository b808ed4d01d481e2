/* SPDX-License-Identifier: BSD-2-Clause */
/* explain: the way that a call takes, or took. */
#include <string.h>

#include "cli/verbs.h"

struct explaining {
	struct output *output;
	struct table table;
	bool ran;	/* has been made, and not only looked up */
};

/* {"ok":"done",...} of "ok=done ..." */
static void
json_actions(struct output *output, const char *actions)
{
	size_t length, name;

	json_key(output, "actions");
	json_begin(output);
	for (; *actions != '\0'; actions += length + (actions[length] == ' ')) {
		length = strcspn(actions, " ");
		name = strcspn(actions, "=");
		if (name >= length)
			continue;
		if (output->text.data[output->text.size - 1] != '{')
			buffer_text(&output->text, ",");
		(void)buffer_json(&output->text, actions, name);
		buffer_text(&output->text, ":");
		(void)buffer_json(&output->text, actions + name + 1, length - name - 1);
	}
	buffer_text(&output->text, "}");
}

static void
print_json(const struct explaining *explaining, const struct mortise_explain_step *step)
{
	struct output *output = explaining->output;

	json_begin(output);
	json_text(output, "file", step->file);
	json_number(output, "line", step->line);
	json_number(output, "column", step->column);
	json_number(output, "depth", step->depth);
	json_text(output, step->depth == 0 ? "match" : "entry", step->backend);
	json_text(output, step->depth == 0 ? "operation" : "word", step->word);
	if (step->depth > 0)
		json_actions(output, step->actions);
	if (explaining->ran && step->depth > 0) {
		json_text(output, "code", step->code);
		json_text(output, "action", step->action);
		json_key(output, "us");
		if (step->code == NULL)
			buffer_text(&output->text, "null");
		else
			buffer_format(&output->text, "%lld", (long long)step->us);
		json_text(output, "detail", step->detail);
	}
	json_end(output);
}

static void
add_heads(struct table *table)
{
	static const char *const heads[] = {
		"PLACE", "ENTRY", "WORD", "ACTIONS", "CODE", "ACTION", "TIME", "HOW",
	};

	for (size_t i = 0; i < table->columns; i++)
		table_add(table, heads[i]);
}

static void
print_step(void *arg, const struct mortise_explain_step *step)
{
	struct explaining *explaining = arg;
	struct table *table = &explaining->table;

	if (explaining->output->form == OUTPUT_JSON) {
		print_json(explaining, step);
		return;
	}
	if (table->cells.size == 0)
		add_heads(table);
	table_take(table, text_format("%s:%u:%u", step->file, step->line, step->column));
	table_take(table, text_format("%*s%s", (int)step->depth * 2, "", step->backend));
	table_add(table, step->word);
	table_add(table, step->actions);
	if (!explaining->ran)
		return;
	table_add(table, step->code == NULL ? "" : step->code);
	table_add(table, step->action == NULL ? "" : step->action);
	if (step->code == NULL)
		table_add(table, "");
	else
		table_take(table, text_format("%lld us", (long long)step->us));
	table_add(table, step->detail == NULL ? "" : step->detail);
}

int
verb_explain(struct cli *cli)
{
	struct explaining explaining = {
		.output = &cli->output,
		.ran = option_given(&cli->options, OPTION_RUN),
	};
	struct mortise_request request = cli_request(cli);
	int status = cli_open(cli);

	explaining.table.columns = explaining.ran ? 8 : 4;
	if (status != 0)
		return status;
	status = cli_status(cli, mortise_explain(cli->context, &request, cli_word(cli, 0),
	    cli_word(cli, 1), explaining.ran, print_step, &explaining, cli->error));
	/* Also after a run that failed: that is when people ask. */
	table_print(&explaining.table, &cli->output);
	return status;
}
