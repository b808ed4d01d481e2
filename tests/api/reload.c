/* SPDX-License-Identifier: BSD-2-Clause */
/* A reload: what stays open, what is opened anew, what is refused, and calls that
 * run meanwhile; several contexts in one process. */
#include <pthread.h>
#include <stdatomic.h>

#include "install.h"

#define CALLERS 8
#define RELOADS 60

static struct mortise_error *error;
static char logged[512], problem[512];

static void
keep_line(void *arg, enum mortise_level level, const char *message)
{
	(void)arg;
	if (level <= MORTISE_LOG_INFO)
		(void)snprintf(logged, sizeof(logged), "%d %s", (int)level, message);
}

static void
keep_problem(void *arg, enum mortise_level level, const char *file, unsigned int line,
    unsigned int column, const char *message)
{
	(void)arg;
	(void)level;
	(void)file;
	(void)snprintf(problem, sizeof(problem), "%u:%u: %s", line, column, message);
}

/* Three mocks, of which b takes its option from a; `a` and `rest` are text. */
static void
write_mocks(const char *a, const char *rest)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), "version: 1\n"
	    "plugin-path: [%s/tests/mocks/.libs]\n"
	    "backends:\n"
	    "  b: {plugin: mock, token: {secret: kept, from: a}}\n"
	    "  a: {plugin: mock%s}\n"
	    "  c: {plugin: mock, call: {cache: {ttl: 1h}}}\n"
	    "secret:\n"
	    "  - {match: \"b/*\", use: b}\n"
	    "  - {match: \"c/*\", use: c}\n"
	    "  - {match: \"option/token\", use: b}\n"
	    "  - {match: \"*\", use: a}\n"
	    "%s", getenv("builddir"), a, rest);
	write_file("reload.yaml", text, 0600);
}

#define AUDIT "audit: {trail: {path: trail}}\n"

