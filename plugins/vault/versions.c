/* SPDX-License-Identifier: BSD-2-Clause */
/* describe, undo: what only a mount of version 2 has. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault.h"

/* A deleted newest version is answered by 404 and its number. */
enum mortise_code
newest_read(struct vault *vault, struct mortise_call *call, const char *name,
    struct newest *newest)
{
	char path[PATH_SIZE];
	struct vault_request request = {.method = "GET", .path = path, .what = name};
	enum mortise_code code = mount_path(vault, call, "data", name, path);

	*newest = (struct newest){0};
	if (code == MORTISE_OK)
		code = vault_ask(vault, call, &request, &newest->answer);
	if (code != MORTISE_OK && code != MORTISE_NOT_FOUND)
		return code;
	newest->version = json_integer_value(json_object_get(answer_data(&newest->answer,
	    "metadata"), "version"));
	if (code == MORTISE_OK && newest->version <= 0)
		return vault_strange(vault, call, name);
	if (code == MORTISE_OK && json_is_object(answer_data(&newest->answer, "data")))
		newest->fields = answer_data(&newest->answer, "data");
	return MORTISE_OK;
}

static enum mortise_code
needs_versions(const struct vault *vault, struct mortise_call *call)
{
	return vault->host->fail(call, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
	    "a KV mount of version 1 keeps no versions; `vault kv enable-versioning` makes them");
}

/* --- describe ----------------------------------------------------------------------- */

static enum mortise_code
add_version(const struct vault *vault, struct mortise_out *out, int64_t number,
    const json_t *version)
{
	struct mortise_history history = {.size = sizeof(history),
	    .created_ms = json_time_of(json_object_get(version, "created_time")),
	    .deleted_ms = json_time_of(json_object_get(version, "deletion_time")),
	    .destroyed = json_is_true(json_object_get(version, "destroyed"))};

	/* A time to come is when it will be deleted: it is readable until then. */
	if (history.deleted_ms > json_now())
		history.deleted_ms = 0;
	version_text(&history.version, number);
	return vault->host->add_history(out, &history);
}

static enum mortise_code
add_labels(const struct vault *vault, struct mortise_call *call, struct mortise_out *out,
    json_t *labels)
{
	struct mortise_pair *pairs = calloc(json_object_size(labels) + 1, sizeof(*pairs));
	const char *key;
	json_t *value;
	size_t count = 0;
	enum mortise_code code;

	if (pairs == NULL)
		return vault_no_memory(vault, call);
	json_object_foreach(labels, key, value) {
		if (json_is_string(value))
			pairs[count++] = (struct mortise_pair){key, json_string_value(value)};
	}
	code = vault->host->add_row(out, pairs, count);
	free(pairs);
	return code;
}

enum mortise_code
vault_describe(void *instance, struct mortise_call *call, const char *name,
    struct mortise_out *out)
{
	struct vault *vault = instance;
	char path[PATH_SIZE], key[24];
	struct vault_request request = {.method = "GET", .path = path, .what = name};
	struct vault_answer answer = {0};
	int kv;
	enum mortise_code code = mount_version(vault, call, &kv);

	if (code == MORTISE_OK && kv != 2)
		return needs_versions(vault, call);
	if (code == MORTISE_OK)
		code = mount_path(vault, call, "metadata", name, path);
	if (code == MORTISE_OK)
		code = vault_ask(vault, call, &request, &answer);
	if (code == MORTISE_OK) {
		const json_t *versions = answer_data(&answer, "versions");
		int64_t newest = json_integer_value(answer_data(&answer, "current_version"));
		int64_t left = (int64_t)json_object_size(versions);

		for (int64_t i = newest; code == MORTISE_OK && i > 0 && left > 0; i--) {
			const json_t *version;

			(void)snprintf(key, sizeof(key), "%" PRId64, i);
			version = json_object_get(versions, key);
			/* They are numbered without gaps; what is older was pruned. */
			if (version == NULL)
				break;
			code = add_version(vault, out, i, version);
			left--;
		}
		if (code == MORTISE_OK)
			code = add_labels(vault, call, out, answer_data(&answer, "custom_metadata"));
	}
	answer_forget(&answer);
	return code;
}

/* --- undo --------------------------------------------------------------------------- */

