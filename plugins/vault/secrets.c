/* SPDX-License-Identifier: BSD-2-Clause */
/* get, put, delete, list. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault.h"

#define LABELS_MAX 64
#define LABEL_NAME_MAX 128
#define LABEL_VALUE_MAX 512

/* --- get ---------------------------------------------------------------------------- */

static enum mortise_code
get_versioned(struct vault *vault, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found)
{
	char path[PATH_SIZE];
	struct vault_request request = {.method = "GET", .path = path, .what = name};
	struct vault_answer answer = {0};
	int64_t number = version == NULL ? 0 : version_number(version), got;
	enum mortise_code code = mount_path(vault, call, "data", name, path);

	if (code == MORTISE_OK && version != NULL && number == 0)
		return vault->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "%s has no version of that name; they are 1, 2 and so on", name);
	if (code == MORTISE_OK && version != NULL)
		(void)snprintf(path + strlen(path), PATH_SIZE - strlen(path), "?version=%" PRId64,
		    number);
	if (code == MORTISE_OK)
		code = vault_ask(vault, call, &request, &answer);
	got = code != MORTISE_OK ? 0 :
	    json_integer_value(json_object_get(answer_data(&answer, "metadata"), "version"));
	if (code == MORTISE_OK && (got <= 0 || (number != 0 && got != number)))
		code = vault_strange(vault, call, name);
	else if (code == MORTISE_OK && !json_is_object(answer_data(&answer, "data")))
		code = vault->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "%s is there, but has no fields", name);
	if (code == MORTISE_OK)
		code = fields_value(vault, call, answer_data(&answer, "data"), value);
	if (code == MORTISE_OK)
		version_text(found, got);
	answer_forget(&answer);
	return code;
}

static enum mortise_code
get_plain(struct vault *vault, struct mortise_call *call, const char *name,
    struct mortise_secret **value)
{
	char path[PATH_SIZE];
	struct vault_request request = {.method = "GET", .path = path, .what = name};
	struct vault_answer answer = {0};
	const json_t *fields;
	enum mortise_code code = mount_path(vault, call, "", name, path);

	if (code == MORTISE_OK)
		code = vault_ask(vault, call, &request, &answer);
	fields = json_object_get(answer.tree, "data");
	if (code == MORTISE_OK)
		code = json_is_object(fields) ? fields_value(vault, call, fields, value) :
		    vault_strange(vault, call, name);
	answer_forget(&answer);
	return code;
}

static enum mortise_code
vault_get(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found)
{
	struct vault *vault = instance;
	int kv;
	enum mortise_code code = mount_version(vault, call, &kv);

	found->text[0] = '\0';
	if (code != MORTISE_OK)
		return code;
	if (kv == 2)
		return get_versioned(vault, call, name, version, value, found);
	return version == NULL ? get_plain(vault, call, name, value) :
	    vault->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
	    "a KV mount of version 1 keeps no versions; ask for the newest");
}

/* What came of a read before a write: nothing was sent yet that could be in doubt. */
static enum mortise_code
before_write(const struct vault *vault, struct mortise_call *call, const char *name,
    enum mortise_code code)
{
	return code != MORTISE_TIMEOUT ? code : vault->host->fail(call, MORTISE_UNAVAILABLE,
	    MORTISE_REASON_NONE, "%s was to be read before it is written, and there was no answer "
	    "in time", name);
}

/* --- put ---------------------------------------------------------------------------- */

static enum mortise_code
check_labels(const struct vault *vault, struct mortise_call *call,
    const struct mortise_secret_put *put)
{
	bool fit = put->labels_count <= LABELS_MAX;

	for (size_t i = 0; fit && i < put->labels_count; i++)
		fit = strlen(put->labels[i].name) <= LABEL_NAME_MAX &&
		    strlen(put->labels[i].value) <= LABEL_VALUE_MAX;
	return fit ? MORTISE_OK : vault->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "Vault takes %d labels, with names of %d bytes and values of %d", LABELS_MAX,
	    LABEL_NAME_MAX, LABEL_VALUE_MAX);
}

/* A step of its own.  Of a new name before the value, so that no value is ever without its
 * labels; else after it, so that a put that is refused changes none. */
