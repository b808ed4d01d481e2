/* SPDX-License-Identifier: BSD-2-Clause */
/* get, take, put and remove.  No message names a key: it may be a state. */
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "redis.h"

#define TTL_MAX_MS (INT64_C(1) << 53)	/* what is longer is as good as for ever, and no overflow */

/* What READ and TAKE say in place of a time. */
#define NOT_THERE (-2)
#define NO_STRING (-3)
#define TOO_LARGE (-4)

/* --- names ---------------------------------------------------------------------------- */

enum mortise_code
name_own(const struct redis *redis, struct mortise_call *call, const char *part,
    const char *name, char text[KEY_SIZE])
{
	if (strlen(name) > MORTISE_KEY_MAX)
		return redis->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "a key or an index has at most %d bytes here", MORTISE_KEY_MAX);
	(void)snprintf(text, KEY_SIZE, "%s" OWN_PREFIX "%s%s", redis->prefix, part, name);
	return MORTISE_OK;
}

enum mortise_code
name_record(const struct redis *redis, struct mortise_call *call, const char *key,
    struct record_names *names)
{
	if (strncmp(key, OWN_PREFIX, strlen(OWN_PREFIX)) == 0)
		return redis->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "keys that begin with " OWN_PREFIX " are what the plugin redis keeps for "
		    "itself; use another");
	(void)snprintf(names->record, KEY_SIZE, "%s%s", redis->prefix, key);
	return name_own(redis, call, "record:", key, names->side);
}

/* A script's command on one record. */
static enum mortise_code
begin(const struct redis *redis, struct mortise_call *call, enum script script, const char *key,
    struct record_names *names, char index[KEY_SIZE], struct command *command)
{
	enum mortise_code code = name_record(redis, call, key, names);

	if (code != MORTISE_OK)
		return code;
	(void)name_own(redis, call, "index:", "", index);
	command_script(redis, command, script, 2);
	command_text(command, names->record);
	command_text(command, names->side);
	command_text(command, index);
	command_text(command, key);
	command->writes = true;
	return MORTISE_OK;
}

/* --- answers -------------------------------------------------------------------------- */

bool
rows_are(const redisReply *reply, const char *form)
{
	size_t cells = strlen(form);

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements % cells != 0)
		return false;
	for (size_t i = 0; i < reply->elements; i++) {
		if (reply->element[i]->type !=
		    (form[i % cells] == 's' ? REDIS_REPLY_STRING : REDIS_REPLY_INTEGER))
			return false;
	}
	return true;
}

void
redis_digest(const void *bytes, size_t size, char text[DIGEST_TEXT])
{
	unsigned char digest[SHA_DIGEST_LENGTH];

	(void)SHA1(bytes, size, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

static int64_t
unix_ms(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum mortise_code
record_give(const struct redis *redis, struct mortise_out *out, const char *key,
    const redisReply *value, int64_t ttl, uint64_t fence)
{
	struct mortise_record record = {
		.size = sizeof(record),
		.key = key,
		.value = value->str,
		.value_size = value->len,
		.expires_ms = ttl < 0 ? 0 : unix_ms() + ttl,
		.fence = fence,
	};

	redis_digest(value->str, value->len, record.version.text);
	return redis->host->add_record(out, &record);
}

static enum mortise_code
fail_missing(const struct redis *redis, struct mortise_call *call)
{
	return redis->host->fail(call, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
	    "there is no such record, or it has expired");
}

static enum mortise_code
fail_changed(const struct redis *redis, struct mortise_call *call)
{
	return redis->host->fail(call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
	    "the record is not what the condition says; read it, and decide anew");
}

/* Why the server gave no value. */
static enum mortise_code
fail_value(const struct redis *redis, struct mortise_call *call, long long ttl)
{
	if (ttl == NOT_THERE)
		return fail_missing(redis, call);
	if (ttl != NO_STRING && ttl != TOO_LARGE)
		return answer_odd(redis->host, call, redis->identity);
	return redis->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "what is under this key is %s, from another program; give the backend a prefix of its "
	    "own", ttl == NO_STRING ? "no string" : "larger than a state record");
}

/* --- get, take ------------------------------------------------------------------------ */

static enum mortise_code
redis_get(void *instance, struct mortise_call *call, const char *key, struct mortise_out *out)
{
	struct redis *redis = instance;
	struct record_names names;
	struct command command;
	redisReply *reply = NULL;
	enum mortise_code code = name_record(redis, call, key, &names);

	if (code != MORTISE_OK)
		return code;
	command_script(redis, &command, SCRIPT_READ, 1);
	command_text(&command, names.record);
	command_number(&command, MORTISE_VALUE_MAX);
	code = redis_ask(redis, call, &command, &reply);
	if (code != MORTISE_OK)
		return code;
	if (!rows_are(reply, "si") || reply->elements != 2)
		code = answer_odd(redis->host, call, redis->identity);
	else if (reply->element[1]->integer < -1)
		code = fail_value(redis, call, reply->element[1]->integer);
	else
		code = record_give(redis, out, key, reply->element[0],
		    reply->element[1]->integer, 0);
	freeReplyObject(reply);
	return code;
}

/* As it was, unless somebody was faster: the host has no room for it. */
static void
put_back(struct redis *redis, struct mortise_call *call, const char *key, redisReply *const *taken)
{
	struct record_names names;
	struct command command;
	redisReply *reply = NULL;
	char index[KEY_SIZE];
	int64_t ttl = taken[1]->integer;

	(void)begin(redis, call, SCRIPT_PUT, key, &names, index, &command);
	command_bytes(&command, taken[0]->str, taken[0]->len);
	command_number(&command, ttl < 0 ? 0 : ttl == 0 ? 1 : ttl);
	command_text(&command, "absent");
	command_text(&command, "");
	if (taken[2]->len > 0) {
		command_bytes(&command, taken[2]->str, taken[2]->len);
		command_bytes(&command, taken[3]->str, taken[3]->len);
	}
	if (redis_ask(redis, call, &command, &reply) != MORTISE_OK || reply->type != REDIS_REPLY_INTEGER)
		redis->host->log(call, MORTISE_LOG_WARNING,
		    "a record that was taken for nobody could not be put back, and is lost");
	freeReplyObject(reply);
}

static enum mortise_code
redis_take(void *instance, struct mortise_call *call, const char *key, struct mortise_out *out)
{
	struct redis *redis = instance;
	struct record_names names;
	struct command command;
	redisReply *reply = NULL;
	char index[KEY_SIZE];
	enum mortise_code code = begin(redis, call, SCRIPT_TAKE, key, &names, index, &command);

	if (code != MORTISE_OK)
		return code;
	command_number(&command, MORTISE_VALUE_MAX);
	code = redis_ask(redis, call, &command, &reply);
	if (code != MORTISE_OK)
		return code;
	if (reply->type == REDIS_REPLY_NIL)
		code = fail_missing(redis, call);
	else if (reply->type == REDIS_REPLY_INTEGER)
		code = fail_value(redis, call, reply->integer);
	else if (!rows_are(reply, "siss") || reply->elements != 4)
		code = answer_odd(redis->host, call, redis->identity);
	else {
		code = record_give(redis, out, key, reply->element[0],
		    reply->element[1]->integer, 0);
		if (code != MORTISE_OK)
			put_back(redis, call, key, reply->element);
	}
	freeReplyObject(reply);
	return code;
}

/* --- put, remove ---------------------------------------------------------------------- */

static enum mortise_code
check_put(const struct redis *redis, struct mortise_call *call,
    const struct mortise_state_put *put)
{
	if (put->value_size > MORTISE_VALUE_MAX || put->ttl_ms < 0)
		return redis->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "a state record has at most %d bytes, and no negative time to live",
		    MORTISE_VALUE_MAX);
	if (put->index != NULL && (put->index[0] == '\0' || strlen(put->index) > MORTISE_KEY_MAX))
		return redis->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "an index has a name of 1 to %d bytes", MORTISE_KEY_MAX);
	return MORTISE_OK;
}

