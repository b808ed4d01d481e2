/* SPDX-License-Identifier: BSD-2-Clause */
/* Secrets of one given backend, whatever the routes say. */
#include "base/name.h"
#include "operation/call.h"

bool
operation_can_at(const struct engine *engine, size_t target, uint64_t capability)
{
	const struct backend *backend = engine->backends[target];

	return backend != NULL && (backend_can(backend) & capability) == capability;
}

/* Begins a call of it; NULL: *code is why there is none. */
static struct backend *
begin(struct operation *operation, struct step *step, size_t target, uint64_t capability,
    enum mortise_code *code)
{
	const char *name = operation->engine->config->backends[target].name;
	struct backend *backend = call_begin(operation, step, target,
	    call_deadline(operation, target), capability, code);

	if (backend != NULL)
		return backend;
	if (*code == MORTISE_IGNORE)
		*code = error_set(&step->error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "the backend %s is skipped: its plugin is missing, or cannot do that", name);
	(void)call_fail(operation, step, *code);
	return NULL;
}

static enum mortise_code
end(struct operation *operation, struct step *step, enum mortise_code code, const char *version)
{
	call_end(operation, step, code, version);
	return code == MORTISE_OK ? code : call_fail(operation, step, code);
}

enum mortise_code
operation_get_at(struct operation *operation, size_t target, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found)
{
	enum mortise_code code;
	struct step step;
	struct backend *backend = begin(operation, &step, target, MORTISE_CAN_SECRET_GET, &code);

	found->text[0] = '\0';
	if (backend == NULL)
		return code;
	step.call.fresh = operation->fresh;
	step.call.leaving = operation_leaving;
	step.call.leaving_arg = operation;
	code = backend_get(backend, &step.call, name, version, value, found);
	operation->cached = code == MORTISE_OK && step.call.told.cached;
	return end(operation, &step, code, found->text);
}

enum mortise_code
operation_put_at(struct operation *operation, size_t target, const char *name,
    const struct mortise_secret_put *put, struct mortise_version *made)
{
	struct mortise_receipt receipt = {.size = sizeof(receipt), .existed = -1};
	enum mortise_code code;
	struct step step;
	struct backend *backend = begin(operation, &step, target, MORTISE_CAN_SECRET_PUT, &code);

	if (backend == NULL)
		return code;
	code = call_put(backend, &step, name, put, &receipt);
	*made = receipt.made;
	return end(operation, &step, code, receipt.made.text);
}

enum mortise_code
operation_delete_at(struct operation *operation, size_t target, const char *name)
{
	enum mortise_code code;
	struct step step;
	struct backend *backend = begin(operation, &step, target, MORTISE_CAN_SECRET_DELETE,
	    &code);

	return backend == NULL ? code :
	    end(operation, &step, backend_delete(backend, &step.call, name), NULL);
}

enum mortise_code
operation_list_at(struct operation *operation, size_t target, const char *prefix,
    struct mortise_out *out)
{
	enum mortise_code code = name_check_prefix(prefix, operation->error);
	struct step step;
	struct backend *backend;

	if (code != MORTISE_OK)
		return code;
	backend = begin(operation, &step, target, MORTISE_CAN_SECRET_LIST, &code);
	return backend == NULL ? code :
	    end(operation, &step, backend_list(backend, &step.call, prefix, out), NULL);
}

enum mortise_code
operation_describe_at(struct operation *operation, size_t target, const char *name,
    struct mortise_out *out)
{
	enum mortise_code code;
	struct step step;
	struct backend *backend = begin(operation, &step, target, MORTISE_CAN_SECRET_DESCRIBE,
	    &code);

	return backend == NULL ? code :
	    end(operation, &step, backend_describe(backend, &step.call, name, out), NULL);
}
