/* SPDX-License-Identifier: BSD-2-Clause */
/* local: which files are opened. */
#include "local_tamper.h"

/* --- old stores, and gone ones ---------------------- */

static enum mortise_code
open_noted(struct fixture *fixture, const char *name, const char *store, uint64_t generation)
{
	*fixture = (struct fixture){.noted_generation = generation};
	(void)snprintf(fixture->noted_store, sizeof(fixture->noted_store), "%s", store);
	return open_with(fixture, name, KEY_TEXT, "");
}

static void
check_rollback(struct fixture *fixture, enum mortise_code code, const char *words)
{
	CHECK_NUMBER_AS(code, MORTISE_ERROR, words);
	CHECK_NUMBER(fixture->error.reason, MORTISE_REASON_ROLLBACK);
	CHECK_AS(strstr(fixture->error.message, words) != NULL, "says: %s", words);
	teardown(fixture);
}

static void
test_rollback(void)
{
	static const char other[] = "00000000000000000000000000000000";
	char *path _cleanup_(free_pointer) = store_path("gone.db");
	struct fixture f = {0};
	char id[65];

	if (!make_store("noted.db") || !open_store(&f, "noted.db"))
		return;
	(void)snprintf(id, sizeof(id), "%s", backend_identity(f.backend));
	teardown(&f);
	CHECK_NUMBER(open_noted(&f, "noted.db", id, 5), MORTISE_OK);
	teardown(&f);
	CHECK_NUMBER_AS(open_noted(&f, "noted.db", id, 3), MORTISE_OK, "newer than noted is fine");
	teardown(&f);
	check_rollback(&f, open_noted(&f, "noted.db", id, 6),
	    "is older than the trail says: generation 5 and not 6");
	check_rollback(&f, open_noted(&f, "noted.db", other, 1), "and the trail knows 0000");
	check_rollback(&f, open_noted(&f, "gone.db", id, 5), "and there is none now");
	CHECK_AS(access(path, F_OK) != 0, "and none was made");
	CHECK(file_replace(AT_FDCWD, path, "", 0, 0600) == 0);
	check_rollback(&f, open_noted(&f, "gone.db", id, 5), "and there is none now");
	CHECK_NUMBER_AS(open_noted(&f, "gone.db", "", 0), MORTISE_OK, "an empty file becomes one");
	teardown(&f);
}

/* What was accepted is the newest from then on, and only what needs it is touched. */
static void
test_accepted_rollback(void)
{
	static const struct {
		const char *what, *name;
		bool same;		/* the noted id is the store's own */
		uint64_t noted, after;	/* after 0: nothing is noted */
	} rows[] = {
		{"a store that is not older", "accepted.db", true, 5, 0},
		{"an older one", "accepted.db", true, 9, 10},
		{"another one", "accepted.db", false, 3, 11},
		{"a new one for one that is gone", "new.db", false, 7, 2},
	};
	struct fixture f = {0};
	char id[65];

	if (!make_store("accepted.db") || !open_store(&f, "accepted.db"))
		return;
	(void)snprintf(id, sizeof(id), "%s", backend_identity(f.backend));
	teardown(&f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		f = (struct fixture){.noted_generation = rows[i].noted, .accept_rollback = true};
		(void)snprintf(f.noted_store, sizeof(f.noted_store), "%s", rows[i].same ? id :
		    "00000000000000000000000000000000");
		CHECK_NUMBER_AS(open_with(&f, rows[i].name, KEY_TEXT, ""), MORTISE_OK,
		    rows[i].what);
		CHECK_NUMBER_AS(f.opened.set ? f.opened.generation : 0, rows[i].after,
		    rows[i].what);
		if (f.opened.set)
			CHECK_TEXT_AS(f.opened.store, backend_identity(f.backend), rows[i].what);
		teardown(&f);
	}
	CHECK_NUMBER_AS(open_noted(&f, "accepted.db", id, 11), MORTISE_OK,
	    "it is as new as the trail now");
	teardown(&f);
}

