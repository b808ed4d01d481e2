/* SPDX-License-Identifier: BSD-2-Clause */
/* backend: the table that plugins get. */
#include <netdb.h>
#include <pthread.h>
#include <unistd.h>

#include "../mocks/fixture.h"

/* --- the host table ---------------------------------------------------------------- */

static void
test_words(void)
{
	const struct mortise_host *host = backend_host();
	char text[64], long_text[600];
	struct fixture f;

	if (!open_mock(&f, "mock", "{}"))
		return;
	(void)get(&f, "nobody", NULL, text, NULL);
	CHECK_NUMBER(host->fail(&f.call, MORTISE_DENIED, MORTISE_REASON_REAUTH, "a%sb%d", "\x1b\n",
	    1), MORTISE_DENIED);
	CHECK_NUMBER(f.error.reason, MORTISE_REASON_REAUTH);
	CHECK_TEXT_AS(f.error.message, "a  b1", "no control characters");
	host->fail_detail(&f.call, "req-1", 1500);
	CHECK_TEXT(f.error.request_id, "req-1");
	CHECK_NUMBER(f.error.retry_after_ms, 1500);
	(void)host->fail(&f.call, MORTISE_DENIED, MORTISE_REASON_NONE, "again");
	CHECK_TEXT_AS(f.error.request_id, "req-1", "the detail may come before the failure");
	CHECK_NUMBER(f.error.retry_after_ms, 1500);
	/* 511 bytes, and then a character of two that is cut in the middle. */
	memset(long_text, 'x', sizeof(long_text));
	memcpy(long_text + 511, "\xc3\xa4", 3);
	(void)host->fail(&f.call, MORTISE_ERROR, MORTISE_REASON_NONE, "%s", long_text);
	CHECK_NUMBER(strlen(f.error.message), 511);
	host->log(&f.call, MORTISE_LOG_WARNING, "%s was %d", "it", 7);
	CHECK_TEXT(f.logged, "1 main: it was 7");
	f.logger.level = MORTISE_LOG_ERROR;
	host->log(&f.call, MORTISE_LOG_WARNING, "not heard");
	CHECK_TEXT(f.logged, "1 main: it was 7");
	CHECK_NUMBER(host->deadline(&f.call), f.call.deadline);
	CHECK(host->left_ms(&f.call) > 0 && host->left_ms(&f.call) <= DEADLINE_MS);
	f.call.deadline = 1;
	CHECK_NUMBER(host->left_ms(&f.call), 0);
	teardown(&f);
}

static void
test_options(void)
{
	static const struct {
		const char *yaml, *value;
	} rows[] = {
		{"{}", "not_found"},
		{"{token: {secret: app/token, from: other}}", "app/token of other"},
		{"{token: {file: /nowhere/at/all}}", "not_found"},
	};
	char text[64];
	struct fixture f;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!open_mock(&f, "mock", rows[i].yaml))
			continue;
		CHECK_TEXT_AS(get(&f, "option/token", NULL, text, NULL), rows[i].value,
		    rows[i].yaml);
		teardown(&f);
	}
}

static void
test_notes(void)
{
	const struct mortise_host *host = backend_host();
	char text[64], store[65], long_store[66];
	uint64_t generation;
	struct fixture f;

	if (!open_mock(&f, "mock", "{}"))
		return;
	(void)get(&f, "nobody", NULL, text, NULL);
	CHECK(host->noted_generation(&f.call, store, &generation) && generation == 7);
	CHECK_TEXT(store, "store of main");
	CHECK(!f.call.note.set);
	memset(long_store, 'a', 65);
	long_store[65] = '\0';
	host->note_generation(&f.call, long_store, 8);
	CHECK_AS(!f.call.note.set, "a store id that is too long is no note");
	host->note_generation(&f.call, long_store + 1, 8);
	CHECK(f.call.note.set && f.call.note.generation == 8);
	CHECK_TEXT(f.call.note.store, long_store + 1);
	(void)get(&f, "nobody", NULL, text, NULL);
	CHECK_AS(!f.call.note.set, "each call begins without a note");
	f.call.backend = NULL;
	CHECK(!host->noted_generation(&f.call, store, &generation) && store[0] == '\0');
	teardown(&f);
}

