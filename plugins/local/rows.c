/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The header, and the sum over all rows that it holds.  A row's HMAC is added
 * or subtracted as the row comes or goes, so a commit costs the same however
 * many there are.  The sum is sealed: who knew it before and after a commit
 * would know the HMAC of a row, and with enough of those could compose other
 * rows of the same sum.
 */
#include "local.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

/* --- sums ---------------------------------------------------------------------- */

static void
add(unsigned char sum[SUM_SIZE], const unsigned char number[SUM_SIZE])
{
	unsigned int carry = 0;

	for (size_t i = SUM_SIZE; i-- > 0;) {
		carry += (unsigned int)sum[i] + number[i];
		sum[i] = (unsigned char)carry;
		carry >>= 8;
	}
}

static void
negate(unsigned char number[SUM_SIZE])
{
	static const unsigned char one[SUM_SIZE] = {[SUM_SIZE - 1] = 1};

	for (size_t i = 0; i < SUM_SIZE; i++)
		number[i] = (unsigned char)~number[i];
	add(number, one);
}

/* A type, and what makes the encoding of a row unambiguous. */
static bool
mac_column(EVP_MAC_CTX *mac, sqlite3_stmt *statement, int column)
{
	unsigned char head[9];
	const unsigned char *bytes;
	size_t size = 0;

	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_NULL:
		return EVP_MAC_update(mac, (const unsigned char *)"n", 1) == 1;
	case SQLITE_INTEGER:
		head[0] = 'i';
		number_encode(sqlite3_column_int64(statement, column), head + 1);
		return EVP_MAC_update(mac, head, sizeof(head)) == 1;
	case SQLITE_BLOB:
		bytes = sql_blob(statement, column, &size);
		head[0] = 'b';
		number_encode((int64_t)size, head + 1);
		return EVP_MAC_update(mac, head, sizeof(head)) == 1 &&
		    (size == 0 || EVP_MAC_update(mac, bytes, size) == 1);
	default:
		return false;
	}
}

/* The columns that belong to a row of the table: what follows is not summed. */
static const int columns[] = {
	[TABLE_SLOTS] = 6, [TABLE_NAMES] = 3, [TABLE_VERSIONS] = 5, [TABLE_STATE] = 15,
};

static enum mortise_code
row_mac(struct store *store, sqlite3_stmt *statement, enum table table,
    unsigned char result[SUM_SIZE])
{
	const unsigned char number = (unsigned char)table;
	EVP_MAC_CTX *mac = store->mac;
	size_t size = 0;
	bool good = EVP_MAC_init(mac, store->keys->rows, KEY_SIZE, NULL) == 1 &&
	    EVP_MAC_update(mac, &number, 1) == 1;

	for (int i = 0; good && i < columns[table]; i++)
		good = mac_column(mac, statement, i);
	good = good && EVP_MAC_final(mac, result, &size, SUM_SIZE) == 1 && size == SUM_SIZE;
	return good ? MORTISE_OK : fail_crypto(store);
}

enum mortise_code
row_add(struct store *store, struct sum *sum, sqlite3_stmt *statement, enum table table)
{
	unsigned char mac[SUM_SIZE];
	enum mortise_code code = row_mac(store, statement, table, mac);

	if (code != MORTISE_OK)
		return code;
	add(sum->hash, mac);
	sum->rows++;
	return MORTISE_OK;
}

enum mortise_code
row_subtract(struct store *store, struct sum *sum, sqlite3_stmt *statement, enum table table)
{
	unsigned char mac[SUM_SIZE];
	enum mortise_code code = row_mac(store, statement, table, mac);

	if (code != MORTISE_OK)
		return code;
	negate(mac);
	add(sum->hash, mac);
	sum->rows--;
	return MORTISE_OK;
}

/* Rows that are returned have all been changed by the first step. */
static enum mortise_code
change(struct store *store, sqlite3_stmt *statement, enum table table,
    enum mortise_code (*count)(struct store *store, struct sum *sum, sqlite3_stmt *statement,
    enum table table))
{
	enum mortise_code code;
	bool row;

	do {
		code = sql_step(store, statement, &row);
		if (code == MORTISE_OK && row)
			code = count(store, &store->header.sum, statement, table);
	} while (code == MORTISE_OK && row);
	return code;
}

enum mortise_code
rows_added(struct store *store, sqlite3_stmt *statement, enum table table)
{
	return change(store, statement, table, row_add);
}

enum mortise_code
rows_removed(struct store *store, sqlite3_stmt *statement, enum table table)
{
	return change(store, statement, table, row_subtract);
}

/* --- the header ---------------------------------------------------------------- */

