/* SPDX-License-Identifier: BSD-2-Clause */
/* emit, flush and position. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

#define GATHER (256 * 1024)		/* bytes of lines that are written at once */
#define PAST_MAX (8 * 1024 * 1024)	/* a batch at its largest */

/* --- what was there already -------------------------------------------------------- */

/* The end of the newest run, as far as a batch that is sent again can reach. */
struct past {
	bool read;
	char *bytes;
	size_t size, at;		/* at: behind what was looked at */
};

static void
past_free(const struct past *past)
{
	free(past->bytes);
}

static enum mortise_code
past_read(struct sink *sink, struct past *past)
{
	uint64_t from = runs_newest(&sink->runs)->from;
	size_t size;
	ssize_t n;
	const char *lf;

	if (past->read)
		return MORTISE_OK;
	if (sink->end - from > PAST_MAX)
		from = sink->end - PAST_MAX;
	size = (size_t)(sink->end - from);
	past->bytes = malloc(size + 1);
	if (past->bytes == NULL)
		return fail_memory(sink);
	n = read_at(sink->fd, past->bytes, size, from);
	if (n < 0)
		return fail_errno(sink, sink->path);
	past->size = (size_t)n;
	past->read = true;
	/* It may begin within a line. */
	lf = from == runs_newest(&sink->runs)->from ? NULL : memchr(past->bytes, '\n', past->size);
	past->at = lf == NULL ? 0 : (size_t)(lf - past->bytes) + 1;
	return MORTISE_OK;
}

/* Is it the same record?  Both go on to higher numbers, so nothing is looked at twice. */
static enum mortise_code
compare(struct sink *sink, struct past *past, const struct mortise_line *line)
{
	const char *lf;
	enum mortise_code code = past_read(sink, past);

	while (code == MORTISE_OK && past->at < past->size &&
	    (lf = memchr(past->bytes + past->at, '\n', past->size - past->at)) != NULL) {
		const char *kept = past->bytes + past->at;
		size_t size = (size_t)(lf - kept);
		uint64_t seq;

		if (!line_seq(kept, size, &seq) || seq > line->seq)
			break;
		if (seq == line->seq && !line_same(kept, size, line))
			return sink->host->fail(sink->call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
			    "%s has another record %llu of this trail: one of them was not written "
			    "by it; run `mortise audit verify`, and compare", sink->path,
			    (unsigned long long)seq);
		past->at += size + 1;
	}
	return code;
}

/* --- what is new ------------------------------------------------------------------- */

/* All bytes, or as many as *written says, and errno. */
static bool
write_all(int fd, const char *bytes, size_t size, size_t *written)
{
	ssize_t n = 0;

	*written = 0;
	while (*written < size && (n >= 0 || errno == EINTR)) {
		n = write(fd, bytes + *written, size - *written);
		if (n > 0)
			*written += (size_t)n;
	}
	return *written == size;
}

/* The buffer's lines.  Where there is no room for all of them, those that are whole. */
static enum mortise_code
write_lines(struct sink *sink, const struct mortise_line *lines, size_t *taken)
{
	const char *bytes = sink->buffer.data, *lf;
	size_t written, whole = 0, count = 0;
	bool good = write_all(sink->fd, bytes, sink->buffer.size, &written);
	enum mortise_code code = good ? MORTISE_OK : fail_errno(sink, sink->path);

	for (; (lf = memchr(bytes + whole, '\n', written - whole)) != NULL; count++)
		whole = (size_t)(lf - bytes) + 1;
	/* Where this fails, the file is longer than it was left, and is looked at again. */
	if (whole < written && ftruncate(sink->fd, (off_t)(sink->end + whole)) < 0)
		code = fail_errno(sink, sink->path);
	if (count == 0)
		return code;
	sink->end += whole;
	sink->seq = lines[count - 1].seq;
	sink->dirty = true;
	*taken += count;
	return code;
}

static enum mortise_code
append(struct sink *sink, const struct mortise_line *lines, size_t count, size_t *taken)
{
	struct buffer *buffer = &sink->buffer;
	bool full = false;

	buffer->size = 0;
	for (size_t i = 0; i < count && buffer->size < GATHER && !full; i++) {
		size_t before = buffer->size;

		line_render(sink, &lines[i], buffer);
		full = sink->rotate_size > 0 && sink->end + before > 0 &&
		    sink->end + buffer->size > sink->rotate_size;
		if (full)
			buffer->size = before;
	}
	if (buffer->failed) {
		buffer_free(buffer);
		return fail_memory(sink);
	}
	return buffer->size == 0 ? sink_rotate(sink, lines[0].trail) :
	    write_lines(sink, lines, taken);
}

/* --- the operations ---------------------------------------------------------------- */

enum mortise_code
file_emit(void *instance, struct mortise_call *call, const struct mortise_line *lines,
    size_t count, size_t *taken)
{
	struct past past _cleanup_(past_free) = {0};
	struct sink *sink = instance;
	enum mortise_code code;

	sink->call = call;
	*taken = 0;
	code = count == 0 ? MORTISE_OK : sink_ready(sink, lines[0].trail);
	while (code == MORTISE_OK && *taken < count) {
		const struct mortise_line *next = &lines[*taken];

		if (sink->host->left_ms(call) == 0)
			return sink->host->fail(call, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
			    "%s: no time was left to write it", sink->path);
		if (next->seq > sink->seq) {
			code = append(sink, next, count - *taken, taken);
			continue;
		}
		code = compare(sink, &past, next);
		if (code == MORTISE_OK)
			++*taken;
	}
	return code;
}

enum mortise_code
file_flush(void *instance, struct mortise_call *call)
{
	struct sink *sink = instance;
	enum mortise_code code;

	sink->call = call;
	code = sink_catch_up(sink);
	return code == MORTISE_OK ? sink_sync(sink) : code;
}

enum mortise_code
file_position(void *instance, struct mortise_call *call, const char *trail, uint64_t *seq)
{
	struct sink *sink = instance;
	const struct run *run;
	enum mortise_code code = file_flush(instance, call);

	if (code != MORTISE_OK)
		return code;
	run = runs_of(&sink->runs, trail);
	*seq = run == NULL ? 0 : run->seq;
	return MORTISE_OK;
}
