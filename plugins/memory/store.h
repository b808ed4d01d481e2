/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory: state records in this process's memory.  A hash finds a record by
 * its key, a heap knows who expires next, a list holds those with an index.
 *
 * store.h: the records and how they hang together; knows no call and no code.
 */
#ifndef MEMORY_STORE_H
#define MEMORY_STORE_H

#include <mortise/plugin.h>
#include <pthread.h>

#define NEVER UINT64_MAX

/* Times are CLOCK_BOOTTIME in nanoseconds, so that a suspended machine ages. */
struct record {
	struct record *next;		/* in its bucket */
	struct record *index_next, *index_previous;
	size_t heap_at;			/* where in the heap; SIZE_MAX: not there */
	uint64_t expires;		/* NEVER */
	uint64_t version;
	const char *index;		/* NULL: in none */
	int64_t due_ms;			/* Unix time */
	char *owner;			/* of the lease; NULL: never leased */
	uint64_t lease_ends, fence;
	const void *value;
	size_t value_size;
	size_t text_size;		/* of what follows */
	char key[];			/* key, index and value, one after another */
};

struct store {
	const struct mortise_host *host;
	size_t max_records;
	pthread_mutex_t mutex;		/* guards all below */
	size_t count;
	struct record **buckets;
	size_t buckets_count;		/* a power of two */
	struct record **heap;
	size_t heap_count, heap_capacity;
	struct record *indexed;
	uint64_t last_version, last_fence;	/* one count for all: it only has to rise */
};

/* NULL = no memory. */
struct store *store_new(const struct mortise_host *, size_t max_records);
void store_free(struct store *);

/* Locks the store and frees what has expired; returns the time. */
uint64_t store_enter(struct store *);
void store_leave(struct store *);

/* All below: while entered. */
struct record *store_find(const struct store *, const char *key);
/* Makes sure that one store_add works; false = no memory. */
bool store_reserve(struct store *);
/* Takes a record whose key is not there, after store_reserve. */
void store_add(struct store *, struct record *);
/* Takes it out and wipes it. */
void store_remove(struct store *, struct record *);

/* A record with a copy of all that; no version yet.  NULL = no memory. */
struct record *record_new(const char *key, const struct mortise_state_put *, uint64_t now);
void record_free(struct record *);

/* now + ms, not beyond NEVER. */
uint64_t time_after(uint64_t now, int64_t ms);
int64_t unix_ms(void);

#endif
