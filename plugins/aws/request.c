/* SPDX-License-Identifier: BSD-2-Clause */
/* One request, and what its answer means. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws.h"

#define TRIES 4				/* while it is throttled, besides the deadline */
#define SKEW_MAX_MS ((int64_t)24 * 3600 * 1000)

enum mortise_code
aws_no_memory(const struct aws *aws, struct mortise_call *call)
{
	return aws->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
}

enum mortise_code
aws_strange(const struct aws *aws, struct mortise_call *call, const char *what)
{
	return aws->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "%s was answered as Secrets Manager would not; is the endpoint right, and nothing "
	    "between that answers in its place?", what);
}

void
answer_forget(struct aws_answer *answer)
{
	json_forget(answer->tree);
	*answer = (struct aws_answer){0};
}

/* --- what it means ------------------------------------------------------------------ */

struct meaning {
	const char *type, *text;	/* text: in the message; NULL: any */
	enum said said;
	enum mortise_code code;
	const char *words;		/* ours: a server's own may hold a value */
};

static const struct meaning meanings[] = {
	{"ResourceNotFoundException", NULL, SAID_NOT_FOUND, MORTISE_NOT_FOUND, "is not there"},
	{"InvalidRequestException", "scheduled for deletion", SAID_DELETING, MORTISE_UNAVAILABLE,
	    "is being deleted, and cannot be made again yet; try again in a moment"},
	{"InvalidRequestException", "marked for deletion", SAID_DELETED, MORTISE_NOT_FOUND,
	    "is marked as deleted"},
	{"InvalidRequestException", "marked deleted", SAID_DELETED, MORTISE_NOT_FOUND,
	    "is marked as deleted"},
	{"ResourceExistsException", NULL, SAID_EXISTS, MORTISE_CONFLICT, "is there already"},
	{"ExpiredTokenException", NULL, SAID_EXPIRED, MORTISE_DENIED,
	    "the session token of the keys has ended"},
	{"ExpiredToken", NULL, SAID_EXPIRED, MORTISE_DENIED,
	    "the session token of the keys has ended"},
	{"RequestExpired", NULL, SAID_SKEWED, MORTISE_DENIED,
	    "the clocks of server and host differ; set this host's"},
	{"RequestTimeTooSkewed", NULL, SAID_SKEWED, MORTISE_DENIED,
	    "the clocks of server and host differ; set this host's"},
	{"InvalidSignatureException", "Signature expired", SAID_SKEWED, MORTISE_DENIED,
	    "the clocks of server and host differ; set this host's"},
	{"InvalidSignatureException", "not yet current", SAID_SKEWED, MORTISE_DENIED,
	    "the clocks of server and host differ; set this host's"},
	{"AccessDeniedException", NULL, SAID_NOTHING, MORTISE_DENIED,
	    "the keys' policies do not allow it, or those of the KMS key do not"},
	{"UnrecognizedClientException", NULL, SAID_NOTHING, MORTISE_DENIED, "the keys are not known"},
	{"InvalidClientTokenId", NULL, SAID_NOTHING, MORTISE_DENIED, "the keys are not known"},
	{"InvalidSignatureException", NULL, SAID_NOTHING, MORTISE_DENIED,
	    "the secret key is wrong, or the request was changed on its way"},
	{"SignatureDoesNotMatch", NULL, SAID_NOTHING, MORTISE_DENIED,
	    "the secret key is wrong, or the request was changed on its way"},
	{"IncompleteSignature", NULL, SAID_NOTHING, MORTISE_DENIED, "the request is not signed well"},
	{"OptInRequired", NULL, SAID_NOTHING, MORTISE_DENIED,
	    "the account has not opted in to this region"},
	{"ThrottlingException", NULL, SAID_THROTTLED, MORTISE_UNAVAILABLE, "the server throttles"},
	{"Throttling", NULL, SAID_THROTTLED, MORTISE_UNAVAILABLE, "the server throttles"},
	{"TooManyRequestsException", NULL, SAID_THROTTLED, MORTISE_UNAVAILABLE,
	    "the server throttles"},
	{"RequestLimitExceeded", NULL, SAID_THROTTLED, MORTISE_UNAVAILABLE, "the server throttles"},
	{"LimitExceededException", NULL, SAID_NOTHING, MORTISE_INVALID,
	    "a quota of the account is used up"},
	{"DecryptionFailure", NULL, SAID_NOTHING, MORTISE_ERROR, "KMS cannot decrypt it"},
	{"EncryptionFailure", NULL, SAID_NOTHING, MORTISE_ERROR, "KMS cannot encrypt it"},
	{"InvalidRequestException", NULL, SAID_NOTHING, MORTISE_INVALID, "the server refuses that"},
	{"InvalidParameterException", NULL, SAID_NOTHING, MORTISE_INVALID, "the server refuses that"},
	{"ValidationException", NULL, SAID_NOTHING, MORTISE_INVALID, "the server refuses that"},
};

