/* SPDX-License-Identifier: BSD-2-Clause */
/* What an answer means, and the secret in it. */
#include <stdlib.h>
#include <string.h>

#include "infisical.h"

enum mortise_code
infisical_no_memory(const struct infisical *infisical, struct mortise_call *call)
{
	return infisical->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
}

enum mortise_code
infisical_strange(const struct infisical *infisical, struct mortise_call *call, const char *what)
{
	return infisical->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "%s was answered as no Infisical would; is `address` one, and nothing between that "
	    "answers in its place?", what);
}

/* --- what it means ------------------------------------------------------------------ */

static const char no_token[] = "the token is refused: it has ended, was revoked, or is none",
    no_secret[] = "it is not there", no_folder[] = "its folder is not there",
    no_project[] = "the server does not know the project; see the option project-id",
    no_environment[] = "the project has no such environment; see the option environment",
    old_project[] = "the project is of the old, end-to-end encrypted kind, which this API cannot "
    "read; it must be upgraded in the project's settings";

/* The first that fits. */
static const struct meaning meanings[] = {
	{404, NULL, "Route ", NULL, SAID_NO_ROUTE, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
	    "the server knows no such path; is `address` an Infisical?"},
	{0, "bot_not_found_error", NULL, NULL, SAID_NOTHING, MORTISE_INVALID,
	    MORTISE_REASON_CONFIGURATION, old_project},
	{400, NULL, NULL, "bot_not_found_error", SAID_NOTHING, MORTISE_INVALID,
	    MORTISE_REASON_CONFIGURATION, old_project},
	{401, NULL, NULL, NULL, SAID_NO_TOKEN, MORTISE_DENIED, MORTISE_REASON_NONE, no_token},
	{403, "TokenError", NULL, NULL, SAID_NO_TOKEN, MORTISE_DENIED, MORTISE_REASON_NONE,
	    no_token},
	{403, "UnauthorizedError", NULL, NULL, SAID_NO_TOKEN, MORTISE_DENIED, MORTISE_REASON_NONE,
	    no_token},
	{403, NULL, "jwt ", NULL, SAID_NO_TOKEN, MORTISE_DENIED, MORTISE_REASON_NONE, no_token},
	{500, NULL, "jwt ", NULL, SAID_NO_TOKEN, MORTISE_DENIED, MORTISE_REASON_NONE, no_token},
	{500, NULL, "invalid algorithm", NULL, SAID_NO_TOKEN, MORTISE_DENIED, MORTISE_REASON_NONE,
	    no_token},
	{403, NULL, NULL, "IP address", SAID_NOTHING, MORTISE_DENIED, MORTISE_REASON_NONE,
	    "this machine's address is not one that the identity trusts"},
	{403, NULL, NULL, NULL, SAID_NOTHING, MORTISE_DENIED, MORTISE_REASON_NONE,
	    "the identity may not do that there; see its role in the project"},
	/* Old servers say it by the text alone. */
	{400, NULL, "Secret not found", NULL, SAID_NO_SECRET, MORTISE_NOT_FOUND,
	    MORTISE_REASON_NONE, no_secret},
	{400, NULL, "Folder not found", NULL, SAID_NO_FOLDER, MORTISE_NOT_FOUND,
	    MORTISE_REASON_NONE, no_folder},
	{400, NULL, "Folder with path", "not found", SAID_NO_FOLDER, MORTISE_NOT_FOUND,
	    MORTISE_REASON_NONE, no_folder},
	{400, NULL, "Secret already exist", NULL, SAID_EXISTS, MORTISE_CONFLICT,
	    MORTISE_REASON_NONE, "it is there already"},
	{400, NULL, "Folder ", "already exist", SAID_EXISTS, MORTISE_CONFLICT, MORTISE_REASON_NONE,
	    "the folder is there already"},
	{400, NULL, "Project not found", NULL, SAID_NOTHING, MORTISE_INVALID,
	    MORTISE_REASON_CONFIGURATION, no_project},
	{400, NULL, "Environment not found", NULL, SAID_NOTHING, MORTISE_INVALID,
	    MORTISE_REASON_CONFIGURATION, no_environment},
	{400, NULL, NULL, "UPPERCASE", SAID_NOTHING, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "the project takes names in upper case only; its settings can allow others"},
	{400, NULL, NULL, NULL, SAID_NOTHING, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "the server refuses the request"},
	{404, NULL, "Project ", NULL, SAID_NOTHING, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
	    no_project},
	{404, NULL, NULL, "find project", SAID_NOTHING, MORTISE_INVALID,
	    MORTISE_REASON_CONFIGURATION, no_project},
	{404, NULL, "Workspace ", NULL, SAID_NOTHING, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
	    no_project},
	{404, NULL, "Environment ", NULL, SAID_NOTHING, MORTISE_INVALID,
	    MORTISE_REASON_CONFIGURATION, no_environment},
	{404, NULL, "Folder ", NULL, SAID_NO_FOLDER, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
	    no_folder},
	{404, NULL, "Parent folder ", NULL, SAID_NO_FOLDER, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
	    no_folder},
	{404, NULL, "Secret ", NULL, SAID_NO_SECRET, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
	    no_secret},
	{404, NULL, "Secrets ", NULL, SAID_NO_SECRET, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
	    no_secret},
	{422, NULL, NULL, NULL, SAID_NOTHING, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "the server refuses the request; see project-id and environment, and how long it is"},
	{429, NULL, NULL, NULL, SAID_NOTHING, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
	    "the server takes no more requests of this address for a while"},
};

/* Texts of a server that refuses a whole form are an array. */
static const char *
text_of(const json_t *tree, const char *member)
{
	const char *text = json_string_of(tree, member);

	return text == NULL ? "" : text;
}

