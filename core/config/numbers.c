/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers as configurations write them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

struct unit {
	const char *name;
	int64_t factor;
};

static bool
parse_number(const char *text, const struct unit *units, int64_t *value)
{
	char *end;
	long long number;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0)
		return false;
	for (; units->name != NULL; units++) {
		if (strcmp(units->name, end) != 0)
			continue;
		if (number > INT64_MAX / units->factor)
			return false;
		*value = number * units->factor;
		return true;
	}
	return false;
}

bool
duration_parse(const char *text, int64_t *ms)
{
	static const struct unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000},
	    {"d", 86400000}, {NULL, 0}};

	return parse_number(text, units, ms);
}

bool
size_parse(const char *text, int64_t *bytes)
{
	static const struct unit units[] = {{"", 1}, {"KiB", INT64_C(1) << 10},
	    {"MiB", INT64_C(1) << 20}, {"GiB", INT64_C(1) << 30}, {NULL, 0}};

	return parse_number(text, units, bytes);
}

bool
int_parse(const char *text, int64_t *value)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] == ' ' || text[0] == '+')
		return false;
	*value = number;
	return true;
}
