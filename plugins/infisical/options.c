/* SPDX-License-Identifier: BSD-2-Clause */
/* The schema and the descriptor; what makes and ends an instance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infisical.h"
#include "sdk/schema.h"

static const struct mortise_host *host;

/* --- the schema --------------------------------------------------------------------- */

#define CLOUD "https://app.infisical.com"
SCHEMA_TEXT(address, "address", "the server's address, with or without /api at its end", CLOUD, 0);
SCHEMA_TEXT(project_id, "project-id", "the project's id", NULL, 0);
SCHEMA_TEXT(environment, "environment", "the environment's slug, such as prod", NULL, 0);
SCHEMA_TEXT(path, "path", "the folder that all names are in", "/", 0);
SCHEMA_BOOL(env, "env", "take what is not given from INFISICAL_API_URL, INFISICAL_TOKEN, "
    "INFISICAL_CLIENT_ID, INFISICAL_CLIENT_SECRET, INFISICAL_PROJECT_ID and "
    "INFISICAL_ENVIRONMENT", "false");

static const char *const methods[] = {"universal", "token", "kubernetes", "oidc", NULL};
SCHEMA_ENUM(method, "method", "how it logs in", methods, "universal");
static const char *const for_universal[] = {"universal", NULL};
SCHEMA_CHOSEN(client_id, "client-id", "the identity's client id", MORTISE_OPTION_STRING, NULL, 0,
    "method", for_universal);
SCHEMA_CHOSEN(client_secret, "client-secret", "one of its client secrets", MORTISE_OPTION_STRING,
    NULL, MORTISE_OPTION_SECRET, "method", for_universal);
static const char *const for_token[] = {"token", NULL};
SCHEMA_CHOSEN(token, "token", "an access token", MORTISE_OPTION_STRING, NULL, MORTISE_OPTION_SECRET,
    "method", for_token);
static const char *const for_jwt[] = {"kubernetes", "oidc", NULL};
SCHEMA_CHOSEN(identity_id, "identity-id", "the machine identity's id", MORTISE_OPTION_STRING, NULL,
    MORTISE_OPTION_REQUIRED, "method", for_jwt);
SCHEMA_CHOSEN(jwt, "jwt", "the token to log in with, read anew each time; Kubernetes: {file: "
    "/var/run/secrets/kubernetes.io/serviceaccount/token}", MORTISE_OPTION_STRING, NULL,
    MORTISE_OPTION_SECRET | MORTISE_OPTION_REQUIRED, "method", for_jwt);
static const struct mortise_option *const auth_members[] = {&method, &client_id, &client_secret,
    &token, &identity_id, &jwt, NULL};
SCHEMA_GROUP(auth, "auth", "who asks", auth_members);

static const struct mortise_option *const options[] = {&address, &project_id, &environment, &path,
    &auth, &env, &mortise_http_option, NULL};

/* --- instances ---------------------------------------------------------------------- */

/* NULL: not there, or not wanted. */
static const char *
from_environment(const struct infisical *infisical, const char *name)
{
	bool wanted = host->option_number(infisical->options, "env") != 0;
	const char *text = wanted ? getenv(name) : NULL;

	return text == NULL || text[0] == '\0' ? NULL : text;
}

static const char *
text_or_environment(const struct infisical *infisical, const char *option, const char *name)
{
	const char *text = host->option_string(infisical->options, option);

	return text != NULL ? text : from_environment(infisical, name);
}

