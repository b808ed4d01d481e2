/* SPDX-License-Identifier: BSD-2-Clause */
/* get, delete, list. */
#include <stdio.h>
#include <string.h>

#include "aws.h"

#define PAGES_MAX 10000

void
version_set(struct mortise_version *version, const char *text)
{
	(void)snprintf(version->text, sizeof(version->text), "%s", text == NULL ? "" : text);
}

/* --- get ---------------------------------------------------------------------------- */

/* What was put as bytes comes back in base64. */
static enum mortise_code
take_value(const struct aws *aws, struct mortise_call *call, const json_t *tree,
    const char *name, struct mortise_secret **value)
{
	const json_t *text = json_object_get(tree, "SecretString");
	const json_t *binary = json_object_get(tree, "SecretBinary");
	enum mortise_code code = MORTISE_OK;

	if (json_is_string(text))
		code = marker_value(aws->host, json_string_value(text), json_string_length(text),
		    value);
	else if (json_is_string(binary)) {
		*value = base64_from(aws->host, json_string_value(binary),
		    json_string_length(binary));
		if (*value == NULL)
			code = MORTISE_INVALID;
	} else
		return aws_strange(aws, call, name);
	return code == MORTISE_OK ? code : code == MORTISE_ERROR ? aws_no_memory(aws, call) :
	    aws->host->fail(call, code, MORTISE_REASON_NONE, "what is kept as %s is no base64 where "
	    "it should be", name);
}

/* A version is what was its put's token. */
static bool
is_version(const char *text)
{
	size_t length = strlen(text);

	return length >= 32 && length <= 64 && text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")] == '\0';
}

static enum mortise_code
aws_get(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found)
{
	struct aws *aws = instance;
	struct aws_answer answer = {0};
	char full[NAME_MAX_AWS + 1];
	struct text_member members[] = {{.name = "SecretId", .text = full},
	    {.name = "VersionId", .text = version == NULL ? NULL : version->text},
	    {.name = "VersionStage", .text = version == NULL ? "AWSCURRENT" : NULL}};
	const char *got;
	enum mortise_code code = aws_name(aws, call, name, full);

	found->text[0] = '\0';
	if (code == MORTISE_OK && version != NULL && !is_version(version->text))
		code = aws->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "%s has no such version", name);
	if (code != MORTISE_OK)
		return code;
	code = aws_ask_members(aws, call, "GetSecretValue", members, 3, false, name, &answer);
	got = json_string_of(answer.tree, "VersionId");
	if (code == MORTISE_OK && (got == NULL || strlen(got) >= sizeof(found->text) ||
	    (version != NULL && strcmp(got, version->text) != 0)))
		code = aws_strange(aws, call, name);
	if (code == MORTISE_OK)
		code = take_value(aws, call, answer.tree, name, value);
	if (code == MORTISE_OK)
		version_set(found, got);
	answer_forget(&answer);
	return code;
}

/* --- delete ------------------------------------------------------------------------- */

/* The version with the stage AWSCURRENT; NULL: none. */
static const char *
current_of(const json_t *tree)
{
	json_t *versions = json_object_get(tree, "VersionIdsToStages"), *stages, *stage;
	const char *version;
	size_t i;

	json_object_foreach(versions, version, stages) {
		json_array_foreach(stages, i, stage) {
			if (json_is_string(stage) && strcmp(json_string_value(stage), "AWSCURRENT") == 0)
				return version;
		}
	}
	return NULL;
}

enum mortise_code
aws_describe_secret(struct aws *aws, struct mortise_call *call, const char *name,
    struct described *described)
{
	char full[NAME_MAX_AWS + 1];
	const struct text_member member = {.name = "SecretId", .text = full};
	enum mortise_code code = aws_name(aws, call, name, full);

	*described = (struct described){0};
	if (code != MORTISE_OK)
		return code;
	code = aws_ask_members(aws, call, "DescribeSecret", &member, 1, false, name,
	    &described->answer);
	if (code == MORTISE_NOT_FOUND)
		return MORTISE_OK;
	if (code != MORTISE_OK)
		return code;
	described->deleted = json_object_get(described->answer.tree, "DeletedDate") != NULL &&
	    !json_is_null(json_object_get(described->answer.tree, "DeletedDate"));
	described->there = !described->deleted;
	described->current = current_of(described->answer.tree);
	described->tags = json_object_get(described->answer.tree, "Tags");
	return MORTISE_OK;
}