/* "com.amazonaws...#Type" or "Type:http://..." as Type. */
static void
bare_type(const char *from, char *to, size_t size)
{
	const char *hash = strchr(from, '#');
	size_t length;

	if (hash != NULL)
		from = hash + 1;
	length = strcspn(from, ":");
	(void)snprintf(to, size, "%.*s", (int)(length < size ? length : size - 1), from);
}

static const struct meaning *
meaning_of(const json_t *tree, const char *type)
{
	const char *message = json_string_of(tree, "message");

	if (message == NULL)
		message = json_string_of(tree, "Message");
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strcmp(meanings[i].type, type) == 0 && (meanings[i].text == NULL ||
		    (message != NULL && strstr(message, meanings[i].text) != NULL)))
			return &meanings[i];
	}
	return NULL;
}

static enum mortise_code
interpret(const struct aws *aws, struct mortise_call *call, const struct mortise_http_answer *got,
    const struct mortise_http_request *sent, const char *what, struct aws_answer *answer)
{
	const struct mortise_host *host = aws->host;
	const char *stated = json_string_of(answer->tree, "__type");
	const struct meaning *meaning;
	char type[128];
	enum mortise_code code;

	if (got->status >= 200 && got->status < 300)
		return json_is_object(answer->tree) ? MORTISE_OK : aws_strange(aws, call, what);
	bare_type(stated != NULL ? stated : got->kept, type, sizeof(type));
	meaning = meaning_of(answer->tree, type);
	if (got->status >= 500)
		meaning = NULL;
	answer->said = meaning != NULL ? meaning->said : got->status == 429 ? SAID_THROTTLED :
	    SAID_NOTHING;
	code = meaning != NULL ? meaning->code : mortise_http_code(sent, got->status);
	/* A 404 of Secrets Manager has a type: this is a page of somebody else. */
	if (meaning == NULL && code == MORTISE_NOT_FOUND)
		return aws_strange(aws, call, what);
	/* An earlier try may have had its effect, whatever this one says. */
	if (got->in_doubt && code != MORTISE_CONFLICT)
		return host->fail(call, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
		    "%s: a try was not answered, and may have had its effect", what);
	if (meaning != NULL)
		return host->fail(call, code, MORTISE_REASON_NONE, "%s: %s", what, meaning->words);
	return host->fail(call, code, MORTISE_REASON_NONE, "%s was answered by HTTP status %d", what,
	    got->status);
}

/* --- asking ------------------------------------------------------------------------- */

/* As the server would see it: for X-Amz-Date. */
static void
amz_date(const struct aws *aws, char text[32])
{
	time_t now = (time_t)((json_now() + aws->skew_ms) / 1000);
	struct tm tm = {0};

	(void)gmtime_r(&now, &tm);
	(void)strftime(text, 32, "%Y%m%dT%H%M%SZ", &tm);
}

struct asking {
	struct aws *aws;
	struct mortise_call *call;
	const char *operation, *what;
	const struct mortise_secret *body;
	bool writes;
};

static enum mortise_code
ask_once(const struct asking *asking, const struct session_token *token,
    struct aws_answer *answer, int64_t *date_ms, int64_t *retry_ms)
{
	struct aws *aws = asking->aws;
	char target[64], date[32];
	struct mortise_http_header headers[3] = {{.name = "X-Amz-Target", .value = target}};
	struct mortise_http_request sent = {.size = sizeof(sent), .method = "POST", .path = "/",
	    .headers = headers, .headers_count = 1, .body = asking->body,
	    .body_type = "application/x-amz-json-1.1", .repeatable = asking->writes,
	    .reads = !asking->writes, .keep = "x-amzn-errortype", .sign = aws->scope,
	    .sign_id = token->secrets[0], .sign_key = token->secrets[1]};
	struct mortise_http_answer got = {.size = sizeof(got)};
	enum mortise_code code;

	(void)snprintf(target, sizeof(target), "secretsmanager.%s", asking->operation);
	if (token->secrets[2] != NULL)
		headers[sent.headers_count++] = (struct mortise_http_header){
		    .name = "X-Amz-Security-Token", .secret = token->secrets[2]};
	if (aws->skew_ms != 0) {
		amz_date(aws, date);
		headers[sent.headers_count++] = (struct mortise_http_header){
		    .name = "X-Amz-Date", .value = date};
	}
	code = mortise_http_perform(aws->http, asking->call, &sent, &got);
	if (code != MORTISE_OK)
		return code;
	answer->status = got.status;
	answer->tree = json_of(aws->host, got.body);
	aws->host->secret_free(got.body);
	*date_ms = got.date_ms;
	*retry_ms = got.retry_after_ms;
	return interpret(aws, asking->call, &got, &sent, asking->what, answer);
}

