/* SPDX-License-Identifier: BSD-2-Clause */
/* audit/verify.h and verify_line.h: what is a line, what anchors say, and that
 * want of memory is never told as a broken trail.  What can be done to a trail
 * is in tests/audit/tamper.py. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/verify.h"
#include "audit/verify_line.h"
#include "base/attr.h"
#include "base/error.h"
#include "base/file.h"
#include "../test.h"

#define TRAIL "4283fefc63f0cd0e873a0000c6d07ef7"
#define LAST "60517b7764574b49e772b1804da1c54b5d96e74b67594e92ab37ec56f2f3f482"
#define BEFORE_LAST "a57f1c884f131d32e43d2ced0d5134cb59c106705cac6244835846cc79c55698"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define FIELDS "\"v\":1,\"seq\":2,\"ts\":\"x\",\"t\":\"close\""

/* --- allocations that fail ----------------------------------------------------- */

static long allocations, failing = -1;

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);

void *
__wrap_malloc(size_t size)
{
	return ++allocations == failing ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return ++allocations == failing ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return ++allocations == failing ? NULL : __real_realloc(old, size);
}

/* --- one line --------------------------------------------------------------------- */

/* Scans {"c":C,"p":P,"h":…} in memory of just its size and a NUL. */
static bool
scans(const char *c, const char *p, char **text, struct scan_line *line)
{
	size_t size = strlen(c) + strlen(p) + sizeof("{'c':,'p':,'h':''}" ZEROS) - 1;
	char *room = malloc(SCAN_ROOM);
	bool good;

	*text = malloc(size + 1);
	if (room == NULL || *text == NULL) {
		free(room);
		return false;
	}
	(void)snprintf(*text, size + 1, "{\"c\":%s,\"p\":%s,\"h\":\"" ZEROS "\"}", c, p);
	good = scan_line(*text, size, room, line);
	free(room);
	return good;
}

static bool
form(const char *c)
{
	struct scan_line line;
	char *text;
	bool good = scans(c, "null", &text, &line);

	free(text);
	return good;
}

/* A member's value, and whether c may hold it. */
static const struct {
	const char *value;
	bool good;
} values[] = {
	{"null", true}, {"true", true}, {"false", true}, {"nul", false}, {"nulls", false},
	{"True", false}, {"", false},
	{"0", true}, {"-0", true}, {"10", true}, {"-7", true}, {"01", false}, {"-01", false},
	{"+1", false}, {"-", false}, {".5", false}, {"1.", false}, {"1.0", false}, {"1e5", false},
	{"1E5", false}, {"0e0", false}, {"0x1", false}, {"NaN", false}, {"Infinity", false},
	{"-Infinity", false}, {"9007199254740991", true}, {"9007199254740992", false},
	{"-9007199254740991", true}, {"-9007199254740992", false}, {"12345678901234567", false},
	{"99999999999999999999999999", false}, {"1 2", false},
	{"\"\"", true}, {"\"a\"", true}, {"\"a", false}, {"\"\\\"\"", true}, {"\"\\\"", false},
	{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", true}, {"\"\\a\"", false}, {"\"\\U0041\"", false},
	{"\"\\u0041\"", true}, {"\"\\uABcd\"", true}, {"\"\\u004\"", false}, {"\"\\u00g1\"", false},
	{"\"\\u+041\"", false}, {"\"\\u0000\"", true}, {"\"\\ud800\"", true},
	{"\"\\ud83d\\ude00\"", true}, {"\"\\ud800\\ud800\"", true}, {"\"\\ud800\\u12\"", false},
	{"\"\x01\"", false}, {"\"\t\"", false}, {"\"\x7f\"", true}, {"\"\xc3\xbc\"", true},
	{"\"\xff\"", false}, {"\"\xed\xa0\x80\"", false}, {"\"\xc0\x80\"", false},
	{"\"\xf4\x90\x80\x80\"", false}, {"'a'", false},
	{"[]", true}, {"[1,2]", true}, {"[ 1 ,\t2\r]", true}, {"[1,]", false}, {"[,1]", false},
	{"[1 2]", false}, {"[1", false}, {"[1}", false}, {"\v1", false}, {"\xc2\xa0" "1", false},
	{"{}", true}, {"{ }", true}, {"{\"a\" :\r1 }", true}, {"{\"a\"}", false},
	{"{\"a\":}", false},
	{"{\"a\":1,}", false}, {"{,}", false}, {"{1:2}", false}, {"{a:1}", false},
	{"{\"a\" 1}", false},
	{"{\"a\":1,\"b\":1}", true}, {"{\"a\":1,\"a\":1}", false},
	{"{\"a\":1,\"\\u0061\":1}", false},
	{"{\"\":1,\"\":1}", false}, {"{\"a\":{\"a\":1},\"b\":{\"a\":1}}", true},
	{"{\"a\":{\"b\":1,\"b\":2}}", false}, {"[{\"a\":1},{\"a\":1}]", true},
	{"[[{\"a\":1,\"b\":{},\"a\":2}]]", false},
	{"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":1}", false},
	{"{\"\\ud83d\":1,\"\\ude00\":1}", true}, {"{\"\\ud800\":1,\"\\uD800\":1}", false},
	{"{\"a\\u0000\":1,\"a\":1}", true}, {"{\"\\ud800\\u0061\":1,\"\\ud800\\u0062\":1}", true},
};

