/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * local: secrets and state in one encrypted SQLite file.  doc/file-formats.md
 * is the format, mortise-local(5) the manual.  Called by the core alone,
 * through the descriptor in plugin.c.
 *
 *   plugin.c  descriptor, open, close	secrets.c  get, put, delete
 *   file.c    the file, its place	history.c  list, describe, undo
 *   store.c   connection, transactions	state.c    state records
 *   sql.c     schema, statements	lease.c    claim, extend, release
 *   rows.c    header, sum over rows	clock.c    TTLs and leases
 *   keys.c    slots open and wrap	walk.c     check of all rows
 *   seal.c    sealed bytes and tags	commands.c verify, compact, upgrade
 *   slots.c   keys, add-, remove-key	rekey.c    another root key
 *   copy.c    backup, restore
 *
 * An instance is serial: one connection, one operation at a time.  Functions
 * fail by host->fail for store->call, and set results on ok only.
 */
#ifndef LOCAL_H
#define LOCAL_H

#include <mortise/plugin.h>
#include <openssl/types.h>
#include <sqlite3.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define APPLICATION_ID 0x4d525453	/* "MRTS" */
#define FORMAT 1			/* user_version */

#define ID_SIZE 16
#define BOOT_SIZE 16
#define KEY_SIZE 32
#define NONCE_SIZE 12
#define TAG_SIZE 32			/* an HMAC by which something is found */
#define SUM_SIZE 32
#define SALT_SIZE 16
#define GCM_TAG_SIZE 16
#define SEAL_OVERHEAD (SALT_SIZE + GCM_TAG_SIZE)
#define WRAPPED_SIZE (KEY_SIZE + GCM_TAG_SIZE)
#define SCRYPT_LOG_N 17			/* of new slots: 128 MiB, a third of a second */

/* --- the instance ------------------------------------------------------------- */

enum statement {
	SQL_BEGIN, SQL_BEGIN_WRITE, SQL_COMMIT, SQL_ROLLBACK,
	SQL_HEADER, SQL_HEADER_INSERT, SQL_HEADER_UPDATE,
	SQL_SLOTS, SQL_SLOT_INSERT, SQL_SLOT_DELETE, SQL_CLEAR_SLOTS, SQL_CLEAR_NAMES,
	SQL_CLEAR_VERSIONS, SQL_CLEAR_STATE,
	SQL_NAME, SQL_NAMES, SQL_NAME_INSERT, SQL_NAME_DELETE,
	SQL_VERSION, SQL_VERSIONS, SQL_VERSION_INSERT, SQL_VERSION_DELETE, SQL_VERSIONS_DELETE,
	SQL_PRUNE,
	SQL_STATE, SQL_STATES, SQL_STATE_DUE, SQL_STATE_INSERT, SQL_STATE_LEASE,
	SQL_STATE_DELETE, SQL_STATE_EXPIRE, SQL_NAME_RESEAL, SQL_VERSION_RESEAL, SQL_STATE_RESEAL,
	SQL_ALL_SLOTS, SQL_ALL_NAMES, SQL_ALL_VERSIONS, SQL_ALL_STATE
};
#define SQL_STATEMENTS 38

/* What the store's root key gives; lives in the host's memory for secrets. */
struct keys {
	unsigned char root[KEY_SIZE];
	unsigned char tags[KEY_SIZE];	/* HMAC of names and keys */
	unsigned char kept[KEY_SIZE];	/* HMAC of the rest: tags key of the first epoch */
	unsigned char rows[KEY_SIZE];	/* HMAC of rows */
};

/* Which rows there are: their number, and the sum of their HMACs mod 2^256. */
struct sum {
	int64_t rows;
	unsigned char hash[SUM_SIZE];	/* big-endian */
};

struct header {
	int64_t generation;		/* rises by one with each commit */
	struct sum sum;
	unsigned char sealed[SUM_SIZE + SEAL_OVERHEAD];	/* the hash, bound to the rest */
};

