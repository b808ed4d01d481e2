/* SPDX-License-Identifier: BSD-2-Clause */
/* backup: the stores and the trail in one file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/context.h"
#include "base/clock.h"
#include "base/file.h"
#include "move/backup.h"

#define TAIL_PIECE 65536

struct making {
	struct mortise *context;
	const struct mortise_request *request;
	mortise_backup_fn *each;
	void *arg;
	char *directory;		/* for what is not in the archive yet */
	struct backup backup;
};

static void
tell(const struct making *making, const char *what, const char *name, const char *detail)
{
	if (making->each != NULL)
		making->each(making->arg, what, name, detail);
}

/* --- stores ------------------------------------------------------------------------- */

/* "store=... generation=4 ..." of the command's row. */
static void
keep_row(void *arg, const struct mortise_pair *cells, size_t count)
{
	struct buffer *detail = arg;

	for (size_t i = 0; i < count; i++)
		buffer_format(detail, "%s%s %s", detail->size == 0 ? "" : ", ", cells[i].name,
		    cells[i].value);
}

static enum mortise_code
add_store(struct making *making, const char *backend, struct mortise_error *error)
{
	struct buffer detail _cleanup_(buffer_free) = {0};
	char *name _cleanup_(free_pointer) = text_format("stores/%s", backend);
	char *path = path_join(making->directory, backend);
	const struct mortise_command_value file = {.option = "file", .text = path};
	struct stat status;
	enum mortise_code code;

	if (name == NULL || path == NULL) {
		free(path);
		return error_memory(error);
	}
	code = mortise_backend_run(making->context, making->request, backend, "backup", &file, 1,
	    keep_row, &detail, error);
	if (code == MORTISE_OK && stat(path, &status) < 0)
		code = error_errno(error, errno, "backend %s said that it wrote a backup, but %s",
		    backend, path);
	if (code != MORTISE_OK) {
		free(path);
		return code;
	}
	code = backup_add(&making->backup, name, path, (uint64_t)status.st_size, error);
	if (code == MORTISE_OK)
		tell(making, "store", backend, detail.data == NULL ? "" : detail.data);
	return code;
}

static enum mortise_code
add_stores(struct making *making, struct mortise_error *error)
{
	struct running *running _cleanup_(running_release) = running_hold(making->context);
	const struct config *config = running->assembly->config;
	enum mortise_code code = MORTISE_OK;

	for (size_t i = 0; code == MORTISE_OK && i < config->backends_count; i++) {
		const struct plugin *plugin = running->assembly->plugins[i];

		if (plugin != NULL && backend_command_find(plugin, "backup") != NULL)
			code = add_store(making, config->backends[i].name, error);
		else
			tell(making, "left out", config->backends[i].name,
			    "its plugin has no command backup");
	}
	return code;
}

/* --- the trail ---------------------------------------------------------------------- */

/* The end of its last whole line: it may grow meanwhile. */
static bool
whole_size(int fd, uint64_t *size)
{
	char piece[TAIL_PIECE];
	off_t end = lseek(fd, 0, SEEK_END);

	while (end > 0) {
		size_t want = end < TAIL_PIECE ? (size_t)end : TAIL_PIECE;
		ssize_t n = file_read_at(fd, piece, want, end - (off_t)want);

		if (n != (ssize_t)want)
			return false;
		for (size_t i = want; i > 0; i--) {
			if (piece[i - 1] == '\n') {
				*size = (uint64_t)(end - (off_t)want) + i;
				return true;
			}
		}
		end -= (off_t)want;
	}
	*size = 0;
	return end == 0;
}

static enum mortise_code
add_part(struct making *making, char *path, struct mortise_error *error)
{
	char *name _cleanup_(free_pointer) = text_format("trail/%s", strrchr(path, '/') + 1);
	int fd _cleanup_(file_close) = file_open(AT_FDCWD, path, O_RDONLY, 0);
	uint64_t size = 0;

	if (fd < 0 || !whole_size(fd, &size)) {
		enum mortise_code code = error_errno(error, errno, "cannot read %s", path);

		free(path);
		return code;
	}
	if (name == NULL) {
		free(path);
		return error_memory(error);
	}
	return backup_add(&making->backup, name, path, size, error);
}

