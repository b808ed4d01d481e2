/* SPDX-License-Identifier: BSD-2-Clause */
/* audit/checkpoint.h: when a trail is signed, by one and by many, and by which key.
 * What becomes of keys is in keys.c, what forgers do in tests/audit/forge.py. */
#define _GNU_SOURCE	/* MAP_ANONYMOUS */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "../signed.h"

/* --- when ---------------------------------------------------------------------- */

static void
test_asked(const char *directory)
{
	struct mortise_audit_head head = {.size = sizeof(head)};
	struct trail *trail = open_with(directory, NEVER, 0), *other;
	struct seen seen;
	struct stat st;

	CHECK_NUMBER(append(trail, "a"), MORTISE_OK);
	CHECK(!has(directory, "epoch-1.key"));
	CHECK_NUMBER(sign_now(trail), MORTISE_OK);
	CHECK_NUMBER_AS(sign_now(trail), MORTISE_OK, "its last record is one already");
	other = open_with(directory, NEVER, 0);
	CHECK_NUMBER_AS(sign_now(other), MORTISE_OK, "and others know that");
	CHECK_NUMBER(trail_head(directory, &head, NULL), MORTISE_OK);
	CHECK_NUMBER(append(other, "b"), MORTISE_OK);
	CHECK_NUMBER(sign_now(trail), MORTISE_OK);
	trail_close(other);
	trail_close(trail);
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_NUMBER(seen.last, 5);
	CHECK_TEXT(field(&seen, 2, "t"), "checkpoint");
	CHECK_NUMBER(number_at(&seen, 2, "of"), 2);
	CHECK_NUMBER(number_at(&seen, 2, "epoch"), 1);
	CHECK_TEXT(field(&seen, 2, "next"), "");
	CHECK_NUMBER(head.seq, 3);
	CHECK_NUMBER(head.of, 2);
	CHECK_NUMBER(head.epoch, 1);
	CHECK_TEXT(head.of_hash, field(&seen, 2, "h"));
	CHECK_TEXT(head.key, field(&seen, 2, "key"));
	CHECK_TEXT(head.signature, field(&seen, 2, "sig"));
	CHECK_TEXT(head.ts, field(&seen, 2, "ts"));
	CHECK_TEXT(field(&seen, 4, "t"), "checkpoint");
	CHECK(stat(path_in(directory, "epoch-1.key"), &st) == 0 && (st.st_mode & 0777) == 0600);
	check_verifies(directory, head.key, 0, "asked for");
	seen_free(&seen);
}

static void
test_by_number(const char *directory)
{
	struct trail *trail = open_with(directory, NEVER, 0);
	struct seen seen;

	for (int i = 0; i < 1022; i++)
		(void)append_one(trail, RECORD_OUTCOME, "0f", "x", false, NULL);
	CHECK_NUMBER(append(trail, "the last of 1 024"), MORTISE_OK);
	CHECK_NUMBER(append(trail, "y"), MORTISE_OK);
	trail_close(trail);
	seen = see_all(directory);
	CHECK_NUMBER(count_of(&seen, "t", "checkpoint"), 1);
	CHECK_TEXT(field(&seen, 1024, "t"), "checkpoint");
	CHECK_NUMBER(number_at(&seen, 1024, "of"), 1024);
	seen_free(&seen);
}

static void
test_by_time(const char *directory)
{
	struct trail *trail = open_with(directory, 1, 0);
	struct seen seen;

	pass_ms(2);
	CHECK_NUMBER(append(trail, "a"), MORTISE_OK);
	trail_close(trail);
	pass_ms(2);
	trail_close(open_with(directory, 1, 0));
	trail = open_with(directory, NEVER, 0);
	CHECK_NUMBER(append(trail, "b"), MORTISE_OK);
	trail_close(trail);
	seen = see_all(directory);
	CHECK_NUMBER_AS(seen.last, 4, "none where nothing was recorded, none before its time");
	CHECK_TEXT(field(&seen, 2, "t"), "checkpoint");
	seen_free(&seen);
	check_verifies(directory, "", 0, "by time");
}

