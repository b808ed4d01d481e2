/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of `call:`: breaker, cache, retry, and reads that share a request. */
#include "../mocks/fixture.h"

#include <pthread.h>
#include <time.h>

#define HOUR_MS 3600000

static bool
open_with(struct fixture *f, const char *mock, struct call_rules given)
{
	rules = given;
	return open_mock(f, mock, "{}");
}

static enum mortise_code
put(struct fixture *f, const char *name, const char *text)
{
	struct mortise_secret *value _cleanup_(secret_cleanup) = secret_from(text, strlen(text));
	const struct mortise_secret_put given = {.size = sizeof(given), .value = value};
	struct mortise_receipt receipt = {.size = sizeof(receipt)};

	memset(receipt.idempotency_key, '0', sizeof(receipt.idempotency_key) - 1);
	return backend_put(f->backend, &f->call, name, &given, &receipt);
}

/* The mock answers everything with this word from now on; "ok": as it did. */
static void
turn(struct fixture *f, const char *word)
{
	if (strcmp(word, "ok") == 0)
		(void)backend_delete(f->backend, &f->call, "down");
	else
		(void)put(f, "down", word);
}

/* How often the mock was asked for `op`. */
static const char *
asked(struct fixture *f, const char *op, char text[64])
{
	char name[64];

	(void)snprintf(name, sizeof(name), "calls/%s", op);
	f->call.fresh = true;
	(void)get(f, name, NULL, text, NULL);
	f->call.fresh = false;
	return text;
}

static void
sleep_ms(long ms)
{
	const struct timespec time = {.tv_nsec = ms * 1000000};

	(void)nanosleep(&time, NULL);
}

static enum breaker_state
state(struct fixture *f)
{
	struct backend_health health;

	backend_health(f->backend, &health);
	return health.breaker;
}

/* --- breaker --------------------------------------------------------------------------- */

static void
test_breaker(void)
{
	struct backend_health health;
	char text[64];
	struct fixture f;

	if (!open_with(&f, "mock", (struct call_rules){.failures = 2, .open_ms = HOUR_MS}))
		return;
	(void)put(&f, "a", "here");
	CHECK_TEXT(get(&f, "code/unavailable", NULL, text, NULL), "unavailable");
	CHECK_TEXT(get(&f, "a", NULL, text, NULL), "here");
	CHECK_TEXT(get(&f, "code/unavailable", NULL, text, NULL), "unavailable");
	CHECK_NUMBER_AS(state(&f), BREAKER_CLOSED, "an answer in between begins the count anew");
	CHECK_TEXT(get(&f, "code/denied", NULL, text, NULL), "denied");
	CHECK_TEXT(get(&f, "code/error", NULL, text, NULL), "error");
	CHECK_NUMBER_AS(state(&f), BREAKER_CLOSED, "denied and error are answers");
	CHECK_TEXT(get(&f, "code/unavailable", NULL, text, NULL), "unavailable");
	CHECK_TEXT(get(&f, "code/unavailable", NULL, text, NULL), "unavailable");
	backend_health(f.backend, &health);
	CHECK_NUMBER(health.breaker, BREAKER_OPEN);
	CHECK_NUMBER(health.failures, 2);
	CHECK(health.has_breaker && !health.has_cache && health.open_ms > HOUR_MS / 2 &&
	    health.open_ms <= HOUR_MS);
	CHECK_TEXT(get(&f, "a", NULL, text, NULL), "unavailable");
	CHECK(strstr(f.error.message, "2 calls in a row had failed") != NULL);
	CHECK_TEXT(f.error.backend, "main");
	CHECK(f.call.told.refused && f.call.told.attempts == 0);
	CHECK_NUMBER_AS(put(&f, "a", "new"), MORTISE_UNAVAILABLE, "for every operation");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_UNAVAILABLE);
	teardown(&f);
}

