/* SPDX-License-Identifier: BSD-2-Clause */
#define _XOPEN_SOURCE 700	/* realpath, S_ISVTX */
#include "loader/find.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/name.h"
#include "base/path.h"

static const char suffix[] = ".so";

/* Directory i of the search: the configured ones, then the compiled-in one. */
static const char *
directory_at(const struct loader *loader, size_t i)
{
	return i < loader->directories_count ? loader->directories[i] : PLUGIN_DIRECTORY;
}

static enum mortise_code
refuse(struct mortise_error *error, const char *path, const char *what)
{
	return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION, "%s %s", path, what);
}

/* The linker's own words for a file that is none are of no help. */
static enum mortise_code
check_format(const struct plugin_file *file, struct mortise_error *error)
{
	const unsigned char class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
	unsigned char head[EI_NIDENT];

	if (file_read_at(file->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    memcmp(head, ELFMAG, SELFMAG) != 0)
		return refuse(error, file->path, "is not a shared object; build it with "
		    "-shared -fPIC");
	if (head[EI_CLASS] != class)
		return refuse(error, file->path, "is built for another machine than this program; "
		    "rebuild it");
	return MORTISE_OK;
}

static enum mortise_code
check_file(const struct loader *loader, struct plugin_file *file, struct mortise_error *error)
{
	enum mortise_code code;
	struct stat st;

	if (fstat(file->fd, &st) < 0)
		return error_errno(error, errno, "%s", file->path);
	if (!S_ISREG(st.st_mode))
		return refuse(error, file->path, "is not a regular file; put the plugin there");
	file->device = st.st_dev;
	file->inode = st.st_ino;
	code = path_check(file->path, &st, error);
	if (code == MORTISE_OK && loader->check_path)
		code = path_check_parents(file->path, error);
	return code == MORTISE_OK ? check_format(file, error) : code;
}

bool
plugin_file_same(const struct plugin_file *file)
{
	struct stat st;

	return lstat(file->path, &st) == 0 && st.st_dev == file->device &&
	    st.st_ino == file->inode;
}

/* not_found without an error: this directory has no such plugin. */
static enum mortise_code
open_in(const char *directory, const char *name, struct plugin_file *file,
    struct mortise_error *error)
{
	char *path _cleanup_(free_pointer) = NULL, *real _cleanup_(free_pointer) = NULL;
	size_t length;

	if (directory[0] != '/')
		return refuse(error, directory, "is not absolute, and plugins are only looked for "
		    "in absolute directories; write the whole path");
	path = text_format("%s/%s%s", directory, name, suffix);
	if (path == NULL)
		return error_memory(error);
	real = realpath(path, NULL);
	if (real == NULL && (errno == ENOENT || errno == ENOTDIR))
		return MORTISE_NOT_FOUND;
	if (real == NULL)
		return error_errno(error, errno, "%s", path);
	length = strlen(real);
	if (length >= sizeof(file->path))
		return refuse(error, real, "has too long a path; move it up");
	memcpy(file->path, real, length + 1);
	/* Not blocking: in the place of the file may be a pipe. */
	file->fd = file_open(AT_FDCWD, real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	return file->fd < 0 ? error_errno(error, errno, "%s", real) : MORTISE_OK;
}

static enum mortise_code
not_found(const struct loader *loader, const char *name, struct mortise_error *error)
{
	struct buffer list = {0};

	for (size_t i = 0; i <= loader->directories_count; i++) {
		buffer_text(&list, i == 0 ? "" : ", ");
		buffer_text(&list, directory_at(loader, i));
	}
	(void)error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_CONFIGURATION,
	    "there is no %s%s in %s; install the plugin, or name its directory in plugin-path",
	    name, suffix, list.failed ? "any directory" : list.data);
	buffer_free(&list);
	return MORTISE_NOT_FOUND;
}

enum mortise_code
plugin_file_find(const struct loader *loader, const char *name, struct plugin_file *file,
    struct mortise_error *error)
{
	enum mortise_code code = MORTISE_NOT_FOUND;

	file->fd = -1;
	if (!word_valid(name))
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s is no name of a plugin; use a-z, 0-9 and -, at most 32 characters", name);
	for (size_t i = 0; code == MORTISE_NOT_FOUND && i <= loader->directories_count; i++)
		code = open_in(directory_at(loader, i), name, file, error);
	if (code == MORTISE_NOT_FOUND)
		return not_found(loader, name, error);
	if (code == MORTISE_OK)
		code = check_file(loader, file, error);
	if (code != MORTISE_OK)
		file_close(&file->fd);
	return code;
}

/* --- names ------------------------------------------------------------------ */

struct names {
	char **names;
	size_t count, capacity;
};

static enum mortise_code
add_name(struct names *names, const char *name, size_t length, struct mortise_error *error)
{
	size_t capacity = names->capacity == 0 ? 16 : 2 * names->capacity;
	char **bigger;

	if (names->count == names->capacity) {
		bigger = capacity > SIZE_MAX / sizeof(*bigger) ? NULL :
		    realloc(names->names, capacity * sizeof(*bigger));
		if (bigger == NULL)
			return error_memory(error);
		names->names = bigger;
		names->capacity = capacity;
	}
	names->names[names->count] = text_format("%.*s", (int)length, name);
	if (names->names[names->count] == NULL)
		return error_memory(error);
	names->count++;
	return MORTISE_OK;
}

static enum mortise_code
read_directory(const char *directory, struct names *names, struct mortise_error *error)
{
	enum mortise_code code = MORTISE_OK;
	const struct dirent *entry;
	DIR *stream = opendir(directory);

	/* A directory that is not there has no plugins. */
	if (stream == NULL)
		return errno == ENOENT || errno == ENOTDIR ? MORTISE_OK :
		    error_errno(error, errno, "%s", directory);
	while (code == MORTISE_OK && (errno = 0, entry = readdir(stream)) != NULL) {
		size_t length = strlen(entry->d_name);

		if (length > strlen(suffix) &&
		    strcmp(entry->d_name + length - strlen(suffix), suffix) == 0)
			code = add_name(names, entry->d_name, length - strlen(suffix), error);
	}
	if (code == MORTISE_OK && errno != 0)
		code = error_errno(error, errno, "%s", directory);
	(void)closedir(stream);
	return code;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

enum mortise_code
plugin_names(const struct loader *loader, void (*each)(void *arg, const char *name), void *arg,
    struct mortise_error *error)
{
	enum mortise_code code = MORTISE_OK;
	struct names all = {0};

	for (size_t i = 0; code == MORTISE_OK && i <= loader->directories_count; i++)
		code = read_directory(directory_at(loader, i), &all, error);
	if (all.count > 1)
		qsort(all.names, all.count, sizeof(*all.names), compare_names);
	for (size_t i = 0; i < all.count; i++) {
		if (code == MORTISE_OK && word_valid(all.names[i]) &&
		    (i == 0 || strcmp(all.names[i], all.names[i - 1]) != 0))
			each(arg, all.names[i]);
	}
	for (size_t i = 0; i < all.count; i++)
		free(all.names[i]);
	free(all.names);
	return code;
}
