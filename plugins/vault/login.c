/* SPDX-License-Identifier: BSD-2-Clause */
/* How a token is got and renewed. */
#define _DEFAULT_SOURCE		/* explicit_bzero */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vault.h"

#define TOKEN_MAX 8192			/* bytes of a token in a file */

/* --- what a login answers ----------------------------------------------------------- */

static enum mortise_code
take_grant(const struct vault *vault, struct mortise_call *call,
    const struct vault_answer *answer, struct session_grant *grant)
{
	const json_t *auth = json_object_get(answer->tree, "auth");
	const char *token = json_string_of(auth, "client_token");
	json_int_t seconds = json_integer_value(json_object_get(auth, "lease_duration"));

	if (token == NULL || token[0] == '\0')
		return vault_strange(vault, call, "the login");
	grant->secrets[0] = secret_of(vault->host, token, strlen(token));
	if (grant->secrets[0] == NULL)
		return vault_no_memory(vault, call);
	grant->lifetime_ms = seconds <= 0 ? 0 : (seconds > 1000000000 ? 1000000000 : seconds) * 1000;
	grant->renewable = json_is_true(json_object_get(auth, "renewable"));
	return MORTISE_OK;
}

/* A login is refused by 400, where a wrong request is. */
static enum mortise_code
ask_login(struct vault *vault, struct mortise_call *call, const struct text_member *pairs,
    size_t count, struct session_grant *grant)
{
	char path[PATH_SIZE] = "/v1/auth/";
	struct vault_request request = {.method = "POST", .path = path, .anonymous = true,
	    .what = "the login"};
	struct vault_answer answer = {0};
	const char *mount = vault->host->option_string(vault->options, "auth.mount");
	static const char *const mounts[] = {"token", "approle", "kubernetes", "jwt", "cert"};
	struct mortise_secret *body = text_object(vault->host, pairs, count);
	enum mortise_code code = MORTISE_OK;

	if (body == NULL)
		return vault->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "what the login needs is no text, or there is no memory");
	if (!mortise_http_encode(path, sizeof(path), mount != NULL ? mount : mounts[vault->method],
	    true) || strlen(path) + sizeof("/login") > sizeof(path))
		code = vault->host->option_fail(call, vault->options, "auth.mount", "it is too long");
	(void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/login");
	request.body = body;
	if (code == MORTISE_OK)
		code = vault_ask(vault, call, &request, &answer);
	vault->host->secret_free(body);
	if (code == MORTISE_INVALID && answer.status == 400)
		code = vault->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "the login is refused by HTTP status 400; see the role and what `auth` gives");
	if (code == MORTISE_OK)
		code = take_grant(vault, call, &answer, grant);
	answer_forget(&answer);
	return code;
}

/* --- the secret-id, wrapped or not -------------------------------------------------- */

/* "auth/approle/role/web/secret-id": nobody has put something else into it. */
static bool
is_secret_id_of(const struct vault *vault, const char *path)
{
	const char *mount = vault->host->option_string(vault->options, "auth.mount");
	char begin[256];
	const char *end = "/secret-id";
	int length = snprintf(begin, sizeof(begin), "auth/%s/role/", mount != NULL ? mount : "approle");

	return path != NULL && length > 0 && (size_t)length < sizeof(begin) &&
	    strncmp(path, begin, (size_t)length) == 0 && strlen(path) > strlen(end) &&
	    strcmp(path + strlen(path) - strlen(end), end) == 0;
}

static enum mortise_code
check_wrapping(struct vault *vault, struct mortise_call *call,
    const struct mortise_secret *wrapping)
{
	const struct text_member pair = {.name = "token", .secret = wrapping};
	struct mortise_secret *body = text_object(vault->host, &pair, 1);
	struct vault_request request = {.method = "POST", .path = "/v1/sys/wrapping/lookup",
	    .body = body, .anonymous = true, .what = "the wrapping token"};
	struct vault_answer answer = {0};
	enum mortise_code code = body == NULL ? vault_no_memory(vault, call) :
	    vault_ask(vault, call, &request, &answer);

	if (code == MORTISE_OK &&
	    !is_secret_id_of(vault, json_string_value(answer_data(&answer, "creation_path"))))
		code = vault->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "the wrapping token wraps no secret-id of this role's mount: somebody may have "
		    "exchanged it");
	if (code == MORTISE_DENIED)
		vault->host->log(call, MORTISE_LOG_ERROR, "a wrapping token was no longer, or never, "
		    "what it should be: treat its secret-id as known to somebody else");
	answer_forget(&answer);
	vault->host->secret_free(body);
	return code;
}