static void
test_probe(void)
{
	char text[64];
	struct fixture f;

	if (!open_with(&f, "mock", (struct call_rules){.failures = 1, .open_ms = 1}))
		return;
	CHECK_TEXT(get(&f, "code/unavailable", NULL, text, NULL), "unavailable");
	sleep_ms(3);
	CHECK_NUMBER(state(&f), BREAKER_HALF_OPEN);
	CHECK_TEXT(get(&f, "code/unavailable", NULL, text, NULL), "unavailable");
	CHECK_AS(!f.call.told.refused, "the probe was let through, and failed");
	sleep_ms(3);
	CHECK_TEXT(get(&f, "code/denied", NULL, text, NULL), "denied");
	CHECK_NUMBER_AS(state(&f), BREAKER_CLOSED, "a probe that is answered closes it");
	teardown(&f);
}

/* The caller's own short deadline says nothing about the backend. */
static void
test_breaker_and_deadlines(void)
{
	char text[64];
	struct fixture f;

	if (!open_with(&f, "mock", (struct call_rules){.failures = 1, .open_ms = HOUR_MS}))
		return;
	f.call.deadline = deadline_in_ms(1);
	CHECK_TEXT(get(&f, "slow/100000", NULL, text, NULL), "timeout");
	CHECK_NUMBER_AS(state(&f), BREAKER_CLOSED, "a deadline shorter than its timeout");
	f.call.deadline = deadline_in_ms(DEADLINE_MS);
	CHECK_TEXT(get(&f, "code/timeout", NULL, text, NULL), "timeout");
	CHECK_NUMBER_AS(state(&f), BREAKER_OPEN, "its own timeout");
	teardown(&f);
}

static void
test_undo_passes(void)
{
	struct mortise_receipt receipt = {.size = sizeof(receipt), .made = {"1"}};
	char text[64];
	struct fixture f;

	if (!open_with(&f, "mock", (struct call_rules){.failures = 1, .open_ms = HOUR_MS}))
		return;
	(void)put(&f, "a", "new");
	CHECK_TEXT(get(&f, "code/unavailable", NULL, text, NULL), "unavailable");
	CHECK_NUMBER(state(&f), BREAKER_OPEN);
	CHECK_NUMBER_AS(backend_undo(f.backend, &f.call, "a", &receipt, NULL), MORTISE_OK,
	    "a write is taken back though the breaker is open");
	teardown(&f);
}

/* --- retry ----------------------------------------------------------------------------- */

static void
test_retry(void)
{
	char text[64];
	struct fixture f;

	if (!open_with(&f, "mock", (struct call_rules){.attempts = 3}))
		return;
	CHECK_TEXT(get(&f, "flaky/2", NULL, text, NULL), "not_found");
	CHECK_NUMBER_AS(f.call.told.attempts, 3, "the third attempt was answered");
	CHECK_TEXT(get(&f, "flaky/9", NULL, text, NULL), "unavailable");
	CHECK_NUMBER(f.call.told.attempts, 3);
	(void)get(&f, "reset", NULL, text, NULL);
	CHECK_NUMBER_AS(put(&f, "flaky/2", "x"), MORTISE_OK, "a write that surely had no effect");
	CHECK_TEXT(asked(&f, "put", text), "3");
	CHECK_TEXT(get(&f, "code/denied", NULL, text, NULL), "denied");
	CHECK_NUMBER_AS(f.call.told.attempts, 1, "a refusal is an answer");
	CHECK_TEXT(get(&f, "code/timeout", NULL, text, NULL), "timeout");
	CHECK_NUMBER_AS(f.call.told.attempts, 3, "a read that timed out, while there is time");
	CHECK_NUMBER(put(&f, "code/timeout", "x"), MORTISE_TIMEOUT);
	CHECK_TEXT_AS(asked(&f, "put", text), "4", "a write in doubt is never repeated");
	f.call.deadline = 1;
	CHECK_TEXT(get(&f, "code/unavailable", NULL, text, NULL), "unavailable");
	CHECK_NUMBER_AS(f.call.told.attempts, 1, "there is no time for another");
	teardown(&f);
}

/* What was handed on cannot be taken back, so it must not come twice. */
static void
test_retry_of_lists(void)
{
	struct buffer list = {0};
	struct mortise_out out = {.name = append_name, .arg = &list};
	char text[64];
	struct fixture f;

	if (!open_with(&f, "mock", (struct call_rules){.attempts = 3}))
		return;
	CHECK_NUMBER(backend_list(f.backend, &f.call, "flaky/2", &out), MORTISE_OK);
	CHECK_TEXT_AS(asked(&f, "list", text), "3", "nothing had been listed");
	buffer_free(&list);
	teardown(&f);
}

