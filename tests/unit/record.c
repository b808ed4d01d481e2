/* SPDX-License-Identifier: BSD-2-Clause */
/* audit: the bytes of a record.  tests/golden/trail-v1.jsonl is format version 1
 * for ever: what it holds is made again here, byte for byte. */
#include <fcntl.h>
#include <stdlib.h>

#include "../test.h"
#include "audit/record.h"
#include "base/clock.h"
#include "base/file.h"

static const char trail_id[] = "4283fefc63f0cd0e873a0000c6d07ef7";
static const char host[] = "b77e90d3593ad699";

/* What is random in the golden trail, from record 2 on. */
static const struct {
	const char *op, *salt;	/* salt NULL: no personal part */
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

/* 2026-11-23T10:00:SS.00000SZ, S being the record's number. */
static int64_t
golden_time(unsigned int seq)
{
	return INT64_C(1795428000000000) + (int64_t)seq * 1000001;
}

static bool
finish(const struct record *record, struct record_link *link, struct buffer *all, char hash[65])
{
	struct record_body body _cleanup_(record_free) = {.commitment = ""};

	return record_prepare(record, link, &body, NULL) == MORTISE_OK &&
	    record_finish(&body, link, all, hash);
}

static bool
golden_record(unsigned int seq, struct buffer *all, char hash[65])
{
	static const struct record_actor actor = {.uid = 1001, .gid = 1001, .pid = 77, .via = "socket"};
	const struct record_call call = {.backend = "main", .code = "ok", .ms = seq};
	char agency[16], resource[16], email[64], address[32], metadata[32];
	unsigned char salt[16] = {0};
	struct record_personal personal = {.user_email = email, .ip_address = address,
	    .user_agent = "curl/8 \"q\"", .metadata = metadata};
	struct record record = {
		.type = RECORD_OUTCOME, .action = "token_viewed", .agency_id = agency,
		.resource_type = "platform_authorization", .resource_id = resource,
		.actor = &actor, .code = "ok", .ms = seq, .calls = &call, .calls_count = 1,
	};
	struct record_link link = {.trail = trail_id, .seq = seq, .time_us = golden_time(seq),
	    .before = hash, .salt = salt};

	(void)snprintf(agency, sizeof(agency), "ag_%u", seq % 3);
	(void)snprintf(resource, sizeof(resource), "auth_%u", seq);
	(void)snprintf(email, sizeof(email), "\xc3\xbcser%u@agency.example", seq);
	(void)snprintf(address, sizeof(address), "192.0.2.%u", seq);
	(void)snprintf(metadata, sizeof(metadata), "{\"ticket\":\"T-%u\"}", seq);
	memcpy(record.op, golden[seq - 2].op, sizeof(record.op));
	if (golden[seq - 2].salt != NULL) {
		record.personal = &personal;
		if (!hex_decode(golden[seq - 2].salt, salt, sizeof(salt)))
			return false;
	}
	return finish(&record, &link, all, hash);
}

static void
test_golden(void)
{
	const struct record open = {.type = RECORD_OPEN, .segment = 1, .program = "mortise 0.1.0"};
	char hash[65], path[512], *want;
	struct record_link link = {.trail = trail_id, .host = host, .seq = 1,
	    .time_us = golden_time(1), .before = hash};
	struct buffer all = {0};
	size_t size = 0;

	memset(hash, '0', 64);
	hash[64] = '\0';
	CHECK(finish(&open, &link, &all, hash));
	for (unsigned int seq = 2; seq <= ARRAY_SIZE(golden) + 1; seq++)
		CHECK(golden_record(seq, &all, hash));
	(void)snprintf(path, sizeof(path), "%s/tests/golden/trail-v1.jsonl", getenv("srcdir"));
	want = file_read(AT_FDCWD, path, 1 << 20, &size);
	CHECK_AS(want != NULL && size == all.size && memcmp(want, all.data, size) == 0,
	    "the golden trail, byte for byte");
	free(want);
	buffer_free(&all);
}

/* --- one record's line, as text ------------------------------------------------- */

static const unsigned char no_salt[16];

static char *
line_of(const struct record *record)
{
	struct record_link link = {.trail = trail_id, .seq = 7, .time_us = golden_time(7),
	    .before = "0000000000000000000000000000000000000000000000000000000000000000",
	    .salt = no_salt, .writer = 5};
	struct buffer line = {0};
	char hash[65];

	if (!finish(record, &link, &line, hash))
		return NULL;
	return buffer_take(&line);
}

static void
check_has(const struct record *record, const char *part, const char *what)
{
	char *line = line_of(record);

	if (!CHECK_AS(line != NULL && strstr(line, part) != NULL, "%s", what))
		printf("# %s", line == NULL ? "(none)\n" : line);
	free(line);
}

static void
test_fields(void)
{
	const struct record_actor root = {.via = "direct"};
	const struct record_gap gap = {.from = 3, .to = 9, .reason = "r", .by = "b"};
	const struct record_store stores[] = {{"main", "aa", 4}, {"spare", "bb", 0}};
	struct record record = {.type = RECORD_INTENT, .op = "0123456789abcdef0123456789abcdef",
	    .action = "secret_written", .actor = &root};

	check_has(&record, "\"t\":\"intent\",\"op\":\"0123456789abcdef0123456789abcdef\","
	    "\"action\":\"secret_written\",\"actor\":{\"uid\":0,\"gid\":0,\"pid\":0,"
	    "\"via\":\"direct\"},\"w\":5,\"pc\":null}", "an intent; empty fields are left out");
	record.type = RECORD_OUTCOME;
	record.code = "denied";
	record.reason = "agency";
	record.claimed = "ag_2";
	record.stale = true;
	record.stores = stores;
	record.stores_count = 2;
	check_has(&record, "},\"claimed\":\"ag_2\",\"code\":\"denied\",\"reason\":\"agency\","
	    "\"stale\":true,\"stores\":{\"aa\":4,\"bb\":0},\"pc\":null}", "an outcome's fields in order");
	record = (struct record){.type = RECORD_TORN, .torn_bytes = 17, .torn_sha256 = "ab"};
	check_has(&record, "\"t\":\"torn\",\"bytes\":17,\"sha256\":\"ab\",\"pc\":null}", "torn");
	record = (struct record){.type = RECORD_OPEN, .segment = 2, .gap = &gap, .program = "p"};
	check_has(&record, "\"gap\":{\"from\":3,\"to\":9,\"reason\":\"r\",\"by\":\"b\"},"
	    "\"program\":\"p\",\"pc\":null}", "a gap");
}

static void
test_texts(void)
{
	char long_text[700] = "";
	struct record_personal personal = {.user_agent = long_text};
	struct record record = {.type = RECORD_OUTCOME, .resource_id = "a\"\\\n\x01\xc3\xbc",
	    .personal = &personal};
	char *line;

	check_has(&record, "\"resourceId\":\"a\\\"\\\\\\n\\u0001\xc3\xbc\"", "escapes");
	record.resource_id = "a\xff" "b";
	check_has(&record, "\"resourceId\":\"a\xef\xbf\xbd" "b\",\"bad\":true,\"pc\":", "bad UTF-8");
	/* 512 bytes with an ellipsis, and no character is cut. */
	record.resource_id = NULL;
	for (size_t i = 0; i < sizeof(long_text) - 1; i += 2)
		memcpy(long_text + i, "\xc3\xbc", 2);
	long_text[sizeof(long_text) - 2] = '\0';
	line = line_of(&record);
	CHECK(line != NULL);
	if (line != NULL) {
		const char *at = strstr(line, "\"userAgent\":\"") + 13, *end = strchr(at, '"');

		CHECK_NUMBER_AS(end - at, 511, "254 characters and an ellipsis");
		CHECK(memcmp(end - 3, "\xe2\x80\xa6", 3) == 0);
		CHECK(utf8_valid(line, strlen(line)) == strlen(line));
	}
	free(line);
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	record.personal = NULL;
	record.resource_id = long_text;
	line = line_of(&record);
	CHECK_AS(line != NULL && strstr(line, "xxx\"") - strstr(line, "\"xxx") == 510,
	    "a resource is cut at 512");
	free(line);
}

static void
test_more(void)
{
	static struct record_call calls[400];
	struct record record = {.type = RECORD_OUTCOME, .calls = calls, .calls_count = ARRAY_SIZE(calls)};
	char *line;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		calls[i] = (struct record_call){.backend = "a-backend-with-a-name", .code = "unavailable",
		    .ms = 2000, .version = "0123456789"};
	line = line_of(&record);
	CHECK(line != NULL && strlen(line) <= RECORD_LINE_MAX && strlen(line) > RECORD_LINE_MAX - 1200);
	CHECK(line != NULL && strstr(line, "],\"more\":") != NULL);
	free(line);
}

static void
test_metadata(void)
{
	static const struct {
		const char *text, *compact;	/* NULL: invalid */
	} rows[] = {
		{"{}", "{}"}, {" { \"b\" : 1 , \"a\" : [ 1.5, null ] } ", "{\"b\":1,\"a\":[1.5,null]}"},
		{"", NULL}, {"[]", NULL}, {"1", NULL}, {"{\"a\":1,\"a\":2}", NULL}, {"{\"a\":", NULL},
		{"{\"a\":NaN}", NULL},
	};
	char *big, *compact;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum mortise_code code;

		compact = NULL;
		code = record_metadata(rows[i].text, &compact, NULL);
		CHECK_NUMBER_AS(code, rows[i].compact == NULL ? MORTISE_INVALID : MORTISE_OK, rows[i].text);
		if (rows[i].compact != NULL)
			CHECK_TEXT_AS(compact, rows[i].compact, "compact, its order kept");
		free(compact);
	}
	big = malloc(8300);
	if (big == NULL)
		return;
	(void)snprintf(big, 8300, "{\"a\":\"%08180d\"}", 0);
	compact = NULL;
	CHECK_NUMBER_AS(record_metadata(big, &compact, NULL), MORTISE_OK, "8 188 bytes");
	free(compact);
	(void)snprintf(big, 8300, "{\"a\":\"%08190d\"}", 0);
	CHECK_NUMBER_AS(record_metadata(big, &compact, NULL), MORTISE_INVALID, "more than 8 KiB");
	free(big);
}

int
main(void)
{
	test_golden();
	test_fields();
	test_texts();
	test_more();
	test_metadata();
	return test_end();
}
