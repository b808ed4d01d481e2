/* SPDX-License-Identifier: BSD-2-Clause */
/* backend: instances of mock plugins, and the operations on them. */
#include <pthread.h>
#include <sys/stat.h>

#include "../mocks/fixture.h"

static enum mortise_code
put(struct fixture *fixture, const char *name, const char *text, struct mortise_receipt *receipt)
{
	struct mortise_secret *value _cleanup_(secret_cleanup) = secret_from(text, strlen(text));
	const struct mortise_secret_put put = {.size = sizeof(put), .value = value};

	memset(receipt, 0, sizeof(*receipt));
	receipt->size = sizeof(*receipt);
	(void)snprintf(receipt->idempotency_key, sizeof(receipt->idempotency_key), "%032x", 7u);
	return backend_put(fixture->backend, &fixture->call, name, &put, receipt);
}

/* --- open ---------------------------------------------------------------------------- */

static void
test_open(void)
{
	struct fixture f;

	if (open_mock(&f, "mock", "{}")) {
		CHECK_TEXT(backend_name(f.backend), "main");
		CHECK(backend_plugin(f.backend) == f.plugin);
		CHECK_NUMBER(backend_timeout_ms(f.backend), DEADLINE_MS);
		CHECK_TEXT(backend_identity(f.backend), "main");
		CHECK_NUMBER(backend_can(f.backend), f.plugin->can);
		CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
		teardown(&f);
	}
	if (open_mock(&f, "mock", "{identity: here, read-only: true}")) {
		CHECK_TEXT(backend_identity(f.backend), "here");
		CHECK_NUMBER(backend_can(f.backend), MORTISE_CAN_SECRET_GET |
		    MORTISE_CAN_SECRET_LIST | MORTISE_CAN_STATE_GET | MORTISE_CAN_STATE_LIST);
		teardown(&f);
	}
	CHECK_NUMBER(setup(&f, "mock", "{refuse: \"not today\"}"), MORTISE_INVALID);
	CHECK(f.backend == NULL);
	CHECK_TEXT(f.error.message, "refuse: not today");
	CHECK_TEXT(f.error.backend, "main");
	CHECK_TEXT(f.error.file, "test.yaml");
	CHECK_NUMBER(f.error.line, 1);
	teardown(&f);
	backend_close(NULL);
}

/* --- operations ---------------------------------------------------------------------- */

