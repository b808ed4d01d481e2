/* SPDX-License-Identifier: BSD-2-Clause */
/* New connections: addresses, sockets, logins, and which server is the master. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "redis.h"

#define ADDRESSES_MAX 8			/* of one name that are tried */

/* A part of the time that is left, so that there is some for the others. */
static uint64_t
share(uint64_t until, size_t parts)
{
	uint64_t now = redis_now();

	return until <= now ? until : now + (until - now) / parts;
}

static enum mortise_code
fail_connect(const struct redis *redis, struct mortise_call *call, const char *place,
    const char *reason)
{
	return redis->host->fail(call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
	    "cannot connect to %s (%s); check the address, and that the server is there", place,
	    reason);
}

/* --- sockets -------------------------------------------------------------------------- */

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
	struct sockaddr_un local;
};

/* Waits for what connect began.  0, or errno. */
static int
await_connect(const struct connection *connection)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (!wire_wait(connection, POLLOUT))
		return ETIMEDOUT;
	return getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

static enum mortise_code
shake_hands(const struct redis *redis, struct connection *connection, const char *host)
{
	char reason[200];
	short events = 0;
	ssize_t n;

	if (!tls_begin(&redis->tls, connection, host))
		return redis_no_memory(redis, connection->call);
	while ((n = tls_handshake(connection, &events)) == 0) {
		if (!wire_wait(connection, events))
			return fail_connect(redis, connection->call, connection->place,
			    "the TLS handshake was not done in time");
	}
	if (n > 0)
		return MORTISE_OK;
	tls_why(connection, reason, sizeof(reason));
	return fail_connect(redis, connection->call, connection->place, reason);
}

/* Until the given time; tells where it is. */
static enum mortise_code
connect_to(const struct redis *redis, struct mortise_call *call, const struct endpoint *endpoint,
    const union address *address, socklen_t size, uint64_t until, struct connection **result)
{
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0, on = 1;
	char place[PLACE_SIZE];
	struct connection *connection;
	enum mortise_code code = MORTISE_OK;

	endpoint_words(endpoint, place);
	if (fd < 0)
		return fail_connect(redis, call, place, strerror(errno));
	connection = wire_new(redis->host, call, fd);
	if (connection == NULL) {
		(void)close(fd);
		return redis_no_memory(redis, call);
	}
	connection->until = until;
	memcpy(connection->place, place, sizeof(place));
	if (connect(fd, &address->any, size) < 0)
		error = errno == EINPROGRESS || errno == EINTR ? await_connect(connection) : errno;
	if (error != 0)
		code = fail_connect(redis, call, place, strerror(error));
	else if (endpoint->port != 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (code == MORTISE_OK && redis->tls.context != NULL)
		code = shake_hands(redis, connection, endpoint->host);
	if (code == MORTISE_OK)
		*result = connection;
	else
		wire_free(connection);
	return code;
}

/* --- names ---------------------------------------------------------------------------- */

struct addresses {
	union address list[ADDRESSES_MAX];
	socklen_t sizes[ADDRESSES_MAX];
	size_t count;
	uint16_t port;
};

static enum mortise_code
take_address(void *arg, const char *text)
{
	struct addresses *addresses = arg;
	union address *address = &addresses->list[addresses->count];

	if (addresses->count == ADDRESSES_MAX)
		return MORTISE_OK;
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &address->four.sin_addr) == 1) {
		address->four.sin_family = AF_INET;
		address->four.sin_port = htons(addresses->port);
		addresses->sizes[addresses->count++] = sizeof(address->four);
	} else if (inet_pton(AF_INET6, text, &address->six.sin6_addr) == 1) {
		address->six.sin6_family = AF_INET6;
		address->six.sin6_port = htons(addresses->port);
		addresses->sizes[addresses->count++] = sizeof(address->six);
	}
	return MORTISE_OK;
}

static enum mortise_code
connect_by_name(const struct redis *redis, struct mortise_call *call,
    const struct endpoint *endpoint, uint64_t until, struct connection **connection)
{
	struct addresses addresses = {.port = endpoint->port};
	enum mortise_code code = redis->host->resolve(call, endpoint->host, take_address,
	    &addresses);

	if (code != MORTISE_OK)
		return code;
	if (addresses.count == 0)
		return fail_connect(redis, call, endpoint->host, "its name has no address");
	for (size_t i = 0; i < addresses.count; i++) {
		code = connect_to(redis, call, endpoint, &addresses.list[i], addresses.sizes[i],
		    share(until, addresses.count - i), connection);
		if (code == MORTISE_OK) {
			(*connection)->until = until;
			return code;
		}
	}
	return code;
}

