/* SPDX-License-Identifier: BSD-2-Clause */
/* local: secrets. */
#include "local.h"

/* --- values ---------------------- */

static void
test_round_trips(void)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 255, 256, 4095, 4096, 4097, 65535, 65536};
	unsigned char bytes[65537];
	struct mortise_version found, newest;
	struct mortise_receipt receipt;
	struct fixture f = {0};

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7 + i / 256);
	if (!open_store(&f, "values.db"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct mortise_secret *value _cleanup_(secret_cleanup) = NULL;
		size_t size = 1;
		const void *got;

		CHECK_NUMBER(put_bytes(&f, "a/b", bytes, sizes[i], &receipt), MORTISE_OK);
		newest = receipt.made;
		CHECK_NUMBER(backend_get(f.backend, &f.call, "a/b", NULL, &value, &found), MORTISE_OK);
		got = mortise_secret_peek(value, &size);
		CHECK_AS(size == sizes[i] && (size == 0 || memcmp(got, bytes, size) == 0),
		    "%zu bytes come back", sizes[i]);
		CHECK_TEXT_AS(found.text, newest.text, "in the version that was made");
	}
	CHECK_NUMBER(put_bytes(&f, "a/b", bytes, sizeof(bytes), &receipt), MORTISE_INVALID);
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	teardown(&f);
}

/* --- collectors ---------------------- */

static enum mortise_code
append_name(void *arg, const char *name)
{
	buffer_format(arg, "%s ", name);
	return MORTISE_OK;
}

static enum mortise_code
append_version(void *arg, const struct mortise_history *history)
{
	buffer_format(arg, "%s%s ", history->version.text, history->created_ms > 0 ? "" : "?");
	return MORTISE_OK;
}

static enum mortise_code
append_labels(void *arg, const struct mortise_pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buffer_format(arg, "%s=%s ", pairs[i].name, pairs[i].value);
	return MORTISE_OK;
}

/* Labels and versions, newest first; or the code's word. */
static char *
describe(struct fixture *fixture, const char *name)
{
	struct buffer text = {0};
	struct mortise_out out = {.history = append_version, .row = append_labels, .arg = &text};
	enum mortise_code code = backend_describe(fixture->backend, &fixture->call, name, &out);

	if (code != MORTISE_OK) {
		buffer_free(&text);
		buffer_text(&text, mortise_code_name(code));
	}
	return buffer_take(&text);
}

#define CHECK_HISTORY(fixture, name, want) do { \
	char *history _cleanup_(free_pointer) = describe(fixture, name); \
	CHECK_TEXT_AS(history, want, "history of " name); \
} while (0)

/* --- versions ---------------------- */

/* The numbers are the store's generations: creation was 1. */
static void
test_versions(void)
{
	char text[TEXT_SIZE];
	struct fixture f = {0};

	CHECK_NUMBER(open_with(&f, "versions.db", KEY_TEXT, ", versions: 3"), MORTISE_OK);
	CHECK_TEXT(get_text(&f, "a", NULL, text), "not_found");
	CHECK_TEXT(f.error.message, "no secret a here; `mortise list` shows what there is");
	for (int i = 1; i <= 5; i++) {
		(void)snprintf(text, sizeof(text), "value %d", i);
		CHECK_NUMBER(put_text(&f, "a", text), MORTISE_OK);
		CHECK_NUMBER_AS(f.call.note.generation, i + 1, "each commit is noted");
		CHECK_TEXT_AS(f.call.note.store, backend_identity(f.backend), "for this store");
	}
	CHECK_NUMBER(strlen(backend_identity(f.backend)), 32);
	CHECK_TEXT(get_text(&f, "a", NULL, text), "value 5");
	CHECK_TEXT(get_text(&f, "a", "6", text), "value 5");
	CHECK_TEXT(get_text(&f, "a", "4", text), "value 3");
	CHECK_TEXT_AS(get_text(&f, "a", "3", text), "not_found", "three are kept");
	CHECK_HISTORY(&f, "a", "6 5 4 ");
	CHECK_HISTORY(&f, "b", "not_found");
	teardown(&f);
	CHECK_NUMBER(open_with(&f, "versions.db", KEY_TEXT, ", versions: 2"), MORTISE_OK);
	CHECK_TEXT_AS(get_text(&f, "a", "4", text), "value 3", "fewer are kept from the next put on");
	CHECK_NUMBER(put_text(&f, "a", "value 6"), MORTISE_OK);
	CHECK_HISTORY(&f, "a", "7 6 ");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	teardown(&f);
	CHECK_NUMBER(open_with(&f, "versions.db", KEY_TEXT, ", versions: 1"), MORTISE_INVALID);
	teardown(&f);
}