/* "/a/b", "" for "/"; the server knows each folder by that alone. */
static enum mortise_code
take_base(struct infisical *infisical, struct mortise_call *call)
{
	const char *text = host->option_string(infisical->options, "path");
	size_t length = strlen(text), at = 0;

	infisical->base = malloc(length + 2);
	if (infisical->base == NULL)
		return infisical_no_memory(infisical, call);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '/' && (at == 0 || p[-1] == '/'))
			infisical->base[at++] = '/';
		if (*p != '/')
			infisical->base[at++] = *p;
	}
	infisical->base[at] = '\0';
	if (at > BASE_MAX)
		return host->option_fail(call, infisical->options, "path",
		    "it is longer than %d bytes", BASE_MAX);
	/* A folder that is no name of one could not be made, nor told from an escaped one. */
	return infisical->base[strspn(infisical->base, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/")] == '\0' ? MORTISE_OK :
	    host->option_fail(call, infisical->options, "path",
	    "Infisical's folders have names of [A-Za-z0-9_-]");
}

/* People give the address of the API, or of the web site. */
static enum mortise_code
make_client(struct infisical *infisical, struct mortise_call *call)
{
	const char *text = host->option_given(infisical->options, "address") ? NULL :
	    from_environment(infisical, "INFISICAL_API_URL");
	size_t length, size;
	char *url;
	enum mortise_code code;

	if (text == NULL)
		text = host->option_string(infisical->options, "address");
	length = strlen(text);
	while (length > 0 && text[length - 1] == '/')
		length--;
	if (length > 4 && memcmp(text + length - 4, "/api", 4) == 0)
		length -= 4;
	size = length + strlen(infisical->project) + strlen(infisical->environment) +
	    strlen(infisical->base) + 3;
	infisical->identity = malloc(size);
	url = malloc(length + 1);
	if (infisical->identity == NULL || url == NULL) {
		free(url);
		return infisical_no_memory(infisical, call);
	}
	(void)snprintf(url, length + 1, "%s", text);
	(void)snprintf(infisical->identity, size, "%s/%s/%s%s", url, infisical->project,
	    infisical->environment, infisical->base);
	code = mortise_http_new(host, call, infisical->options, (const char *const *)&url, 1, NULL,
	    &infisical->http);
	free(url);
	return code;
}

static enum mortise_code
missing(const struct infisical *infisical, struct mortise_call *call, const char *option,
    const struct mortise_option *what)
{
	return host->option_fail(call, infisical->options, option, "%s is missing: %s", what->name,
	    what->doc);
}

/* A token of the environment is taken where nothing is said of another way. */
static enum mortise_code
take_auth(struct infisical *infisical, struct mortise_call *call)
{
	const struct mortise_options *given = infisical->options;
	const char *ambient = from_environment(infisical, "INFISICAL_TOKEN");

	infisical->method = (enum infisical_method)host->option_number(given, "auth.method");
	if (ambient != NULL && !host->option_given(given, "auth.method") &&
	    !host->option_given(given, "auth.client-id") &&
	    !host->option_given(given, "auth.client-secret"))
		infisical->method = INFISICAL_TOKEN;
	if (infisical->method == INFISICAL_TOKEN && !host->option_given(given, "auth.token")) {
		infisical->given_token = ambient;
		return ambient != NULL ? MORTISE_OK : missing(infisical, call, "auth", &token);
	}
	if (infisical->method != INFISICAL_UNIVERSAL)
		return MORTISE_OK;
	infisical->given_id = text_or_environment(infisical, "auth.client-id",
	    "INFISICAL_CLIENT_ID");
	if (infisical->given_id == NULL)
		return missing(infisical, call, "auth", &client_id);
	if (host->option_given(given, "auth.client-secret"))
		return MORTISE_OK;
	infisical->given_secret = from_environment(infisical, "INFISICAL_CLIENT_SECRET");
	return infisical->given_secret != NULL ? MORTISE_OK :
	    missing(infisical, call, "auth", &client_secret);
}

static enum mortise_code
take_options(struct infisical *infisical, struct mortise_call *call)
{
	enum mortise_code code;

	infisical->project = text_or_environment(infisical, "project-id", "INFISICAL_PROJECT_ID");
	infisical->environment = text_or_environment(infisical, "environment",
	    "INFISICAL_ENVIRONMENT");
	if (infisical->project == NULL || infisical->project[0] == '\0')
		return missing(infisical, call, "project-id", &project_id);
	if (infisical->environment == NULL || infisical->environment[0] == '\0')
		return missing(infisical, call, "environment", &environment);
	code = take_auth(infisical, call);
	if (code == MORTISE_OK)
		code = take_base(infisical, call);
	return code == MORTISE_OK ? make_client(infisical, call) : code;
}

static void
infisical_close(void *instance)
{
	struct infisical *infisical = instance;

	session_free(infisical->session);
	mortise_http_free(infisical->http);
	free(infisical->identity);
	free(infisical->base);
	free(infisical);
}

static enum mortise_code
infisical_open(struct mortise_call *call, const struct mortise_options *given, void **instance)
{
	struct infisical *infisical = calloc(1, sizeof(*infisical));
	enum mortise_code code;

	if (infisical == NULL)
		return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	infisical->host = host;
	infisical->options = given;
	atomic_init(&infisical->generation, 0);
	atomic_init(&infisical->compared, false);
	infisical->session = session_new(host, &infisical_session_ops, infisical);
	code = infisical->session == NULL ? infisical_no_memory(infisical, call) :
	    take_options(infisical, call);
	if (code != MORTISE_OK) {
		infisical_close(infisical);
		return code;
	}
	*instance = infisical;
	return MORTISE_OK;
}

static const char *
infisical_identity(void *instance)
{
	const struct infisical *infisical = instance;

	return infisical->identity;
}

static const struct mortise_plugin plugin = {
	.size = sizeof(plugin),
	.magic = MORTISE_PLUGIN_MAGIC,
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.name = "infisical",
	.version = "0.1.0",
	.doc = "secrets in Infisical",
	.threads = MORTISE_THREADS_FREE,
	.reach = MORTISE_REACH_NETWORK,
	.flags = MORTISE_PLUGIN_DURABLE | MORTISE_PLUGIN_UNDO_RACY,
	.options = options,
	.open = infisical_open,
	.close = infisical_close,
	.check = infisical_check,
	.identity = infisical_identity,
	.secret = &infisical_secret_ops,
};

enum mortise_code
mortise_plugin_init(const struct mortise_host *table, struct mortise_call *call,
    const struct mortise_plugin **descriptor)
{
	host = table;
	*descriptor = &plugin;
	return mortise_http_init(table, call);
}
