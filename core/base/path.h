/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * path.h: who may change what is about to be trusted: a configuration, a
 * plugin.  Breaches are invalid with reason configuration, and name the path
 * and the remedy.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <mortise/mortise.h>
#include <sys/stat.h>

/* Is this file or directory root's or the effective user's, and can nobody else
 * write it?  A sticky directory of root's passes: nobody can replace in it what
 * is not theirs. */
enum mortise_code path_check(const char *path, const struct stat *, struct mortise_error *);

/* The same for every directory above, from the root down; real is absolute and
 * has no symbolic links, as realpath gives it. */
enum mortise_code path_check_parents(const char *real, struct mortise_error *);

#endif
