/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/path.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"

static enum mortise_code
refuse(struct mortise_error *error, const char *path, const char *what)
{
	return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION, "%s %s", path, what);
}

enum mortise_code
path_check(const char *path, const struct stat *st, struct mortise_error *error)
{
	bool sticky = S_ISDIR(st->st_mode) && st->st_uid == 0 && (st->st_mode & S_ISVTX) != 0;

	if (st->st_uid != 0 && st->st_uid != geteuid())
		return refuse(error, path, "belongs to another user, who could change what is "
		    "loaded; make root its owner");
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky)
		return refuse(error, path, "may be written by its group or by others; "
		    "run chmod go-w on it");
	return MORTISE_OK;
}

/* By path and not by descriptor: what has passed cannot be changed by a
 * stranger, so neither can the way to the next one. */
enum mortise_code
path_check_parents(const char *real, struct mortise_error *error)
{
	char *parent _cleanup_(free_pointer) = text_dup(real);
	enum mortise_code code = MORTISE_OK;
	struct stat st;

	if (parent == NULL)
		return error_memory(error);
	for (char *slash = parent; code == MORTISE_OK && slash != NULL;
	    slash = strchr(slash + 1, '/')) {
		size_t end = slash == parent ? 1 : (size_t)(slash - parent);
		char next = parent[end];

		parent[end] = '\0';
		code = lstat(parent, &st) < 0 ? error_errno(error, errno, "%s", parent) :
		    path_check(parent, &st, error);
		parent[end] = next;
	}
	return code;
}
