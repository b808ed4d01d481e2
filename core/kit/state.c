/* SPDX-License-Identifier: BSD-2-Clause */
/* Cases: state records. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kit/kit.h"

#define MUST_FIT 16384			/* bytes that every store takes */
#define TTL_MS 1500
#define RACERS 8
#define RACES 40

static bool
put(struct kit *kit, const char *key, const char *text, const struct mortise_state_put *settings,
    struct mortise_version *made)
{
	return kit_expect(kit, kit_state_put(kit, key, kit_text(text), settings, made),
	    KIT_CODE(OK), "put of the record %s", key);
}

static bool
keeps(struct kit *kit, const char *key, struct kit_value value, bool may_refuse)
{
	enum mortise_code code = kit_state_put(kit, key, value, NULL, NULL);

	if (code == MORTISE_INVALID && may_refuse)
		return true;
	return kit_expect(kit, code, KIT_CODE(OK), "put of the record %s, %zu bytes", key,
	    value.size) && kit_state_gets(kit, key, value);
}

/* Bytes of every kind and size, and keys as Mortise has them. */
bool
case_state(struct kit *kit)
{
	static const char *const tails[] = {"oauth:state:abc", "a/b", "a", "A", "a.b-c_d", "...",
	    "authorization:meta_ads/act_42"};
	static const size_t sizes[] = {0, 1, 255, 4096, MUST_FIT, MORTISE_VALUE_MAX};
	unsigned char *bytes _cleanup_(free_pointer) = malloc(MORTISE_VALUE_MAX);
	struct kit_name key = kit_name(kit, "sizes");

	if (bytes == NULL)
		return kit_fail(kit, "out of memory");
	for (size_t i = 0; i < MORTISE_VALUE_MAX; i++)
		bytes[i] = (unsigned char)(i * 7);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (!keeps(kit, key.text, (struct kit_value){bytes, sizes[i]}, sizes[i] > MUST_FIT))
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		key = kit_name(kit, "%s", tails[i]);
		if (!keeps(kit, key.text, kit_text(key.text), false))
			return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		key = kit_name(kit, "%s", tails[i]);
		if (!kit_state_gets(kit, key.text, kit_text(key.text)))
			return false;
	}
	key = kit_name(kit, "long/");
	memset(key.text + strlen(key.text), 'k', MORTISE_KEY_MAX - strlen(key.text));
	key.text[MORTISE_KEY_MAX] = '\0';
	return keeps(kit, key.text, kit_text("at the longest key"), true);
}

bool
case_state_missing(struct kit *kit)
{
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	struct kit_name key = kit_name(kit, "never-written");
	uint64_t can = backend_can(kit->backend);
	bool writes = !kit->settings->read_only;

	if (seen == NULL || !kit_expect(kit, kit_state_get(kit, key.text, seen),
	    KIT_CODE(NOT_FOUND), "get of a record that is not there"))
		return false;
	if (writes && (can & MORTISE_CAN_STATE_TAKE) != 0 && !kit_expect(kit,
	    kit_state_take(kit, key.text, seen), KIT_CODE(NOT_FOUND), "take of what is not there"))
		return false;
	return !writes || (can & MORTISE_CAN_STATE_DELETE) == 0 || kit_expect(kit,
	    kit_state_delete(kit, key.text, NULL), KIT_CODE(NOT_FOUND),
	    "delete of a record that is not there");
}

bool
case_state_take(struct kit *kit)
{
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	struct kit_name key = kit_name(kit, "take");

	if (seen == NULL || !put(kit, key.text, "once", NULL, NULL) ||
	    !kit_expect(kit, kit_state_take(kit, key.text, seen), KIT_CODE(OK), "take"))
		return false;
	if (seen->value_size != 4 || memcmp(seen->value, "once", 4) != 0)
		return kit_fail(kit, "take gives %zu bytes that are not the 4 that were put",
		    seen->value_size);
	return kit_expect(kit, kit_state_take(kit, key.text, seen), KIT_CODE(NOT_FOUND),
	    "a second take") && kit_expect(kit, kit_state_get(kit, key.text, seen),
	    KIT_CODE(NOT_FOUND), "get behind a take");
}

