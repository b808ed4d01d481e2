/* SPDX-License-Identifier: BSD-2-Clause */
/* For explicit_bzero. */
#define _GNU_SOURCE
#include "cli/input.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* One read into *value; *end: there was nothing more. */
static int
read_some(int fd, const char *from, struct mortise_secret *value, bool *end)
{
	char piece[4096];
	ssize_t n = file_read_some(fd, piece, sizeof(piece));
	enum mortise_code code = MORTISE_OK;
	size_t size;

	if (n < 0)
		return system_error("cannot read %s", from);
	*end = n == 0;
	code = mortise_secret_append(value, piece, (size_t)n);
	explicit_bzero(piece, sizeof(piece));
	if (code != MORTISE_OK)
		return usage_error("out of memory for the value");
	(void)mortise_secret_peek(value, &size);
	if (size > MORTISE_VALUE_MAX)
		return usage_error("the value is longer than %d bytes, which is the limit; "
		    "give a shorter one", MORTISE_VALUE_MAX);
	return 0;
}

static int
read_all(int fd, const char *from, struct mortise_secret *value)
{
	bool end = false;
	int status = 0;

	while (status == 0 && !end)
		status = read_some(fd, from, value, &end);
	return status;
}

static int
read_file(const char *path, struct mortise_secret *value)
{
	int fd _cleanup_(file_close) = file_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0);

	return fd < 0 ? system_error("cannot read %s", path) : read_all(fd, path, value);
}

int
input_value(struct cli *cli, const char *what, struct mortise_secret **value)
{
	return input_read(option_value(&cli->options, OPTION_FILE), what, value);
}

int
input_read(const char *path, const char *what, struct mortise_secret **value)
{
	struct mortise_secret *read = mortise_secret_new(4095);
	int status;

	if (read == NULL)
		return system_error("no memory for the value");
	if (path != NULL && strcmp(path, "-") != 0)
		status = read_file(path, read);
	else if (path == NULL && isatty(STDIN_FILENO))
		status = terminal_read(what, read);
	else
		status = read_all(STDIN_FILENO, "stdin", read);
	if (status != 0) {
		mortise_secret_free(read);
		return status;
	}
	*value = read;
	return 0;
}
