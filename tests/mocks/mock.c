/* SPDX-License-Identifier: BSD-2-Clause */
#include "mock.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef MOCK_NAME		/* there is another one, which is far away */
#define MOCK_NAME "mock"
#define MOCK_REACH MORTISE_REACH_PROCESS
#endif
#ifndef MOCK_INIT		/* and one that has this one inside */
#define MOCK_INIT mortise_plugin_init
#endif

#define PAGE 3			/* names a page: small, so that lists have some */

struct mock_value {
	struct mock_value *older;
	unsigned long version;
	char idempotency_key[33];
	struct mortise_secret *value;
};

struct mock_secret {
	struct mock_secret *next;
	char *name;
	struct mock_value *newest;
};

static const char *const codes[] = {"ok", "not_found", "unavailable", "timeout", "denied",
    "invalid", "conflict", "unsupported", "ignore", "error", NULL};
static const char *const ops[MOCK_OPS + 1] = {"get", "put", "delete", "list", "describe", "undo",
    "state-get", "state-take", "state-put", "state-delete", "state-list", "state-claim",
    "state-extend", "state-release", NULL};

/* --- what names ask for ------------------------------------------------------------ */

/* The rest of a name after its first segment, NULL if that is another one. */
static const char *
after(const char *name, const char *segment)
{
	size_t length = strlen(segment);

	return strncmp(name, segment, length) == 0 ? name + length : NULL;
}

/* The number of the word that the text begins with, -1 if it is none. */
static int
word_index(const char *text, const char *const *words)
{
	size_t length = strcspn(text, "/");

	for (int i = 0; words[i] != NULL; i++) {
		if (strlen(words[i]) == length && strncmp(words[i], text, length) == 0)
			return i;
	}
	return -1;
}

static enum mortise_code
answer(struct mock *mock, struct mortise_call *call, const char *text)
{
	int code = word_index(text, codes);

	if (code < 0)
		return (enum mortise_code)strtol(text, NULL, 10);
	if (code == MORTISE_OK)
		return MORTISE_OK;
	return mock->host->fail(call, (enum mortise_code)code, MORTISE_REASON_NONE,
	    "the mock was told to answer %s; ask it for another name", codes[code]);
}

static enum mortise_code
sleep_for(struct mock *mock, struct mortise_call *call, const char *text)
{
	long ms = strtol(text, NULL, 10);
	int left = mock->host->left_ms(call);
	bool late = ms >= left;

	(void)poll(NULL, 0, late ? left : (int)ms);
	if (!late)
		return MORTISE_OK;
	return mock->host->fail(call, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
	    "the mock slept until the deadline; ask for less");
}

enum mortise_code
mock_begin(struct mock *mock, struct mortise_call *call, enum mock_op op, const char *name)
{
	enum mortise_code down;
	const char *rest = after(name, "flaky/");
	bool flake;

	(void)pthread_mutex_lock(&mock->lock);
	mock->calls[op]++;
	down = strcmp(name, "down") == 0 ? MORTISE_OK : mock->down;
	flake = rest != NULL && mock->flaked < strtoul(rest, NULL, 10);
	mock->flaked = flake ? mock->flaked + 1 : 0;
	(void)pthread_mutex_unlock(&mock->lock);
	if (mock->fail != MORTISE_OK)
		return answer(mock, call, codes[mock->fail]);
	if (down != MORTISE_OK || flake)
		return answer(mock, call, codes[flake ? MORTISE_UNAVAILABLE : down]);
	rest = after(name, "code/");
	if (rest != NULL)
		return answer(mock, call, rest);
	rest = after(name, "slow/");
	return rest == NULL ? MORTISE_OK : sleep_for(mock, call, rest);
}

/* --- small things ------------------------------------------------------------------ */

char *
mock_copy(const void *bytes, size_t size)
{
	char *copy = malloc(size + 1);

	if (copy == NULL)
		return NULL;
	if (size > 0)
		memcpy(copy, bytes, size);
	copy[size] = '\0';
	return copy;
}

void
mock_version(unsigned long number, struct mortise_version *version)
{
	(void)snprintf(version->text, sizeof(version->text), "%lu", number);
}

static bool
version_is(const struct mortise_version *version, unsigned long number)
{
	struct mortise_version text;

	mock_version(number, &text);
	return strcmp(version->text, text.text) == 0;
}

bool
mock_conflict(bool only_if_absent, const struct mortise_version *only_if, unsigned long newest)
{
	return (only_if_absent && newest != 0) || (only_if != NULL && !version_is(only_if, newest));
}

