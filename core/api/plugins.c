/* SPDX-License-Identifier: BSD-2-Clause */
/* plugin list and show. */
#include <limits.h>
#include <string.h>

#include "api/context.h"
#include "base/clock.h"

struct listing {
	const struct loader *loader;
	mortise_plugin_fn *each;
	void *arg;
};

static void
tell(const struct listing *listing, const struct plugin *plugin)
{
	struct buffer operations _cleanup_(buffer_free) = {0};
	struct buffer options _cleanup_(buffer_free) = {0};
	struct buffer example _cleanup_(buffer_free) = {0};
	struct mortise_plugin_info info = {
		.size = sizeof(info),
		.name = plugin->table.name,
		.path = plugin->path,
		.version = plugin->table.version,
		.doc = plugin->table.doc,
		.sha256 = plugin->sha256,
	};

	buffer_text(&operations, "");
	buffer_text(&options, "");
	buffer_text(&example, "");
	plugin_operations(plugin->can, &operations);
	schema_describe(plugin->table.options, &options);
	schema_example(plugin->table.options, plugin->table.name, &example);
	if (operations.failed || options.failed || example.failed)
		return;
	info.operations = operations.data;
	info.options = options.data;
	info.example = example.data;
	listing->each(listing->arg, &info);
}

static enum mortise_code
load_one(const struct listing *listing, const char *name, struct mortise_error *error)
{
	struct mortise_call call = {.deadline = DEADLINE_NEVER, .error = error};
	struct plugin *plugin;
	enum mortise_code code = plugin_load(listing->loader, name, backend_host(), &call, &plugin,
	    error);

	if (code != MORTISE_OK)
		return code;
	tell(listing, plugin);
	plugin_free(plugin);
	return MORTISE_OK;
}

/* One that does not load is listed too, with the reason as its line of words. */
static void
list_one(void *arg, const char *name)
{
	const struct listing *listing = arg;
	struct mortise_error error = {0};
	struct mortise_plugin_info info = {
		.size = sizeof(info), .name = name, .path = "", .version = "-", .sha256 = "",
		.operations = "", .options = "", .example = "",
	};

	if (load_one(listing, name, &error) == MORTISE_OK)
		return;
	info.doc = error.message;
	listing->each(listing->arg, &info);
}

enum mortise_code
mortise_plugins(const char *config_path, const char *name, mortise_plugin_fn *each, void *arg,
    struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct problems problems = {0};
	struct config *config = NULL;
	char buffer[PATH_MAX];
	struct loader loader;
	struct listing listing = {.loader = &loader, .each = each, .arg = arg};
	enum mortise_code code;

	error_clear(error);
	if (config_path == NULL && config_find(buffer, sizeof(buffer), NULL) == MORTISE_OK)
		config_path = buffer;
	/* Without a configuration, or with a broken one, the installed ones. */
	if (config_path != NULL && config_read(config_path, &config, &problems) != MORTISE_OK)
		config = NULL;
	loader = loader_for(config);
	code = name != NULL ? load_one(&listing, name, error) :
	    plugin_names(&loader, list_one, &listing, error);
	config_free(config);
	return code;
}
