/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that runs out: each call of the library, with the n-th allocation failing,
 * or all from the n-th on, in whichever library that is.  It must come back with an
 * answer, leak nothing, leave the context working, and what it has released must be
 * in the trail.
 *
 * jansson is left out: 2.14 asserts where an allocation fails inside of a string.
 *
 * n goes in steps that make about 15 runs of each; MEMORY_STEP=1 takes every one,
 * and MEMORY_ONLY one call by its name.
 */
#include <errno.h>
#include <jansson.h>

#include "../api/install.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

/* glibc's own, behind the functions that this program puts in their place for every
 * library that it loads. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static long countdown;		/* allocations until one fails; 0: none does */
static bool persistent;		/* and all after it */
static bool fired;
static long live;

#ifndef MORTISE_SANITIZED
static bool
fails(void)
{
	if (countdown == 0)
		return false;
	if (countdown > 1) {
		countdown--;
		return false;
	}
	fired = true;
	if (!persistent)
		countdown = 0;
	return true;
}

#pragma GCC visibility push(default)
void *
malloc(size_t size)
{
	void *block = fails() ? NULL : __libc_malloc(size);

	if (block == NULL)
		errno = ENOMEM;
	live += block != NULL;
	return block;
}

void *
calloc(size_t count, size_t size)
{
	void *block = fails() ? NULL : __libc_calloc(count, size);

	if (block == NULL)
		errno = ENOMEM;
	live += block != NULL;
	return block;
}

void *
realloc(void *old, size_t size)
{
	void *block = fails() ? NULL : __libc_realloc(old, size);

	if (block == NULL)
		errno = ENOMEM;
	live += old == NULL && block != NULL;
	return block;
}

int
posix_memalign(void **block, size_t alignment, size_t size)
{
	void *made = fails() ? NULL : __libc_memalign(alignment, size);

	live += made != NULL;
	*block = made;
	return made == NULL ? ENOMEM : 0;
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	void *block = NULL;

	errno = posix_memalign(&block, alignment, size);
	return block;
}

void
free(void *block)
{
	live -= block != NULL;
	__libc_free(block);
}
#pragma GCC visibility pop
#endif

/* --- what is called ------------------------------------------------------------------ */

static struct mortise *context;
static struct mortise_error *error;
static char config_path[256], secret_id[300];

static void
ignore_name(void *arg, const char *name)
{
	(void)arg;
	(void)name;
}

static void
ignore_version(void *arg, const struct mortise_version_info *info)
{
	(void)arg;
	(void)info;
}

static void
ignore_label(void *arg, const struct mortise_pair *label)
{
	(void)arg;
	(void)label;
}

static void
ignore_authorization(void *arg, const struct mortise_authorization *authorization)
{
	(void)arg;
	(void)authorization;
}

static void
ignore_state(void *arg, const struct mortise_state_info *info)
{
	(void)arg;
	(void)info;
}

static void
ignore_step(void *arg, const struct mortise_explain_step *step)
{
	(void)arg;
	(void)step;
}

static void
ignore_plugin(void *arg, const struct mortise_plugin_info *info)
{
	(void)arg;
	(void)info;
}

static void
ignore_line(void *arg, const char *line, size_t size)
{
	(void)arg;
	(void)line;
	(void)size;
}

static struct mortise_secret *
secret_of(const char *text)
{
	struct mortise_secret *value = mortise_secret_new(64);

	if (value != NULL && mortise_secret_append(value, text, strlen(text)) != MORTISE_OK) {
		mortise_secret_free(value);
		return NULL;
	}
	return value;
}

static enum mortise_code
call_open(void)
{
	const struct mortise_open_options options = {.size = sizeof(options),
	    .config_path = config_path, .program = "test"};
	struct mortise *opened = NULL;
	enum mortise_code code = mortise_open(&options, &opened, error);

	if (code == MORTISE_OK)
		mortise_close(opened);
	return code;
}

static enum mortise_code
call_check(void)
{
	return mortise_check(config_path, NULL, NULL, error);
}

static enum mortise_code
call_reload(void)
{
	return mortise_reload(context, error);
}

