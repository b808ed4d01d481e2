/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rest: secrets behind any HTTP API, by templates from the configuration.
 *
 *   options.c     the schema, and instances
 *   operations.c  get, put, delete, list
 *   template.c    names and values into URLs and bodies
 *   json.c        values and names out of answers
 */
#ifndef REST_H
#define REST_H

#include <mortise/plugin.h>

#include "sdk/http.h"

#define URL_MAX 4096

enum rest_verb {
	REST_GET,
	REST_PUT,
	REST_DELETE,
	REST_LIST
};
#define REST_VERBS 4

/* Of the options, whose texts live as long. */
struct rest_request {
	const char *group;		/* "get": what it is called in them */
	const char *method, *url, *body, *type, *value;	/* NULL: not given; url NULL: no such operation */
};

struct rest {
	const struct mortise_host *host;
	const struct mortise_options *options;
	struct mortise_http *http;
	bool base64;			/* values are kept as that */
	struct rest_request requests[REST_VERBS];
};

extern const struct mortise_secret_ops rest_secret_ops;

/* --- template.c ---------------------------------------------------------------- */

/* The URL with {name}, {name-flat} and {prefix} replaced, percent-encoded; false: no room. */
bool template_url(const char *template, const char *name, char url[URL_MAX]);
/* The body: {value} and {name} as the inside of a JSON string; without a template the
 * value itself.  invalid: it is no text. */
enum mortise_code template_body(const struct rest *, struct mortise_call *, const char *template,
    const char *name, const struct mortise_secret *value, struct mortise_secret **body);

/* --- json.c ---------------------------------------------------------------------- */

/* What a JSON pointer (RFC 6901) finds: a string's bytes, anything else as JSON;
 * not_found for null.  invalid: no JSON, or nothing there. */
enum mortise_code json_value(const struct rest *, struct mortise_call *, const char *pointer,
    const struct mortise_secret *body, struct mortise_secret **value);
/* Each string that the pointer finds in an array, or behind a "*" in it. */
enum mortise_code json_names(const struct rest *, struct mortise_call *, const char *pointer,
    const struct mortise_secret *body, struct mortise_out *out);

#endif
