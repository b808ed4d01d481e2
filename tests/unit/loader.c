/* SPDX-License-Identifier: BSD-2-Clause */
/* loader: which files are plugins, and what a plugin may get wrong. */
#include <pthread.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "../mocks/mocks.h"
#include "../test.h"
#include "loader/agree.h"
#include "loader/loader.h"

/* The loader does not look into a call, so here it is what a test needs. */
struct mortise_call {
	struct mortise_error *error;
	unsigned int warnings;
};

static enum mortise_code fail(struct mortise_call *call, enum mortise_code code,
    enum mortise_reason reason, const char *format, ...) _printf_(4, 5);
static enum mortise_code
fail(struct mortise_call *call, enum mortise_code code, enum mortise_reason reason,
    const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return error_set(call->error, code, reason, "%s", text);
}

static void count_warning(struct mortise_call *call, enum mortise_level level, const char *format,
    ...) _printf_(3, 4);
static void
count_warning(struct mortise_call *call, enum mortise_level level, const char *format, ...)
{
	(void)format;
	call->warnings += level == MORTISE_LOG_WARNING;
}

static const struct mortise_host host = {
	.size = sizeof(host),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.fail = fail,
	.log = count_warning,
};

/* Loads from one directory; the plugin is the caller's. */
static enum mortise_code
load(const char *directory, const char *name, bool check_path, struct plugin **plugin,
    struct mortise_error *error, unsigned int *warnings)
{
	const char *directories[] = {directory};
	const struct loader loader = {.directories = directories, .directories_count = 1,
	    .check_path = check_path};
	struct mortise_call call = {.error = error};
	enum mortise_code code;

	*plugin = NULL;
	code = plugin_load(&loader, name, &host, &call, plugin, error);
	if (warnings != NULL)
		*warnings = call.warnings;
	return code;
}

static void
check_refused(const char *directory, const char *name, bool check_path, enum mortise_code code,
    const char *words)
{
	struct mortise_error error = {0};
	struct plugin *plugin;

	CHECK_NUMBER_AS(load(directory, name, check_path, &plugin, &error, NULL), code, name);
	CHECK_AS(plugin == NULL, "%s: no plugin", name);
	CHECK_NUMBER_AS(error.reason, MORTISE_REASON_CONFIGURATION, name);
	if (!CHECK_AS(strstr(error.message, words) != NULL, "%s: says \"%s\"", name, words))
		printf("# got  %s\n", error.message);
}

/* --- mocks that are wrong ------------------------------------------------------------ */

static void
test_wrong(const char *directory)
{
	static const struct {
		const char *name;
		enum mortise_code code;
		const char *words;
	} rows[] = {
		{"no-symbol", MORTISE_INVALID, "has no symbol mortise_plugin_init"},
		{"wrong-abi", MORTISE_INVALID, "speaks plugin ABI 99.1, and this program speaks"},
		{"wrong-magic", MORTISE_INVALID, "magic is wrong"},
		{"wrong-name", MORTISE_INVALID, "is the plugin another and not wrong-name"},
		{"no-version", MORTISE_INVALID, "has no version"},
		{"init-fails", MORTISE_UNSUPPORTED, "this mock cannot run anywhere"},
		{"missing-library", MORTISE_INVALID, "needs the library libabsent.so"},
		{"half-table", MORTISE_INVALID, "has a secret table whose size is none"},
		{"old-option", MORTISE_INVALID, "option 1 is shorter than ABI 0.1 has it"},
		{"broken-schema", MORTISE_INVALID, "option 1 is an enum without words"},
		{"not-there", MORTISE_NOT_FOUND, "there is no not-there.so in /tmp/"},
		{"../mock", MORTISE_INVALID, "is no name of a plugin"},
		{"", MORTISE_INVALID, "is no name of a plugin"},
		{"Mock", MORTISE_INVALID, "is no name of a plugin"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)mocks_copy(directory, rows[i].name, rows[i].name, 0755);
		check_refused(directory, rows[i].name, false, rows[i].code, rows[i].words);
		/* What is mapped by now is as wrong as before. */
		check_refused(directory, rows[i].name, false, rows[i].code, rows[i].words);
	}
}

/* --- plugins of other releases ------------------------------------------------------- */

