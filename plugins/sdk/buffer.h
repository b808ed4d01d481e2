/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * buffer.h: text that grows.  For the plugins of this folder's neighbours; it needs libc
 * alone, and nothing that is secret goes into one.
 */
#ifndef SDK_BUFFER_H
#define SDK_BUFFER_H

#include <mortise/plugin.h>

/* Starts as {0}.  After `failed` (no memory) nothing is added any more. */
struct buffer {
	char *data;			/* not NUL-terminated */
	size_t size, capacity;
	bool failed;
};

void buffer_append(struct buffer *, const void *bytes, size_t size);
void buffer_text(struct buffer *, const char *text);
void buffer_number(struct buffer *, uint64_t);
void buffer_free(struct buffer *);

#endif
