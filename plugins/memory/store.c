/* SPDX-License-Identifier: BSD-2-Clause */
/* For explicit_bzero. */
#define _GNU_SOURCE
#include "store.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_MS UINT64_C(1000000)
#define FIRST_BUCKETS 64
#define NOT_IN_HEAP SIZE_MAX

/* --- times ------------------------------------------------------------------ */

static uint64_t
clock_ns(clockid_t id)
{
	struct timespec t;

	/* Cannot fail: both clocks exist on every Linux. */
	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

int64_t
unix_ms(void)
{
	return (int64_t)(clock_ns(CLOCK_REALTIME) / NS_PER_MS);
}

uint64_t
time_after(uint64_t now, int64_t ms)
{
	if (ms <= 0)
		return now;
	if ((uint64_t)ms > (NEVER - now) / NS_PER_MS)
		return NEVER;
	return now + (uint64_t)ms * NS_PER_MS;
}

/* --- records ---------------------------------------------------------------- */

struct record *
record_new(const char *key, const struct mortise_state_put *put, uint64_t now)
{
	size_t key_size = strlen(key) + 1;
	size_t index_size = put->index == NULL ? 0 : strlen(put->index) + 1;
	size_t text_size = key_size + index_size;
	struct record *record;

	if (put->value_size > SIZE_MAX - sizeof(*record) - text_size)
		return NULL;
	text_size += put->value_size;
	record = calloc(1, sizeof(*record) + text_size);
	if (record == NULL)
		return NULL;
	record->heap_at = NOT_IN_HEAP;
	record->expires = put->ttl_ms == 0 ? NEVER : time_after(now, put->ttl_ms);
	record->due_ms = put->due_ms;
	record->text_size = text_size;
	memcpy(record->key, key, key_size);
	if (index_size > 0)
		record->index = memcpy(record->key + key_size, put->index, index_size);
	record->value = record->key + key_size + index_size;
	record->value_size = put->value_size;
	if (put->value_size > 0)
		memcpy(record->key + key_size + index_size, put->value, put->value_size);
	return record;
}

void
record_free(struct record *record)
{
	if (record == NULL)
		return;
	explicit_bzero(record->key, record->text_size);
	free(record->owner);
	free(record);
}

/* --- the heap: who expires next ----------------------------------------------- */

static void
heap_set(struct store *store, size_t at, struct record *record)
{
	store->heap[at] = record;
	record->heap_at = at;
}

/* Moves a record up while its parent expires later. */
static void
heap_rise(struct store *store, struct record *record)
{
	size_t at = record->heap_at;

	while (at > 0 && store->heap[(at - 1) / 2]->expires > record->expires) {
		heap_set(store, at, store->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_set(store, at, record);
}

/* Moves a record down while a child expires earlier. */
static void
heap_sink(struct store *store, struct record *record)
{
	size_t at = record->heap_at, child;

	while ((child = 2 * at + 1) < store->heap_count) {
		if (child + 1 < store->heap_count &&
		    store->heap[child + 1]->expires < store->heap[child]->expires)
			child++;
		if (store->heap[child]->expires >= record->expires)
			break;
		heap_set(store, at, store->heap[child]);
		at = child;
	}
	heap_set(store, at, record);
}

static void
heap_remove(struct store *store, struct record *record)
{
	struct record *last = store->heap[--store->heap_count];

	if (last != record) {
		heap_set(store, record->heap_at, last);
		heap_rise(store, last);
		heap_sink(store, last);
	}
	record->heap_at = NOT_IN_HEAP;
}

bool
store_reserve(struct store *store)
{
	size_t capacity = store->heap_capacity == 0 ? 64 : 2 * store->heap_capacity;
	struct record **heap;

	if (store->heap_count < store->heap_capacity)
		return true;
	heap = reallocarray(store->heap, capacity, sizeof(*heap));
	if (heap == NULL)
		return false;
	store->heap = heap;
	store->heap_capacity = capacity;
	return true;
}

/* --- the hash: who has this key ----------------------------------------------- */

/* FNV-1a. */
static size_t
hash(const char *key)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
	return (size_t)(h ^ h >> 32);
}

static struct record **
bucket(const struct store *store, const char *key)
{
	return &store->buckets[hash(key) & (store->buckets_count - 1)];
}

struct record *
store_find(const struct store *store, const char *key)
{
	struct record *record = *bucket(store, key);

	while (record != NULL && strcmp(record->key, key) != 0)
		record = record->next;
	return record;
}

/* Doubles the buckets; without memory they stay, and are only slower. */
static void
grow(struct store *store)
{
	size_t old_count = store->buckets_count;
	struct record **old = store->buckets;
	struct record **buckets = calloc(2 * old_count, sizeof(struct record *));

	if (buckets == NULL)
		return;
	store->buckets = buckets;
	store->buckets_count = 2 * old_count;
	for (size_t i = 0; i < old_count; i++) {
		struct record *record = old[i], *next;

		for (; record != NULL; record = next) {
			struct record **head = bucket(store, record->key);

			next = record->next;
			record->next = *head;
			*head = record;
		}
	}
	free(old);
}

/* --- all three ---------------------------------------------------------------- */

void
store_add(struct store *store, struct record *record)
{
	struct record **head;

	if (store->count >= store->buckets_count)
		grow(store);
	head = bucket(store, record->key);
	record->next = *head;
	*head = record;
	store->count++;
	if (record->expires != NEVER) {
		record->heap_at = store->heap_count++;
		heap_rise(store, record);
	}
	if (record->index != NULL) {
		record->index_next = store->indexed;
		if (store->indexed != NULL)
			store->indexed->index_previous = record;
		store->indexed = record;
	}
}

void
store_remove(struct store *store, struct record *record)
{
	struct record **link = bucket(store, record->key);

	while (*link != record)
		link = &(*link)->next;
	*link = record->next;
	store->count--;
	if (record->heap_at != NOT_IN_HEAP)
		heap_remove(store, record);
	if (record->index_next != NULL)
		record->index_next->index_previous = record->index_previous;
	if (record->index_previous != NULL)
		record->index_previous->index_next = record->index_next;
	else if (store->indexed == record)
		store->indexed = record->index_next;
	record_free(record);
}

uint64_t
store_enter(struct store *store)
{
	uint64_t now;

	(void)pthread_mutex_lock(&store->mutex);
	now = clock_ns(CLOCK_BOOTTIME);
	while (store->heap_count > 0 && store->heap[0]->expires <= now)
		store_remove(store, store->heap[0]);
	return now;
}

void
store_leave(struct store *store)
{
	(void)pthread_mutex_unlock(&store->mutex);
}

struct store *
store_new(const struct mortise_host *host, size_t max_records)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return NULL;
	store->host = host;
	store->max_records = max_records;
	store->buckets_count = FIRST_BUCKETS;
	store->buckets = calloc(FIRST_BUCKETS, sizeof(struct record *));
	if (store->buckets == NULL || pthread_mutex_init(&store->mutex, NULL) != 0) {
		free(store->buckets);
		free(store);
		return NULL;
	}
	return store;
}

void
store_free(struct store *store)
{
	for (size_t i = 0; i < store->buckets_count; i++) {
		while (store->buckets[i] != NULL)
			store_remove(store, store->buckets[i]);
	}
	(void)pthread_mutex_destroy(&store->mutex);
	free(store->heap);
	free(store->buckets);
	free(store);
}
