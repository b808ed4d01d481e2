/* SPDX-License-Identifier: BSD-2-Clause */
/* Cases: audit sinks.  What is sent stays there: each case has a trail of its own. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kit/sink.h"

#define CAN(name) ((backend_can(kit->backend) & MORTISE_CAN_SINK_##name) != 0)
#define ROWS_MAX 16
#define LONG_AGENT 15400		/* makes a line of nearly 16 KiB */

/* --- what read gives --------------------------------------------------------------- */

struct row {
	uint64_t seq;
	bool whole;			/* it is the record's line, or has fields of it only */
	char *text;			/* all of it, to look for what should be gone */
};
struct rows {
	const struct kit_trail *trail;
	struct row list[ROWS_MAX];
	size_t count;
};

static void
rows_clear(struct rows *rows)
{
	for (size_t i = 0; i < rows->count && i < ROWS_MAX; i++)
		free(rows->list[i].text);
	rows->count = 0;
}

static const char *
cell(const struct mortise_pair *pairs, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(pairs[i].name, name) == 0)
			return pairs[i].value;
	}
	return NULL;
}

/* Where both are there. */
static bool
differ(const char *one, const char *two)
{
	return one != NULL && two != NULL && strcmp(one, two) != 0;
}

static bool
is_part_of(const struct mortise_pair *pairs, size_t count, const struct mortise_line *line)
{
	const char *kept = cell(pairs, count, "line");

	if (kept != NULL)
		return strlen(kept) == line->line_size &&
		    memcmp(kept, line->line, line->line_size) == 0;
	for (size_t i = 0; i < count; i++) {
		const char *value = cell(line->fields, line->fields_count, pairs[i].name);

		if (differ(value, pairs[i].value))
			return false;
	}
	return true;
}

static enum mortise_code
take_row(void *arg, const struct mortise_pair *pairs, size_t count)
{
	struct rows *rows = arg;
	const char *line = cell(pairs, count, "line"), *seq = cell(pairs, count, "seq");
	struct row row = {.seq = 0};
	struct buffer all = {0};

	if (line != NULL)
		seq = strstr(line, "\"seq\":") == NULL ? NULL : strstr(line, "\"seq\":") + 6;
	row.seq = seq == NULL ? 0 : strtoull(seq, NULL, 10);
	for (size_t i = 0; i < rows->trail->count; i++) {
		const struct mortise_line *sent = &rows->trail->lines[i];

		row.whole = row.whole || (sent->seq == row.seq && is_part_of(pairs, count, sent));
	}
	for (size_t i = 0; i < count; i++)
		buffer_format(&all, "%s=%s\n", pairs[i].name, pairs[i].value);
	row.text = buffer_take(&all);
	if (row.text != NULL && rows->count < ROWS_MAX)
		rows->list[rows->count] = row;
	else
		free(row.text);
	rows->count++;
	return MORTISE_OK;
}

static bool
read_rows(struct kit *kit, const struct mortise_pair *filter, size_t count, struct rows *rows)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	struct mortise_out out = {.row = take_row, .arg = rows};
	enum mortise_code code;

	rows_clear(rows);
	kit_ask(kit, &call, "read");
	code = backend_sink_read(kit->backend, &call, filter, count, &out);
	kit_answered(kit, &call, "read");
	return kit_expect(kit, code, KIT_CODE(OK), "read") && (rows->count <= ROWS_MAX ||
	    kit_fail(kit, "read gives %zu records, where %zu were sent", rows->count,
	    rows->trail->count));
}

static const struct row *
row_of(const struct rows *rows, uint64_t seq)
{
	for (size_t i = 0; i < rows->count; i++) {
		if (rows->list[i].seq == seq)
			return &rows->list[i];
	}
	return NULL;
}

