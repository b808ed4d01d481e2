/* SPDX-License-Identifier: BSD-2-Clause */
/* The schema and the descriptor; what makes and ends an instance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/encoding.h"
#include "sdk/schema.h"
#include "vault.h"

#define ADDRESSES_MAX 16

static const struct mortise_host *host;

/* --- the schema --------------------------------------------------------------------- */

SCHEMA_TEXT(one_address, "", "https://HOST[:PORT]", NULL, 0);
static const struct mortise_option *const address_of[] = {&one_address, NULL};
SCHEMA_LIST(address, "address", "the server's address, https://HOST[:PORT], or those of one cluster",
    address_of);
SCHEMA_TEXT(namespace, "namespace", "the namespace that all of it is in", NULL, 0);
SCHEMA_TEXT(mount, "mount", "where the key/value engine is mounted", "secret", 0);
SCHEMA_TEXT(prefix, "prefix", "what stands before each name in the mount", NULL, 0);
static const char *const versions[] = {"auto", "1", "2", NULL};
SCHEMA_ENUM(kv_version, "kv-version", "the engine's version; auto: it is found out", versions, "auto");
SCHEMA_TEXT(field, "field", "the field of a secret that a value is in", "value", 0);
SCHEMA_BOOL(replace, "replace", "may a put remove the other fields of a secret?", "false");
SCHEMA_BOOL(env, "env", "take what is not given from VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE, "
    "VAULT_CACERT and their like, or BAO_ADDR and so on, and ~/.vault-token", "false");

static const char *const methods[] = {"token", "approle", "kubernetes", "jwt", "cert", NULL};
SCHEMA_ENUM(method, "method", "how it logs in", methods, "token");
SCHEMA_TEXT(auth_mount, "mount", "where that way of logging in is mounted; not given: as it is called",
    NULL, 0);
static const char *const for_token[] = {"token", NULL};
SCHEMA_CHOSEN(token, "token", "the token", MORTISE_OPTION_STRING, NULL, MORTISE_OPTION_SECRET,
    "method", for_token);
SCHEMA_CHOSEN(renew, "renew", "look up when the token ends, and renew it before; costs a use of one "
    "that has few", MORTISE_OPTION_BOOL, "false", 0, "method", for_token);
static const char *const for_role[] = {"kubernetes", "jwt", "cert", NULL};
SCHEMA_CHOSEN(role, "role", "the role to log in to", MORTISE_OPTION_STRING, NULL, 0, "method", for_role);
static const char *const for_approle[] = {"approle", NULL};
SCHEMA_CHOSEN(role_id, "role-id", "the role's id", MORTISE_OPTION_STRING, NULL, MORTISE_OPTION_REQUIRED,
    "method", for_approle);
SCHEMA_CHOSEN(secret_id, "secret-id", "its secret-id; not given: the role needs none",
    MORTISE_OPTION_STRING, NULL, MORTISE_OPTION_SECRET, "method", for_approle);
SCHEMA_CHOSEN(unwrap, "unwrap", "the secret-id is a wrapping token that has it", MORTISE_OPTION_BOOL,
    "false", 0, "method", for_approle);
static const char *const for_jwt[] = {"kubernetes", "jwt", NULL};
SCHEMA_CHOSEN(jwt, "jwt", "the token to log in with, read anew each time; Kubernetes: {file: "
    "/var/run/secrets/kubernetes.io/serviceaccount/token}", MORTISE_OPTION_STRING, NULL,
    MORTISE_OPTION_SECRET | MORTISE_OPTION_REQUIRED, "method", for_jwt);
static const struct mortise_option *const auth_members[] = {&method, &auth_mount, &token, &renew,
    &role, &role_id, &secret_id, &unwrap, &jwt, NULL};
SCHEMA_GROUP(auth, "auth", "who asks", auth_members);

static const struct mortise_option *const options[] = {&address, &namespace, &mount, &prefix,
    &kv_version, &field, &replace, &env, &auth, &mortise_http_option, NULL};

/* --- instances ---------------------------------------------------------------------- */

