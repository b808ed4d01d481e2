/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE	/* memmem */
#include "audit/filter.h"

#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "base/name.h"

/* In c, but for the person's. */
static const char *const keys[FILTER_FIELDS] = {
	"agencyId", "action", "resourceType", "resourceId", "userEmail",
};
#define ACTION 1
#define PERSONAL 4

static void
values_of(const struct filter *filter, const char *values[FILTER_FIELDS])
{
	const struct mortise_audit_filter *wanted = filter->wanted;

	/* Whole operations are found by their ids. */
	values[0] = wanted->operations ? NULL : wanted->agency_id;
	values[ACTION] = wanted->action;
	values[2] = wanted->resource_type;
	values[3] = wanted->resource_id;
	values[PERSONAL] = wanted->user_email;
}

static enum mortise_code
learn(void *arg, const struct walk_line *line, struct mortise_error *error)
{
	struct filter *filter = arg;

	return owner_learn(&filter->owner, line->text, line->size) ? MORTISE_OK :
	    error_memory(error);
}

enum mortise_code
filter_begin(struct filter *filter, const struct mortise_audit_filter *wanted,
    const struct walk *walk, struct mortise_error *error)
{
	const char *values[FILTER_FIELDS];
	bool good = true;

	*filter = (struct filter){.wanted = wanted};
	if (wanted->from_ms != 0)
		clock_format(wanted->from_ms * 1000, 6, filter->from);
	if (wanted->to_ms != 0)
		clock_format(wanted->to_ms * 1000, 6, filter->to);
	values_of(filter, values);
	for (size_t i = 0; i < FILTER_FIELDS; i++) {
		/* A glob may stand for anything. */
		if (values[i] == NULL || (i == ACTION && strchr(values[i], '*') != NULL))
			continue;
		(void)buffer_json(&filter->needles[i], values[i], strlen(values[i]));
		good = good && !filter->needles[i].failed;
	}
	if (good && wanted->operations && wanted->agency_id != NULL)
		good = owner_begin(&filter->owner, wanted->agency_id);
	if (!good)
		return error_memory(error);
	return filter->owner.agency == NULL ? MORTISE_OK :
	    walk_lines(walk, wanted->from_ms, learn, filter, error);
}

void
filter_end(struct filter *filter)
{
	for (size_t i = 0; i < FILTER_FIELDS; i++)
		buffer_free(&filter->needles[i]);
	owner_end(&filter->owner);
}

/* The time stands at one place behind the number, as text that sorts. */
static bool
time_fits(const struct filter *filter, const char *line, size_t size)
{
	static const char key[] = "\"ts\":\"";
	const char *ts;

	if (filter->from[0] == '\0' && filter->to[0] == '\0')
		return true;
	ts = memmem(line, size, key, sizeof(key) - 1);
	if (ts == NULL || (size_t)(ts - line) + 64 >= size)
		return false;
	ts += sizeof(key) - 1;
	return (filter->from[0] == '\0' || memcmp(ts, filter->from, 27) >= 0) &&
	    (filter->to[0] == '\0' || memcmp(ts, filter->to, 27) < 0);
}

static bool
text_fits(const json_t *tree, size_t field, const char *wanted)
{
	const char *text = json_string_value(json_object_get(tree, keys[field]));

	return text != NULL && (field == ACTION ? glob_match(wanted, text) :
	    strcmp(text, wanted) == 0);
}

bool
filter_fits(const struct filter *filter, const char *line, size_t size)
{
	const char *values[FILTER_FIELDS];
	bool fits = time_fits(filter, line, size), parse = false;
	json_t *tree;

	values_of(filter, values);
	for (size_t i = 0; fits && i < FILTER_FIELDS; i++) {
		const struct buffer *needle = &filter->needles[i];

		parse = parse || values[i] != NULL;
		fits = needle->size == 0 || memmem(line, size, needle->data, needle->size) != NULL;
	}
	if (fits && filter->owner.agency != NULL)
		fits = owner_has(&filter->owner, line, size);
	if (!fits || !parse)
		return fits;
	tree = json_loadb(line, size, 0, NULL);
	for (size_t i = 0; fits && i < FILTER_FIELDS; i++)
		fits = values[i] == NULL ||
		    text_fits(json_object_get(tree, i == PERSONAL ? "p" : "c"), i, values[i]);
	json_decref(tree);
	return fits;
}
