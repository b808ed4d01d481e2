/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8, JSON strings, base64, the marker, and versions. */
#include "sdk/encoding.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mortise_secret *
secret_of(const struct mortise_host *host, const void *bytes, size_t size)
{
	struct mortise_secret *made = host->secret_new(size);

	if (made == NULL || host->secret_append(made, bytes, size) == MORTISE_OK)
		return made;
	host->secret_free(made);
	return NULL;
}

bool
secret_same(const struct mortise_host *host, const struct mortise_secret *a,
    const struct mortise_secret *b)
{
	size_t a_size = 0, b_size = 0;
	const unsigned char *x = a == NULL ? NULL : host->secret_peek(a, &a_size);
	const unsigned char *y = b == NULL ? NULL : host->secret_peek(b, &b_size);
	unsigned char differ = a == NULL || b == NULL || a_size != b_size;

	for (size_t i = 0, end = differ ? 0 : a_size; i < end; i++)
		differ |= x[i] ^ y[i];
	return !differ;
}

char *
text_path(const char *text)
{
	size_t begin = text == NULL ? 0 : strspn(text, "/"), end = text == NULL ? 0 : strlen(text);
	char *copy;

	while (end > begin && text[end - 1] == '/')
		end--;
	copy = malloc(end - begin + 1);
	if (copy != NULL)
		(void)snprintf(copy, end - begin + 1, "%s", text == NULL ? "" : text + begin);
	return copy;
}

/* --- text --------------------------------------------------------------------------- */

/* The length of a whole character of UTF-8 (RFC 3629) at the beginning; 0: none. */
static size_t
character(const unsigned char *p, size_t size)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ?
	    3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > size)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return n;
}

bool
text_is_utf8(const char *bytes, size_t size)
{
	size_t n = 1;

	for (size_t at = 0; n != 0 && at < size; at += n)
		n = character((const unsigned char *)bytes + at, size - at);
	return n != 0;
}

enum mortise_code
text_append_json(const struct mortise_host *host, struct mortise_secret *to, const char *bytes,
    size_t size)
{
	enum mortise_code code = MORTISE_OK;
	size_t from = 0, at = 0;

	while (code == MORTISE_OK && at < size) {
		unsigned char c = (unsigned char)bytes[at];
		size_t n = character((const unsigned char *)bytes + at, size - at);
		char escape[8];

		if (n == 0)
			return MORTISE_INVALID;
		if (c >= 0x20 && c != '"' && c != '\\') {
			at += n;
			continue;
		}
		(void)snprintf(escape, sizeof(escape), "\\u%04x", c);
		code = host->secret_append(to, bytes + from, at - from);
		if (code == MORTISE_OK)
			code = host->secret_append(to, escape, 6);
		from = ++at;
	}
	return code == MORTISE_OK ? host->secret_append(to, bytes + from, size - from) : code;
}

enum mortise_code
text_append_members(const struct mortise_host *host, struct mortise_secret *to,
    const struct text_member *members, size_t count)
{
	enum mortise_code code = MORTISE_OK;
	size_t given = 0;

	for (size_t i = 0; code == MORTISE_OK && i < count; i++) {
		size_t size = members[i].text == NULL ? 0 : strlen(members[i].text);
		const char *bytes = members[i].secret == NULL ? members[i].text :
		    host->secret_peek(members[i].secret, &size);

		if (bytes == NULL)
			continue;
		code = given++ == 0 ? host->secret_append(to, "\"", 1) :
		    host->secret_append(to, ",\"", 2);
		if (code == MORTISE_OK)
			code = host->secret_append(to, members[i].name, strlen(members[i].name));
		if (code == MORTISE_OK)
			code = host->secret_append(to, "\":\"", 3);
		if (code == MORTISE_OK)
			code = text_append_json(host, to, bytes, size);
		if (code == MORTISE_OK)
			code = host->secret_append(to, "\"", 1);
	}
	return code;
}

struct mortise_secret *
text_object(const struct mortise_host *host, const struct text_member *members, size_t count)
{
	struct mortise_secret *object = host->secret_new(256);

	if (object != NULL && host->secret_append(object, "{", 1) == MORTISE_OK &&
	    text_append_members(host, object, members, count) == MORTISE_OK &&
	    host->secret_append(object, "}", 1) == MORTISE_OK)
		return object;
	host->secret_free(object);
	return NULL;
}

