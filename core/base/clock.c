/* SPDX-License-Identifier: BSD-2-Clause */
/* For CLOCK_MONOTONIC_COARSE, which is Linux's. */
#define _GNU_SOURCE
#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)

static uint64_t
now_ns(clockid_t id)
{
	struct timespec t;

	/* Cannot fail: both clocks exist on every POSIX system we build on. */
	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t
clock_monotonic_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

uint64_t
clock_tick_ns(void)
{
#ifdef CLOCK_MONOTONIC_COARSE
	return now_ns(CLOCK_MONOTONIC_COARSE);
#else
	return now_ns(CLOCK_MONOTONIC);
#endif
}

int64_t
clock_unix_us(void)
{
	return (int64_t)(now_ns(CLOCK_REALTIME) / 1000);
}

int64_t
clock_unix_ms(void)
{
	return (int64_t)(now_ns(CLOCK_REALTIME) / NS_PER_MS);
}

uint64_t
deadline_in_ms(uint64_t ms)
{
	uint64_t now = clock_monotonic_ns();

	if (ms > (DEADLINE_NEVER - now) / NS_PER_MS)
		return DEADLINE_NEVER;
	return now + ms * NS_PER_MS;
}

uint64_t
deadline_left_ns(uint64_t deadline)
{
	uint64_t now = clock_monotonic_ns();

	return deadline > now ? deadline - now : 0;
}

int
deadline_left_ms(uint64_t deadline)
{
	uint64_t left = deadline_left_ns(deadline);
	uint64_t ms = left / NS_PER_MS + (left % NS_PER_MS != 0);

	return ms > INT_MAX ? INT_MAX : (int)ms;
}

struct timespec
deadline_timespec(uint64_t deadline)
{
	uint64_t seconds = deadline / NS_PER_S;
	struct timespec t = {.tv_nsec = (long)(deadline % NS_PER_S)};

	/* 68 years after the boot: fits any time_t. */
	t.tv_sec = seconds > INT32_MAX ? INT32_MAX : (time_t)seconds;
	return t;
}

void
clock_format(int64_t us, int digits, char text[CLOCK_TEXT_SIZE])
{
	int64_t seconds = us / 1000000, rest = us % 1000000;
	struct tm tm;
	time_t t;

	if (rest < 0) {
		rest += 1000000;
		seconds--;
	}
	t = (time_t)seconds;
	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 8099)
		memset(&tm, 0, sizeof(tm));
	if (digits == 3)
		rest /= 1000;
	(void)snprintf(text, CLOCK_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%0*dZ",
	    (tm.tm_year + 1900) % 10000, (tm.tm_mon + 1) % 100, tm.tm_mday % 100,
	    tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100, digits, (int)rest);
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t
days_from_civil(int64_t year, int month, int day)
{
	int64_t era, yoe, doy;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	yoe = year - era * 400;
	doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* The milliseconds of a fraction ".ddd..." and where it ends. */
static const char *
parse_fraction(const char *text, int *ms)
{
	int scale = 100;

	*ms = 0;
	if (*text != '.')
		return text;
	for (text++; *text >= '0' && *text <= '9'; text++) {
		*ms += (*text - '0') * scale;
		scale /= 10;
	}
	return text;
}

/* Does the text begin in this shape?  d: a digit, .: anything, others: themselves. */
static bool
has_shape(const char *text, const char *shape)
{
	for (; *shape != '\0'; shape++, text++) {
		if (*shape == 'd' ? *text < '0' || *text > '9' :
		    *text == '\0' || (*shape != '.' && *text != *shape))
			return false;
	}
	return true;
}

static bool
parse_offset(const char *text, int *minutes)
{
	int hours, rest, end = 0;
	char sign;

	*minutes = 0;
	if ((text[0] == 'Z' || text[0] == 'z') && text[1] == '\0')
		return true;
	if (!has_shape(text, ".dd:dd") || sscanf(text, "%c%2d:%2d%n", &sign, &hours, &rest, &end) != 3 || text[end] != '\0' ||
	    hours < 0 || hours > 23 || rest < 0 || rest > 59)
		return false;
	*minutes = (hours * 60 + rest) * (sign == '-' ? -1 : 1);
	return sign == '+' || sign == '-';
}

bool
clock_parse(const char *text, int64_t *ms)
{
	int year, month, day, hour, minute, second, fraction, offset, end = 0;
	char t;

	/* sscanf would take a space or a sign for a digit. */
	if (!has_shape(text, "dddd-dd-dd.dd:dd:dd.") ||
	    sscanf(text, "%4d-%2d-%2d%c%2d:%2d:%2d%n", &year, &month, &day, &t, &hour, &minute,
	    &second, &end) != 7 || end != 19 || (t != 'T' && t != 't' && t != ' '))
		return false;
	if (year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
	    minute < 0 || minute > 59 || second < 0 || second > 60)
		return false;
	text = parse_fraction(text + end, &fraction);
	if (!parse_offset(text, &offset))
		return false;
	*ms = (((days_from_civil(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 +
	    second) * 1000 + fraction;
	return true;
}