enum mortise_code
aws_destroy(struct aws *aws, struct mortise_call *call, const char *name, int days)
{
	char full[NAME_MAX_AWS + 1], force[64] = ",\"ForceDeleteWithoutRecovery\":true}";
	struct aws_answer answer = {0};
	struct mortise_secret *body = aws->host->secret_new(256);
	const struct text_member member = {.name = "SecretId", .text = full};
	enum mortise_code code = aws_name(aws, call, name, full);

	if (days > 0)
		(void)snprintf(force, sizeof(force), ",\"RecoveryWindowInDays\":%d}", days);
	if (body == NULL || aws->host->secret_append(body, "{", 1) != MORTISE_OK ||
	    text_append_members(aws->host, body, &member, 1) != MORTISE_OK ||
	    aws->host->secret_append(body, force, strlen(force)) != MORTISE_OK)
		code = aws_no_memory(aws, call);
	if (code == MORTISE_OK)
		code = aws_ask(aws, call, "DeleteSecret", body, true, name, &answer);
	answer_forget(&answer);
	aws->host->secret_free(body);
	return code;
}

/* Deleted once more it would be well, too: so it is looked at before. */
static enum mortise_code
aws_remove(void *instance, struct mortise_call *call, const char *name)
{
	struct aws *aws = instance;
	struct described described;
	enum mortise_code code = aws_describe_secret(aws, call, name, &described);
	bool there = described.there;

	answer_forget(&described.answer);
	if (code == MORTISE_OK && !there)
		return aws->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "%s is not there", name);
	return code == MORTISE_OK ? aws_destroy(aws, call, name,
	    aws->host->recoverable_days(call)) : code;
}

/* --- list --------------------------------------------------------------------------- */

static enum mortise_code
add_names(const struct aws *aws, const json_t *tree, const char *prefix, struct mortise_out *out)
{
	json_t *list = json_object_get(tree, "SecretList"), *one;
	char name[NAME_MAX_AWS + 1];
	enum mortise_code code = MORTISE_OK;
	size_t i;

	json_array_foreach(list, i, one) {
		/* Their filter is of words, and without regard to case. */
		if (code == MORTISE_OK && aws_name_back(aws, json_string_of(one, "Name"), name) &&
		    strncmp(name, prefix, strlen(prefix)) == 0)
			code = aws->host->add_name(out, name);
	}
	return code;
}

static enum mortise_code
list_body(const struct aws *aws, const char *prefix, const char *next,
    struct mortise_secret **body)
{
	static const char begin[] = "{\"MaxResults\":100";
	static const char filter[] = ",\"Filters\":[{\"Key\":\"name\",\"Values\":[\"";
	static const char token[] = ",\"NextToken\":\"";
	const struct mortise_host *host = aws->host;
	char full[NAME_MAX_AWS + 1];
	int length = snprintf(full, sizeof(full), "%s%s%s", aws->prefix,
	    aws->prefix[0] == '\0' ? "" : "/", prefix);
	enum mortise_code code = MORTISE_OK;

	*body = host->secret_new(512);
	if (*body == NULL || length < 0 || (size_t)length >= sizeof(full))
		return MORTISE_ERROR;
	code = host->secret_append(*body, begin, strlen(begin));
	if (code == MORTISE_OK && length > 0) {
		code = host->secret_append(*body, filter, strlen(filter));
		if (code == MORTISE_OK)
			code = text_append_json(host, *body, full, (size_t)length);
		if (code == MORTISE_OK)
			code = host->secret_append(*body, "\"]}]", 4);
	}
	if (code == MORTISE_OK && next != NULL) {
		code = host->secret_append(*body, token, strlen(token));
		if (code == MORTISE_OK)
			code = text_append_json(host, *body, next, strlen(next));
		if (code == MORTISE_OK)
			code = host->secret_append(*body, "\"", 1);
	}
	return code == MORTISE_OK ? host->secret_append(*body, "}", 1) : code;
}

/* All pages: their token may be longer than a cursor. */
static enum mortise_code
aws_list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	struct aws *aws = instance;
	struct aws_answer answer = {0};
	const char *next = NULL;
	enum mortise_code code = MORTISE_OK;

	(void)cursor;
	for (int page = 0; code == MORTISE_OK && (page == 0 || next != NULL) && page < PAGES_MAX;
	    page++) {
		struct mortise_secret *body = NULL;

		code = list_body(aws, prefix, next, &body);
		answer_forget(&answer);
		next = NULL;
		code = code != MORTISE_OK ? aws_no_memory(aws, call) :
		    aws_ask(aws, call, "ListSecrets", body, false, "the list", &answer);
		aws->host->secret_free(body);
		if (code == MORTISE_OK)
			code = add_names(aws, answer.tree, prefix, out);
		next = json_string_of(answer.tree, "NextToken");
		if (next != NULL && next[0] == '\0')
			next = NULL;
	}
	answer_forget(&answer);
	return code;
}

const struct mortise_secret_ops aws_secret_ops = {
	.size = sizeof(aws_secret_ops),
	.get = aws_get,
	.put = aws_put,
	.remove = aws_remove,
	.list = aws_list,
	.describe = aws_describe,
	.undo = aws_undo,
};
