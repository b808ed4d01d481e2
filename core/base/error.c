/* SPDX-License-Identifier: BSD-2-Clause */
#define BASE_ERROR_C
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
error_clear(struct mortise_error *error)
{
	if (error == NULL)
		return;
	/* Not the texts whole: they are large, and this is on every call's way. */
	error->code = MORTISE_OK;
	error->reason = MORTISE_REASON_NONE;
	error->message[0] = error->backend[0] = error->file[0] = error->request_id[0] = '\0';
	error->line = error->column = 0;
	error->retry_after_ms = 0;
}

enum mortise_code
error_set(struct mortise_error *error, enum mortise_code code, enum mortise_reason reason,
    const char *format, ...)
{
	va_list args;

	if (error == NULL)
		return code;
	error_clear(error);
	error->code = code;
	error->reason = reason;
	va_start(args, format);
	(void)vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return code;
}

enum mortise_code
error_errno(struct mortise_error *error, int saved, const char *format, ...)
{
	char cause[128], what[768];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	/* The XSI strerror_r: _POSIX_C_SOURCE is set, _GNU_SOURCE is not. */
	if (strerror_r(saved, cause, sizeof(cause)) != 0)
		(void)snprintf(cause, sizeof(cause), "errno %d", saved);
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_NONE, "%s: %s", what, cause);
}

enum mortise_code
error_memory(struct mortise_error *error)
{
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
}

void
error_at(struct mortise_error *error, const struct place *place)
{
	if (error == NULL || place->file == NULL)
		return;
	(void)snprintf(error->file, sizeof(error->file), "%s", place->file);
	error->line = place->line;
	error->column = place->column;
}

struct mortise_error *
mortise_error_new(void)
{
	return calloc(1, sizeof(struct mortise_error));
}

void
mortise_error_free(struct mortise_error *error)
{
	free(error);
}

enum mortise_code
mortise_error_code(const struct mortise_error *error)
{
	return error->code;
}

enum mortise_reason
mortise_error_reason(const struct mortise_error *error)
{
	return error->reason;
}

const char *
mortise_error_message(const struct mortise_error *error)
{
	return error->message;
}

const char *
mortise_error_backend(const struct mortise_error *error)
{
	return error->backend;
}

const char *
mortise_error_file(const struct mortise_error *error)
{
	return error->file;
}

unsigned int
mortise_error_line(const struct mortise_error *error)
{
	return error->line;
}

unsigned int
mortise_error_column(const struct mortise_error *error)
{
	return error->column;
}

const char *
mortise_error_request_id(const struct mortise_error *error)
{
	return error->request_id;
}

int64_t
mortise_error_retry_after_ms(const struct mortise_error *error)
{
	return error->retry_after_ms;
}
