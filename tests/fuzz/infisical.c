/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a server answers, to the plugin infisical: a line that is a status, and the answer
 * behind it.  And names as folders and back, with the same bytes as a folder, and as a value.
 */
#include "fuzz.h"

#include "backend/backend.h"
#include "base/error.h"
#include "base/log.h"
#include "plugins/infisical/infisical.h"
#include "secmem/secret.h"

struct names {
	const struct infisical *infisical;
	size_t count;
};

/* Each is a name that is asked for where it was found. */
static enum mortise_code
take_name(void *arg, const char *name)
{
	struct names *names = arg;
	char folder[FOLDER_SIZE], back[MORTISE_NAME_MAX + 1];
	const char *key;

	names->count++;
	MUST(name_split(names->infisical->base, name, folder, &key));
	MUST(name_join(names->infisical->base, folder, key, back));
	MUST(strcmp(name, back) == 0);
	return MORTISE_OK;
}

/* Two folders are never the same name's. */
static void
try_folder(const struct infisical *infisical, const char *folder)
{
	char name[MORTISE_NAME_MAX + 1], again[FOLDER_SIZE];
	const char *key;

	if (!name_join(infisical->base, folder, "k", name))
		return;
	MUST(name_split(infisical->base, name, again, &key));
	MUST(strcmp(key, "k") == 0);
	MUST(strncmp(folder, again, strlen(again)) == 0);
	MUST(strspn(folder + strlen(again), "/") == strlen(folder + strlen(again)));
}

static void
try_meaning(int status, const json_t *tree)
{
	const struct meaning *meaning = meaning_of(status, tree);

	MUST(meaning == NULL || (meaning->code != MORTISE_OK && meaning->words != NULL));
	MUST(meaning_wait_ms(tree) >= 0);
}

/* What goes out comes back: by the marker, or because it is kept as it is. */
static void
try_value(const struct infisical *infisical, struct mortise_call *call,
    const struct mortise_secret *value)
{
	const struct mortise_host *host = infisical->host;
	static const char begin[] = "{\"secret\":{\"version\":1,\"secretValue\":\"";
	struct mortise_secret *body = secret_from(begin, strlen(begin)), *back = NULL;
	struct kept kept;
	size_t size;
	const char *bytes = mortise_secret_peek(value, &size);
	json_t *tree;

	MUST(body != NULL &&
	    marker_append(host, body, value, needs_marker(bytes, size)) == MORTISE_OK);
	MUST(host->secret_append(body, "\"}}", 3) == MORTISE_OK);
	tree = json_of(host, body);
	MUST(tree != NULL && kept_of(infisical, call, tree, "x", &kept) == MORTISE_OK);
	MUST(kept.size > 0 && !blank_ended(kept.text, kept.text[kept.size - 1] == '\n' ?
	    kept.size - 1 : kept.size));
	MUST(kept_value(infisical, call, &kept, "x", &back) == MORTISE_OK);
	MUST(mortise_secret_equal(back, value));
	json_forget(tree);
	mortise_secret_free(back);
	mortise_secret_free(body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct logger silent;
	static char base[] = "/a/b_-d";
	struct mortise_error error = {0};
	struct mortise_call call = {.error = &error, .logger = &silent};
	const struct infisical infisical = {.host = backend_host(), .base = base};
	const uint8_t *lf = memchr(bytes, '\n', size);
	size_t length = lf == NULL ? 0 : (size_t)(lf - bytes) + 1;
	struct names names = {.infisical = &infisical};
	struct mortise_out out = {.name = take_name, .arg = &names};
	struct mortise_secret *body = secret_from(bytes + length, size - length), *value = NULL;
	struct kept kept;
	char line[1024];
	json_t *tree;

	if (body == NULL)
		return 0;
	(void)snprintf(line, sizeof(line), "%.*s", (int)(length < 1000 ? length : 1000),
	    (const char *)bytes);
	line[strcspn(line, "\n")] = '\0';
	try_folder(&infisical, line);
	tree = json_of(infisical.host, body);
	try_meaning((int)strtol(line, NULL, 10) % 1000, tree);
	if (kept_of(&infisical, &call, tree, "x", &kept) == MORTISE_OK) {
		MUST(kept.version > 0);
		if (kept_value(&infisical, &call, &kept, "x", &value) == MORTISE_OK)
			MUST(value != NULL && kept.text != NULL);
	}
	(void)kept_names(&infisical, &call, tree, "/a/b_-d/c", "c/", &out);
	(void)kept_names(&infisical, &call, tree, "/a/b_-d", "", &out);
	try_value(&infisical, &call, body);
	mortise_secret_free(value);
	mortise_secret_free(body);
	json_forget(tree);
	return 0;
}
