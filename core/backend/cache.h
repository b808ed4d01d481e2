/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache.h: what a backend answered to gets, for a time.  Values lie in locked
 * memory as everywhere; what is out of date is wiped when anything is looked
 * up or kept.  Any thread, any time.
 */
#ifndef BACKEND_CACHE_H
#define BACKEND_CACHE_H

#include <pthread.h>

#include "backend/generations.h"
#include "config/config.h"

struct cache;

/* What is read: a name's newest version ("") or a given one. */
struct read_key {
	const char *name;
	const char *version;
	uint64_t hash;			/* name_hash(name) */
	uint64_t generation;		/* of the name, when the read began */
};

struct read_answer {
	enum mortise_code code;		/* ok or not_found */
	struct mortise_secret *value;	/* of ok; the taker's */
	struct mortise_version found;
	uint64_t age_ms;
};

/* What can lie in a cache has a time, a size, and is counted. */
struct cache_counts {
	size_t entries, bytes;
	uint64_t hits, misses;
};

/* rules.ttl_ms must not be 0.  NULL = no memory. */
struct cache *cache_new(const struct call_rules *rules);
void cache_free(struct cache *cache);	/* NULL is fine */

/* An answer of this generation that is young enough; false: none, or no memory. */
bool cache_find(struct cache *cache, const struct read_key *key, struct read_answer *answer);
/* The same of a value that is past its time, and within `stale` of it. */
bool cache_find_stale(struct cache *cache, const struct read_key *key, struct read_answer *answer);

/*
 * What the backend has answered to a read that began in key->generation, which
 * is still the name's.  ok and not_found are kept (value: copied); after a
 * refusal nothing is; unavailable, timeout and error leave what is there.
 */
void cache_take(struct cache *cache, const struct read_key *key, enum mortise_code code,
    const struct mortise_secret *value, const struct mortise_version *found);

void cache_count(struct cache *cache, struct cache_counts *counts);

#endif
