/* SPDX-License-Identifier: BSD-2-Clause */
/* backup and restore. */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGES_AT_ONCE 1024

static enum mortise_code
fail_file(struct store *store, const char *path, const char *what)
{
	return store->host->fail(store->call, MORTISE_ERROR, MORTISE_REASON_NONE, "%s: %s", path,
	    what);
}

/* --- backup ------------------------------------------------------------------------ */

/* In a transaction that reads: what is copied is what its header says. */
static enum mortise_code
copy_pages(struct store *store, const char *path, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", store->db, "main");
	int said = SQLITE_OK;

	while (backup != NULL && said == SQLITE_OK && store->host->left_ms(store->call) > 0)
		said = sqlite3_backup_step(backup, PAGES_AT_ONCE);
	(void)sqlite3_backup_finish(backup);
	if (backup != NULL && said == SQLITE_OK)
		return store->host->fail(store->call, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
		    "%s was not written by the deadline; raise it", path);
	/* A copy is one file: it has no log of its own. */
	if (said != SQLITE_DONE || sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL,
	    NULL) != SQLITE_OK)
		return fail_file(store, path, sqlite3_errmsg(to));
	return MORTISE_OK;
}

static enum mortise_code
write_copy(struct store *store, const char *path)
{
	sqlite3 *to = NULL;
	enum mortise_code code;

	if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
	    SQLITE_OPEN_NOFOLLOW, NULL) == SQLITE_OK)
		code = copy_pages(store, path, to);
	else
		code = fail_file(store, path, to == NULL ? "out of memory" : sqlite3_errmsg(to));
	(void)sqlite3_close(to);
	return code;
}

/* A descriptor of the path, on the disk with all that was written. */
static bool
sync_path(const char *path, int flags)
{
	int fd = open_again(path, flags | O_RDONLY | O_NOFOLLOW, 0);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		(void)close(fd);
	return good;
}

static bool
sync_copy(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
	bool good = directory != NULL && sync_path(path, 0) && sync_path(directory, O_DIRECTORY);

	free(directory);
	return good;
}

static enum mortise_code
make_copy(struct store *store, const char *path)
{
	int fd = open_again(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	enum mortise_code code;

	if (fd < 0 && errno == EEXIST)
		return store->host->fail(store->call, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "%s is there already; name a new file", path);
	if (fd < 0)
		return fail_file(store, path, strerror(errno));
	(void)close(fd);
	code = write_copy(store, path);
	if (code == MORTISE_OK && !sync_copy(path))
		code = fail_file(store, path, strerror(errno));
	if (code != MORTISE_OK)
		(void)unlink(path);
	return code;
}

/* Of a store, its generation and rows, and a file's bytes. */
static enum mortise_code
give_copy(struct store *store, struct mortise_out *out, int64_t generation, int64_t rows,
    const char *path)
{
	struct stat status = {0};

	(void)stat(path, &status);
	const struct column columns[] = {
		{.name = "store", .text = store->id_text},
		{.name = "generation", .number = generation},
		{.name = "rows", .number = rows},
		{.name = "bytes", .number = (int64_t)status.st_size},
	};

	return give_row(store, out, columns, ARRAY_SIZE(columns));
}

enum mortise_code
command_backup(void *instance, struct mortise_call *call, const struct mortise_options *options,
    struct mortise_out *out)
{
	struct store *store = instance;
	const char *path = store->host->option_string(options, "file");
	struct counts counts;
	enum mortise_code code;

	store->call = call;
	code = store_begin(store, false);
	if (code != MORTISE_OK)
		return code;
	/* A copy of damaged rows would take the place of a good one. */
	code = walk_rows(store, &counts);
	if (code == MORTISE_OK)
		code = make_copy(store, path);
	if (code == MORTISE_OK)
		code = give_copy(store, out, store->header.generation, store->header.sum.rows, path);
	store_abort(store);
	return code;
}

/* --- restore ----------------------------------------------------------------------- */

static const struct {
	enum statement clear, all, insert;
	enum table table;
} tables[TABLES] = {
	{SQL_CLEAR_SLOTS, SQL_ALL_SLOTS, SQL_SLOT_INSERT, TABLE_SLOTS},
	{SQL_CLEAR_NAMES, SQL_ALL_NAMES, SQL_NAME_INSERT, TABLE_NAMES},
	{SQL_CLEAR_VERSIONS, SQL_ALL_VERSIONS, SQL_VERSION_INSERT, TABLE_VERSIONS},
	{SQL_CLEAR_STATE, SQL_ALL_STATE, SQL_STATE_INSERT, TABLE_STATE},
};

static enum mortise_code
clear_table(struct store *store, size_t number)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, tables[number].clear, &statement);
	bool row;

	return code == MORTISE_OK ? sql_step(store, statement, &row) : code;
}

static enum mortise_code
copy_row(struct store *store, sqlite3_stmt *from, size_t number)
{
	sqlite3_stmt *to _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, tables[number].insert, &to);

	if (code != MORTISE_OK)
		return code;
	for (int i = 0; i < sqlite3_column_count(from); i++)
		(void)sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
	return rows_added(store, to, tables[number].table);
}

static enum mortise_code
copy_table(struct store *store, struct store *copy, size_t number)
{
	sqlite3_stmt *from _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(copy, tables[number].all, &from);
	bool row = true;

	while (code == MORTISE_OK) {
		code = sql_step(copy, from, &row);
		if (code != MORTISE_OK || !row)
			break;
		code = copy_row(store, from, number);
	}
	return code;
}