/* Every code comes through as it is, with words, a name and a place. */
static void
test_codes(void)
{
	static const struct {
		const char *name, *answer;
	} rows[] = {{"code/not_found", "not_found"}, {"code/unavailable", "unavailable"},
	    {"code/timeout/2", "timeout"}, {"code/denied", "denied"}, {"code/invalid", "invalid"},
	    {"code/conflict", "conflict"}, {"code/unsupported", "unsupported"},
	    {"code/ignore", "ignore"}, {"code/error", "error"}, {"code/999", "error"},
	    {"code/-1", "error"}, {"nobody", "not_found"}};
	char text[64];
	struct fixture f;

	if (!open_mock(&f, "mock", "{}"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_TEXT_AS(get(&f, rows[i].name, NULL, text, NULL), rows[i].answer,
		    rows[i].name);
		CHECK_TEXT_AS(mortise_code_name(f.error.code), rows[i].answer, "the error's code");
		CHECK_AS(f.error.message[0] != '\0', "%s has words", rows[i].name);
		CHECK_TEXT_AS(f.error.backend, "main", rows[i].name);
		CHECK_TEXT_AS(f.error.file, "test.yaml", rows[i].name);
		CHECK_NUMBER_AS(f.error.line * 100 + f.error.column, 307, rows[i].name);
	}
	CHECK_TEXT(get(&f, "calls/get", NULL, text, NULL), "12");
	CHECK_NUMBER_AS(f.error.code, MORTISE_OK, "ok leaves a clean error");
	CHECK_TEXT(f.error.message, "");
	teardown(&f);
}

static void
test_secrets(void)
{
	struct mortise_receipt first, second;
	struct mortise_version found;
	char text[64];
	struct fixture f;

	if (!open_mock(&f, "mock", "{}"))
		return;
	CHECK_NUMBER(put(&f, "a/b", "one", &first), MORTISE_OK);
	CHECK(first.existed == 0 && first.before.text[0] == '\0');
	CHECK_TEXT(first.made.text, "1");
	CHECK_NUMBER(put(&f, "a/b", "two", &second), MORTISE_OK);
	CHECK_NUMBER(second.existed, 1);
	CHECK_TEXT(second.before.text, "1");
	CHECK_TEXT(get(&f, "a/b", NULL, text, &found), "two");
	CHECK_TEXT(found.text, "2");
	CHECK_TEXT(get(&f, "a/b", "1", text, NULL), "one");
	CHECK_TEXT(get(&f, "a/b", "3", text, NULL), "not_found");
	CHECK_NUMBER(backend_undo(f.backend, &f.call, "a/b", &first, NULL), MORTISE_CONFLICT);
	CHECK_NUMBER(f.error.reason, MORTISE_REASON_SUPERSEDED);
	CHECK_NUMBER(backend_undo(f.backend, &f.call, "a/b", &second, NULL), MORTISE_OK);
	CHECK_TEXT(get(&f, "a/b", NULL, text, NULL), "one");
	CHECK_NUMBER(backend_delete(f.backend, &f.call, "a/b"), MORTISE_OK);
	CHECK_NUMBER(backend_delete(f.backend, &f.call, "a/b"), MORTISE_NOT_FOUND);
	CHECK_NUMBER_AS(put(&f, "done/timeout", "late", &first), MORTISE_TIMEOUT, "in doubt");
	CHECK_NUMBER_AS(first.existed, 0, "the receipt is complete under any code");
	CHECK_TEXT(get(&f, "done/timeout", NULL, text, NULL), "late");
	CHECK_NUMBER(put(&f, "code/denied", "no", &first), MORTISE_DENIED);
	CHECK_NUMBER_AS(first.existed, -1, "what the plugin did not say is unknown");
	teardown(&f);
}

static void
test_unsupported(void)
{
	struct mortise_receipt receipt;
	struct fixture f;

	if (open_mock(&f, "mock", "{read-only: true}")) {
		CHECK_NUMBER(put(&f, "a", "b", &receipt), MORTISE_UNSUPPORTED);
		CHECK_TEXT(f.error.message,
		    "the plugin mock has no put here; route it to a backend that has it");
		CHECK_NUMBER(receipt.existed, -1);
		teardown(&f);
	}
	/* This one has a slot behind the end of its table. */
	if (open_mock(&f, "short-table", "{}")) {
		CHECK_NUMBER(put(&f, "a", "b", &receipt), MORTISE_UNSUPPORTED);
		CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_UNSUPPORTED);
		CHECK_TEXT(f.error.backend, "main");
		teardown(&f);
	}
}

/* --- lists --------------------------------------------------------------------------- */

static enum mortise_code
refuse_name(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return MORTISE_ERROR;
}