/* Replaces all rows of an open store by those of another file. */
static void
put_back(const char *name, const char *from)
{
	char *sql _cleanup_(free_pointer) = text_format("ATTACH '%s/%s' AS other; BEGIN;"
	    " DELETE FROM header; DELETE FROM slots; DELETE FROM names; DELETE FROM versions;"
	    " DELETE FROM state; INSERT INTO header SELECT * FROM other.header;"
	    " INSERT INTO slots SELECT * FROM other.slots;"
	    " INSERT INTO names SELECT * FROM other.names;"
	    " INSERT INTO versions SELECT * FROM other.versions;"
	    " INSERT INTO state SELECT * FROM other.state; COMMIT", directory, from);

	tamper(name, sql);
}

static void
test_rollback_while_open(void)
{
	char *copy _cleanup_(free_pointer) = text_format("VACUUM INTO '%s/alive-old.db'",
	    directory);
	char text[TEXT_SIZE];
	struct fixture f = {0};

	if (!make_store("another.db") || !make_store("alive.db") || !open_store(&f, "alive.db"))
		return;
	tamper("alive.db", copy);
	CHECK_TEXT(get_text(&f, "a", NULL, text), "two");
	CHECK_NUMBER(put_text(&f, "a", "three"), MORTISE_OK);
	put_back("alive.db", "alive-old.db");
	CHECK_TEXT(get_text(&f, "a", NULL, text), "error");
	CHECK_NUMBER(f.error.reason, MORTISE_REASON_ROLLBACK);
	CHECK(strstr(f.error.message, "went back from generation 6 to 5") != NULL);
	CHECK_NUMBER(put_text(&f, "a", "four"), MORTISE_ERROR);
	put_back("alive.db", "another.db");
	CHECK_TEXT(get_text(&f, "a", NULL, text), "error");
	CHECK_NUMBER(f.error.reason, MORTISE_REASON_ROLLBACK);
	CHECK(strstr(f.error.message, "has become another store") != NULL);
	teardown(&f);
}

/* --- files that are not ours to use ---------------------- */

static void
test_foreign(void)
{
	static const struct {
		const char *sql, *words;
		enum mortise_code code;
	} rows[] = {
		{"PRAGMA application_id = 7", "of another program", MORTISE_INVALID},
		{"PRAGMA user_version = 2", "is of format 2, and this program knows format 1; upgrade",
		    MORTISE_INVALID},
		{"PRAGMA user_version = 0", "its format number is none", MORTISE_ERROR},
		{"PRAGMA application_id = 0", "of another program", MORTISE_INVALID},
	};
	char *path _cleanup_(free_pointer) = store_path("text.db");
	char *link _cleanup_(free_pointer) = store_path("link.db");
	char *from _cleanup_(free_pointer) = store_path("foreign.db");
	char *to _cleanup_(free_pointer) = store_path("copy.db");
	struct fixture f = {0};

	if (!make_store("foreign.db"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK(copy_file(from, to));
		tamper("copy.db", rows[i].sql);
		CHECK_NUMBER_AS(open_with(&f, "copy.db", KEY_TEXT, ""), rows[i].code, rows[i].sql);
		CHECK_AS(strstr(f.error.message, rows[i].words) != NULL, "says: %s", rows[i].words);
		teardown(&f);
	}
	CHECK(file_replace(AT_FDCWD, path, "this is a text, and longer than nothing", 39, 0600) == 0);
	CHECK_NUMBER(open_with(&f, "text.db", KEY_TEXT, ""), MORTISE_INVALID);
	CHECK(strstr(f.error.message, "is no store, but some other file") != NULL);
	teardown(&f);
	CHECK(symlink("foreign.db", link) == 0);
	CHECK_NUMBER(open_with(&f, "link.db", KEY_TEXT, ""), MORTISE_INVALID);
	CHECK(strstr(f.error.message, "is a symbolic link") != NULL);
	teardown(&f);
	CHECK(chmod(from, 0640) == 0);
	CHECK_NUMBER(open_with(&f, "foreign.db", KEY_TEXT, ""), MORTISE_DENIED);
	CHECK(strstr(f.error.message, "open to others (mode 0640)") != NULL);
	teardown(&f);
	CHECK_NUMBER(open_with(&f, "nowhere/a.db", KEY_TEXT, ""), MORTISE_INVALID);
	CHECK(strstr(f.error.message, "No such file or directory; make it") != NULL);
	teardown(&f);
}

static void
test_modes(void)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	mode_t mask = umask(0);
	struct fixture f = {0};
	struct stat status;

	if (open_store(&f, "modes.db"))
		CHECK_NUMBER(put_text(&f, "a", "v"), MORTISE_OK);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char *path _cleanup_(free_pointer) = text_format("%s/modes.db%s", directory,
		    suffixes[i]);

		CHECK_AS(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600,
		    "modes.db%s is its owner's alone", suffixes[i]);
	}
	teardown(&f);
	(void)umask(mask);
}

