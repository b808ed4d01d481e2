/* SPDX-License-Identifier: BSD-2-Clause */
/* config/yaml: the tree of a text, and what is told where about a bad one. */
#include <stdlib.h>

#include "../test.h"
#include "base/bytes.h"
#include "config/yaml.h"

static void
collect(void *arg, enum mortise_level level, const char *file, unsigned int line,
    unsigned int column, const char *message)
{
	(void)level;
	buffer_format(arg, "%s:%u:%u: %s\n", file, line, column, message);
}

/* {k: v}, [v], 'quoted', plain. */
static void
write_tree(const struct yaml_node *node, struct buffer *out)
{
	bool map = node->kind == YAML_MAP;

	if (node->kind == YAML_SCALAR) {
		buffer_format(out, node->quoted ? "'%s'" : "%s", node->text);
		return;
	}
	buffer_text(out, map ? "{" : "[");
	for (size_t i = 0; i < node->count; i++) {
		buffer_text(out, i == 0 ? "" : ", ");
		if (map) {
			write_tree(node->keys[i], out);
			buffer_text(out, ": ");
		}
		write_tree(node->values[i], out);
	}
	buffer_text(out, map ? "}" : "]");
}

/* What is told about the bytes, then the tree; free it. */
static char *
parse(const char *bytes, size_t size)
{
	struct buffer out = {0};
	struct problems problems = {.each = collect, .arg = &out};
	struct yaml_node *tree = yaml_parse(bytes, size, "f", &problems);

	if (tree != NULL)
		write_tree(tree, &out);
	yaml_node_free(tree);
	buffer_text(&out, "");
	return buffer_take(&out);
}

