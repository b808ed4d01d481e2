/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of both formats.  Either begins with its number and ends with its hash. */
/* For memmem. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

#define HASH "\"h\":\""
#define HASH_END "\"}"
#define TAIL_SIZE (sizeof(HASH) - 1 + 64 + sizeof(HASH_END) - 1)
#define SEQ "\"seq\":"
#define HEAD_SIZE 96			/* the number is in so much of a line */

/* --- the flat one ------------------------------------------------------------------ */

/* Fields that are no text, and those that a flat line leaves out: what it has already, and
 * what is of use in a trail only. */
enum kind {
	TEXT, NUMBER, JSON, NOTHING
};
static const struct {
	const char *name;
	enum kind kind;
} kinds[] = {
	{"v", NOTHING}, {"seq", NOTHING}, {"trail", NOTHING}, {"pc", NOTHING}, {"s", NOTHING},
	{"segment", NUMBER}, {"more", NUMBER}, {"w", NUMBER}, {"ms", NUMBER}, {"bytes", NUMBER},
	{"of", NUMBER}, {"epoch", NUMBER}, {"from", NUMBER}, {"to", NUMBER},
	{"actor.uid", NUMBER}, {"actor.gid", NUMBER}, {"actor.pid", NUMBER},
	{"gap.from", NUMBER}, {"gap.to", NUMBER},
	{"actor.app", JSON}, {"bad", JSON}, {"back", JSON}, {"cached", JSON}, {"stale", JSON},
	{"calls", JSON}, {"plugins", JSON}, {"stores", JSON}, {"records", JSON},
	{"metadata", JSON},
};
static const char *const personal[] = {"userEmail", "ipAddress", "userAgent", "metadata"};

static enum kind
kind_of(const struct mortise_pair *field)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, field->name) != 0)
			continue;
		/* A record of a later version may have a text under that name. */
		if (kinds[i].kind == NUMBER &&
		    field->value[strspn(field->value, "0123456789")] != '\0')
			return TEXT;
		return kinds[i].kind;
	}
	return TEXT;
}

static void
append_string(struct buffer *to, const char *text)
{
	char escape[8];

	buffer_text(to, "\"");
	while (*text != '\0') {
		size_t plain = 0;

		while ((unsigned char)text[plain] >= ' ' && text[plain] != '"' &&
		    text[plain] != '\\')
			plain++;
		buffer_append(to, text, plain);
		text += plain;
		if (*text == '\0')
			break;
		if (*text == '"' || *text == '\\')
			(void)snprintf(escape, sizeof(escape), "\\%c", *text);
		else
			(void)snprintf(escape, sizeof(escape), "\\u%04x",
			    (unsigned int)(unsigned char)*text);
		buffer_text(to, escape);
		text++;
	}
	buffer_text(to, "\"");
}

static void
append_field(struct buffer *to, const struct mortise_pair *field)
{
	enum kind kind = kind_of(field);

	if (kind == NOTHING || field->value[0] == '\0')
		return;
	buffer_text(to, ",\"");
	buffer_text(to, field->name);
	buffer_text(to, "\":");
	if (kind == TEXT)
		append_string(to, field->value);
	else
		buffer_text(to, field->value);
}

void
line_render(const struct sink *sink, const struct mortise_line *line, struct buffer *to)
{
	if (!sink->flat) {
		buffer_append(to, line->line, line->line_size);
		buffer_text(to, "\n");
		return;
	}
	buffer_text(to, "{\"trail\":\"");
	buffer_text(to, line->trail);
	buffer_text(to, "\"," SEQ);
	buffer_number(to, line->seq);
	for (size_t i = 0; i < line->fields_count; i++)
		append_field(to, &line->fields[i]);
	buffer_text(to, "}\n");
}

/* --- what is in a line ------------------------------------------------------------- */

static bool
is_hash_tail(const char *tail)
{
	if (memcmp(tail, HASH, sizeof(HASH) - 1) != 0 ||
	    memcmp(tail + TAIL_SIZE - 2, HASH_END, sizeof(HASH_END) - 1) != 0)
		return false;
	for (size_t i = sizeof(HASH) - 1; i < TAIL_SIZE - 2; i++) {
		if (!isxdigit((unsigned char)tail[i]))
			return false;
	}
	return true;
}

bool
line_seq(const char *line, size_t size, uint64_t *seq)
{
	const char *at = memmem(line, size < HEAD_SIZE ? size : HEAD_SIZE, SEQ, sizeof(SEQ) - 1);

	if (at == NULL || line[0] != '{' || size < TAIL_SIZE + sizeof(SEQ) ||
	    memchr(line, '\0', size) != NULL || !is_hash_tail(line + size - TAIL_SIZE))
		return false;
	/* It ends before the hash does, which is no digit. */
	*seq = strtoull(at + sizeof(SEQ) - 1, NULL, 10);
	return *seq != 0;
}

bool
line_same(const char *line, size_t size, const struct mortise_line *other)
{
	return size >= TAIL_SIZE && other->line_size >= TAIL_SIZE &&
	    memcmp(line + size - TAIL_SIZE, other->line + other->line_size - TAIL_SIZE,
	    TAIL_SIZE) == 0;
}

/* --- what is personal -------------------------------------------------------------- */

/* Behind the string that begins at `at`. */
static size_t
skip_string(const char *line, size_t size, size_t at)
{
	for (at++; at < size && line[at] != '"'; at++) {
		if (line[at] == '\\')
			at++;
	}
	return at < size ? at + 1 : size;
}

/* At the comma, blank or bracket behind the value that begins at `at`. */
static size_t
skip_value(const char *line, size_t size, size_t at)
{
	unsigned int depth = 0;

	while (at < size) {
		char c = line[at];

		if (depth == 0 && (c == ',' || c == ' ' || c == '}'))
			break;
		if (c == '{' || c == '[')
			depth++;
		if (c == '}' || c == ']')
			depth--;
		at = c == '"' ? skip_string(line, size, at) : at + 1;
	}
	return at;
}

static bool
is_personal(const char *name, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(personal); i++) {
		if (strlen(personal[i]) == size && memcmp(personal[i], name, size) == 0)
			return true;
	}
	return false;
}

static bool
is_blank(const char *text, size_t size)
{
	while (size > 0 && text[size - 1] == ' ')
		size--;
	return size == 0;
}

/*
 * Of the object's own members: the value of p, up to the hash; or, in a flat line, the
 * members that are personal, from the comma before them, up to the hash.  No blank stands
 * between members but where some were taken out, perhaps not to their end.
 */
bool
line_personal(const char *line, size_t size, size_t *from, size_t *to, bool *null)
{
	size_t at = 1, tail = size - TAIL_SIZE - 1;

	*to = tail;
	while (at < tail && line[at] == '"') {
		size_t name = at + 1, colon = skip_string(line, size, at);
		size_t length = colon - 1 - name, end = skip_value(line, size, colon + 1);

		*null = length == 1 && line[name] == 'p';
		*from = *null ? colon + 1 : is_personal(line + name, length) ? at - 1 : end;
		if (*null && tail - *from >= 4 && memcmp(line + *from, "null", 4) == 0)
			return !is_blank(line + *from + 4, tail - *from - 4);
		if (*from != end || line[end] == ' ')
			return *from < tail && !is_blank(line + *from, tail - *from);
		at = end + 1;
	}
	return false;
}
