/* SPDX-License-Identifier: BSD-2-Clause */
/* audit/record.h: the golden trail byte for byte, and what a line may hold. */
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>

#include "audit/record.h"
#include "base/file.h"
#include "../test.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define TRAIL "4283fefc63f0cd0e873a0000c6d07ef7"
#define DOTS "\xe2\x80\xa6"

static void
join_golden(char *path, size_t size)
{
	const char *srcdir = getenv("srcdir");

	(void)snprintf(path, size, "%s/tests/golden/trail-v1.jsonl",
	    srcdir == NULL ? "." : srcdir);
}

/* --- the golden trail -------------------------------------------------------- */

/* What is random in it; the rest follows from the number. */
static const struct {
	const char *op, *salt;
} golden[] = {
	{"fc1f7cd5bb2e35cbf0f19c557067cbbe", "80c46d1fb6dfbdb0ae0755281220e087"},
	{"835b92558589eaff309cad68386d070c", "415ed7e70cad19461922995d84016e51"},
	{"c6b36d6f3c9f0ac9056a4ad683cbf721", NULL},
	{"93e8319002d3167d53e5753dc98fa36a", "1009aecac22ae386fb856967b282e2a7"},
	{"c91a5a97a327707c2822009bff43a255", "44a9394641a659d51782ed8ee0ca58f0"},
	{"d01b44488cc527f05ae77aff7da8712b", "56999b5e23c548d61fcbc512838242e7"},
	{"cdc5ae4f63dd3987c06e007865946898", NULL},
	{"cc6086ed95e6b0cdca2f790d4c8520b8", "d94e8f5e183d2b2e0552c89667a822be"},
	{"1598b7cc5f8a7870cad78625e48e544e", "b9c7369237caf3511061fea83537c7fe"},
	{"c5779ec6e8af362100fac96c5400c41c", "842e90114183d260f486eca887715bd1"},
	{"bd6d282853416d112fb3a141e4ce0828", NULL},
};

/* 2026-11-23T10:00:00Z */
#define GOLDEN_US INT64_C(1795428000000000)

static void
golden_open(struct buffer *lines, char hash[65])
{
	const struct record record = {
		.type = RECORD_OPEN, .segment = 1, .program = "mortise 0.1.0",
	};
	const struct record_link link = {
		.trail = TRAIL, .host = "b77e90d3593ad699", .seq = 1,
		.time_us = GOLDEN_US + 1000001, .before = ZEROS,
	};

	CHECK_NUMBER(record_line(&record, &link, lines, hash, NULL), MORTISE_OK);
}

static void
golden_outcome(size_t i, struct buffer *lines, char hash[65])
{
	static const struct record_actor actor = {
		.uid = 1001, .gid = 1001, .pid = 77, .via = "socket",
	};
	int64_t seq = (int64_t)i + 2;
	char agency[32], resource[32], email[64], address[32], metadata[64], before[65];
	const struct record_call call = {.backend = "main", .code = "ok", .ms = seq};
	const struct record_personal personal = {
		.user_email = email, .ip_address = address, .user_agent = "curl/8 \"q\"",
		.metadata = metadata,
	};
	struct record record = {
		.type = RECORD_OUTCOME, .action = "token_viewed", .agency_id = agency,
		.resource_type = "platform_authorization", .resource_id = resource,
		.actor = &actor, .code = "ok", .ms = seq, .calls = &call, .calls_count = 1,
		.personal = golden[i].salt == NULL ? NULL : &personal,
	};
	unsigned char salt[16];
	const struct record_link link = {
		.trail = TRAIL, .seq = (uint64_t)seq, .time_us = GOLDEN_US + seq * 1000001,
		.before = before, .salt = salt,
	};

	(void)snprintf(agency, sizeof(agency), "ag_%d", (int)(seq % 3));
	(void)snprintf(resource, sizeof(resource), "auth_%d", (int)seq);
	(void)snprintf(email, sizeof(email), "\xc3\xbcser%d@agency.example", (int)seq);
	(void)snprintf(address, sizeof(address), "192.0.2.%d", (int)seq);
	(void)snprintf(metadata, sizeof(metadata), "{\"ticket\":\"T-%d\"}", (int)seq);
	memcpy(record.op, golden[i].op, sizeof(record.op));
	if (golden[i].salt != NULL)
		(void)hex_decode(golden[i].salt, salt, sizeof(salt));
	memcpy(before, hash, sizeof(before));
	CHECK_NUMBER(record_line(&record, &link, lines, hash, NULL), MORTISE_OK);
}

