/* SPDX-License-Identifier: BSD-2-Clause */
/* inhouse: secrets of an HTTP API of one's own.  The second plugin of doc/plugin-guide.md. */
#include <mortise/http.h>
#include <stdlib.h>

static const struct mortise_host *host;

struct inhouse {
	const struct mortise_options *options;
	struct mortise_http *http;
};

/* Sends one request with the key; *answer is the caller's on ok. */
static enum mortise_code
ask(struct inhouse *inhouse, struct mortise_call *call, const char *method, const char *name,
    const struct mortise_secret *body, struct mortise_secret **answer)
{
	struct mortise_http_header key = {.name = "X-Api-Key"};
	struct mortise_http_request request = {.size = sizeof(request), .method = method,
	    .headers = &key, .headers_count = 1, .body = body};
	struct mortise_http_answer got = {.size = sizeof(got)};
	struct mortise_secret *secret = NULL;
	char path[1024] = "/raw/";
	enum mortise_code code = host->option_secret(call, inhouse->options, "key", &secret);

	if (code == MORTISE_OK && !mortise_http_encode(path, sizeof(path), name, true))
		code = host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE, "a name too long");
	if (code == MORTISE_OK) {
		key.secret = secret;
		request.path = path;
		code = mortise_http_perform(inhouse->http, call, &request, &got);
	}
	host->secret_free(secret);
	if (code != MORTISE_OK)
		return code;
	code = mortise_http_code(&request, got.status);
	if (code == MORTISE_OK) {
		*answer = got.body;
		return code;
	}
	host->secret_free(got.body);
	return host->fail(call, code, MORTISE_REASON_NONE, "%s of %s: HTTP status %d", method,
	    name, got.status);
}

static enum mortise_code
get(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found)
{
	found->text[0] = '\0';
	if (version != NULL)
		return host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE, "it keeps no versions");
	return ask(instance, call, "GET", name, NULL, value);
}

static enum mortise_code
put(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *given, struct mortise_receipt *receipt)
{
	struct mortise_secret *answer = NULL;
	enum mortise_code code;

	(void)receipt;			/* all unknown, as the core has filled it */
	if (given->labels != NULL || given->only_if != NULL || given->only_if_absent)
		return host->fail(call, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "it keeps no labels and compares nothing");
	code = ask(instance, call, "PUT", name, given->value, &answer);
	host->secret_free(answer);
	return code;
}

static enum mortise_code
delete(void *instance, struct mortise_call *call, const char *name)
{
	struct mortise_secret *answer = NULL;
	enum mortise_code code = ask(instance, call, "DELETE", name, NULL, &answer);

	host->secret_free(answer);
	return code;
}

static void
close_inhouse(void *instance)
{
	struct inhouse *inhouse = instance;

	mortise_http_free(inhouse->http);
	free(inhouse);
}

static enum mortise_code
open_inhouse(struct mortise_call *call, const struct mortise_options *options, void **instance)
{
	struct inhouse *inhouse = calloc(1, sizeof(*inhouse));
	const char *address = host->option_string(options, "address");
	enum mortise_code code;

	if (inhouse == NULL)
		return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	inhouse->options = options;
	code = mortise_http_new(host, call, options, &address, 1, NULL, &inhouse->http);
	if (code == MORTISE_OK)
		*instance = inhouse;
	else
		close_inhouse(inhouse);
	return code;
}

static const struct mortise_option address = {
	.size = sizeof(address), .name = "address", .doc = "where it is, https://HOST[:PORT]",
	.type = MORTISE_OPTION_STRING, .flags = MORTISE_OPTION_REQUIRED,
};
static const struct mortise_option key = {
	.size = sizeof(key), .name = "key", .doc = "what it knows us by",
	.type = MORTISE_OPTION_STRING, .flags = MORTISE_OPTION_REQUIRED | MORTISE_OPTION_SECRET,
};
static const struct mortise_option *const options[] = {&address, &key, &mortise_http_option, NULL};
static const struct mortise_secret_ops secret_ops = {
	.size = sizeof(secret_ops), .get = get, .put = put, .remove = delete,
};
static const struct mortise_plugin plugin = {
	.size = sizeof(plugin), .magic = MORTISE_PLUGIN_MAGIC,
	.abi_major = MORTISE_ABI_MAJOR, .abi_minor = MORTISE_ABI_MINOR,
	.name = "inhouse", .version = "1", .doc = "our own secret manager",
	.threads = MORTISE_THREADS_FREE, .reach = MORTISE_REACH_NETWORK,
	.options = options, .open = open_inhouse, .close = close_inhouse,
	.secret = &secret_ops,
};

enum mortise_code
mortise_plugin_init(const struct mortise_host *table, struct mortise_call *call,
    const struct mortise_plugin **result)
{
	host = table;
	*result = &plugin;
	return mortise_http_init(table, call);
}
