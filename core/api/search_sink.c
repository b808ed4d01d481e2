/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of a sink: those of all that write to it. */
#include <stdio.h>
#include <string.h>

#include "api/context.h"
#include "base/clock.h"

#define READ_MS UINT64_C(3600000)

/* What goes through the rows of a sink. */
struct reading {
	sink_line_fn *each;
	void *arg;
	struct mortise_error *error;
};

enum mortise_code
sink_find(const struct config *config, const char *name, const struct config_sink **sink,
    struct mortise_error *error)
{
	for (size_t i = 0; i < config->audit.sinks_count; i++) {
		*sink = &config->audit.sinks[i];
		if (strcmp(config->backends[(*sink)->target].name, name) == 0)
			return MORTISE_OK;
	}
	return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "%s is no sink of %s; `audit: sinks` names them", name, config->path);
}

static enum mortise_code
take_row(void *arg, const struct mortise_pair *cells, size_t count)
{
	const struct reading *reading = arg;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(cells[i].name, "line") == 0)
			return reading->each(reading->arg, cells[i].value, strlen(cells[i].value),
			    reading->error);
	}
	return error_set(reading->error, MORTISE_UNSUPPORTED, MORTISE_REASON_UNCHECKABLE,
	    "it keeps no lines of the trail to be read");
}

enum mortise_code
sink_read(struct mortise *context, struct backend *backend, const struct mortise_pair *filter,
    size_t count, sink_line_fn *each, void *arg, struct mortise_error *error)
{
	struct reading reading = {each, arg, error};
	struct mortise_error own = {0};
	struct mortise_call call = {.error = &own, .logger = &context->logger,
	    .deadline = deadline_in_ms(READ_MS)};
	struct mortise_out out = {.row = take_row, .arg = &reading};
	enum mortise_code code = backend_sink_read(backend, &call, filter, count, &out);

	/* What went wrong here is better known than what the sink makes of it. */
	if (code != MORTISE_OK && error->code == MORTISE_OK)
		*error = own;
	return code;
}

/* --- a search ----------------------------------------------------------------------- */

struct finding {
	const char *own;		/* the op of the search itself, which is not shown */
	mortise_line_fn *each;
	void *arg;
};

static enum mortise_code
show(void *arg, const char *line, size_t size, struct mortise_error *error)
{
	const struct finding *finding = arg;

	(void)error;
	if (strstr(line, finding->own) == NULL)
		finding->each(finding->arg, line, size);
	return MORTISE_OK;
}

/* What the filter says, as a sink takes it. */
static size_t
make_pairs(const struct mortise_audit_filter *filter, char from[CLOCK_TEXT_SIZE],
    char to[CLOCK_TEXT_SIZE], char last[24], struct mortise_pair pairs[8])
{
	const struct mortise_pair all[] = {
		{"agencyId", filter->agency_id}, {"action", filter->action},
		{"resourceType", filter->resource_type}, {"resourceId", filter->resource_id},
		{"userEmail", filter->user_email}, {"from", filter->from_ms == 0 ? NULL : from},
		{"to", filter->to_ms == 0 ? NULL : to}, {"last", filter->last == 0 ? NULL : last},
	};
	size_t count = 0;

	clock_format(filter->from_ms * 1000, 6, from);
	clock_format(filter->to_ms * 1000, 6, to);
	(void)snprintf(last, 24, "%zu", filter->last);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i].value != NULL)
			pairs[count++] = all[i];
	}
	return count;
}

static enum mortise_code
find(struct mortise *context, struct backend *backend, const struct mortise_audit_filter *filter,
    struct finding *finding, struct mortise_error *error)
{
	char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE], last[24];
	struct mortise_pair pairs[8];
	size_t count = make_pairs(filter, from, to, last, pairs);

	return sink_read(context, backend, pairs, count, show, finding, error);
}

enum mortise_code
search_sink(struct mortise *context, const struct running *running,
    const struct mortise_audit_filter *filter, const char *own, mortise_line_fn *each, void *arg,
    struct mortise_error *error)
{
	struct finding finding = {.own = own, .each = each, .arg = arg};
	struct running *opened _cleanup_(running_release) = NULL;
	const struct config_sink *sink;
	enum mortise_code code = sink_find(running->assembly->config, filter->sink, &sink, error);

	if (code != MORTISE_OK)
		return code;
	if (filter->follow || filter->operations ||
	    (filter->action != NULL && strchr(filter->action, '*') != NULL))
		return error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "a sink is searched for one action or for all, and for what is there already; "
		    "search the trail for others");
	if (running->backends[sink->target] != NULL)
		return find(context, running->backends[sink->target], filter, &finding, error);
	/* A context for maintenance has none of them open. */
	opened = running_new(context, running->assembly);
	if (opened == NULL)
		return error_memory(error);
	code = running_open(context, opened,
	    &(struct opening){.one = true, .target = sink->target}, error);
	return code == MORTISE_OK ? find(context, opened->backends[sink->target], filter, &finding,
	    error) : code;
}