/* --- cache ----------------------------------------------------------------------------- */

static void
test_cache(void)
{
	struct backend_health health;
	struct mortise_version found;
	char text[64];
	struct fixture f;

	if (!open_with(&f, "mock", (struct call_rules){.ttl_ms = HOUR_MS, .negative_ms = HOUR_MS,
	    .cache_size = 65536}))
		return;
	(void)put(&f, "a", "one");
	CHECK_TEXT(get(&f, "a", NULL, text, &found), "one");
	CHECK(!f.call.told.cached && f.call.told.attempts == 1);
	CHECK_TEXT(get(&f, "a", NULL, text, &found), "one");
	CHECK(f.call.told.cached && f.call.told.attempts == 0);
	CHECK_TEXT_AS(found.text, "1", "with its version");
	CHECK_TEXT(get(&f, "a", "1", text, NULL), "one");
	CHECK_AS(!f.call.told.cached, "a given version is another thing");
	CHECK_TEXT(get(&f, "none", NULL, text, NULL), "not_found");
	CHECK_TEXT(get(&f, "none", NULL, text, NULL), "not_found");
	CHECK_AS(f.call.told.cached, "not_found is kept too");
	CHECK(strstr(f.error.message, "it was not there") != NULL);
	CHECK_TEXT(f.error.backend, "main");
	CHECK_TEXT(asked(&f, "get", text), "3");
	backend_health(f.backend, &health);
	CHECK_NUMBER(health.cache_entries, 4);
	CHECK_NUMBER(health.cache_hits, 2);
	f.call.fresh = true;
	CHECK_TEXT(get(&f, "a", NULL, text, NULL), "one");
	CHECK_AS(!f.call.told.cached, "fresh asks");
	f.call.fresh = false;
	turn(&f, "denied");
	CHECK_TEXT_AS(get(&f, "a", NULL, text, NULL), "one", "kept while it is young");
	f.call.fresh = true;
	CHECK_TEXT(get(&f, "a", NULL, text, NULL), "denied");
	f.call.fresh = false;
	CHECK_TEXT_AS(get(&f, "a", NULL, text, NULL), "denied", "a refusal drops what was kept");
	teardown(&f);
}

/* What this process writes is seen by its next read. */
static void
test_generations(void)
{
	struct mortise_receipt receipt = {.size = sizeof(receipt), .made = {"2"}};
	char text[64];
	struct fixture f;

	if (!open_with(&f, "mock", (struct call_rules){.ttl_ms = HOUR_MS, .negative_ms = HOUR_MS,
	    .cache_size = 65536}))
		return;
	CHECK_TEXT(get(&f, "a", NULL, text, NULL), "not_found");
	(void)put(&f, "a", "one");
	CHECK_TEXT_AS(get(&f, "a", NULL, text, NULL), "one", "after a put");
	(void)put(&f, "a", "two");
	CHECK_TEXT(get(&f, "a", NULL, text, NULL), "two");
	CHECK_NUMBER(backend_undo(f.backend, &f.call, "a", &receipt, NULL), MORTISE_OK);
	CHECK_TEXT_AS(get(&f, "a", NULL, text, NULL), "one", "after an undo");
	CHECK_NUMBER(backend_delete(f.backend, &f.call, "a"), MORTISE_OK);
	CHECK_TEXT_AS(get(&f, "a", NULL, text, NULL), "not_found", "after a delete");
	teardown(&f);
}

