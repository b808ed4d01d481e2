/* SPDX-License-Identifier: BSD-2-Clause */
#include "state_cases.h"

#include <pthread.h>
#include <time.h>

#include "../test.h"
#include "base/attr.h"
#include "base/clock.h"

#define HOUR 3600000
#define THREADS 64

/* --- one call each ----------------------------------------------------------------- */

static enum mortise_code
put(const struct hosted *store, const char *key, struct mortise_state_put put,
    struct mortise_version *made)
{
	struct mortise_call call = host_call();
	struct mortise_version version;

	put.size = sizeof(put);
	return store->plugin->state->put(store->instance, &call, key, &put,
	    made == NULL ? &version : made);
}

enum mortise_code
state_put_text(const struct hosted *store, const char *key, const char *text, int64_t ttl_ms)
{
	return put(store, key, (struct mortise_state_put){.value = text,
	    .value_size = strlen(text), .ttl_ms = ttl_ms}, NULL);
}

static enum mortise_code
get(const struct hosted *store, const char *key, struct mortise_out *out)
{
	struct mortise_call call = host_call();

	return store->plugin->state->get(store->instance, &call, key, out);
}

static enum mortise_code
take(const struct hosted *store, const char *key, struct mortise_out *out)
{
	struct mortise_call call = host_call();

	return store->plugin->state->take(store->instance, &call, key, out);
}

static enum mortise_code
remove_if(const struct hosted *store, const char *key, const struct mortise_version *only_if)
{
	struct mortise_call call = host_call();

	return store->plugin->state->remove(store->instance, &call, key, only_if);
}

enum mortise_code
state_remove(const struct hosted *store, const char *key)
{
	return remove_if(store, key, NULL);
}

bool
state_holds(const struct hosted *store, const char *key, const void *value, size_t size)
{
	struct mortise_out out = {0};
	bool good = get(store, key, &out) == MORTISE_OK && out.count == 1 &&
	    strcmp(out.records[0].key, key) == 0 && out.records[0].value_size == size &&
	    memcmp(out.records[0].value, value, size) == 0;

	host_clear(&out);
	return good;
}

static bool
is_gone(const struct hosted *store, const char *key)
{
	struct mortise_out out = {0};
	bool gone = get(store, key, &out) == MORTISE_NOT_FOUND && out.count == 0;

	host_clear(&out);
	return gone;
}

size_t
state_count(const struct hosted *store, const char *prefix)
{
	struct mortise_call call = host_call();
	struct mortise_out out = {0};
	char cursor[sizeof(out.cursor)] = "";
	size_t count = 0;

	do {
		if (store->plugin->state->list(store->instance, &call, prefix,
		    cursor[0] == '\0' ? NULL : cursor, &out) != MORTISE_OK)
			return SIZE_MAX;
		(void)snprintf(cursor, sizeof(cursor), "%s", out.cursor);
		/* A plugin may list more than was asked for. */
		for (size_t i = 0; i < out.count; i++)
			count += strncmp(out.records[i].key, prefix, strlen(prefix)) == 0;
		host_clear(&out);
	} while (cursor[0] != '\0');
	return count;
}

static enum mortise_code
claim(const struct hosted *store, const char *owner, size_t max, int64_t lease_ms,
    struct mortise_out *out)
{
	struct mortise_call call = host_call();

	return store->plugin->state->claim(store->instance, &call, "due", 5000, max, owner,
	    lease_ms, out);
}

static struct mortise_lease
lease_of(const char *key, const char *owner, uint64_t fence)
{
	return (struct mortise_lease){sizeof(struct mortise_lease), key, owner, fence, HOUR};
}

static enum mortise_code
extend(const struct hosted *store, const char *key, const char *owner, uint64_t fence)
{
	struct mortise_call call = host_call();
	struct mortise_lease lease = lease_of(key, owner, fence);

	return store->plugin->state->extend(store->instance, &call, &lease);
}

static enum mortise_code
release(const struct hosted *store, const char *key, const char *owner, uint64_t fence)
{
	struct mortise_call call = host_call();
	struct mortise_lease lease = lease_of(key, owner, fence);

	return store->plugin->state->release(store->instance, &call, &lease);
}

void
state_wait(void)
{
	const struct timespec t = {0, 30000000};

	(void)nanosleep(&t, NULL);
}

