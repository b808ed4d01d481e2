/* SPDX-License-Identifier: BSD-2-Clause */
/* problems.h: all that is wrong with a configuration, with its places. */
#ifndef CONFIG_PROBLEMS_H
#define CONFIG_PROBLEMS_H

#include <mortise/mortise.h>

#include "base/error.h"

struct problems {
	mortise_problem_fn *each;	/* NULL: nobody is told but `first` */
	void *arg;
	size_t errors, warnings;
	struct mortise_error first;	/* the first error, with reason configuration */
};

/* "what is wrong; what would be right" */
void problem_error(struct problems *, const struct place *, const char *format, ...)
    _printf_(3, 4);
void problem_warning(struct problems *, const struct place *, const char *format, ...)
    _printf_(3, 4);
/* Not wrong, but good to know: MORTISE_LOG_INFO. */
void problem_note(struct problems *, const struct place *, const char *format, ...)
    _printf_(3, 4);

#endif
