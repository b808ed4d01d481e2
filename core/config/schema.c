/* SPDX-License-Identifier: BSD-2-Clause */
/* A schema as text for people. */
#include "config/options.h"

#include <string.h>

static void write_type(const struct mortise_option *option, struct buffer *out);

static void
write_words(const char *const *words, const char *between, struct buffer *out)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		buffer_format(out, "%s%s", i == 0 ? "" : between, words[i]);
}

static void
write_elements(const char *what, const struct mortise_option *option, struct buffer *out)
{
	buffer_text(out, what);
	if (option->members != NULL && option->members[0] != NULL)
		write_type(option->members[0], out);
}

static void
write_type(const struct mortise_option *option, struct buffer *out)
{
	switch ((enum mortise_option_type)option->type) {
	case MORTISE_OPTION_BOOL:
		buffer_text(out, "true|false");
		break;
	case MORTISE_OPTION_INT:
		buffer_text(out, "number");
		break;
	case MORTISE_OPTION_SIZE:
		buffer_text(out, "size");
		break;
	case MORTISE_OPTION_DURATION:
		buffer_text(out, "duration");
		break;
	case MORTISE_OPTION_STRING:
		buffer_text(out, (option->flags & MORTISE_OPTION_SECRET) != 0 ? "secret" :
		    (option->flags & MORTISE_OPTION_PATH) != 0 ? "path" : "text");
		break;
	case MORTISE_OPTION_ENUM:
		write_words(option->words, "|", out);
		break;
	case MORTISE_OPTION_LIST:
		write_elements("list of ", option, out);
		break;
	case MORTISE_OPTION_MAP:
		write_elements("map of ", option, out);
		break;
	case MORTISE_OPTION_GROUP:
		buffer_text(out, "group");
		break;
	}
}

static void
describe_one(const struct mortise_option *option, const char *name, struct buffer *out)
{
	buffer_format(out, "%s\t", name);
	write_type(option, out);
	buffer_format(out, "\t%s\t%s", option->initial != NULL ? option->initial :
	    (option->flags & MORTISE_OPTION_REQUIRED) != 0 ? "(required)" : "-", option->doc);
	if (option->chosen_by != NULL) {
		buffer_format(out, " (%s: ", option->chosen_by);
		write_words(option->chosen_for, ", ", out);
		buffer_text(out, ")");
	}
	buffer_text(out, "\n");
}

/* The members below a group, a list of groups or a map of them. */
static const struct mortise_option *const *
members_below(const struct mortise_option *option, const char **dot)
{
	bool many = option->type == MORTISE_OPTION_LIST || option->type == MORTISE_OPTION_MAP;

	*dot = many ? ".*." : ".";
	if (many && option->members != NULL)
		option = option->members[0];
	return option != NULL && option->type == MORTISE_OPTION_GROUP ? option->members : NULL;
}

static void
describe(const struct mortise_option *const *schema, const char *prefix, struct buffer *out)
{
	for (; schema != NULL && *schema != NULL; schema++) {
		char *name _cleanup_(free_pointer) = text_format("%s%s", prefix, (*schema)->name);
		char *below _cleanup_(free_pointer) = NULL;
		const struct mortise_option *const *members;
		const char *dot;

		members = members_below(*schema, &dot);
		below = name == NULL ? NULL : text_format("%s%s", name, dot);
		if (below == NULL) {
			out->failed = true;
			return;
		}
		describe_one(*schema, name, out);
		describe(members, below, out);
	}
}

void
schema_describe(const struct mortise_option *const *schema, struct buffer *out)
{
	describe(schema, "", out);
}

/* The word that stands in the example. */
static const char *
example_word(const struct mortise_option *option)
{
	return option->initial != NULL ? option->initial : option->words[0];
}

/* Does a member go with the word that stands for its chooser? */
static bool
goes_with_example(const struct mortise_option *const *schema, const struct mortise_option *option)
{
	if (option->chosen_by == NULL)
		return true;
	while (*schema != NULL && strcmp((*schema)->name, option->chosen_by) != 0)
		schema++;
	for (size_t i = 0; *schema != NULL && option->chosen_for[i] != NULL; i++) {
		if (strcmp(option->chosen_for[i], example_word(*schema)) == 0)
			return true;
	}
	return false;
}

static void
example_value(const struct mortise_option *option, struct buffer *out)
{
	if (option->type == MORTISE_OPTION_ENUM)
		buffer_text(out, example_word(option));
	else if (option->initial != NULL)
		buffer_text(out, option->initial);
	else if ((option->flags & MORTISE_OPTION_SECRET) != 0)
		buffer_text(out, "{file: PATH}");
	else
		buffer_text(out, "...");
}

static void
example(const struct mortise_option *const *schema, int depth, bool commented,
    struct buffer *out)
{
	for (size_t i = 0; schema != NULL && schema[i] != NULL; i++) {
		const struct mortise_option *option = schema[i];
		bool out_of_use = commented || (option->flags & MORTISE_OPTION_REQUIRED) == 0 ||
		    !goes_with_example(schema, option);
		bool group = option->type == MORTISE_OPTION_GROUP;

		buffer_format(out, "%s%*s%s:", out_of_use ? "#" : "", depth * 2 - out_of_use, "",
		    option->name);
		if (!group) {
			buffer_text(out, " ");
			example_value(option, out);
		}
		buffer_format(out, "    # %s\n", option->doc);
		if (group)
			example(option->members, depth + 1, out_of_use, out);
	}
}

void
schema_example(const struct mortise_option *const *schema, const char *plugin, struct buffer *out)
{
	buffer_format(out, "backends:\n  my-%s:\n    plugin: %s\n", plugin, plugin);
	example(schema, 2, false, out);
}
