/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of a role. */
#define _DEFAULT_SOURCE		/* explicit_bzero */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aws.h"

#define FILE_MAX ((size_t)1 << 20)
#define FORM_SIZE 16384			/* of a request's form, with its NUL */

/* --- small files -------------------------------------------------------------------- */

static enum mortise_code
read_all(const struct aws *aws, int fd, struct mortise_secret *text)
{
	char piece[4096];
	size_t size = 0;
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0 && aws->host->secret_append(text, piece, (size_t)n) != MORTISE_OK)
			return MORTISE_ERROR;
		size += n > 0 ? (size_t)n : 0;
		if (size > FILE_MAX)
			return MORTISE_ERROR;
	}
	return n < 0 ? MORTISE_ERROR : MORTISE_OK;
}

enum mortise_code
sts_read_file(const struct aws *aws, struct mortise_call *call, const char *path,
    struct mortise_secret **text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	enum mortise_code code;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return MORTISE_NOT_FOUND;
	if (fd < 0)
		return aws->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE, "%s cannot be read: %s",
		    path, strerror(errno));
	*text = aws->host->secret_new(4096);
	code = *text == NULL ? MORTISE_ERROR : read_all(aws, fd, *text);
	(void)close(fd);
	if (code == MORTISE_OK)
		return code;
	aws->host->secret_free(*text);
	*text = NULL;
	return aws->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "%s cannot be read, or is larger than 1 MiB", path);
}

/* --- XML ---------------------------------------------------------------------------- */

static const char *
find(const char *text, size_t size, const char *what)
{
	size_t length = strlen(what);

	for (size_t i = 0; i + length <= size; i++) {
		if (memcmp(text + i, what, length) == 0)
			return text + i;
	}
	return NULL;
}

/* Enough for four elements with texts that need no escapes. */
bool
xml_text(const char *text, size_t size, const char *element, const char **value,
    size_t *length)
{
	char begin[64];
	const char *at, *end;

	(void)snprintf(begin, sizeof(begin), "<%s>", element);
	at = find(text, size, begin);
	if (at == NULL)
		return false;
	at += strlen(begin);
	end = memchr(at, '<', size - (size_t)(at - text));
	(void)snprintf(begin, sizeof(begin), "</%s>", element);
	if (end == NULL || find(end, size - (size_t)(end - text), begin) != end ||
	    memchr(at, '&', (size_t)(end - at)) != NULL)
		return false;
	*value = at;
	*length = (size_t)(end - at);
	return *length > 0;
}

static enum mortise_code
take_keys(const struct aws *aws, struct mortise_call *call, const struct mortise_secret *body,
    struct session_grant *grant)
{
	static const char *const elements[] = {"AccessKeyId", "SecretAccessKey", "SessionToken",
	    "Expiration"};
	size_t size, lengths[4];
	const char *text = aws->host->secret_peek(body, &size), *values[4];
	json_t *expires;
	int64_t ends_ms;
	bool good = true;

	for (size_t i = 0; good && i < 4; i++)
		good = xml_text(text, size, elements[i], &values[i], &lengths[i]);
	if (!good)
		return aws_strange(aws, call, "the role's keys");
	expires = json_stringn(values[3], lengths[3]);
	ends_ms = json_time_of(expires);
	json_decref(expires);
	return keys_take(aws, call, values[0], lengths[0], values[1], lengths[1], values[2],
	    lengths[2], ends_ms, grant);
}

/* --- asking ------------------------------------------------------------------------- */

static bool
add_form(char form[FORM_SIZE], const char *name, const char *text)
{
	size_t length = strlen(form);
	int n = text == NULL ? 0 : snprintf(form + length, FORM_SIZE - length, "%s%s=",
	    length == 0 ? "" : "&", name);

	return text == NULL || (n > 0 && (size_t)n < FORM_SIZE - length &&
	    mortise_http_encode(form, FORM_SIZE, text, false));
}

