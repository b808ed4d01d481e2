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
	struct attempts attempts = {.bit = MORTISE_CAN_STATE_GET, .harmless = true, .out = &counter};
	enum mortise_code code;

	do {
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts,
			    backend->plugin->state.get(backend->instance, call, key, &counter));
	} while (backend_again(backend, call, &attempts, code));
	return one_record(backend, call, code, &counted);
}

enum mortise_code
backend_state_take(struct backend *backend, struct mortise_call *call, const char *key,
    struct mortise_out *out)
{
	struct counted counted = {.out = out, .most = 1};
	struct mortise_out counter = {.record = pass_counted, .arg = &counted};
	struct attempts attempts = {.bit = MORTISE_CAN_STATE_TAKE, .out = &counter};
	enum mortise_code code;

	do {
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts,
			    backend->plugin->state.take(backend->instance, call, key, &counter));
	} while (backend_again(backend, call, &attempts, code));
	return one_record(backend, call, code, &counted);
}

enum mortise_code
backend_state_put(struct backend *backend, struct mortise_call *call, const char *key,
    const struct mortise_state_put *put, struct mortise_version *result)
{
	struct mortise_version made = {""};
	struct attempts attempts = {.bit = MORTISE_CAN_STATE_PUT};
	enum mortise_code code;

	do {
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts,
			    backend->plugin->state.put(backend->instance, call, key, put, &made));
	} while (backend_again(backend, call, &attempts, code));
	made.text[sizeof(made.text) - 1] = '\0';
	if (code == MORTISE_OK && result != NULL)
		*result = made;
	return code;
}

enum mortise_code
backend_state_delete(struct backend *backend, struct mortise_call *call, const char *key,
    const struct mortise_version *only_if)
{
	struct attempts attempts = {.bit = MORTISE_CAN_STATE_DELETE};
	enum mortise_code code;

	do {
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts,
			    backend->plugin->state.remove(backend->instance, call, key, only_if));
	} while (backend_again(backend, call, &attempts, code));
	return code;
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

static enum mortise_code
list_records(struct backend *backend, struct mortise_call *call, struct listing *listing,
    const char *cursor)
{
	return backend->plugin->state.list(backend->instance, call, listing->prefix, cursor,
	    &listing->filter);
}

enum mortise_code
backend_state_list(struct backend *backend, struct mortise_call *call, const char *prefix,
    struct mortise_out *out)
{
	struct listing listing = {.bit = MORTISE_CAN_STATE_LIST,
	    .page = list_records, .prefix = prefix, .out = out, .filter = {.record = pass_record, .arg = &listing}};

	return backend_list_pages(backend, call, &listing);
}

enum mortise_code
backend_state_claim(struct backend *backend, struct mortise_call *call,
    const struct backend_claim *claim, struct mortise_out *out)
{
	struct counted counted = {.out = out, .most = claim->max};
	struct mortise_out counter = {.record = pass_counted, .arg = &counted};
	struct attempts attempts = {.bit = MORTISE_CAN_STATE_CLAIM, .out = &counter};
	enum mortise_code code;

	do {
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts,
			    backend->plugin->state.claim(backend->instance, call, claim->index, claim->now_ms, claim->max, claim->owner, claim->lease_ms, &counter));
	} while (backend_again(backend, call, &attempts, code));
	return code;
}

enum mortise_code
backend_state_extend(struct backend *backend, struct mortise_call *call,
    const struct mortise_lease *lease)
{
	struct attempts attempts = {.bit = MORTISE_CAN_STATE_EXTEND};
	enum mortise_code code;

	do {
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts,
			    backend->plugin->state.extend(backend->instance, call, lease));
	} while (backend_again(backend, call, &attempts, code));
	return code;
}

enum mortise_code
backend_state_release(struct backend *backend, struct mortise_call *call,
    const struct mortise_lease *lease)
{
	struct attempts attempts = {.bit = MORTISE_CAN_STATE_RELEASE};
	enum mortise_code code;

	do {
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts,
			    backend->plugin->state.release(backend->instance, call, lease));
	} while (backend_again(backend, call, &attempts, code));
	return code;
}
