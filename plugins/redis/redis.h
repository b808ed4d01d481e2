/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redis: state records in a Redis server, each a plain string under its own key.
 *
 * Files, each of which knows those after it only: options; records, list and leases; ask,
 * one command and its answer; pool and connect, where connections come from; wire and tls,
 * bytes; url.
 *
 * Keys, where PREFIX is the option and may be "":
 *   PREFIX KEY                    a record: its bytes, as they were put
 *   PREFIX "mortise:record:" KEY  of a record in an index, a hash: `index`; of one that was
 *                                 claimed `owner`, `fence` and `ends`, Unix time in ms
 *   PREFIX "mortise:index:" INDEX a sorted set: the keys of its records by due_ms
 *   PREFIX "mortise:fence"        a hash: `last`, the last fence that was given
 * None but the first is a string, so that nobody takes it for a record.
 */
#ifndef REDIS_REDIS_H
#define REDIS_REDIS_H

#include <hiredis/hiredis.h>
#include <mortise/plugin.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/types.h>

#define PREFIX_MAX 255
#define OWN_PREFIX "mortise:"		/* behind the configured one: what is no record */
#define KEY_SIZE (PREFIX_MAX + sizeof(OWN_PREFIX "record:") + MORTISE_KEY_MAX)
#define PLACE_SIZE 320			/* a server in words: "host:port", or a path */

/* --- url.c: addresses as text --------------------------------------------------------- */

struct endpoint {
	char *host;			/* a name or a numeric address; the path of a Unix socket */
	uint16_t port;			/* 0: a Unix socket */
};
void endpoint_free(struct endpoint *);
/* "host:port", or the path. */
void endpoint_words(const struct endpoint *, char words[PLACE_SIZE]);

struct url {
	struct endpoint endpoint;
	char *user;			/* NULL: none */
	int64_t database;		/* -1: not said */
	bool tls;
};
/* NULL, or what is wrong with it, in which nothing of the text is. */
const char *url_parse(const char *text, struct url *);
void url_free(struct url *);
/* HOST[:PORT], of which a numeric IPv6 address is in brackets.  As url_parse. */
const char *endpoint_parse(const char *text, size_t size, uint16_t port, struct endpoint *);

/* --- the instance --------------------------------------------------------------------- */

enum script {
	SCRIPT_CHECK, SCRIPT_CLAIM, SCRIPT_LEASE, SCRIPT_PUT, SCRIPT_READ, SCRIPT_REMOVE,
	SCRIPT_TAKE
};
#define SCRIPTS 7
#define DIGEST_TEXT 41			/* SHA-1 in hex, with its NUL */

/* A connection is one call's from pool_take to pool_give. */
struct connection {
	const struct mortise_host *host;
	struct mortise_call *call;
	uint64_t until;			/* as deadlines are, and not behind the call's own */
	int fd;
	SSL *tls;			/* NULL: it is not encrypted */
	redisReader *reader;
	char place[PLACE_SIZE];		/* who is at its other end */
	int error;			/* errno of what broke it; 0: the peer closed it */
	bool began;			/* something of the call was sent */
	bool broken;			/* in the middle of an answer, say: for nobody any more */
	uint64_t generation;
	struct connection *next;
};

struct pool {
	pthread_mutex_t lock;		/* guards all below */
	pthread_cond_t given;		/* back, or closed; on CLOCK_MONOTONIC */
	struct connection *idle;	/* the one that was used last is first */
	size_t count, max;		/* of all there are, and may be */
	uint64_t generation;		/* rises when one breaks: older ones are closed unused */
};

struct tls {
	SSL_CTX *context;		/* NULL: nothing is encrypted */
	BIO_METHOD *method;
	const char *name;		/* of the server's certificate; NULL: the address's */
};

struct redis {
	const struct mortise_host *host;
	const struct mortise_options *options;
	struct endpoint *endpoints;	/* the server, or the Sentinels */
	size_t endpoints_count;
	const char *master;		/* what the Sentinels call it; NULL: there are none */
	const char *prefix;
	char *user;			/* NULL: none */
	int64_t database;
	int64_t replicas, wait_ms;	/* who must have confirmed a write; 0: nobody */
	struct tls tls;
	char *identity;
	char digests[SCRIPTS][DIGEST_TEXT];
	struct pool pool;
};

enum mortise_code redis_no_memory(const struct redis *, struct mortise_call *);
/* The SHA-1 that the server's redis.sha1hex gives. */
void redis_digest(const void *bytes, size_t size, char text[DIGEST_TEXT]);
/* Monotonic, as deadlines are. */
uint64_t redis_now(void);

/* --- tls.c ------------------------------------------------------------------------------ */

