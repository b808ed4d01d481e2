/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redis_cases URL PREFIX: what every state store has to do, against a server; redis.sh
 * starts one.
 */
#include "config.h"

#include "../test.h"
#include "base/attr.h"
#include "state_cases.h"

/* An index goes on naming a record that has expired, until that would be claimed. */
static void
test_old_index(const struct hosted *store)
{
	struct mortise_state_put put = {.size = sizeof(put), .value = "1", .value_size = 1,
	    .ttl_ms = 1, .index = "old", .due_ms = 1};
	struct mortise_call call = host_call();
	struct mortise_version made;
	struct mortise_out out = {0};

	CHECK_NUMBER(store->plugin->state->put(store->instance, &call, "old", &put, &made),
	    MORTISE_OK);
	state_wait();
	CHECK_NUMBER(state_put_text(store, "old", "2", 0), MORTISE_OK);
	CHECK_NUMBER(store->plugin->state->claim(store->instance, &call, "old", 1, 10, "anna",
	    60000, &out), MORTISE_OK);
	CHECK_NUMBER_AS(out.count, 0, "a new record under its key is in no index");
	host_clear(&out);
	CHECK_NUMBER(state_remove(store, "old"), MORTISE_OK);
}

int
main(int argc, char **argv)
{
	const struct host_option options[] = {{"url", argc > 1 ? argv[1] : ""},
	    {"prefix", argc > 2 ? argv[2] : ""}};
	struct hosted store;

	if (CHECK(host_open(&store, "redis", options, ARRAY_SIZE(options)))) {
		state_cases(&store);
		test_old_index(&store);
		host_close(&store);
	}
	return test_end();
}
