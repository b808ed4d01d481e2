/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/verify_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define DEPTH_MAX 900		/* of objects and lists, c itself is one */
#define NUMBER_LIMIT (INT64_C(1) << 53)
#define NUMBER_DIGITS 17
#define HASH_TAIL 72		/* ,"h":"…64…"} */

struct scanner {
	const char *at, *end;
	/* Keys of the objects that are open, decoded, one after another. */
	char *keys;
	size_t keys_size;
	/* Of c, and of its gap. */
	const struct scan_member *members, *gap;
	const char *records;
};

static void
skip_space(struct scanner *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r'))
		s->at++;
}

static bool
take(struct scanner *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static int
hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
take_hex4(struct scanner *s, unsigned int *value)
{
	*value = 0;
	for (int i = 0; i < 4; i++) {
		int digit = s->at == s->end ? -1 : hex_value(*s->at++);

		if (digit < 0)
			return false;
		*value = *value << 4 | (unsigned int)digit;
	}
	return true;
}

/* A lone surrogate is written as its three bytes: no other text has these. */
static size_t
encode(unsigned int c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* Behind "\u"; two escapes may make one character. */
static bool
take_unicode(struct scanner *s, char *out, size_t *size)
{
	unsigned int c, low;
	const char *mark;

	if (!take_hex4(s, &c))
		return false;
	if (c >= 0xd800 && c < 0xdc00 && s->end - s->at >= 6 && s->at[0] == '\\' && s->at[1] == 'u') {
		mark = s->at;
		s->at += 2;
		if (!take_hex4(s, &low))
			return false;
		if (low >= 0xdc00 && low < 0xe000)
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		else
			s->at = mark;
	}
	*size += encode(c, out + *size);
	return true;
}

/* A text, decoded to out, which must have room for what is left of the line. */
static bool
take_text(struct scanner *s, char *out, size_t *size)
{
	static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *name;

	*size = 0;
	if (!take(s, '"'))
		return false;
	while (s->at < s->end) {
		char c = *s->at++;

		if (c == '"')
			return true;
		if ((unsigned char)c < 0x20)
			return false;
		if (c != '\\') {
			out[(*size)++] = c;
			continue;
		}
		if (s->at == s->end)
			return false;
		c = *s->at++;
		if (c == 'u') {
			if (!take_unicode(s, out, size))
				return false;
			continue;
		}
		name = c == '\0' ? NULL : strchr(names, c);
		if (name == NULL)
			return false;
		out[(*size)++] = bytes[name - names];
	}
	return false;
}

static bool
take_number(struct scanner *s, struct scan_value *value)
{
	const char *begin = s->at;
	int64_t number = 0;

	(void)take(s, '-');
	if (s->at == s->end || *s->at < '0' || *s->at > '9')
		return false;
	if (*s->at == '0')
		s->at++;
	else {
		for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
			if (s->at - begin >= NUMBER_DIGITS)
				return false;
			number = number * 10 + (*s->at - '0');
		}
	}
	/* A fraction or an exponent makes a float. */
	if (s->at < s->end && (*s->at == '.' || *s->at == 'e' || *s->at == 'E'))
		return false;
	value->type = SCAN_INT;
	value->number = *begin == '-' ? -number : number;
	return number < NUMBER_LIMIT;
}

static bool
take_word(struct scanner *s, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0)
		return false;
	s->at += length;
	return true;
}

static bool
is_word(const char *key, size_t size, const char *word)
{
	return strlen(word) == size && memcmp(word, key, size) == 0;
}

/* NULL = it is not asked for. */
static struct scan_value *
wanted(const struct scan_member *members, const char *key, size_t size)
{
	for (; members != NULL && members->name != NULL; members++) {
		if (is_word(key, size, members->name))
			return members->value;
	}
	return NULL;
}

static bool take_value(struct scanner *s, unsigned int depth, bool is_gap,
    struct scan_value *value);

