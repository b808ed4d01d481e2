/* SPDX-License-Identifier: BSD-2-Clause */
/* get, put, delete, list. */
#include <stdlib.h>
#include <string.h>

#include "rest.h"
#include "sdk/encoding.h"

#define HEADERS_MAX 32

struct headers {
	struct mortise_http_header all[HEADERS_MAX];
	struct mortise_secret *secrets[HEADERS_MAX];	/* what they borrow */
	size_t count;
};

static void
headers_free(const struct rest *rest, struct headers *headers)
{
	for (size_t i = 0; i < headers->count; i++)
		rest->host->secret_free(headers->secrets[i]);
}

/* Secret ones are read anew each time. */
static enum mortise_code
headers_take(const struct rest *rest, struct mortise_call *call, struct headers *headers)
{
	const struct mortise_host *host = rest->host;
	size_t secret = host->option_count(rest->options, "auth.header");
	size_t plain = host->option_count(rest->options, "header");
	enum mortise_code code = MORTISE_OK;

	headers->count = 0;
	if (secret + plain > HEADERS_MAX)
		return host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "more than %d headers", HEADERS_MAX);
	for (size_t i = 0; code == MORTISE_OK && i < secret + plain; i++) {
		struct mortise_http_header *header = &headers->all[headers->count];
		const struct mortise_options *value = i < secret ?
		    host->option_at(rest->options, "auth.header", i, &header->name) :
		    host->option_at(rest->options, "header", i - secret, &header->name);

		header->value = header->prefix = NULL;
		header->secret = headers->secrets[headers->count] = NULL;
		if (i >= secret)
			header->value = host->option_string(value, "");
		else
			code = host->option_secret(call, value, "",
			    &headers->secrets[headers->count]);
		header->secret = headers->secrets[headers->count];
		headers->count += code == MORTISE_OK;
	}
	return code;
}

/* What the configuration says that a status means, else what it always means. */
static enum mortise_code
code_of(const struct rest *rest, const struct mortise_http_request *request, int status)
{
	static const enum mortise_code codes[] = {MORTISE_OK, MORTISE_NOT_FOUND, MORTISE_UNAVAILABLE,
	    MORTISE_TIMEOUT, MORTISE_DENIED, MORTISE_INVALID, MORTISE_CONFLICT,
	    MORTISE_UNSUPPORTED};
	const struct mortise_host *host = rest->host;

	for (size_t i = 0; i < host->option_count(rest->options, "codes"); i++) {
		const char *key = NULL;
		const struct mortise_options *value = host->option_at(rest->options, "codes", i,
		    &key);

		if (key != NULL && strtol(key, NULL, 10) == status)
			return codes[host->option_number(value, "")];
	}
	return mortise_http_code(request, status);
}

/* Sends it; the answer's body is the caller's on ok.  What an answer says in words may
 * have a value in it, and is not repeated. */
static enum mortise_code
perform(const struct rest *rest, struct mortise_call *call, enum rest_verb verb, const char *name,
    const struct mortise_secret *body, struct mortise_secret **answer_body)
{
	const struct mortise_host *host = rest->host;
	const struct rest_request *template = &rest->requests[verb];
	struct mortise_http_request request = {.size = sizeof(request),
	    .method = template->method, .body = body,
	    .body_type = body == NULL ? NULL : template->body == NULL ? "application/octet-stream" :
	    template->type};
	struct mortise_http_answer answer = {.size = sizeof(answer)};
	struct headers headers;
	char url[URL_MAX];
	enum mortise_code code = headers_take(rest, call, &headers);

	if (code == MORTISE_OK && !template_url(template->url, name, url))
		code = host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the URL of %s is longer than %d bytes", name, URL_MAX - 1);
	if (code == MORTISE_OK) {
		request.path = url;
		request.headers = headers.all;
		request.headers_count = headers.count;
		code = mortise_http_perform(rest->http, call, &request, &answer);
	}
	if (code == MORTISE_OK) {
		code = code_of(rest, &request, answer.status);
		if (code != MORTISE_OK)
			(void)host->fail(call, code, MORTISE_REASON_NONE, "%s of %s was answered "
			    "by HTTP status %d", template->group, name, answer.status);
	}
	headers_free(rest, &headers);
	if (code == MORTISE_OK)
		*answer_body = answer.body;
	else
		host->secret_free(answer.body);
	return code;
}

