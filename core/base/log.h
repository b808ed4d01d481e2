/* SPDX-License-Identifier: BSD-2-Clause */
/* log.h: lines to the operator, through the program's own function. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <mortise/mortise.h>
#include <stdarg.h>

#include "base/attr.h"

/* fn NULL: nothing is logged.  Copied by value; any thread may use it. */
struct logger {
	mortise_log_fn *fn;
	void *arg;
	enum mortise_level level;	/* this and graver */
};

void log_line(const struct logger *, enum mortise_level, const char *format, ...) _printf_(3, 4);
void log_vline(const struct logger *, enum mortise_level, const char *format, va_list)
    _printf_(3, 0);

#endif
