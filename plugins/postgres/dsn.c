/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connection string.  libpq resolves names without a deadline, so they are resolved
 * here, and each address is tried by itself with a share of what time there is.
 */
/* For explicit_bzero. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

/* A password is among the settings. */
static void
settings_free(PQconninfoOption *settings)
{
	for (PQconninfoOption *s = settings; s != NULL && s->keyword != NULL; s++) {
		if (s->val != NULL)
			explicit_bzero(s->val, strlen(s->val));
	}
	PQconninfoFree(settings);
}

void
dsn_free(struct dsn *dsn)
{
	settings_free(dsn->given);
	settings_free(dsn->ambient);
	for (size_t i = 0; i < dsn->count; i++) {
		free(dsn->endpoints[i].host);
		free(dsn->endpoints[i].address);
		free(dsn->endpoints[i].port);
	}
	free(dsn->endpoints);
	*dsn = (struct dsn){0};
}

static const char *
setting(const PQconninfoOption *settings, const char *keyword)
{
	for (; settings->keyword != NULL; settings++) {
		if (strcmp(settings->keyword, keyword) == 0)
			return settings->val != NULL && settings->val[0] != '\0' ? settings->val :
			    NULL;
	}
	return NULL;
}

const char *
dsn_setting(const struct dsn *dsn, const char *keyword)
{
	const char *value = setting(dsn->given, keyword);

	return value != NULL ? value : setting(dsn->ambient, keyword);
}

/* What libpq says of a wrong one may quote it, password and all. */
static enum mortise_code
parse(const struct mortise_host *host, struct mortise_call *call,
    const struct mortise_options *options, const char *option, const char *text, struct dsn *dsn)
{
	char *words = NULL;

	dsn->given = PQconninfoParse(text, &words);
	PQfreemem(words);
	if (dsn->given == NULL)
		return host->option_fail(call, options, option, "it is no connection string; write "
		    "postgresql://USER:PASSWORD@HOST/DATABASE, or host=HOST dbname=DATABASE ...");
	dsn->ambient = PQconndefaults();
	if (dsn->ambient == NULL)
		return host->option_fail(call, options, option, "the service that PGSERVICE names "
		    "cannot be read; correct or unset it");
	if (setting(dsn->given, "service") != NULL)
		return host->option_fail(call, options, option, "a service is not looked up here; "
		    "write out what its file says");
	return MORTISE_OK;
}

enum mortise_code
dsn_read(const struct mortise_host *host, struct mortise_call *call,
    const struct mortise_options *options, const char *option, struct dsn *dsn)
{
	struct mortise_secret *secret = NULL;
	enum mortise_code code = host->option_secret(call, options, option, &secret);
	const char *text;
	size_t size;

	*dsn = (struct dsn){0};
	if (code != MORTISE_OK)
		return code;
	(void)host->secret_peek(secret, &size);
	if (host->secret_append(secret, "", 1) != MORTISE_OK) {
		code = no_memory(host, call);
	} else {
		text = host->secret_peek(secret, NULL);
		code = strlen(text) == size ? parse(host, call, options, option, text, dsn) :
		    host->option_fail(call, options, option, "it has a NUL byte");
	}
	host->secret_free(secret);
	if (code != MORTISE_OK)
		dsn_free(dsn);
	return code;
}

/* --- endpoints ------------------------------------------------------------------------ */

/* The i-th of a list of words between commas, malloc'd; "" where there are fewer. */
static char *
element(const char *list, size_t i)
{
	size_t length;

	for (; list != NULL; list = list[length] == ',' ? list + length + 1 : NULL) {
		length = strcspn(list, ",");
		if (i-- == 0)
			return strndup(list, length);
	}
	return calloc(1, 1);
}

static size_t
elements(const char *list)
{
	size_t count = list == NULL ? 0 : 1;

	for (; list != NULL && *list != '\0'; list++)
		count += *list == ',';
	return count;
}