static void
test_odd_versions(void)
{
	static const char *const odd[] = {"0", "02", "+2", "2 ", "two", "-2", "99999999999999999999",
	    "9223372036854775807", "3"};
	char text[TEXT_SIZE];
	struct fixture f = {0};

	if (!open_store(&f, "odd.db"))
		return;
	CHECK_NUMBER(put_text(&f, "a", "value"), MORTISE_OK);
	CHECK_TEXT(get_text(&f, "a", "2", text), "value");
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		CHECK_TEXT_AS(get_text(&f, "a", odd[i], text), "not_found", odd[i]);
	CHECK_TEXT(f.error.message,
	    "no version 3 of a here; `mortise history` shows those that are kept");
	teardown(&f);
}

static void
test_delete(void)
{
	struct stat log;
	char *path _cleanup_(free_pointer) = store_path("delete.db-wal");
	char text[TEXT_SIZE];
	struct fixture f = {0};

	if (!open_store(&f, "delete.db"))
		return;
	CHECK_NUMBER(put_text(&f, "a", "one"), MORTISE_OK);
	CHECK_NUMBER(put_text(&f, "a", "two"), MORTISE_OK);
	CHECK_NUMBER(put_text(&f, "a/b", "other"), MORTISE_OK);
	CHECK_NUMBER(backend_delete(f.backend, &f.call, "a"), MORTISE_OK);
	CHECK_AS(stat(path, &log) == 0 && log.st_size == 0, "the log of writes is empty");
	CHECK_TEXT(get_text(&f, "a", NULL, text), "not_found");
	CHECK_TEXT(get_text(&f, "a", "2", text), "not_found");
	CHECK_NUMBER(backend_delete(f.backend, &f.call, "a"), MORTISE_NOT_FOUND);
	CHECK_AS(!f.call.note.set, "what changed nothing notes nothing");
	CHECK_TEXT(get_text(&f, "a/b", NULL, text), "other");
	CHECK_NUMBER(put_text(&f, "a", "three"), MORTISE_OK);
	CHECK_HISTORY(&f, "a", "6 ");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	teardown(&f);
}

/* --- conditions and receipts ---------------------- */

static enum mortise_code
put_if(struct fixture *fixture, const char *name, const char *version, bool absent,
    struct mortise_receipt *receipt)
{
	struct mortise_secret *value _cleanup_(secret_cleanup) = secret_from("v", 1);
	struct mortise_version only_if;
	struct mortise_secret_put put = {.size = sizeof(put), .value = value,
	    .only_if_absent = absent, .only_if = version == NULL ? NULL : &only_if};

	(void)snprintf(only_if.text, sizeof(only_if.text), "%s", version == NULL ? "" : version);
	*receipt = (struct mortise_receipt){.size = sizeof(*receipt)};
	return backend_put(fixture->backend, &fixture->call, name, &put, receipt);
}

