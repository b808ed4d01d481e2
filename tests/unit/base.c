/* SPDX-License-Identifier: BSD-2-Clause */
/* base: bytes, names, globs, clocks, codes. */
#include <limits.h>
#include <stdlib.h>

#include "../test.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/code.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/name.h"
#include "base/sized.h"

static void
test_base64(void)
{
	static const struct {
		const char *bytes, *text;
	} rows[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
	    {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
	static const char *const bad[] = {"Zg=", "Zh==", "Z===", "Zg==Zg==", "Zm9*", "Zm9", "=Zm9"};
	char text[64], bytes[64];
	size_t size;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		base64_encode(rows[i].bytes, strlen(rows[i].bytes), text);
		CHECK_TEXT_AS(text, rows[i].text, "base64_encode");
		size = sizeof(bytes) - 1;
		CHECK(base64_decode(text, strlen(text), bytes, &size));
		bytes[size] = '\0';
		CHECK_TEXT_AS(bytes, rows[i].bytes, "base64_decode");
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		size = sizeof(bytes);
		CHECK_AS(!base64_decode(bad[i], strlen(bad[i]), bytes, &size), "refused: %s", bad[i]);
	}
	size = 2;
	CHECK_AS(!base64_decode("Zm9v", 4, bytes, &size), "refused: three bytes into two");
	base64url_encode("\xff\xfe\xfd\xfc", 4, text);
	CHECK_TEXT(text, "__79_A");
}

static void
test_hex(void)
{
	unsigned char bytes[3];
	char text[7];

	hex_encode("\x00\xab\xff", 3, text);
	CHECK_TEXT(text, "00abff");
	CHECK(hex_decode("00abff", bytes, 3) && memcmp(bytes, "\x00\xab\xff", 3) == 0);
	CHECK(!hex_decode("00ABFF", bytes, 3));
	CHECK(!hex_decode("00abff0", bytes, 3));
	CHECK(!hex_decode("00a", bytes, 3));
}

static void
test_json_text(void)
{
	struct buffer buffer = {0};

	CHECK(buffer_json(&buffer, "a\"b\\\n\x01\xc3\xbc", 8));
	CHECK_TEXT(buffer.data, "\"a\\\"b\\\\\\n\\u0001\xc3\xbc\"");
	buffer_free(&buffer);
	CHECK(!buffer_json(&buffer, "a\xc0\x80z", 4));
	CHECK_TEXT(buffer.data, "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
	buffer_free(&buffer);
	CHECK_NUMBER(utf8_valid("\xed\xa0\x80", 3), 0);
	CHECK_NUMBER(utf8_valid("ab\xf4\x90\x80\x80", 6), 2);
	CHECK_NUMBER(utf8_valid("\xf4\x8f\xbf\xbf", 4), 4);
}

static void
test_names(void)
{
	static const char *const good[] = {"a", "a/b", "oauth/meta/c-1", "A.b_c-9", "..."};
	static const char *const bad[] = {"", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a b",
	    "a\tb", "\xc3\xbc", "a/."};
	char longest[MORTISE_NAME_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		CHECK_AS(name_check(good[i], NULL) == MORTISE_OK, "a name: %s", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_AS(name_check(bad[i], NULL) == MORTISE_INVALID, "no name: '%s'", bad[i]);
	memset(longest, 'a', sizeof(longest));
	longest[MORTISE_NAME_MAX + 1] = '\0';
	CHECK_NUMBER_AS(name_check(longest, NULL), MORTISE_INVALID, "256 bytes");
	longest[MORTISE_NAME_MAX] = '\0';
	CHECK_NUMBER_AS(name_check(longest, NULL), MORTISE_OK, "255 bytes");
	CHECK_NUMBER(name_check_prefix("", NULL), MORTISE_OK);
	CHECK_NUMBER(name_check_prefix("a/", NULL), MORTISE_OK);
	CHECK_NUMBER(name_check_prefix("a//", NULL), MORTISE_INVALID);
	CHECK_NUMBER(key_check("oauth:state:x/y", NULL), MORTISE_OK);
	CHECK_NUMBER(key_check("", NULL), MORTISE_INVALID);
	CHECK(word_valid("main-2") && !word_valid("none") && !word_valid("-a") && !word_valid("A"));
}

static void
test_globs(void)
{
	static const struct {
		const char *glob, *text;
		bool match;
	} rows[] = {{"*", "", true}, {"*", "a/b", true}, {"oauth/*", "oauth/a/b", true},
	    {"oauth/*", "oauth", false}, {"*x*y", "axbyxy", true}, {"a*b", "ab", true},
	    {"a*b", "abc", false}, {"?", "a", false}, {"a", "a", true}, {"", "a", false}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CHECK_AS(glob_match(rows[i].glob, rows[i].text) == rows[i].match, "%s ~ %s",
		    rows[i].glob, rows[i].text);
	CHECK(glob_may_match("oauth/*", "oa"));
	CHECK(glob_may_match("oauth/*", "oauth/meta"));
	CHECK(glob_may_match("oauth/*", "oauth/"));
	CHECK(!glob_may_match("oauth/*", "app/"));
	CHECK(!glob_may_match("a", "ab"));
}

static void
test_nearest(void)
{
	static const char *const words[] = {"timeout", "retry", "cache", NULL};

	CHECK_TEXT(nearest_word("timout", words), "timeout");
	CHECK_TEXT(nearest_word("cahce", words), "cache");
	CHECK(nearest_word("zebra", words) == NULL);
}

static void
test_times(void)
{
	char text[CLOCK_TEXT_SIZE];
	int64_t ms = 0;

	clock_format(INT64_C(1795305600123456), 6, text);
	CHECK_TEXT(text, "2026-11-22T00:00:00.123456Z");
	clock_format(INT64_C(1795305600123456), 3, text);
	CHECK_TEXT(text, "2026-11-22T00:00:00.123Z");
	CHECK(clock_parse("2026-11-22T00:00:00.123Z", &ms));
	CHECK_NUMBER(ms, INT64_C(1795305600123));
	CHECK(clock_parse("2026-11-22T02:30:00+02:30", &ms));
	CHECK_NUMBER(ms, INT64_C(1795305600000));
	CHECK(clock_parse("1970-01-01T00:00:00Z", &ms) && ms == 0);
	CHECK(!clock_parse("2026-11-22", &ms));
	CHECK(!clock_parse("2026-13-22T00:00:00Z", &ms));
	CHECK(!clock_parse("2026-11-22T00:00:00", &ms));
	CHECK(!clock_parse("2026-11- 2T00:00:00Z", &ms));
	CHECK(!clock_parse("2026-11-22T+1:00:00Z", &ms));
	CHECK(!clock_parse("2026-11-22T00:00:00+ 2:30", &ms));
	CHECK_NUMBER(deadline_in_ms(UINT64_MAX), DEADLINE_NEVER);
	CHECK_NUMBER(deadline_left_ms(0), 0);
	CHECK_NUMBER(deadline_left_ms(DEADLINE_NEVER), INT_MAX);
	CHECK_NUMBER(deadline_timespec(UINT64_C(7000000009)).tv_sec, 7);
	CHECK_NUMBER(deadline_timespec(UINT64_C(7000000009)).tv_nsec, 9);
	CHECK_NUMBER(deadline_timespec(DEADLINE_NEVER).tv_sec, INT32_MAX);
}

static void
test_codes(void)
{
	enum mortise_code code;

	for (int i = 0; i < MORTISE_CODES; i++)
		CHECK_AS(code_parse(mortise_code_name((enum mortise_code)i), &code) &&
		    (int)code == i, "code %d and back", i);
	CHECK(!code_parse("okay", &code));
	CHECK_NUMBER(code_known((enum mortise_code)999), MORTISE_ERROR);
	CHECK_NUMBER(mortise_exit_status(MORTISE_NOT_FOUND, MORTISE_REASON_NONE), 3);
	CHECK_NUMBER(mortise_exit_status(MORTISE_ERROR, MORTISE_REASON_AUDIT), 7);
	CHECK_NUMBER(mortise_exit_status(MORTISE_INVALID, MORTISE_REASON_CONFIGURATION), 6);
	CHECK_NUMBER(mortise_http_status(MORTISE_DENIED, MORTISE_REASON_REAUTH), 409);
	CHECK_NUMBER(mortise_http_status(MORTISE_TIMEOUT, MORTISE_REASON_NONE), 504);
}

static void
test_sha256(void)
{
	struct digest_part parts[] = {{"a", 1}, {"bc", 2}};
	unsigned char digest[DIGEST_SIZE];
	char text[DIGEST_TEXT_SIZE];

	CHECK(digest_sha256(parts, 2, digest));
	hex_encode(digest, sizeof(digest), text);
	CHECK_TEXT(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
test_sized(void)
{
	struct {
		size_t size;
		uint64_t old, new;
	} copy, given = {sizeof(given), 1, 2};
	static const struct {
		const char *name;
		size_t size;
		bool good;
		uint64_t old, new;
	} rows[] = {
		{"the same", sizeof(given), true, 1, 2},
		{"a shorter one", sizeof(given) - 8, true, 1, 0},
		{"its size alone", 8, true, 0, 0},
		{"no size", 0, false, 9, 9},
		{"half a field", sizeof(given) - 3, false, 9, 9},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		given.size = rows[i].size;
		copy.size = copy.old = copy.new = 9;
		CHECK_NUMBER_AS(sized_copy(&copy, sizeof(copy), &given), rows[i].good, rows[i].name);
		CHECK_NUMBER_AS(copy.size, rows[i].good ? sizeof(copy) : 9, rows[i].name);
		CHECK_NUMBER_AS(copy.old, rows[i].old, rows[i].name);
		CHECK_NUMBER_AS(copy.new, rows[i].new, rows[i].name);
	}
	given.size = sizeof(given);
	CHECK(sized_copy(&copy, sizeof(copy) - 8, &given) && copy.size == sizeof(copy) - 8);
	CHECK_NUMBER_AS(copy.new, 9, "a longer one is read as far as it is known");
}

int
main(void)
{
	test_base64();
	test_hex();
	test_json_text();
	test_names();
	test_globs();
	test_nearest();
	test_times();
	test_codes();
	test_sha256();
	test_sized();
	return test_end();
}
