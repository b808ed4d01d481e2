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
take_expiry(const json_t *object, int64_t *expires_ms, struct mortise_error *error)
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

/* The names of the three members that are ours, in either form. */
struct form {
	const char *access, *refresh, *expiry;
};
static const struct form own_form = {"accessToken", "refreshToken", "expiresAt"};
static const struct form rfc6749_form = {"access_token", "refresh_token", "expires_in"};

static enum mortise_code
check_tokens(const json_t *object, const struct form *form, struct mortise_error *error)
{
	const json_t *refresh = json_object_get(object, form->refresh);
	const char *access = json_text(object, form->access);

	if (access == NULL || access[0] == '\0')
		return bad_answer(error, "has no token; "
		    "accessToken or access_token must be a text that is not empty");
	if (refresh != NULL && !json_is_string(refresh) && !json_is_null(refresh))
		return bad_answer(error, "has a refresh token that is no text");
	return MORTISE_OK;
}

/* Ours first, then what else there was, in its order. */
static json_t *
arrange(json_t *object, const struct form *form, int64_t expires_ms)
{
	json_t *made = json_object(), *value;
	const char *key;
	bool good = made != NULL &&
	    json_set_text(made, own_form.access, json_text(object, form->access)) &&
	    json_set_text(made, own_form.refresh, json_text(object, form->refresh)) &&
	    json_set_time(made, own_form.expiry, expires_ms);

	json_object_foreach(object, key, value) {
		if (strcmp(key, form->access) != 0 && strcmp(key, form->refresh) != 0 &&
		    strcmp(key, form->expiry) != 0)
			good = good && json_object_set(made, key, value) == 0;
	}
	if (good)
		return made;
	json_wipe(made);
	return NULL;
}

enum mortise_code
tokens_normalise(const struct mortise_secret *answer, int64_t now_ms,
    struct mortise_secret **stored, int64_t *expires_ms, struct mortise_error *error)
{
	size_t size;
	const void *bytes = mortise_secret_peek(answer, &size);
	json_t *object _cleanup_(json_cleanup) = json_object_from(bytes, size,
	    "the token answer", error);
	json_t *made _cleanup_(json_cleanup) = NULL;
	const struct form *form;
	enum mortise_code code;
	int64_t expires;

	if (object == NULL)
		return MORTISE_INVALID;
	form = json_object_get(object, own_form.access) != NULL ? &own_form : &rfc6749_form;
	if (form == &own_form && json_object_get(object, rfc6749_form.access) != NULL)
		return bad_answer(error, "has both accessToken and access_token; give one of them");
	if (form == &rfc6749_form && (json_object_get(object, own_form.refresh) != NULL ||
	    json_object_get(object, own_form.expiry) != NULL))
		return bad_answer(error, "has access_token, and refreshToken or expiresAt of the "
		    "other form; give refresh_token and expires_in with it");
	code = form == &own_form ? take_expiry(object, &expires, error) :
	    take_lifetime(object, now_ms, &expires, error);
	if (code == MORTISE_OK)
		code = check_tokens(object, form, error);
	if (code != MORTISE_OK)
		return code;
	made = arrange(object, form, expires);
	if (made == NULL)
		return error_memory(error);
	code = json_to_secret(made, stored, error);
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
	if (buffer.failed || buffer.data == NULL)
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
