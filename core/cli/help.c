/* SPDX-License-Identifier: BSD-2-Clause */
/* help, and --help on anything. */
#include <string.h>

#include "cli/verbs.h"

static void
print_option(struct table *table, enum option option)
{
	const struct option_row *row = option_row(option);
	struct buffer left _cleanup_(buffer_free) = {0};

	if (row->letter != 0)
		buffer_format(&left, "  -%c, --%s", row->letter, row->name);
	else
		buffer_format(&left, "  --%s", row->name);
	if (row->argument != NULL)
		buffer_format(&left, " %s", row->argument);
	table_add(table, left.failed ? row->name : left.data);
	table_add(table, row->help);
}

static void
print_options(struct output *output, const char *title, uint64_t options)
{
	struct table table = {.columns = 2};

	if (options == 0)
		return;
	buffer_format(&output->text, "\n%s:\n", title);
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if ((options >> i & 1) != 0)
			print_option(&table, (enum option)i);
	}
	table_print(&table, output);
}

static void
print_verb(struct output *output, const struct verb *verb)
{
	uint64_t own = verb->options, who = 0;

	/* Where they all are, they say who asks; by themselves they are the verb's. */
	if ((own & OPTIONS_WHO) == OPTIONS_WHO) {
		who = OPTIONS_WHO;
		own &= ~OPTIONS_WHO;
	}
	buffer_format(&output->text, "usage: mortise %s%s%s\n\n  %s\n", verb->name,
	    verb->usage[0] == '\0' ? "" : " ", verb->usage, verb->summary);
	print_options(output, "Options", own);
	print_options(output, "Who asks, for the trail (or by $MORTISE_AUDIT_AGENCY_ID and so on)",
	    who);
	print_options(output, "Everywhere", OPTIONS_COMMON);
}

static void
print_verbs(struct output *output, const char *group)
{
	struct table table = {.columns = 2};
	size_t length = group == NULL ? 0 : strlen(group);
	const struct verb *verb;

	for (size_t i = 0; (verb = verb_at(i)) != NULL; i++) {
		struct buffer left _cleanup_(buffer_free) = {0};

		if (group != NULL && (strncmp(verb->name, group, length) != 0 ||
		    verb->name[length] != ' '))
			continue;
		buffer_format(&left, "  %s", verb->name);
		table_add(&table, left.failed ? verb->name : left.data);
		table_add(&table, verb->summary);
	}
	table_print(&table, output);
}

static void
print_all(struct output *output, const char *group)
{
	buffer_format(&output->text, "usage: mortise %s%s[OPTION...]\n\n",
	    group == NULL ? "VERB" : group, group == NULL ? " " : " VERB ");
	print_verbs(output, group);
	if (group == NULL)
		print_options(output, "Everywhere", OPTIONS_COMMON);
	buffer_format(&output->text, "\n`mortise %s%sVERB --help` shows a verb's options; "
	    "mortise(1) explains them.\n", group == NULL ? "" : group, group == NULL ? "" : " ");
}

void
help_print(struct cli *cli)
{
	if (cli->options.verb != NULL)
		print_verb(&cli->output, cli->options.verb);
	else
		print_all(&cli->output, cli->options.group);
}

int
verb_help(struct cli *cli)
{
	const char *first = cli_word(cli, 0), *second = cli_word(cli, 1);
	const struct verb *verb = first == NULL ? NULL : verb_find(first, second);

	if (verb != NULL)
		print_verb(&cli->output, verb);
	else if (first == NULL || (second == NULL && verb_is_group(first)))
		print_all(&cli->output, first);
	else
		return verb_is_group(first) ? verb_unknown(first, second) :
		    verb_unknown(NULL, first);
	return 0;
}
