/* SPDX-License-Identifier: BSD-2-Clause */
#include "oauth/tokens.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "oauth/json.h"

#define REFRESH_MARGIN_MS INT64_C(300000)
/* A hundred years in seconds: beyond it a lifetime is a slip. */
#define LIFETIME_MAX_S INT64_C(3153600000)

static enum mortise_code
bad_answer(struct mortise_error *error, const char *what)
{
	return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE, "the token answer %s", what);
}

/* Renames a member, keeping its value. */
static bool
rename_member(json_t *object, const char *from, const char *to)
{
	json_t *value = json_object_get(object, from);

	if (value == NULL)
		return true;
	return json_object_set(object, to, value) == 0 && json_object_del(object, from) == 0;
}

static enum mortise_code
take_lifetime(json_t *object, int64_t now_ms, int64_t *expires_ms, struct mortise_error *error)
{
	const json_t *value = json_object_get(object, "expires_in");

	*expires_ms = 0;
	if (value == NULL || json_is_null(value))
		return MORTISE_OK;
	if (!json_is_integer(value))
		return bad_answer(error, "has an expires_in that is no whole number; "
		    "RFC 6749 has seconds there, say 3600 without quotes");
	if (json_integer_value(value) < 0 || json_integer_value(value) > LIFETIME_MAX_S)
		return bad_answer(error, "has an expires_in that is no lifetime; "
		    "it is seconds from now, 0 to 100 years");
	*expires_ms = now_ms + json_integer_value(value) * 1000;
	return MORTISE_OK;
}

static enum mortise_code
from_rfc6749(json_t *object, int64_t now_ms, int64_t *expires_ms, struct mortise_error *error)
{
	enum mortise_code code = take_lifetime(object, now_ms, expires_ms, error);

	if (code != MORTISE_OK)
		return code;
	(void)json_object_del(object, "expires_in");
	if (!rename_member(object, "access_token", "accessToken") ||
	    !rename_member(object, "refresh_token", "refreshToken") ||
	    !json_set_time(object, "expiresAt", *expires_ms))
		return error_memory(error);
	return MORTISE_OK;
}

static enum mortise_code
from_own_form(const json_t *object, int64_t *expires_ms, struct mortise_error *error)
{
	const json_t *value = json_object_get(object, "expiresAt");

	*expires_ms = 0;
	if (value == NULL || json_is_null(value))
		return MORTISE_OK;
	if (!json_is_string(value) || !clock_parse(json_string_value(value), expires_ms))
		return bad_answer(error, "has an expiresAt that is no time; "
		    "write it as 2026-01-31T12:00:00.000Z");
	return MORTISE_OK;
}

static enum mortise_code
check_tokens(const json_t *object, struct mortise_error *error)
{
	const json_t *refresh = json_object_get(object, "refreshToken");
	const char *access = json_text(object, "accessToken");

	if (access == NULL || access[0] == '\0')
		return bad_answer(error, "has no token; "
		    "accessToken or access_token must be a text that is not empty");
	if (refresh != NULL && !json_is_string(refresh) && !json_is_null(refresh))
		return bad_answer(error, "has a refresh token that is no text");
	return MORTISE_OK;
}

enum mortise_code
tokens_normalise(const struct mortise_secret *answer, int64_t now_ms,
    struct mortise_secret **stored, int64_t *expires_ms, struct mortise_error *error)
{
	size_t size;
	const void *bytes = mortise_secret_peek(answer, &size);
	json_t *object _cleanup_(json_cleanup) = json_object_from(bytes, size,
	    "the token answer", error);
	enum mortise_code code;
	int64_t expires;
	bool own;

	if (object == NULL)
		return MORTISE_INVALID;
	own = json_object_get(object, "accessToken") != NULL;
	if (own && json_object_get(object, "access_token") != NULL)
		return bad_answer(error, "has both accessToken and access_token; give one of them");
	code = own ? from_own_form(object, &expires, error) :
	    from_rfc6749(object, now_ms, &expires, error);
	if (code == MORTISE_OK)
		code = check_tokens(object, error);
	if (code == MORTISE_OK)
		code = json_to_secret(object, stored, error);
	if (code == MORTISE_OK)
		*expires_ms = expires;
	return code;
}

int64_t
tokens_refresh_ms(int64_t now_ms, int64_t expires_ms)
{
	int64_t margin = (expires_ms - now_ms) / 4;

	if (expires_ms == 0)
		return 0;
	if (margin < 0)
		margin = 0;
	return expires_ms - (margin < REFRESH_MARGIN_MS ? margin : REFRESH_MARGIN_MS);
}

/* Appends a part, with what a name cannot hold as .xx. */
static void
append_part(struct buffer *name, const char *part)
{
	for (; *part != '\0'; part++) {
		unsigned char c = (unsigned char)*part;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '_' || c == '-')
			buffer_append(name, part, 1);
		else
			buffer_format(name, ".%02x", c);
	}
}

static const char platform_mark[] = "{platform}", connection_mark[] = "{connectionId}";

enum mortise_code
tokens_name(const char *template, const char *platform, const char *connection_id,
    char name[MORTISE_NAME_MAX + 1], struct mortise_error *error)
{
	struct buffer buffer _cleanup_(buffer_free) = {0};

	if (platform == NULL || platform[0] == '\0' || connection_id == NULL ||
	    connection_id[0] == '\0')
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "platform and connection must not be empty");
	while (*template != '\0') {
		if (strncmp(template, platform_mark, sizeof(platform_mark) - 1) == 0) {
			append_part(&buffer, platform);
			template += sizeof(platform_mark) - 1;
		} else if (strncmp(template, connection_mark, sizeof(connection_mark) - 1) == 0) {
			append_part(&buffer, connection_id);
			template += sizeof(connection_mark) - 1;
		} else
			buffer_append(&buffer, template++, 1);
	}
	if (buffer.failed)
		return error_memory(error);
	if (buffer.size > MORTISE_NAME_MAX)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "platform and connection make a name of %zu bytes, and a name has at most %d",
		    buffer.size, MORTISE_NAME_MAX);
	memcpy(name, buffer.data, buffer.size + 1);
	return MORTISE_OK;
}

bool
tokens_name_matches(const char *template, const char *name)
{
	/* The marks stand for one segment or part of one, never empty.  Greedy on
	 * the first, as a part holds no slash. */
	const char *mark = strchr(template, '{');
	size_t fixed = mark == NULL ? strlen(template) : (size_t)(mark - template);
	size_t length;

	if (strncmp(template, name, fixed) != 0)
		return false;
	if (mark == NULL)
		return name[fixed] == '\0';
	template = strchr(mark, '}') + 1;
	name += fixed;
	length = strcspn(name, "/");
	for (; length > 0; length--) {
		if (tokens_name_matches(template, name + length))
			return true;
	}
	return false;
}
