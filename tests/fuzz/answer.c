/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an HTTP API answers, to the plugin rest: a line that is a JSON pointer, and the
 * answer behind it.  And back: the same bytes as a value in a body, and as base64.
 */
#include "fuzz.h"

#include <jansson.h>

#include "backend/backend.h"
#include "base/error.h"
#include "base/log.h"
#include "plugins/rest/rest.h"
#include "plugins/sdk/encoding.h"
#include "secmem/secret.h"

static enum mortise_code
take_name(void *arg, const char *name)
{
	MUST(name != NULL);
	++*(size_t *)arg;
	return MORTISE_OK;
}

/* In a body it is a JSON string with the same bytes, or was refused. */
static void
try_body(const struct rest *rest, struct mortise_call *call, const struct mortise_secret *value)
{
	struct mortise_secret *body = NULL;
	const char *text;
	size_t size, value_size;
	const void *bytes = mortise_secret_peek(value, &value_size);
	json_t *tree;
	enum mortise_code code = template_body(rest, call, "{\"v\":\"{value}\",\"n\":\"{name}\"}", "a/b",
	    value, &body);

	if (code != MORTISE_OK) {
		MUST(code == MORTISE_INVALID);
		return;
	}
	text = mortise_secret_peek(body, &size);
	tree = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	MUST(tree != NULL);
	MUST(json_string_length(json_object_get(tree, "v")) == value_size);
	MUST(value_size == 0 || memcmp(json_string_value(json_object_get(tree, "v")), bytes,
	    value_size) == 0);
	MUST(strcmp(json_string_value(json_object_get(tree, "n")), "a/b") == 0);
	json_decref(tree);
	mortise_secret_free(body);
}

static void
try_base64(const struct mortise_host *host, const struct mortise_secret *value)
{
	struct mortise_secret *text = base64_to(host, value), *back = NULL;
	size_t size;
	const char *bytes;

	MUST(text != NULL);
	bytes = mortise_secret_peek(text, &size);
	back = base64_from(host, bytes, size);
	MUST(back != NULL && mortise_secret_equal(back, value));
	mortise_secret_free(text);
	mortise_secret_free(back);
	/* As what comes in: refused, or the one text of its bytes. */
	bytes = mortise_secret_peek(value, &size);
	back = base64_from(host, bytes, size);
	if (back == NULL)
		return;
	text = base64_to(host, back);
	MUST(mortise_secret_equal(text, value));
	mortise_secret_free(text);
	mortise_secret_free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct logger silent;
	struct mortise_error error = {0};
	struct mortise_call call = {.error = &error, .logger = &silent};
	const struct rest rest = {.host = backend_host()};
	const uint8_t *lf = memchr(bytes, '\n', size);
	size_t length = lf == NULL ? size : (size_t)(lf - bytes), names = 0;
	struct mortise_out out = {.name = take_name, .arg = &names};
	struct mortise_secret *body = lf == NULL ? secret_from("", 0) :
	    secret_from(lf + 1, size - length - 1), *value = NULL;
	char pointer[512];

	if (body == NULL)
		return 0;
	(void)snprintf(pointer, sizeof(pointer), "%.*s", (int)(length < 500 ? length : 500),
	    (const char *)bytes);
	if (json_value(&rest, &call, pointer, body, &value) == MORTISE_OK)
		MUST(value != NULL);
	mortise_secret_free(value);
	(void)json_names(&rest, &call, pointer, body, &out);
	try_body(&rest, &call, body);
	try_base64(backend_host(), body);
	mortise_secret_free(body);
	return 0;
}
