/* SPDX-License-Identifier: BSD-2-Clause */
#include "sink_lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TS "2026-11-25T10:00:00.123456Z"
#define OP "00112233445566778899aabbccddeeff"
#define CALLS "[{\"backend\":\"store\",\"code\":\"ok\",\"ms\":1}]"
#define SALT "0123456789abcdef0123456789abcdef"
#define PC "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static const struct mortise_pair common[] = {
	{"v", "1"}, {"seq", NULL}, {"ts", TS}, {"t", "outcome"}, {"op", OP},
	{"action", "token_viewed"}, {"agencyId", "ag \"1\"]\\"},
	{"resourceType", "platform_authorization"}, {"resourceId", "auth_1"},
	{"actor.uid", "1001"}, {"actor.gid", "1002"}, {"actor.pid", "77"},
	{"actor.via", "direct"}, {"code", "ok"}, {"ms", "12"}, {"calls", CALLS}, {"cached", "true"},
	{"pc", PC},
};
#define COMMON (sizeof(common) / sizeof(common[0]))

static void
write_line(struct sink_record *record)
{
	const char *email = record->email, *agent = record->agent;
	int n = snprintf(record->bytes, sizeof(record->bytes),
	    "{\"c\":{\"v\":1,\"seq\":%s,\"ts\":\"" TS "\",\"t\":\"outcome\",\"op\":\"" OP
	    "\",\"action\":\"token_viewed\",\"agencyId\":\"ag \\\"1\\\"]\\\\\",\"resourceType\":"
	    "\"platform_authorization\",\"resourceId\":\"auth_1\",\"actor\":{\"uid\":1001,"
	    "\"gid\":1002,\"pid\":77,\"via\":\"direct\"},\"code\":\"ok\",\"ms\":12,\"calls\":" CALLS
	    ",\"cached\":true,\"pc\":%s%s%s},\"p\":", record->number,
	    email[0] == '\0' ? "null" : "\"", email[0] == '\0' ? "" : PC,
	    email[0] == '\0' ? "" : "\"");

	if (email[0] == '\0')
		n += snprintf(record->bytes + n, sizeof(record->bytes) - (size_t)n, "null");
	else
		n += snprintf(record->bytes + n, sizeof(record->bytes) - (size_t)n,
		    "{\"s\":\"" SALT "\",\"userEmail\":\"%s\",\"ipAddress\":\"192.0.2.7\"%s%s%s,"
		    "\"metadata\":{\"p\":{\"h\":\"x\"},\"n\":[1,2]}}", email,
		    agent[0] == '\0' ? "" : ",\"userAgent\":\"", agent,
		    agent[0] == '\0' ? "" : "\"");
	n += snprintf(record->bytes + n, sizeof(record->bytes) - (size_t)n, ",\"h\":\"%s\"}",
	    record->hash);
	record->line.line = record->bytes;
	record->line.line_size = (size_t)n;
}

static void
add_field(struct sink_record *record, const char *name, const char *value)
{
	if (value[0] != '\0')
		record->fields[record->line.fields_count++] = (struct mortise_pair){name, value};
}

static void
write_fields(struct sink_record *record)
{
	record->line.fields = record->fields;
	record->line.fields_count = 0;
	for (size_t i = 0; i < COMMON; i++)
		add_field(record, common[i].name, i == 1 ? record->number : common[i].value);
	if (record->email[0] != '\0') {
		add_field(record, "s", SALT);
		add_field(record, "userEmail", record->email);
		add_field(record, "ipAddress", "192.0.2.7");
		add_field(record, "userAgent", record->agent);
		add_field(record, "metadata", "{\"p\":{\"h\":\"x\"},\"n\":[1,2]}");
	} else
		record->line.fields_count--;
	add_field(record, "h", record->hash);
}

static void
make(struct sink_record *record, const char *trail, uint64_t seq)
{
	record->line = (struct mortise_line){.size = sizeof(record->line), .trail = trail,
	    .seq = seq};
	(void)snprintf(record->number, sizeof(record->number), "%" PRIu64, seq);
	/* Another in each trail. */
	(void)snprintf(record->hash, sizeof(record->hash), "%.32s%032" PRIx64, trail, seq);
	write_line(record);
	write_fields(record);
}

void
sink_record_make(struct sink_record *record, const char *trail, uint64_t seq, const char *email)
{
	record->agent[0] = '\0';
	(void)snprintf(record->email, sizeof(record->email), "%s", email == NULL ? "" : email);
	make(record, trail, seq);
}

void
sink_record_long(struct sink_record *record, const char *trail, uint64_t seq, size_t agent)
{
	memset(record->agent, 'a', agent);
	record->agent[agent] = '\0';
	(void)snprintf(record->email, sizeof(record->email), "ann@agency.example");
	make(record, trail, seq);
}

void
sink_record_set(struct sink_record *record, const char *name, const char *value)
{
	for (size_t i = 0; i < record->line.fields_count; i++) {
		if (strcmp(record->fields[i].name, name) == 0)
			record->fields[i].value = value;
	}
}

struct sink_batch *
sink_batch_make(const char *trail, uint64_t from, uint64_t to)
{
	struct sink_batch *batch = calloc(1, sizeof(*batch));

	batch->count = (size_t)(to - from + 1);
	batch->records = calloc(batch->count, sizeof(*batch->records));
	for (size_t i = 0; i < batch->count; i++) {
		sink_record_make(&batch->records[i], trail, from + i, "ann@agency.example");
		batch->lines[i] = batch->records[i].line;
	}
	return batch;
}

void
sink_batch_free(struct sink_batch *batch)
{
	free(batch->records);
	free(batch);
}
