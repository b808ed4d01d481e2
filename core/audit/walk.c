/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "audit/parts.h"
#include "base/file.h"

#define CHUNK (256 * 1024)

/* A file's time of change is read from a coarser clock than a record's. */
#define COARSE_MS 1000

struct walking {
	const char *path;
	uint64_t segment;
	walk_fn *each;
	void *arg;
};

enum mortise_code
walk_begin(struct walk *walk, const char *directory, struct mortise_error *error)
{
	struct lock_state lock = {.segment = 0};
	bool known;

	/* Before the files are listed: what it calls durable is in one of them. */
	known = trail_lock_look(directory, &lock);
	*walk = (struct walk){.segment = known ? lock.segment : UINT64_MAX,
	    .durable = lock.durable};
	return trail_segments(directory, &walk->files, &walk->count, error);
}

void
walk_end(struct walk *walk)
{
	trail_segments_free(walk->files, walk->count);
	*walk = (struct walk){.files = NULL};
}

uint64_t
walk_segment(const char *path)
{
	const char *name = strrchr(path, '/');

	return strtoull(name == NULL ? path : name + 1, NULL, 10);
}

/* The whole lines of a file's first `most` bytes. */
static enum mortise_code
walk_file(const struct walking *walking, int fd, uint64_t most, struct mortise_error *error)
{
	char *chunk _cleanup_(free_pointer) = malloc(CHUNK);
	enum mortise_code code = MORTISE_OK;
	uint64_t offset = 0;
	size_t used = 1;

	if (chunk == NULL)
		return error_memory(error);
	while (code == MORTISE_OK && used > 0 && offset < most) {
		size_t want = most - offset < CHUNK ? (size_t)(most - offset) : CHUNK;
		ssize_t size = file_read_at(fd, chunk, want, (off_t)offset);
		const char *lf;

		if (size < 0)
			return error_errno(error, errno, "%s cannot be read", walking->path);
		for (used = 0; code == MORTISE_OK &&
		    (lf = memchr(chunk + used, '\n', (size_t)size - used)) != NULL;
		    used = (size_t)(lf - chunk) + 1) {
			const struct walk_line line = {chunk + used,
			    (size_t)(lf - chunk) - used, walking->segment, offset + used};

			code = walking->each(walking->arg, &line, error);
		}
		offset += used;
	}
	return code;
}

enum mortise_code
walk_lines(const struct walk *walk, int64_t from_ms, walk_fn *each, void *arg,
    struct mortise_error *error)
{
	enum mortise_code code = MORTISE_OK;

	for (size_t i = 0; code == MORTISE_OK && i < walk->count; i++) {
		struct walking walking = {walk->files[i], walk_segment(walk->files[i]), each, arg};
		int fd _cleanup_(file_close) = file_open(AT_FDCWD, walking.path,
		    O_RDONLY | O_NOFOLLOW, 0);
		struct stat st;

		/* Its retention may end meanwhile. */
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 || fstat(fd, &st) < 0)
			return error_errno(error, errno, "%s cannot be read", walking.path);
		if (walking.segment > walk->segment || (from_ms != 0 &&
		    (int64_t)st.st_mtime * 1000 + COARSE_MS < from_ms))
			continue;
		code = walk_file(&walking, fd, walking.segment == walk->segment ? walk->durable :
		    (uint64_t)st.st_size, error);
	}
	return code;
}