static enum mortise_code
put_labels(struct vault *vault, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *put, bool after)
{
	char path[PATH_SIZE];
	struct vault_request request = {.method = "POST", .path = path, .what = name};
	struct vault_answer answer = {0};
	json_t *labels = json_object(), *tree = json_object();
	struct mortise_secret *body = NULL;
	bool good = labels != NULL && tree != NULL;
	enum mortise_code code = mount_path(vault, call, "metadata", name, path);

	for (size_t i = 0; good && i < put->labels_count; i++)
		good = json_object_set_new(labels, put->labels[i].name,
		    json_string(put->labels[i].value)) == 0;
	good = good && json_object_set(tree, "custom_metadata", labels) == 0;
	if (good)
		body = json_secret(vault->host, tree);
	if (code == MORTISE_OK && body == NULL)
		code = vault_no_memory(vault, call);
	request.body = body;
	if (code == MORTISE_OK)
		code = vault_ask(vault, call, &request, &answer);
	if (code != MORTISE_OK && after)
		code = vault->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "%s has its new value, but not the labels: HTTP status %d; may the token write "
		    "metadata?", name, answer.status);
	answer_forget(&answer);
	vault->host->secret_free(body);
	json_decref(tree);
	json_decref(labels);
	return code;
}

static enum mortise_code
check_conditions(const struct vault *vault, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *put, const struct newest *newest)
{
	const struct mortise_host *host = vault->host;
	struct mortise_version there;

	version_text(&there, newest->fields == NULL ? 0 : newest->version);
	if (put->only_if_absent && newest->fields != NULL)
		return host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_NONE, "%s is there already",
		    name);
	if (put->only_if != NULL && strcmp(put->only_if->text, there.text) != 0)
		return host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "the newest version of %s is %s", name, there.text[0] == '\0' ? "none" :
		    there.text);
	if (!vault->replace && fields_foreign(vault, newest->fields))
		return host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "%s has other fields than \"%s\", which a put would remove; give the backend "
		    "`replace: true` if that is right", name, vault->field);
	return MORTISE_OK;
}

/* A put whose answer was lost is done if the next version has our bytes. */
static enum mortise_code
look_after(struct vault *vault, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *put, int64_t version)
{
	struct newest newest;
	struct mortise_secret *kept = NULL;
	enum mortise_code code = newest_read(vault, call, name, &newest);
	bool ours = code == MORTISE_OK && newest.fields != NULL && newest.version == version &&
	    !fields_foreign(vault, newest.fields) &&
	    fields_value(vault, call, newest.fields, &kept) == MORTISE_OK &&
	    secret_same(vault->host, kept, put->value);

	vault->host->secret_free(kept);
	answer_forget(&newest.answer);
	return ours ? MORTISE_OK : vault->host->fail(call, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
	    "the put of %s was not answered; it may have had its effect", name);
}

/* The write itself, on the version that was read. */
static enum mortise_code
put_on(struct vault *vault, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *put, int64_t version, struct mortise_receipt *receipt)
{
	char path[PATH_SIZE];
	struct vault_request request = {.method = "POST", .path = path, .what = name};
	struct vault_answer answer = {0};
	struct mortise_secret *body = fields_body(vault, put->value, version);
	int64_t made = 0;
	enum mortise_code code = body == NULL ? vault_no_memory(vault, call) :
	    mount_path(vault, call, "data", name, path);

	request.body = body;
	if (code == MORTISE_OK) {
		code = vault_ask(vault, call, &request, &answer);
		made = json_integer_value(answer_data(&answer, "version"));
	}
	if (code == MORTISE_TIMEOUT || code == MORTISE_ERROR) {
		enum mortise_code after = body == NULL ? code :
		    look_after(vault, call, name, put, version + 1);

		made = version + 1;
		code = after == MORTISE_OK ? after : code;
	} else if (code == MORTISE_OK && made <= 0)
		code = vault_strange(vault, call, name);
	if (code == MORTISE_OK)
		version_text(&receipt->made, made);
	answer_forget(&answer);
	vault->host->secret_free(body);
	return code;
}

