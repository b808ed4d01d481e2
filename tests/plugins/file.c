/* SPDX-License-Identifier: BSD-2-Clause */
/* The sink `file`, by its slots. */
#define _GNU_SOURCE
#include "config.h"

#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../test.h"
#include "base/attr.h"
#include "base/bytes.h"
#include "base/file.h"
#include "plugin_host.h"
#include "sink_lines.h"

#define ONE "11111111111111111111111111111111"
#define TWO "22222222222222222222222222222222"

static char directory[4096];
static int number;

/* A sink of a new path. */
struct one {
	struct hosted sink;
	char path[4200], moved[4210];
	struct host_option options[8];
	size_t count;
};

static void
prepare(struct one *one)
{
	*one = (struct one){0};
	(void)snprintf(one->path, sizeof(one->path), "%s/%d.log", directory, ++number);
	(void)snprintf(one->moved, sizeof(one->moved), "%s.1", one->path);
	one->options[one->count++] = (struct host_option){"path", one->path};
}

static bool
begin(struct one *one)
{
	return CHECK_AS(host_open(&one->sink, "file", one->options, one->count), "it opens");
}

static bool
fresh(struct one *one)
{
	prepare(one);
	return begin(one);
}

static enum mortise_code
emit(struct one *one, const char *trail, uint64_t from, uint64_t to, size_t *taken)
{
	struct sink_batch *batch = sink_batch_make(trail, from, to);
	struct mortise_call call = host_call();
	enum mortise_code code = one->sink.plugin->sink->emit(one->sink.instance, &call,
	    batch->lines, batch->count, taken);

	if (code != MORTISE_OK)
		printf("# %s\n", call.message);
	sink_batch_free(batch);
	return code;
}

/* All are taken. */
static void
emits(struct one *one, const char *trail, uint64_t from, uint64_t to, const char *what)
{
	size_t taken = 0;

	CHECK_NUMBER_AS(emit(one, trail, from, to, &taken), MORTISE_OK, what);
	CHECK_NUMBER_AS(taken, to - from + 1, "and all are taken");
}

static void
flushes(struct one *one)
{
	struct mortise_call call = host_call();

	CHECK_NUMBER(one->sink.plugin->sink->flush(one->sink.instance, &call), MORTISE_OK);
}

static uint64_t
position(struct one *one, const char *trail)
{
	struct mortise_call call = host_call();
	uint64_t seq = 99999;

	if (one->sink.plugin->sink->position(one->sink.instance, &call, trail, &seq) != MORTISE_OK)
		printf("# position: %s\n", call.message);
	return seq;
}

static char *
content(const char *path)
{
	size_t size;
	char *text = file_read(AT_FDCWD, path, 64u << 20, &size);

	return text == NULL ? strdup("") : text;
}

/* "1 2 3" */
static void
numbers(const char *path, char *list, size_t size)
{
	char *text _cleanup_(free_pointer) = content(path);

	list[0] = '\0';
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		const char *at = strstr(line, "\"seq\":");
		size_t have = strlen(list);

		(void)snprintf(list + have, size - have, "%s%s", have == 0 ? "" : " ",
		    at == NULL ? "?" : "");
		if (at != NULL)
			(void)snprintf(list + strlen(list), size - strlen(list), "%llu",
			    strtoull(at + 6, NULL, 10));
	}
}
#define HAS(path, wanted) do { \
		char list_[4096]; \
		numbers((path), list_, sizeof(list_)); \
		CHECK_TEXT_AS(list_, (wanted), #path " has " wanted); \
	} while (0)

/* --- what is written --------------------------------------------------------------- */