static void
test_results(void)
{
	const struct mortise_host *host = backend_host();
	struct buffer list = {0};
	struct mortise_out out = {.record = append_record, .history = append_version, .arg = &list};
	struct mortise_record record = {.size = offsetof(struct mortise_record, fence), .key = "k",
	    .value = "v", .value_size = 1, .fence = 9};
	struct mortise_history history = {.size = sizeof(history)};
	const struct mortise_pair pairs[] = {{"a", "b"}, {"c", NULL}};
	char cursor[1026];

	CHECK_NUMBER(host->add_record(&out, &record), MORTISE_OK);
	CHECK_TEXT_AS(list.data, "k=v/0 ", "a shorter record is zero-extended");
	record.key = NULL;
	CHECK_NUMBER(host->add_record(&out, &record), MORTISE_ERROR);
	buffer_free(&list);
	memset(history.version.text, 'v', sizeof(history.version.text));
	CHECK_NUMBER(host->add_history(&out, &history), MORTISE_OK);
	CHECK_NUMBER_AS(list.size, MORTISE_VERSION_SIZE, "a version and a blank");
	history.size = 3;
	CHECK_NUMBER(host->add_history(&out, &history), MORTISE_ERROR);
	CHECK_NUMBER(host->add_row(&out, pairs, 1), MORTISE_OK);
	CHECK_NUMBER(host->add_row(&out, pairs, 2), MORTISE_ERROR);
	CHECK_NUMBER(host->add_name(&out, "nobody listens"), MORTISE_OK);
	CHECK_NUMBER(host->add_name(&out, NULL), MORTISE_ERROR);
	memset(cursor, 'c', 1025);
	cursor[1025] = '\0';
	CHECK_NUMBER(host->set_cursor(&out, cursor), MORTISE_ERROR);
	CHECK_TEXT(out.cursor, "");
	CHECK_NUMBER(host->set_cursor(&out, cursor + 1), MORTISE_OK);
	CHECK_TEXT(out.cursor, cursor + 1);
	CHECK_NUMBER(host->set_cursor(&out, NULL), MORTISE_OK);
	CHECK_TEXT(out.cursor, "");
	buffer_free(&list);
}

/* --- resolve and spawn ------------------------------------------------------------- */

/* The program is linked so that the core's getaddrinfo is this one: a name
 * server that is silent until the test opens the gate. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool open;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

int __wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
    struct addrinfo **found);
int __real_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
    struct addrinfo **found);
int
__wrap_getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
    struct addrinfo **found)
{
	if (strcmp(name, "silent.test") != 0 || (hints->ai_flags & AI_NUMERICHOST) != 0)
		return __real_getaddrinfo(name, service, hints, found);
	(void)pthread_mutex_lock(&gate.lock);
	while (!gate.open)
		(void)pthread_cond_wait(&gate.opened, &gate.lock);
	(void)pthread_mutex_unlock(&gate.lock);
	return __real_getaddrinfo("127.0.0.1", service, hints, found);
}

/* Nobody waits for the server longer than its deadline, and no more threads
 * than a few do; they may outlive the backend that asked. */
static void
test_silent_server(void)
{
	const struct mortise_host *host = backend_host();
	struct buffer list = {0};
	char text[64];
	struct fixture f;

	if (!open_mock(&f, "mock", "{}"))
		return;
	(void)get(&f, "nobody", NULL, text, NULL);
	for (int i = 0; i < 17; i++) {
		const char *words = i < 16 ? "no answer by the deadline" :
		    "too many earlier questions are unanswered";

		f.call.deadline = deadline_in_ms(i < 16 ? 1 : DEADLINE_MS);
		CHECK_NUMBER(host->resolve(&f.call, "silent.test", append_name, &list),
		    MORTISE_UNAVAILABLE);
		CHECK_AS(strstr(f.error.message, words) != NULL, "says \"%s\"", words);
	}
	teardown(&f);
	(void)pthread_mutex_lock(&gate.lock);
	gate.open = true;
	(void)pthread_cond_broadcast(&gate.opened);
	(void)pthread_mutex_unlock(&gate.lock);
}

static enum mortise_code
refuse_name(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return MORTISE_CONFLICT;
}