static void
test_lists(void)
{
	static const char *const names[] = {"x/4", "x/1", "y/1", "x/3", "x/2", "w", "x/5", "x/6"};
	struct buffer list = {0};
	struct mortise_out out = {.name = append_name, .history = append_version, .arg = &list};
	struct mortise_out unwilling = {.name = refuse_name};
	struct mortise_receipt receipt;
	struct fixture f;

	if (!open_mock(&f, "mock", "{}"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void)put(&f, names[i], "v", &receipt);
	/* The mock gives three names a page, whatever the prefix. */
	CHECK_NUMBER(backend_list(f.backend, &f.call, "x/", &out), MORTISE_OK);
	CHECK_TEXT(list.data, "x/1 x/2 x/3 x/4 x/5 x/6 ");
	buffer_free(&list);
	/* What this store holds under a name that is none is not listed. */
	(void)put(&f, "no name", "v", &receipt);
	CHECK_NUMBER(backend_list(f.backend, &f.call, "", &out), MORTISE_OK);
	CHECK_TEXT(list.data, "w x/1 x/2 x/3 x/4 x/5 x/6 y/1 ");
	buffer_free(&list);
	CHECK_NUMBER_AS(backend_list(f.backend, &f.call, "", &unwilling), MORTISE_ERROR,
	    "who collects may stop it");
	(void)put(&f, "w", "v", &receipt);
	CHECK_NUMBER(backend_describe(f.backend, &f.call, "w", &out), MORTISE_OK);
	CHECK_TEXT(list.data, "10 6 ");
	buffer_free(&list);
	f.call.deadline = 1;
	CHECK_NUMBER_AS(backend_list(f.backend, &f.call, "", &out), MORTISE_TIMEOUT,
	    "between two pages the deadline is seen");
	buffer_free(&list);
	teardown(&f);
}

/* --- plugins that break their word --------------------------------------------------- */

static void
test_broken_gets(void)
{
	static const struct {
		const char *mock, *name, *answer, *words;
	} rows[] = {
		{"odd-code", "a", "error", "the plugin odd-code answered the code 999"},
		{"no-value", "a", "error", "the plugin no-value says ok and gives no value"},
		{"value-with-code", "a", "denied", "answered denied and does not say why"},
		{"value-with-code", "ignore", "error", "abstains and gives a value"},
		{"two-codes", "a", "unavailable", "not in the first place"},
	};
	char text[64];
	struct fixture f;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!open_mock(&f, rows[i].mock, "{}"))
			continue;
		CHECK_TEXT_AS(get(&f, rows[i].name, NULL, text, NULL), rows[i].answer,
		    rows[i].mock);
		CHECK_AS(strstr(f.error.message, rows[i].words) != NULL, "says \"%s\"",
		    rows[i].words);
		CHECK_TEXT_AS(mortise_code_name(f.error.code), rows[i].answer, "the error's code");
		CHECK_TEXT_AS(f.error.backend, "main", rows[i].mock);
		teardown(&f);
	}
}

static void
test_broken_rest(void)
{
	struct buffer list = {0};
	struct mortise_out out = {.record = append_record, .arg = &list};
	const struct backend_claim claim = {.index = "due", .owner = "me", .max = 1};
	struct mortise_version found;
	struct mortise_receipt receipt;
	char text[64];
	struct fixture f;

	if (open_mock(&f, "two-codes", "{}")) {
		CHECK_TEXT(get(&f, "mended", NULL, text, NULL), "some");
		CHECK_TEXT_AS(f.error.message, "", "ok leaves nothing of an earlier failure");
		teardown(&f);
	}
	if (open_mock(&f, "long-table", "{}")) {
		CHECK_TEXT(get(&f, "a", NULL, text, &found), "some");
		CHECK_NUMBER_AS(strlen(found.text), 64, "a version that does not end is ended");
		teardown(&f);
	}
	if (open_mock(&f, "endless-list", "{}")) {
		CHECK_NUMBER(backend_list(f.backend, &f.call, "end", &out), MORTISE_ERROR);
		CHECK(strstr(f.error.message, "lists without end") != NULL);
		CHECK_NUMBER(backend_list(f.backend, &f.call, "turn", &out), MORTISE_ERROR);
		CHECK(strstr(f.error.message, "lists the same page for ever") != NULL);
		teardown(&f);
	}
	if (open_mock(&f, "big-receipt", "{}")) {
		CHECK_NUMBER(put(&f, "a", "b", &receipt), MORTISE_ERROR);
		CHECK(strstr(f.error.message, "more than 256 bytes") != NULL);
		CHECK(receipt.opaque_size == 0 && receipt.existed == -1);
		teardown(&f);
	}
	if (open_mock(&f, "odd-records", "{}")) {
		CHECK_NUMBER(backend_state_get(f.backend, &f.call, "none", &out), MORTISE_ERROR);
		CHECK(strstr(f.error.message, "gives no record") != NULL);
		CHECK_NUMBER(backend_state_get(f.backend, &f.call, "two", &out), MORTISE_ERROR);
		CHECK_NUMBER(backend_state_claim(f.backend, &f.call, &claim, &out), MORTISE_ERROR);
		CHECK_TEXT_AS(list.data, "two=/0 due=/0 ", "no record more than was asked for");
		buffer_free(&list);
		teardown(&f);
	}
}