static void
test_golden(void)
{
	struct buffer lines = {0};
	char path[4096], hash[65];
	size_t size = 0;
	char *want;

	join_golden(path, sizeof(path));
	want = file_read(AT_FDCWD, path, 1 << 20, &size);
	golden_open(&lines, hash);
	for (size_t i = 0; i < ARRAY_SIZE(golden); i++)
		golden_outcome(i, &lines, hash);
	if (CHECK(want != NULL))
		CHECK_TEXT_AS(lines.data, want, "the golden trail, byte for byte");
	free(want);
	buffer_free(&lines);
}

/* --- fields ------------------------------------------------------------------ */

/* The line of a record with the number 7, parsed; NULL if it is refused. */
static json_t *
line_of(const struct record *record, struct buffer *line)
{
	static const unsigned char salt[16] = {1, 2, 3};
	const struct record_link link = {
		.trail = TRAIL, .host = "0011223344556677", .seq = 7, .time_us = GOLDEN_US,
		.back = true, .writer = 99, .before = ZEROS, .salt = salt,
	};
	char hash[65];

	line->size = 0;
	if (record_line(record, &link, line, hash, NULL) != MORTISE_OK)
		return NULL;
	return json_loadb(line->data, line->size, JSON_REJECT_DUPLICATES, NULL);
}

/* c without what all records have, up to pc. */
static void
check_fields(const struct record *record, const char *want)
{
	struct buffer line = {0};
	json_t *tree = line_of(record, &line);
	char *start = tree == NULL ? NULL : strstr(line.data, "\"t\":");
	char *end = tree == NULL ? NULL : strstr(line.data, ",\"pc\":");

	if (end != NULL)
		*end = '\0';
	CHECK_TEXT_AS(start, want, want);
	json_decref(tree);
	buffer_free(&line);
}