static void
test_lines(void)
{
	struct sink_batch *batch = sink_batch_make(ONE, 1, 1);
	char *text _cleanup_(free_pointer) = NULL;
	struct one one;
	struct stat status;

	if (!fresh(&one))
		return;
	CHECK_NUMBER_AS(position(&one, ONE), 0, "an unknown trail is at 0");
	CHECK_AS(access(one.path, F_OK) < 0, "and asking makes no file");
	(void)umask(0);
	emits(&one, ONE, 1, 1, "a record");
	(void)umask(022);
	text = content(one.path);
	CHECK_AS(strlen(text) == batch->lines[0].line_size + 1 &&
	    strncmp(text, batch->lines[0].line, batch->lines[0].line_size) == 0 &&
	    text[batch->lines[0].line_size] == '\n', "it stands there as in the trail");
	CHECK(stat(one.path, &status) == 0 && (status.st_mode & 07777) == 0600);
	emits(&one, ONE, 2, 500, "a batch");
	emits(&one, ONE, 501, 700, "another");
	emits(&one, ONE, 690, 702, "some again, and more");
	emits(&one, ONE, 702, 702, "one again");
	CHECK_NUMBER(position(&one, ONE), 702);
	CHECK_NUMBER_AS(position(&one, TWO), 0, "another trail is at 0");
	emits(&one, ONE, 800, 801, "numbers may be missing");
	flushes(&one);
	CHECK_NUMBER(position(&one, ONE), 801);
	host_close(&one.sink);
	if (begin(&one)) {
		CHECK_NUMBER_AS(position(&one, ONE), 801, "opened again it is where it was");
		emits(&one, ONE, 801, 803, "and goes on");
		CHECK_NUMBER(position(&one, ONE), 803);
		host_close(&one.sink);
	}
	sink_batch_free(batch);
}

static void
test_flat(void)
{
	struct sink_record record;
	struct mortise_call call = host_call();
	char *text _cleanup_(free_pointer) = NULL;
	struct stat status;
	struct one one;
	size_t taken;
	json_t *tree;

	prepare(&one);
	one.options[one.count++] = (struct host_option){"format", "flat"};
	one.options[one.count++] = (struct host_option){"mode", "0640"};
	if (!begin(&one))
		return;
	sink_record_make(&record, ONE, 7, "a\x01\"b@agency.example");
	(void)umask(077);
	CHECK_NUMBER(one.sink.plugin->sink->emit(one.sink.instance, &call, &record.line, 1, &taken),
	    MORTISE_OK);
	(void)umask(022);
	CHECK_AS(stat(one.path, &status) == 0 && (status.st_mode & 07777) == 0640,
	    "its mode holds under any umask");
	text = content(one.path);
	tree = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	CHECK_AS(json_is_object(tree), "a flat line is JSON, each name once");
	CHECK_TEXT(json_string_value(json_object_get(tree, "trail")), ONE);
	CHECK_NUMBER(json_integer_value(json_object_get(tree, "seq")), 7);
	CHECK_NUMBER(json_integer_value(json_object_get(tree, "actor.uid")), 1001);
	CHECK_TEXT(json_string_value(json_object_get(tree, "action")), "token_viewed");
	CHECK_TEXT(json_string_value(json_object_get(tree, "agencyId")), "ag \"1\"]\\");
	CHECK_TEXT(json_string_value(json_object_get(tree, "userEmail")),
	    "a\x01\"b@agency.example");
	CHECK(json_is_true(json_object_get(tree, "cached")));
	CHECK(json_is_array(json_object_get(tree, "calls")));
	CHECK(json_is_object(json_object_get(tree, "metadata")));
	CHECK(json_object_get(tree, "pc") == NULL && json_object_get(tree, "s") == NULL);
	json_decref(tree);
	CHECK_NUMBER(position(&one, ONE), 7);
	emits(&one, ONE, 8, 9, "more");
	HAS(one.path, "7 8 9");
	host_close(&one.sink);
}

static void
test_conflict(const char *format)
{
	struct sink_record record;
	struct mortise_call call = host_call();
	struct one one;
	size_t taken = 9;

	prepare(&one);
	one.options[one.count++] = (struct host_option){"format", format};
	if (!begin(&one))
		return;
	emits(&one, ONE, 1, 500, "records");
	emits(&one, ONE, 501, 600, "records");
	sink_record_make(&record, TWO, 590, "eve@agency.example");
	record.line.trail = ONE;
	CHECK_NUMBER_AS(one.sink.plugin->sink->emit(one.sink.instance, &call, &record.line, 1,
	    &taken), MORTISE_CONFLICT, "another record under a number is an alarm");
	CHECK_NUMBER(taken, 0);
	CHECK(strstr(call.message, "another record 590 of this trail") != NULL);
	emits(&one, ONE, 600, 601, "it goes on");
	emits(&one, TWO, 1, 3, "a record of another trail is another record");
	CHECK_NUMBER(position(&one, ONE), 601);
	CHECK_NUMBER(position(&one, TWO), 3);
	emits(&one, ONE, 600, 602, "and back");
	CHECK_NUMBER(position(&one, ONE), 602);
	CHECK_NUMBER(position(&one, TWO), 3);
	host_close(&one.sink);
}

