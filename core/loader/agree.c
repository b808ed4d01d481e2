/* SPDX-License-Identifier: BSD-2-Clause */
#include "loader/agree.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/sized.h"

/* What every descriptor had from the first day on. */
#define DESCRIPTOR_HEAD (offsetof(struct mortise_plugin, abi_minor) + sizeof(uint32_t))
#define COMMAND_SIZE (offsetof(struct mortise_command, run) + sizeof(void (*)(void)))

/* The tables of the descriptor, and where their copies lie in struct plugin. */
static const struct {
	size_t pointer, copy, size;
	const char *name;
} tables[] = {
#define TABLE(kind) \
	{offsetof(struct plugin, table) + offsetof(struct mortise_plugin, kind), \
	    offsetof(struct plugin, kind), sizeof(struct mortise_##kind##_ops), #kind}
	TABLE(secret),
	TABLE(state),
	TABLE(sink),
	TABLE(provider),
#undef TABLE
};

static enum mortise_code
broken(const struct plugin *plugin, struct mortise_error *error, const char *what)
{
	return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
	    "%s: its descriptor %s; this is a mistake in the plugin, report it to its author",
	    plugin->path, what);
}

static enum mortise_code
check_abi(const struct mortise_plugin *given, const struct plugin *plugin,
    struct mortise_error *error)
{
	if (given->size < DESCRIPTOR_HEAD || given->magic != MORTISE_PLUGIN_MAGIC)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s hands over no descriptor of Mortise's (its magic is wrong); it is not a "
		    "plugin, remove it", plugin->path);
	if (given->abi_major != MORTISE_ABI_MAJOR)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s speaks plugin ABI %u.%u, and this program speaks %u.%u; install the "
		    "release of the plugin that is made for it", plugin->path,
		    (unsigned int)given->abi_major, (unsigned int)given->abi_minor,
		    MORTISE_ABI_MAJOR, MORTISE_ABI_MINOR);
	return MORTISE_OK;
}

/* Texts are printed, and go into the trail. */
static bool
text_good(const char *text)
{
	if (text == NULL || text[0] == '\0')
		return false;
	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == '\x7f')
			return false;
	}
	return utf8_valid(text, strlen(text)) == strlen(text);
}

static enum mortise_code
check_descriptor(const struct plugin *plugin, const char *name, struct mortise_error *error)
{
	const struct mortise_plugin *table = &plugin->table;

	if (!text_good(table->name))
		return broken(plugin, error, "has no name");
	if (strcmp(table->name, name) != 0)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s is the plugin %s and not %s; its file must be called %s.so",
		    plugin->path, table->name, name, table->name);
	if (!text_good(table->version))
		return broken(plugin, error, "has no version");
	if (!text_good(table->doc))
		return broken(plugin, error, "has no doc line");
	if (table->threads > MORTISE_THREADS_FREE)
		return broken(plugin, error, "has a thread rule that is none");
	if (table->reach > MORTISE_REACH_NETWORK)
		return broken(plugin, error, "has a reach that is none");
	if (table->open == NULL || table->close == NULL)
		return broken(plugin, error, "has no open or no close");
	return MORTISE_OK;
}

static enum mortise_code
check_schema(const struct plugin *plugin, const struct mortise_option *const *schema,
    struct mortise_error *error)
{
	char what[256], text[320];

	if (schema_breach(schema, what, sizeof(what)) == NULL)
		return MORTISE_OK;
	(void)snprintf(text, sizeof(text), "has a broken option schema (%s)", what);
	return broken(plugin, error, text);
}

static enum mortise_code
check_commands(const struct plugin *plugin, struct mortise_error *error)
{
	const struct mortise_command *const *command = plugin->table.commands;
	enum mortise_code code = MORTISE_OK;

	for (; code == MORTISE_OK && command != NULL && *command != NULL; command++) {
		if ((*command)->size < COMMAND_SIZE || !text_good((*command)->name) ||
		    !text_good((*command)->doc) || (*command)->run == NULL)
			return broken(plugin, error, "has a command without name, doc or function");
		code = check_schema(plugin, (*command)->options, error);
	}
	return code;
}

static enum mortise_code
copy_operations(struct plugin *plugin, struct mortise_error *error)
{
	char what[64];

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		char *base = (char *)plugin, *copy = base + tables[i].copy;
		const void *given;

		memcpy(&given, base + tables[i].pointer, sizeof(given));
		if (given == NULL)
			continue;
		if (!sized_copy(copy, tables[i].size, given)) {
			(void)snprintf(what, sizeof(what), "has a %s table whose size is none",
			    tables[i].name);
			return broken(plugin, error, what);
		}
		/* Nobody shall reach the plugin's own table, which may be shorter. */
		memcpy(base + tables[i].pointer, &copy, sizeof(copy));
	}
	plugin->can = plugin_slots(plugin);
	return MORTISE_OK;
}

enum mortise_code
plugin_agree(const struct mortise_plugin *given, const char *name, struct plugin *plugin,
    struct mortise_error *error)
{
	enum mortise_code code = check_abi(given, plugin, error);

	if (code != MORTISE_OK)
		return code;
	if (!sized_copy(&plugin->table, sizeof(plugin->table), given))
		return broken(plugin, error, "has a size that is none");
	code = check_descriptor(plugin, name, error);
	if (code == MORTISE_OK)
		code = check_schema(plugin, plugin->table.options, error);
	if (code == MORTISE_OK)
		code = check_commands(plugin, error);
	return code == MORTISE_OK ? copy_operations(plugin, error) : code;
}