static enum mortise_code
redis_put(void *instance, struct mortise_call *call, const char *key,
    const struct mortise_state_put *put, struct mortise_version *made)
{
	struct redis *redis = instance;
	struct record_names names;
	struct command command;
	redisReply *reply = NULL;
	char index[KEY_SIZE];
	enum mortise_code code = check_put(redis, call, put);

	if (code == MORTISE_OK)
		code = begin(redis, call, SCRIPT_PUT, key, &names, index, &command);
	if (code != MORTISE_OK)
		return code;
	command_bytes(&command, put->value_size == 0 ? "" : put->value, put->value_size);
	command_number(&command, put->ttl_ms < TTL_MAX_MS ? put->ttl_ms : TTL_MAX_MS);
	command_text(&command, put->only_if != NULL ? "same" :
	    put->only_if_absent ? "absent" : "any");
	command_text(&command, put->only_if == NULL ? "" : put->only_if->text);
	if (put->index != NULL) {
		command_text(&command, put->index);
		command_number(&command, put->due_ms);
	}
	code = redis_ask(redis, call, &command, &reply);
	if (code == MORTISE_OK && reply->type != REDIS_REPLY_INTEGER)
		code = answer_odd(redis->host, call, redis->identity);
	else if (code == MORTISE_OK && reply->integer == 0)
		code = fail_changed(redis, call);
	if (code == MORTISE_OK)
		redis_digest(put->value, put->value_size, made->text);
	freeReplyObject(reply);
	return code;
}

static enum mortise_code
redis_remove(void *instance, struct mortise_call *call, const char *key,
    const struct mortise_version *only_if)
{
	struct redis *redis = instance;
	struct record_names names;
	struct command command;
	redisReply *reply = NULL;
	char index[KEY_SIZE];
	enum mortise_code code = begin(redis, call, SCRIPT_REMOVE, key, &names, index, &command);

	if (code != MORTISE_OK)
		return code;
	/* A version that is none is no version of anything. */
	command_text(&command, only_if == NULL ? "" : only_if->text[0] == '\0' ? "none" :
	    only_if->text);
	code = redis_ask(redis, call, &command, &reply);
	if (code == MORTISE_OK && reply->type != REDIS_REPLY_INTEGER)
		code = answer_odd(redis->host, call, redis->identity);
	else if (code == MORTISE_OK && reply->integer == 0)
		code = fail_missing(redis, call);
	else if (code == MORTISE_OK && reply->integer < 0)
		code = fail_changed(redis, call);
	freeReplyObject(reply);
	return code;
}

const struct mortise_state_ops redis_state_ops = {
	.size = sizeof(redis_state_ops),
	.get = redis_get,
	.take = redis_take,
	.put = redis_put,
	.remove = redis_remove,
	.list = redis_list,
	.claim = redis_claim,
	.extend = redis_extend,
	.release = redis_release,
};