static void
test_values(void)
{
	char c[256];

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		(void)snprintf(c, sizeof(c), "{" FIELDS ",\"x\":%s}", values[i].value);
		/* By number: some hold bytes that no terminal wants. */
		CHECK_AS(form(c) == values[i].good, "value %zu is %s", i,
		    values[i].good ? "taken" : "refused");
	}
}

static const struct {
	const char *c;
	bool good;
} records[] = {
	{"{" FIELDS "}", true},
	{"{ \"v\" : 1 ,\"seq\":2,\r\"ts\":\"\",\t\"t\":\"\" }", true},
	{"{\"t\":\"x\",\"ts\":\"x\",\"seq\":-1,\"\\u0076\":7}", true},
	{"{" FIELDS "} ", false}, {" {" FIELDS "}", false}, {"{" FIELDS "}}", false},
	{"{" FIELDS ",\"t\":\"close\"}", false}, {"{" FIELDS ",}", false}, {"{}", false},
	{"{\"seq\":2,\"ts\":\"x\",\"t\":\"x\"}", false},
	{"{\"v\":1,\"ts\":\"x\",\"t\":\"x\"}", false},
	{"{\"v\":1,\"seq\":2,\"t\":\"x\"}", false},
	{"{\"v\":1,\"seq\":2,\"ts\":\"x\"}", false},
	{"{\"v\":true,\"seq\":2,\"ts\":\"x\",\"t\":\"x\"}", false},
	{"{\"v\":1,\"seq\":\"2\",\"ts\":\"x\",\"t\":\"x\"}", false},
	{"{\"v\":1,\"seq\":2,\"ts\":5,\"t\":\"x\"}", false},
	{"{\"v\":1,\"seq\":2,\"ts\":\"x\",\"t\":null}", false},
	{"[1]", false}, {"null", false}, {"\"{\"", false},
};

/* A list or an object in a list, and so on; c is the first level. */
static bool
nests(unsigned int levels, bool objects)
{
	static char c[8192];
	size_t at = (size_t)snprintf(c, sizeof(c), "{" FIELDS ",\"x\":");

	for (unsigned int i = 1; i < levels; i++)
		at += (size_t)snprintf(c + at, sizeof(c) - at, objects ? "{\"\":" : "[");
	at += (size_t)snprintf(c + at, sizeof(c) - at, "1");
	for (unsigned int i = 1; i < levels; i++)
		c[at++] = objects ? '}' : ']';
	c[at++] = '}';
	c[at] = '\0';
	return form(c);
}

static void
test_records(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(records); i++)
		CHECK_AS(form(records[i].c) == records[i].good, "%s: %s",
		    records[i].good ? "taken" : "refused", records[i].c);
	CHECK(nests(900, false));
	CHECK(!nests(901, false));
	CHECK(nests(900, true));
	CHECK(!nests(901, true));
}

