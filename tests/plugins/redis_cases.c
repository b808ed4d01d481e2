/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redis_cases URL PREFIX: what every state store has to do, against a server; redis.sh
 * starts one.
 */
#include "config.h"

#include "../test.h"
#include "base/attr.h"
#include "state_cases.h"

int
main(int argc, char **argv)
{
	const struct host_option options[] = {{"url", argc > 1 ? argv[1] : ""},
	    {"prefix", argc > 2 ? argv[2] : ""}};
	struct hosted store;

	if (CHECK(host_open(&store, "redis", options, ARRAY_SIZE(options)))) {
		state_cases(&store);
		host_close(&store);
	}
	return test_end();
}
