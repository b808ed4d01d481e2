/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of a container, or of the machine (IMDS of version 2; version 1 never). */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "aws.h"

#define CONTAINER "http://169.254.170.2"
#define MACHINE "http://169.254.169.254"
#define LIMIT_MS 1000			/* of a question that nobody may be there to answer */
#define PATH_SIZE 1024

/* What such a server says; *body is the caller's on ok. */
static enum mortise_code
ask(const struct aws *aws, struct mortise_call *call, struct mortise_http *http,
    const char *method, const char *path, const struct mortise_http_header *header,
    struct mortise_secret **body, int *status)
{
	struct mortise_http_request sent = {.size = sizeof(sent), .method = method, .path = path,
	    .headers = header, .headers_count = header == NULL ? 0 : 1, .reads = true,
	    .limit_ms = LIMIT_MS};
	struct mortise_http_answer got = {.size = sizeof(got)};
	enum mortise_code code = mortise_http_perform(http, call, &sent, &got);

	*status = got.status;
	if (code == MORTISE_OK && got.status == 200) {
		*body = got.body;
		return code;
	}
	aws->host->secret_free(got.body);
	return code != MORTISE_OK ? code : aws->host->fail(call, MORTISE_UNAVAILABLE,
	    MORTISE_REASON_NONE, "%s was answered by HTTP status %d", path, got.status);
}

static enum mortise_code
take_keys(const struct aws *aws, struct mortise_call *call, struct mortise_secret *body,
    const char *what, struct session_grant *grant)
{
	json_t *tree = json_of(aws->host, body);
	enum mortise_code code = keys_from_json(aws, call, tree, "Token", what, grant);

	json_forget(tree);
	aws->host->secret_free(body);
	return code;
}

/* --- containers --------------------------------------------------------------------- */

/* Plain HTTP to this host and the two places of containers only: a token goes with it. */
static bool
is_safe(const char *scheme, const char *host)
{
	static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
	    "localhost", "[::1]"};

	if (strcmp(scheme, "https") == 0 || strncmp(host, "127.", 4) == 0)
		return true;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (strcmp(host, hosts[i]) == 0)
			return true;
	}
	return false;
}