static void
test_segments_end_signed(const char *directory)
{
	struct trail_options options = {.directory = directory, .program = "test 1",
	    .segment_bytes = 4096, .checkpoint_ms = NEVER, .retention_ms = INT64_MAX / 2};
	struct trail *trail = NULL;
	struct seen seen;
	size_t opens = 0, wrong = 0;

	CHECK_NUMBER(trail_open(&options, &trail, NULL), MORTISE_OK);
	for (int i = 0; i < 40; i++)
		(void)append(trail, "x");
	trail_close(trail);
	seen = see_all(directory);
	for (size_t i = 1; i < json_array_size(seen.records); i++) {
		if (strcmp(field(&seen, (int)i, "t"), "open") != 0)
			continue;
		opens++;
		wrong += strcmp(field(&seen, (int)i - 1, "t"), "checkpoint") != 0;
	}
	CHECK_AS(opens > 2, "%zu segments end", opens);
	CHECK_NUMBER_AS(wrong, 0, "each with a checkpoint");
	CHECK_NUMBER(count_of(&seen, "t", "checkpoint"), opens);
	check_verifies(directory, "", 0, "segments");
	seen_free(&seen);
}

static void
test_seals(const char *directory)
{
	struct trail_options options = {.directory = directory, .program = "test 1",
	    .segment_bytes = 2048, .retention_ms = 1, .checkpoint_ms = NEVER};
	struct trail *trail = NULL;
	size_t size = 0, seals = 0, wrong = 0;
	char *bytes, *line, *rest;

	CHECK_NUMBER(trail_open(&options, &trail, NULL), MORTISE_OK);
	for (int i = 0; i < 40; i++) {
		(void)append(trail, "x");
		pass_ms(3);
	}
	trail_close(trail);
	bytes = file_read(AT_FDCWD, path_in(directory, "seals.jsonl"), 1 << 20, &size);
	for (rest = bytes; rest != NULL && (line = strtok_r(rest, "\n", &rest)) != NULL; seals++) {
		json_t *seal = json_loads(line, 0, NULL);
		const json_t *kept = json_object_get(seal, "checkpoint");
		const char *h = json_string_value(json_object_get(kept, "h"));

		wrong += h == NULL ||
		    strcmp(h, json_string_value(json_object_get(seal, "h"))) != 0 ||
		    json_integer_value(json_object_get(json_object_get(kept, "c"), "of")) + 1 !=
		    json_integer_value(json_object_get(seal, "seq"));
		json_decref(seal);
	}
	CHECK_AS(seals > 2, "%zu seals", seals);
	CHECK_NUMBER_AS(wrong, 0, "each has the checkpoint that its segment ended with");
	free(bytes);
}

/* --- epochs ---------------------------------------------------------------------- */

static void
test_epochs(const char *directory)
{
	struct trail *trail = open_with(directory, NEVER, NEVER);
	char first_key[KEY_TEXT_SIZE], bytes[64] = "x", verdict[512];
	struct seen seen;
	int old;

	(void)append(trail, "a");
	CHECK_NUMBER(sign_now(trail), MORTISE_OK);
	trail_close(trail);
	first_key_of(directory, first_key);
	old = open(path_in(directory, "epoch-1.key"), O_RDONLY | O_CLOEXEC);
	pass_ms(2);
	trail = open_with(directory, NEVER, 1);
	(void)append(trail, "b");
	CHECK_NUMBER(sign_now(trail), MORTISE_OK);
	CHECK_AS(!has(directory, "epoch-1.key"), "the key of an epoch that is over is gone");
	CHECK_AS(has(directory, "epoch-2.key"), "that of the next one is there");
	CHECK(pread(old, bytes, sizeof(bytes), 0) == sizeof(bytes));
	CHECK_AS(bytes[0] == '\0' && bytes[40] == '\0', "it was overwritten before it was removed");
	(void)close(old);
	for (int i = 0; i < 3; i++) {
		pass_ms(2);
		(void)append(trail, "c");
		CHECK_NUMBER(sign_now(trail), MORTISE_OK);
	}
	trail_close(trail);
	seen = see_all(directory);
	CHECK_TEXT(field(&seen, 2, "next"), "");
	CHECK_TEXT(field(&seen, 4, "key"), first_key);
	CHECK_TEXT(field(&seen, 4, "next"), field(&seen, 6, "key"));
	CHECK_NUMBER(number_at(&seen, 6, "epoch"), 2);
	CHECK_NUMBER(number_at(&seen, 10, "epoch"), 4);
	CHECK_AS(has(directory, "epoch-5.key"), "the fifth lasts");
	CHECK(!has(directory, "epoch-4.key"));
	CHECK_NUMBER(verify_all(directory, first_key, NULL, verdict), 0);
	CHECK_AS(strstr(verdict, ", signed to 10 in epoch 4") != NULL, "%s", verdict);
	seen_free(&seen);
}