/* --- state --------------------------------------------------------------------------- */

static enum mortise_code
state_put(struct fixture *fixture, const char *key, const char *value, bool only_if_absent)
{
	const struct mortise_state_put put = {.size = sizeof(put), .value = value,
	    .value_size = strlen(value), .only_if_absent = only_if_absent, .index = "refresh",
	    .due_ms = 100};

	return backend_state_put(fixture->backend, &fixture->call, key, &put, NULL);
}

static void
test_state(void)
{
	struct buffer list = {0};
	struct mortise_out out = {.record = append_record, .arg = &list};
	struct mortise_version wrong = {"99"};
	struct fixture f;

	if (!open_mock(&f, "mock", "{}"))
		return;
	CHECK_NUMBER(state_put(&f, "a:1", "x", true), MORTISE_OK);
	CHECK_NUMBER(state_put(&f, "a:1", "y", true), MORTISE_CONFLICT);
	CHECK_NUMBER(state_put(&f, "a:2", "z", false), MORTISE_OK);
	CHECK_NUMBER(state_put(&f, "b:1", "z", false), MORTISE_OK);
	CHECK_NUMBER(backend_state_get(f.backend, &f.call, "a:1", &out), MORTISE_OK);
	CHECK_NUMBER(backend_state_list(f.backend, &f.call, "a:", &out), MORTISE_OK);
	CHECK_NUMBER(backend_state_take(f.backend, &f.call, "a:2", &out), MORTISE_OK);
	CHECK_NUMBER(backend_state_take(f.backend, &f.call, "a:2", &out), MORTISE_NOT_FOUND);
	CHECK_TEXT(list.data, "a:1=x/0 a:1=x/0 a:2=z/0 a:2=z/0 ");
	CHECK_NUMBER(backend_state_delete(f.backend, &f.call, "a:1", &wrong), MORTISE_CONFLICT);
	CHECK_NUMBER(backend_state_delete(f.backend, &f.call, "a:1", NULL), MORTISE_OK);
	CHECK_NUMBER(backend_state_get(f.backend, &f.call, "a:1", &out), MORTISE_NOT_FOUND);
	buffer_free(&list);
	teardown(&f);
}

static void
test_leases(void)
{
	struct buffer list = {0};
	struct mortise_out out = {.record = append_record, .arg = &list};
	struct backend_claim claim = {.index = "refresh", .owner = "me", .now_ms = 99,
	    .lease_ms = 3600000, .max = 1};
	struct mortise_lease lease = {.size = sizeof(lease), .key = "a", .owner = "me", .fence = 1,
	    .lease_ms = 3600000};
	struct fixture f;

	if (!open_mock(&f, "mock", "{}"))
		return;
	(void)state_put(&f, "a", "x", false);
	CHECK_NUMBER(backend_state_claim(f.backend, &f.call, &claim, &out), MORTISE_OK);
	CHECK_AS(list.data == NULL, "nothing is due");
	claim.now_ms = 100;
	CHECK_NUMBER(backend_state_claim(f.backend, &f.call, &claim, &out), MORTISE_OK);
	CHECK_NUMBER(backend_state_claim(f.backend, &f.call, &claim, &out), MORTISE_OK);
	CHECK_TEXT(list.data, "a=x/1 ");
	CHECK_NUMBER(backend_state_extend(f.backend, &f.call, &lease), MORTISE_OK);
	lease.owner = "other";
	CHECK_NUMBER(backend_state_extend(f.backend, &f.call, &lease), MORTISE_CONFLICT);
	CHECK_NUMBER(backend_state_release(f.backend, &f.call, &lease), MORTISE_CONFLICT);
	lease.owner = "me";
	CHECK_NUMBER(backend_state_release(f.backend, &f.call, &lease), MORTISE_OK);
	CHECK_NUMBER(backend_state_claim(f.backend, &f.call, &claim, &out), MORTISE_OK);
	CHECK_TEXT(list.data, "a=x/1 a=x/2 ");
	claim.max = 0;
	CHECK_NUMBER(backend_state_claim(f.backend, &f.call, &claim, &out), MORTISE_OK);
	buffer_free(&list);
	teardown(&f);
}

