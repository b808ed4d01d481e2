/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plugin that is right, but for the one thing that a macro on the compiler's
 * command line makes wrong (or odd).  Each mock but `mock` is built from this.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mortise/plugin.h>

/* The name that the plugin says it has; NAME is its file's. */
#ifndef SAYS
#define SAYS NAME
#endif
#ifndef MAGIC
#define MAGIC MORTISE_PLUGIN_MAGIC
#endif
#ifndef ABI_MAJOR
#define ABI_MAJOR MORTISE_ABI_MAJOR
#endif
#ifndef SAYS_VERSION
#define SAYS_VERSION "1"
#endif
/* Sizes of the descriptor, the table of secrets and the one option. */
#ifndef DESCRIPTOR_SIZE
#define DESCRIPTOR_SIZE sizeof(struct mortise_plugin)
#endif
#ifndef TABLE_SIZE
#define TABLE_SIZE sizeof(struct mortise_secret_ops)
#endif
#ifndef OPTION_SIZE
#define OPTION_SIZE sizeof(struct mortise_option)
#endif
#ifndef OPTION_TYPE
#define OPTION_TYPE MORTISE_OPTION_STRING
#endif
#ifndef THREADS
#define THREADS MORTISE_THREADS_FREE
#endif
#ifndef INIT
#define INIT good_init
#endif
#ifndef GET
#define GET good_get
#endif
#ifndef PUT
#define PUT NULL
#endif
#ifndef LIST
#define LIST NULL
#endif
#ifndef STATE_CLAIM
#define STATE_CLAIM NULL
#endif
#ifndef STATE_GET
#define STATE_GET NULL
#endif

#ifdef NEEDS
void NEEDS(void);
#endif

#define SOMETIMES __attribute__((unused))	/* one of these mocks uses it */

static const struct mortise_host *host;
static const struct mortise_plugin *descriptor(void);

/* --- init --------------------------------------------------------------------------- */

SOMETIMES static enum mortise_code
good_init(struct mortise_call *call, const struct mortise_plugin **plugin)
{
	(void)call;
	*plugin = descriptor();
	return MORTISE_OK;
}

SOMETIMES static enum mortise_code
failing_init(struct mortise_call *call, const struct mortise_plugin **plugin)
{
	(void)plugin;
	return host->fail(call, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
	    "this mock cannot run anywhere; use another one");
}

/* Cannot bear to be called twice, as nobody has to. */
SOMETIMES static enum mortise_code
single_init(struct mortise_call *call, const struct mortise_plugin **plugin)
{
	static bool called;

	if (called)
		return failing_init(call, plugin);
	called = true;
	return good_init(call, plugin);
}

/* --- get ---------------------------------------------------------------------------- */

static struct mortise_secret *
some_value(void)
{
	struct mortise_secret *value = host->secret_new(4);

	if (value != NULL && host->secret_append(value, "some", 4) == MORTISE_OK)
		return value;
	host->secret_free(value);
	return NULL;
}

SOMETIMES static enum mortise_code
good_get(struct mortise_call *call, const char *name, struct mortise_secret **value)
{
	(void)call;
	(void)name;
	*value = some_value();
	return *value == NULL ? MORTISE_ERROR : MORTISE_OK;
}

SOMETIMES static enum mortise_code
odd_code(struct mortise_call *call, const char *name, struct mortise_secret **value)
{
	(void)call;
	(void)name;
	(void)value;
	return (enum mortise_code)999;
}

SOMETIMES static enum mortise_code
no_value(struct mortise_call *call, const char *name, struct mortise_secret **value)
{
	(void)call;
	(void)name;
	(void)value;
	return MORTISE_OK;
}

/* Says one code and returns another; "mended": fails, and then does not. */
SOMETIMES static enum mortise_code
two_codes(struct mortise_call *call, const char *name, struct mortise_secret **value)
{
	(void)host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE, "not in the first place");
	return strcmp(name, "mended") == 0 ? good_get(call, name, value) : MORTISE_UNAVAILABLE;
}

/* By the rules the value is the function's here: it frees it, and lets the
 * pointer hang. */
SOMETIMES static enum mortise_code
value_with_code(struct mortise_call *call, const char *name, struct mortise_secret **value)
{
	(void)call;
	*value = some_value();
	host->secret_free(*value);
	return strcmp(name, "ignore") == 0 ? MORTISE_IGNORE : MORTISE_DENIED;
}

