/* SPDX-License-Identifier: BSD-2-Clause */
/* audit/keys.h: what crashes, copies, losses and broken disks make of the keys that a
 * trail is signed with. */
#define _GNU_SOURCE	/* syscall: the real fdatasync behind the one below */

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "../signed.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

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

/* --- crashes ---------------------------------------------------------------------- */

/* What a trail consists of, kept in memory. */
static const char *const parts[] = {"head", SEGMENT, "epoch-1.key", "epoch-2.key"};
enum { HEAD, RECORDS, FIRST_KEY, SECOND_KEY };
struct snapshot {
	char *bytes[ARRAY_SIZE(parts)];		/* NULL: there is none */
	size_t size[ARRAY_SIZE(parts)];
};

static struct snapshot
take_snapshot(const char *directory)
{
	struct snapshot made = {.size = {0}};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		made.bytes[i] = file_read(AT_FDCWD, path_in(directory, parts[i]), 1 << 20,
		    &made.size[i]);
	return made;
}

static void
put_back(const char *directory, const struct snapshot *snapshot)
{
	clear(directory);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (snapshot->bytes[i] != NULL && file_replace(AT_FDCWD,
		    path_in(directory, parts[i]), snapshot->bytes[i], snapshot->size[i], 0600) < 0)
			perror("put_back");
	}
}

static void
snapshot_free(struct snapshot *snapshot)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		free(snapshot->bytes[i]);
}

/* Two records and two checkpoints more, of which the second may close the epoch: false
 * if any of it fails. */
static bool
goes_on(const char *directory)
{
	bool good = true;

	for (int i = 0; i < 2; i++) {
		struct trail *trail = open_with(directory, NEVER, i == 0 ? NEVER : 1);

		good = append(trail, "c") == MORTISE_OK && sign_now(trail) == MORTISE_OK && good;
		trail_close(trail);
	}
	return good;
}

/* The checkpoint that closes epoch 1 is cut at any of its bytes, or whole, and the keys
 * of both epochs are there. */
static void
test_crash(const char *directory)
{
	char first_key[KEY_TEXT_SIZE], verdict[512];
	struct trail *trail = open_with(directory, NEVER, NEVER);
	struct snapshot before, after, crashed;
	size_t tried = 0, wrong = 0;

	(void)append(trail, "a");
	(void)sign_now(trail);
	trail_close(trail);
	first_key_of(directory, first_key);
	before = take_snapshot(directory);
	pass_ms(2);
	trail = open_with(directory, NEVER, 1);
	(void)append(trail, "b");
	(void)sign_now(trail);
	trail_close(trail);
	after = crashed = take_snapshot(directory);
	for (int i = 0; i < 2; i++) {
		const int part = i == 0 ? HEAD : FIRST_KEY;

		crashed.bytes[part] = before.bytes[part];
		crashed.size[part] = before.size[part];
	}
	for (size_t size = after.size[RECORDS]; size > before.size[RECORDS] + 29; size -= 29) {
		crashed.size[RECORDS] = size;
		put_back(directory, &crashed);
		wrong += !goes_on(directory) || has(directory, "epoch-1.key") ||
		    verify_all(directory, first_key, NULL, verdict) != 0 ||
		    strstr(verdict, "anew") != NULL;
		if (wrong > 0)
			printf("# cut at %zu: %s\n", size, verdict);
		tried++;
	}
	CHECK_AS(tried > 20, "%zu places", tried);
	CHECK_NUMBER_AS(wrong, 0, "it goes on with the key that is right");
	snapshot_free(&before);
	snapshot_free(&after);
}

/* --- a key that is not there ---------------------------------------------------------- */

static void
check_anew(const char *directory, const char *first_key, const char *what)
{
	struct seen seen = see_all(directory);
	char verdict[512];

	CHECK_AS(seen.in_order, "%s: in order", what);
	CHECK_NUMBER_AS(count_of(&seen, "t", "open"), 2, what);
	CHECK_AS(json_is_true(json_object_get(json_array_get(seen.records, 4), "anew")),
	    "%s: a segment says so", what);
	CHECK_TEXT_AS(field(&seen, 5, "t"), "checkpoint", what);
	CHECK_NUMBER_AS(number_at(&seen, 5, "epoch"), 2, what);
	CHECK_NUMBER_AS(verify_all(directory, "", NULL, verdict), 0, what);
	CHECK_AS(strstr(verdict, "by keys begun anew at record 6") != NULL, "%s: %s", what,
	    verdict);
	check_verifies(directory, first_key, 11, "and who knows the first key is told");
	seen_free(&seen);
}

