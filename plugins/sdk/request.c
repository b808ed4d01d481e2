/* SPDX-License-Identifier: BSD-2-Clause */
/* One request: addresses in turn, retries, and what became of it. */
#define _DEFAULT_SOURCE		/* explicit_bzero */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sdk/client.h"

#define TRIES 3
#define PAUSE_MS 100			/* before the second; twice that before the third */
#define REDIRECTS 3

static bool
is_read(const struct mortise_http_request *request)
{
	return request->reads || strcmp(request->method, "GET") == 0 ||
	    strcmp(request->method, "HEAD") == 0 || strcmp(request->method, "LIST") == 0;
}

static bool
may_repeat(const struct mortise_http_request *request)
{
	return is_read(request) || request->repeatable;
}

/* --- what goes out ------------------------------------------------------------------ */

static size_t
give_body(char *to, size_t one, size_t size, void *arg)
{
	struct exchange *exchange = arg;
	size_t left = exchange->body_size - exchange->sent;

	(void)one;
	if (size > left)
		size = left;
	memcpy(to, exchange->body + exchange->sent, size);
	exchange->sent += size;
	return size;
}

/* For a kept connection that turns out to be closed: libcurl begins again. */
static int
rewind_body(void *arg, curl_off_t offset, int origin)
{
	struct exchange *exchange = arg;

	if (origin != SEEK_SET || offset < 0 || (size_t)offset > exchange->body_size)
		return CURL_SEEKFUNC_FAIL;
	exchange->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* That must not be with a write: nobody knows whether the first one was read. */
static int
before_sending(void *arg, char *to_ip, char *from_ip, int to_port, int from_port)
{
	struct exchange *exchange = arg;

	(void)to_ip;
	(void)from_ip;
	(void)to_port;
	(void)from_port;
	return exchange->sends++ == 0 || may_repeat(exchange->request) ? CURL_PREREQFUNC_OK :
	    CURL_PREREQFUNC_ABORT;
}

static bool
add_header(struct exchange *exchange, const char *name, const char *prefix, const char *value,
    size_t length)
{
	size_t size = strlen(name) + strlen(prefix) + length + 3;
	char *line = malloc(size);
	struct curl_slist *longer = NULL;
	/* A line's end in it would be another header. */
	bool good = line != NULL && memchr(value, '\n', length) == NULL &&
	    memchr(value, '\r', length) == NULL && memchr(value, '\0', length) == NULL;

	if (good) {
		(void)snprintf(line, size, "%s: %s%.*s", name, prefix, (int)length, value);
		longer = curl_slist_append(exchange->headers, line);
	}
	if (line != NULL)
		explicit_bzero(line, size);
	free(line);
	if (longer != NULL)
		exchange->headers = longer;
	return longer != NULL;
}

static bool
add_headers(struct exchange *exchange)
{
	const struct mortise_http_request *request = exchange->request;
	const struct mortise_host *host = exchange->http->host;
	bool good = true;

	for (size_t i = 0; good && i < request->headers_count; i++) {
		const struct mortise_http_header *header = &request->headers[i];
		size_t length = header->value == NULL ? 0 : strlen(header->value);
		const char *value = header->secret == NULL ? header->value :
		    host->secret_peek(header->secret, &length);

		good = value != NULL && add_header(exchange, header->name,
		    header->prefix == NULL ? "" : header->prefix, value, length);
	}
	if (good && request->body_type != NULL)
		good = add_header(exchange, "Content-Type", "", request->body_type,
		    strlen(request->body_type));
	/* Nobody is asked whether he wants the body, and a type is sent if one is given.  What is
	 * taken away in this way libcurl would sign as empty; there it is not needed. */
	return good && (request->sign != NULL ||
	    (add_header(exchange, "Expect", "", "", 0) &&
	    (request->body_type != NULL || add_header(exchange, "Content-Type", "", "", 0))));
}

static void
free_headers(struct exchange *exchange)
{
	for (struct curl_slist *at = exchange->headers; at != NULL; at = at->next)
		explicit_bzero(at->data, strlen(at->data));
	curl_slist_free_all(exchange->headers);
	exchange->headers = NULL;
}

static void
set_method(struct exchange *exchange, CURL *curl)
{
	const struct mortise_http_request *request = exchange->request;

	if (request->sign != NULL) {
		size_t size;
		const char *body = exchange->http->host->secret_peek(request->body, &size);

		/* It signs what it is given in this way, and nothing else. */
		(void)curl_easy_setopt(curl, CURLOPT_UPLOAD, 0L);
		(void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
		(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	} else if (request->body != NULL) {
		exchange->body = exchange->http->host->secret_peek(request->body,
		    &exchange->body_size);
		(void)curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		(void)curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE,
		    (curl_off_t)exchange->body_size);
		(void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
		(void)curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
		(void)curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, rewind_body);
		(void)curl_easy_setopt(curl, CURLOPT_SEEKDATA, exchange);
	} else {
		(void)curl_easy_setopt(curl, CURLOPT_UPLOAD, 0L);
		(void)curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
		(void)curl_easy_setopt(curl, CURLOPT_NOBODY,
		    strcmp(request->method, "HEAD") == 0 ? 1L : 0L);
	}
	(void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

/* The keys, for this request alone: a handle is used by others after it. */
static bool
set_signature(const struct exchange *exchange, CURL *curl, bool on)
{
	const struct mortise_http_request *request = exchange->request;
	const struct mortise_host *host = exchange->http->host;

	if (request->sign == NULL)
		return true;
	if (on)
		return curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, request->sign) == CURLE_OK &&
		    curl_easy_setopt(curl, CURLOPT_USERNAME,
		    (const char *)host->secret_peek(request->sign_id, NULL)) == CURLE_OK &&
		    curl_easy_setopt(curl, CURLOPT_PASSWORD,
		    (const char *)host->secret_peek(request->sign_key, NULL)) == CURLE_OK;
	(void)curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, NULL);
	(void)curl_easy_setopt(curl, CURLOPT_USERNAME, NULL);
	(void)curl_easy_setopt(curl, CURLOPT_PASSWORD, NULL);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, NULL);
	return true;
}

/* --- one exchange ------------------------------------------------------------------- */

static CURLcode
exchange_once(struct exchange *exchange, CURL *curl, struct curl_slist *connect_to)
{
	const struct mortise_host *host = exchange->http->host;
	long left = host->left_ms(exchange->call), request_size = 0, status = 0;
	long connect = exchange->http->connect_ms < left ? exchange->http->connect_ms : left;
	CURLcode result;

	if (left == 0)
		return CURLE_OPERATION_TIMEDOUT;
	if (exchange->request->limit_ms != 0 && exchange->request->limit_ms < left)
		left = exchange->request->limit_ms;
	exchange->words[0] = '\0';
	exchange->sent = exchange->head_size = 0;
	exchange->sends = 0;
	set_method(exchange, curl);
	(void)curl_easy_setopt(curl, CURLOPT_URL, exchange->url);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, exchange->headers);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, left);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect);
	(void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->words);
	(void)curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, before_sending);
	(void)curl_easy_setopt(curl, CURLOPT_PREREQDATA, exchange);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, exchange_take_body);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	(void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, exchange_take_header);
	(void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
	result = set_signature(exchange, curl, true) ? curl_easy_perform(curl) :
	    CURLE_OUT_OF_MEMORY;
	(void)curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &request_size);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(curl, CURLINFO_HTTP_VERSION, &exchange->version);
	exchange->began = exchange->began || request_size > 0 || exchange->sends > 1;
	exchange->answer->status = (int)status;
	/* What points to this frame goes out of the handle. */
	(void)set_signature(exchange, curl, false);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECT_TO, NULL);
	(void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	return result;
}

