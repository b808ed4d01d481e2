/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bytes.h: a growing buffer, and bytes as text.  Not for secrets: those live
 * in struct mortise_secret.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <mortise/types.h>

#include "base/attr.h"

/*
 * Starts as {0}.  Once an append fails for want of memory the buffer stays
 * failed and appends do nothing, so one check at the end is enough.  data is
 * NUL-terminated after the first append; NULL before it.
 */
struct buffer {
	char *data;
	size_t size, capacity;
	bool failed;
};
void buffer_append(struct buffer *, const void *, size_t);
void buffer_text(struct buffer *, const char *text);
void buffer_format(struct buffer *, const char *format, ...) _printf_(2, 3);
/* The text as JSON, with its quotes; bytes that are not UTF-8 become U+FFFD
 * (returns false then). */
bool buffer_json(struct buffer *, const char *text, size_t size);
void buffer_free(struct buffer *);	/* frees the data, and makes it {0} */
/* The data is the caller's, the buffer is {0} again; NULL if it failed. */
char *buffer_take(struct buffer *);

/* text: 2 * size + 1 bytes, lower case. */
void hex_encode(const void *bytes, size_t size, char *text);
/* Exactly 2 * size lower-case digits and a NUL. */
bool hex_decode(const char *text, void *bytes, size_t size);

/* RFC 4648, with padding; text: BASE64_SIZE(size) bytes with its NUL. */
#define BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)
void base64_encode(const void *bytes, size_t size, char *text);
/* Strict; *size is the capacity on the way in and the length on the way out. */
bool base64_decode(const char *text, size_t length, void *bytes, size_t *size);
/* Section 5, without padding. */
void base64url_encode(const void *bytes, size_t size, char *text);

/* The length of the longest valid UTF-8 prefix of the bytes, at most size. */
size_t utf8_valid(const char *bytes, size_t size);

/* malloc'd copy; NULL = no memory. */
char *text_dup(const char *text);
char *text_format(const char *format, ...) _printf_(1, 2);

/* For _cleanup_: free(*(char **)p). */
void free_pointer(void *p);

#endif
