/* SPDX-License-Identifier: BSD-2-Clause */
/* The mock's state records.  TTLs and leases run on its own monotonic clock. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mock.h"

struct mock_record {
	struct mock_record *next;
	char *key, *value, *index, *owner;
	size_t value_size;
	unsigned long version;
	int64_t ends_ms;		/* monotonic; 0 = never */
	int64_t due_ms, lease_ends_ms;
	uint64_t fence;
};

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t
unix_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
free_record(struct mock_record *record)
{
	free(record->key);
	free(record->value);
	free(record->index);
	free(record->owner);
	free(record);
}

static void
drop(struct mock_record **at)
{
	struct mock_record *record = *at;

	*at = record->next;
	free_record(record);
}

void
mock_state_free(struct mock *mock)
{
	while (mock->records != NULL)
		drop(&mock->records);
}

static void
expire(struct mock *mock)
{
	struct mock_record **at = &mock->records;

	while (*at != NULL) {
		if ((*at)->ends_ms != 0 && (*at)->ends_ms <= now_ms())
			drop(at);
		else
			at = &(*at)->next;
	}
}

/* Where the key is, or would be. */
static struct mock_record **
find(struct mock *mock, const char *key)
{
	struct mock_record **at = &mock->records;

	expire(mock);
	while (*at != NULL && strcmp((*at)->key, key) < 0)
		at = &(*at)->next;
	return at;
}

static bool
is(const struct mock_record *record, const char *key)
{
	return record != NULL && strcmp(record->key, key) == 0;
}

static enum mortise_code
give(const struct mock *mock, const struct mock_record *record, struct mortise_out *out)
{
	struct mortise_record given = {.size = sizeof(given), .key = record->key,
	    .value = record->value, .value_size = record->value_size, .fence = record->fence};

	mock_version(record->version, &given.version);
	if (record->ends_ms != 0)
		given.expires_ms = unix_ms() + record->ends_ms - now_ms();
	return mock->host->add_record(out, &given);
}

static enum mortise_code
get_or_take(struct mock *mock, const char *key, struct mortise_out *out, bool take)
{
	struct mock_record **at;
	enum mortise_code code = MORTISE_NOT_FOUND;

	(void)pthread_mutex_lock(&mock->lock);
	at = find(mock, key);
	if (is(*at, key))
		code = give(mock, *at, out);
	if (code == MORTISE_OK && take)
		drop(at);
	(void)pthread_mutex_unlock(&mock->lock);
	return code;
}

static enum mortise_code
get(void *instance, struct mortise_call *call, const char *key, struct mortise_out *out)
{
	enum mortise_code code = mock_begin(instance, call, MOCK_STATE_GET, key);

	return code == MORTISE_OK ? get_or_take(instance, key, out, false) : code;
}

static enum mortise_code
take(void *instance, struct mortise_call *call, const char *key, struct mortise_out *out)
{
	enum mortise_code code = mock_begin(instance, call, MOCK_STATE_TAKE, key);

	return code == MORTISE_OK ? get_or_take(instance, key, out, true) : code;
}

static struct mock_record *
make(const char *key, const struct mortise_state_put *put)
{
	struct mock_record *record = calloc(1, sizeof(*record));

	if (record == NULL)
		return NULL;
	record->key = mock_copy(key, strlen(key));
	record->value = mock_copy(put->value, put->value_size);
	record->value_size = put->value_size;
	record->ends_ms = put->ttl_ms == 0 ? 0 : now_ms() + put->ttl_ms;
	record->due_ms = put->due_ms;
	if (put->index != NULL)
		record->index = mock_copy(put->index, strlen(put->index));
	if (record->key != NULL && record->value != NULL &&
	    (put->index == NULL || record->index != NULL))
		return record;
	free_record(record);
	return NULL;
}

static enum mortise_code
put(void *instance, struct mortise_call *call, const char *key,
    const struct mortise_state_put *given, struct mortise_version *made)
{
	struct mock *mock = instance;
	enum mortise_code code = mock_begin(mock, call, MOCK_STATE_PUT, key);
	struct mock_record **at, *record;

	if (code != MORTISE_OK)
		return code;
	(void)pthread_mutex_lock(&mock->lock);
	at = find(mock, key);
	record = make(key, given);
	if (mock_conflict(given->only_if_absent, given->only_if, is(*at, key) ? (*at)->version : 0))
		code = MORTISE_CONFLICT;
	else if (record == NULL)
		code = MORTISE_ERROR;
	if (code == MORTISE_OK) {
		record->version = ++mock->last_version;
		mock_version(record->version, made);
		if (is(*at, key)) {
			record->fence = (*at)->fence;
			drop(at);
		}
		record->next = *at;
		*at = record;
	} else if (record != NULL)
		free_record(record);
	(void)pthread_mutex_unlock(&mock->lock);
	return code;
}

