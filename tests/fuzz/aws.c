/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What others tell the plugin aws: a letter, and behind it a file of profiles (i), an answer
 * of STS (x), or for an operation (g, p, d, l, h, u) answers of Secrets Manager, each behind
 * a byte 0x1e as three digits of a status, a blank and a body.  The client's perform is
 * ours; who asks for more than there is gets an outage.
 */
#include "fuzz.h"

#include "backend/backend.h"
#include "base/error.h"
#include "base/log.h"
#include "config/options.h"
#include "plugins/aws/aws.h"
#include "secmem/secret.h"

/* The linker gives these in place of the client's own. */
enum mortise_code __wrap_mortise_http_perform(struct mortise_http *, struct mortise_call *,
    const struct mortise_http_request *, struct mortise_http_answer *);
bool __wrap_mortise_http_pause(const struct mortise_host *, const struct mortise_call *, int tried,
    int64_t retry_after_ms);

static const uint8_t *left_at;		/* what is left of the input */
static size_t left;

enum mortise_code
__wrap_mortise_http_perform(struct mortise_http *http, struct mortise_call *call,
    const struct mortise_http_request *request, struct mortise_http_answer *answer)
{
	const uint8_t *end, *body;
	char status[4] = "";

	MUST(http != NULL && request->sign != NULL && request->body != NULL);
	*answer = (struct mortise_http_answer){.size = sizeof(*answer)};
	if (left < 5)
		return backend_host()->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE, "nobody");
	end = memchr(left_at, 0x1e, left);
	if (end == NULL)
		end = left_at + left;
	body = end - left_at < 4 ? end : left_at + 4;
	memcpy(status, left_at, 3);
	answer->status = (int)strtol(status, NULL, 10);
	answer->body = secret_from((const char *)body, (size_t)(end - body));
	MUST(answer->body != NULL);
	left -= (size_t)(end - left_at);
	left_at = end;
	if (left > 0) {
		left--;
		left_at++;
	}
	return MORTISE_OK;
}

bool
__wrap_mortise_http_pause(const struct mortise_host *host, const struct mortise_call *call, int tried,
    int64_t retry_after_ms)
{
	(void)host;
	(void)call;
	(void)retry_after_ms;
	return tried < 3;
}

/* What is found lies in the text. */
static void
try_texts(const char *text, size_t size)
{
	static const char *const keys[] = {"aws_access_key_id", "role_arn", "secrets_manager"};
	const char *value;
	size_t length;

	for (size_t i = 0; i < 3; i++) {
		if (ini_find(text, size, "profile web", keys[i], i == 2 ? "endpoint_url" : NULL, &value,
		    &length))
			MUST(length > 0 && value >= text && value + length <= text + size &&
			    memchr(value, '\n', length) == NULL);
	}
	(void)ini_section(text, size, "default");
	if (xml_text(text, size, "AccessKeyId", &value, &length))
		MUST(length > 0 && value >= text && value + length <= text + size &&
		    memchr(value, '<', length) == NULL);
}

static enum mortise_code
take_name(void *arg, const char *name)
{
	(void)arg;
	MUST(name != NULL && name[0] != '\0' && strlen(name) <= NAME_MAX_AWS);
	return MORTISE_OK;
}

static enum mortise_code
take_history(void *arg, const struct mortise_history *history)
{
	(void)arg;
	MUST(history->size > 0);
	return MORTISE_OK;
}

static void
try_operation(void *aws, struct mortise_call *call, int which)
{
	struct mortise_out out = {.name = take_name, .history = take_history};
	struct mortise_secret *value = secret_from("written", 7), *got = NULL;
	struct mortise_receipt receipt = {.size = sizeof(receipt), .existed = 1,
	    .idempotency_key = "0123456789abcdef0123456789abcdef"};
	struct mortise_secret_put put = {.size = sizeof(put), .value = value};
	struct mortise_version found = {""};

	version_set(&receipt.before, "before");
	switch (which) {
	case 'g':
		if (aws_secret_ops.get(aws, call, "a/b", NULL, &got, &found) == MORTISE_OK)
			MUST(got != NULL);
		break;
	case 'p':
		(void)aws_secret_ops.put(aws, call, "a/b", &put, &receipt);
		break;
	case 'd':
		(void)aws_secret_ops.remove(aws, call, "a/b");
		break;
	case 'l':
		(void)aws_secret_ops.list(aws, call, "a/", NULL, &out);
		break;
	case 'h':
		(void)aws_secret_ops.describe(aws, call, "a/b", &out);
		break;
	default:
		(void)aws_secret_ops.undo(aws, call, "a/b", &receipt, value);
		break;
	}
	mortise_secret_free(value);
	mortise_secret_free(got);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char given[] = "{region: r, endpoint: http://h, access-key-id: i, "
	    "secret-access-key: k}";
	static const struct logger silent;
	static const struct mortise_plugin *plugin;
	static struct mortise_options *options;
	struct mortise_error error = {0};
	struct mortise_call call = {.error = &error, .logger = &silent};
	void *aws = NULL;

	if (plugin == NULL) {
		struct place place = {"fuzz", 1, 1};
		struct problems problems = {.each = NULL};
		struct yaml_node *map = yaml_parse(given, strlen(given), "fuzz", &problems);

		MUST(mortise_plugin_init(backend_host(), &call, &plugin) == MORTISE_OK);
		options = options_check(map, &place, plugin->options, NULL, &problems);
		MUST(options != NULL && problems.errors == 0);
	}
	if (size < 1)
		return 0;
	if (bytes[0] == 'i' || bytes[0] == 'x') {
		try_texts((const char *)bytes + 1, size - 1);
		return 0;
	}
	MUST(plugin->open(&call, options, &aws) == MORTISE_OK);
	left_at = bytes + 1;
	left = size - 1;
	try_operation(aws, &call, bytes[0]);
	plugin->close(aws);
	return 0;
}