static void
test_lost(const char *directory)
{
	static const char *const others[] = {NULL, "", "2026-11-25T10:00:00.000000Z "
	    "0000000000000000000000000000000000000000000000000000000000000000\n"};
	char first_key[KEY_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct trail *trail = open_with(directory, NEVER, 0);

		(void)append(trail, "a");
		(void)sign_now(trail);
		first_key_of(directory, first_key);
		if (others[i] == NULL)
			(void)unlink(path_in(directory, "epoch-1.key"));
		else
			(void)file_replace(AT_FDCWD, path_in(directory, "epoch-1.key"), others[i],
			    strlen(others[i]), 0600);
		CHECK_NUMBER(append(trail, "b"), MORTISE_OK);
		CHECK_NUMBER_AS(sign_now(trail), MORTISE_OK, "asked for");
		CHECK_NUMBER(append(trail, "c"), MORTISE_OK);
		CHECK_NUMBER(sign_now(trail), MORTISE_OK);
		trail_close(trail);
		CHECK(!has(directory, "epoch-1.key"));
		check_anew(directory, first_key, "asked for");
		clear(directory);
	}
}

static void
test_lost_when_due(const char *directory)
{
	struct trail *trail = open_with(directory, NEVER, 0);
	char first_key[KEY_TEXT_SIZE];

	(void)append(trail, "a");
	(void)sign_now(trail);
	trail_close(trail);
	first_key_of(directory, first_key);
	(void)unlink(path_in(directory, "epoch-1.key"));
	pass_ms(2);
	/* Processes of one append each. */
	for (int i = 0; i < 4; i++) {
		trail = open_with(directory, i == 0 ? 1 : NEVER, 0);
		CHECK_NUMBER(append(trail, "b"), MORTISE_OK);
		trail_close(trail);
	}
	check_anew(directory, first_key, "due");
}

/* The key of a trail that another host still writes. */
static void
test_copied(const char *directory)
{
	static const char signature[] = ZEROS ZEROS;
	char hash[65] = ZEROS, before[65] = ZEROS, *machine;
	struct key key = {.epoch = 3};
	const struct record_checkpoint checkpoint = {.of = 1, .epoch = 3, .hash = before,
	    .key = key.public, .signature = signature};
	const struct record records[] = {
		{.type = RECORD_OPEN, .segment = 1, .program = "test 1"},
		{.type = RECORD_CHECKPOINT, .checkpoint = &checkpoint},
	};
	struct record_link link = {.trail = "00112233445566778899aabbccddeeff",
	    .host = "0000000000000000", .before = before, .time_us = 1};
	struct buffer lines = {0};
	struct trail *trail;
	size_t size = 0;
	int fd;

	machine = file_read(AT_FDCWD, "/etc/machine-id", 256, &size);
	if (machine == NULL || size < 32) {
		test_skip("the keys of a copied trail", "no /etc/machine-id");
		free(machine);
		return;
	}
	free(machine);
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_NUMBER(key_make(fd, 3, 1, &key, NULL), MORTISE_OK);
	(void)close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		link.seq = i + 1;
		memcpy(before, hash, sizeof(before));
		CHECK_NUMBER(record_line(&records[i], &link, &lines, hash, NULL), MORTISE_OK);
	}
	CHECK_NUMBER(file_replace(AT_FDCWD, path_in(directory, SEGMENT), lines.data, lines.size,
	    0600), 0);
	buffer_free(&lines);
	trail = open_with(directory, NEVER, 0);
	CHECK_AS(!has(directory, "epoch-3.key"), "the other host's key is destroyed");
	(void)append(trail, "a");
	CHECK_NUMBER(sign_now(trail), MORTISE_OK);
	trail_close(trail);
	check_verifies(directory, "", 0, "a trail of its own");
	check_verifies(directory, key.public, 10, "under a key of its own");
	key_wipe(&key);
}

/* The checkpoint that closed an epoch is among what is lost. */
static void
test_accepted_loss(const char *directory)
{
	struct trail_options options = {.directory = directory, .program = "test 1"};
	struct mortise_audit_gap gap = {0};
	struct trail *trail = open_with(directory, NEVER, NEVER);
	char verdict[512], *at;
	size_t size = 0;
	char *bytes;

	(void)append(trail, "a");
	(void)sign_now(trail);
	copy_file(directory, "head", "saved.head");
	pass_ms(2);
	trail_close(trail);
	trail = open_with(directory, NEVER, 1);
	(void)append(trail, "damaged");
	(void)sign_now(trail);
	trail_close(trail);
	copy_file(directory, "saved.head", "head");
	(void)unlink(path_in(directory, "lock"));
	bytes = file_read(AT_FDCWD, path_in(directory, SEGMENT), 1 << 20, &size);
	at = strstr(bytes, "damaged");
	*at ^= 1;
	CHECK_NUMBER(file_replace(AT_FDCWD, path_in(directory, SEGMENT), bytes, size, 0600), 0);
	free(bytes);
	CHECK_NUMBER(trail_accept_loss(&options, "the disk broke", "alice", NULL), MORTISE_OK);
	trail = open_with(directory, NEVER, NEVER);
	CHECK_NUMBER(append(trail, "after"), MORTISE_OK);
	CHECK_NUMBER(sign_now(trail), MORTISE_OK);
	CHECK_NUMBER(append(trail, "later"), MORTISE_OK);
	CHECK_NUMBER(sign_now(trail), MORTISE_OK);
	trail_close(trail);
	check_verifies(directory, "", 11, "a loss is a loss");
	gap = (struct mortise_audit_gap){4, 5};
	if (!CHECK_NUMBER(verify_all(directory, "", &gap, verdict), 0))
		printf("# %s\n", verdict);
}

