/* SPDX-License-Identifier: BSD-2-Clause */
/* local: several processes, sudden deaths, and what the files tell. */
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "local.h"

/* --- two at once ---------------------- */

#define WRITES 40

/* A child: its own names, and one that both write. */
static int
write_many(const char *who)
{
	struct fixture f = {0};
	char name[32];
	int failed = 0;

	if (open_with(&f, "shared.db", KEY_TEXT, "") != MORTISE_OK)
		return 1;
	for (int i = 0; i < WRITES; i++) {
		(void)snprintf(name, sizeof(name), "%s/%d", who, i);
		failed += put_text(&f, name, who) != MORTISE_OK;
		failed += put_text(&f, "both", who) != MORTISE_OK;
	}
	teardown(&f);
	return failed != 0;
}

static pid_t
start(int (*child)(const char *), const char *arg)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(child(arg));
	return pid;
}

static void
test_two_writers(void)
{
	static const char *const who[] = {"left", "right"};
	char name[32], text[TEXT_SIZE];
	struct fixture f = {0};
	pid_t children[2];
	int status, found = 0;

	/* They make it at once, too. */
	for (size_t i = 0; i < 2; i++)
		children[i] = start(write_many, who[i]);
	for (size_t i = 0; i < 2; i++)
		CHECK_AS(waitpid(children[i], &status, 0) == children[i] && status == 0,
		    "%s wrote all", who[i]);
	if (!open_store(&f, "shared.db"))
		return;
	for (size_t i = 0; i < 2; i++) {
		for (int j = 0; j < WRITES; j++) {
			(void)snprintf(name, sizeof(name), "%s/%d", who[i], j);
			found += strcmp(get_text(&f, name, NULL, text), who[i]) == 0;
		}
	}
	CHECK_NUMBER(found, 2 * WRITES);
	CHECK_NUMBER(put_text(&f, "both", "end"), MORTISE_OK);
	CHECK_NUMBER_AS(f.call.note.generation, 4 * WRITES + 2, "each write was a commit");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	teardown(&f);
}

/* Several make one store, and find one. */
static int
make_and_write(const char *name)
{
	struct fixture f = {0};
	int failed = open_with(&f, name, KEY_TEXT, "") != MORTISE_OK;

	if (failed == 0)
		failed = put_text(&f, "a", "v") != MORTISE_OK ||
		    backend_check(f.backend, &f.call) != MORTISE_OK;
	teardown(&f);
	return failed;
}

static void
test_makers(void)
{
	char name[32];
	int status, failed = 0;

	for (int i = 0; i < 60; i++) {
		(void)snprintf(name, sizeof(name), "made%d.db", i);
		for (int j = 0; j < 4; j++)
			(void)start(make_and_write, name);
		while (wait(&status) > 0)
			failed += status != 0;
	}
	CHECK_NUMBER_AS(failed, 0, "of 240 that made 60 stores none failed");
}

/* --- a lock that is held ---------------------- */

