/* SPDX-License-Identifier: BSD-2-Clause */
/* claim, extend and release. */
#include <stdlib.h>
#include <string.h>

#include "redis.h"

#define CLAIM_BYTES ((int64_t)4 << 20)	/* of values in one answer; the next claim gets the rest */

static enum mortise_code
check_lease(const struct redis *redis, struct mortise_call *call, int64_t lease_ms)
{
	return lease_ms > 0 ? MORTISE_OK : redis->host->fail(call, MORTISE_INVALID,
	    MORTISE_REASON_NONE, "a lease of %lld ms is none", (long long)lease_ms);
}

/* Nobody hears of them: let the next one have them. */
static void
give_back(struct redis *redis, struct mortise_call *call, const redisReply *claimed,
    const char *owner)
{
	for (size_t i = 0; i < claimed->elements; i += 4) {
		const struct mortise_lease lease = {.size = sizeof(lease), .owner = owner,
		    .key = claimed->element[i]->str,
		    .fence = strtoull(claimed->element[i + 3]->str, NULL, 10)};

		(void)redis_release(redis, call, &lease);
	}
}

static enum mortise_code
give_claimed(struct redis *redis, const redisReply *claimed, struct mortise_out *out)
{
	enum mortise_code code = MORTISE_OK;

	for (size_t i = 0; code == MORTISE_OK && i < claimed->elements; i += 4)
		code = record_give(redis, out, claimed->element[i]->str, claimed->element[i + 1],
		    claimed->element[i + 2]->integer,
		    strtoull(claimed->element[i + 3]->str, NULL, 10));
	return code;
}

enum mortise_code
redis_claim(void *instance, struct mortise_call *call, const char *index, int64_t now_ms,
    size_t max, const char *owner, int64_t lease_ms, struct mortise_out *out)
{
	struct redis *redis = instance;
	char key[KEY_SIZE], fence[KEY_SIZE], side[KEY_SIZE];
	struct command command;
	redisReply *reply = NULL;
	enum mortise_code code = check_lease(redis, call, lease_ms);

	if (code == MORTISE_OK)
		code = name_own(redis, call, "index:", index, key);
	if (code != MORTISE_OK)
		return code;
	(void)name_own(redis, call, "fence", "", fence);
	(void)name_own(redis, call, "record:", "", side);
	command_script(redis, &command, SCRIPT_CLAIM, 2);
	command.writes = true;
	command_text(&command, key);
	command_text(&command, fence);
	command_text(&command, redis->prefix);
	command_text(&command, side);
	command_text(&command, index);
	command_number(&command, now_ms);
	command_number(&command, max < INT32_MAX ? (int64_t)max : INT32_MAX);
	command_text(&command, owner);
	command_number(&command, lease_ms);
	command_number(&command, CLAIM_BYTES);
	code = redis_ask(redis, call, &command, &reply);
	if (code != MORTISE_OK)
		return code;
	if (!rows_are(reply, "ssis"))
		code = answer_odd(redis->host, call, redis->identity);
	else {
		code = give_claimed(redis, reply, out);
		if (code != MORTISE_OK)
			give_back(redis, call, reply, owner);
	}
	freeReplyObject(reply);
	return code;
}

/* To the given time from now, or to its end. */
static enum mortise_code
change(struct redis *redis, struct mortise_call *call, const struct mortise_lease *lease,
    bool extend)
{
	struct record_names names;
	struct command command;
	redisReply *reply = NULL;
	enum mortise_code code = name_record(redis, call, lease->key, &names);

	if (code != MORTISE_OK)
		return code;
	command_script(redis, &command, SCRIPT_LEASE, 2);
	command.writes = true;
	command_text(&command, names.record);
	command_text(&command, names.side);
	command_text(&command, lease->owner);
	command_number(&command, (int64_t)lease->fence);
	if (extend)
		command_number(&command, lease->lease_ms);
	else
		command_text(&command, "");
	code = redis_ask(redis, call, &command, &reply);
	if (code == MORTISE_OK && reply->type != REDIS_REPLY_INTEGER)
		code = answer_odd(redis->host, call, redis->identity);
	else if (code == MORTISE_OK && reply->integer == 0)
		code = redis->host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "the lease is over or somebody else's; stop working on the record");
	freeReplyObject(reply);
	return code;
}

enum mortise_code
redis_extend(void *instance, struct mortise_call *call, const struct mortise_lease *lease)
{
	struct redis *redis = instance;
	enum mortise_code code = check_lease(redis, call, lease->lease_ms);

	return code == MORTISE_OK ? change(redis, call, lease, true) : code;
}

enum mortise_code
redis_release(void *instance, struct mortise_call *call, const struct mortise_lease *lease)
{
	return change(instance, call, lease, false);
}