static void
test_conditions(void)
{
	static const struct {
		const char *version;
		bool absent;
		enum mortise_code code;
		int existed;
		const char *before, *made;
	} rows[] = {
		{"2", false, MORTISE_CONFLICT, 0, "", ""},
		{NULL, true, MORTISE_OK, 0, "", "2"},
		{NULL, true, MORTISE_CONFLICT, 1, "2", ""},
		{"1", false, MORTISE_CONFLICT, 1, "2", ""},
		{"x", false, MORTISE_CONFLICT, 1, "2", ""},
		{"2", true, MORTISE_CONFLICT, 1, "2", ""},
		{"2", false, MORTISE_OK, 1, "2", "3"},
		{"2", false, MORTISE_CONFLICT, 1, "3", ""},
		{NULL, false, MORTISE_OK, 1, "3", "4"},
	};
	struct mortise_receipt receipt;
	struct fixture f = {0};

	if (!open_store(&f, "conditions.db"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_NUMBER(put_if(&f, "a", rows[i].version, rows[i].absent, &receipt), rows[i].code);
		CHECK_NUMBER(receipt.existed, rows[i].existed);
		CHECK_TEXT(receipt.before.text, rows[i].before);
		CHECK_TEXT(receipt.made.text, rows[i].made);
	}
	teardown(&f);
}

static void
test_labels(void)
{
	static const struct mortise_pair pairs[] = {{"team", "ads"}, {"empty", ""}};
	struct mortise_secret *value _cleanup_(secret_cleanup) = secret_from("v", 1);
	struct mortise_secret_put put = {.size = sizeof(put), .value = value, .labels = pairs,
	    .labels_count = ARRAY_SIZE(pairs)};
	struct mortise_receipt receipt = {.size = sizeof(receipt)};
	struct fixture f = {0};

	if (!open_store(&f, "labels.db"))
		return;
	CHECK_NUMBER(put_text(&f, "a", "v"), MORTISE_OK);
	CHECK_HISTORY(&f, "a", "2 ");
	CHECK_NUMBER(backend_put(f.backend, &f.call, "a", &put, &receipt), MORTISE_OK);
	CHECK_HISTORY(&f, "a", "team=ads empty= 3 2 ");
	CHECK_NUMBER_AS(put_text(&f, "a", "w"), MORTISE_OK, "a put without labels leaves them");
	CHECK_HISTORY(&f, "a", "team=ads empty= 4 3 2 ");
	put.labels_count = 0;
	CHECK_NUMBER(backend_put(f.backend, &f.call, "a", &put, &receipt), MORTISE_OK);
	CHECK_HISTORY(&f, "a", "5 4 3 2 ");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	teardown(&f);
}

/* --- undo ---------------------- */

static enum mortise_code
undo(struct fixture *fixture, const struct mortise_receipt *receipt, const char *written)
{
	struct mortise_secret *value _cleanup_(secret_cleanup) = secret_from(written,
	    strlen(written));

	return backend_undo(fixture->backend, &fixture->call, "a", receipt, value);
}

static void
test_undo(void)
{
	struct mortise_receipt first, second, third;
	char text[TEXT_SIZE];
	struct fixture f = {0};

	if (!open_store(&f, "undo.db"))
		return;
	CHECK_NUMBER(put_bytes(&f, "a", "one", 3, &first), MORTISE_OK);
	CHECK_NUMBER(undo(&f, &first, "one"), MORTISE_OK);
	CHECK_TEXT_AS(get_text(&f, "a", NULL, text), "not_found", "as before the first put");
	CHECK_HISTORY(&f, "a", "not_found");
	CHECK_NUMBER(undo(&f, &first, "one"), MORTISE_CONFLICT);
	CHECK_NUMBER(f.error.reason, MORTISE_REASON_SUPERSEDED);
	CHECK_NUMBER(put_bytes(&f, "a", "one", 3, &first), MORTISE_OK);
	CHECK_NUMBER(put_bytes(&f, "a", "two", 3, &second), MORTISE_OK);
	CHECK_NUMBER_AS(undo(&f, &first, "one"), MORTISE_CONFLICT, "somebody wrote later");
	CHECK_NUMBER(f.error.reason, MORTISE_REASON_SUPERSEDED);
	CHECK_TEXT(get_text(&f, "a", NULL, text), "two");
	CHECK_NUMBER(undo(&f, &second, "two"), MORTISE_OK);
	CHECK_TEXT(get_text(&f, "a", NULL, text), "one");
	CHECK_NUMBER(put_bytes(&f, "a", "three", 5, &third), MORTISE_OK);
	CHECK_AS(strcmp(third.made.text, second.made.text) != 0, "no version comes back");
	CHECK_NUMBER(backend_check(f.backend, &f.call), MORTISE_OK);
	teardown(&f);
}

/* The receipt does not say which version was made. */
static void
test_undo_in_doubt(void)
{
	static const struct {
		const char *name;
		bool keep_key, keep_before, other_key;
		const char *written, *answer;
	} rows[] = {
		{"its idempotency key", true, true, false, "other", "one"},
		{"another key, though the bytes are the same", true, true, true, "two", "two"},
		{"its bytes, without a key", false, true, false, "two", "one"},
		{"other bytes, without a key", false, true, false, "other", "two"},
		{"its bytes alone", false, false, false, "two", "one"},
	};
	struct mortise_receipt first, second;
	char text[TEXT_SIZE];
	struct fixture f = {0};

	if (!open_store(&f, "doubt.db"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_NUMBER(put_bytes(&f, "a", "one", 3, &first), MORTISE_OK);
		CHECK_NUMBER(put_bytes(&f, "a", "two", 3, &second), MORTISE_OK);
		second.made.text[0] = '\0';
		if (!rows[i].keep_key)
			second.idempotency_key[0] = '\0';
		if (!rows[i].keep_before)
			second.before.text[0] = '\0';
		if (rows[i].other_key)
			second.idempotency_key[0] = second.idempotency_key[0] == '0' ? '1' : '0';
		(void)undo(&f, &second, rows[i].written);
		CHECK_TEXT_AS(get_text(&f, "a", NULL, text), rows[i].answer, rows[i].name);
	}
	/* A put of the same bytes that never arrived. */
	CHECK_NUMBER(put_bytes(&f, "a", "one", 3, &first), MORTISE_OK);
	second = (struct mortise_receipt){.size = sizeof(second), .existed = 1,
	    .before = first.made};
	CHECK_NUMBER(undo(&f, &second, "one"), MORTISE_CONFLICT);
	CHECK_TEXT_AS(get_text(&f, "a", NULL, text), "one", "the version before is not ours");
	teardown(&f);
}

/* --- list ---------------------- */

#define MANY 600

static void
test_list(void)
{
	struct buffer list = {0};
	struct mortise_out out = {.name = append_name, .arg = &list};
	char name[32];
	struct fixture f = {0};
	size_t count = 0;

	if (!open_store(&f, "list.db"))
		return;
	CHECK_NUMBER_AS(backend_list(f.backend, &f.call, "", &out), MORTISE_OK, "nothing is ok");
	CHECK(list.data == NULL);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "many/%d", i);
		if (put_text(&f, name, "v") == MORTISE_OK)
			count++;
	}
	CHECK_NUMBER(count, MANY);
	CHECK_NUMBER(put_text(&f, "few/2", "v"), MORTISE_OK);
	CHECK_NUMBER(put_text(&f, "few/1", "v"), MORTISE_OK);
	CHECK_NUMBER(put_text(&f, "fewer", "v"), MORTISE_OK);
	CHECK_NUMBER(backend_list(f.backend, &f.call, "few/", &out), MORTISE_OK);
	CHECK_TEXT(list.data, "few/2 few/1 ");
	buffer_free(&list);
	CHECK_NUMBER(backend_list(f.backend, &f.call, "many/", &out), MORTISE_OK);
	count = 0;
	for (const char *p = list.data; (p = strchr(p, ' ')) != NULL; p++)
		count++;
	CHECK_NUMBER_AS(count, MANY, "over several pages each name comes once");
	buffer_free(&list);
	teardown(&f);
}

int
main(void)
{
	if (!local_begin())
		return test_end();
	test_round_trips();
	test_versions();
	test_odd_versions();
	test_delete();
	test_conditions();
	test_labels();
	test_undo();
	test_undo_in_doubt();
	test_list();
	return local_end();
}
