/* SPDX-License-Identifier: BSD-2-Clause */
/* What is remembered beside the records: intents without outcome, and the
 * generations of stores. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/parts.h"

bool
trail_grow(void **all, size_t count, size_t *capacity, size_t element)
{
	size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
	void *bigger;

	if (count < *capacity)
		return true;
	if (wanted > SIZE_MAX / element)
		return false;
	bigger = realloc(*all, wanted * element);
	if (bigger == NULL)
		return false;
	*all = bigger;
	*capacity = wanted;
	return true;
}

bool
pendings_add(struct pendings *pendings, uint64_t seq, const char *op, uint32_t writer)
{
	void *all = pendings->all;
	struct pending *made;

	if (!trail_grow(&all, pendings->count, &pendings->capacity, sizeof(*made)))
		return false;
	pendings->all = all;
	made = &pendings->all[pendings->count++];
	*made = (struct pending){.seq = seq, .writer = writer};
	(void)snprintf(made->op, sizeof(made->op), "%s", op);
	return true;
}

void
pendings_close(struct pendings *pendings, const char *op, uint64_t seq)
{
	for (size_t i = pendings->count; i > 0; i--) {
		struct pending *pending = &pendings->all[i - 1];

		if (pending->closed == 0 && strcmp(pending->op, op) == 0) {
			pending->closed = seq;
			return;
		}
	}
}

void
pendings_settle(struct pendings *pendings)
{
	size_t kept = 0;

	for (size_t i = 0; i < pendings->count; i++) {
		if (pendings->all[i].closed == 0)
			pendings->all[kept++] = pendings->all[i];
	}
	pendings->count = kept;
}

void
pendings_rewind(struct pendings *pendings, uint64_t seq)
{
	size_t kept = 0;

	for (size_t i = 0; i < pendings->count; i++) {
		struct pending *pending = &pendings->all[i];

		if (pending->seq > seq)
			continue;
		if (pending->closed > seq)
			pending->closed = 0;
		pendings->all[kept++] = *pending;
	}
	pendings->count = kept;
}

bool
pendings_holds(const struct pendings *pendings, uint32_t writer)
{
	for (size_t i = 0; i < pendings->count; i++) {
		if (pendings->all[i].writer == writer && pendings->all[i].closed == 0)
			return true;
	}
	return false;
}

void
pendings_free(struct pendings *pendings)
{
	free(pendings->all);
	*pendings = (struct pendings){0};
}

/* A store's generation only grows: outcomes may be written in another order
 * than the commits were made. */
static void
raise_generation(struct noted *noted, uint64_t generation)
{
	if (noted->generation < generation)
		noted->generation = generation;
}

bool
noteds_set(struct noteds *noteds, const char *backend, const char *store, uint64_t generation,
    bool *fresh)
{
	struct noted *noted = NULL;
	void *all = noteds->all;

	for (size_t i = 0; i < noteds->count; i++) {
		if (backend == NULL && strcmp(noteds->all[i].store, store) == 0)
			raise_generation(&noteds->all[i], generation);
		else if (backend != NULL && strcmp(noteds->all[i].backend, backend) == 0)
			noted = &noteds->all[i];
	}
	if (backend == NULL)
		return true;
	if (noted != NULL && strcmp(noted->store, store) == 0) {
		raise_generation(noted, generation);
		return true;
	}
	if (noted == NULL) {
		if (!trail_grow(&all, noteds->count, &noteds->capacity, sizeof(*noted)))
			return false;
		noteds->all = all;
		noted = &noteds->all[noteds->count++];
	}
	*noted = (struct noted){.generation = generation};
	(void)snprintf(noted->backend, sizeof(noted->backend), "%s", backend);
	(void)snprintf(noted->store, sizeof(noted->store), "%s", store);
	if (fresh != NULL)
		*fresh = true;
	return true;
}

const struct noted *
noteds_find(const struct noteds *noteds, const char *backend)
{
	for (size_t i = 0; i < noteds->count; i++) {
		if (strcmp(noteds->all[i].backend, backend) == 0)
			return &noteds->all[i];
	}
	return NULL;
}

void
noteds_free(struct noteds *noteds)
{
	free(noteds->all);
	*noteds = (struct noteds){0};
}