/* Many keys, and the longest: all that fits a line fits the room. */
static void
test_crowded(void)
{
	static const char begin[] = "{" FIELDS;
	/* c, in the longest line with p null. */
	const size_t most = SCAN_LINE_MAX - (sizeof("{'c':,'p':null,'h':''}" ZEROS) - 1);
	static char c[SCAN_LINE_MAX + 64];
	size_t at;

	at = (size_t)snprintf(c, sizeof(c), "%s,\"x\":", begin);
	while (at + 4 <= most)
		at += (size_t)snprintf(c + at, sizeof(c) - at, "{\"\":");
	CHECK(!form(c));
	at = (size_t)snprintf(c, sizeof(c), "%s", begin);
	for (unsigned int i = 0; at + 10 <= most; i++)
		at += (size_t)snprintf(c + at, sizeof(c) - at, ",\"%x\":0", i);
	(void)snprintf(c + at, sizeof(c) - at, "}");
	CHECK(form(c));
	at = (size_t)snprintf(c, sizeof(c), "%s,\"%0*d\":0}", begin,
	    (int)(most - strlen(begin) - strlen(",\"\":0}")), 0);
	CHECK_NUMBER(at, most);
	CHECK(form(c));
	c[most - 4] = '0';
	CHECK_AS(!form(c), "a key without an end");
	(void)snprintf(c, sizeof(c), "%s,\"%0*d\":0}", begin,
	    (int)(most + 1 - strlen(begin) - strlen(",\"\":0}")), 0);
	CHECK_AS(!form(c), "a line of one byte more");
}

/* What is behind a cut is not looked at, and no cut line is a record. */
static void
test_cuts(void)
{
	char *text, *cut, *room = malloc(SCAN_ROOM);
	struct scan_line line;
	size_t size, taken = 0;

	if (!CHECK(scans("{" FIELDS ",\"x\":[\"\\u0041\",-1]}", "{\"s\":1}", &text, &line)) ||
	    room == NULL)
		return;
	size = strlen(text);
	for (size_t i = 0; i < size; i++) {
		cut = malloc(i + 1);
		if (cut == NULL)
			break;
		memcpy(cut, text, i);
		cut[i] = '\0';
		taken += scan_line(cut, i, room, &line);
		free(cut);
	}
	CHECK_NUMBER(taken, 0);
	free(text);
	free(room);
}

static void
test_members(void)
{
	static const char c[] = "{\"t\":\"op\\u0065n\",\"v\":1,\"seq\":9007199254740991,"
	    "\"ts\":\"\","
	    "\"gap\":{\"from\":3,\"to\":4,\"x\":{\"from\":5}},\"x\":{\"pc\":1,\"from\":6},"
	    "\"before\":\"a\\u0000\",\"trail\":7,\"records\":[[1,2]]}";
	struct scan_line line;
	char *text;

	if (!CHECK(scans(c, "{\"s\":1}  ", &text, &line)))
		return;
	CHECK_NUMBER(line.c_size, strlen(c));
	CHECK(memcmp(line.c, c, line.c_size) == 0);
	CHECK_NUMBER(line.p_size, 9);
	CHECK(memcmp(line.p, "{\"s\":1}  ", 9) == 0);
	CHECK(memcmp(line.hash, ZEROS, 64) == 0);
	CHECK_TEXT(line.t.text, "open");
	CHECK_NUMBER(line.v.number, 1);
	CHECK_NUMBER(line.seq.number, 9007199254740991);
	CHECK_NUMBER(line.gap_from.number, 3);
	CHECK_NUMBER(line.gap_to.number, 4);
	CHECK_NUMBER(line.pc.type, SCAN_ABSENT);
	CHECK_NUMBER(line.trail.type, SCAN_INT);
	CHECK_NUMBER(line.before.type, SCAN_TEXT);
	CHECK_TEXT(line.before.text, "");
	CHECK(line.records != NULL && strncmp(line.records, "[[1,2]]", 7) == 0);
	free(text);
}

