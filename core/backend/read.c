/* SPDX-License-Identifier: BSD-2-Clause */
/* get: from the cache, with others, or from the plugin. */
#include <string.h>

#include "backend/instance.h"
#include "base/clock.h"

/* The plugin's own answer, as often as it takes. */
static enum mortise_code
ask(struct backend *backend, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct read_answer *answer)
{
	struct attempts attempts = {.bit = MORTISE_CAN_SECRET_GET, .harmless = true};
	enum mortise_code code;

	do {
		answer->value = NULL;
		answer->found.text[0] = '\0';
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts, backend->plugin->secret.get(
			    backend->instance, call, name, version, &answer->value,
			    &answer->found));
	} while (backend_again(backend, call, &attempts, code));
	answer->found.text[sizeof(answer->found.text) - 1] = '\0';
	if (code == MORTISE_OK && answer->value == NULL)
		return backend_broken(backend, call, "says ok and gives no value");
	if (code == MORTISE_IGNORE && answer->value != NULL)
		code = backend_broken(backend, call, "abstains and gives a value");
	/* Not freed: under every code but ok the value is the function's, which may
	 * have freed it and left the pointer behind. */
	if (code != MORTISE_OK)
		answer->value = NULL;
	return code;
}

static struct read_key
key_of(const struct backend *backend, const char *name, const struct mortise_version *version)
{
	uint64_t hash = name_hash(name);

	return (struct read_key){
		.name = name,
		.version = version == NULL ? "" : version->text,
		.hash = hash,
		.generation = generations_of(backend->generations, hash),
	};
}

/* Asks, and keeps the answer unless the name was written meanwhile. */
static enum mortise_code
ask_and_keep(struct backend *backend, struct mortise_call *call, const struct read_key *key,
    const struct mortise_version *version, struct read_answer *answer)
{
	enum mortise_code code = ask(backend, call, key->name, version, answer);

	if (backend->cache != NULL &&
	    generations_of(backend->generations, key->hash) == key->generation)
		cache_take(backend->cache, key, code, answer->value, &answer->found);
	return code;
}

static enum mortise_code
late(const struct backend *backend, struct mortise_call *call)
{
	(void)error_set(call->error, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
	    "another caller's request for the same secret was not answered by the deadline");
	return backend_say(backend, call, MORTISE_TIMEOUT);
}

/* One request for all who want the same.  Who outlives a leader that ran out of
 * time leads the next one. */
static enum mortise_code
ask_together(struct backend *backend, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct read_answer *answer)
{
	struct read_key key = key_of(backend, name, version);
	struct flight *flight;

	for (;;) {
		switch (flight_join(&backend->flights, &key, call->deadline, &flight, answer,
		    call->error)) {
		case FLIGHT_LEADER:
			answer->code = ask_and_keep(backend, call, &key, version, answer);
			flight_land(&backend->flights, flight, answer, call->error);
			return answer->code;
		case FLIGHT_ALONE:
			return ask_and_keep(backend, call, &key, version, answer);
		case FLIGHT_LATE:
			return late(backend, call);
		case FLIGHT_JOINED:
			if (answer->code == MORTISE_TIMEOUT &&
			    deadline_left_ns(call->deadline) > 0)
				break;
			call->told.shared = true;
			return answer->code;
		}
		key = key_of(backend, name, version);
	}
}

/* The answer from the cache as the plugin would have given it. */
static enum mortise_code
say_cached(const struct backend *backend, struct mortise_call *call,
    const struct read_answer *answer)
{
	call->backend = backend;
	call->told.cached = true;
	call->told.age_ms = answer->age_ms;
	error_clear(call->error);
	if (answer->code == MORTISE_NOT_FOUND)
		(void)error_set(call->error, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "it was not there %llu ms ago (`call: {cache: {negative}}`); ask with fresh to "
		    "see now", (unsigned long long)answer->age_ms);
	return backend_say(backend, call, answer->code);
}

enum mortise_code
backend_get(struct backend *backend, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **result,
    struct mortise_version *found)
{
	struct read_answer answer;
	struct read_key key;
	enum mortise_code code;

	call->told = (struct backend_told){.cached = false};
	call->note.set = false;
	if (!backend->shares)
		code = ask(backend, call, name, version, &answer);
	else {
		key = key_of(backend, name, version);
		if (call->fresh)
			code = ask_and_keep(backend, call, &key, version, &answer);
		else if (backend->cache != NULL && cache_find(backend->cache, &key, &answer))
			code = say_cached(backend, call, &answer);
		else
			code = ask_together(backend, call, name, version, &answer);
	}
	if (code != MORTISE_OK)
		return code;
	if (found != NULL)
		*found = answer.found;
	*result = answer.value;
	return MORTISE_OK;
}

enum mortise_code
backend_get_stale(struct backend *backend, struct mortise_call *call, const char *name,
    struct mortise_secret **result, struct mortise_version *found)
{
	struct read_key key = key_of(backend, name, NULL);
	struct read_answer answer;

	if (backend->cache == NULL || !cache_find_stale(backend->cache, &key, &answer))
		return MORTISE_NOT_FOUND;
	*result = answer.value;
	*found = answer.found;
	return say_cached(backend, call, &answer);
}
