/* SPDX-License-Identifier: BSD-2-Clause */
/* crew.h: threads that take names one after another.  move's own. */
#ifndef MOVE_CREW_H
#define MOVE_CREW_H

#include "move/moving.h"

struct crew {
	unsigned int threads;		/* 1 to MOVE_THREADS_MAX */
	uint64_t rate;			/* names begun a second at most; 0: as fast as it goes */
	/* One name; by any of the threads.  Not ok: nobody begins another one. */
	enum mortise_code (*work)(void *arg, const char *name, struct mortise_error *);
	void *arg;
};

/* Until all are done, or one was not ok: with its code and error. */
enum mortise_code crew_run(const struct crew *, const struct names *,
    struct mortise_error *);

#endif
