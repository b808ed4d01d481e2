/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * encoding.h: bytes as the text that managers keep.  For the plugins of this folder's
 * neighbours; it knows mortise/plugin.h only.
 */
#ifndef SDK_ENCODING_H
#define SDK_ENCODING_H

#include <mortise/plugin.h>

/* UTF-8 without surrogates (RFC 3629). */
bool text_is_utf8(const char *bytes, size_t size);

/* Appends bytes as the inside of a JSON string (RFC 8259, section 7).  invalid: they are
 * no UTF-8; error: no memory.  What was appended before stays. */
enum mortise_code text_append_json(const struct mortise_host *, struct mortise_secret *to,
    const char *bytes, size_t size);

/* "a":"...","b":"...": members of a JSON object.  One without both texts is left out; where
 * all are, nothing is appended. */
struct text_member {
	const char *name, *text;
	const struct mortise_secret *secret;	/* goes before text */
};
enum mortise_code text_append_members(const struct mortise_host *, struct mortise_secret *to,
    const struct text_member *, size_t count);
/* The object with these; NULL: they are no UTF-8, or there is no memory. */
struct mortise_secret *text_object(const struct mortise_host *, const struct text_member *,
    size_t count);

/* Base64 (RFC 4648, section 4), as a new secret.  NULL: no memory or, from, no base64. */
struct mortise_secret *base64_to(const struct mortise_host *, const struct mortise_secret *);
struct mortise_secret *base64_from(const struct mortise_host *, const char *text, size_t size);

/*
 * A value that a manager cannot keep as it is, or that looks like one of these, is kept
 * as MARKER and its base64.
 */
#define MARKER "mortise:b64:"
bool marker_begins(const char *bytes, size_t size);
/* Appends a value as the inside of a JSON string: as it is where it is text and `marked`
 * is false, else behind the marker.  error: no memory. */
enum mortise_code marker_append(const struct mortise_host *, struct mortise_secret *to,
    const struct mortise_secret *value, bool marked);
/* What such a text stands for.  invalid: no base64 behind the marker; error: no memory. */
enum mortise_code marker_value(const struct mortise_host *, const char *text, size_t size,
    struct mortise_secret **value);

/* A path without slashes at its ends, malloc'd; of NULL "".  NULL: no memory. */
char *text_path(const char *);

/* A new secret with these bytes; NULL: no memory. */
struct mortise_secret *secret_of(const struct mortise_host *, const void *bytes, size_t size);
/* The same bytes, in a time that tells nothing of them?  NULL is like none. */
bool secret_same(const struct mortise_host *, const struct mortise_secret *,
    const struct mortise_secret *);

/* Versions of managers that number them: 1, 2 and so on; "" for 0 and less. */
void version_text(struct mortise_version *, int64_t number);
/* 0: it is no such version. */
int64_t version_number(const struct mortise_version *);

#endif