static enum mortise_code
connect_endpoint(const struct redis *redis, struct mortise_call *call,
    const struct endpoint *endpoint, uint64_t until, struct connection **connection)
{
	union address address;

	if (endpoint->port != 0)
		return connect_by_name(redis, call, endpoint, until, connection);
	memset(&address, 0, sizeof(address));
	address.local.sun_family = AF_UNIX;
	(void)snprintf(address.local.sun_path, sizeof(address.local.sun_path), "%s",
	    endpoint->host);
	return connect_to(redis, call, endpoint, &address, sizeof(address.local), until,
	    connection);
}

/* --- the first words ------------------------------------------------------------------ */

/* An answer that is no error; nothing of an operation was asked yet.  An error that begins
 * with `pardoned`, if that is not NULL, is ok and no answer. */
static enum mortise_code
converse(struct connection *connection, const struct command *command, const char *pardoned,
    redisReply **reply)
{
	enum wire result = wire_send(connection, command);
	enum mortise_code code;

	*reply = NULL;
	if (result == WIRE_OK)
		result = wire_read(connection, reply);
	if (result == WIRE_LATE)
		return connection->host->fail(connection->call, MORTISE_UNAVAILABLE,
		    MORTISE_REASON_NONE, "%s takes connections and does not answer; is it "
		    "stopped, or overloaded?", connection->place);
	if (result != WIRE_OK)
		return wire_fail(connection, result, false);
	if ((*reply)->type != REDIS_REPLY_ERROR)
		return MORTISE_OK;
	code = pardoned != NULL && answer_is(*reply, pardoned) ? MORTISE_OK :
	    answer_fail(connection, *reply);
	freeReplyObject(*reply);
	*reply = NULL;
	return code;
}

static enum mortise_code
log_in(const struct redis *redis, struct connection *connection, const char *user,
    const char *option)
{
	const struct mortise_host *host = redis->host;
	struct command command = {.count = 0};
	struct mortise_secret *password = NULL;
	redisReply *reply = NULL;
	enum mortise_code code;
	const void *bytes;
	size_t size;

	if (!host->option_given(redis->options, option))
		return MORTISE_OK;
	code = host->option_secret(connection->call, redis->options, option, &password);
	/* For a caller it is not the record that is not found. */
	if (code == MORTISE_NOT_FOUND)
		return host->fail(connection->call, MORTISE_UNAVAILABLE,
		    MORTISE_REASON_CONFIGURATION,
		    "%s cannot be read: none of what it names exists", option);
	if (code != MORTISE_OK)
		return code;
	command_text(&command, "AUTH");
	if (user != NULL)
		command_text(&command, user);
	bytes = host->secret_peek(password, &size);
	command_bytes(&command, bytes, size);
	code = converse(connection, &command, NULL, &reply);
	host->secret_free(password);
	freeReplyObject(reply);
	return code;
}

static enum mortise_code
choose_database(const struct redis *redis, struct connection *connection)
{
	struct command command = {.count = 0};
	redisReply *reply = NULL;
	enum mortise_code code;

	if (redis->database == 0)
		return MORTISE_OK;
	command_text(&command, "SELECT");
	command_number(&command, redis->database);
	code = converse(connection, &command, NULL, &reply);
	freeReplyObject(reply);
	return code;
}

/* One that may not be asked shows what it is when keys are. */
static enum mortise_code
refuse_cluster(struct connection *connection)
{
	struct command command = {.count = 0};
	redisReply *reply = NULL;
	enum mortise_code code;

	command_text(&command, "INFO");
	command_text(&command, "cluster");
	code = converse(connection, &command, "NOPERM", &reply);
	if (code == MORTISE_OK && reply != NULL && reply->type == REDIS_REPLY_STRING &&
	    strstr(reply->str, "cluster_enabled:1") != NULL)
		code = answer_cluster(connection);
	freeReplyObject(reply);
	return code;
}

