/* SPDX-License-Identifier: BSD-2-Clause */
/* local: what every state store has to do. */
#include <stdlib.h>
#include <unistd.h>

#include "../test.h"
#include "base/bytes.h"
#include "state_cases.h"

int
main(void)
{
	char directory[] = "/tmp/mortise-test-XXXXXX";
	char *path = mkdtemp(directory) == NULL ? NULL : text_format("%s/cases.db", directory);
	const struct host_option options[] = {{"path", path},
	    {"key", "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="}};
	struct mortise_call call = host_call();
	struct hosted store;

	if (CHECK(path != NULL) && CHECK(host_open(&store, "local", options, 2))) {
		CHECK_TEXT(store.plugin->name, "local");
		state_cases(&store);
		CHECK_NUMBER(store.plugin->check(store.instance, &call), MORTISE_OK);
		host_close(&store);
		CHECK_AS(unlink(path) == 0 && rmdir(directory) == 0, "closing leaves one file");
	}
	free(path);
	return test_end();
}