static void
test_good(const char *directory)
{
	static const struct {
		const char *name;
		uint64_t can;
		const char *operations;
	} rows[] = {
		{"mock", 0xff3f, "secret: get put delete list describe undo; "
		    "state: get take put delete list claim extend release"},
		/* An older plugin has no put, whatever lies behind its table. */
		{"short-table", MORTISE_CAN_SECRET_GET, "secret: get"},
		{"short-descriptor", MORTISE_CAN_SECRET_GET, "secret: get"},
		{"long-table", MORTISE_CAN_SECRET_GET, "secret: get"},
		{"odd-records", MORTISE_CAN_SECRET_GET | MORTISE_CAN_STATE_GET |
		    MORTISE_CAN_STATE_CLAIM, "secret: get; state: get claim"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *name = rows[i].name;
		char *path _cleanup_(free_pointer) = text_format("%s/%s.so", directory, name);
		struct buffer operations = {0};
		struct mortise_error error = {0};
		struct plugin *plugin;

		CHECK_AS(mocks_copy(directory, name, name, 0755), "%s: copied", name);
		if (!CHECK_AS(load(directory, name, true, &plugin, &error, NULL) == MORTISE_OK,
		    "%s: loaded", name)) {
			printf("# %s\n", error.message);
			continue;
		}
		plugin_operations(plugin->can, &operations);
		CHECK_NUMBER_AS(plugin->can, rows[i].can, name);
		CHECK_TEXT_AS(operations.data, rows[i].operations, name);
		CHECK_TEXT_AS(plugin->table.name, name, "its name");
		CHECK_TEXT_AS(plugin->path, path, "its path");
		CHECK_NUMBER_AS(strlen(plugin->sha256), 64, "its SHA-256");
		CHECK_AS(plugin->table.secret == &plugin->secret, "%s: leads to the copy", name);
		CHECK_NUMBER_AS(plugin->secret.size, sizeof(plugin->secret), name);
		CHECK_AS(plugin->table.sink == NULL && plugin->sink.emit == NULL, "%s: no sink",
		    name);
		buffer_free(&operations);
		plugin_free(plugin);
	}
}

/* A slot at a time: each is the bit that its place in its table says. */
static void
test_slots(void)
{
	static const struct {
		size_t table, size;
		unsigned int first;	/* bit */
	} rows[] = {
		{offsetof(struct plugin, secret), sizeof(struct mortise_secret_ops), 0},
		{offsetof(struct plugin, state), sizeof(struct mortise_state_ops), 8},
		{offsetof(struct plugin, sink), sizeof(struct mortise_sink_ops), 16},
		{offsetof(struct plugin, provider), sizeof(struct mortise_provider_ops), 24},
	};
	void (*const function)(void) = test_slots;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t at = sizeof(size_t); at < rows[i].size; at += sizeof(function)) {
			struct plugin plugin = {.can = 0};

			memcpy((char *)&plugin + rows[i].table + at, &function, sizeof(function));
			CHECK_NUMBER_AS(plugin_slots(&plugin),
			    UINT64_C(1) << (rows[i].first + at / sizeof(function) - 1), "a slot");
		}
	}
}

static void
test_operation_names(void)
{
	CHECK_TEXT(plugin_operation_name(MORTISE_CAN_SECRET_DELETE), "delete");
	CHECK_TEXT(plugin_operation_name(MORTISE_CAN_STATE_CLAIM), "claim");
	CHECK_TEXT(plugin_operation_name(MORTISE_CAN_PROVIDER_REVOKE), "revoke");
	CHECK(plugin_operation_name(UINT64_C(1) << 6) == NULL);
	CHECK(plugin_operation_name(MORTISE_CAN_SECRET_GET | MORTISE_CAN_SECRET_PUT) == NULL);
}

/* --- files --------------------------------------------------------------------------- */

