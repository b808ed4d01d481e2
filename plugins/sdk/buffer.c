/* SPDX-License-Identifier: BSD-2-Clause */
#include "sdk/buffer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024

static bool
reserve(struct buffer *buffer, size_t size)
{
	size_t capacity = buffer->capacity == 0 ? FIRST_CAPACITY : buffer->capacity;
	char *data;

	while (!buffer->failed && capacity - buffer->size < size && capacity <= SIZE_MAX / 2)
		capacity *= 2;
	if (buffer->failed || capacity - buffer->size < size)
		return false;
	if (capacity == buffer->capacity)
		return true;
	data = realloc(buffer->data, capacity);
	if (data == NULL)
		return false;
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

void
buffer_append(struct buffer *buffer, const void *bytes, size_t size)
{
	if (size == 0)
		return;
	if (!reserve(buffer, size)) {
		buffer->failed = true;
		return;
	}
	memcpy(buffer->data + buffer->size, bytes, size);
	buffer->size += size;
}

void
buffer_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void
buffer_number(struct buffer *buffer, uint64_t number)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%" PRIu64, number);
	buffer_text(buffer, digits);
}

void
buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}