static enum mortise_code
put_versioned(struct vault *vault, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *put, struct mortise_receipt *receipt)
{
	bool conditional = put->only_if_absent || put->only_if != NULL;
	enum mortise_code code = check_labels(vault, call, put);
	bool lost = true, labelled = put->labels == NULL;

	/* Who has no condition tries again where somebody else was faster. */
	for (int tried = 0; code == MORTISE_OK && lost; tried++) {
		struct newest newest;
		int64_t version;

		code = before_write(vault, call, name, newest_read(vault, call, name, &newest));
		if (code == MORTISE_OK)
			code = check_conditions(vault, call, name, put, &newest);
		version = newest.version;
		receipt->existed = newest.fields != NULL;
		version_text(&receipt->before, newest.fields == NULL ? 0 : version);
		answer_forget(&newest.answer);
		if (code == MORTISE_OK && !labelled && newest.version == 0) {
			code = put_labels(vault, call, name, put, false);
			labelled = true;
		}
		if (code != MORTISE_OK)
			return code;
		code = put_on(vault, call, name, put, version, receipt);
		lost = code == MORTISE_CONFLICT && !conditional &&
		    mortise_http_pause(vault->host, call, tried, 0);
		if (lost)
			code = MORTISE_OK;
	}
	if (code == MORTISE_OK && !labelled)
		code = put_labels(vault, call, name, put, true);
	return code;
}

/* Without versions there is nothing to compare with, and nothing to go back to. */
static enum mortise_code
put_plain(struct vault *vault, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *put)
{
	const struct mortise_host *host = vault->host;
	char path[PATH_SIZE];
	struct vault_request request = {.method = "GET", .path = path, .what = name};
	struct vault_answer answer = {0};
	struct mortise_secret *body = NULL;
	enum mortise_code code = mount_path(vault, call, "", name, path);

	if (put->labels != NULL || put->only_if_absent || put->only_if != NULL)
		return host->fail(call, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "a KV mount of version 1 has no labels, and compares nothing; put without");
	if (code == MORTISE_OK && !vault->replace) {
		code = before_write(vault, call, name, vault_ask(vault, call, &request, &answer));
		if (code == MORTISE_NOT_FOUND)
			code = MORTISE_OK;
		else if (code == MORTISE_OK &&
		    fields_foreign(vault, json_object_get(answer.tree, "data")))
			code = host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
			    "%s has other fields than \"%s\", which a put would remove; give the "
			    "backend `replace: true` if that is right", name, vault->field);
		answer_forget(&answer);
	}
	if (code == MORTISE_OK && (body = fields_body(vault, put->value, -1)) == NULL)
		code = vault_no_memory(vault, call);
	request.method = "POST";
	request.body = body;
	if (code == MORTISE_OK)
		code = vault_ask(vault, call, &request, &answer);
	answer_forget(&answer);
	host->secret_free(body);
	return code;
}

static enum mortise_code
vault_put(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *put, struct mortise_receipt *receipt)
{
	struct vault *vault = instance;
	int kv;
	enum mortise_code code = mount_version(vault, call, &kv);

	if (code != MORTISE_OK)
		return code;
	return kv == 2 ? put_versioned(vault, call, name, put, receipt) :
	    put_plain(vault, call, name, put);
}

/* --- delete ------------------------------------------------------------------------- */

/* The newest version alone is marked, and can be undeleted: how long, the mount says. */
static enum mortise_code
remove_softly(struct vault *vault, struct mortise_call *call, const char *name)
{
	char path[PATH_SIZE];
	struct vault_request request = {.method = "DELETE", .path = path, .what = name};
	struct vault_answer answer = {0};
	struct newest newest;
	enum mortise_code code = before_write(vault, call, name, newest_read(vault, call, name,
	    &newest));
	bool there = newest.fields != NULL;

	answer_forget(&newest.answer);
	if (code == MORTISE_OK && !there)
		code = vault->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "%s is not there", name);
	if (code == MORTISE_OK)
		code = mount_path(vault, call, "data", name, path);
	if (code == MORTISE_OK)
		code = vault_ask(vault, call, &request, &answer);
	answer_forget(&answer);
	return code;
}

