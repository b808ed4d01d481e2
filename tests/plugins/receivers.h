/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets that a test listens on, and what comes there. */
#ifndef TESTS_RECEIVERS_H
#define TESTS_RECEIVERS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../test.h"
#include "base/attr.h"
#include "base/file.h"

static inline int
listen_unix(const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	(void)unlink(path);
	CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    (type == SOCK_DGRAM || listen(fd, 4) == 0));
	return fd;
}

/* Is the loopback interface up? */
static inline bool
have_loopback(const struct sockaddr_in *address)
{
	int fd _cleanup_(file_close) = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
}

/* On a free port of the loopback interface; "SCHEME://127.0.0.1:PORT".  -1: there is none. */
static inline int
listen_inet(int type, const char *scheme, char *to, size_t size)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    (type == SOCK_STREAM && listen(fd, 4) != 0) ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0 || !have_loopback(&address)) {
		file_close(&fd);
		return -1;
	}
	(void)snprintf(to, size, "%s://127.0.0.1:%d", scheme, (int)ntohs(address.sin_port));
	return fd;
}

static inline char *
receive(int fd)
{
	static char message[70000];
	struct timeval limit = {5, 0};
	ssize_t n;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	n = recv(fd, message, sizeof(message) - 1, 0);
	message[n < 0 ? 0 : n] = '\0';
	return message;
}

/* Whatever comes until the end, or nothing more comes for so long. */
static inline size_t
receive_all(int fd, char *bytes, size_t size, int ms)
{
	struct timeval limit = {ms / 1000, ms % 1000 * 1000};
	size_t have = 0;
	ssize_t n;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	while (have < size - 1 && (n = recv(fd, bytes + have, size - 1 - have, 0)) > 0)
		have += (size_t)n;
	bytes[have] = '\0';
	return have;
}

#endif
