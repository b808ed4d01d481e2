/* SPDX-License-Identifier: BSD-2-Clause */
/* State records: a route names one backend, so there is no chain. */
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "operation/call.h"
#include "operation/route.h"

void
state_value_free(struct state_value *value)
{
	free(value->bytes);
	*value = (struct state_value){0};
}

static enum mortise_code
take_record(void *arg, const struct mortise_record *record)
{
	struct state_value *value = arg;

	value->bytes = malloc(record->value_size + 1);
	if (value->bytes == NULL)
		return MORTISE_ERROR;
	memcpy(value->bytes, record->value, record->value_size);
	value->bytes[record->value_size] = '\0';
	value->size = record->value_size;
	value->version = record->version;
	value->expires_ms = record->expires_ms;
	return MORTISE_OK;
}

/* The backend that holds a key, ready to be called. */
static enum mortise_code
find(struct operation *operation, const char *key, uint64_t capability, struct step *step,
    struct backend **backend)
{
	const struct config *config = operation->engine->config;
	const struct config_route *route = route_find(config->state, config->state_count, key);
	enum mortise_code code = key_check(key, operation->error);

	if (code != MORTISE_OK)
		return code;
	if (route == NULL)
		return error_set(operation->error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "no route serves this state record; "
		    "add `state:` to the configuration, with a backend for \"*\"");
	*backend = call_begin(operation, step, route->target,
	    call_deadline(operation, route->target), capability, &code);
	if (*backend != NULL)
		return MORTISE_OK;
	return error_set(operation->error, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
	    "the state backend %s is not there", config->backends[route->target].name);
}

static enum mortise_code
finish(struct operation *operation, struct step *step, enum mortise_code code)
{
	call_end(operation, step, code, NULL);
	return code == MORTISE_OK ? code : call_fail(operation, step, code);
}

/* get and take: exactly one record. */
static enum mortise_code
read_one(struct operation *operation, const char *key, bool take, struct state_value *value)
{
	struct state_value read = {0};
	struct mortise_out out = {.record = take_record, .arg = &read};
	struct backend *backend;
	struct step step;
	enum mortise_code code = find(operation, key,
	    take ? MORTISE_CAN_STATE_TAKE : MORTISE_CAN_STATE_GET, &step, &backend);

	if (code != MORTISE_OK)
		return code;
	code = take ? backend_state_take(backend, &step.call, key, &out) :
	    backend_state_get(backend, &step.call, key, &out);
	code = finish(operation, &step, code);
	if (code == MORTISE_OK && read.bytes == NULL)
		code = error_set(operation->error, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "%s said ok without a record", backend_name(backend));
	if (code != MORTISE_OK) {
		state_value_free(&read);
		return code;
	}
	*value = read;
	return MORTISE_OK;
}

enum mortise_code
operation_state_get(struct operation *operation, const char *key, struct state_value *value)
{
	return read_one(operation, key, false, value);
}

enum mortise_code
operation_state_take(struct operation *operation, const char *key, struct state_value *value)
{
	return read_one(operation, key, true, value);
}

enum mortise_code
operation_state_put(struct operation *operation, const char *key,
    const struct mortise_state_put *put, struct mortise_version *made)
{
	struct mortise_version spare;
	struct backend *backend;
	struct step step;
	enum mortise_code code = find(operation, key, MORTISE_CAN_STATE_PUT, &step, &backend);

	if (code != MORTISE_OK)
		return code;
	return finish(operation, &step, backend_state_put(backend, &step.call, key, put,
	    made == NULL ? &spare : made));
}

enum mortise_code
operation_state_delete(struct operation *operation, const char *key,
    const struct mortise_version *only_if)
{
	struct backend *backend;
	struct step step;
	enum mortise_code code = find(operation, key, MORTISE_CAN_STATE_DELETE, &step, &backend);

	return code != MORTISE_OK ? code :
	    finish(operation, &step, backend_state_delete(backend, &step.call, key, only_if));
}

struct listing {
	const struct config *config;
	const struct config_route *route;
	const char *prefix;
	enum mortise_code (*each)(void *arg, const struct mortise_record *);
	void *arg;
};

static enum mortise_code
take_listed(void *arg, const struct mortise_record *record)
{
	const struct listing *listing = arg;

	if (strncmp(record->key, listing->prefix, strlen(listing->prefix)) != 0 ||
	    route_find(listing->config->state, listing->config->state_count, record->key) !=
	    listing->route)
		return MORTISE_OK;
	return listing->each(listing->arg, record);
}

enum mortise_code
operation_state_list(struct operation *operation, const char *prefix,
    enum mortise_code (*each)(void *arg, const struct mortise_record *), void *arg)
{
	const struct config *config = operation->engine->config;
	struct listing listing = {.config = config, .prefix = prefix, .each = each, .arg = arg};
	struct mortise_out out = {.record = take_listed, .arg = &listing};
	enum mortise_code code = MORTISE_OK;
	bool asked = false;

	for (size_t i = 0; code == MORTISE_OK && i < config->state_count; i++) {
		struct backend *backend;
		struct step step;

		listing.route = &config->state[i];
		if (!glob_may_match(listing.route->match, prefix))
			continue;
		asked = true;
		backend = call_begin(operation, &step, listing.route->target,
		    call_deadline(operation, listing.route->target), MORTISE_CAN_STATE_LIST,
		    &code);
		if (backend != NULL)
			code = backend_state_list(backend, &step.call, prefix, &out);
		code = finish(operation, &step, code);
	}
	if (asked)
		return code;
	return error_set(operation->error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
	    "no route serves state records; add `state:` to the configuration");
}
