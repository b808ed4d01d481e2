/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands and answers over one socket, never longer than the call may take. */
#define _DEFAULT_SOURCE		/* explicit_bzero */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "redis.h"

#define ANSWER_MAX ((size_t)16 << 20)	/* bytes; what is asked for has less */
#define PART 16384

uint64_t
redis_now(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* --- commands ------------------------------------------------------------------------- */

void
command_bytes(struct command *command, const void *bytes, size_t size)
{
	command->words[command->count] = bytes;
	command->sizes[command->count++] = size;
}

void
command_text(struct command *command, const char *text)
{
	command_bytes(command, text, strlen(text));
}

void
command_number(struct command *command, int64_t number)
{
	char *text = command->numbers[command->numbers_count++];

	(void)snprintf(text, sizeof(command->numbers[0]), "%lld", (long long)number);
	command_text(command, text);
}

/* --- connections ---------------------------------------------------------------------- */

struct connection *
wire_new(const struct mortise_host *host, struct mortise_call *call, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		return NULL;
	connection->reader = redisReaderCreate();
	if (connection->reader == NULL) {
		free(connection);
		return NULL;
	}
	connection->host = host;
	connection->call = call;
	connection->until = host->deadline(call);
	connection->fd = fd;
	return connection;
}

void
wire_free(struct connection *connection)
{
	if (connection == NULL)
		return;
	SSL_free(connection->tls);
	(void)close(connection->fd);
	redisReaderFree(connection->reader);
	free(connection);
}

/* For poll; also what ends the whole call ends this. */
static int
left_ms(const struct connection *connection)
{
	int left = connection->host->left_ms(connection->call);
	uint64_t now = redis_now(), part;

	if (connection->until <= now)
		return 0;
	part = (connection->until - now + 999999) / 1000000;
	return part < (uint64_t)left ? (int)part : left;
}

bool
wire_wait(const struct connection *connection, short events)
{
	struct pollfd waited = {.fd = connection->fd, .events = events};
	int left, n;

	while ((left = left_ms(connection)) > 0) {
		n = poll(&waited, 1, left);
		/* What is wrong with it, its next use will tell. */
		if (n > 0 || (n < 0 && errno != EINTR))
			return true;
	}
	return false;
}

bool
wire_is_stale(const struct connection *connection)
{
	char byte;
	ssize_t n = recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n >= 0 || (errno != EAGAIN && errno != EINTR);
}

/* So many bytes; 0: it has to wait for *events; -1: it is broken. */
static ssize_t
write_some(struct connection *connection, const char *bytes, size_t size, short *events)
{
	ssize_t n;

	*events = POLLOUT;
	if (connection->tls != NULL)
		return tls_write(connection, bytes, size, events);
	n = send(connection->fd, bytes, size, MSG_NOSIGNAL);
	connection->error = errno;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

static ssize_t
read_some(struct connection *connection, char *bytes, size_t size, short *events)
{
	ssize_t n;

	*events = POLLIN;
	if (connection->tls != NULL)
		return tls_read(connection, bytes, size, events);
	n = recv(connection->fd, bytes, size, 0);
	connection->error = n == 0 ? 0 : errno;
	if (n == 0)
		return -1;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

static enum wire
break_off(struct connection *connection, enum wire how)
{
	connection->broken = true;
	return connection->began || how == WIRE_MEMORY ? how : WIRE_UNSENT;
}

static enum wire
send_all(struct connection *connection, const char *bytes, size_t size)
{
	short events;

	for (size_t sent = 0; sent < size;) {
		ssize_t n = write_some(connection, bytes + sent, size - sent, &events);

		if (n < 0)
			return break_off(connection, WIRE_LOST);
		connection->began = connection->began || n > 0;
		sent += (size_t)n;
		if (n == 0 && !wire_wait(connection, events)) {
			connection->error = ETIMEDOUT;
			return break_off(connection, WIRE_LATE);
		}
	}
	return WIRE_OK;
}

enum wire
wire_send(struct connection *connection, const struct command *command)
{
	const char *words[COMMAND_WORDS];
	char *bytes = NULL;
	long long size;
	enum wire result;

	memcpy(words, command->words, command->count * sizeof(words[0]));
	size = redisFormatCommandArgv(&bytes, (int)command->count, words, command->sizes);
	if (size < 0)
		return break_off(connection, WIRE_MEMORY);
	result = send_all(connection, bytes, (size_t)size);
	/* It may have been a password. */
	explicit_bzero(bytes, (size_t)size);
	redisFreeCommand(bytes);
	return result;
}

enum wire
wire_read(struct connection *connection, redisReply **reply)
{
	char part[PART];
	size_t taken = 0;
	void *found = NULL;

	for (;;) {
		short events = POLLIN;
		ssize_t n;

		if (redisReaderGetReply(connection->reader, &found) != REDIS_OK)
			return break_off(connection, connection->reader->err == REDIS_ERR_OOM ?
			    WIRE_MEMORY : WIRE_ODD);
		if (found != NULL)
			break;
		if (taken > ANSWER_MAX)
			return break_off(connection, WIRE_ODD);
		/* OpenSSL may have read it already, and says itself for what to wait. */
		if (connection->tls == NULL && !wire_wait(connection, events))
			return break_off(connection, WIRE_LATE);
		n = read_some(connection, part, sizeof(part), &events);
		if (n < 0)
			return break_off(connection, WIRE_LOST);
		if (n == 0 && !wire_wait(connection, events))
			return break_off(connection, WIRE_LATE);
		if (redisReaderFeed(connection->reader, part, (size_t)n) != REDIS_OK)
			return break_off(connection, WIRE_MEMORY);
		taken += (size_t)n;
	}
	*reply = found;
	return WIRE_OK;
}

static const char *
why(const struct connection *connection)
{
	return connection->error == 0 ? "the server closed it" : strerror(connection->error);
}

enum mortise_code
wire_fail(const struct connection *connection, enum wire result, bool writes)
{
	const struct mortise_host *host = connection->host;
	struct mortise_call *call = connection->call;
	const char *place = connection->place;

	switch (result) {
	case WIRE_OK:
		return MORTISE_OK;
	case WIRE_UNSENT:
		return host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "the connection to %s broke before anything was sent (%s); is the server "
		    "there?", place, why(connection));
	case WIRE_LATE:
		return host->fail(call, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
		    "%s has not answered in time%s", place,
		    writes ? "; what was asked may have been done" : "");
	case WIRE_LOST:
		return host->fail(call, writes ? MORTISE_TIMEOUT : MORTISE_UNAVAILABLE,
		    MORTISE_REASON_NONE, "the connection to %s broke before the answer came "
		    "(%s)%s", place, why(connection),
		    writes ? "; what was asked may have been done" : "");
	case WIRE_ODD:
		return answer_odd(host, call, place);
	case WIRE_MEMORY:
		break;
	}
	return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
}