/* The pairs as text, ending in "." for a list that ends well and in "!" if not. */
static const struct {
	const char *list, *pairs;
} lists[] = {
	{"[]", "."}, {"[ ]", "."}, {"[[1,2]]", "1-2."}, {"[[1,2],[3,4]]", "1-2 3-4."},
	{"[ [ 1 ,\t2 ] ,\r[3,4 ] ]", "1-2 3-4."}, {"[[-1,0]]", "-1-0."},
	{"{}", "!"}, {"\"\"", "!"}, {"1", "!"}, {"null", "!"}, {"[1]", "!"}, {"[null]", "!"},
	{"[[]]", "!"}, {"[[1]]", "!"}, {"[[1,2,3]]", "!"}, {"[[1,\"2\"]]", "!"},
	{"[[true,2]]", "!"},
	{"[{\"a\":1}]", "!"}, {"[[[1],2]]", "!"}, {"[[1,2],3]", "1-2!"},
};

static void
test_pairs(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		char c[128], got[64] = "";
		struct scan_line line;
		const char *at;
		char *text;
		int64_t from, to;
		size_t used = 0;
		int more;

		(void)snprintf(c, sizeof(c), "{" FIELDS ",\"records\":%s}", lists[i].list);
		if (!CHECK_AS(scans(c, "null", &text, &line), "%s is scanned", lists[i].list))
			continue;
		at = line.records;
		while ((more = scan_pair(&at, &from, &to)) == 1)
			used += (size_t)snprintf(got + used, sizeof(got) - used, "%s%lld-%lld",
			    used == 0 ? "" : " ", (long long)from, (long long)to);
		(void)snprintf(got + used, sizeof(got) - used, "%s", more == 0 ? "." : "!");
		CHECK_TEXT_AS(got, lists[i].pairs, lists[i].list);
		free(text);
	}
}

/* --- the golden trail and what is known of it ------------------------------------------ */

static char golden[4096], head_path[4096];

/* The exit status. */
static int
verify(const char *file, const char *head, const struct mortise_audit_anchor *anchors,
    size_t count, char verdict[512])
{
	const char *files[] = {file};
	const struct mortise_verify_options options = {
		.size = sizeof(options), .files = files, .files_count = 1, .head_file = head,
		.anchors = anchors, .anchors_count = count,
	};
	struct mortise_error error = {0};
	enum mortise_code code = verify_trail(&options, verdict, 512, &error);

	return mortise_exit_status(code, error.reason);
}

static const struct {
	const char *text;
	int status;
} heads[] = {
	{"{\"trail\":\"" TRAIL "\",\"seq\":12,\"h\":\"" LAST "\"}", 0},
	{"{ \"stores\":{\"a\":[1.5]},\"h\":\"" BEFORE_LAST "\",\"seq\":11,"
	    "\"trail\":\"" TRAIL "\" }\n", 0},
	{"{\"trail\":\"" TRAIL "\",\"seq\":0,\"h\":\"" ZEROS "\"}", 0},
	{"{\"trail\":\"" TRAIL "\",\"seq\":12,\"h\":\"" BEFORE_LAST "\"}", 10},
	{"{\"trail\":\"" TRAIL "\",\"seq\":12,\"h\":\"" LAST "0\"}", 10},
	{"{\"trail\":\"" TRAIL "\",\"seq\":12,\"h\":\"\"}", 10},
	{"{\"trail\":\"" TRAIL "0\",\"seq\":12,\"h\":\"" LAST "\"}", 10},
	{"{\"trail\":\"0283fefc63f0cd0e873a0000c6d07ef7\",\"seq\":12,\"h\":\"" LAST "\"}", 10},
	{"{\"trail\":\"" TRAIL "\",\"seq\":13,\"h\":\"" LAST "\"}", 11},
	{"{\"trail\":\"" TRAIL "\",\"seq\":-1,\"h\":\"" LAST "\"}", 12},
	{"{\"trail\":\"" TRAIL "\",\"seq\":\"12\",\"h\":\"" LAST "\"}", 12},
	{"{\"trail\":\"" TRAIL "\",\"seq\":12.0,\"h\":\"" LAST "\"}", 12},
	{"{\"trail\":\"" TRAIL "\",\"seq\":12}", 12},
	{"{\"trail\":\"" TRAIL "\",\"h\":\"" LAST "\"}", 12},
	{"{\"seq\":12,\"h\":\"" LAST "\"}", 12},
	{"{\"trail\":\"" TRAIL "\",\"seq\":12,\"h\":\"" LAST "\"", 12},
	{"[]", 12}, {"\"x\"", 12}, {"", 12},
};