static void
test_files(const char *directory)
{
	char *link _cleanup_(free_pointer) = text_format("%s/linked.so", directory);
	char *pipe _cleanup_(free_pointer) = text_format("%s/pipe.so", directory);
	char *mock _cleanup_(free_pointer) = text_format("%s/mock.so", directory);

	CHECK(mocks_write(directory, "text.so", "int main;\n", 10, 0644));
	check_refused(directory, "text", false, MORTISE_INVALID, "is not a shared object");
	CHECK(mocks_write(directory, "empty.so", "", 0, 0644));
	check_refused(directory, "empty", false, MORTISE_INVALID, "is not a shared object");
	/* The head of a shared object of the other word size. */
	CHECK(mocks_write(directory, "foreign.so", sizeof(void *) == 8 ?
	    "\x7f" "ELF\1\1\1\0\0\0\0\0\0\0\0\0" : "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0", 16, 0644));
	check_refused(directory, "foreign", false, MORTISE_INVALID, "another machine");
	/* A head, and nothing behind it: the linker's words are about the file itself. */
	CHECK(mocks_write(directory, "cut.so", sizeof(void *) == 8 ?
	    "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0" : "\x7f" "ELF\1\1\1\0\0\0\0\0\0\0\0\0", 16, 0644));
	check_refused(directory, "cut", false, MORTISE_INVALID, "cut.so cannot be loaded");
	CHECK(mocks_copy(directory, "mock", "group", 0775));
	check_refused(directory, "group", false, MORTISE_INVALID, "may be written by its group");
	CHECK(mocks_copy(directory, "mock", "others", 0757));
	check_refused(directory, "others", false, MORTISE_INVALID, "chmod go-w");
	CHECK(mkfifo(pipe, 0600) == 0);
	check_refused(directory, "pipe", false, MORTISE_INVALID, "is not a regular file");
	/* What counts is where a link leads, and what the plugin there is called. */
	CHECK(symlink(mock, link) == 0);
	check_refused(directory, "linked", false, MORTISE_INVALID, "mock.so is the plugin mock");
	check_refused("relative", "mock", false, MORTISE_INVALID, "is not absolute");
}

static void
test_owner(const char *directory)
{
	char *path _cleanup_(free_pointer) = text_format("%s/strange.so", directory);

	CHECK(mocks_copy(directory, "mock", "strange", 0755));
	/* Only root can give a file away. */
	if (geteuid() == 0) {
		CHECK(chown(path, 65534, (gid_t)-1) == 0);
		check_refused(directory, "strange", false, MORTISE_INVALID, "belongs to another");
	}
}

static void
test_path(const char *directory)
{
	char *open _cleanup_(free_pointer) = text_format("%s/open", directory);
	char *inner _cleanup_(free_pointer) = text_format("%s/open/inner", directory);
	struct mortise_error error = {0};
	struct plugin *plugin;

	CHECK(mkdir(open, 0755) == 0 && mkdir(inner, 0755) == 0 && chmod(open, 0777) == 0);
	CHECK(mocks_copy(inner, "mock", "mock", 0755));
	check_refused(inner, "mock", true, MORTISE_INVALID, "/open may be written by its group");
	CHECK_NUMBER(load(inner, "mock", false, &plugin, &error, NULL), MORTISE_OK);
	plugin_free(plugin);
	/* A sticky directory passes if it is root's, and is as bad as any if not. */
	CHECK(chmod(open, 01777) == 0);
	CHECK_NUMBER(load(inner, "mock", true, &plugin, &error, NULL),
	    geteuid() == 0 ? MORTISE_OK : MORTISE_INVALID);
	plugin_free(plugin);
}

/* The first directory wins, and a bad file there is not passed over. */
static void
test_order(const char *directory)
{
	char *first _cleanup_(free_pointer) = text_format("%s/first", directory);
	const char *directories[] = {"/nowhere/at/all", first, directory};
	const struct loader loader = {.directories = directories, .directories_count = 3};
	struct mortise_error error = {0};
	struct mortise_call call = {.error = &error};
	struct plugin *plugin = NULL;

	CHECK(mkdir(first, 0755) == 0 && mocks_copy(first, "mock", "mock", 0755));
	CHECK_NUMBER(plugin_load(&loader, "mock", &host, &call, &plugin, &error), MORTISE_OK);
	CHECK(plugin != NULL && strncmp(plugin->path, first, strlen(first)) == 0);
	plugin_free(plugin);
	plugin = NULL;
	CHECK(mocks_write(first, "mock.so", "text", 4, 0755));
	CHECK_NUMBER(plugin_load(&loader, "mock", &host, &call, &plugin, &error), MORTISE_INVALID);
	CHECK(plugin == NULL);
}