/* One member of an object whose keys begin at `first`. */
static bool
take_member(struct scanner *s, unsigned int depth, bool in_gap, size_t first)
{
	char *key = s->keys + s->keys_size + sizeof(uint16_t);
	struct scan_value ignored, *value;
	uint16_t length, other;
	size_t size;
	bool is_gap;

	if (!take_text(s, key, &size))
		return false;
	for (size_t at = first; at < s->keys_size; at += sizeof(other) + other) {
		memcpy(&other, s->keys + at, sizeof(other));
		if (other == size && memcmp(s->keys + at + sizeof(other), key, size) == 0)
			return false;
	}
	length = (uint16_t)size;
	memcpy(s->keys + s->keys_size, &length, sizeof(length));
	s->keys_size += sizeof(length) + size;
	value = wanted(depth == 1 ? s->members : in_gap ? s->gap : NULL, key, size);
	is_gap = depth == 1 && is_word(key, size, "gap");
	skip_space(s);
	if (!take(s, ':'))
		return false;
	skip_space(s);
	if (depth == 1 && is_word(key, size, "records"))
		s->records = s->at;
	return take_value(s, depth, is_gap, value == NULL ? &ignored : value);
}

static bool
take_object(struct scanner *s, unsigned int depth, bool in_gap)
{
	size_t first = s->keys_size;

	if (depth > DEPTH_MAX)
		return false;
	s->at++;
	skip_space(s);
	if (take(s, '}'))
		return true;
	do {
		skip_space(s);
		if (!take_member(s, depth, in_gap, first))
			return false;
		skip_space(s);
	} while (take(s, ','));
	s->keys_size = first;
	return take(s, '}');
}

static bool
take_list(struct scanner *s, unsigned int depth)
{
	struct scan_value ignored;

	if (depth > DEPTH_MAX)
		return false;
	s->at++;
	skip_space(s);
	if (take(s, ']'))
		return true;
	do {
		skip_space(s);
		if (!take_value(s, depth, false, &ignored))
			return false;
		skip_space(s);
	} while (take(s, ','));
	return take(s, ']');
}

/* Any value; depth counts the objects and lists around it. */
static bool
take_value(struct scanner *s, unsigned int depth, bool is_gap, struct scan_value *value)
{
	size_t size;
	char *text;

	value->type = SCAN_OTHER;
	if (s->at == s->end)
		return false;
	switch (*s->at) {
	case '{':
		return take_object(s, depth + 1, is_gap);
	case '[':
		return take_list(s, depth + 1);
	case '"':
		/* Behind the keys there is room for any text of the line. */
		text = s->keys + s->keys_size;
		if (!take_text(s, text, &size))
			return false;
		value->type = SCAN_TEXT;
		/* One with a NUL in it is no word or hash that is asked for. */
		if (memchr(text, '\0', size) != NULL)
			size = 0;
		if (size >= SCAN_TEXT_MAX)
			size = SCAN_TEXT_MAX - 1;
		memcpy(value->text, text, size);
		value->text[size] = '\0';
		return true;
	case 't':
		value->type = SCAN_TRUE;
		return take_word(s, "true");
	case 'f':
		return take_word(s, "false");
	case 'n':
		value->type = SCAN_NULL;
		return take_word(s, "null");
	default:
		return take_number(s, value);
	}
}

static bool
scan_c(const char *text, size_t size, char *room, struct scan_line *line)
{
	const struct scan_member members[] = {{"v", &line->v}, {"seq", &line->seq},
	    {"ts", &line->ts}, {"t", &line->t}, {"trail", &line->trail},
	    {"before", &line->before}, {"anew", &line->anew}, {"pc", &line->pc}, {NULL, NULL}};
	const struct scan_member gap[] = {{"from", &line->gap_from}, {"to", &line->gap_to},
	    {NULL, NULL}};
	struct scanner s = {.at = text, .end = text + size, .keys = room, .members = members,
	    .gap = gap};
	bool good = take_object(&s, 1, false);

	line->c_size = (size_t)(s.at - text);
	line->records = s.records;
	return good;
}