/* --- base64 (RFC 4648, section 4) --------------------------------------------------- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct mortise_secret *
base64_to(const struct mortise_host *host, const struct mortise_secret *value)
{
	size_t size;
	const unsigned char *p = host->secret_peek(value, &size);
	struct mortise_secret *to = host->secret_new((size + 2) / 3 * 4);
	bool good = to != NULL;

	for (size_t i = 0; good && i < size; i += 3) {
		uint32_t n = (uint32_t)p[i] << 16 | (i + 1 < size ? (uint32_t)p[i + 1] << 8 : 0) |
		    (i + 2 < size ? p[i + 2] : 0);
		char four[4] = {digits[n >> 18], digits[n >> 12 & 63],
		    i + 1 < size ? digits[n >> 6 & 63] : '=', i + 2 < size ? digits[n & 63] : '='};

		good = host->secret_append(to, four, 4) == MORTISE_OK;
	}
	if (good)
		return to;
	host->secret_free(to);
	return NULL;
}

/* The number of four digits, with `have` of them no "="; false: they are none. */
static bool
group(const char *four, uint32_t *number, size_t *have)
{
	*number = 0;
	*have = four[3] != '=' ? 4 : four[2] != '=' ? 3 : 2;
	for (size_t i = 0; i < 4; i++) {
		const char *digit = i < *have && four[i] != '\0' ? strchr(digits, four[i]) : NULL;

		if (i < *have && digit == NULL)
			return false;
		*number = *number << 6 | (digit == NULL ? 0 : (uint32_t)(digit - digits));
	}
	/* Bits that no byte has are zero. */
	return *have == 4 || (*number & (*have == 3 ? 0xff : 0xffff)) == 0;
}

struct mortise_secret *
base64_from(const struct mortise_host *host, const char *text, size_t size)
{
	struct mortise_secret *to = host->secret_new(size / 4 * 3);
	bool good = to != NULL && size % 4 == 0;

	for (size_t i = 0; good && i < size; i += 4) {
		uint32_t n;
		size_t have;

		good = group(text + i, &n, &have) && (have == 4 || i + 4 == size);
		if (good) {
			unsigned char three[3] = {(unsigned char)(n >> 16), (unsigned char)(n >> 8),
			    (unsigned char)n};

			good = host->secret_append(to, three, have - 1) == MORTISE_OK;
		}
	}
	if (good)
		return to;
	host->secret_free(to);
	return NULL;
}

/* --- the marker --------------------------------------------------------------------- */

bool
marker_begins(const char *bytes, size_t size)
{
	return size >= strlen(MARKER) && memcmp(bytes, MARKER, strlen(MARKER)) == 0;
}

enum mortise_code
marker_append(const struct mortise_host *host, struct mortise_secret *to,
    const struct mortise_secret *value, bool marked)
{
	size_t size;
	const char *bytes = host->secret_peek(value, &size);
	struct mortise_secret *encoded;
	enum mortise_code code;

	if (!marked && !marker_begins(bytes, size) && text_is_utf8(bytes, size))
		return text_append_json(host, to, bytes, size);
	encoded = base64_to(host, value);
	if (encoded == NULL)
		return MORTISE_ERROR;
	bytes = host->secret_peek(encoded, &size);
	code = host->secret_append(to, MARKER, strlen(MARKER));
	if (code == MORTISE_OK)
		code = host->secret_append(to, bytes, size);
	host->secret_free(encoded);
	return code;
}

enum mortise_code
marker_value(const struct mortise_host *host, const char *text, size_t size,
    struct mortise_secret **value)
{
	size_t skip = strlen(MARKER);

	if (!marker_begins(text, size)) {
		*value = secret_of(host, text, size);
		return *value == NULL ? MORTISE_ERROR : MORTISE_OK;
	}
	*value = base64_from(host, text + skip, size - skip);
	return *value == NULL ? MORTISE_INVALID : MORTISE_OK;
}

/* --- versions ----------------------------------------------------------------------- */

void
version_text(struct mortise_version *version, int64_t number)
{
	if (number <= 0)
		version->text[0] = '\0';
	else
		(void)snprintf(version->text, sizeof(version->text), "%" PRId64, number);
}

int64_t
version_number(const struct mortise_version *version)
{
	size_t length = strlen(version->text);

	return length == 0 || length > 15 || version->text[0] == '0' ||
	    version->text[strspn(version->text, "0123456789")] != '\0' ? 0 :
	    strtoll(version->text, NULL, 10);
}