static struct mortise_secret *
secret_copy(const struct mock *mock, const struct mortise_secret *secret)
{
	const struct mortise_host *host = mock->host;
	size_t size;
	const void *bytes = host->secret_peek(secret, &size);
	struct mortise_secret *copy = host->secret_new(size);

	if (copy != NULL && host->secret_append(copy, bytes, size) != MORTISE_OK) {
		host->secret_free(copy);
		return NULL;
	}
	return copy;
}

static enum mortise_code
text_secret(const struct mock *mock, const char *text, struct mortise_secret **value)
{
	struct mortise_secret *made = mock->host->secret_new(strlen(text));

	if (made == NULL)
		return MORTISE_ERROR;
	*value = made;
	return mock->host->secret_append(made, text, strlen(text));
}

/* --- the store --------------------------------------------------------------------- */

/* Where the name is, or would be. */
static struct mock_secret **
find(struct mock *mock, const char *name)
{
	struct mock_secret **at = &mock->secrets;

	while (*at != NULL && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	return at;
}

static struct mock_secret *
find_exact(struct mock *mock, const char *name)
{
	struct mock_secret *secret = *find(mock, name);

	return secret != NULL && strcmp(secret->name, name) == 0 ? secret : NULL;
}

static void
drop_newest(struct mock *mock, struct mock_secret *secret)
{
	struct mock_value *value = secret->newest;

	secret->newest = value->older;
	mock->host->secret_free(value->value);
	free(value);
}

/* With all its versions. */
static void
drop(struct mock *mock, struct mock_secret **at)
{
	struct mock_secret *secret = *at;

	while (secret->newest != NULL)
		drop_newest(mock, secret);
	*at = secret->next;
	free(secret->name);
	free(secret);
}

/* The entry of a name, made where there is none; NULL = no memory. */
static struct mock_secret *
entry(struct mock *mock, const char *name)
{
	struct mock_secret **at = find(mock, name), *secret = find_exact(mock, name);

	if (secret != NULL)
		return secret;
	secret = calloc(1, sizeof(*secret));
	if (secret != NULL)
		secret->name = mock_copy(name, strlen(name));
	if (secret == NULL || secret->name == NULL) {
		free(secret);
		return NULL;
	}
	secret->next = *at;
	*at = secret;
	return secret;
}

static bool
add(struct mock *mock, const char *name, const struct mortise_secret_put *put,
    const char *idempotency_key)
{
	struct mock_value *value = calloc(1, sizeof(*value));
	struct mock_secret *secret;

	if (value == NULL)
		return false;
	value->value = secret_copy(mock, put->value);
	secret = value->value == NULL ? NULL : entry(mock, name);
	if (secret == NULL) {
		mock->host->secret_free(value->value);
		free(value);
		return false;
	}
	memcpy(value->idempotency_key, idempotency_key, sizeof(value->idempotency_key));
	value->version = ++mock->last_version;
	value->older = secret->newest;
	secret->newest = value;
	return true;
}

/* --- secrets ----------------------------------------------------------------------- */

static enum mortise_code
get_stored(struct mock *mock, const char *name, const struct mortise_version *version,
    struct mortise_secret **value, struct mortise_version *found)
{
	const struct mock_secret *secret = find_exact(mock, name);
	const struct mock_value *at = secret == NULL ? NULL : secret->newest;

	while (at != NULL && version != NULL && !version_is(version, at->version))
		at = at->older;
	if (at == NULL)
		return MORTISE_NOT_FOUND;
	mock_version(at->version, found);
	*value = secret_copy(mock, at->value);
	return *value == NULL ? MORTISE_ERROR : MORTISE_OK;
}

static enum mortise_code
get_calls(const struct mock *mock, const char *op, struct mortise_secret **value)
{
	int number = word_index(op, ops);
	char text[24];

	if (number < 0)
		return MORTISE_NOT_FOUND;
	(void)snprintf(text, sizeof(text), "%lu", mock->calls[number]);
	return text_secret(mock, text, value);
}

static enum mortise_code
get(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found)
{
	struct mock *mock = instance;
	const char *counted = after(name, "calls/");
	enum mortise_code code;

	if (strcmp(name, "option/token") == 0)
		return mock->host->option_secret(call, mock->options, "token", value);
	code = counted != NULL ? MORTISE_OK : mock_begin(mock, call, MOCK_GET, name);
	if (code != MORTISE_OK)
		return code;
	(void)pthread_mutex_lock(&mock->lock);
	code = counted != NULL ? get_calls(mock, counted, value) :
	    get_stored(mock, name, version, value, found);
	(void)pthread_mutex_unlock(&mock->lock);
	return code;
}

static enum mortise_code
put_locked(struct mock *mock, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *put, struct mortise_receipt *receipt)
{
	const struct mock_secret *secret = find_exact(mock, name);
	unsigned long newest = secret == NULL ? 0 : secret->newest->version;

	receipt->existed = newest != 0;
	if (newest != 0)
		mock_version(newest, &receipt->before);
	if (mock_conflict(put->only_if_absent, put->only_if, newest))
		return mock->host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "%s has version %lu; read it again", name, newest);
	if (!add(mock, name, put, receipt->idempotency_key))
		return MORTISE_ERROR;
	mock_version(mock->last_version, &receipt->made);
	return MORTISE_OK;
}

