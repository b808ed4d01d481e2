/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and values into URLs and bodies; base64. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "rest.h"

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* --- URLs --------------------------------------------------------------------------- */

bool
template_url(const char *template, const char *name, char url[URL_MAX])
{
	size_t at = 0;

	url[0] = '\0';
	while (*template != '\0') {
		bool flat = begins(template, "{name-flat}");

		if (flat || begins(template, "{name}") || begins(template, "{prefix}")) {
			if (!mortise_http_encode(url, URL_MAX, name, !flat))
				return false;
			at = strlen(url);
			template = strchr(template, '}') + 1;
			continue;
		}
		if (at + 1 >= URL_MAX)
			return false;
		url[at++] = *template++;
		url[at] = '\0';
	}
	return true;
}

/* --- bodies ------------------------------------------------------------------------- */

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

/* As the inside of a JSON string (RFC 8259, section 7). */
static enum mortise_code
append_escaped(const struct mortise_host *host, struct mortise_secret *to, const char *bytes,
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

static enum mortise_code
fill(const struct mortise_host *host, const char *template, const char *name, const char *value,
    size_t size, struct mortise_secret *body)
{
	enum mortise_code code = MORTISE_OK;
	const char *from = template;

	while (code == MORTISE_OK && *template != '\0') {
		bool is_value = begins(template, "{value}");

		if (!is_value && !begins(template, "{name}")) {
			template++;
			continue;
		}
		code = host->secret_append(body, from, (size_t)(template - from));
		if (code == MORTISE_OK)
			code = is_value ? append_escaped(host, body, value, size) :
			    append_escaped(host, body, name, strlen(name));
		from = template = strchr(template, '}') + 1;
	}
	return code == MORTISE_OK ? host->secret_append(body, from, strlen(from)) : code;
}

enum mortise_code
template_body(const struct rest *rest, struct mortise_call *call, const char *template,
    const char *name, const struct mortise_secret *value, struct mortise_secret **result)
{
	const struct mortise_host *host = rest->host;
	size_t size;
	const char *bytes = host->secret_peek(value, &size);
	struct mortise_secret *body = host->secret_new(size + 64);
	enum mortise_code code;

	if (body == NULL)
		return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	code = template == NULL ? host->secret_append(body, bytes, size) :
	    fill(host, template, name, bytes, size, body);
	if (code == MORTISE_OK) {
		*result = body;
		return code;
	}
	host->secret_free(body);
	return code == MORTISE_INVALID ? host->fail(call, code, MORTISE_REASON_NONE,
	    "this value is no UTF-8 text, and stands in JSON; give `encoding: base64`") :
	    host->fail(call, code, MORTISE_REASON_NONE, "out of memory");
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
