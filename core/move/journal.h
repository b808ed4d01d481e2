/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * journal.h: which names a migration has done, for the run after one that was killed.
 * move's own; the file is told of in doc/file-formats.md.
 */
#ifndef MOVE_JOURNAL_H
#define MOVE_JOURNAL_H

#include "move/moving.h"

#define JOURNAL_FORMAT 1

struct journal;

/* Opens or makes it, and reads what is there.  conflict: another process has it open, or
 * it is of a migration between other backends or of another prefix. */
enum mortise_code journal_open(const char *path, const struct moving *, const char *prefix,
    struct journal **, struct mortise_error *);
void journal_close(struct journal **);		/* for _cleanup_; the file stays */
bool journal_has(const struct journal *, const char *name);
size_t journal_count(const struct journal *);	/* names that were there when it was opened */
/* One more; from any thread. */
enum mortise_code journal_add(struct journal *, const char *name, struct mortise_error *);
/* All is done: the file goes. */
enum mortise_code journal_remove(struct journal *, struct mortise_error *);

#endif
