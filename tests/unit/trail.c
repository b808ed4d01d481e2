/* SPDX-License-Identifier: BSD-2-Clause */
/* audit/trail.h: appending by threads and processes, and disks that fail. */
#define _GNU_SOURCE	/* syscall: the real fdatasync behind the one below */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "../trail.h"

/* Syncs that fail from now on, as on a broken disk. */
static atomic_int failing_data_syncs, failing_syncs;

int
fdatasync(int fd)
{
	if (atomic_load(&failing_data_syncs) > 0) {
		atomic_fetch_sub(&failing_data_syncs, 1);
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	if (atomic_load(&failing_syncs) > 0) {
		atomic_fetch_sub(&failing_syncs, 1);
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

static void
test_append(const char *directory)
{
	struct trail *trail = must_open(directory);
	struct mortise_audit_head head = {.size = sizeof(head)};
	struct seen seen;
	struct stat st;

	CHECK_NUMBER(append(trail, "a"), MORTISE_OK);
	CHECK_NUMBER(append_one(trail, RECORD_INTENT, "0123456789abcdef0123456789abcdef", "b",
	    false, NULL), MORTISE_OK);
	CHECK_NUMBER(append_one(trail, RECORD_OUTCOME, "0123456789abcdef0123456789abcdef", "b",
	    true, NULL), MORTISE_OK);
	trail_close(trail);
	trail = must_open(directory);
	CHECK_NUMBER(append(trail, "c"), MORTISE_OK);
	trail_close(trail);
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_NUMBER(seen.last, 5);
	CHECK_TEXT(field(&seen, 0, "t"), "open");
	CHECK_TEXT(field(&seen, 0, "program"), "test 1");
	CHECK_TEXT(field(&seen, 1, "resourceId"), "a");
	CHECK_TEXT(field(&seen, 2, "t"), "intent");
	CHECK_TEXT(field(&seen, 4, "resourceId"), "c");
	CHECK_NUMBER(trail_head(directory, &head, NULL), MORTISE_OK);
	CHECK_NUMBER(head.seq, 5);
	CHECK_TEXT(head.trail, field(&seen, 0, "trail"));
	CHECK(stat(path_in(directory, "000001.jsonl"), &st) == 0 && (st.st_mode & 0777) == 0600);
	seen_free(&seen);
}

struct crowd {
	struct trail *trail;
	int number;
};

static void *
append_many(void *arg)
{
	struct crowd *crowd = arg;
	char resource[32];
	int failed = 0;

	for (int i = 0; i < 40; i++) {
		(void)snprintf(resource, sizeof(resource), "%d.%d", crowd->number, i);
		failed += append_one(crowd->trail, RECORD_OUTCOME, "0f", resource, i % 3 != 0,
		    NULL) != MORTISE_OK;
	}
	return failed == 0 ? arg : NULL;
}

static void
test_threads(const char *directory)
{
	struct trail *trail = must_open(directory);
	struct crowd crowd[16];
	pthread_t threads[16];
	struct seen seen;
	int good = 0;

	for (int i = 0; i < 16; i++) {
		crowd[i] = (struct crowd){trail, i};
		(void)pthread_create(&threads[i], NULL, append_many, &crowd[i]);
	}
	for (int i = 0; i < 16; i++) {
		void *result;

		(void)pthread_join(threads[i], &result);
		good += result != NULL;
	}
	trail_close(trail);
	CHECK_NUMBER(good, 16);
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_NUMBER(count_of(&seen, "t", "outcome"), 16 * 40);
	CHECK_NUMBER(count_of(&seen, "resourceId", "15.39"), 1);
	seen_free(&seen);
}

/* Runs fn in a process of its own; its result is its status. */
static pid_t
run_child(int (*fn)(const char *, int), const char *directory, int arg)
{
	pid_t child;

	(void)fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(fn(directory, arg));
	return child;
}

static int
status_of(pid_t child)
{
	int status = -1;

	(void)waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

static int
child_appends(const char *directory, int number)
{
	struct trail_options options = {
		.directory = directory, .program = "child", .segment_bytes = 8192,
	};
	struct trail *trail = NULL;
	struct crowd crowd = {.number = number};

	if (trail_open(&options, &trail, NULL) != MORTISE_OK)
		return 1;
	crowd.trail = trail;
	if (append_many(&crowd) == NULL)
		return 2;
	trail_close(trail);
	return 0;
}

static void
test_processes(const char *directory)
{
	pid_t children[4];
	struct seen seen;

	for (int i = 0; i < 4; i++)
		children[i] = run_child(child_appends, directory, i);
	for (int i = 0; i < 4; i++)
		CHECK_NUMBER(status_of(children[i]), 0);
	trail_close(must_open(directory));
	seen = see_all(directory);
	CHECK_AS(seen.in_order, "four processes, one sequence");
	CHECK_NUMBER(count_of(&seen, "t", "outcome"), 4 * 40);
	CHECK_NUMBER(count_of(&seen, "t", "torn"), 0);
	CHECK_AS(count_of(&seen, "t", "open") > 3, "over several segments");
	seen_free(&seen);
}

/* Shared with a child that is killed: how far its records were acknowledged. */
static atomic_int *acknowledged;

static int
child_forever(const char *directory, int round)
{
	struct trail *trail = NULL;
	char resource[32];

	if (open_trail(directory, &trail, NULL) != MORTISE_OK)
		return 1;
	for (int i = 0;; i++) {
		(void)snprintf(resource, sizeof(resource), "%d.%d", round, i);
		if (append(trail, resource) != MORTISE_OK)
			return 2;
		atomic_store(acknowledged, i + 1);
	}
}

static void
test_kill(const char *directory)
{
	int missing = 0, refused = 0;
	struct seen seen;
	char resource[32];

	for (int round = 0; round < 20; round++) {
		pid_t child;
		int done;

		atomic_store(acknowledged, 0);
		child = run_child(child_forever, directory, round);
		while (atomic_load(acknowledged) < 3 + round)
			(void)sched_yield();
		(void)kill(child, SIGKILL);
		refused += status_of(child) != 100 + SIGKILL;
		done = atomic_load(acknowledged);
		trail_close(must_open(directory));
		seen = see_all(directory);
		for (int i = 0; i < done; i++) {
			(void)snprintf(resource, sizeof(resource), "%d.%d", round, i);
			missing += count_of(&seen, "resourceId", resource) != 1;
		}
		missing += !seen.in_order;
		seen_free(&seen);
	}
	CHECK_NUMBER_AS(refused, 0, "no child ended by itself");
	CHECK_NUMBER_AS(missing, 0, "what was acknowledged before a kill is there, once");
}

static int
child_full(const char *directory, int unused)
{
	struct mortise_error error = {0};
	struct trail *trail = NULL;
	struct rlimit limit;
	struct stat st;
	int wrong = 0;

	(void)unused;
	(void)signal(SIGXFSZ, SIG_IGN);
	if (open_trail(directory, &trail, &error) != MORTISE_OK ||
	    append(trail, "before") != MORTISE_OK ||
	    stat(path_in(directory, "000001.jsonl"), &st) < 0 ||
	    getrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 1;
	limit.rlim_cur = (rlim_t)st.st_size + 100;
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	if (append_one(trail, RECORD_OUTCOME, "0f", "full", true, &error) != MORTISE_ERROR ||
	    error.reason != MORTISE_REASON_AUDIT)
		wrong |= 2;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	if (append(trail, "after") != MORTISE_OK)
		wrong |= 4;
	trail_close(trail);
	return wrong;
}

static void
test_full(const char *directory)
{
	struct seen seen;

	CHECK_NUMBER(status_of(run_child(child_full, directory, 0)), 0);
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_NUMBER(count_of(&seen, "resourceId", "full"), 0);
	CHECK_NUMBER(count_of(&seen, "resourceId", "after"), 1);
	CHECK_NUMBER(count_of(&seen, "t", "torn"), 0);
	seen_free(&seen);
}

static void
test_sync_fails(const char *directory)
{
	struct trail *trail = must_open(directory);
	struct mortise_error error = {0};
	struct seen seen;

	CHECK_NUMBER(append(trail, "before"), MORTISE_OK);
	CHECK_NUMBER(append_one(trail, RECORD_OUTCOME, "0e", "unsynced", false, NULL), MORTISE_OK);
	atomic_store(&failing_data_syncs, 1);
	CHECK_NUMBER(append_one(trail, RECORD_OUTCOME, "0f", "failed", true, &error),
	    MORTISE_ERROR);
	CHECK_NUMBER(error.reason, MORTISE_REASON_AUDIT);
	CHECK_NUMBER(append(trail, "after"), MORTISE_OK);
	trail_close(trail);
	trail_close(must_open(directory));
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_NUMBER(count_of(&seen, "t", "open"), 2);
	CHECK_NUMBER(count_of(&seen, "resourceId", "failed"), 0);
	CHECK_NUMBER(count_of(&seen, "resourceId", "unsynced"), 0);
	CHECK_NUMBER(count_of(&seen, "resourceId", "after"), 1);
	seen_free(&seen);
}

static void
test_refused(const char *directory)
{
	struct trail_options options = {.directory = directory, .program = "test 1"};
	struct trail *trail = must_open(directory), *other = NULL;
	struct mortise_error error = {0};
	struct seen seen;

	atomic_store(&failing_data_syncs, 1);
	atomic_store(&failing_syncs, 1);
	CHECK_NUMBER(append(trail, "failed"), MORTISE_ERROR);
	CHECK_NUMBER_AS(append(trail, "later"), MORTISE_ERROR, "no second try after two failures");
	CHECK_NUMBER(open_trail(directory, &other, &error), MORTISE_ERROR);
	CHECK_NUMBER(error.reason, MORTISE_REASON_AUDIT);
	CHECK(strstr(error.message, "accept-loss") != NULL);
	CHECK_NUMBER(trail_accept_loss(&options, "a new disk", "alice", NULL), MORTISE_OK);
	CHECK_NUMBER_AS(append(trail, "again"), MORTISE_OK, "who has it open goes on");
	trail_close(trail);
	trail_close(must_open(directory));
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_NUMBER(count_of(&seen, "resourceId", "again"), 1);
	seen_free(&seen);
}

static void
test_rotation(const char *directory)
{
	struct trail_options options = {
		.directory = directory, .program = "test 1", .segment_bytes = 4096,
	};
	struct trail *trail = NULL;
	struct stat st;
	struct seen seen;
	char **files = NULL;
	size_t count = 0;

	CHECK_NUMBER(trail_open(&options, &trail, NULL), MORTISE_OK);
	for (int i = 0; i < 40; i++)
		(void)append(trail, "x");
	CHECK_NUMBER(trail_segments(directory, &files, &count, NULL), MORTISE_OK);
	CHECK_AS(count > 3, "%zu segments", count);
	CHECK(stat(files[0], &st) == 0 && (st.st_mode & 0777) == 0400);
	CHECK(stat(files[count - 1], &st) == 0 && (st.st_mode & 0777) == 0600);
	trail_segments_free(files, count);
	trail_close(trail);
	trail_close(must_open(directory));
	seen = see_all(directory);
	CHECK(seen.in_order);
	CHECK_NUMBER(count_of(&seen, "t", "outcome"), 40);
	seen_free(&seen);
}

static void
test_retention(const char *directory)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	struct trail_options options = {
		.directory = directory, .program = "test 1", .segment_bytes = 2048,
		.retention_ms = 1,
	};
	struct trail *trail = NULL;
	struct seen seen;

	CHECK_NUMBER(trail_open(&options, &trail, NULL), MORTISE_OK);
	for (int i = 0; i < 20; i++) {
		(void)append(trail, "x");
		(void)nanosleep(&pause, NULL);
	}
	trail_close(trail);
	CHECK_AS(access(path_in(directory, "000001.jsonl"), F_OK) < 0, "the first segment went");
	CHECK_AS(access(path_in(directory, "seals.jsonl"), F_OK) == 0, "and left its seal");
	/* Also without a head: the first that is left may begin anywhere. */
	(void)unlink(path_in(directory, "head"));
	trail_close(must_open(directory));
	seen = see_all(directory);
	CHECK_TEXT(field(&seen, 0, "t"), "open");
	CHECK_AS(seen.last > 22 && count_of(&seen, "t", "outcome") < 20, "old records went");
	seen_free(&seen);
}

/* Longer than there is time: nothing goes. */
static void
test_long_retention(const char *directory)
{
	struct trail_options options = {
		.directory = directory, .program = "test 1", .segment_bytes = 2048,
		.retention_ms = INT64_MAX / 2,
	};
	struct trail *trail = NULL;

	CHECK_NUMBER(trail_open(&options, &trail, NULL), MORTISE_OK);
	for (int i = 0; i < 20; i++)
		(void)append(trail, "x");
	trail_close(trail);
	CHECK_AS(access(path_in(directory, "000001.jsonl"), F_OK) == 0, "the first segment stays");
	CHECK_AS(access(path_in(directory, "000003.jsonl"), F_OK) == 0, "others followed");
}

static void
test_deadline(const char *directory)
{
	struct trail *trail = must_open(directory);
	struct record record = {.type = RECORD_OUTCOME};
	struct mortise_error error = {0};
	int lock = open(path_in(directory, "lock"), O_RDWR | O_CLOEXEC);

	CHECK(flock(lock, LOCK_EX) == 0);
	CHECK_NUMBER(trail_append(trail, &record, true, deadline_in_ms(20), NULL, &error),
	    MORTISE_TIMEOUT);
	CHECK_NUMBER(error.reason, MORTISE_REASON_AUDIT);
	(void)close(lock);
	CHECK_NUMBER(append(trail, "after"), MORTISE_OK);
	trail_close(trail);
}

static void
test_noted(const char *directory)
{
	static const struct record_store first[] = {{"store", "id-1", 5}}, second[] = {
		{"store", "id-1", 4}, {"other", "id-2", 9},
	};
	struct trail *trail = must_open(directory);
	struct record record = {.type = RECORD_OUTCOME, .code = "ok", .stores_count = 1};
	char store[65] = "";
	uint64_t generation = 0;

	CHECK(!trail_noted(trail, "store", store, &generation));
	record.stores = first;
	CHECK_NUMBER(trail_append(trail, &record, true, DEADLINE_NEVER, NULL, NULL), MORTISE_OK);
	CHECK(trail_noted(trail, "store", store, &generation));
	CHECK_TEXT(store, "id-1");
	CHECK_NUMBER(generation, 5);
	record.stores = second;
	record.stores_count = 2;
	CHECK_NUMBER(trail_append(trail, &record, true, DEADLINE_NEVER, NULL, NULL), MORTISE_OK);
	trail_close(trail);
	trail = must_open(directory);
	CHECK(trail_noted(trail, "store", store, &generation));
	CHECK_NUMBER_AS(generation, 5, "the highest generation counts");
	CHECK(trail_noted(trail, "other", store, &generation));
	CHECK_NUMBER(generation, 9);
	trail_close(trail);
}

int
main(void)
{
	static void (*const tests[])(const char *) = {
		test_append, test_threads, test_processes, test_kill, test_full, test_sync_fails,
		test_refused, test_rotation, test_retention, test_long_retention, test_deadline, test_noted,
	};
	char *directory = scratch_new();

	acknowledged = mmap(NULL, sizeof(*acknowledged), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		clear(directory);
		tests[i](directory);
	}
	scratch_free(directory);
	return test_end();
}
