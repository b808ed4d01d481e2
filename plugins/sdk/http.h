/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mortise/http.h: HTTP for plugins, on libcurl.  A static library of its own,
 * `pkg-config --cflags --libs --static mortise-http`; it knows mortise/plugin.h only.
 *
 * One client an instance, for any number of threads.  It keeps connections, checks
 * certificates always, bounds what it reads, keeps the deadline of the call, follows a
 * redirect to the configured addresses alone, and tells outages from answers.  No
 * request goes through a proxy that is not in the options: the environment's are not
 * looked at.
 */
#ifndef MORTISE_HTTP_H
#define MORTISE_HTTP_H

#include <mortise/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mortise_http;	/* a client */

/*
 * The group `http` of a plugin's options: ca-file, ca-dir, cert, key, server-name,
 * proxy, connect-timeout, max-response.  A plugin has it in its schema under that name.
 */
extern const struct mortise_option mortise_http_option;

/* Once a process, in mortise_plugin_init: libcurl's own set-up. */
enum mortise_code mortise_http_init(const struct mortise_host *, struct mortise_call *);

/* What the options do not give, from elsewhere: a plugin's environment.  NULL: nothing. */
struct mortise_http_defaults {
	size_t size;
	const char *ca_file, *ca_dir, *cert, *key, *server_name;
};

/*
 * A client for these addresses ("https://vault.example:8200", "http://127.0.0.1:80/base"),
 * all of one service: where one cannot be reached the next is asked.  options are those
 * of the backend, with the group `http` in them.  Connects to nobody.  Fails as invalid
 * where an address is none, or a file of the options cannot be read.  Defaults: NULL, or
 * files and a name for what the options leave out.
 */
enum mortise_code mortise_http_new(const struct mortise_host *, struct mortise_call *,
    const struct mortise_options *, const char *const *addresses, size_t count,
    const struct mortise_http_defaults *, struct mortise_http **);
void mortise_http_free(struct mortise_http *);	/* no call may be running; NULL is fine */

/* Exactly one of value and secret, which is put behind `prefix` (NULL: ""). */
struct mortise_http_header {
	const char *name, *value;
	const char *prefix;			/* "Bearer " */
	const struct mortise_secret *secret;
};

struct mortise_http_request {
	size_t size;
	const char *method;			/* "GET", ... */
	const char *path;			/* behind an address, from its "/" on; encoded already */
	const struct mortise_http_header *headers;
	size_t headers_count;
	const struct mortise_secret *body;	/* NULL: none */
	const char *body_type;			/* its Content-Type; NULL: none is sent */
	bool repeatable;			/* a write that may be sent twice: it has an idempotency key */
	const char *keep;			/* a header of the answer that is wanted; NULL: none */
	bool reads;				/* a POST that changes nothing: as a GET */
	int limit_ms;				/* of each try, if the call has more; 0: none */
	const char *sign;			/* "aws:amz:REGION:SERVICE": by AWS Signature Version 4 ... */
	const struct mortise_secret *sign_id, *sign_key;	/* ... with these; NULL: not signed */
};

struct mortise_http_answer {
	size_t size;
	int status;				/* 200, 404, ... */
	struct mortise_secret *body;		/* the caller's; never NULL on ok */
	char type[65];				/* Content-Type without parameters, lower case; "" = none */
	char request_id[129];			/* X-Request-Id or the like; "" = none */
	int64_t retry_after_ms;			/* 0 = none */
	int64_t date_ms;			/* the server's clock, Unix time; 0 = none */
	bool in_doubt;				/* an earlier try of this write may have had its effect */
	char kept[1025];			/* of the header `keep`; "" = none, or longer */
};

/*
 * One request, with whatever it takes: ok for every whole answer, whatever its status.
 * Reads (GET, HEAD, LIST) and what is repeatable are sent again, twice at most and with
 * random pauses, after an outage, a 429, 502, 503 or 504, as far as the deadline allows;
 * a Retry-After that does not fit ends it.  Sets fail() for every other code:
 *
 *   unavailable   nobody was there, or it broke off and surely had no effect
 *   timeout       no answer by the deadline or, to a write, perhaps an effect
 *   invalid       the answer is larger than max-response
 *   error         a certificate that is not good, an answer that is no HTTP, a redirect
 *                 to an address that is not configured
 */
enum mortise_code mortise_http_perform(struct mortise_http *, struct mortise_call *,
    const struct mortise_http_request *, struct mortise_http_answer *);

/* Waits a moment of random length that doubles with each try (0, 1, ...), or retry_after_ms
 * if that is not 0.  false: the deadline comes before that, and nothing was waited for. */
bool mortise_http_pause(const struct mortise_host *, const struct mortise_call *, int tried,
    int64_t retry_after_ms);

/*
 * What a status means where the plugin knows nothing better: ok for 2xx, and else
 * invalid (400, 405, 406, 413, 414, 415, 422 and other 4xx), denied (401, 403, 407),
 * not_found (404, 410), conflict (409, 412), unavailable (408, 425, 429, 503), and for
 * other 5xx timeout after a write that may have had its effect, else unavailable.
 */
enum mortise_code mortise_http_code(const struct mortise_http_request *, int status);

/* Appends text as a part of a path: all but [A-Za-z0-9._~-] becomes %XX; with `slashes`
 * they stay.  false: no room. */
bool mortise_http_encode(char *to, size_t size, const char *text, bool slashes);

#ifdef __cplusplus
}
#endif

#endif