static enum mortise_code
greet(const struct redis *redis, struct connection *connection)
{
	enum mortise_code code = log_in(redis, connection, redis->user, "password");

	if (code == MORTISE_OK)
		code = refuse_cluster(connection);
	return code == MORTISE_OK ? choose_database(redis, connection) : code;
}

/* --- Sentinels ------------------------------------------------------------------------ */

/* Who is the master, as one Sentinel knows it. */
static enum mortise_code
ask_sentinel(const struct redis *redis, struct connection *sentinel, struct endpoint *master)
{
	struct command command = {.count = 0};
	redisReply *reply = NULL;
	enum mortise_code code = log_in(redis, sentinel,
	    redis->host->option_string(redis->options, "sentinel.username"), "sentinel.password");

	command_text(&command, "SENTINEL");
	command_text(&command, "get-master-addr-by-name");
	command_text(&command, redis->master);
	if (code == MORTISE_OK)
		code = converse(sentinel, &command, NULL, &reply);
	if (code != MORTISE_OK)
		return code;
	if (reply->type == REDIS_REPLY_NIL)
		code = redis->host->fail(sentinel->call, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "the Sentinel %s knows no master that is called %s; see sentinel.master",
		    sentinel->place, redis->master);
	else if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    reply->element[1]->type != REDIS_REPLY_STRING)
		code = answer_odd(redis->host, sentinel->call, sentinel->place);
	else {
		long port = strtol(reply->element[1]->str, NULL, 10);

		master->port = port > 0 && port < 65536 ? (uint16_t)port : 0;
		master->host = strdup(reply->element[0]->str);
		if (master->host == NULL)
			code = redis_no_memory(redis, sentinel->call);
		else if (master->port == 0)
			code = answer_odd(redis->host, sentinel->call, sentinel->place);
	}
	freeReplyObject(reply);
	return code;
}

/* A Sentinel may be late, and the old master not know yet that it is none. */
static enum mortise_code
check_master(struct connection *connection)
{
	struct command command = {.count = 0};
	redisReply *reply = NULL;
	enum mortise_code code;

	command_text(&command, "ROLE");
	code = converse(connection, &command, NULL, &reply);
	if (code == MORTISE_OK && (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
	    reply->element[0]->type != REDIS_REPLY_STRING ||
	    strcmp(reply->element[0]->str, "master") != 0))
		code = connection->host->fail(connection->call, MORTISE_UNAVAILABLE,
		    MORTISE_REASON_NONE, "%s is no master, though a Sentinel says so; a failover "
		    "may be under way", connection->place);
	freeReplyObject(reply);
	return code;
}

static enum mortise_code
connect_by_sentinel(const struct redis *redis, struct mortise_call *call,
    const struct endpoint *endpoint, uint64_t until, struct connection **result)
{
	struct connection *sentinel = NULL, *connection = NULL;
	struct endpoint master = {NULL, 0};
	enum mortise_code code;

	code = connect_endpoint(redis, call, endpoint, share(until, 2), &sentinel);
	if (code == MORTISE_OK)
		code = ask_sentinel(redis, sentinel, &master);
	wire_free(sentinel);
	if (code == MORTISE_OK)
		code = connect_endpoint(redis, call, &master, until, &connection);
	endpoint_free(&master);
	if (code == MORTISE_OK)
		code = greet(redis, connection);
	if (code == MORTISE_OK)
		code = check_master(connection);
	if (code == MORTISE_OK)
		*result = connection;
	else
		wire_free(connection);
	return code;
}

enum mortise_code
redis_connect(struct redis *redis, struct mortise_call *call, struct connection **result)
{
	struct connection *connection = NULL;
	uint64_t until = redis->host->deadline(call);
	enum mortise_code code = MORTISE_UNAVAILABLE;

	if (redis->master == NULL) {
		code = connect_endpoint(redis, call, &redis->endpoints[0], until, &connection);
		if (code == MORTISE_OK)
			code = greet(redis, connection);
		if (code != MORTISE_OK)
			wire_free(connection);
	}
	for (size_t i = 0; redis->master != NULL && code != MORTISE_OK &&
	    i < redis->endpoints_count; i++)
		code = connect_by_sentinel(redis, call, &redis->endpoints[i],
		    share(until, redis->endpoints_count - i), &connection);
	if (code == MORTISE_OK) {
		redis->host->log(call, MORTISE_LOG_DEBUG, "connected to %s", connection->place);
		*result = connection;
	}
	return code;
}
