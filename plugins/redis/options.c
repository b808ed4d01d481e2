/* SPDX-License-Identifier: BSD-2-Clause */
/* The schema and the descriptor; what makes and ends an instance. */
#define _GNU_SOURCE		/* strdup */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis.h"
#include "sdk/schema.h"

#define SENTINEL_PORT 26379

static const struct mortise_host *host;

/* --- the schema --------------------------------------------------------------------- */

SCHEMA_TEXT(url, "url", "the server: redis://[USER@]HOST[:PORT][/DATABASE], rediss://... for TLS, "
    "or unix:///PATH[?db=NUMBER]", NULL, 0);
SCHEMA_TEXT(username, "username", "the user of the server's ACL; not given: its default user",
    NULL, 0);
SCHEMA_TEXT(password, "password", "its password, read anew for each connection", NULL,
    MORTISE_OPTION_SECRET);
SCHEMA_OPTION(database, "database", "the number of the database", MORTISE_OPTION_INT,
    .initial = "0", .minimum = 0, .maximum = 1000000);
SCHEMA_TEXT(prefix, "prefix", "what stands before each key in the server", "", 0);
SCHEMA_OPTION(pool, "pool", "how many connections it makes at most", MORTISE_OPTION_INT,
    .initial = "16", .minimum = 1, .maximum = 1024);

SCHEMA_TEXT(address, "", "HOST[:PORT], with the port 26379 where none is given", NULL, 0);
static const struct mortise_option *const address_members[] = {&address, NULL};
SCHEMA_OPTION(addresses, "addresses", "where the Sentinels are", MORTISE_OPTION_LIST,
    .members = address_members, .flags = MORTISE_OPTION_REQUIRED);
SCHEMA_TEXT(master, "master", "what they call the master", NULL, MORTISE_OPTION_REQUIRED);
SCHEMA_TEXT(sentinel_username, "username", "the user of the Sentinels' own ACL", NULL, 0);
SCHEMA_TEXT(sentinel_password, "password", "its password", NULL, MORTISE_OPTION_SECRET);
static const struct mortise_option *const sentinel_members[] = {&addresses, &master,
    &sentinel_username, &sentinel_password, NULL};
SCHEMA_GROUP(sentinel, "sentinel", "Redis Sentinels that know the server, in place of a url",
    sentinel_members);

SCHEMA_OPTION(wait_replicas, "wait-replicas", "how many replicas must have confirmed a write "
    "before it is answered", MORTISE_OPTION_INT, .initial = "0", .minimum = 0, .maximum = 100);
SCHEMA_OPTION(wait_timeout, "wait-timeout", "how long it waits for them; later it is a timeout",
    MORTISE_OPTION_DURATION, .initial = "1s", .minimum = 1, .maximum = 600000);

SCHEMA_TEXT(ca_file, "ca-file", "certificates that are trusted, PEM; not given: the system's", NULL,
    MORTISE_OPTION_PATH);
SCHEMA_TEXT(ca_dir, "ca-dir", "a directory of such certificates, by hash", NULL,
    MORTISE_OPTION_PATH);
SCHEMA_TEXT(cert, "cert", "the client's certificate, PEM", NULL, MORTISE_OPTION_PATH);
SCHEMA_TEXT(key, "key", "its key, PEM", NULL, MORTISE_OPTION_PATH);
SCHEMA_TEXT(server_name, "server-name", "the name that the server's certificate has, where it is "
    "not the address's", NULL, 0);
static const struct mortise_option *const tls_members[] = {&ca_file, &ca_dir, &cert, &key,
    &server_name, NULL};
SCHEMA_GROUP(tls, "tls", "how connections are encrypted: of rediss://, and of Sentinels and "
    "their master where it is given", tls_members);

static const struct mortise_option *const options[] = {&url, &username, &password, &database,
    &prefix, &pool, &sentinel, &wait_replicas, &wait_timeout, &tls, NULL};

