/* SPDX-License-Identifier: BSD-2-Clause */
/* One request, and what its answer means. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault.h"

#define CATCH_UP 8		/* tries while a server is behind, besides the deadline */

/* --- what it means ------------------------------------------------------------------ */

struct meaning {
	int status;
	const char *text;		/* in what the server says */
	enum mortise_code code;
	enum mortise_reason reason;
	const char *words;		/* ours: a server's own may hold a value */
};

static const struct meaning meanings[] = {
	{400, "check-and-set parameter did not match", MORTISE_CONFLICT, MORTISE_REASON_NONE,
	    "somebody else has written it meanwhile"},
	{400, "Upgrading from non-versioned", MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
	    "the mount is being upgraded to versions; try again in a moment"},
	{400, "error parsing", MORTISE_INVALID, MORTISE_REASON_NONE, "the server refuses the request"},
	{400, "high complexity", MORTISE_INVALID, MORTISE_REASON_NONE,
	    "it has more parts than the server takes"},
	{400, "wrapping token is not valid", MORTISE_DENIED, MORTISE_REASON_NONE,
	    "the wrapping token is not valid: it has ended, or SOMEBODY ELSE HAS USED IT"},
	{400, "no client certificate", MORTISE_DENIED, MORTISE_REASON_NONE,
	    "the server got no client certificate; see http.cert and http.key"},
	{400, "invalid certificate", MORTISE_DENIED, MORTISE_REASON_NONE,
	    "the client certificate is not one of the role's"},
	{400, "invalid role or secret ID", MORTISE_DENIED, MORTISE_REASON_NONE,
	    "the role-id or the secret-id is wrong, or the secret-id has been used up"},
	{403, "1 error occurred", MORTISE_DENIED, MORTISE_REASON_NONE,
	    "the token's policies do not allow it"},
	{403, "preflight capability check", MORTISE_DENIED, MORTISE_REASON_NONE,
	    "the mount is not there, or the token's policies allow nothing in it"},
	{404, "no handler for route", MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
	    "nothing is mounted there; see the options mount, and auth.mount"},
	{404, "Invalid path for a versioned", MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
	    "the mount has versions; remove kv-version, or make it 2"},
	{404, "namespace not found", MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
	    "the server does not know the option namespace"},
	{404, "unsupported path", MORTISE_INVALID, MORTISE_REASON_NONE, "the server knows no such path"},
	{500, "missing role_id", MORTISE_DENIED, MORTISE_REASON_NONE, "the role-id is missing"},
	{500, "could not load backend configuration", MORTISE_INVALID, MORTISE_REASON_NONE,
	    "that way of logging in is not set up at the server"},
	{503, "sealed", MORTISE_UNAVAILABLE, MORTISE_REASON_SEALED,
	    "the server is sealed; its operators have to unseal it"},
};

/* One of the texts under "errors" or "warnings" has this in it. */
static bool
says(const json_t *tree, const char *text)
{
	static const char *const members[] = {"errors", "warnings"};

	for (size_t i = 0; i < 2; i++) {
		const json_t *texts = json_object_get(tree, members[i]), *one;
		size_t at;

		json_array_foreach(texts, at, one) {
			const char *said = json_string_value(one);

			if (said != NULL && strstr(said, text) != NULL)
				return true;
		}
	}
	return false;
}

static const struct meaning *
meaning_of(const struct vault_answer *answer)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (meanings[i].status == answer->status && says(answer->tree, meanings[i].text))
			return &meanings[i];
	}
	return NULL;
}

/* A token that has ended, is revoked, used up or none; not one that lacks a policy. */
static bool
token_refused(const struct vault_answer *answer)
{
	return answer->status == 403 && !says(answer->tree, "1 error occurred") &&
	    (says(answer->tree, "permission denied") || says(answer->tree, "invalid token"));
}

static bool
is_behind(const struct vault_answer *answer)
{
	return answer->status == 412 || (answer->status == 400 &&
	    says(answer->tree, "Upgrading from non-versioned"));
}

/* A server of this protocol says errors, or where a version was: not a proxy's page. */
static bool
is_not_found(const struct vault_answer *answer)
{
	return answer->status == 404 && (json_is_array(json_object_get(answer->tree, "errors")) ||
	    json_is_object(json_object_get(answer->tree, "data")));
}

static enum mortise_code
interpret(const struct vault *vault, struct mortise_call *call,
    const struct vault_request *request, const struct mortise_http_request *sent,
    const struct vault_answer *answer)
{
	const struct mortise_host *host = vault->host;
	const struct meaning *meaning = meaning_of(answer);
	enum mortise_code code;

	if (answer->status >= 200 && answer->status < 300)
		return answer->status == 204 || json_is_object(answer->tree) ? MORTISE_OK :
		    vault_strange(vault, call, request->what);
	if (meaning != NULL)
		return host->fail(call, meaning->code, meaning->reason, "%s: %s", request->what,
		    meaning->words);
	if (token_refused(answer))
		return host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "%s: the token is refused: it has ended, was revoked or used up, or may do nothing "
		    "there", request->what);
	if (answer->status == 404)
		return is_not_found(answer) ? host->fail(call, MORTISE_NOT_FOUND,
		    MORTISE_REASON_NONE, "%s is not there%s", request->what,
		    json_is_object(json_object_get(answer->tree, "data")) ? ": deleted" : "") :
		    vault_strange(vault, call, request->what);
	/* 412, 472 and 473 are a server's that is behind, or a standby of another place. */
	code = answer->status == 412 || answer->status == 472 || answer->status == 473 ||
	    answer->status == 501 ? MORTISE_UNAVAILABLE : mortise_http_code(sent, answer->status);
	return host->fail(call, code, MORTISE_REASON_NONE, "%s was answered by HTTP status %d",
	    request->what, answer->status);
}

