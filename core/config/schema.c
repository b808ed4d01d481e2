/* SPDX-License-Identifier: BSD-2-Clause */
/* A schema as text for people. */
#include "config/options.h"

static const char *
type_name(const struct mortise_option *option)
{
	switch ((enum mortise_option_type)option->type) {
	case MORTISE_OPTION_BOOL:
		return "true|false";
	case MORTISE_OPTION_INT:
		return "number";
	case MORTISE_OPTION_SIZE:
		return "size";
	case MORTISE_OPTION_DURATION:
		return "duration";
	case MORTISE_OPTION_STRING:
		return (option->flags & MORTISE_OPTION_SECRET) != 0 ? "secret" :
		    (option->flags & MORTISE_OPTION_PATH) != 0 ? "path" : "text";
	case MORTISE_OPTION_ENUM:
		return "word";
	case MORTISE_OPTION_LIST:
		return "list";
	case MORTISE_OPTION_MAP:
		return "map";
	case MORTISE_OPTION_GROUP:
		return "group";
	}
	return "";
}

static void
describe(const struct mortise_option *const *schema, const char *prefix, struct buffer *out)
{
	for (; schema != NULL && *schema != NULL; schema++) {
		const struct mortise_option *option = *schema;
		struct buffer name _cleanup_(buffer_free) = {0};

		buffer_format(&name, "%s%s", prefix, option->name);
		if (name.failed) {
			out->failed = true;
			return;
		}
		buffer_format(out, "%s\t%s\t", name.data, type_name(option));
		if (option->initial != NULL)
			buffer_format(out, "%s\t", option->initial);
		else
			buffer_format(out, "%s\t",
			    (option->flags & MORTISE_OPTION_REQUIRED) != 0 ? "(required)" : "-");
		buffer_format(out, "%s\n", option->doc);
		if (option->type == MORTISE_OPTION_GROUP) {
			buffer_text(&name, ".");
			describe(option->members, name.failed ? "" : name.data, out);
		}
	}
}

void
schema_describe(const struct mortise_option *const *schema, struct buffer *out)
{
	describe(schema, "", out);
}

static void
example(const struct mortise_option *const *schema, int depth, struct buffer *out)
{
	for (; schema != NULL && *schema != NULL; schema++) {
		const struct mortise_option *option = *schema;
		bool required = (option->flags & MORTISE_OPTION_REQUIRED) != 0;

		buffer_format(out, "%*s%s%s:", depth * 2, "", required ? "" : "# ", option->name);
		if (option->type == MORTISE_OPTION_GROUP && required) {
			buffer_format(out, "    # %s\n", option->doc);
			example(option->members, depth + 1, out);
			continue;
		}
		if (option->type == MORTISE_OPTION_ENUM)
			buffer_format(out, " %s", option->initial != NULL ? option->initial :
			    option->words[0]);
		else if (option->initial != NULL)
			buffer_format(out, " %s", option->initial);
		else if ((option->flags & MORTISE_OPTION_SECRET) != 0)
			buffer_text(out, " {file: PATH}");
		else
			buffer_text(out, " ...");
		buffer_format(out, "    # %s\n", option->doc);
	}
}

void
schema_example(const struct mortise_option *const *schema, const char *plugin, struct buffer *out)
{
	buffer_format(out, "backends:\n  my-%s:\n    plugin: %s\n", plugin, plugin);
	example(schema, 2, out);
}
