/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a file of AWS's form says: sections in brackets, keys and values, and below a key
 * without a value further ones, with blanks before them.
 */
#include <string.h>

#include "aws.h"

struct line {
	const char *text;		/* without blanks at its ends */
	size_t length;
	bool inner;			/* blanks stood before it */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next one that says something; false: there is no more. */
static bool
next_line(const char *text, size_t size, size_t *at, struct line *line)
{
	while (*at < size) {
		const char *begin = text + *at, *lf = memchr(begin, '\n', size - *at);
		const char *end = lf == NULL ? text + size : lf;

		*at = (size_t)(end - text) + (lf != NULL);
		line->inner = begin < end && is_blank(*begin);
		while (begin < end && is_blank(*begin))
			begin++;
		while (end > begin && is_blank(end[-1]))
			end--;
		line->text = begin;
		line->length = (size_t)(end - begin);
		if (line->length > 0 && *begin != '#' && *begin != ';')
			return true;
	}
	return false;
}

static bool
same(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* "[profile  web]" is the section "profile web". */
static bool
is_section(const struct line *line, const char *section)
{
	const char *at = line->text + 1, *end = line->text + line->length - 1;

	if (line->length < 2 || line->text[0] != '[' || *end != ']')
		return false;
	while (at < end && is_blank(*at))
		at++;
	while (end > at && is_blank(end[-1]))
		end--;
	for (; *section != '\0'; section++, at++) {
		if (at == end || *at != *section)
			return false;
		while (*section == ' ' && at + 1 < end && is_blank(at[1]))
			at++;
	}
	return at == end;
}

/* key = value; false: another key. */
static bool
is_key(const struct line *line, const char *key, const char **value, size_t *length)
{
	const char *equals = memchr(line->text, '=', line->length);
	const char *end = line->text + line->length, *stop = equals;

	if (equals == NULL)
		return false;
	while (stop > line->text && is_blank(stop[-1]))
		stop--;
	if (!same(line->text, (size_t)(stop - line->text), key))
		return false;
	for (equals++; equals < end && is_blank(*equals); equals++)
		;
	*value = equals;
	*length = (size_t)(end - equals);
	return true;
}

bool
ini_section(const char *text, size_t size, const char *section)
{
	struct line line;
	size_t at = 0;

	while (next_line(text, size, &at, &line)) {
		if (!line.inner && is_section(&line, section))
			return true;
	}
	return false;
}

bool
ini_find(const char *text, size_t size, const char *section, const char *key,
    const char *inner, const char **value, size_t *length)
{
	bool here = false, below = false;
	struct line line;
	size_t at = 0;

	while (next_line(text, size, &at, &line)) {
		if (!line.inner && line.text[0] == '[') {
			here = is_section(&line, section);
			below = false;
		} else if (here && !line.inner) {
			below = is_key(&line, key, value, length);
			if (below && inner == NULL)
				return *length > 0;
		} else if (here && below && inner != NULL && is_key(&line, inner, value, length))
			return *length > 0;
	}
	return false;
}
