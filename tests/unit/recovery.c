/* SPDX-License-Identifier: BSD-2-Clause */
/* audit/trail.h: what opening makes of a directory that something happened to. */
#include <signal.h>

#include "audit/record.h"
#include "../trail.h"

#define SEGMENT "000001.jsonl"

/* A trail of an open record and n outcomes, as a kill would leave it: the head
 * at the first record.  Kept as saved.* beside it. */
static int
make_killed(const char *directory, int n)
{
	struct trail *trail = NULL;

	if (open_trail(directory, &trail, NULL) != MORTISE_OK)
		return 1;
	copy_file(directory, "head", "saved.head");
	for (int i = 0; i < n; i++) {
		if (append(trail, "x") != MORTISE_OK)
			return 2;
	}
	copy_file(directory, "saved.head", "head");
	copy_file(directory, SEGMENT, "saved.segment");
	return 0;
}

static void
killed(const char *directory, int n)
{
	int status = -1;
	pid_t child;

	(void)fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(make_killed(directory, n));
	(void)waitpid(child, &status, 0);
	CHECK_NUMBER_AS(status, 0, "a trail without an end");
}

/* The saved trail again, with other bytes as its segment. */
static void
put_back(const char *directory, const char *bytes, size_t size)
{
	(void)unlink(path_in(directory, "lock"));
	copy_file(directory, "saved.head", "head");
	if (file_replace(AT_FDCWD, path_in(directory, SEGMENT), bytes, size, 0600) < 0)
		perror("put_back");
}

static char *
saved_bytes(const char *directory, size_t *size)
{
	char *bytes = file_read(AT_FDCWD, path_in(directory, "saved.segment"), 1 << 20, size);

	if (bytes == NULL) {
		perror("saved");
		exit(1);
	}
	return bytes;
}

/* Where line n (from 0) begins. */
static size_t
line_at(const char *bytes, size_t size, int n)
{
	size_t at = 0;

	for (; n > 0 && at < size; at++)
		n -= bytes[at] == '\n';
	return at;
}

/* Opens what is there, and says how many bytes the torn record tells of; 0: no
 * torn record; -1: refused. */
static json_int_t
torn_bytes(const char *directory)
{
	const struct mortise_audit_filter all = {.size = sizeof(all)};
	struct seen seen = {.records = json_array(), .in_order = true};
	struct mortise_error error = {0};
	struct trail *trail = NULL;
	json_int_t bytes = -1;

	if (open_trail(directory, &trail, &error) == MORTISE_OK) {
		trail_close(trail);
		(void)search_trail(directory, &all, see, &seen, NULL);
		bytes = json_integer_value(json_object_get(json_array_get(seen.records, 3),
		    "bytes"));
		if (!seen.in_order || json_array_size(seen.records) != (bytes > 0 ? 4 : 3))
			bytes = -2;
	}
	json_decref(seen.records);
	return bytes;
}

static void
test_torn(const char *directory)
{
	size_t size, last;
	char *bytes, *padded;
	int wrong = 0;

	killed(directory, 3);
	bytes = saved_bytes(directory, &size);
	last = line_at(bytes, size, 3);
	padded = calloc(1, size + 4096);
	memcpy(padded, bytes, size);
	for (size_t cut = last; cut < size; cut++) {
		put_back(directory, bytes, cut);
		if (torn_bytes(directory) != (json_int_t)(cut - last)) {
			printf("# cut at %zu of %zu\n", cut - last, size - last);
			wrong++;
		}
	}
	CHECK_NUMBER_AS(wrong, 0, "each cut of the last record");
	/* What a file system left unwritten is zero. */
	memset(padded + last + 100, 0, size + 4096 - last - 100);
	put_back(directory, padded, last + 4096);
	CHECK_NUMBER_AS(torn_bytes(directory), 4096, "a beginning and then NULs");
	memset(padded + last, 0, 100);
	put_back(directory, padded, last + 4096);
	CHECK_NUMBER_AS(torn_bytes(directory), 4096, "nothing but NULs");
	padded[last + 4000] = 'x';
	put_back(directory, padded, last + 4096);
	CHECK_NUMBER_AS(torn_bytes(directory), -1, "NULs and then something");
	put_back(directory, bytes, size);
	CHECK_NUMBER_AS(access(path_in(directory, SEGMENT), F_OK), 0, "whole again");
	free(padded);
	free(bytes);
}

