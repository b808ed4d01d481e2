/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend/cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "secmem/secret.h"

#define BUCKETS 256
#define SWEPT 4			/* oldest entries that are looked at each time */

struct entry {
	struct entry *next;			/* in its bucket */
	struct entry *older, *newer;		/* by when it was kept */
	uint64_t hash, generation, kept_ns;
	char *name;
	struct mortise_version version;		/* asked for */
	struct mortise_secret *value;		/* NULL: not_found */
	struct mortise_version found;
	size_t bytes;
};

struct cache {
	struct call_rules rules;
	pthread_mutex_t lock;			/* guards what follows */
	struct entry *buckets[BUCKETS];
	struct entry *oldest, *newest;
	struct cache_counts counts;
};

struct cache *
cache_new(const struct call_rules *rules)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL || pthread_mutex_init(&cache->lock, NULL) != 0) {
		free(cache);
		return NULL;
	}
	cache->rules = *rules;
	return cache;
}

static void
entry_free(struct entry *entry)
{
	mortise_secret_free(entry->value);
	free(entry->name);
	free(entry);
}

static void
drop(struct cache *cache, struct entry *entry)
{
	struct entry **at = &cache->buckets[entry->hash % BUCKETS];

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	*(entry->older == NULL ? &cache->oldest : &entry->older->newer) = entry->newer;
	*(entry->newer == NULL ? &cache->newest : &entry->newer->older) = entry->older;
	cache->counts.entries--;
	cache->counts.bytes -= entry->bytes;
	entry_free(entry);
}

static void
insert(struct cache *cache, struct entry *entry)
{
	struct entry **bucket = &cache->buckets[entry->hash % BUCKETS];

	entry->next = *bucket;
	*bucket = entry;
	entry->older = cache->newest;
	*(cache->newest == NULL ? &cache->oldest : &cache->newest->newer) = entry;
	cache->newest = entry;
	cache->counts.entries++;
	cache->counts.bytes += entry->bytes;
}

void
cache_free(struct cache *cache)
{
	if (cache == NULL)
		return;
	while (cache->oldest != NULL)
		drop(cache, cache->oldest);
	(void)pthread_mutex_destroy(&cache->lock);
	free(cache);
}

static uint64_t
age_ms(const struct entry *entry)
{
	return (clock_monotonic_ns() - entry->kept_ns) / NS_PER_MS;
}

static uint64_t
life_ms(const struct cache *cache, const struct entry *entry)
{
	return entry->value == NULL ? cache->rules.negative_ms : cache->rules.ttl_ms;
}

static bool
useless(const struct cache *cache, const struct entry *entry)
{
	uint64_t last_resort = entry->value == NULL ? 0 : cache->rules.stale_ms;

	return age_ms(entry) >= life_ms(cache, entry) + last_resort;
}

/* No thread of its own: the oldest few are looked at whenever anybody comes. */
static void
sweep(struct cache *cache)
{
	struct entry *entry = cache->oldest;

	for (int i = 0; i < SWEPT && entry != NULL; i++) {
		struct entry *newer = entry->newer;

		if (useless(cache, entry))
			drop(cache, entry);
		entry = newer;
	}
}

/* The entry of the key; one of an older generation is gone. */
static struct entry *
find(struct cache *cache, const struct read_key *key)
{
	struct entry *entry = cache->buckets[key->hash % BUCKETS];

	while (entry != NULL && (entry->hash != key->hash || strcmp(entry->name, key->name) != 0 ||
	    strcmp(entry->version.text, key->version) != 0))
		entry = entry->next;
	if (entry == NULL || entry->generation == key->generation)
		return entry;
	drop(cache, entry);
	return NULL;
}

static bool
answer_with(const struct entry *entry, struct read_answer *answer)
{
	struct mortise_secret *copy = NULL;
	const void *bytes;
	size_t size;

	if (entry->value != NULL) {
		bytes = mortise_secret_peek(entry->value, &size);
		copy = secret_from(bytes, size);
		if (copy == NULL)
			return false;
	}
	answer->code = entry->value == NULL ? MORTISE_NOT_FOUND : MORTISE_OK;
	answer->value = copy;
	answer->found = entry->found;
	answer->age_ms = age_ms(entry);
	return true;
}

bool
cache_find(struct cache *cache, const struct read_key *key, struct read_answer *answer)
{
	const struct entry *entry;
	bool hit;

	(void)pthread_mutex_lock(&cache->lock);
	sweep(cache);
	entry = find(cache, key);
	hit = entry != NULL && age_ms(entry) < life_ms(cache, entry) && answer_with(entry, answer);
	if (hit)
		cache->counts.hits++;
	else
		cache->counts.misses++;
	(void)pthread_mutex_unlock(&cache->lock);
	return hit;
}

bool
cache_find_stale(struct cache *cache, const struct read_key *key, struct read_answer *answer)
{
	const struct entry *entry;
	bool hit;

	(void)pthread_mutex_lock(&cache->lock);
	entry = find(cache, key);
	hit = entry != NULL && entry->value != NULL && !useless(cache, entry) &&
	    answer_with(entry, answer);
	(void)pthread_mutex_unlock(&cache->lock);
	return hit;
}

static struct entry *
make(const struct read_key *key, const struct mortise_secret *value,
    const struct mortise_version *found)
{
	struct entry *entry = calloc(1, sizeof(*entry));
	const void *bytes;
	size_t size = 0;

	if (entry == NULL)
		return NULL;
	entry->hash = key->hash;
	entry->generation = key->generation;
	entry->kept_ns = clock_monotonic_ns();
	entry->name = text_dup(key->name);
	memcpy(entry->version.text, key->version, strlen(key->version) + 1);
	if (value != NULL) {
		bytes = mortise_secret_peek(value, &size);
		entry->value = secret_from(bytes, size);
		entry->found = *found;
	}
	if (entry->name == NULL || (value != NULL && entry->value == NULL)) {
		entry_free(entry);
		return NULL;
	}
	entry->bytes = sizeof(*entry) + strlen(key->name) + size;
	return entry;
}

static bool
leaves_what_is_there(enum mortise_code code)
{
	return code == MORTISE_UNAVAILABLE || code == MORTISE_TIMEOUT || code == MORTISE_ERROR ||
	    code == MORTISE_IGNORE;
}

void
cache_take(struct cache *cache, const struct read_key *key, enum mortise_code code,
    const struct mortise_secret *value, const struct mortise_version *found)
{
	bool keep = code == MORTISE_OK ||
	    (code == MORTISE_NOT_FOUND && cache->rules.negative_ms > 0);
	struct entry *entry = NULL, *old;

	if (leaves_what_is_there(code))
		return;
	if (keep)
		entry = make(key, code == MORTISE_OK ? value : NULL, found);
	(void)pthread_mutex_lock(&cache->lock);
	old = find(cache, key);
	if (old != NULL)
		drop(cache, old);
	if (entry != NULL && entry->bytes <= cache->rules.cache_size) {
		while (cache->counts.bytes + entry->bytes > cache->rules.cache_size)
			drop(cache, cache->oldest);
		insert(cache, entry);
		entry = NULL;
	}
	sweep(cache);
	(void)pthread_mutex_unlock(&cache->lock);
	if (entry != NULL)
		entry_free(entry);
}

void
cache_count(struct cache *cache, struct cache_counts *counts)
{
	(void)pthread_mutex_lock(&cache->lock);
	sweep(cache);
	*counts = cache->counts;
	(void)pthread_mutex_unlock(&cache->lock);
}