/* --- what becomes of the file ------------------------------------------------------ */

static void
test_moved(void)
{
	struct one one;
	FILE *stream;

	if (!fresh(&one))
		return;
	emits(&one, ONE, 1, 3, "records");
	CHECK(rename(one.path, one.moved) == 0);
	emits(&one, ONE, 4, 5, "records after it was moved");
	HAS(one.moved, "1 2 3");
	HAS(one.path, "4 5");
	CHECK_NUMBER(position(&one, ONE), 5);
	CHECK(unlink(one.path) == 0);
	CHECK_NUMBER_AS(position(&one, ONE), 5, "what was written is not written again");
	emits(&one, ONE, 5, 7, "records after it was deleted");
	HAS(one.path, "6 7");
	flushes(&one);
	CHECK(truncate(one.path, 0) == 0);
	emits(&one, ONE, 7, 9, "records after it was copied and cut");
	HAS(one.path, "8 9");
	CHECK_NUMBER(position(&one, ONE), 9);
	CHECK(truncate(one.path, 0) == 0);
	host_close(&one.sink);
	if (!begin(&one))
		return;
	CHECK_NUMBER_AS(position(&one, ONE), 9, "cut while nobody had it open");
	emits(&one, ONE, 9, 10, "it goes on");
	HAS(one.path, "10");
	CHECK(rename(one.path, one.moved) == 0);
	stream = fopen(one.path, "w");
	CHECK(stream != NULL && fchmod(fileno(stream), 0600) == 0 && fputs("begun", stream) >= 0);
	(void)fclose(stream);
	emits(&one, ONE, 11, 11, "records behind what others began");
	HAS(one.path, "? 11");
	host_close(&one.sink);
}

/* Another file of the same size at the path. */
static void
test_replaced(void)
{
	char *text _cleanup_(free_pointer) = NULL;
	struct one one;
	FILE *stream;

	if (!fresh(&one))
		return;
	emits(&one, ONE, 1, 2, "records");
	text = content(one.path);
	CHECK(rename(one.path, one.moved) == 0);
	stream = fopen(one.path, "w");
	CHECK(stream != NULL && fchmod(fileno(stream), 0600) == 0 && fputs(text, stream) >= 0);
	(void)fclose(stream);
	emits(&one, ONE, 3, 3, "a record after it was replaced by a copy");
	HAS(one.moved, "1 2");
	HAS(one.path, "1 2 3");
	host_close(&one.sink);
}

static void
append_bytes(const char *path, const char *bytes, size_t size)
{
	int fd _cleanup_(file_close) = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
}

static void
test_torn(void)
{
	struct sink_batch *batch = sink_batch_make(ONE, 4, 4);
	struct one one;

	if (!fresh(&one))
		return;
	emits(&one, ONE, 1, 3, "records");
	flushes(&one);
	host_close(&one.sink);
	append_bytes(one.path, batch->lines[0].line, 100);
	if (!begin(&one))
		return;
	CHECK_NUMBER_AS(position(&one, ONE), 3, "a torn line is none");
	HAS(one.path, "1 2 3");
	append_bytes(one.path, batch->lines[0].line, batch->lines[0].line_size);
	emits(&one, ONE, 4, 5, "torn just before its end, under an open sink");
	HAS(one.path, "1 2 3 4 5");
	host_close(&one.sink);
	append_bytes(one.path, "\0\0\0\n", 4);
	if (begin(&one)) {
		CHECK_NUMBER_AS(position(&one, ONE), 5, "zeros are none");
		HAS(one.path, "1 2 3 4 5");
		host_close(&one.sink);
	}
	sink_batch_free(batch);
}