static enum mortise_code
put(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *given, struct mortise_receipt *receipt)
{
	struct mock *mock = instance;
	enum mortise_code code = mock_begin(mock, call, MOCK_PUT, name);
	const char *done = after(name, "done/");

	if (code != MORTISE_OK)
		return code;
	if (given->labels != NULL)
		return mock->host->fail(call, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "the mock keeps no labels; put without");
	(void)pthread_mutex_lock(&mock->lock);
	if (strcmp(name, "down") == 0)
		mock->down = (enum mortise_code)word_index(
		    mock->host->secret_peek(given->value, NULL), codes);
	code = put_locked(mock, call, name, given, receipt);
	(void)pthread_mutex_unlock(&mock->lock);
	return code == MORTISE_OK && done != NULL ? answer(mock, call, done) : code;
}

static enum mortise_code
delete(void *instance, struct mortise_call *call, const char *name)
{
	struct mock *mock = instance;
	enum mortise_code code = mock_begin(mock, call, MOCK_DELETE, name);

	if (code != MORTISE_OK)
		return code;
	(void)pthread_mutex_lock(&mock->lock);
	if (strcmp(name, "down") == 0)
		mock->down = MORTISE_OK;
	if (find_exact(mock, name) != NULL)
		drop(mock, find(mock, name));
	else
		code = MORTISE_NOT_FOUND;
	(void)pthread_mutex_unlock(&mock->lock);
	return code;
}

/* Ignores the prefix, as a store without a search does: the core filters. */
static enum mortise_code
list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	struct mock *mock = instance;
	enum mortise_code code = mock_begin(mock, call, MOCK_LIST, prefix);
	const struct mock_secret *secret;
	unsigned int count = 0;

	if (code != MORTISE_OK)
		return code;
	(void)pthread_mutex_lock(&mock->lock);
	for (secret = mock->secrets; code == MORTISE_OK && secret != NULL && count < PAGE;
	    secret = secret->next) {
		if (cursor != NULL && strcmp(secret->name, cursor) <= 0)
			continue;
		code = mock->host->add_name(out, secret->name);
		if (++count == PAGE && code == MORTISE_OK && secret->next != NULL)
			code = mock->host->set_cursor(out, secret->name);
	}
	(void)pthread_mutex_unlock(&mock->lock);
	return code;
}

static enum mortise_code
describe(void *instance, struct mortise_call *call, const char *name, struct mortise_out *out)
{
	struct mock *mock = instance;
	enum mortise_code code = mock_begin(mock, call, MOCK_DESCRIBE, name);
	const struct mock_secret *secret;

	if (code != MORTISE_OK)
		return code;
	(void)pthread_mutex_lock(&mock->lock);
	secret = find_exact(mock, name);
	code = secret == NULL ? MORTISE_NOT_FOUND : MORTISE_OK;
	for (const struct mock_value *at = secret == NULL ? NULL : secret->newest;
	    code == MORTISE_OK && at != NULL; at = at->older) {
		struct mortise_history history = {.size = sizeof(history)};

		mock_version(at->version, &history.version);
		code = mock->host->add_history(out, &history);
	}
	(void)pthread_mutex_unlock(&mock->lock);
	return code;
}

static enum mortise_code
undo(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_receipt *receipt, const struct mortise_secret *written)
{
	struct mock *mock = instance;
	enum mortise_code code = mock_begin(mock, call, MOCK_UNDO, name);
	struct mock_secret *secret;
	bool ours;

	(void)written;
	if (code != MORTISE_OK)
		return code;
	(void)pthread_mutex_lock(&mock->lock);
	secret = find_exact(mock, name);
	ours = secret != NULL && (receipt->made.text[0] != '\0' ?
	    version_is(&receipt->made, secret->newest->version) :
	    strcmp(secret->newest->idempotency_key, receipt->idempotency_key) == 0);
	if (ours) {
		drop_newest(mock, secret);
		if (secret->newest == NULL)
			drop(mock, find(mock, name));
	}
	(void)pthread_mutex_unlock(&mock->lock);
	if (ours)
		return MORTISE_OK;
	return mock->host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_SUPERSEDED,
	    "%s was written since; nothing was undone", name);
}