/* Is it refused, with this reason, and does the message have this in it? */
static void
check_refused(const char *directory, enum mortise_reason reason, const char *part,
    const char *what)
{
	struct mortise_error error = {0};
	struct trail *trail = NULL;

	CHECK_NUMBER_AS(open_trail(directory, &trail, &error), MORTISE_ERROR, what);
	CHECK_NUMBER_AS(error.reason, reason, what);
	if (!CHECK_AS(strstr(error.message, part) != NULL, "%s: names %s", what, part))
		printf("# %s\n", error.message);
}

static void
test_corrupt(const char *directory)
{
	static const struct {
		int line;
		const char *in;		/* the byte behind this is changed */
		const char *names;
	} rows[] = {
		{2, "{\"c\":", "record 3"},
		{2, "\"agencyId\":\"", "record 3"},
		{2, "\"seq\":", "record 3"},
		{2, "\"h\":\"", "record 3"},
		{1, "\"t\":\"", "record 2"},
		{3, "\"code\":\"", "record 4"},
		{3, "\"p\":", "record 4"},
	};
	size_t size;
	char *bytes, *changed;

	killed(directory, 3);
	bytes = saved_bytes(directory, &size);
	changed = malloc(size + 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t at;

		memcpy(changed, bytes, size + 1);
		at = (size_t)(strstr(changed + line_at(bytes, size, rows[i].line), rows[i].in) -
		    changed) + strlen(rows[i].in);
		changed[at] ^= 1;
		put_back(directory, changed, size);
		check_refused(directory, MORTISE_REASON_AUDIT, rows[i].names, rows[i].in);
	}
	memcpy(changed, bytes, size);
	changed[size - 1] = 'x';
	put_back(directory, changed, size);
	check_refused(directory, MORTISE_REASON_AUDIT, "record 4", "another byte for the last LF");
	/* A line less in the middle. */
	memmove(changed + line_at(bytes, size, 1), bytes + line_at(bytes, size, 2),
	    size - line_at(bytes, size, 2));
	put_back(directory, changed, size - (line_at(bytes, size, 2) - line_at(bytes, size, 1)));
	check_refused(directory, MORTISE_REASON_AUDIT, "record 2", "a record removed");
	free(changed);
	free(bytes);
}

static void
test_short(const char *directory)
{
	struct trail_options options = {.directory = directory, .program = "test 1"};
	struct trail *trail = must_open(directory);
	struct seen seen;
	size_t size, cut;
	char *bytes;

	for (int i = 0; i < 4; i++)
		(void)append(trail, "x");
	trail_close(trail);		/* the head: 5 */
	bytes = file_read(AT_FDCWD, path_in(directory, SEGMENT), 1 << 20, &size);
	cut = line_at(bytes, size, 3);
	CHECK(truncate(path_in(directory, SEGMENT), (off_t)cut) == 0);
	check_refused(directory, MORTISE_REASON_SHORT, "record 5", "shorter than the head");
	CHECK_NUMBER(trail_accept_loss(&options, "the disk broke", "alice", NULL), MORTISE_OK);
	CHECK_NUMBER_AS(trail_accept_loss(&options, "again", "alice", NULL), MORTISE_INVALID,
	    "nothing more is lost");
	trail = must_open(directory);
	CHECK_NUMBER(append(trail, "after"), MORTISE_OK);
	trail_close(trail);
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_TEXT(field(&seen, 3, "t"), "open");
	json_t *gap = json_object_get(json_array_get(seen.records, 3), "gap");
	CHECK_NUMBER(json_integer_value(json_object_get(gap, "from")), 4);
	CHECK_NUMBER(json_integer_value(json_object_get(gap, "to")), 5);
	CHECK_TEXT(json_string_value(json_object_get(gap, "reason")), "the disk broke");
	CHECK_TEXT(json_string_value(json_object_get(gap, "by")), "alice");
	CHECK_TEXT(field(&seen, 4, "resourceId"), "after");
	seen_free(&seen);
	free(bytes);
}

static void
test_all_gone(const char *directory)
{
	struct trail_options options = {.directory = directory, .program = "test 1"};
	struct trail *trail = must_open(directory);
	struct mortise_audit_head head = {.size = sizeof(head)};

	(void)append(trail, "x");
	trail_close(trail);
	CHECK(unlink(path_in(directory, SEGMENT)) == 0);
	check_refused(directory, MORTISE_REASON_SHORT, "record 2", "no segment at all");
	CHECK_NUMBER(trail_accept_loss(&options, "deleted", "alice", NULL), MORTISE_OK);
	trail_close(must_open(directory));
	CHECK_NUMBER(trail_head(directory, &head, NULL), MORTISE_OK);
	CHECK_NUMBER(head.seq, 3);
	CHECK(access(path_in(directory, "000002.jsonl"), F_OK) == 0);
}

