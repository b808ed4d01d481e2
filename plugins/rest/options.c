/* SPDX-License-Identifier: BSD-2-Clause */
/* The options and the descriptor; what makes and ends an instance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rest.h"
#include "sdk/schema.h"

static const struct mortise_host *host;

/* --- the schema --------------------------------------------------------------------- */

SCHEMA_TEXT(base, "base", "the API's address, https://HOST[:PORT][/PATH]", NULL, MORTISE_OPTION_REQUIRED);
SCHEMA_TEXT(secret_text, "", "its value", NULL, MORTISE_OPTION_SECRET);
SCHEMA_TEXT(plain_text, "", "its value", NULL, 0);
SCHEMA_TEXT(url, "url", "behind the base: {name} is the name, {name-flat} with %2F for its slashes", NULL,
    MORTISE_OPTION_REQUIRED);
SCHEMA_TEXT(list_url, "url", "behind the base: {prefix} is what the names begin with", NULL,
    MORTISE_OPTION_REQUIRED);
SCHEMA_TEXT(get_method, "method", "its method", "GET", 0);
SCHEMA_TEXT(put_method, "method", "its method", "PUT", 0);
SCHEMA_TEXT(delete_method, "method", "its method", "DELETE", 0);
SCHEMA_TEXT(get_value, "value", "a JSON pointer to the value; not given: the whole answer is it", NULL, 0);
SCHEMA_TEXT(list_value, "value",
    "a JSON pointer to the names; a part that is * stands for each element", "", 0);
SCHEMA_TEXT(body, "body", "JSON in which {value} and {name} stand inside strings; not given: the value is it",
    NULL, 0);
SCHEMA_TEXT(type, "type", "the body's Content-Type",
    "application/json", 0);

static const struct mortise_option *const header_of[] = {&secret_text, NULL};
SCHEMA_MAP(auth_header, "header", "headers that are secret, with every request", header_of);
static const struct mortise_option *const auth_members[] = {&auth_header, NULL};
SCHEMA_GROUP(auth, "auth", "who asks", auth_members);
static const struct mortise_option *const plain_of[] = {&plain_text, NULL};
SCHEMA_MAP(headers, "header", "other headers, with every request", plain_of);

static const struct mortise_option *const get_members[] = {&get_method, &url, &get_value, NULL};
SCHEMA_GROUP(get, "get", "how a value is read", get_members);
static const struct mortise_option *const put_members[] = {&put_method, &url, &body, &type, NULL};
SCHEMA_GROUP(put, "put", "how a value is written", put_members);
static const struct mortise_option *const delete_members[] = {&delete_method, &url, NULL};
SCHEMA_GROUP(delete, "delete", "how a name is deleted", delete_members);
static const struct mortise_option *const list_members[] = {&get_method, &list_url, &list_value, NULL};
SCHEMA_GROUP(list, "list", "how names are listed, all on one page", list_members);

static const char *const encodings[] = {"text", "base64", NULL};
SCHEMA_ENUM(encoding, "encoding", "how values are kept: text, which bytes that are none are refused "
    "from, or base64", encodings, "text");
static const char *const code_words[] = {"ok", "not_found", "unavailable", "timeout", "denied",
    "invalid", "conflict", "unsupported", NULL};
SCHEMA_ENUM(code, "", "what it means", code_words, NULL);
static const struct mortise_option *const code_of[] = {&code, NULL};
SCHEMA_MAP(codes, "codes", "what an HTTP status means, where it is not what it always means", code_of);

static const struct mortise_option *const options[] = {&base, &auth, &headers, &encoding, &get,
    &put, &delete, &list, &codes, &mortise_http_option, NULL};

/* --- instances ---------------------------------------------------------------------- */

static const char *
member(const struct rest *rest, const char *group, const char *name)
{
	const char *text;
	char path[32];

	(void)snprintf(path, sizeof(path), "%s.%s", group, name);
	text = rest->host->option_string(rest->options, path);
	return text;
}

static enum mortise_code
take_request(struct rest *rest, struct mortise_call *call, enum rest_verb verb, const char *group)
{
	struct rest_request *request = &rest->requests[verb];

	request->group = group;
	if (!host->option_given(rest->options, group))
		return MORTISE_OK;
	request->method = member(rest, group, "method");
	request->url = member(rest, group, "url");
	request->value = verb == REST_GET || verb == REST_LIST ? member(rest, group, "value") : NULL;
	request->body = verb == REST_PUT ? member(rest, group, "body") : NULL;
	request->type = verb == REST_PUT ? member(rest, group, "type") : NULL;
	if (request->url[0] != '/')
		return host->option_fail(call, rest->options, group, "its url begins with no /: it "
		    "stands behind the base");
	if (verb != REST_LIST && strstr(request->url, "{name}") == NULL &&
	    strstr(request->url, "{name-flat}") == NULL &&
	    (request->body == NULL || strstr(request->body, "{name}") == NULL))
		return host->option_fail(call, rest->options, group, "{name} is nowhere in it, so "
		    "that all secrets would be one");
	return MORTISE_OK;
}

static void
rest_close(void *instance)
{
	struct rest *rest = instance;

	mortise_http_free(rest->http);
	free(rest);
}

static enum mortise_code
rest_open(struct mortise_call *call, const struct mortise_options *given, void **instance)
{
	static const char *const groups[REST_VERBS] = {"get", "put", "delete", "list"};
	struct rest *rest = calloc(1, sizeof(*rest));
	const char *address = host->option_string(given, "base");
	enum mortise_code result;

	if (rest == NULL)
		return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	rest->host = host;
	rest->options = given;
	rest->base64 = host->option_number(given, "encoding") == 1;
	result = mortise_http_new(host, call, given, &address, 1, NULL, &rest->http);
	for (int i = 0; result == MORTISE_OK && i < REST_VERBS; i++)
		result = take_request(rest, call, (enum rest_verb)i, groups[i]);
	if (result != MORTISE_OK) {
		rest_close(rest);
		return result;
	}
	*instance = rest;
	return MORTISE_OK;
}

/* Where it is: whoever has the same base sees the same store. */
static const char *
rest_identity(void *instance)
{
	const struct rest *rest = instance;

	return host->option_string(rest->options, "base");
}

static uint64_t
rest_offers(void *instance)
{
	static const uint64_t bits[REST_VERBS] = {MORTISE_CAN_SECRET_GET, MORTISE_CAN_SECRET_PUT,
	    MORTISE_CAN_SECRET_DELETE, MORTISE_CAN_SECRET_LIST};
	const struct rest *rest = instance;
	uint64_t offered = 0;

	for (int i = 0; i < REST_VERBS; i++)
		offered |= rest->requests[i].url == NULL ? 0 : bits[i];
	return offered;
}

static const struct mortise_plugin plugin = {
	.size = sizeof(plugin),
	.magic = MORTISE_PLUGIN_MAGIC,
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.name = "rest",
	.version = "0.1.0",
	.doc = "secrets behind any HTTP API, by templates",
	.threads = MORTISE_THREADS_FREE,
	.reach = MORTISE_REACH_NETWORK,
	.options = options,
	.open = rest_open,
	.close = rest_close,
	.identity = rest_identity,
	.offers = rest_offers,
	.secret = &rest_secret_ops,
};

enum mortise_code
mortise_plugin_init(const struct mortise_host *table, struct mortise_call *call,
    const struct mortise_plugin **descriptor)
{
	host = table;
	*descriptor = &plugin;
	return mortise_http_init(table, call);
}
