/* SPDX-License-Identifier: BSD-2-Clause */
/* fields: what sinks get of a record, against what jansson makes of the same line. */
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>

#include "../test.h"
#include "audit/fields.h"
#include "base/bytes.h"
#include "base/file.h"

/* The value as a field has it; malloc'd. */
static char *
text_of(const json_t *value)
{
	return json_is_string(value) ? text_dup(json_string_value(value)) :
	    json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

static bool
same_member(const struct fields *fields, const char *name, const json_t *value, size_t *count)
{
	const char *got = fields_find(fields, name);
	char *want _cleanup_(free_pointer) = text_of(value);

	if (json_is_null(value))
		return got == NULL;
	++*count;
	if (got != NULL && strcmp(got, want) == 0)
		return true;
	printf("# %s: got %s, want %s\n", name, got == NULL ? "nothing" : got, want);
	return false;
}

static bool
same_object(const struct fields *fields, const char *prefix, json_t *object, size_t *count)
{
	const char *key;
	json_t *value;
	bool good = true;

	json_object_foreach(object, key, value) {
		char *name _cleanup_(free_pointer) = text_format("%s%s%s", prefix,
		    prefix[0] == '\0' ? "" : ".", key);

		/* A checkpoint's, of another record. */
		if (json_object_get(object, "sig") != NULL && strcmp(key, "h") == 0) {
			good = same_member(fields, "of.h", value, count) && good;
			continue;
		}
		/* In the linked part, and not where keys are data. */
		if (json_is_object(value) && prefix[0] == '\0' && strcmp(key, "stores") != 0 && strcmp(key, "metadata") != 0)
			good = same_object(fields, key, value, count) && good;
		else
			good = same_member(fields, name, value, count) && good;
	}
	return good;
}

static void
check_line(const char *line, size_t size)
{
	static struct fields fields;
	json_t *tree = json_loadb(line, size, 0, NULL);
	size_t count = 0;
	bool good = CHECK_AS(fields_take(&fields, line, size), "%.60s is taken apart", line) &&
	    same_object(&fields, "", json_object_get(tree, "c"), &count);

	good = same_object(&fields, "", json_object_get(tree, "p"), &count) && good;
	good = same_member(&fields, "h", json_object_get(tree, "h"), &count) && good;
	CHECK_AS(good && count == fields.count, "its fields are those");
	json_decref(tree);
}

static void
check_file(const char *name)
{
	const char *source = getenv("srcdir");
	char *path _cleanup_(free_pointer) = text_format("%s/tests/golden/%s",
	    source == NULL ? "." : source, name);
	size_t size = 0;
	char *text _cleanup_(free_pointer) = file_read(AT_FDCWD, path, 1 << 20, &size);

	CHECK_AS(text != NULL, "%s is read", name);
	for (char *line = text, *lf; line != NULL && (lf = strchr(line, '\n')) != NULL; line = lf + 1)
		check_line(line, (size_t)(lf - line));
}

#define LINE(c, p) "{\"c\":{\"v\":1,\"seq\":7" c ",\"pc\":null},\"p\":" p ",\"h\":\"00\"}"

int
main(void)
{
	static const char *const good[] = {
		LINE("", "null"), LINE("", "null      "),
		LINE(",\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "null"),
		LINE(",\"a\":\"\\u00e4\\u20ac\\ud83d\\ude00 \xc3\xa4\"", "null"),
		LINE(",\"n\":{\"x\":1,\"y\":{\"z\":[1,{\"q\":\"]}\"}]}},\"l\":[[1,2],[3,3]],\"b\":true", "null"),
		LINE(",\"stores\":{\"a.b\":1},\"e\":{},\"f\":[]", "{\"s\":\"00\",\"metadata\":{\"k\":\"a,b\\\"}\"}}"),
	}, *const bad[] = {
		"", "{", "{\"c\":{}", "{\"c\":{},\"p\":null}", LINE(",\"a\":\"\\x\"", "null"),
		LINE(",\"a\":\"\\u12\"", "null"), LINE(",\"a\"", "null"), LINE(",\"a\":\"b", "null"),
		LINE("", "null") "x", LINE("", "nul"), LINE("", "{\"s\":1"),
		"{\"c\":{\"v\":1},\"p\":null,\"g\":\"00\"}",
	};
	struct fields fields = {.count = 0};
	struct buffer many = {0};

	check_file("trail-v1.jsonl");
	check_file("trail-v1-signed.jsonl");
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		check_line(good[i], strlen(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_AS(!fields_take(&fields, bad[i], strlen(bad[i])), "refused: %s", bad[i]);
	for (size_t i = 0; i < strlen(good[4]); i++) {
		if (fields_take(&fields, good[4], i))
			CHECK_AS(false, "cut at %zu it is no record", i);
	}
	CHECK(fields_take(&fields, LINE(",\"a\":\"\\u0000\\ud800\"", "null"),
	    strlen(LINE(",\"a\":\"\\u0000\\ud800\"", "null"))));
	CHECK_TEXT(fields_find(&fields, "a"), "\xef\xbf\xbd\xef\xbf\xbd");
	buffer_text(&many, "{\"c\":{\"v\":1");
	for (int i = 0; i < FIELDS_MAX; i++)
		buffer_format(&many, ",\"m%d\":1", i);
	buffer_text(&many, "},\"p\":null,\"h\":\"0\"}");
	CHECK_AS(!fields_take(&fields, many.data, many.size), "more members than there is room for");
	buffer_free(&many);
	fields_free(&fields);
	return test_end();
}
