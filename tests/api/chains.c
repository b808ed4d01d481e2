/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations through chains of mock backends: what is asked, taken back, merged
 * and audited. */
#include "install.h"

static struct mortise_error *error;

static struct mortise *
open_mocks(void)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), "version: 1\n"
	    "plugin-path: [%s/tests/mocks/.libs]\n"
	    "backends: {a: {plugin: mock}, b: {plugin: mock}, down: {plugin: mock, fail: unavailable},\n"
	    "  denies: {plugin: mock, fail: denied}, gone: {plugin: nothing, call: {if-missing: skip}}}\n"
	    "chains: {inner: [a, denies]}\n"
	    "secret:\n"
	    "  - {match: \"undo/*\", use: [a, b, denies], get: a}\n"
	    "  - {match: \"inner/*\", get: [a, b], put: [b, {use: inner, control: optional}], delete: [a, b]}\n"
	    "  - {match: \"down/*\", get: [down, a], put: a, delete: [a, down]}\n"
	    "  - {match: \"denied/*\", get: [denies, a], put: a, delete: a}\n"
	    "  - {match: \"skip/*\", use: [gone, a]}\n"
	    "  - {match: \"fixed/*\", get: a, put: none, delete: none}\n"
	    "  - {match: \"both/*\", use: [a, b]}\n"
	    "  - {match: \"oauth/*\", get: [a, b], put: [down, b], delete: [a, b]}\n"
	    "  - {match: \"*\", use: b}\n"
	    "state: [{match: \"turn:*/stuck/*\", use: down}, {match: \"*\", use: a}]\n"
	    "audit: {trail: {path: trail}}\n", getenv("builddir"));
	write_file("mocks.yaml", text, 0600);
	return open_config("mocks.yaml", error);
}

static enum mortise_code
put(struct mortise *context, const char *name, const char *text,
    const struct mortise_put_options *options, struct mortise_place *made)
{
	struct mortise_secret *value = mortise_secret_new(strlen(text));
	enum mortise_code code;

	if (value == NULL || mortise_secret_append(value, text, strlen(text)) != MORTISE_OK)
		exit(99);
	code = mortise_put(context, NULL, name, value, options, made, error);
	mortise_secret_free(value);
	return code;
}

/* What a get says: the value, or the code in brackets. */
static void
check_get(struct mortise *context, const char *name, const char *version, const char *want)
{
	struct mortise_secret *value = NULL;
	struct mortise_place place;
	char text[64];
	enum mortise_code code = mortise_get(context, NULL, name, version, &value, &place, error);

	if (code == MORTISE_OK)
		(void)snprintf(text, sizeof(text), "%s", (const char *)mortise_secret_peek(value, NULL));
	else
		(void)snprintf(text, sizeof(text), "[%s]", mortise_code_name(code));
	CHECK_TEXT_AS(text, want, name);
	mortise_secret_free(value);
}

static void
test_undo(struct mortise *context)
{
	struct mortise_place made = {""};

	CHECK_NUMBER(put(context, "undo/x", "new", NULL, NULL), MORTISE_DENIED);
	CHECK_TEXT(mortise_error_backend(error), "denies");
	check_get(context, "undo/x", NULL, "[not_found]");
	/* The inner chain fails and takes its own back, the outer goes on. */
	CHECK_NUMBER(put(context, "inner/x", "new", NULL, &made), MORTISE_OK);
	check_get(context, "inner/x", NULL, "new");
	check_get(context, "inner/x", made.text, "new");
	made.text[0] = 'a';
	check_get(context, "inner/x", made.text, "[not_found]");
}

