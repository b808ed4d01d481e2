/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line was verified when it was written or read at open, and its form is fixed, so
 * it is taken apart in one pass, without a tree: this runs once a record and sink.
 */
#include "audit/fields.h"

#include <stdlib.h>
#include <string.h>

/* Per byte of a line at most: a member's quotes, colon and comma are the NULs, and the
 * name of a nested one is longer by its parent's. */
#define TEXT_PER_BYTE 4

struct taking {
	struct fields *fields;
	const char *at, *end;
};

static bool
take_byte(struct taking *taking, char byte)
{
	if (taking->at == taking->end || *taking->at != byte)
		return false;
	taking->at++;
	return true;
}

static bool
put(struct fields *fields, const char *bytes, size_t size)
{
	if (fields->capacity - fields->used < size)
		return false;
	memcpy(fields->text + fields->used, bytes, size);
	fields->used += size;
	return true;
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
take_unit(struct taking *taking, unsigned int *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++) {
		int digit = taking->at == taking->end ? -1 : hex_digit(*taking->at++);

		if (digit < 0)
			return false;
		*unit = *unit << 4 | (unsigned int)digit;
	}
	return true;
}

static bool
put_character(struct fields *fields, unsigned int c)
{
	char bytes[4];
	size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = size; i-- > 1; c >>= 6)
		bytes[i] = (char)(0x80 | (c & 0x3f));
	bytes[0] = (char)(size == 1 ? c : (0xf0u << (4 - size) & 0xff) | c);
	return put(fields, bytes, size);
}

