/* SPDX-License-Identifier: BSD-2-Clause */
/* The connection.  No call of the system here waits for anybody but by wait_for. */
/* For SOCK_CLOEXEC and SOCK_NONBLOCK. */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "syslog.h"

#define ADDRESSES_MAX 16
#define ADDRESS_SIZE 64
#define FULL_MS 20			/* between two looks at what tells nobody when it is free */

struct addresses {
	char text[ADDRESSES_MAX][ADDRESS_SIZE];
	size_t count;
};

static const char *
peer_name(const struct sink *sink)
{
	return sink->host->option_string(sink->options, "to");
}

enum mortise_code
fail_errno(const struct sink *sink, const char *what)
{
	const char *why = strerror(errno);

	switch (errno) {
	case EACCES:
	case EPERM:
		return sink->host->fail(sink->call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "%s %s: %s; let the user that runs this send there", peer_name(sink), what,
		    why);
	case ENOENT:
	case ECONNREFUSED:
		return sink->host->fail(sink->call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "%s %s: %s; start what receives there, or correct `to`", peer_name(sink), what,
		    why);
	default:
		return sink->host->fail(sink->call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "%s %s: %s", peer_name(sink), what, why);
	}
}

/* At most so long, and never past the deadline.  false: the time is over. */
static bool
wait_ms(const struct sink *sink, int fd, short events, int most)
{
	struct pollfd one = {.fd = fd, .events = events};
	int left, result;

	do {
		left = sink->host->left_ms(sink->call);
		result = poll(&one, 1, left < most ? left : most);
	} while (result < 0 && errno == EINTR);
	return result != 0;
}

enum mortise_code
wait_for(const struct sink *sink, short events)
{
	/* Nobody says when a queue that is the kernel's own has room again. */
	if (events == 0)
		(void)wait_ms(sink, -1, 0, FULL_MS);
	else if (wait_ms(sink, sink->fd, events, sink->host->left_ms(sink->call)))
		return MORTISE_OK;
	return sink->host->left_ms(sink->call) > 0 ? MORTISE_OK : sink->host->fail(sink->call,
	    MORTISE_TIMEOUT, MORTISE_REASON_NONE, "%s takes no more messages for now; what "
	    "receives them is too slow, or stands still", peer_name(sink));
}

void
sink_disconnect(struct sink *sink)
{
	tls_end(sink->tls);
	if (sink->fd >= 0)
		(void)close(sink->fd);
	sink->fd = -1;
	sink->seq = 0;
}

ssize_t
sink_send(struct sink *sink, const void *bytes, size_t size)
{
	ssize_t n;

	do
		n = send(sink->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n;
}

/* --- Unix sockets ------------------------------------------------------------------ */

/* EAGAIN: a stream's queue of connections is full, and poll says nothing of it. */
static enum mortise_code
connect_unix(struct sink *sink)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int types[] = {SOCK_DGRAM, SOCK_STREAM};
	enum mortise_code code = MORTISE_OK;
	int result = -1;

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", sink->peer.path);
	for (size_t i = 0; code == MORTISE_OK && result < 0 && i < ARRAY_SIZE(types); i++) {
		sink_disconnect(sink);
		sink->fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (sink->fd < 0)
			return fail_errno(sink, "cannot be reached");
		sink->stream = types[i] == SOCK_STREAM;
		do {
			result = connect(sink->fd, (const struct sockaddr *)&address,
			    sizeof(address));
			if (result < 0 && errno == EAGAIN)
				code = wait_for(sink, 0);
		} while (result < 0 && errno == EAGAIN && code == MORTISE_OK);
		if (result < 0 && errno != EPROTOTYPE && code == MORTISE_OK)
			code = fail_errno(sink, "cannot be reached");
	}
	return result < 0 && code == MORTISE_OK ? fail_errno(sink, "is of another type") : code;
}

/* --- the network ------------------------------------------------------------------- */

static enum mortise_code
take_address(void *arg, const char *address)
{
	struct addresses *addresses = arg;

	if (addresses->count < ADDRESSES_MAX)
		(void)snprintf(addresses->text[addresses->count++], ADDRESS_SIZE, "%s", address);
	return MORTISE_OK;
}

/* A connection to this one in so long; else -1, and errno. */
static int
connect_one(const struct sink *sink, const char *text, int most)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	    .ai_socktype = sink->stream ? SOCK_STREAM : SOCK_DGRAM};
	struct addrinfo *address = NULL;
	int fd, failed = 0, one = 1;
	socklen_t size = sizeof(failed);

	if (getaddrinfo(text, sink->peer.port, &hints, &address) != 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	fd = socket(address->ai_family, hints.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) < 0)
		failed = errno;
	freeaddrinfo(address);
	if (fd >= 0 && failed == EINPROGRESS) {
		if (!wait_ms(sink, fd, POLLOUT, most))
			failed = ETIMEDOUT;
		else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) < 0)
			failed = errno;
	}
	if (fd >= 0 && failed != 0) {
		(void)close(fd);
		errno = failed;
		return -1;
	}
	/* A peer that is gone without a word is noticed at last. */
	if (fd >= 0 && sink->stream)
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	return fd;
}

static enum mortise_code
connect_network(struct sink *sink)
{
	struct addresses addresses = {.count = 0};
	enum mortise_code code = sink->host->resolve(sink->call, sink->peer.name, take_address,
	    &addresses);

	if (code != MORTISE_OK)
		return code;
	sink->stream = sink->peer.transport != TRANSPORT_UDP;
	errno = EADDRNOTAVAIL;
	for (size_t i = 0; sink->fd < 0 && i < addresses.count; i++)
		sink->fd = connect_one(sink, addresses.text[i],
		    sink->host->left_ms(sink->call) / (int)(addresses.count - i));
	if (sink->fd < 0)
		return fail_errno(sink, "cannot be reached");
	return sink->tls == NULL ? MORTISE_OK : tls_begin(sink);
}

/* Receivers of syslog say nothing: what can be read is that they went.  A message that is
 * sent to one of those is lost, and nobody says so. */
static bool
has_ended(const struct sink *sink)
{
	char bytes[256];
	ssize_t n;

	if (sink->tls != NULL)
		return tls_ended(sink->tls);
	do
		n = recv(sink->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

enum mortise_code
sink_connect(struct sink *sink)
{
	enum mortise_code code;

	if (sink->fd >= 0 && (!sink->stream || !has_ended(sink)))
		return MORTISE_OK;
	sink_disconnect(sink);
	code = sink->peer.transport == TRANSPORT_UNIX ? connect_unix(sink) : connect_network(sink);
	if (code != MORTISE_OK)
		sink_disconnect(sink);
	return code;
}