/* --- many at once ------------------------------------------------------------------- */

/* How many records and checkpoints children have written, for who kills them. */
static atomic_int *written;

static int
write_and_sign(const char *directory, int count)
{
	struct trail *trail = open_with(directory, 1, 3);
	int failed = 0;

	for (int i = 0; i < count; i++) {
		failed += append(trail, "x") != MORTISE_OK;
		failed += i % 10 == 0 && sign_now(trail) != MORTISE_OK;
		atomic_fetch_add(written, 1);
	}
	trail_close(trail);
	return failed != 0;
}

static void
test_processes(const char *directory)
{
	char first_key[KEY_TEXT_SIZE], verdict[512];
	pid_t children[4];
	int status, failed = 0;

	(void)fflush(stdout);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(write_and_sign(directory, 60));
	}
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		(void)waitpid(children[i], &status, 0);
		failed += status != 0;
	}
	CHECK_NUMBER(failed, 0);
	first_key_of(directory, first_key);
	CHECK_NUMBER(verify_all(directory, first_key, NULL, verdict), 0);
	CHECK_AS(strstr(verdict, "anew") == NULL, "%s", verdict);
}

static void *
sign_often(void *arg)
{
	int failed = 0;

	for (int i = 0; i < 20; i++) {
		failed += append(arg, "x") != MORTISE_OK;
		failed += sign_now(arg) != MORTISE_OK;
	}
	return failed == 0 ? arg : NULL;
}

static void
test_threads(const char *directory)
{
	struct trail *trail = open_with(directory, 1, 3);
	pthread_t threads[8];
	char verdict[512];
	int good = 0;

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		(void)pthread_create(&threads[i], NULL, sign_often, trail);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *result;

		(void)pthread_join(threads[i], &result);
		good += result != NULL;
	}
	trail_close(trail);
	CHECK_NUMBER(good, 8);
	CHECK_NUMBER(verify_all(directory, "", NULL, verdict), 0);
	CHECK_AS(strstr(verdict, "anew") == NULL, "%s", verdict);
}

static void
test_kill(const char *directory)
{
	char first_key[KEY_TEXT_SIZE] = "", verdict[512];
	int wrong = 0;

	for (int round = 0; round < 40; round++) {
		int status = 0;
		pid_t child;

		atomic_store(written, 0);
		(void)fflush(stdout);
		child = fork();
		if (child == 0)
			_exit(write_and_sign(directory, INT32_MAX));
		while (atomic_load(written) < 1 + round % 13)
			(void)sched_yield();
		(void)kill(child, SIGKILL);
		(void)waitpid(child, &status, 0);
		wrong += !WIFSIGNALED(status);
		trail_close(open_with(directory, NEVER, NEVER));
		if (first_key[0] == '\0')
			first_key_of(directory, first_key);
		if (verify_all(directory, first_key, NULL, verdict) != 0 ||
		    strstr(verdict, "anew") != NULL) {
			wrong++;
			printf("# after kill %d: %s\n", round, verdict);
		}
	}
	CHECK_NUMBER_AS(wrong, 0, "killed at any moment: no key is lost, the trail verifies");
	CHECK_AS(strstr(verdict, "signed to") != NULL, "%s", verdict);
}

