/* SPDX-License-Identifier: BSD-2-Clause */
#include "operation/behind.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"

#define STORE_DIGITS 32
#define FORMAT '1'

static const char *const words[] = {
	[BEHIND_WRITING] = "writing",
	[BEHIND_OLD] = "old",
	[BEHIND_DOUBT] = "doubt",
	[BEHIND_GONE] = "gone",
};

/* A store is one, whatever each host calls its backend. */
static enum mortise_code
make_key(const struct operation *operation, size_t target, const char *name,
    char key[MORTISE_KEY_MAX + 1])
{
	const struct engine *engine = operation->engine;
	const char *identity = engine->backends[target] == NULL ?
	    engine->config->backends[target].name : backend_identity(engine->backends[target]);
	const struct digest_part part = {identity, strlen(identity)};
	unsigned char digest[DIGEST_SIZE];
	char text[DIGEST_TEXT_SIZE];

	if (!digest_sha256(&part, 1, digest))
		return error_set(operation->error, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "libcrypto made no SHA-256");
	hex_encode(digest, sizeof(digest), text);
	(void)snprintf(key, MORTISE_KEY_MAX + 1, BEHIND_PREFIX "%.*s:%s", STORE_DIGITS, text, name);
	return MORTISE_OK;
}

const char *
behind_name(const char *key)
{
	size_t length = strlen(BEHIND_PREFIX) + STORE_DIGITS;

	return strncmp(key, BEHIND_PREFIX, strlen(BEHIND_PREFIX)) == 0 && strlen(key) > length + 1 &&
	    key[length] == ':' ? key + length + 1 : NULL;
}

/* "1 old", "1 writing 1764090000000".  What nobody here can read is no good sign. */
static enum behind_kind
parse(const char *text, size_t size)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = words[i] == NULL ? 0 : strlen(words[i]);

		if (length == 0 || size < length + 2 || text[0] != FORMAT || text[1] != ' ' ||
		    strncmp(text + 2, words[i], length) != 0)
			continue;
		return i != BEHIND_WRITING ? (enum behind_kind)i :
		    strtoll(text + 2 + length, NULL, 10) > clock_unix_us() / 1000 ?
		    BEHIND_WRITING : BEHIND_DOUBT;
	}
	return BEHIND_DOUBT;
}

enum mortise_code
behind_read(struct operation *operation, size_t target, const char *name, struct behind *behind)
{
	struct state_value value _cleanup_(state_value_free) = {0};
	struct mortise_error kept = *operation->error;
	char key[MORTISE_KEY_MAX + 1];
	enum mortise_code code = make_key(operation, target, name, key);

	*behind = (struct behind){.kind = BEHIND_NONE};
	if (code == MORTISE_OK)
		code = operation_state_get(operation, key, &value);
	if (code == MORTISE_OK) {
		behind->kind = parse(value.bytes, value.size);
		behind->version = value.version;
	} else if (code == MORTISE_NOT_FOUND)
		code = MORTISE_OK;
	if (code == MORTISE_OK)
		*operation->error = kept;
	return code;
}

enum mortise_code
behind_write(struct operation *operation, size_t target, const char *name, enum behind_kind kind,
    int64_t until_ms)
{
	struct mortise_error kept = *operation->error;
	char key[MORTISE_KEY_MAX + 1], text[64];
	struct mortise_state_put put = {.size = sizeof(put), .value = text};
	enum mortise_code code = make_key(operation, target, name, key);

	if (kind == BEHIND_WRITING)
		(void)snprintf(text, sizeof(text), "%c %s %" PRId64, FORMAT, words[kind], until_ms);
	else
		(void)snprintf(text, sizeof(text), "%c %s", FORMAT, words[kind]);
	put.value_size = strlen(text);
	if (code == MORTISE_OK)
		code = operation_state_put(operation, key, &put, NULL);
	if (code == MORTISE_OK)
		*operation->error = kept;
	return code;
}

enum mortise_code
behind_clear(struct operation *operation, size_t target, const char *name,
    const struct mortise_version *only_if)
{
	struct mortise_error kept = *operation->error;
	char key[MORTISE_KEY_MAX + 1];
	enum mortise_code code = make_key(operation, target, name, key);

	if (code == MORTISE_OK)
		code = operation_state_delete(operation, key, only_if);
	if (code == MORTISE_NOT_FOUND)
		code = MORTISE_OK;
	if (code == MORTISE_OK)
		*operation->error = kept;
	return code;
}
