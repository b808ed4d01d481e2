/* SPDX-License-Identifier: BSD-2-Clause */
/* For explicit_bzero. */
#define _GNU_SOURCE
#include "plugin_host.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "secmem/secret.h"

static MORTISE_PRINTF(4, 5) enum mortise_code
fail(struct mortise_call *call, enum mortise_code code, enum mortise_reason reason,
    const char *format, ...)
{
	va_list args;

	call->code = code;
	call->reason = reason;
	va_start(args, format);
	(void)vsnprintf(call->message, sizeof(call->message), format, args);
	va_end(args);
	return code;
}

static void
fail_detail(struct mortise_call *call, const char *request_id, int64_t retry_after_ms)
{
	(void)call;
	(void)request_id;
	(void)retry_after_ms;
}

static MORTISE_PRINTF(3, 4) void
log_nothing(struct mortise_call *call, enum mortise_level level, const char *format, ...)
{
	(void)call;
	(void)level;
	(void)format;
}

static uint64_t
deadline(const struct mortise_call *call)
{
	return call->deadline;
}

static int
left_ms(const struct mortise_call *call)
{
	return (int)((deadline_left_ns(call->deadline) + NS_PER_MS - 1) / NS_PER_MS);
}

/* --- options --------------------------------------------------------------------- */

static const char *
given(const struct mortise_options *options, const char *path)
{
	for (size_t i = 0; i < options->count; i++) {
		if (strcmp(options->given[i].path, path) == 0)
			return options->given[i].text;
	}
	return NULL;
}

static const struct mortise_option *
schema_of(const struct mortise_options *options, const char *path)
{
	const struct mortise_option *const *schema = options->members != NULL ? options->members :
	    options->plugin->options;

	for (; schema != NULL && *schema != NULL; schema++) {
		if (strcmp((*schema)->name, path) == 0)
			return *schema;
	}
	return NULL;
}

static const char *
option_string(const struct mortise_options *options, const char *path)
{
	const struct mortise_option *schema = schema_of(options, path);
	const char *text = given(options, path);

	return text != NULL || schema == NULL ? text : schema->initial;
}

/* Sizes and durations are given as plain numbers. */
static int64_t
option_number(const struct mortise_options *options, const char *path)
{
	const char *text = option_string(options, path);
	const struct mortise_option *schema = schema_of(options, path);

	for (size_t i = 0; text != NULL && schema != NULL && schema->words != NULL &&
	    schema->words[i] != NULL; i++) {
		if (strcmp(schema->words[i], text) == 0)
			return (int64_t)i;
	}
	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

static bool
option_given(const struct mortise_options *options, const char *path)
{
	return given(options, path) != NULL;
}

/* A map of words is given an element each, as KEY:WORD. */
static size_t
option_count(const struct mortise_options *options, const char *path)
{
	size_t count = 0;

	for (size_t i = 0; i < options->count; i++)
		count += strcmp(options->given[i].path, path) == 0;
	return count;
}

/* Good until the next call. */
static const struct mortise_options *
option_at(const struct mortise_options *options, const char *path, size_t index, const char **key)
{
	static struct host_option value;
	static struct mortise_options element;
	static char name[64];

	for (size_t i = 0; i < options->count; i++) {
		const char *text = options->given[i].text, *colon = strchr(text, ':');

		if (strcmp(options->given[i].path, path) != 0 || colon == NULL || index-- > 0)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)(colon - text), text);
		value = (struct host_option){"", colon + 1};
		element = (struct mortise_options){options->plugin, &value, 1,
		    schema_of(options, path)->members};
		*key = name;
		return &element;
	}
	return NULL;
}

static enum mortise_code
option_secret(struct mortise_call *call, const struct mortise_options *options, const char *path,
    struct mortise_secret **secret)
{
	const char *text = given(options, path);

	(void)call;
	if (text == NULL)
		return MORTISE_NOT_FOUND;
	*secret = secret_from(text, strlen(text));
	return *secret == NULL ? MORTISE_ERROR : MORTISE_OK;
}

static MORTISE_PRINTF(4, 5) enum mortise_code
option_fail(struct mortise_call *call, const struct mortise_options *options, const char *path,
    const char *format, ...)
{
	va_list args;

	(void)options;
	call->code = MORTISE_INVALID;
	call->reason = MORTISE_REASON_CONFIGURATION;
	(void)snprintf(call->message, sizeof(call->message), "%s: ", path);
	va_start(args, format);
	(void)vsnprintf(call->message + strlen(call->message),
	    sizeof(call->message) - strlen(call->message), format, args);
	va_end(args);
	return MORTISE_INVALID;
}

