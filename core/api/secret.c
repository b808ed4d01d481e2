/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on secrets: each one audited operation. */
#include <string.h>

#include "api/context.h"
#include "oauth/token.h"

enum mortise_code
claim_tokens(struct operation *operation, const char *name)
{
	struct authorization authorization _cleanup_(authorization_free) = {.json = NULL};
	const char *action = operation->action;
	enum mortise_code code = token_claim(operation, name, &authorization);

	operation->action = action;
	return code;
}

enum mortise_code
audited_get(const struct engine *engine, const struct mortise_request *request, const char *name,
    const char *version, operation_trace_fn *trace, void *arg,
    struct mortise_secret **value, struct mortise_place *found, struct mortise_error *error)
{
	struct authorization authorization _cleanup_(authorization_free) = {.json = NULL};
	struct mortise_secret *read = NULL;
	struct mortise_place place;
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, engine, request,
	    "secret_viewed", "secret", name, error);

	operation.trace = trace;
	operation.trace_arg = arg;
	if (code == MORTISE_OK)
		code = token_claim(&operation, name, &authorization);
	if (code == MORTISE_OK)
		code = operation_get(&operation, name, version, &read, &place);
	code = operation_end(&operation, code);
	if (code != MORTISE_OK) {
		mortise_secret_free(read);
		return code;
	}
	*value = read;
	if (found != NULL)
		*found = place;
	return MORTISE_OK;
}

enum mortise_code
mortise_get(struct mortise *context, const struct mortise_request *request, const char *name,
    const char *version, struct mortise_secret **value, struct mortise_place *found,
    struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare;

	return audited_get(&running->engine, request, name, version, NULL, NULL, value, found,
	    error_or(given, &spare));
}

enum mortise_code
mortise_put(struct mortise *context, const struct mortise_request *request, const char *name,
    const struct mortise_secret *value, const struct mortise_put_options *options,
    struct mortise_place *made, struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	struct operation operation;
	struct mortise_place place;
	enum mortise_code code = operation_begin(&operation, &running->engine, request,
	    "secret_written", "secret", name, error);

	if (code == MORTISE_OK)
		code = operation_intent(&operation);
	if (code == MORTISE_OK)
		code = operation_put(&operation, name, value, options, false, &place);
	code = operation_end(&operation, code);
	if (code == MORTISE_OK && made != NULL)
		*made = place;
	return code;
}

enum mortise_code
mortise_delete(struct mortise *context, const struct mortise_request *request, const char *name,
    struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, &running->engine, request,
	    "secret_deleted", "secret", name, error);

	if (code == MORTISE_OK)
		code = operation_intent(&operation);
	if (code == MORTISE_OK)
		code = operation_delete(&operation, name);
	return operation_end(&operation, code);
}

/* Names are held back until the outcome is durable: one after another, each
 * with its NUL. */
static void
hold_name(void *arg, const char *name)
{
	struct buffer *names = arg;

	buffer_append(names, name, strlen(name) + 1);
}

enum mortise_code
mortise_list(struct mortise *context, const struct mortise_request *request, const char *prefix,
    mortise_name_fn *each, void *arg, struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	const char *wanted = prefix == NULL ? "" : prefix;
	struct buffer names _cleanup_(buffer_free) = {0};
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, &running->engine, request,
	    "secret_listed", "secret", wanted, error);

	if (code == MORTISE_OK)
		code = operation_list(&operation, wanted, hold_name, &names);
	if (code == MORTISE_OK && names.failed)
		code = error_memory(error);
	code = operation_end(&operation, code);
	for (size_t at = 0; code == MORTISE_OK && at < names.size;
	    at += strlen(names.data + at) + 1)
		each(arg, names.data + at);
	return code;
}

/* So are versions and labels. */
struct held {
	struct buffer versions;		/* of struct mortise_version_info */
	struct buffer labels;		/* name and value, each with its NUL */
};

static void
held_free(struct held *held)
{
	buffer_free(&held->versions);
	buffer_free(&held->labels);
}

static void
hold_version(void *arg, const struct mortise_version_info *info)
{
	struct held *held = arg;

	buffer_append(&held->versions, info, sizeof(*info));
}

static void
hold_label(void *arg, const struct mortise_pair *label)
{
	struct held *held = arg;

	buffer_append(&held->labels, label->name, strlen(label->name) + 1);
	buffer_append(&held->labels, label->value, strlen(label->value) + 1);
}

static void
release(const struct held *held, mortise_version_fn *version, mortise_label_fn *label, void *arg)
{
	struct mortise_version_info info;
	struct mortise_pair pair;

	for (size_t at = 0; version != NULL && at < held->versions.size; at += sizeof(info)) {
		memcpy(&info, held->versions.data + at, sizeof(info));
		version(arg, &info);
	}
	for (size_t at = 0; label != NULL && at < held->labels.size;
	    at += strlen(pair.name) + strlen(pair.value) + 2) {
		pair.name = held->labels.data + at;
		pair.value = pair.name + strlen(pair.name) + 1;
		label(arg, &pair);
	}
}

enum mortise_code
mortise_history(struct mortise *context, const struct mortise_request *request, const char *name,
    mortise_version_fn *version, mortise_label_fn *label, void *arg, struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	struct held held _cleanup_(held_free) = {.versions = {0}};
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, &running->engine, request,
	    "secret_described", "secret", name, error);

	if (code == MORTISE_OK)
		code = operation_history(&operation, name, hold_version, hold_label, &held);
	if (code == MORTISE_OK && (held.versions.failed || held.labels.failed))
		code = error_memory(error);
	code = operation_end(&operation, code);
	if (code == MORTISE_OK)
		release(&held, version, label, arg);
	return code;
}
