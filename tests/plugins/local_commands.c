/* SPDX-License-Identifier: BSD-2-Clause */
/* local: its commands. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "backend/instance.h"
#include "local_tamper.h"

#define OTHER_KEY "b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkgb3Q="

static char output[2048];		/* of the last command: name=value, a line a row */

static enum mortise_code
take_row(void *arg, const struct mortise_pair *pairs, size_t count)
{
	(void)arg;
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(output);

		(void)snprintf(output + length, sizeof(output) - length, "%s=%s%s", pairs[i].name,
		    pairs[i].value, i + 1 < count ? " " : "\n");
	}
	return MORTISE_OK;
}

static enum mortise_code
command(struct fixture *f, const char *name, const char *yaml)
{
	const struct mortise_command *found = backend_command_find(f->plugin, name);
	const struct place place = {"command", 1, 1};
	struct problems problems = {0};
	struct yaml_node *tree = yaml_parse(yaml, strlen(yaml), "command", &problems);
	struct mortise_options *options = tree == NULL ? NULL : options_check(tree, &place,
	    found->options, NULL, &problems);
	struct mortise_out out = {.row = take_row};
	enum mortise_code code = MORTISE_INVALID;

	output[0] = '\0';
	error_clear(&f->error);
	f->call.deadline = deadline_in_ms(DEADLINE_MS);
	if (CHECK_AS(options != NULL, "options of %s", name))
		code = backend_command(f->backend, &f->call,
		    &(struct backend_command){.command = found, .options = options}, &out);
	options_free(options);
	yaml_node_free(tree);
	return code;
}

static void
says(const struct fixture *f, const char *words)
{
	CHECK_AS(strstr(f->error.message, words) != NULL, "says: %s", words);
	if (strstr(f->error.message, words) == NULL)
		printf("# %s\n", f->error.message);
}

static void
gives(const char *words)
{
	CHECK_AS(strstr(output, words) != NULL, "gives: %s", words);
	if (strstr(output, words) == NULL)
		printf("# %s\n", output);
}

/* --- verify, upgrade, compact ---------------------- */

