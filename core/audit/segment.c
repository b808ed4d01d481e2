/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that a trail consists of: DIR/NNNNNN.jsonl. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/cursor.h"
#include "audit/parts.h"
#include "base/digest.h"
#include "base/file.h"

#define SEGMENT_BYTES (UINT64_C(64) << 20)
#define CHECKPOINT_MAX 1024	/* bytes of its line, more than it can have */
#define SEGMENT_US (INT64_C(24) * 3600 * 1000000)

void
segment_name(uint64_t segment, char name[SEGMENT_NAME_SIZE])
{
	(void)snprintf(name, SEGMENT_NAME_SIZE, "%06" PRIu64 ".jsonl", segment);
}

static enum mortise_code
failed(const struct trail *trail, struct mortise_error *error, const char *what)
{
	char name[SEGMENT_NAME_SIZE];
	int saved = errno;

	segment_name(trail->segment, name);
	(void)error_errno(error, saved, "%s/%s cannot be %s", trail->options.directory, name,
	    what);
	if (error != NULL)
		error->reason = MORTISE_REASON_AUDIT;
	return MORTISE_ERROR;
}

/* The number of a segment's name, 0 for any other name. */
static uint64_t
segment_number(const char *name)
{
	char again[SEGMENT_NAME_SIZE];
	uint64_t number = 0;

	for (const char *p = name; isdigit((unsigned char)*p) && p - name < 15; p++)
		number = number * 10 + (uint64_t)(*p - '0');
	segment_name(number, again);
	return strcmp(name, again) == 0 ? number : 0;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static bool
add_number(uint64_t **all, size_t *count, uint64_t number)
{
	uint64_t *bigger = realloc(*all, (*count + 1) * sizeof(**all));

	if (bigger == NULL)
		return false;
	*all = bigger;
	bigger[(*count)++] = number;
	return true;
}

enum mortise_code
segment_list(int directory, uint64_t **segments, size_t *count, struct mortise_error *error)
{
	int fd = file_open(directory, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	uint64_t *all = NULL;
	size_t n = 0;
	struct dirent *entry;
	bool good = true;

	if (list == NULL) {
		(void)error_errno(error, errno, "the trail's directory cannot be read");
		file_close(&fd);
		return MORTISE_ERROR;
	}
	while (good && (entry = readdir(list)) != NULL) {
		uint64_t number = segment_number(entry->d_name);

		if (number != 0)
			good = add_number(&all, &n, number);
	}
	(void)closedir(list);
	if (!good) {
		free(all);
		return error_memory(error);
	}
	if (n > 1)
		qsort(all, n, sizeof(*all), compare_numbers);
	*segments = all;
	*count = n;
	return MORTISE_OK;
}

enum mortise_code
trail_segment_open(struct trail *trail, uint64_t segment, struct mortise_error *error)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat st;

	segment_name(segment, name);
	file_close(&trail->file);
	trail->segment = segment;
	trail->end.offset = 0;
	if (fstatat(trail->directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(trail, error, "found");
	/* Asked of the mode, not by trying: root may write what is sealed, too. */
	trail->sealed = (st.st_mode & S_IWUSR) == 0;
	trail->file = file_open(trail->directory, name, O_NOFOLLOW |
	    (trail->sealed ? O_RDONLY : O_RDWR | O_APPEND), 0);
	return trail->file < 0 ? failed(trail, error, "opened") : MORTISE_OK;
}

static enum mortise_code
open_record(struct trail *trail, uint64_t segment, const struct record_gap *gap,
    struct buffer *line, struct position *next, struct mortise_error *error)
{
	struct record record = {
		.type = RECORD_OPEN, .segment = segment, .gap = gap, .anew = trail->anew != 0,
		.program = trail->options.program,
	};
	struct record_link link = {
		.trail = trail->id, .host = trail->host, .parent = trail->parent,
		.seq = trail->end.seq + 1, .time_us = clock_unix_us(), .before = trail->end.hash,
	};
	enum mortise_code code;

	link.back = link.time_us < trail->end.time_us;
	*next = (struct position){.seq = link.seq, .time_us = link.time_us};
	(void)pthread_mutex_lock(&trail->mutex);
	record.config = trail->running.config;
	record.plugins = trail->running.plugins;
	record.plugins_count = trail->running.plugins_count;
	code = record_line(&record, &link, line, next->hash, error);
	running_digest(&trail->running, trail->known);
	(void)pthread_mutex_unlock(&trail->mutex);
	next->offset = line->size;
	return code;
}

/* Makes the file with its first record, durable before it is used. */
static int
create(struct trail *trail, const char *name, const struct buffer *line)
{
	int fd = file_open(trail->directory, name,
	    O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	int saved;

	if (fd < 0)
		return -1;
	if (fchmod(fd, 0600) == 0 && file_write(fd, line->data, line->size, NULL) == 0 &&
	    file_sync(fd) == 0 && file_sync(trail->directory) == 0)
		return fd;
	saved = errno;
	file_close(&fd);
	(void)unlinkat(trail->directory, name, 0);
	errno = saved;
	return -1;
}

enum mortise_code
trail_segment_begin(struct trail *trail, const struct record_gap *gap, struct mortise_error *error)
{
	struct buffer line _cleanup_(buffer_free) = {0};
	char name[SEGMENT_NAME_SIZE];
	uint64_t *segments _cleanup_(free_pointer) = NULL;
	struct position next;
	size_t count;
	int file, old;
	enum mortise_code code = segment_list(trail->directory, &segments, &count, error);

	if (code != MORTISE_OK)
		return code;
	/* Also past what was moved aside or unlinked: no number is used twice. */
	uint64_t segment = (count > 0 && segments[count - 1] > trail->segment ?
	    segments[count - 1] : trail->segment) + 1;
	code = open_record(trail, segment, gap, &line, &next, error);
	if (code != MORTISE_OK)
		return code;
	segment_name(segment, name);
	file = create(trail, name, &line);
	if (file < 0)
		return failed(trail, error, "followed by a new segment");
	old = trail->file;
	trail->file = file;
	trail->segment = segment;
	trail->first_seq = next.seq;
	trail->segment_us = next.time_us;
	trail->sealed = false;
	trail->end = trail->durable = next;
	trail->head_due = true;
	code = trail_lock_write(trail, false, error);
	if (old >= 0)
		(void)fchmod(old, 0400);
	file_close(&old);
	return code;
}

/* The segment's last line if that is a checkpoint, as a member of its seal. */
static void
add_checkpoint(const struct trail *trail, uint64_t segment, struct buffer *seal)
{
	char name[SEGMENT_NAME_SIZE], bytes[CHECKPOINT_MAX + 1];
	int fd _cleanup_(file_close) = -1;
	ssize_t size;
	off_t end;
	char *line;

	segment_name(segment, name);
	fd = file_open(trail->directory, name, O_RDONLY | O_NOFOLLOW, 0);
	end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	size = end <= 0 ? 0 : file_read_at(fd, bytes, CHECKPOINT_MAX,
	    end > CHECKPOINT_MAX ? end - CHECKPOINT_MAX : 0);
	if (size <= 0 || bytes[size - 1] != '\n')
		return;
	bytes[size - 1] = '\0';
	line = strrchr(bytes, '\n');
	/* Quotes within a text are escaped, so no other record has this in it. */
	if (line != NULL && strstr(line + 1, ",\"t\":\"checkpoint\",") != NULL)
		buffer_format(seal, ",\"checkpoint\":%s", line + 1);
}

/* Notes how a segment ended before it goes. */
static bool
note_seal(const struct trail *trail, uint64_t segment, const struct segment_start *next)
{
	int fd _cleanup_(file_close) = file_open(trail->directory, "seals.jsonl",
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
	struct buffer line _cleanup_(buffer_free) = {0};

	buffer_format(&line, "{\"trail\":\"%s\",\"segment\":%" PRIu64 ",\"seq\":%" PRIu64
	    ",\"h\":\"%s\"", trail->id, segment, next->seq - 1, next->before);
	add_checkpoint(trail, segment, &line);
	buffer_text(&line, "}\n");
	return fd >= 0 && !line.failed && file_write(fd, line.data, line.size, NULL) == 0 &&
	    file_sync(fd) == 0 && file_sync(trail->directory) == 0;
}

/* Has every sink that is to have them the records up to seq? */
static bool
is_delivered(const struct trail *trail, uint64_t seq)
{
	char sink[NAME_MAX + 1];

	if (!cursor_keeps(trail->directory, trail->id, seq, sink))
		return true;
	log_line(trail->options.logger, MORTISE_LOG_WARNING, "%s: the sink %s has not got records "
	    "that are past their retention, so they are kept; see `mortise doctor`",
	    trail->options.directory, sink);
	return false;
}

/* A segment is old when the one after it was begun before the limit. */
static void
remove_old(struct trail *trail)
{
	uint64_t *segments _cleanup_(free_pointer) = NULL;
	int64_t ms = trail->options.retention_ms;
	/* Nothing is older than what is longer than that. */
	int64_t limit = ms > INT64_MAX / 2000 ? 0 : clock_unix_us() - ms * 1000;
	char name[SEGMENT_NAME_SIZE];
	struct segment_start next;
	size_t count = 0;

	if (trail->options.retention_ms <= 0 ||
	    segment_list(trail->directory, &segments, &count, NULL) != MORTISE_OK)
		return;
	for (size_t i = 0; i + 1 < count && segments[i] < trail->segment; i++) {
		if (!segment_start(trail->directory, segments[i + 1], &next) ||
		    next.time_us >= limit || !is_delivered(trail, next.seq - 1) ||
		    !note_seal(trail, segments[i], &next))
			return;
		segment_name(segments[i], name);
		(void)unlinkat(trail->directory, name, 0);
		log_line(trail->options.logger, MORTISE_LOG_INFO,
		    "%s/%s is past its retention and removed", trail->options.directory, name);
	}
}

bool
trail_segment_due(const struct trail *trail, size_t more)
{
	uint64_t bytes = trail->options.segment_bytes != 0 ? trail->options.segment_bytes :
	    SEGMENT_BYTES;
	int64_t us = trail->options.segment_ms != 0 ? trail->options.segment_ms * 1000 :
	    SEGMENT_US;

	return trail->end.offset + more > bytes || clock_unix_us() - trail->segment_us >= us;
}

enum mortise_code
trail_segment_next(struct trail *trail, struct mortise_error *error)
{
	enum mortise_code code = trail_segment_begin(trail, NULL, error);

	if (code != MORTISE_OK)
		return code;
	trail_head_write(trail, true);
	remove_old(trail);
	return MORTISE_OK;
}

enum mortise_code
trail_segments(const char *directory, char ***files, size_t *count, struct mortise_error *error)
{
	int fd _cleanup_(file_close) = file_open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
	uint64_t *segments _cleanup_(free_pointer) = NULL;
	char name[SEGMENT_NAME_SIZE], **made;
	size_t n;
	enum mortise_code code;

	if (fd < 0)
		return error_errno(error, errno, "the trail %s cannot be opened", directory);
	code = segment_list(fd, &segments, &n, error);
	if (code != MORTISE_OK)
		return code;
	made = calloc(n + 1, sizeof(*made));
	for (size_t i = 0; made != NULL && i < n; i++) {
		segment_name(segments[i], name);
		made[i] = path_join(directory, name);
		if (made[i] == NULL) {
			trail_segments_free(made, i);
			made = NULL;
		}
	}
	if (made == NULL)
		return error_memory(error);
	*files = made;
	*count = n;
	return MORTISE_OK;
}

void
trail_segments_free(char **files, size_t count)
{
	for (size_t i = 0; files != NULL && i < count; i++)
		free(files[i]);
	free(files);
}
