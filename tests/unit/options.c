/* SPDX-License-Identifier: BSD-2-Clause */
/* config/options: maps against a schema, value forms, and schemas as text. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../test.h"
#include "base/bytes.h"
#include "base/file.h"
#include "config/options.h"
#include "secmem/secret.h"

/* Where the map lies, and what its relative paths are relative to. */
static char directory[] = "/tmp/mortise-options-XXXXXX";
static char file[64];

#define OPTION(n, t, ...) \
	(&(const struct mortise_option){.size = sizeof(struct mortise_option), .name = (n), \
	    .doc = "what " n " says", .type = MORTISE_OPTION_##t, __VA_ARGS__})
#define LIST(...) ((const struct mortise_option *const[]){__VA_ARGS__, NULL})
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct mortise_option *const schema[] = {
	OPTION("address", STRING, .flags = MORTISE_OPTION_REQUIRED),
	OPTION("path", STRING, .flags = MORTISE_OPTION_PATH, .initial = "db/file"),
	OPTION("replace", BOOL, .initial = "true"),
	OPTION("versions", INT, .initial = "10", .minimum = 1, .maximum = 100),
	OPTION("offset", INT),
	OPTION("buffer", SIZE, .minimum = 1024, .maximum = 1 << 20),
	OPTION("ttl", DURATION, .initial = "2s", .minimum = 100, .maximum = 60000),
	OPTION("mode", ENUM, .initial = "slow", .words = WORDS("fast", "slow")),
	OPTION("token", STRING, .flags = MORTISE_OPTION_SECRET),
	OPTION("hosts", LIST, .members = LIST(OPTION("", STRING, .initial = NULL))),
	OPTION("ports", LIST, .members = LIST(OPTION("", INT, .minimum = 1, .maximum = 65535))),
	OPTION("codes", MAP, .members = LIST(OPTION("", ENUM, .words = WORDS("ok", "error")))),
	OPTION("verbs", MAP, .members = LIST(OPTION("", GROUP, .members = LIST(
	    OPTION("url", STRING, .flags = MORTISE_OPTION_REQUIRED), OPTION("body", STRING))))),
	OPTION("auth", GROUP, .members = LIST(
	    OPTION("method", ENUM, .flags = MORTISE_OPTION_REQUIRED, .words = WORDS("key", "role")),
	    OPTION("key", STRING, .flags = MORTISE_OPTION_SECRET | MORTISE_OPTION_REQUIRED,
	    .chosen_by = "method", .chosen_for = WORDS("key")),
	    OPTION("role-id", STRING, .flags = MORTISE_OPTION_REQUIRED, .chosen_by = "method",
	    .chosen_for = WORDS("role")),
	    OPTION("mount", STRING, .initial = "auth"))),
	NULL,
};

static void
collect(void *arg, enum mortise_level level, const char *path, unsigned int line,
    unsigned int column, const char *message)
{
	(void)path;
	buffer_format(arg, "%s%u:%u: %s\n", level == MORTISE_LOG_WARNING ? "warning " : "", line,
	    column, message);
}

static void
expose(struct yaml_node *node)
{
	node->exposed = true;
	for (size_t i = 0; i < node->count; i++)
		expose(node->values[i]);
}

/* A map and what it was checked to. */
struct checked {
	struct yaml_node *map;
	struct mortise_options *options;
	struct buffer told;
};

static struct checked
check_with(const struct mortise_option *const *against, const char *text, bool exposed)
{
	static const char *const skip[] = {"plugin", "call", NULL};
	struct checked checked = {0};
	struct place place = {file, 1, 1};
	struct problems problems = {.each = collect, .arg = &checked.told};

	buffer_text(&checked.told, "");
	checked.map = text == NULL ? NULL : yaml_parse(text, strlen(text), file, &problems);
	if (exposed && checked.map != NULL)
		expose(checked.map);
	checked.options = options_check(checked.map, &place, against, skip, &problems);
	return checked;
}

static struct checked
check(const char *text)
{
	return check_with(schema, text, false);
}

static void
done(struct checked *checked)
{
	options_free(checked->options);
	yaml_node_free(checked->map);
	buffer_free(&checked->told);
}

static const struct {
	const char *text, *told;
} bad[] = {
	{NULL, "1:1: address is missing: what address says\n"},
	{"{}", "1:1: address is missing: what address says\n"},
	{"plugin: x\ncall: {timeout: 1s}\n", "1:1: address is missing: what address says\n"},
	{"adress: x\n", "1:1: address is missing: what address says\n"
	    "1:1: unknown key adress; did you mean address?\n"},
	{"address: x\nxylophone: 1\n", "2:1: unknown key xylophone; remove it\n"},
	{"address: \n", "1:9: address is empty; give it a value, or remove it\n"},
	{"address: ''\n", "1:10: address is empty; give it a value, or remove it\n"},
	{"address: [x]\n", "1:11: a list here holds value forms, such as {file: PATH}\n"},
	{"address: []\n", "1:10: an empty list; name at least one form\n"},
	{"address: {}\n", "1:10: a value form has one of file, credential, env, secret; "
	    "this has none\n"},
	{"address: {file: a, env: B}\n", "1:10: a value form has one of file, credential, env, "
	    "secret; this has several\n"},
	{"address: {flie: a}\n", "1:11: no value form has flie; did you mean file?\n"},
	{"address: {kubernetes: a}\n", "1:11: no value form has kubernetes; the forms are {file:}, "
	    "{credential:}, {env:}, {secret:, from:}\n"},
	{"address: {file: }\n", "1:17: file needs a text\n"},
	{"address: {env: [A]}\n", "1:16: env needs a text\n"},
	{"address: {credential: ../x}\n", "1:23: a credential's name has no slash; "
	    "name a file by {file: PATH}\n"},
	{"address: {secret: a/b}\n",
	    "1:10: secret and from belong together: {secret: NAME, from: BACKEND}\n"},
	{"address: {file: a, from: b}\n",
	    "1:10: secret and from belong together: {secret: NAME, from: BACKEND}\n"},
	{"address: [{file: a}, b]\n",
	    "1:22: a list here holds value forms, such as {file: PATH}\n"},
	{"address: x\nreplace: yes\n", "2:10: replace is yes; write true\n"},
	{"address: x\nreplace: on\n", "2:10: replace is on; write true\n"},
	{"address: x\nreplace: no\n", "2:10: replace is no; write false\n"},
	{"address: x\nreplace: off\n", "2:10: replace is off; write false\n"},
	{"address: x\nreplace: maybe\n", "2:10: replace must be true or false\n"},
	{"address: x\nreplace: 'true'\n",
	    "2:10: replace must be true or false, and without quotes\n"},
	{"address: x\nreplace: [true]\n", "2:10: replace must be true or false\n"},
	{"address: x\nversions: ten\n", "2:11: versions must be a whole number\n"},
	{"address: x\nversions: 1.5\n", "2:11: versions must be a whole number\n"},
	{"address: x\nversions: 0x10\n", "2:11: versions must be a whole number\n"},
	{"address: x\nversions: \n", "2:10: versions must be a whole number\n"},
	{"address: x\nversions: 0\n", "2:11: versions is 0; it may be 1 to 100\n"},
	{"address: x\nversions: 101\n", "2:11: versions is 101; it may be 1 to 100\n"},
	{"address: x\noffset: 9223372036854775808\n", "2:9: offset must be a whole number\n"},
	{"address: x\nbuffer: 64kb\n", "2:9: buffer must be a size, such as 64KiB or 1MiB\n"},
	{"address: x\nbuffer: 8589934592GiB\n",
	    "2:9: buffer must be a size, such as 64KiB or 1MiB\n"},
	{"address: x\nbuffer: 1023\n", "2:9: buffer is 1023; it may be 1024 to 1048576 bytes\n"},
	{"address: x\nttl: 5\n",
	    "2:6: ttl must be a duration, such as 250ms, 2s, 5m, 12h or 400d\n"},
	{"address: x\nttl: -1s\n",
	    "2:6: ttl must be a duration, such as 250ms, 2s, 5m, 12h or 400d\n"},
	{"address: x\nttl: 2m\n", "2:6: ttl is 2m; it may be 100 to 60000 ms\n"},
	{"address: x\nmode: fsat\n", "2:7: mode is none of fast, slow; did you mean fast?\n"},
	{"address: x\nmode: medium-speed\n", "2:7: mode is none of fast, slow\n"},
	{"address: x\nmode: {a: b}\n", "2:7: mode must be a word\n"},
	{"address: x\ntoken: ''\n", "2:8: token is empty; give it a value, or remove it\n"},
	{"address: x\nhosts: {a: b}\n", "2:8: hosts must be a list, such as [a, b]\n"},
	{"address: x\nhosts: [a, '']\n", "2:12: hosts is empty; give it a value, or remove it\n"},
	{"address: x\nports: [1, 0, x]\n", "2:12: ports is 0; it may be 1 to 65535\n"
	    "2:15: ports must be a whole number\n"},
	{"address: x\ncodes: [ok]\n", "2:8: codes must be a map, such as {key: value}\n"},
	{"address: x\ncodes: {404: okay}\n", "2:14: 404 is none of ok, error\n"},
	{"address: x\nverbs: {get: {body: b}}\n", "2:14: url is missing: what url says\n"},
	{"address: x\nverbs: {get: {url: u, method: m}}\n",
	    "2:23: unknown key method; remove it\n"},
	{"address: x\nverbs: {get: u}\n", "2:14: get must be a map, such as {key: value}\n"},
	{"address: x\nauth: key\n", "2:7: auth must be a map, such as {key: value}\n"},
	{"address: x\nauth: {}\n", "2:7: method is missing: what method says\n"},
	{"address: x\nauth: {role-id: r}\n", "2:7: method is missing: what method says\n"},
	{"address: x\nauth: {method: kye, role-id: r}\n",
	    "2:16: method is none of key, role; did you mean key?\n"},
	{"address: x\nauth: {method: key}\n", "2:7: key is missing: what key says\n"},
	{"address: x\nauth: {method: role, role-id: r, key: k}\n",
	    "2:39: key does not go with this method; remove one of them\n"},
	{"address: x\nauth: {method: role, role-id: r, mout: m}\n",
	    "2:34: unknown key mout; did you mean mount?\n"},
	{"addres: x\nversions: 0\nmode: quick\nauth: {method: role}\n",
	    "1:1: address is missing: what address says\n2:11: versions is 0; it may be 1 to 100\n"
	    "3:7: mode is none of fast, slow\n4:7: role-id is missing: what role-id says\n"
	    "1:1: unknown key addres; did you mean address?\n"},
};

static void
test_bad(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct checked checked = check(bad[i].text);
		char what[32];

		(void)snprintf(what, sizeof(what), "row %zu", i);
		CHECK_TEXT_AS(checked.told.data, bad[i].told, what);
		CHECK_AS(checked.options == NULL, "row %zu has no options", i);
		done(&checked);
	}
}

/* A literal secret needs a file that others cannot read. */
static void
test_exposed(void)
{
	static const char literal[] = "address: x\ntoken: t\n";
	static const char forms[] = "address: x\ntoken: [{env: A}, {file: b}]\n";
	struct checked checked = check_with(schema, literal, true);

	CHECK_TEXT(checked.told.data, "2:8: a secret stands here, and others can read this file; "
	    "chmod 600 it, or name a file: {file: PATH}\n");
	CHECK(checked.options == NULL);
	done(&checked);
	checked = check_with(schema, literal, false);
	CHECK_TEXT(checked.told.data, "");
	CHECK(checked.options != NULL);
	done(&checked);
	checked = check_with(schema, forms, true);
	CHECK_TEXT(checked.told.data, "warning 2:9: a secret from the environment can be read "
	    "by every program that this one starts; a file is safer\n");
	CHECK(checked.options != NULL);
	done(&checked);
	checked = check_with(schema, "address: {env: A}\n", true);
	CHECK_TEXT_AS(checked.told.data, "", "an address from the environment is no secret");
	done(&checked);
}

static void
test_defaults(void)
{
	struct checked checked = check("address: x\nplugin: p\n");
	const struct mortise_options *options = checked.options;
	char path[128];

	CHECK_TEXT(checked.told.data, "");
	if (!CHECK(options != NULL))
		return;
	(void)snprintf(path, sizeof(path), "%s/db/file", directory);
	CHECK_TEXT(options_string(options, "address"), "x");
	CHECK_TEXT_AS(options_string(options, "path"), path, "a path's default is relative too");
	CHECK_NUMBER(options_number(options, "replace"), 1);
	CHECK_NUMBER(options_number(options, "versions"), 10);
	CHECK_NUMBER(options_number(options, "offset"), 0);
	CHECK_NUMBER(options_number(options, "ttl"), 2000);
	CHECK_NUMBER(options_number(options, "mode"), 1);
	CHECK_TEXT(options_string(options, "mode"), "slow");
	CHECK_TEXT(options_string(options, "auth.mount"), "auth");
	CHECK(options_string(options, "auth.method") == NULL);
	CHECK(options_string(options, "token") == NULL);
	CHECK(options_string(options, "nothing.of.this") == NULL);
	CHECK(options_given(options, "address") && !options_given(options, "path"));
	CHECK(!options_given(options, "auth") && !options_given(options, "auth.mount"));
	CHECK_NUMBER(options_count(options, "hosts"), 0);
	CHECK(options_at(options, "hosts", 0, NULL) == NULL);
	CHECK_NUMBER(options_place(options, "path").line, 1);
	done(&checked);
}

static void
test_values(void)
{
	struct checked checked = check("address: https://x:1/\npath: a.db\nreplace: false\n"
	    "versions: 100\noffset: -7\nbuffer: 64KiB\nttl: 250ms\nmode: 'fast'\n"
	    "hosts: [a, 'b c']\nports: [1, 65535]\ncodes: {404: error, 200: ok}\n"
	    "verbs:\n  get: {url: u}\n  put: {url: v, body: w}\n"
	    "auth: {method: role, role-id: r}\n");
	const struct mortise_options *options = checked.options, *put;
	const char *key = NULL;
	char path[128];

	CHECK_TEXT(checked.told.data, "");
	if (!CHECK(options != NULL))
		return;
	(void)snprintf(path, sizeof(path), "%s/a.db", directory);
	CHECK_TEXT(options_string(options, "path"), path);
	CHECK_NUMBER(options_number(options, "replace"), 0);
	CHECK_NUMBER(options_number(options, "offset"), -7);
	CHECK_NUMBER(options_number(options, "buffer"), 65536);
	CHECK_NUMBER(options_number(options, "ttl"), 250);
	CHECK_NUMBER(options_number(options, "mode"), 0);
	CHECK_NUMBER(options_count(options, "hosts"), 2);
	CHECK_TEXT(options_string(options_at(options, "hosts", 1, NULL), ""), "b c");
	CHECK_NUMBER(options_number(options_at(options, "ports", 1, NULL), ""), 65535);
	CHECK(options_at(options, "ports", 2, NULL) == NULL);
	CHECK_TEXT(options_string(options_at(options, "codes", 0, &key), ""), "error");
	CHECK_TEXT(key, "404");
	put = options_at(options, "verbs", 1, &key);
	CHECK_TEXT(key, "put");
	CHECK_TEXT(options_string(put, "body"), "w");
	CHECK_NUMBER(options_place(put, "body").column, 23);
	CHECK(options_given(put, "body"));
	CHECK(!options_given(options_at(options, "verbs", 0, NULL), "body"));
	CHECK_TEXT(options_string(options, "auth.role-id"), "r");
	CHECK_TEXT(options_string(options, "auth.method"), "role");
	CHECK_NUMBER(options_place(options, "auth.role-id").line, 15);
	CHECK_TEXT(options_place(options, "").file, file);
	done(&checked);
}

static void
write_file(const char *name, const char *text)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	CHECK(file_replace(AT_FDCWD, path, text, strlen(text), 0600) == 0);
}

