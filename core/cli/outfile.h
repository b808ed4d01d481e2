/* SPDX-License-Identifier: BSD-2-Clause */
/* outfile.h: a new file for --out, which is whole or not there at all; or stdout. */
#ifndef CLI_OUTFILE_H
#define CLI_OUTFILE_H

#include "cli/output.h"

struct outfile {
	const char *path;		/* NULL: stdout */
	char *partial;			/* what it is called until it is whole */
	struct output *output;
	struct buffer text;		/* to be appended to */
	int fd, failed;			/* errno of the first failure */
};

/* 0, or an exit status after a message.  The file holds claims about people: 0600. */
int outfile_open(struct outfile *, struct output *, const char *path);
/* Writes out what was appended, if there is much of it. */
void outfile_flush(struct outfile *);
/* Ends it; keep: it gets its name, durably, unless there is such a file.  0, or an exit
 * status after a message. */
int outfile_close(struct outfile *, bool keep);

#endif
