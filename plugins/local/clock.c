/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TTLs and leases.  Within one start of the host they run on CLOCK_BOOTTIME,
 * which no one sets; across starts on wall time.  Over if either says so; what
 * was made in the future is over, too.
 */
#include "local.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_TEXT 36			/* hexadecimal digits and four hyphens */

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

static bool
parse_boot_id(const char text[BOOT_ID_TEXT], unsigned char boot[BOOT_SIZE])
{
	size_t digits = 0;

	for (size_t i = 0; i < BOOT_ID_TEXT; i++) {
		int value = digit(text[i]);

		if (text[i] == '-')
			continue;
		if (value < 0 || digits == 2 * (size_t)BOOT_SIZE)
			return false;
		boot[digits / 2] = (unsigned char)((unsigned int)boot[digits / 2] << 4 |
		    (unsigned int)value);
		digits++;
	}
	return digits == 2 * (size_t)BOOT_SIZE;
}

/* Zeros where the host does not say: wall time alone counts then. */
void
clock_boot(unsigned char boot[BOOT_SIZE])
{
	char text[BOOT_ID_TEXT];
	int fd = open_again(BOOT_ID, O_RDONLY, 0);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text));

	memset(boot, 0, BOOT_SIZE);
	if (fd >= 0)
		(void)close(fd);
	if (length != BOOT_ID_TEXT || !parse_boot_id(text, boot))
		memset(boot, 0, BOOT_SIZE);
}

static int64_t
milliseconds(clockid_t clock)
{
	struct timespec t = {0};

	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct instant
clock_now(void)
{
	return (struct instant){milliseconds(CLOCK_REALTIME), milliseconds(CLOCK_BOOTTIME)};
}

struct span
span_from(const struct store *store, const struct instant *now, int64_t length_ms)
{
	struct span span = {.made = now->wall, .made_boot = now->boot};

	memcpy(span.boot, store->boot, BOOT_SIZE);
	if (length_ms != 0)
		span.ends = length_ms > INT64_MAX - now->wall ? INT64_MAX : now->wall + length_ms;
	return span;
}

bool
span_over(const struct store *store, const struct span *span, const struct instant *now)
{
	static const unsigned char unknown[BOOT_SIZE];

	if (span->ends == 0)
		return false;
	if (now->wall >= span->ends)
		return true;
	if (memcmp(span->boot, store->boot, BOOT_SIZE) != 0 ||
	    memcmp(span->boot, unknown, BOOT_SIZE) == 0)
		return now->wall < span->made;
	return now->boot < span->made_boot ||
	    now->boot - span->made_boot >= span->ends - span->made;
}

void
span_bind(sqlite3_stmt *statement, int number, const struct span *span)
{
	(void)sqlite3_bind_int64(statement, number, span->made);
	if (span->ends != 0)
		(void)sqlite3_bind_int64(statement, number + 1, span->ends);
	(void)sqlite3_bind_int64(statement, number + 2, span->made_boot);
	sql_bind(statement, number + 3, span->boot, BOOT_SIZE);
}

/* Numbers that no clock gives would overflow above. */
bool
span_read(sqlite3_stmt *statement, int column, struct span *span)
{
	const unsigned char *boot = sql_bytes(statement, column + 3, BOOT_SIZE);

	span->made = sqlite3_column_int64(statement, column);
	span->ends = sqlite3_column_int64(statement, column + 1);
	span->made_boot = sqlite3_column_int64(statement, column + 2);
	if (boot == NULL || span->made < 0 || span->ends < 0 || span->made_boot < 0)
		return false;
	memcpy(span->boot, boot, BOOT_SIZE);
	return true;
}

void
span_subject(struct subject *subject, const struct span *span)
{
	subject_number(subject, span->made);
	subject_number(subject, span->ends);
	subject_number(subject, span->made_boot);
	subject_bytes(subject, span->boot, BOOT_SIZE);
}
