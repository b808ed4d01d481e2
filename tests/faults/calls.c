/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preloaded into the program: one call that it makes of the system fails, once.
 *
 *   FAULT_CALL   write, fsync, fdatasync, rename, open, lock, truncate: which one
 *   FAULT_ERROR  the error number; negative: the program dies there as by kill -9, in a
 *                write when half of it is written
 *   FAULT_AT     the n-th; 0 fails none
 *   FAULT_COUNT  a file to which the number of such calls is written at the end
 *
 * What goes to stdout and stderr is not counted.
 */
#define _GNU_SOURCE		/* RTLD_NEXT */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static unsigned long calls;

static long
number(const char *variable)
{
	const char *text = getenv(variable);

	return text == NULL ? 0 : strtol(text, NULL, 10);
}

/* Is it this one's turn? */
static int
fails(const char *call)
{
	const char *wanted = getenv("FAULT_CALL");

	if (wanted == NULL || strcmp(wanted, call) != 0 ||
	    (long)++calls != number("FAULT_AT"))
		return 0;
	if (number("FAULT_ERROR") < 0 && strcmp(call, "write") != 0)
		(void)raise(SIGKILL);
	errno = (int)number("FAULT_ERROR");
	return 1;
}

/* What a write that fails returns, if it does. */
static ssize_t
half_written(ssize_t half)
{
	errno = (int)number("FAULT_ERROR");
	if (errno >= 0)
		return -1;
	(void)raise(SIGKILL);
	return half;
}

/* How much of a write that is to fail is written before. */
static size_t
half_of(size_t size)
{
	return number("FAULT_ERROR") < 0 ? size / 2 : 0;
}

#define NEXT(name) (*(void **)(&real) = dlsym(RTLD_NEXT, name))

ssize_t
write(int fd, const void *bytes, size_t size)
{
	ssize_t (*real)(int, const void *, size_t);

	NEXT("write");
	return fd > 2 && fails("write") ? half_written(real(fd, bytes, half_of(size))) :
	    real(fd, bytes, size);
}

ssize_t
pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
	ssize_t (*real)(int, const void *, size_t, off64_t);

	NEXT("pwrite64");
	return fails("write") ? half_written(real(fd, bytes, half_of(size), at)) :
	    real(fd, bytes, size, at);
}

ssize_t
pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	ssize_t (*real)(int, const void *, size_t, off_t);

	NEXT("pwrite");
	return fails("write") ? half_written(real(fd, bytes, half_of(size), at)) :
	    real(fd, bytes, size, at);
}

int
fsync(int fd)
{
	int (*real)(int);

	NEXT("fsync");
	return fails("fsync") ? -1 : real(fd);
}

int
fdatasync(int fd)
{
	int (*real)(int);

	NEXT("fdatasync");
	return fails("fdatasync") ? -1 : real(fd);
}

int
renameat(int from, const char *old, int to, const char *new)
{
	int (*real)(int, const char *, int, const char *);

	NEXT("renameat");
	return fails("rename") ? -1 : real(from, old, to, new);
}

int
flock(int fd, int operation)
{
	int (*real)(int, int);

	NEXT("flock");
	return operation != LOCK_UN && fails("lock") ? -1 : real(fd, operation);
}

int
ftruncate(int fd, off_t size)
{
	int (*real)(int, off_t);

	NEXT("ftruncate");
	return fails("truncate") ? -1 : real(fd, size);
}

int
ftruncate64(int fd, off64_t size)
{
	int (*real)(int, off64_t);

	NEXT("ftruncate64");
	return fails("truncate") ? -1 : real(fd, size);
}

#define OPEN(function, parameters, arguments) \
int \
function parameters \
{ \
	int (*real) parameters; \
	mode_t mode = 0; \
	va_list list; \
	va_start(list, flags); \
	if ((flags & O_CREAT) != 0) \
		mode = (mode_t)va_arg(list, int); \
	va_end(list); \
	NEXT(#function); \
	return fails("open") ? -1 : real arguments; \
}
OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, (int directory, const char *path, int flags, ...), (directory, path, flags, mode))
OPEN(openat64, (int directory, const char *path, int flags, ...), (directory, path, flags, mode))

__attribute__((destructor)) static void
tell(void)
{
	const char *path = getenv("FAULT_COUNT");
	FILE *file;

	unsetenv("FAULT_CALL");
	file = path == NULL ? NULL : fopen(path, "w");
	if (file == NULL)
		return;
	fprintf(file, "%lu\n", calls);
	fclose(file);
}