static void
test_ages(void)
{
	struct mortise_secret *value = NULL;
	struct mortise_version found;
	char text[64];
	struct fixture f;

	if (!open_with(&f, "mock", (struct call_rules){.ttl_ms = 1, .stale_ms = HOUR_MS,
	    .cache_size = 65536}))
		return;
	(void)put(&f, "a", "one");
	CHECK_NUMBER_AS(backend_get_stale(f.backend, &f.call, "a", &value, &found),
	    MORTISE_NOT_FOUND, "nothing was read yet");
	(void)get(&f, "a", NULL, text, NULL);
	sleep_ms(3);
	turn(&f, "unavailable");
	CHECK_TEXT_AS(get(&f, "a", NULL, text, NULL), "unavailable", "past its time");
	CHECK_NUMBER_AS(backend_get_stale(f.backend, &f.call, "a", &value, &found), MORTISE_OK,
	    "and there as a last resort");
	CHECK_TEXT(mortise_secret_peek(value, NULL), "one");
	CHECK_TEXT(found.text, "1");
	CHECK(f.call.told.cached && f.call.told.age_ms >= 3);
	mortise_secret_free(value);
	(void)put(&f, "down", "unavailable");
	turn(&f, "ok");
	(void)put(&f, "a", "two");
	CHECK_NUMBER_AS(backend_get_stale(f.backend, &f.call, "a", &value, &found),
	    MORTISE_NOT_FOUND, "never what this process has overwritten");
	teardown(&f);
}

static void
test_size(void)
{
	struct backend_health health;
	char name[16], text[64];
	struct fixture f;

	if (!open_with(&f, "mock", (struct call_rules){.ttl_ms = HOUR_MS, .cache_size = 4096}))
		return;
	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "n/%d", i);
		(void)put(&f, name, "0123456789012345678901234567890123456789");
		(void)get(&f, name, NULL, text, NULL);
	}
	backend_health(f.backend, &health);
	CHECK(health.cache_entries > 1 && health.cache_entries < 30);
	CHECK(health.cache_bytes <= 4096);
	(void)get(&f, "n/99", NULL, text, NULL);
	CHECK_AS(f.call.told.cached, "the newest is kept");
	(void)get(&f, "n/0", NULL, text, NULL);
	CHECK_AS(!f.call.told.cached, "the oldest went");
	teardown(&f);
}

/* --- one request for many -------------------------------------------------------------- */

struct caller {
	pthread_t thread;
	struct backend *backend;
	struct mortise_error error;
	struct mortise_call call;
	const char *name;
	char text[64];
};

static void *
read_slow(void *arg)
{
	struct caller *caller = arg;
	struct fixture one = {.backend = caller->backend};

	one.call = caller->call;
	one.call.error = &caller->error;
	(void)get(&one, caller->name, NULL, caller->text, NULL);
	caller->call.told = one.call.told;
	return NULL;
}

static void
start(struct caller *callers, size_t count, struct backend *backend, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		callers[i].backend = backend;
		callers[i].name = name;
		if (callers[i].call.deadline == 0)
			callers[i].call.deadline = deadline_in_ms(DEADLINE_MS);
		if (pthread_create(&callers[i].thread, NULL, read_slow, &callers[i]) != 0)
			abort();
	}
}

static void
finish(struct caller *callers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)pthread_join(callers[i].thread, NULL);
}

/* Until so many have been inside the mock: on a slow machine more come at once. */
static void
wait_for_calls(struct fixture *f, const char *count)
{
	char text[64];

	while (strtoul(asked(f, "get", text), NULL, 10) < strtoul(count, NULL, 10))
		sleep_ms(1);
}

static void
test_flights(void)
{
	struct caller callers[16] = {{.name = NULL}}, hasty[1] = {{.name = NULL}};
	unsigned int shared = 0;
	char text[64];
	struct fixture f;

	if (!open_with(&f, "far", (struct call_rules){.failures = 0}))
		return;
	(void)put(&f, "slow/300", "value");
	start(callers, ARRAY_SIZE(callers), f.backend, "slow/300");
	wait_for_calls(&f, "1");
	hasty[0].call.deadline = deadline_in_ms(1);
	start(hasty, 1, f.backend, "slow/300");
	finish(hasty, 1);
	CHECK_TEXT_AS(hasty[0].text, "timeout", "who joins keeps its own deadline");
	finish(callers, ARRAY_SIZE(callers));
	for (size_t i = 0; i < ARRAY_SIZE(callers); i++) {
		CHECK_TEXT_AS(callers[i].text, "value", "everybody gets the value");
		shared += callers[i].call.told.shared;
	}
	/* Who was late to start may have made a second request, and shared that. */
	CHECK_AS(shared >= 8, "%u of 16 did not ask themselves", shared);
	(void)get(&f, "code/denied", NULL, text, NULL);
	CHECK_AS(!f.call.told.shared, "alone, nothing is shared");
	teardown(&f);
}