static struct subject
header_subject(const struct header *header)
{
	struct subject subject = {.kind = SEAL_HEADER, .version = header->generation};

	subject_number(&subject, FORMAT);
	subject_number(&subject, header->sum.rows);
	return subject;
}

/* The plain columns; what they say counts only when the seal has been opened. */
static enum mortise_code
read_header(struct store *store, struct header *header, unsigned char id[ID_SIZE],
    int64_t *epoch)
{
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	const unsigned char *store_id, *sealed;
	enum mortise_code code = sql_get(store, SQL_HEADER, &statement);
	bool row = false;

	if (code == MORTISE_OK)
		code = sql_step(store, statement, &row);
	if (code != MORTISE_OK)
		return code;
	store_id = row ? sql_bytes(statement, 0, ID_SIZE) : NULL;
	sealed = row ? sql_bytes(statement, 4, sizeof(header->sealed)) : NULL;
	if (store_id == NULL || sealed == NULL)
		return fail_damaged(store, "its header is damaged");
	memcpy(id, store_id, ID_SIZE);
	*epoch = sqlite3_column_int64(statement, 1);
	header->generation = sqlite3_column_int64(statement, 2);
	header->sum.rows = sqlite3_column_int64(statement, 3);
	memcpy(header->sealed, sealed, sizeof(header->sealed));
	return MORTISE_OK;
}

/* Keys for this store and epoch: another process may have changed the key. */
static enum mortise_code
unlock(struct store *store, const unsigned char id[ID_SIZE], int64_t epoch)
{
	if (store->keys != NULL && memcmp(store->id, id, ID_SIZE) != 0)
		return store->host->fail(store->call, MORTISE_ERROR, MORTISE_REASON_ROLLBACK,
		    "%s has become another store; put the right one back", store->path);
	if (store->keys != NULL && store->epoch == epoch)
		return MORTISE_OK;
	memcpy(store->id, id, ID_SIZE);
	return keys_unlock(store, epoch);
}

static enum mortise_code
open_header(struct store *store, struct header *header)
{
	const struct subject subject = header_subject(header);
	struct mortise_secret *plain = NULL;
	enum mortise_code code;

	code = seal_open(store, &subject, header->sealed, sizeof(header->sealed),
	    "its header is damaged, or was written to by hand", &plain);
	if (code != MORTISE_OK)
		return code;
	memcpy(header->sum.hash, store->host->secret_peek(plain, NULL), SUM_SIZE);
	store->host->secret_free(plain);
	return MORTISE_OK;
}

enum mortise_code
header_load(struct store *store)
{
	struct header fresh = {0};
	unsigned char id[ID_SIZE];
	int64_t epoch = 0;
	enum mortise_code code = read_header(store, &fresh, id, &epoch);

	if (code == MORTISE_OK)
		code = unlock(store, id, epoch);
	if (code != MORTISE_OK)
		return code;
	/* What was checked before need not be again. */
	if (fresh.generation == store->header.generation &&
	    fresh.sum.rows == store->header.sum.rows &&
	    memcmp(fresh.sealed, store->header.sealed, sizeof(fresh.sealed)) == 0)
		return MORTISE_OK;
	code = open_header(store, &fresh);
	if (code == MORTISE_OK && fresh.generation < store->seen)
		code = store->host->fail(store->call, MORTISE_ERROR, MORTISE_REASON_ROLLBACK,
		    "%s went back from generation %lld to %lld; put its newest backup back",
		    store->path, (long long)store->seen, (long long)fresh.generation);
	if (code != MORTISE_OK)
		return code;
	store->header = fresh;
	store->seen = fresh.generation;
	return MORTISE_OK;
}

enum mortise_code
header_save(struct store *store, enum statement which)
{
	struct header *header = &store->header;
	const struct subject subject = header_subject(header);
	sqlite3_stmt *statement _cleanup_(sql_reset) = NULL;
	unsigned char *sealed _cleanup_(free_bytes) = NULL;
	enum mortise_code code = sql_get(store, which, &statement);
	size_t size = 0;
	bool row;

	if (code == MORTISE_OK)
		code = seal_close(store, &subject, header->sum.hash, SUM_SIZE, &sealed, &size);
	if (code != MORTISE_OK)
		return code;
	memcpy(header->sealed, sealed, sizeof(header->sealed));
	sql_bind(statement, 1, store->id, ID_SIZE);
	(void)sqlite3_bind_int64(statement, 2, store->epoch);
	(void)sqlite3_bind_int64(statement, 3, header->generation);
	(void)sqlite3_bind_int64(statement, 4, header->sum.rows);
	sql_bind(statement, 5, header->sealed, sizeof(header->sealed));
	return sql_step(store, statement, &row);
}