static enum mortise_code
fetch(void *arg, const char *backend, const char *name, struct mortise_secret **value,
    struct mortise_error *error)
{
	char text[64];

	(void)error;
	(void)snprintf(text, sizeof(text), "%s of %s%s", name, backend, (const char *)arg);
	*value = secret_from(text, strlen(text));
	return *value == NULL ? MORTISE_ERROR : MORTISE_OK;
}

static const struct {
	const char *text;		/* of token */
	enum mortise_code code;
	const char *value;		/* or how the message begins */
} secrets[] = {
	{"t", MORTISE_OK, "t"},
	{"{file: one-line}", MORTISE_OK, "one"},
	{"{file: two-ends}", MORTISE_OK, "two\n"},
	{"{file: nothing}", MORTISE_OK, ""},
	{"{file: absent}", MORTISE_NOT_FOUND, "there is no file "},
	{"{file: one-line/x}", MORTISE_NOT_FOUND, "there is no file "},
	{"{file: .}", MORTISE_ERROR, ""},
	{"{env: MORTISE_TEST_SET}", MORTISE_OK, "from env"},
	{"{env: MORTISE_TEST_UNSET}",
	    MORTISE_NOT_FOUND, "the environment has no MORTISE_TEST_UNSET"},
	{"{credential: cred}", MORTISE_OK, "credential"},
	{"{credential: absent}", MORTISE_NOT_FOUND, "there is no file "},
	{"{secret: a/b, from: store}", MORTISE_OK, "a/b of store!"},
	{"{from: store, secret: a/b}", MORTISE_OK, "a/b of store!"},
	{"[{file: absent}, {env: MORTISE_TEST_UNSET}, {file: one-line}, {file: two-ends}]",
	    MORTISE_OK, "one"},
	{"[{file: absent}, {env: MORTISE_TEST_UNSET}]", MORTISE_NOT_FOUND,
	    "the environment has no MORTISE_TEST_UNSET"},
	{"[{file: .}, {file: one-line}]", MORTISE_ERROR, ""},
};