/* --- the golden trail ------------------------------------------------------------------ */

/* The checkpoint of a golden record as the writer makes it: line, LF and all. */
static bool
make_golden(const json_t *c, const char *before, struct buffer *made)
{
	/* SHA-256 of "key 1" and "key 2". */
	static const char *const private[] = {
		"227ba5f2c6c9109fe5c44a0696f393379607493a377f522ee27d9a7ae3227d89",
		"08f225fe08e94a5b1da2da4079fcd1a7647d375cc95624a6c6d65a6fc84b3243",
	};
	const char *next = json_string_value(json_object_get(c, "next"));
	const uint64_t seq = (uint64_t)json_integer_value(json_object_get(c, "seq"));
	struct key key = {.epoch = (uint64_t)json_integer_value(json_object_get(c, "epoch"))};
	char signature[SIGNATURE_TEXT_SIZE], hash[65];
	const struct record_checkpoint fields = {.of = seq - 1, .epoch = key.epoch, .hash = before,
	    .key = json_string_value(json_object_get(c, "key")), .next = next,
	    .signature = signature};
	const struct record record = {.type = RECORD_CHECKPOINT, .checkpoint = &fields};
	/* Its times are microseconds behind 10 o'clock. */
	const struct record_link link = {.trail = "abababababababababababababababab",
	    .before = before, .seq = seq, .time_us = INT64_C(1795600800000000) + (int64_t)seq};
	struct buffer text _cleanup_(buffer_free) = {0};

	buffer_format(&text, "mortise-trail-v1\ncheckpoint\n%s\n%llu\n%s\n%llu\n%s\n%s\n",
	    link.trail, (unsigned long long)fields.of, before, (unsigned long long)key.epoch,
	    next == NULL ? "" : next, json_string_value(json_object_get(c, "ts")));
	return hex_decode(private[key.epoch - 1], key.private, sizeof(key.private)) &&
	    key_sign(&key, text.data, text.size, signature) &&
	    record_line(&record, &link, made, hash, NULL) == MORTISE_OK;
}

static void
test_golden(const char *directory)
{
	const char *srcdir = getenv("srcdir");
	char *path = text_format("%s/tests/golden/trail-v1-signed.jsonl", srcdir == NULL ? "." :
	    srcdir), *bytes, *line, *rest;
	char before[65] = "";
	size_t size = 0, wrong = 0, checkpoints = 0;

	(void)directory;
	bytes = path == NULL ? NULL : file_read(AT_FDCWD, path, 1 << 20, &size);
	for (rest = bytes; rest != NULL && (line = strtok_r(rest, "\n", &rest)) != NULL;) {
		json_t *tree = json_loads(line, 0, NULL), *c = json_object_get(tree, "c");
		struct buffer made _cleanup_(buffer_free) = {0};

		if (json_object_get(c, "sig") != NULL) {
			wrong += !make_golden(c, before, &made) ||
			    strncmp(made.data, line, made.size - 1) != 0;
			checkpoints++;
		}
		(void)snprintf(before, sizeof(before), "%s",
		    json_string_value(json_object_get(tree, "h")));
		json_decref(tree);
	}
	CHECK_NUMBER(checkpoints, 4);
	CHECK_NUMBER_AS(wrong, 0, "each checkpoint is what the writer makes, byte for byte");
	free(bytes);
	free(path);
}

int
main(void)
{
	static void (*const tests[])(const char *) = {
		test_asked, test_by_number, test_by_time, test_segments_end_signed, test_seals,
		test_epochs, test_processes, test_threads, test_kill, test_golden,
	};
	char *directory = scratch_new();

	written = mmap(NULL, sizeof(*written), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		clear(directory);
		tests[i](directory);
	}
	scratch_free(directory);
	return test_end();
}
