/* SPDX-License-Identifier: BSD-2-Clause */
/* A provider's or an application's answer with tokens, and names from a template. */
#include "fuzz.h"

#include <jansson.h>

#include "base/error.h"
#include "base/name.h"
#include "oauth/tokens.h"
#include "secmem/secret.h"

#define NOW INT64_C(1700000000000)

static void
try_name(const char *text)
{
	static const char template[] = "oauth/{platform}/{connectionId}";
	char platform[64], name[MORTISE_NAME_MAX + 1];
	const char *connection = strchr(text, '\n');
	size_t length = connection == NULL ? strlen(text) : (size_t)(connection - text);

	(void)snprintf(platform, sizeof(platform), "%.*s", (int)(length < 60 ? length : 60), text);
	if (tokens_name(template, platform, connection == NULL ? "" : connection + 1, name, NULL) !=
	    MORTISE_OK)
		return;
	MUST(name_check(name, NULL) == MORTISE_OK);
	MUST(tokens_name_matches(template, name));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct mortise_secret *answer = secret_from(bytes, size), *stored = NULL, *again = NULL;
	int64_t expires = 0, expires_again = 0;
	const char *text;
	size_t length;
	json_t *tree;

	if (answer == NULL)
		return 0;
	try_name(mortise_secret_peek(answer, NULL));
	if (tokens_normalise(answer, NOW, &stored, &expires, NULL) == MORTISE_OK) {
		/* What is stored is an object with a token, and comes to itself. */
		text = mortise_secret_peek(stored, &length);
		tree = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
		MUST(json_is_object(tree));
		MUST(json_is_string(json_object_get(tree, "accessToken")));
		json_decref(tree);
		MUST(tokens_normalise(stored, NOW, &again, &expires_again, NULL) == MORTISE_OK);
		MUST(mortise_secret_equal(stored, again));
		MUST(expires == expires_again);
	}
	mortise_secret_free(again);
	mortise_secret_free(stored);
	mortise_secret_free(answer);
	return 0;
}