static void
test_accept_corrupt(const char *directory)
{
	struct trail_options options = {.directory = directory, .program = "test 1"};
	struct seen seen;
	size_t size;
	char *bytes;

	killed(directory, 4);
	bytes = saved_bytes(directory, &size);
	bytes[line_at(bytes, size, 3) + 40] ^= 1;
	put_back(directory, bytes, size);
	check_refused(directory, MORTISE_REASON_AUDIT, "record 4", "a changed record");
	CHECK_NUMBER(trail_accept_loss(&options, "changed", "alice", NULL), MORTISE_OK);
	trail_close(must_open(directory));
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_NUMBER(seen.last, 6);	/* 3 good, 2 lost, open */
	CHECK_AS(access(path_in(directory, SEGMENT ".lost"), F_OK) == 0, "what is lost is kept");
	seen_free(&seen);
	free(bytes);
}

/* What is wrong in an old segment, where no opening looks, is verify's to find: it is
 * no reason to part with what follows. */
static void
test_accept_beside_old_damage(const char *directory)
{
	struct trail_options options = {.directory = directory, .program = "test 1",
	    .segment_bytes = 2048};
	struct trail *trail = NULL;
	struct seen seen;
	char **files = NULL;
	char *bytes;
	size_t size, count = 0, after = 0;
	uint64_t last;

	CHECK_NUMBER(trail_open(&options, &trail, NULL), MORTISE_OK);
	for (int i = 0; i < 30; i++)
		(void)append(trail, "x");
	trail_close(trail);
	seen = see_all(directory);
	last = (uint64_t)seen.last;
	seen_free(&seen);
	CHECK_NUMBER(trail_segments(directory, &files, &count, NULL), MORTISE_OK);
	bytes = file_read(AT_FDCWD, files[0], 1 << 20, &size);
	bytes[line_at(bytes, size, 1) + 60] ^= 1;
	CHECK(chmod(files[0], 0600) == 0);
	CHECK(file_replace(AT_FDCWD, files[0], bytes, size, 0400) == 0);
	free(bytes);
	bytes = file_read(AT_FDCWD, files[count - 1], 1 << 20, &size);
	CHECK(truncate(files[count - 1], (off_t)line_at(bytes, size, 1)) == 0);
	free(bytes);
	check_refused(directory, MORTISE_REASON_SHORT, "shorter", "shorter than the head");
	CHECK_NUMBER(trail_accept_loss(&options, "the disk broke", "alice", NULL), MORTISE_OK);
	for (size_t i = 0; i < count; i++)
		after += access(files[i], F_OK) == 0;
	CHECK_NUMBER_AS(after, count, "every segment is in its place");
	trail_segments_free(files, count);
	trail = must_open(directory);
	CHECK_NUMBER(append(trail, "after"), MORTISE_OK);
	trail_close(trail);
	seen = see_all(directory);
	CHECK_NUMBER_AS(seen.last, last + 2, "it goes on behind the last record that the head knew");
	seen_free(&seen);
}

static void
test_unlinked(const char *directory)
{
	struct trail *trail = must_open(directory);
	struct seen seen;

	(void)append(trail, "lost");
	CHECK(unlink(path_in(directory, SEGMENT)) == 0);
	CHECK_NUMBER_AS(append(trail, "after"), MORTISE_OK, "the segment was unlinked");
	trail_close(trail);
	trail_close(must_open(directory));
	seen = see_all(directory);
	CHECK_TEXT(field(&seen, 0, "t"), "open");
	CHECK_NUMBER(json_integer_value(json_object_get(json_object_get(json_array_get(
	    seen.records, 0), "gap"), "to")), 2);
	CHECK_TEXT(field(&seen, 1, "resourceId"), "after");
	CHECK(seen.in_order);
	seen_free(&seen);
}

