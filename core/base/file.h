/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file.h: descriptors.  All are CLOEXEC; EINTR is handled here and nowhere
 * else.  Functions return -1 with errno set, as their namesakes do.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"

int file_open(int directory, const char *path, int flags, mode_t mode);
void file_close(int *fd);	/* for _cleanup_; -1 is fine, errno is kept */

/* All bytes or -1; *written (may be NULL) says how many in either case. */
int file_write(int fd, const void *bytes, size_t size, size_t *written);
/* What is there next, as read(2): 0 = the end. */
ssize_t file_read_some(int fd, void *bytes, size_t size);
/* Up to size bytes at an offset: fewer only at the end of the file. */
ssize_t file_read_at(int fd, void *bytes, size_t size, off_t offset);
/* All bytes at an offset, or -1. */
int file_write_at(int fd, const void *bytes, size_t size, off_t offset);
int file_truncate(int fd, off_t size);
int file_sync(int fd);		/* fsync */
int file_sync_data(int fd);	/* fdatasync */
/* The directory that path lies in, so that its name there is durable. */
int file_sync_directory(int directory, const char *path);

/* A whole file, NUL-terminated, malloc'd.  EFBIG above `most` bytes. */
char *file_read(int directory, const char *path, size_t most, size_t *size);

/* Replaces path durably: temporary file in the same directory, sync, rename,
 * sync of the directory. */
int file_replace(int directory, const char *path, const void *bytes, size_t size, mode_t mode);

/* Makes path durably, whole or not at all; EEXIST where there is one. */
int file_create(int directory, const char *path, const void *bytes, size_t size, mode_t mode);

/* mkdir -p; existing directories are fine and keep their mode. */
int file_make_directories(const char *path, mode_t mode);

/* malloc'd "directory/name", or name alone if it is absolute or directory is
 * NULL; NULL = no memory. */
char *path_join(const char *directory, const char *name);
/* malloc'd directory part: "." for a bare name. */
char *path_directory(const char *path);

#endif
