/* SPDX-License-Identifier: BSD-2-Clause */
/* local: files that are damaged, or were written to by hand. */
#include "local_tamper.h"

/* Each store is opened, and what it says first is compared: of open, then get. */
static void
test_damage(void)
{
	static const struct {
		const char *sql, *words;
	} rows[] = {
		{"UPDATE header SET generation = generation + 1", "its header is damaged"},
		{"UPDATE header SET generation = generation - 1", "its header is damaged"},
		{"UPDATE header SET count = count - 1", "its header is damaged"},
		{"UPDATE header SET sealed = flip(sealed)", "its header is damaged"},
		{"UPDATE header SET sealed = x'00'", "its header is damaged"},
		{"DELETE FROM header", "its header is damaged"},
		{"UPDATE header SET store = flip(store)", "the key opens no slot"},
		{"UPDATE header SET epoch = 2", "the key opens no slot"},
		{"UPDATE slots SET salt = flip(salt)", "the key opens no slot"},
		{"UPDATE slots SET wrapped = flip(wrapped)", "the key opens no slot"},
		{"UPDATE slots SET wrapped = x'00'", "the key opens no slot"},
		{"UPDATE slots SET slot = 2", "the key opens no slot"},
		{"UPDATE versions SET sealed = flip(sealed)", "version 3 of a secret is damaged"},
		{"UPDATE versions SET sealed = x'00'", "version 3 of a secret is damaged"},
		{"UPDATE versions SET created = created + 1", "version 3 of a secret is damaged"},
		{"UPDATE versions SET key = flip(key)", "version 3 of a secret is damaged"},
		{"UPDATE versions SET version = version + 9", "version 12 of a secret is damaged"},
		{"DROP TABLE versions", "its tables are not those of a store"},
	};

	if (!make_store("damage.db"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *from _cleanup_(free_pointer) = store_path("damage.db");
		char *to _cleanup_(free_pointer) = store_path("copy.db");
		char text[TEXT_SIZE];
		struct fixture f = {0};

		CHECK(copy_file(from, to));
		tamper("copy.db", rows[i].sql);
		if (open_with(&f, "copy.db", KEY_TEXT, "") == MORTISE_OK)
			CHECK_TEXT(get_text(&f, "a", NULL, text), "error");
		CHECK_AS(strstr(f.error.message, rows[i].words) != NULL, "says: %s", rows[i].words);
		if (strstr(f.error.message, rows[i].words) == NULL)
			printf("# %s\n", f.error.message);
		teardown(&f);
	}
}

/* What no read of one secret can see, the check of all rows does. */
static void
test_all_rows(void)
{
	static const struct {
		const char *name, *sql, *words;
	} rows[] = {
		{"as it was", "SELECT 1", ""},
		{"a name changed", "UPDATE names SET sealed = flip(sealed)",
		    "the name of a secret is damaged"},
		{"an old version changed", "UPDATE versions SET sealed = flip(sealed) WHERE version = 2",
		    "version 2 of a secret is damaged"},
		{"a record changed", "UPDATE state SET sealed = flip(sealed)",
		    "a state record is damaged"},
		{"a lease set", "UPDATE state SET fence = 7", "its rows are not those"},
		{"a lease taken away", "UPDATE state SET lease_made = 1", "its rows are not those"},
		{"the newest version deleted", "DELETE FROM versions WHERE version = 3",
		    "6 rows are there, and 7 were written"},
		{"a record deleted", "DELETE FROM state", "6 rows are there, and 7 were written"},
		{"two values swapped", "UPDATE versions SET sealed = (SELECT sealed FROM versions v"
		    " WHERE v.version = 7 - versions.version) WHERE version > 2",
		    "of a secret is damaged"},
		{"a slot added", "INSERT INTO slots (slot, epoch, type, salt, wrapped)"
		    " SELECT 2, 1, type, salt, wrapped FROM slots",
		    "8 rows are there, and 7 were written"},
		{"an older row put back for another", "UPDATE versions SET (version, created, key,"
		    " sealed) = (SELECT version + 10, created, key, sealed FROM versions v WHERE"
		    " v.version = 2) WHERE version = 3", "of a secret is damaged"},
	};

	if (!make_store("check.db"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *from _cleanup_(free_pointer) = store_path("check.db");
		char *to _cleanup_(free_pointer) = store_path("copy.db");
		struct fixture f = {0};

		CHECK(copy_file(from, to));
		tamper("copy.db", rows[i].sql);
		if (open_store(&f, "copy.db")) {
			CHECK_NUMBER_AS(backend_check(f.backend, &f.call), rows[i].words[0] == '\0' ?
			    MORTISE_OK : MORTISE_ERROR, rows[i].name);
			CHECK_AS(strstr(f.error.message, rows[i].words) != NULL, "says: %s",
			    rows[i].words);
			if (rows[i].words[0] != '\0')
				CHECK_NUMBER(f.error.reason, MORTISE_REASON_DIFFERENCE);
			teardown(&f);
		}
	}
}

/* A row that was true once, in the place of one that is true now. */
static void
test_replay(void)
{
	char *store _cleanup_(free_pointer) = store_path("replay.db");
	char *old _cleanup_(free_pointer) = store_path("replay-old.db");
	char *sql _cleanup_(free_pointer) = text_format("ATTACH '%s' AS old; DELETE FROM versions"
	    " WHERE version = 4; INSERT INTO versions (tag, version, created, key, sealed)"
	    " SELECT tag, version, created, key, sealed FROM old.versions WHERE version = 2", old);
	char text[TEXT_SIZE];
	struct fixture f = {0};

	CHECK_NUMBER(open_with(&f, "replay.db", KEY_TEXT, ", versions: 2"), MORTISE_OK);
	CHECK_NUMBER(put_text(&f, "a", "revoked"), MORTISE_OK);
	teardown(&f);
	CHECK(copy_file(store, old));
	CHECK_NUMBER(open_with(&f, "replay.db", KEY_TEXT, ", versions: 2"), MORTISE_OK);
	CHECK_NUMBER(put_text(&f, "a", "second"), MORTISE_OK);
	CHECK_NUMBER(put_text(&f, "a", "third"), MORTISE_OK);
	teardown(&f);
	tamper("replay.db", sql);
	if (!open_store(&f, "replay.db"))
		return;
	CHECK_TEXT_AS(get_text(&f, "a", "2", text), "revoked", "its seal is whole");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_ERROR);
	CHECK(strstr(f.error.message, "its rows are not those that were written last") != NULL);
	teardown(&f);
}

/* One bit anywhere in the file: whatever is answered then, the right value or
 * an error, a check that finds all well vouches for it. */
static void
test_bits(void)
{
	char *from _cleanup_(free_pointer) = store_path("check.db");
	char *to _cleanup_(free_pointer) = store_path("copy.db");
	size_t size = 0, told = 0, odd = 0, missed = 0;
	char *bytes _cleanup_(free_pointer) = file_read(AT_FDCWD, from, 1 << 20, &size);
	char text[TEXT_SIZE];

	for (size_t at = 0; bytes != NULL && at < size; at += 61) {
		char bit = (char)(1 << at % 8);
		struct fixture f = {0};
		bool well, right;

		bytes[at] = (char)(bytes[at] ^ bit);
		if (file_replace(AT_FDCWD, to, bytes, size, 0600) != 0)
			break;
		bytes[at] = (char)(bytes[at] ^ bit);
		well = open_with(&f, "copy.db", KEY_TEXT, "") == MORTISE_OK &&
		    backend_check(f.backend, &f.call) == MORTISE_OK;
		right = f.backend != NULL && strcmp(get_text(&f, "a", NULL, text), "two") == 0;
		told += !well;
		missed += well && !right;
		odd += f.backend != NULL && !right && strcmp(text, "error") != 0 &&
		    strcmp(text, "not_found") != 0 && strcmp(text, "one") != 0;
		teardown(&f);
	}
	CHECK_AS(told > 10, "%zu flipped bits were told", told);
	CHECK_NUMBER_AS(missed, 0, "none of another answer passed the check");
	CHECK_NUMBER_AS(odd, 0, "none made a value that was never put");
}

int
main(void)
{
	if (!local_begin())
		return test_end();
	test_damage();
	test_all_rows();
	test_replay();
	test_bits();
	return local_end();
}
