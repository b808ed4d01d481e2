/* SPDX-License-Identifier: BSD-2-Clause */
/* The trail as a sink has it, in files again. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/context.h"
#include "base/file.h"

/* Where a record's type stands, at the latest. */
#define TYPE_WITHIN 128

struct fetching {
	const char *directory;
	unsigned int segment;
	int file;
	struct mortise_audit_anchor last;
};

static bool
begins_segment(const char *line)
{
	char start[TYPE_WITHIN];

	(void)snprintf(start, sizeof(start), "%s", line);
	return strstr(start, ",\"t\":\"open\",") != NULL;
}

static enum mortise_code
next_file(struct fetching *fetching, struct mortise_error *error)
{
	char *path _cleanup_(free_pointer) = text_format("%s/%06u.jsonl", fetching->directory,
	    ++fetching->segment);

	file_close(&fetching->file);
	if (path == NULL)
		return error_memory(error);
	fetching->file = file_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	return fetching->file >= 0 ? MORTISE_OK :
	    error_errno(error, errno, "%s cannot be made", path);
}

/* The anchor is as the line says; whether that is right, who verifies it tells. */
static void
note_last(struct mortise_audit_anchor *last, const char *line, size_t size)
{
	const char *seq = strstr(line, "\"seq\":");

	last->seq = 0;
	if (seq == NULL || size < 72 || sscanf(seq + 6, "%" SCNu64, &last->seq) != 1)
		return;
	(void)snprintf(last->hash, sizeof(last->hash), "%.64s", line + size - 66);
}

static enum mortise_code
take_line(void *arg, const char *line, size_t size, struct mortise_error *error)
{
	struct fetching *fetching = arg;
	enum mortise_code code = MORTISE_OK;

	if (fetching->file < 0 || begins_segment(line))
		code = next_file(fetching, error);
	if (code == MORTISE_OK && (file_write(fetching->file, line, size, NULL) < 0 ||
	    file_write(fetching->file, "\n", 1, NULL) < 0))
		code = error_errno(error, errno, "%s cannot be written", fetching->directory);
	note_last(&fetching->last, line, size);
	return code;
}

static enum mortise_code
read_all(struct mortise *context, const struct running *running, size_t target,
    struct fetching *fetching, struct mortise_error *error)
{
	struct mortise_audit_head head = {.size = sizeof(head)};
	enum mortise_code code = trail_head(running->assembly->config->audit.trail, &head, error);

	return code != MORTISE_OK ? code : sink_read(context, running->backends[target],
	    &(struct mortise_pair){"trail", head.trail}, 1, take_line, fetching, error);
}

static enum mortise_code
fetch(struct mortise *context, const char *name, struct fetching *fetching,
    struct mortise_error *error)
{
	struct assembly *assembly _cleanup_(assembly_release) = NULL;
	struct running *running _cleanup_(running_release) = NULL;
	enum mortise_code code = context_load(context, &assembly, error);
	const struct config_sink *sink;

	if (code != MORTISE_OK)
		return code;
	code = sink_find(assembly->config, name, &sink, error);
	if (code != MORTISE_OK)
		return code;
	if (sink->only_count > 0)
		return error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_UNCHECKABLE,
		    "%s has some actions of the trail alone (`only`), so its links cannot be verified",
		    name);
	running = running_new(context, assembly);
	if (running == NULL)
		return error_memory(error);
	code = running_open(context, running,
	    &(struct opening){.one = true, .target = sink->target}, error);
	return code == MORTISE_OK ? read_all(context, running, sink->target, fetching, error) : code;
}

enum mortise_code
mortise_audit_fetch(const struct mortise_open_options *options, const char *sink,
    const char *directory, struct mortise_audit_anchor *last, struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct fetching fetching = {.directory = directory, .file = -1};
	struct mortise *context = NULL;
	enum mortise_code code;

	error_clear(error);
	code = context_new(options, &context, error);
	if (code == MORTISE_OK)
		code = fetch(context, sink, &fetching, error);
	file_close(&fetching.file);
	mortise_close(context);
	if (code == MORTISE_OK)
		*last = fetching.last;
	return code;
}