/* --- get, put, take, remove ----------------------------------------------------------- */

static void
test_values(const struct hosted *store)
{
	static char big[65536];
	static const struct {
		const void *value;
		size_t size;
	} rows[] = {{"", 0}, {"x", 1}, {"a\0b\xff\n", 5}, {big, sizeof(big)}};

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 31);
	CHECK(is_gone(store, "k"));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_NUMBER(put(store, "k", (struct mortise_state_put){.value = rows[i].value,
		    .value_size = rows[i].size}, NULL), MORTISE_OK);
		CHECK_AS(state_holds(store, "k", rows[i].value, rows[i].size),
		    "%zu bytes come back", rows[i].size);
	}
	CHECK_NUMBER(state_put_text(store, "k/other", "y", 0), MORTISE_OK);
	CHECK_AS(state_holds(store, "k", big, sizeof(big)), "another key is another record");
	CHECK_NUMBER(state_remove(store, "k"), MORTISE_OK);
	CHECK(is_gone(store, "k"));
	CHECK_NUMBER(state_remove(store, "k"), MORTISE_NOT_FOUND);
	CHECK_NUMBER(state_remove(store, "k/other"), MORTISE_OK);
}

static void
test_take(const struct hosted *store)
{
	struct mortise_out out = {0};

	CHECK_NUMBER(take(store, "t", &out), MORTISE_NOT_FOUND);
	CHECK_NUMBER(state_put_text(store, "t", "once", 0), MORTISE_OK);
	CHECK_NUMBER(take(store, "t", &out), MORTISE_OK);
	CHECK(out.count == 1 && out.records[0].value_size == 4 &&
	    memcmp(out.records[0].value, "once", 4) == 0);
	CHECK_NUMBER(take(store, "t", &out), MORTISE_NOT_FOUND);
	CHECK(is_gone(store, "t"));
	host_clear(&out);
}

static void
test_conditions(const struct hosted *store)
{
	struct mortise_version first = {""}, second = {""};
	struct mortise_state_put text = {.value = "1", .value_size = 1};
	struct mortise_state_put absent = {.value = "2", .value_size = 1, .only_if_absent = true};
	struct mortise_state_put same = {.value = "3", .value_size = 1, .only_if = &first};
	struct mortise_out out = {0};

	CHECK_NUMBER_AS(put(store, "c", same, NULL), MORTISE_CONFLICT, "only-if of nothing");
	CHECK_NUMBER_AS(put(store, "c", absent, &first), MORTISE_OK, "only-if-absent, absent");
	CHECK_NUMBER_AS(put(store, "c", absent, NULL), MORTISE_CONFLICT, "only-if-absent, there");
	CHECK(state_holds(store, "c", "2", 1));
	CHECK(first.text[0] != '\0');
	CHECK_NUMBER(get(store, "c", &out), MORTISE_OK);
	CHECK_TEXT_AS(out.records[0].version.text, first.text, "get says which version");
	host_clear(&out);

	CHECK_NUMBER_AS(put(store, "c", same, &second), MORTISE_OK, "only-if, the same");
	CHECK(strcmp(first.text, second.text) != 0);
	CHECK_NUMBER_AS(put(store, "c", same, NULL), MORTISE_CONFLICT, "only-if, an old one");
	CHECK_NUMBER(put(store, "c", text, NULL), MORTISE_OK);
	CHECK_NUMBER_AS(remove_if(store, "c", &second), MORTISE_CONFLICT, "remove an old one");
	CHECK(state_holds(store, "c", "1", 1));
	CHECK_NUMBER(put(store, "c", text, &second), MORTISE_OK);
	CHECK_NUMBER_AS(remove_if(store, "c", &second), MORTISE_OK, "remove this one");
	CHECK(is_gone(store, "c"));
}