static void
test_heads(void)
{
	char verdict[512];

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		if (!CHECK(file_replace(AT_FDCWD, head_path, heads[i].text, strlen(heads[i].text),
		    0600) == 0))
			return;
		CHECK_NUMBER_AS(verify(golden, head_path, NULL, 0, verdict), heads[i].status,
		    heads[i].text);
	}
	(void)unlink(head_path);
	CHECK_NUMBER_AS(verify(golden, head_path, NULL, 0, verdict), 12, "no head file");
}

static void
test_anchors(void)
{
	static const struct mortise_audit_anchor
	    good[] = {{12, LAST}, {0, ZEROS}, {11, BEFORE_LAST}},
	    short_then_wrong[] = {{13, LAST}, {12, BEFORE_LAST}}, last[] = {{UINT64_MAX, LAST}};
	char verdict[512];

	CHECK_NUMBER(verify(golden, NULL, NULL, 0, verdict), 0);
	CHECK_TEXT(verdict, "12 records, to 12 " LAST);
	CHECK_NUMBER(verify(golden, NULL, good, 3, verdict), 0);
	CHECK_NUMBER_AS(verify(golden, NULL, short_then_wrong, 2, verdict), 10,
	    "broken goes before short");
	CHECK_TEXT(verdict, "record 12: hash differs from the expected head");
	CHECK_NUMBER(verify(golden, NULL, last, 1, verdict), 11);
}

static void
test_unreadable(void)
{
	char verdict[512], *parent = path_directory(golden);

	CHECK_NUMBER(verify("no-such-file", NULL, NULL, 0, verdict), 12);
	CHECK_TEXT(verdict, "no-such-file cannot be read: there is no such file");
	CHECK_NUMBER(verify(parent, NULL, NULL, 0, verdict), 12);
	CHECK(strstr(verdict, "it is a directory") != NULL);
	free(parent);
}

static void
test_error(void)
{
	const struct mortise_audit_anchor anchor = {13, LAST};
	const char *files[] = {golden};
	const struct mortise_verify_options options = {
		.size = sizeof(options), .files = files, .files_count = 1,
		.anchors = &anchor, .anchors_count = 1,
	};
	struct mortise_error error = {0};
	char verdict[12];

	CHECK_NUMBER(verify_trail(&options, verdict, sizeof(verdict), &error), MORTISE_ERROR);
	CHECK_NUMBER(error.reason, MORTISE_REASON_SHORT);
	CHECK_TEXT_AS(verdict, "ends at rec", "a verdict that is cut to its room");
	CHECK_NUMBER(verify_trail(&options, verdict, sizeof(verdict), NULL), MORTISE_ERROR);
}

/* Each allocation fails once: a good trail is then good or not told, never
 * broken (10) or short (11). */
static void
test_memory(void)
{
	static const struct mortise_audit_anchor anchors[] = {{12, LAST}};
	char verdict[512];
	unsigned int told = 0, wrong = 0;

	for (long i = 1; i < 1000; i++) {
		int status;

		allocations = 0;
		failing = i;
		status = verify(golden, NULL, anchors, 1, verdict);
		failing = -1;
		if (status == 0)
			break;
		told++;
		wrong += status != 1 && status != 12;
	}
	CHECK(told >= 2);
	CHECK_NUMBER(wrong, 0);
}

int
main(void)
{
	const char *srcdir = getenv("srcdir"), *builddir = getenv("builddir");

	(void)snprintf(golden, sizeof(golden), "%s/tests/golden/trail-v1.jsonl",
	    srcdir == NULL ? "." : srcdir);
	(void)snprintf(head_path, sizeof(head_path), "%s/tests/unit/verify.%ld.head",
	    builddir == NULL ? "." : builddir, (long)getpid());
	test_values();
	test_records();
	test_crowded();
	test_cuts();
	test_members();
	test_pairs();
	test_heads();
	test_anchors();
	test_unreadable();
	test_error();
	test_memory();
	return test_end();
}
