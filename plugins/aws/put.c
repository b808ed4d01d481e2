/* SPDX-License-Identifier: BSD-2-Clause */
/* put: a new version or, of a new name, a new secret. */
#include <stdlib.h>
#include <string.h>

#include "aws.h"

#define VALUE_MAX 65536			/* bytes that AWS takes */
#define TAGS_MAX 50
#define TAG_NAME_MAX 128
#define TAG_VALUE_MAX 256

struct put {
	struct aws *aws;
	struct mortise_call *call;
	const char *name, *full;
	const struct mortise_secret_put *put;
	struct mortise_receipt *receipt;
};

static enum mortise_code
check(const struct put *put)
{
	const struct mortise_host *host = put->aws->host;
	size_t size;
	bool fit = put->put->labels_count <= TAGS_MAX;

	(void)host->secret_peek(put->put->value, &size);
	if (size > VALUE_MAX)
		return host->fail(put->call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "Secrets Manager takes values of %d bytes, and this has %zu", VALUE_MAX, size);
	for (size_t i = 0; fit && i < put->put->labels_count; i++)
		fit = strlen(put->put->labels[i].name) <= TAG_NAME_MAX &&
		    strlen(put->put->labels[i].value) <= TAG_VALUE_MAX;
	return fit ? MORTISE_OK : host->fail(put->call, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "Secrets Manager takes %d labels, with names of %d bytes and values of %d", TAGS_MAX,
	    TAG_NAME_MAX, TAG_VALUE_MAX);
}

/* --- bodies ------------------------------------------------------------------------- */

static bool
add(const struct put *put, struct mortise_secret *body, const char *text)
{
	return put->aws->host->secret_append(body, text, strlen(text)) == MORTISE_OK;
}

/* Text as it is, other bytes as such, and nothing as what stands for it. */
static bool
add_value(const struct put *put, struct mortise_secret *body)
{
	const struct mortise_host *host = put->aws->host;
	size_t size;
	const char *bytes = host->secret_peek(put->put->value, &size);
	struct mortise_secret *encoded;
	bool good;

	if (size == 0 || text_is_utf8(bytes, size))
		return add(put, body, ",\"SecretString\":\"") &&
		    marker_append(host, body, put->put->value, size == 0) == MORTISE_OK &&
		    add(put, body, "\"");
	encoded = base64_to(host, put->put->value);
	bytes = encoded == NULL ? NULL : host->secret_peek(encoded, &size);
	good = encoded != NULL && add(put, body, ",\"SecretBinary\":\"") &&
	    host->secret_append(body, bytes, size) == MORTISE_OK && add(put, body, "\"");
	host->secret_free(encoded);
	return good;
}

static bool
add_tags(const struct put *put, struct mortise_secret *body)
{
	bool good = add(put, body, ",\"Tags\":[");

	for (size_t i = 0; good && i < put->put->labels_count; i++) {
		const struct text_member members[] = {
		    {.name = "Key", .text = put->put->labels[i].name},
		    {.name = "Value", .text = put->put->labels[i].value}};

		good = add(put, body, i == 0 ? "{" : ",{") &&
		    text_append_members(put->aws->host, body, members, 2) == MORTISE_OK &&
		    add(put, body, "}");
	}
	return good && add(put, body, "]");
}

static struct mortise_secret *
begin_body(const struct put *put, const char *id_member, const char *token, const char *kms)
{
	const struct mortise_host *host = put->aws->host;
	const struct text_member members[] = {{.name = id_member, .text = put->full},
	    {.name = "ClientRequestToken", .text = token}, {.name = "KmsKeyId", .text = kms}};
	size_t size;
	struct mortise_secret *body;

	(void)host->secret_peek(put->put->value, &size);
	body = host->secret_new(size + size / 2 + 512);
	if (body != NULL && add(put, body, "{") &&
	    text_append_members(host, body, members, 3) == MORTISE_OK)
		return body;
	host->secret_free(body);
	return NULL;
}

static enum mortise_code
send(const struct put *put, const char *operation, struct mortise_secret *body, enum said *said)
{
	struct aws_answer answer = {0};
	const char *made;
	enum mortise_code code = body == NULL ? aws_no_memory(put->aws, put->call) :
	    aws_ask(put->aws, put->call, operation, body, true, put->name, &answer);

	*said = answer.said;
	made = json_string_of(answer.tree, "VersionId");
	if (code == MORTISE_OK && made == NULL)
		code = aws_strange(put->aws, put->call, put->name);
	if (code == MORTISE_OK)
		version_set(&put->receipt->made, made);
	answer_forget(&answer);
	put->aws->host->secret_free(body);
	return code;
}

/* --- requests ----------------------------------------------------------------------- */

static enum mortise_code
change(const struct put *put, enum said *said)
{
	struct mortise_secret *body = begin_body(put, "SecretId", put->receipt->idempotency_key, NULL);

	if (body != NULL && !(add_value(put, body) && add(put, body, "}"))) {
		put->aws->host->secret_free(body);
		body = NULL;
	}
	return send(put, "PutSecretValue", body, said);
}

static enum mortise_code
create(const struct put *put, enum said *said)
{
	struct mortise_secret *body = begin_body(put, "Name", put->receipt->idempotency_key,
	    put->aws->host->option_string(put->aws->options, "kms-key-id"));

	if (body != NULL && !(add_value(put, body) &&
	    (put->put->labels == NULL || add_tags(put, body)) && add(put, body, "}"))) {
		put->aws->host->secret_free(body);
		body = NULL;
	}
	return send(put, "CreateSecret", body, said);
}

