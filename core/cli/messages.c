/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/messages.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define LINE_SIZE 4096

static const char *const level_words[] = {
	[MORTISE_LOG_ERROR] = "error: ",
	[MORTISE_LOG_WARNING] = "warning: ",
	[MORTISE_LOG_INFO] = "",
	[MORTISE_LOG_DEBUG] = "debug: ",
};

static void
write_line(const char *prefix, const char *text)
{
	char line[LINE_SIZE];
	int n = snprintf(line, sizeof(line) - 1, "%s%s", prefix, text);
	size_t size = n < 0 ? 0 : (size_t)n < sizeof(line) - 1 ? (size_t)n : sizeof(line) - 2;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c < ' ' || c == 0x7f)
			line[i] = '?';
	}
	line[size++] = '\n';
	/* Nobody is left to tell that stderr is gone. */
	(void)file_write(STDERR_FILENO, line, size, NULL);
}

static void _printf_(1, 0)
vmessage(const char *format, va_list args)
{
	char text[LINE_SIZE];

	(void)vsnprintf(text, sizeof(text), format, args);
	write_line("mortise: ", text);
}

void
message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vmessage(format, args);
	va_end(args);
}

int
usage_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vmessage(format, args);
	va_end(args);
	return EXIT_USAGE;
}

int
system_error(const char *format, ...)
{
	int saved = errno;
	char what[LINE_SIZE], cause[128];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (strerror_r(saved, cause, sizeof(cause)) != 0)
		(void)snprintf(cause, sizeof(cause), "errno %d", saved);
	message("%s: %s", what, cause);
	return EXIT_FAILURE;
}

/* "file:line:column: ", as much of it as is known. */
static void
write_place(char *text, size_t size, const char *file, unsigned int line, unsigned int column)
{
	text[0] = '\0';
	if (file == NULL || file[0] == '\0')
		return;
	if (line == 0)
		(void)snprintf(text, size, "%s: ", file);
	else if (column == 0)
		(void)snprintf(text, size, "%s:%u: ", file, line);
	else
		(void)snprintf(text, size, "%s:%u:%u: ", file, line, column);
}

int
library_error(const struct mortise_error *error)
{
	const char *backend = mortise_error_backend(error);
	const char *request = mortise_error_request_id(error);
	int64_t wait = mortise_error_retry_after_ms(error);
	char place[1024], more[256] = "";

	write_place(place, sizeof(place), mortise_error_file(error), mortise_error_line(error),
	    mortise_error_column(error));
	if (request[0] != '\0')
		(void)snprintf(more, sizeof(more), " (request %s)", request);
	message("%s%s%s%s%s", place, backend, backend[0] == '\0' ? "" : ": ",
	    mortise_error_message(error), more);
	if (wait > 0)
		message("it asks to wait for %lld ms", (long long)wait);
	return mortise_exit_status(mortise_error_code(error), mortise_error_reason(error));
}

void
problem_message(void *arg, enum mortise_level level, const char *file, unsigned int line,
    unsigned int column, const char *text)
{
	struct problem_count *count = arg;
	char place[1024], prefix[1100];

	if (level == MORTISE_LOG_ERROR)
		count->errors++;
	if (level == MORTISE_LOG_WARNING)
		count->warnings++;
	if (level > count->level)
		return;
	write_place(place, sizeof(place), file, line, column);
	(void)snprintf(prefix, sizeof(prefix), "%s%s", place,
	    level == MORTISE_LOG_ERROR ? "" : level_words[level]);
	write_line(prefix, text);
}

void
log_message(void *arg, enum mortise_level level, const char *text)
{
	char prefix[32];

	(void)arg;
	(void)snprintf(prefix, sizeof(prefix), "mortise: %s", level_words[level]);
	write_line(prefix, text);
}
