/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syslog: an audit sink that sends each record as a message of syslog.
 *
 * What is sent is in the kernel's hands, and nobody answers: the sink has no position, and
 * keeps nothing.  One connection an instance; it is made when there is something to send.
 */
#ifndef SYSLOG_SYSLOG_H
#define SYSLOG_SYSLOG_H

#include <mortise/plugin.h>
#include <sys/types.h>

#include "sdk/buffer.h"

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define SIZE_MIN 480			/* what every receiver takes: RFC 5424, 6.1 */

enum transport {
	TRANSPORT_UNIX, TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS
};

struct tls;				/* tls.c */

struct peer {
	enum transport transport;
	const char *path;		/* of a Unix socket: the option's own */
	char *name, *port;		/* of the others */
};

struct sink {
	const struct mortise_host *host;
	const struct mortise_options *options;
	struct mortise_call *call;	/* of the function that runs */
	struct peer peer;
	bool local_format;		/* "<PRI>Nov 25 10:00:00 app[pid]: ", as syslog(3) writes */
	char *host_name;
	const char *app_name, *sd_id;
	size_t max_size;
	struct tls *tls;		/* NULL: without */
	/* The connection; fd -1: none. */
	int fd;
	bool stream;
	/* What of a stream's message is on its way: a call's time may end within one. */
	struct buffer message, frame;
	size_t sent;
	char trail[33];			/* whose it is; seq 0: none */
	uint64_t seq;
};

/* --- message.c --------------------------------------------------------------------- */

/* The record as a message of at most `most` bytes in sink->message.  invalid: it has no room
 * even without all that may be left out. */
enum mortise_code message_make(struct sink *, const struct mortise_line *, size_t most);

/* --- rank.c: facility and severity ------------------------------------------------- */

extern const char *const facility_words[], *const severity_words[];
/* The number in "<...>" of this record. */
unsigned int rank_of(const struct sink *, const struct mortise_line *);

/* --- connect.c --------------------------------------------------------------------- */

enum mortise_code fail_errno(const struct sink *, const char *what);
/* Waits for the events on the connection.  timeout: the deadline came first. */
enum mortise_code wait_for(const struct sink *, short events);
/* ok: there is a connection, and its end is not known to be gone. */
enum mortise_code sink_connect(struct sink *);
/* And forgets what was on its way. */
void sink_disconnect(struct sink *);
/* Of the connection; -1 with errno, EAGAIN: later. */
ssize_t sink_send(struct sink *, const void *bytes, size_t size);

/* --- tls.c ------------------------------------------------------------------------- */

/* Set up by the options ca-file, cert, key and server-name. */
enum mortise_code tls_new(struct sink *);
void tls_free(struct tls *);		/* NULL is fine */
/* On a connection that is made; nothing was sent on it before the peer is known. */
enum mortise_code tls_begin(struct sink *);
void tls_end(struct tls *);
/* All of the bytes, which must be the same until they are sent; else timeout, or
 * unavailable. */
enum mortise_code tls_send(struct sink *, const void *bytes, size_t size);
/* Did the peer end it? */
bool tls_ended(struct tls *);

/* --- emit.c ------------------------------------------------------------------------ */

enum mortise_code syslog_emit(void *, struct mortise_call *, const struct mortise_line *,
    size_t count, size_t *taken);

#endif