/* As the options of the group tls say. */
enum mortise_code tls_open(struct redis *, struct mortise_call *);
void tls_close(struct tls *);
/* A connection to that host is encrypted from here on.  false: no memory. */
bool tls_begin(const struct tls *, struct connection *, const char *host);
/* These three: 1 or so many bytes; 0: it has to wait for *events; -1: it is broken. */
ssize_t tls_handshake(struct connection *, short *events);
ssize_t tls_write(struct connection *, const void *bytes, size_t size, short *events);
ssize_t tls_read(struct connection *, void *bytes, size_t size, short *events);
/* Why a handshake failed. */
void tls_why(const struct connection *, char *words, size_t size);

/* --- wire.c: commands and answers as bytes -------------------------------------------- */

#define COMMAND_WORDS 80
struct command {
	const char *words[COMMAND_WORDS];
	size_t sizes[COMMAND_WORDS];
	size_t count;
	char numbers[8][24];		/* what numbers among the words are in */
	size_t numbers_count;
	enum script script;		/* of one that is `scripted` */
	bool scripted;
	bool writes;			/* it may change something */
};
void command_bytes(struct command *, const void *bytes, size_t size);
void command_text(struct command *, const char *);
void command_number(struct command *, int64_t);

enum wire {
	WIRE_OK,
	WIRE_UNSENT,			/* nothing of the call has left */
	WIRE_LATE,			/* no answer in time */
	WIRE_LOST,			/* the connection broke off */
	WIRE_ODD,			/* what came is no answer of a Redis server */
	WIRE_MEMORY
};
struct connection *wire_new(const struct mortise_host *, struct mortise_call *, int fd);
void wire_free(struct connection *);			/* NULL is fine */
/* Can it be waited for until then?  false: the time is over. */
bool wire_wait(const struct connection *, short events);
/* Has the peer closed it, or said something that nobody asked? */
bool wire_is_stale(const struct connection *);
enum wire wire_send(struct connection *, const struct command *);
enum wire wire_read(struct connection *, redisReply **);	/* freed by freeReplyObject */
/* The code and words for anything but WIRE_OK. */
enum mortise_code wire_fail(const struct connection *, enum wire, bool writes);

/* --- errors.c: what servers refuse ----------------------------------------------------- */

bool answer_is(const redisReply *, const char *word);	/* an error that begins with it */
/* A code and words of our own: the server's may quote a key or a value. */
enum mortise_code answer_fail(const struct connection *, const redisReply *error);
enum mortise_code answer_cluster(const struct connection *);	/* the server is part of one */
/* No error, and not what it should be. */
enum mortise_code answer_odd(const struct mortise_host *, struct mortise_call *,
    const char *place);

/* --- connect.c, pool.c ------------------------------------------------------------------ */

/* A new connection to the server, or to the master that the Sentinels name; logged in. */
enum mortise_code redis_connect(struct redis *, struct mortise_call *, struct connection **);

bool pool_init(struct pool *, size_t max);
void pool_free(struct pool *);
/* `fresh`: one that was made for this call. */
enum mortise_code pool_take(struct redis *, struct mortise_call *, bool fresh,
    struct connection **);
void pool_give(struct redis *, struct connection *);

/* --- ask.c: one command, one answer ----------------------------------------------------- */

/* A command that runs the script; keys and arguments follow. */
void command_script(const struct redis *, struct command *, enum script, int64_t keys);
/* Its answer, which is no error, freed by freeReplyObject.  A write is done, and where
 * that is configured on the replicas too. */
enum mortise_code redis_ask(struct redis *, struct mortise_call *, struct command *,
    redisReply **);
enum mortise_code redis_check(void *instance, struct mortise_call *);
extern const char *const redis_scripts[SCRIPTS];		/* scripts.c */

/* --- records.c, leases.c: the operations ------------------------------------------------ */

/* The key of a record, and its side key. */
struct record_names {
	char record[KEY_SIZE], side[KEY_SIZE];
};
/* invalid: the key is one that the store has for itself, or too long. */
enum mortise_code name_record(const struct redis *, struct mortise_call *, const char *key,
    struct record_names *);
/* PREFIX "mortise:" PART NAME. */
enum mortise_code name_own(const struct redis *, struct mortise_call *, const char *part,
    const char *name, char text[KEY_SIZE]);
/* Gives a record that the server told of; ttl as PTTL says it. */
enum mortise_code record_give(const struct redis *, struct mortise_out *, const char *key,
    const redisReply *value, int64_t ttl, uint64_t fence);
/* Is it an array of rows of this form, a letter a cell: s text, i number? */
bool rows_are(const redisReply *, const char *form);

extern const struct mortise_state_ops redis_state_ops;
enum mortise_code redis_list(void *instance, struct mortise_call *, const char *prefix,
    const char *cursor, struct mortise_out *);
enum mortise_code redis_claim(void *instance, struct mortise_call *, const char *index,
    int64_t now_ms, size_t max, const char *owner, int64_t lease_ms, struct mortise_out *);
enum mortise_code redis_extend(void *instance, struct mortise_call *,
    const struct mortise_lease *);
enum mortise_code redis_release(void *instance, struct mortise_call *,
    const struct mortise_lease *);

#endif