static const struct mortise_secret_ops secret_ops = {
	.size = sizeof(secret_ops),
	.get = get,
	.put = put,
	.remove = delete,
	.list = list,
	.describe = describe,
	.undo = undo,
};

/* --- the instance ------------------------------------------------------------------ */

static void
close_instance(void *instance)
{
	struct mock *mock = instance;

	while (mock->secrets != NULL)
		drop(mock, &mock->secrets);
	mock_state_free(mock);
	(void)pthread_mutex_destroy(&mock->lock);
	free(mock);
}

/* The host table, for open: there is no other way to hand it on from init. */
static const struct mortise_host *the_host;

static enum mortise_code
open_instance(struct mortise_call *call, const struct mortise_options *options, void **instance)
{
	const struct mortise_host *host = the_host;
	struct mock *mock = calloc(1, sizeof(*mock));

	if (mock == NULL)
		return MORTISE_ERROR;
	mock->host = host;
	mock->options = options;
	if (host->option_given(options, "fail"))
		mock->fail = (enum mortise_code)host->option_number(options, "fail");
	mock->read_only = host->option_number(options, "read-only") != 0;
	(void)pthread_mutex_init(&mock->lock, NULL);
	if (host->option_given(options, "refuse")) {
		close_instance(mock);
		return host->option_fail(call, options, "refuse", "%s",
		    host->option_string(options, "refuse"));
	}
	*instance = mock;
	return MORTISE_OK;
}

static enum mortise_code
check(void *instance, struct mortise_call *call)
{
	struct mock *mock = instance;

	return mock->fail == MORTISE_OK ? MORTISE_OK : answer(mock, call, codes[mock->fail]);
}

static const char *
identity(void *instance)
{
	struct mock *mock = instance;

	return mock->host->option_string(mock->options, "identity");
}

static uint64_t
offers(void *instance)
{
	const struct mock *mock = instance;

	return mock->read_only ? MORTISE_CAN_SECRET_GET | MORTISE_CAN_SECRET_LIST |
	    MORTISE_CAN_STATE_GET | MORTISE_CAN_STATE_LIST : UINT64_MAX;
}

static const struct mortise_option fail_option = {
	.size = sizeof(fail_option),
	.name = "fail",
	.doc = "answer every operation with this code",
	.type = MORTISE_OPTION_ENUM,
	.words = codes,
};
static const struct mortise_option identity_option = {
	.size = sizeof(identity_option),
	.name = "identity",
	.doc = "what the store is called; without it, as the backend is",
	.type = MORTISE_OPTION_STRING,
};
static const struct mortise_option read_only_option = {
	.size = sizeof(read_only_option),
	.name = "read-only",
	.doc = "offer get and list only",
	.type = MORTISE_OPTION_BOOL,
};
static const struct mortise_option refuse_option = {
	.size = sizeof(refuse_option),
	.name = "refuse",
	.doc = "do not open, and say this",
	.type = MORTISE_OPTION_STRING,
};
static const struct mortise_option token_option = {
	.size = sizeof(token_option),
	.name = "token",
	.doc = "a secret option: the value of the name option/token",
	.type = MORTISE_OPTION_STRING,
	.flags = MORTISE_OPTION_SECRET,
};
static const struct mortise_option *const options[] = {&fail_option, &identity_option,
    &read_only_option, &refuse_option, &token_option, NULL};

static const struct mortise_plugin plugin = {
	.size = sizeof(plugin),
	.magic = MORTISE_PLUGIN_MAGIC,
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.name = MOCK_NAME,
	.version = "1",
	.doc = "answers what it is told to, for tests",
	.threads = MORTISE_THREADS_FREE,
	.reach = MOCK_REACH,
	.flags = MORTISE_PLUGIN_DURABLE,	/* for chains that need such a one; nobody cuts the power */
	.options = options,
	.open = open_instance,
	.close = close_instance,
	.check = check,
	.identity = identity,
	.offers = offers,
	.secret = &secret_ops,
	.state = &mock_state_ops,
};

enum mortise_code
MOCK_INIT(const struct mortise_host *host, struct mortise_call *call,
    const struct mortise_plugin **result)
{
	(void)call;
	the_host = host;
	*result = &plugin;
	return MORTISE_OK;
}
