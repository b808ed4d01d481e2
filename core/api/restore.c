/* SPDX-License-Identifier: BSD-2-Clause */
/* restore: what backup has made, back in its places. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/context.h"
#include "audit/search.h"
#include "base/file.h"
#include "move/backup.h"

struct restoring {
	const struct mortise_open_options *options;
	const struct mortise_request *request;
	const char *archive;		/* its path */
	mortise_backup_fn *each;
	void *arg;
	char *trail;			/* where it belongs */
	char *directory;		/* beside it, to unpack in */
	char *unpacked;			/* the trail in there */
	struct backup backup;
};

static void
tell(const struct restoring *restoring, const char *what, const char *name, const char *detail)
{
	if (restoring->each != NULL)
		restoring->each(restoring->arg, what, name, detail);
}

/* --- unpacking ---------------------------------------------------------------------- */

static enum mortise_code
make_directory(const char *path, struct mortise_error *error)
{
	if (mkdir(path, 0700) == 0)
		return MORTISE_OK;
	return errno == EEXIST ? error_set(error, MORTISE_CONFLICT, MORTISE_REASON_NONE,
	    "%s is there: another restore runs, or was killed; remove it then", path) :
	    error_errno(error, errno, "cannot make %s", path);
}

static enum mortise_code
unpack(struct restoring *restoring, struct mortise_error *error)
{
	char *stores _cleanup_(free_pointer) = path_join(restoring->directory, "stores");
	int fd _cleanup_(file_close) = file_open(AT_FDCWD, restoring->archive, O_RDONLY, 0);
	struct mortise_error inner;
	enum mortise_code code;

	if (fd < 0)
		return error_errno(error, errno, "cannot read %s", restoring->archive);
	if (stores == NULL)
		return error_memory(error);
	code = make_directory(stores, error);
	if (code == MORTISE_OK)
		code = make_directory(restoring->unpacked, error);
	if (code != MORTISE_OK)
		return code;
	error_clear(&inner);
	code = backup_unpack(fd, restoring->directory, &restoring->backup, &inner);
	return code == MORTISE_OK ? code : error_set(error, code, inner.reason, "%s: %s",
	    restoring->archive, inner.message);
}

static void
remove_unpacked(const struct restoring *restoring)
{
	char *stores _cleanup_(free_pointer) = path_join(restoring->directory, "stores");

	for (size_t i = 0; i < restoring->backup.count; i++)
		(void)unlink(restoring->backup.files[i].path);
	(void)rmdir(restoring->unpacked);
	if (stores != NULL)
		(void)rmdir(stores);
	(void)rmdir(restoring->directory);
}

/* --- the trail ---------------------------------------------------------------------- */

struct seeking {
	const struct mortise_audit_head *head;
	bool found;
};

static void
look_at(void *arg, const char *line, size_t size)
{
	struct seeking *seeking = arg;
	char seq[40];

	(void)size;
	(void)snprintf(seq, sizeof(seq), "\"seq\":%" PRIu64 ",", seeking->head->seq);
	if (strstr(line, seq) != NULL && strstr(line, seeking->head->hash) != NULL)
		seeking->found = true;
}

/* Has the trail in a directory the record that the backup names? */
static enum mortise_code
seek(const struct restoring *restoring, const char *directory, struct mortise_error *error)
{
	const struct mortise_audit_filter all = {.size = sizeof(all)};
	struct seeking seeking = {.head = &restoring->backup.head};
	enum mortise_code code = search_trail(directory, &all, look_at, &seeking, error);

	if (code == MORTISE_OK && !seeking.found)
		code = error_set(error, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "the trail in %s has no record %" PRIu64 " of hash %s, and so is not that of "
		    "this backup, continued; move it away to put the backup's in its place",
		    directory, seeking.head->seq, seeking.head->hash);
	return code;
}

/* A directory of it that is empty is as good as none. */
static bool
absent(const char *trail)
{
	return rmdir(trail) == 0 || errno == ENOENT;
}

static enum mortise_code
put_trail(struct restoring *restoring, struct mortise_error *error)
{
	enum mortise_code code = seek(restoring, restoring->unpacked, error);

	if (code != MORTISE_OK)
		return code;
	if (!absent(restoring->trail)) {
		code = seek(restoring, restoring->trail, error);
		if (code == MORTISE_OK)
			tell(restoring, "trail", restoring->trail,
			    "kept: it is that of the backup, or newer");
		return code;
	}
	if (rename(restoring->unpacked, restoring->trail) != 0)
		return error_errno(error, errno, "cannot make %s", restoring->trail);
	tell(restoring, "trail", restoring->trail, "put back");
	return MORTISE_OK;
}

/* --- stores ------------------------------------------------------------------------- */

static enum mortise_code
put_store(const struct restoring *restoring, struct mortise *context,
    const struct backup_file *file, struct mortise_error *error)
{
	const char *backend = backup_store(file);
	const struct mortise_command_value value = {.option = "file", .text = file->path};
	enum mortise_code code = mortise_backend_run(context, restoring->request, backend,
	    "restore", &value, 1, NULL, NULL, error);

	if (code == MORTISE_OK)
		tell(restoring, "store", backend, "put back");
	return code;
}

static enum mortise_code
put_stores(const struct restoring *restoring, struct mortise_error *error)
{
	struct mortise_open_options options = *restoring->options;
	struct mortise *context = NULL;
	enum mortise_code code;

	options.maintenance = true;
	code = mortise_open(&options, &context, error);
	for (size_t i = 0; code == MORTISE_OK && i < restoring->backup.count; i++) {
		if (backup_store(&restoring->backup.files[i]) != NULL)
			code = put_store(restoring, context, &restoring->backup.files[i], error);
	}
	mortise_close(context);
	return code;
}

/* --- all of it ---------------------------------------------------------------------- */

static enum mortise_code
restore(struct restoring *restoring, struct mortise_error *error)
{
	char *parent _cleanup_(free_pointer) = path_directory(restoring->trail);
	enum mortise_code code;

	if (parent == NULL)
		return error_memory(error);
	if (file_make_directories(parent, 0700) < 0)
		return error_errno(error, errno, "cannot make the directory %s", parent);
	code = make_directory(restoring->directory, error);
	if (code != MORTISE_OK)
		return code;
	code = unpack(restoring, error);
	if (code == MORTISE_OK)
		code = put_trail(restoring, error);
	if (code == MORTISE_OK)
		code = put_stores(restoring, error);
	remove_unpacked(restoring);
	return code;
}

enum mortise_code
mortise_restore(const struct mortise_open_options *options, const struct mortise_request *request,
    const char *path, mortise_backup_fn *each, void *arg, struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct restoring restoring = {.options = options, .request = request, .archive = path,
	    .each = each, .arg = arg};
	struct config *config = NULL;
	enum mortise_code code = trail_config(options->config_path, &config, error);

	if (code != MORTISE_OK)
		return code;
	restoring.trail = text_dup(config->audit.trail);
	restoring.directory = text_format("%s.restoring", config->audit.trail);
	restoring.unpacked = restoring.directory == NULL ? NULL :
	    path_join(restoring.directory, "trail");
	if (restoring.trail == NULL || restoring.unpacked == NULL)
		code = error_memory(error);
	else
		code = restore(&restoring, error);
	backup_free(&restoring.backup);
	free(restoring.trail);
	free(restoring.directory);
	free(restoring.unpacked);
	config_free(config);
	return code;
}