/* A package was upgraded under our feet: what runs is what was mapped. */
static void
test_replaced(const char *directory)
{
	struct mortise_error error = {0};
	struct plugin *before, *after;
	unsigned int warnings;

	CHECK(mocks_copy(directory, "big-receipt", "big-receipt", 0755));
	CHECK_NUMBER(load(directory, "big-receipt", false, &before, &error, &warnings), MORTISE_OK);
	CHECK_NUMBER(warnings, 0);
	CHECK(mocks_copy(directory, "endless-list", "big-receipt", 0755));
	CHECK_NUMBER(load(directory, "big-receipt", false, &after, &error, &warnings), MORTISE_OK);
	CHECK_NUMBER(warnings, 1);
	CHECK_TEXT(after->sha256, before->sha256);
	CHECK(after->secret.put == before->secret.put && after->secret.list == NULL);
	plugin_free(before);
	plugin_free(after);
}

static void *
load_single(void *arg)
{
	struct mortise_error error = {0};
	struct plugin *plugin;
	enum mortise_code code = load(arg, "single-init", false, &plugin, &error, NULL);

	plugin_free(plugin);
	return code == MORTISE_OK ? arg : NULL;
}

/* Contexts that know nothing of each other may open at the same time. */
static void
test_once(char *directory)
{
	pthread_t threads[4];
	void *result;

	CHECK(mocks_copy(directory, "single-init", "single-init", 0755));
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		if (pthread_create(&threads[i], NULL, load_single, directory) != 0)
			abort();
	}
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		(void)pthread_join(threads[i], &result);
		CHECK_AS(result != NULL, "initialised once, loaded by thread %zu", i);
	}
}

static void
append_name(void *arg, const char *name)
{
	buffer_format(arg, "%s ", name);
}

static void
test_names(const char *directory)
{
	char *more _cleanup_(free_pointer) = text_format("%s/more", directory);
	char *some _cleanup_(free_pointer) = text_format("%s/some", directory);
	const char *directories[] = {more, "/nowhere/at/all", some};
	const struct loader loader = {.directories = directories, .directories_count = 3};
	struct mortise_error error = {0};
	static const struct {
		bool here;
		const char *name;
	} files[] = {{true, "zinc.so"}, {true, "iron.so"}, {false, "iron.so"}, {false, "gold.so"},
	    {false, "Gold.so"}, {false, ".so"}, {false, "tin.la"}, {false, "lead"}};
	struct buffer list = {0};

	CHECK(mkdir(more, 0755) == 0 && mkdir(some, 0755) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		CHECK(mocks_write(files[i].here ? more : some, files[i].name, "", 0, 0644));
	CHECK_NUMBER(plugin_names(&loader, append_name, &list, &error), MORTISE_OK);
	/* The compiled-in directory may hold plugins of its own. */
	CHECK(list.data != NULL && strstr(list.data, "gold iron") != NULL &&
	    strstr(list.data, "zinc") != NULL && strstr(list.data, "iron iron") == NULL &&
	    strstr(list.data, "Gold") == NULL && strstr(list.data, "tin") == NULL &&
	    strstr(list.data, "lead") == NULL);
	buffer_free(&list);
}

/* --- schemas ------------------------------------------------------------------------- */

#define OPTION(...) &(const struct mortise_option){.size = sizeof(struct mortise_option), \
    .doc = "words", __VA_ARGS__}
#define OPTIONS(...) (const struct mortise_option *const[]){__VA_ARGS__, NULL}
#define WORDS(...) (const char *const[]){__VA_ARGS__, NULL}
#define ELEMENT OPTION(.name = "", .type = MORTISE_OPTION_STRING)
#define METHOD OPTION(.name = "method", .type = MORTISE_OPTION_ENUM, .words = WORDS("a", "b"), \
    .initial = "b")

