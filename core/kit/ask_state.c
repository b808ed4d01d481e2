/* SPDX-License-Identifier: BSD-2-Clause */
/* The calls that cases make on state, and what calls with many results gave. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kit/kit.h"

struct kit_seen *
kit_seen(struct kit *kit)
{
	struct kit_seen *seen = calloc(1, sizeof(*seen));

	if (seen == NULL)
		(void)kit_fail(kit, "out of memory");
	return seen;
}

static size_t
place(struct kit_seen *seen)
{
	return seen->count < KIT_SEEN_MAX ? seen->count++ : KIT_SEEN_MAX - 1;
}

static enum mortise_code
see_name(void *arg, const char *name)
{
	struct kit_seen *seen = arg;

	(void)snprintf(seen->names[place(seen)].text, sizeof(seen->names[0].text), "%s", name);
	return MORTISE_OK;
}

static enum mortise_code
see_history(void *arg, const struct mortise_history *history)
{
	struct kit_seen *seen = arg;

	seen->history[place(seen)] = *history;
	return MORTISE_OK;
}

static enum mortise_code
see_record(void *arg, const struct mortise_record *record)
{
	struct kit_seen *seen = arg;
	size_t at = place(seen);

	(void)snprintf(seen->names[at].text, sizeof(seen->names[at].text), "%s", record->key);
	seen->versions[at] = record->version;
	seen->expires_ms[at] = record->expires_ms;
	seen->fences[at] = record->fence;
	seen->value_size = record->value_size;
	if (record->value_size > 0 && record->value_size <= sizeof(seen->value))
		memcpy(seen->value, record->value, record->value_size);
	return MORTISE_OK;
}

static enum mortise_code
see_row(void *arg, const struct mortise_pair *cells, size_t count)
{
	struct kit_seen *seen = arg;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(cells[i].name, KIT_LABEL_NAME) == 0 &&
		    strcmp(cells[i].value, "yes") == 0)
			seen->labels++;
	}
	return MORTISE_OK;
}

struct mortise_out
kit_out(struct kit_seen *seen)
{
	seen->count = seen->labels = seen->value_size = 0;
	return (struct mortise_out){
		.name = see_name,
		.history = see_history,
		.record = see_record,
		.row = see_row,
		.arg = seen,
	};
}

size_t
kit_seen_times(const struct kit_seen *seen, const char *name)
{
	size_t times = 0;

	for (size_t i = 0; i < seen->count; i++)
		times += strcmp(seen->names[i].text, name) == 0;
	return times;
}

enum mortise_code
kit_state_put(struct kit *kit, const char *key, struct kit_value value,
    const struct mortise_state_put *settings, struct mortise_version *made)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	struct mortise_state_put put = {.size = sizeof(put)};
	struct mortise_version spare;
	enum mortise_code code;

	if (settings != NULL)
		put = *settings;
	put.value = value.bytes;
	put.value_size = value.size;
	kit_note(kit, key, true, true);
	kit_ask(kit, &call, "put of a record");
	code = backend_state_put(kit->backend, &call, key, &put, made == NULL ? &spare : made);
	kit_answered(kit, &call, "put of a record");
	return code;
}

enum mortise_code
kit_state_get(struct kit *kit, const char *key, struct kit_seen *seen)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	struct mortise_out out = kit_out(seen);
	enum mortise_code code;

	kit_ask(kit, &call, "get of a record");
	code = backend_state_get(kit->backend, &call, key, &out);
	kit_answered(kit, &call, "get of a record");
	return code;
}

enum mortise_code
kit_state_take(struct kit *kit, const char *key, struct kit_seen *seen)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	struct mortise_out out = kit_out(seen);
	enum mortise_code code;

	kit_ask(kit, &call, "take");
	code = backend_state_take(kit->backend, &call, key, &out);
	kit_answered(kit, &call, "take");
	if (code == MORTISE_OK)
		kit_note(kit, key, true, false);
	return code;
}

enum mortise_code
kit_state_delete(struct kit *kit, const char *key, const struct mortise_version *only_if)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	enum mortise_code code;

	kit_ask(kit, &call, "delete of a record");
	code = backend_state_delete(kit->backend, &call, key, only_if);
	kit_answered(kit, &call, "delete of a record");
	if (code == MORTISE_OK)
		kit_note(kit, key, true, false);
	return code;
}

enum mortise_code
kit_state_list(struct kit *kit, const char *prefix, struct kit_seen *seen)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	struct mortise_out out = kit_out(seen);
	enum mortise_code code;

	kit_ask(kit, &call, "list of records");
	code = backend_state_list(kit->backend, &call, prefix, &out);
	kit_answered(kit, &call, "list of records");
	return code;
}

bool
kit_state_gets(struct kit *kit, const char *key, struct kit_value value)
{
	struct kit_seen *seen _cleanup_(free_pointer) = kit_seen(kit);

	if (seen == NULL || !kit_expect(kit, kit_state_get(kit, key, seen), KIT_CODE(OK),
	    "get of the record %s", key))
		return false;
	if (kit_seen_times(seen, key) != 1)
		return kit_fail(kit, "get of the record %s gives one of another key, %s", key,
		    seen->names[0].text);
	return (seen->value_size == value.size && (value.size == 0 ||
	    memcmp(seen->value, value.bytes, value.size) == 0)) ||
	    kit_fail(kit, "get of the record %s gives %zu bytes that are not the %zu that were "
	    "put", key, seen->value_size, value.size);
}
