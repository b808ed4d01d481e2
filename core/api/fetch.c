/* SPDX-License-Identifier: BSD-2-Clause */
/* The trail as a sink has it, in files again. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/context.h"
#include "base/clock.h"
#include "base/file.h"

#define FETCH_MS UINT64_C(3600000)
/* Where a record's type stands, at the latest. */
#define TYPE_WITHIN 128

struct fetching {
	const char *directory;
	unsigned int segment;
	int file;
	struct mortise_audit_anchor last;
	struct mortise_error *error;
};

static bool
begins_segment(const char *line)
{
	char start[TYPE_WITHIN];

	(void)snprintf(start, sizeof(start), "%s", line);
	return strstr(start, ",\"t\":\"open\",") != NULL;
}

static enum mortise_code
next_file(struct fetching *fetching)
{
	char *path _cleanup_(free_pointer) = text_format("%s/%06u.jsonl", fetching->directory,
	    ++fetching->segment);

	file_close(&fetching->file);
	if (path == NULL)
		return error_memory(fetching->error);
	fetching->file = file_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	return fetching->file >= 0 ? MORTISE_OK :
	    error_errno(fetching->error, errno, "%s cannot be made", path);
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
take_row(void *arg, const struct mortise_pair *cells, size_t count)
{
	struct fetching *fetching = arg;
	const char *line = NULL;
	enum mortise_code code = MORTISE_OK;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(cells[i].name, "line") == 0)
			line = cells[i].value;
	}
	if (line == NULL)
		return error_set(fetching->error, MORTISE_UNSUPPORTED, MORTISE_REASON_UNCHECKABLE,
		    "it keeps no lines of the trail, so nothing can be verified there");
	if (fetching->file < 0 || begins_segment(line))
		code = next_file(fetching);
	if (code == MORTISE_OK && (file_write(fetching->file, line, strlen(line), NULL) < 0 ||
	    file_write(fetching->file, "\n", 1, NULL) < 0))
		code = error_errno(fetching->error, errno, "%s cannot be written", fetching->directory);
	note_last(&fetching->last, line, strlen(line));
	return code;
}

static enum mortise_code
read_sink(struct mortise *context, const struct running *running, size_t target,
    struct fetching *fetching)
{
	const struct config *config = running->assembly->config;
	struct mortise_audit_head head = {.size = sizeof(head)};
	struct mortise_error error = {0};
	struct mortise_call call = {.deadline = deadline_in_ms(FETCH_MS), .error = &error,
	    .logger = &context->logger};
	struct mortise_out out = {.row = take_row, .arg = fetching};
	enum mortise_code code = trail_head(config->audit.trail, &head, fetching->error);

	if (code != MORTISE_OK)
		return code;
	code = backend_sink_read(running->backends[target], &call,
	    &(struct mortise_pair){"trail", head.trail}, 1, &out);
	/* What went wrong here is better known than what the sink makes of it. */
	if (code != MORTISE_OK && fetching->error->code == MORTISE_OK)
		*fetching->error = error;
	return code;
}

static enum mortise_code
fetch(struct mortise *context, const char *name, struct fetching *fetching)
{
	struct assembly *assembly _cleanup_(assembly_release) = NULL;
	struct running *running _cleanup_(running_release) = NULL;
	enum mortise_code code = context_load(context, &assembly, fetching->error);
	const struct config_sink *sink;

	if (code != MORTISE_OK)
		return code;
	code = sink_find(assembly->config, name, &sink, fetching->error);
	if (code != MORTISE_OK)
		return code;
	if (sink->only_count > 0)
		return error_set(fetching->error, MORTISE_UNSUPPORTED, MORTISE_REASON_UNCHECKABLE,
		    "%s has some actions of the trail alone (`only`), so its links cannot be verified",
		    name);
	running = running_new(context, assembly);
	if (running == NULL)
		return error_memory(fetching->error);
	code = running_open(context, running,
	    &(struct opening){.one = true, .target = sink->target}, fetching->error);
	return code == MORTISE_OK ? read_sink(context, running, sink->target, fetching) : code;
}

enum mortise_code
mortise_audit_fetch(const struct mortise_open_options *options, const char *sink,
    const char *directory, struct mortise_audit_anchor *last, struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct fetching fetching = {.directory = directory, .file = -1, .error = error};
	struct mortise *context = NULL;
	enum mortise_code code;

	error_clear(error);
	code = context_new(options, &context, error);
	if (code == MORTISE_OK)
		code = fetch(context, sink, &fetching);
	file_close(&fetching.file);
	mortise_close(context);
	if (code == MORTISE_OK)
		*last = fetching.last;
	return code;
}
