/* SPDX-License-Identifier: BSD-2-Clause */
/* One request, to a server of either generation. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "infisical.h"

#define KEY_MAX 100		/* bytes of a part of a path that the server's router takes */
#define LABELS_MAX 64
#define LABEL_NAME_MAX 255
#define LABEL_VALUE_MAX 1020

/* --- asking ------------------------------------------------------------------------- */

static bool
is_read(const struct infisical_request *request)
{
	return strcmp(request->method, "GET") == 0;
}

/* A refusal before anybody is known. */
static enum mortise_code
login_refused(const struct infisical *infisical, struct mortise_call *call,
    const struct infisical_request *request, int status)
{
	return status == 404 ? infisical->host->fail(call, MORTISE_INVALID,
	    MORTISE_REASON_CONFIGURATION, "%s: the server does not know the identity, or that way "
	    "of logging in for it; see auth", request->what) :
	    infisical->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
	    "%s is refused by HTTP status %d; see what auth gives, and which addresses the "
	    "identity trusts", request->what, status);
}

static enum mortise_code
interpret(const struct infisical *infisical, struct mortise_call *call,
    const struct infisical_request *request, const struct mortise_http_request *sent,
    const struct infisical_answer *answer)
{
	const struct mortise_host *host = infisical->host;
	const struct meaning *meaning = meaning_of(answer->status, answer->tree);
	int status = answer->status;
	enum mortise_code code;

	if (status >= 200 && status < 300)
		return json_is_object(answer->tree) ? MORTISE_OK :
		    infisical_strange(infisical, call, request->what);
	if (request->login && (meaning == NULL || meaning->said != SAID_NO_ROUTE) &&
	    (status == 400 || status == 401 || status == 403 || status == 404))
		return login_refused(infisical, call, request, status);
	if (meaning != NULL)
		return host->fail(call, meaning->code, meaning->reason, "%s: %s", request->what,
		    meaning->words);
	/* A proxy's page, or a text that nobody knows. */
	if (status == 404)
		return infisical_strange(infisical, call, request->what);
	code = status < 500 ? mortise_http_code(sent, status) :
	    is_read(request) ? MORTISE_UNAVAILABLE : MORTISE_TIMEOUT;
	return host->fail(call, code, MORTISE_REASON_NONE, "%s was answered by HTTP status %d%s",
	    request->what, status, code == MORTISE_TIMEOUT ? "; it may have had its effect" : "");
}

void
answer_forget(struct infisical_answer *answer)
{
	json_forget(answer->tree);
	*answer = (struct infisical_answer){0};
}

static enum mortise_code
ask_once(struct infisical *infisical, struct mortise_call *call,
    const struct infisical_request *request, const struct mortise_secret *token,
    struct infisical_answer *answer)
{
	struct mortise_http_header header = {.name = "Authorization", .prefix = "Bearer ",
	    .secret = token};
	struct mortise_http_request sent = {.size = sizeof(sent), .method = request->method,
	    .path = request->path, .headers = &header, .headers_count = token == NULL ? 0 : 1,
	    .body = request->body, .body_type = request->body == NULL ? NULL : "application/json"};
	struct mortise_http_answer got = {.size = sizeof(got)};
	const struct meaning *meaning;
	const char *id;
	int64_t wait_ms;
	enum mortise_code code = mortise_http_perform(infisical->http, call, &sent, &got);

	if (code != MORTISE_OK)
		return code;
	answer->status = got.status;
	answer->date_ms = got.date_ms;
	answer->tree = json_of(infisical->host, got.body);
	infisical->host->secret_free(got.body);
	meaning = meaning_of(answer->status, answer->tree);
	answer->said = meaning == NULL ? SAID_NOTHING : meaning->said;
	id = json_string_of(answer->tree, "reqId");
	wait_ms = got.retry_after_ms != 0 || got.status != 429 ? got.retry_after_ms :
	    meaning_wait_ms(answer->tree);
	if (id == NULL && got.request_id[0] != '\0')
		id = got.request_id;
	infisical->host->fail_detail(call, id, wait_ms);
	return interpret(infisical, call, request, &sent, answer);
}

enum mortise_code
infisical_ask(struct infisical *infisical, struct mortise_call *call,
    const struct infisical_request *request, struct infisical_answer *answer)
{
	const struct session_token *token = NULL;
	bool again = true;
	enum mortise_code code = MORTISE_OK;

	*answer = (struct infisical_answer){0};
	if (request->anonymous)
		return ask_once(infisical, call, request, NULL, answer);
	for (int tried = 0; again; tried++) {
		answer_forget(answer);
		code = session_take(infisical->session, call, &token);
		if (code != MORTISE_OK)
			return code;
		code = ask_once(infisical, call, request, token->secrets[0], answer);
		again = tried == 0 && answer->said == SAID_NO_TOKEN &&
		    session_refused(infisical->session, token);
		session_give(infisical->session, token);
	}
	return code;
}