/* VAULT_NAME, else BAO_NAME; NULL: neither, or not wanted. */
static const char *
environment(const struct vault *vault, const char *name)
{
	char variable[64];
	const char *text = NULL;

	if (host->option_number(vault->options, "env") == 0)
		return NULL;
	(void)snprintf(variable, sizeof(variable), "VAULT_%s", name);
	text = getenv(variable);
	if (text == NULL || text[0] == '\0') {
		(void)snprintf(variable, sizeof(variable), "BAO_%s", name);
		text = getenv(variable);
	}
	return text == NULL || text[0] == '\0' ? NULL : text;
}

static const char *
text_or_environment(const struct vault *vault, const char *path, const char *name)
{
	const char *text = host->option_string(vault->options, path);

	return text != NULL ? text : environment(vault, name);
}

static enum mortise_code
make_client(struct vault *vault, struct mortise_call *call)
{
	const char *addresses[ADDRESSES_MAX];
	const char *ambient = environment(vault, "ADDR"), *skip = environment(vault, "SKIP_VERIFY");
	size_t count = host->option_count(vault->options, "address");
	struct mortise_http_defaults defaults = {.size = sizeof(defaults),
	    .ca_file = environment(vault, "CACERT"), .ca_dir = environment(vault, "CAPATH"),
	    .cert = environment(vault, "CLIENT_CERT"), .key = environment(vault, "CLIENT_KEY"),
	    .server_name = environment(vault, "TLS_SERVER_NAME")};
	size_t length;

	if (skip != NULL && strcmp(skip, "false") != 0 && strcmp(skip, "0") != 0)
		return host->option_fail(call, vault->options, "env", "VAULT_SKIP_VERIFY is set, and "
		    "certificates are always checked; unset it, and give http.ca-file");
	if (count > ADDRESSES_MAX)
		return host->option_fail(call, vault->options, "address", "more than %d addresses",
		    ADDRESSES_MAX);
	for (size_t i = 0; i < count; i++)
		addresses[i] = host->option_string(host->option_at(vault->options, "address", i, NULL),
		    "");
	if (count == 0 && ambient != NULL)
		addresses[count++] = ambient;
	if (count == 0)
		return host->option_fail(call, vault->options, "address", "it is missing: %s",
		    address.doc);
	length = strlen(addresses[0]) + strlen(vault->mount) + strlen(vault->prefix) +
	    (vault->namespace == NULL ? 0 : strlen(vault->namespace)) + 4;
	vault->identity = malloc(length);
	if (vault->identity == NULL)
		return vault_no_memory(vault, call);
	(void)snprintf(vault->identity, length, "%s/%s/%s/%s", addresses[0],
	    vault->namespace == NULL ? "" : vault->namespace, vault->mount, vault->prefix);
	return mortise_http_new(host, call, vault->options, addresses, count, &defaults,
	    &vault->http);
}

static enum mortise_code
take_token_source(struct vault *vault, struct mortise_call *call)
{
	const char *home = getenv("HOME");
	size_t size = home == NULL ? 0 : strlen(home) + sizeof("/.vault-token");
	bool ambient = host->option_number(vault->options, "env") != 0;

	if (vault->method != VAULT_TOKEN || host->option_given(vault->options, "auth.token"))
		return MORTISE_OK;
	vault->environment_token = environment(vault, "TOKEN");
	if (!ambient || (home == NULL && vault->environment_token == NULL))
		return host->option_fail(call, vault->options, "auth", "the token is missing: give "
		    "auth.token, such as {file: PATH}, or another auth.method");
	if (vault->environment_token != NULL)
		return MORTISE_OK;
	vault->token_file = malloc(size);
	if (vault->token_file == NULL)
		return vault_no_memory(vault, call);
	(void)snprintf(vault->token_file, size, "%s/.vault-token", home);
	return MORTISE_OK;
}

static void
vault_close(void *instance)
{
	struct vault *vault = instance;

	session_free(vault->session);
	mortise_http_free(vault->http);
	host->secret_free(vault->secret_id);
	host->secret_free(vault->wrapping);
	free(vault->identity);
	free(vault->mount);
	free(vault->prefix);
	free(vault->token_file);
	(void)pthread_mutex_destroy(&vault->lock);
	free(vault);
}

