/* SPDX-License-Identifier: BSD-2-Clause */
/* directory: each secret is a file of a directory.  The plugin of doc/plugin-guide.md. */
#define _DEFAULT_SOURCE		/* explicit_bzero */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mortise/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct mortise_host *host;

struct directory {
	int fd;
};

/* A file's name has no slash; "+" stands for one, and is in no name.  Both ways. */
static const char *
swap(const char *from, char to[MORTISE_NAME_MAX + 1])
{
	size_t i = 0;

	for (; from[i] != '\0' && i < MORTISE_NAME_MAX; i++)
		to[i] = from[i] == '/' ? '+' : from[i] == '+' ? '/' : from[i];
	to[i] = '\0';
	return to;
}

static enum mortise_code
fail(struct mortise_call *call, const char *what, const char *name)
{
	return host->fail(call, errno == ENOENT ? MORTISE_NOT_FOUND : MORTISE_UNAVAILABLE,
	    MORTISE_REASON_NONE, "cannot %s %s: %s", what, name, strerror(errno));
}

static enum mortise_code
get(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found)
{
	struct directory *directory = instance;
	char file[MORTISE_NAME_MAX + 1], bytes[4096];
	struct mortise_secret *secret = host->secret_new(sizeof(bytes));
	enum mortise_code code = secret == NULL ? MORTISE_ERROR : MORTISE_OK;
	ssize_t size = 1;
	int fd = openat(directory->fd, swap(name, file), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || version != NULL) {
		code = fd < 0 ? fail(call, "read", name) : host->fail(call, MORTISE_NOT_FOUND,
		    MORTISE_REASON_NONE, "of %s there is the newest version only", name);
	}
	while (code == MORTISE_OK && size != 0) {
		size = read(fd, bytes, sizeof(bytes));
		if (size < 0 && errno != EINTR)
			code = fail(call, "read", name);
		else if (size > 0)
			code = host->secret_append(secret, bytes, (size_t)size);
	}
	explicit_bzero(bytes, sizeof(bytes));
	if (fd >= 0)
		(void)close(fd);
	if (code != MORTISE_OK) {
		host->secret_free(secret);
		return code;
	}
	found->text[0] = '\0';			/* a file does not say which version it is */
	*value = secret;
	return MORTISE_OK;
}

/* A new file first, then its name: who reads finds the old value or the new one. */
static enum mortise_code
put(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *put, struct mortise_receipt *receipt)
{
	struct directory *directory = instance;
	char file[MORTISE_NAME_MAX + 1], draft[64];
	size_t size;
	const void *bytes = host->secret_peek(put->value, &size);
	int fd;

	if (put->labels_count > 0 || put->only_if != NULL || put->only_if_absent)
		return host->fail(call, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "a directory keeps neither labels nor conditions; put without them");
	/* Each put has a key of its own, and "," is in no name. */
	(void)snprintf(draft, sizeof(draft), ",%s", receipt->idempotency_key);
	fd = openat(directory->fd, draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "cannot make a file for %s: %s", name, strerror(errno));
	if (write(fd, bytes, size) != (ssize_t)size || fsync(fd) < 0 ||
	    renameat(directory->fd, draft, directory->fd, swap(name, file)) < 0) {
		(void)close(fd);
		(void)unlinkat(directory->fd, draft, 0);
		/* Surely without effect, and that is what this code promises. */
		return host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "cannot write %s; look for a full disk", name);
	}
	(void)close(fd);
	/* And from here on it may have one. */
	return fsync(directory->fd) == 0 ? MORTISE_OK : host->fail(call, MORTISE_ERROR,
	    MORTISE_REASON_NONE, "%s may not outlive a power cut: %s", name, strerror(errno));
}

static enum mortise_code
delete(void *instance, struct mortise_call *call, const char *name)
{
	struct directory *directory = instance;
	char file[MORTISE_NAME_MAX + 1];

	if (unlinkat(directory->fd, swap(name, file), 0) < 0)
		return fail(call, "delete", name);
	return fsync(directory->fd) == 0 ? MORTISE_OK : MORTISE_ERROR;
}

/* All of them on one page: the core takes what begins with the prefix. */
static enum mortise_code
list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	struct directory *directory = instance;
	char name[MORTISE_NAME_MAX + 1];
	int fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	enum mortise_code code = MORTISE_OK;
	const struct dirent *entry;

	(void)prefix;
	(void)cursor;
	if (stream == NULL) {
		code = fail(call, "list", "the directory");
		if (fd >= 0)
			(void)close(fd);
		return code;
	}
	while (code == MORTISE_OK && (entry = readdir(stream)) != NULL)
		code = host->add_name(out, swap(entry->d_name, name));
	(void)closedir(stream);
	return code;
}

static const struct mortise_secret_ops secret_ops = {
	.size = sizeof(secret_ops),
	.get = get,
	.put = put,
	.remove = delete,
	.list = list,
};

static enum mortise_code
open_directory(struct mortise_call *call, const struct mortise_options *options, void **instance)
{
	struct directory *directory = malloc(sizeof(*directory));

	if (directory == NULL)
		return MORTISE_ERROR;
	directory->fd = open(host->option_string(options, "path"),
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory->fd < 0) {
		free(directory);
		return host->option_fail(call, options, "path", "%s: %s; make it, with mode 0700",
		    host->option_string(options, "path"), strerror(errno));
	}
	*instance = directory;
	return MORTISE_OK;
}

static void
close_directory(void *instance)
{
	struct directory *directory = instance;

	(void)close(directory->fd);
	free(directory);
}

static const struct mortise_option path_option = {
	.size = sizeof(path_option),
	.name = "path",
	.doc = "the directory that holds the files",
	.type = MORTISE_OPTION_STRING,
	.flags = MORTISE_OPTION_REQUIRED | MORTISE_OPTION_PATH,
};
static const struct mortise_option *const options[] = {&path_option, NULL};

static const struct mortise_plugin plugin = {
	.size = sizeof(plugin),
	.magic = MORTISE_PLUGIN_MAGIC,
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.name = "directory",
	.version = "1",
	.doc = "secrets as the files of a directory",
	.threads = MORTISE_THREADS_FREE,
	.reach = MORTISE_REACH_HOST,
	.flags = MORTISE_PLUGIN_DURABLE,
	.options = options,
	.open = open_directory,
	.close = close_directory,
	.secret = &secret_ops,
};

enum mortise_code
mortise_plugin_init(const struct mortise_host *table, struct mortise_call *call,
    const struct mortise_plugin **result)
{
	(void)call;
	host = table;
	*result = &plugin;
	return MORTISE_OK;
}
