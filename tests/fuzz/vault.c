/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a Vault answers, to the plugin vault: the mount's version (1, 2, else to be found
 * out), a letter that says which operation, and then answers, each behind a byte 0x1e as a line with the status and a body.  The client's
 * perform is ours; who asks for more than there is gets an outage.
 */
#include "fuzz.h"

#include "backend/backend.h"
#include "base/error.h"
#include "base/log.h"
#include "config/options.h"
#include "plugins/vault/vault.h"
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

	(void)http;
	MUST(strncmp(request->path, "/v1/", 4) == 0);
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

static enum mortise_code
take_name(void *arg, const char *name)
{
	(void)arg;
	MUST(name != NULL && strlen(name) <= MORTISE_NAME_MAX);
	return MORTISE_OK;
}

static enum mortise_code
take_history(void *arg, const struct mortise_history *history)
{
	(void)arg;
	MUST(history->version.text[0] != '\0');
	return MORTISE_OK;
}

static void
try_operation(struct vault *vault, struct mortise_call *call, int which)
{
	struct mortise_out out = {.name = take_name, .history = take_history};
	struct mortise_secret *value = secret_from("written", 7), *got = NULL;
	struct mortise_receipt receipt = {.size = sizeof(receipt), .existed = 1};
	struct mortise_secret_put put = {.size = sizeof(put), .value = value};
	struct mortise_version found = {""};
	struct session_grant grant = {.secrets = {NULL}};

	version_text(&receipt.before, 1);
	version_text(&receipt.made, which == 'u' ? 2 : 0);
	switch (which) {
	case 'g':
		if (vault_secret_ops.get(vault, call, "a/b", NULL, &got, &found) == MORTISE_OK)
			MUST(got != NULL);
		break;
	case 'p':
		(void)vault_secret_ops.put(vault, call, "a/b", &put, &receipt);
		break;
	case 'd':
		(void)vault_secret_ops.remove(vault, call, "a/b");
		break;
	case 'l':
		(void)vault_secret_ops.list(vault, call, "a/", NULL, &out);
		break;
	case 'h':
		(void)vault_secret_ops.describe(vault, call, "a/b", &out);
		break;
	case 'u':
	case 'U':
		(void)vault_secret_ops.undo(vault, call, "a/b", &receipt, value);
		break;
	default:
		if (vault_session_ops.renew(vault, call, value, &grant) == MORTISE_OK)
			MUST(grant.secrets[0] != NULL && grant.lifetime_ms >= 0);
		mortise_secret_free(grant.secrets[0]);
		break;
	}
	mortise_secret_free(value);
	mortise_secret_free(got);
}

/* The plugin's own options, as a configuration would give them. */
static struct mortise_options *
options_of(const struct mortise_plugin *plugin, const char *text)
{
	struct place place = {"fuzz", 1, 1};
	struct problems problems = {.each = NULL};
	struct yaml_node *map = yaml_parse(text, strlen(text), "fuzz", &problems);
	struct mortise_options *options = options_check(map, &place, plugin->options, NULL, &problems);

	MUST(map != NULL && options != NULL && problems.errors == 0);
	return options;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct logger silent;
	static const struct mortise_plugin *plugin;
	static struct mortise_options *options[3];
	struct mortise_error error = {0};
	struct mortise_call call = {.error = &error, .logger = &silent};
	void *vault = NULL;

	if (plugin == NULL) {
		MUST(mortise_plugin_init(backend_host(), &call, &plugin) == MORTISE_OK);
		options[0] = options_of(plugin, "{address: http://h, auth: {token: t}}");
		options[1] = options_of(plugin, "{address: http://h, kv-version: 1, auth: {token: t}}");
		options[2] = options_of(plugin, "{address: http://h, kv-version: 2, auth: {token: t}}");
	}
	if (size < 2)
		return 0;
	/* Stated, or to be found out from the first answer. */
	MUST(plugin->open(&call, options[bytes[0] == '1' ? 1 : bytes[0] == '2' ? 2 : 0],
	    &vault) == MORTISE_OK);
	left_at = bytes + 2;
	left = size - 2;
	try_operation(vault, &call, bytes[1]);
	plugin->close(vault);
	return 0;
}
