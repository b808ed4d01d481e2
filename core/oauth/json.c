/* SPDX-License-Identifier: BSD-2-Clause */
#include "oauth/json.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "secmem/secret.h"

json_t *
json_object_from(const void *bytes, size_t size, const char *what, struct mortise_error *error)
{
	json_error_t where;
	json_t *value = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &where);

	/* jansson's own text quotes the input: only its place may be told. */
	if (value == NULL)
		(void)error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "%s is not JSON (line %d, column %d); give one JSON object", what,
		    where.line, where.column);
	OPENSSL_cleanse(&where, sizeof(where));
	if (value != NULL && !json_is_object(value)) {
		(void)error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "%s is JSON, but no object; give one JSON object", what);
		json_wipe(value);
		value = NULL;
	}
	return value;
}

static void
wipe_strings(json_t *value)
{
	json_t *item;
	const char *key;
	size_t i;

	if (json_is_string(value)) {
		/* Ours alone: the tree was parsed or built here. */
		OPENSSL_cleanse((char *)(uintptr_t)json_string_value(value),
		    json_string_length(value));
		return;
	}
	json_array_foreach(value, i, item)
		wipe_strings(item);
	json_object_foreach(value, key, item)
		wipe_strings(item);
}

void
json_wipe(json_t *value)
{
	if (value == NULL)
		return;
	wipe_strings(value);
	json_decref(value);
}

void
json_cleanup(json_t **value)
{
	json_wipe(*value);
}

enum mortise_code
json_to_secret(const json_t *value, struct mortise_secret **secret, struct mortise_error *error)
{
	size_t size = json_dumpb(value, NULL, 0, JSON_COMPACT);
	struct mortise_secret *made = size == 0 ? NULL : mortise_secret_new(size);
	char *bytes = made == NULL ? NULL : secret_resize(made, size);

	if (bytes == NULL || json_dumpb(value, bytes, size, JSON_COMPACT) != size) {
		mortise_secret_free(made);
		return error_memory(error);
	}
	*secret = made;
	return MORTISE_OK;
}

const char *
json_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

bool
json_set_text(json_t *object, const char *key, const char *value)
{
	return json_object_set_new(object, key,
	    value == NULL ? json_null() : json_string(value)) == 0;
}

bool
json_set_time(json_t *object, const char *key, int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	if (ms == 0)
		return json_set_text(object, key, NULL);
	clock_format(ms * 1000, 3, text);
	return json_set_text(object, key, text);
}

int64_t
json_time(const json_t *object, const char *key)
{
	const char *text = json_text(object, key);
	int64_t ms;

	return text != NULL && clock_parse(text, &ms) ? ms : 0;
}