/* Written, not flushed, and known all the same; also to another instance meanwhile. */
static void
test_unflushed(void)
{
	struct one one, other;

	if (!fresh(&one))
		return;
	emits(&one, ONE, 1, 2, "records");
	flushes(&one);
	emits(&one, ONE, 3, 4, "records that are not flushed");
	other = one;
	if (!begin(&other))
		return;
	CHECK_NUMBER_AS(position(&other, ONE), 4, "another instance knows them");
	emits(&other, ONE, 4, 6, "and goes on");
	emits(&one, ONE, 5, 8, "so does the first one");
	HAS(one.path, "1 2 3 4 5 6 7 8");
	emits(&other, TWO, 1, 2, "another trail in between");
	emits(&one, ONE, 9, 9, "and the first one again");
	CHECK_NUMBER(position(&one, ONE), 9);
	CHECK_NUMBER(position(&one, TWO), 2);
	HAS(one.path, "1 2 3 4 5 6 7 8 1 2 9");
	host_close(&one.sink);
	host_close(&other.sink);
}

static void
test_rotation(void)
{
	char second[4220];
	struct one one;
	struct stat status;

	prepare(&one);
	(void)snprintf(second, sizeof(second), "%s.2", one.path);
	one.options[one.count++] = (struct host_option){"rotate-size", "2500"};
	one.options[one.count++] = (struct host_option){"keep", "2"};
	if (!begin(&one))
		return;
	emits(&one, ONE, 1, 2, "records");
	emits(&one, ONE, 3, 11, "a batch over several files");
	HAS(second, "4 5 6");
	HAS(one.moved, "7 8 9");
	HAS(one.path, "10 11");
	CHECK(stat(one.moved, &status) == 0 && status.st_size <= 2500);
	CHECK_NUMBER(position(&one, ONE), 11);
	host_close(&one.sink);
	if (begin(&one)) {
		CHECK_NUMBER(position(&one, ONE), 11);
		emits(&one, ONE, 11, 13, "and on");
		HAS(one.path, "13");
		host_close(&one.sink);
	}
}

/* --- erasing ----------------------------------------------------------------------- */

static void
test_erase(const char *format)
{
	static const uint64_t seqs[] = {12, 2, 7, 999};
	struct mortise_call call = host_call();
	struct one one;
	const char *paths[] = {one.path, one.moved};
	bool flat = strcmp(format, "flat") == 0;
	size_t emails = 0, lines = 0;

	prepare(&one);
	one.options[one.count++] = (struct host_option){"format", format};
	if (!begin(&one))
		return;
	emits(&one, ONE, 1, 8, "records");
	CHECK(rename(one.path, one.moved) == 0);
	emits(&one, TWO, 1, 8, "those of another trail");
	emits(&one, ONE, 9, 12, "and more");
	CHECK_NUMBER(one.sink.plugin->sink->erase(one.sink.instance, &call, ONE, seqs, 4),
	    MORTISE_OK);
	CHECK_NUMBER_AS(one.sink.plugin->sink->erase(one.sink.instance, &call, ONE, seqs, 4),
	    MORTISE_OK, "again");
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char *text _cleanup_(free_pointer) = content(paths[i]);

		for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
			json_t *tree = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
			json_t *h = json_object_get(tree, "h");
			const char *trail = json_string_value(h);
			json_t *p = flat ? tree : json_object_get(tree, "p");
			json_int_t seq = json_integer_value(json_object_get(flat ? tree :
			    json_object_get(tree, "c"), "seq"));
			bool erased = json_object_get(p, "userEmail") == NULL;

			lines += h != NULL;
			emails += !erased;
			if (erased && (strncmp(trail, ONE, 32) != 0 ||
			    (seq != 2 && seq != 7 && seq != 12) ||
			    strstr(line, "192.0.2") != NULL ||
			    strstr(line, "agency.example") != NULL))
				CHECK_AS(false, "%s: record %lld is erased, and was not to be",
				    format, (long long)seq);
			json_decref(tree);
		}
	}
	CHECK_NUMBER_AS(lines, 20, "all lines are JSON, and have their hash");
	CHECK_NUMBER_AS(emails, 17, "three have lost their personal part");
	emits(&one, ONE, 12, 13, "an erased record is the same one");
	CHECK_NUMBER(position(&one, ONE), 13);
	host_close(&one.sink);
}

/* --- what is refused --------------------------------------------------------------- */

static void
refused(struct one *one, enum mortise_code wanted, const char *words)
{
	struct sink_batch *batch = sink_batch_make(ONE, 1, 2);
	struct mortise_call call = host_call();
	size_t taken = 9;

	CHECK_NUMBER_AS(one->sink.plugin->sink->emit(one->sink.instance, &call, batch->lines, 2,
	    &taken), wanted, words);
	CHECK_NUMBER(taken, 0);
	if (!CHECK_AS(strstr(call.message, words) != NULL, "it says: %s", words))
		printf("# %s\n", call.message);
	sink_batch_free(batch);
}