static enum mortise_code
delete(void *instance, struct mortise_call *call, const char *key,
    const struct mortise_version *only_if)
{
	struct mock *mock = instance;
	enum mortise_code code = mock_begin(mock, call, MOCK_STATE_DELETE, key);
	struct mock_record **at;

	if (code != MORTISE_OK)
		return code;
	(void)pthread_mutex_lock(&mock->lock);
	at = find(mock, key);
	if (!is(*at, key))
		code = MORTISE_NOT_FOUND;
	else if (mock_conflict(false, only_if, (*at)->version))
		code = MORTISE_CONFLICT;
	else
		drop(at);
	(void)pthread_mutex_unlock(&mock->lock);
	return code;
}

/* A record a page, to have many. */
static enum mortise_code
list(void *instance, struct mortise_call *call, const char *prefix, const char *cursor,
    struct mortise_out *out)
{
	struct mock *mock = instance;
	enum mortise_code code = mock_begin(mock, call, MOCK_STATE_LIST, prefix);
	const struct mock_record *record;

	if (code != MORTISE_OK)
		return code;
	(void)pthread_mutex_lock(&mock->lock);
	record = *find(mock, cursor == NULL ? "" : cursor);
	if (record != NULL && cursor != NULL && is(record, cursor))
		record = record->next;
	if (record != NULL)
		code = give(mock, record, out);
	if (code == MORTISE_OK && record != NULL && record->next != NULL)
		code = mock->host->set_cursor(out, record->key);
	(void)pthread_mutex_unlock(&mock->lock);
	return code;
}

/* --- leases ------------------------------------------------------------------------ */

static bool
leased(const struct mock_record *record)
{
	return record->owner != NULL && record->lease_ends_ms > now_ms();
}

/* The due record of the index that is due first, of those that nobody holds. */
static struct mock_record *
next_due(struct mock *mock, const char *index, int64_t due_by_ms)
{
	struct mock_record *first = NULL;

	for (struct mock_record *at = mock->records; at != NULL; at = at->next) {
		if (at->index != NULL && strcmp(at->index, index) == 0 && !leased(at) &&
		    at->due_ms <= due_by_ms && (first == NULL || at->due_ms < first->due_ms))
			first = at;
	}
	return first;
}

static enum mortise_code
claim(void *instance, struct mortise_call *call, const char *index, int64_t due_by_ms, size_t max,
    const char *owner, int64_t lease_ms, struct mortise_out *out)
{
	struct mock *mock = instance;
	enum mortise_code code = mock_begin(mock, call, MOCK_STATE_CLAIM, index);
	struct mock_record *record;

	if (code != MORTISE_OK)
		return code;
	(void)pthread_mutex_lock(&mock->lock);
	expire(mock);
	for (size_t i = 0; code == MORTISE_OK && i < max; i++) {
		record = next_due(mock, index, due_by_ms);
		if (record == NULL)
			break;
		free(record->owner);
		record->owner = mock_copy(owner, strlen(owner));
		record->lease_ends_ms = now_ms() + lease_ms;
		record->fence++;
		code = record->owner == NULL ? MORTISE_ERROR : give(mock, record, out);
	}
	(void)pthread_mutex_unlock(&mock->lock);
	return code;
}

/* ends_ms: of the lease; 0 = give it back. */
static enum mortise_code
change_lease(struct mock *mock, const struct mortise_lease *lease, int64_t ends_ms)
{
	enum mortise_code code = MORTISE_OK;
	struct mock_record *record;

	(void)pthread_mutex_lock(&mock->lock);
	record = *find(mock, lease->key);
	if (!is(record, lease->key) || !leased(record) || record->fence != lease->fence ||
	    strcmp(record->owner, lease->owner) != 0)
		code = MORTISE_CONFLICT;
	else
		record->lease_ends_ms = ends_ms;
	(void)pthread_mutex_unlock(&mock->lock);
	return code;
}

static enum mortise_code
extend(void *instance, struct mortise_call *call, const struct mortise_lease *lease)
{
	enum mortise_code code = mock_begin(instance, call, MOCK_STATE_EXTEND, lease->key);

	return code == MORTISE_OK ? change_lease(instance, lease, now_ms() + lease->lease_ms) :
	    code;
}

static enum mortise_code
release(void *instance, struct mortise_call *call, const struct mortise_lease *lease)
{
	enum mortise_code code = mock_begin(instance, call, MOCK_STATE_RELEASE, lease->key);

	return code == MORTISE_OK ? change_lease(instance, lease, 0) : code;
}

const struct mortise_state_ops mock_state_ops = {
	.size = sizeof(mock_state_ops),
	.get = get,
	.take = take,
	.put = put,
	.remove = delete,
	.list = list,
	.claim = claim,
	.extend = extend,
	.release = release,
};