static void
test_schemas(void)
{
	const struct mortise_option *circle[2] = {NULL, NULL};
	const struct mortise_option round = {.size = sizeof(round), .name = "round", .doc = "words",
	    .type = MORTISE_OPTION_GROUP, .members = circle};
	const struct mortise_option undocumented = {.size = sizeof(undocumented), .name = "a"};
	const struct {
		const struct mortise_option *const *schema;
		const char *breach;		/* "": sound */
	} rows[] = {
		{NULL, ""},
		{(const struct mortise_option *const[]){NULL}, ""},
		{OPTIONS(METHOD, OPTION(.name = "id", .type = MORTISE_OPTION_STRING,
		    .chosen_by = "method", .chosen_for = WORDS("a"))), ""},
		{OPTIONS(OPTION(.name = "all", .type = MORTISE_OPTION_LIST,
		    .members = OPTIONS(ELEMENT))), ""},
		{OPTIONS(OPTION(.name = "auth", .type = MORTISE_OPTION_GROUP,
		    .members = OPTIONS(METHOD))), ""},
		{OPTIONS(OPTION(.name = "n", .type = MORTISE_OPTION_INT, .minimum = 1,
		    .maximum = 9)), ""},
		{OPTIONS(OPTION(.type = MORTISE_OPTION_BOOL)), "option 1 has no name"},
		{OPTIONS(OPTION(.name = "", .type = MORTISE_OPTION_BOOL)), "option 1 has no name"},
		{OPTIONS(OPTION(.name = "A", .type = MORTISE_OPTION_BOOL)), "option 1 has no name"},
		{OPTIONS(&undocumented), "option 1 has no doc line"},
		{OPTIONS(OPTION(.name = "a", .type = 99)), "option 1 is of no known type"},
		{OPTIONS(OPTION(.name = "a", .type = MORTISE_OPTION_ENUM)), "without words"},
		{OPTIONS(OPTION(.name = "a", .type = MORTISE_OPTION_MAP)), "has no members"},
		{OPTIONS(OPTION(.name = "a", .type = MORTISE_OPTION_BOOL,
		    .flags = MORTISE_OPTION_SECRET)), "is a secret or a path, and no string"},
		{OPTIONS(OPTION(.name = "a", .type = MORTISE_OPTION_INT, .minimum = 2,
		    .maximum = 1)), "has a range that nothing is in"},
		{OPTIONS(OPTION(.name = "a", .type = MORTISE_OPTION_ENUM, .words = WORDS("x"),
		    .initial = "y")), "has a default that is none of its words"},
		{OPTIONS(METHOD, METHOD), "option 2 is there twice"},
		{OPTIONS(OPTION(.name = "plugin", .type = MORTISE_OPTION_BOOL)),
		    "a name that the core keeps for itself"},
		{OPTIONS(METHOD, OPTION(.name = "a", .type = MORTISE_OPTION_BOOL,
		    .chosen_by = "nobody")), "option 2 is chosen by something that is no enum"},
		{OPTIONS(OPTION(.name = "a", .type = MORTISE_OPTION_ENUM, .words = WORDS("x"),
		    .chosen_by = "a", .chosen_for = WORDS("x"))), "is chosen by something"},
		{OPTIONS(METHOD, OPTION(.name = "a", .type = MORTISE_OPTION_BOOL,
		    .chosen_by = "method")), "option 2 is chosen for no word"},
		{OPTIONS(METHOD, OPTION(.name = "a", .type = MORTISE_OPTION_BOOL,
		    .chosen_by = "method", .chosen_for = WORDS("c"))), "that its enum lacks"},
		{OPTIONS(OPTION(.name = "all", .type = MORTISE_OPTION_LIST,
		    .members = OPTIONS(METHOD))), "option 1 in all is an element, and has a name"},
		{OPTIONS(OPTION(.name = "all", .type = MORTISE_OPTION_LIST,
		    .members = OPTIONS(ELEMENT, ELEMENT))), "has more than one kind of element"},
		{OPTIONS(&round), "is nested too deep"},
	};
	char what[128];

	circle[0] = &round;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *got = schema_breach(rows[i].schema, what, sizeof(what));
		bool sound = rows[i].breach[0] == '\0';

		if (!CHECK_AS(sound ? got == NULL : got != NULL &&
		    strstr(got, rows[i].breach) != NULL, "schema %zu: %s", i, rows[i].breach))
			printf("# got  %s\n", got == NULL ? "sound" : got);
	}
}

int
main(void)
{
	char *directory = mocks_directory();

	if (!CHECK(directory != NULL))
		return test_end();
	test_wrong(directory);
	test_good(directory);
	test_slots();
	test_operation_names();
	test_files(directory);
	test_owner(directory);
	test_path(directory);
	test_order(directory);
	test_replaced(directory);
	test_once(directory);
	test_names(directory);
	test_schemas();
	mocks_remove(directory);
	return test_end();
}
