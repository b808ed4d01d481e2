/* SPDX-License-Identifier: BSD-2-Clause */
/* A backend of a mock plugin, with all that it stands on, for tests. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "mocks.h"

#include "../test.h"
#include "backend/backend.h"
#include "base/clock.h"
#include "secmem/secret.h"

#define DEADLINE_MS 20000	/* never waited for where all is well */

/* One backend with all that it stands on. */
struct fixture {
	struct problems problems;
	struct yaml_node *tree;
	struct plugin *plugin;
	struct backend *backend;
	struct mortise_error error;
	struct logger logger;
	char logged[256];
	struct mortise_call call;
};

/* Of the copies of mocks. */
static char *directory;

/* What setup() gives to the next backend, beside its options. */
static struct call_rules rules;
static struct generations generations;

static void
keep_line(void *arg, enum mortise_level level, const char *message)
{
	struct fixture *fixture = arg;

	(void)snprintf(fixture->logged, sizeof(fixture->logged), "%d %s", (int)level, message);
}

static bool
noted(void *arg, const char *backend, char store[65], uint64_t *generation)
{
	(void)arg;
	(void)snprintf(store, 65, "store of %s", backend);
	*generation = 7;
	return true;
}

static enum mortise_code
fetch(void *arg, const char *backend, const char *name, struct mortise_secret **value,
    struct mortise_error *error)
{
	char *text _cleanup_(free_pointer) = text_format("%s of %s", name, backend);

	(void)arg;
	(void)error;
	*value = secret_from(text, strlen(text));
	return *value == NULL ? MORTISE_ERROR : MORTISE_OK;
}

/* Opens the mock with these options, as YAML has them. */
static enum mortise_code
setup(struct fixture *fixture, const char *mock, const char *yaml)
{
	const char *directories[] = {directory};
	const struct loader loader = {.directories = directories, .directories_count = 1};
	struct backend_setup setup = {.name = "main", .timeout_ms = DEADLINE_MS,
	    .place = {"test.yaml", 3, 7}, .noted = noted, .fetch = fetch,
	    .rules = rules, .generations = &generations};
	enum mortise_code code;

	memset(fixture, 0, sizeof(*fixture));
	fixture->logger = (struct logger){keep_line, fixture, MORTISE_LOG_DEBUG};
	fixture->call.deadline = deadline_in_ms(DEADLINE_MS);
	fixture->call.error = &fixture->error;
	fixture->call.logger = &fixture->logger;
	if (!mocks_copy(directory, mock, mock, 0755))
		return MORTISE_ERROR;
	code = plugin_load(&loader, mock, backend_host(), &fixture->call, &fixture->plugin,
	    &fixture->error);
	if (code != MORTISE_OK)
		return code;
	fixture->tree = yaml_parse(yaml, strlen(yaml), "test.yaml", &fixture->problems);
	setup.logger = &fixture->logger;
	setup.plugin = fixture->plugin;
	setup.options = fixture->tree == NULL ? NULL : options_check(fixture->tree, &setup.place,
	    fixture->plugin->table.options, NULL, &fixture->problems);
	if (setup.options == NULL) {
		fixture->error = fixture->problems.first;
		return MORTISE_INVALID;
	}
	return backend_open(&setup, &fixture->backend, &fixture->error);
}

static void
teardown(struct fixture *fixture)
{
	backend_close(fixture->backend);
	plugin_free(fixture->plugin);
	yaml_node_free(fixture->tree);
}

/* With a check that it went well. */
__attribute__((unused)) static bool
open_mock(struct fixture *fixture, const char *mock, const char *yaml)
{
	if (CHECK_AS(setup(fixture, mock, yaml) == MORTISE_OK, "%s {%s}: open", mock, yaml))
		return true;
	printf("# %s\n", fixture->error.message);
	teardown(fixture);
	return false;
}

/* The text is the value's, or the code's word. */
__attribute__((unused)) static const char *
get(struct fixture *fixture, const char *name, const char *version, char text[64],
    struct mortise_version *found)
{
	struct mortise_secret *value = NULL;
	struct mortise_version wanted, ignored;
	enum mortise_code code;

	(void)snprintf(wanted.text, sizeof(wanted.text), "%s", version == NULL ? "" : version);
	code = backend_get(fixture->backend, &fixture->call, name, version == NULL ? NULL : &wanted,
	    &value, found == NULL ? &ignored : found);
	if (code == MORTISE_OK)
		(void)snprintf(text, 64, "%s", (const char *)mortise_secret_peek(value, NULL));
	else
		(void)snprintf(text, 64, "%s%s", mortise_code_name(code),
		    value == NULL ? "" : " with a value");
	mortise_secret_free(value);
	return text;
}

/* --- collectors: each appends to a buffer --------------------------------------------- */

__attribute__((unused)) static enum mortise_code
append_name(void *arg, const char *name)
{
	buffer_format(arg, "%s ", name);
	return MORTISE_OK;
}

__attribute__((unused)) static enum mortise_code
append_version(void *arg, const struct mortise_history *history)
{
	buffer_format(arg, "%s ", history->version.text);
	return MORTISE_OK;
}

__attribute__((unused)) static enum mortise_code
append_record(void *arg, const struct mortise_record *record)
{
	buffer_format(arg, "%s=%.*s/%d ", record->key, (int)record->value_size,
	    (const char *)record->value, (int)record->fence);
	return MORTISE_OK;
}

#endif