/* The server says 204 of nothing, too: so it is asked before. */
static enum mortise_code
vault_remove(void *instance, struct mortise_call *call, const char *name)
{
	struct vault *vault = instance;
	char path[PATH_SIZE];
	struct vault_request request = {.method = "GET", .path = path, .what = name};
	struct vault_answer answer = {0};
	int kv;
	enum mortise_code code = mount_version(vault, call, &kv);

	if (code == MORTISE_OK && vault->host->recoverable_days(call) > 0)
		return kv == 2 ? remove_softly(vault, call, name) :
		    vault->host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "a KV mount of version 1 keeps nothing that is deleted; remove `recoverable`");
	if (code == MORTISE_OK)
		code = mount_path(vault, call, kv == 2 ? "metadata" : "", name, path);
	if (code == MORTISE_OK)
		code = before_write(vault, call, name, vault_ask(vault, call, &request, &answer));
	answer_forget(&answer);
	request.method = "DELETE";
	if (code == MORTISE_OK)
		code = vault_ask(vault, call, &request, &answer);
	answer_forget(&answer);
	return code;
}

/* --- list --------------------------------------------------------------------------- */

struct walk {
	struct vault *vault;
	struct mortise_call *call;
	const char *part, *prefix;	/* "metadata" or ""; what is asked for */
	struct mortise_out *out;
};

static enum mortise_code walk_folder(const struct walk *, const char *folder);

/* Names that others made may be none of ours: those cannot be asked for. */
static bool
is_name(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= MORTISE_NAME_MAX && name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/")] == '\0';
}

/* Below or above the prefix, as far as both go. */
static bool
may_match(const char *name, const char *prefix)
{
	size_t n = strlen(name), p = strlen(prefix);

	return strncmp(name, prefix, n < p ? n : p) == 0;
}

static enum mortise_code
walk_key(const struct walk *walk, const char *folder, const char *key)
{
	char name[MORTISE_NAME_MAX + 2];
	int length = snprintf(name, sizeof(name), "%s%s", folder, key);

	if (length <= 0 || (size_t)length >= sizeof(name) || key[0] == '/' || !is_name(name) || !may_match(name, walk->prefix))
		return MORTISE_OK;
	return name[length - 1] == '/' ? walk_folder(walk, name) :
	    walk->vault->host->add_name(walk->out, name);
}

/* folder: "" or "a/b/".  Each goes deeper by a byte at least, so that a name's length
 * ends it. */
static enum mortise_code
walk_folder(const struct walk *walk, const char *folder)
{
	char path[PATH_SIZE];
	struct vault_request request = {.method = "GET", .path = path, .what = "the list"};
	struct vault_answer answer = {0};
	const json_t *keys, *key;
	size_t i;
	enum mortise_code code = mount_path(walk->vault, walk->call, walk->part, folder, path);

	if (code != MORTISE_OK)
		return code;
	if (path[strlen(path) - 1] == '/')
		path[strlen(path) - 1] = '\0';
	(void)snprintf(path + strlen(path), PATH_SIZE - strlen(path), "?list=true");
	code = vault_ask(walk->vault, walk->call, &request, &answer);
	keys = answer_data(&answer, "keys");
	if (code == MORTISE_NOT_FOUND)
		code = MORTISE_OK;
	else if (code == MORTISE_OK && !json_is_array(keys))
		code = vault_strange(walk->vault, walk->call, "the list");
	json_array_foreach(keys, i, key) {
		if (code == MORTISE_OK && json_is_string(key))
			code = walk_key(walk, folder, json_string_value(key));
	}
	answer_forget(&answer);
	return code;
}

static enum mortise_code
vault_list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	struct vault *vault = instance;
	struct walk walk = {.vault = vault, .call = call, .prefix = prefix, .out = out};
	const char *slash = strrchr(prefix, '/');
	char folder[MORTISE_NAME_MAX + 2] = "";
	int kv;
	enum mortise_code code = mount_version(vault, call, &kv);

	(void)cursor;
	if (code != MORTISE_OK)
		return code;
	walk.part = kv == 2 ? "metadata" : "";
	if (slash != NULL && (size_t)(slash - prefix) + 1 < sizeof(folder))
		(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - prefix + 1), prefix);
	return walk_folder(&walk, folder);
}

const struct mortise_secret_ops vault_secret_ops = {
	.size = sizeof(vault_secret_ops),
	.get = vault_get,
	.put = vault_put,
	.remove = vault_remove,
	.list = vault_list,
	.describe = vault_describe,
	.undo = vault_undo,
};