/* Waits for a byte from the named pipe /NAME, and not for its deadline. */
SOMETIMES static enum mortise_code
endless_wait(struct mortise_call *call, const char *name, struct mortise_secret **value)
{
	char path[256], byte;
	ssize_t got;
	int fd;

	if (strcmp(name, "at-once") == 0)
		return good_get(call, name, value);
	(void)snprintf(path, sizeof(path), "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return MORTISE_ERROR;
	got = read(fd, &byte, 1);
	(void)close(fd);
	return got == 1 ? good_get(call, name, value) : MORTISE_ERROR;
}

static enum mortise_code
get(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found)
{
	(void)instance;
	(void)version;
	/* A version that does not end. */
	memset(found->text, 'v', sizeof(found->text));
	return GET(call, name, value);
}

/* --- put, list, state --------------------------------------------------------------- */

SOMETIMES static enum mortise_code
big_receipt(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *put, struct mortise_receipt *receipt)
{
	(void)instance;
	(void)call;
	(void)name;
	(void)put;
	receipt->existed = 7;
	receipt->opaque_size = 257;
	return MORTISE_OK;
}

/* "end": always another page; "turn": always the same one. */
SOMETIMES static enum mortise_code
endless_list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	char next[24];

	(void)instance;
	(void)call;
	(void)snprintf(next, sizeof(next), "%ld", cursor == NULL || strcmp(prefix, "turn") == 0 ?
	    1 : strtol(cursor, NULL, 10) + 1);
	return host->set_cursor(out, next);
}

/* "none": no record; "two": two of them. */
SOMETIMES static enum mortise_code
odd_records(void *instance, struct mortise_call *call, const char *key, struct mortise_out *out)
{
	struct mortise_record record = {.size = sizeof(record), .key = key};
	enum mortise_code code;

	(void)instance;
	(void)call;
	if (strcmp(key, "none") == 0)
		return MORTISE_OK;
	code = host->add_record(out, &record);
	return code == MORTISE_OK ? host->add_record(out, &record) : code;
}

/* More than anybody asked for. */
SOMETIMES static enum mortise_code
odd_claim(void *instance, struct mortise_call *call, const char *index, int64_t now_ms, size_t max,
    const char *owner, int64_t lease_ms, struct mortise_out *out)
{
	enum mortise_code code = MORTISE_OK;

	(void)now_ms;
	(void)owner;
	(void)lease_ms;
	for (size_t i = 0; code == MORTISE_OK && i < max; i++)
		code = odd_records(instance, call, index, out);
	return code;
}

/* --- the descriptor ----------------------------------------------------------------- */

static enum mortise_code
open_instance(struct mortise_call *call, const struct mortise_options *options, void **instance)
{
	(void)call;
	(void)options;
	*instance = NULL;
	return MORTISE_OK;
}

static void
close_instance(void *instance)
{
	(void)instance;
}

static const struct mortise_option option = {
	.size = OPTION_SIZE,
	.name = "word",
	.doc = "any word",
	.type = OPTION_TYPE,
};
static const struct mortise_option *const options[] = {&option, NULL};

/* With a field behind the last one, as a newer plugin has it. */
static const struct {
	struct mortise_secret_ops known;
	void (*newer)(void);
} secret_ops = {
	.known = {.size = TABLE_SIZE, .get = get, .put = PUT, .list = LIST},
	.newer = NULL,
};

static const struct mortise_state_ops state_ops = {
	.size = sizeof(state_ops),
	.get = STATE_GET,
	.claim = STATE_CLAIM,
};

static const struct {
	struct mortise_plugin known;
	const char *newer;
} plugin = {
	.known = {
		.size = DESCRIPTOR_SIZE,
		.magic = MAGIC,
		.abi_major = ABI_MAJOR,
		.abi_minor = MORTISE_ABI_MINOR,
		.name = SAYS,
		.version = SAYS_VERSION,
		.doc = "wrong in one way, for tests",
		.threads = THREADS,
		.reach = MORTISE_REACH_PROCESS,
		.options = options,
		.open = open_instance,
		.close = close_instance,
		.secret = &secret_ops.known,
		.state = &state_ops,
	},
	.newer = "of which the core knows nothing",
};

static const struct mortise_plugin *
descriptor(void)
{
	return &plugin.known;
}

#ifndef SYMBOL
#define SYMBOL mortise_plugin_init
#endif
MORTISE_PLUGIN_EXPORT enum mortise_code SYMBOL(const struct mortise_host *table,
    struct mortise_call *call, const struct mortise_plugin **result);
enum mortise_code
SYMBOL(const struct mortise_host *table, struct mortise_call *call,
    const struct mortise_plugin **result)
{
	host = table;
#ifdef NEEDS
	NEEDS();
#endif
	return INIT(call, result);
}