/* Is the newest version the one that the put made, or has what it was to write? */
static bool
is_ours(const struct vault *vault, struct mortise_call *call, const struct newest *newest,
    const struct mortise_receipt *receipt, const struct mortise_secret *written)
{
	int64_t made = version_number(&receipt->made);
	struct mortise_secret *kept = NULL;
	bool same;

	/* Where it is not known what was there, nothing was sent. */
	if (newest->fields == NULL || receipt->existed < 0 || (made != 0 && newest->version != made))
		return false;
	if (made != 0)
		return true;
	if (newest->version <= version_number(&receipt->before) ||
	    fields_foreign(vault, newest->fields) ||
	    fields_value(vault, call, newest->fields, &kept) != MORTISE_OK)
		return false;
	same = secret_same(vault->host, kept, written);
	vault->host->secret_free(kept);
	return same;
}

/* The fields of an older version as the newest, if nobody else was there meanwhile. */
static enum mortise_code
write_back(struct vault *vault, struct mortise_call *call, const char *name, int64_t old,
    int64_t newest)
{
	char path[PATH_SIZE];
	struct vault_request request = {.method = "GET", .path = path, .what = name};
	struct vault_answer answer = {0};
	struct mortise_secret *body = NULL;
	json_t *tree = NULL;
	size_t length;
	enum mortise_code code = mount_path(vault, call, "data", name, path);

	if (code != MORTISE_OK)
		return code;
	length = strlen(path);
	(void)snprintf(path + length, PATH_SIZE - length, "?version=%" PRId64, old);
	code = vault_ask(vault, call, &request, &answer);
	if (code == MORTISE_OK) {
		tree = json_pack("{s:O,s:{s:I}}", "data", answer_data(&answer, "data"), "options",
		    "cas", (json_int_t)newest);
		body = tree == NULL ? NULL : json_secret(vault->host, tree);
		if (body == NULL)
			code = vault_no_memory(vault, call);
	}
	json_decref(tree);
	answer_forget(&answer);
	path[length] = '\0';
	request.method = "POST";
	request.body = body;
	if (code == MORTISE_OK)
		code = vault_ask(vault, call, &request, &answer);
	answer_forget(&answer);
	vault->host->secret_free(body);
	return code;
}

static enum mortise_code
destroy(struct vault *vault, struct mortise_call *call, const char *name, int64_t version)
{
	char path[PATH_SIZE], text[64];
	struct vault_request request = {.method = "POST", .path = path, .what = name};
	struct vault_answer answer = {0};
	struct mortise_secret *body = vault->host->secret_new(0);
	enum mortise_code code = body == NULL ? vault_no_memory(vault, call) :
	    mount_path(vault, call, "destroy", name, path);

	(void)snprintf(text, sizeof(text), "{\"versions\":[%" PRId64 "]}", version);
	if (code == MORTISE_OK && vault->host->secret_append(body, text, strlen(text)) != MORTISE_OK)
		code = vault_no_memory(vault, call);
	request.body = body;
	if (code == MORTISE_OK)
		code = vault_ask(vault, call, &request, &answer);
	answer_forget(&answer);
	vault->host->secret_free(body);
	return code;
}

enum mortise_code
vault_undo(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_receipt *receipt, const struct mortise_secret *written)
{
	struct vault *vault = instance;
	int64_t before = version_number(&receipt->before);
	struct newest newest = {0};
	int kv;
	bool superseded = false;
	enum mortise_code code = mount_version(vault, call, &kv);

	if (code == MORTISE_OK && kv != 2)
		return needs_versions(vault, call);
	if (code == MORTISE_OK)
		code = newest_read(vault, call, name, &newest);
	if (code == MORTISE_OK) {
		superseded = !is_ours(vault, call, &newest, receipt, written);
		if (!superseded && receipt->existed == 1 && before > 0) {
			code = write_back(vault, call, name, before, newest.version);
			superseded = code == MORTISE_CONFLICT;
		}
	}
	if (superseded)
		code = vault->host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_SUPERSEDED,
		    "%s was written since, and was left as it is", name);
	else if (code == MORTISE_OK)
		code = destroy(vault, call, name, newest.version);
	answer_forget(&newest.answer);
	return code;
}