/* Once: the server's clock is believed, if it is not mad. */
static bool
learn_skew(struct aws *aws, int64_t date_ms)
{
	int64_t skew = date_ms == 0 ? 0 : date_ms - json_now();

	if (skew == 0 || skew > SKEW_MAX_MS || skew < -SKEW_MAX_MS)
		return false;
	aws->skew_ms = skew;
	return true;
}

enum mortise_code
aws_ask(struct aws *aws, struct mortise_call *call, const char *operation,
    const struct mortise_secret *body, bool writes, const char *what, struct aws_answer *answer)
{
	const struct asking asking = {.aws = aws, .call = call, .operation = operation, .what = what,
	    .body = body, .writes = writes};
	bool again = true, refreshed = false, skewed = false;
	enum mortise_code code = MORTISE_ERROR;

	*answer = (struct aws_answer){0};
	for (int tried = 0; again; tried++) {
		const struct session_token *token = NULL;
		int64_t date_ms = 0, retry_ms = 0;

		answer_forget(answer);
		code = session_take(aws->session, call, &token);
		if (code != MORTISE_OK)
			return code;
		code = ask_once(&asking, token, answer, &date_ms, &retry_ms);
		switch (answer->said) {
		case SAID_THROTTLED:
			again = tried + 1 < TRIES && mortise_http_pause(aws->host, call, tried, retry_ms);
			break;
		case SAID_EXPIRED:
			again = !refreshed && session_refused(aws->session, token);
			refreshed = true;
			break;
		case SAID_SKEWED:
			again = !skewed && learn_skew(aws, date_ms);
			skewed = true;
			break;
		case SAID_NOTHING:
		case SAID_NOT_FOUND:
		case SAID_DELETED:
		case SAID_DELETING:
		case SAID_EXISTS:
			again = false;
			break;
		}
		session_give(aws->session, token);
	}
	return code;
}

enum mortise_code
aws_ask_members(struct aws *aws, struct mortise_call *call, const char *operation,
    const struct text_member *members, size_t count, bool writes, const char *what,
    struct aws_answer *answer)
{
	struct mortise_secret *body = text_object(aws->host, members, count);
	enum mortise_code code;

	*answer = (struct aws_answer){0};
	if (body == NULL)
		return aws_no_memory(aws, call);
	code = aws_ask(aws, call, operation, body, writes, what, answer);
	aws->host->secret_free(body);
	return code;
}

/* --- names -------------------------------------------------------------------------- */

/* Like an ARN's random part, which the server adds to names and looks for there. */
static bool
ends_like_arn(const char *name, size_t length)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	return length >= 7 && name[length - 7] == '-' && strspn(name + length - 6, digits) == 6;
}

/* Such a name gets a "=" behind it, which no name of ours has. */
enum mortise_code
aws_name(const struct aws *aws, struct mortise_call *call, const char *name,
    char full[NAME_MAX_AWS + 1])
{
	int length = snprintf(full, NAME_MAX_AWS + 1, "%s%s%s%s", aws->prefix,
	    aws->prefix[0] == '\0' ? "" : "/", name, ends_like_arn(name, strlen(name)) ? "=" : "");

	return length > 0 && length <= NAME_MAX_AWS ? MORTISE_OK : aws->host->fail(call,
	    MORTISE_INVALID, MORTISE_REASON_NONE, "the name %s is longer than %d bytes with its prefix",
	    name, NAME_MAX_AWS);
}

bool
aws_name_back(const struct aws *aws, const char *full, char name[NAME_MAX_AWS + 1])
{
	size_t skip = strlen(aws->prefix), length;

	if (full == NULL || strlen(full) > NAME_MAX_AWS ||
	    (skip > 0 && (strncmp(full, aws->prefix, skip) != 0 || full[skip++] != '/')))
		return false;
	length = strlen(full + skip);
	/* One that others have made so cannot be asked for. */
	if (length == 0 || ends_like_arn(full + skip, length))
		return false;
	if (full[skip + length - 1] == '=') {
		if (!ends_like_arn(full + skip, --length))
			return false;
	}
	(void)snprintf(name, NAME_MAX_AWS + 1, "%.*s", (int)length, full + skip);
	return true;
}
