/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests that load mocks.  The loader refuses a file that others can write
 * to, and the build tree's modes follow the umask: so tests load copies.
 */
#ifndef MOCKS_H
#define MOCKS_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"

/* A new directory, emptied and removed by mocks_remove; NULL with errno set. */
__attribute__((unused)) static char *
mocks_directory(void)
{
	char *directory = text_dup("/tmp/mortise-test-XXXXXX");

	return directory == NULL ? NULL : mkdtemp(directory);
}

/* Writes a file of this mode into the directory, replacing one that is there. */
__attribute__((unused)) static bool
mocks_write(const char *directory, const char *name, const void *bytes, size_t size, mode_t mode)
{
	char *path _cleanup_(free_pointer) = path_join(directory, name);

	return path != NULL && file_replace(AT_FDCWD, path, bytes, size, mode) == 0;
}

/* Copies the built mock NAME to directory/AS.so. */
__attribute__((unused)) static bool
mocks_copy(const char *directory, const char *name, const char *as, mode_t mode)
{
	const char *build = getenv("builddir");
	char *from _cleanup_(free_pointer) = text_format("%s/tests/mocks/.libs/%s.so",
	    build == NULL ? "." : build, name);
	char *to _cleanup_(free_pointer) = text_format("%s.so", as);
	char *bytes _cleanup_(free_pointer) = NULL;
	size_t size;

	if (from == NULL || to == NULL)
		return false;
	bytes = file_read(AT_FDCWD, from, (size_t)64 << 20, &size);
	return bytes != NULL && mocks_write(directory, to, bytes, size, mode);
}

static void
mocks_remove_tree(const char *path)
{
	DIR *stream = remove(path) == 0 ? NULL : opendir(path);
	const struct dirent *entry;

	if (stream == NULL)
		return;
	while ((entry = readdir(stream)) != NULL) {
		char *inner _cleanup_(free_pointer) = path_join(path, entry->d_name);

		if (inner != NULL && strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			mocks_remove_tree(inner);
	}
	(void)closedir(stream);
	(void)rmdir(path);
}

__attribute__((unused)) static void
mocks_remove(char *directory)
{
	mocks_remove_tree(directory);
	free(directory);
}

#endif
