/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory plugin as the core runs it: found, checked, opened and called. */
#include <stdlib.h>

#include "../test.h"
#include "backend/backend.h"
#include "base/clock.h"

struct seen {
	size_t count;
	char key[64], value[64];
};

static enum mortise_code
see(void *arg, const struct mortise_record *record)
{
	struct seen *seen = arg;

	seen->count++;
	(void)snprintf(seen->key, sizeof(seen->key), "%s", record->key);
	(void)snprintf(seen->value, sizeof(seen->value), "%.*s", (int)record->value_size,
	    (const char *)record->value);
	return MORTISE_OK;
}

static struct mortise_call
call_until(struct mortise_error *error)
{
	return (struct mortise_call){.deadline = deadline_in_ms(60000), .error = error};
}

static struct plugin *
load(struct mortise_error *error)
{
	const char *builddir = getenv("builddir");
	char directory[4096];
	const char *directories[] = {directory};
	const struct loader loader = {directories, 1, false};
	struct mortise_call call = call_until(error);
	struct plugin *plugin = NULL;

	(void)snprintf(directory, sizeof(directory), "%s/plugins/.libs",
	    builddir == NULL ? "." : builddir);
	(void)plugin_load(&loader, "memory", backend_host(), &call, &plugin, error);
	return plugin;
}

/* Options as a configuration gives them; NULL after an error. */
static struct mortise_options *
options_of(const struct plugin *plugin, struct yaml_node *map, struct problems *problems)
{
	static const char *const skip[] = {"plugin", "call", NULL};

	return options_check(map, &map->place, plugin->table.options, skip, problems);
}

static enum mortise_code
put(struct backend *backend, const char *key, struct mortise_error *error)
{
	const struct mortise_state_put put = {.size = sizeof(put), .value = "value",
	    .value_size = 5};
	struct mortise_call call = call_until(error);
	struct mortise_version made;

	return backend_state_put(backend, &call, key, &put, &made);
}

static void
test_backend(struct backend *backend)
{
	struct mortise_error error = {0};
	struct mortise_call call = call_until(&error);
	struct seen seen = {0};
	struct mortise_out out = {.record = see, .arg = &seen};

	CHECK_NUMBER(put(backend, "oauth:state:1", &error), MORTISE_OK);
	CHECK_NUMBER(put(backend, "oauth:state:2", &error), MORTISE_OK);
	CHECK_NUMBER_AS(put(backend, "lock", &error), MORTISE_UNAVAILABLE, "a third of two");
	CHECK_AS(strstr(error.message, "raise max-records") != NULL, "it says what to do");
	CHECK_TEXT(error.backend, "fleeting");
	CHECK_NUMBER(backend_state_get(backend, &call, "oauth:state:1", &out), MORTISE_OK);
	CHECK_TEXT(seen.value, "value");
	CHECK_NUMBER(backend_state_list(backend, &call, "oauth:", &out), MORTISE_OK);
	CHECK_NUMBER(seen.count, 3);
	CHECK_TEXT_AS(seen.key, "oauth:state:2", "the last one listed");
	CHECK_NUMBER(backend_state_take(backend, &call, "oauth:state:2", &out), MORTISE_OK);
	CHECK_NUMBER(backend_state_take(backend, &call, "oauth:state:2", &out),
	    MORTISE_NOT_FOUND);
	CHECK_NUMBER(backend_state_delete(backend, &call, "oauth:state:1", NULL), MORTISE_OK);
}

static void
test_opened(const struct plugin *plugin)
{
	static const char text[] = "plugin: memory\nmax-records: 2\n";
	struct problems problems = {0};
	struct yaml_node *map = yaml_parse(text, sizeof(text) - 1, "test.yaml", &problems);
	struct backend_setup setup = {.name = "fleeting", .plugin = plugin, .timeout_ms = 60000};
	struct mortise_error error = {0};
	struct backend *backend = NULL;

	setup.options = options_of(plugin, map, &problems);
	CHECK_NUMBER(problems.errors, 0);
	CHECK_NUMBER(backend_open(&setup, &backend, &error), MORTISE_OK);
	if (backend != NULL) {
		CHECK_TEXT_AS(backend_identity(backend), "fleeting", "the store is the backend");
		test_backend(backend);
		backend_close(backend);
	}
	yaml_node_free(map);
}

static void
test_bad_option(const struct plugin *plugin)
{
	static const char text[] = "max-records: 0\n";
	struct problems problems = {0};
	struct yaml_node *map = yaml_parse(text, sizeof(text) - 1, "test.yaml", &problems);

	CHECK_AS(options_of(plugin, map, &problems) == NULL, "no record at all is no store");
	CHECK_NUMBER(problems.errors, 1);
	CHECK_NUMBER(problems.first.line, 1);
	yaml_node_free(map);
}

static void
test_default(const struct plugin *plugin)
{
	struct problems problems = {0};
	struct yaml_node *map = yaml_parse("{}", 2, "test.yaml", &problems);
	struct mortise_options *options = options_of(plugin, map, &problems);

	if (CHECK_AS(options != NULL, "no option is needed"))
		CHECK_NUMBER(options_number(options, "max-records"), 100000);
	options_free(options);
	yaml_node_free(map);
}

int
main(void)
{
	struct mortise_error error = {0};
	struct plugin *plugin = load(&error);

	if (CHECK_AS(plugin != NULL, "the plugin loads: %s", error.message)) {
		CHECK_NUMBER(plugin->can & MORTISE_CAN_SECRET_GET, 0);
		CHECK((plugin->can & MORTISE_CAN_STATE_RELEASE) != 0);
		test_opened(plugin);
		test_bad_option(plugin);
		test_default(plugin);
	}
	plugin_free(plugin);
	return test_end();
}