static enum mortise_code
restore(const struct put *put)
{
	const struct text_member member = {.name = "SecretId", .text = put->full};
	struct aws_answer answer = {0};
	enum mortise_code code = aws_ask_members(put->aws, put->call, "RestoreSecret", &member, 1,
	    true, put->name, &answer);

	answer_forget(&answer);
	return code;
}

/* Is this tag one of the labels? */
static bool
is_label(const struct put *put, const char *key)
{
	for (size_t i = 0; i < put->put->labels_count; i++) {
		if (strcmp(put->put->labels[i].name, key) == 0)
			return true;
	}
	return false;
}

static enum mortise_code
untag(const struct put *put, const json_t *tags)
{
	const struct text_member member = {.name = "SecretId", .text = put->full};
	struct mortise_secret *body = put->aws->host->secret_new(256);
	struct aws_answer answer = {0};
	const json_t *tag;
	size_t i, count = 0;
	bool good = body != NULL && add(put, body, "{") &&
	    text_append_members(put->aws->host, body, &member, 1) == MORTISE_OK &&
	    add(put, body, ",\"TagKeys\":[");
	enum mortise_code code = MORTISE_OK;

	json_array_foreach(tags, i, tag) {
		const char *key = json_string_of(tag, "Key");

		if (!good || key == NULL || is_label(put, key))
			continue;
		good = add(put, body, count++ == 0 ? "\"" : ",\"") &&
		    text_append_json(put->aws->host, body, key, strlen(key)) == MORTISE_OK &&
		    add(put, body, "\"");
	}
	good = good && add(put, body, "]}");
	if (!good)
		code = aws_no_memory(put->aws, put->call);
	else if (count > 0)
		code = aws_ask(put->aws, put->call, "UntagResource", body, true, put->name, &answer);
	answer_forget(&answer);
	put->aws->host->secret_free(body);
	return code;
}

/* After the value, so that a put that is refused changes none. */
static enum mortise_code
set_tags(const struct put *put, const json_t *tags)
{
	struct mortise_secret *body = begin_body(put, "SecretId", NULL, NULL);
	struct aws_answer answer = {0};
	enum mortise_code code = MORTISE_OK;

	if (body == NULL || !add_tags(put, body) || !add(put, body, "}"))
		code = aws_no_memory(put->aws, put->call);
	else if (put->put->labels_count > 0)
		code = aws_ask(put->aws, put->call, "TagResource", body, true, put->name, &answer);
	answer_forget(&answer);
	put->aws->host->secret_free(body);
	if (code == MORTISE_OK)
		code = untag(put, tags);
	return code == MORTISE_OK ? code : put->aws->host->fail(put->call, MORTISE_ERROR,
	    MORTISE_REASON_NONE, "%s has its new value, but not the labels; may the keys tag it?",
	    put->name);
}

/* --- the whole of it ---------------------------------------------------------------- */

static enum mortise_code
check_conditions(const struct put *put, const struct described *described)
{
	const struct mortise_host *host = put->aws->host;
	const char *current = described->there && described->current != NULL ? described->current :
	    "";

	if (put->put->only_if_absent && described->there)
		return host->fail(put->call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "%s is there already", put->name);
	if (put->put->only_if != NULL && strcmp(put->put->only_if->text, current) != 0)
		return host->fail(put->call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "the newest version of %s is %s", put->name, current[0] == '\0' ? "none" : current);
	return MORTISE_OK;
}

/* One that is being deleted for good may be made again after a while. */
static enum mortise_code
create_or_change(const struct put *put, bool *created)
{
	enum said said = SAID_NOTHING;
	enum mortise_code code = create(put, &said);

	for (int tried = 0; said == SAID_DELETING &&
	    mortise_http_pause(put->aws->host, put->call, tried, 0); tried++) {
		/* Or it was marked only, and then it may come back. */
		if (tried == 0 && restore(put) == MORTISE_OK) {
			*created = false;
			return change(put, &said);
		}
		code = create(put, &said);
	}
	*created = code == MORTISE_OK;
	if (said == SAID_EXISTS && !put->put->only_if_absent)
		return change(put, &said);
	return code;
}

static enum mortise_code
write_value(const struct put *put, const struct described *described, bool *created)
{
	enum said said = SAID_NOTHING;
	enum mortise_code code = MORTISE_OK;

	*created = false;
	if (described->deleted)
		code = restore(put);
	else if (!described->there)
		return create_or_change(put, created);
	if (code == MORTISE_OK)
		code = change(put, &said);
	/* Deleted meanwhile. */
	return said == SAID_NOT_FOUND ? create_or_change(put, created) : code;
}

enum mortise_code
aws_put(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *given, struct mortise_receipt *receipt)
{
	char full[NAME_MAX_AWS + 1];
	const struct put put = {.aws = instance, .call = call, .name = name, .full = full,
	    .put = given, .receipt = receipt};
	struct described described = {0};
	bool created = false;
	enum mortise_code code = aws_name(put.aws, call, name, full);

	if (code == MORTISE_OK)
		code = check(&put);
	if (code == MORTISE_OK)
		code = aws_describe_secret(put.aws, call, name, &described);
	if (code == MORTISE_TIMEOUT)
		code = put.aws->host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "%s was to be looked at before it is written, and there was no answer in time", name);
	if (code == MORTISE_OK)
		code = check_conditions(&put, &described);
	if (code == MORTISE_OK) {
		receipt->existed = described.there;
		version_set(&receipt->before, described.there ? described.current : NULL);
		code = write_value(&put, &described, &created);
	}
	if (code == MORTISE_OK && given->labels != NULL && !created)
		code = set_tags(&put, described.tags);
	answer_forget(&described.answer);
	return code;
}
