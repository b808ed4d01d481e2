/* SPDX-License-Identifier: BSD-2-Clause */
/* What servers refuse, and what that means here. */
#include <string.h>

#include "redis.h"

#define WORD_MAX 32			/* bytes of a word of the server's that are told */

#define CLUSTER "is in cluster mode, and Redis Cluster is not supported; use a server that is not"
#define CLUSTER_SICK "belongs to a cluster that is not well, and Redis Cluster is not supported"
#define PASSWORD "refuses the user's name or password; correct username and password"
#define NO_PASSWORD "has no password for its default user, and one is configured; take the " \
	"option password away, or set one there"
#define RIGHTS "does not allow this user that; mortise-redis(5) has the rule of the ACL that it " \
	"needs"
#define DATABASE "has no database of that number; see databases in its configuration"

/* The first that an error begins with; what promises that nothing was done must be so. */
static const struct refusal {
	const char *begins;
	enum mortise_code code;
	const char *words;		/* behind the server's name */
} refusals[] = {
	{"NOAUTH", MORTISE_DENIED, "asks for a password; give it by the option password"},
	{"WRONGPASS", MORTISE_DENIED, PASSWORD},
	{"ERR invalid password", MORTISE_DENIED, PASSWORD},
	{"ERR AUTH ", MORTISE_DENIED, NO_PASSWORD},
	{"ERR Client sent AUTH", MORTISE_DENIED, NO_PASSWORD},
	{"NOPERM", MORTISE_DENIED, RIGHTS},
	/* In the middle of a script, which may have done something by then. */
	{"ERR The user executing the script", MORTISE_ERROR, RIGHTS},
	{"ERR ACL failure", MORTISE_ERROR, RIGHTS},
	{"DENIED", MORTISE_DENIED, "is in protected mode and takes no connection from elsewhere; "
	    "set a password there, and see bind in its configuration"},
	{"LOADING", MORTISE_UNAVAILABLE, "is still loading its data; wait until it has"},
	{"MASTERDOWN", MORTISE_UNAVAILABLE, "is a replica that has lost its master, and answers "
	    "nothing; see to the master"},
	{"CLUSTERDOWN", MORTISE_UNAVAILABLE, CLUSTER_SICK},
	{"TRYAGAIN", MORTISE_UNAVAILABLE, CLUSTER_SICK},
	{"READONLY", MORTISE_UNAVAILABLE, "is a replica, and takes no writes; the address must be "
	    "the master's, or see the option sentinel"},
	{"OOM", MORTISE_UNAVAILABLE, "has no memory left for writes; see maxmemory in its "
	    "configuration"},
	{"MISCONF", MORTISE_UNAVAILABLE, "takes no writes, as it cannot save its data; see its "
	    "log"},
	{"NOREPLICAS", MORTISE_UNAVAILABLE, "takes no writes, as it has too few replicas; see "
	    "min-replicas-to-write in its configuration"},
	{"BUSY", MORTISE_UNAVAILABLE, "is busy with somebody's script; see SCRIPT KILL"},
	{"ERR max number of clients", MORTISE_UNAVAILABLE, "has as many clients as it takes; raise "
	    "maxclients there, or lower the option pool"},
	{"MOVED", MORTISE_UNSUPPORTED, CLUSTER},
	{"ASK", MORTISE_UNSUPPORTED, CLUSTER},
	{"CROSSSLOT", MORTISE_UNSUPPORTED, CLUSTER},
	{"ERR SELECT is not allowed in cluster", MORTISE_UNSUPPORTED, CLUSTER},
	{"ERR DB index", MORTISE_INVALID, DATABASE},
	{"ERR invalid DB index", MORTISE_INVALID, DATABASE},
	{"ERR unknown command", MORTISE_UNSUPPORTED, "does not know a command that is needed; it "
	    "must be Redis 5 or newer, with EVAL and EVALSHA"},
	{"WRONGTYPE", MORTISE_INVALID, "has something else than a string under this key, from "
	    "another program; give the backend a prefix of its own"},
};

/* Older servers wrap what stopped a script: "ERR Error running script (...): ...: -OOM ...". */
static const char *
unwrapped(const char *text)
{
	const char *inner;

	if (strncmp(text, "ERR Error running script", 24) != 0)
		return text;
	inner = strstr(text, ": -");
	return inner == NULL ? text : inner + 3;
}

bool
answer_is(const redisReply *reply, const char *begins)
{
	return reply->type == REDIS_REPLY_ERROR &&
	    strncmp(unwrapped(reply->str), begins, strlen(begins)) == 0;
}

enum mortise_code
answer_fail(const struct connection *connection, const redisReply *error)
{
	const char *word = unwrapped(error->str);
	size_t length = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		enum mortise_code code = refusals[i].code;

		if (!answer_is(error, refusals[i].begins))
			continue;
		if (code == MORTISE_DENIED && word != error->str)
			code = MORTISE_ERROR;
		return connection->host->fail(connection->call, code, MORTISE_REASON_NONE, "%s %s",
		    connection->place, refusals[i].words);
	}
	return connection->host->fail(connection->call, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "%s refused a command (%.*s); its log may say more", connection->place,
	    (int)(length < WORD_MAX ? length : WORD_MAX), word);
}

enum mortise_code
answer_odd(const struct mortise_host *host, struct mortise_call *call, const char *place)
{
	return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "%s does not answer as a Redis server does; is another service there?", place);
}

enum mortise_code
answer_cluster(const struct connection *connection)
{
	return connection->host->fail(connection->call, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
	    "%s " CLUSTER, connection->place);
}