/* With the trail and one more filter (name NULL: none), read gives these and no others. */
static bool
reads_some(struct kit *kit, const struct kit_trail *trail, const struct mortise_pair *more,
    const uint64_t *seqs, size_t count, struct rows *rows)
{
	const struct mortise_pair filter[] = {{"trail", trail->id}, *more};
	const char *by = more->name == NULL ? "of the trail" : more->name;

	if (!read_rows(kit, filter, more->name == NULL ? 1 : 2, rows))
		return false;
	if (rows->count != count)
		return kit_fail(kit, "read %s gives %zu records, where %zu are right", by,
		    rows->count, count);
	for (size_t i = 0; i < count; i++) {
		const struct row *row = row_of(rows, seqs[i]);

		if (row == NULL)
			return kit_fail(kit, "read %s does not give record %" PRIu64, by, seqs[i]);
		if (!row->whole)
			return kit_fail(kit, "read %s gives record %" PRIu64 " otherwise than it "
			    "came", by, seqs[i]);
	}
	return true;
}

static bool
reads(struct kit *kit, const struct kit_trail *trail, const char *name, const char *value,
    const uint64_t *seqs, size_t count)
{
	struct rows rows _cleanup_(rows_clear) = {.trail = trail};

	return reads_some(kit, trail, &(struct mortise_pair){name, value}, seqs, count, &rows);
}

/* And in this order. */
static bool
reads_in_order(struct kit *kit, const struct kit_trail *trail, const char *name,
    const char *value, const uint64_t *seqs, size_t count)
{
	struct rows rows _cleanup_(rows_clear) = {.trail = trail};

	if (!reads_some(kit, trail, &(struct mortise_pair){name, value}, seqs, count, &rows))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (rows.list[i].seq != seqs[i])
			return kit_fail(kit, "read gives record %" PRIu64 " as number %zu, where %"
			    PRIu64 " is right", rows.list[i].seq, i + 1, seqs[i]);
	}
	return true;
}

/* Where it can be seen. */
static bool
has(struct kit *kit, const struct kit_trail *trail, const uint64_t *seqs, size_t count)
{
	return !CAN(READ) || reads(kit, trail, NULL, NULL, seqs, count);
}

static bool
stands_at(struct kit *kit, const struct kit_trail *trail, uint64_t seq, const char *when)
{
	return !CAN(POSITION) || kit_stands_at(kit, trail->id, seq, when);
}

/* --- what is written --------------------------------------------------------------- */

bool
case_sink_unknown(struct kit *kit)
{
	struct kit_trail *trail _cleanup_(kit_trail_free) = kit_trail_new(kit);

	return trail != NULL && kit_stands_at(kit, trail->id, 0, "of an unknown trail");
}

bool
case_sink_repeat(struct kit *kit)
{
	static const uint64_t three[] = {1, 2, 3}, four[] = {1, 2, 3, 4};
	struct kit_trail *trail _cleanup_(kit_trail_free) = kit_trail_new(kit);

	return trail != NULL && kit_trail_fill(kit, trail, 1, 4) &&
	    kit_emits(kit, trail->lines, 3, "records") &&
	    kit_emits(kit, trail->lines, 3, "the same records again") &&
	    kit_flushes(kit) && stands_at(kit, trail, 3, "behind records that came again") &&
	    has(kit, trail, three, 3) &&
	    kit_emits(kit, trail->lines + 1, 3, "some records again, and more") &&
	    kit_flushes(kit) && stands_at(kit, trail, 4, "behind some that came again") &&
	    has(kit, trail, four, 4);
}

/* Another instance knows it too, where it is not this process's alone. */
static bool
another_stands_at(struct kit *kit, const struct kit_trail *trail, uint64_t seq)
{
	struct backend *first = kit->backend, *second = NULL;
	bool good;

	if (kit->plugin->table.reach == MORTISE_REACH_PROCESS)
		return true;
	if (!kit_expect(kit, kit_open(kit, &second), KIT_CODE(OK), "open of a second instance"))
		return false;
	kit->backend = second;
	good = kit_stands_at(kit, trail->id, seq, "of another instance");
	kit->backend = first;
	kit_close(kit, second);
	return good;
}