static struct mortise *
open_reloadable(void)
{
	char path[256];
	struct mortise_open_options options = {
		.size = sizeof(options), .config_path = path, .program = "test",
		.problem = keep_problem, .log = keep_line, .log_level = MORTISE_LOG_INFO,
	};
	struct mortise *context = NULL;

	(void)snprintf(path, sizeof(path), "%s/reload.yaml", directory);
	if (!CHECK(mortise_open(&options, &context, error) == MORTISE_OK))
		printf("# %s\n", mortise_error_message(error));
	return context;
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

static const char *
get(struct mortise *context, const char *name, char text[64])
{
	struct mortise_secret *value = NULL;
	enum mortise_code code = mortise_get(context, NULL, name, NULL, &value, NULL, error);

	if (code == MORTISE_OK)
		(void)snprintf(text, 64, "%s", (const char *)mortise_secret_peek(value, NULL));
	else
		(void)snprintf(text, 64, "[%s]", mortise_code_name(code));
	mortise_secret_free(value);
	return text;
}

static void
count_config(void *arg, const char *line, size_t size)
{
	(void)size;
	*(int *)arg += strstr(line, "\"t\":\"config\",\"digest\":\"") != NULL &&
	    strstr(line, "\"who\":\"test\"") != NULL;
}

static int
config_records(struct mortise *context)
{
	int count = 0;

	(void)mortise_audit_search(context, NULL, NULL, count_config, &count, error);
	return count;
}

/* The mocks hold what was put in memory: who still has it was not opened anew. */
static void
test_what_stays(void)
{
	struct mortise *context;
	char text[64];

	write_mocks("", AUDIT);
	context = open_reloadable();
	if (context == NULL)
		return;
	put(context, "kept", "of a");
	put(context, "b/x", "of b");
	put(context, "c/x", "of c");
	(void)get(context, "c/x", text);
	CHECK_TEXT_AS(get(context, "option/token", text), "of a", "b reads its option from a");

	write_mocks("", "deadline: 3s\n" AUDIT);
	CHECK_NUMBER(mortise_reload(context, error), MORTISE_OK);
	CHECK_TEXT_AS(get(context, "kept", text), "of a", "nothing of a has changed");
	CHECK_TEXT(get(context, "b/x", text), "of b");
	CHECK_TEXT(get(context, "option/token", text), "of a");

	write_mocks(", identity: new", AUDIT);
	logged[0] = '\0';
	CHECK_NUMBER(mortise_reload(context, error), MORTISE_OK);
	CHECK_NUMBER(mortise_reload(context, error), MORTISE_OK);
	CHECK_NUMBER_AS(config_records(context), 2, "each configuration is recorded once");
	CHECK_TEXT_AS(get(context, "kept", text), "[not_found]", "a was opened anew");
	CHECK_TEXT_AS(get(context, "b/x", text), "[not_found]", "and b, which needs it");
	CHECK_TEXT_AS(get(context, "c/x", text), "of c", "and not c");
	CHECK_TEXT(logged, "1 backend b has changed and is opened anew; what it held in memory is "
	    "gone");
	mortise_close(context);
}

static void
test_refused(void)
{
	struct mortise *context;
	char text[64];

	write_mocks("", AUDIT);
	context = open_reloadable();
	if (context == NULL)
		return;
	put(context, "kept", "of a");
	write_mocks(", identty: x", AUDIT);
	CHECK_NUMBER(mortise_reload(context, error), MORTISE_INVALID);
	CHECK_NUMBER(mortise_error_reason(error), MORTISE_REASON_CONFIGURATION);
	CHECK_TEXT(problem, "5:21: unknown key identty; did you mean identity?");
	CHECK_TEXT_AS(get(context, "kept", text), "of a", "the one in force stays");
	write_mocks(", refuse: today", AUDIT);
	CHECK_NUMBER(mortise_reload(context, error), MORTISE_INVALID);
	CHECK_TEXT(mortise_error_message(error), "refuse: today");
	CHECK_TEXT(get(context, "kept", text), "of a");
	write_mocks("", "audit: {trail: {path: elsewhere}}\n");
	CHECK_NUMBER(mortise_reload(context, error), MORTISE_INVALID);
	CHECK_TEXT(mortise_error_message(error),
	    "a reload cannot change where the trail is; restart the program for that");
	CHECK_NUMBER(mortise_error_line(error), 12);
	write_mocks("", "audit: off\n");
	CHECK_NUMBER(mortise_reload(context, error), MORTISE_INVALID);
	CHECK_TEXT(get(context, "kept", text), "of a");
	mortise_close(context);
}

/* An error after a reload names the line where the backend stands now. */
static void
test_places(void)
{
	struct mortise *context;
	char text[64];

	write_mocks("", AUDIT);
	context = open_reloadable();
	if (context == NULL)
		return;
	(void)get(context, "code/denied", text);
	CHECK_NUMBER(mortise_error_line(error), 5);
	CHECK(system("cd \"$MORTISE_TEST_DIRECTORY\" && sed -i '1i# a line' reload.yaml && "
	    "chmod 600 reload.yaml") == 0);
	CHECK_NUMBER(mortise_reload(context, error), MORTISE_OK);
	(void)get(context, "code/denied", text);
	CHECK_NUMBER(mortise_error_line(error), 6);
	mortise_close(context);
}

struct caller {
	pthread_t thread;
	struct mortise *context;
	_Atomic bool *stop;
	unsigned long calls, failures;
};

static void *
call_on(void *arg)
{
	struct caller *caller = arg;
	struct mortise_error *own = mortise_error_new();

	while (!atomic_load(caller->stop)) {
		struct mortise_secret *value = NULL;
		enum mortise_code code = mortise_get(caller->context, NULL, "kept", NULL, &value,
		    NULL, own);

		caller->calls++;
		caller->failures += code != MORTISE_OK;
		mortise_secret_free(value);
	}
	mortise_error_free(own);
	return NULL;
}

/* Callers see no reload: b, which changes each time, is not theirs, and a stays. */
static void
test_while_calls_run(void)
{
	struct caller callers[CALLERS];
	_Atomic bool stop = false;
	unsigned long calls = 0, failures = 0;
	unsigned int reloaded = 0;
	struct mortise *context;
	char extra[128];

	write_mocks("", AUDIT);
	context = open_reloadable();
	if (context == NULL)
		return;
	put(context, "kept", "of a");
	for (size_t i = 0; i < CALLERS; i++) {
		callers[i] = (struct caller){.context = context, .stop = &stop};
		if (pthread_create(&callers[i].thread, NULL, call_on, &callers[i]) != 0)
			exit(99);
	}
	for (int i = 0; i < RELOADS; i++) {
		(void)snprintf(extra, sizeof(extra), "deadline: %ds\n" AUDIT, i % 7 + 20);
		write_mocks("", extra);
		reloaded += mortise_reload(context, error) == MORTISE_OK;
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < CALLERS; i++) {
		(void)pthread_join(callers[i].thread, NULL);
		calls += callers[i].calls;
		failures += callers[i].failures;
	}
	CHECK_NUMBER(reloaded, RELOADS);
	CHECK_AS(calls > CALLERS, "%lu calls ran meanwhile", calls);
	CHECK_NUMBER(failures, 0);
	mortise_close(context);
}

/* Two contexts in one process, on one trail, know nothing of each other. */
static void
test_two_contexts(void)
{
	struct mortise *first, *second;
	char text[64];

	write_mocks("", AUDIT);
	first = open_reloadable();
	second = open_reloadable();
	if (first == NULL || second == NULL)
		return;
	put(first, "kept", "of the first");
	CHECK_TEXT(get(second, "kept", text), "[not_found]");
	put(second, "kept", "of the second");
	CHECK_TEXT(get(first, "kept", text), "of the first");
	write_mocks(", identity: new", AUDIT);
	CHECK_NUMBER(mortise_reload(first, error), MORTISE_OK);
	CHECK_TEXT(get(second, "kept", text), "of the second");
	mortise_close(first);
	CHECK_TEXT(get(second, "kept", text), "of the second");
	mortise_close(second);
}

/* How many records the recorder has; each once, or -1. */
static long
recorded(void)
{
	char path[256], line[20000];
	unsigned long long seq;
	long count = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/sink/lines", directory);
	file = fopen(path, "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "%*s {\"c\":{\"v\":1,\"seq\":%llu", &seq) != 1 ||
		    seq != (unsigned long long)++count)
			count = -1000000;
	}
	if (file != NULL)
		(void)fclose(file);
	return count;
}

