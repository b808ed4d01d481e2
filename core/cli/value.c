/* SPDX-License-Identifier: BSD-2-Clause */
/* For explicit_bzero. */
#define _GNU_SOURCE
#include "cli/value.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define NO_MEMORY "out of memory for the value"

/* Appends to secrets here: one failure is one too many, whichever it is. */
static bool
add(struct mortise_secret *secret, const void *bytes, size_t size)
{
	return mortise_secret_append(secret, bytes, size) == MORTISE_OK;
}

static bool
add_text(struct mortise_secret *secret, const char *text)
{
	return add(secret, text, strlen(text));
}

static int
finish(bool good, struct mortise_secret *made, struct mortise_secret **result)
{
	if (!good) {
		mortise_secret_free(made);
		return usage_error(NO_MEMORY);
	}
	*result = made;
	return 0;
}

static int
add_json(const char *bytes, size_t size, void *arg)
{
	return add(arg, bytes, size) ? 0 : -1;
}

static void
json_release(json_t **json)
{
	json_decref(*json);
}

int
value_field(const struct mortise_secret *value, const char *field,
    struct mortise_secret **member)
{
	size_t size;
	const char *bytes = mortise_secret_peek(value, &size);
	/* jansson's copies are on the heap, which wipe.c wipes as it is freed. */
	json_t *json _cleanup_(json_release) = json_loadb(bytes, size, JSON_ALLOW_NUL, NULL);
	const json_t *found = json_object_get(json, field);
	struct mortise_secret *made;
	bool good;

	if (!json_is_object(json))
		return usage_error("the value is no JSON object, so it has no fields; "
		    "leave --field out");
	if (found == NULL)
		return usage_error("the value has no field %s", field);
	made = mortise_secret_new(size);
	if (made == NULL)
		return usage_error(NO_MEMORY);
	if (json_is_string(found))
		good = add(made, json_string_value(found), json_string_length(found));
	else
		good = json_dump_callback(found, add_json, made, JSON_COMPACT |
		    JSON_ENCODE_ANY) == 0;
	return finish(good, made, member);
}

/* A text of valid UTF-8 as the inside of a JSON string. */
static bool
add_escaped(struct mortise_secret *json, const char *text, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t from = 0;
	bool good = true;

	for (size_t i = 0; i < size && good; i++) {
		unsigned char c = (unsigned char)text[i];
		char escape[7] = {'\\', (char)c};
		size_t length = 2;

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		if (c < ' ') {
			memcpy(escape, "\\u00", 4);
			escape[4] = hex[c >> 4];
			escape[5] = hex[c & 15];
			length = 6;
		}
		good = add(json, text + from, i - from) && add(json, escape, length);
		from = i + 1;
	}
	return good && add(json, text + from, size - from);
}

static bool
add_base64(struct mortise_secret *json, const char *bytes, size_t size)
{
	char piece[BASE64_SIZE(48)];
	bool good = true;

	for (size_t i = 0; i < size && good; i += 48) {
		base64_encode(bytes + i, size - i < 48 ? size - i : 48, piece);
		good = add_text(json, piece);
	}
	explicit_bzero(piece, sizeof(piece));
	return good;
}

int
value_json(const char *name, const char *version, const struct mortise_secret *value,
    struct mortise_secret **json)
{
	size_t size;
	const char *bytes = mortise_secret_peek(value, &size);
	bool text = utf8_valid(bytes, size) == size && memchr(bytes, '\0', size) == NULL;
	struct buffer start _cleanup_(buffer_free) = {0};
	struct mortise_secret *made = mortise_secret_new(2 * size + 512);
	bool good;

	buffer_text(&start, "{\"name\":");
	(void)buffer_json(&start, name, strlen(name));
	buffer_text(&start, ",\"version\":");
	(void)buffer_json(&start, version, strlen(version));
	buffer_text(&start, text ? ",\"value\":\"" : ",\"valueBase64\":\"");
	good = made != NULL && !start.failed && add(made, start.data, start.size) &&
	    (text ? add_escaped(made, bytes, size) : add_base64(made, bytes, size)) &&
	    add_text(made, "\"}\n");
	return finish(good, made, json);
}

/* The last segment, as a shell's variable may be called. */
static char *
variable_name(const char *name)
{
	const char *slash = strrchr(name, '/'), *segment = slash == NULL ? name : slash + 1;
	bool digit = *segment >= '0' && *segment <= '9';
	char *variable = text_format("%s%s", digit ? "_" : "", segment);

	for (char *p = variable; p != NULL && *p != '\0'; p++) {
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
		else if (*p == '-' || *p == '.')
			*p = '_';
	}
	return variable;
}

int
value_env(const char *name, const struct mortise_secret *value, struct mortise_secret **line)
{
	size_t size, from = 0;
	const char *bytes = mortise_secret_peek(value, &size);
	char *variable _cleanup_(free_pointer) = variable_name(name);
	struct mortise_secret *made;
	bool good;

	if (memchr(bytes, '\0', size) != NULL)
		return usage_error("the value has a NUL byte, which no variable can hold; "
		    "print it plain");
	made = mortise_secret_new(size + 512);
	good = made != NULL && variable != NULL && add_text(made, variable) &&
	    add_text(made, "='");
	for (size_t i = 0; i < size && good; i++) {
		if (bytes[i] != '\'')
			continue;
		good = add(made, bytes + from, i - from) && add_text(made, "'\\''");
		from = i + 1;
	}
	good = good && add(made, bytes + from, size - from) && add_text(made, "'\n");
	return finish(good, made, line);
}
