/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A put into the local store against one commit of the same bytes by SQLite in
 * the same mode; and how much more it slows from 100 to 100 000 secrets than such
 * a commit does.
 */
#include "bench.h"

#include <fcntl.h>
#include <sqlite3.h>

#include "store.h"

#define FEW 100
#define MANY 100000

/* A SQLite file that holds the same bytes in the same mode, and nothing of ours. */
struct bare {
	sqlite3 *db;
	sqlite3_stmt *statement;
};

static void
bare_put(struct bare *bare, unsigned long number)
{
	static const char value[VALUE_SIZE];

	(void)sqlite3_bind_int64(bare->statement, 1, (sqlite3_int64)number);
	(void)sqlite3_bind_blob(bare->statement, 2, value, sizeof(value), SQLITE_STATIC);
	if (sqlite3_step(bare->statement) != SQLITE_DONE ||
	    sqlite3_reset(bare->statement) != SQLITE_OK)
		give_up("SQLite failed");
}

/* With rows 0 to count - 1. */
static struct bare
open_bare(const char *name, unsigned long count)
{
	struct bare bare = {0};
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s.bare", directory, name);
	if (sqlite3_open(path, &bare.db) != SQLITE_OK ||
	    sqlite3_exec(bare.db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	    "PRAGMA secure_delete = ON; CREATE TABLE t (n INTEGER PRIMARY KEY, v BLOB) STRICT",
	    NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(bare.db, "INSERT OR REPLACE INTO t VALUES (?, ?)", -1,
	    &bare.statement, NULL) != SQLITE_OK ||
	    sqlite3_exec(bare.db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		give_up("SQLite does not open");
	for (unsigned long i = 0; i < count; i++)
		bare_put(&bare, i);
	(void)sqlite3_exec(bare.db, "COMMIT", NULL, NULL, NULL);
	return bare;
}

static void
close_bare(struct bare *bare)
{
	(void)sqlite3_finalize(bare->statement);
	(void)sqlite3_close(bare->db);
}

struct side {
	struct mortise *context;
	struct bare bare;
	struct mortise_secret *value;
	unsigned long count, seed;
};

static unsigned long
any(struct side *side)
{
	side->seed = side->seed * 6364136223846793005UL + 1442695040888963407UL;
	return (side->seed >> 33) % side->count;
}

static void
put_any(void *arg, unsigned int caller)
{
	struct side *side = arg;

	(void)caller;
	put_number(side->context, any(side), side->value);
}

static void
bare_put_any(void *arg, unsigned int caller)
{
	struct side *side = arg;

	(void)caller;
	bare_put(&side->bare, any(side));
}

/* Filled where a sync costs nothing, if there is such a place. */
static struct side
open_side(const char *name, unsigned long count)
{
	struct side side = {.value = new_value(), .count = count, .seed = count};
	char quick[64] = "/dev/shm/mortise-bench-XXXXXX", command[512];
	const char *where = mkdtemp(quick) == NULL ? directory : quick;
	struct mortise *filling = open_store(where, name, false);

	for (unsigned long i = 0; i < count; i++)
		put_number(filling, i, side.value);
	mortise_close(filling);
	if (where != directory) {
		(void)snprintf(command, sizeof(command), "cp %s/%s.db %s && rm -rf %s", where,
		    name, directory, where);
		if (system(command) != 0)
			give_up("the store cannot be copied");
	}
	side.context = open_store(directory, name, true);
	side.bare = open_bare(name, count);
	return side;
}

static void
close_side(struct side *side)
{
	mortise_close(side->context);
	close_bare(&side->bare);
	mortise_secret_free(side->value);
}

int
main(void)
{
	double plain[PAIRS], slower[PAIRS];
	struct side few, many;

	make_directory();
	few = open_side("few", FEW);
	many = open_side("many", MANY);
	for (size_t i = 0; i < PAIRS; i++) {
		double put = bench_rate(1, put_any, &few);
		double bare = bench_rate(1, bare_put_any, &few);
		double put_many = bench_rate(1, put_any, &many);
		double bare_many = bench_rate(1, bare_put_any, &many);

		plain[i] = put / bare;
		slower[i] = put / put_many / (bare / bare_many);
		fprintf(stderr, "put: %.0f against %.0f a second among %d, %.0f against %.0f among "
		    "%d\n", put, bare, FEW, put_many, bare_many, MANY);
	}
	bench_ratios("local put against a SQLite commit", plain, AT_LEAST, 0.2);
	bench_ratios("local put's slowing from 100 to 100 000 secrets against a commit's", slower,
	    AT_MOST, 1.2);
	close_side(&few);
	close_side(&many);
	return 0;
}
