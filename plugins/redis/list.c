/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list.  SCAN promises that a key which is there all the while is found, and may find one
 * several times; of what is written or deleted meanwhile it promises nothing.  So all of
 * them are found first and doubles dropped, and only then their values are read: one page.
 */
#define _GNU_SOURCE		/* strndup */
#include <stdlib.h>
#include <string.h>

#include "redis.h"

#define SCAN_COUNT 1000			/* keys that the server looks at in one step */
#define READ_AT_ONCE 64			/* records; their values are 4 MiB at most */

struct found {
	char **keys;			/* without the prefix */
	size_t count, room;
};

static void
found_free(struct found *found)
{
	for (size_t i = 0; i < found->count; i++)
		free(found->keys[i]);
	free(found->keys);
}

/* A pattern that matches what begins with this and nothing else. */
static void
write_pattern(const char *prefix, char **at)
{
	for (; *prefix != '\0'; prefix++) {
		if (strchr("*?[]\\^-", *prefix) != NULL)
			*(*at)++ = '\\';
		*(*at)++ = *prefix;
	}
}

/* false: no memory. */
static bool
add_key(const struct redis *redis, struct found *found, const redisReply *key)
{
	size_t prefix = strlen(redis->prefix);
	size_t room = found->room == 0 ? 256 : 2 * found->room;
	char **keys;

	/* What no record can be called is none. */
	if (key->len < prefix || key->len - prefix > MORTISE_KEY_MAX ||
	    memchr(key->str, '\0', key->len) != NULL ||
	    strncmp(key->str + prefix, OWN_PREFIX, strlen(OWN_PREFIX)) == 0)
		return true;
	if (found->count == found->room) {
		keys = reallocarray(found->keys, room, sizeof(char *));
		if (keys == NULL)
			return false;
		found->keys = keys;
		found->room = room;
	}
	found->keys[found->count] = strdup(key->str + prefix);
	if (found->keys[found->count] == NULL)
		return false;
	found->count++;
	return true;
}

static enum mortise_code
take_page(const struct redis *redis, struct mortise_call *call, const redisReply *reply,
    struct found *found)
{
	const redisReply *page = reply->element[1];

	for (size_t i = 0; i < page->elements; i++) {
		if (page->element[i]->type == REDIS_REPLY_STRING &&
		    !add_key(redis, found, page->element[i]))
			return redis_no_memory(redis, call);
	}
	return MORTISE_OK;
}

static enum mortise_code
scan(struct redis *redis, struct mortise_call *call, const char *pattern, struct found *found)
{
	char cursor[24] = "0";
	enum mortise_code code;

	do {
		struct command command = {.count = 0};
		redisReply *reply = NULL;

		command_text(&command, "SCAN");
		command_text(&command, cursor);
		command_text(&command, "MATCH");
		command_text(&command, pattern);
		command_text(&command, "COUNT");
		command_number(&command, SCAN_COUNT);
		code = redis_ask(redis, call, &command, &reply);
		if (code != MORTISE_OK)
			return code;
		if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
		    reply->element[0]->type != REDIS_REPLY_STRING ||
		    reply->element[0]->len >= sizeof(cursor) ||
		    reply->element[1]->type != REDIS_REPLY_ARRAY) {
			code = answer_odd(redis->host, call, redis->identity);
		} else {
			memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);
			code = take_page(redis, call, reply, found);
		}
		freeReplyObject(reply);
	} while (code == MORTISE_OK && strcmp(cursor, "0") != 0);
	return code;
}

static int
by_key(const void *a, const void *b)
{
	char *const *left = a, *const *right = b;

	return strcmp(*left, *right);
}

static void
drop_doubles(struct found *found)
{
	size_t kept = 0;

	if (found->count > 1)
		qsort(found->keys, found->count, sizeof(char *), by_key);
	for (size_t i = 0; i < found->count; i++) {
		if (kept > 0 && strcmp(found->keys[kept - 1], found->keys[i]) == 0)
			free(found->keys[i]);
		else
			found->keys[kept++] = found->keys[i];
	}
	found->count = kept;
}

/* Those of a few keys that are records, still. */
static enum mortise_code
give_some(struct redis *redis, struct mortise_call *call, char *const *keys, size_t count,
    struct mortise_out *out)
{
	struct record_names names[READ_AT_ONCE];
	struct command command;
	redisReply *reply = NULL;
	enum mortise_code code = MORTISE_OK;

	command_script(redis, &command, SCRIPT_READ, (int64_t)count);
	for (size_t i = 0; code == MORTISE_OK && i < count; i++) {
		code = name_record(redis, call, keys[i], &names[i]);
		command_text(&command, names[i].record);
	}
	command_number(&command, MORTISE_VALUE_MAX);
	if (code == MORTISE_OK)
		code = redis_ask(redis, call, &command, &reply);
	if (code == MORTISE_OK && (!rows_are(reply, "si") || reply->elements != 2 * count))
		code = answer_odd(redis->host, call, redis->identity);
	for (size_t i = 0; code == MORTISE_OK && i < count; i++) {
		if (reply->element[2 * i + 1]->integer >= -1)
			code = record_give(redis, out, keys[i], reply->element[2 * i],
			    reply->element[2 * i + 1]->integer, 0);
	}
	freeReplyObject(reply);
	return code;
}

enum mortise_code
redis_list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	struct redis *redis = instance;
	struct found found = {NULL, 0, 0};
	char pattern[2 * (PREFIX_MAX + MORTISE_KEY_MAX) + 2], *at = pattern;
	enum mortise_code code;

	(void)cursor;
	if (strlen(prefix) > MORTISE_KEY_MAX)
		return MORTISE_OK;
	write_pattern(redis->prefix, &at);
	write_pattern(prefix, &at);
	memcpy(at, "*", 2);
	code = scan(redis, call, pattern, &found);
	drop_doubles(&found);
	for (size_t i = 0; code == MORTISE_OK && i < found.count; i += READ_AT_ONCE)
		code = give_some(redis, call, found.keys + i, found.count - i < READ_AT_ONCE ?
		    found.count - i : READ_AT_ONCE, out);
	found_free(&found);
	return code;
}
