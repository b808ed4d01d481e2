/* SPDX-License-Identifier: BSD-2-Clause */
/* postgres_state DSN: state records in PostgreSQL: what every store does. */
#include "config.h"

#include "../test.h"
#include "state_cases.h"

int
main(int argc, char **argv)
{
	const struct host_option options[] = {{"dsn", argc > 1 ? argv[1] : ""}};
	struct hosted store;

	if (CHECK(host_open(&store, "postgres", options, 1))) {
		CHECK_TEXT(store.plugin->name, "postgres");
		state_cases(&store);
		host_close(&store);
	}
	return test_end();
}
