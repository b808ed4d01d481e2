/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define CHUNK ((size_t)1 << 20)

void
reader_init(struct reader *reader, int directory)
{
	*reader = (struct reader){.directory = directory, .file = -1};
}

void
reader_free(struct reader *reader)
{
	file_close(&reader->file);
	free(reader->bytes);
	reader->bytes = NULL;
}

void
reader_place(struct reader *reader, uint64_t segment, uint64_t offset)
{
	if (segment != reader->segment)
		file_close(&reader->file);
	reader->segment = segment;
	reader->offset = offset;
	reader->size = reader->at = 0;
}

enum mortise_code
reader_seek(struct reader *reader, const struct lock_state *lock, uint64_t seq, uint64_t *first,
    struct mortise_error *error)
{
	uint64_t *segments _cleanup_(free_pointer) = NULL;
	struct segment_start start;
	size_t count = 0;
	enum mortise_code code = segment_list(reader->directory, &segments, &count, error);

	if (code != MORTISE_OK)
		return code;
	reader_place(reader, 0, 0);
	for (size_t i = count; i-- > 0;) {
		/* It is being begun. */
		if (segments[i] > lock->segment)
			continue;
		if (!segment_start(reader->directory, segments[i], &start)) {
			/* The oldest may be gone by now. */
			if (i > 0)
				return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
				    "segment %llu of the trail does not begin with its open record; see "
				    "`mortise audit verify`", (unsigned long long)segments[i]);
			break;
		}
		*first = start.seq;
		reader_place(reader, segments[i], 0);
		if (start.seq <= seq + 1)
			return MORTISE_OK;
	}
	return reader->segment != 0 ? MORTISE_OK : error_set(error, MORTISE_NOT_FOUND,
	    MORTISE_REASON_AUDIT, "the trail has no segment");
}

/* How far the segment may be read. */
static enum mortise_code
find_end(struct reader *reader, const struct lock_state *lock, uint64_t *end,
    struct mortise_error *error)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat st;

	segment_name(reader->segment, name);
	if (reader->file < 0)
		reader->file = file_open(reader->directory, name, O_RDONLY | O_NOFOLLOW, 0);
	if (reader->file < 0 && errno == ENOENT)
		return error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_AUDIT,
		    "the trail's %s is not there any more", name);
	if (reader->file < 0 || fstat(reader->file, &st) < 0)
		return error_errno(error, errno, "the trail's %s cannot be read", name);
	*end = reader->segment == lock->segment ? lock->durable : (uint64_t)st.st_size;
	return MORTISE_OK;
}

/* false: the one that is open is the last. */
static bool
next_segment(struct reader *reader, const struct lock_state *lock)
{
	uint64_t *segments _cleanup_(free_pointer) = NULL;
	size_t count = 0;

	if (reader->segment >= lock->segment ||
	    segment_list(reader->directory, &segments, &count, NULL) != MORTISE_OK)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (segments[i] <= reader->segment || segments[i] > lock->segment)
			continue;
		reader_place(reader, segments[i], 0);
		return true;
	}
	return false;
}

enum mortise_code
reader_fill(struct reader *reader, const struct lock_state *lock, struct mortise_error *error)
{
	uint64_t end = 0;
	ssize_t got;
	enum mortise_code code;

	reader->size = reader->at = 0;
	if (reader->bytes == NULL) {
		reader->bytes = malloc(CHUNK);
		if (reader->bytes == NULL)
			return error_memory(error);
	}
	do {
		code = find_end(reader, lock, &end, error);
		if (code != MORTISE_OK)
			return code;
	} while (reader->offset >= end && next_segment(reader, lock));
	if (reader->offset >= end)
		return MORTISE_OK;
	got = file_read_at(reader->file, reader->bytes,
	    end - reader->offset < CHUNK ? (size_t)(end - reader->offset) : CHUNK,
	    (off_t)reader->offset);
	if (got < 0)
		return error_errno(error, errno, "segment %llu of the trail cannot be read",
		    (unsigned long long)reader->segment);
	reader->size = (size_t)got;
	return MORTISE_OK;
}

static uint64_t
number_of(const char *line, size_t size)
{
	static const char start[] = "{\"c\":{\"v\":1,\"seq\":";
	const char *at = line + sizeof(start) - 1, *end = line + size;
	uint64_t seq = 0;

	if (size <= sizeof(start) || memcmp(line, start, sizeof(start) - 1) != 0)
		return 0;
	for (; at < end && *at >= '0' && *at <= '9' && seq < UINT64_MAX / 16; at++)
		seq = seq * 10 + (uint64_t)(*at - '0');
	return at < end && *at == ',' ? seq : 0;
}

char *
reader_line(struct reader *reader, size_t *size, uint64_t *seq)
{
	char *line = reader->bytes + reader->at;
	char *lf = reader->at == reader->size ? NULL :
	    memchr(line, '\n', reader->size - reader->at);

	if (lf == NULL)
		return NULL;
	*lf = '\0';
	*size = (size_t)(lf - line);
	*seq = number_of(line, *size);
	reader->at += *size + 1;
	reader->offset += *size + 1;
	return line;
}

enum mortise_code
reader_next(struct reader *reader, const struct lock_state *lock, char **line, size_t *size,
    uint64_t *seq, struct mortise_error *error)
{
	enum mortise_code code;

	*line = reader_line(reader, size, seq);
	if (*line != NULL)
		return MORTISE_OK;
	code = reader_fill(reader, lock, error);
	if (code == MORTISE_OK)
		*line = reader_line(reader, size, seq);
	return code;
}

uint64_t
reader_last(int directory, const struct lock_state *lock)
{
	char *bytes _cleanup_(free_pointer) = malloc(RECORD_LINE_MAX);
	size_t want = lock->durable < RECORD_LINE_MAX ? (size_t)lock->durable : RECORD_LINE_MAX;
	char name[SEGMENT_NAME_SIZE];
	size_t start = want;

	segment_name(lock->segment, name);
	int file _cleanup_(file_close) = file_open(directory, name, O_RDONLY | O_NOFOLLOW, 0);

	if (bytes == NULL || file < 0 || want == 0 ||
	    file_read_at(file, bytes, want, (off_t)(lock->durable - want)) != (ssize_t)want)
		return 0;
	while (start > 0 && (start == want || bytes[start - 1] != '\n'))
		start--;
	return number_of(bytes + start, want - start);
}

uint64_t
reader_left(const struct reader *reader, const struct lock_state *lock)
{
	uint64_t *segments _cleanup_(free_pointer) = NULL;
	uint64_t left = 0;
	size_t count = 0;

	if (reader->segment == lock->segment)
		return lock->durable > reader->offset ? lock->durable - reader->offset : 0;
	if (segment_list(reader->directory, &segments, &count, NULL) != MORTISE_OK)
		return 0;
	for (size_t i = 0; i < count; i++) {
		char name[SEGMENT_NAME_SIZE];
		struct stat st;

		segment_name(segments[i], name);
		if (segments[i] < reader->segment || segments[i] > lock->segment ||
		    fstatat(reader->directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		left += segments[i] == lock->segment ? lock->durable : (uint64_t)st.st_size;
	}
	return left > reader->offset ? left - reader->offset : 0;
}