static void
test_held_lock(void)
{
	char *path _cleanup_(free_pointer) = store_path("held.db");
	char text[TEXT_SIZE];
	struct fixture f = {0};
	sqlite3 *db = NULL;

	if (!open_store(&f, "held.db") || put_text(&f, "a", "one") != MORTISE_OK)
		return;
	CHECK(sqlite3_open(path, &db) == SQLITE_OK &&
	    sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
	f.call.deadline = deadline_in_ms(20);
	CHECK_NUMBER_AS(put_text(&f, "a", "two"), MORTISE_UNAVAILABLE, "surely without effect");
	CHECK(strstr(f.error.message, "another process held") != NULL);
	f.call.deadline = deadline_in_ms(DEADLINE_MS);
	CHECK_TEXT_AS(get_text(&f, "a", NULL, text), "one", "readers need no lock");
	(void)sqlite3_close(db);
	CHECK_NUMBER(put_text(&f, "a", "two"), MORTISE_OK);
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	teardown(&f);
}

/* --- kill -9 ---------------------- */

#define DEATHS 12

/* Writes until it is killed, and says after each what is durable. */
static _Noreturn void
write_until_killed(int to, unsigned int from)
{
	struct fixture f = {0};
	char text[32];

	if (open_with(&f, "killed.db", KEY_TEXT, ", versions: 3") != MORTISE_OK)
		_exit(1);
	for (unsigned int i = from + 1;; i++) {
		(void)snprintf(text, sizeof(text), "%u", i);
		if (put_text(&f, "counter", text) != MORTISE_OK ||
		    (i % 4 == 0 && put_text(&f, "other", text) != MORTISE_OK) ||
		    (i % 4 == 2 && i > 4 && backend_delete(f.backend, &f.call, "other") !=
		    MORTISE_OK) || write(to, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

/* The last number that the child said; it is killed when it has said `enough`. */
static unsigned int
run_and_kill(unsigned int from, unsigned int enough)
{
	unsigned int last = from, i;
	int ends[2], status;
	pid_t pid;

	if (pipe(ends) != 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0)
		write_until_killed(ends[1], from);
	(void)close(ends[1]);
	while (last < from + enough && read(ends[0], &i, sizeof(i)) == sizeof(i))
		last = i;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	CHECK_AS(WIFSIGNALED(status), "it was killed at its work");
	while (read(ends[0], &i, sizeof(i)) == sizeof(i))
		last = i;
	(void)close(ends[0]);
	return last;
}

static void
test_kill(void)
{
	char text[TEXT_SIZE];
	unsigned int last = 0;

	for (unsigned int i = 0; i < DEATHS; i++) {
		struct fixture f = {0};
		unsigned int found;

		last = run_and_kill(last, 4 + i % 5);
		if (!open_store(&f, "killed.db"))
			return;
		found = (unsigned int)strtoul(get_text(&f, "counter", NULL, text), NULL, 10);
		CHECK_AS(found == last || found == last + 1, "%u was said, and %u is there", last,
		    found);
		CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
		/* The child deletes what it has put. */
		(void)put_text(&f, "other", "again");
		last = found;
		teardown(&f);
	}
}

/* --- what the files tell ---------------------- */

static bool
file_holds(const char *path, const char *canary)
{
	size_t size = 0;
	char *bytes _cleanup_(free_pointer) = file_read(AT_FDCWD, path, 1 << 26, &size);

	for (size_t i = 0; bytes != NULL && i + strlen(canary) <= size; i++) {
		if (memcmp(bytes + i, canary, strlen(canary)) == 0)
			return true;
	}
	return false;
}

static void
check_canaries(const char *when)
{
	static const char *const canaries[] = {"CANARY-value", "canary/name", "canary-label",
	    "CANARY-state", "canary:key", "canary-index", "canary-owner", "c0ffee00c0ffee00",
	    "a2tra2tra2tr", "kkkkkkkkkkkk"};
	static const char *const suffixes[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char *path _cleanup_(free_pointer) = text_format("%s/canary.db%s", directory,
		    suffixes[i]);

		for (size_t j = 0; j < ARRAY_SIZE(canaries); j++)
			CHECK_AS(!file_holds(path, canaries[j]), "%s, canary.db%s holds no %s", when,
			    suffixes[i], canaries[j]);
	}
}

/* The sealed bytes of the newest version. */
static size_t
sealed_bytes(unsigned char bytes[TEXT_SIZE])
{
	char *path _cleanup_(free_pointer) = store_path("canary.db");
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = NULL;
	size_t size = 0;

	if (sqlite3_open(path, &db) == SQLITE_OK && sqlite3_prepare_v2(db, "SELECT sealed FROM"
	    " versions ORDER BY version DESC", -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW) {
		size = (size_t)sqlite3_column_bytes(statement, 0);
		memcpy(bytes, sqlite3_column_blob(statement, 0), size < TEXT_SIZE ? size : TEXT_SIZE);
	}
	(void)sqlite3_finalize(statement);
	(void)sqlite3_close(db);
	return size;
}

static bool
holds_bytes(const char *suffix, const unsigned char *wanted, size_t wanted_size)
{
	char *path _cleanup_(free_pointer) = text_format("%s/canary.db%s", directory, suffix);
	size_t size = 0;
	char *bytes _cleanup_(free_pointer) = file_read(AT_FDCWD, path, 1 << 26, &size);

	for (size_t i = 0; bytes != NULL && i + wanted_size <= size; i++) {
		if (memcmp(bytes + i, wanted, wanted_size) == 0)
			return true;
	}
	return false;
}

static void
test_canaries(void)
{
	static const struct mortise_pair label = {"canary-label", "canary-label"};
	struct mortise_secret *value _cleanup_(secret_cleanup) = secret_from("CANARY-value", 12);
	const struct mortise_secret_put put = {.size = sizeof(put), .value = value,
	    .labels = &label, .labels_count = 1};
	const struct mortise_state_put record = {.size = sizeof(record), .value = "CANARY-state",
	    .value_size = 12, .index = "canary-index", .due_ms = 1};
	const struct backend_claim claim = {.index = "canary-index", .owner = "canary-owner",
	    .now_ms = 1, .lease_ms = 1000, .max = 1};
	struct mortise_receipt receipt = {.size = sizeof(receipt),
	    .idempotency_key = "c0ffee00c0ffee00c0ffee00c0ffee00"};
	struct mortise_out out = {0};
	unsigned char sealed[TEXT_SIZE];
	struct fixture f = {0};
	size_t size;

	if (!open_store(&f, "canary.db"))
		return;
	CHECK_NUMBER(backend_put(f.backend, &f.call, "canary/name", &put, &receipt), MORTISE_OK);
	CHECK_NUMBER(backend_state_put(f.backend, &f.call, "canary:key", &record, NULL),
	    MORTISE_OK);
	CHECK_NUMBER(backend_state_claim(f.backend, &f.call, &claim, &out), MORTISE_OK);
	check_canaries("after writes");
	size = sealed_bytes(sealed);
	CHECK_AS(size == 12 + 32 && (holds_bytes("", sealed, size) ||
	    holds_bytes("-wal", sealed, size)), "the sealed value is in the files");
	CHECK_NUMBER(backend_delete(f.backend, &f.call, "canary/name"), MORTISE_OK);
	CHECK_NUMBER(backend_state_delete(f.backend, &f.call, "canary:key", NULL), MORTISE_OK);
	check_canaries("after deletes");
	CHECK_AS(!holds_bytes("", sealed, size) && !holds_bytes("-wal", sealed, size),
	    "and after the delete not even sealed");
	teardown(&f);
	check_canaries("closed");
}

int
main(void)
{
	if (!local_begin())
		return test_end();
	test_two_writers();
	test_makers();
	test_held_lock();
	test_kill();
	test_canaries();
	return local_end();
}
