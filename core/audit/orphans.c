/* SPDX-License-Identifier: BSD-2-Clause */
/* Intents whose writers died before they could say what came of it. */
#include <stdlib.h>
#include <string.h>

#include "audit/fields.h"
#include "audit/reader.h"

/* An outcome as it is written, and what it borrows from. */
struct orphan {
	struct fields fields;		/* of the intent's line */
	struct record_actor actor;
	struct record_personal personal;
};

static uint32_t
number_field(const struct fields *fields, const char *name)
{
	const char *text = fields_find(fields, name);

	return text == NULL ? 0 : (uint32_t)strtoul(text, NULL, 10);
}

/* Who asked for what, as the intent has it: so an outcome is found by what it is about. */
static void
copy_fields(struct orphan *orphan, struct record *outcome)
{
	const struct fields *fields = &orphan->fields;

	outcome->action = fields_find(fields, "action");
	outcome->agency_id = fields_find(fields, "agencyId");
	outcome->resource_type = fields_find(fields, "resourceType");
	outcome->resource_id = fields_find(fields, "resourceId");
	orphan->actor = (struct record_actor){
		.uid = number_field(fields, "actor.uid"), .gid = number_field(fields, "actor.gid"),
		.pid = (int32_t)number_field(fields, "actor.pid"),
		.via = fields_find(fields, "actor.via"),
		.app = fields_find(fields, "actor.app") != NULL,
	};
	outcome->actor = &orphan->actor;
	/* With a salt there is a personal part that was not erased. */
	if (fields_find(fields, "s") == NULL)
		return;
	orphan->personal = (struct record_personal){
		.user_email = fields_find(fields, "userEmail"),
		.ip_address = fields_find(fields, "ipAddress"),
		.user_agent = fields_find(fields, "userAgent"),
		.metadata = fields_find(fields, "metadata"),
	};
	outcome->personal = &orphan->personal;
}

/* The intent may be past its retention: then its outcome says the least. */
static void
find_intent(struct trail *trail, const struct pending *pending, struct orphan *orphan,
    struct record *outcome)
{
	struct reader reader;
	uint64_t first = 0, seq = 0;
	size_t size = 0;
	char *line = NULL;

	reader_init(&reader, trail->directory);
	if (reader_seek(&reader, &trail->lock_state, pending->seq - 1, &first, NULL) == MORTISE_OK &&
	    first <= pending->seq) {
		do {
			if (reader_next(&reader, &trail->lock_state, &line, &size, &seq, NULL) != MORTISE_OK)
				line = NULL;
		} while (line != NULL && seq < pending->seq);
	}
	if (line != NULL && seq == pending->seq && fields_take(&orphan->fields, line, size) &&
	    strcmp(pending->op, fields_find(&orphan->fields, "op") == NULL ? "" :
	    fields_find(&orphan->fields, "op")) == 0)
		copy_fields(orphan, outcome);
	reader_free(&reader);
}

enum mortise_code
trail_close_orphans(struct trail *trail, struct mortise_error *error)
{
	size_t most = trail->pendings.count, count = 0;
	struct record *outcomes = calloc(most + 1, sizeof(*outcomes));
	struct orphan *orphans = calloc(most + 1, sizeof(*orphans));
	enum mortise_code code = MORTISE_OK;

	if (outcomes == NULL || orphans == NULL)
		code = error_memory(error);
	for (size_t i = 0; code == MORTISE_OK && i < most; i++) {
		const struct pending *pending = &trail->pendings.all[i];

		if (!trail_writer_gone(trail, pending->writer))
			continue;
		outcomes[count] = (struct record){
			.type = RECORD_OUTCOME, .code = "unknown", .ms = -1,
		};
		memcpy(outcomes[count].op, pending->op, sizeof(pending->op));
		find_intent(trail, pending, &orphans[count], &outcomes[count]);
		count++;
	}
	if (code == MORTISE_OK && (count > 0 || trail->torn_bytes > 0))
		code = trail_write(trail, outcomes, count, error);
	for (size_t i = 0; i < count; i++)
		fields_free(&orphans[i].fields);
	free(orphans);
	free(outcomes);
	if (code == MORTISE_OK && count > 0)
		trail_head_write(trail, true);
	return code;
}