/* Numbers may be missing: not every record need come. */
bool
case_sink_position(struct kit *kit)
{
	struct kit_trail *trail _cleanup_(kit_trail_free) = kit_trail_new(kit);

	return trail != NULL && kit_trail_fill(kit, trail, 1, 3) &&
	    kit_trail_fill(kit, trail, 7, 8) && kit_emits(kit, trail->lines, 3, "records") &&
	    kit_flushes(kit) && kit_stands_at(kit, trail->id, 3, "behind a flush") &&
	    kit_emits(kit, trail->lines + 3, 2, "records behind missing ones") &&
	    kit_flushes(kit) && kit_stands_at(kit, trail->id, 8, "behind missing numbers") &&
	    another_stands_at(kit, trail, 8);
}

bool
case_sink_trails(struct kit *kit)
{
	struct kit_trail *one _cleanup_(kit_trail_free) = kit_trail_new(kit);
	struct kit_trail *two _cleanup_(kit_trail_free) = kit_trail_new(kit);

	return one != NULL && two != NULL && kit_trail_fill(kit, one, 1, 5) &&
	    kit_trail_fill(kit, two, 1, 3) && kit_emits(kit, one->lines, 4, "records") &&
	    kit_emits(kit, two->lines, 3, "records of another trail") &&
	    kit_emits(kit, one->lines + 4, 1, "a record of the first trail") && kit_flushes(kit) &&
	    kit_stands_at(kit, one->id, 5, "of the first trail") &&
	    kit_stands_at(kit, two->id, 3, "of the second trail");
}

