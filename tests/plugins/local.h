/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An instance of the plugin local with all that it stands on, for its tests.
 * The loader refuses a file that others can write to, and the build tree's
 * modes follow the umask: so a copy is loaded.
 */
#ifndef TESTS_LOCAL_H
#define TESTS_LOCAL_H

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../test.h"
#include "backend/backend.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "secmem/secret.h"

#define DEADLINE_MS 60000	/* never waited for where all is well */
#define TEXT_SIZE 512

/* The key of all these tests: 32 bytes "k". */
#define KEY_TEXT "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="

struct fixture {
	struct problems problems;
	struct yaml_node *tree;
	struct plugin *plugin;
	struct backend *backend;
	struct mortise_error error;
	struct mortise_call call;
	/* What the trail would hold. */
	char noted_store[65];
	uint64_t noted_generation;
	bool accept_rollback;
	struct backend_note opened;
};

/* Holds the plugin's copy and the stores. */
static char *directory;

static bool
noted(void *arg, const char *backend, char store[65], uint64_t *generation)
{
	const struct fixture *fixture = arg;

	(void)backend;
	(void)snprintf(store, 65, "%s", fixture->noted_store);
	*generation = fixture->noted_generation;
	return store[0] != '\0';
}

/* Opens a store in the directory; `more` is YAML of further options.  What the
 * fixture holds as noted stays. */
static enum mortise_code
open_with(struct fixture *fixture, const char *name, const char *key, const char *more)
{
	const char *directories[] = {directory};
	const struct loader loader = {.directories = directories, .directories_count = 1};
	struct backend_setup setup = {.name = "store", .timeout_ms = DEADLINE_MS, .noted = noted,
	    .place = {"test.yaml", 1, 1}, .arg = fixture, .opened = &fixture->opened,
	    .accept_rollback = fixture->accept_rollback};
	char *yaml _cleanup_(free_pointer) = text_format("{path: \"%s/%s\", key: \"%s\"%s}",
	    directory, name, key, more);
	enum mortise_code code;

	fixture->problems = (struct problems){0};
	fixture->backend = NULL;
	error_clear(&fixture->error);
	fixture->call = (struct mortise_call){.error = &fixture->error,
	    .deadline = deadline_in_ms(DEADLINE_MS)};
	code = plugin_load(&loader, "local", backend_host(), &fixture->call, &fixture->plugin,
	    &fixture->error);
	if (code != MORTISE_OK)
		return code;
	fixture->tree = yaml_parse(yaml, strlen(yaml), "test.yaml", &fixture->problems);
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
	fixture->backend = NULL;
	fixture->plugin = NULL;
	fixture->tree = NULL;
}

/* With a check that it went well. */
__attribute__((unused)) static bool
open_store(struct fixture *fixture, const char *name)
{
	if (CHECK_AS(open_with(fixture, name, KEY_TEXT, "") == MORTISE_OK, "open %s", name))
		return true;
	printf("# %s\n", fixture->error.message);
	teardown(fixture);
	return false;
}

/* --- operations in short ---------------------- */

__attribute__((unused)) static enum mortise_code
put_bytes(struct fixture *fixture, const char *name, const void *bytes, size_t size,
    struct mortise_receipt *receipt)
{
	struct mortise_secret *value _cleanup_(secret_cleanup) = secret_from(bytes, size);
	const struct mortise_secret_put put = {.size = sizeof(put), .value = value};
	unsigned char key[16];

	*receipt = (struct mortise_receipt){.size = sizeof(*receipt)};
	(void)random_bytes(key, sizeof(key));
	hex_encode(key, sizeof(key), receipt->idempotency_key);
	return backend_put(fixture->backend, &fixture->call, name, &put, receipt);
}

__attribute__((unused)) static enum mortise_code
put_text(struct fixture *fixture, const char *name, const char *text)
{
	struct mortise_receipt receipt;

	return put_bytes(fixture, name, text, strlen(text), &receipt);
}

/* The text is the value's, or the code's word. */
__attribute__((unused)) static const char *
get_text(struct fixture *fixture, const char *name, const char *version, char text[TEXT_SIZE])
{
	struct mortise_secret *value _cleanup_(secret_cleanup) = NULL;
	struct mortise_version wanted, found;
	enum mortise_code code;
	size_t size = 0;

	(void)snprintf(wanted.text, sizeof(wanted.text), "%s", version == NULL ? "" : version);
	code = backend_get(fixture->backend, &fixture->call, name, version == NULL ? NULL : &wanted,
	    &value, &found);
	if (code != MORTISE_OK)
		(void)snprintf(text, TEXT_SIZE, "%s", mortise_code_name(code));
	else {
		const char *bytes = mortise_secret_peek(value, &size);

		(void)snprintf(text, TEXT_SIZE, "%.*s", (int)size, bytes);
	}
	return text;
}

/* --- files ---------------------- */

__attribute__((unused)) static char *
store_path(const char *name)
{
	return path_join(directory, name);
}

__attribute__((unused)) static bool
copy_file(const char *from, const char *to)
{
	size_t size = 0;
	char *bytes _cleanup_(free_pointer) = file_read(AT_FDCWD, from, (size_t)64 << 20, &size);

	return bytes != NULL && file_replace(AT_FDCWD, to, bytes, size, 0600) == 0;
}

static bool
copy_plugin(void)
{
	const char *build = getenv("builddir");
	char *from _cleanup_(free_pointer) = text_format("%s/plugins/.libs/local.so",
	    build == NULL ? "." : build);
	char *to _cleanup_(free_pointer) = path_join(directory, "local.so");

	return from != NULL && to != NULL && copy_file(from, to);
}

/* Makes the directory with the plugin in it. */
static bool
local_begin(void)
{
	directory = text_dup("/tmp/mortise-test-XXXXXX");
	return CHECK(directory != NULL && mkdtemp(directory) != NULL && copy_plugin());
}

static int
local_end(void)
{
	DIR *stream = opendir(directory);
	const struct dirent *entry;

	while (stream != NULL && (entry = readdir(stream)) != NULL)
		(void)unlinkat(dirfd(stream), entry->d_name, 0);
	if (stream != NULL)
		(void)closedir(stream);
	(void)rmdir(directory);
	free(directory);
	return test_end();
}

#endif