static void
check_secret(size_t i)
{
	char *text = text_format("address: x\ntoken: %s\n", secrets[i].text), bang[] = "!";
	struct checked checked = check(text);
	struct mortise_secret *value = NULL;
	struct mortise_error error = {0};
	enum mortise_code code = options_secret(checked.options, "token", fetch, bang, &value,
	    &error);
	size_t size;

	CHECK_NUMBER_AS(code, secrets[i].code, secrets[i].text);
	if (code == MORTISE_OK)
		CHECK_TEXT_AS(mortise_secret_peek(value, &size), secrets[i].value, "its value");
	else {
		CHECK_AS(strncmp(error.message, secrets[i].value, strlen(secrets[i].value)) == 0,
		    "its message");
		CHECK_NUMBER(error.line, 2);
		CHECK_NUMBER(error.column, 8);
	}
	mortise_secret_free(value);
	done(&checked);
	free(text);
}

static void
test_secrets(void)
{
	struct checked checked = check("address: {secret: n, from: b}\n");
	struct mortise_secret *value = NULL;
	struct mortise_error error = {0};

	CHECK_NUMBER(options_secret(checked.options, "token", NULL, NULL, &value, &error),
	    MORTISE_NOT_FOUND);
	CHECK_TEXT(error.message, "token is not given");
	CHECK_NUMBER(options_resolve(checked.options, NULL, NULL, &error), MORTISE_UNSUPPORTED);
	CHECK_TEXT(error.file, file);
	done(&checked);
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		check_secret(i);
	CHECK_NUMBER(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	checked = check("address: x\ntoken: {credential: cred}\n");
	CHECK_NUMBER(options_secret(checked.options, "token", NULL, NULL, &value, &error),
	    MORTISE_NOT_FOUND);
	CHECK_AS(strstr(error.message, "LoadCredential=") != NULL, "where credentials come from");
	done(&checked);
}

/* Strings that are not secret answer by options_string once they are resolved. */
static void
test_resolve(void)
{
	struct checked checked = check("address: {env: MORTISE_TEST_SET}\npath: {file: one-line}\n"
	    "hosts: [a, {file: one-line}]\ntoken: {file: absent}\n");
	struct mortise_error error = {0};
	char path[128];

	if (!CHECK(checked.options != NULL))
		return;
	CHECK(options_string(checked.options, "address") == NULL);
	CHECK_NUMBER_AS(options_resolve(checked.options, fetch, NULL, &error), MORTISE_OK,
	    "a secret is not read before it is asked for");
	CHECK_TEXT(options_string(checked.options, "address"), "from env");
	(void)snprintf(path, sizeof(path), "%s/one", directory);
	CHECK_TEXT_AS(options_string(checked.options, "path"), path, "a path in a file");
	CHECK_TEXT(options_string(options_at(checked.options, "hosts", 0, NULL), ""), "a");
	CHECK_TEXT(options_string(options_at(checked.options, "hosts", 1, NULL), ""), "one");
	CHECK(options_string(checked.options, "token") == NULL);
	done(&checked);
	checked = check("address: {file: absent}\n");
	CHECK_NUMBER(options_resolve(checked.options, fetch, NULL, &error), MORTISE_NOT_FOUND);
	CHECK_NUMBER(error.column, 10);
	done(&checked);
}

static void
test_numbers(void)
{
	static const struct {
		const char *text;
		int64_t duration, size;	/* -1: none */
	} rows[] = {{"0", -1, 0}, {"100", -1, 100}, {"250ms", 250, -1}, {"2s", 2000, -1},
	    {"5m", 300000, -1}, {"12h", 43200000, -1}, {"400d", INT64_C(34560000000), -1},
	    {"64KiB", -1, 65536}, {"1MiB", -1, 1048576}, {"2GiB", -1, INT64_C(2147483648)},
	    {"", -1, -1}, {"ms", -1, -1}, {"-1s", -1, -1}, {"+1s", -1, -1}, {" 1s", -1, -1},
	    {"1 s", -1, -1}, {"1.5s", -1, -1}, {"1S", -1, -1}, {"1kB", -1, -1},
	    {"106751991167d", INT64_C(9223372036828800000), -1}, {"106751991168d", -1, -1},
	    {"9223372036854775807", -1, INT64_MAX}, {"9223372036854775808", -1, -1}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t duration = -1, size = -1;

		CHECK_NUMBER_AS(duration_parse(rows[i].text, &duration), rows[i].duration >= 0,
		    rows[i].text);
		CHECK_NUMBER_AS(duration, rows[i].duration, "its duration");
		CHECK_NUMBER_AS(size_parse(rows[i].text, &size), rows[i].size >= 0, rows[i].text);
		CHECK_NUMBER_AS(size, rows[i].size, "its size");
	}
}

static void
test_describe(void)
{
	struct buffer text = {0};

	schema_describe(schema, &text);
	CHECK_TEXT(text.data,
	    "address\ttext\t(required)\twhat address says\n"
	    "path\tpath\tdb/file\twhat path says\n"
	    "replace\ttrue|false\ttrue\twhat replace says\n"
	    "versions\tnumber\t10\twhat versions says\n"
	    "offset\tnumber\t-\twhat offset says\n"
	    "buffer\tsize\t-\twhat buffer says\n"
	    "ttl\tduration\t2s\twhat ttl says\n"
	    "mode\tfast|slow\tslow\twhat mode says\n"
	    "token\tsecret\t-\twhat token says\n"
	    "hosts\tlist of text\t-\twhat hosts says\n"
	    "ports\tlist of number\t-\twhat ports says\n"
	    "codes\tmap of ok|error\t-\twhat codes says\n"
	    "verbs\tmap of group\t-\twhat verbs says\n"
	    "verbs.*.url\ttext\t(required)\twhat url says\n"
	    "verbs.*.body\ttext\t-\twhat body says\n"
	    "auth\tgroup\t-\twhat auth says\n"
	    "auth.method\tkey|role\t(required)\twhat method says\n"
	    "auth.key\tsecret\t(required)\twhat key says (method: key)\n"
	    "auth.role-id\ttext\t(required)\twhat role-id says (method: role)\n"
	    "auth.mount\ttext\tauth\twhat mount says\n");
	buffer_free(&text);
	schema_describe(NULL, &text);
	CHECK_AS(text.size == 0, "no schema, no text");
	buffer_free(&text);
}

static const struct mortise_option *const small[] = {
	OPTION("address", STRING, .flags = MORTISE_OPTION_REQUIRED),
	OPTION("auth", GROUP, .flags = MORTISE_OPTION_REQUIRED, .members = LIST(
	    OPTION("method", ENUM, .flags = MORTISE_OPTION_REQUIRED,
	    .words = WORDS("key", "role")),
	    OPTION("key", STRING, .flags = MORTISE_OPTION_SECRET | MORTISE_OPTION_REQUIRED,
	    .chosen_by = "method", .chosen_for = WORDS("key")),
	    OPTION("role-id", STRING, .flags = MORTISE_OPTION_REQUIRED,
	    .chosen_by = "method", .chosen_for = WORDS("role")))),
	OPTION("ttl", DURATION, .initial = "2s"),
	NULL,
};

static void
test_example(void)
{
	struct buffer text = {0};
	struct problems problems = {.each = collect, .arg = &text};
	struct place place = {file, 1, 1};
	struct mortise_options *options;
	struct yaml_node *tree, *map;

	schema_example(small, "acme", &text);
	CHECK_TEXT(text.data,
	    "backends:\n"
	    "  my-acme:\n"
	    "    plugin: acme\n"
	    "    address: ...    # what address says\n"
	    "    auth:    # what auth says\n"
	    "      method: key    # what method says\n"
	    "      key: {file: PATH}    # what key says\n"
	    "#     role-id: ...    # what role-id says\n"
	    "#   ttl: 2s    # what ttl says\n");
	tree = yaml_parse(text.data, text.size, file, &problems);
	map = yaml_member(yaml_member(tree, "backends"), "my-acme");
	options = options_check(map, &place, small, WORDS("plugin"), &problems);
	CHECK_AS(options != NULL && problems.errors == 0, "the example passes its own check");
	options_free(options);
	yaml_node_free(tree);
	buffer_free(&text);
}

static enum mortise_code
fetch_given(void *arg, const char *from, const char *name, struct mortise_secret **value,
    struct mortise_error *error)
{
	(void)arg;
	(void)error;
	CHECK_TEXT(from, "somewhere");
	*value = secret_from(name, strlen(name));
	return MORTISE_OK;
}

/* One by one, as a command line gives them. */
static void
test_given(void)
{
	struct mortise_secret *token = mortise_secret_new(1), *read = NULL;
	const struct mortise_command_value values[] = {
		{.option = "address", .text = "[a, b: c]"}, {.option = "hosts", .text = "one"},
		{.option = "hosts", .text = "two"}, {.option = "versions", .text = "7"},
		{.option = "token", .secret = token},
	};
	const struct place place = {"somewhere", 1, 1};
	struct problems problems = {0};
	struct yaml_node *map = options_given_by(schema, values, ARRAY_SIZE(values), &place,
	    &problems);
	struct mortise_options *options = options_check(map, &place, schema, NULL, &problems);
	size_t size;

	if (!CHECK(options != NULL))
		return;
	CHECK_TEXT(options_string(options, "address"), "[a, b: c]");
	CHECK_NUMBER(options_number(options, "versions"), 7);
	CHECK_NUMBER(options_count(options, "hosts"), 2);
	CHECK_TEXT(options_string(options_at(options, "hosts", 1, NULL), ""), "two");
	CHECK_NUMBER(options_secret(options, "token", fetch_given, NULL, &read, NULL), MORTISE_OK);
	CHECK_TEXT(mortise_secret_peek(read, &size), "token");
	mortise_secret_free(read);
	mortise_secret_free(token);
	options_free(options);
	yaml_node_free(map);
	map = options_given_by(schema, (struct mortise_command_value[]){{"versions", "7", NULL},
	    {"versions", "8", NULL}}, 2, &place, &problems);
	CHECK_TEXT(problems.first.message, "versions is given twice; give it once");
	yaml_node_free(map);
}

int
main(void)
{
	if (mkdtemp(directory) == NULL)
		return 1;
	(void)snprintf(file, sizeof(file), "%s/mortise.yaml", directory);
	write_file("one-line", "one\n");
	write_file("two-ends", "two\n\n");
	write_file("nothing", "");
	write_file("cred", "credential\n");
	CHECK_NUMBER(setenv("MORTISE_TEST_SET", "from env", 1), 0);
	CHECK_NUMBER(unsetenv("MORTISE_TEST_UNSET"), 0);
	CHECK_NUMBER(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
	test_bad();
	test_exposed();
	test_defaults();
	test_values();
	test_secrets();
	test_resolve();
	test_numbers();
	test_describe();
	test_example();
	test_given();
	for (size_t i = 0; i < 4; i++) {
		static const char *const names[] = {"one-line", "two-ends", "nothing", "cred"};
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(directory);
	return test_end();
}
