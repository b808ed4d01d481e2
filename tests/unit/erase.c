/* SPDX-License-Identifier: BSD-2-Clause */
/* audit/erase.h: what is found, what is recorded, and who works meanwhile. */
#include "audit/erase.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "../trail.h"
#include "audit/verify.h"
#include "base/file.h"

#define MANY 1000

static void
append_of(struct trail *trail, const char *email)
{
	const struct record_personal personal = {.user_email = email};
	const struct record record = {
		.type = RECORD_OUTCOME, .op = "00112233445566778899aabbccddeeff",
		.action = "secret_viewed", .agency_id = "ag_1", .code = "ok", .ms = -1,
		.personal = email == NULL ? NULL : &personal,
	};

	if (trail_append(trail, &record, true, DEADLINE_NEVER, NULL, NULL) != MORTISE_OK)
		CHECK_AS(false, "a record is appended");
}

/* Plans for a person or, where email is NULL, for ranges. */
static struct erase_plan
plan_for(const char *directory, const char *email, struct erase_ranges *ranges)
{
	const struct mortise_audit_filter filter = {.size = sizeof(filter), .user_email = email};
	const struct erase_wanted wanted = {.filter = email == NULL ? NULL : &filter,
	    .ranges = ranges};
	struct erase_plan plan = {.places = NULL};
	struct walk walk = {.files = NULL};

	CHECK(walk_begin(&walk, directory, NULL) == MORTISE_OK);
	CHECK(erase_find(&walk, &wanted, &plan, NULL) == MORTISE_OK);
	walk_end(&walk);
	return plan;
}

static void
check_plan(const char *directory, const char *email, const char *want, const char *what)
{
	struct erase_plan plan _cleanup_(erase_plan_free) = plan_for(directory, email, NULL);
	struct buffer text _cleanup_(buffer_free) = {0};

	buffer_text(&text, "");
	for (size_t i = 0; i < plan.count; i++)
		buffer_format(&text, "%llu ", (unsigned long long)plan.places[i].seq);
	for (size_t i = 0; i < plan.ranges.count; i++)
		buffer_format(&text, "%llu-%llu ", (unsigned long long)plan.ranges.all[i].from,
		    (unsigned long long)plan.ranges.all[i].to);
	CHECK_TEXT_AS(text.data, want, what);
}

static void
check_ranges(const char *directory, struct record_range *all, size_t count, const char *want,
    const char *what)
{
	struct erase_ranges ranges = {all, count, count};
	struct erase_plan plan _cleanup_(erase_plan_free) = plan_for(directory, NULL, &ranges);
	struct buffer text _cleanup_(buffer_free) = {0};

	buffer_text(&text, "");
	for (size_t i = 0; i < plan.count; i++)
		buffer_format(&text, "%llu ", (unsigned long long)plan.places[i].seq);
	CHECK_TEXT_AS(text.data, want, what);
}

/* 1 is the open record; 2 a, 3 none, 4 a, 5 b, 6 a, 7 a. */
static void
test_find(const char *directory)
{
	static const char *const emails[] = {"a@x", NULL, "a@x", "b@x", "a@x", "a@x"};
	struct record_range split[] = {{6, 6}, {2, 4}, {3, 3}};
	struct record_range beyond[] = {{7, 1 << 30}};
	struct trail *trail = must_open(directory);

	for (size_t i = 0; i < ARRAY_SIZE(emails); i++)
		append_of(trail, emails[i]);
	check_plan(directory, "a@x", "2 4 6 7 2-4 6-7 ",
	    "ranges go over what has no part, not over others'");
	check_plan(directory, "b@x", "5 5-5 ", "one");
	check_plan(directory, "c@x", "", "nobody");
	check_ranges(directory, split, ARRAY_SIZE(split), "2 4 6 ", "ranges in any order");
	check_ranges(directory, beyond, ARRAY_SIZE(beyond), "7 ",
	    "a range that goes beyond the end");
	trail_close(trail);
}