struct store {
	const struct mortise_host *host;
	const struct mortise_options *options;
	struct mortise_call *call;	/* of the operation that runs; NULL: none */
	char *path;			/* without links */
	int64_t versions;		/* kept of each name */
	unsigned char boot[BOOT_SIZE];

	sqlite3 *db;
	sqlite3_stmt *statements[SQL_STATEMENTS];
	bool writing;			/* a write that was not committed: no effect yet */
	bool committing;		/* must not be interrupted */

	EVP_CIPHER *gcm;
	EVP_KDF *hkdf;
	EVP_MAC *hmac;
	EVP_MAC_CTX *mac;		/* HMAC-SHA256, begun anew with each key */
	struct mortise_secret *keys_memory;
	const struct keys *keys;	/* in there; NULL until the store is unlocked */
	int64_t epoch;			/* of these keys */

	unsigned char id[ID_SIZE];
	char id_text[2 * ID_SIZE + 1];
	struct header header;		/* of the transaction that runs, or ran last */
	int64_t seen;			/* the highest generation that was durable */
};

/* --- file.c -------------------------------------------------------------------- */

/* open(2), CLOEXEC, again after a signal. */
int open_again(const char *path, int flags, unsigned int mode);
/* Sets store->path, and makes the file (empty, 0600) unless the trail knows one.
 * Refuses links, other owners and modes, and network file systems. */
enum mortise_code file_prepare(struct store *store, bool noted);
/* The same without making it. */
enum mortise_code file_find(struct store *store, bool *there);
enum mortise_code fail_gone(struct store *store);

/* --- sql.c --------------------------------------------------------------------- */

extern const char *const sql_schema;

/* A prepared statement, ready to bind and step. */
enum mortise_code sql_get(struct store *store, enum statement which, sqlite3_stmt **statement);
/* Ends its hold on the database; for _cleanup_. */
void sql_reset(sqlite3_stmt **statement);
/* ok: *row says whether there is one. */
enum mortise_code sql_step(struct store *store, sqlite3_stmt *statement, bool *row);
void sql_bind(sqlite3_stmt *statement, int number, const void *bytes, size_t size);
/* A column's blob; NULL if it is none of this size (sql_bytes), or none at all. */
const unsigned char *sql_bytes(sqlite3_stmt *statement, int column, size_t size);
const unsigned char *sql_blob(sqlite3_stmt *statement, int column, size_t *size);
void sql_finalize(struct store *store);

/* What SQLite said last, as a code that keeps its promise about writes. */
enum mortise_code sql_fail(struct store *store);
enum mortise_code fail_damaged(struct store *store, const char *what);
enum mortise_code fail_memory(struct store *store);
enum mortise_code fail_crypto(struct store *store);

/* --- store.c ------------------------------------------------------------------- */

/* Connects and finds out what the file is; makes a store of an empty one. */
enum mortise_code store_connect(struct store *store, bool noted);
void store_disconnect(struct store *store);
/* Connects to a copy at store->path, to read it. */
enum mortise_code store_connect_copy(struct store *store);
/* SQL of commands, without results. */
enum mortise_code store_run(struct store *store, const char *sql);

/* A transaction with a checked header and the keys of its epoch.  Each one that
 * was begun ends in store_commit or store_abort. */
enum mortise_code store_begin(struct store *store, bool write);
/* Writes the header with the next generation, commits, and notes it. */
enum mortise_code store_commit(struct store *store);
void store_abort(struct store *store);
/* Commits if ok and aborts if not. */
enum mortise_code store_end(struct store *store, enum mortise_code code);
/* The generation of the write that runs: the number of its versions and fences. */
int64_t store_next(const struct store *store);
/* Empties the log of writes, so that what was deleted is in no file any more. */
void store_checkpoint(struct store *store);

/* --- rows.c -------------------------------------------------------------------- */

enum table {				/* part of what is summed: never renumbered */
	TABLE_SLOTS = 1,
	TABLE_NAMES = 2,
	TABLE_VERSIONS = 3,
	TABLE_STATE = 4
};

