/* SPDX-License-Identifier: BSD-2-Clause */
/* The state store in memory: what all do, and what is its own. */
/* For explicit_bzero. */
#define _GNU_SOURCE
#include "config.h"

#include <stdlib.h>

#include "../memory.h"
#include "../test.h"
#include "base/attr.h"
#include "state_cases.h"

#define HOUR 3600000

static void
test_full(void)
{
	static const struct host_option three[] = {{"max-records", "3"}};
	struct mortise_state_put put = {sizeof(put), "1", 1, 0, false, NULL, NULL, 0};
	struct mortise_call call = host_call();
	struct mortise_version made;
	struct hosted store;

	if (!CHECK(host_open(&store, "memory", three, 1)))
		return;
	CHECK_NUMBER(state_put_text(&store, "1", "1", 0), MORTISE_OK);
	CHECK_NUMBER(state_put_text(&store, "2", "1", 0), MORTISE_OK);
	CHECK_NUMBER(state_put_text(&store, "3", "1", HOUR), MORTISE_OK);
	CHECK_NUMBER(store.plugin->state->put(store.instance, &call, "4", &put, &made),
	    MORTISE_UNAVAILABLE);
	CHECK_TEXT(call.message, "3 records are in memory, which is all that max-records allows; "
	    "raise max-records, or delete some");
	CHECK_NUMBER_AS(state_put_text(&store, "3", "2", 1), MORTISE_OK, "a record is replaced");
	state_wait();
	CHECK_NUMBER_AS(state_put_text(&store, "4", "1", 0), MORTISE_OK, "expired ones make room");
	CHECK_NUMBER(state_remove(&store, "1"), MORTISE_OK);
	CHECK_NUMBER_AS(state_put_text(&store, "5", "1", 0), MORTISE_OK, "so do deleted ones");
	CHECK_NUMBER(state_count(&store, ""), 3);
	put.ttl_ms = -1;
	CHECK_NUMBER(store.plugin->state->put(store.instance, &call, "5", &put, &made),
	    MORTISE_INVALID);
	host_close(&store);
}

/* Many records of many lives, replaced and removed in between: the heap has to
 * forget those that die, and only those. */
static void
test_many_lives(void)
{
	enum { NONE, SHORT, LONG } lives[500] = {NONE};
	struct hosted store;
	unsigned int seed = 1;
	size_t wrong = 0, left = 0;
	char key[32];

	if (!CHECK(host_open(&store, "memory", NULL, 0)))
		return;
	for (int i = 0; i < 5000; i++) {
		size_t slot;

		seed = seed * 1103515245u + 12345u;
		slot = (seed >> 16) % ARRAY_SIZE(lives);
		(void)snprintf(key, sizeof(key), "many/%zu", slot);
		lives[slot] = i % 3 == 0 ? SHORT : i % 7 == 0 ? NONE : LONG;
		if (lives[slot] == NONE)
			(void)state_remove(&store, key);
		else
			wrong += state_put_text(&store, key, "1", lives[slot] == SHORT ?
			    1 + (seed >> 8) % 5 : HOUR + seed % 1000) != MORTISE_OK;
	}
	CHECK_NUMBER_AS(wrong, 0, "all puts are ok");
	state_wait();
	for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
		(void)snprintf(key, sizeof(key), "many/%zu", i);
		wrong += state_holds(&store, key, "1", 1) != (lives[i] == LONG);
		left += lives[i] == LONG;
	}
	CHECK_NUMBER_AS(wrong, 0, "those are there that should be");
	CHECK_NUMBER(state_count(&store, "many/"), left);
	host_close(&store);
}

static enum mortise_code
put_canary(const struct hosted *store, const struct canary *canary)
{
	unsigned char value[CANARY_SIZE];
	struct mortise_state_put put = {sizeof(put), value, sizeof(value), 0, false, NULL, NULL, 0};
	struct mortise_call call = host_call();
	struct mortise_version made;
	enum mortise_code code;

	canary_write(canary, value);
	code = store->plugin->state->put(store->instance, &call, "canary", &put, &made);
	explicit_bzero(value, sizeof(value));
	return code;
}

static void
test_wiped(void)
{
	struct mortise_call call = host_call();
	struct mortise_out out = {0};
	struct canary canary;
	struct hosted store;

	if (!CHECK(host_open(&store, "memory", NULL, 0) && canary_make(&canary)))
		return;
	CHECK_NUMBER(put_canary(&store, &canary), MORTISE_OK);
	CHECK_NUMBER_AS(memory_count(&canary), 1, "a value is in memory once");
	CHECK_NUMBER(state_put_text(&store, "canary", "1", 0), MORTISE_OK);
	CHECK_NUMBER_AS(memory_count(&canary), 0, "a replaced value is wiped");
	CHECK_NUMBER(put_canary(&store, &canary), MORTISE_OK);
	CHECK_NUMBER(store.plugin->state->take(store.instance, &call, "canary", &out), MORTISE_OK);
	host_clear(&out);
	CHECK_NUMBER_AS(memory_count(&canary), 0, "a taken value is wiped");
	CHECK_NUMBER(put_canary(&store, &canary), MORTISE_OK);
	host_close(&store);
	CHECK_NUMBER_AS(memory_count(&canary), 0, "close wipes what is left");
}

int
main(void)
{
	struct hosted store;

	if (CHECK(host_open(&store, "memory", NULL, 0))) {
		CHECK_TEXT(store.plugin->name, "memory");
		state_cases(&store);
		host_close(&store);
	}
	test_full();
	test_many_lives();
	if (memory_excuse() == NULL)
		test_wiped();
	else
		test_skip("wiping", memory_excuse());
	return test_end();
}