static void
test_replaced(const char *directory)
{
	struct trail *trail = must_open(directory);
	struct seen seen;
	struct stat st;

	(void)append(trail, "kept");
	copy_file(directory, SEGMENT, SEGMENT);
	CHECK_NUMBER_AS(append(trail, "after"), MORTISE_OK, "a copy took its place");
	CHECK(stat(path_in(directory, "000002.jsonl"), &st) == 0 &&
	    truncate(path_in(directory, "000002.jsonl"), st.st_size - 10) == 0);
	CHECK_NUMBER_AS(append(trail, "cut"), MORTISE_OK, "the segment was cut while in use");
	trail_close(trail);
	trail_close(must_open(directory));
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_NUMBER(count_of(&seen, "resourceId", "kept"), 1);
	CHECK_NUMBER(count_of(&seen, "resourceId", "after"), 0);
	CHECK_NUMBER(count_of(&seen, "resourceId", "cut"), 1);
	CHECK_NUMBER(count_of(&seen, "t", "open"), 3);
	seen_free(&seen);
}

/* Somebody died in the middle of a write, and others go on. */
static void
test_died_in_write(const char *directory)
{
	struct trail *trail = must_open(directory);
	static const char begun[] = "{\"c\":{\"v\":1,\"seq\":3,\"ts\":";
	int fd;
	struct seen seen;

	(void)append(trail, "x");
	fd = open(path_in(directory, SEGMENT), O_WRONLY | O_APPEND | O_CLOEXEC);
	CHECK_NUMBER(file_write(fd, begun, sizeof(begun) - 1, NULL), 0);
	(void)close(fd);
	CHECK_NUMBER(append(trail, "after"), MORTISE_OK);
	trail_close(trail);
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_TEXT(field(&seen, 2, "t"), "torn");
	CHECK_NUMBER(json_integer_value(json_object_get(json_array_get(seen.records, 2), "bytes")),
	    sizeof(begun) - 1);
	CHECK_TEXT(field(&seen, 3, "resourceId"), "after");
	seen_free(&seen);
}

/* A crash between creating a segment and its first record. */
static void
test_empty_segment(const char *directory)
{
	struct trail *trail = must_open(directory);
	struct seen seen;

	(void)append(trail, "x");
	trail_close(trail);
	CHECK_NUMBER(file_replace(AT_FDCWD, path_in(directory, "000002.jsonl"), "{\"c\":{\"v\"", 9,
	    0600), 0);
	trail_close(must_open(directory));
	CHECK(access(path_in(directory, "000002.jsonl"), F_OK) < 0);
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_NUMBER(seen.last, 2);
	seen_free(&seen);
}

static const char intent_op[] = "0123456789abcdef0123456789abcdef";

/* Tells that its intent is written, and waits to be told to go. */
static int
leave_intent(const char *directory, int told, int wait)
{
	static const struct record_personal personal = {.user_email = "a@b.example",
	    .metadata = "{\"k\":[1,\"x\\ny\"]}"};
	struct record record = {.type = RECORD_INTENT, .action = "secret_written",
	    .agency_id = "ag_1", .resource_type = "secret", .resource_id = "x/\xc3\xa4\"\\\n",
	    .personal = &personal};
	struct trail *trail = NULL;
	char byte = 0;

	memcpy(record.op, intent_op, sizeof(record.op));
	if (open_trail(directory, &trail, NULL) != MORTISE_OK ||
	    trail_append(trail, &record, true, DEADLINE_NEVER, NULL, NULL) != MORTISE_OK ||
	    write(told, &byte, 1) != 1)
		return 1;
	return read(wait, &byte, 1) < 0;
}

static void
count_line(void *arg, const char *line, size_t size)
{
	static const char metadata[] = "\"metadata\":{\"k\":[1,\"x\\ny\"]}";
	char *copy = malloc(size + 1);

	memcpy(copy, line, size);
	copy[size] = '\0';
	*(int *)arg += strstr(copy, metadata) != NULL;
	free(copy);
}

