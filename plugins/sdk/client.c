/* SPDX-License-Identifier: BSD-2-Clause */
/* The client: its options, and handles that keep connections. */
#include "sdk/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_MS "2s"
#define MAX_RESPONSE "4MiB"

/* --- options ------------------------------------------------------------------------ */

#define PATH_OPTION(variable, name_, doc_) \
	static const struct mortise_option variable = { \
		.size = sizeof(variable), .name = name_, .doc = doc_, \
		.type = MORTISE_OPTION_STRING, .flags = MORTISE_OPTION_PATH, \
	}
PATH_OPTION(ca_file_option, "ca-file", "certificates that are trusted, PEM; not given: the system's");
PATH_OPTION(ca_dir_option, "ca-dir", "a directory of such certificates, by hash");
PATH_OPTION(cert_option, "cert", "the client's certificate, PEM");
PATH_OPTION(key_option, "key", "its key, PEM");

static const struct mortise_option server_name_option = {
	.size = sizeof(server_name_option), .name = "server-name",
	.doc = "the name that the server's certificate has, where it is not the address's",
	.type = MORTISE_OPTION_STRING,
};
static const struct mortise_option proxy_option = {
	.size = sizeof(proxy_option), .name = "proxy",
	.doc = "an HTTP proxy, http://HOST:PORT; the environment's are not used",
	.type = MORTISE_OPTION_STRING,
};
static const struct mortise_option connect_option = {
	.size = sizeof(connect_option), .name = "connect-timeout",
	.doc = "how long a connection may take to be made",
	.type = MORTISE_OPTION_DURATION, .initial = CONNECT_MS, .minimum = 1, .maximum = 600000,
};
static const struct mortise_option max_response_option = {
	.size = sizeof(max_response_option), .name = "max-response",
	.doc = "how large an answer may be",
	.type = MORTISE_OPTION_SIZE, .initial = MAX_RESPONSE, .minimum = 1024,
	.maximum = (int64_t)16 << 20,
};
static const struct mortise_option *const members[] = {&ca_file_option, &ca_dir_option,
    &cert_option, &key_option, &server_name_option, &proxy_option, &connect_option,
    &max_response_option, NULL};
const struct mortise_option mortise_http_option = {
	.size = sizeof(mortise_http_option), .name = "http",
	.doc = "how it is reached", .type = MORTISE_OPTION_GROUP, .members = members,
};

/* --- addresses ---------------------------------------------------------------------- */

static char *
format(const char *a, const char *b, const char *c, const char *d)
{
	size_t size = strlen(a) + strlen(b) + strlen(c) + strlen(d) + 1;
	char *text = malloc(size);

	if (text != NULL)
		(void)snprintf(text, size, "%s%s%s%s", a, b, c, d);
	return text;
}

struct parts {
	char *scheme, *host, *port, *path;
};

static void
parts_free(struct parts *parts)
{
	curl_free(parts->scheme);
	curl_free(parts->host);
	curl_free(parts->port);
	curl_free(parts->path);
}