static size_t
count_of_type(const char *directory, const char *type)
{
	struct seen seen = see_all(directory);
	size_t count = count_of(&seen, "t", type);

	CHECK_AS(seen.in_order, "numbers are in order");
	seen_free(&seen);
	return count;
}

static bool
contains(const char *directory, const char *text)
{
	char **files = NULL;
	size_t count = 0, size;
	bool found = false;

	CHECK(trail_segments(directory, &files, &count, NULL) == MORTISE_OK);
	for (size_t i = 0; i < count; i++) {
		char *bytes = file_read(AT_FDCWD, files[i], 64 << 20, &size);

		found = found || (bytes != NULL && strstr(bytes, text) != NULL);
		free(bytes);
	}
	trail_segments_free(files, count);
	return found;
}

static void
check_verifies(const char *directory)
{
	struct mortise_verify_options options = {.size = sizeof(options)};
	char verdict[512] = "", **files = NULL;

	CHECK(trail_segments(directory, &files, &options.files_count, NULL) == MORTISE_OK);
	options.files = (const char *const *)files;
	if (!CHECK_AS(verify_trail(&options, verdict, sizeof(verdict), NULL) == MORTISE_OK,
	    "it verifies"))
		printf("# %s\n", verdict);
	trail_segments_free(files, options.files_count);
}

/* --- while others write ---------------------------------------------------------------- */

struct writing {
	struct trail *trail;
	pthread_t thread;
	unsigned int written;
};

static void *
write_on(void *arg)
{
	struct writing *writing = arg;

	for (; writing->written < MANY; writing->written++)
		append_of(writing->trail, writing->written % 2 == 0 ? "other@x" : NULL);
	return NULL;
}

/* More ranges than one record has room for, in sealed segments too, and threads of one
 * trail that go on appending. */
static void
test_many(const char *directory)
{
	const struct trail_options options = {.directory = directory, .program = "test 1",
	    .segment_bytes = 200000};
	struct writing writing[2];
	struct trail *trail = NULL;
	struct erase_plan plan;

	CHECK(trail_open(&options, &trail, NULL) == MORTISE_OK);
	for (unsigned int i = 0; i < MANY; i++)
		append_of(trail, i % 2 == 0 ? "gone@x" : "stays@x");
	plan = plan_for(directory, "gone@x", NULL);
	CHECK_NUMBER(plan.count, MANY / 2);
	CHECK_NUMBER(plan.ranges.count, MANY / 2);
	for (size_t i = 0; i < ARRAY_SIZE(writing); i++) {
		writing[i] = (struct writing){.trail = trail};
		if (pthread_create(&writing[i].thread, NULL, write_on, &writing[i]) != 0)
			abort();
	}
	CHECK_NUMBER(trail_erase(trail, &plan, "uid 7", NULL), MORTISE_OK);
	for (size_t i = 0; i < ARRAY_SIZE(writing); i++)
		(void)pthread_join(writing[i].thread, NULL);
	erase_plan_free(&plan);
	trail_close(trail);
	CHECK(!contains(directory, "gone@x"));
	CHECK(contains(directory, "stays@x"));
	CHECK_NUMBER(count_of_type(directory, "erase"), 2);
	CHECK_NUMBER(count_of_type(directory, "outcome"), 3 * MANY);
	check_verifies(directory);
}

/* --- what is left of another -------------------------------------------------------------- */