static void
test_reads(struct mortise *context)
{
	struct mortise_place place = {""};

	CHECK_NUMBER(put(context, "down/x", "v", NULL, NULL), MORTISE_OK);
	check_get(context, "down/x", NULL, "v");
	check_get(context, "down/y", NULL, "[unavailable]");
	CHECK_NUMBER(put(context, "denied/x", "v", NULL, NULL), MORTISE_OK);
	check_get(context, "denied/x", NULL, "[denied]");
	CHECK_NUMBER(put(context, "skip/x", "v", NULL, &place), MORTISE_OK);
	CHECK(strncmp(place.text, "a:", 2) == 0);
	check_get(context, "skip/x", NULL, "v");
	CHECK_NUMBER(put(context, "fixed/x", "v", NULL, NULL), MORTISE_UNSUPPORTED);
	CHECK(mortise_error_line(error) > 0);
	check_get(context, "a/../b", NULL, "[invalid]");
	check_get(context, "down/x", "denies:1", "[invalid]");
	check_get(context, "down/x", "a:", "[invalid]");
	CHECK_NUMBER(mortise_delete(context, NULL, "down/x", error), MORTISE_UNAVAILABLE);
	check_get(context, "down/x", "a:1", "[not_found]");
	CHECK_NUMBER(mortise_delete(context, NULL, "skip/x", error), MORTISE_OK);
	CHECK_NUMBER(mortise_delete(context, NULL, "skip/x", error), MORTISE_NOT_FOUND);
}

static void
test_conditions(struct mortise *context)
{
	struct mortise_put_options options = {.size = sizeof(options), .only_if_absent = true};
	struct mortise_place first = {""};

	CHECK_NUMBER(put(context, "both/c", "1", &options, &first), MORTISE_OK);
	CHECK(strncmp(first.text, "a:", 2) == 0);
	CHECK_NUMBER(put(context, "both/c", "2", &options, NULL), MORTISE_CONFLICT);
	options.only_if_absent = false;
	options.only_if = first.text;
	CHECK_NUMBER(put(context, "both/c", "2", &options, NULL), MORTISE_OK);
	CHECK_NUMBER_AS(put(context, "both/c", "3", &options, NULL), MORTISE_CONFLICT,
	    "the version is no longer the newest");
	options.only_if = "b:1";
	CHECK_NUMBER_AS(put(context, "both/c", "3", &options, NULL), MORTISE_INVALID,
	    "a condition for a backend that is not written first");
	check_get(context, "both/c", NULL, "2");
}

static void
add_name(void *arg, const char *name)
{
	char *names = arg;
	size_t used = strlen(names);

	(void)snprintf(names + used, 256 - used, "%s ", name);
}

static void
add_version(void *arg, const struct mortise_version_info *info)
{
	add_name(arg, info->version.text);
}

static void
test_lists(struct mortise *context)
{
	char names[256] = "";

	CHECK_NUMBER(put(context, "both/a", "1", NULL, NULL), MORTISE_OK);
	CHECK_NUMBER(put(context, "both/a", "2", NULL, NULL), MORTISE_OK);
	CHECK_NUMBER(put(context, "botha", "1", NULL, NULL), MORTISE_OK);
	CHECK_NUMBER(mortise_list(context, NULL, "both", add_name, names, error), MORTISE_OK);
	CHECK_TEXT_AS(names, "both/a both/c botha ", "merged, sorted, each once");
	names[0] = '\0';
	CHECK_NUMBER(mortise_list(context, NULL, "none/such", add_name, names, error), MORTISE_OK);
	CHECK_TEXT(names, "");
	CHECK_NUMBER_AS(mortise_list(context, NULL, "d", add_name, names, error),
	    MORTISE_UNAVAILABLE, "a backend that may have some did not answer");
	CHECK_NUMBER(mortise_history(context, NULL, "both/a", add_version, NULL, names, error),
	    MORTISE_OK);
	CHECK_AS(strncmp(names, "a:", 2) == 0, "of the backend that is written first: %s", names);
}