/* Bytes, which may hold a NUL, and what comes of them. */
#define ROW(bytes, ...) {bytes, sizeof(bytes) - 1, __VA_ARGS__}
static const struct {
	const char *bytes;
	size_t size;
	const char *want;
} rows[] = {
	/* What is fine. */
	ROW("", "{}"),
	ROW("# nothing\n", "{}"),
	ROW("---\n", "{}"),
	ROW("---\na: 1\n...\n", "{a: 1}"),
	ROW("%YAML 1.1\n---\na: 1\n", "{a: 1}"),
	ROW("\xef\xbb\xbf" "a: 1\nb: 2\n", "{a: 1, b: 2}"),
	ROW("a: 1\r\nb: 2\r\n", "{a: 1, b: 2}"),
	ROW("a: {b: [c, 'd', \"e\"], f: }\n", "{a: {b: [c, 'd', 'e'], f: }}"),
	ROW("a:\n- b\n- c: d\n  e: f\n", "{a: [b, {c: d, e: f}]}"),
	ROW("a: |\n  x\n  y\n", "{a: 'x\ny\n'}"),
	ROW("a: no\nb: ~\nc: 0x1\n", "{a: no, b: ~, c: 0x1}"),
	ROW("'<<': 1\n", "{'<<': 1}"),
	ROW("[a]\n", "[a]"),
	ROW("word\n", "word"),
	ROW("''\n", "''"),
	ROW("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),

	/* What is YAML and yet not used: told, and the tree is there. */
	ROW("a: &x 1\n", "f:1:4: an anchor (&name): not used here; write the value out\n{a: 1}"),
	ROW("a: &x [1]\n", "f:1:4: an anchor (&name): not used here; write the value out\n{a: [1]}"),
	ROW("a: &x {b: 1}\n",
	    "f:1:4: an anchor (&name): not used here; write the value out\n{a: {b: 1}}"),
	ROW("&x a: 1\n", "f:1:1: an anchor (&name): not used here; write the value out\n{a: 1}"),
	ROW("a: !!int 1\n", "f:1:4: a tag (!name): not used here; remove it\n{a: 1}"),
	ROW("a: ! 1\n", "f:1:4: a tag (!name): not used here; remove it\n{a: 1}"),
	ROW("a: !x [1]\n", "f:1:4: a tag (!name): not used here; remove it\n{a: [1]}"),
	ROW("a: !x {b: 1}\n", "f:1:4: a tag (!name): not used here; remove it\n{a: {b: 1}}"),
	ROW("a: &x !y 1\n", "f:1:4: an anchor (&name): not used here; write the value out\n"
	    "f:1:4: a tag (!name): not used here; remove it\n{a: 1}"),
	ROW("<<: {a: 1}\n",
	    "f:1:1: a merge key (<<): not used here; write the keys out\n{<<: {a: 1}}"),
	ROW("a: 1\nb: 2\na: 3\n",
	    "f:3:1: a is here twice, first in line 1; remove one of them\n{a: 1, b: 2, a: 3}"),
	ROW("a: 1\na: 2\na: 3\n", "f:2:1: a is here twice, first in line 1; remove one of them\n"
	    "f:3:1: a is here twice, first in line 1; remove one of them\n{a: 1, a: 2, a: 3}"),
	ROW("a: {b: 1, 'b': 2}\n",
	    "f:1:11: b is here twice, first in line 1; remove one of them\n{a: {b: 1, 'b': 2}}"),
	ROW("a: \"x\\0y\"\n", "f:1:4: a NUL byte: not used here; keep such a value in a file\n"
	    "{a: 'x'}"),
	ROW("\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91: &x 1\n",
	    "f:1:6: an anchor (&name): not used here; write the value out\n"
	    "{\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91: 1}"),

	/* What ends the reading. */
	ROW("a: *x\nb: &y 1\n", "f:1:4: an alias (*name): not used here; write the value out\n"),
	ROW("*x : 1\n", "f:1:1: an alias (*name): not used here; write the value out\n"),
	ROW("a: [b, *x]\n", "f:1:8: an alias (*name): not used here; write the value out\n"),
	ROW("? [a]\n: 1\n", "f:1:3: a key that is no word; keys are words\n"),
	ROW("a:\n  ? {b: c}\n  : 1\n", "f:2:5: a key that is no word; keys are words\n"),
	ROW("a: 1\n---\nb: 2\n", "f:2:1: a second document: a file has one; remove the ---\n"),
	ROW("---\n---\n", "f:2:1: a second document: a file has one; remove the ---\n"),
	ROW("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "f:1:33: nested deeper than 32; no key needs that\n"),
	ROW("a: b: c\n", "f:1:5: not YAML: mapping values are not allowed in this context; "
	    "the rest of the file was not read\n"),
	ROW("a: 1\n\tb: 2\n", "f:2:1: not YAML: found a tab character that violates indentation "
	    "(while scanning a plain scalar that begins in line 1); "
	    "the rest of the file was not read\n"),
	ROW("a: @b\n", "f:1:4: not YAML: found character that cannot start any token; "
	    "the rest of the file was not read\n"),
	ROW("a: 'b\nc: 1\n", "f:3:1: not YAML: found unexpected end of stream "
	    "(while scanning a quoted scalar that begins in line 1); "
	    "the rest of the file was not read\n"),
	ROW("a: [1,\n  2\nb: 1\n", "f:3:2: not YAML: did not find expected ',' or ']' "
	    "(while parsing a flow sequence that begins in line 1); "
	    "the rest of the file was not read\n"),
	ROW("a: {b: 1\n", "f:2:1: not YAML: did not find expected ',' or '}' "
	    "(while parsing a flow mapping that begins in line 1); "
	    "the rest of the file was not read\n"),
	ROW("%YAML 3.0\n---\na: 1\n", "f:1:1: not YAML: found incompatible YAML document; "
	    "the rest of the file was not read\n"),
	ROW("a: \"\\q\"\n", "f:1:5: not YAML: found unknown escape character; "
	    "the rest of the file was not read\n"),

	/* Bytes that are no text, told where they stand. */
	ROW("a: 1\nb: \x01\n", "f:2:4: not YAML: control characters are not allowed; "
	    "the rest of the file was not read\n"),
	ROW("a: \xc3\xa4\x7f\n", "f:1:5: not YAML: control characters are not allowed; "
	    "the rest of the file was not read\n"),
	ROW("v\0e\0", "f:1:2: not YAML: control characters are not allowed; "
	    "the rest of the file was not read\n"),
	ROW("a: 1\nb: \xc3\xa4\xff\n", "f:2:5: a byte that is not UTF-8; save the file as UTF-8\n"),
	ROW("\xff\xfe" "a\0", "f:1:1: a byte that is not UTF-8; save the file as UTF-8\n"),
	ROW("a: \xe2\x82", "f:1:4: a byte that is not UTF-8; save the file as UTF-8\n"),
	ROW("a: \xed\xa0\x80", "f:1:4: a byte that is not UTF-8; save the file as UTF-8\n"),
	ROW("a: &x \xff", "f:1:7: a byte that is not UTF-8; save the file as UTF-8\n"),
};

static void
test_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		/* Exactly as large as it is, so that a sanitizer sees one byte too many. */
		char *bytes = malloc(rows[i].size == 0 ? 1 : rows[i].size), *got;
		char what[32];

		if (bytes == NULL)
			continue;
		memcpy(bytes, rows[i].bytes, rows[i].size);
		got = parse(bytes, rows[i].size);
		(void)snprintf(what, sizeof(what), "row %zu", i);
		CHECK_TEXT_AS(got, rows[i].want, what);
		free(got);
		free(bytes);
	}
}

