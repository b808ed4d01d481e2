/* SPDX-License-Identifier: BSD-2-Clause */
/* Records for sinks: lines and fields that say the same. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "kit/sink.h"

struct kit_trail *
kit_trail_new(struct kit *kit)
{
	struct kit_trail *trail = calloc(1, sizeof(*trail));
	unsigned char random[16];

	if (trail == NULL || !random_bytes(random, sizeof(random))) {
		free(trail);
		(void)kit_fail(kit, "no trail can be made: out of memory, or of random bytes");
		return NULL;
	}
	hex_encode(random, sizeof(random), trail->id);
	return trail;
}

void
kit_trail_free(struct kit_trail **trail)
{
	if (*trail == NULL)
		return;
	for (size_t i = 0; i < (*trail)->count; i++)
		buffer_free(&(*trail)->records[i].bytes);
	free(*trail);
}

/* --- the parts of a record --------------------------------------------------------- */

static void
field(struct kit_record *record, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		record->fields[record->line.fields_count++] = (struct mortise_pair){name, value};
}

static void
member(struct kit_record *record, const char *name, const char *value)
{
	struct buffer *to = &record->bytes;

	if (value == NULL || value[0] == '\0')
		return;
	buffer_format(to, "%s\"%s\":", to->data[to->size - 1] == '{' ? "" : ",", name);
	(void)buffer_json(to, value, strlen(value));
}

static void
text(struct kit_record *record, const char *name, const char *value)
{
	member(record, name, value);
	field(record, name, value);
}

static void
linked_part(struct kit_record *record, const struct kit_facts *facts)
{
	buffer_format(&record->bytes, "{\"c\":{\"v\":1,\"seq\":%s", record->number);
	field(record, "v", "1");
	field(record, "seq", record->number);
	text(record, "ts", record->ts);
	text(record, "t", facts->bare ? "close" : "outcome");
	if (!facts->bare) {
		text(record, "op", record->op);
		text(record, "action", "token_viewed");
		text(record, "agencyId", facts->agency);
		text(record, "resourceType", "platform_authorization");
		text(record, "resourceId", facts->resource);
		buffer_format(&record->bytes, ",\"actor\":{\"uid\":%s}", record->actor);
		field(record, "actor.uid", record->actor);
		text(record, "code", "ok");
		buffer_text(&record->bytes, ",\"ms\":12");
		field(record, "ms", "12");
	}
	if (facts->email == NULL)
		buffer_text(&record->bytes, ",\"pc\":null}");
	else {
		text(record, "pc", record->hash);
		buffer_text(&record->bytes, "}");
	}
}

/* Erased is null, and as many blanks as keep the line's length. */
static void
personal_part(struct kit_record *record, const struct kit_facts *facts)
{
	buffer_text(&record->bytes, ",\"p\":");
	if (facts->email == NULL || facts->erased) {
		buffer_format(&record->bytes, "null%*s", facts->erased ? 80 : 0, "");
		return;
	}
	buffer_text(&record->bytes, "{");
	text(record, "s", record->op);
	text(record, "userEmail", facts->email);
	text(record, "ipAddress", "192.0.2.7");
	text(record, "userAgent", facts->agent);
	buffer_text(&record->bytes, ",\"metadata\":{\"kit\":[1,\"two\"]}}");
	field(record, "metadata", "{\"kit\":[1,\"two\"]}");
}

static bool
draw(struct kit_record *record)
{
	unsigned char random[48];

	if (!random_bytes(random, sizeof(random)))
		return false;
	hex_encode(random, 16, record->op);
	hex_encode(random + 16, 32, record->hash);
	return true;
}

bool
kit_trail_add(struct kit *kit, struct kit_trail *trail, const struct kit_facts *facts)
{
	struct kit_record *record = &trail->records[trail->count];

	record->line = (struct mortise_line){.size = sizeof(record->line), .trail = trail->id,
	    .seq = facts->seq, .fields = record->fields};
	(void)snprintf(record->number, sizeof(record->number), "%" PRIu64, facts->seq);
	(void)snprintf(record->actor, sizeof(record->actor), "1001");
	clock_format(clock_unix_us() - facts->ago_ms * 1000, 6, record->ts);
	if (!draw(record))
		return kit_fail(kit, "there are no random bytes");
	linked_part(record, facts);
	personal_part(record, facts);
	buffer_format(&record->bytes, ",\"h\":\"%s\"}", record->hash);
	field(record, "h", record->hash);
	if (record->bytes.failed) {
		buffer_free(&record->bytes);
		return kit_fail(kit, "out of memory");
	}
	record->line.line = record->bytes.data;
	record->line.line_size = record->bytes.size;
	trail->lines[trail->count++] = record->line;
	return true;
}

bool
kit_trail_fill(struct kit *kit, struct kit_trail *trail, uint64_t from, uint64_t to)
{
	for (uint64_t seq = from; seq <= to; seq++) {
		struct kit_record *record = &trail->records[trail->count];
		const struct kit_facts facts = {.seq = seq, .agency = "ag_1", .resource = "auth_1",
		    .email = record->email, .ago_ms = (int64_t)(to - seq) * 1000};

		(void)snprintf(record->email, sizeof(record->email), "kit-%" PRIu64
		    "@agency.example", seq);
		if (!kit_trail_add(kit, trail, &facts))
			return false;
	}
	return true;
}

/* --- calls ------------------------------------------------------------------------- */

enum mortise_code
kit_emit(struct kit *kit, const struct mortise_line *lines, size_t count, size_t *taken)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	enum mortise_code code;

	kit_ask(kit, &call, "emit");
	code = backend_sink_emit(kit->backend, &call, lines, count, taken);
	kit_answered(kit, &call, "emit");
	return code;
}

bool
kit_emits(struct kit *kit, const struct mortise_line *lines, size_t count, const char *what)
{
	size_t taken;

	return kit_expect(kit, kit_emit(kit, lines, count, &taken), KIT_CODE(OK), "emit of %s",
	    what);
}

bool
kit_flushes(struct kit *kit)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	enum mortise_code code;

	kit_ask(kit, &call, "flush");
	code = backend_sink_flush(kit->backend, &call);
	kit_answered(kit, &call, "flush");
	return kit_expect(kit, code, KIT_CODE(OK), "flush");
}

bool
kit_stands_at(struct kit *kit, const char *trail, uint64_t seq, const char *when)
{
	struct mortise_call call = kit_call(kit, &kit->error);
	uint64_t found = 0;
	enum mortise_code code;

	kit_ask(kit, &call, "position");
	code = backend_sink_position(kit->backend, &call, trail, &found);
	kit_answered(kit, &call, "position");
	if (!kit_expect(kit, code, KIT_CODE(OK), "position %s", when))
		return false;
	return found == seq || kit_fail(kit, "position %s is %" PRIu64 ", where %" PRIu64
	    " is right", when, found, seq);
}
