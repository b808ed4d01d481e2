/* SPDX-License-Identifier: BSD-2-Clause */
/* What is to be erased, and where it stands. */
#define _GNU_SOURCE	/* memmem */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "audit/erase.h"
#include "audit/filter.h"
#include "audit/parts.h"

#define HASH_TAIL 72		/* ,"h":"...64..."} */

struct finding {
	const struct erase_wanted *wanted;
	struct filter filter;
	struct erase_plan *plan;
	bool parted;		/* behind the last range is a part that stays */
	size_t next;		/* of the wanted ranges, and how far those before it reach */
	uint64_t reach;
};

void
erase_plan_free(struct erase_plan *plan)
{
	free(plan->places);
	free(plan->ranges.all);
	*plan = (struct erase_plan){.places = NULL};
}

static bool
add_range(struct erase_ranges *ranges, uint64_t from, uint64_t to)
{
	void *all = ranges->all;

	if (!trail_grow(&all, ranges->count, &ranges->capacity, sizeof(*ranges->all)))
		return false;
	ranges->all = all;
	ranges->all[ranges->count++] = (struct record_range){from, to};
	return true;
}

static bool
add_place(struct finding *finding, const struct erase_place *place)
{
	struct erase_plan *plan = finding->plan;
	struct erase_ranges *ranges = &plan->ranges;
	void *all = plan->places;

	if (!trail_grow(&all, plan->count, &plan->capacity, sizeof(*plan->places)))
		return false;
	plan->places = all;
	plan->places[plan->count++] = *place;
	if (ranges->count > 0 && !finding->parted) {
		ranges->all[ranges->count - 1].to = place->seq;
		return true;
	}
	finding->parted = false;
	return add_range(ranges, place->seq, place->seq);
}

static int
by_from(const void *a, const void *b)
{
	const struct record_range *one = a, *other = b;

	return (one->from > other->from) - (one->from < other->from);
}

/* Records come in order, so the ranges are gone through but once. */
static bool
in_ranges(struct finding *finding, uint64_t seq)
{
	const struct erase_ranges *ranges = finding->wanted->ranges;

	for (; finding->next < ranges->count && ranges->all[finding->next].from <= seq;
	    finding->next++) {
		if (ranges->all[finding->next].to > finding->reach)
			finding->reach = ranges->all[finding->next].to;
	}
	return seq <= finding->reach;
}

/* A trail may be long, and most of it not wanted: those lines are not parsed.  0: it has
 * no number where records have it. */
static uint64_t
seq_of(const struct walk_line *at)
{
	static const char key[] = "\"seq\":";
	const char *seq = memmem(at->text, at->size, key, sizeof(key) - 1);

	return seq == NULL ? 0 : strtoull(seq + sizeof(key) - 1, NULL, 10);
}

/* null and spaces, of a part that was none or is erased. */
static bool
is_blank(const struct walk_line *at)
{
	static const char none[] = ",\"p\":null";
	size_t end = at->size < HASH_TAIL ? 0 : at->size - HASH_TAIL;

	while (end > 0 && at->text[end - 1] == ' ')
		end--;
	return end >= sizeof(none) - 1 &&
	    memcmp(at->text + end - (sizeof(none) - 1), none, sizeof(none) - 1) == 0;
}

static enum mortise_code
take_line(struct finding *finding, const struct walk_line *at, uint64_t seq,
    struct mortise_error *error)
{
	struct line line = {0};
	bool personal;

	/* What verify calls broken is left as it is. */
	if (!line_split(at->text, at->size + 1, &line))
		return MORTISE_OK;
	personal = json_is_string(json_object_get(line.tree, "pc"));
	json_decref(line.tree);
	return !personal || add_place(finding, &(struct erase_place){seq, at->segment,
	    at->offset + (uint64_t)(line.p - at->text), line.p_size}) ? MORTISE_OK :
	    error_memory(error);
}

static enum mortise_code
find_line(void *arg, const struct walk_line *at, struct mortise_error *error)
{
	struct finding *finding = arg;
	uint64_t seq = seq_of(at);
	bool blank = is_blank(at);

	finding->plan->last = seq;
	if (blank && !finding->wanted->again)
		return MORTISE_OK;
	if (finding->wanted->filter == NULL ? in_ranges(finding, seq) :
	    filter_fits(&finding->filter, at->text, at->size))
		return take_line(finding, at, seq, error);
	finding->parted = finding->parted || !blank;
	return MORTISE_OK;
}

enum mortise_code
erase_find(const struct walk *walk, const struct erase_wanted *wanted, struct erase_plan *plan,
    struct mortise_error *error)
{
	struct finding finding = {.wanted = wanted, .plan = plan};
	enum mortise_code code = MORTISE_OK;

	if (wanted->filter == NULL)
		qsort(wanted->ranges->all, wanted->ranges->count, sizeof(*wanted->ranges->all),
		    by_from);
	else
		code = filter_begin(&finding.filter, wanted->filter, walk, error);
	if (code == MORTISE_OK)
		code = walk_lines(walk, 0, find_line, &finding, error);
	filter_end(&finding.filter);
	return code;
}

/* --- what erase records name --------------------------------------------------------- */

struct naming {
	uint64_t from;
	struct erase_ranges *ranges;
};

static enum mortise_code
name_line(void *arg, const struct walk_line *at, struct mortise_error *error)
{
	static const char kind[] = "\"t\":\"erase\"";
	const struct naming *naming = arg;
	enum mortise_code code = MORTISE_OK;
	struct line line = {0};
	json_t *records, *pair;
	const char *type;
	size_t i;

	if (memmem(at->text, at->size, kind, sizeof(kind) - 1) == NULL ||
	    !line_split(at->text, at->size + 1, &line))
		return MORTISE_OK;
	type = json_string_value(json_object_get(line.tree, "t"));
	records = json_object_get(line.tree, "records");
	if (type == NULL || strcmp(type, "erase") != 0 ||
	    json_integer_value(json_object_get(line.tree, "seq")) < (json_int_t)naming->from)
		records = NULL;
	json_array_foreach(records, i, pair) {
		if (code == MORTISE_OK && !add_range(naming->ranges,
		    (uint64_t)json_integer_value(json_array_get(pair, 0)),
		    (uint64_t)json_integer_value(json_array_get(pair, 1))))
			code = error_memory(error);
	}
	json_decref(line.tree);
	return code;
}

enum mortise_code
erase_named(const struct walk *walk, uint64_t from, struct erase_ranges *ranges,
    struct mortise_error *error)
{
	struct naming naming = {from, ranges};

	return walk_lines(walk, 0, name_line, &naming, error);
}
