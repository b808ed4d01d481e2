/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error.h: the error object.  All fixed size, so that running out of memory
 * can be told too.  Every function takes NULL for an error nobody wants.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <mortise/mortise.h>

#include "base/attr.h"

/* A place in a configuration file; file "" = none.  The string is borrowed
 * from the configuration. */
struct place {
	const char *file;
	unsigned int line, column;	/* from 1; columns in characters */
};

struct mortise_error {
	enum mortise_code code;
	enum mortise_reason reason;
	char message[1024];
	char backend[33];
	char file[512];
	unsigned int line, column;
	char request_id[129];
	int64_t retry_after_ms;
};

void error_clear(struct mortise_error *);

/* Sets a fresh error and returns the code.  The message says what happened and
 * what to do, and never holds a value; a longer one is cut. */
enum mortise_code error_set(struct mortise_error *, enum mortise_code, enum mortise_reason,
    const char *format, ...) _printf_(4, 5);

/* "WHAT: strerror(saved)" as MORTISE_ERROR. */
enum mortise_code error_errno(struct mortise_error *, int saved, const char *format, ...)
    _printf_(3, 4);

/* error "out of memory". */
enum mortise_code error_memory(struct mortise_error *);

/* Adds the place that the error is about. */
void error_at(struct mortise_error *, const struct place *);

/* Of a function in another file clang's analyser believes that it may return ok. */
#if defined(__clang_analyzer__) && !defined(BASE_ERROR_C)
#define error_set(error, code, ...) ((void)(error_set)(error, code, __VA_ARGS__), (code))
#define error_errno(...) ((void)(error_errno)(__VA_ARGS__), MORTISE_ERROR)
#define error_memory(error) ((void)(error_memory)(error), MORTISE_ERROR)
#endif

#endif
