/* SPDX-License-Identifier: BSD-2-Clause */
/* The sink of faulty: records in memory, and each way in which it is wrong. */
#define _DEFAULT_SOURCE		/* usleep */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faulty.h"

#define RECORDS_MAX 64			/* the newest */
#define LINE_SIZE 16384
#define FIELD_SIZE 1024
#define FILTERS 6
#define LINE_CUT 4096

static const char *const filters[FILTERS] = {"agencyId", "action", "resourceType", "resourceId",
    "userEmail", "ts"};

struct kept {
	char trail[33];
	uint64_t seq;
	char line[LINE_SIZE], fields[FILTERS][FIELD_SIZE];
};

static const struct mortise_host *host;
static struct kept records[RECORDS_MAX];
static size_t count;

void
faulty_sink_init(const struct mortise_host *table)
{
	host = table;
}

static const char *
value_of(const struct mortise_pair *pairs, size_t pairs_count, const char *name)
{
	for (size_t i = 0; i < pairs_count; i++) {
		if (strcmp(pairs[i].name, name) == 0)
			return pairs[i].value;
	}
	return NULL;
}

static struct kept *
find(const char *trail, uint64_t seq)
{
	for (size_t i = 0; i < count; i++) {
		if (records[i].seq == seq && strcmp(records[i].trail, trail) == 0)
			return &records[i];
	}
	return NULL;
}

/* The hash at the end: an erased line is the same. */
static bool
same(const struct kept *kept, const struct mortise_line *line)
{
	size_t size = strlen(kept->line);

	return size >= 68 && line->line_size >= 68 &&
	    memcmp(kept->line + size - 68, line->line + line->line_size - 68, 68) == 0;
}

static void
keep(const void *instance, const struct mortise_line *line)
{
	size_t size = line->line_size;
	struct kept *kept;

	if (count == RECORDS_MAX)
		memmove(records, records + 1, --count * sizeof(records[0]));
	kept = &records[count++];
	if (faulty_is(instance, CUTS_LINES) && size > LINE_CUT)
		size = LINE_CUT;
	(void)snprintf(kept->trail, sizeof(kept->trail), "%s", line->trail);
	kept->seq = line->seq;
	(void)snprintf(kept->line, sizeof(kept->line), "%.*s", (int)size, line->line);
	for (size_t i = 0; i < FILTERS; i++) {
		const char *value = value_of(line->fields, line->fields_count, filters[i]);

		(void)snprintf(kept->fields[i], FIELD_SIZE, "%s", value == NULL ? "" : value);
	}
}

static enum mortise_code
emit(void *instance, struct mortise_call *call, const struct mortise_line *lines,
    size_t lines_count, size_t *taken)
{
	if (faulty_is(instance, SLOW_EMIT) && host->left_ms(call) < 200)
		(void)usleep(1500000);
	for (*taken = 0; *taken < lines_count; ++*taken) {
		const struct mortise_line *line = &lines[*taken];
		const struct kept *kept = find(line->trail, line->seq);
		const char *email = value_of(line->fields, line->fields_count, "userEmail");

		if (faulty_is(instance, LOGS_EMAIL) && email != NULL)
			host->log(call, MORTISE_LOG_DEBUG, "a record of %s", email);
		if (kept != NULL && !same(kept, line) && !faulty_is(instance, TAKES_ANY))
			return MORTISE_CONFLICT;
		if (kept == NULL || faulty_is(instance, KEEPS_TWICE))
			keep(instance, line);
	}
	return MORTISE_OK;
}

static enum mortise_code
position(void *instance, struct mortise_call *call, const char *trail, uint64_t *seq)
{
	uint64_t number = 0, before = 0;

	(void)call;
	*seq = faulty_is(instance, GUESSES_POSITION) && count == 0 ? 1 : 0;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(records[i].trail, trail) != 0 && !faulty_is(instance, ONE_POSITION))
			continue;
		if (number++ == 0)
			before = records[i].seq - 1;
		*seq = faulty_is(instance, COUNTS_RECORDS) ? before + number : records[i].seq;
	}
	return MORTISE_OK;
}

/* --- read -------------------------------------------------------------------------- */

static bool
fits(const void *instance, const struct kept *kept, const struct mortise_pair *filter,
    size_t filter_count)
{
	const char *ts = kept->fields[FILTERS - 1];

	for (size_t i = 0; i < filter_count; i++) {
		const char *name = filter[i].name, *value = filter[i].value;

		if ((strcmp(name, "trail") == 0 && strcmp(kept->trail, value) != 0) ||
		    (strcmp(name, "after") == 0 && kept->seq <= strtoull(value, NULL, 10)) ||
		    (strcmp(name, "from") == 0 && strcmp(ts, value) < 0) ||
		    (strcmp(name, "to") == 0 && strcmp(ts, value) >= 0))
			return false;
		for (size_t k = 0; k < FILTERS - 1; k++) {
			if (strcmp(name, filters[k]) == 0 &&
			    !faulty_is(instance, FILTERS_NOTHING) &&
			    strcmp(kept->fields[k], value) != 0)
				return false;
		}
	}
	return true;
}

static enum mortise_code
read_all(void *instance, struct mortise_call *call, const struct mortise_pair *filter,
    size_t filter_count, const char *cursor, struct mortise_out *out)
{
	const char *last = value_of(filter, filter_count, "last");
	size_t fitting = 0, skip = 0;
	enum mortise_code code = MORTISE_OK;

	(void)call;
	(void)cursor;
	for (size_t i = 0; i < count; i++)
		fitting += fits(instance, &records[i], filter, filter_count);
	if (last != NULL && fitting > strtoull(last, NULL, 10))
		skip = fitting - (size_t)strtoull(last, NULL, 10);
	for (size_t i = 0; i < count && code == MORTISE_OK; i++) {
		const struct kept *kept = &records[faulty_is(instance, READS_BACKWARDS) ?
		    count - 1 - i : i];
		const struct mortise_pair row[] = {{"trail", kept->trail}, {"line", kept->line}};

		if (!fits(instance, kept, filter, filter_count))
			continue;
		if (skip > 0)
			skip--;
		else
			code = host->add_row(out, row, 2);
	}
	return code;
}

/* --- erase ------------------------------------------------------------------------- */

static void
blank(struct kept *kept)
{
	char *p = kept == NULL ? NULL : strstr(kept->line, ",\"p\":{");
	size_t size = p == NULL ? 0 : strlen(p);

	if (p == NULL)
		return;
	memset(p + 5, ' ', size - 5 - 69);
	memcpy(p + 5, "null", 4);
}

static enum mortise_code
erase(void *instance, struct mortise_call *call, const char *trail, const uint64_t *seqs,
    size_t seqs_count)
{
	(void)call;
	for (size_t i = 0; i < seqs_count && !faulty_is(instance, ERASES_NOTHING); i++) {
		blank(find(trail, seqs[i]));
		if (faulty_is(instance, ERASES_NEIGHBOUR))
			blank(find(trail, seqs[i] + 1));
	}
	return MORTISE_OK;
}

const struct mortise_sink_ops faulty_sink_ops = {
	.size = sizeof(faulty_sink_ops),
	.emit = emit,
	.position = position,
	.read = read_all,
	.erase = erase,
};
