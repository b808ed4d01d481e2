/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/messages.h"

#define FLUSH_SIZE 65536
#define MODE 0600

static int
exists(const char *path)
{
	message("%s is there already; name a new file", path);
	return mortise_exit_status(MORTISE_CONFLICT, MORTISE_REASON_NONE);
}

int
outfile_open(struct outfile *file, struct output *output, const char *path)
{
	*file = (struct outfile){.path = path, .output = output, .fd = -1};
	if (path == NULL)
		return 0;
	if (access(path, F_OK) == 0)
		return exists(path);
	file->partial = text_format("%s.partial", path);
	if (file->partial == NULL)
		return system_error("cannot start");
	file->fd = file_open(AT_FDCWD, file->partial, O_WRONLY | O_CREAT | O_EXCL, MODE);
	if (file->fd >= 0)
		return 0;
	if (errno == EEXIST) {
		message("%s is there: another such file is being made, or was killed; remove it",
		    file->partial);
		free(file->partial);
		return mortise_exit_status(MORTISE_CONFLICT, MORTISE_REASON_NONE);
	}
	free(file->partial);
	return system_error("cannot make %s.partial", path);
}

static void
write_out(struct outfile *file)
{
	if (file->text.failed && file->failed == 0)
		file->failed = ENOMEM;
	if (file->failed == 0 && file->path == NULL)
		output_bytes(file->output, file->text.data, file->text.size);
	else if (file->failed == 0 &&
	    file_write(file->fd, file->text.data, file->text.size, NULL) < 0)
		file->failed = errno;
	file->text.size = 0;
}

void
outfile_flush(struct outfile *file)
{
	if (file->text.size >= FLUSH_SIZE)
		write_out(file);
}

/* link(2) replaces nothing. */
static int
give_name(const struct outfile *file)
{
	if (file_sync(file->fd) < 0)
		return system_error("cannot write %s", file->partial);
	if (link(file->partial, file->path) < 0)
		return errno == EEXIST ? exists(file->path) :
		    system_error("cannot make %s", file->path);
	return file_sync_directory(AT_FDCWD, file->path) < 0 ?
	    system_error("cannot write the directory of %s", file->path) : 0;
}

int
outfile_close(struct outfile *file, bool keep)
{
	int status = 0;

	write_out(file);
	errno = file->failed;
	if (keep && file->failed != 0)
		status = system_error("cannot write %s",
		    file->path == NULL ? "stdout" : file->partial);
	else if (keep && file->path != NULL)
		status = give_name(file);
	if (file->path != NULL)
		(void)unlink(file->partial);
	file_close(&file->fd);
	free(file->partial);
	buffer_free(&file->text);
	return status;
}
