/* SPDX-License-Identifier: BSD-2-Clause */
/* client.h: what a client is made of.  For this folder only. */
#ifndef SDK_CLIENT_H
#define SDK_CLIENT_H

#include <curl/curl.h>
#include <pthread.h>

#include "sdk/http.h"

#define HANDLES_KEPT 64
#define HEADERS_MAX 65536		/* bytes of an answer's head */

struct address {
	char *url;			/* without a "/" at its end */
	char *origin;			/* "https://host:port", for comparing */
	char *connect_to;		/* where server-name has another name: CURLOPT_CONNECT_TO; else NULL */
};

struct mortise_http {
	const struct mortise_host *host;
	struct address *addresses;
	size_t addresses_count;
	char *ca_file, *ca_dir, *cert, *key, *proxy;	/* NULL: not given */
	long connect_ms;
	size_t max_response;
	pthread_mutex_t lock;		/* guards what follows */
	CURL *kept[HANDLES_KEPT];	/* with their connections */
	size_t kept_count;
	size_t first;			/* the address that answered last */
};

/* One exchange of a request and an answer. */
struct exchange {
	struct mortise_http *http;
	struct mortise_call *call;
	const struct mortise_http_request *request;
	struct mortise_http_answer *answer;
	struct curl_slist *headers;
	const struct address *address;
	char *url;
	const unsigned char *body;		/* what is to be sent, and how much of it was */
	size_t body_size, sent;
	unsigned int sends;			/* how often libcurl began to */
	long version;				/* of HTTP, as libcurl numbers them */
	size_t head_size;			/* bytes of the answer's head */
	bool too_large, no_memory;
	bool began;				/* something of the request went out */
	char words[CURL_ERROR_SIZE];
};

/* libcurl's callbacks for what comes in; arg is the exchange. */
size_t exchange_take_body(char *bytes, size_t one, size_t size, void *arg);
size_t exchange_take_header(char *bytes, size_t one, size_t size, void *arg);

/* A handle that is set up but for the request; NULL: no memory. */
CURL *client_take(struct mortise_http *);
void client_give(struct mortise_http *, CURL *);
size_t client_first(struct mortise_http *);
void client_answered(struct mortise_http *, size_t address);

/* Of a URL, with the port that its scheme has; malloc'd, NULL: it is none, or no memory. */
char *url_origin(const char *url);

#endif
