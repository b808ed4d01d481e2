/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor.h: what the parts of mortise_doctor share. */
#ifndef API_DOCTOR_H
#define API_DOCTOR_H

#include <limits.h>

#include "api/context.h"

struct doctor {
	const struct mortise_open_options *options;
	mortise_finding_fn *each;
	void *arg;
	size_t failed;
	struct assembly *assembly;
	const struct config *config;	/* the assembly's */
	struct mortise *context;	/* its trail may be missing */
	struct running *running;
	const char *checking;		/* a backend whose lines are findings; NULL: none */
};

void doctor_say(struct doctor *, enum mortise_verdict, const char *subject, const char *format,
    ...) _printf_(4, 5);

/* doctor_trail.c: the trail's files, whether it is open or not. */
void doctor_look_at_trail(struct doctor *, const char *directory);

/* doctor_sinks.c: how far those are that follow it. */
void doctor_look_at_sinks(struct doctor *);

#endif
