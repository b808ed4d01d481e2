/* SPDX-License-Identifier: BSD-2-Clause */
#include "local.h"

#include <limits.h>
#include <openssl/err.h>
#include <string.h>

/*
 * Each table's columns but its id, in the order in which a row is summed.  The
 * order and the types are the format's: doc/file-formats.md.
 */
#define SLOT_COLUMNS "slot, epoch, type, log_n, salt, wrapped"
#define NAME_COLUMNS "tag, changed, sealed"
#define VERSION_COLUMNS "tag, version, created, key, sealed"
#define STATE_COLUMNS "tag, version, made, ends, made_boot, boot, place, due, owner, fence, " \
	"lease_made, lease_ends, lease_made_boot, lease_boot, sealed"

const char *const sql_schema =
	"CREATE TABLE header (one INTEGER PRIMARY KEY CHECK (one = 1), store BLOB NOT NULL,"
	" epoch INTEGER NOT NULL, generation INTEGER NOT NULL, count INTEGER NOT NULL,"
	" sealed BLOB NOT NULL) STRICT;"
	"CREATE TABLE slots (id INTEGER PRIMARY KEY, slot INTEGER NOT NULL,"
	" epoch INTEGER NOT NULL, type INTEGER NOT NULL, log_n INTEGER, salt BLOB NOT NULL,"
	" wrapped BLOB NOT NULL, UNIQUE (epoch, slot)) STRICT;"
	"CREATE TABLE names (id INTEGER PRIMARY KEY, tag BLOB NOT NULL UNIQUE,"
	" changed INTEGER NOT NULL, sealed BLOB NOT NULL) STRICT;"
	"CREATE TABLE versions (id INTEGER PRIMARY KEY, tag BLOB NOT NULL,"
	" version INTEGER NOT NULL, created INTEGER NOT NULL, key BLOB, sealed BLOB NOT NULL,"
	" UNIQUE (tag, version)) STRICT;"
	"CREATE TABLE state (id INTEGER PRIMARY KEY, tag BLOB NOT NULL UNIQUE,"
	" version INTEGER NOT NULL, made INTEGER NOT NULL, ends INTEGER,"
	" made_boot INTEGER NOT NULL, boot BLOB NOT NULL, place BLOB, due INTEGER NOT NULL,"
	" owner BLOB, fence INTEGER NOT NULL, lease_made INTEGER NOT NULL, lease_ends INTEGER,"
	" lease_made_boot INTEGER NOT NULL, lease_boot BLOB NOT NULL, sealed BLOB NOT NULL) STRICT;"
	"CREATE INDEX state_due ON state (place, due) WHERE place IS NOT NULL;"
	"CREATE INDEX state_ends ON state (ends) WHERE ends IS NOT NULL;"
	"PRAGMA application_id = 0x4d525453;"
	"PRAGMA user_version = 1;";

