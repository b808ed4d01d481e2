/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * postgres: the audit trail and state records in a PostgreSQL database.
 *
 *   options.c   the schema of options, and instances
 *   dsn.c       the connection string: where the servers are
 *   connect.c   one connection: made, asked and closed inside a deadline
 *   failure.c   what a server's refusal means
 *   text.c      text and arrays for statements
 *   pool.c      connections that are kept
 *   emit.c      sink: batches; which of them the server refuses
 *   mapped.c    sink: on a table of the user's
 *   records.c   sink: read and erase
 *   state.c     state records
 *   leases.c    state: claim, extend, release
 *   commands.c  `schema`: schema.sql with names in it
 *   check.c     are we let in, and may we?
 *
 * Facts of the protocol: the manual of PostgreSQL 15, "libpq" and "Frontend/Backend
 * Protocol".  A statement's CommandComplete comes before its commit: only the answer
 * that follows says whether it did commit.
 */
#ifndef POSTGRES_H
#define POSTGRES_H

#include <libpq-fe.h>
#include <mortise/plugin.h>
#include <stdatomic.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The number of schema.sql, and the least server that it runs on. */
#define SCHEMA_VERSION 1
#define SERVER_VERSION_MIN 140000

/* --- dsn.c ------------------------------------------------------------------------ */

/* Where to try, one after another; a setting that is NULL is libpq's own. */
struct endpoint {
	char *host, *address, *port;
};

struct dsn {
	PQconninfoOption *given, *ambient;	/* what the text says; what stands for the rest */
	struct endpoint *endpoints;
	size_t count;
};

/* Of a secret option, read anew.  ok: to be freed. */
enum mortise_code dsn_read(const struct mortise_host *, struct mortise_call *,
    const struct mortise_options *, const char *option, struct dsn *);
/* A setting, from the text or else the surroundings; NULL: libpq's own. */
const char *dsn_setting(const struct dsn *, const char *keyword);
/* Finds the endpoints: names are resolved.  unavailable: none has an address. */
enum mortise_code dsn_locate(const struct mortise_host *, struct mortise_call *, struct dsn *);
/* "HOST:PORT,HOST:PORT/DATABASE", malloc'd; NULL: no memory. */
char *dsn_identity(const struct dsn *);
void dsn_free(struct dsn *);			/* also of {0} */

/* --- connect.c -------------------------------------------------------------------- */

#define STATE_SIZE 6				/* an SQLSTATE with its NUL */

struct connection {
	PGconn *pg;
	const struct mortise_host *host;
	struct mortise_call *call;		/* whose notices these are; NULL: nobody's */
	bool lost;				/* it is good for nothing */
	bool committing;			/* the last refusal came behind an answer */
	char state[STATE_SIZE];			/* of the last refusal; "": none */
	char detail[24];			/* its detail, where ours have a number there */
	struct connection *next;		/* in a pool */
};

struct parameter {
	const char *bytes;			/* NULL: SQL's NULL */
	size_t size;
	bool binary;
};
/* Text as a parameter, of the type that the server finds. */
#define TEXT(text) {.bytes = (text)}
#define BINARY(data, length) {.bytes = (data), .size = (length), .binary = true}

struct query {
	const char *text;
	const struct parameter *parameters;
	size_t count;
	bool script;				/* several statements, without parameters */
};

/* A session that commits by this word of synchronous_commit.  The option is a dsn. */
enum mortise_code connection_open(const struct mortise_host *, struct mortise_call *,
    const struct mortise_options *, const char *option, const char *commit,
    struct connection **);
void connection_free(struct connection *);	/* does not wait; NULL is fine */
/* Is it still there, as far as is known here? */
bool connection_alive(struct connection *);

/* Asks, and waits until the statement is committed.  ok: *result is to be cleared; its
 * columns, which must be text or bytea, are bytes with a NUL behind them.  Otherwise
 * connection->state says what the server said. */
enum mortise_code connection_ask(struct connection *, struct mortise_call *,
    const struct query *, PGresult **result);
void result_clear(PGresult **);			/* for _cleanup_ */
/* A whole number out of a result; 0 where it is NULL. */
int64_t result_number(const PGresult *, int row, int column);

/* --- failure.c -------------------------------------------------------------------- */

/* Fails with what the SQLSTATE means; text: the server's words, NULL: none. */
enum mortise_code failure_of(const struct mortise_host *, struct mortise_call *,
    const char *state, const char *text);
/* The same code, without a failure. */
enum mortise_code failure_code(const char *state);
/* Is it one of what was to be written, and not of the server or the table? */
bool failure_of_data(const char *state);

/* --- pool.c ----------------------------------------------------------------------- */

struct pool;

/* NULL: no memory. */
struct pool *pool_new(const struct mortise_host *, const struct mortise_options *,
    const char *option, const char *commit, size_t most);