static void
test_expiry(const struct hosted *store)
{
	int64_t before = clock_unix_ms(), after;
	struct mortise_state_put absent = {.value = "2", .value_size = 1, .only_if_absent = true};
	struct mortise_out out = {0};

	CHECK_NUMBER(state_put_text(store, "x/long", "1", HOUR), MORTISE_OK);
	CHECK_NUMBER(state_put_text(store, "x/short", "1", 1), MORTISE_OK);
	CHECK_NUMBER(state_put_text(store, "x/taken", "1", 1), MORTISE_OK);
	CHECK_NUMBER(state_put_text(store, "x/ever", "1", 1), MORTISE_OK);
	CHECK_NUMBER(state_put_text(store, "x/ever", "1", 0), MORTISE_OK);
	state_wait();
	CHECK_NUMBER_AS(take(store, "x/taken", &out), MORTISE_NOT_FOUND, "late is never");
	CHECK(is_gone(store, "x/short"));
	CHECK_NUMBER_AS(state_count(store, "x/"), 2, "expired records are not listed");
	CHECK_NUMBER(state_remove(store, "x/short"), MORTISE_NOT_FOUND);
	CHECK_NUMBER_AS(put(store, "x/short", absent, NULL), MORTISE_OK, "expired is absent");

	CHECK_NUMBER(get(store, "x/long", &out), MORTISE_OK);
	after = clock_unix_ms();
	CHECK_AS(out.records[0].expires_ms >= before + HOUR - 1 &&
	    out.records[0].expires_ms <= after + HOUR + 1, "an hour from now");
	CHECK_NUMBER(get(store, "x/ever", &out), MORTISE_OK);
	CHECK_NUMBER(out.records[1].expires_ms, 0);
	host_clear(&out);
	CHECK_NUMBER(state_put_text(store, "x/long", "1", INT64_MAX), MORTISE_OK);
	CHECK(state_holds(store, "x/long", "1", 1));
	CHECK_NUMBER(state_remove(store, "x/long"), MORTISE_OK);
	CHECK_NUMBER(state_remove(store, "x/short"), MORTISE_OK);
	CHECK_NUMBER(state_remove(store, "x/ever"), MORTISE_OK);
}

static void
test_list(const struct hosted *store)
{
	char key[64];

	CHECK_NUMBER_AS(state_count(store, "l/"), 0, "nothing there is ok");
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "l/%d", i);
		(void)state_put_text(store, key, "1", i % 2 == 0 ? 0 : HOUR);
	}
	CHECK_NUMBER(state_put_text(store, "m/1", "1", 0), MORTISE_OK);
	CHECK_NUMBER(state_count(store, "l/"), 1000);
	CHECK_NUMBER(state_count(store, "l/99"), 11);
	CHECK_NUMBER(state_count(store, ""), 1001);
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "l/%d", i);
		(void)state_remove(store, key);
	}
	CHECK_NUMBER(state_count(store, "l/"), 0);
	CHECK_NUMBER(state_remove(store, "m/1"), MORTISE_OK);
}

/* --- leases ------------------------------------------------------------------------- */

static void
put_due(const struct hosted *store, const char *key, const char *index, int64_t due_ms)
{
	CHECK_NUMBER_AS(put(store, key, (struct mortise_state_put){.value = key,
	    .value_size = strlen(key), .index = index, .due_ms = due_ms}, NULL), MORTISE_OK, key);
}

static void
test_claim(const struct hosted *store)
{
	struct mortise_out first = {0}, second = {0}, third = {0};

	put_due(store, "q/late", "due", 5000);
	put_due(store, "q/early", "due", 1000);
	put_due(store, "q/middle", "due", 2000);
	put_due(store, "q/future", "due", 5001);
	put_due(store, "q/other", "else", 1000);
	put_due(store, "q/none", NULL, 1000);
	CHECK_NUMBER(claim(store, "anna", 2, HOUR, &first), MORTISE_OK);
	CHECK_NUMBER_AS(first.count, 2, "at most max");
	CHECK_TEXT_AS(first.records[0].key, "q/early", "earliest first");
	CHECK_TEXT_AS(first.records[1].key, "q/middle", "then the next");
	CHECK(first.records[0].fence > 0 && first.records[0].value_size == 7 &&
	    memcmp(first.records[0].value, "q/early", 7) == 0);
	CHECK_NUMBER(claim(store, "bert", 10, HOUR, &second), MORTISE_OK);
	CHECK_AS(second.count == 1 && strcmp(second.records[0].key, "q/late") == 0,
	    "leased, not due and other indexes are not claimed");
	CHECK_NUMBER(claim(store, "carl", 10, HOUR, &third), MORTISE_OK);
	CHECK_NUMBER_AS(third.count, 0, "nothing left is ok");
	CHECK_AS(state_holds(store, "q/early", "q/early", 7), "a leased record can be read");
	host_clear(&first);
	host_clear(&second);
	host_clear(&third);
	for (size_t i = 0; i < 6; i++) {
		static const char *const keys[] = {"q/late", "q/early", "q/middle", "q/future",
		    "q/other", "q/none"};

		CHECK_NUMBER(state_remove(store, keys[i]), MORTISE_OK);
	}
}

