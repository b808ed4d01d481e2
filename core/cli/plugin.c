/* SPDX-License-Identifier: BSD-2-Clause */
/* plugin: what is there, and what it can do. */
#include "cli/verbs.h"

struct showing {
	struct output *output;
	struct table table;
	bool example;
};

static void
json_plugin(struct output *output, const struct mortise_plugin_info *info)
{
	json_text(output, "name", info->name);
	json_text(output, "version", info->version);
	json_text(output, "path", info->path);
	json_text(output, "sha256", info->sha256);
	json_text(output, "operations", info->operations);
	json_text(output, "doc", info->doc);
}

static void
print_row(void *arg, const struct mortise_plugin_info *info)
{
	struct showing *showing = arg;

	if (showing->output->form == OUTPUT_JSON) {
		json_begin(showing->output);
		json_plugin(showing->output, info);
		json_end(showing->output);
		return;
	}
	table_add(&showing->table, info->name);
	table_add(&showing->table, info->version);
	table_add(&showing->table, info->doc);
}

int
verb_plugin_list(struct cli *cli)
{
	struct showing showing = {.output = &cli->output, .table = {.columns = 3}};
	int status = cli_status(cli, mortise_plugins(cli->config_path, NULL, print_row, &showing,
	    cli->error));

	table_print(&showing.table, &cli->output);
	return status;
}

static void
print_plugin(void *arg, const struct mortise_plugin_info *info)
{
	const struct showing *showing = arg;
	struct output *output = showing->output;

	if (output->form == OUTPUT_JSON) {
		json_begin(output);
		json_plugin(output, info);
		json_text(output, "options", info->options);
		json_text(output, "example", info->example);
		json_end(output);
		return;
	}
	if (showing->example) {
		buffer_text(&output->text, info->example);
		return;
	}
	buffer_format(&output->text, "%s %s: %s\n", info->name, info->version, info->doc);
	buffer_format(&output->text, "file        %s\n", info->path);
	buffer_format(&output->text, "sha256      %s\n", info->sha256);
	buffer_format(&output->text, "operations  %s\n\n", info->operations);
	buffer_text(&output->text, info->options);
}

int
verb_plugin_show(struct cli *cli)
{
	struct showing showing = {
		.output = &cli->output,
		.example = option_given(&cli->options, OPTION_EXAMPLE),
	};

	return cli_status(cli, mortise_plugins(cli->config_path, cli_word(cli, 0), print_plugin,
	    &showing, cli->error));
}