/* "http://h:1/p?q" as "http://h:1" and "/p?q". */
static bool
split(const char *url, char origin[PATH_SIZE], char path[PATH_SIZE])
{
	const char *host = strstr(url, "://"), *slash;
	CURLU *parser = curl_url();
	char *scheme = NULL, *name = NULL;
	bool good = parser != NULL && host != NULL && strlen(url) < PATH_SIZE &&
	    curl_url_set(parser, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(parser, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(parser, CURLUPART_HOST, &name, 0) == CURLUE_OK && is_safe(scheme, name);

	if (good) {
		slash = strchr(host + 3, '/');
		if (slash == NULL)
			slash = url + strlen(url);
		(void)snprintf(origin, PATH_SIZE, "%.*s", (int)(slash - url), url);
		(void)snprintf(path, PATH_SIZE, "%s", *slash == '\0' ? "/" : slash);
	}
	curl_free(scheme);
	curl_free(name);
	curl_url_cleanup(parser);
	return good;
}

/* Read anew each time, as it is replaced. */
static enum mortise_code
authorization(const struct aws *aws, struct mortise_call *call, struct mortise_secret **token)
{
	const char *file = place_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *text = place_environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	struct mortise_secret *read = NULL;
	size_t size;
	const char *bytes;
	enum mortise_code code;

	*token = NULL;
	if (file == NULL && text == NULL)
		return MORTISE_OK;
	if (file == NULL) {
		*token = secret_of(aws->host, text, strlen(text));
		return *token == NULL ? aws_no_memory(aws, call) : MORTISE_OK;
	}
	code = sts_read_file(aws, call, file, &read);
	if (code != MORTISE_OK)
		return code == MORTISE_NOT_FOUND ? aws->host->fail(call, MORTISE_DENIED,
		    MORTISE_REASON_NONE, "%s, which AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names, is not "
		    "there", file) : code;
	bytes = aws->host->secret_peek(read, &size);
	while (size > 0 && (bytes[size - 1] == '\n' || bytes[size - 1] == '\r'))
		size--;
	*token = secret_of(aws->host, bytes, size);
	aws->host->secret_free(read);
	return *token == NULL ? aws_no_memory(aws, call) : MORTISE_OK;
}

enum mortise_code
container_keys(struct aws *aws, struct mortise_call *call, struct session_grant *grant)
{
	const char *relative = place_environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = place_environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	char origin[PATH_SIZE], path[PATH_SIZE];
	const char *address = origin;
	struct mortise_http_header header = {.name = "Authorization"};
	struct mortise_secret *token = NULL, *body = NULL;
	int status;
	enum mortise_code code;

	if (relative == NULL && full == NULL)
		return MORTISE_NOT_FOUND;
	if (relative != NULL) {
		(void)snprintf(origin, sizeof(origin), "%s", CONTAINER);
		(void)snprintf(path, sizeof(path), "%s", relative);
	} else if (!split(full, origin, path))
		return aws->host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "AWS_CONTAINER_CREDENTIALS_FULL_URI is no https:, and no http: of this host or a "
		    "container's place");
	if (path[0] != '/')
		return aws->host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI begins with no /");
	code = aws->container != NULL ? MORTISE_OK : mortise_http_new(aws->host, call, aws->options,
	    &address, 1, NULL, &aws->container);
	if (code == MORTISE_OK)
		code = authorization(aws, call, &token);
	header.secret = token;
	if (code == MORTISE_OK)
		code = ask(aws, call, aws->container, "GET", path, token == NULL ? NULL : &header, &body,
		    &status);
	aws->host->secret_free(token);
	return code == MORTISE_OK ? take_keys(aws, call, body, "what the container's place says",
	    grant) : code;
}

/* --- the machine -------------------------------------------------------------------- */

/* A token first: a server that gives none is of version 1, or none at all. */
static enum mortise_code
machine_token(struct aws *aws, struct mortise_call *call, struct mortise_secret **token)
{
	const struct mortise_http_header header = {
	    .name = "X-aws-ec2-metadata-token-ttl-seconds", .value = "21600"};
	const char *disabled = place_environment("AWS_EC2_METADATA_DISABLED");
	const char *address = place_environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	int status;
	enum mortise_code code = MORTISE_OK;

	if (disabled != NULL && (strcmp(disabled, "true") == 0 || strcmp(disabled, "TRUE") == 0))
		return MORTISE_NOT_FOUND;
	if (address == NULL)
		address = MACHINE;
	if (aws->metadata == NULL)
		code = mortise_http_new(aws->host, call, aws->options, &address, 1, NULL,
		    &aws->metadata);
	if (code != MORTISE_OK)
		return code;
	code = ask(aws, call, aws->metadata, "PUT", "/latest/api/token", &header, token, &status);
	return code == MORTISE_OK ? code : MORTISE_NOT_FOUND;
}

/* One line of text. */
static bool
take_line(const struct aws *aws, struct mortise_secret *body, char *line, size_t size)
{
	size_t length;
	const char *text = aws->host->secret_peek(body, &length);
	const char *lf = memchr(text, '\n', length);

	if (lf != NULL)
		length = (size_t)(lf - text);
	if (length < size)
		(void)snprintf(line, size, "%.*s", (int)length, text);
	aws->host->secret_free(body);
	return length > 0 && length < size;
}

enum mortise_code
machine_keys(struct aws *aws, struct mortise_call *call, struct session_grant *grant)
{
	static const char roles[] = "/latest/meta-data/iam/security-credentials/";
	struct mortise_secret *token = NULL, *body = NULL;
	struct mortise_http_header header = {.name = "X-aws-ec2-metadata-token"};
	char role[128] = "", path[sizeof(roles) + 3 * sizeof(role)];
	int status = 0;
	enum mortise_code code = machine_token(aws, call, &token);

	if (code != MORTISE_OK)
		return code;
	header.secret = token;
	code = ask(aws, call, aws->metadata, "GET", roles, &header, &body, &status);
	if (code == MORTISE_OK && !take_line(aws, body, role, sizeof(role)))
		code = aws_strange(aws, call, "the machine's role");
	(void)snprintf(path, sizeof(path), "%s", roles);
	if (code == MORTISE_OK && !mortise_http_encode(path, sizeof(path), role, false))
		code = aws_strange(aws, call, "the machine's role");
	if (code == MORTISE_OK)
		code = ask(aws, call, aws->metadata, "GET", path, &header, &body, &status);
	aws->host->secret_free(token);
	/* A machine without a role. */
	if (status == 404)
		return MORTISE_NOT_FOUND;
	return code == MORTISE_OK ? take_keys(aws, call, body, "what the machine says", grant) : code;
}

enum mortise_code
machine_region(struct aws *aws, struct mortise_call *call, char region[REGION_SIZE])
{
	struct mortise_secret *token = NULL, *body = NULL;
	struct mortise_http_header header = {.name = "X-aws-ec2-metadata-token"};
	int status;
	enum mortise_code code = machine_token(aws, call, &token);

	header.secret = token;
	if (code == MORTISE_OK)
		code = ask(aws, call, aws->metadata, "GET", "/latest/meta-data/placement/region", &header,
		    &body, &status);
	aws->host->secret_free(token);
	return code == MORTISE_OK && !take_line(aws, body, region, REGION_SIZE) ?
	    aws_strange(aws, call, "the machine's region") : code;
}
