/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and values into URLs and bodies. */
#include <string.h>

#include "rest.h"
#include "sdk/encoding.h"

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
			code = is_value ? text_append_json(host, body, value, size) :
			    text_append_json(host, body, name, strlen(name));
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