/* --- instances ---------------------------------------------------------------------- */

enum mortise_code
redis_no_memory(const struct redis *redis, struct mortise_call *call)
{
	return redis->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
}

static enum mortise_code
take_url(struct redis *redis, struct mortise_call *call, const char *text)
{
	struct url parsed;
	const char *wrong = url_parse(text, &parsed);

	if (wrong != NULL)
		return host->option_fail(call, redis->options, "url", "%s", wrong);
	redis->endpoints[0] = parsed.endpoint;
	redis->endpoints_count = 1;
	if (parsed.user != NULL && redis->user != NULL) {
		free(parsed.user);
		return host->option_fail(call, redis->options, "username",
		    "the url names a user already; name it once");
	}
	if (parsed.user != NULL)
		redis->user = parsed.user;
	if (parsed.database >= 0 && host->option_given(redis->options, "database"))
		return host->option_fail(call, redis->options, "database",
		    "the url has a database already; say it once");
	if (parsed.database >= 0)
		redis->database = parsed.database;
	if (!parsed.tls && host->option_given(redis->options, "tls"))
		return host->option_fail(call, redis->options, "tls",
		    "the url is not one of rediss://, so nothing would be encrypted; write that, "
		    "or take tls away");
	return parsed.tls ? tls_open(redis, call) : MORTISE_OK;
}

static enum mortise_code
take_sentinels(struct redis *redis, struct mortise_call *call)
{
	redis->master = host->option_string(redis->options, "sentinel.master");
	for (size_t i = 0; i < host->option_count(redis->options, "sentinel.addresses"); i++) {
		const struct mortise_options *element = host->option_at(redis->options,
		    "sentinel.addresses", i, NULL);
		const char *text = host->option_string(element, "");
		const char *wrong = endpoint_parse(text, strlen(text), SENTINEL_PORT,
		    &redis->endpoints[i]);

		if (wrong != NULL)
			return host->option_fail(call, element, "", "%s", wrong);
		redis->endpoints_count++;
	}
	if (host->option_given(redis->options, "sentinel.username") &&
	    !host->option_given(redis->options, "sentinel.password"))
		return host->option_fail(call, redis->options, "sentinel.username",
		    "a user has a password; give sentinel.password");
	return host->option_given(redis->options, "tls") ? tls_open(redis, call) : MORTISE_OK;
}

static enum mortise_code
take_server(struct redis *redis, struct mortise_call *call)
{
	const char *text = host->option_string(redis->options, "url");
	bool sentinels = host->option_given(redis->options, "sentinel");
	size_t count = sentinels ? host->option_count(redis->options, "sentinel.addresses") : 1;

	if (sentinels && text != NULL)
		return host->option_fail(call, redis->options, "url", "there are Sentinels to say "
		    "where the server is; give one of both, url or sentinel");
	if (!sentinels && text == NULL)
		return host->option_fail(call, redis->options, "", "it is not said where the "
		    "server is; give url, or sentinel");
	if (count == 0)
		return host->option_fail(call, redis->options, "sentinel.addresses",
		    "there is none; give one or more, [HOST:PORT, HOST:PORT]");
	redis->endpoints = calloc(count, sizeof(redis->endpoints[0]));
	if (redis->endpoints == NULL)
		return redis_no_memory(redis, call);
	return sentinels ? take_sentinels(redis, call) : take_url(redis, call, text);
}

static enum mortise_code
take_user(struct redis *redis, struct mortise_call *call)
{
	const char *name = host->option_string(redis->options, "username");

	if (name != NULL) {
		redis->user = strdup(name);
		if (redis->user == NULL)
			return redis_no_memory(redis, call);
	}
	return MORTISE_OK;
}