/* One use only: what comes out is kept for later logins. */
static enum mortise_code
unwrap(struct vault *vault, struct mortise_call *call, struct mortise_secret *wrapping)
{
	struct vault_request request = {.method = "POST", .path = "/v1/sys/wrapping/unwrap",
	    .token = wrapping, .what = "the wrapping token"};
	struct vault_answer answer = {0};
	const char *text;
	enum mortise_code code = check_wrapping(vault, call, wrapping);

	if (code == MORTISE_OK)
		code = vault_ask(vault, call, &request, &answer);
	text = json_string_value(answer_data(&answer, "secret_id"));
	if (code == MORTISE_OK && text == NULL)
		code = vault_strange(vault, call, "the wrapping token");
	if (code == MORTISE_OK) {
		struct mortise_secret *secret_id = secret_of(vault->host, text, strlen(text));

		if (secret_id == NULL)
			code = vault_no_memory(vault, call);
		else {
			vault->host->secret_free(vault->secret_id);
			vault->host->secret_free(vault->wrapping);
			vault->secret_id = secret_id;
			vault->wrapping = wrapping;
			wrapping = NULL;
		}
	}
	vault->host->secret_free(wrapping);
	answer_forget(&answer);
	return code;
}

/* Takes care that a wrapped one is unwrapped; *secret_id is the caller's, NULL: without. */
static enum mortise_code
take_secret_id(struct vault *vault, struct mortise_call *call, struct mortise_secret **secret_id)
{
	const struct mortise_host *host = vault->host;
	enum mortise_code code;

	*secret_id = NULL;
	if (!host->option_given(vault->options, "auth.secret-id"))
		return MORTISE_OK;
	code = host->option_secret(call, vault->options, "auth.secret-id", secret_id);
	if (host->option_number(vault->options, "auth.unwrap") == 0)
		return code;
	/* The file may be gone once it was read. */
	if (code == MORTISE_NOT_FOUND && vault->secret_id != NULL)
		code = MORTISE_OK;
	else if (code == MORTISE_OK && secret_same(host, *secret_id, vault->wrapping))
		host->secret_free(*secret_id);
	else if (code == MORTISE_OK)
		code = unwrap(vault, call, *secret_id);
	*secret_id = NULL;
	if (code == MORTISE_OK) {
		size_t size;
		const void *bytes = host->secret_peek(vault->secret_id, &size);

		*secret_id = secret_of(host, bytes, size);
		if (*secret_id == NULL)
			code = vault_no_memory(vault, call);
	}
	return code;
}

/* --- the methods -------------------------------------------------------------------- */

static enum mortise_code
login_approle(struct vault *vault, struct mortise_call *call, struct session_grant *grant)
{
	struct mortise_secret *secret_id = NULL;
	enum mortise_code code = take_secret_id(vault, call, &secret_id);
	struct text_member pairs[] = {
		{.name = "role_id", .text = vault->host->option_string(vault->options, "auth.role-id")},
		{.name = "secret_id", .secret = secret_id},
	};

	if (code == MORTISE_OK)
		code = ask_login(vault, call, pairs, 2, grant);
	vault->host->secret_free(secret_id);
	return code;
}

/* The token of a service account is another one each hour or so. */
static enum mortise_code
login_jwt(struct vault *vault, struct mortise_call *call, struct session_grant *grant)
{
	struct mortise_secret *jwt = NULL;
	enum mortise_code code = vault->host->option_secret(call, vault->options, "auth.jwt", &jwt);
	struct text_member pairs[] = {
		{.name = "role", .text = vault->host->option_string(vault->options, "auth.role")},
		{.name = "jwt", .secret = jwt},
	};

	if (code == MORTISE_OK)
		code = ask_login(vault, call, pairs, 2, grant);
	vault->host->secret_free(jwt);
	return code;
}