/* A leader that runs out of time leaves the question to the others. */
static void
test_leader_runs_out(void)
{
	struct caller leader[1] = {{.name = NULL}}, patient[4] = {{.name = NULL}};
	struct fixture f;

	if (!open_with(&f, "far", (struct call_rules){.failures = 0}))
		return;
	(void)put(&f, "slow/400", "value");
	leader[0].call.deadline = deadline_in_ms(200);
	start(leader, 1, f.backend, "slow/400");
	wait_for_calls(&f, "1");
	start(patient, ARRAY_SIZE(patient), f.backend, "slow/400");
	finish(leader, 1);
	finish(patient, ARRAY_SIZE(patient));
	CHECK_TEXT(leader[0].text, "timeout");
	for (size_t i = 0; i < ARRAY_SIZE(patient); i++)
		CHECK_TEXT_AS(patient[i].text, "value", "asked again, by one of them");
	teardown(&f);
}

/* A read that began before a write is not joined by those that begin after it,
 * and what it brings is not kept. */
static void
test_flight_and_write(void)
{
	struct caller early[1] = {{.name = NULL}};
	char text[64];
	struct fixture f;

	if (!open_with(&f, "far", (struct call_rules){.ttl_ms = HOUR_MS, .cache_size = 65536}))
		return;
	(void)put(&f, "slow/200", "old");
	start(early, 1, f.backend, "slow/200");
	wait_for_calls(&f, "1");
	generations_raise(&generations, "slow/200");
	CHECK_TEXT(get(&f, "slow/200", NULL, text, NULL), "old");
	CHECK_AS(!f.call.told.shared && f.call.told.attempts == 1, "not joined");
	finish(early, 1);
	(void)get(&f, "slow/200", NULL, text, NULL);
	CHECK_AS(f.call.told.cached, "the later one is kept");
	generations_raise(&generations, "slow/200");
	early[0].call.deadline = 0;
	start(early, 1, f.backend, "slow/200");
	wait_for_calls(&f, "3");
	generations_raise(&generations, "slow/200");
	finish(early, 1);
	(void)get(&f, "slow/200", NULL, text, NULL);
	CHECK_AS(!f.call.told.cached, "what began before the write was not kept");
	teardown(&f);
}

/* --- leaving the machine --------------------------------------------------------------- */

static enum mortise_code
count_leaving(void *arg, struct mortise_error *error)
{
	int *count = arg;

	if (++*count < 3)
		return MORTISE_OK;
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT, "no more");
}

static void
test_leaving(void)
{
	char text[64];
	struct fixture f;
	int count = 0;

	for (int i = 0; i < 2; i++) {
		if (!open_with(&f, i == 0 ? "mock" : "far", (struct call_rules){.ttl_ms = HOUR_MS,
		    .cache_size = 65536}))
			return;
		(void)put(&f, "a", "one");
		f.call.leaving = count_leaving;
		f.call.leaving_arg = &count;
		(void)get(&f, "a", NULL, text, NULL);
		(void)get(&f, "a", NULL, text, NULL);
		CHECK_NUMBER_AS(count, i, i == 0 ? "what is here does not leave" :
		    "a cached answer does not leave, the first one does");
		if (i == 0)
			teardown(&f);
	}
	(void)get(&f, "b", NULL, text, NULL);
	CHECK_TEXT_AS(get(&f, "c", NULL, text, NULL), "error", "it may be refused");
	CHECK_NUMBER(f.error.reason, MORTISE_REASON_AUDIT);
	f.call.leaving = NULL;
	CHECK_TEXT_AS(asked(&f, "get", text), "2", "and then nobody is asked");
	teardown(&f);
}

int
main(void)
{
	directory = mocks_directory();
	if (directory == NULL)
		return 1;
	test_breaker();
	test_probe();
	test_breaker_and_deadlines();
	test_undo_passes();
	test_retry();
	test_retry_of_lists();
	test_cache();
	test_generations();
	test_ages();
	test_size();
	test_flights();
	test_leader_runs_out();
	test_flight_and_write();
	test_leaving();
	mocks_remove(directory);
	return test_end();
}
