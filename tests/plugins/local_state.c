/* SPDX-License-Identifier: BSD-2-Clause */
/* local: state records, their time and their leases. */
#include <pthread.h>
#include <sqlite3.h>

#include "local.h"

#define HOUR_MS 3600000

static enum mortise_code
append_record(void *arg, const struct mortise_record *record)
{
	buffer_format(arg, "%s=%.*s%s ", record->key, (int)record->value_size,
	    (const char *)record->value, record->fence == 0 ? "" : "!");
	return MORTISE_OK;
}

static enum mortise_code
keep_record(void *arg, const struct mortise_record *record)
{
	struct mortise_record *kept = arg;

	kept->version = record->version;
	kept->expires_ms = record->expires_ms;
	kept->fence = record->fence;
	return MORTISE_OK;
}

static enum mortise_code
put_state(struct fixture *fixture, const char *key, const char *value, int64_t ttl_ms)
{
	const struct mortise_state_put put = {.size = sizeof(put), .value = value,
	    .value_size = strlen(value), .ttl_ms = ttl_ms};

	return backend_state_put(fixture->backend, &fixture->call, key, &put, NULL);
}

/* The record, or the code's word. */
static const char *
read_state(struct fixture *fixture, const char *key, char text[TEXT_SIZE])
{
	struct buffer got = {0};
	struct mortise_out out = {.record = append_record, .arg = &got};
	enum mortise_code code = backend_state_get(fixture->backend, &fixture->call, key, &out);

	(void)snprintf(text, TEXT_SIZE, "%s", code == MORTISE_OK ? got.data :
	    mortise_code_name(code));
	buffer_free(&got);
	return text;
}

static void
test_records(void)
{
	struct buffer got = {0};
	struct mortise_out out = {.record = append_record, .arg = &got};
	struct mortise_version made, wrong = {"1"};
	struct mortise_state_put put = {.size = sizeof(put), .value = "a\0b", .value_size = 3};
	char text[TEXT_SIZE];
	struct fixture f = {0};

	if (!open_store(&f, "records.db"))
		return;
	CHECK_TEXT(read_state(&f, "a:1", text), "not_found");
	CHECK_NUMBER(put_state(&f, "a:1", "one", 0), MORTISE_OK);
	CHECK_TEXT(read_state(&f, "a:1", text), "a:1=one ");
	put.only_if_absent = true;
	CHECK_NUMBER(backend_state_put(f.backend, &f.call, "a:1", &put, &made), MORTISE_CONFLICT);
	CHECK_NUMBER(backend_state_put(f.backend, &f.call, "a:2", &put, &made), MORTISE_OK);
	CHECK_TEXT(made.text, "3");
	put.only_if_absent = false;
	put.only_if = &wrong;
	CHECK_NUMBER(backend_state_put(f.backend, &f.call, "a:2", &put, &made), MORTISE_CONFLICT);
	CHECK_NUMBER(backend_state_put(f.backend, &f.call, "a:3", &put, &made), MORTISE_CONFLICT);
	put.only_if = &made;
	CHECK_NUMBER(backend_state_put(f.backend, &f.call, "a:2", &put, &made), MORTISE_OK);
	CHECK_TEXT(made.text, "4");
	CHECK_NUMBER(backend_state_delete(f.backend, &f.call, "a:2", &wrong), MORTISE_CONFLICT);
	CHECK_NUMBER(backend_state_delete(f.backend, &f.call, "a:2", &made), MORTISE_OK);
	CHECK_NUMBER(backend_state_delete(f.backend, &f.call, "a:2", NULL), MORTISE_NOT_FOUND);
	CHECK_NUMBER(put_state(&f, "b:1", "", 0), MORTISE_OK);
	CHECK_NUMBER(backend_state_list(f.backend, &f.call, "b:", &out), MORTISE_OK);
	CHECK_NUMBER(backend_state_take(f.backend, &f.call, "a:1", &out), MORTISE_OK);
	CHECK_NUMBER(backend_state_take(f.backend, &f.call, "a:1", &out), MORTISE_NOT_FOUND);
	CHECK_TEXT(got.data, "b:1= a:1=one ");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	buffer_free(&got);
	teardown(&f);
}