/* http or https, a host, and no user, query or fragment. */
static bool
split(const char *url, struct parts *parts)
{
	CURLU *parser = curl_url();
	char *other = NULL;
	bool good = parser != NULL && curl_url_set(parser, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(parser, CURLUPART_SCHEME, &parts->scheme, 0) == CURLUE_OK &&
	    curl_url_get(parser, CURLUPART_HOST, &parts->host, 0) == CURLUE_OK &&
	    curl_url_get(parser, CURLUPART_PORT, &parts->port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	    curl_url_get(parser, CURLUPART_PATH, &parts->path, 0) == CURLUE_OK &&
	    (strcmp(parts->scheme, "https") == 0 || strcmp(parts->scheme, "http") == 0);

	good = good && curl_url_get(parser, CURLUPART_USER, &other, 0) != CURLUE_OK;
	curl_free(other);
	curl_url_cleanup(parser);
	return good;
}

char *
url_origin(const char *url)
{
	struct parts parts = {NULL, NULL, NULL, NULL};
	char *with_scheme = NULL, *origin = NULL;

	if (split(url, &parts))
		with_scheme = format(parts.scheme, "://", parts.host, ":");
	if (with_scheme != NULL)
		origin = format(with_scheme, parts.port, "", "");
	free(with_scheme);
	parts_free(&parts);
	return origin;
}

/* With server-name, the URL has that name, and the connection goes to the address. */
static bool
add_address(struct mortise_http *http, const char *url, const char *server_name)
{
	struct address *address = &http->addresses[http->addresses_count++];
	struct parts parts = {NULL, NULL, NULL, NULL};
	char *front = NULL, *back = NULL;
	size_t length;
	bool good = split(url, &parts) && strpbrk(url, "?# ") == NULL;

	if (good) {
		front = format(parts.scheme, "://", server_name != NULL ? server_name : parts.host,
		    ":");
		back = format(parts.port, parts.path, "", "");
	}
	if (front != NULL && back != NULL)
		address->url = format(front, back, "", "");
	if (address->url != NULL) {
		for (length = strlen(address->url); address->url[length - 1] == '/'; length--)
			address->url[length - 1] = '\0';
		address->origin = url_origin(address->url);
	}
	if (address->origin != NULL && server_name != NULL) {
		free(front);
		front = format(server_name, ":", parts.port, ":");
		if (front != NULL)
			address->connect_to = format(front, parts.host, ":", parts.port);
	}
	good = address->origin != NULL && (server_name == NULL || address->connect_to != NULL);
	free(front);
	free(back);
	parts_free(&parts);
	return good;
}

/* --- making one --------------------------------------------------------------------- */

enum mortise_code
mortise_http_init(const struct mortise_host *host, struct mortise_call *call)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? MORTISE_OK :
	    host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "libcurl %s cannot be set up here", curl_version());
}

static bool
copy_option(const struct mortise_http *http, const struct mortise_options *options,
    const char *path, const char *instead, char **to)
{
	const char *text = http->host->option_string(options, path);

	if (text == NULL)
		text = instead;
	if (text != NULL)
		*to = format(text, "", "", "");
	return text == NULL || *to != NULL;
}

static enum mortise_code
check_readable(const struct mortise_http *http, struct mortise_call *call,
    const struct mortise_options *options, const char *path, const char *file)
{
	if (file == NULL || access(file, R_OK) == 0)
		return MORTISE_OK;
	if (!http->host->option_given(options, path))
		return http->host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s, which the environment gives for %s, cannot be read: %s", file, path,
		    strerror(errno));
	return http->host->option_fail(call, options, path, "%s cannot be read: %s", file,
	    strerror(errno));
}

static enum mortise_code
take_options(struct mortise_http *http, struct mortise_call *call,
    const struct mortise_options *options, const struct mortise_http_defaults *instead)
{
	const struct mortise_host *host = http->host;
	enum mortise_code code;

	http->connect_ms = (long)host->option_number(options, "http.connect-timeout");
	http->max_response = (size_t)host->option_number(options, "http.max-response");
	if (!copy_option(http, options, "http.ca-file", instead->ca_file, &http->ca_file) ||
	    !copy_option(http, options, "http.ca-dir", instead->ca_dir, &http->ca_dir) ||
	    !copy_option(http, options, "http.cert", instead->cert, &http->cert) ||
	    !copy_option(http, options, "http.key", instead->key, &http->key) ||
	    !copy_option(http, options, "http.proxy", NULL, &http->proxy))
		return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	if (http->key != NULL && http->cert == NULL)
		return host->option_fail(call, options, "http.key",
		    "this is a certificate's key; give `cert` too");
	code = check_readable(http, call, options, "http.ca-file", http->ca_file);
	if (code == MORTISE_OK)
		code = check_readable(http, call, options, "http.ca-dir", http->ca_dir);
	if (code == MORTISE_OK)
		code = check_readable(http, call, options, "http.cert", http->cert);
	if (code == MORTISE_OK)
		code = check_readable(http, call, options, "http.key", http->key);
	return code;
}