static bool
make_url(struct exchange *exchange, const char *front, const char *back)
{
	size_t size = strlen(front) + strlen(back) + 1;

	free(exchange->url);
	exchange->url = malloc(size);
	if (exchange->url != NULL)
		(void)snprintf(exchange->url, size, "%s%s", front, back);
	return exchange->url != NULL;
}

static bool
new_body(struct exchange *exchange)
{
	const struct mortise_host *host = exchange->http->host;

	host->secret_free(exchange->answer->body);
	exchange->answer->body = host->secret_new(0);
	exchange->answer->status = 0;
	return exchange->answer->body != NULL;
}

/* A redirect that may be followed: one of the addresses, and never from https to http. */
static const struct address *
target_of(const struct exchange *exchange, const char *url)
{
	char *origin = url_origin(url);
	const struct address *found = NULL;

	for (size_t i = 0; origin != NULL && i < exchange->http->addresses_count; i++) {
		const struct address *address = &exchange->http->addresses[i];

		if (strcmp(address->origin, origin) == 0)
			found = address;
	}
	free(origin);
	return found;
}

enum follow {
	FOLLOW_NO,				/* it is none */
	FOLLOW_YES,
	FOLLOW_REFUSED
};

/* 307 and 308 keep the method; the older ones are followed by reads alone. */
static enum follow
follow(struct exchange *exchange, CURL *curl)
{
	int status = exchange->answer->status;
	char *url = NULL;
	enum follow result = FOLLOW_REFUSED;
	bool older = status == 301 || status == 302 || status == 303;

	if (status != 307 && status != 308 && !older)
		return FOLLOW_NO;
	if (older && !is_read(exchange->request))
		return FOLLOW_REFUSED;
	(void)curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &url);
	if (url != NULL) {
		const struct address *address = target_of(exchange, url);

		if (address != NULL && make_url(exchange, url, "")) {
			exchange->address = address;
			result = FOLLOW_YES;
		}
	}
	return result;
}

