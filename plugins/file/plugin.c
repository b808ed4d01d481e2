/* SPDX-License-Identifier: BSD-2-Clause */
/* The options and the descriptor; what makes and ends an instance. */
/* For strdup. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "sdk/schema.h"

/* Set once, by mortise_plugin_init, before anything else runs. */
static const struct mortise_host *host;

/* --- the schema -------------------------------------------------------------------- */

static const char *const formats[] = {"line", "flat", NULL};

SCHEMA_TEXT(path, "path", "the file; its directory must be there", NULL,
    MORTISE_OPTION_REQUIRED | MORTISE_OPTION_PATH);
SCHEMA_TEXT(mode, "mode", "the file's mode, in octal digits", "0600", 0);
SCHEMA_ENUM(format, "format", "line: a record as it stands in the trail; flat: an object of its "
    "fields", formats, "line");
SCHEMA_OPTION(rotate_size, "rotate-size", "begin another file before this one gets larger; 0: "
    "never", MORTISE_OPTION_SIZE, .initial = "0");
SCHEMA_OPTION(keep, "keep", "how many files stay beside it, as PATH.1, PATH.2 and so on",
    MORTISE_OPTION_INT, .initial = "5", .minimum = 1, .maximum = KEEP_MAX);

static const struct mortise_option *const options[] = {&path, &mode, &format, &rotate_size, &keep,
    NULL};

/* --- instances --------------------------------------------------------------------- */

static void
file_close(void *instance)
{
	struct sink *sink = instance;

	if (sink->fd >= 0)
		(void)close(sink->fd);
	buffer_free(&sink->buffer);
	free(sink->directory);
	free(sink->position);
	free(sink->temporary);
	free(sink);
}

/* Its owner must be able to read and write it, and nobody else to write. */
static enum mortise_code
take_mode(struct sink *sink, const struct mortise_options *given)
{
	const char *text = host->option_string(given, "mode");
	size_t length = strspn(text, "01234567");

	if (length >= 3 && length <= 4 && text[length] == '\0')
		sink->mode = (mode_t)strtoul(text, NULL, 8);
	return (sink->mode & ~(mode_t)0044) == 0600 ? MORTISE_OK : host->option_fail(sink->call,
	    given, "mode", "\"%s\" is not possible; it is \"0600\", \"0640\", \"0604\" or \"0644\"",
	    text);
}

static char *
joined(const char *text, const char *tail)
{
	size_t size = strlen(text) + strlen(tail) + 1;
	char *made = malloc(size);

	if (made != NULL)
		(void)snprintf(made, size, "%s%s", text, tail);
	return made;
}

static enum mortise_code
take_path(struct sink *sink, const struct mortise_options *given)
{
	const char *slash;
	struct stat status;

	sink->path = host->option_string(given, "path");
	slash = strrchr(sink->path, '/');
	sink->directory = slash == NULL ? strdup(".") : strndup(sink->path,
	    slash == sink->path ? 1 : (size_t)(slash - sink->path));
	sink->position = joined(sink->path, ".position");
	sink->temporary = joined(sink->path, ".position.tmp");
	if (sink->directory == NULL || sink->position == NULL || sink->temporary == NULL)
		return fail_memory(sink);
	if (stat(sink->directory, &status) < 0)
		return host->option_fail(sink->call, given, "path", "%s: %s; make the directory, "
		    "and give it to the user that writes there", sink->directory, strerror(errno));
	if (!S_ISDIR(status.st_mode) || (slash != NULL && slash[1] == '\0'))
		return host->option_fail(sink->call, given, "path", "%s is no name of a file",
		    sink->path);
	return MORTISE_OK;
}

static enum mortise_code
file_open(struct mortise_call *call, const struct mortise_options *given, void **instance)
{
	struct sink *sink = calloc(1, sizeof(*sink));
	enum mortise_code code;

	if (sink == NULL)
		return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	sink->host = host;
	sink->call = call;
	sink->fd = -1;
	sink->flat = host->option_number(given, "format") == 1;
	sink->rotate_size = (uint64_t)host->option_number(given, "rotate-size");
	sink->keep = (unsigned int)host->option_number(given, "keep");
	code = take_mode(sink, given);
	if (code == MORTISE_OK)
		code = take_path(sink, given);
	if (code != MORTISE_OK) {
		file_close(sink);
		return code;
	}
	*instance = sink;
	return MORTISE_OK;
}

static enum mortise_code
file_check(void *instance, struct mortise_call *call)
{
	struct sink *sink = instance;
	struct stat status;

	sink->call = call;
	if (access(sink->directory, W_OK | X_OK) < 0)
		return fail_errno(sink, sink->directory);
	if (lstat(sink->path, &status) < 0)
		return errno == ENOENT ? MORTISE_OK : fail_errno(sink, sink->path);
	return check_status(sink, sink->path, &status);
}

static const char *
file_identity(void *instance)
{
	const struct sink *sink = instance;

	return sink->path;
}

static const struct mortise_sink_ops operations = {
	.size = sizeof(operations),
	.emit = file_emit,
	.flush = file_flush,
	.position = file_position,
	.erase = file_erase,
};

static const struct mortise_plugin plugin = {
	.size = sizeof(plugin),
	.magic = MORTISE_PLUGIN_MAGIC,
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.name = "file",
	.version = "0.1.0",
	.doc = "audit records as lines of a file, for what ships logs",
	.threads = MORTISE_THREADS_SERIAL,
	.reach = MORTISE_REACH_HOST,
	.flags = MORTISE_PLUGIN_DURABLE,
	.options = options,
	.open = file_open,
	.close = file_close,
	.check = file_check,
	.identity = file_identity,
	.sink = &operations,
};

enum mortise_code
mortise_plugin_init(const struct mortise_host *table, struct mortise_call *call,
    const struct mortise_plugin **descriptor)
{
	(void)call;
	host = table;
	*descriptor = &plugin;
	return MORTISE_OK;
}