static bool
make_form(const struct aws *aws, const struct role *role, char form[FORM_SIZE])
{
	const char *token = role->web_token == NULL ? NULL :
	    aws->host->secret_peek(role->web_token, NULL);
	char seconds[24];

	form[0] = '\0';
	(void)snprintf(seconds, sizeof(seconds), "%" PRId64, role->seconds);
	return add_form(form, "Action", token == NULL ? "AssumeRole" : "AssumeRoleWithWebIdentity") &&
	    add_form(form, "Version", "2011-06-15") &&
	    add_form(form, "RoleArn", role->arn) &&
	    add_form(form, "RoleSessionName", role->session_name != NULL ? role->session_name :
	    "mortise") &&
	    add_form(form, "ExternalId", role->external_id) &&
	    add_form(form, "DurationSeconds", role->seconds == 0 ? NULL : seconds) &&
	    add_form(form, "WebIdentityToken", token);
}

enum mortise_code
sts_assume(struct aws *aws, struct mortise_call *call, const struct role *role,
    struct session_grant *grant)
{
	const struct mortise_host *host = aws->host;
	struct mortise_secret *body = host->secret_new(FORM_SIZE);
	char form[FORM_SIZE], scope[REGION_SIZE + 16];
	struct mortise_http_header token = {.name = "X-Amz-Security-Token"};
	struct mortise_http_request sent = {.size = sizeof(sent), .method = "POST", .path = "/",
	    .headers = &token, .body = body, .body_type = "application/x-www-form-urlencoded",
	    .reads = true};
	struct mortise_http_answer got = {.size = sizeof(got)};
	enum mortise_code code = place_sts(aws, call);

	if (code == MORTISE_OK && (body == NULL || !make_form(aws, role, form) ||
	    host->secret_append(body, form, strlen(form)) != MORTISE_OK))
		code = host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the role's name or token is too long, or there is no memory");
	if (role->by != NULL) {
		(void)snprintf(scope, sizeof(scope), "aws:amz:%s:sts", aws->region);
		sent.sign = scope;
		sent.sign_id = role->by->secrets[0];
		sent.sign_key = role->by->secrets[1];
		token.secret = role->by->secrets[2];
		sent.headers_count = token.secret == NULL ? 0 : 1;
	}
	if (code == MORTISE_OK)
		code = mortise_http_perform(aws->sts, call, &sent, &got);
	if (code == MORTISE_OK && got.status >= 400 && got.status < 500 && got.status != 429)
		code = host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE, "the role %s is refused by "
		    "HTTP status %d; see its trust policy, and the keys or the token that ask for it",
		    role->arn, got.status);
	else if (code == MORTISE_OK && got.status != 200)
		code = host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "the keys of the role %s were answered by HTTP status %d", role->arn, got.status);
	if (code == MORTISE_OK)
		code = take_keys(aws, call, got.body, grant);
	explicit_bzero(form, sizeof(form));
	host->secret_free(got.body);
	host->secret_free(body);
	return code;
}

/* With the text of a token's file, whose last line ends or not. */
enum mortise_code
sts_assume_web(struct aws *aws, struct mortise_call *call, const struct role *role,
    const struct mortise_secret *text, struct session_grant *grant)
{
	struct role with = *role;
	struct mortise_secret *token;
	size_t size;
	const char *bytes = aws->host->secret_peek(text, &size);
	enum mortise_code code;

	while (size > 0 && (bytes[size - 1] == '\n' || bytes[size - 1] == '\r'))
		size--;
	token = secret_of(aws->host, bytes, size);
	with.web_token = token;
	code = token == NULL ? aws_no_memory(aws, call) : sts_assume(aws, call, &with, grant);
	aws->host->secret_free(token);
	return code;
}

enum mortise_code
sts_web_keys(struct aws *aws, struct mortise_call *call, struct session_grant *grant)
{
	const char *path = place_environment("AWS_WEB_IDENTITY_TOKEN_FILE");
	struct role role = {.arn = place_environment("AWS_ROLE_ARN"),
	    .session_name = place_environment("AWS_ROLE_SESSION_NAME")};
	struct mortise_secret *token = NULL;
	enum mortise_code code;

	if (path == NULL || role.arn == NULL)
		return MORTISE_NOT_FOUND;
	code = sts_read_file(aws, call, path, &token);
	if (code == MORTISE_NOT_FOUND)
		return aws->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "%s, which AWS_WEB_IDENTITY_TOKEN_FILE names, is not there", path);
	if (code == MORTISE_OK)
		code = sts_assume_web(aws, call, &role, token, grant);
	aws->host->secret_free(token);
	return code;
}
