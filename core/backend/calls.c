/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations on secrets. */
#include <string.h>

#include "backend/instance.h"
#include "backend/list.h"
#include "base/name.h"

enum mortise_code
backend_check(struct backend *backend, struct mortise_call *call)
{
	const struct mortise_plugin *table = &backend->plugin->table;
	struct attempts attempts = {.harmless = true};
	enum mortise_code code;

	if (table->check == NULL) {
		(void)error_set(call->error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE, "the plugin "
		    "%s has no check; read a secret to see whether it is there", table->name);
		return backend_say(backend, call, MORTISE_UNSUPPORTED);
	}
	code = backend_enter(backend, call, &attempts);
	if (code != MORTISE_OK)
		return code;
	return backend_leave(backend, call, &attempts, table->check(backend->instance, call));
}

/* What the plugin wrote into the receipt, as far as it can be so.  false: it
 * wrote past its bounds. */
static bool
tidy_receipt(struct mortise_receipt *receipt)
{
	bool good = receipt->opaque_size <= sizeof(receipt->opaque);

	receipt->before.text[sizeof(receipt->before.text) - 1] = '\0';
	receipt->made.text[sizeof(receipt->made.text) - 1] = '\0';
	receipt->idempotency_key[sizeof(receipt->idempotency_key) - 1] = '\0';
	if (receipt->existed < -1 || receipt->existed > 1)
		receipt->existed = -1;
	if (!good)
		receipt->opaque_size = 0;
	return good;
}

enum mortise_code
backend_put(struct backend *backend, struct mortise_call *call, const char *name,
    const struct mortise_secret_put *put, struct mortise_receipt *receipt)
{
	struct attempts attempts = {.bit = MORTISE_CAN_SECRET_PUT};
	enum mortise_code code;

	do {
		/* Unknown until the plugin says otherwise, also where it is not asked. */
		receipt->existed = -1;
		receipt->before.text[0] = receipt->made.text[0] = '\0';
		receipt->opaque_size = 0;
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts, backend->plugin->secret.put(
			    backend->instance, call, name, put, receipt));
	} while (backend_again(backend, call, &attempts, code));
	generations_raise(backend->generations, name);
	if (!tidy_receipt(receipt))
		return backend_broken(backend, call, "gives a receipt of more than 256 bytes");
	return code;
}

enum mortise_code
backend_delete(struct backend *backend, struct mortise_call *call, const char *name)
{
	struct attempts attempts = {.bit = MORTISE_CAN_SECRET_DELETE};
	enum mortise_code code;

	do {
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts,
			    backend->plugin->secret.remove(backend->instance, call, name));
	} while (backend_again(backend, call, &attempts, code));
	generations_raise(backend->generations, name);
	return code;
}

enum mortise_code
backend_describe(struct backend *backend, struct mortise_call *call, const char *name,
    struct mortise_out *out)
{
	struct attempts attempts = {.bit = MORTISE_CAN_SECRET_DESCRIBE, .harmless = true, .out = out};
	enum mortise_code code;

	do {
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts,
			    backend->plugin->secret.describe(backend->instance, call, name, out));
	} while (backend_again(backend, call, &attempts, code));
	return code;
}

enum mortise_code
backend_undo(struct backend *backend, struct mortise_call *call, const char *name,
    const struct mortise_receipt *receipt, const struct mortise_secret *written)
{
	struct attempts attempts = {.bit = MORTISE_CAN_SECRET_UNDO};
	enum mortise_code code;

	do {
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts,
			    backend->plugin->secret.undo(backend->instance, call, name, receipt, written));
	} while (backend_again(backend, call, &attempts, code));
	generations_raise(backend->generations, name);
	return code;
}

/* --- list -------------------------------------------------------------------------- */

static enum mortise_code
pass_name(void *arg, const char *name)
{
	const struct listing *listing = arg;
	const struct mortise_out *out = listing->out;

	/* A store holds what others put there too, under names that are none here. */
	if (strncmp(name, listing->prefix, strlen(listing->prefix)) != 0 ||
	    name_check(name, NULL) != MORTISE_OK)
		return MORTISE_OK;
	return out->name == NULL ? MORTISE_OK : out->name(out->arg, name);
}

static enum mortise_code
list_names(struct backend *backend, struct mortise_call *call, struct listing *listing,
    const char *cursor)
{
	return backend->plugin->secret.list(backend->instance, call, listing->prefix, cursor,
	    &listing->filter);
}

enum mortise_code
backend_list(struct backend *backend, struct mortise_call *call, const char *prefix,
    struct mortise_out *out)
{
	struct listing listing = {.bit = MORTISE_CAN_SECRET_LIST,
	    .page = list_names, .prefix = prefix, .out = out, .filter = {.name = pass_name, .arg = &listing}};

	return backend_list_pages(backend, call, &listing);
}
