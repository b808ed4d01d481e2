/* SPDX-License-Identifier: BSD-2-Clause */
/* Text and arrays for statements. */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

#define FORMAT_MAX 512			/* bytes that text_format makes at once, with its NUL */
#define TEXT_OID 25			/* pg_type: text */

void
text_bytes(struct text *text, const void *bytes, size_t size)
{
	size_t capacity = text->capacity == 0 ? 1024 : text->capacity;
	char *grown;

	if (text->failed || size > SIZE_MAX / 4 - text->size) {
		text->failed = true;
		return;
	}
	while (capacity < text->size + size + 1)
		capacity *= 2;
	if (capacity != text->capacity) {
		grown = realloc(text->bytes, capacity);
		if (grown == NULL) {
			text->failed = true;
			return;
		}
		text->bytes = grown;
		text->capacity = capacity;
	}
	if (size > 0)
		memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	text->bytes[text->size] = '\0';
}

void
text_format(struct text *text, const char *format, ...)
{
	char made[FORMAT_MAX];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(made, sizeof(made), format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(made))
		text->failed = true;
	else
		text_bytes(text, made, (size_t)length);
}

/* What stands for the {name} that the template is at; its length with the braces, or 0. */
static size_t
placeholder(const char *template, size_t size, const char *const *names, const char **value)
{
	for (; names[0] != NULL; names += 2) {
		size_t length = strlen(names[0]);

		if (size >= length + 2 && memcmp(template + 1, names[0], length) == 0 &&
		    template[length + 1] == '}') {
			*value = names[1];
			return length + 2;
		}
	}
	return 0;
}

void
text_fill(struct text *text, const char *template, size_t size, const char *const *names)
{
	const char *end = template + size, *brace, *value;
	size_t length;

	while (template < end) {
		brace = memchr(template, '{', (size_t)(end - template));
		if (brace == NULL)
			brace = end;
		text_bytes(text, template, (size_t)(brace - template));
		template = brace;
		if (template == end)
			return;
		length = placeholder(template, (size_t)(end - template), names, &value);
		if (length > 0)
			text_bytes(text, value, strlen(value));
		else
			text_bytes(text, template, length = 1);
		template += length;
	}
}

void
text_int32(struct text *text, uint32_t number)
{
	uint32_t ordered = htonl(number);

	text_bytes(text, &ordered, sizeof(ordered));
}

void
text_free(struct text *text)
{
	free(text->bytes);
}

void
array_begin(struct text *array, size_t count)
{
	/* Dimensions, has NULLs, the elements' type; the dimension's length and first index. */
	const uint32_t header[] = {count > 0, 1, TEXT_OID, (uint32_t)count, 1};

	for (size_t i = 0; i < (count > 0 ? ARRAY_SIZE(header) : 3); i++)
		text_int32(array, header[i]);
}

void
array_add(struct text *array, const char *bytes, size_t size)
{
	text_int32(array, bytes == NULL ? UINT32_MAX : (uint32_t)size);
	if (bytes != NULL)
		text_bytes(array, bytes, size);
}

char *
sql_of(const struct postgres *postgres, const char *template)
{
	const char *const names[] = {"schema", postgres->schema, NULL};
	struct text text = {0};

	text_fill(&text, template, strlen(template), names);
	if (!text.failed)
		return text.bytes;
	text_free(&text);
	return NULL;
}
