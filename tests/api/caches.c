/* SPDX-License-Identifier: BSD-2-Clause */
/* What `call:` changes in whole operations: cached and stale answers, their audit
 * records, and what explain tells of them. */
#include <time.h>

#include "install.h"

static struct mortise_error *error;

static struct mortise *
open_mocks(void)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), "version: 1\n"
	    "plugin-path: [%s/tests/mocks/.libs]\n"
	    "backends:\n"
	    "  brief: {plugin: mock, call: {cache: {ttl: 1ms, stale: 1h}, retry: {attempts: 2}}}\n"
	    "  far: {plugin: far, call: {cache: {ttl: 1h}, retry: {attempts: 2},\n"
	    "    breaker: {failures: 4, open: 1h}}}\n"
	    "  plain: {plugin: mock}\n"
	    "secret:\n"
	    "  - {match: down, use: brief}\n"
	    "  - {match: \"fallback/*\", get: [brief, plain], put: brief, delete: brief}\n"
	    "  - {match: \"both/*\", put: [plain, brief], delete: plain,\n"
	    "     get: [{use: plain, control: required}, {use: brief, control: required}]}\n"
	    "  - {match: \"plain/*\", use: plain}\n"
	    "  - {match: \"*\", use: far}\n"
	    "audit: {trail: {path: trail}}\n", getenv("builddir"));
	write_file("caches.yaml", text, 0600);
	return open_config("caches.yaml", error);
}

static void
put(struct mortise *context, const char *name, const char *text)
{
	struct mortise_secret *value = mortise_secret_new(strlen(text));

	if (value == NULL || mortise_secret_append(value, text, strlen(text)) != MORTISE_OK)
		exit(99);
	CHECK_NUMBER_AS(mortise_put(context, NULL, name, value, NULL, NULL, error), MORTISE_OK,
	    name);
	mortise_secret_free(value);
}

/* The value, or the code in brackets. */
static const char *
get(struct mortise *context, const char *name, bool fresh, char text[64])
{
	const struct mortise_request request = {.size = sizeof(request), .fresh = fresh};
	struct mortise_secret *value = NULL;
	enum mortise_code code = mortise_get(context, &request, name, NULL, &value, NULL, error);

	if (code == MORTISE_OK)
		(void)snprintf(text, 64, "%s", (const char *)mortise_secret_peek(value, NULL));
	else
		(void)snprintf(text, 64, "[%s]", mortise_code_name(code));
	mortise_secret_free(value);
	return text;
}

static void
sleep_ms(long ms)
{
	const struct timespec time = {.tv_nsec = ms * 1000000};

	(void)nanosleep(&time, NULL);
}

/* What the trail holds of a name: a letter a record, I and O, and small c and s
 * behind one that was cached or stale. */
static void
add_letters(void *arg, const char *line, size_t size)
{
	char *text = arg;

	(void)size;
	(void)strcat(text, strstr(line, "\"t\":\"intent\"") != NULL ? "I" : "O");
	if (strstr(line, "\"cached\":true") != NULL)
		(void)strcat(text, "c");
	if (strstr(line, "\"stale\":true") != NULL)
		(void)strcat(text, "s");
}

static void
check_records(struct mortise *context, const char *name, const char *want)
{
	const struct mortise_audit_filter filter = {
		.size = sizeof(filter), .resource_id = name, .action = "secret_viewed",
	};
	char text[64] = "";

	CHECK_NUMBER(mortise_audit_search(context, NULL, &filter, add_letters, text, error),
	    MORTISE_OK);
	CHECK_TEXT_AS(text, want, name);
}

static void
add_detail(void *arg, const struct mortise_explain_step *step)
{
	char *text = arg;

	if (step->depth > 0)
		(void)snprintf(text + strlen(text), 256 - strlen(text), "%s:%s:%.8s ",
		    step->backend, step->code == NULL ? "-" : step->code,
		    step->detail == NULL ? "-" : step->detail);
}

static void
check_detail(struct mortise *context, const char *name, const char *want)
{
	char text[256] = "";

	(void)mortise_explain(context, NULL, "get", name, true, add_detail, text, error);
	CHECK_TEXT_AS(text, want, name);
}

/* A cached answer is audited like any other, and is announced by no intent: it
 * does not leave the machine. */
static void
test_cached(struct mortise *context)
{
	char text[64];

	put(context, "a", "one");
	CHECK_TEXT(get(context, "a", false, text), "one");
	CHECK_TEXT(get(context, "a", false, text), "one");
	CHECK_TEXT(get(context, "a", true, text), "one");
	check_records(context, "a", "IOOcIO");
	check_detail(context, "a", "far:ok:cached,  ");
	CHECK_TEXT(get(context, "flaky/1", false, text), "[not_found]");
	check_records(context, "flaky/1", "IO");
	put(context, "a", "two");
	CHECK_TEXT_AS(get(context, "a", false, text), "two", "a put is seen at once");
	CHECK_TEXT(get(context, "a", true, text), "two");
}

static void
test_stale(struct mortise *context)
{
	char text[64];

	put(context, "fallback/x", "old");
	put(context, "both/x", "mirrored");
	CHECK_TEXT(get(context, "fallback/x", false, text), "old");
	CHECK_TEXT(get(context, "both/x", false, text), "mirrored");
	sleep_ms(3);
	put(context, "down", "unavailable");
	CHECK_TEXT_AS(get(context, "fallback/x", false, text), "old", "the last resort");
	CHECK_NUMBER(mortise_error_code(error), MORTISE_OK);
	CHECK_NUMBER(mortise_error_reason(error), MORTISE_REASON_STALE);
	CHECK(strstr(mortise_error_message(error), "brief did not answer; this is what it said 0 s "
	    "ago") != NULL);
	CHECK_TEXT_AS(get(context, "fallback/x", true, text), "[unavailable]", "never when fresh");
	CHECK_TEXT_AS(get(context, "fallback/y", false, text), "[unavailable]", "nothing is kept");
	check_records(context, "fallback/x", "OOcsO");
	CHECK_TEXT_AS(get(context, "both/x", false, text), "mirrored",
	    "another entry's answer, which the stale one made possible");
	CHECK_NUMBER(mortise_error_reason(error), MORTISE_REASON_NONE);
	check_records(context, "both/x", "OO");
	check_detail(context, "fallback/x", "brief:unavailable:2 attemp plain:not_found: ");
}

static void
test_open_breaker(struct mortise *context)
{
	char text[64];

	CHECK_TEXT(get(context, "code/unavailable", false, text), "[unavailable]");
	CHECK_TEXT(get(context, "code/unavailable", false, text), "[unavailable]");
	CHECK_TEXT_AS(get(context, "a", false, text), "two", "cached answers do not care");
	check_detail(context, "b", "far:unavailable:not aske ");
	CHECK(strstr(mortise_error_message(error), "left alone") != NULL);
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
		test_cached(context);
		test_stale(context);
		test_open_breaker(context);
		mortise_close(context);
	}
	mortise_error_free(error);
	uninstall();
	return test_end();
}
