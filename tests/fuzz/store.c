/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local store's file, written to by somebody else: the golden store, with the
 * input as edits, each of four bytes: three say where, the last what is added there.
 * Whatever is read from it is what was put into it.
 */
#include "fuzz.h"

#include "backend/backend.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/file.h"

#include <fcntl.h>

#define KEY_TEXT "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
#define DEADLINE_MS 10000

static char *golden;
static size_t golden_size;
static struct plugin *plugin;

static void
begin(void)
{
	const char *source = getenv("srcdir"), *build = getenv("builddir");
	char *path _cleanup_(free_pointer) = text_format("%s/tests/golden/local-1.db",
	    source == NULL ? "." : source);
	char *from _cleanup_(free_pointer) = text_format("%s/plugins/.libs/local.so",
	    build == NULL ? "." : build);
	char *bytes _cleanup_(free_pointer) = NULL;
	const char *directories[] = {fuzz_directory()};
	const struct loader loader = {.directories = directories, .directories_count = 1};
	struct mortise_error error;
	struct mortise_call call = {.error = &error, .deadline = DEADLINE_NEVER};
	size_t size;

	golden = file_read(AT_FDCWD, path, (size_t)1 << 20, &golden_size);
	bytes = file_read(AT_FDCWD, from, (size_t)64 << 20, &size);
	MUST(golden != NULL && bytes != NULL);
	/* A copy that nobody else can write to, as the loader wants it. */
	(void)fuzz_file("local.so", bytes, size);
	if (plugin_load(&loader, "local", backend_host(), &call, &plugin, &error) != MORTISE_OK)
		fuzz_fail(__FILE__, __LINE__, error.message);
}

static enum mortise_code
check_name(void *arg, const char *name)
{
	(void)arg;
	MUST(strcmp(name, "app/key") == 0 || strcmp(name, "empty") == 0);
	return MORTISE_OK;
}

static enum mortise_code
check_record(void *arg, const struct mortise_record *record)
{
	(void)arg;
	MUST(strcmp(record->key, "authorization:1") == 0);
	return MORTISE_OK;
}

static void
check_value(struct backend *backend, struct mortise_call *call, const char *name,
    const char *version, const char *value)
{
	struct mortise_secret *read = NULL;
	struct mortise_version wanted;

	(void)snprintf(wanted.text, sizeof(wanted.text), "%s", version == NULL ? "" : version);
	if (backend_get(backend, call, name, version == NULL ? NULL : &wanted, &read, NULL) !=
	    MORTISE_OK)
		return;
	MUST(strcmp(mortise_secret_peek(read, NULL), value) == 0 ||
	    (version == NULL && strcmp(mortise_secret_peek(read, NULL), "first value") == 0));
	mortise_secret_free(read);
}

static void
use(struct backend *backend)
{
	struct mortise_error error = {0};
	struct mortise_call call = {.error = &error, .deadline = deadline_in_ms(DEADLINE_MS)};
	struct mortise_out out = {.name = check_name, .record = check_record};

	check_value(backend, &call, "app/key", NULL, "second value");
	check_value(backend, &call, "app/key", "2", "first value");
	check_value(backend, &call, "empty", NULL, "");
	(void)backend_list(backend, &call, "", &out);
	(void)backend_describe(backend, &call, "app/key", &out);
	(void)backend_state_list(backend, &call, "", &out);
	(void)backend_check(backend, &call);
	(void)backend_delete(backend, &call, "app/key");
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *edited _cleanup_(free_pointer) = NULL, *yaml _cleanup_(free_pointer) = NULL;
	const struct place place = {"fuzz", 1, 1};
	struct problems problems = {0};
	struct backend_setup setup = {.name = "store", .place = place, .timeout_ms = DEADLINE_MS};
	struct backend *backend = NULL;
	struct yaml_node *tree;

	if (golden == NULL)
		begin();
	edited = malloc(golden_size);
	MUST(edited != NULL);
	memcpy(edited, golden, golden_size);
	for (size_t i = 0; i + 4 <= size; i += 4) {
		size_t at = ((size_t)bytes[i] << 16 | (size_t)bytes[i + 1] << 8 | bytes[i + 2]) %
		    golden_size;

		edited[at] = (char)(edited[at] + bytes[i + 3]);
	}
	(void)fuzz_file("store.db-wal", "", 0);
	(void)fuzz_file("store.db-shm", "", 0);
	yaml = text_format("{path: \"%s\", key: \"" KEY_TEXT "\"}",
	    fuzz_file("store.db", edited, golden_size));
	MUST(yaml != NULL);
	tree = yaml_parse(yaml, strlen(yaml), "fuzz", &problems);
	setup.plugin = plugin;
	setup.options = options_check(tree, &place, plugin->table.options, NULL, &problems);
	MUST(setup.options != NULL);
	if (backend_open(&setup, &backend, NULL) == MORTISE_OK) {
		use(backend);
		backend_close(backend);
	}
	yaml_node_free(tree);
	return 0;
}