static void
leave(const char *directory, const char *text)
{
	int fd = open(path_in(directory, "erasing"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	(void)close(fd);
}

static off_t
size_of_erasing(const char *directory)
{
	struct stat st;

	return stat(path_in(directory, "erasing"), &st) == 0 ? st.st_size : -1;
}

/* As a crash leaves it: the record is durable, and nothing is blank. */
static void
leave_record(struct trail *trail, uint64_t from, uint64_t to)
{
	const struct record_range range = {from, to};
	const struct record record = {.type = RECORD_ERASE, .erased = &range, .erased_count = 1,
	    .by = "uid 7"};

	CHECK(trail_append(trail, &record, true, DEADLINE_NEVER, NULL, NULL) == MORTISE_OK);
}

static void
test_left(const char *directory)
{
	static const char *const texts[] = {"{\"from\":6}\n", "{\"from\":1}\n", "{\"fr", "?"};
	struct trail *trail = must_open(directory);
	struct erase_plan plan;

	append_of(trail, "a@x");
	append_of(trail, "b@x");
	append_of(trail, "c@x");
	append_of(trail, "d@x");
	leave_record(trail, 2, 2);
	trail_close(trail);
	/* A number behind the record: it is done already. */
	leave(directory, "{\"from\":7}\n");
	trail_close(must_open(directory));
	CHECK(contains(directory, "a@x"));
	CHECK_NUMBER(size_of_erasing(directory), 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char email[] = "a@x";

		email[0] = (char)('a' + i);
		trail = must_open(directory);
		if (i > 0)
			leave_record(trail, i + 2, i + 2);
		trail_close(trail);
		leave(directory, texts[i]);
		trail_close(must_open(directory));
		CHECK_AS(!contains(directory, email), "left with %s: it is ended", texts[i]);
		CHECK_NUMBER(size_of_erasing(directory), 0);
	}
	check_verifies(directory);

	/* Somebody left it behind while this one had the trail open. */
	trail = must_open(directory);
	append_of(trail, "e@x");
	append_of(trail, "f@x");
	plan = plan_for(directory, "f@x", NULL);
	leave_record(trail, plan.places[0].seq - 1, plan.places[0].seq - 1);
	leave(directory, "{\"from\":1}\n");
	CHECK_NUMBER(trail_erase(trail, &plan, "uid 7", NULL), MORTISE_OK);
	CHECK(!contains(directory, "e@x") && !contains(directory, "f@x"));
	erase_plan_free(&plan);
	trail_close(trail);
	check_verifies(directory);
}

static void
test_held(const char *directory)
{
	struct mortise_error error = {0};
	struct trail *trail = must_open(directory);
	struct erase_plan plan;
	int fd;

	append_of(trail, "a@x");
	plan = plan_for(directory, "a@x", NULL);
	leave(directory, "{\"from\":1}\n");
	fd = open(path_in(directory, "erasing"), O_RDWR);
	CHECK(flock(fd, LOCK_EX) == 0);
	CHECK_NUMBER(trail_erase(trail, &plan, "uid 7", &error), MORTISE_CONFLICT);
	trail_close(trail);
	trail_close(must_open(directory));
	CHECK_AS(size_of_erasing(directory) > 0, "what somebody does is left to them");
	(void)close(fd);
	erase_plan_free(&plan);
}

/* A place where no part stands any more. */
static void
test_moved(const char *directory)
{
	struct trail *trail = must_open(directory);
	struct erase_plan plan;
	struct stat before, after;

	append_of(trail, "a@x");
	append_of(trail, "b@x");
	plan = plan_for(directory, "a@x", NULL);
	plan.places[0].offset += 3;
	CHECK(stat(path_in(directory, "000001.jsonl"), &before) == 0);
	CHECK_NUMBER(trail_erase(trail, &plan, "uid 7", NULL), MORTISE_OK);
	CHECK_AS(contains(directory, "a@x"), "nothing is written beside a part");
	plan.places[0].offset = (uint64_t)before.st_size + 5000;
	CHECK_NUMBER(trail_erase(trail, &plan, "uid 7", NULL), MORTISE_OK);
	CHECK(stat(path_in(directory, "000001.jsonl"), &after) == 0);
	CHECK_AS(after.st_size < before.st_size + 5000, "nor behind the file's end");
	plan.places[0].segment = 77;
	CHECK_NUMBER_AS(trail_erase(trail, &plan, "uid 7", NULL), MORTISE_OK,
	    "nor in a segment that is gone");
	erase_plan_free(&plan);
	trail_close(trail);
	check_verifies(directory);
}

int
main(void)
{
	static void (*const tests[])(const char *) = {
		test_find, test_many, test_left, test_held, test_moved,
	};

	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		char *directory = scratch_new();

		tests[i](directory);
		scratch_free(directory);
	}
	return test_end();
}