/* Every beginning of a text gives a tree or a problem, and no crash. */
static void
test_beginnings(void)
{
	static const char text[] = "a: {b: [c, \"d\\n\", 'e'], f: &g !h i}\nj:\n- k: |\n    l\n"
	    "  m: >-\n    n\n? o\n: *p\n--- q\n";
	size_t told = 0;

	for (size_t i = 0; i < sizeof(text); i++) {
		struct problems problems = {0};
		struct yaml_node *tree = yaml_parse(text, i, "f", &problems);

		told += (tree == NULL) == (problems.errors > 0) || problems.errors > 0;
		yaml_node_free(tree);
	}
	CHECK_NUMBER(told, sizeof(text));
}

static void
test_limits(void)
{
	struct buffer text = {0};
	char *got;

	for (unsigned int i = 0; i < YAML_KEYS_MAX; i++)
		buffer_format(&text, "k%04u: 1\n", i);
	got = parse(text.data, text.size);
	CHECK_AS(got != NULL && strncmp(got, "{k0000: 1, ", 11) == 0, "4096 keys");
	free(got);
	buffer_text(&text, "more: 1\n");
	got = parse(text.data, text.size);
	CHECK_TEXT_AS(got, "f:4097:1: more than 4096 keys in one map; "
	    "no configuration has so many\n", "4097 keys");
	free(got);
	text.size = 0;
	while (text.size < YAML_SIZE_MAX)
		buffer_text(&text, "# 4567890abcdef\n");
	got = parse(text.data, text.size);
	CHECK_TEXT_AS(got, "{}", "1 MiB");
	free(got);
	buffer_text(&text, "\n");
	got = parse(text.data, text.size);
	CHECK_TEXT_AS(got, "f:1:1: larger than 1 MiB; no configuration is\n", "1 MiB and a byte");
	free(got);
	buffer_free(&text);
}

static void
test_places(void)
{
	static const char text[] = "a:\n  \xc3\xa4: [x, 'y']\n";
	struct problems problems = {0};
	struct yaml_node *tree = yaml_parse(text, strlen(text), "f", &problems), *list;

	list = yaml_member(yaml_member(tree, "a"), "\xc3\xa4");
	if (CHECK(list != NULL && list->count == 2)) {
		CHECK_NUMBER(list->place.line, 2);
		CHECK_NUMBER(list->place.column, 6);
		CHECK_NUMBER(list->values[1]->place.column, 10);
		CHECK_TEXT(list->values[1]->place.file, "f");
	}
	CHECK(yaml_member(tree, "b") == NULL);
	CHECK(yaml_member(list, "a") == NULL);
	CHECK(yaml_member(NULL, "a") == NULL);
	yaml_node_free(tree);
}

int
main(void)
{
	test_rows();
	test_beginnings();
	test_limits();
	test_places();
	return test_end();
}