enum mortise_code
mortise_http_new(const struct mortise_host *host, struct mortise_call *call,
    const struct mortise_options *options, const char *const *addresses, size_t count,
    const struct mortise_http_defaults *given, struct mortise_http **result)
{
	static const struct mortise_http_defaults none = {.size = sizeof(none)};
	const struct mortise_http_defaults *instead = given == NULL ? &none : given;
	struct mortise_http *http = calloc(1, sizeof(*http));
	const char *server_name = host->option_string(options, "http.server-name");
	enum mortise_code code;

	if (server_name == NULL)
		server_name = instead->server_name;

	if (http == NULL || pthread_mutex_init(&http->lock, NULL) != 0) {
		free(http);
		return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	}
	http->host = host;
	http->addresses = calloc(count + 1, sizeof(*http->addresses));
	code = http->addresses == NULL ? MORTISE_ERROR :
	    take_options(http, call, options, instead);
	for (size_t i = 0; code == MORTISE_OK && i < count; i++) {
		if (!add_address(http, addresses[i], server_name))
			code = host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
			    "\"%s\" is no address; it is https://HOST[:PORT][/PATH], without a "
			    "user, query or fragment", addresses[i]);
	}
	if (code != MORTISE_OK) {
		mortise_http_free(http);
		return code;
	}
	*result = http;
	return MORTISE_OK;
}

void
mortise_http_free(struct mortise_http *http)
{
	if (http == NULL)
		return;
	for (size_t i = 0; i < http->kept_count; i++)
		curl_easy_cleanup(http->kept[i]);
	for (size_t i = 0; i < http->addresses_count; i++) {
		free(http->addresses[i].url);
		free(http->addresses[i].origin);
		free(http->addresses[i].connect_to);
	}
	free(http->addresses);
	free(http->ca_file);
	free(http->ca_dir);
	free(http->cert);
	free(http->key);
	free(http->proxy);
	(void)pthread_mutex_destroy(&http->lock);
	free(http);
}

/* --- handles ------------------------------------------------------------------------ */

/* libcurl's own are passed on to children. */
static curl_socket_t
open_socket(void *none, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)none;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static CURL *
handle_new(const struct mortise_http *http)
{
	CURL *curl = curl_easy_init();
	bool good = curl != NULL;
#define SET(option, value) (good = good && curl_easy_setopt(curl, option, value) == CURLE_OK)

	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L);	/* a name server that is silent keeps nobody */
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_TCP_NODELAY, 1L);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_PROXY, http->proxy == NULL ? "" : http->proxy);
	SET(CURLOPT_USERAGENT, "mortise");
	if (http->ca_file != NULL || http->ca_dir != NULL) {
		/* Those alone, not the system's beside them. */
		SET(CURLOPT_CAINFO, http->ca_file);
		SET(CURLOPT_CAPATH, http->ca_dir);
	}
	if (http->cert != NULL)
		SET(CURLOPT_SSLCERT, http->cert);
	if (http->key != NULL)
		SET(CURLOPT_SSLKEY, http->key);
#undef SET
	if (good)
		return curl;
	curl_easy_cleanup(curl);
	return NULL;
}

CURL *
client_take(struct mortise_http *http)
{
	CURL *curl = NULL;

	(void)pthread_mutex_lock(&http->lock);
	if (http->kept_count > 0)
		curl = http->kept[--http->kept_count];
	(void)pthread_mutex_unlock(&http->lock);
	return curl != NULL ? curl : handle_new(http);
}

void
client_give(struct mortise_http *http, CURL *curl)
{
	(void)pthread_mutex_lock(&http->lock);
	if (http->kept_count < HANDLES_KEPT) {
		http->kept[http->kept_count++] = curl;
		curl = NULL;
	}
	(void)pthread_mutex_unlock(&http->lock);
	if (curl != NULL)
		curl_easy_cleanup(curl);
}

size_t
client_first(struct mortise_http *http)
{
	size_t first;

	(void)pthread_mutex_lock(&http->lock);
	first = http->first;
	(void)pthread_mutex_unlock(&http->lock);
	return first;
}

void
client_answered(struct mortise_http *http, size_t address)
{
	(void)pthread_mutex_lock(&http->lock);
	http->first = address;
	(void)pthread_mutex_unlock(&http->lock);
}
