/* SPDX-License-Identifier: BSD-2-Clause */
/* For O_CLOEXEC and O_NOFOLLOW. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

#define RUN_FORMAT "{\"trail\":\"%s\",\"seq\":%" PRIu64 ",\"device\":%" PRIu64 ",\"inode\":%" \
	PRIu64 ",\"from\":%" PRIu64 ",\"to\":%" PRIu64 "}\n"
#define RUN_PATTERN "{\"trail\":\"%32[0-9a-f]\",\"seq\":%" SCNu64 ",\"device\":%" SCNu64 \
	",\"inode\":%" SCNu64 ",\"from\":%" SCNu64 ",\"to\":%" SCNu64 "}%c"
#define RUN_TEXT_MAX 256

static void
close_stream(FILE **stream)
{
	if (*stream != NULL)
		(void)fclose(*stream);
}

static enum mortise_code
fail_damaged(const struct sink *sink)
{
	return sink->host->fail(sink->call, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "%s is damaged, and with it goes what was written so far; remove it, and the file "
	    "gets all records again", sink->position);
}

enum mortise_code
runs_load(const struct sink *sink, struct runs *runs)
{
	FILE *stream _cleanup_(close_stream) = NULL;
	int fd = open_again(sink->position, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	char text[RUN_TEXT_MAX], end;

	runs->count = 0;
	if (fd < 0)
		return errno == ENOENT ? MORTISE_OK : fail_errno(sink, sink->position);
	stream = fdopen(fd, "r");
	if (stream == NULL) {
		(void)close(fd);
		return fail_memory(sink);
	}
	while (fgets(text, sizeof(text), stream) != NULL) {
		struct run *run = &runs->list[runs->count];

		if (runs->count == RUNS_MAX || sscanf(text, RUN_PATTERN, run->trail, &run->seq,
		    &run->device, &run->inode, &run->from, &run->to, &end) != 7 || end != '\n' ||
		    strlen(run->trail) != TRAIL_SIZE - 1 || run->from > run->to)
			return fail_damaged(sink);
		runs->count++;
	}
	return ferror(stream) ? fail_errno(sink, sink->position) : MORTISE_OK;
}

static bool
write_runs(const struct sink *sink, FILE *stream)
{
	for (size_t i = 0; i < sink->runs.count; i++) {
		const struct run *run = &sink->runs.list[i];

		if (fprintf(stream, RUN_FORMAT, run->trail, run->seq, run->device, run->inode,
		    run->from, run->to) < 0)
			return false;
	}
	return fflush(stream) == 0 && fsync(fileno(stream)) == 0;
}

/*
 * The name in the directory is synced by those for whom an older file will not do: one
 * whose newest run ends too early is, after a crash, as good as this one.
 */
enum mortise_code
runs_store(const struct sink *sink)
{
	int fd = open_again(sink->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "w");
	bool good = stream != NULL && write_runs(sink, stream);
	int saved = errno;

	if (stream != NULL)
		(void)fclose(stream);
	else if (fd >= 0)
		(void)close(fd);
	errno = saved;
	if (good && rename(sink->temporary, sink->position) == 0)
		return MORTISE_OK;
	saved = errno;
	(void)unlink(sink->temporary);
	errno = saved;
	return fail_errno(sink, sink->position);
}

struct run *
runs_newest(struct runs *runs)
{
	return runs->count == 0 ? NULL : &runs->list[runs->count - 1];
}

const struct run *
runs_of(const struct runs *runs, const char *trail)
{
	for (size_t i = runs->count; i > 0; i--) {
		if (strcmp(runs->list[i - 1].trail, trail) == 0)
			return &runs->list[i - 1];
	}
	return NULL;
}

struct run *
runs_add(struct runs *runs)
{
	size_t oldest = 0;

	if (runs->count < RUNS_MAX)
		return &runs->list[runs->count++];
	/* The newest run of a trail is its position: others go first. */
	while (oldest < RUNS_MAX && runs_of(runs, runs->list[oldest].trail) ==
	    &runs->list[oldest])
		oldest++;
	if (oldest == RUNS_MAX)
		oldest = 0;
	memmove(&runs->list[oldest], &runs->list[oldest + 1],
	    (RUNS_MAX - oldest - 1) * sizeof(runs->list[0]));
	return &runs->list[RUNS_MAX - 1];
}

void
runs_forget(struct runs *runs, uint64_t device, uint64_t inode)
{
	for (size_t i = 0; i < runs->count; i++) {
		struct run *run = &runs->list[i];

		if (run->device == device && run->inode == inode)
			run->device = run->inode = 0;
	}
}