static void
test_fields(void)
{
	static const struct record_gap gap = {3, 6, "the disk broke", "alice"};
	static const struct record_plugin plugins[] = {{"local", "1.0", "/p/local.so", "aa"}};
	static const struct record_actor root = {.via = "direct", .app = true};
	static const struct record_call calls[] = {
		{"main", "ok", 0, "v1"}, {"two", "timeout", -1, ""},
	};
	static const struct record_store stores[] = {
		{"a", "id-1", 4}, {"b", "id-1", 5}, {"c", "i\"d", UINT64_MAX},
	};

	check_fields(&(struct record){.type = RECORD_TORN, .torn_bytes = 9, .torn_sha256 = "ab"},
	    "\"t\":\"torn\",\"bytes\":9,\"sha256\":\"ab\",\"back\":true");
	check_fields(&(struct record){
		.type = RECORD_OPEN, .segment = 2, .gap = &gap, .program = "p", .config = "c",
		.plugins = plugins, .plugins_count = 1,
	}, "\"t\":\"open\",\"trail\":\"" TRAIL "\",\"segment\":2,\"before\":\"" ZEROS "\",\"gap\":{"
	    "\"from\":3,\"to\":6,\"reason\":\"the disk broke\",\"by\":\"alice\"},\"program\":\"p\","
	    "\"host\":\"0011223344556677\",\"config\":\"c\",\"plugins\":[{\"name\":\"local\","
	    "\"version\":\"1.0\",\"path\":\"/p/local.so\",\"sha256\":\"aa\"}],\"back\":true");
	check_fields(&(struct record){
		.type = RECORD_INTENT, .op = "ab", .action = "secret_written", .agency_id = "",
		.resource_type = "secret", .resource_id = "a/b", .actor = &root,
	}, "\"t\":\"intent\",\"op\":\"ab\",\"action\":\"secret_written\","
	    "\"resourceType\":\"secret\",\"resourceId\":\"a/b\",\"actor\":{\"uid\":0,\"gid\":0,\"pid\":0,\"via\":\"direct\","
	    "\"app\":true},\"w\":99,\"back\":true");
	check_fields(&(struct record){
		.type = RECORD_OUTCOME, .claimed = "ag_2", .code = "ok", .reason = "stale", .ms = 0,
		.calls = calls, .calls_count = 2, .cached = true, .stale = true,
		.stores = stores, .stores_count = 3,
	}, "\"t\":\"outcome\",\"claimed\":\"ag_2\",\"code\":\"ok\",\"reason\":\"stale\",\"ms\":0,"
	    "\"calls\":[{\"backend\":\"main\",\"code\":\"ok\",\"ms\":0,\"version\":\"v1\"},"
	    "{\"backend\":\"two\",\"code\":\"timeout\"}],\"cached\":true,\"stale\":true,"
	    "\"stores\":{\"id-1\":5,\"i\\\"d\":9007199254740991},\"back\":true");
	check_fields(&(struct record){.type = RECORD_OUTCOME, .agency_id = "a\xff\x01z", .ms = -1},
	    "\"t\":\"outcome\",\"agencyId\":\"a\xef\xbf\xbd\\u0001z\",\"bad\":true,\"back\":true");
}

/* --- limits ------------------------------------------------------------------ */

/* unit, so many times, and what of it stands in the field: n bytes and dots. */
static void
test_cuts(void)
{
	static const struct {
		const char *unit;
		size_t times, kept;
		bool dots;
	} cuts[] = {
		{"x", 512, 512, false},
		{"x", 513, 509, true},
		{"\xc3\xa4", 256, 512, false},
		{"\xc3\xa4", 257, 508, true},		/* never half a character */
		{"\xf0\x9f\x98\x80", 200, 508, true},
		{"\xff", 170, 510, false},		/* counted as what replaces it */
		{"\xff", 171, 507, true},
	};
	struct buffer line = {0}, text = {0};

	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		struct record record = {.type = RECORD_OUTCOME};
		json_t *tree, *value;

		text.size = 0;
		for (size_t k = 0; k < cuts[i].times; k++)
			buffer_text(&text, cuts[i].unit);
		record.resource_id = text.data;
		tree = line_of(&record, &line);
		value = json_object_get(json_object_get(tree, "c"), "resourceId");
		CHECK_NUMBER_AS(json_string_length(value), cuts[i].kept + (cuts[i].dots ? 3 : 0),
		    "length after the cut");
		CHECK_AS(json_string_length(value) >= 3 && (strcmp(json_string_value(value) +
		    json_string_length(value) - 3, DOTS) == 0) == cuts[i].dots, "dots, row %zu", i);
		json_decref(tree);
	}
	buffer_free(&text);
	buffer_free(&line);
}

static void
check_personal(const char *key, const struct record_personal *personal, size_t want)
{
	struct record record = {.type = RECORD_OUTCOME, .personal = personal};
	struct buffer line = {0};
	json_t *tree = line_of(&record, &line);

	CHECK_NUMBER_AS(json_string_length(json_object_get(json_object_get(tree, "p"), key)), want,
	    key);
	CHECK_TEXT(json_string_value(json_object_get(json_object_get(tree, "p"), "s")),
	    "01020300000000000000000000000000");
	json_decref(tree);
	buffer_free(&line);
}

