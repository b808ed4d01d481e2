/* SPDX-License-Identifier: BSD-2-Clause */
/* cli/report.h: what is escaped, and what is one access. */
#include "cli/report.h"

#include "../test.h"

static void
check_csv(const char *text, const char *want)
{
	struct buffer made = {0};

	csv_cell(&made, text, ",");
	CHECK_TEXT_AS(made.data, want, "a cell");
	buffer_free(&made);
}

static void
test_csv(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"", ","}, {"a", "a,"}, {" a b ", " a b ,"}, {"a,b", "\"a,b\","},
		{"\"", "\"\"\"\","}, {"a\"b", "\"a\"\"b\","}, {"a\nb", "\"a\nb\","},
		{"a\rb", "\"a\rb\","}, {"=1", "'=1,"}, {"+1", "'+1,"}, {"-1", "'-1,"},
		{"@x", "'@x,"}, {"\tx", "'\tx,"}, {"\rx", "\"'\rx\","}, {"a=1", "a=1,"},
		{"=\"a\",b", "\"'=\"\"a\"\",b\","}, {"'=1", "'=1,"}, {"\xc3\xbc", "\xc3\xbc,"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_csv(rows[i].text, rows[i].want);
}

static void
test_html(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"a", "a"}, {"<b>&amp;\"'", "&lt;b&gt;&amp;amp;&quot;&#39;"},
		{"\x1b[1m\x01", "\xef\xbf\xbd[1m\xef\xbf\xbd"}, {"a\tb\nc", "a\tb\nc"},
		{"\r", "\xef\xbf\xbd"}, {"\xc3\xbc\xe2\x82\xac\xf0\x9f\x94\x91",
		"\xc3\xbc\xe2\x82\xac\xf0\x9f\x94\x91"},
		{"x\xef\xbf\xbey\xef\xbf\xbf", "x\xef\xbf\xbdy\xef\xbf\xbd"},
		{"\xef\xbf\xbd", "\xef\xbf\xbd"}, {"]]>--", "]]&gt;--"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buffer made = {0};

		html_text(&made, rows[i].text);
		CHECK_TEXT_AS(made.data, rows[i].want, "a text");
		buffer_free(&made);
	}
}

static void
test_days(void)
{
	CHECK_NUMBER(report_days("2026-01"), 31);
	CHECK_NUMBER(report_days("2026-02"), 28);
	CHECK_NUMBER(report_days("2028-02"), 29);
	CHECK_NUMBER(report_days("2100-02"), 28);
	CHECK_NUMBER(report_days("2000-02"), 29);
	CHECK_NUMBER(report_days("2026-11"), 30);
	CHECK_NUMBER(report_days("2026-12"), 31);
}

static void
take(struct report *report, const char *type, unsigned int seq, unsigned int op, const char *rest)
{
	struct buffer line = {0};

	buffer_format(&line, "{\"c\":{\"v\":1,\"seq\":%u,\"ts\":\"2026-09-%02uT10:00:00.000000Z\","
	    "\"t\":\"%s\",\"op\":\"%032u\"%s},\"h\":\"h%u\"}", seq, seq, type, op, rest, seq);
	report_take(report, line.data, line.size);
	buffer_free(&line);
}

#define ASKED(id, who, code) ",\"action\":\"token_viewed\",\"resourceType\":\"secret\"," \
	"\"resourceId\":\"" id "\"" code ",\"pc\":\"1\"},\"p\":{\"userEmail\":\"" who "\""
#define WANTED(id, who) ASKED(id, who, "")
#define VIEWED(id, who) ASKED(id, who, ",\"code\":\"ok\"")

static void
test_accesses(void)
{
	struct report report = {.agency = "ag_1", .month = "2026-09"};
	struct report_token *tokens = NULL;
	size_t count = 0;

	report_take(&report, "no record", 9);
	take(&report, "intent", 1, 1, WANTED("b", "x@x"));
	take(&report, "intent", 2, 2, WANTED("a", "y@x"));
	take(&report, "outcome", 3, 1, VIEWED("b", "x@x"));
	take(&report, "outcome", 4, 3, VIEWED("b", "xx@x"));
	take(&report, "outcome", 5, 4, VIEWED("b", "x@x"));
	take(&report, "close", 6, 5, VIEWED("b", "z@x"));
	take(&report, "outcome", 7, 6, VIEWED("c", "x@x"));
	take(&report, "intent", 9, 7, WANTED("d", "x@x"));
	take(&report, "outcome", 10, 7, ",\"code\":\"unknown\"");
	take(&report, "refused", 11, 4, ",\"reason\":\"sink\"");
	CHECK(report_finish(&report));
	CHECK_NUMBER(report.count, 6);
	CHECK_NUMBER(report_first(&report)->seq, 2);
	CHECK_TEXT(report.all[0].text[ACCESS_RESULT], "unknown outcome");
	CHECK_NUMBER(report_last(&report)->seq, 9);
	CHECK_TEXT(report_last(&report)->text[ACCESS_RESULT], "unknown outcome");
	CHECK(report.all[3].refused);
	CHECK_TEXT(report.all[3].text[ACCESS_RESULT], "withheld (sink)");
	CHECK(report_tokens(&report, &tokens, &count));
	if (CHECK_NUMBER(count, 4)) {
		CHECK_TEXT(tokens[0].first->text[ACCESS_RESOURCE], "a");
		CHECK_NUMBER(tokens[1].count, 3);
		CHECK_NUMBER(tokens[1].refused, 1);
		CHECK_NUMBER(tokens[1].first->seq, 3);
		CHECK_NUMBER(tokens[1].last->seq, 5);
		CHECK_TEXT(tokens[1].who.data, "x@x, xx@x");
	}
	report_tokens_free(tokens, count);
	report_free(&report);
}

int
main(void)
{
	test_csv();
	test_html();
	test_days();
	test_accesses();
	return test_end();
}