/* Claims the one record that is due; its fence, or 0. */
static uint64_t
claim_one(const struct hosted *store, const char *owner, int64_t lease_ms)
{
	struct mortise_out out = {0};
	uint64_t fence = 0;

	if (claim(store, owner, 10, lease_ms, &out) == MORTISE_OK && out.count == 1)
		fence = out.records[0].fence;
	host_clear(&out);
	return fence;
}

static void
test_lease(const struct hosted *store)
{
	uint64_t fence, next;

	put_due(store, "e", "due", 1000);
	CHECK_NUMBER_AS(extend(store, "e", "anna", 0), MORTISE_CONFLICT, "extend without a lease");
	fence = claim_one(store, "anna", HOUR);
	CHECK(fence > 0);
	CHECK_NUMBER_AS(extend(store, "e", "anna", fence), MORTISE_OK, "extend");
	CHECK_NUMBER_AS(extend(store, "e", "bert", fence), MORTISE_CONFLICT, "not his");
	CHECK_NUMBER_AS(extend(store, "e", "anna", fence + 1), MORTISE_CONFLICT, "another fence");
	CHECK_NUMBER_AS(extend(store, "none", "anna", fence), MORTISE_CONFLICT, "no record");
	CHECK_NUMBER_AS(release(store, "e", "bert", fence), MORTISE_CONFLICT, "not his either");
	CHECK_NUMBER_AS(claim_one(store, "bert", HOUR), 0, "still leased");
	CHECK_NUMBER_AS(release(store, "e", "anna", fence), MORTISE_OK, "release");
	CHECK_NUMBER_AS(release(store, "e", "anna", fence), MORTISE_CONFLICT, "released already");
	next = claim_one(store, "anna", HOUR);
	CHECK_AS(next > fence, "the fence rises");
	CHECK_NUMBER_AS(extend(store, "e", "anna", fence), MORTISE_CONFLICT, "an old fence");

	put_due(store, "e", "due", 1000);
	CHECK_NUMBER_AS(extend(store, "e", "anna", next), MORTISE_CONFLICT, "a put ends a lease");
	fence = claim_one(store, "bert", 1);
	CHECK_AS(fence > next, "the fence rises over a put");
	state_wait();
	CHECK_NUMBER_AS(extend(store, "e", "bert", fence), MORTISE_CONFLICT, "a lease ends");
	next = claim_one(store, "carl", HOUR);
	CHECK_AS(next > fence, "and another one gets it");
	CHECK_NUMBER_AS(release(store, "e", "bert", fence), MORTISE_CONFLICT, "not the late one's");
	CHECK_NUMBER_AS(extend(store, "e", "carl", next), MORTISE_OK, "the new one has it");

	CHECK_NUMBER(state_remove(store, "e"), MORTISE_OK);
	put_due(store, "e", "due", 1000);
	fence = claim_one(store, "anna", HOUR);
	CHECK_AS(fence > next, "the fence of a key rises over its deletion");
	CHECK_NUMBER(state_remove(store, "e"), MORTISE_OK);
}

/* --- refused results ------------------------------------------------------------------ */

static void
test_refused(const struct hosted *store)
{
	struct mortise_out full = {.refuse_after = 1};

	CHECK_NUMBER(state_put_text(store, "r/1", "1", 0), MORTISE_OK);
	CHECK_NUMBER(state_put_text(store, "r/2", "2", 0), MORTISE_OK);
	CHECK_NUMBER(get(store, "r/1", &full), MORTISE_OK);
	CHECK_NUMBER_AS(take(store, "r/2", &full), MORTISE_ERROR, "the host takes no more");
	CHECK_AS(state_holds(store, "r/2", "2", 1), "what was not taken is still there");
	CHECK_NUMBER(state_remove(store, "r/1"), MORTISE_OK);
	CHECK_NUMBER(state_remove(store, "r/2"), MORTISE_OK);
	host_clear(&full);

	put_due(store, "r/3", "due", 1000);
	put_due(store, "r/4", "due", 2000);
	full.refuse_after = 1;
	CHECK_NUMBER(claim(store, "anna", 10, HOUR, &full), MORTISE_ERROR);
	host_clear(&full);
	CHECK_NUMBER(claim(store, "bert", 10, HOUR, &full), MORTISE_OK);
	CHECK_NUMBER_AS(full.count, 2, "a claim that failed leases nothing");
	CHECK_NUMBER(state_remove(store, "r/3"), MORTISE_OK);
	CHECK_NUMBER(state_remove(store, "r/4"), MORTISE_OK);
	host_clear(&full);
}