static bool
add_odd(struct kit *kit, struct kit_trail *trail, char *agent)
{
	const struct kit_facts facts[] = {
		{.seq = 1, .agency = "ag \"1\"]\\ %s", .resource = "a=b;c,d\te",
		    .email = "o'hara@x.example"},
		{.seq = 2, .agency = "ag\n2\r\x1b[31m", .resource = "\x7f",
		    .email = "a\nb@x.example"},
		{.seq = 3, .agency = "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91", .resource = "auth_1"},
		{.seq = 4, .agency = "ag_1", .resource = "auth_1", .email = "a@x.example",
		    .agent = agent},
		{.seq = 5, .agency = "ag_1", .email = "b@x.example", .erased = true},
		{.seq = 6, .bare = true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		if (!kit_trail_add(kit, trail, &facts[i]))
			return false;
	}
	return true;
}

/* One that is refused for ever is left out, and the others come all the same. */
bool
case_sink_odd(struct kit *kit)
{
	struct kit_trail *trail _cleanup_(kit_trail_free) = kit_trail_new(kit);
	char *agent _cleanup_(free_pointer) = malloc(LONG_AGENT + 1);
	uint64_t kept[KIT_RECORDS_MAX];
	size_t next = 0, count = 0, taken;

	if (trail == NULL || agent == NULL)
		return kit_fail(kit, "out of memory");
	memset(agent, 'a', LONG_AGENT);
	agent[LONG_AGENT] = '\0';
	if (!add_odd(kit, trail, agent))
		return false;
	while (next < trail->count) {
		enum mortise_code code = kit_emit(kit, trail->lines + next, trail->count - next,
		    &taken);

		if (!kit_expect(kit, code, KIT_CODE(OK) | KIT_CODE(INVALID), "emit of odd records"))
			return false;
		for (size_t i = 0; i < taken; i++)
			kept[count++] = trail->lines[next + i].seq;
		next += taken + (code == MORTISE_INVALID);
	}
	if (count == 0)
		return kit_fail(kit, "every odd record is refused");
	return kit_flushes(kit) && stands_at(kit, trail, kept[count - 1], "behind odd records") &&
	    has(kit, trail, kept, count);
}

/* A sink that gives records back can tell; of others it is asked, and not demanded. */
bool
case_sink_conflict(struct kit *kit)
{
	static const uint64_t three[] = {1, 2, 3};
	struct kit_trail *trail _cleanup_(kit_trail_free) = kit_trail_new(kit);
	struct kit_trail *other _cleanup_(kit_trail_free) = kit_trail_new(kit);
	enum mortise_code code;
	size_t taken = 0;

	if (trail == NULL || other == NULL || !kit_trail_fill(kit, trail, 1, 3) ||
	    !kit_trail_fill(kit, other, 2, 2) || !kit_emits(kit, trail->lines, 3, "records") ||
	    !kit_flushes(kit))
		return false;
	other->lines[0].trail = trail->id;
	code = kit_emit(kit, other->lines, 1, &taken);
	if (code == MORTISE_OK && !CAN(READ))
		return kit_skip(kit, "it does not tell another record under a number");
	return kit_expect(kit, code, KIT_CODE(CONFLICT), "emit of another record under a number") &&
	    has(kit, trail, three, 3);
}

/* --- what is read, and erased ------------------------------------------------------ */

bool
case_sink_read(struct kit *kit)
{
	static const uint64_t all[] = {1, 2, 3, 4, 5};
	struct kit_trail *trail _cleanup_(kit_trail_free) = kit_trail_new(kit);
	struct kit_trail *none _cleanup_(kit_trail_free) = kit_trail_new(kit);

	return trail != NULL && none != NULL && kit_trail_fill(kit, trail, 1, 5) &&
	    kit_emits(kit, trail->lines, 5, "records") && kit_flushes(kit) &&
	    reads_in_order(kit, trail, NULL, NULL, all, 5) &&
	    reads_in_order(kit, trail, "after", "3", all + 3, 2) &&
	    reads_in_order(kit, trail, "last", "2", all + 3, 2) &&
	    reads(kit, none, NULL, NULL, NULL, 0);
}

bool
case_sink_filter(struct kit *kit)
{
	static const struct kit_facts facts[] = {
		{.seq = 1, .agency = "ag_1", .resource = "auth_1", .email = "a@x.example",
		    .ago_ms = 9000},
		{.seq = 2, .agency = "ag_2", .resource = "auth_1", .email = "b@x.example",
		    .ago_ms = 6000},
		{.seq = 3, .agency = "ag_1", .resource = "auth_2", .email = "b@x.example",
		    .ago_ms = 3000},
	};
	static const uint64_t two[] = {2}, one_three[] = {1, 3}, one_two[] = {1, 2},
	    two_three[] = {2, 3}, all[] = {1, 2, 3};
	struct kit_trail *trail _cleanup_(kit_trail_free) = kit_trail_new(kit);

	for (size_t i = 0; trail != NULL && i < ARRAY_SIZE(facts); i++) {
		if (!kit_trail_add(kit, trail, &facts[i]))
			return false;
	}
	return trail != NULL && kit_emits(kit, trail->lines, 3, "records") && kit_flushes(kit) &&
	    reads(kit, trail, "agencyId", "ag_2", two, 1) &&
	    reads(kit, trail, "agencyId", "ag_1", one_three, 2) &&
	    reads(kit, trail, "agencyId", "ag_", NULL, 0) &&
	    reads(kit, trail, "resourceId", "auth_1", one_two, 2) &&
	    reads(kit, trail, "userEmail", "b@x.example", two_three, 2) &&
	    reads(kit, trail, "action", "token_viewed", all, 3) &&
	    reads(kit, trail, "resourceType", "secret", NULL, 0) &&
	    reads(kit, trail, "from", trail->records[1].ts, two_three, 2) &&
	    reads(kit, trail, "to", trail->records[1].ts, all, 1);
}

/* Of record 2 nothing personal is left, and of the others everything. */
static bool
two_is_erased(struct kit *kit, const struct kit_trail *trail)
{
	const struct mortise_pair filter[] = {{"trail", trail->id}};
	struct rows rows _cleanup_(rows_clear) = {.trail = trail};

	if (!read_rows(kit, filter, 1, &rows))
		return false;
	for (size_t i = 0; i < rows.count; i++) {
		const struct row *row = &rows.list[i];
		bool personal = strstr(row->text, "@agency.example") != NULL ||
		    strstr(row->text, "192.0.2.7") != NULL;

		if (row->seq == 2 && personal)
			return kit_fail(kit, "the personal part of a record that was to be erased "
			    "is there");
		if (row->seq != 2 && !row->whole)
			return kit_fail(kit, "erase of record 2 changes record %" PRIu64, row->seq);
	}
	return rows.count == trail->count || kit_fail(kit, "erase leaves %zu of %zu records",
	    rows.count, trail->count);
}

bool
case_sink_erase(struct kit *kit)
{
	static const uint64_t seqs[] = {2};
	struct kit_trail *trail _cleanup_(kit_trail_free) = kit_trail_new(kit);

	if (trail == NULL || !kit_trail_fill(kit, trail, 1, 3) ||
	    !kit_emits(kit, trail->lines, 3, "records") || !kit_flushes(kit))
		return false;
	/* Erasing is done again after a crash. */
	for (int i = 0; i < 2; i++) {
		struct mortise_call call = kit_call(kit, &kit->error);
		enum mortise_code code;

		kit_ask(kit, &call, "erase");
		code = backend_sink_erase(kit->backend, &call, trail->id, seqs, 1);
		kit_answered(kit, &call, "erase");
		if (!kit_expect(kit, code, KIT_CODE(OK), "erase of a record"))
			return false;
		if (CAN(READ) && !two_is_erased(kit, trail))
			return false;
	}
	return kit_emits(kit, trail->lines, 3, "records of which one was erased") &&
	    kit_flushes(kit) && stands_at(kit, trail, 3, "behind an erased record");
}

/* --- for the cases of limits.c ----------------------------------------------------- */

bool
kit_sink_round(struct kit *kit, const char *email)
{
	struct kit_trail *trail _cleanup_(kit_trail_free) = NULL;
	const struct kit_facts facts = {.seq = ++kit->seq, .agency = "ag_1", .resource = "auth_1",
	    .email = email};

	if (!CAN(EMIT) || kit->settings->read_only)
		return true;
	trail = kit_trail_new(kit);
	if (trail == NULL)
		return false;
	/* One trail for all rounds: some sinks note each. */
	if (kit->trail[0] == '\0')
		memcpy(kit->trail, trail->id, sizeof(trail->id));
	memcpy(trail->id, kit->trail, sizeof(trail->id));
	return kit_trail_add(kit, trail, &facts) &&
	    kit_emits(kit, trail->lines, 1, "a record") && kit_flushes(kit) &&
	    stands_at(kit, trail, kit->seq, "behind a record");
}

bool
kit_sink_hurries(struct kit *kit, uint64_t deadline_ms)
{
	struct kit_trail *trail _cleanup_(kit_trail_free) = kit_trail_new(kit);
	struct mortise_call call = kit_call(kit, &kit->error);
	uint64_t seq;
	size_t taken;

	if (trail == NULL || !kit_trail_fill(kit, trail, 1, 3))
		return false;
	call.deadline = deadline_in_ms(deadline_ms);
	kit_ask(kit, &call, "position");
	if (CAN(POSITION))
		(void)backend_sink_position(kit->backend, &call, trail->id, &seq);
	kit_answered(kit, &call, "position");
	if (!CAN(EMIT) || kit->settings->read_only)
		return true;
	call.deadline = deadline_in_ms(deadline_ms);
	kit_ask(kit, &call, "emit");
	(void)backend_sink_emit(kit->backend, &call, trail->lines, 3, &taken);
	kit_answered(kit, &call, "emit");
	call.deadline = deadline_in_ms(deadline_ms);
	kit_ask(kit, &call, "flush");
	(void)backend_sink_flush(kit->backend, &call);
	kit_answered(kit, &call, "flush");
	return true;
}
