/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations on state records. */
#include <string.h>

#include "backend/instance.h"
#include "backend/list.h"
#include "base/name.h"

/* Passes on so many records and refuses more. */
struct counted {
	struct mortise_out *out;
	size_t count, most;
};

static enum mortise_code
pass_counted(void *arg, const struct mortise_record *record)
{
	struct counted *counted = arg;
	const struct mortise_out *out = counted->out;

	if (counted->count == counted->most)
		return MORTISE_ERROR;
	counted->count++;
	return out->record == NULL ? MORTISE_OK : out->record(out->arg, record);
}

/* ok of a get or take means one record. */
static enum mortise_code
one_record(const struct backend *backend, struct mortise_call *call, enum mortise_code code,
    const struct counted *counted)
{
	if (code == MORTISE_OK && counted->count != 1)
		return backend_broken(backend, call, "says ok and gives no record");
	return code;
}

enum mortise_code
backend_state_get(struct backend *backend, struct mortise_call *call, const char *key,
    struct mortise_out *out)
{
	struct counted counted = {.out = out, .most = 1};
	struct mortise_out counter = {.record = pass_counted, .arg = &counted};
	enum mortise_code code = backend_enter(backend, call, MORTISE_CAN_STATE_GET);

	if (code != MORTISE_OK)
		return code;
	code = backend_leave(backend, call,
	    backend->plugin->state.get(backend->instance, call, key, &counter));
	return one_record(backend, call, code, &counted);
}

enum mortise_code
backend_state_take(struct backend *backend, struct mortise_call *call, const char *key,
    struct mortise_out *out)
{
	struct counted counted = {.out = out, .most = 1};
	struct mortise_out counter = {.record = pass_counted, .arg = &counted};
	enum mortise_code code = backend_enter(backend, call, MORTISE_CAN_STATE_TAKE);

	if (code != MORTISE_OK)
		return code;
	code = backend_leave(backend, call,
	    backend->plugin->state.take(backend->instance, call, key, &counter));
	return one_record(backend, call, code, &counted);
}

enum mortise_code
backend_state_put(struct backend *backend, struct mortise_call *call, const char *key,
    const struct mortise_state_put *put, struct mortise_version *result)
{
	struct mortise_version made = {""};
	enum mortise_code code = backend_enter(backend, call, MORTISE_CAN_STATE_PUT);

	if (code != MORTISE_OK)
		return code;
	code = backend_leave(backend, call,
	    backend->plugin->state.put(backend->instance, call, key, put, &made));
	made.text[sizeof(made.text) - 1] = '\0';
	if (code == MORTISE_OK && result != NULL)
		*result = made;
	return code;
}

enum mortise_code
backend_state_delete(struct backend *backend, struct mortise_call *call, const char *key,
    const struct mortise_version *only_if)
{
	enum mortise_code code = backend_enter(backend, call, MORTISE_CAN_STATE_DELETE);

	if (code != MORTISE_OK)
		return code;
	return backend_leave(backend, call,
	    backend->plugin->state.remove(backend->instance, call, key, only_if));
}

static enum mortise_code
pass_record(void *arg, const struct mortise_record *record)
{
	const struct listing *listing = arg;
	const struct mortise_out *out = listing->out;

	if (strncmp(record->key, listing->prefix, strlen(listing->prefix)) != 0 ||
	    key_check(record->key, NULL) != MORTISE_OK)
		return MORTISE_OK;
	return out->record == NULL ? MORTISE_OK : out->record(out->arg, record);
}

enum mortise_code
backend_state_list(struct backend *backend, struct mortise_call *call, const char *prefix,
    struct mortise_out *out)
{
	struct listing listing = {.bit = MORTISE_CAN_STATE_LIST,
	    .page = backend->plugin->state.list, .prefix = prefix, .out = out,
	    .filter = {.record = pass_record, .arg = &listing}};

	return backend_list_pages(backend, call, &listing);
}

enum mortise_code
backend_state_claim(struct backend *backend, struct mortise_call *call,
    const struct backend_claim *claim, struct mortise_out *out)
{
	struct counted counted = {.out = out, .most = claim->max};
	struct mortise_out counter = {.record = pass_counted, .arg = &counted};
	enum mortise_code code = backend_enter(backend, call, MORTISE_CAN_STATE_CLAIM);

	if (code != MORTISE_OK)
		return code;
	return backend_leave(backend, call, backend->plugin->state.claim(backend->instance, call,
	    claim->index, claim->now_ms, claim->max, claim->owner, claim->lease_ms, &counter));
}

enum mortise_code
backend_state_extend(struct backend *backend, struct mortise_call *call,
    const struct mortise_lease *lease)
{
	enum mortise_code code = backend_enter(backend, call, MORTISE_CAN_STATE_EXTEND);

	if (code != MORTISE_OK)
		return code;
	return backend_leave(backend, call,
	    backend->plugin->state.extend(backend->instance, call, lease));
}

enum mortise_code
backend_state_release(struct backend *backend, struct mortise_call *call,
    const struct mortise_lease *lease)
{
	enum mortise_code code = backend_enter(backend, call, MORTISE_CAN_STATE_RELEASE);

	if (code != MORTISE_OK)
		return code;
	return backend_leave(backend, call,
	    backend->plugin->state.release(backend->instance, call, lease));
}