static void
test_verify(void)
{
	static const struct {
		const char *sql, *words;
	} rows[] = {
		{"DELETE FROM versions WHERE version = 2", "some were deleted"},
		{"INSERT INTO versions (tag, version, created, key, sealed) SELECT tag, 9, created, key,"
		    " sealed FROM versions WHERE version = 2", "version 9 of a secret is damaged"},
		{"INSERT INTO slots (slot, epoch, type, salt, wrapped) SELECT 7, 1, 1, salt, wrapped"
		    " FROM slots", "some were added or put back"},
		{"UPDATE versions SET sealed = (SELECT sealed FROM versions WHERE version = 4)"
		    " WHERE version = 2", "version 2 of a secret is damaged"},
		{"UPDATE state SET fence = fence + 1",
		    "its rows are not those"},
	};
	struct fixture f = {0};

	if (!make_store("verify.db"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *from _cleanup_(free_pointer) = store_path("verify.db");
		char *to _cleanup_(free_pointer) = store_path("verify2.db");

		CHECK(copy_file(from, to));
		tamper("verify2.db", rows[i].sql);
		if (!open_store(&f, "verify2.db"))
			continue;
		CHECK_NUMBER_AS(command(&f, "verify", "{}"), MORTISE_ERROR, rows[i].sql);
		CHECK_NUMBER(f.error.reason, MORTISE_REASON_DIFFERENCE);
		says(&f, rows[i].words);
		teardown(&f);
	}
	if (!open_store(&f, "verify.db"))
		return;
	CHECK_NUMBER(command(&f, "verify", "{}"), MORTISE_OK);
	gives("generation=5 slots=1 names=2 versions=3 state=1");
	CHECK_NUMBER(command(&f, "upgrade", "{}"), MORTISE_OK);
	gives("format=1 done=nothing to do");
	CHECK_NUMBER(command(&f, "compact", "{}"), MORTISE_OK);
	gives("expired=0 before=");
	CHECK_NUMBER(command(&f, "verify", "{}"), MORTISE_OK);
	teardown(&f);
}

/* --- key slots ---------------------- */

static void
test_slots(void)
{
	char text[TEXT_SIZE];
	struct fixture f = {0};

	if (!make_store("slots.db") || !open_store(&f, "slots.db"))
		return;
	CHECK_NUMBER(command(&f, "remove-key", "{slot: 1}"), MORTISE_CONFLICT);
	says(&f, "is the last one");
	CHECK_NUMBER(command(&f, "add-key", "{}"), MORTISE_INVALID);
	CHECK_NUMBER(command(&f, "add-key", "{key: \"no key\"}"), MORTISE_INVALID);
	CHECK_NUMBER(command(&f, "add-key", "{passphrase: \"" KEY_TEXT "\"}"), MORTISE_INVALID);
	CHECK_NUMBER(command(&f, "add-key", "{key: \"" OTHER_KEY "\"}"), MORTISE_OK);
	gives("slot=2 type=key file");
	CHECK_NUMBER(command(&f, "add-key", "{passphrase: \"correct horse\\n\"}"), MORTISE_OK);
	gives("slot=3 type=passphrase");
	CHECK_NUMBER(command(&f, "keys", "{}"), MORTISE_OK);
	CHECK_TEXT(output, "slot=1 type=key file epoch=1 opens=yes\n"
	    "slot=2 type=key file epoch=1 opens=no\nslot=3 type=passphrase epoch=1 opens=no\n");
	CHECK_NUMBER(command(&f, "remove-key", "{slot: 1}"), MORTISE_CONFLICT);
	says(&f, "the only one that the configured key opens");
	CHECK_NUMBER(command(&f, "remove-key", "{slot: 9}"), MORTISE_NOT_FOUND);
	CHECK_NUMBER(command(&f, "remove-key", "{slot: 1, force: true}"), MORTISE_OK);
	CHECK_NUMBER(command(&f, "verify", "{}"), MORTISE_OK);
	teardown(&f);
	CHECK_NUMBER(open_with(&f, "slots.db", KEY_TEXT, ""), MORTISE_INVALID);
	teardown(&f);
	CHECK_NUMBER(open_with(&f, "slots.db", "correct horse", ""), MORTISE_OK);
	CHECK_TEXT(get_text(&f, "a", NULL, text), "two");
	teardown(&f);
	CHECK_NUMBER(open_with(&f, "slots.db", OTHER_KEY, ""), MORTISE_OK);
	CHECK_NUMBER(command(&f, "rekey", "{}"), MORTISE_CONFLICT);
	says(&f, "opens slot 3;");
	CHECK_NUMBER(command(&f, "rekey", "{passphrase: \"correct horse\"}"), MORTISE_OK);
	gives("slots=2 names=2 versions=3 state=1");
	CHECK_NUMBER(command(&f, "rekey", "{drop-slots: true}"), MORTISE_OK);
	gives("slots=1 names=2 versions=3 state=1");
	teardown(&f);
	CHECK_NUMBER(open_with(&f, "slots.db", "correct horse", ""), MORTISE_INVALID);
	teardown(&f);
}

/* --- rekey ---------------------- */

static size_t claimed;

static enum mortise_code
take_record(void *arg, const struct mortise_record *record)
{
	(void)arg;
	claimed += strcmp(record->key, "due") == 0;
	return MORTISE_OK;
}

static void
test_rekey(void)
{
	const struct mortise_state_put put = {.size = sizeof(put), .value = "v", .value_size = 1,
	    .index = "queue", .due_ms = 1};
	const struct backend_claim claim = {.index = "queue", .owner = "me", .now_ms = 2,
	    .lease_ms = 1000, .max = 1};
	struct mortise_out out = {.record = take_record};
	struct fixture f = {0}, other = {0};
	char text[TEXT_SIZE];

	if (!make_store("rekey.db") || !open_store(&f, "rekey.db"))
		return;
	CHECK_NUMBER(backend_state_put(f.backend, &f.call, "due", &put, NULL), MORTISE_OK);
	if (open_store(&other, "rekey.db")) {
		CHECK_TEXT(get_text(&other, "a", NULL, text), "two");
		CHECK_NUMBER(command(&f, "rekey", "{}"), MORTISE_OK);
		gives("epoch=7 generation=7 slots=1 names=2 versions=3 state=2");
		CHECK_TEXT(get_text(&other, "a", NULL, text), "two");
		CHECK_NUMBER_AS(put_text(&other, "a", "three"), MORTISE_OK, "the other one follows");
		CHECK_TEXT(get_text(&f, "a", NULL, text), "three");
		CHECK_TEXT(get_text(&f, "a", "2", text), "one");
	}
	CHECK_NUMBER(command(&f, "rekey", "{}"), MORTISE_OK);
	CHECK_NUMBER(backend_state_claim(other.backend, &other.call, &claim, &out), MORTISE_OK);
	CHECK_NUMBER_AS(claimed, 1, "an index outlives two root keys");
	CHECK_NUMBER(command(&f, "verify", "{}"), MORTISE_OK);
	teardown(&other);
	teardown(&f);
	tamper("rekey.db", "DELETE FROM versions WHERE version = 2");
	if (!open_store(&f, "rekey.db"))
		return;
	CHECK_NUMBER_AS(command(&f, "rekey", "{}"), MORTISE_ERROR, "what is damaged stays so");
	CHECK_TEXT(get_text(&f, "a", NULL, text), "three");
	teardown(&f);
}

static void
rekey_for_ever(const char *name)
{
	struct fixture f = {0};

	if (open_with(&f, name, KEY_TEXT, "") != MORTISE_OK)
		_exit(1);
	while (command(&f, "rekey", "{}") == MORTISE_OK)
		;
	_exit(1);
}

/* Killed at any moment, it is the old store or the new one. */
static void
test_kill(void)
{
	char text[TEXT_SIZE];

	if (!make_store("kill.db"))
		return;
	for (int i = 0; i < 30; i++) {
		const struct timespec pause = {.tv_nsec = 5000000L + i * 1700000L};
		struct fixture f = {0};
		int status = 0;
		pid_t child = fork();

		if (child == 0) {
			/* Its checks are none of this test's. */
			if (freopen("/dev/null", "w", stdout) != NULL)
				rekey_for_ever("kill.db");
			_exit(1);
		}
		(void)nanosleep(&pause, NULL);
		(void)kill(child, SIGKILL);
		(void)waitpid(child, &status, 0);
		CHECK_AS(WIFSIGNALED(status), "it ran until it was killed");
		if (!open_store(&f, "kill.db"))
			return;
		CHECK_NUMBER(command(&f, "verify", "{}"), MORTISE_OK);
		gives("slots=");
		CHECK_TEXT(get_text(&f, "a", "2", text), "one");
		teardown(&f);
	}
}

/* --- backup, restore ---------------------- */

static void
test_copies(void)
{
	char *yaml _cleanup_(free_pointer) = text_format("{file: %s/copy.db}", directory);
	struct fixture f = {0}, other = {0};
	struct stat status = {0};
	char text[TEXT_SIZE];
	char *path _cleanup_(free_pointer) = store_path("copy.db");

	if (!make_store("live.db") || !open_store(&f, "live.db"))
		return;
	CHECK_NUMBER(command(&f, "backup", yaml), MORTISE_OK);
	gives("generation=5 rows=7 bytes=");
	CHECK(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600);
	CHECK_NUMBER(command(&f, "backup", yaml), MORTISE_CONFLICT);
	if (open_store(&other, "copy.db"))
		CHECK_TEXT(get_text(&other, "a", NULL, text), "two");
	teardown(&other);
	CHECK_NUMBER(put_text(&f, "a", "newer"), MORTISE_OK);
	CHECK_NUMBER(command(&f, "rekey", "{}"), MORTISE_OK);
	if (!open_store(&other, "live.db"))
		return;
	CHECK_TEXT(get_text(&other, "a", NULL, text), "newer");
	CHECK_NUMBER(command(&f, "restore", yaml), MORTISE_OK);
	gives("generation=8 rows=7");
	CHECK_NUMBER(f.call.note.generation, 8);
	CHECK_TEXT(get_text(&other, "a", NULL, text), "two");
	CHECK_TEXT(get_text(&f, "a", NULL, text), "two");
	CHECK_NUMBER(put_text(&other, "a", "after"), MORTISE_OK);
	CHECK_NUMBER(command(&f, "verify", "{}"), MORTISE_OK);
	gives("generation=9");
	tamper("copy.db", "DELETE FROM versions WHERE version = 2");
	CHECK_NUMBER(command(&f, "restore", yaml), MORTISE_ERROR);
	says(&f, "some were deleted");
	CHECK_TEXT(get_text(&f, "a", NULL, text), "after");
	teardown(&other);
	teardown(&f);
	if (!make_store("another.db") || !open_store(&f, "another.db"))
		return;
	(void)unlink(path);
	CHECK_NUMBER(command(&f, "backup", yaml), MORTISE_OK);
	teardown(&f);
	if (!open_store(&f, "live.db"))
		return;
	CHECK_NUMBER(command(&f, "restore", yaml), MORTISE_INVALID);
	says(&f, "give a copy of this one");
	teardown(&f);
	/* Nor one that the trail does not know here. */
	if (!open_store(&f, "another.db"))
		return;
	(void)snprintf(f.noted_store, sizeof(f.noted_store), "%032d", 7);
	CHECK_NUMBER(command(&f, "restore", yaml), MORTISE_INVALID);
	CHECK_NUMBER(f.error.reason, MORTISE_REASON_ROLLBACK);
	says(&f, "the trail knows 00000000000000000000000000000007 here");
	teardown(&f);
}

/* A generation that was used is passed, whoever knows of it. */
static void
test_restored_generation(void)
{
	char *yaml _cleanup_(free_pointer) = text_format("{file: %s/newer.db}", directory);
	char *live _cleanup_(free_pointer) = store_path("older.db");
	char *kept _cleanup_(free_pointer) = store_path("kept.db");
	struct fixture f = {0};
	char text[TEXT_SIZE];

	if (!make_store("older.db") || !CHECK(copy_file(live, kept)) || !open_store(&f, "older.db"))
		return;
	CHECK_NUMBER(put_text(&f, "a", "newer"), MORTISE_OK);
	CHECK_NUMBER(put_text(&f, "a", "newest"), MORTISE_OK);
	CHECK_NUMBER(command(&f, "backup", yaml), MORTISE_OK);
	teardown(&f);
	CHECK(copy_file(kept, live));
	if (!open_store(&f, "older.db"))
		return;
	CHECK_TEXT(get_text(&f, "a", NULL, text), "two");
	CHECK_NUMBER(command(&f, "restore", yaml), MORTISE_OK);
	gives("generation=8 rows=9");
	CHECK_TEXT(get_text(&f, "a", NULL, text), "newest");
	(void)snprintf(f.noted_store, sizeof(f.noted_store), "%s", f.call.note.store);
	f.noted_generation = 20;
	CHECK_NUMBER(command(&f, "restore", yaml), MORTISE_OK);
	gives("generation=21 rows=9");
	CHECK_NUMBER(f.call.note.generation, 21);
	CHECK_NUMBER(command(&f, "verify", "{}"), MORTISE_OK);
	teardown(&f);
}

/* Records that are over go, and so does the room of what was deleted. */
static void
test_compact(void)
{
	const struct mortise_state_put put = {.size = sizeof(put), .value = "v", .value_size = 1,
	    .ttl_ms = 1};
	const struct timespec pause = {.tv_nsec = 3000000};
	char *path _cleanup_(free_pointer) = store_path("compact.db");
	char *log _cleanup_(free_pointer) = store_path("compact.db-wal");
	static char big[60000];
	struct mortise_receipt receipt;
	struct stat before, after;
	struct fixture f = {0};
	char expected[80];

	if (!open_store(&f, "compact.db"))
		return;
	CHECK_NUMBER(put_bytes(&f, "big", big, sizeof(big), &receipt), MORTISE_OK);
	CHECK_NUMBER(backend_delete(f.backend, &f.call, "big"), MORTISE_OK);
	CHECK(stat(log, &before) == 0 && before.st_size == 0);
	for (int i = 0; i < 40; i++) {
		char key[16];

		(void)snprintf(key, sizeof(key), "k%d", i);
		(void)backend_state_put(f.backend, &f.call, key, &put, NULL);
	}
	(void)nanosleep(&pause, NULL);
	CHECK_NUMBER(command(&f, "verify", "{}"), MORTISE_OK);
	CHECK_NUMBER(command(&f, "compact", "{}"), MORTISE_OK);
	CHECK(stat(path, &after) == 0 && after.st_size < (off_t)sizeof(big));
	(void)snprintf(expected, sizeof(expected), "after=%lld\n", (long long)after.st_size);
	gives(expected);
	CHECK(stat(log, &after) == 0 && after.st_size == 0);
	CHECK_NUMBER(command(&f, "verify", "{}"), MORTISE_OK);
	gives("slots=1 names=0 versions=0 state=0");
	teardown(&f);
}

int
main(void)
{
	if (!local_begin())
		return test_end();
	test_verify();
	test_slots();
	test_rekey();
	test_kill();
	test_compact();
	test_copies();
	test_restored_generation();
	return local_end();
}
