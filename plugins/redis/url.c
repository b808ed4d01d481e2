/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as text.  What is told of them quotes nothing: a password may stand anywhere. */
#define _GNU_SOURCE		/* strndup */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "redis.h"

#define DEFAULT_PORT 6379
#define HOST_MAX 253			/* RFC 1035, written out */
#define DATABASE_MAX 1000000

static const char no_memory[] = "out of memory";

void
endpoint_free(struct endpoint *endpoint)
{
	free(endpoint->host);
	endpoint->host = NULL;
}

void
endpoint_words(const struct endpoint *endpoint, char words[PLACE_SIZE])
{
	bool bare = strchr(endpoint->host, ':') == NULL;

	if (endpoint->port == 0)
		(void)snprintf(words, PLACE_SIZE, "%s", endpoint->host);
	else
		(void)snprintf(words, PLACE_SIZE, bare ? "%s:%u" : "[%s]:%u", endpoint->host,
		    (unsigned int)endpoint->port);
}

/* Decimal digits and nothing else; -1: it is none, or too large. */
static int64_t
number(const char *text, size_t size, int64_t max)
{
	int64_t value = 0;

	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9' || value > max)
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return size == 0 || value > max ? -1 : value;
}

const char *
endpoint_parse(const char *text, size_t size, uint16_t port, struct endpoint *endpoint)
{
	const char *end = text + size, *host = text, *after;
	bool numeric = size > 0 && text[0] == '[';
	size_t length;
	int64_t given;

	host += numeric;
	after = memchr(host, numeric ? ']' : ':', (size_t)(end - host));
	if (numeric && after == NULL)
		return "the bracket before an address is not closed";
	length = after == NULL ? size : (size_t)(after - host);
	if (length == 0 || length > HOST_MAX || strcspn(host, " /?#@%\\\"'\t\n") < length)
		return "it has no host's name or address";
	if (after != NULL)
		after += numeric;
	if (after != NULL && after != end) {
		given = after[0] == ':' ? number(after + 1, (size_t)(end - after) - 1, 65535) : -1;
		if (given <= 0)
			return "the port is no number from 1 to 65535; an IPv6 address is written "
			    "in brackets";
		port = (uint16_t)given;
	}
	endpoint->host = strndup(host, length);
	endpoint->port = port;
	return endpoint->host == NULL ? no_memory : NULL;
}

static const char *
parse_socket(const char *path, struct url *url)
{
	const char *query = strchr(path, '?');
	size_t length = query == NULL ? strlen(path) : (size_t)(query - path);

	if (path[0] != '/' || length >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return "a socket's path is absolute, and at most 107 bytes: unix:///PATH";
	if (query != NULL) {
		url->database = strncmp(query, "?db=", 4) == 0 ?
		    number(query + 4, strlen(query + 4), DATABASE_MAX) : -1;
		if (url->database < 0)
			return "behind a socket's path stands nothing, or ?db=NUMBER";
	}
	url->endpoint.host = strndup(path, length);
	return url->endpoint.host == NULL ? no_memory : NULL;
}

static const char *
parse_server(const char *text, struct url *url)
{
	size_t length = strcspn(text, "/?#");
	const char *at = memrchr(text, '@', length);

	/* A password may have any of these characters; then it is not where one is looked for. */
	if (at == NULL && strchr(text, '@') != NULL)
		return "an @ stands where none belongs; a user has no / ? or #";
	if (at != NULL) {
		if (memchr(text, ':', (size_t)(at - text)) != NULL)
			return "a url is no place for a password: it shows up where urls do; give "
			    "it as password: {file: PATH}, or another value form";
		if (at == text || memchr(text, '%', (size_t)(at - text)) != NULL)
			return "before the @ stands a user's name, without percent signs; or give "
			    "it as username";
		url->user = strndup(text, (size_t)(at - text));
		if (url->user == NULL)
			return no_memory;
		length -= (size_t)(at + 1 - text);
		text = at + 1;
	}
	if (text[length] == '/' && text[length + 1] != '\0') {
		url->database = number(text + length + 1, strlen(text + length + 1), DATABASE_MAX);
		if (url->database < 0)
			return "behind the host's / stands the number of a database";
	} else if (text[length] != '\0' && text[length] != '/')
		return "behind the host stands nothing, or /NUMBER for a database";
	return endpoint_parse(text, length, DEFAULT_PORT, &url->endpoint);
}

const char *
url_parse(const char *text, struct url *url)
{
	const char *wrong = "it is none of redis://HOST[:PORT][/DATABASE], rediss://... and "
	    "unix:///PATH[?db=NUMBER]";

	*url = (struct url){.database = -1};
	if (strncmp(text, "redis://", 8) == 0)
		wrong = parse_server(text + 8, url);
	else if (strncmp(text, "rediss://", 9) == 0) {
		url->tls = true;
		wrong = parse_server(text + 9, url);
	} else if (strncmp(text, "unix://", 7) == 0)
		wrong = parse_socket(text + 7, url);
	if (wrong != NULL)
		url_free(url);
	return wrong;
}

void
url_free(struct url *url)
{
	endpoint_free(&url->endpoint);
	free(url->user);
	url->user = NULL;
}