static void
test_personal(void)
{
	char text[1001];

	memset(text, 'a', 1000);
	text[1000] = '\0';
	check_personal("userEmail", &(struct record_personal){.user_email = text}, 320);
	check_personal("ipAddress", &(struct record_personal){.ip_address = text}, 64);
	check_personal("userAgent", &(struct record_personal){.user_agent = text}, 512);
	check_personal("metadata", &(struct record_personal){.metadata = "{}"}, 0);
}

static void
test_long_line(void)
{
	static char version[401];
	struct record_call calls[80];
	struct record record = {.type = RECORD_OUTCOME, .calls = calls, .calls_count = 80};
	struct record_personal personal = {0};
	struct buffer line = {0}, metadata = {0};
	json_t *tree, *c;

	memset(version, 'v', 400);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		calls[i] = (struct record_call){"main", "ok", 1, version};
	tree = line_of(&record, &line);
	c = json_object_get(tree, "c");
	CHECK(line.size <= RECORD_LINE_MAX && line.size > RECORD_LINE_MAX - 800);
	CHECK_NUMBER(json_array_size(json_object_get(c, "calls")) +
	    (size_t)json_integer_value(json_object_get(c, "more")), 80);
	json_decref(tree);
	record.calls_count = 0;
	buffer_format(&metadata, "{\"a\":\"%*s\"}", 17000, "");
	personal.metadata = metadata.data;
	record.personal = &personal;
	CHECK_AS(line_of(&record, &line) == NULL, "too long without calls is refused");
	buffer_free(&metadata);
	buffer_free(&line);
}

/* --- metadata ---------------------------------------------------------------- */

static void
test_metadata(void)
{
	static const struct {
		const char *text, *want;	/* want NULL: invalid */
	} rows[] = {
		{"{}", "{}"},
		{" { \"b\" : 1.50 ,\n\t\"a\" : [ true , null ] } ",
		    "{\"b\":1.50,\"a\":[true,null]}"},
		{"{\"a b\": \"c \\\" d\", \"e\": \"\\\\\" }",
		    "{\"a b\":\"c \\\" d\",\"e\":\"\\\\\"}"},
		{"{\"z\":1,\"a\":{\"y\":2,\"b\":3}}", "{\"z\":1,\"a\":{\"y\":2,\"b\":3}}"},
		{"{\"a\":1,\"a\":2}", NULL},
		{"[1]", NULL},
		{"\"a\"", NULL},
		{"{\"a\":1", NULL},
		{"{\"a\":1} x", NULL},
		{"{\"a\":\"\xff\"}", NULL},
		{"", NULL},
	};
	char *made = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		made = NULL;
		CHECK_NUMBER_AS(record_metadata(rows[i].text, &made, NULL),
		    rows[i].want == NULL ? MORTISE_INVALID : MORTISE_OK, "metadata");
		if (rows[i].want != NULL)
			CHECK_TEXT(made, rows[i].want);
		free(made);
	}
	made = NULL;
	CHECK_NUMBER(record_metadata(NULL, &made, NULL), MORTISE_OK);
	CHECK(made == NULL);
}

static void
test_metadata_length(void)
{
	struct buffer text = {0};
	char *made = NULL;

	/* Spaces between tokens do not count: exactly 8192 without them. */
	buffer_format(&text, "{ \"a\" : \"%*s\" }", 8192 - 8, "");
	CHECK_NUMBER(record_metadata(text.data, &made, NULL), MORTISE_OK);
	CHECK_NUMBER(made == NULL ? 0 : strlen(made), 8192);
	free(made);
	text.size = 0;
	buffer_format(&text, "{\"a\":\"%*s\"}", 8192 - 7, "");
	CHECK_NUMBER(record_metadata(text.data, &made, NULL), MORTISE_INVALID);
	buffer_free(&text);
}

int
main(void)
{
	test_golden();
	test_fields();
	test_cuts();
	test_personal();
	test_long_line();
	test_metadata();
	test_metadata_length();
	return test_end();
}
