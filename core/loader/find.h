/* SPDX-License-Identifier: BSD-2-Clause */
/* find.h: from a plugin's name to a file that may be loaded.  For load.c only. */
#ifndef LOADER_FIND_H
#define LOADER_FIND_H

#include <sys/stat.h>

#include "loader/loader.h"

struct plugin_file {
	int fd;				/* -1, or for file_close */
	char path[PLUGIN_PATH_SIZE];	/* after realpath */
	dev_t device;
	ino_t inode;
};

/*
 * Opens NAME.so in the first directory that has it, and checks who may write
 * to it.  A file that is found and does not pass is an error: a later
 * directory never stands in for it.
 */
enum mortise_code plugin_file_find(const struct loader *loader, const char *name,
    struct plugin_file *file, struct mortise_error *error);

/* Does the path still lead to the file that was checked? */
bool plugin_file_same(const struct plugin_file *file);

#endif