/* --- what it means ------------------------------------------------------------------ */

static enum mortise_code
failed(struct exchange *exchange, CURLcode result)
{
	const struct mortise_http *http = exchange->http;
	const struct mortise_host *host = http->host;
	bool doubt = exchange->began && !is_read(exchange->request);
	const char *words = exchange->words[0] != '\0' ? exchange->words :
	    curl_easy_strerror(result);
	const char *origin = exchange->address->origin;

	if (exchange->no_memory || result == CURLE_OUT_OF_MEMORY)
		return host->fail(exchange->call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	if (exchange->too_large)
		return host->fail(exchange->call, doubt ? MORTISE_TIMEOUT : MORTISE_INVALID,
		    MORTISE_REASON_NONE, "the answer of %s is larger than %zu bytes; raise "
		    "http.max-response if that is right", origin, http->max_response);
	switch ((int)result) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CRL_BADFILE:
		return host->fail(exchange->call, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "%s: %s; see http.ca-file, http.server-name and http.cert", origin, words);
	case CURLE_OPERATION_TIMEDOUT:
		return host->fail(exchange->call, exchange->began ? MORTISE_TIMEOUT :
		    MORTISE_UNAVAILABLE, MORTISE_REASON_NONE, "%s did not %s in time", origin,
		    exchange->began ? "answer" : "take a connection");
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		return host->fail(exchange->call, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "what %s answers is no HTTP: %s", origin, words);
	default:
		return host->fail(exchange->call, doubt ? MORTISE_TIMEOUT : MORTISE_UNAVAILABLE,
		    MORTISE_REASON_NONE, "%s: %s%s", origin, words,
		    doubt ? "; it may have had its effect" : "");
	}
}

enum mortise_code
mortise_http_code(const struct mortise_http_request *request, int status)
{
	bool doubt = !is_read(request);

	switch (status) {
	case 401:
	case 403:
	case 407:
		return MORTISE_DENIED;
	case 404:
	case 410:
		return MORTISE_NOT_FOUND;
	case 409:
	case 412:
		return MORTISE_CONFLICT;
	case 408:
	case 425:
	case 429:
	case 503:
		return MORTISE_UNAVAILABLE;
	default:
		if (status >= 200 && status < 300)
			return MORTISE_OK;
		return status < 500 ? MORTISE_INVALID : doubt ? MORTISE_TIMEOUT : MORTISE_UNAVAILABLE;
	}
}

/* --- all of it ---------------------------------------------------------------------- */

static bool
is_outage(int status)
{
	return status == 429 || status == 502 || status == 503 || status == 504;
}

static bool
reached_nobody(const struct exchange *exchange, CURLcode result)
{
	return result == CURLE_COULDNT_CONNECT || result == CURLE_COULDNT_RESOLVE_HOST ||
	    result == CURLE_COULDNT_RESOLVE_PROXY ||
	    (result == CURLE_OPERATION_TIMEDOUT && !exchange->began);
}

/* A certificate is not better the next time, nor is an answer smaller. */
static bool
is_final(const struct exchange *exchange, CURLcode result)
{
	return exchange->too_large || exchange->no_memory ||
	    result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE ||
	    result == CURLE_SSL_CERTPROBLEM || (result == CURLE_OK &&
	    !is_outage(exchange->answer->status));
}

/* May this try of a write have had its effect, although nobody said so? */
static bool
leaves_doubt(const struct exchange *exchange, CURLcode result)
{
	return !is_read(exchange->request) && exchange->began && (result != CURLE_OK ||
	    exchange->answer->status == 502 || exchange->answer->status == 504);
}