static const char *const texts[SQL_STATEMENTS] = {
	[SQL_BEGIN] = "BEGIN",
	[SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_HEADER] = "SELECT store, epoch, generation, count, sealed FROM header",
	[SQL_HEADER_INSERT] = "INSERT INTO header VALUES (1, ?1, ?2, ?3, ?4, ?5)",
	[SQL_HEADER_UPDATE] = "UPDATE header SET store = ?1, epoch = ?2, generation = ?3,"
	    " count = ?4, sealed = ?5",
	[SQL_SLOTS] = "SELECT " SLOT_COLUMNS " FROM slots WHERE epoch = ?1 ORDER BY slot",
	[SQL_SLOT_INSERT] = "INSERT INTO slots (" SLOT_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
	    " RETURNING " SLOT_COLUMNS,
	[SQL_SLOT_DELETE] = "DELETE FROM slots WHERE slot = ?1 AND epoch = ?2"
	    " RETURNING " SLOT_COLUMNS,
	[SQL_CLEAR_SLOTS] = "DELETE FROM slots",
	[SQL_CLEAR_NAMES] = "DELETE FROM names",
	[SQL_CLEAR_VERSIONS] = "DELETE FROM versions",
	[SQL_CLEAR_STATE] = "DELETE FROM state",
	[SQL_NAME] = "SELECT " NAME_COLUMNS " FROM names WHERE tag = ?1",
	[SQL_NAMES] = "SELECT " NAME_COLUMNS ", id FROM names WHERE id > ?1 ORDER BY id LIMIT ?2",
	[SQL_NAME_INSERT] = "INSERT INTO names (" NAME_COLUMNS ") VALUES (?1, ?2, ?3)"
	    " RETURNING " NAME_COLUMNS,
	[SQL_NAME_DELETE] = "DELETE FROM names WHERE tag = ?1 RETURNING " NAME_COLUMNS,
	[SQL_VERSION] = "SELECT " VERSION_COLUMNS " FROM versions WHERE tag = ?1"
	    " AND (?2 = 0 OR version = ?2) ORDER BY version DESC LIMIT 1",
	[SQL_VERSIONS] = "SELECT " VERSION_COLUMNS " FROM versions WHERE tag = ?1"
	    " ORDER BY version DESC",
	[SQL_VERSION_INSERT] = "INSERT INTO versions (" VERSION_COLUMNS ")"
	    " VALUES (?1, ?2, ?3, ?4, ?5) RETURNING " VERSION_COLUMNS,
	[SQL_VERSION_DELETE] = "DELETE FROM versions WHERE tag = ?1 AND version = ?2"
	    " RETURNING " VERSION_COLUMNS,
	[SQL_VERSIONS_DELETE] = "DELETE FROM versions WHERE tag = ?1 RETURNING " VERSION_COLUMNS,
	[SQL_PRUNE] = "DELETE FROM versions WHERE tag = ?1 AND version <= (SELECT version"
	    " FROM versions WHERE tag = ?1 ORDER BY version DESC LIMIT 1 OFFSET ?2)"
	    " RETURNING " VERSION_COLUMNS,
	[SQL_STATE] = "SELECT " STATE_COLUMNS " FROM state WHERE tag = ?1",
	[SQL_STATES] = "SELECT " STATE_COLUMNS ", id FROM state WHERE id > ?1 ORDER BY id LIMIT ?2",
	[SQL_STATE_DUE] = "SELECT " STATE_COLUMNS " FROM state WHERE place = ?1 AND due <= ?2"
	    " ORDER BY due, id",
	[SQL_STATE_INSERT] = "INSERT INTO state (" STATE_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5,"
	    " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) RETURNING " STATE_COLUMNS,
	[SQL_STATE_LEASE] = "UPDATE state SET owner = ?2, fence = ?3, lease_made = ?4,"
	    " lease_ends = ?5, lease_made_boot = ?6, lease_boot = ?7 WHERE tag = ?1"
	    " RETURNING " STATE_COLUMNS,
	[SQL_STATE_DELETE] = "DELETE FROM state WHERE tag = ?1 RETURNING " STATE_COLUMNS,
	/* A few at a time, so that no write pays for many. */
	[SQL_STATE_EXPIRE] = "DELETE FROM state WHERE id IN (SELECT id FROM state"
	    " WHERE ends <= ?1 LIMIT 16) RETURNING " STATE_COLUMNS,
	[SQL_NAME_RESEAL] = "UPDATE names SET tag = ?2, sealed = ?3 WHERE tag = ?1"
	    " RETURNING " NAME_COLUMNS,
	[SQL_VERSION_RESEAL] = "UPDATE versions SET tag = ?2, sealed = ?3 WHERE tag = ?1"
	    " AND version = ?4 RETURNING " VERSION_COLUMNS,
	[SQL_STATE_RESEAL] = "UPDATE state SET tag = ?2, sealed = ?3 WHERE tag = ?1"
	    " RETURNING " STATE_COLUMNS,
	[SQL_ALL_SLOTS] = "SELECT " SLOT_COLUMNS " FROM slots NOT INDEXED",
	[SQL_ALL_NAMES] = "SELECT " NAME_COLUMNS " FROM names NOT INDEXED",
	[SQL_ALL_VERSIONS] = "SELECT " VERSION_COLUMNS " FROM versions NOT INDEXED",
	[SQL_ALL_STATE] = "SELECT " STATE_COLUMNS " FROM state NOT INDEXED",
};

enum mortise_code
sql_get(struct store *store, enum statement which, sqlite3_stmt **statement)
{
	if (store->statements[which] == NULL && sqlite3_prepare_v3(store->db, texts[which], -1,
	    SQLITE_PREPARE_PERSISTENT, &store->statements[which], NULL) != SQLITE_OK)
		return sql_fail(store);
	*statement = store->statements[which];
	return MORTISE_OK;
}

void
sql_reset(sqlite3_stmt **statement)
{
	(void)sqlite3_reset(*statement);
	if (*statement != NULL)
		(void)sqlite3_clear_bindings(*statement);
}