static void
write_sink(bool there)
{
	write_file("mortise.d/sink.yaml", there ? "backends: {rec: {plugin: recorder, path: ../sink}}\n"
	    "audit: {sinks: [{use: rec, wait: ack, timeout: 20s}]}\n" : "", 0600);
}

/* A sink that comes and goes while calls wait for it. */
static void
test_sinks(void)
{
	struct caller callers[CALLERS];
	_Atomic bool stop = false;
	struct mortise *context;
	unsigned long failures = 0;
	char path[256];
	long before;

	(void)snprintf(path, sizeof(path), "%s/mortise.d", directory);
	CHECK(mkdir(path, 0700) == 0);
	(void)snprintf(path, sizeof(path), "%s/sink", directory);
	CHECK(mkdir(path, 0700) == 0);
	write_mocks("", "state: [{match: \"*\", use: c}]\naudit: {trail: {path: sunk}}\n");
	write_sink(false);
	context = open_reloadable();
	if (context == NULL)
		return;
	put(context, "kept", "value");
	CHECK_NUMBER(recorded(), 0);
	write_sink(true);
	CHECK_NUMBER(mortise_reload(context, error), MORTISE_OK);
	put(context, "kept", "value");
	before = recorded();
	CHECK_AS(before > 3, "a sink that is new gets what was recorded before, too");
	for (int i = 0; i < CALLERS; i++) {
		callers[i] = (struct caller){.context = context, .stop = &stop};
		if (pthread_create(&callers[i].thread, NULL, call_on, &callers[i]) != 0)
			exit(99);
	}
	for (int i = 0; i < 10; i++) {
		write_sink(i % 2 == 1);
		CHECK_NUMBER_AS(mortise_reload(context, error), MORTISE_OK, "it goes, or comes back");
	}
	atomic_store(&stop, true);
	for (int i = 0; i < CALLERS; i++) {
		(void)pthread_join(callers[i].thread, NULL);
		failures += callers[i].failures;
	}
	CHECK_NUMBER_AS(failures, 0, "no call was refused for it");
	put(context, "kept", "value");
	CHECK_AS(recorded() > before, "and it has each record once: %ld", recorded());
	mortise_close(context);
	write_sink(false);
}

int
main(void)
{
	error = mortise_error_new();
	install();
	(void)setenv("MORTISE_TEST_DIRECTORY", directory, 1);
	test_what_stays();
	test_refused();
	test_places();
	test_while_calls_run();
	test_two_contexts();
	test_sinks();
	mortise_error_free(error);
	uninstall();
	return test_end();
}