void
scan_members(const struct scan_line *line, char room[SCAN_ROOM],
    const struct scan_member *members)
{
	struct scanner s = {.at = line->c, .end = line->c + line->c_size, .keys = room,
	    .members = members};

	for (const struct scan_member *member = members; member->name != NULL; member++)
		member->value->type = SCAN_ABSENT;
	(void)take_object(&s, 1, false);
}

bool
scan_line(const char *text, size_t size, char room[SCAN_ROOM], struct scan_line *line)
{
	static const char begin[] = "{\"c\":{", middle[] = ",\"p\":";
	size_t body;

	*line = (struct scan_line){.c = text + 5};
	if (size > SCAN_LINE_MAX || size < sizeof(begin) - 1 + HASH_TAIL ||
	    memcmp(text, begin, sizeof(begin) - 1) != 0 ||
	    memcmp(text + size - HASH_TAIL, ",\"h\":\"", 6) != 0 ||
	    memcmp(text + size - 2, "\"}", 2) != 0)
		return false;
	line->hash = text + size - 66;
	body = size - 5 - HASH_TAIL;
	if (utf8_valid(line->c, body) != body || !scan_c(line->c, body, room, line) ||
	    body - line->c_size < sizeof(middle) - 1 ||
	    memcmp(line->c + line->c_size, middle, sizeof(middle) - 1) != 0)
		return false;
	line->p = line->c + line->c_size + sizeof(middle) - 1;
	line->p_size = body - line->c_size - (sizeof(middle) - 1);
	return line->v.type == SCAN_INT && line->seq.type == SCAN_INT &&
	    line->ts.type == SCAN_TEXT && line->t.type == SCAN_TEXT;
}

static bool
take_hash(const char *digits, char hash[SCAN_HASH_SIZE + 1])
{
	memcpy(hash, digits, SCAN_HASH_SIZE);
	hash[SCAN_HASH_SIZE] = '\0';
	return strspn(hash, "0123456789abcdef") == SCAN_HASH_SIZE;
}

bool
scan_digest(const char *text, size_t size, char d[SCAN_HASH_SIZE + 1],
    char hash[SCAN_HASH_SIZE + 1])
{
	static const char begin[] = "{\"d\":\"", middle[] = "\",\"h\":\"", end[] = "\"}";
	const char *at = text + sizeof(begin) - 1 + SCAN_HASH_SIZE;
	const char *digits = at + sizeof(middle) - 1;

	return size == sizeof(begin) + sizeof(middle) + sizeof(end) - 3 + 2 * SCAN_HASH_SIZE &&
	    memcmp(text, begin, sizeof(begin) - 1) == 0 &&
	    memcmp(at, middle, sizeof(middle) - 1) == 0 &&
	    memcmp(digits + SCAN_HASH_SIZE, end, sizeof(end) - 1) == 0 &&
	    take_hash(text + sizeof(begin) - 1, d) && take_hash(digits, hash);
}

static const char *
behind_space(const char *at)
{
	return at + strspn(at, " \t\r");
}

static bool
take_int(const char **at, int64_t *number)
{
	const char *digits = behind_space(*at);
	char *end;

	if ((*digits < '0' || *digits > '9') && *digits != '-')
		return false;
	*number = strtoll(digits, &end, 10);
	*at = behind_space(end);
	return true;
}

/* The list was scanned already, so it ends, and its numbers fit. */
int
scan_pair(const char **at, int64_t *from, int64_t *to)
{
	const char *p = *at;

	if (*p != '[' && *p != ',')
		return *p == ']' ? 0 : -1;
	p = behind_space(p + 1);
	if (*p == ']')
		return 0;
	if (*p++ != '[' || !take_int(&p, from) || *p++ != ',' || !take_int(&p, to) || *p++ != ']')
		return -1;
	*at = behind_space(p);
	return 1;
}
