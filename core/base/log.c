/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <stdio.h>

void
log_vline(const struct logger *logger, enum mortise_level level, const char *format, va_list args)
{
	char line[1024];

	if (logger == NULL || logger->fn == NULL || level > logger->level)
		return;
	(void)vsnprintf(line, sizeof(line), format, args);
	logger->fn(logger->arg, level, line);
}

void
log_line(const struct logger *logger, enum mortise_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vline(logger, level, format, args);
	va_end(args);
}
