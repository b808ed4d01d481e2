/* SPDX-License-Identifier: BSD-2-Clause */
/* One command and its answer, by a connection that works. */
#include <string.h>

#include "redis.h"

void
command_script(const struct redis *redis, struct command *command, enum script script,
    int64_t keys)
{
	*command = (struct command){.script = script, .scripted = true};
	command_text(command, "EVALSHA");
	command_text(command, redis->digests[script]);
	command_number(command, keys);
}

/* What a server answers has been done on so many replicas too; nothing waits longer than
 * the call. */
static void
command_wait(const struct redis *redis, struct mortise_call *call, struct command *command)
{
	int left = redis->host->left_ms(call);

	*command = (struct command){.count = 0};
	command_text(command, "WAIT");
	command_number(command, redis->replicas);
	/* 0 would be for ever. */
	command_number(command, left < 1 ? 1 : left < redis->wait_ms ? left : redis->wait_ms);
}

struct answer {
	redisReply *reply;
	redisReply *waited;		/* of WAIT; NULL: not asked */
};

static void
answer_free(struct answer *answer)
{
	freeReplyObject(answer->reply);
	freeReplyObject(answer->waited);
	*answer = (struct answer){NULL, NULL};
}

/* Both at once: it is one round trip. */
static enum wire
exchange(const struct redis *redis, struct connection *connection, const struct command *command,
    struct answer *answer)
{
	bool waits = command->writes && redis->replicas > 0;
	enum wire result = wire_send(connection, command);
	struct command wait;

	if (result == WIRE_OK && waits) {
		command_wait(redis, connection->call, &wait);
		result = wire_send(connection, &wait);
	}
	if (result == WIRE_OK)
		result = wire_read(connection, &answer->reply);
	if (result == WIRE_OK && waits)
		result = wire_read(connection, &answer->waited);
	return result;
}

/* A server that was started since does not know the script, and gets it. */
static enum wire
exchange_script(const struct redis *redis, struct connection *connection,
    struct command *command, struct answer *answer)
{
	enum wire result = exchange(redis, connection, command, answer);

	if (result != WIRE_OK || !command->scripted || !answer_is(answer->reply, "NOSCRIPT"))
		return result;
	answer_free(answer);
	command->words[0] = "EVAL";
	command->sizes[0] = 4;
	command->words[1] = redis_scripts[command->script];
	command->sizes[1] = strlen(redis_scripts[command->script]);
	return exchange(redis, connection, command, answer);
}

/* Did it change anything?  Scripts say so by what they answer. */
static bool
has_changed(const redisReply *reply)
{
	return reply->type != REDIS_REPLY_NIL && (reply->type != REDIS_REPLY_INTEGER ||
	    reply->integer > 0) && (reply->type != REDIS_REPLY_ARRAY || reply->elements > 0);
}

static enum mortise_code
check_answer(const struct redis *redis, struct connection *connection, const struct answer *answer)
{
	const redisReply *waited = answer->waited;
	long long confirmed = waited != NULL && waited->type == REDIS_REPLY_INTEGER ?
	    waited->integer : 0;

	if (answer->reply->type == REDIS_REPLY_ERROR)
		return answer_fail(connection, answer->reply);
	if (waited == NULL || confirmed >= redis->replicas || !has_changed(answer->reply))
		return MORTISE_OK;
	return redis->host->fail(connection->call, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
	    "it is done at %s, and %lld of %lld replicas have confirmed it in time "
	    "(wait-replicas): a failover may lose it", connection->place, confirmed,
	    (long long)redis->replicas);
}

/* By one connection.  *again: surely nothing was done, and another one may do it. */
static enum mortise_code
ask_by(const struct redis *redis, struct connection *connection, struct command *command,
    struct answer *answer, bool *again)
{
	enum wire result = exchange_script(redis, connection, command, answer);

	*again = result == WIRE_UNSENT;
	if (result != WIRE_OK)
		return wire_fail(connection, result, command->writes);
	/* It is not the master any more, or another login is needed: a new one finds out. */
	if (answer_is(answer->reply, "READONLY") || answer_is(answer->reply, "NOAUTH"))
		connection->broken = true;
	*again = connection->broken && redis->master != NULL;
	return check_answer(redis, connection, answer);
}

enum mortise_code
redis_ask(struct redis *redis, struct mortise_call *call, struct command *command,
    redisReply **reply)
{
	struct answer answer = {NULL, NULL};
	enum mortise_code code = MORTISE_ERROR;
	bool again = true;

	*reply = NULL;
	for (int try = 0; again && try < 2; try++) {
		struct connection *connection = NULL;

		answer_free(&answer);
		code = pool_take(redis, call, try > 0, &connection);
		if (code != MORTISE_OK)
			return code;
		code = ask_by(redis, connection, command, &answer, &again);
		pool_give(redis, connection);
	}
	if (code == MORTISE_OK) {
		*reply = answer.reply;
		answer.reply = NULL;
	}
	answer_free(&answer);
	return code;
}

/* Asks for rights to read and to write, where there is nothing. */
enum mortise_code
redis_check(void *instance, struct mortise_call *call)
{
	struct redis *redis = instance;
	struct command command;
	redisReply *reply = NULL;
	char key[KEY_SIZE];
	enum mortise_code code = name_own(redis, call, "check", "", key);

	if (code != MORTISE_OK)
		return code;
	command_script(redis, &command, SCRIPT_CHECK, 1);
	command_text(&command, key);
	code = redis_ask(redis, call, &command, &reply);
	freeReplyObject(reply);
	return code;
}
