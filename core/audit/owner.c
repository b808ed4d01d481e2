/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE	/* memmem */
#include "audit/owner.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BEGIN 5		/* {"c": */
#define OP_DIGITS 32
#define FIRST_CAPACITY 256

bool
owner_begin(struct owner *owner, const char *agency)
{
	*owner = (struct owner){.agency = agency};
	(void)buffer_json(&owner->needle, agency, strlen(agency));
	return !owner->needle.failed;
}

void
owner_end(struct owner *owner)
{
	buffer_free(&owner->needle);
	free(owner->entries);
	owner->entries = NULL;
}

/* Our own ops are random; others may count them. */
static uint64_t
hash_of(const unsigned char op[16])
{
	uint64_t halves[2], hash;

	memcpy(halves, op, sizeof(halves));
	hash = halves[0] ^ halves[1];
	hash = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

/* The place of an op, or the empty one where it would be. */
static struct owner_entry *
find(const struct owner *owner, const unsigned char op[16])
{
	size_t at;

	for (at = hash_of(op) & (owner->capacity - 1); owner->entries[at].used &&
	    memcmp(owner->entries[at].op, op, 16) != 0; at = (at + 1) & (owner->capacity - 1))
		;
	return &owner->entries[at];
}

/* Never more than half full. */
static bool
make_room(struct owner *owner)
{
	struct owner bigger = {.capacity = owner->capacity == 0 ? FIRST_CAPACITY :
	    owner->capacity * 2};

	if (owner->count * 2 < owner->capacity)
		return true;
	bigger.entries = calloc(bigger.capacity, sizeof(*bigger.entries));
	if (bigger.entries == NULL)
		return false;
	for (size_t i = 0; i < owner->capacity; i++) {
		if (owner->entries[i].used)
			*find(&bigger, owner->entries[i].op) = owner->entries[i];
	}
	free(owner->entries);
	owner->entries = bigger.entries;
	owner->capacity = bigger.capacity;
	return true;
}

static bool
note(struct owner *owner, const unsigned char op[16], bool ours)
{
	struct owner_entry *entry;

	if (!make_room(owner))
		return false;
	entry = find(owner, op);
	owner->count += !entry->used;
	memcpy(entry->op, op, 16);
	entry->used = true;
	entry->ours = ours;
	return true;
}

bool
owner_learn(struct owner *owner, const char *line, size_t size)
{
	const char *op, *agency, *type;
	unsigned char raw[16];
	bool good = true;
	json_t *c;

	/* One that belongs to another has it as what was claimed. */
	if (size < LINE_BEGIN ||
	    memmem(line, size, owner->needle.data, owner->needle.size) == NULL)
		return true;
	c = json_loadb(line + LINE_BEGIN, size - LINE_BEGIN, JSON_DISABLE_EOF_CHECK, NULL);
	op = json_string_value(json_object_get(c, "op"));
	agency = json_string_value(json_object_get(c, "agencyId"));
	type = json_string_value(json_object_get(c, "t"));
	if (op != NULL && agency != NULL && type != NULL && hex_decode(op, raw, sizeof(raw)) &&
	    (strcmp(type, "intent") == 0 || strcmp(type, "outcome") == 0))
		good = note(owner, raw, strcmp(agency, owner->agency) == 0);
	json_decref(c);
	return good;
}

bool
owner_has(const struct owner *owner, const char *line, size_t size)
{
	/* The first member of the types that have it; no text has bare quotes in it. */
	static const char key[] = "\"op\":\"";
	const char *at = owner->count == 0 ? NULL : memmem(line, size, key, sizeof(key) - 1);
	const struct owner_entry *entry;
	char digits[OP_DIGITS + 1];
	unsigned char op[16];

	if (at == NULL || (size_t)(line + size - at) < sizeof(key) - 1 + OP_DIGITS)
		return false;
	memcpy(digits, at + sizeof(key) - 1, OP_DIGITS);
	digits[OP_DIGITS] = '\0';
	if (!hex_decode(digits, op, sizeof(op)))
		return false;
	entry = find(owner, op);
	return entry->used && entry->ours;
}
