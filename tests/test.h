/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole test framework: checks that print TAP.  A program calls CHECK
 * and its kin, and returns test_end().  A check never stops the program.
 */
#ifndef TEST_H
#define TEST_H

#include <mortise/mortise.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Weak, so that the files of one program count together. */
__attribute__((weak)) unsigned int test_count, test_failures;

__attribute__((unused, format(printf, 4, 5))) static bool
test_check(bool good, const char *file, int line, const char *format, ...)
{
	va_list args;

	test_count++;
	if (!good)
		test_failures++;
	printf("%sok %u - ", good ? "" : "not ", test_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(good ? "\n" : "\n# at %s:%d\n", file, line);
	fflush(stdout);
	return good;
}

__attribute__((unused)) static bool
test_text(const char *got, const char *want, const char *file, int line, const char *what)
{
	bool good = got != NULL && strcmp(got, want) == 0;

	if (!good)
		printf("# got  %s\n# want %s\n", got == NULL ? "(null)" : got, want);
	return test_check(good, file, line, "%s", what);
}

__attribute__((unused)) static bool
test_number(long long got, long long want, const char *file, int line, const char *what)
{
	if (got != want)
		printf("# got  %lld\n# want %lld\n", got, want);
	return test_check(got == want, file, line, "%s", what);
}

/* CHECK(condition), CHECK_TEXT(got, want), CHECK_NUMBER(got, want); with _AS
 * the last argument names the check, for rows of a table. */
#define CHECK(condition) test_check((condition), __FILE__, __LINE__, "%s", #condition)
#define CHECK_AS(condition, ...) test_check((condition), __FILE__, __LINE__, __VA_ARGS__)
#define CHECK_TEXT(got, want) test_text((got), (want), __FILE__, __LINE__, #got)
#define CHECK_TEXT_AS(got, want, what) test_text((got), (want), __FILE__, __LINE__, (what))
#define CHECK_NUMBER(got, want) \
	test_number((long long)(got), (long long)(want), __FILE__, __LINE__, #got)
#define CHECK_NUMBER_AS(got, want, what) \
	test_number((long long)(got), (long long)(want), __FILE__, __LINE__, (what))

/* What cannot be checked here, and why; a failure under MORTISE_TEST_REQUIRE=all. */
__attribute__((unused)) static void
test_skip(const char *what, const char *why)
{
	const char *require = getenv("MORTISE_TEST_REQUIRE");

	if (require != NULL && strcmp(require, "all") == 0)
		(void)test_check(false, "this environment", 0, "%s: %s", what, why);
	else
		printf("ok %u - %s # SKIP %s\n", ++test_count, what, why);
}

__attribute__((unused)) static int
test_end(void)
{
	printf("1..%u\n", test_count);
	return test_failures == 0 ? 0 : 1;
}

#endif
