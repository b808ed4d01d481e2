/* SPDX-License-Identifier: BSD-2-Clause */
/* reader.h: the durable lines of a trail in order, from a place on.  audit's own. */
#ifndef AUDIT_READER_H
#define AUDIT_READER_H

#include "audit/parts.h"

struct reader {
	int directory;			/* the trail's; borrowed */
	uint64_t segment, offset;	/* where the next line begins; segment 0: nowhere yet */
	int file;			/* of the segment; -1: not open */
	char *bytes;			/* of it, from the place on */
	size_t size, at, capacity;
};

void reader_init(struct reader *reader, int directory);
void reader_free(struct reader *reader);

/* Goes to a place where a line begins. */
void reader_place(struct reader *reader, uint64_t segment, uint64_t offset);
/* Goes to the beginning of the segment that holds the record after seq, or else of the
 * oldest; *first: the number that it begins with.  not_found: there is none. */
enum mortise_code reader_seek(struct reader *reader, const struct lock_state *lock, uint64_t seq,
    uint64_t *first, struct mortise_error *error);

/* Reads on, up to what `lock` calls durable: into the next segment where one has ended.
 * The lines that were given before are gone.  not_found: the segment is. */
enum mortise_code reader_fill(struct reader *reader, const struct lock_state *lock,
    struct mortise_error *error);
/* The next of the lines that were read, its LF made a NUL, and the record's number (0: it
 * is no record); NULL: read on. */
char *reader_line(struct reader *reader, size_t *size, uint64_t *seq);

/* The next line, read where none is in memory; NULL: there is no other. */
enum mortise_code reader_next(struct reader *reader, const struct lock_state *lock, char **line,
    size_t *size, uint64_t *seq, struct mortise_error *error);

/* The number of the last durable record; 0: not to be told. */
uint64_t reader_last(int directory, const struct lock_state *lock);

/* Bytes from the place to what is durable. */
uint64_t reader_left(const struct reader *reader, const struct lock_state *lock);

#endif