static enum mortise_code
call_get(void)
{
	const struct mortise_request request = {.size = sizeof(request), .agency_id = "agency",
	    .user_email = "a@example", .metadata = "{\"why\":[1,2,{\"x\":\"y\"}]}"};
	struct mortise_secret *value = NULL;
	enum mortise_code code = mortise_get(context, &request, "kept", NULL, &value, NULL, error);

	if (code == MORTISE_OK)
		CHECK_TEXT_AS(mortise_secret_peek(value, NULL), "value", "a value that is released");
	mortise_secret_free(value);
	return code;
}

static enum mortise_code
call_put(void)
{
	const struct mortise_pair labels[] = {{"team", "ads"}};
	const struct mortise_put_options options = {.size = sizeof(options), .labels = labels,
	    .labels_count = 1};
	struct mortise_secret *value = secret_of("value");
	enum mortise_code code = value == NULL ? MORTISE_IGNORE : mortise_put(context, NULL, "put/x",
	    value, &options, NULL, error);

	mortise_secret_free(value);
	return code;
}

/* The second backend refuses, and the first one's write is taken back. */
static enum mortise_code
call_put_undone(void)
{
	struct mortise_secret *value = secret_of("value");
	enum mortise_code code = value == NULL ? MORTISE_IGNORE : mortise_put(context, NULL,
	    "undone/x", value, NULL, NULL, error);

	mortise_secret_free(value);
	return code;
}

static enum mortise_code
call_delete(void)
{
	return mortise_delete(context, NULL, "put/x", error);
}

static enum mortise_code
call_list(void)
{
	return mortise_list(context, NULL, "", ignore_name, NULL, error);
}

static enum mortise_code
call_history(void)
{
	return mortise_history(context, NULL, "kept", ignore_version, ignore_label, NULL, error);
}

static enum mortise_code
call_token_store(void)
{
	const struct mortise_token_store_options options = {.size = sizeof(options),
	    .platform = "meta", .connection_id = "7", .agency_id = "agency"};
	struct mortise_secret *tokens = secret_of("{\"access_token\":\"a\",\"expires_in\":3600}");
	enum mortise_code code = tokens == NULL ? MORTISE_IGNORE : mortise_token_store(context, NULL,
	    &options, tokens, ignore_authorization, NULL, error);

	mortise_secret_free(tokens);
	return code;
}

static enum mortise_code
call_token_get(void)
{
	struct mortise_secret *tokens = NULL;
	enum mortise_code code = mortise_token_get(context, NULL, secret_id, &tokens, error);

	mortise_secret_free(tokens);
	return code;
}

static enum mortise_code
call_token_list(void)
{
	return mortise_token_list(context, NULL, ignore_authorization, NULL, error);
}

static enum mortise_code
call_token_revoke(void)
{
	return mortise_token_revoke(context, NULL, "oauth/meta/8", NULL, ignore_authorization, NULL,
	    error);
}

static enum mortise_code
call_state(void)
{
	const struct mortise_state_options options = {.size = sizeof(options), .platform = "meta",
	    .agency_id = "agency", .redirect_uri = "https://app.example/back", .binding = "cookie"};
	char state[MORTISE_STATE_SIZE];
	enum mortise_code code = mortise_state_create(context, NULL, &options, state, error);

	return code != MORTISE_OK ? code : mortise_state_validate(context, NULL, state, "cookie",
	    ignore_state, NULL, error);
}

static enum mortise_code
call_search(void)
{
	const struct mortise_audit_filter filter = {.size = sizeof(filter), .action = "secret_viewed",
	    .last = 3};

	return mortise_audit_search(context, NULL, &filter, ignore_line, NULL, error);
}

static enum mortise_code
call_export(void)
{
	return mortise_audit_export(context, NULL, "agency", ignore_line, NULL, NULL, error);
}

/* There is a part to erase: that of the request. */
static enum mortise_code
call_erase(void)
{
	const struct mortise_request request = {.size = sizeof(request),
	    .user_email = "ops@agency.example"};
	const struct mortise_erase_options options = {.size = sizeof(options),
	    .user_email = "ops@agency.example"};
	struct mortise_secret *value = NULL;
	uint64_t records = 0;
	enum mortise_code code = mortise_get(context, &request, "kept", NULL, &value, NULL, error);

	mortise_secret_free(value);
	if (code == MORTISE_OK)
		code = mortise_audit_erase(context, NULL, &options, &records, error);
	if (code == MORTISE_OK)
		CHECK_AS(records > 0, "there is something to erase");
	return code;
}