enum mortise_code
sql_step(struct store *store, sqlite3_stmt *statement, bool *row)
{
	int said = sqlite3_step(statement);

	if (said != SQLITE_ROW && said != SQLITE_DONE)
		return sql_fail(store);
	*row = said == SQLITE_ROW;
	return MORTISE_OK;
}

/* The bytes must live until the statement is reset; NULL binds NULL. */
void
sql_bind(sqlite3_stmt *statement, int number, const void *bytes, size_t size)
{
	(void)sqlite3_bind_blob64(statement, number, bytes, size, SQLITE_STATIC);
}

const unsigned char *
sql_blob(sqlite3_stmt *statement, int column, size_t *size)
{
	const unsigned char *bytes;

	if (sqlite3_column_type(statement, column) != SQLITE_BLOB)
		return NULL;
	bytes = sqlite3_column_blob(statement, column);
	*size = (size_t)sqlite3_column_bytes(statement, column);
	return bytes;
}

const unsigned char *
sql_bytes(sqlite3_stmt *statement, int column, size_t size)
{
	size_t found = 0;
	const unsigned char *bytes = sql_blob(statement, column, &found);

	return found == size ? bytes : NULL;
}

void
sql_finalize(struct store *store)
{
	for (size_t i = 0; i < ARRAY_SIZE(store->statements); i++) {
		(void)sqlite3_finalize(store->statements[i]);
		store->statements[i] = NULL;
	}
}

/* --- errors -------------------------------------------------------------------- */

enum mortise_code
fail_damaged(struct store *store, const char *what)
{
	return store->host->fail(store->call, MORTISE_ERROR, MORTISE_REASON_DIFFERENCE,
	    "%s: %s; keep a copy of the file, and put the newest backup back", store->path, what);
}

enum mortise_code
fail_memory(struct store *store)
{
	return store->host->fail(store->call, store->committing ? MORTISE_ERROR :
	    MORTISE_UNAVAILABLE, MORTISE_REASON_NONE, "out of memory");
}

enum mortise_code
fail_crypto(struct store *store)
{
	/* Else a program that uses libssl in this thread would take it for its own. */
	ERR_clear_error();
	return store->host->fail(store->call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
	    "libcrypto refused; AES-256-GCM, HKDF, HMAC and SHA-256 must be allowed by its "
	    "configuration");
}

/*
 * Before the commit nothing has happened, and unavailable says so; what fails in
 * the commit itself may be in the log and come back: error.
 */
enum mortise_code
sql_fail(struct store *store)
{
	const struct mortise_host *host = store->host;
	enum mortise_code none = store->committing ? MORTISE_ERROR : MORTISE_UNAVAILABLE;

	switch (sqlite3_errcode(store->db) & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return host->fail(store->call, none, MORTISE_REASON_NONE,
		    "another process held %s until the deadline; try again", store->path);
	case SQLITE_INTERRUPT:
		return host->fail(store->call, store->writing ? none : MORTISE_TIMEOUT,
		    MORTISE_REASON_NONE, "%s did not answer by the deadline; raise it", store->path);
	case SQLITE_FULL:
		return host->fail(store->call, none, MORTISE_REASON_NONE,
		    "the disk of %s is full; make room", store->path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fail_damaged(store, "SQLite finds the file damaged");
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return host->fail(store->call, store->committing ? MORTISE_ERROR : MORTISE_DENIED,
		    MORTISE_REASON_NONE, "%s: %s; its directory, its -wal and its -shm must be "
		    "writable for this user too", store->path, sqlite3_errmsg(store->db));
	case SQLITE_NOMEM:
		return fail_memory(store);
	case SQLITE_IOERR:
		return host->fail(store->call, MORTISE_ERROR, MORTISE_REASON_NONE, "%s: %s (%s)",
		    store->path, sqlite3_errmsg(store->db),
		    strerror(sqlite3_system_errno(store->db)));
	case SQLITE_ERROR:
		return host->fail(store->call, MORTISE_ERROR, MORTISE_REASON_DIFFERENCE,
		    "%s: %s; its tables are not those of a store: put the newest backup back",
		    store->path, sqlite3_errmsg(store->db));
	default:
		return host->fail(store->call, MORTISE_ERROR, MORTISE_REASON_NONE, "%s: %s",
		    store->path, sqlite3_errmsg(store->db));
	}
}