static void
test_many(void)
{
	struct buffer got = {0};
	struct mortise_out out = {.record = append_record, .arg = &got};
	char key[32];
	struct fixture f = {0};
	size_t count = 0;

	if (!open_store(&f, "many.db"))
		return;
	for (int i = 0; i < 300; i++) {
		(void)snprintf(key, sizeof(key), "m:%d", i);
		(void)put_state(&f, key, "v", HOUR_MS);
	}
	CHECK_NUMBER(backend_state_list(f.backend, &f.call, "m:", &out), MORTISE_OK);
	for (const char *p = got.data; (p = strchr(p, ' ')) != NULL; p++)
		count++;
	CHECK_NUMBER_AS(count, 300, "over several pages each record comes once");
	buffer_free(&got);
	teardown(&f);
}

/* --- time ---------------------- */

/* Moves the clock columns of all records, as another time or another boot would. */
static void
shift(const char *name, const char *columns)
{
	char *path _cleanup_(free_pointer) = store_path(name);
	char *sql _cleanup_(free_pointer) = text_format("UPDATE state SET %s", columns);
	sqlite3 *db = NULL;

	CHECK_AS(sqlite3_open(path, &db) == SQLITE_OK &&
	    sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", columns);
	(void)sqlite3_close(db);
}

static int
count_rows(const char *name)
{
	char *path _cleanup_(free_pointer) = store_path(name);
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = NULL;
	int count = -1;

	if (sqlite3_open(path, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, "SELECT count(*) FROM state", -1, &statement, NULL) ==
	    SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		count = sqlite3_column_int(statement, 0);
	(void)sqlite3_finalize(statement);
	(void)sqlite3_close(db);
	return count;
}

static void
test_ttl(void)
{
	struct mortise_record kept = {0};
	struct mortise_out out = {.record = keep_record, .arg = &kept};
	int64_t before = clock_unix_ms(), put_by;
	char text[TEXT_SIZE];
	struct fixture f = {0};

	if (!open_store(&f, "ttl.db"))
		return;
	CHECK_NUMBER(put_state(&f, "long", "v", HOUR_MS), MORTISE_OK);
	CHECK_NUMBER(put_state(&f, "ever", "v", 0), MORTISE_OK);
	CHECK_NUMBER(put_state(&f, "longest", "v", INT64_MAX), MORTISE_OK);
	CHECK_NUMBER(put_state(&f, "no", "v", -1), MORTISE_INVALID);
	CHECK_NUMBER(put_state(&f, "short", "v", 1), MORTISE_OK);
	put_by = clock_unix_ms();
	/* By wall time too, which may be a moment behind. */
	while (strcmp(read_state(&f, "short", text), "not_found") != 0 ||
	    clock_unix_ms() <= put_by + 1)
		(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	CHECK_NUMBER(backend_state_take(f.backend, &f.call, "short", &out), MORTISE_NOT_FOUND);
	CHECK_NUMBER(backend_state_delete(f.backend, &f.call, "short", NULL), MORTISE_NOT_FOUND);
	CHECK_NUMBER(backend_state_get(f.backend, &f.call, "long", &out), MORTISE_OK);
	CHECK(kept.expires_ms >= before + HOUR_MS && kept.expires_ms <= clock_unix_ms() + HOUR_MS);
	CHECK_NUMBER(backend_state_get(f.backend, &f.call, "ever", &out), MORTISE_OK);
	CHECK_NUMBER(kept.expires_ms, 0);
	CHECK_TEXT(read_state(&f, "longest", text), "longest=v ");
	CHECK_NUMBER(count_rows("ttl.db"), 4);
	CHECK_NUMBER(put_state(&f, "other", "v", 0), MORTISE_OK);
	CHECK_NUMBER_AS(count_rows("ttl.db"), 4, "a put takes away what is over");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	teardown(&f);
}

/* What is over is decided before the seal is opened, so a record whose clocks
 * were moved is not_found where it is over, and damaged where it is not. */
static void
test_clocks(void)
{
	static const struct {
		const char *name, *columns, *answer;
	} rows[] = {
		{"boot time is over, wall time is not", "made = ends", "not_found"},
		{"wall time is over", "made = made - 7200000, ends = ends - 7200000", "not_found"},
		{"made in the future of this boot", "made_boot = made_boot + 60000", "not_found"},
		{"of another boot, in time", "boot = zeroblob(16)", "error"},
		{"of another boot, made in the future", "boot = zeroblob(16),"
		    " made = made + 60000, ends = ends + 60000", "not_found"},
		{"wall time went back within a boot", "made = made + 60000, ends = ends + 60000",
		    "error"},
	};
	char text[TEXT_SIZE];
	struct fixture f = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *name _cleanup_(free_pointer) = text_format("clock%zu.db", i);

		if (!open_store(&f, name))
			return;
		CHECK_NUMBER(put_state(&f, "a", "v", HOUR_MS), MORTISE_OK);
		shift(name, rows[i].columns);
		CHECK_TEXT_AS(read_state(&f, "a", text), rows[i].answer, rows[i].name);
		teardown(&f);
	}
}

/* --- leases ---------------------- */

static enum mortise_code
put_due(struct fixture *fixture, const char *key, const char *index, int64_t due_ms)
{
	const struct mortise_state_put put = {.size = sizeof(put), .value = "v", .value_size = 1,
	    .index = index, .due_ms = due_ms};

	return backend_state_put(fixture->backend, &fixture->call, key, &put, NULL);
}

static const char *
claim(struct fixture *fixture, const char *owner, int64_t now_ms, size_t max,
    char text[TEXT_SIZE])
{
	const struct backend_claim how = {.index = "refresh", .owner = owner, .now_ms = now_ms,
	    .lease_ms = HOUR_MS, .max = max};
	struct buffer got = {0};
	struct mortise_out out = {.record = append_record, .arg = &got};
	enum mortise_code code = backend_state_claim(fixture->backend, &fixture->call, &how, &out);

	(void)snprintf(text, TEXT_SIZE, "%s", code != MORTISE_OK ? mortise_code_name(code) :
	    got.data == NULL ? "" : got.data);
	buffer_free(&got);
	return text;
}

static uint64_t
fence_of(struct fixture *fixture, const char *key)
{
	struct mortise_record kept = {0};
	struct mortise_out out = {.record = keep_record, .arg = &kept};

	(void)backend_state_get(fixture->backend, &fixture->call, key, &out);
	return kept.fence;
}

static void
test_claim(void)
{
	char text[TEXT_SIZE];
	struct fixture f = {0};

	if (!open_store(&f, "claim.db"))
		return;
	(void)put_due(&f, "late", "refresh", 300);
	(void)put_due(&f, "soon", "refresh", 100);
	(void)put_due(&f, "next", "refresh", 200);
	(void)put_due(&f, "else", "other", 50);
	(void)put_due(&f, "none", NULL, 0);
	CHECK_TEXT(claim(&f, "me", 99, 10, text), "");
	CHECK_AS(!f.call.note.set, "nothing due writes nothing");
	CHECK_TEXT(claim(&f, "me", 300, 0, text), "");
	CHECK_TEXT(claim(&f, "me", 300, 2, text), "soon=v! next=v! ");
	CHECK_TEXT_AS(claim(&f, "me", 300, 2, text), "late=v! ", "what is leased is not given");
	CHECK_TEXT(claim(&f, "me", 300, 2, text), "");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	CHECK_NUMBER_AS(put_due(&f, "soon", "refresh", 100), MORTISE_OK, "a put ends the lease");
	CHECK_TEXT(claim(&f, "you", 300, 2, text), "soon=v! ");
	teardown(&f);
	if (!open_store(&f, "claim.db"))
		return;
	CHECK_TEXT_AS(claim(&f, "you", 300, 2, text), "", "leases outlive the process");
	teardown(&f);
	shift("claim.db", "lease_made = ifnull(lease_ends, 0)");
	if (!open_store(&f, "claim.db"))
		return;
	CHECK_TEXT_AS(claim(&f, "you", 300, 9, text), "soon=v! next=v! late=v! ",
	    "a lease that is over binds nobody");
	teardown(&f);
}

static void
test_leases(void)
{
	struct mortise_lease lease = {.size = sizeof(lease), .key = "a", .owner = "me",
	    .lease_ms = HOUR_MS};
	char text[TEXT_SIZE];
	struct fixture f = {0};
	uint64_t first;

	if (!open_store(&f, "lease.db"))
		return;
	(void)put_due(&f, "a", "refresh", 1);
	CHECK_NUMBER_AS(backend_state_extend(f.backend, &f.call, &lease), MORTISE_CONFLICT, "none");
	CHECK_TEXT(claim(&f, "me", 1, 1, text), "a=v! ");
	first = lease.fence = fence_of(&f, "a");
	CHECK(first > 0);
	CHECK_NUMBER(backend_state_extend(f.backend, &f.call, &lease), MORTISE_OK);
	CHECK_NUMBER_AS(fence_of(&f, "a"), first, "an extension keeps the fence");
	lease.owner = "you";
	CHECK_NUMBER(backend_state_extend(f.backend, &f.call, &lease), MORTISE_CONFLICT);
	CHECK_NUMBER(backend_state_release(f.backend, &f.call, &lease), MORTISE_CONFLICT);
	lease.owner = "me";
	lease.fence++;
	CHECK_NUMBER(backend_state_release(f.backend, &f.call, &lease), MORTISE_CONFLICT);
	lease.fence = first;
	lease.lease_ms = 0;
	CHECK_NUMBER(backend_state_extend(f.backend, &f.call, &lease), MORTISE_INVALID);
	CHECK_NUMBER(backend_state_release(f.backend, &f.call, &lease), MORTISE_OK);
	CHECK_NUMBER(backend_state_release(f.backend, &f.call, &lease), MORTISE_CONFLICT);
	CHECK_TEXT(claim(&f, "me", 1, 1, text), "a=v! ");
	CHECK_AS(fence_of(&f, "a") > first, "the fence rises");
	lease.lease_ms = HOUR_MS;
	CHECK_NUMBER_AS(backend_state_extend(f.backend, &f.call, &lease), MORTISE_CONFLICT,
	    "the old fence holds nothing");
	/* Another life of the same key. */
	first = fence_of(&f, "a");
	CHECK_NUMBER(backend_state_delete(f.backend, &f.call, "a", NULL), MORTISE_OK);
	(void)put_due(&f, "a", "refresh", 1);
	CHECK_TEXT(claim(&f, "me", 1, 1, text), "a=v! ");
	CHECK_AS(fence_of(&f, "a") > first, "it rises over a deletion");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	teardown(&f);
}

/* --- of many callers one takes ---------------------- */

#define TAKERS 64

struct taker {
	pthread_t thread;
	struct backend *backend;
	enum mortise_code code;
};

static void *
take(void *arg)
{
	struct taker *taker = arg;
	struct mortise_error error = {0};
	struct mortise_call call = {.deadline = deadline_in_ms(DEADLINE_MS), .error = &error};
	struct mortise_out out = {0};

	taker->code = backend_state_take(taker->backend, &call, "once", &out);
	return NULL;
}

/* Over two instances, so that SQLite's locks are in play and not only the turn. */
static void
test_take(void)
{
	struct taker takers[TAKERS];
	struct fixture f = {0}, g = {0};
	int counts[MORTISE_CODES] = {0};

	if (!open_store(&f, "take.db") || !open_store(&g, "take.db"))
		return;
	CHECK_NUMBER(put_state(&f, "once", "v", HOUR_MS), MORTISE_OK);
	for (size_t i = 0; i < TAKERS; i++) {
		takers[i] = (struct taker){.backend = i % 2 == 0 ? f.backend : g.backend};
		if (pthread_create(&takers[i].thread, NULL, take, &takers[i]) != 0)
			abort();
	}
	for (size_t i = 0; i < TAKERS; i++) {
		(void)pthread_join(takers[i].thread, NULL);
		counts[takers[i].code]++;
	}
	CHECK_NUMBER(counts[MORTISE_OK], 1);
	CHECK_NUMBER(counts[MORTISE_NOT_FOUND], TAKERS - 1);
	teardown(&g);
	teardown(&f);
}

int
main(void)
{
	if (!local_begin())
		return test_end();
	test_records();
	test_many();
	test_ttl();
	test_clocks();
	test_claim();
	test_leases();
	test_take();
	return local_end();
}
