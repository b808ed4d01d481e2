/* SPDX-License-Identifier: BSD-2-Clause */
/* audit report: what there is to tell. */
#include "cli/report.h"

#include <stdlib.h>
#include <string.h>

#include "cli/record.h"

static void
access_free(struct access *access)
{
	for (size_t i = 0; i < ACCESS_FIELDS; i++)
		free(access->text[i]);
}

void
report_free(struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		access_free(&report->all[i]);
	for (size_t i = 0; i < report->open_count; i++)
		access_free(&report->open[i]);
	free(report->all);
	free(report->open);
	*report = (struct report){.agency = NULL};
}

/* Takes the access over, also where there is no memory. */
static void
add(struct report *report, struct access **all, size_t *count, size_t *capacity,
    struct access *access)
{
	size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
	struct access *bigger;

	if (*count == *capacity) {
		bigger = wanted > SIZE_MAX / sizeof(*bigger) ? NULL :
		    realloc(*all, wanted * sizeof(*bigger));
		if (bigger == NULL) {
			report->failed = true;
			access_free(access);
			return;
		}
		*all = bigger;
		*capacity = wanted;
	}
	(*all)[(*count)++] = *access;
}

static void
set(struct report *report, struct access *access, enum access_field field, char *text)
{
	free(access->text[field]);
	access->text[field] = text;
	if (text == NULL)
		report->failed = true;
}

static char *
result_of(const struct trail_record *record)
{
	if (record->code[0] == '\0' || strcmp(record->code, "unknown") == 0)
		return text_dup("unknown outcome");
	return record->reason[0] == '\0' ? text_dup(record->code) :
	    text_format("%s (%s)", record->code, record->reason);
}

static struct access
access_of(struct report *report, const struct trail_record *record)
{
	struct access access = {.seq = record->seq, .refused = strcmp(record->code, "denied") == 0};
	char time[RECORD_TIME_SIZE];

	trail_record_time(record, time);
	if (strlen(time) > 9)
		access.day = (unsigned int)strtoul(time + 8, NULL, 10);
	if (strlen(record->op) < sizeof(access.op))
		memcpy(access.op, record->op, strlen(record->op));
	set(report, &access, ACCESS_TIME, text_dup(time));
	set(report, &access, ACCESS_WHO, trail_record_who(record));
	set(report, &access, ACCESS_ADDRESS, text_dup(record->address));
	set(report, &access, ACCESS_AGENT, text_dup(record->agent));
	set(report, &access, ACCESS_ACTION, text_dup(record->action));
	set(report, &access, ACCESS_TYPE, text_dup(record->resource_type));
	set(report, &access, ACCESS_RESOURCE, text_dup(record->resource_id));
	set(report, &access, ACCESS_RESULT, result_of(record));
	set(report, &access, ACCESS_CLAIMED, text_dup(record->claimed));
	set(report, &access, ACCESS_HASH, text_dup(record->hash));
	return access;
}

/* Takes the intent of this operation out; false: there is none. */
static bool
close_intent(struct report *report, const char *op, struct access *intent)
{
	for (size_t i = report->open_count; i > 0; i--) {
		if (strcmp(report->open[i - 1].op, op) != 0)
			continue;
		*intent = report->open[i - 1];
		memmove(&report->open[i - 1], &report->open[i],
		    (report->open_count - i) * sizeof(*report->open));
		report->open_count--;
		return true;
	}
	return false;
}

static void
take_outcome(struct report *report, const struct trail_record *record)
{
	struct access intent, made;

	if (!close_intent(report, record->op, &intent))
		made = access_of(report, record);
	else if (record->action[0] == '\0')
		/* It only tells of the writer's end: the intent says what was asked. */
		made = intent;
	else {
		access_free(&intent);
		made = access_of(report, record);
	}
	add(report, &report->all, &report->count, &report->capacity, &made);
}

/* Something else than the trail had to keep the record, and did not. */
static void
take_refusal(struct report *report, const struct trail_record *record)
{
	for (size_t i = report->count; i > 0; i--) {
		struct access *access = &report->all[i - 1];

		if (strcmp(access->op, record->op) != 0)
			continue;
		access->refused = true;
		set(report, access, ACCESS_RESULT, text_format("withheld (%s)", record->reason));
		return;
	}
}