static enum mortise_code
call_head(void)
{
	struct mortise_audit_head head = {.size = sizeof(head)};
	char where[512];

	return mortise_audit_head(config_path, &head, where, sizeof(where), error);
}

static enum mortise_code
call_explain(void)
{
	return mortise_explain(context, NULL, "get", "kept", true, ignore_step, NULL, error);
}

static enum mortise_code
call_plugins(void)
{
	return mortise_plugins(config_path, "local", ignore_plugin, NULL, error);
}

/* Each gives the call's code, or ignore where memory ran out before it was made.
 * `action`: what its outcome in the trail is called; NULL: it has none. */
static const struct scenario {
	const char *name, *action;
	enum mortise_code (*call)(void);
	enum mortise_code plain;	/* with enough memory */
} scenarios[] = {
	{"open", NULL, call_open, MORTISE_OK},
	{"check", NULL, call_check, MORTISE_OK},
	{"reload", NULL, call_reload, MORTISE_OK},
	{"get", "secret_viewed", call_get, MORTISE_OK},
	{"put", "secret_written", call_put, MORTISE_OK},
	{"a put that is taken back", "secret_written", call_put_undone, MORTISE_DENIED},
	{"list", "secret_listed", call_list, MORTISE_OK},
	{"history", "secret_described", call_history, MORTISE_OK},
	{"token store", "access_granted", call_token_store, MORTISE_OK},
	{"token get", "token_viewed", call_token_get, MORTISE_OK},
	{"token list", "token_listed", call_token_list, MORTISE_OK},
	{"token revoke", "access_revoked", call_token_revoke, MORTISE_NOT_FOUND},
	{"state create and validate", "state_validated", call_state, MORTISE_OK},
	{"search", "audit_read", call_search, MORTISE_OK},
	{"export", "audit_exported", call_export, MORTISE_OK},
	{"erase", "audit_erased", call_erase, MORTISE_OK},
	{"head", NULL, call_head, MORTISE_OK},
	{"explain", "secret_viewed", call_explain, MORTISE_OK},
	{"plugins", NULL, call_plugins, MORTISE_OK},
	{"delete", "secret_deleted", call_delete, MORTISE_OK},
};

/* --- and how it comes back ------------------------------------------------------------- */

struct newest {
	char line[16384];
};

static void
keep_line(void *arg, const char *line, size_t size)
{
	struct newest *newest = arg;

	(void)snprintf(newest->line, sizeof(newest->line), "%.*s", (int)size, line);
}

/* The newest outcome of this action; the search itself is another's. */
static void
read_newest(const char *action, struct newest *newest)
{
	const struct mortise_audit_filter filter = {.size = sizeof(filter), .action = action,
	    .last = 1};

	newest->line[0] = '\0';
	(void)mortise_audit_search(context, NULL, &filter, keep_line, newest, error);
}

/* What is left by one run, a library may have kept for the next, and a cache grows now
 * and then; a leak is there after each. */
#define RUNS_LEAST 3
#define RUNS_MOST 9

/* Runs with the n-th allocation failing; false: there are not so many. */
static bool
run(const struct scenario *scenario, long n, bool all_after, unsigned int *bad)
{
	static struct newest before, after;
	enum mortise_code code = MORTISE_OK;
	long last = 0;
	bool grew = true;

	for (int i = 0; i < RUNS_LEAST || (grew && i < RUNS_MOST); i++) {
		if (scenario->action != NULL)
			read_newest(scenario->action, &before);
		fired = false;
		persistent = all_after;
		countdown = n;
		code = scenario->call();
		countdown = 0;
		if (!fired)
			return false;
		grew = i == 0 || (grew && live > last);
		last = live;
		if (scenario->action == NULL || code != MORTISE_OK)
			continue;
		read_newest(scenario->action, &after);
		if (strcmp(before.line, after.line) == 0 || strstr(after.line, "\"code\":\"ok\"") == NULL) {
			printf("# %s: allocation %ld fails: ok, and not in the trail\n",
			    scenario->name, n);
			++*bad;
		}
	}
	if (grew) {
		printf("# %s: allocation %ld fails: more blocks live after each call\n",
		    scenario->name, n);
		++*bad;
	}
	if (code == MORTISE_OK || code == MORTISE_IGNORE || mortise_error_message(error)[0] != '\0')
		return true;
	printf("# %s: allocation %ld fails: %s without words\n", scenario->name, n,
	    mortise_code_name(code));
	++*bad;
	return true;
}