static enum mortise_code
take_options(struct vault *vault, struct mortise_call *call)
{
	enum mortise_code code;

	vault->mount = text_path(host->option_string(vault->options, "mount"));
	vault->prefix = text_path(host->option_string(vault->options, "prefix"));
	if (vault->mount == NULL || vault->prefix == NULL)
		return vault_no_memory(vault, call);
	vault->namespace = text_or_environment(vault, "namespace", "NAMESPACE");
	vault->field = host->option_string(vault->options, "field");
	vault->replace = host->option_number(vault->options, "replace") != 0;
	vault->kv_version = (int)host->option_number(vault->options, "kv-version");
	vault->method = (enum vault_method)host->option_number(vault->options, "auth.method");
	if (vault->mount[0] == '\0')
		return host->option_fail(call, vault->options, "mount", "it is empty");
	if (host->option_number(vault->options, "auth.unwrap") != 0 &&
	    !host->option_given(vault->options, "auth.secret-id"))
		return host->option_fail(call, vault->options, "auth.unwrap",
		    "there is no secret-id to unwrap; give auth.secret-id");
	code = take_token_source(vault, call);
	return code == MORTISE_OK ? make_client(vault, call) : code;
}

static enum mortise_code
vault_open(struct mortise_call *call, const struct mortise_options *given, void **instance)
{
	struct vault *vault = calloc(1, sizeof(*vault));
	enum mortise_code code;

	if (vault == NULL || pthread_mutex_init(&vault->lock, NULL) != 0) {
		free(vault);
		return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	}
	vault->host = host;
	vault->options = given;
	atomic_init(&vault->found_version, 0);
	vault->session = session_new(host, &vault_session_ops, vault);
	code = vault->session == NULL ? vault_no_memory(vault, call) : take_options(vault, call);
	if (code != MORTISE_OK) {
		vault_close(vault);
		return code;
	}
	*instance = vault;
	return MORTISE_OK;
}

/* Is it there and open, do we get in, and is the mount one? */
static enum mortise_code
vault_check(void *instance, struct mortise_call *call)
{
	struct vault *vault = instance;
	struct vault_request request = {.method = "GET", .anonymous = true, .what = "the server's health",
	    .path = "/v1/sys/health?standbyok=true&perfstandbyok=true"};
	struct vault_answer answer = {0};
	const struct session_token *one = NULL;
	int version;
	enum mortise_code code = vault_ask(vault, call, &request, &answer);

	if (json_is_true(json_object_get(answer.tree, "sealed")))
		code = host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_SEALED,
		    "the server is sealed; its operators have to unseal it");
	answer_forget(&answer);
	if (code == MORTISE_OK)
		code = session_take(vault->session, call, &one);
	session_give(vault->session, one);
	return code == MORTISE_OK ? mount_version(vault, call, &version) : code;
}

static const char *
vault_identity(void *instance)
{
	const struct vault *vault = instance;

	return vault->identity;
}

/* What is stated to be of version 1 keeps no versions. */
static uint64_t
vault_offers(void *instance)
{
	const struct vault *vault = instance;
	uint64_t always = MORTISE_CAN_SECRET_GET | MORTISE_CAN_SECRET_PUT |
	    MORTISE_CAN_SECRET_DELETE | MORTISE_CAN_SECRET_LIST;

	return vault->kv_version == 1 ? always :
	    always | MORTISE_CAN_SECRET_DESCRIBE | MORTISE_CAN_SECRET_UNDO;
}

static const struct mortise_plugin plugin = {
	.size = sizeof(plugin),
	.magic = MORTISE_PLUGIN_MAGIC,
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.name = "vault",
	.version = "0.1.0",
	.doc = "secrets in HashiCorp Vault or OpenBao",
	.threads = MORTISE_THREADS_FREE,
	.reach = MORTISE_REACH_NETWORK,
	.flags = MORTISE_PLUGIN_DURABLE | MORTISE_PLUGIN_RECOVERABLE,
	.options = options,
	.open = vault_open,
	.close = vault_close,
	.check = vault_check,
	.identity = vault_identity,
	.offers = vault_offers,
	.secret = &vault_secret_ops,
};

enum mortise_code
mortise_plugin_init(const struct mortise_host *table, struct mortise_call *call,
    const struct mortise_plugin **descriptor)
{
	host = table;
	*descriptor = &plugin;
	return mortise_http_init(table, call);
}