/* The head first: what it says is in the segments that are read after it. */
static enum mortise_code
add_trail(struct making *making, const char *directory, struct mortise_error *error)
{
	enum mortise_code code = trail_head(directory, &making->backup.head, error);
	char *head = code == MORTISE_OK ? path_join(directory, "head") : NULL;
	char **segments = NULL;
	size_t count = 0;
	char detail[128];

	if (code != MORTISE_OK)
		return code;
	code = head == NULL ? error_memory(error) : add_part(making, head, error);
	if (code == MORTISE_OK)
		code = trail_segments(directory, &segments, &count, error);
	for (size_t i = 0; code == MORTISE_OK && i < count; i++) {
		char *path = text_dup(segments[i]);

		code = path == NULL ? error_memory(error) : add_part(making, path, error);
	}
	trail_segments_free(segments, count);
	(void)snprintf(detail, sizeof(detail), "segments %zu, record %llu or a later one", count,
	    (unsigned long long)making->backup.head.seq);
	if (code == MORTISE_OK)
		tell(making, "trail", directory, detail);
	return code;
}

/* --- the file ----------------------------------------------------------------------- */

static enum mortise_code
write_archive(struct making *making, const char *path, struct mortise_error *error)
{
	char *partial _cleanup_(free_pointer) = path_join(making->directory, ".archive");
	int fd _cleanup_(file_close) = partial == NULL ? -1 :
	    file_open(AT_FDCWD, partial, O_WRONLY | O_CREAT | O_EXCL, 0600);
	enum mortise_code code;

	if (partial == NULL)
		return error_memory(error);
	if (fd < 0)
		return error_errno(error, errno, "cannot make %s", partial);
	code = backup_write(fd, &making->backup, error);
	if (code == MORTISE_OK && file_sync(fd) != 0)
		code = error_errno(error, errno, "cannot write %s", partial);
	/* link(2) replaces nothing. */
	if (code == MORTISE_OK && link(partial, path) != 0)
		code = errno == EEXIST ? error_set(error, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "%s is there already; name a new file", path) :
		    error_errno(error, errno, "cannot make %s", path);
	(void)unlink(partial);
	return code;
}

static enum mortise_code
make(struct making *making, const char *path, const char *trail, struct mortise_error *error)
{
	struct stat status;
	enum mortise_code code;

	if (lstat(path, &status) == 0)
		return error_set(error, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "%s is there already; name a new file", path);
	clock_format(clock_unix_us(), 3, making->backup.made);
	(void)snprintf(making->backup.program, sizeof(making->backup.program), "%s",
	    making->context->program);
	code = add_stores(making, error);
	if (code == MORTISE_OK)
		code = add_trail(making, trail, error);
	if (code == MORTISE_OK)
		code = write_archive(making, path, error);
	if (code == MORTISE_OK && file_sync_directory(AT_FDCWD, path) < 0)
		code = error_errno(error, errno, "cannot write the directory of %s", path);
	return code;
}

/* The copies of stores; the rest of the paths are the trail's own. */
static void
remove_copies(const struct making *making)
{
	for (size_t i = 0; i < making->backup.count; i++) {
		if (backup_store(&making->backup.files[i]) != NULL)
			(void)unlink(making->backup.files[i].path);
	}
	(void)rmdir(making->directory);
}

enum mortise_code
mortise_backup(struct mortise *context, const struct mortise_request *request, const char *path,
    mortise_backup_fn *each, void *arg, struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	struct making making = {.context = context, .request = request, .each = each, .arg = arg,
	    .directory = text_format("%s.partial", path)};
	enum mortise_code code;

	error_clear(error);
	if (making.directory == NULL)
		return error_memory(error);
	if (context->trail == NULL)
		code = error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "a backup is of stores and their trail, and audit is off");
	else if (mkdir(making.directory, 0700) != 0)
		code = errno == EEXIST ? error_set(error, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "%s is there: another backup is being made, or was killed; remove it then",
		    making.directory) :
		    error_errno(error, errno, "cannot make %s", making.directory);
	else {
		code = make(&making, path, running->engine.config->audit.trail, error);
		remove_copies(&making);
	}
	backup_free(&making.backup);
	free(making.directory);
	return code;
}