/* Tokens are kept: the first backend is down, and the second is enough. */
static void
test_keep(struct mortise *context)
{
	struct mortise_token_store_options options = {
		.size = sizeof(options), .platform = "p", .connection_id = "1", .agency_id = "x",
	};
	struct mortise_secret *tokens = mortise_secret_new(64), *read = NULL;
	static const char answer[] = "{\"access_token\":\"t\"}";

	CHECK_NUMBER(mortise_secret_append(tokens, answer, sizeof(answer) - 1), MORTISE_OK);
	CHECK_NUMBER(mortise_token_store(context, NULL, &options, tokens, NULL, NULL, error),
	    MORTISE_OK);
	CHECK_NUMBER(mortise_token_get(context, NULL, "oauth/p/1", &read, error), MORTISE_OK);
	mortise_secret_free(read);
	mortise_secret_free(tokens);
	CHECK_NUMBER_AS(put(context, "oauth/p/2", "x", NULL, NULL), MORTISE_UNAVAILABLE,
	    "a plain put is not kept");
}

/* Where it cannot be noted whom a write leaves behind, a put is refused, and nothing is
 * written; what cannot be had again is kept. */
static void
test_marks(struct mortise *context)
{
	struct mortise_token_store_options options = {
		.size = sizeof(options), .platform = "stuck", .connection_id = "1", .agency_id = "x",
	};
	struct mortise_secret *tokens = mortise_secret_new(64), *read = NULL;
	static const char answer[] = "{\"access_token\":\"t\"}";

	CHECK_NUMBER(put(context, "inner/stuck/x", "x", NULL, NULL), MORTISE_UNAVAILABLE);
	CHECK(strstr(mortise_error_message(error), "nothing was written") != NULL);
	check_get(context, "inner/stuck/x", NULL, "[not_found]");
	CHECK_NUMBER(mortise_delete(context, NULL, "inner/stuck/x", error), MORTISE_UNAVAILABLE);
	CHECK_NUMBER(mortise_secret_append(tokens, answer, sizeof(answer) - 1), MORTISE_OK);
	CHECK_NUMBER_AS(mortise_token_store(context, NULL, &options, tokens, NULL, NULL, error),
	    MORTISE_OK, "tokens are kept without marks");
	CHECK_NUMBER(mortise_token_get(context, NULL, "oauth/stuck/1", &read, error), MORTISE_OK);
	mortise_secret_free(read);
	mortise_secret_free(tokens);
}

struct step_line {
	char text[1024];
};

static void
add_step(void *arg, const struct mortise_explain_step *step)
{
	struct step_line *lines = arg;
	size_t used = strlen(lines->text);

	(void)snprintf(lines->text + used, sizeof(lines->text) - used, "%u:%s:%s:%s:%s ", step->line,
	    step->backend, step->word, step->code == NULL ? "-" : step->code,
	    step->action == NULL ? "-" : step->action);
}

static void
test_explain(struct mortise *context)
{
	struct step_line lines = {""};

	CHECK_NUMBER(put(context, "down/e", "v", NULL, NULL), MORTISE_OK);
	CHECK_NUMBER(mortise_explain(context, NULL, "get", "down/e", true, add_step, &lines, error),
	    MORTISE_OK);
	CHECK_TEXT(lines.text,
	    "9:down/*:get:-:- 9:down:fallback:unavailable:ignore 9:a:fallback:ok:done ");
	lines.text[0] = '\0';
	CHECK_NUMBER(mortise_explain(context, NULL, "put", "inner/e", false, add_step, &lines,
	    error), MORTISE_OK);
	CHECK_TEXT(lines.text, "8:inner/*:put:-:- 8:b:requisite:-:- 8:inner:optional:-:- "
	    "5:a:requisite:-:- 5:denies:requisite:-:- ");
	CHECK_NUMBER(mortise_explain(context, NULL, "put", "x", true, add_step, &lines, error),
	    MORTISE_INVALID);
	CHECK_NUMBER(mortise_explain(context, NULL, "jump", "x", false, add_step, &lines, error),
	    MORTISE_INVALID);
}

int
main(void)
{
	struct mortise *context;

	error = mortise_error_new();
	install();
	context = open_mocks();
	CHECK(context != NULL);
	if (context != NULL) {
		test_undo(context);
		test_reads(context);
		test_conditions(context);
		test_lists(context);
		test_keep(context);
		test_marks(context);
		test_explain(context);
		mortise_close(context);
	}
	mortise_error_free(error);
	uninstall();
	return test_end();
}
