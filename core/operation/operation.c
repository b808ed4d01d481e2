/* SPDX-License-Identifier: BSD-2-Clause */
#include "operation/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"

/* An outcome is waited for a little past the caller's deadline: what the
 * operation did must not go unrecorded because it took its time. */
#define OUTCOME_GRACE_MS 5000

static const char *
unless_empty(const char *text)
{
	return text == NULL || text[0] == '\0' ? NULL : text;
}

/* A field of a request; what the caller's struct is too short for is absent. */
#define FIELD(request, field, otherwise) \
	((request) != NULL && (request)->size >= offsetof(struct mortise_request, field) + \
	    sizeof((request)->field) ? (request)->field : (otherwise))

void
operation_about(struct operation *operation, const char *resource_id)
{
	(void)snprintf(operation->resource_id, sizeof(operation->resource_id), "%s", resource_id);
}

void
operation_claim(struct operation *operation, const char *agency)
{
	operation->request_agency = unless_empty(agency);
	(void)snprintf(operation->agency_id, sizeof(operation->agency_id), "%s",
	    operation->request_agency == NULL ? "" : operation->request_agency);
}

static void
set_deadline(struct operation *operation, const struct mortise_request *request)
{
	uint64_t asked = FIELD(request, deadline_ms, 0);
	uint64_t left = asked != 0 ? asked : (uint64_t)operation->engine->config->deadline_ms;

	operation->started = clock_monotonic_ns();
	operation->deadline = left > (DEADLINE_NEVER - operation->started) / NS_PER_MS ?
	    DEADLINE_NEVER : operation->started + left * NS_PER_MS;
}

enum mortise_code
operation_begin(struct operation *operation, const struct engine *engine,
    const struct mortise_request *request, const char *action, const char *resource_type,
    const char *resource_id, struct mortise_error *error)
{
	unsigned char id[16];

	operation->engine = engine;
	operation->error = error;
	operation->fresh = FIELD(request, fresh, false);
	operation->action = action;
	operation->resource_type = resource_type;
	operation->claimed = NULL;
	operation->cached = operation->stale = false;
	operation->announced = operation->allowed = false;
	operation->metadata = NULL;
	operation->calls_count = operation->stores_count = 0;
	operation->trace = NULL;
	operation_about(operation, resource_id);
	operation_claim(operation, FIELD(request, agency_id, NULL));
	operation->personal = (struct record_personal){
		.user_email = unless_empty(FIELD(request, user_email, NULL)),
		.ip_address = unless_empty(FIELD(request, ip_address, NULL)),
		.user_agent = unless_empty(FIELD(request, user_agent, NULL)),
	};
	set_deadline(operation, request);
	error_clear(error);
	memset(operation->op, '0', sizeof(operation->op) - 1);
	operation->op[sizeof(operation->op) - 1] = '\0';
	if (!random_bytes(id, sizeof(id)))
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "the random number generator failed");
	hex_encode(id, sizeof(id), operation->op);
	if (unless_empty(FIELD(request, metadata, NULL)) == NULL)
		return MORTISE_OK;
	enum mortise_code code = record_metadata(request->metadata, &operation->metadata, error);
	operation->personal.metadata = operation->metadata;
	return code;
}

static bool
has_personal(const struct record_personal *personal)
{
	return personal->user_email != NULL || personal->ip_address != NULL ||
	    personal->user_agent != NULL || personal->metadata != NULL;
}

/* What intent and outcome have in common. */
static struct record
base_record(const struct operation *operation, enum record_type type)
{
	struct record record = {
		.type = type,
		.action = operation->action,
		.agency_id = operation->agency_id,
		.resource_type = operation->resource_type,
		.resource_id = operation->resource_id,
		.actor = &operation->engine->actor,
		.personal = has_personal(&operation->personal) ? &operation->personal : NULL,
	};

	memcpy(record.op, operation->op, sizeof(record.op));
	return record;
}

static enum mortise_code
announce(struct operation *operation, bool durable, uint64_t *seq, struct mortise_error *error)
{
	struct record record = base_record(operation, RECORD_INTENT);
	enum mortise_code code = MORTISE_OK;

	if (operation->engine->trail != NULL && !operation->announced)
		code = trail_append(operation->engine->trail, &record, durable,
		    operation->deadline, seq, error);
	operation->announced = true;
	return code;
}

enum mortise_code
operation_intent(struct operation *operation)
{
	uint64_t seq = 0;
	enum mortise_code code = announce(operation, true, &seq, operation->error);

	if (code == MORTISE_OK)
		code = followers_allow(operation->engine->followers, seq, operation->deadline,
		    operation->error);
	operation->allowed = code == MORTISE_OK;
	return code;
}

enum mortise_code
operation_leaving(void *arg, struct mortise_error *error)
{
	return announce(arg, false, NULL, error);
}

static uint64_t
outcome_deadline(const struct operation *operation)
{
	uint64_t grace = deadline_in_ms(OUTCOME_GRACE_MS);

	return operation->deadline > grace ? operation->deadline : grace;
}

/* What the trail has, and a sink that is waited for has not, is not released, and that
 * recorded. */
static enum mortise_code
allow(const struct operation *operation, uint64_t seq, struct mortise_error *failure)
{
	struct record refused = {.type = RECORD_REFUSED, .reason = failure->message};
	enum mortise_code code = followers_allow(operation->engine->followers, seq,
	    outcome_deadline(operation), failure);

	if (code == MORTISE_OK)
		return code;
	memcpy(refused.op, operation->op, sizeof(refused.op));
	(void)trail_append(operation->engine->trail, &refused, true, outcome_deadline(operation),
	    NULL, NULL);
	return code;
}

enum mortise_code
operation_end(struct operation *operation, enum mortise_code code)
{
	struct record record = base_record(operation, RECORD_OUTCOME);
	struct mortise_error failure = {0};
	enum mortise_code written = MORTISE_OK;
	uint64_t seq = 0;

	record.code = mortise_code_name(code);
	if (code != MORTISE_OK && operation->error->reason != MORTISE_REASON_NONE)
		record.reason = mortise_reason_name(operation->error->reason);
	record.claimed = operation->claimed;
	record.ms = (int64_t)((clock_monotonic_ns() - operation->started) / NS_PER_MS);
	record.calls = operation->calls;
	record.calls_count = operation->calls_count;
	record.cached = operation->cached;
	record.stale = operation->stale;
	record.stores = operation->stores;
	record.stores_count = operation->stores_count;
	if (operation->engine->trail != NULL)
		written = trail_append(operation->engine->trail, &record, true,
		    outcome_deadline(operation), &seq, &failure);
	if (written == MORTISE_OK && code == MORTISE_OK && !operation->allowed)
		written = allow(operation, seq, &failure);
	free(operation->metadata);
	operation->metadata = NULL;
	if (written == MORTISE_OK)
		return code;
	*operation->error = failure;
	return written;
}

enum mortise_code
operation_agency(struct operation *operation, const char *agency)
{
	if (unless_empty(agency) == NULL)
		return MORTISE_OK;
	(void)snprintf(operation->agency_id, sizeof(operation->agency_id), "%s", agency);
	if (operation->request_agency == NULL || strcmp(operation->request_agency, agency) == 0)
		return MORTISE_OK;
	operation->claimed = operation->request_agency;
	return error_set(operation->error, MORTISE_DENIED, MORTISE_REASON_AGENCY,
	    "this belongs to another agency than the one that was claimed; "
	    "ask as its own agency, or claim none");
}
