/* SPDX-License-Identifier: BSD-2-Clause */
#include "local.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#define PROGRESS_STEPS 4096		/* of SQLite's machine, between two looks at the clock */
#define PAUSE_NS 1000000L

/* --- waiting ------------------------------------------------------------------- */

static bool
time_is_up(const struct store *store)
{
	return store->call == NULL || store->host->left_ms(store->call) == 0;
}

/* Another process has the lock: again, until the deadline. */
static int
wait_for_lock(void *arg, int count)
{
	const struct timespec pause = {.tv_nsec = count < 10 ? PAUSE_NS : 5 * PAUSE_NS};

	if (time_is_up(arg))
		return 0;
	(void)nanosleep(&pause, NULL);
	return 1;
}

static int
interrupt_late(void *arg)
{
	const struct store *store = arg;

	return !store->committing && store->call != NULL && time_is_up(store);
}

/* --- transactions -------------------------------------------------------------- */

enum mortise_code
store_run(struct store *store, const char *sql)
{
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? MORTISE_OK :
	    sql_fail(store);
}

/* The statements of transactions give no rows. */
static enum mortise_code
step(struct store *store, enum statement which)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	enum mortise_code code = sql_get(store, which, &statement);
	bool row;

	return code == MORTISE_OK ? sql_step(store, statement, &row) : code;
}

static enum mortise_code
begin(struct store *store, bool write)
{
	enum mortise_code code;

	store->writing = write;
	code = step(store, write ? SQL_BEGIN_WRITE : SQL_BEGIN);
	if (code != MORTISE_OK)
		store->writing = false;
	return code;
}

enum mortise_code
store_begin(struct store *store, bool write)
{
	enum mortise_code code = begin(store, write);

	if (code != MORTISE_OK)
		return code;
	code = header_load(store);
	if (code != MORTISE_OK)
		store_abort(store);
	return code;
}

void
store_abort(struct store *store)
{
	/* SQLite may have rolled back by itself. */
	if (sqlite3_get_autocommit(store->db) == 0)
		(void)step(store, SQL_ROLLBACK);
	/* The sum may hold what was not written: it is read again. */
	if (store->writing)
		OPENSSL_cleanse(&store->header, sizeof(store->header));
	store->writing = store->committing = false;
}

static enum mortise_code
commit(struct store *store, enum statement save)
{
	enum mortise_code code;

	store->header.generation = store_next(store);
	code = header_save(store, save);
	if (code == MORTISE_OK) {
		store->committing = true;
		code = step(store, SQL_COMMIT);
	}
	if (code != MORTISE_OK) {
		store_abort(store);
		return code;
	}
	store->writing = store->committing = false;
	store->seen = store->header.generation;
	return MORTISE_OK;
}

enum mortise_code
store_commit(struct store *store)
{
	enum mortise_code code = commit(store, SQL_HEADER_UPDATE);

	if (code == MORTISE_OK)
		store->host->note_generation(store->call, store->id_text,
		    (uint64_t)store->header.generation);
	return code;
}

enum mortise_code
store_end(struct store *store, enum mortise_code code)
{
	if (code == MORTISE_OK)
		return store_commit(store);
	store_abort(store);
	return code;
}

int64_t
store_next(const struct store *store)
{
	return store->header.generation + 1;
}

void
store_checkpoint(struct store *store)
{
	if (sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) !=
	    SQLITE_OK)
		store->host->log(store->call, MORTISE_LOG_WARNING,
		    "%s-wal could not be emptied (%s) and holds sealed bytes of what was deleted "
		    "until a later write", store->path, sqlite3_errmsg(store->db));
}

/* --- what the file is ---------------------------------------------------------- */

static enum mortise_code
read_number(struct store *store, const char *sql, int64_t *number)
{
	sqlite3_stmt *statement = NULL;
	enum mortise_code code = MORTISE_OK;
	bool row = false;

	if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK)
		code = sql_fail(store);
	else
		code = sql_step(store, statement, &row);
	if (code == MORTISE_OK)
		*number = row ? sqlite3_column_int64(statement, 0) : 0;
	(void)sqlite3_finalize(statement);
	return code;
}

