/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
reserve(struct buffer *buffer, size_t more)
{
	size_t capacity;
	char *data;

	if (buffer->failed)
		return false;
	if (more < buffer->capacity - buffer->size)
		return true;
	if (more > SIZE_MAX / 2 - buffer->size - 1) {
		buffer->failed = true;
		return false;
	}
	capacity = buffer->size + more + 1;
	if (capacity < buffer->capacity * 2)
		capacity = buffer->capacity * 2;
	if (capacity < 64)
		capacity = 64;
	data = realloc(buffer->data, capacity);
	if (data == NULL) {
		buffer->failed = true;
		return false;
	}
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

void
buffer_append(struct buffer *buffer, const void *bytes, size_t size)
{
	if (!reserve(buffer, size))
		return;
	if (size > 0)
		memcpy(buffer->data + buffer->size, bytes, size);
	buffer->size += size;
	buffer->data[buffer->size] = '\0';
}

void
buffer_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void
buffer_format(struct buffer *buffer, const char *format, ...)
{
	va_list args, again;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		buffer->failed = true;
	else if (reserve(buffer, (size_t)n)) {
		(void)vsnprintf(buffer->data + buffer->size, (size_t)n + 1, format, again);
		buffer->size += (size_t)n;
	}
	va_end(again);
}

void
buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}

char *
buffer_take(struct buffer *buffer)
{
	char *data;

	buffer_append(buffer, "", 0);
	if (buffer->failed) {
		buffer_free(buffer);
		return NULL;
	}
	data = buffer->data;
	*buffer = (struct buffer){0};
	return data;
}

/* The length of the UTF-8 sequence at p (RFC 3629), 0 if it is none. */
static size_t
utf8_length(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 :
	    p[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

size_t
utf8_valid(const char *bytes, size_t size)
{
	size_t at = 0, n;
	uint64_t eight;

	while (at < size) {
		/* Most text is ASCII, and eight bytes of it are seen to be at once. */
		for (; size - at >= sizeof(eight); at += sizeof(eight)) {
			memcpy(&eight, bytes + at, sizeof(eight));
			if ((eight & UINT64_C(0x8080808080808080)) != 0)
				break;
		}
		if (at == size)
			break;
		n = utf8_length((const unsigned char *)bytes + at, size - at);
		if (n == 0)
			break;
		at += n;
	}
	return at;
}

bool
buffer_json(struct buffer *buffer, const char *text, size_t size)
{
	bool good = true;
	size_t n;

	buffer_text(buffer, "\"");
	for (size_t i = 0; i < size; i += n) {
		unsigned char c = (unsigned char)text[i];

		n = utf8_length((const unsigned char *)text + i, size - i);
		if (n == 0) {
			buffer_text(buffer, "\xef\xbf\xbd");
			good = false;
			n = 1;
		} else if (c == '"' || c == '\\')
			buffer_format(buffer, "\\%c", c);
		else if (c == '\n')
			buffer_text(buffer, "\\n");
		else if (c == '\r')
			buffer_text(buffer, "\\r");
		else if (c == '\t')
			buffer_text(buffer, "\\t");
		else if (c == '\b')
			buffer_text(buffer, "\\b");
		else if (c == '\f')
			buffer_text(buffer, "\\f");
		else if (c < 0x20)
			buffer_format(buffer, "\\u%04x", c);
		else
			buffer_append(buffer, text + i, n);
	}
	buffer_text(buffer, "\"");
	return good;
}

void
hex_encode(const void *bytes, size_t size, char *text)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;

	for (size_t i = 0; i < size; i++) {
		*text++ = digits[p[i] >> 4];
		*text++ = digits[p[i] & 15];
	}
	*text = '\0';
}

/* Of a digit its value and 1 more, so that 0 is no digit. */
static const unsigned char hex_digits[256] = {
	['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ['a'] = 11, 12, 13, 14, 15, 16,
};

bool
hex_decode(const char *text, void *bytes, size_t size)
{
	const unsigned char *digits = (const unsigned char *)text;
	unsigned char *p = bytes;

	for (size_t i = 0; i < size; i++) {
		unsigned int high = hex_digits[digits[2 * i]];
		unsigned int low = high == 0 ? 0 : hex_digits[digits[2 * i + 1]];

		if (low == 0)
			return false;
		p[i] = (unsigned char)((high - 1) << 4 | (low - 1));
	}
	return text[2 * size] == '\0';
}

static size_t
encode64(const unsigned char *p, size_t size, char *text, const char *tail)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t n = 0;

	for (size_t i = 0; i < size; i += 3) {
		unsigned int v = (unsigned int)p[i] << 16;
		size_t left = size - i;

		if (left > 1)
			v |= (unsigned int)p[i + 1] << 8;
		if (left > 2)
			v |= p[i + 2];
		for (size_t k = 0; k < (left > 2 ? 4 : left + 1); k++) {
			unsigned int six = v >> (18 - 6 * k) & 63;

			text[n++] = six < 62 ? letters[six] : tail[six - 62];
		}
	}
	return n;
}

void
base64_encode(const void *bytes, size_t size, char *text)
{
	size_t n = encode64(bytes, size, text, "+/");

	while (n % 4 != 0)
		text[n++] = '=';
	text[n] = '\0';
}

void
base64url_encode(const void *bytes, size_t size, char *text)
{
	text[encode64(bytes, size, text, "-_")] = '\0';
}

static int
value64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool
base64_decode(const char *text, size_t length, void *bytes, size_t *size)
{
	unsigned char *p = bytes;
	unsigned int v = 0;
	size_t n = 0, pad = 0;

	if (length % 4 != 0)
		return false;
	while (pad < 2 && pad < length && text[length - 1 - pad] == '=')
		pad++;
	if (length / 4 * 3 - pad > *size)
		return false;
	for (size_t i = 0; i < length - pad; i++) {
		int six = value64(text[i]);

		if (six < 0)
			return false;
		v = v << 6 | (unsigned int)six;
		if (i % 4 != 0)
			p[n++] = (unsigned char)(v >> (6 - i % 4 * 2));
	}
	/* The bits behind the last byte are zero, or two texts would mean one. */
	if (pad > 0 && (v & ((1u << 2 * pad) - 1)) != 0)
		return false;
	*size = n;
	return true;
}

char *
text_dup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);

	if (copy != NULL)
		memcpy(copy, text, size);
	return copy;
}

char *
text_format(const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0 || (text = malloc((size_t)n + 1)) == NULL)
		return NULL;
	va_start(args, format);
	(void)vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	return text;
}

void
free_pointer(void *p)
{
	void *pointer;

	memcpy(&pointer, p, sizeof(pointer));
	free(pointer);
}