/* \uXXXX, or two of them.  What is no character, and a NUL, becomes U+FFFD. */
static bool
take_escaped_unit(struct taking *taking)
{
	unsigned int unit, low;

	if (!take_unit(taking, &unit))
		return false;
	if (unit >= 0xd800 && unit < 0xdc00 && taking->end - taking->at > 6 &&
	    memcmp(taking->at, "\\u", 2) == 0) {
		struct taking next = {taking->fields, taking->at + 2, taking->end};

		if (!take_unit(&next, &low))
			return false;
		if (low >= 0xdc00 && low < 0xe000) {
			taking->at = next.at;
			unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	return put_character(taking->fields,
	    unit == 0 || (unit >= 0xd800 && unit < 0xe000) ? 0xfffd : unit);
}

static bool
take_escape(struct taking *taking)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	char c;

	if (taking->at == taking->end)
		return false;
	c = *taking->at++;
	if (c == 'u')
		return take_escaped_unit(taking);
	found = c == '\0' ? NULL : strchr(from, c);
	return found != NULL && put(taking->fields, &to[found - from], 1);
}

/* A JSON string as its characters, without a NUL behind it. */
static bool
take_text(struct taking *taking)
{
	const char *start;

	if (!take_byte(taking, '"'))
		return false;
	for (;;) {
		start = taking->at;
		while (taking->at < taking->end && *taking->at != '"' && *taking->at != '\\')
			taking->at++;
		if (taking->at == taking->end ||
		    !put(taking->fields, start, (size_t)(taking->at - start)))
			return false;
		if (*taking->at++ == '"')
			return true;
		if (!take_escape(taking))
			return false;
	}
}

/* Past a value, whose end is the bracket that closes it, or what comes behind it. */
static bool
skip_value(struct taking *taking)
{
	unsigned int depth = 0;
	bool inside = false;

	for (; taking->at < taking->end; taking->at++) {
		char c = *taking->at;

		if (inside) {
			taking->at += c == '\\' && taking->end - taking->at > 1;
			inside = c != '"';
		} else if (c == '"') {
			inside = true;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
			return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

/* The value as it stands. */
static bool
take_raw(struct taking *taking)
{
	const char *start = taking->at;

	return skip_value(taking) && put(taking->fields, start, (size_t)(taking->at - start));
}

static bool take_object(struct taking *taking, const char *prefix, bool flat);

/* Where objects are taken apart: in c, but not those whose keys are data. */
static bool
nests(const char *name, bool flat)
{
	return !flat && strcmp(name, "stores") != 0;
}

static bool
take_member(struct taking *taking, const char *prefix, bool flat)
{
	struct fields *fields = taking->fields;
	struct mortise_pair *pair = &fields->pairs[fields->count];
	size_t start = fields->used;

	if (fields->count == FIELDS_MAX ||
	    (prefix[0] != '\0' && (!put(fields, prefix, strlen(prefix)) || !put(fields, ".", 1))) ||
	    !take_text(taking) || !put(fields, "", 1) || !take_byte(taking, ':') ||
	    taking->at == taking->end)
		return false;
	pair->name = fields->text + start;
	/* A checkpoint has the hash of another record, and one of its own behind c. */
	if (!flat && prefix[0] == '\0' && strcmp(pair->name, "h") == 0) {
		fields->used = start;
		if (!put(fields, "of.h", sizeof("of.h")))
			return false;
	}
	if (*taking->at == '{' && prefix[0] == '\0' && nests(pair->name, flat))
		return take_object(taking, pair->name, true);
	pair->value = fields->text + fields->used;
	if (!(*taking->at == '"' ? take_text(taking) : take_raw(taking)) || !put(fields, "", 1))
		return false;
	/* What is not there is no field. */
	fields->count += strcmp(pair->value, "null") != 0 || taking->at[-1] == '"';
	return true;
}

static bool
take_object(struct taking *taking, const char *prefix, bool flat)
{
	if (!take_byte(taking, '{'))
		return false;
	if (take_byte(taking, '}'))
		return true;
	do {
		if (!take_member(taking, prefix, flat))
			return false;
	} while (take_byte(taking, ','));
	return take_byte(taking, '}');
}

static bool
take_literal(struct taking *taking, const char *text)
{
	size_t size = strlen(text);

	if ((size_t)(taking->end - taking->at) < size || memcmp(taking->at, text, size) != 0)
		return false;
	taking->at += size;
	return true;
}

static bool
make_room(struct fields *fields, size_t size)
{
	char *bigger;

	if (size * TEXT_PER_BYTE <= fields->capacity)
		return true;
	bigger = realloc(fields->text, size * TEXT_PER_BYTE);
	if (bigger == NULL)
		return false;
	fields->text = bigger;
	fields->capacity = size * TEXT_PER_BYTE;
	return true;
}

/* null, and the spaces that erasing leaves behind it. */
static bool
take_personal(struct taking *taking)
{
	if (!take_literal(taking, "null"))
		return take_object(taking, "", true);
	while (take_byte(taking, ' '))
		continue;
	return true;
}

/* The record's own hash, behind both. */
static bool
take_hash(struct taking *taking)
{
	struct fields *fields = taking->fields;

	if (fields->count == FIELDS_MAX || !take_literal(taking, ",\"h\":"))
		return false;
	fields->pairs[fields->count++] = (struct mortise_pair){"h", fields->text + fields->used};
	return take_text(taking) && put(fields, "", 1) && take_byte(taking, '}') &&
	    taking->at == taking->end;
}

bool
fields_take(struct fields *fields, const char *line, size_t size)
{
	struct taking taking = {fields, line, line + size};

	fields->count = fields->used = 0;
	return size <= 65536 && make_room(fields, size) && take_literal(&taking, "{\"c\":") &&
	    take_object(&taking, "", false) && take_literal(&taking, ",\"p\":") &&
	    take_personal(&taking) && take_hash(&taking);
}

const char *
fields_find(const struct fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->count; i++) {
		if (strcmp(fields->pairs[i].name, name) == 0)
			return fields->pairs[i].value;
	}
	return NULL;
}

void
fields_free(struct fields *fields)
{
	free(fields->text);
	*fields = (struct fields){.count = 0};
}
