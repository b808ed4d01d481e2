/* SPDX-License-Identifier: BSD-2-Clause */
/* plugin: what is there, what it can do, and whether that is so. */
#define _GNU_SOURCE		/* secure_getenv */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

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

/* --- the kit, a program of its own -------------------------------------------------- */

/* "--NAME VALUE", where it was given. */
static size_t
pass_on(const struct cli *cli, enum option option, const char *name, const char **words)
{
	const char *value = option_value(&cli->options, option);

	if (value == NULL)
		return 0;
	words[0] = name;
	words[1] = value;
	return option_row(option)->argument == NULL ? 1 : 2;
}

/* It takes the place of this process: its output and status are the verb's. */
int
verb_plugin_test(struct cli *cli)
{
	const char *given = secure_getenv("MORTISE_LIBEXEC");
	char *path _cleanup_(free_pointer) = text_format("%s/mortise-plugin-test",
	    given == NULL ? LIBEXEC_DIRECTORY : given);
	const char **words _cleanup_(free_pointer) = calloc(cli->options.words_count + 14,
	    sizeof(*words));
	size_t count = 1;

	if (path == NULL || words == NULL)
		return system_error("plugin test");
	words[0] = path;
	count += pass_on(cli, OPTION_CONFIG, "--config", words + count);
	count += pass_on(cli, OPTION_BACKEND, "--backend", words + count);
	count += pass_on(cli, OPTION_PREFIX, "--prefix", words + count);
	count += pass_on(cli, OPTION_READ_ONLY, "--read-only", words + count);
	count += pass_on(cli, OPTION_OUTPUT, "--output", words + count);
	count += pass_on(cli, OPTION_LOG_LEVEL, "--log-level", words + count);
	words[count++] = "--";
	for (size_t i = 0; i < cli->options.words_count; i++)
		words[count++] = cli_word(cli, i);
	(void)execv(path, (char *const *)words);
	if (errno != ENOENT)
		return system_error("cannot run %s", path);
	message("%s is not there; it comes with the headers, in the development package", path);
	return EXIT_FAILURE;
}
