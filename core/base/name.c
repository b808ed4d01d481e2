/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/name.h"

#include <string.h>

#include "base/error.h"

static const char alnum[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static bool
is_in(char c, const char *extra)
{
	return c != '\0' && (strchr(alnum, c) != NULL || strchr(extra, c) != NULL);
}

static enum mortise_code
invalid(struct mortise_error *error, const char *what, const char *why)
{
	return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE, "%s %s; "
	    "a name is segments of [A-Za-z0-9_.-] with / between them, at most %d bytes",
	    what, why, MORTISE_NAME_MAX);
}

static bool
is_dots(const char *segment, size_t length)
{
	return (length == 1 && segment[0] == '.') ||
	    (length == 2 && segment[0] == '.' && segment[1] == '.');
}

static enum mortise_code
check_segments(const char *name, const char *what, bool whole, struct mortise_error *error)
{
	const char *segment = name;

	if (strlen(name) > MORTISE_NAME_MAX)
		return invalid(error, what, "is too long");
	for (const char *p = name;; p++) {
		size_t length = (size_t)(p - segment);
		bool last = *p == '\0';

		if (!last && *p != '/') {
			if (!is_in(*p, "_.-"))
				return invalid(error, what, "has a character that no name has");
			continue;
		}
		if (last && !whole)
			return MORTISE_OK;
		if (length == 0)
			return invalid(error, what, "has an empty segment");
		if (is_dots(segment, length))
			return invalid(error, what, "has a segment . or ..");
		if (last)
			return MORTISE_OK;
		segment = p + 1;
	}
}

enum mortise_code
name_check(const char *name, struct mortise_error *error)
{
	return check_segments(name, "the name", true, error);
}

enum mortise_code
name_check_prefix(const char *prefix, struct mortise_error *error)
{
	return check_segments(prefix, "the prefix", false, error);
}

enum mortise_code
key_check(const char *key, struct mortise_error *error)
{
	size_t length = strlen(key);
	bool good = length >= 1 && length <= MORTISE_KEY_MAX;

	for (const char *p = key; good && *p != '\0'; p++)
		good = is_in(*p, "_.:/-");
	if (good)
		return MORTISE_OK;
	return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "not a state key; it is 1 to %d of [A-Za-z0-9_.:/-]", MORTISE_KEY_MAX);
}

bool
word_valid(const char *word)
{
	size_t length = strlen(word);

	if (length < 1 || length > 32 || word[0] == '-' || strcmp(word, "none") == 0)
		return false;
	return strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

bool
glob_match(const char *glob, const char *text)
{
	const char *star = NULL, *resume = NULL;

	while (*text != '\0') {
		if (*glob == '*') {
			star = glob++;
			resume = text;
		} else if (*glob == *text) {
			glob++;
			text++;
		} else if (star != NULL) {
			glob = star + 1;
			text = ++resume;
		} else
			return false;
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

bool
glob_may_match(const char *glob, const char *prefix)
{
	for (; *glob != '\0' && *prefix != '\0'; glob++, prefix++) {
		if (*glob == '*')
			return true;
		if (*glob != *prefix)
			return false;
	}
	return *prefix == '\0' || *glob == '*';
}
