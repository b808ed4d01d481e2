/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * messages.h: what goes to stderr, a line in one write.  No message holds a
 * value, and bytes that would steer a terminal are shown as ?.
 */
#ifndef CLI_MESSAGES_H
#define CLI_MESSAGES_H

#include <mortise/mortise.h>

#include "base/attr.h"

#define EXIT_USAGE 2

/* "mortise: ..."  */
void message(const char *format, ...) _printf_(1, 2);
/* The same; EXIT_USAGE. */
int usage_error(const char *format, ...) _printf_(1, 2);
/* The same with errno's words behind it; EXIT_FAILURE. */
int system_error(const char *format, ...) _printf_(1, 2);
/* "mortise: file:line:column: backend: message"; the exit status for it. */
int library_error(const struct mortise_error *);

/* What a configuration's problems are counted in; mortise_problem_fn's arg. */
struct problem_count {
	enum mortise_level level;	/* this and graver are shown */
	unsigned int errors, warnings;
};
/* "file:line:column: warning: message" */
void problem_message(void *arg, enum mortise_level, const char *file, unsigned int line,
    unsigned int column, const char *text);

/* For the library's log. */
void log_message(void *arg, enum mortise_level, const char *text);

#endif