/* Reads the header, unlocks its epoch if need be, and checks it. */
enum mortise_code header_load(struct store *store);
/* Seals and writes it, by SQL_HEADER_INSERT or SQL_HEADER_UPDATE. */
enum mortise_code header_save(struct store *store, enum statement which);

/* Takes the row that the statement is at, all its columns, into the sum, or out. */
enum mortise_code row_add(struct store *store, struct sum *sum, sqlite3_stmt *statement,
    enum table table);
enum mortise_code row_subtract(struct store *store, struct sum *sum, sqlite3_stmt *statement,
    enum table table);
/* Runs an INSERT, UPDATE or DELETE ... RETURNING, and counts what it returns. */
enum mortise_code rows_added(struct store *store, sqlite3_stmt *statement, enum table table);
enum mortise_code rows_removed(struct store *store, sqlite3_stmt *statement, enum table table);

/* --- keys.c -------------------------------------------------------------------- */

/* Can the configured key make a store?  Asked before there is a file. */
enum mortise_code keys_usable(struct store *store);
/* A root key for a new store, and its slot 1 of the configured key. */
enum mortise_code keys_create(struct store *store);
/* Finds the slot of the epoch that the configured key opens. */
enum mortise_code keys_unlock(struct store *store, int64_t epoch);
void keys_forget(struct store *store);

/* Takes these as the store's; wipes them.  kept NULL: the tags key itself. */
enum mortise_code keys_install(struct store *store, struct keys *keys,
    const unsigned char *kept, int64_t epoch);

enum slot_type {			/* never renumbered */
	SLOT_KEY_FILE = 1,
	SLOT_PASSPHRASE = 2,
	SLOT_KEPT_TAGS = 3		/* not the root key, but wrapped by it */
};

/* A key of the user, as the slots of one type take it; starts as {0}. */
struct offer {
	struct mortise_secret *text;
	enum slot_type type;
	unsigned char key[KEY_SIZE + 1];	/* of a key file; the decoder writes one more */
};
enum mortise_code offer_read(struct store *store, const struct mortise_options *options,
    const char *name, struct offer *offer);
void offer_free(struct store *store, struct offer *offer);

struct slot {
	int64_t number, epoch, type, log_n;
	const unsigned char *salt, *wrapped;	/* the statement's; NULL = damaged */
};
struct slot slot_read(sqlite3_stmt *statement);
/* A slot with something wrong in it opens for nobody, as one of another key. */
bool slot_unwrap(const struct store *store, const struct offer *offer, const struct slot *slot,
    unsigned char root[KEY_SIZE]);
struct seal_key;
/* In three steps: the key that wraps (false = not with these parameters) may take
 * a third of a second; the number is bound to what is wrapped. */
bool slot_derive(const struct store *store, const struct offer *offer, const struct slot *slot,
    struct seal_key *key);
bool slot_wrap(const struct store *store, const struct slot *slot, const struct seal_key *key,
    const unsigned char root[KEY_SIZE], unsigned char wrapped[WRAPPED_SIZE]);
enum mortise_code slot_insert(struct store *store, const struct slot *slot);
/* A new slot of the offer, scrypt and all, with 32 secret bytes in it. */
enum mortise_code slot_add(struct store *store, const struct offer *offer, int64_t number,
    int64_t epoch, const unsigned char secret[KEY_SIZE]);

/* --- seal.c -------------------------------------------------------------------- */

enum kind {				/* of what is sealed: never renumbered */
	SEAL_HEADER = 1,
	SEAL_NAME = 2,
	SEAL_VALUE = 3,
	SEAL_STATE = 4
};

/* What sealed bytes are bound to, beside store and epoch. */
struct subject {
	enum kind kind;
	const unsigned char *tag;	/* NULL = zeros */
	int64_t version;
	unsigned char extra[96];	/* the row's other columns, in fixed sizes */
	size_t extra_size;
};
void subject_number(struct subject *subject, int64_t number);
void subject_bytes(struct subject *subject, const void *bytes, size_t size);