/* --- many callers, one record ------------------------------------------------------- */

struct race {
	struct kit *kit;
	struct backend *backend;
	const char *key;
	pthread_barrier_t *barrier;
	enum mortise_code code;
	struct mortise_error error;
};

static void *
race(void *arg)
{
	struct race *one = arg;
	struct mortise_call call = kit_call(one->kit, &one->error);
	struct mortise_out out = {.record = NULL};

	(void)pthread_barrier_wait(one->barrier);
	one->code = backend_state_take(one->backend, &call, one->key, &out);
	return NULL;
}

static bool
race_once(struct kit *kit, struct backend *other, const char *key)
{
	struct race racers[RACERS];
	pthread_t threads[RACERS];
	pthread_barrier_t barrier;
	struct mortise_call whole = kit_call(kit, &kit->error);
	size_t started = 0, winners = 0;

	if (!put(kit, key, "once", NULL, NULL))
		return false;
	(void)pthread_barrier_init(&barrier, NULL, RACERS);
	kit_ask(kit, &whole, "take");
	for (; started < RACERS; started++) {
		racers[started] = (struct race){.kit = kit, .key = key, .barrier = &barrier,
		    .backend = other != NULL && started % 2 == 1 ? other : kit->backend};
		if (pthread_create(&threads[started], NULL, race, &racers[started]) != 0)
			abort();	/* the others would wait for it for ever */
	}
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	kit_answered(kit, &whole, "take");
	(void)pthread_barrier_destroy(&barrier);
	for (size_t i = 0; i < started; i++) {
		kit->error = racers[i].error;
		if (!kit_expect(kit, racers[i].code, KIT_CODE(OK) | KIT_CODE(NOT_FOUND),
		    "take by one of %d at once", RACERS))
			return false;
		winners += racers[i].code == MORTISE_OK;
	}
	return winners == 1 ||
	    kit_fail(kit, "%zu of %d callers took the same record, where exactly one must",
	    winners, RACERS);
}

/* By two instances, where they see the same store. */
bool
case_state_race(struct kit *kit)
{
	struct kit_name key = kit_name(kit, "race");
	struct backend *other = NULL;
	bool good = true;

	if (kit->plugin->table.reach != MORTISE_REACH_PROCESS &&
	    !kit_expect(kit, kit_open(kit, &other), KIT_CODE(OK), "open of a second instance"))
		return false;
	for (size_t i = 0; good && i < RACES; i++)
		good = race_once(kit, other, key.text);
	if (other != NULL)
		kit_close(kit, other);
	return good;
}

/* --- conditions --------------------------------------------------------------------- */

bool
case_state_if_absent(struct kit *kit)
{
	const struct mortise_state_put absent = {.size = sizeof(absent), .only_if_absent = true};
	struct kit_name key = kit_name(kit, "if-absent");

	return put(kit, key.text, "first", &absent, NULL) &&
	    kit_expect(kit, kit_state_put(kit, key.text, kit_text("second"), &absent, NULL),
	    KIT_CODE(CONFLICT), "put if absent, of a record that is there") &&
	    kit_state_gets(kit, key.text, kit_text("first"));
}