enum mortise_code
before_write(const struct infisical *infisical, struct mortise_call *call, const char *name,
    enum mortise_code code)
{
	return code != MORTISE_TIMEOUT ? code : infisical->host->fail(call, MORTISE_UNAVAILABLE,
	    MORTISE_REASON_NONE, "what must come before %s is written was not answered in time",
	    name);
}

/* --- which generation --------------------------------------------------------------- */

/* The newer until its routes turn out not to be there. */
enum mortise_code
infisical_generation(struct infisical *infisical, struct mortise_call *call, int *found)
{
	struct infisical_request request = {.method = "GET", .path = "/api/status",
	    .anonymous = true, .what = "the server's status"};
	struct infisical_answer answer = {0};
	int none = 0;
	enum mortise_code code = MORTISE_OK;

	*found = atomic_load(&infisical->generation);
	if (*found != 0)
		return MORTISE_OK;
	code = infisical_ask(infisical, call, &request, &answer);
	answer_forget(&answer);
	if (code != MORTISE_OK)
		return code;
	(void)atomic_compare_exchange_strong(&infisical->generation, &none, 4);
	*found = atomic_load(&infisical->generation);
	return MORTISE_OK;
}

/* --- a secret's path and body ------------------------------------------------------- */

static bool
add_query(char path[PATH_SIZE], const char *name, const char *text)
{
	size_t length = strlen(path);
	int n = snprintf(path + length, PATH_SIZE - length, "%c%s=",
	    strchr(path, '?') == NULL ? '?' : '&', name);

	return n > 0 && (size_t)n < PATH_SIZE - length &&
	    mortise_http_encode(path, PATH_SIZE, text, false);
}

static bool
secret_path(const struct infisical *infisical, const struct secret_request *request, int version,
    const char *folder, const char *key, char path[PATH_SIZE])
{
	char number[24];
	bool good;

	(void)snprintf(path, PATH_SIZE, "/api/%s%s", version == 3 ? "v3/secrets/raw" : "v4/secrets",
	    key == NULL ? "" : "/");
	good = key == NULL || mortise_http_encode(path, PATH_SIZE, key, false);
	if (strcmp(request->method, "GET") != 0)
		return good;
	good = good && add_query(path, version == 3 ? "workspaceId" : "projectId",
	    infisical->project) &&
	    add_query(path, "environment", infisical->environment) &&
	    add_query(path, "secretPath", folder) &&
	    add_query(path, "viewSecretValue", request->unseen ? "false" : "true") &&
	    add_query(path, "expandSecretReferences", "false") &&
	    add_query(path, "include_imports", "false");
	if (good && key == NULL)
		return add_query(path, "recursive", "true");
	(void)snprintf(number, sizeof(number), "%" PRId64, request->version);
	return good && add_query(path, "type", "shared") &&
	    (request->version == 0 || add_query(path, "version", number));
}

static bool
add_labels(const struct infisical *infisical, struct mortise_secret *body,
    const struct secret_request *request)
{
	static const char name[] = ",\"secretMetadata\":[";
	const struct mortise_host *host = infisical->host;
	bool good = host->secret_append(body, name, strlen(name)) == MORTISE_OK;

	for (size_t i = 0; good && i < request->labels_count; i++) {
		struct text_member members[] = {{.name = "key", .text = request->labels[i].name},
		    {.name = "value", .text = request->labels[i].value}};

		good = (i == 0 || host->secret_append(body, ",", 1) == MORTISE_OK) &&
		    host->secret_append(body, "{", 1) == MORTISE_OK &&
		    text_append_members(host, body, members, 2) == MORTISE_OK &&
		    host->secret_append(body, "}", 1) == MORTISE_OK;
	}
	return good && host->secret_append(body, "]", 1) == MORTISE_OK;
}

static bool
add_value(const struct infisical *infisical, struct mortise_secret *body,
    const struct secret_request *request)
{
	static const char name[] = ",\"secretValue\":\"";
	const struct mortise_host *host = infisical->host;
	size_t size = 0;
	const char *bytes = request->value == NULL ? NULL :
	    host->secret_peek(request->value, &size);

	return host->secret_append(body, name, strlen(name)) == MORTISE_OK &&
	    (request->value == NULL ?
	    text_append_json(host, body, request->text, request->text_size) :
	    marker_append(host, body, request->value, needs_marker(bytes, size))) == MORTISE_OK &&
	    host->secret_append(body, "\"", 1) == MORTISE_OK;
}