/* A key and a nonce for one use. */
struct seal_key {
	unsigned char key[KEY_SIZE], nonce[NONCE_SIZE];
};
/* HKDF-SHA256; false = libcrypto failed. */
bool seal_derive(const struct store *store, const unsigned char key[KEY_SIZE], const void *salt,
    size_t salt_size, const char *info, void *out, size_t size);
/* AES-256-GCM: size bytes and GCM's tag behind them. */
bool seal_encrypt(const struct store *store, const struct seal_key *key, const void *aad,
    size_t aad_size, const void *plain, size_t size, unsigned char *out);
/* false = not what was encrypted; plain is wiped then. */
bool seal_decrypt(const struct store *store, const struct seal_key *key, const void *aad,
    size_t aad_size, const unsigned char *sealed, size_t size, unsigned char *plain);

/* Salt, ciphertext and GCM's tag, malloc'd, under a key of their own. */
enum mortise_code seal_close(struct store *store, const struct subject *subject,
    const void *plain, size_t size, unsigned char **sealed, size_t *sealed_size);
/* Into a new secret, or into none: does it open?  `what` it is, for the error. */
enum mortise_code seal_open(struct store *store, const struct subject *subject,
    const unsigned char *sealed, size_t size, const char *what, struct mortise_secret **plain);

enum tag_kind {				/* never renumbered */
	TAG_NAME = 1,
	TAG_STATE_KEY = 2,
	TAG_INDEX = 3,
	TAG_OWNER = 4,
	TAG_IDEMPOTENCY = 5
};
enum mortise_code seal_tag(struct store *store, enum tag_kind kind, const char *text,
    unsigned char tag[TAG_SIZE]);

void number_encode(int64_t number, unsigned char bytes[8]);	/* big-endian */
void version_print(int64_t number, struct mortise_version *version);
int64_t version_parse(const struct mortise_version *version);	/* 0 = none of ours */
void free_bytes(unsigned char **bytes);				/* for _cleanup_ */

/* --- clock.c ------------------------------------------------------------------- */

struct instant {
	int64_t wall, boot;		/* ms since 1970, and since the host started */
};

/* A length of time on the store's clock. */
struct span {
	int64_t made, ends;		/* Unix time in ms; ends 0 = never */
	int64_t made_boot;		/* ms since the start of the host ... */
	unsigned char boot[BOOT_SIZE];	/* ... which is this one; zeros = unknown */
};
#define SPAN_COLUMNS 4

void clock_boot(unsigned char boot[BOOT_SIZE]);
struct instant clock_now(void);
/* length_ms 0 = for ever. */
struct span span_from(const struct store *store, const struct instant *now, int64_t length_ms);
bool span_over(const struct store *store, const struct span *span, const struct instant *now);
/* SPAN_COLUMNS parameters or columns from this one on. */
void span_bind(sqlite3_stmt *statement, int number, const struct span *span);
bool span_read(sqlite3_stmt *statement, int column, struct span *span);
void span_subject(struct subject *subject, const struct span *span);

/* --- secrets.c, history.c ------------------------------------------------------ */

struct name_row {
	struct mortise_secret *content;	/* name NUL, then label NUL value NUL ... */
	const char *name;		/* in there */
	size_t size;
};
/* The row that the statement is at; content is to be freed. */
enum mortise_code name_read(struct store *store, sqlite3_stmt *statement, struct name_row *row);

struct version_row {
	const unsigned char *tag, *sealed;	/* the statement's, until it moves */
	size_t sealed_size;
	int64_t version, created;
	bool keyed;				/* its put had an idempotency key */
	unsigned char key[TAG_SIZE];		/* the tag of that */
};
enum mortise_code version_read(struct store *store, sqlite3_stmt *statement,
    struct version_row *row);
/* What its sealed bytes are bound to. */
struct subject version_subject(const struct version_row *row);
/* The newest (version 0) or a given one; *there: is there one?  The statement is
 * at it then, and to be reset. */
enum mortise_code version_find(struct store *store, const unsigned char tag[TAG_SIZE],
    int64_t version, sqlite3_stmt **statement, struct version_row *row, bool *there);