/* --- the slots ---------------------------------------------------------------------- */

static enum mortise_code
decode(const struct rest *rest, struct mortise_call *call, const char *name,
    struct mortise_secret **value)
{
	size_t size;
	const char *text = rest->host->secret_peek(*value, &size);
	struct mortise_secret *plain = base64_from(rest->host, text, size);

	rest->host->secret_free(*value);
	*value = plain;
	return plain != NULL ? MORTISE_OK : rest->host->fail(call, MORTISE_INVALID,
	    MORTISE_REASON_NONE, "what is kept as %s is no base64", name);
}

static enum mortise_code
rest_get(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found)
{
	const struct rest *rest = instance;
	const char *pointer = rest->requests[REST_GET].value;
	struct mortise_secret *body = NULL;
	enum mortise_code code;

	found->text[0] = '\0';
	if (version != NULL)
		return rest->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "there are no versions behind a REST API; ask for the newest");
	code = perform(rest, call, REST_GET, name, NULL, &body);
	if (code == MORTISE_OK && pointer != NULL) {
		struct mortise_secret *inner = NULL;

		code = json_value(rest, call, pointer, body, &inner);
		rest->host->secret_free(body);
		body = inner;
	}
	if (code == MORTISE_OK && rest->base64)
		code = decode(rest, call, name, &body);
	if (code == MORTISE_OK)
		*value = body;
	return code;
}

static enum mortise_code
rest_put(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *put, struct mortise_receipt *receipt)
{
	const struct rest *rest = instance;
	const struct mortise_host *host = rest->host;
	struct mortise_secret *encoded = NULL, *body = NULL, *answer = NULL;
	enum mortise_code code;

	(void)receipt;
	if (put->labels != NULL)
		return host->fail(call, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "a REST API keeps no labels; put without them");
	if (put->only_if != NULL || put->only_if_absent)
		return host->fail(call, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "a REST API compares nothing; put without a condition");
	if (rest->base64) {
		encoded = base64_to(host, put->value);
		if (encoded == NULL)
			return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	}
	code = template_body(rest, call, rest->requests[REST_PUT].body, name,
	    encoded == NULL ? put->value : encoded, &body);
	if (code == MORTISE_OK)
		code = perform(rest, call, REST_PUT, name, body, &answer);
	host->secret_free(encoded);
	host->secret_free(body);
	host->secret_free(answer);
	return code;
}

static enum mortise_code
rest_remove(void *instance, struct mortise_call *call, const char *name)
{
	const struct rest *rest = instance;
	struct mortise_secret *answer = NULL;
	enum mortise_code code = perform(rest, call, REST_DELETE, name, NULL, &answer);

	rest->host->secret_free(answer);
	return code;
}

/* What is under a prefix that nobody knows is nothing. */
static enum mortise_code
rest_list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	const struct rest *rest = instance;
	struct mortise_secret *answer = NULL;
	enum mortise_code code = perform(rest, call, REST_LIST, prefix, NULL, &answer);

	(void)cursor;
	if (code == MORTISE_OK)
		code = json_names(rest, call, rest->requests[REST_LIST].value, answer, out);
	rest->host->secret_free(answer);
	return code == MORTISE_NOT_FOUND ? MORTISE_OK : code;
}

const struct mortise_secret_ops rest_secret_ops = {
	.size = sizeof(rest_secret_ops),
	.get = rest_get,
	.put = rest_put,
	.remove = rest_remove,
	.list = rest_list,
};