bool
case_state_if_version(struct kit *kit)
{
	struct kit_name key = kit_name(kit, "if-version");
	struct mortise_version first, second;
	const struct mortise_state_put same = {.size = sizeof(same), .only_if = &first};

	if (!put(kit, key.text, "first", NULL, &first) ||
	    !put(kit, key.text, "second", &same, &second))
		return false;
	if (first.text[0] == '\0' || strcmp(first.text, second.text) == 0)
		return kit_fail(kit, "two puts of different bytes made the versions \"%s\" and \"%s\"",
		    first.text, second.text);
	if (!kit_expect(kit, kit_state_put(kit, key.text, kit_text("third"), &same, NULL),
	    KIT_CODE(CONFLICT), "put if the version is one that it is not any more") ||
	    !kit_state_gets(kit, key.text, kit_text("second")))
		return false;
	return (backend_can(kit->backend) & MORTISE_CAN_STATE_DELETE) == 0 ||
	    (kit_expect(kit, kit_state_delete(kit, key.text, &first), KIT_CODE(CONFLICT),
	    "delete if the version is one that it is not any more") &&
	    kit_state_gets(kit, key.text, kit_text("second")) &&
	    kit_expect(kit, kit_state_delete(kit, key.text, &second), KIT_CODE(OK),
	    "delete if the version is what it is"));
}

/* --- expiry ------------------------------------------------------------------------- */

static bool
is_over(struct kit *kit, const char *key)
{
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	uint64_t can = backend_can(kit->backend);

	if (seen == NULL || !kit_expect(kit, kit_state_get(kit, key, seen), KIT_CODE(NOT_FOUND),
	    "get of a record behind its time"))
		return false;
	if ((can & MORTISE_CAN_STATE_LIST) != 0 && (!kit_expect(kit, kit_state_list(kit, key, seen),
	    KIT_CODE(OK), "list of records") || (kit_seen_times(seen, key) > 0 &&
	    !kit_fail(kit, "list gives a record behind its time"))))
		return false;
	return (can & MORTISE_CAN_STATE_TAKE) == 0 || kit_expect(kit,
	    kit_state_take(kit, key, seen), KIT_CODE(NOT_FOUND), "take of a record behind its time");
}

bool
case_state_expiry(struct kit *kit)
{
	const struct mortise_state_put mortal = {.size = sizeof(mortal), .ttl_ms = TTL_MS};
	const struct mortise_state_put hourly = {.size = sizeof(hourly), .ttl_ms = 3600000};
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);
	struct kit_name key = kit_name(kit, "expiry"), later = kit_name(kit, "expiry-later"),
	    never = kit_name(kit, "expiry-never");
	int64_t expires_ms;

	if (seen == NULL || !put(kit, never.text, "never", NULL, NULL) ||
	    !put(kit, later.text, "hour", &hourly, NULL) ||
	    !put(kit, key.text, "mortal", &mortal, NULL) ||
	    !kit_state_gets(kit, key.text, kit_text("mortal")))
		return false;
	if (!kit_expect(kit, kit_state_get(kit, later.text, seen), KIT_CODE(OK), "get of a record"))
		return false;
	expires_ms = seen->expires_ms[0] - clock_unix_ms();
	if (expires_ms < 3000000 || expires_ms > 4200000)
		return kit_fail(kit, "a record with an hour to live says that it ends in %lld ms",
		    (long long)expires_ms);
	kit_sleep(TTL_MS + 500);
	return is_over(kit, key.text) && kit_state_gets(kit, later.text, kit_text("hour")) &&
	    kit_state_gets(kit, never.text, kit_text("never"));
}

bool
case_state_list(struct kit *kit)
{
	static const char *const tails[] = {"a", "a/b", "ab", "b"};
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);

	if (seen == NULL)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		if (!put(kit, kit_name(kit, "list/%s", tails[i]).text, "value", NULL, NULL))
			return false;
	}
	if (!kit_expect(kit, kit_state_list(kit, kit_name(kit, "list/a").text, seen), KIT_CODE(OK),
	    "list of records"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(tails) - 1; i++) {
		const struct kit_name key = kit_name(kit, "list/%s", tails[i]);

		if (kit_seen_times(seen, key.text) != 1)
			return kit_fail(kit, "list of records gives %s %zu times, where once is right",
			    key.text, kit_seen_times(seen, key.text));
	}
	return true;
}
