/* SPDX-License-Identifier: BSD-2-Clause */
/* Personal parts of the trail are erased. */
#include <stdlib.h>

#include "api/context.h"
#include "audit/erase.h"
#include "base/bytes.h"
#include "base/sized.h"

/* Either way of naming records, and not both: then nobody could say which was meant. */
static enum mortise_code
check(const struct mortise_erase_options *options, struct mortise_error *error)
{
	bool filtered = options->user_email != NULL || options->agency_id != NULL;

	if (filtered == (options->ranges_count > 0) ||
	    (!filtered && (options->from_ms != 0 || options->to_ms != 0)))
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "what is to be erased is named by a person or an agency, or else by the "
		    "numbers of records");
	for (size_t i = 0; i < options->ranges_count; i++) {
		if (options->ranges[i].from < 1 || options->ranges[i].to < options->ranges[i].from)
			return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
			    "records are numbered from 1, and the second number of a range is not "
			    "the smaller one");
	}
	return MORTISE_OK;
}

static enum mortise_code
find(const char *directory, const struct mortise_erase_options *options,
    struct erase_plan *plan, struct mortise_error *error)
{
	const struct mortise_audit_filter filter = {
		.size = sizeof(filter), .user_email = options->user_email,
		.agency_id = options->agency_id, .operations = options->agency_id != NULL,
		.from_ms = options->from_ms, .to_ms = options->to_ms,
	};
	struct erase_ranges ranges = {.count = options->ranges_count};
	struct erase_wanted wanted = {.ranges = &ranges};
	struct walk walk _cleanup_(walk_end) = {.files = NULL};
	enum mortise_code code;

	ranges.all = calloc(ranges.count + 1, sizeof(*ranges.all));
	if (ranges.all == NULL)
		return error_memory(error);
	for (size_t i = 0; i < ranges.count; i++)
		ranges.all[i] = (struct record_range){options->ranges[i].from,
		    options->ranges[i].to};
	if (ranges.count == 0)
		wanted.filter = &filter;
	code = walk_begin(&walk, directory, error);
	if (code == MORTISE_OK)
		code = erase_find(&walk, &wanted, plan, error);
	free(ranges.all);
	return code;
}

static enum mortise_code
erase(struct operation *operation, const struct erase_plan *plan)
{
	/* No name: what stands here can never be erased. */
	char *by _cleanup_(free_pointer) = text_format("uid %u",
	    (unsigned int)operation->engine->actor.uid);
	enum mortise_code code = by == NULL ? error_memory(operation->error) :
	    operation_intent(operation);

	return code == MORTISE_OK && plan->count > 0 ?
	    trail_erase(operation->engine->trail, plan, by, operation->error) : code;
}

enum mortise_code
mortise_audit_erase(struct mortise *context, const struct mortise_request *request,
    const struct mortise_erase_options *given_options, uint64_t *records,
    struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct erase_plan plan _cleanup_(erase_plan_free) = {.places = NULL};
	struct mortise_error spare, *error = error_or(given, &spare);
	struct mortise_erase_options options = {.size = sizeof(options)};
	bool sized = sized_copy(&options, sizeof(options), given_options);
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, &running->engine, request,
	    options.dry_run ? "audit_read" : "audit_erased", "audit_trail", "", error);

	if (code == MORTISE_OK && running->engine.trail == NULL)
		code = error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "there is no trail to erase from: audit is off");
	if (code == MORTISE_OK)
		code = sized ? check(&options, error) : error_set(error, MORTISE_INVALID,
		    MORTISE_REASON_NONE, "the options' size is none; set it to sizeof");
	if (code == MORTISE_OK)
		code = operation_agency(&operation, options.agency_id);
	if (code == MORTISE_OK)
		code = find(running->engine.config->audit.trail, &options, &plan, error);
	if (code == MORTISE_OK && !options.dry_run)
		code = erase(&operation, &plan);
	code = operation_end(&operation, code);
	if (code == MORTISE_OK)
		*records = plan.count;
	return code;
}
