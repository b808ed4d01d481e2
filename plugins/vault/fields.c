/* SPDX-License-Identifier: BSD-2-Clause */
/* A value in the fields of a secret. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vault.h"

bool
fields_foreign(const struct vault *vault, const json_t *fields)
{
	size_t others = json_object_size(fields);

	return json_object_get(fields, vault->field) == NULL ? others > 0 : others > 1;
}

enum mortise_code
fields_value(const struct vault *vault, struct mortise_call *call, const json_t *fields,
    struct mortise_secret **value)
{
	const json_t *field = json_object_get(fields, vault->field);
	enum mortise_code code = MORTISE_OK;

	if (json_is_string(field) && !fields_foreign(vault, fields))
		code = marker_value(vault->host, json_string_value(field),
		    json_string_length(field), value);
	else {
		*value = json_secret(vault->host, field != NULL && !fields_foreign(vault, fields) ?
		    field : fields);
		if (*value == NULL)
			code = MORTISE_ERROR;
	}
	return code == MORTISE_OK ? code : code == MORTISE_ERROR ? vault_no_memory(vault, call) :
	    vault->host->fail(call, code, MORTISE_REASON_NONE,
	    "what is kept begins with " MARKER ", and is no base64 behind that");
}

static enum mortise_code
append(const struct vault *vault, struct mortise_secret *body, const char *text)
{
	return vault->host->secret_append(body, text, strlen(text));
}

struct mortise_secret *
fields_body(const struct vault *vault, const struct mortise_secret *value, int64_t version)
{
	const struct mortise_host *host = vault->host;
	size_t size;
	struct mortise_secret *body;
	char end[64];
	enum mortise_code code;

	(void)host->secret_peek(value, &size);
	body = host->secret_new(size + size / 2 + 128);
	if (body == NULL)
		return NULL;
	(void)snprintf(end, sizeof(end), "\"}%s", version < 0 ? "" : ",\"options\":{\"cas\":");
	code = append(vault, body, version < 0 ? "{\"" : "{\"data\":{\"");
	if (code == MORTISE_OK)
		code = text_append_json(host, body, vault->field, strlen(vault->field));
	if (code == MORTISE_OK)
		code = append(vault, body, "\":\"");
	if (code == MORTISE_OK)
		code = marker_append(host, body, value, false);
	if (code == MORTISE_OK)
		code = append(vault, body, end);
	if (code == MORTISE_OK && version >= 0) {
		(void)snprintf(end, sizeof(end), "%" PRId64 "}}", version);
		code = append(vault, body, end);
	}
	if (code == MORTISE_OK)
		return body;
	host->secret_free(body);
	return NULL;
}
