/* SPDX-License-Identifier: BSD-2-Clause */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Where locks and shared memory are not the host's alone, or do not hold. */
static const struct {
	unsigned int magic;		/* statfs(2); not all headers name them */
	const char *name;
} network_systems[] = {
	{0x6969, "NFS"}, {0x517b, "SMB"}, {0xff534d42, "CIFS"}, {0xfe534d42, "SMB"},
	{0x5346414f, "AFS"}, {0x6b414653, "AFS"}, {0x73757245, "Coda"}, {0x00c36400, "Ceph"},
	{0x0bd00bd0, "Lustre"}, {0x47504653, "GPFS"}, {0x7461636f, "OCFS2"}, {0x01161970, "GFS2"},
	{0x564c, "NCP"}, {0x19830326, "BeeGFS"}, {0x01021997, "9P"}, {0x65735546, "FUSE"},
};

static void
close_descriptor(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

int
open_again(const char *path, int flags, unsigned int mode)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC, (mode_t)mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static enum mortise_code
check_file_system(struct store *store, int directory)
{
	struct statfs system;

	if (fstatfs(directory, &system) < 0)
		return store->host->fail(store->call, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "cannot learn which file system %s is on: %s", store->path, strerror(errno));
	for (size_t i = 0; i < ARRAY_SIZE(network_systems); i++) {
		if ((unsigned int)system.f_type == network_systems[i].magic)
			return store->host->option_fail(store->call, store->options, "path",
			    "%s is on %s, whose locks and shared memory may not hold; put it on "
			    "a local file system of this host", store->path, network_systems[i].name);
	}
	return MORTISE_OK;
}

/* Sets store->path; *base is its last component, inside. */
static enum mortise_code
resolve_path(struct store *store, const char **base)
{
	const char *given = store->host->option_string(store->options, "path");
	const char *slash = strrchr(given, '/'), *name = slash == NULL ? given : slash + 1;
	char *directory = NULL, *real = NULL;
	enum mortise_code code = MORTISE_OK;
	size_t size;

	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return store->host->option_fail(store->call, store->options, "path",
		    "%s is a directory; add the name of a file in it, say local.db", given);
	directory = slash == NULL ? strdup(".") : strndup(given, (size_t)(slash - given) + 1);
	real = directory == NULL ? NULL : realpath(directory, NULL);
	if (real == NULL) {
		code = store->host->option_fail(store->call, store->options, "path",
		    "the directory of %s: %s; make it, or let `mortise init` do so", given,
		    strerror(errno));
		goto out;
	}
	size = strlen(real) + strlen(name) + 2;
	store->path = malloc(size);
	if (store->path == NULL) {
		code = fail_memory(store);
		goto out;
	}
	*base = store->path + snprintf(store->path, size, "%s/", real);
	(void)snprintf(store->path, size, "%s/%s", real, name);
out:
	free(directory);
	free(real);
	return code;
}

enum mortise_code
fail_gone(struct store *store)
{
	return store->host->fail(store->call, MORTISE_ERROR, MORTISE_REASON_ROLLBACK,
	    "the trail knows a store at %s, and there is none now (is the path right?)",
	    store->path);
}

static enum mortise_code
fail_open(struct store *store)
{
	if (errno == EACCES || errno == EPERM)
		return store->host->fail(store->call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "%s: %s; the store is its owner's alone: start mortised, and go through it",
		    store->path, strerror(errno));
	return store->host->fail(store->call, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "%s: %s", store->path, strerror(errno));
}

static enum mortise_code
check_status(struct store *store, const struct stat *status)
{
	if (!S_ISREG(status->st_mode))
		return store->host->option_fail(store->call, store->options, "path",
		    "%s is %s; name the file itself", store->path,
		    S_ISLNK(status->st_mode) ? "a symbolic link" : "no regular file");
	if (geteuid() != 0 && status->st_uid != geteuid())
		return store->host->fail(store->call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "%s belongs to the user %lu; start mortised, and go through it", store->path,
		    (unsigned long)status->st_uid);
	if ((status->st_mode & 077) != 0)
		return store->host->fail(store->call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "%s is open to others (mode %04o); `chmod 600` it, and its -wal and -shm",
		    store->path, (unsigned int)status->st_mode & 07777u);
	return MORTISE_OK;
}

/* The directory's descriptor, and the name of the file in it: is one there that can be
 * a store? */
static enum mortise_code
look(struct store *store, int *fd, const char **base, bool *there)
{
	char *directory;
	struct stat status;
	enum mortise_code code = resolve_path(store, base);

	if (code != MORTISE_OK)
		return code;
	directory = strndup(store->path, (size_t)(*base - store->path) - 1);
	if (directory == NULL)
		return fail_memory(store);
	*fd = open_again(directory, O_RDONLY | O_DIRECTORY, 0);
	free(directory);
	if (*fd < 0)
		return fail_open(store);
	code = check_file_system(store, *fd);
	if (code != MORTISE_OK)
		return code;
	*there = fstatat(*fd, *base, &status, AT_SYMLINK_NOFOLLOW) == 0;
	if (*there)
		return check_status(store, &status);
	return errno == ENOENT ? MORTISE_OK : fail_open(store);
}

enum mortise_code
file_find(struct store *store, bool *there)
{
	int fd _cleanup_(close_descriptor) = -1;
	const char *base = NULL;

	return look(store, &fd, &base, there);
}

/*
 * No descriptor of the store's file is ever opened here: to close it would drop
 * the locks that SQLite holds for another instance in this process.  So mknod
 * makes the file, which like O_EXCL | O_NOFOLLOW fails where one is.
 */
enum mortise_code
file_prepare(struct store *store, bool noted)
{
	int fd _cleanup_(close_descriptor) = -1;
	const char *base = NULL;
	struct stat status;
	bool there = false;
	enum mortise_code code = look(store, &fd, &base, &there);

	if (code != MORTISE_OK || there)
		return code;
	if (noted)
		return fail_gone(store);
	code = keys_usable(store);
	if (code != MORTISE_OK)
		return code;
	if ((mknodat(fd, base, S_IFREG | S_IRUSR | S_IWUSR, 0) < 0 && errno != EEXIST) ||
	    fsync(fd) < 0 || fstatat(fd, base, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_open(store);
	return check_status(store, &status);
}