/* From one address, with its redirects.  Of codes of libcurl. */
static CURLcode
ask(struct exchange *exchange, const struct address *address, bool *refused)
{
	CURL *curl = client_take(exchange->http);
	CURLcode result = CURLE_OUT_OF_MEMORY;
	enum follow followed = FOLLOW_YES;

	*refused = false;
	exchange->address = address;
	if (curl == NULL || !make_url(exchange, address->url, exchange->request->path)) {
		curl_easy_cleanup(curl);
		return CURLE_OUT_OF_MEMORY;
	}
	for (int i = 0; followed == FOLLOW_YES && i <= REDIRECTS; i++) {
		struct curl_slist *connect_to = exchange->address->connect_to == NULL ? NULL :
		    curl_slist_append(NULL, exchange->address->connect_to);

		result = new_body(exchange) ? exchange_once(exchange, curl, connect_to) :
		    CURLE_OUT_OF_MEMORY;
		curl_slist_free_all(connect_to);
		followed = result == CURLE_OK ? follow(exchange, curl) : FOLLOW_NO;
	}
	*refused = followed != FOLLOW_NO;
	client_give(exchange->http, curl);
	return result;
}

bool
mortise_http_pause(const struct mortise_host *host, const struct mortise_call *call, int tried,
    int64_t retry_after_ms)
{
	int64_t most = (int64_t)PAUSE_MS << (tried < 8 ? tried : 8), ms = retry_after_ms;
	struct timespec left, now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (ms == 0)
		ms = 1 + now.tv_nsec / 1000 % most;
	if (ms >= host->left_ms(call))
		return false;
	left = (struct timespec){ms / 1000, ms % 1000 * 1000000};
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
	return true;
}

/* Each address once; *result of the last that was asked. */
static bool
ask_all(struct exchange *exchange, CURLcode *result)
{
	struct mortise_http *http = exchange->http;
	size_t first = client_first(http);
	bool refused = false;

	for (size_t i = 0; i < http->addresses_count; i++) {
		size_t at = (first + i) % http->addresses_count;

		*result = ask(exchange, &http->addresses[at], &refused);
		if (*result == CURLE_OK)
			client_answered(http, at);
		if (!reached_nobody(exchange, *result))
			break;
	}
	return refused;
}

enum mortise_code
mortise_http_perform(struct mortise_http *http, struct mortise_call *call,
    const struct mortise_http_request *request, struct mortise_http_answer *answer)
{
	struct exchange exchange = {.http = http, .call = call, .request = request,
	    .answer = answer};
	const struct mortise_host *host = http->host;
	bool again = may_repeat(request), refused = false;
	CURLcode result = CURLE_OUT_OF_MEMORY;
	enum mortise_code code = MORTISE_OK;

	*answer = (struct mortise_http_answer){.size = sizeof(*answer)};
	exchange.address = &http->addresses[0];
	if (!add_headers(&exchange))
		code = host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "a header cannot hold that: it has a line's end in it, or there is no memory");
	for (int tried = 0; code == MORTISE_OK; tried++) {
		refused = ask_all(&exchange, &result);
		if (refused || !again || is_final(&exchange, result) || tried + 1 == TRIES ||
		    !mortise_http_pause(host, call, tried, answer->retry_after_ms))
			break;
		answer->in_doubt = answer->in_doubt || leaves_doubt(&exchange, result);
	}
	if (code == MORTISE_OK && refused)
		code = host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "%s sends elsewhere by %d, to an address that is not configured",
		    exchange.address->origin, answer->status);
	else if (code == MORTISE_OK && result != CURLE_OK)
		code = failed(&exchange, result);
	if (code != MORTISE_OK) {
		host->secret_free(answer->body);
		answer->body = NULL;
	}
	host->fail_detail(call, answer->request_id[0] == '\0' ? NULL : answer->request_id,
	    answer->retry_after_ms);
	host->log(call, MORTISE_LOG_DEBUG, "%s %s: HTTP/%s %d", request->method,
	    exchange.url == NULL ? "" : exchange.url,
	    exchange.version == CURL_HTTP_VERSION_2_0 ? "2" : "1", answer->status);
	free_headers(&exchange);
	free(exchange.url);
	return code;
}

bool
mortise_http_encode(char *to, size_t size, const char *text, bool slashes)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t at = strlen(to);

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("._~-", c) != NULL || (slashes && c == '/');

		if (at + (plain ? 1 : 3) >= size)
			return false;
		if (plain)
			to[at++] = (char)c;
		else {
			to[at++] = '%';
			to[at++] = digits[c >> 4];
			to[at++] = digits[c & 15];
		}
		to[at] = '\0';
	}
	return true;
}