/* value NULL: does it open? */
enum mortise_code version_open(struct store *store, const struct version_row *row,
    struct mortise_secret **value);
/* Runs a statement whose first parameter is a tag and that removes rows. */
enum mortise_code remove_by_tag(struct store *store, enum statement which,
    const unsigned char tag[TAG_SIZE], int64_t second, enum table table);

extern const struct mortise_secret_ops secret_ops;
enum mortise_code secret_list(void *instance, struct mortise_call *call, const char *prefix,
    const char *cursor, struct mortise_out *out);
enum mortise_code secret_describe(void *instance, struct mortise_call *call, const char *name,
    struct mortise_out *out);
enum mortise_code secret_undo(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_receipt *receipt, const struct mortise_secret *written);

/* --- state.c, lease.c ---------------------------------------------------------- */

struct state_row {
	const unsigned char *tag, *sealed;	/* the statement's, until it moves */
	size_t sealed_size;
	int64_t version;
	struct span life;
	bool indexed, leased;
	unsigned char index[TAG_SIZE], owner[TAG_SIZE];
	int64_t due, fence;
	struct span lease;
};
enum mortise_code state_read(struct store *store, sqlite3_stmt *statement,
    struct state_row *row);
/* The live record of a key; *there: is there one?  The statement is to be reset. */
enum mortise_code state_find(struct store *store, const unsigned char tag[TAG_SIZE],
    const struct instant *now, sqlite3_stmt **statement, struct state_row *row, bool *there);
/* plain NULL: does it open? */
enum mortise_code state_open(struct store *store, const struct state_row *row,
    struct mortise_secret **plain);
enum mortise_code state_give(struct store *store, const struct state_row *row,
    struct mortise_out *out);

extern const struct mortise_state_ops state_ops;
enum mortise_code state_claim(void *instance, struct mortise_call *call, const char *index,
    int64_t now_ms, size_t max, const char *owner, int64_t lease_ms, struct mortise_out *out);
enum mortise_code state_extend(void *instance, struct mortise_call *call,
    const struct mortise_lease *lease);
enum mortise_code state_release(void *instance, struct mortise_call *call,
    const struct mortise_lease *lease);

/* What its sealed bytes are bound to: all of the record but its lease. */
struct subject state_subject(const struct state_row *row);
/* Takes a few records away whose time is over. */
enum mortise_code state_expire(struct store *store, const struct instant *now);

/* --- walk.c -------------------------------------------------------------------- */

#define TABLES 4
struct counts {
	int64_t rows[TABLES];		/* slots, names, versions, state */
};

/* Checks every row: none damaged, missing, added, swapped or replayed. */
enum mortise_code walk_check(void *instance, struct mortise_call *call);
/* The same in a transaction that runs. */
enum mortise_code walk_rows(struct store *store, struct counts *counts);

/* In a transaction that runs: logs what is unwise about the keys. */
enum mortise_code slots_advise(struct store *store);

/* --- the commands --------------------------------------------------------------- */

#define COMMAND_DECLARE(function) \
	enum mortise_code function(void *instance, struct mortise_call *call, \
	    const struct mortise_options *options, struct mortise_out *out)

extern const struct mortise_command *const commands[];
COMMAND_DECLARE(command_keys);
COMMAND_DECLARE(command_add_key);
COMMAND_DECLARE(command_remove_key);
COMMAND_DECLARE(command_rekey);
COMMAND_DECLARE(command_backup);
COMMAND_DECLARE(command_restore);

struct column {
	const char *name;
	int64_t number;
	const char *text;		/* NULL: the number */
};
/* One line of a command's output. */
enum mortise_code give_row(struct store *store, struct mortise_out *out,
    const struct column *columns, size_t count);

/* --- plugin.c -------------------------------------------------------------------- */

/* Not connected yet; NULL = it has failed. */
struct store *store_new(struct mortise_call *call, const struct mortise_options *options);
void store_free(struct store *store);
/* Reads the header, which unlocks the store and makes its id text. */
enum mortise_code store_unlock(struct store *store);

#endif