static bool
is_name(const char *host)
{
	struct in6_addr address;

	return host[0] != '\0' && host[0] != '/' && host[0] != '@' &&
	    inet_pton(AF_INET, host, &address) != 1 && inet_pton(AF_INET6, host, &address) != 1;
}

/* Whoever adds an address knows for which host. */
struct locating {
	struct dsn *dsn;
	const char *host, *port;
	bool failed;
};

static enum mortise_code
add_endpoint(void *arg, const char *address)
{
	struct locating *locating = arg;
	struct dsn *dsn = locating->dsn;
	struct endpoint made = {strdup(locating->host), strdup(address), strdup(locating->port)};
	struct endpoint *grown = reallocarray(dsn->endpoints, dsn->count + 1, sizeof(*grown));

	if (grown != NULL)
		dsn->endpoints = grown;
	if (grown == NULL || made.host == NULL || made.address == NULL || made.port == NULL) {
		free(made.host);
		free(made.address);
		free(made.port);
		locating->failed = true;
		return MORTISE_ERROR;
	}
	dsn->endpoints[dsn->count++] = made;
	return MORTISE_OK;
}

/* A name without an address is no reason not to try the others. */
static enum mortise_code
locate_one(const struct mortise_host *host, struct mortise_call *call, struct dsn *dsn, size_t i,
    enum mortise_code *last)
{
	const char *ports = dsn_setting(dsn, "port");
	char *name = element(dsn_setting(dsn, "host"), i);
	char *address = element(dsn_setting(dsn, "hostaddr"), i);
	char *port = element(ports, elements(ports) == 1 ? 0 : i);
	struct locating locating = {dsn, name, port, name == NULL || address == NULL ||
	    port == NULL};

	if (!locating.failed && (address[0] != '\0' || !is_name(name)))
		(void)add_endpoint(&locating, address);
	else if (!locating.failed)
		*last = host->resolve(call, name, add_endpoint, &locating);
	free(name);
	free(address);
	free(port);
	return locating.failed ? no_memory(host, call) : MORTISE_OK;
}

enum mortise_code
dsn_locate(const struct mortise_host *host, struct mortise_call *call, struct dsn *dsn)
{
	size_t hosts = elements(dsn_setting(dsn, "host"));
	size_t addresses = elements(dsn_setting(dsn, "hostaddr"));
	size_t count = hosts > addresses ? hosts : addresses;
	enum mortise_code code = MORTISE_OK, last = MORTISE_OK;

	/* Neither: where libpq looks by itself. */
	for (size_t i = 0; code == MORTISE_OK && i < (count == 0 ? 1 : count); i++)
		code = locate_one(host, call, dsn, i, &last);
	if (code == MORTISE_OK && dsn->count == 0)
		code = last;
	return code;
}

char *
dsn_identity(const struct dsn *dsn)
{
	const char *hosts = dsn_setting(dsn, "host"), *ports = dsn_setting(dsn, "port");
	const char *database = dsn_setting(dsn, "dbname");
	struct text text = {0};
	size_t count;

	if (hosts == NULL)
		hosts = dsn_setting(dsn, "hostaddr");
	count = elements(hosts);
	for (size_t i = 0; i < (count == 0 ? 1 : count); i++) {
		char *host = element(hosts, i);
		char *port = element(ports, elements(ports) == 1 ? 0 : i);

		if (host == NULL || port == NULL)
			text.failed = true;
		else
			text_format(&text, "%s%s:%s", i == 0 ? "" : ",",
			    host[0] == '\0' ? "local" : host, port[0] == '\0' ? "5432" : port);
		free(host);
		free(port);
	}
	if (database == NULL)
		database = dsn_setting(dsn, "user");
	text_format(&text, "/%s", database == NULL ? "" : database);
	if (!text.failed)
		return text.bytes;
	text_free(&text);
	return NULL;
}
