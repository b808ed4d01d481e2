/* SPDX-License-Identifier: BSD-2-Clause */
/* erase: from the newest file to the oldest, so that one which is moved meanwhile is met
 * again, and not missed.  Others may write at the same time. */
/* For O_CLOEXEC and O_NOFOLLOW. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

#define CHUNK (256 * 1024)		/* more than any line has */

struct erasure {
	struct sink *sink;
	const char *trail;
	uint64_t *seqs;			/* rising */
	size_t count;
	size_t met;			/* records of them that were there */
	char *chunk;
	/* The file that is looked at. */
	const char *path;
	int fd;
	bool changed;
};

static int
by_number(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* --- one file ---------------------------------------------------------------------- */

static enum mortise_code
blank(struct erasure *erasure, char *line, size_t size, uint64_t offset)
{
	size_t from = 0, to = 0, done = 0;
	bool null = false;
	ssize_t n = 0;

	if (!line_personal(line, size, &from, &to, &null))
		return MORTISE_OK;
	memset(line + from, ' ', to - from);
	if (null)
		memcpy(line + from, "null", 4);
	while (from + done < to && (n >= 0 || errno == EINTR)) {
		n = pwrite(erasure->fd, line + from + done, to - from - done,
		    (off_t)(offset + from + done));
		if (n > 0)
			done += (size_t)n;
	}
	erasure->changed = true;
	return from + done == to ? MORTISE_OK : fail_errno(erasure->sink, erasure->path);
}

/* Whole lines of the chunk, which is from there in the file. */
static enum mortise_code
blank_lines(struct erasure *erasure, size_t size, uint64_t offset, size_t *used)
{
	enum mortise_code code = MORTISE_OK;
	char *lf;

	for (*used = 0; code == MORTISE_OK &&
	    (lf = memchr(erasure->chunk + *used, '\n', size - *used)) != NULL;) {
		char *line = erasure->chunk + *used;
		size_t length = (size_t)(lf - line);
		uint64_t seq;

		if (line_seq(line, length, &seq) && bsearch(&seq, erasure->seqs, erasure->count,
		    sizeof(seq), by_number) != NULL) {
			code = blank(erasure, line, length, offset + *used);
			erasure->met++;
		}
		*used += length + 1;
	}
	return code;
}

static enum mortise_code
erase_range(struct erasure *erasure, uint64_t from, uint64_t to)
{
	enum mortise_code code = MORTISE_OK;
	size_t used = 1;

	while (code == MORTISE_OK && used > 0 && from < to) {
		size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
		ssize_t n = read_at(erasure->fd, erasure->chunk, want, from);

		if (n < 0)
			return fail_errno(erasure->sink, erasure->path);
		if (erasure->sink->host->left_ms(erasure->sink->call) == 0)
			return erasure->sink->host->fail(erasure->sink->call, MORTISE_TIMEOUT,
			    MORTISE_REASON_NONE, "%s was not read to its end by the deadline; "
			    "give it more time", erasure->path);
		code = blank_lines(erasure, (size_t)n, from, &used);
		from += used;
	}
	return code;
}

/*
 * Its size is measured before the runs are read: what was there then, and no run that is
 * noted by now has it, is of the newest one.
 */
static enum mortise_code
erase_runs(struct erasure *erasure)
{
	struct runs *runs = calloc(1, sizeof(*runs));
	struct stat status;
	enum mortise_code code;

	if (runs == NULL)
		return fail_memory(erasure->sink);
	code = fstat(erasure->fd, &status) < 0 ? fail_errno(erasure->sink, erasure->path) :
	    runs_load(erasure->sink, runs);
	for (size_t i = 0; code == MORTISE_OK && i < runs->count; i++) {
		const struct run *run = &runs->list[i];

		if (run->device != (uint64_t)status.st_dev ||
		    run->inode != (uint64_t)status.st_ino ||
		    strcmp(run->trail, erasure->trail) != 0)
			continue;
		code = erase_range(erasure, run->from, i + 1 < runs->count ? run->to :
		    (uint64_t)status.st_size);
	}
	free(runs);
	return code;
}

static enum mortise_code
erase_file(struct erasure *erasure)
{
	enum mortise_code code;

	erasure->changed = false;
	erasure->fd = open_again(erasure->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);
	if (erasure->fd < 0)
		return errno == ENOENT ? MORTISE_OK : fail_errno(erasure->sink, erasure->path);
	code = erase_runs(erasure);
	if (erasure->changed && sync_data(erasure->fd) < 0 && code == MORTISE_OK)
		code = fail_errno(erasure->sink, erasure->path);
	(void)close(erasure->fd);
	return code;
}

/* --- all of them ------------------------------------------------------------------- */

static enum mortise_code
erase_files(struct erasure *erasure)
{
	struct sink *sink = erasure->sink;
	size_t size = strlen(sink->path) + sizeof(".4294967295");
	char *path = malloc(size);
	enum mortise_code code = path == NULL ? fail_memory(sink) : MORTISE_OK;

	erasure->path = path;
	for (unsigned int i = 0; code == MORTISE_OK && i <= sink->keep; i++) {
		(void)snprintf(path, size, i == 0 ? "%s" : "%s.%u", sink->path, i);
		code = erase_file(erasure);
	}
	free(path);
	return code;
}

enum mortise_code
file_erase(void *instance, struct mortise_call *call, const char *trail, const uint64_t *seqs,
    size_t count)
{
	struct sink *sink = instance;
	struct erasure erasure = {.sink = sink, .trail = trail, .count = count, .fd = -1};
	enum mortise_code code;

	if (count == 0)
		return MORTISE_OK;
	sink->call = call;
	erasure.seqs = calloc(count, sizeof(*seqs));
	erasure.chunk = malloc(CHUNK);
	if (erasure.seqs != NULL && erasure.chunk != NULL) {
		memcpy(erasure.seqs, seqs, count * sizeof(*seqs));
		qsort(erasure.seqs, count, sizeof(*seqs), by_number);
		code = erase_files(&erasure);
	} else
		code = fail_memory(sink);
	free(erasure.seqs);
	free(erasure.chunk);
	if (code == MORTISE_OK && erasure.met < count)
		sink->host->log(call, MORTISE_LOG_WARNING, "%zu of %zu records to be erased are "
		    "not in %s, nor in those that it keeps beside it; erase them in what was moved "
		    "elsewhere", count - erasure.met, count, sink->path);
	return code;
}