static void
test_pending(const char *directory)
{
	struct mortise_audit_filter people;
	int found = 0;
	int told[2], wait[2], status = -1;
	char byte;
	pid_t child;
	struct seen seen;

	CHECK(pipe(told) == 0 && pipe(wait) == 0);
	(void)fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(leave_intent(directory, told[1], wait[0]));
	CHECK_NUMBER(read(told[0], &byte, 1), 1);
	trail_close(must_open(directory));
	seen = see_all(directory);
	CHECK_NUMBER_AS(count_of(&seen, "code", "unknown"), 0, "its writer lives");
	seen_free(&seen);
	(void)close(wait[0]);
	(void)close(wait[1]);
	(void)kill(child, SIGKILL);
	(void)waitpid(child, &status, 0);
	trail_close(must_open(directory));
	trail_close(must_open(directory));
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_NUMBER_AS(count_of(&seen, "code", "unknown"), 1, "its writer is gone");
	CHECK_NUMBER(count_of(&seen, "op", intent_op), 2);
	CHECK_TEXT_AS(field(&seen, -1, "action"), "secret_written", "it says what it is about");
	CHECK_TEXT(field(&seen, -1, "agencyId"), "ag_1");
	CHECK_TEXT(field(&seen, -1, "resourceId"), "x/\xc3\xa4\"\\\n");
	seen_free(&seen);
	people = (struct mortise_audit_filter){.size = sizeof(people), .user_email = "a@b.example"};
	CHECK_NUMBER(search_trail(directory, &people, count_line, &found, NULL), MORTISE_OK);
	CHECK_NUMBER_AS(found, 2, "and for whom");
	(void)close(told[0]);
	(void)close(told[1]);
}

static void
test_head_unreadable(const char *directory)
{
	struct trail *trail = must_open(directory);
	struct seen seen;

	(void)append(trail, "x");
	trail_close(trail);
	CHECK_NUMBER(file_replace(AT_FDCWD, path_in(directory, "head"), "{", 1, 0600), 0);
	CHECK_NUMBER(file_replace(AT_FDCWD, path_in(directory, "lock"), "?", 1, 0600), 0);
	trail_close(must_open(directory));
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_NUMBER(seen.last, 2);
	seen_free(&seen);
}

static void
test_other_host(const char *directory)
{
	static const char id[] = "00112233445566778899aabbccddeeff";
	const struct record record = {.type = RECORD_OPEN, .segment = 1, .program = "test 1"};
	const struct record_link link = {
		.trail = id, .host = "0000000000000000", .seq = 1, .time_us = 1,
		.before = "0000000000000000000000000000000000000000000000000000000000000000",
	};
	struct buffer line = {0};
	struct seen seen;
	char hash[65], *machine;
	size_t size = 0;

	CHECK_NUMBER(record_line(&record, &link, &line, hash, NULL), MORTISE_OK);
	CHECK_NUMBER(file_replace(AT_FDCWD, path_in(directory, SEGMENT), line.data, line.size,
	    0600), 0);
	buffer_free(&line);
	trail_close(must_open(directory));
	seen = see_all(directory);
	CHECK_NUMBER_AS(seen.last, 1, "a trail of its own");
	/* Where a host has no machine-id, as in some containers, a copy cannot be
	 * told. */
	machine = file_read(AT_FDCWD, "/etc/machine-id", 256, &size);
	if (machine == NULL || size < 32)
		test_skip("a copied trail", "no /etc/machine-id");
	else {
		CHECK_TEXT(field(&seen, 0, "parent"), id);
		CHECK(access(path_in(directory, "old-00112233445566778899aabbccddeeff/" SEGMENT),
		    F_OK) == 0);
	}
	free(machine);
	seen_free(&seen);
}

/* As root everything can be written: as somebody else then. */
static void
test_read_only(const char *directory)
{
	int status = -1;
	pid_t child;

	trail_close(must_open(directory));
	(void)unlink(path_in(directory, "lock"));
	CHECK(chmod(directory, 0555) == 0);
	(void)fflush(stdout);
	child = fork();
	if (child == 0) {
		struct mortise_error error = {0};
		struct trail *trail = NULL;

		if (getuid() == 0 && setuid(65534) != 0)
			_exit(9);
		_exit(open_trail(directory, &trail, &error) == MORTISE_ERROR &&
		    error.reason == MORTISE_REASON_AUDIT ? 0 : 1);
	}
	(void)waitpid(child, &status, 0);
	CHECK_NUMBER_AS(WEXITSTATUS(status), 0, "a directory that cannot be written");
	(void)chmod(directory, 0700);
}

int
main(void)
{
	static void (*const tests[])(const char *) = {
		test_torn, test_corrupt, test_short, test_all_gone, test_accept_corrupt,
		test_accept_beside_old_damage, test_unlinked, test_replaced, test_died_in_write, test_empty_segment,
		test_pending, test_head_unreadable, test_other_host, test_read_only,
	};
	char *directory = scratch_new();

	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		clear(directory);
		tests[i](directory);
	}
	scratch_free(directory);
	return test_end();
}
