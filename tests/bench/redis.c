/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A one-time state created and used up, without a trail, against bare hiredis that sets and
 * takes as many bytes by two commands on the same server.
 *
 *   redis CONFIG.yaml PORT
 */
#include "bench.h"

#include <hiredis/hiredis.h>
#include <mortise/mortise.h>

#define VALUE_SIZE 300		/* of a state's record, about */

static void
use_state(void *arg, unsigned int caller)
{
	static const struct mortise_state_options options = {.size = sizeof(options),
	    .platform = "meta_ads", .agency_id = "ag_1",
	    .redirect_uri = "https://app.agency.example/callback"};
	char state[MORTISE_STATE_SIZE];

	(void)caller;
	if (mortise_state_create(arg, NULL, &options, state, NULL) != MORTISE_OK ||
	    mortise_state_validate(arg, NULL, state, NULL, NULL, NULL, NULL) != MORTISE_OK)
		give_up("a state was refused");
}

static void
use_record(void *arg, unsigned int caller)
{
	static char value[VALUE_SIZE];
	redisReply *reply;

	(void)caller;
	memset(value, 'v', sizeof(value));
	reply = redisCommand(arg, "SET oauth:state:bench %b PX 600000 NX", value, sizeof(value));
	if (reply == NULL || reply->type != REDIS_REPLY_STATUS)
		give_up("a record was not set");
	freeReplyObject(reply);
	reply = redisCommand(arg, "GETDEL oauth:state:bench");
	if (reply == NULL || reply->type != REDIS_REPLY_STRING)
		give_up("a record was not taken");
	freeReplyObject(reply);
}

int
main(int argc, char **argv)
{
	struct mortise_error *error = mortise_error_new();
	struct mortise_open_options options = {.size = sizeof(options), .program = "bench"};
	struct mortise *context = NULL;
	double ratios[PAIRS];
	redisContext *bare;

	if (argc != 3)
		give_up("usage: redis CONFIG.yaml PORT");
	options.config_path = argv[1];
	if (mortise_open(&options, &context, error) != MORTISE_OK)
		give_up(mortise_error_message(error));
	bare = redisConnect("127.0.0.1", (int)strtol(argv[2], NULL, 10));
	if (bare == NULL || bare->err != 0)
		give_up("no connection");
	for (size_t i = 0; i < PAIRS; i++) {
		double ours = bench_rate(1, use_state, context), theirs = bench_rate(1, use_record, bare);

		ratios[i] = ours / theirs;
		fprintf(stderr, "redis: %.0f states a second, %.0f by bare hiredis\n", ours, theirs);
	}
	bench_ratios("a state in Redis created and taken, no trail, against bare hiredis", ratios,
	    AT_LEAST, 0.9);
	redisFree(bare);
	mortise_close(context);
	mortise_error_free(error);
	return 0;
}