static void
test_resolve(void)
{
	const struct mortise_host *host = backend_host();
	struct buffer list = {0};
	char text[64], long_name[256];
	struct fixture f;

	if (!open_mock(&f, "mock", "{}"))
		return;
	(void)get(&f, "nobody", NULL, text, NULL);
	f.call.deadline = 1;
	CHECK_NUMBER_AS(host->resolve(&f.call, "127.0.0.1", append_name, &list), MORTISE_OK,
	    "needs no time");
	CHECK_NUMBER_AS(host->resolve(&f.call, "127.0.0.1", refuse_name, NULL), MORTISE_CONFLICT,
	    "who is told may end it");
	CHECK_NUMBER(host->resolve(&f.call, "::1", append_name, &list), MORTISE_OK);
	CHECK_TEXT(list.data, "127.0.0.1 ::1 ");
	buffer_free(&list);
	CHECK_NUMBER_AS(host->resolve(&f.call, "localhost", append_name, &list),
	    MORTISE_UNAVAILABLE, "the deadline is over");
	CHECK(strstr(f.error.message, "no answer by the deadline") != NULL);
	f.call.deadline = deadline_in_ms(DEADLINE_MS);
	/* A bare container may have no /etc/hosts. */
	if (access("/etc/hosts", R_OK) < 0)
		test_skip("localhost", "no /etc/hosts");
	else {
		CHECK_NUMBER(host->resolve(&f.call, "localhost", append_name, &list), MORTISE_OK);
		CHECK(list.data != NULL && (strstr(list.data, "127.0.0.1 ") != NULL ||
		    strstr(list.data, "::1 ") != NULL));
	}
	/* An empty label: no server is asked for that. */
	CHECK_NUMBER(host->resolve(&f.call, "a..b", append_name, &list), MORTISE_UNAVAILABLE);
	memset(long_name, 'n', 255);
	long_name[255] = '\0';
	CHECK_NUMBER(host->resolve(&f.call, long_name, append_name, &list), MORTISE_INVALID);
	CHECK_NUMBER(host->resolve(&f.call, "", append_name, &list), MORTISE_INVALID);
	buffer_free(&list);
	teardown(&f);
}

static void
test_spawn(void)
{
	static const struct {
		const char *argv[4];
		size_t limit;
		enum mortise_code code;
		const char *says;	/* its output, or words of the error */
	} rows[] = {
		{{"/bin/echo", "a b", "c"}, 64, MORTISE_OK, "a b c\n"},
		{{"/bin/sh", "-c", "printf 12345"}, 5, MORTISE_OK, "12345"},
		{{"/bin/sh", "-c", "printf 123456"}, 5, MORTISE_INVALID, "more than 5 bytes"},
		{{"/bin/sh", "-c", "exit 3"}, 64, MORTISE_ERROR, "failed with status 3"},
		{{"/bin/sh", "-c", "kill -TERM $$"}, 64, MORTISE_ERROR, "failed with signal 15"},
		{{"/bin/sh", "-c", "echo no >&2"}, 64, MORTISE_OK, ""},
		{{"/bin/cat"}, 64, MORTISE_OK, ""},
		{{"/bin/true"}, 0, MORTISE_OK, ""},
		{{"/nowhere/at/all"}, 64, MORTISE_ERROR, "the helper /nowhere/at/all: "},
		{{"echo"}, 64, MORTISE_INVALID, "by its whole path"},
		{{NULL}, 64, MORTISE_INVALID, "by its whole path"},
	};
	const struct mortise_host *host = backend_host();
	struct mortise_error error = {0};
	struct mortise_call call = {.deadline = deadline_in_ms(DEADLINE_MS), .error = &error};
	char *typed _cleanup_(free_pointer) = path_join(directory, "typed");
	size_t size;

	/* What stands on our own stdin is not for helpers. */
	CHECK(mocks_write(directory, "typed", "typed", 5, 0600) &&
	    freopen(typed, "r", stdin) != NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mortise_secret *output = NULL;
		const char *what = rows[i].argv[0] == NULL ? "nothing" : rows[i].says;

		CHECK_NUMBER_AS(host->spawn(&call, rows[i].argv, rows[i].limit, &output),
		    rows[i].code, what);
		if (rows[i].code == MORTISE_OK) {
			CHECK_TEXT_AS(mortise_secret_peek(output, &size), rows[i].says, what);
			CHECK_NUMBER_AS(size, strlen(rows[i].says), what);
		} else
			CHECK_AS(output == NULL && strstr(error.message, rows[i].says) != NULL,
			    "says \"%s\"", rows[i].says);
		mortise_secret_free(output);
	}
}

/* A helper that would take for ever, in each of the two waits. */
static void
test_spawn_late(void)
{
	static const char *const rows[] = {"exec sleep 60", "exec >&-; sleep 60",
	    "sleep 60 & wait"};
	const struct mortise_host *host = backend_host();
	struct mortise_error error = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *argv[] = {"/bin/sh", "-c", rows[i], NULL};
		struct mortise_call call = {.deadline = deadline_in_ms(50), .error = &error};
		struct mortise_secret *output = NULL;

		CHECK_NUMBER_AS(host->spawn(&call, argv, 64, &output), MORTISE_TIMEOUT, rows[i]);
		CHECK_AS(output == NULL, "%s: no output", rows[i]);
	}
}

int
main(void)
{
	directory = mocks_directory();
	if (!CHECK(directory != NULL))
		return test_end();
	test_words();
	test_options();
	test_notes();
	test_results();
	test_resolve();
	test_silent_server();
	test_spawn();
	test_spawn_late();
	mocks_remove(directory);
	return test_end();
}
