/* SPDX-License-Identifier: BSD-2-Clause */
/* audit/search.h: which records a filter takes. */
#include "../trail.h"

/* The fixture: number, agency, action, type, id, email; of two segments. */
static const struct {
	const char *agency, *action, *type, *id, *email;
} fixture[] = {
	{"ag_1", "token_viewed", "platform_authorization", "auth_1", "a@x.example"},
	{"ag_2", "token_viewed", "platform_authorization", "auth_2", "b@x.example"},
	{"ag_1", "secret_viewed", "secret", "app/key", NULL},
	{"ag_1", "secret_viewed", "secret", "\"agencyId\":\"ag_2\"", "a@x.example"},
	{NULL, "secret_listed", "secret", "app/", "\xc3\xbc@x.example"},
	{"ag_2", "secret_viewed", "secret", "app/key", NULL},
};

static void
fill(const char *directory)
{
	struct trail_options options = {
		.directory = directory, .program = "test 1", .segment_bytes = 1600,
	};
	struct trail *trail = NULL;

	CHECK_NUMBER(trail_open(&options, &trail, NULL), MORTISE_OK);
	for (size_t i = 0; i < ARRAY_SIZE(fixture); i++) {
		const struct record_personal personal = {.user_email = fixture[i].email};
		const struct record record = {
			.type = RECORD_OUTCOME, .op = "0f", .action = fixture[i].action,
			.agency_id = fixture[i].agency, .resource_type = fixture[i].type,
			.resource_id = fixture[i].id, .code = "ok", .ms = (int64_t)i,
			.personal = fixture[i].email == NULL ? NULL : &personal,
		};

		CHECK_NUMBER(trail_append(trail, &record, true, DEADLINE_NEVER, NULL, NULL), MORTISE_OK);
	}
	trail_close(trail);
	CHECK(access(path_in(directory, "000002.jsonl"), F_OK) == 0);
}

/* Which of the fixture a search gave: their numbers, from 0. */
static void
note(void *arg, const char *line, size_t size)
{
	struct buffer *found = arg;
	json_t *tree = json_loadb(line, size, 0, NULL);
	json_t *c = json_object_get(tree, "c");

	if (strcmp(json_string_value(json_object_get(c, "t")), "outcome") == 0)
		buffer_format(found, "%d", (int)json_integer_value(json_object_get(c, "ms")));
	else
		buffer_text(found, "-");
	json_decref(tree);
}

static void
check_search(const char *directory, const struct mortise_audit_filter *filter, const char *want,
    const char *what)
{
	struct buffer found = {0};

	buffer_text(&found, "");
	CHECK_NUMBER_AS(search_trail(directory, filter, note, &found, NULL), MORTISE_OK, what);
	CHECK_TEXT_AS(found.data, want, what);
	buffer_free(&found);
}

static void
test_fields(const char *directory)
{
	static const struct {
		struct mortise_audit_filter filter;
		const char *want, *what;
	} rows[] = {
		{{.agency_id = "ag_1"}, "023", "an agency"},
		{{.agency_id = "ag_2"}, "15", "another, and none that only looks so"},
		{{.agency_id = "ag"}, "", "no part of a word"},
		{{.action = "secret_viewed"}, "235", "an action"},
		{{.action = "secret_*"}, "2345", "a glob of actions"},
		{{.action = "*_viewed", .agency_id = "ag_2"}, "15", "another, of an agency"},
		{{.action = "viewed"}, "", "no part of an action"},
		{{.resource_type = "secret"}, "2345", "a type"},
		{{.resource_id = "app/key"}, "25", "a resource"},
		{{.user_email = "a@x.example"}, "03", "a person"},
		{{.user_email = "\xc3\xbc@x.example"}, "4", "a person, not ASCII"},
		{{.agency_id = "ag_1", .resource_id = "app/key"}, "2", "two fields"},
		{{.action = "secret_viewed", .last = 2}, "35", "the last two of three"},
		{{.action = "secret_viewed", .last = 9}, "235", "the last nine of three"},
		{{.last = 1}, "5", "the last of all"},
		{{.from_ms = 1000, .agency_id = "ag_2"}, "15", "from long ago"},
		{{.to_ms = 1000}, "", "until long ago"},
		{{.from_ms = INT64_C(4102444800000)}, "", "from 2100 on"},
		{{.to_ms = INT64_C(4102444800000), .agency_id = "ag_2"}, "15", "until 2100"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_search(directory, &rows[i].filter, rows[i].want, rows[i].what);
}

/* Both ends of a time: from is in it, to is not. */
static void
test_times(const char *directory)
{
	struct seen seen = see_all(directory);
	struct mortise_audit_filter filter = {.agency_id = "ag_2"};
	int64_t first = 0;

	for (int i = 0; i < (int)json_array_size(seen.records) && first == 0; i++) {
		if (strcmp(field(&seen, i, "resourceId"), "auth_2") == 0)
			(void)clock_parse(field(&seen, i, "ts"), &first);
	}
	seen_free(&seen);
	CHECK(first != 0);
	filter.to_ms = first;		/* its milliseconds, without the rest */
	check_search(directory, &filter, "", "until its millisecond");
	filter.to_ms = 0;
	filter.from_ms = first;
	check_search(directory, &filter, "15", "from its millisecond");
}

/* What is written but not synced yet is nobody's business. */
static void
test_durable(const char *directory)
{
	struct trail *trail = must_open(directory);

	(void)append_one(trail, RECORD_OUTCOME, "0f", "synced", true, NULL);
	(void)append_one(trail, RECORD_INTENT, "0e", "not synced", false, NULL);
	check_search(directory, &(struct mortise_audit_filter){.resource_id = "synced"}, "0",
	    "durable");
	check_search(directory, &(struct mortise_audit_filter){.resource_id = "not synced"}, "",
	    "not durable");
	(void)append_one(trail, RECORD_OUTCOME, "0e", "not synced", true, NULL);
	check_search(directory, &(struct mortise_audit_filter){.resource_id = "not synced"}, "-0",
	    "durable now");
	trail_close(trail);
}

static void
test_missing(void)
{
	struct mortise_audit_filter filter = {0};
	struct mortise_error error = {0};

	CHECK_NUMBER(search_trail("/nonexistent/trail", &filter, note, NULL, &error),
	    MORTISE_ERROR);
	CHECK(strstr(error.message, "/nonexistent/trail") != NULL);
}

int
main(void)
{
	char *directory = scratch_new();

	fill(directory);
	test_fields(directory);
	test_times(directory);
	test_durable(directory);
	test_missing();
	scratch_free(directory);
	return test_end();
}