/* --- a file of format 1 opens for ever ---------------------- */

static enum mortise_code
append_name(void *arg, const char *name)
{
	buffer_format(arg, "%s ", name);
	return MORTISE_OK;
}

static enum mortise_code
append_version(void *arg, const struct mortise_history *history)
{
	buffer_format(arg, "%s/%lld ", history->version.text, (long long)history->created_ms);
	return MORTISE_OK;
}

static enum mortise_code
append_labels(void *arg, const struct mortise_pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buffer_format(arg, "%s=%s ", pairs[i].name, pairs[i].value);
	return MORTISE_OK;
}

static enum mortise_code
append_record(void *arg, const struct mortise_record *record)
{
	buffer_format(arg, "%s=%.*s/%s/%llu ", record->key, (int)record->value_size,
	    (const char *)record->value, record->version.text, (unsigned long long)record->fence);
	return MORTISE_OK;
}

static void
test_golden(void)
{
	char *from _cleanup_(free_pointer) = text_format("%s/tests/golden/local-1.db",
	    getenv("srcdir") == NULL ? "." : getenv("srcdir"));
	char *to _cleanup_(free_pointer) = store_path("golden.db");
	struct buffer got = {0};
	struct mortise_out out = {.name = append_name, .history = append_version,
	    .row = append_labels, .record = append_record, .arg = &got};
	char text[TEXT_SIZE];
	struct fixture f = {0};

	if (!CHECK_AS(copy_file(from, to), "copy %s", from) || !open_store(&f, "golden.db"))
		return;
	CHECK_TEXT(backend_identity(f.backend), "e5c04be063226ede090792cae2106f7b");
	CHECK_TEXT(get_text(&f, "app/key", NULL, text), "second value");
	CHECK_TEXT(get_text(&f, "app/key", "2", text), "first value");
	CHECK_TEXT(get_text(&f, "empty", NULL, text), "");
	CHECK_NUMBER(backend_list(f.backend, &f.call, "", &out), MORTISE_OK);
	CHECK_NUMBER(backend_describe(f.backend, &f.call, "app/key", &out), MORTISE_OK);
	CHECK_NUMBER(backend_state_list(f.backend, &f.call, "", &out), MORTISE_OK);
	CHECK_TEXT(got.data, "app/key empty team=ads env=prod 3/1795579993113 2/1795579993109 "
	    "authorization:1={\"platform\":\"meta\"}/5/6 ");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	CHECK_NUMBER_AS(put_text(&f, "new", "value"), MORTISE_OK, "it is written to as well");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	buffer_free(&got);
	teardown(&f);
}

int
main(void)
{
	if (!local_begin())
		return test_end();
	test_rollback();
	test_accepted_rollback();
	test_rollback_while_open();
	test_foreign();
	test_modes();
	test_golden();
	return local_end();
}
