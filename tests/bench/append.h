/* SPDX-License-Identifier: BSD-2-Clause */
/* A trail of its own, and one append to it as a get makes it. */
#ifndef BENCH_APPEND_H
#define BENCH_APPEND_H

#include "audit/trail.h"
#include "base/error.h"

/* A directory NAME in the bench's. */
static struct trail *
open_trail(const char *name)
{
	static const struct logger silent;
	static char path[128];	/* the trail borrows it */
	struct trail_options options = {
		.directory = path, .program = "bench", .config = "none",
		.retention_ms = INT64_C(86400000), .logger = &silent,
	};
	struct mortise_error error;
	struct trail *trail;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (trail_open(&options, &trail, &error) != MORTISE_OK)
		give_up(error.message);
	return trail;
}

static void
append_one(void *arg, unsigned int caller)
{
	static const struct record_actor actor = {.uid = 1000, .gid = 1000, .pid = 12345,
	    .via = "direct"};
	static const struct record_call call = {.backend = "store", .code = "ok", .version = "42"};
	struct record record = {.type = RECORD_OUTCOME, .action = "secret_viewed",
	    .resource_type = "secret", .resource_id = "app/db/password", .actor = &actor,
	    .code = "ok", .calls = &call, .calls_count = 1};
	struct mortise_error error;

	(void)caller;
	memset(record.op, 'a', sizeof(record.op) - 1);
	if (trail_append(arg, &record, true, deadline_in_ms(60000), NULL, &error) != MORTISE_OK)
		give_up(error.message);
}

#endif