static void
test_refusals(void)
{
	struct mortise_call call = host_call();
	struct one one;

	if (!fresh(&one))
		return;
	CHECK(symlink("elsewhere", one.path) == 0);
	refused(&one, MORTISE_DENIED, "is a symbolic link");
	CHECK_NUMBER(one.sink.plugin->check(one.sink.instance, &call), MORTISE_DENIED);
	CHECK(unlink(one.path) == 0 && mkfifo(one.path, 0600) == 0);
	refused(&one, MORTISE_DENIED, "is no regular file");
	CHECK(unlink(one.path) == 0);
	CHECK_NUMBER(one.sink.plugin->check(one.sink.instance, &call), MORTISE_OK);
	emits(&one, ONE, 1, 1, "a record");
	CHECK(chmod(one.path, 0644) == 0);
	CHECK_NUMBER(one.sink.plugin->check(one.sink.instance, &call), MORTISE_DENIED);
	host_close(&one.sink);
	if (begin(&one)) {
		refused(&one, MORTISE_DENIED, "has mode 0644; `chmod 0600` it, or change the "
		    "option mode");
		host_close(&one.sink);
	}
	(void)snprintf(one.moved, sizeof(one.moved), "%s.position", one.path);
	append_bytes(one.moved, "{\"trail\":\"11\"}\n", 15);
	if (begin(&one)) {
		refused(&one, MORTISE_ERROR, "is damaged");
		host_close(&one.sink);
	}
}

/* Some lines of a batch fit, the others do not; then there is room again. */
static void
test_full(void)
{
	struct rlimit before, small;
	char *text _cleanup_(free_pointer) = NULL;
	struct one one;
	size_t taken = 0;

	if (!fresh(&one))
		return;
	(void)signal(SIGXFSZ, SIG_IGN);
	CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
	small = before;
	small.rlim_cur = 2600;
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
	CHECK_NUMBER_AS(emit(&one, ONE, 1, 9, &taken), MORTISE_UNAVAILABLE, "no room for all");
	CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
	text = content(one.path);
	CHECK_AS(text[0] == '{' && text[strlen(text) - 1] == '\n', "no line in part");
	CHECK_AS(taken > 0 && taken < 9, "some are taken");
	CHECK_NUMBER_AS(position(&one, ONE), taken, "those are there");
	emits(&one, ONE, taken + 1, 9, "the others, when there is room");
	HAS(one.path, "1 2 3 4 5 6 7 8 9");
	host_close(&one.sink);
}

static void
test_options(void)
{
	static const struct {
		const char *path, *value, *says;
	} wrong[] = {
		{"mode", "0666", "\"0666\" is not possible"},
		{"mode", "rw", "\"rw\" is not possible"},
		{"path", "/nowhere/at/all.log", "make the directory"},
		{"path", "/tmp/", "is no name of a file"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct host_option given[] = {{wrong[i].path, wrong[i].value}, {"path", "/tmp/x"}};
		struct mortise_call call = host_call();
		struct one one;
		void *instance;

		if (!fresh(&one))
			return;
		one.sink.options.given = given;
		one.sink.options.count = ARRAY_SIZE(given);
		CHECK_NUMBER(one.sink.plugin->open(&call, &one.sink.options, &instance),
		    MORTISE_INVALID);
		if (!CHECK_AS(strstr(call.message, wrong[i].says) != NULL, "%s", wrong[i].says))
			printf("# %s\n", call.message);
		host_close(&one.sink);
	}
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

int
main(void)
{
	const char *temporary = getenv("TMPDIR");

	(void)snprintf(directory, sizeof(directory), "%s/mortise-file-XXXXXX",
	    temporary == NULL ? "/tmp" : temporary);
	if (mkdtemp(directory) == NULL)
		return 1;
	test_lines();
	test_flat();
	test_conflict("line");
	test_conflict("flat");
	test_moved();
	test_replaced();
	test_torn();
	test_unflushed();
	test_rotation();
	test_erase("line");
	test_erase("flat");
	test_refusals();
	test_full();
	test_options();
	(void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return test_end();
}