/* The addresses, the master's name, the database and the prefix; no user. */
static enum mortise_code
make_identity(struct redis *redis, struct mortise_call *call)
{
	size_t size = PREFIX_MAX + 64 + (redis->master == NULL ? 0 : strlen(redis->master)) +
	    redis->endpoints_count * PLACE_SIZE, at = 0;
	char words[PLACE_SIZE];

	redis->identity = malloc(size);
	if (redis->identity == NULL)
		return redis_no_memory(redis, call);
	for (size_t i = 0; i < redis->endpoints_count; i++) {
		endpoint_words(&redis->endpoints[i], words);
		at += (size_t)snprintf(redis->identity + at, size - at, "%s%s",
		    i == 0 ? "" : ",", words);
	}
	(void)snprintf(redis->identity + at, size - at, "/%s%s%lld/%s",
	    redis->master == NULL ? "" : redis->master, redis->master == NULL ? "" : "/",
	    (long long)redis->database, redis->prefix);
	return MORTISE_OK;
}

static enum mortise_code
take_options(struct redis *redis, struct mortise_call *call)
{
	enum mortise_code code;

	redis->database = host->option_number(redis->options, "database");
	redis->replicas = host->option_number(redis->options, "wait-replicas");
	redis->wait_ms = host->option_number(redis->options, "wait-timeout");
	redis->prefix = host->option_string(redis->options, "prefix");
	if (strlen(redis->prefix) > PREFIX_MAX)
		return host->option_fail(call, redis->options, "prefix",
		    "it is longer than %d bytes", PREFIX_MAX);
	code = take_user(redis, call);
	if (code == MORTISE_OK)
		code = take_server(redis, call);
	if (code == MORTISE_OK && redis->user != NULL &&
	    !host->option_given(redis->options, "password"))
		return host->option_fail(call, redis->options, "password",
		    "a user has a password; give it as password: {file: PATH}, or another value "
		    "form");
	for (size_t i = 0; i < SCRIPTS; i++)
		redis_digest(redis_scripts[i], strlen(redis_scripts[i]), redis->digests[i]);
	return code == MORTISE_OK ? make_identity(redis, call) : code;
}

static void
redis_close(void *instance)
{
	struct redis *redis = instance;

	pool_free(&redis->pool);
	tls_close(&redis->tls);
	for (size_t i = 0; i < redis->endpoints_count; i++)
		endpoint_free(&redis->endpoints[i]);
	free(redis->endpoints);
	free(redis->user);
	free(redis->identity);
	free(redis);
}

static enum mortise_code
redis_open(struct mortise_call *call, const struct mortise_options *given, void **instance)
{
	struct redis *redis = calloc(1, sizeof(*redis));
	enum mortise_code code;

	if (redis == NULL)
		return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	redis->host = host;
	redis->options = given;
	if (!pool_init(&redis->pool, (size_t)host->option_number(given, "pool"))) {
		code = redis_no_memory(redis, call);
		free(redis);
		return code;
	}
	code = take_options(redis, call);
	if (code != MORTISE_OK) {
		redis_close(redis);
		return code;
	}
	*instance = redis;
	return MORTISE_OK;
}

static const char *
redis_identity(void *instance)
{
	const struct redis *redis = instance;

	return redis->identity;
}

static const struct mortise_plugin plugin = {
	.size = sizeof(plugin),
	.magic = MORTISE_PLUGIN_MAGIC,
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.name = "redis",
	.version = "0.1.0",
	.doc = "state records in Redis",
	.threads = MORTISE_THREADS_FREE,
	.reach = MORTISE_REACH_NETWORK,
	.options = options,
	.open = redis_open,
	.close = redis_close,
	.check = redis_check,
	.identity = redis_identity,
	.state = &redis_state_ops,
};

enum mortise_code
mortise_plugin_init(const struct mortise_host *table, struct mortise_call *call,
    const struct mortise_plugin **descriptor)
{
	(void)call;
	host = table;
	*descriptor = &plugin;
	return MORTISE_OK;
}
