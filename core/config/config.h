/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config: the configuration file and its drop-ins, checked.  Read at start
 * only, by api; names and places live as long as the struct config.
 *
 * What needs plugins (their options, what they can do) is checked by api with
 * the help of loader and backend, into the same problems.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "chain/chain.h"
#include "config/options.h"

/* How a backend is called, beside its timeout: breaker, cache, retry.  Zero:
 * none of them. */
struct call_rules {
	unsigned int failures;		/* in a row that open the breaker */
	uint64_t open_ms;		/* for so long */
	uint64_t ttl_ms, negative_ms, stale_ms;	/* of what the cache holds; ttl 0: no cache */
	size_t cache_size;		/* bytes that it holds at most */
	unsigned int attempts;		/* times that a call is made at most; 0: once */
	unsigned int recoverable_days;	/* what is deleted can come back for so long; 0: not at all */
};

/* The keys of a backend's map that are not its plugin's; NULL-ended. */
extern const char *const config_core_words[];

struct config_backend {
	const char *name;
	struct place place;
	const char *plugin;
	struct place plugin_place;
	const struct yaml_node *map;	/* the whole map: options, `plugin`, `call` */
	uint64_t timeout_ms;		/* call.timeout, 2000 */
	struct call_rules rules;
	bool skip_if_missing;		/* call.if-missing: skip */
	bool skip_if_unsupported;	/* call.if-unsupported: skip */
	size_t *needs;			/* backends that it reads {secret:, from:} from */
	size_t needs_count;
};

/* One operation of a route.  `none` and "left to `use`" are different things. */
enum config_given {
	CONFIG_OPEN,		/* nothing says who serves it: an error for get, put, delete */
	CONFIG_NONE,		/* refused: unsupported */
	CONFIG_CHAIN
};
struct config_operation {
	enum config_given given;
	struct chain chain;	/* its place is where the operation stands */
};

struct config_route {
	struct place place;
	const char *match;
	struct config_operation get, put, delete;	/* secrets: put serves keep too */
	size_t target;		/* state routes: their one backend */
	/* By backend: a write may end well without it, so that it is left behind.  NULL: none. */
	bool *lags;		/* secrets */
};

/* Who waits for a sink. */
enum sink_wait {
	SINK_ACK,		/* each caller, until it has the record */
	SINK_LAG,		/* nobody, until it lags too much: then all are denied */
	SINK_NEVER		/* nobody */
};

/* A sink that follows the trail. */
struct config_sink {
	struct place place;
	size_t target;			/* the backend */
	enum sink_wait wait;
	uint64_t timeout_ms;		/* of one batch, and of who waits for it; 2 s */
	uint64_t max_records, max_bytes;	/* lag: it may be so far behind; 0: any */
	int64_t max_age_ms;
	const char **only;		/* globs of actions; none: all */
	size_t only_count;
	bool park;			/* a record that it rejects is passed over, and that noted */
};

struct config_audit {
	bool off;		/* for tests only: warned about at every start */
	const char *trail;	/* absolute directory */
	struct place place;
	int64_t retention_ms;	/* 400 days */
	struct config_sink *sinks;
	size_t sinks_count;
};

struct config {
	const char *path;	/* absolute */
	char digest[65];	/* SHA-256 over the files' bytes, in order */
	int64_t deadline_ms;	/* 10 s */
	const char **plugin_path;	/* absolute directories */
	struct place *plugin_path_places;
	size_t plugin_path_count;
	struct config_backend *backends;
	size_t *order;		/* all of them, each after those that it needs */
	size_t backends_count;
	struct chain *chains;
	size_t chains_count;
	struct config_route *secret, *state;
	size_t secret_count, state_count;
	struct config_audit audit;
	const char *token_name;		/* "oauth/{platform}/{connectionId}" */
	struct place token_name_place;
	struct config_memory *memory;	/* what all of this lies in; config's own */
};

/* ok, or invalid with every problem told. */
enum mortise_code config_read(const char *path, struct config **config,
    struct problems *problems);
void config_free(struct config *config);

/* As mortise_find_config. */
enum mortise_code config_find(char *path, size_t size, struct mortise_error *error);

#endif