const struct meaning *
meaning_of(int status, const json_t *tree)
{
	const char *error = text_of(tree, "error"), *message = text_of(tree, "message");

	if (status >= 200 && status < 300)
		return NULL;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		const struct meaning *one = &meanings[i];

		if ((one->status == 0 || one->status == status) &&
		    (one->error == NULL || strcmp(error, one->error) == 0) &&
		    (one->begins == NULL ||
		    strncmp(message, one->begins, strlen(one->begins)) == 0) &&
		    (one->has == NULL || strstr(message, one->has) != NULL))
			return one;
	}
	return NULL;
}

int64_t
meaning_wait_ms(const json_t *tree)
{
	static const char words[] = "try again in ";
	const char *at = strstr(text_of(tree, "message"), words);
	long seconds;
	char *end;

	if (at == NULL)
		return 0;
	at += strlen(words);
	seconds = strtol(at, &end, 10);
	if (end == at || seconds <= 0 || seconds > 100000)
		return 0;
	return (int64_t)seconds * (strncmp(end, " minute", 7) == 0 ? 60000 : 1000);
}

/* --- a secret ----------------------------------------------------------------------- */

enum mortise_code
is_done(const struct infisical *infisical, struct mortise_call *call, const json_t *tree,
    const char *what)
{
	if (json_is_object(json_object_get(tree, "secret")))
		return MORTISE_OK;
	if (!json_is_object(json_object_get(tree, "approval")))
		return infisical_strange(infisical, call, what);
	return infisical->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
	    "%s is under a change policy of the project: the change is not done, and waits for "
	    "somebody to approve it", what);
}

enum mortise_code
kept_of(const struct infisical *infisical, struct mortise_call *call, const json_t *tree,
    const char *what, struct kept *kept)
{
	const json_t *secret = json_object_get(tree, "secret"), *value;
	enum mortise_code code = is_done(infisical, call, tree, what);

	*kept = (struct kept){0};
	if (code != MORTISE_OK)
		return code;
	kept->version = json_integer_value(json_object_get(secret, "version"));
	if (kept->version <= 0)
		return infisical_strange(infisical, call, what);
	value = json_object_get(secret, "secretValue");
	if (json_is_string(value) && !json_is_true(json_object_get(secret, "secretValueHidden"))) {
		kept->text = json_string_value(value);
		kept->size = json_string_length(value);
	}
	kept->id = json_string_of(secret, "id");
	kept->labels = json_object_get(secret, "secretMetadata");
	kept->created_ms = json_time_of(json_object_get(secret, "createdAt"));
	kept->updated_ms = json_time_of(json_object_get(secret, "updatedAt"));
	return MORTISE_OK;
}

enum mortise_code
kept_value(const struct infisical *infisical, struct mortise_call *call, const struct kept *kept,
    const char *what, struct mortise_secret **value)
{
	enum mortise_code code = kept->text == NULL ? MORTISE_DENIED :
	    marker_value(infisical->host, kept->text, kept->size, value);

	if (code == MORTISE_DENIED)
		return infisical->host->fail(call, code, MORTISE_REASON_NONE, "the value of %s is "
		    "hidden: the identity may not read values; see its role in the project", what);
	if (code == MORTISE_ERROR)
		return infisical_no_memory(infisical, call);
	return code == MORTISE_OK ? code : infisical->host->fail(call, code, MORTISE_REASON_NONE,
	    "what is kept begins with " MARKER ", and is no base64 behind that");
}

/* --- what it cannot keep ------------------------------------------------------------ */

/* What JavaScript's trim takes away, in UTF-8. */
static const char *const blanks[] = {"\t", "\n", "\v", "\f", "\r", " ", "\u00a0", "\u1680",
    "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008",
    "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff"};

bool
blank_ended(const char *bytes, size_t size)
{
	for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
		size_t n = strlen(blanks[i]);

		if (n <= size && (memcmp(bytes, blanks[i], n) == 0 ||
		    memcmp(bytes + size - n, blanks[i], n) == 0))
			return true;
	}
	return false;
}

/* "${": a reference to another secret, which must be there for a put, and which others
 * that read with references see in its place. */
bool
needs_marker(const char *bytes, size_t size)
{
	size_t most = size > 1 && bytes[size - 1] == '\n' ? size - 1 : size;

	if (size == 0 || !text_is_utf8(bytes, size) || memchr(bytes, '\0', size) != NULL ||
	    blank_ended(bytes, most))
		return true;
	for (size_t i = 0; i + 1 < size; i++) {
		if (bytes[i] == '$' && bytes[i + 1] == '{')
			return true;
	}
	return marker_begins(bytes, size);
}

/* --- a list ------------------------------------------------------------------------- */

enum mortise_code
kept_names(const struct infisical *infisical, struct mortise_call *call, const json_t *tree,
    const char *folder, const char *prefix, struct mortise_out *out)
{
	const json_t *secrets = json_object_get(tree, "secrets"), *one;
	enum mortise_code code = MORTISE_OK;
	size_t i;

	if (!json_is_array(secrets))
		return infisical_strange(infisical, call, "the list");
	json_array_foreach(secrets, i, one) {
		const char *key = json_string_of(one, "secretKey"), *type = json_string_of(one, "type"),
		    *path = json_string_of(one, "secretPath");
		char name[MORTISE_NAME_MAX + 1];

		/* Somebody's own version of a secret has the same name. */
		if (code == MORTISE_OK && key != NULL &&
		    (type == NULL || strcmp(type, "shared") == 0) &&
		    name_join(infisical->base, path == NULL ? folder : path, key, name) &&
		    strncmp(name, prefix, strlen(prefix)) == 0)
			code = infisical->host->add_name(out, name);
	}
	return code;
}
