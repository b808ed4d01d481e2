/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>

static void
tell(struct problems *problems, enum mortise_level level, const struct place *place,
    const char *message)
{
	if (level == MORTISE_LOG_ERROR && problems->errors++ == 0) {
		(void)error_set(&problems->first, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s", message);
		error_at(&problems->first, place);
	}
	if (level == MORTISE_LOG_WARNING)
		problems->warnings++;
	if (problems->each != NULL)
		problems->each(problems->arg, level, place->file == NULL ? "" : place->file,
		    place->line, place->column, message);
}

void
problem_error(struct problems *problems, const struct place *place, const char *format, ...)
{
	char message[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	tell(problems, MORTISE_LOG_ERROR, place, message);
}

void
problem_warning(struct problems *problems, const struct place *place, const char *format, ...)
{
	char message[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	tell(problems, MORTISE_LOG_WARNING, place, message);
}

void
problem_note(struct problems *problems, const struct place *place, const char *format, ...)
{
	char message[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	tell(problems, MORTISE_LOG_INFO, place, message);
}
