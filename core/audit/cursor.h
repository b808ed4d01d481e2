/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cursor.h: how far a sink has got, in DIR/sinks/NAME.  Who delivers to a sink holds
 * the file's lock for as long as it does; anybody may read.  It is not synced: where
 * it is behind, records come again, and a sink knows them by their numbers.
 */
#ifndef AUDIT_CURSOR_H
#define AUDIT_CURSOR_H

#include "audit/followers.h"

#define CURSOR_DIRECTORY "sinks"

struct cursor {
	char trail[33];			/* "": none yet */
	uint64_t seq;			/* all to here are in the sink, parked or dropped */
	uint64_t segment, offset;	/* where the line of seq ends */
	uint64_t parked;		/* records that the sink rejected and that were passed over */
	bool keep;			/* the trail keeps what the sink has not got */
	char failure[SINK_FAILURE_SIZE];	/* of the last try; "": none */
};

/* Opens a sink's file of the trail in `directory`, made if missing; the caller closes it. */
enum mortise_code cursor_open(int directory, const char *sink, int *file, struct mortise_error *);
/* false: somebody else delivers. */
bool cursor_lock(int file);
void cursor_unlock(int file);
/* As cursor_open, for reading, and not made: -1 where there is none. */
int cursor_look(int directory, const char *sink);
/* false: it says nothing that can be read, as a new one; the cursor is at the beginning. */
bool cursor_read(int file, struct cursor *cursor);
bool cursor_write(int file, const struct cursor *cursor);

/* The sink that a segment must be kept for, whose last record is seq; in the buffer
 * (NAME_MAX + 1), false: none. */
bool cursor_keeps(int directory, const char *trail, uint64_t seq, char *sink);

#endif