static enum mortise_code
login_cert(struct vault *vault, struct mortise_call *call, struct session_grant *grant)
{
	struct text_member pair = {.name = "name",
	    .text = vault->host->option_string(vault->options, "auth.role")};

	return ask_login(vault, call, &pair, 1, grant);
}

/* What the vault command keeps in the home directory; one LF at its end is none of it. */
static enum mortise_code
read_token_file(const struct vault *vault, struct mortise_call *call,
    struct mortise_secret **token)
{
	char bytes[TOKEN_MAX];
	int fd = open(vault->token_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t size = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

	if (fd >= 0)
		(void)close(fd);
	if (size <= 0)
		return vault->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "there is no token: neither in auth, nor in the environment, nor in %s",
		    vault->token_file);
	if (bytes[size - 1] == '\n')
		size--;
	*token = secret_of(vault->host, bytes, (size_t)size);
	explicit_bzero(bytes, sizeof(bytes));
	return *token == NULL ? vault_no_memory(vault, call) : MORTISE_OK;
}

/* When it ends, for one that is to be renewed; a question that a token with few uses
 * cannot afford. */
static enum mortise_code
look_up(struct vault *vault, struct mortise_call *call, struct session_grant *grant)
{
	struct vault_request request = {.method = "GET", .path = "/v1/auth/token/lookup-self",
	    .token = grant->secrets[0], .what = "the token"};
	struct vault_answer answer = {0};
	enum mortise_code code = vault_ask(vault, call, &request, &answer);

	if (code == MORTISE_OK) {
		json_int_t ttl = json_integer_value(answer_data(&answer, "ttl"));

		grant->lifetime_ms = ttl <= 0 || ttl > 1000000000 ? 0 : ttl * 1000;
		grant->renewable = json_is_true(answer_data(&answer, "renewable"));
	}
	answer_forget(&answer);
	return code;
}

static enum mortise_code
login_token(struct vault *vault, struct mortise_call *call, struct session_grant *grant)
{
	const struct mortise_host *host = vault->host;
	enum mortise_code code;

	if (host->option_given(vault->options, "auth.token"))
		code = host->option_secret(call, vault->options, "auth.token", &grant->secrets[0]);
	else if (vault->environment_token != NULL) {
		grant->secrets[0] = secret_of(host, vault->environment_token,
		    strlen(vault->environment_token));
		code = grant->secrets[0] == NULL ? vault_no_memory(vault, call) : MORTISE_OK;
	} else
		code = read_token_file(vault, call, &grant->secrets[0]);
	if (code == MORTISE_OK && host->option_number(vault->options, "auth.renew") == 1)
		code = look_up(vault, call, grant);
	if (code != MORTISE_OK) {
		host->secret_free(grant->secrets[0]);
		grant->secrets[0] = NULL;
	}
	return code;
}

static enum mortise_code
vault_login(void *arg, struct mortise_call *call, struct session_grant *grant)
{
	struct vault *vault = arg;

	switch (vault->method) {
	case VAULT_APPROLE:
		return login_approle(vault, call, grant);
	case VAULT_KUBERNETES:
	case VAULT_JWT:
		return login_jwt(vault, call, grant);
	case VAULT_CERT:
		return login_cert(vault, call, grant);
	case VAULT_TOKEN:
	default:
		return login_token(vault, call, grant);
	}
}

static enum mortise_code
vault_renew(void *arg, struct mortise_call *call, const struct mortise_secret *token,
    struct session_grant *grant)
{
	struct vault *vault = arg;
	struct vault_request request = {.method = "POST", .path = "/v1/auth/token/renew-self",
	    .token = token, .what = "the token's renewal"};
	struct vault_answer answer = {0};
	enum mortise_code code = vault_ask(vault, call, &request, &answer);

	if (code == MORTISE_OK)
		code = take_grant(vault, call, &answer, grant);
	answer_forget(&answer);
	return code;
}

const struct session_ops vault_session_ops = {.login = vault_login, .renew = vault_renew};