/* ok: it is a store, or *empty.  In a transaction: others may be making it. */
static enum mortise_code
identify(struct store *store, bool *empty)
{
	const struct mortise_host *host = store->host;
	int64_t application = 0, format = 0, tables = 0;
	enum mortise_code code = read_number(store, "PRAGMA application_id", &application);

	if (code == MORTISE_OK)
		code = read_number(store, "PRAGMA user_version", &format);
	if (code == MORTISE_OK)
		code = read_number(store, "SELECT count(*) FROM sqlite_schema", &tables);
	if (code != MORTISE_OK)
		return code;
	*empty = application == 0 && format == 0 && tables == 0;
	if (*empty)
		return MORTISE_OK;
	if (application != APPLICATION_ID)
		return host->option_fail(store->call, store->options, "path",
		    "%s is a database of another program (application id 0x%08llx); give the path "
		    "of a store, or of none", store->path, (unsigned long long)application);
	if (format > FORMAT)
		return host->fail(store->call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s is of format %lld, and this program knows format %d; upgrade Mortise",
		    store->path, (long long)format, FORMAT);
	return format == FORMAT ? MORTISE_OK : fail_damaged(store, "its format number is none");
}

/* --- a new store --------------------------------------------------------------- */

/* The file is locked: nobody else makes it meanwhile, or else it is made already. */
static enum mortise_code
fill(struct store *store)
{
	enum mortise_code code;
	bool empty = true;

	code = identify(store, &empty);
	if (code != MORTISE_OK || !empty)
		return code;
	if (RAND_bytes(store->id, sizeof(store->id)) != 1)
		return fail_crypto(store);
	code = store_run(store, sql_schema);
	if (code == MORTISE_OK)
		code = keys_create(store);
	return code == MORTISE_OK ? commit(store, SQL_HEADER_INSERT) : code;
}

static enum mortise_code
create(struct store *store)
{
	enum mortise_code code = begin(store, true);

	if (code != MORTISE_OK)
		return code;
	code = fill(store);
	if (sqlite3_get_autocommit(store->db) == 0)
		store_abort(store);
	/* What was made is read like any other. */
	store->seen = 0;
	OPENSSL_cleanse(&store->header, sizeof(store->header));
	return code;
}

/* --- connection ---------------------------------------------------------------- */

/* One try to switch the file over, if it is not yet; what SQLite said. */
static int
try_log(struct store *store, bool *good)
{
	sqlite3_stmt *statement = NULL;
	int said = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
	const unsigned char *mode;

	if (said == SQLITE_OK)
		said = sqlite3_step(statement);
	mode = said == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
	*good = mode != NULL && strcmp((const char *)mode, "wal") == 0;
	(void)sqlite3_finalize(statement);
	return said;
}

/* For this statement SQLite does not ask the busy handler. */
static enum mortise_code
use_log(struct store *store)
{
	bool good = false;
	int said = try_log(store, &good);

	for (int i = 0; (said & 0xff) == SQLITE_BUSY && wait_for_lock(store, i) != 0; i++)
		said = try_log(store, &good);
	if (good)
		return MORTISE_OK;
	if (said != SQLITE_ROW)
		return sql_fail(store);
	return store->host->fail(store->call, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "%s: no write-ahead log here; put it on a file system with shared memory",
	    store->path);
}

/* The schema is not under the MAC: it may bring no code along. */
static enum mortise_code
configure(struct store *store)
{
	(void)sqlite3_extended_result_codes(store->db, 1);
	(void)sqlite3_busy_handler(store->db, wait_for_lock, store);
	sqlite3_progress_handler(store->db, PROGRESS_STEPS, interrupt_late, store);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	return store_run(store, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
	    "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY");
}

enum mortise_code
store_connect(struct store *store, bool noted)
{
	enum mortise_code code;
	bool empty = false;

	if (sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
	    SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK)
		return store->db == NULL ? fail_memory(store) : sql_fail(store);
	code = configure(store);
	if (code == MORTISE_OK)
		code = begin(store, false);
	if (code == MORTISE_OK)
		code = identify(store, &empty);
	if (code != MORTISE_OK && (sqlite3_errcode(store->db) & 0xff) == SQLITE_NOTADB)
		return store->host->option_fail(store->call, store->options, "path",
		    "%s is no store, but some other file; give the path of a store, or of none",
		    store->path);
	store_abort(store);
	if (code == MORTISE_OK && empty && noted)
		return fail_gone(store);
	if (code == MORTISE_OK)
		code = use_log(store);
	return code == MORTISE_OK && empty ? create(store) : code;
}

enum mortise_code
store_connect_copy(struct store *store)
{
	enum mortise_code code;
	bool empty = false;

	if (sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX |
	    SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK)
		return store->db == NULL ? fail_memory(store) : sql_fail(store);
	code = configure(store);
	if (code == MORTISE_OK)
		code = begin(store, false);
	if (code == MORTISE_OK)
		code = identify(store, &empty);
	store_abort(store);
	if (code == MORTISE_OK && empty)
		code = store->host->fail(store->call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "%s is empty; give a file that `backup` made", store->path);
	return code;
}

void
store_disconnect(struct store *store)
{
	sql_finalize(store);
	(void)sqlite3_close(store->db);
	store->db = NULL;
}