static long
count_allocations(const struct scenario *scenario)
{
	const long many = 1000000000;

	countdown = many;
	persistent = false;
	(void)scenario->call();
	return many - countdown;
}

static void
test_scenario(const struct scenario *scenario)
{
	const char *given = getenv("MEMORY_STEP");
	enum mortise_code plain = scenario->call();
	long count, step, runs = 0;
	unsigned int bad = 0;

	if (!CHECK_TEXT_AS(mortise_code_name(plain), mortise_code_name(scenario->plain),
	    scenario->name))
		printf("# %s\n", mortise_error_message(error));
	count = count_allocations(scenario);
	countdown = 0;
	step = given != NULL ? strtol(given, NULL, 10) : count / 15 + 1;
	for (int all_after = 0; all_after < 2; all_after++) {
		for (long n = 1; run(scenario, n, all_after != 0, &bad); n += step > 0 ? step : 1)
			runs++;
	}
	CHECK_AS(bad == 0, "%s: %ld of %ld allocations failed, once and from then on",
	    scenario->name, runs / 2, count);
	/* And it goes on. */
	CHECK_NUMBER_AS(call_get(), MORTISE_OK, scenario->name);
}

static void
write_chains(void)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), "version: 1\n"
	    "plugin-path: [%s/plugins/.libs, %s/tests/mocks/.libs]\n"
	    "backends:\n"
	    "  store: {plugin: local, path: store.db, key: {file: key}}\n"
	    "  mock: {plugin: mock}\n"
	    "  denies: {plugin: mock, fail: denied}\n"
	    "secret:\n"
	    "  - {match: \"undone/*\", use: [mock, denies], get: mock}\n"
	    "  - {match: \"kept\", get: [mock, store], put: store, delete: store}\n"
	    "  - {match: \"*\", use: store}\n"
	    "state: [{match: \"*\", use: store}]\n"
	    "audit: {trail: {path: trail}}\n", getenv("builddir"), getenv("builddir"));
	write_file("mortise.yaml", text, 0600);
}

static void
test_trail(void)
{
	char path[256], verdict[512] = "";
	const char *const files[] = {path};
	const struct mortise_verify_options options = {.size = sizeof(options), .files = files,
	    .files_count = 1};

	(void)snprintf(path, sizeof(path), "%s/trail/000001.jsonl", directory);
	CHECK_NUMBER_AS(mortise_audit_verify(&options, verdict, sizeof(verdict), error), MORTISE_OK,
	    "the trail holds after all of it");
	printf("# %s\n", verdict);
}

int
main(void)
{
	struct mortise_secret *value;
	const char *only;

#ifdef MORTISE_SANITIZED
	test_skip("memory that runs out", "a sanitizer has an allocator of its own");
	return test_end();
#endif
	json_set_alloc_funcs(__libc_malloc, __libc_free);
	error = mortise_error_new();
	install();
	write_chains();
	(void)snprintf(config_path, sizeof(config_path), "%s/mortise.yaml", directory);
	(void)snprintf(secret_id, sizeof(secret_id), "oauth/meta/7");
	context = open_config("mortise.yaml", error);
	if (!CHECK(context != NULL))
		return test_end();
	value = secret_of("value");
	CHECK_NUMBER(mortise_put(context, NULL, "kept", value, NULL, NULL, error), MORTISE_OK);
	mortise_secret_free(value);
	only = getenv("MEMORY_ONLY");
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (only == NULL || strcmp(only, scenarios[i].name) == 0)
			test_scenario(&scenarios[i]);
	}
	test_trail();
	mortise_close(context);
	mortise_error_free(error);
	uninstall();
	return test_end();
}