/* --- results --------------------------------------------------------------------- */

static enum mortise_code
add_record(struct mortise_out *out, const struct mortise_record *record)
{
	struct host_record *records, *copy;

	if (out->refuse_after != 0 && out->count == out->refuse_after)
		return MORTISE_ERROR;
	records = realloc(out->records, (out->count + 1) * sizeof(*records));
	if (records == NULL)
		return MORTISE_ERROR;
	out->records = records;
	copy = &records[out->count];
	*copy = (struct host_record){.value_size = record->value_size, .version = record->version,
	    .expires_ms = record->expires_ms, .fence = record->fence};
	(void)snprintf(copy->key, sizeof(copy->key), "%s", record->key);
	copy->value = malloc(record->value_size + 1);
	if (copy->value == NULL)
		return MORTISE_ERROR;
	memcpy(copy->value, record->value, record->value_size);
	out->count++;
	return MORTISE_OK;
}

void
host_clear(struct mortise_out *out)
{
	for (size_t i = 0; i < out->count; i++) {
		explicit_bzero(out->records[i].value, out->records[i].value_size);
		free(out->records[i].value);
	}
	free(out->records);
	*out = (struct mortise_out){0};
}

static enum mortise_code
set_cursor(struct mortise_out *out, const char *next)
{
	(void)snprintf(out->cursor, sizeof(out->cursor), "%s", next);
	return MORTISE_OK;
}

static void
note_generation(struct mortise_call *call, const char *store, uint64_t generation)
{
	(void)call;
	(void)store;
	(void)generation;
}

static bool
noted_generation(struct mortise_call *call, char store[65], uint64_t *generation)
{
	(void)call;
	(void)store;
	(void)generation;
	return false;
}

/* Of addresses; and the one name that is in /etc/hosts everywhere. */
static enum mortise_code
resolve(struct mortise_call *call, const char *host,
    enum mortise_code (*each)(void *arg, const char *address), void *arg)
{
	(void)call;
	return each(arg, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host);
}

static const struct mortise_host table = {
	.size = sizeof(table),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.fail = fail,
	.fail_detail = fail_detail,
	.log = log_nothing,
	.deadline = deadline,
	.left_ms = left_ms,
	.secret_new = mortise_secret_new,
	.secret_append = mortise_secret_append,
	.secret_peek = mortise_secret_peek,
	.secret_free = mortise_secret_free,
	.option_string = option_string,
	.option_number = option_number,
	.option_given = option_given,
	.option_count = option_count,
	.option_at = option_at,
	.option_secret = option_secret,
	.option_fail = option_fail,
	.add_record = add_record,
	.set_cursor = set_cursor,
	.note_generation = note_generation,
	.noted_generation = noted_generation,
	.resolve = resolve,
};

/* --- the plugin ------------------------------------------------------------------ */

struct mortise_call
host_call(void)
{
	return (struct mortise_call){.deadline = deadline_in_ms(60000)};
}

static enum mortise_code
load(struct hosted *hosted, const char *name, struct mortise_call *call)
{
	const char *builddir = getenv("builddir");
	enum mortise_code (*init)(const struct mortise_host *, struct mortise_call *,
	    const struct mortise_plugin **);
	char path[4096];
	void *object, *symbol;

	(void)snprintf(path, sizeof(path), "%s/plugins/.libs/%s.so",
	    builddir == NULL ? "." : builddir, name);
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	symbol = object == NULL ? NULL : dlsym(object, MORTISE_PLUGIN_SYMBOL);
	if (symbol == NULL)
		return fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "%s", dlerror());
	/* What POSIX says dlsym is good for, and ISO C has no cast for. */
	memcpy(&init, &symbol, sizeof(init));
	return init(&table, call, &hosted->plugin);
}

bool
host_open(struct hosted *hosted, const char *name, const struct host_option *options,
    size_t count)
{
	struct mortise_call call = host_call();
	enum mortise_code code = load(hosted, name, &call);

	if (code == MORTISE_OK) {
		hosted->options = (struct mortise_options){hosted->plugin, options, count, NULL};
		code = hosted->plugin->open(&call, &hosted->options, &hosted->instance);
	}
	if (code != MORTISE_OK)
		printf("# %s: %s\n", name, call.message);
	return code == MORTISE_OK;
}

void
host_close(struct hosted *hosted)
{
	hosted->plugin->close(hosted->instance);
}
