/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/digest.h"

int
file_open(int directory, const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = openat(directory, path, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

void
file_close(int *fd)
{
	int saved = errno;

	/* Not repeated on EINTR: on Linux the descriptor is gone then. */
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

int
file_write(int fd, const void *bytes, size_t size, size_t *written)
{
	const char *p = bytes;
	size_t done = 0;
	ssize_t n = 0;

	while (done < size) {
		n = write(fd, p + done, size - done);
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			done += (size_t)n;
	}
	if (written != NULL)
		*written = done;
	return done == size ? 0 : -1;
}

ssize_t
file_read_some(int fd, void *bytes, size_t size)
{
	ssize_t n;

	do
		n = read(fd, bytes, size);
	while (n < 0 && errno == EINTR);
	return n;
}

ssize_t
file_read_at(int fd, void *bytes, size_t size, off_t offset)
{
	char *p = bytes;
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = pread(fd, p + done, size - done, offset + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int
file_write_at(int fd, const void *bytes, size_t size, off_t offset)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = pwrite(fd, (const char *)bytes + done, size - done, offset + (off_t)done);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

int
file_truncate(int fd, off_t size)
{
	int result;

	do
		result = ftruncate(fd, size);
	while (result < 0 && errno == EINTR);
	return result;
}

int
file_sync(int fd)
{
	int result;

	do
		result = fsync(fd);
	while (result < 0 && errno == EINTR);
	return result;
}

int
file_sync_data(int fd)
{
	int result;

	do
		result = fdatasync(fd);
	while (result < 0 && errno == EINTR);
	return result;
}

char *
file_read(int directory, const char *path, size_t most, size_t *size)
{
	int fd _cleanup_(file_close) = file_open(directory, path, O_RDONLY | O_NOCTTY, 0);
	char *bytes, *bigger;
	size_t capacity = 4096, done = 0;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (capacity > most)
		capacity = most + 1;
	bytes = malloc(capacity + 1);
	/* Read, not pread: a credential may be a pipe. */
	while (bytes != NULL) {
		n = read(fd, bytes + done, capacity - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
		if (done < capacity)
			continue;
		if (done > most) {
			n = -1;
			errno = EFBIG;
			break;
		}
		capacity = capacity * 2 > most ? most + 1 : capacity * 2;
		bigger = realloc(bytes, capacity + 1);
		if (bigger == NULL)
			free(bytes);
		bytes = bigger;
	}
	if (bytes == NULL)
		return NULL;
	if (n < 0) {
		free(bytes);
		return NULL;
	}
	bytes[done] = '\0';
	*size = done;
	return bytes;
}

int
file_sync_directory(int directory, const char *path)
{
	char *parent _cleanup_(free_pointer) = path_directory(path);
	int fd _cleanup_(file_close) = -1;

	if (parent == NULL)
		return -1;
	fd = file_open(directory, parent, O_RDONLY | O_DIRECTORY, 0);
	return fd < 0 ? -1 : file_sync(fd);
}

/* A synced file with this content beside path; its name, or NULL with errno set. */
static char *
write_beside(int directory, const char *path, const void *bytes, size_t size, mode_t mode)
{
	int fd _cleanup_(file_close) = -1;
	unsigned char noise[8];
	char suffix[2 * sizeof(noise) + 1], *temporary;
	int saved;

	if (!random_bytes(noise, sizeof(noise))) {
		errno = EIO;
		return NULL;
	}
	hex_encode(noise, sizeof(noise), suffix);
	temporary = text_format("%s.%s.tmp", path, suffix);
	if (temporary == NULL)
		return NULL;
	fd = file_open(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
	/* The mode holds under any umask, and before there is content. */
	if (fd >= 0 && fchmod(fd, mode) == 0 && file_write(fd, bytes, size, NULL) == 0 &&
	    file_sync(fd) == 0)
		return temporary;
	saved = errno;
	if (fd >= 0)
		(void)unlinkat(directory, temporary, 0);
	free(temporary);
	errno = saved;
	return NULL;
}

int
file_replace(int directory, const char *path, const void *bytes, size_t size, mode_t mode)
{
	char *temporary _cleanup_(free_pointer) = write_beside(directory, path, bytes, size, mode);
	int saved;

	if (temporary == NULL)
		return -1;
	if (renameat(directory, temporary, directory, path) < 0) {
		saved = errno;
		(void)unlinkat(directory, temporary, 0);
		errno = saved;
		return -1;
	}
	return file_sync_directory(directory, path);
}

int
file_create(int directory, const char *path, const void *bytes, size_t size, mode_t mode)
{
	char *temporary _cleanup_(free_pointer) = write_beside(directory, path, bytes, size, mode);
	int linked, saved;

	if (temporary == NULL)
		return -1;
	linked = linkat(directory, temporary, directory, path, 0);
	saved = errno;
	(void)unlinkat(directory, temporary, 0);
	errno = saved;
	return linked < 0 ? -1 : file_sync_directory(directory, path);
}

int
file_make_directories(const char *path, mode_t mode)
{
	char *copy _cleanup_(free_pointer) = text_dup(path);
	struct stat st;

	if (copy == NULL)
		return -1;
	for (char *p = copy + 1; *copy != '\0'; p++) {
		char at = *p;

		if (at != '/' && at != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return -1;
		*p = at;
		if (at == '\0')
			break;
	}
	if (stat(path, &st) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	return 0;
}

char *
path_join(const char *directory, const char *name)
{
	if (directory == NULL || name[0] == '/')
		return text_dup(name);
	return text_format("%s/%s", directory, name);
}

char *
path_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *copy;

	if (slash == NULL)
		return text_dup(".");
	if (slash == path)
		return text_dup("/");
	copy = text_dup(path);
	if (copy != NULL)
		copy[slash - path] = '\0';
	return copy;
}
