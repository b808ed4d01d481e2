/* SPDX-License-Identifier: BSD-2-Clause */
/* What managers answer. */
#define _DEFAULT_SOURCE		/* explicit_bzero, timegm */
#include "sdk/json.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sdk/encoding.h"

json_t *
json_of(const struct mortise_host *host, const struct mortise_secret *body)
{
	size_t size;
	const char *bytes = host->secret_peek(body, &size);

	return json_loadb(bytes, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

static void
wipe_strings(json_t *at)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(at))
		explicit_bzero((char *)(uintptr_t)json_string_value(at), json_string_length(at));
	json_object_foreach(at, key, member)
		wipe_strings(member);
	json_array_foreach(at, i, member)
		wipe_strings(member);
}

void
json_forget(json_t *tree)
{
	wipe_strings(tree);
	json_decref(tree);
}

const char *
json_string_of(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

struct mortise_secret *
json_secret(const struct mortise_host *host, const json_t *at)
{
	char *dumped;
	struct mortise_secret *made;

	if (json_is_string(at))
		return secret_of(host, json_string_value(at), json_string_length(at));
	dumped = json_dumps(at, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	if (dumped == NULL)
		return NULL;
	made = secret_of(host, dumped, strlen(dumped));
	explicit_bzero(dumped, strlen(dumped));
	free(dumped);
	return made;
}

int64_t
json_time_of(const json_t *at)
{
	struct tm tm = {0};
	const char *text = json_string_value(at);
	const char *rest = text == NULL ? NULL : strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ms = 0;

	if (rest == NULL)
		return 0;
	if (*rest == '.') {
		int64_t unit = 100;

		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			ms += (*rest - '0') * unit;
	}
	return strcmp(rest, "Z") == 0 ? (int64_t)timegm(&tm) * 1000 + ms : 0;
}

int64_t
json_now(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