void pool_free(struct pool *);			/* NULL is fine */
/* unavailable: none is free by the deadline. */
enum mortise_code pool_take(struct pool *, struct mortise_call *, struct connection **);
void pool_give(struct pool *, struct connection *);
/* Takes, asks, and gives back. */
enum mortise_code pool_ask(struct pool *, struct mortise_call *, const struct query *,
    PGresult **result);

/* --- options.c -------------------------------------------------------------------- */

#define NAME_SIZE 64				/* of schemas and roles, with its NUL */

struct mapped;

struct postgres {
	const struct mortise_host *host;
	const struct mortise_options *options;
	const char *schema;
	char *identity;
	struct pool *state, *emit, *erase, *read;
	struct mapped *mapped;			/* NULL: the sink is on tables of our own */
	atomic_uint puts;
};

/* The host, for commands, which have no instance. */
const struct mortise_host *postgres_host(void);
/* [a-z_][a-z0-9_]*, so that it needs no thought in SQL. */
enum mortise_code check_name(const struct mortise_host *, struct mortise_call *,
    const struct mortise_options *, const char *option);
enum mortise_code no_memory(const struct mortise_host *, struct mortise_call *);

/* --- text.c ----------------------------------------------------------------------- */

/* Bytes that grow; after a failure everything is a failure. */
struct text {
	char *bytes;				/* NULL: nothing yet */
	size_t size, capacity;
	bool failed;
};

void text_bytes(struct text *, const void *, size_t);
void text_format(struct text *, const char *format, ...) MORTISE_PRINTF(2, 3);
/* Template with {schema} and its like; names and values alternate, NULL ends them. */
void text_fill(struct text *, const char *template, size_t size, const char *const *names);
/* A number in the order of the network. */
void text_int32(struct text *, uint32_t);
void text_free(struct text *);			/* for _cleanup_ */

/* One dimension of texts in PostgreSQL's binary form: begin, then each. */
void array_begin(struct text *, size_t count);
void array_add(struct text *, const char *bytes, size_t size);	/* bytes NULL: NULL */

/* The SQL with {schema} in it filled in; NULL: no memory. */
char *sql_of(const struct postgres *, const char *template);

/* --- emit.c, mapped.c, records.c ---------------------------------------------------- */

/* A field of a line, or "trail" and "line"; NULL: it has none. */
const char *line_field(const struct mortise_line *, const char *name);

/* NULL where the option sink.table is not given. */
enum mortise_code mapped_new(const struct mortise_host *, struct mortise_call *,
    const struct mortise_options *, struct mapped **);
void mapped_free(struct mapped *);		/* NULL is fine */
/* Sends the rows of these lines as one statement. */
enum mortise_code mapped_send(const struct mapped *, struct mortise_call *, struct connection *,
    const struct mortise_line *, size_t count);
enum mortise_code mapped_erase(struct postgres *, struct mortise_call *, const char *trail,
    const uint64_t *seqs, size_t count);
/* Are table and columns there, and may we insert? */
enum mortise_code mapped_check(struct postgres *, struct mortise_call *);

enum mortise_code postgres_read(void *instance, struct mortise_call *,
    const struct mortise_pair *filter, size_t count, const char *cursor, struct mortise_out *);
enum mortise_code postgres_erase(void *instance, struct mortise_call *, const char *trail,
    const uint64_t *seqs, size_t count);

/* --- state.c, leases.c -------------------------------------------------------------- */

/* What give_record() gives of a row, the record being s; and is it one still? */
#define RECORD_COLUMNS "s.key, s.value, s.version::text, " \
	"(extract(epoch FROM s.expires) * 1000)::bigint::text, s.fence::text"
#define RECORD_LIVES "(s.expires IS NULL OR s.expires > clock_timestamp())"
enum mortise_code give_record(const struct postgres *, const PGresult *, int row,
    struct mortise_out *);
/* Asks what the template says, in which {schema} is filled in. */
enum mortise_code state_ask(struct postgres *, struct mortise_call *, const char *template,
    const struct parameter *, size_t count, PGresult **);

enum mortise_code postgres_claim(void *instance, struct mortise_call *, const char *index,
    int64_t now_ms, size_t max, const char *owner, int64_t lease_ms, struct mortise_out *);
enum mortise_code postgres_extend(void *instance, struct mortise_call *,
    const struct mortise_lease *);
enum mortise_code postgres_release(void *instance, struct mortise_call *,
    const struct mortise_lease *);

/* --- what the descriptor names ------------------------------------------------------ */

enum mortise_code postgres_check(void *instance, struct mortise_call *);
extern const struct mortise_sink_ops postgres_sink_ops;
extern const struct mortise_state_ops postgres_state_ops;
extern const struct mortise_command *const postgres_commands[];

#endif