/* The head knows of the epoch's end, which is lost. */
static void
test_loss_that_the_head_knows(const char *directory)
{
	const struct trail_options options = {.directory = directory, .program = "test 1"};
	const struct mortise_audit_gap gap = {3, 5};
	struct trail *trail = open_with(directory, NEVER, NEVER);
	const char *end;
	char verdict[512];
	struct stat st;

	(void)append(trail, "a");
	CHECK(stat(path_in(directory, SEGMENT), &st) == 0);
	(void)sign_now(trail);
	trail_close(trail);
	pass_ms(2);
	trail = open_with(directory, NEVER, 1);
	(void)append(trail, "b");
	(void)sign_now(trail);
	trail_close(trail);
	CHECK(truncate(path_in(directory, SEGMENT), st.st_size) == 0);
	CHECK_NUMBER(trail_accept_loss(&options, "the disk broke", "alice", NULL), MORTISE_OK);
	trail = open_with(directory, NEVER, NEVER);
	(void)append(trail, "c");
	CHECK_NUMBER(sign_now(trail), MORTISE_OK);
	trail_close(trail);
	CHECK_NUMBER(verify_all(directory, "", &gap, verdict), 0);
	end = strstr(verdict, ", signed");
	CHECK_TEXT_AS(end == NULL ? verdict : end, ", signed to 7 in epoch 2",
	    "it goes on with the key that it had");
}

/* --- disks that fail ---------------------------------------------------------------- */

static void
test_no_key(const char *directory)
{
	struct trail *trail = open_with(directory, 1, 0);
	struct mortise_error error = {0};
	struct seen seen;

	pass_ms(2);
	atomic_store(&failing_syncs, 1);
	CHECK_NUMBER_AS(append(trail, "a"), MORTISE_OK, "a record does not wait for a signature");
	CHECK_NUMBER(atomic_exchange(&failing_syncs, 0), 0);
	atomic_store(&failing_syncs, 1);
	CHECK_NUMBER_AS(trail_checkpoint(trail, DEADLINE_NEVER, &error), MORTISE_ERROR,
	    "who asks for one is told");
	CHECK(strstr(error.message, "epoch-1.key") != NULL);
	atomic_store(&failing_syncs, 0);
	CHECK_NUMBER(sign_now(trail), MORTISE_OK);
	trail_close(trail);
	seen = see_all(directory);
	CHECK_NUMBER(count_of(&seen, "t", "checkpoint"), 1);
	CHECK_NUMBER(count_of(&seen, "resourceId", "a"), 1);
	seen_free(&seen);
}

static void
test_sync_fails(const char *directory)
{
	struct trail *trail = open_with(directory, NEVER, NEVER);
	char first_key[KEY_TEXT_SIZE];

	(void)append(trail, "a");
	(void)sign_now(trail);
	trail_close(trail);
	first_key_of(directory, first_key);
	pass_ms(2);
	trail = open_with(directory, NEVER, 1);
	(void)append(trail, "b");
	atomic_store(&failing_data_syncs, 1);
	CHECK_NUMBER_AS(sign_now(trail), MORTISE_ERROR, "the epoch's end is not durable");
	CHECK_AS(has(directory, "epoch-1.key"), "its key stays");
	CHECK_NUMBER(append(trail, "c"), MORTISE_OK);
	CHECK_NUMBER(sign_now(trail), MORTISE_OK);
	CHECK(!has(directory, "epoch-1.key"));
	(void)append(trail, "d");
	CHECK_NUMBER(sign_now(trail), MORTISE_OK);
	trail_close(trail);
	check_verifies(directory, first_key, 0, "a sync that failed");
}

int
main(void)
{
	static void (*const tests[])(const char *) = {
		test_crash, test_lost, test_lost_when_due, test_copied, test_accepted_loss,
		test_loss_that_the_head_knows, test_no_key, test_sync_fails,
	};
	char *directory = scratch_new();

	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		clear(directory);
		tests[i](directory);
	}
	scratch_free(directory);
	return test_end();
}
