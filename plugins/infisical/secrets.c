/* SPDX-License-Identifier: BSD-2-Clause */
/* get, delete, list. */
#include <stdio.h>
#include <string.h>

#include "infisical.h"

static enum mortise_code
infisical_get(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found)
{
	struct infisical *infisical = instance;
	int64_t number = version == NULL ? 0 : version_number(version);
	struct infisical_answer answer = {0};
	struct kept kept;
	enum mortise_code code;

	found->text[0] = '\0';
	if (version != NULL && number == 0)
		return infisical->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "%s has no version of that name; they are 1, 2 and so on", name);
	code = infisical_read(infisical, call, name, number, false, &answer, &kept);
	if (code == MORTISE_OK)
		code = kept_value(infisical, call, &kept, name, value);
	if (code == MORTISE_OK)
		version_text(found, kept.version);
	answer_forget(&answer);
	return code;
}

/* The answer has the value that was; it is wiped, and nobody looks. */
enum mortise_code
infisical_remove(void *instance, struct mortise_call *call, const char *name)
{
	const struct secret_request request = {.method = "DELETE", .name = name};
	struct infisical_answer answer = {0};
	enum mortise_code code = secret_ask(instance, call, &request, &answer);

	if (code == MORTISE_OK)
		code = is_done(instance, call, answer.tree, name);
	answer_forget(&answer);
	return code;
}

/* All at once; from the deepest folder that the prefix names. */
static enum mortise_code
infisical_list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	struct infisical *infisical = instance;
	char folder[FOLDER_SIZE];
	const char *rest;
	struct secret_request request = {.method = "GET", .folder = folder, .unseen = true};
	struct infisical_answer answer = {0};
	enum mortise_code code;

	(void)cursor;
	if (!name_split(infisical->base, prefix, folder, &rest))
		return infisical->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the prefix is too long");
	code = secret_ask(infisical, call, &request, &answer);
	if (code == MORTISE_NOT_FOUND)
		code = MORTISE_OK;
	else if (code == MORTISE_OK)
		code = kept_names(infisical, call, answer.tree, folder, prefix, out);
	answer_forget(&answer);
	return code;
}

const struct mortise_secret_ops infisical_secret_ops = {
	.size = sizeof(infisical_secret_ops),
	.get = infisical_get,
	.put = infisical_put,
	.remove = infisical_remove,
	.list = infisical_list,
	.describe = infisical_describe,
	.undo = infisical_undo,
};