void
report_take(void *arg, const char *line, size_t size)
{
	struct report *report = arg;
	struct trail_record record;
	struct access intent;

	if (trail_record_read(&record, line, size) && !report->failed) {
		if (strcmp(record.type, "intent") == 0) {
			intent = access_of(report, &record);
			add(report, &report->open, &report->open_count, &report->open_capacity,
			    &intent);
		} else if (strcmp(record.type, "outcome") == 0)
			take_outcome(report, &record);
		else if (strcmp(record.type, "refused") == 0)
			take_refusal(report, &record);
	}
	trail_record_free(&record);
}

static int
by_seq(const void *a, const void *b)
{
	const struct access *one = a, *other = b;

	return (one->seq > other->seq) - (one->seq < other->seq);
}

bool
report_finish(struct report *report)
{
	size_t kept = 0;

	for (size_t i = 0; i < report->open_count; i++)
		add(report, &report->all, &report->count, &report->capacity, &report->open[i]);
	report->open_count = 0;
	if (report->failed)
		return false;
	/* Some records of the month after it were read for the outcomes. */
	for (size_t i = 0; i < report->count; i++) {
		if (strncmp(report->all[i].text[ACCESS_TIME], report->month, 7) == 0)
			report->all[kept++] = report->all[i];
		else
			access_free(&report->all[i]);
	}
	report->count = kept;
	if (kept > 1)
		qsort(report->all, kept, sizeof(*report->all), by_seq);
	return true;
}

const struct access *
report_first(const struct report *report)
{
	return report->count == 0 ? NULL : &report->all[0];
}

const struct access *
report_last(const struct report *report)
{
	return report->count == 0 ? NULL : &report->all[report->count - 1];
}

unsigned int
report_days(const char *month)
{
	static const unsigned int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned long year = strtoul(month, NULL, 10), number = strtoul(month + 5, NULL, 10);
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[number - 1] + (number == 2 && leap);
}

/* --- by token ---------------------------------------------------------------------- */

static int
compare_resources(const struct access *one, const struct access *other)
{
	int order = strcmp(one->text[ACCESS_TYPE], other->text[ACCESS_TYPE]);

	return order != 0 ? order :
	    strcmp(one->text[ACCESS_RESOURCE], other->text[ACCESS_RESOURCE]);
}

static int
by_resource(const void *a, const void *b)
{
	const struct access *one = *(const struct access *const *)a;
	const struct access *other = *(const struct access *const *)b;
	int order = compare_resources(one, other);

	return order != 0 ? order : by_seq(one, other);
}

/* Each person once; there are few of them to one token. */
static void
add_person(struct buffer *all, const char *who)
{
	size_t length = strlen(who);

	for (const char *at = all->data; length > 0 && at != NULL; at = strchr(at, ',')) {
		at += strspn(at, ", ");
		if (strncmp(at, who, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return;
	}
	if (length > 0)
		buffer_format(all, "%s%s", all->size == 0 ? "" : ", ", who);
}

bool
report_tokens(const struct report *report, struct report_token **tokens, size_t *count)
{
	const struct access **sorted = calloc(report->count + 1, sizeof(*sorted));
	struct report_token *made = calloc(report->count + 1, sizeof(*made)), *token = made;
	bool good = sorted != NULL && made != NULL;
	size_t n = 0;

	for (size_t i = 0; good && i < report->count; i++)
		sorted[i] = &report->all[i];
	if (good && report->count > 1)
		qsort(sorted, report->count, sizeof(*sorted), by_resource);
	for (size_t i = 0; good && i < report->count; i++) {
		if (i == 0 || compare_resources(sorted[i - 1], sorted[i]) != 0) {
			token = &made[n++];
			token->first = sorted[i];
		}
		token->last = sorted[i];
		token->count++;
		token->refused += sorted[i]->refused;
		add_person(&token->who, sorted[i]->text[ACCESS_WHO]);
		good = !token->who.failed;
	}
	free(sorted);
	if (!good) {
		report_tokens_free(made, n);
		return false;
	}
	*tokens = made;
	*count = n;
	return true;
}

void
report_tokens_free(struct report_token *tokens, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buffer_free(&tokens[i].who);
	free(tokens);
}