enum mortise_code
vault_no_memory(const struct vault *vault, struct mortise_call *call)
{
	return vault->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
}

enum mortise_code
vault_strange(const struct vault *vault, struct mortise_call *call, const char *what)
{
	return vault->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "%s was answered as no Vault would; is `address` one, and nothing between that answers "
	    "in its place?", what);
}

/* --- asking ------------------------------------------------------------------------- */

void
answer_forget(struct vault_answer *answer)
{
	json_forget(answer->tree);
	answer->tree = NULL;
	answer->status = 0;
}

json_t *
answer_data(const struct vault_answer *answer, const char *member)
{
	return json_object_get(json_object_get(answer->tree, "data"), member);
}

/* A performance standby says which state an answer stands on, and waits for that state
 * where a later question names it: so nobody reads less than was read or written before. */
static void
take_index(struct vault *vault, char index[INDEX_SIZE])
{
	(void)pthread_mutex_lock(&vault->lock);
	memcpy(index, vault->index, INDEX_SIZE);
	(void)pthread_mutex_unlock(&vault->lock);
}

static void
keep_index(struct vault *vault, const char *index)
{
	if (index[0] == '\0')
		return;
	(void)pthread_mutex_lock(&vault->lock);
	(void)snprintf(vault->index, INDEX_SIZE, "%s", index);
	(void)pthread_mutex_unlock(&vault->lock);
}

static enum mortise_code
ask_once(struct vault *vault, struct mortise_call *call, const struct vault_request *request,
    const struct mortise_secret *token, struct vault_answer *answer)
{
	char index[INDEX_SIZE];
	struct mortise_http_header headers[4] = {{.name = "X-Vault-Request", .value = "true"}};
	struct mortise_http_request sent = {.size = sizeof(sent), .method = request->method,
	    .path = request->path, .headers = headers, .headers_count = 1, .body = request->body,
	    .body_type = request->body == NULL ? NULL : "application/json",
	    .keep = "X-Vault-Index"};
	struct mortise_http_answer got = {.size = sizeof(got)};
	enum mortise_code code;

	if (vault->namespace != NULL)
		headers[sent.headers_count++] = (struct mortise_http_header){
		    .name = "X-Vault-Namespace", .value = vault->namespace};
	if (token != NULL)
		headers[sent.headers_count++] = (struct mortise_http_header){.name = "X-Vault-Token",
		    .secret = token};
	take_index(vault, index);
	if (index[0] != '\0')
		headers[sent.headers_count++] = (struct mortise_http_header){.name = "X-Vault-Index",
		    .value = index};
	code = mortise_http_perform(vault->http, call, &sent, &got);
	if (code != MORTISE_OK)
		return code;
	keep_index(vault, got.kept);
	answer->status = got.status;
	answer->tree = json_of(vault->host, got.body);
	vault->host->secret_free(got.body);
	if (json_string_of(answer->tree, "request_id") != NULL)
		vault->host->fail_detail(call, json_string_of(answer->tree, "request_id"),
		    got.retry_after_ms);
	return interpret(vault, call, request, &sent, answer);
}

static enum mortise_code
ask_until_there(struct vault *vault, struct mortise_call *call,
    const struct vault_request *request, const struct mortise_secret *token,
    struct vault_answer *answer)
{
	enum mortise_code code = ask_once(vault, call, request, token, answer);

	for (int tried = 0; tried < CATCH_UP && is_behind(answer) &&
	    mortise_http_pause(vault->host, call, tried, 0); tried++) {
		answer_forget(answer);
		code = ask_once(vault, call, request, token, answer);
	}
	return code;
}

enum mortise_code
vault_ask(struct vault *vault, struct mortise_call *call, const struct vault_request *request,
    struct vault_answer *answer)
{
	const struct session_token *token = NULL;
	bool again = true;
	enum mortise_code code;

	*answer = (struct vault_answer){0};
	if (request->anonymous || request->token != NULL)
		return ask_until_there(vault, call, request, request->token, answer);
	for (int tried = 0; again; tried++) {
		answer_forget(answer);
		code = session_take(vault->session, call, &token);
		if (code != MORTISE_OK)
			return code;
		code = ask_until_there(vault, call, request, token->secrets[0], answer);
		again = tried == 0 && token_refused(answer) &&
		    session_refused(vault->session, token);
		session_give(vault->session, token);
	}
	return code;
}