/* --- many at once --------------------------------------------------------------------- */

struct racer {
	const struct hosted *store;
	pthread_barrier_t *start;
	pthread_mutex_t *turn;		/* a serial plugin is entered by one at a time */
	enum mortise_code (*race)(const struct hosted *, struct mortise_out *);
	enum mortise_code code;
	struct mortise_out out;
};

static void *
run_racer(void *arg)
{
	struct racer *racer = arg;

	(void)pthread_barrier_wait(racer->start);
	if (racer->store->plugin->threads == MORTISE_THREADS_SERIAL)
		(void)pthread_mutex_lock(racer->turn);
	racer->code = racer->race(racer->store, &racer->out);
	if (racer->store->plugin->threads == MORTISE_THREADS_SERIAL)
		(void)pthread_mutex_unlock(racer->turn);
	return NULL;
}

/* How many of the threads said ok, and how many records they got. */
static void
race(const struct hosted *store, enum mortise_code (*fn)(const struct hosted *,
    struct mortise_out *), size_t *winners, size_t *records)
{
	struct racer racers[THREADS];
	pthread_t threads[THREADS];
	pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
	pthread_barrier_t start;

	*winners = *records = 0;
	(void)pthread_barrier_init(&start, NULL, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){.store = store, .start = &start, .turn = &turn,
		    .race = fn};
		(void)pthread_create(&threads[i], NULL, run_racer, &racers[i]);
	}
	for (size_t i = 0; i < THREADS; i++) {
		(void)pthread_join(threads[i], NULL);
		*winners += racers[i].code == MORTISE_OK;
		*records += racers[i].out.count;
		host_clear(&racers[i].out);
	}
	(void)pthread_barrier_destroy(&start);
}

static enum mortise_code
race_take(const struct hosted *store, struct mortise_out *out)
{
	return take(store, "race", out);
}

static enum mortise_code
race_put(const struct hosted *store, struct mortise_out *out)
{
	(void)out;
	return put(store, "race", (struct mortise_state_put){.value = "1", .value_size = 1,
	    .only_if_absent = true}, NULL);
}

static enum mortise_code
race_claim(const struct hosted *store, struct mortise_out *out)
{
	return claim(store, "one of many", 3, HOUR, out);
}

static void
test_races(const struct hosted *store)
{
	size_t winners, records;
	char key[32];

	for (int round = 0; round < 10; round++) {
		CHECK_NUMBER(state_put_text(store, "race", "1", HOUR), MORTISE_OK);
		race(store, race_take, &winners, &records);
		CHECK_NUMBER_AS(winners, 1, "of 64 takers one wins");
		CHECK_NUMBER_AS(records, 1, "and one has the record");
	}
	race(store, race_put, &winners, &records);
	CHECK_NUMBER_AS(winners, 1, "of 64 that put if absent one wins");
	CHECK_NUMBER(state_remove(store, "race"), MORTISE_OK);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(key, sizeof(key), "race/%d", i);
		put_due(store, key, "due", i);
	}
	race(store, race_claim, &winners, &records);
	CHECK_NUMBER_AS(records, 100, "64 claimers get each record once");
	for (int i = 0; i < 100; i++) {
		(void)snprintf(key, sizeof(key), "race/%d", i);
		(void)state_remove(store, key);
	}
}

void
state_cases(const struct hosted *store)
{
	test_values(store);
	test_take(store);
	test_conditions(store);
	test_expiry(store);
	test_list(store);
	test_claim(store);
	test_lease(store);
	test_refused(store);
	test_races(store);
	CHECK_NUMBER_AS(state_count(store, ""), 0, "the store is empty again");
}
