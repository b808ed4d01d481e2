/* SPDX-License-Identifier: BSD-2-Clause */
/* The file at the path, whatever became of it. */
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

#define CHUNK (64 * 1024)		/* more than any line has */

/* --- calls of the system ----------------------------------------------------------- */

int
open_again(const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC | O_NOCTTY, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

ssize_t
read_at(int fd, void *bytes, size_t size, uint64_t offset)
{
	size_t done = 0;
	ssize_t n = 1;

	while (done < size && n != 0) {
		n = pread(fd, (char *)bytes + done, size - done, (off_t)(offset + done));
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			done += (size_t)n;
	}
	return (ssize_t)done;
}

int
sync_data(int fd)
{
	int result;

	do
		result = fdatasync(fd);
	while (result < 0 && errno == EINTR);
	return result;
}

enum mortise_code
fail_memory(const struct sink *sink)
{
	return sink->host->fail(sink->call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
}

enum mortise_code
fail_errno(const struct sink *sink, const char *what)
{
	switch (errno) {
	case EACCES:
	case EPERM:
	case ELOOP:
		return sink->host->fail(sink->call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "%s: %s; let it, and its directory, belong to the user that writes it", what,
		    strerror(errno));
	case ENOSPC:
	case EDQUOT:
		return sink->host->fail(sink->call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "%s: %s; make room", what, strerror(errno));
	case EFBIG:
		return sink->host->fail(sink->call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "%s: %s; move it away, or set rotate-size", what, strerror(errno));
	default:
		return sink->host->fail(sink->call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "%s: %s", what, strerror(errno));
	}
}

enum mortise_code
check_status(const struct sink *sink, const char *path, const struct stat *status)
{
	mode_t more = status->st_mode & 0777 & ~sink->mode;

	if (!S_ISREG(status->st_mode))
		return sink->host->fail(sink->call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "%s is %s; name the file itself", path,
		    S_ISLNK(status->st_mode) ? "a symbolic link" : "no regular file");
	if (geteuid() != 0 && status->st_uid != geteuid())
		return sink->host->fail(sink->call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "%s belongs to the user %lu; give it to the user that writes it, or let what "
		    "moves it make no new one", path, (unsigned long)status->st_uid);
	if (more != 0)
		return sink->host->fail(sink->call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "%s has mode %04o; `chmod %04o` it, or change the option mode", path,
		    (unsigned int)status->st_mode & 0777u, (unsigned int)sink->mode);
	return MORTISE_OK;
}

static enum mortise_code
sync_directory(const struct sink *sink)
{
	int fd = open_again(sink->directory, O_RDONLY | O_DIRECTORY, 0);
	int result = fd < 0 ? -1 : fsync(fd), saved = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return result == 0 ? MORTISE_OK : fail_errno(sink, sink->directory);
}

/* --- what is behind the newest run ------------------------------------------------- */

/* Whole lines go on to be good ones, with rising numbers. */
static size_t
count_lines(struct sink *sink, const char *chunk, size_t size)
{
	size_t at = 0;
	const char *lf;

	while ((lf = memchr(chunk + at, '\n', size - at)) != NULL) {
		size_t length = (size_t)(lf - chunk) - at;
		uint64_t seq;

		if (!line_seq(chunk + at, length, &seq) || seq <= sink->seq)
			break;
		sink->seq = seq;
		at += length + 1;
	}
	return at;
}

/* Written before a crash, or by another process.  What is no whole line of ours was never
 * counted, and is cut off. */
static enum mortise_code
take_tail(struct sink *sink, uint64_t size)
{
	char *chunk = malloc(CHUNK);
	ssize_t n = 0;
	size_t used = 1;

	if (chunk == NULL)
		return fail_memory(sink);
	while (used > 0 && sink->end < size) {
		n = read_at(sink->fd, chunk, CHUNK, sink->end);
		if (n < 0)
			break;
		used = count_lines(sink, chunk, (size_t)n);
		sink->end += used;
		sink->dirty = sink->dirty || used > 0;
	}
	free(chunk);
	if (n < 0)
		return fail_errno(sink, sink->path);
	if (sink->end == size)
		return MORTISE_OK;
	sink->host->log(sink->call, MORTISE_LOG_WARNING, "%s ended in %" PRIu64 " bytes that are "
	    "no whole record, as after a crash; they are removed, and written again", sink->path,
	    size - sink->end);
	return ftruncate(sink->fd, (off_t)sink->end) == 0 ? MORTISE_OK :
	    fail_errno(sink, sink->path);
}

/* --- the file ---------------------------------------------------------------------- */

static void
let_go(struct sink *sink)
{
	if (sink->fd >= 0)
		(void)close(sink->fd);
	sink->fd = -1;
	sink->ours = sink->dirty = false;
}

/* What lies in a file that was moved away stays good; others may have gone on since. */
static enum mortise_code
leave_file(struct sink *sink)
{
	struct run *newest = runs_newest(&sink->runs), left = {0};
	enum mortise_code code;
	bool dirty = sink->ours && sink->dirty;

	if (dirty && sync_data(sink->fd) < 0)
		return fail_errno(sink, sink->path);
	if (dirty) {
		left = *newest;
		left.seq = sink->seq;
		left.to = sink->end;
	}
	let_go(sink);
	code = runs_load(sink, &sink->runs);
	newest = runs_newest(&sink->runs);
	if (code != MORTISE_OK || !dirty || newest == NULL || newest->device != left.device ||
	    newest->inode != left.inode || newest->from != left.from || newest->to >= left.to)
		return code;
	*newest = left;
	return runs_store(sink);
}

static enum mortise_code
open_there(struct sink *sink)
{
	const struct run *newest = runs_newest(&sink->runs);
	struct stat status;
	enum mortise_code code;

	sink->fd = open_again(sink->path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0);
	if (sink->fd < 0 || fstat(sink->fd, &status) < 0)
		return fail_errno(sink, sink->path);
	code = check_status(sink, sink->path, &status);
	if (code != MORTISE_OK)
		return code;
	sink->device = (uint64_t)status.st_dev;
	sink->inode = (uint64_t)status.st_ino;
	sink->end = (uint64_t)status.st_size;
	sink->ours = newest != NULL && newest->device == sink->device &&
	    newest->inode == sink->inode && newest->to <= sink->end;
	if (!sink->ours)
		return MORTISE_OK;
	sink->end = newest->to;
	sink->seq = newest->seq;
	return take_tail(sink, (uint64_t)status.st_size);
}

enum mortise_code
sink_catch_up(struct sink *sink)
{
	struct stat status;
	bool there = lstat(sink->path, &status) == 0;
	enum mortise_code code;

	if (!there && errno != ENOENT)
		return fail_errno(sink, sink->path);
	if (there && sink->fd >= 0 && (uint64_t)status.st_dev == sink->device &&
	    (uint64_t)status.st_ino == sink->inode && (uint64_t)status.st_size == sink->end)
		return MORTISE_OK;
	code = leave_file(sink);
	if (code == MORTISE_OK && there) {
		code = check_status(sink, sink->path, &status);
		if (code == MORTISE_OK)
			code = open_there(sink);
		if (code != MORTISE_OK)
			let_go(sink);
	}
	return code;
}

static enum mortise_code
make_file(struct sink *sink)
{
	struct stat status;

	sink->fd = open_again(sink->path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW,
	    sink->mode);
	/* The mode holds under any umask. */
	if (sink->fd < 0 || fchmod(sink->fd, sink->mode) < 0 || fstat(sink->fd, &status) < 0) {
		enum mortise_code code = fail_errno(sink, sink->path);

		let_go(sink);
		return code;
	}
	sink->device = (uint64_t)status.st_dev;
	sink->inode = (uint64_t)status.st_ino;
	sink->end = 0;
	runs_forget(&sink->runs, sink->device, sink->inode);
	return MORTISE_OK;
}

/* A file that others began may lack the LF at its end. */
static enum mortise_code
end_last_line(struct sink *sink)
{
	char last = '\n';

	if (sink->end > 0 && read_at(sink->fd, &last, 1, sink->end - 1) != 1)
		return fail_errno(sink, sink->path);
	if (last == '\n')
		return MORTISE_OK;
	if (write(sink->fd, "\n", 1) != 1)
		return fail_errno(sink, sink->path);
	sink->end++;
	return MORTISE_OK;
}

/* It is on the disk before there is a line of it. */
static enum mortise_code
begin_run(struct sink *sink, const char *trail)
{
	const struct run *before;
	struct run next = {.device = sink->device, .inode = sink->inode};
	enum mortise_code code = sink->ours ? sink_sync(sink) : end_last_line(sink);

	if (code != MORTISE_OK)
		return code;
	before = runs_of(&sink->runs, trail);
	(void)snprintf(next.trail, sizeof(next.trail), "%s", trail);
	next.seq = before == NULL ? 0 : before->seq;
	next.from = next.to = sink->end;
	*runs_add(&sink->runs) = next;
	code = runs_store(sink);
	if (code == MORTISE_OK)
		code = sync_directory(sink);
	if (code != MORTISE_OK) {
		/* The file is looked at anew next time, and what is noted, too. */
		let_go(sink);
		return code;
	}
	sink->ours = true;
	sink->seq = next.seq;
	return MORTISE_OK;
}

enum mortise_code
sink_ready(struct sink *sink, const char *trail)
{
	enum mortise_code code = sink_catch_up(sink);

	if (code == MORTISE_OK && sink->fd < 0)
		code = make_file(sink);
	if (code != MORTISE_OK || (sink->ours &&
	    strcmp(runs_newest(&sink->runs)->trail, trail) == 0))
		return code;
	return begin_run(sink, trail);
}

/*
 * What a sync that failed has left is nobody's knowledge: it is taken off the file, so
 * that it is not taken for durable by the next one, and comes again.
 */
enum mortise_code
sink_sync(struct sink *sink)
{
	struct run *newest = runs_newest(&sink->runs);
	enum mortise_code code;

	if (!sink->dirty)
		return MORTISE_OK;
	if (sync_data(sink->fd) < 0) {
		code = fail_errno(sink, sink->path);
		if (ftruncate(sink->fd, (off_t)newest->to) < 0)
			sink->host->log(sink->call, MORTISE_LOG_ERROR, "%s: %s; what is behind its "
			    "first %" PRIu64 " bytes may not be durable", sink->path,
			    strerror(errno), newest->to);
		let_go(sink);
		return code;
	}
	newest->to = sink->end;
	newest->seq = sink->seq;
	code = runs_store(sink);
	if (code == MORTISE_OK)
		sink->dirty = false;
	return code;
}

/* --- rotation ---------------------------------------------------------------------- */

/* A name is for this long: "PATH.100". */
static enum mortise_code
move_on(const struct sink *sink, unsigned int number)
{
	size_t size = strlen(sink->path) + sizeof(".4294967295");
	char *from = malloc(2 * size), *to;
	enum mortise_code code = MORTISE_OK;

	if (from == NULL)
		return fail_memory(sink);
	to = from + size;
	(void)snprintf(from, size, number == 1 ? "%s" : "%s.%u", sink->path, number - 1);
	(void)snprintf(to, size, "%s.%u", sink->path, number);
	if (rename(from, to) < 0 && errno != ENOENT)
		code = fail_errno(sink, to);
	free(from);
	return code;
}

enum mortise_code
sink_rotate(struct sink *sink, const char *trail)
{
	enum mortise_code code = sink_sync(sink);

	for (unsigned int i = sink->keep; code == MORTISE_OK && i > 0; i--)
		code = move_on(sink, i);
	if (code == MORTISE_OK)
		code = sync_directory(sink);
	let_go(sink);
	return code == MORTISE_OK ? sink_ready(sink, trail) : code;
}