/* NULL: no memory. */
static struct mortise_secret *
secret_body(const struct infisical *infisical, const struct secret_request *request, int version,
    const char *folder)
{
	const struct mortise_host *host = infisical->host;
	struct text_member members[] = {
		{.name = version == 3 ? "workspaceId" : "projectId", .text = infisical->project},
		{.name = "environment", .text = infisical->environment},
		{.name = "secretPath", .text = folder},
		{.name = "type", .text = "shared"},
	};
	size_t size = 0;
	struct mortise_secret *body;

	if (request->value != NULL)
		(void)host->secret_peek(request->value, &size);
	body = host->secret_new(size + size / 2 + 512);
	if (body != NULL && host->secret_append(body, "{", 1) == MORTISE_OK &&
	    text_append_members(host, body, members, 4) == MORTISE_OK &&
	    ((request->value == NULL && request->text == NULL) ||
	    add_value(infisical, body, request)) &&
	    (request->labels == NULL || add_labels(infisical, body, request)) &&
	    host->secret_append(body, "}", 1) == MORTISE_OK)
		return body;
	host->secret_free(body);
	return NULL;
}

static bool
is_label(const struct mortise_pair *label)
{
	size_t name = strlen(label->name), value = strlen(label->value);

	/* The server trims both. */
	return name > 0 && name <= LABEL_NAME_MAX && value <= LABEL_VALUE_MAX &&
	    !blank_ended(label->name, name) && !blank_ended(label->value, value);
}

static enum mortise_code
check_labels(const struct infisical *infisical, struct mortise_call *call,
    const struct secret_request *request, int version)
{
	const struct mortise_host *host = infisical->host;
	bool fit = request->labels_count <= LABELS_MAX;

	if (request->labels != NULL && version == 3)
		return host->fail(call, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "this Infisical is too old for labels; put without");
	for (size_t i = 0; fit && i < request->labels_count; i++)
		fit = is_label(&request->labels[i]);
	return fit ? MORTISE_OK : host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "Infisical takes %d labels, with names of %d bytes and values of %d, and no blanks at "
	    "their ends", LABELS_MAX, LABEL_NAME_MAX, LABEL_VALUE_MAX);
}

/* --- secrets ------------------------------------------------------------------------ */

static enum mortise_code
ask_generation(struct infisical *infisical, struct mortise_call *call,
    const struct secret_request *request, int version, struct infisical_answer *answer)
{
	const struct mortise_host *host = infisical->host;
	const char *what = request->name == NULL ? "the list" : request->name, *key = NULL;
	char path[PATH_SIZE], folder[FOLDER_SIZE];
	struct infisical_request sent = {.method = request->method, .path = path, .what = what};
	struct mortise_secret *body = NULL;
	bool fits = request->name != NULL ?
	    name_split(infisical->base, request->name, folder, &key) :
	    snprintf(folder, sizeof(folder), "%s", request->folder) < FOLDER_SIZE;
	enum mortise_code code = check_labels(infisical, call, request, version);

	if (code == MORTISE_OK && key != NULL && strlen(key) > KEY_MAX)
		code = host->fail(call, request->value != NULL ? MORTISE_INVALID :
		    MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "Infisical takes %d bytes behind the last slash of a name, and %s has %zu",
		    KEY_MAX, what, strlen(key));
	if (code == MORTISE_OK && (!fits ||
	    !secret_path(infisical, request, version, folder, key, path)))
		code = host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the path of %s is too long", what);
	if (code == MORTISE_OK && !is_read(&sent) &&
	    (body = secret_body(infisical, request, version, folder)) == NULL)
		code = infisical_no_memory(infisical, call);
	sent.body = body;
	if (code == MORTISE_OK)
		code = infisical_ask(infisical, call, &sent, answer);
	host->secret_free(body);
	/* Each environment has that one. */
	if (answer->said == SAID_NO_FOLDER && strcmp(folder, "/") == 0)
		code = host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s: the project has no such environment; see the option environment", what);
	return code;
}

enum mortise_code
secret_ask(struct infisical *infisical, struct mortise_call *call,
    const struct secret_request *request, struct infisical_answer *answer)
{
	int version;
	enum mortise_code code = infisical_generation(infisical, call, &version);

	*answer = (struct infisical_answer){0};
	if (code != MORTISE_OK)
		return request->name == NULL ? code :
		    before_write(infisical, call, request->name, code);
	code = ask_generation(infisical, call, request, version, answer);
	if (answer->said != SAID_NO_ROUTE || version == 3)
		return code;
	answer_forget(answer);
	code = ask_generation(infisical, call, request, 3, answer);
	/* Where neither is there it is no server of an older one. */
	if (answer->status != 0 && answer->said != SAID_NO_ROUTE)
		atomic_store(&infisical->generation, 3);
	return code;
}

enum mortise_code
infisical_read(struct infisical *infisical, struct mortise_call *call, const char *name,
    int64_t version, bool unseen, struct infisical_answer *answer, struct kept *kept)
{
	const struct secret_request request = {.method = "GET", .name = name, .version = version,
	    .unseen = unseen};
	enum mortise_code code = secret_ask(infisical, call, &request, answer);

	*kept = (struct kept){0};
	if (code == MORTISE_OK)
		code = kept_of(infisical, call, answer->tree, name, kept);
	/* Old servers give the newest for one that they do not have. */
	return code != MORTISE_OK || version == 0 || kept->version == version ? code :
	    infisical->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
	    "%s has no version %" PRId64 " any more, or never had", name, version);
}
