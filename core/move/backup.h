/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * move: what goes from one place to another: secrets between backends (moving.h,
 * migrate.h), and stores with their trail into a file and back.  Called by api.
 *
 * backup.h: one file that holds copies of stores and the trail, and the list of
 * them with their digests: doc/file-formats.md.
 */
#ifndef MOVE_BACKUP_H
#define MOVE_BACKUP_H

#include "move/archive.h"

#define BACKUP_FORMAT 1

struct backup_file {
	char *path;			/* where its bytes are; malloc'd, NULL: in the archive only */
	struct archive_entry entry;	/* "stores/BACKEND", "trail/SEGMENT" */
};
/* Starts as {0}. */
struct backup {
	char made[32];			/* RFC 3339 */
	char program[64];
	struct mortise_audit_head head;	/* a record that the trail in there has */
	struct backup_file *files;
	size_t count;
};
void backup_free(struct backup *);	/* for _cleanup_ */

/* The backend whose store it is; NULL: it is of the trail. */
const char *backup_store(const struct backup_file *);

/* Takes path, malloc'd, also on failure. */
enum mortise_code backup_add(struct backup *, const char *name, char *path, uint64_t size,
    struct mortise_error *);

/* Writes the files in their order, their list behind them, and the end. */
enum mortise_code backup_write(int archive, struct backup *, struct mortise_error *);

/* Unpacks the files below a directory, in which "stores" and "trail" are, and holds
 * them against the list.  invalid: it is no backup, damaged, or of a newer format. */
enum mortise_code backup_unpack(int archive, const char *directory, struct backup *,
    struct mortise_error *);

#endif
