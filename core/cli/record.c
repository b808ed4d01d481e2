/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/record.h"

#include <stdio.h>

#include "base/bytes.h"

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

bool
trail_record_read(struct trail_record *record, const char *line, size_t size)
{
	json_t *tree = json_loadb(line, size, 0, NULL);
	const json_t *c = json_object_get(tree, "c"), *p = json_object_get(tree, "p");
	const json_t *uid = json_object_get(json_object_get(c, "actor"), "uid");

	*record = (struct trail_record){
		.tree = tree, .seq = json_integer_value(json_object_get(c, "seq")),
		.hash = text_of(tree, "h"), .time = text_of(c, "ts"), .type = text_of(c, "t"),
		.op = text_of(c, "op"), .action = text_of(c, "action"),
		.agency = text_of(c, "agencyId"), .resource_type = text_of(c, "resourceType"),
		.resource_id = text_of(c, "resourceId"), .claimed = text_of(c, "claimed"),
		.code = text_of(c, "code"), .reason = text_of(c, "reason"),
		.email = text_of(p, "userEmail"), .address = text_of(p, "ipAddress"),
		.agent = text_of(p, "userAgent"),
		.erased = json_is_null(p) && json_is_string(json_object_get(c, "pc")),
		.uid = json_is_integer(uid) ? json_integer_value(uid) : -1,
	};
	return json_is_object(c);
}

void
trail_record_free(struct trail_record *record)
{
	json_decref(record->tree);
	record->tree = NULL;
}

char *
trail_record_who(const struct trail_record *record)
{
	if (record->email[0] != '\0')
		return text_dup(record->email);
	if (record->erased)
		return text_dup("(erased)");
	return record->uid < 0 ? text_dup("") : text_format("uid %lld", (long long)record->uid);
}

void
trail_record_time(const struct trail_record *record, char text[RECORD_TIME_SIZE])
{
	(void)snprintf(text, RECORD_TIME_SIZE, "%.10s %.8s", record->time,
	    record->time[0] == '\0' ? "" : record->time + 11);
}
