/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations on secrets. */
#include <string.h>

#include "backend/instance.h"
#include "backend/list.h"
#include "base/name.h"

static void
end_version(struct mortise_version *version)
{
	version->text[sizeof(version->text) - 1] = '\0';
}

enum mortise_code
backend_check(struct backend *backend, struct mortise_call *call)
{
	const struct mortise_plugin *table = &backend->plugin->table;
	enum mortise_code code = backend_enter(backend, call, 0);

	if (code != MORTISE_OK)
		return code;
	if (table->check != NULL)
		return backend_leave(backend, call, table->check(backend->instance, call));
	(void)error_set(call->error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
	    "the plugin %s has no check; read a secret to see whether it is there", table->name);
	return backend_leave(backend, call, MORTISE_UNSUPPORTED);
}

enum mortise_code
backend_get(struct backend *backend, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **result,
    struct mortise_version *found)
{
	struct mortise_version which = {""};
	struct mortise_secret *value = NULL;
	enum mortise_code code = backend_enter(backend, call, MORTISE_CAN_SECRET_GET);

	if (code != MORTISE_OK)
		return code;
	code = backend_leave(backend, call, backend->plugin->secret.get(backend->instance, call,
	    name, version, &value, &which));
	if (code == MORTISE_OK && value == NULL)
		return backend_broken(backend, call, "says ok and gives no value");
	/* Not freed: under every code but ok the value is the function's, which may
	 * have freed it and left the pointer behind. */
	if (code == MORTISE_IGNORE && value != NULL)
		return backend_broken(backend, call, "abstains and gives a value");
	if (code != MORTISE_OK)
		return code;
	end_version(&which);
	if (found != NULL)
		*found = which;
	*result = value;
	return MORTISE_OK;
}

/* What the plugin wrote into the receipt, as far as it can be so.  false: it
 * wrote past its bounds. */
static bool
tidy_receipt(struct mortise_receipt *receipt)
{
	bool good = receipt->opaque_size <= sizeof(receipt->opaque);

	end_version(&receipt->before);
	end_version(&receipt->made);
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
	enum mortise_code code = backend_enter(backend, call, MORTISE_CAN_SECRET_PUT);

	/* Unknown until the plugin says otherwise, also where it is not asked. */
	receipt->existed = -1;
	receipt->before.text[0] = receipt->made.text[0] = '\0';
	receipt->opaque_size = 0;
	if (code != MORTISE_OK)
		return code;
	code = backend_leave(backend, call, backend->plugin->secret.put(backend->instance, call,
	    name, put, receipt));
	if (!tidy_receipt(receipt))
		return backend_broken(backend, call, "gives a receipt of more than 256 bytes");
	return code;
}

enum mortise_code
backend_delete(struct backend *backend, struct mortise_call *call, const char *name)
{
	enum mortise_code code = backend_enter(backend, call, MORTISE_CAN_SECRET_DELETE);

	if (code != MORTISE_OK)
		return code;
	return backend_leave(backend, call,
	    backend->plugin->secret.remove(backend->instance, call, name));
}

enum mortise_code
backend_describe(struct backend *backend, struct mortise_call *call, const char *name,
    struct mortise_out *out)
{
	enum mortise_code code = backend_enter(backend, call, MORTISE_CAN_SECRET_DESCRIBE);

	if (code != MORTISE_OK)
		return code;
	return backend_leave(backend, call,
	    backend->plugin->secret.describe(backend->instance, call, name, out));
}

enum mortise_code
backend_undo(struct backend *backend, struct mortise_call *call, const char *name,
    const struct mortise_receipt *receipt, const struct mortise_secret *written)
{
	enum mortise_code code = backend_enter(backend, call, MORTISE_CAN_SECRET_UNDO);

	if (code != MORTISE_OK)
		return code;
	return backend_leave(backend, call, backend->plugin->secret.undo(backend->instance, call,
	    name, receipt, written));
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

enum mortise_code
backend_list(struct backend *backend, struct mortise_call *call, const char *prefix,
    struct mortise_out *out)
{
	struct listing listing = {.bit = MORTISE_CAN_SECRET_LIST,
	    .page = backend->plugin->secret.list, .prefix = prefix, .out = out,
	    .filter = {.name = pass_name, .arg = &listing}};

	return backend_list_pages(backend, call, &listing);
}
