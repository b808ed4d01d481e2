/* SPDX-License-Identifier: BSD-2-Clause */
/* How far a sink is, for who only looks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "audit/cursor.h"
#include "audit/fields.h"
#include "audit/reader.h"
#include "base/file.h"

static int64_t
time_of(const char *line, size_t size)
{
	struct fields fields = {.count = 0};
	const char *ts = fields_take(&fields, line, size) ? fields_find(&fields, "ts") : NULL;
	int64_t ms = 0;

	if (ts != NULL && !clock_parse(ts, &ms))
		ms = 0;
	fields_free(&fields);
	return ms * 1000;
}

/* From the record behind the cursor on. */
static enum mortise_code
measure(struct reader *reader, const struct lock_state *lock, const struct cursor *cursor,
    struct sink_progress *progress, struct mortise_error *error)
{
	uint64_t first = 0, seq = 0;
	size_t size = 0;
	enum mortise_code code = MORTISE_OK;
	char *line = NULL;

	reader_place(reader, cursor->segment, cursor->offset);
	if (cursor->segment == 0)
		code = reader_seek(reader, lock, cursor->seq, &first, error);
	do {
		if (code == MORTISE_OK)
			code = reader_next(reader, lock, &line, &size, &seq, error);
	} while (code == MORTISE_OK && line != NULL && seq <= cursor->seq);
	if (code == MORTISE_OK && line != NULL) {
		progress->bytes = reader_left(reader, lock) + size + 1;
		progress->waiting_us = time_of(line, size);
	}
	return code;
}

enum mortise_code
sink_progress(const char *directory, const char *sink, struct sink_progress *progress,
    struct mortise_error *error)
{
	int trail _cleanup_(file_close) = file_open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
	int file _cleanup_(file_close) = trail < 0 ? -1 : cursor_look(trail, sink);
	struct lock_state lock = {.segment = 0};
	struct cursor cursor = {.seq = 0};
	struct reader reader;
	enum mortise_code code;

	if (trail < 0 || !trail_lock_look(directory, &lock))
		return error_errno(error, errno, "the trail %s cannot be read", directory);
	if (file >= 0)
		(void)cursor_read(file, &cursor);
	*progress = (struct sink_progress){.seq = cursor.seq, .parked = cursor.parked,
	    .last = reader_last(trail, &lock)};
	memcpy(progress->failure, cursor.failure, sizeof(progress->failure));
	reader_init(&reader, trail);
	code = measure(&reader, &lock, &cursor, progress, error);
	reader_free(&reader);
	return code;
}