/* --- threads ------------------------------------------------------------------------- */

struct caller {
	pthread_t thread;
	struct backend *backend;
	const char *name;
	uint64_t deadline;
	enum mortise_code code;
};

static void *
call_get(void *arg)
{
	struct caller *caller = arg;
	struct mortise_error error = {0};
	struct mortise_call call = {.deadline = caller->deadline, .error = &error};
	struct mortise_secret *value = NULL;
	struct mortise_version found;

	caller->code = backend_get(caller->backend, &call, caller->name, NULL, &value, &found);
	mortise_secret_free(value);
	return NULL;
}

static void
start(struct caller *caller, struct backend *backend, const char *name, uint64_t deadline)
{
	*caller = (struct caller){.backend = backend, .name = name, .deadline = deadline};
	if (pthread_create(&caller->thread, NULL, call_get, caller) != 0)
		abort();
}

static enum mortise_code
join(struct caller *caller)
{
	(void)pthread_join(caller->thread, NULL);
	return caller->code;
}

/*
 * One caller is inside and comes out when the test says so: the pipe, opened
 * for writing, tells that it is there.  Who comes meanwhile waits until its own
 * deadline, and not a moment less: then it is served.
 */
static void
test_serial(void)
{
	char *pipe _cleanup_(free_pointer) = text_format("%s/gate", directory);
	int gate _cleanup_(file_close) = -1;
	struct caller inside, late, patient[4];
	struct fixture f;

	if (!CHECK(mkfifo(pipe, 0600) == 0) || !open_mock(&f, "endless-wait", "{}"))
		return;
	start(&inside, f.backend, pipe + 1, 1);
	gate = file_open(AT_FDCWD, pipe, O_WRONLY, 0);
	start(&late, f.backend, "at-once", deadline_in_ms(1));
	CHECK_NUMBER_AS(join(&late), MORTISE_TIMEOUT, "its turn does not come in time");
	start(&late, f.backend, "at-once", 0);
	CHECK_NUMBER_AS(join(&late), MORTISE_TIMEOUT, "the deadline is over already");
	for (size_t i = 0; i < ARRAY_SIZE(patient); i++)
		start(&patient[i], f.backend, "at-once", DEADLINE_NEVER);
	CHECK(file_write(gate, "x", 1, NULL) == 0);
	CHECK_NUMBER_AS(join(&inside), MORTISE_OK, "the mock does not look at its deadline");
	for (size_t i = 0; i < ARRAY_SIZE(patient); i++)
		CHECK_NUMBER_AS(join(&patient[i]), MORTISE_OK, "served after it");
	start(&late, f.backend, "at-once", 0);
	CHECK_NUMBER_AS(join(&late), MORTISE_OK, "a free turn needs no time");
	teardown(&f);
}

static void
test_free_threads(void)
{
	struct caller callers[8];
	char text[64];
	struct fixture f;

	if (!open_mock(&f, "mock", "{}"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(callers); i++)
		start(&callers[i], f.backend, "nobody", deadline_in_ms(DEADLINE_MS));
	for (size_t i = 0; i < ARRAY_SIZE(callers); i++)
		CHECK_NUMBER(join(&callers[i]), MORTISE_NOT_FOUND);
	CHECK_TEXT(get(&f, "calls/get", NULL, text, NULL), "8");
	f.call.deadline = deadline_in_ms(1);
	CHECK_TEXT_AS(get(&f, "slow/60000", NULL, text, NULL), "timeout", "slept to its deadline");
	teardown(&f);
}

int
main(void)
{
	directory = mocks_directory();
	if (!CHECK(directory != NULL))
		return test_end();
	test_open();
	test_codes();
	test_secrets();
	test_unsupported();
	test_lists();
	test_broken_gets();
	test_broken_rest();
	test_state();
	test_leases();
	test_serial();
	test_free_threads();
	mocks_remove(directory);
	return test_end();
}
