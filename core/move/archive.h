/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * archive.h: several files in one, as POSIX's ustar has it, so that any tar lists
 * and unpacks it too.  Regular files only, of less than 8 GiB, with names of at
 * most 100 bytes.
 */
#ifndef MOVE_ARCHIVE_H
#define MOVE_ARCHIVE_H

#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"

#define ARCHIVE_NAME_SIZE 101

struct archive_entry {
	char name[ARCHIVE_NAME_SIZE];
	uint64_t size;
	char sha256[DIGEST_TEXT_SIZE];	/* of its bytes, once they went by */
};

/* Appends size bytes of a descriptor, from its start; fills in the digest. */
enum mortise_code archive_add(int archive, int from, struct archive_entry *,
    struct mortise_error *);
/* What says that it is whole. */
enum mortise_code archive_end(int archive, struct mortise_error *);

/* The next file; *more false: the end.  invalid: this is no archive, or cut short. */
enum mortise_code archive_next(int archive, struct archive_entry *, bool *more,
    struct mortise_error *);
/* Its bytes, which must be taken before the next one; fills in the digest. */
enum mortise_code archive_take(int archive, struct archive_entry *, int to,
    struct mortise_error *);

#endif
