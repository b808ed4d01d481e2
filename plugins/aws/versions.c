/* SPDX-License-Identifier: BSD-2-Clause */
/* describe, undo. */
#include <stdlib.h>
#include <string.h>

#include "aws.h"

#define VERSIONS_MAX 1000

/* --- describe ----------------------------------------------------------------------- */

struct version {
	char id[MORTISE_VERSION_SIZE];
	int64_t created_ms;
	int stage;			/* 2: current, 1: another one, 0: none, and it may go any time */
};

static int
stage_of(const json_t *version)
{
	json_t *stages = json_object_get(version, "VersionStages"), *stage;
	int best = 0;
	size_t i;

	json_array_foreach(stages, i, stage) {
		const char *text = json_string_value(stage);

		/* A rotation's, which is not to be touched. */
		if (text == NULL || strcmp(text, "AWSPENDING") == 0)
			continue;
		if (strcmp(text, "AWSCURRENT") == 0)
			return 2;
		best = 1;
	}
	return best;
}

static int
newest_first(const void *a, const void *b)
{
	const struct version *x = a, *y = b;

	if (x->stage == 2 || y->stage == 2)
		return y->stage - x->stage;
	return x->created_ms < y->created_ms ? 1 : x->created_ms > y->created_ms ? -1 : 0;
}

static size_t
take_page(const json_t *tree, struct version *versions, size_t count)
{
	json_t *page = json_object_get(tree, "Versions"), *one;
	size_t i;

	json_array_foreach(page, i, one) {
		const char *id = json_string_of(one, "VersionId");
		const json_t *created = json_object_get(one, "CreatedDate");
		int stage = stage_of(one);

		if (id == NULL || strlen(id) >= MORTISE_VERSION_SIZE || count == VERSIONS_MAX ||
		    stage == 0)
			continue;
		memset(&versions[count], 0, sizeof(versions[count]));
		memcpy(versions[count].id, id, strlen(id));
		versions[count].created_ms = (int64_t)(json_number_value(created) * 1000);
		versions[count++].stage = stage;
	}
	return count;
}

static enum mortise_code
read_versions(struct aws *aws, struct mortise_call *call, const char *name,
    struct version *versions, size_t *count)
{
	char full[NAME_MAX_AWS + 1];
	struct aws_answer answer = {0};
	struct text_member members[] = {{.name = "SecretId", .text = full}, {.name = "NextToken"}};
	enum mortise_code code = aws_name(aws, call, name, full);

	for (int page = 0; code == MORTISE_OK && page < VERSIONS_MAX; page++) {
		struct aws_answer next = {0};

		code = aws_ask_members(aws, call, "ListSecretVersionIds", members, 2, false, name, &next);
		answer_forget(&answer);
		answer = next;
		if (code == MORTISE_OK)
			*count = take_page(answer.tree, versions, *count);
		members[1].text = json_string_of(answer.tree, "NextToken");
		if (members[1].text == NULL || members[1].text[0] == '\0')
			break;
	}
	answer_forget(&answer);
	if (*count > 0)
		qsort(versions, *count, sizeof(*versions), newest_first);
	return code;
}

static enum mortise_code
add_tags(const struct aws *aws, struct mortise_call *call, struct mortise_out *out,
    const json_t *tags)
{
	struct mortise_pair *pairs = calloc(json_array_size(tags) + 1, sizeof(*pairs));
	const json_t *tag;
	size_t i, count = 0;
	enum mortise_code code;

	if (pairs == NULL)
		return aws_no_memory(aws, call);
	json_array_foreach(tags, i, tag) {
		pairs[count] = (struct mortise_pair){json_string_of(tag, "Key"),
		    json_string_of(tag, "Value")};
		count += pairs[count].name != NULL && pairs[count].value != NULL;
	}
	code = aws->host->add_row(out, pairs, count);
	free(pairs);
	return code;
}

enum mortise_code
aws_describe(void *instance, struct mortise_call *call, const char *name,
    struct mortise_out *out)
{
	struct aws *aws = instance;
	struct version *versions = calloc(VERSIONS_MAX, sizeof(*versions));
	struct described described = {0};
	size_t count = 0;
	enum mortise_code code;

	if (versions == NULL)
		return aws_no_memory(aws, call);
	code = aws_describe_secret(aws, call, name, &described);
	if (code == MORTISE_OK && !described.there)
		code = aws->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE, "%s is not there%s",
		    name, described.deleted ? ": it is marked as deleted" : "");
	if (code == MORTISE_OK)
		code = read_versions(aws, call, name, versions, &count);
	for (size_t i = 0; code == MORTISE_OK && i < count; i++) {
		struct mortise_history history = {.size = sizeof(history),
		    .created_ms = versions[i].created_ms};

		version_set(&history.version, versions[i].id);
		code = aws->host->add_history(out, &history);
	}
	if (code == MORTISE_OK)
		code = add_tags(aws, call, out, described.tags);
	answer_forget(&described.answer);
	free(versions);
	return code;
}

/* --- undo --------------------------------------------------------------------------- */

/* The stage goes back; where it has gone on meanwhile, that is refused. */
static enum mortise_code
move_back(struct aws *aws, struct mortise_call *call, const char *name, const char *from,
    const char *to)
{
	char full[NAME_MAX_AWS + 1];
	struct aws_answer answer = {0};
	const struct text_member members[] = {{.name = "SecretId", .text = full},
	    {.name = "VersionStage", .text = "AWSCURRENT"}, {.name = "MoveToVersionId", .text = to},
	    {.name = "RemoveFromVersionId", .text = from}};
	enum mortise_code code = aws_name(aws, call, name, full);

	if (code == MORTISE_OK)
		code = aws_ask_members(aws, call, "UpdateSecretVersionStage", members, 4, true, name,
		    &answer);
	answer_forget(&answer);
	return code;
}

enum mortise_code
aws_undo(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_receipt *receipt, const struct mortise_secret *written)
{
	struct aws *aws = instance;
	/* A version is named by its put's token, also where the answer was lost. */
	const char *made = receipt->made.text[0] != '\0' ? receipt->made.text :
	    receipt->idempotency_key;
	struct described described = {0};
	enum mortise_code code = aws_describe_secret(aws, call, name, &described);
	bool ours = described.there && described.current != NULL &&
	    strcmp(described.current, made) == 0;

	(void)written;
	if (code == MORTISE_OK && ours)
		code = receipt->existed == 1 && receipt->before.text[0] != '\0' ?
		    move_back(aws, call, name, made, receipt->before.text) :
		    aws_destroy(aws, call, name, 0);
	else if (code == MORTISE_OK)
		code = aws->host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_SUPERSEDED,
		    "%s was written since, and was left as it is", name);
	answer_forget(&described.answer);
	return code;
}
