/* SPDX-License-Identifier: BSD-2-Clause */
/* reconcile: backends that writes have left behind. */
#include <string.h>

#include "api/context.h"
#include "base/bytes.h"
#include "base/name.h"

struct told {
	const struct engine *engine;
	const char *name;
	mortise_reconciled_fn *each;
	void *arg;
};

static void
tell(void *arg, size_t target, bool deleted)
{
	const struct told *told = arg;

	if (told->each != NULL)
		told->each(told->arg, told->name, told->engine->config->backends[target].name, deleted);
}

static enum mortise_code
reconcile_one(const struct engine *engine, const struct mortise_request *request,
    const char *name, struct told *told, struct mortise_error *error)
{
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, engine, request, "secret_reconciled",
	    "secret", name, error);

	told->name = name;
	operation.fresh = true;
	if (code == MORTISE_OK)
		code = claim_tokens(&operation, name);
	if (code == MORTISE_OK)
		code = operation_intent(&operation);
	if (code == MORTISE_OK)
		code = operation_reconcile(&operation, name, tell, told);
	return operation_end(&operation, code);
}

/* One after another, each with its NUL. */
static enum mortise_code
hold_name(void *arg, const char *name)
{
	struct buffer *names = arg;

	if (name_check(name, NULL) == MORTISE_OK)
		buffer_append(names, name, strlen(name) + 1);
	return names->failed ? MORTISE_ERROR : MORTISE_OK;
}

static enum mortise_code
find_names(const struct engine *engine, const struct mortise_request *request,
    struct buffer *names, struct mortise_error *error)
{
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, engine, request, "secret_listed",
	    "secret", "", error);

	if (code == MORTISE_OK)
		code = operation_behind(&operation, hold_name, names);
	return operation_end(&operation, code);
}

enum mortise_code
mortise_reconcile(struct mortise *context, const struct mortise_request *request,
    const char *name, mortise_reconciled_fn *each, void *arg, struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare), first = {0};
	struct told told = {.engine = &running->engine, .each = each, .arg = arg};
	struct buffer names _cleanup_(buffer_free) = {0};
	enum mortise_code code, failed = MORTISE_OK;

	error_clear(error);
	if (name != NULL) {
		code = name_check(name, error);
		return code != MORTISE_OK ? code :
		    reconcile_one(&running->engine, request, name, &told, error);
	}
	code = find_names(&running->engine, request, &names, error);
	for (size_t at = 0; code == MORTISE_OK && at < names.size;
	    at += strlen(names.data + at) + 1) {
		enum mortise_code one = reconcile_one(&running->engine, request, names.data + at, &told,
		    error);

		if (one != MORTISE_OK && failed == MORTISE_OK) {
			failed = one;
			first = *error;
		}
		/* Nothing goes on without the trail. */
		if (one != MORTISE_OK && error->reason == MORTISE_REASON_AUDIT)
			break;
	}
	if (code == MORTISE_OK && failed != MORTISE_OK) {
		*error = first;
		code = failed;
	}
	return code;
}