/* The copy's root key seals the store from here on. */
static void
take_keys(struct store *store, struct store *copy)
{
	keys_forget(store);
	store->keys_memory = copy->keys_memory;
	store->keys = copy->keys;
	store->epoch = copy->epoch;
	copy->keys_memory = NULL;
	copy->keys = NULL;
	store->header.sum = (struct sum){0};
}

/* Its last generation is never that of other content again. */
static void
pass_generations(struct store *store, const struct store *copy)
{
	uint64_t noted = 0;
	char id[65];

	if (store->header.generation < copy->header.generation)
		store->header.generation = copy->header.generation;
	if (store->host->noted_generation(store->call, id, &noted) &&
	    strcmp(id, store->id_text) == 0 && (uint64_t)store->header.generation < noted)
		store->header.generation = (int64_t)noted;
}

/* In a transaction of each. */
static enum mortise_code
put_back(struct store *store, struct store *copy)
{
	struct sum sum = copy->header.sum;
	enum mortise_code code = MORTISE_OK;

	for (size_t i = 0; code == MORTISE_OK && i < TABLES; i++)
		code = clear_table(store, i);
	if (code != MORTISE_OK)
		return code;
	take_keys(store, copy);
	for (size_t i = 0; code == MORTISE_OK && i < TABLES; i++)
		code = copy_table(store, copy, i);
	if (code == MORTISE_OK && (sum.rows != store->header.sum.rows ||
	    memcmp(sum.hash, store->header.sum.hash, SUM_SIZE) != 0))
		code = fail_damaged(copy, "its rows are not those that were checked");
	if (code == MORTISE_OK)
		pass_generations(store, copy);
	return code;
}

/* The trail may know another store here than the one whose copy this is. */
static enum mortise_code
check_identity(struct store *store, const struct store *copy)
{
	uint64_t generation = 0;
	char noted[65];

	if (memcmp(store->id, copy->id, ID_SIZE) != 0)
		return store->host->fail(store->call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "%s is a copy of the store %s, and %s is the store %s; give a copy of this one",
		    copy->path, copy->id_text, store->path, store->id_text);
	if (store->host->noted_generation(store->call, noted, &generation) && noted[0] != '\0' &&
	    strcmp(noted, copy->id_text) != 0)
		return store->host->fail(store->call, MORTISE_INVALID, MORTISE_REASON_ROLLBACK,
		    "%s is a copy of the store %s, and the trail knows %s here; give a copy of that "
		    "one, or accept another store first (--accept-rollback)", copy->path,
		    copy->id_text, noted);
	return MORTISE_OK;
}

static enum mortise_code
replace(struct store *store, struct store *copy)
{
	enum mortise_code code = check_identity(store, copy);

	if (code == MORTISE_OK)
		code = store_begin(store, true);
	if (code != MORTISE_OK)
		return code;
	code = store_end(store, put_back(store, copy));
	/* Which keys are right is read from the header again. */
	if (code != MORTISE_OK)
		keys_forget(store);
	else
		store_checkpoint(store);
	return code;
}

/* Where there is no file: the copy's own pages, whole or not at all. */
static enum mortise_code
place(struct store *store, struct store *copy)
{
	size_t size = strlen(store->path) + sizeof(".restoring");
	char *temporary = malloc(size);
	enum mortise_code code;

	if (temporary == NULL)
		return fail_memory(store);
	(void)snprintf(temporary, size, "%s.restoring", store->path);
	(void)unlink(temporary);
	code = make_copy(copy, temporary);
	if (code == MORTISE_OK && (link(temporary, store->path) < 0 || !sync_copy(store->path)))
		code = fail_file(store, store->path, strerror(errno));
	(void)unlink(temporary);
	free(temporary);
	return code;
}

/* Opens what the copy is put back into, however old that is. */
static enum mortise_code
open_target(struct store *store, struct store *copy)
{
	bool there = false;
	enum mortise_code code = file_find(store, &there);

	if (code == MORTISE_OK && !there)
		code = place(store, copy);
	if (code != MORTISE_OK)
		return code;
	code = store_connect(store, true);
	if (code == MORTISE_OK)
		code = store_unlock(store);
	if (code == MORTISE_OK || code == MORTISE_UNAVAILABLE || code == MORTISE_TIMEOUT)
		return code;
	return store->host->fail(store->call, code, MORTISE_REASON_NONE,
	    "%s is there, and does not open with the key of its backend; move it away with its -wal "
	    "and -shm, and restore again", store->path);
}

static enum mortise_code
restore(struct store *store, struct store *copy, struct mortise_out *out)
{
	struct counts counts;
	enum mortise_code code = store_begin(copy, false);

	if (code != MORTISE_OK)
		return code;
	code = walk_rows(copy, &counts);
	if (code == MORTISE_OK)
		code = open_target(store, copy);
	if (code == MORTISE_OK)
		code = replace(store, copy);
	store_abort(copy);
	return code == MORTISE_OK ? give_copy(store, out, store->header.generation,
	    store->header.sum.rows, store->path) : code;
}

/* Unopened: what open refuses is what needs it most. */
enum mortise_code
command_restore(void *none, struct mortise_call *call, const struct mortise_options *options,
    struct mortise_out *out)
{
	struct store *copy = store_new(call, NULL);
	struct store *store = copy == NULL ? NULL : store_new(call, NULL);
	enum mortise_code code = MORTISE_UNAVAILABLE;

	(void)none;
	if (store != NULL) {
		copy->options = store->options = store->host->backend_options(call);
		copy->path = strdup(store->host->option_string(options, "file"));
		code = copy->path == NULL ? fail_memory(store) : store_connect_copy(copy);
		if (code == MORTISE_OK)
			code = store_unlock(copy);
		if (code == MORTISE_OK)
			code = restore(store, copy, out);
	}
	store_free(store);
	store_free(copy);
	return code;
}
