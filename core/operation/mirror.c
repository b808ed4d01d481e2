/* SPDX-License-Identifier: BSD-2-Clause */
#include "operation/mirror.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"

#define GRACE_MS 2000		/* of a write's marks past all its deadlines */
#define NEVER_MS 3600000	/* what a caller without a deadline has */
#define PAUSE_NS (2 * NS_PER_MS)	/* between looks at another's turn, at first */
#define PAUSE_MAX_NS (50 * NS_PER_MS)

/* --- turns -------------------------------------------------------------------------- */

/* A while of random length; false: the operation's time is over. */
static bool
pause_for(const struct operation *operation, uint64_t *most_ns)
{
	uint64_t now = clock_monotonic_ns(), ns = *most_ns / 2 + now % (*most_ns / 2);
	const struct timespec pause = {0, (long)ns};

	if (operation->deadline != DEADLINE_NEVER && now + ns >= operation->deadline)
		return false;
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	if (*most_ns < PAUSE_MAX_NS)
		*most_ns *= 2;
	return true;
}

enum mortise_code
name_turn_take(struct operation *operation, const char *name, uint64_t ms, struct name_turn *turn)
{
	struct mortise_error kept = *operation->error;
	uint64_t pause = PAUSE_NS;
	unsigned char owner[16];
	char text[sizeof(owner) * 2 + 1];
	struct mortise_state_put put = {.size = sizeof(put), .value = text,
	    .value_size = sizeof(text) - 1, .ttl_ms = (int64_t)ms, .only_if_absent = true};
	enum mortise_code code;

	(void)snprintf(turn->key, sizeof(turn->key), TURN_PREFIX "%s", name);
	turn->taken = false;
	if (!random_bytes(owner, sizeof(owner)))
		return error_set(operation->error, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "the random number generator failed");
	hex_encode(owner, sizeof(owner), text);
	do
		code = operation_state_put(operation, turn->key, &put, &turn->version);
	while (code == MORTISE_CONFLICT && pause_for(operation, &pause));
	if (code == MORTISE_CONFLICT)
		return error_set(operation->error, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
		    "another writer of %s has its turn, or died in it not long ago; try again", name);
	turn->taken = code == MORTISE_OK;
	if (code == MORTISE_OK)
		*operation->error = kept;
	return code;
}

/* One that is not given back ends by itself. */
void
name_turn_give(struct operation *operation, struct name_turn *turn)
{
	struct mortise_error kept = *operation->error;

	if (turn->taken)
		(void)operation_state_delete(operation, turn->key, &turn->version);
	turn->taken = false;
	*operation->error = kept;
}

/* --- marks -------------------------------------------------------------------------- */

static void
find_sides(struct mirror *mirror, const struct chain *chain, const bool *lags)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_entry *entry = &chain->entries[i];
		size_t k = 0;

		if (entry->inner != NULL) {
			find_sides(mirror, entry->inner, lags);
			continue;
		}
		while (k < mirror->count && mirror->sides[k].target != entry->target)
			k++;
		if (lags[entry->target] && k == mirror->count)
			mirror->sides[mirror->count++] = (struct side){.target = entry->target};
	}
}

static struct side *
side_of(struct mirror *mirror, size_t target)
{
	for (size_t i = 0; i < mirror->count; i++) {
		if (mirror->sides[i].target == target)
			return &mirror->sides[i];
	}
	return NULL;
}

/* The caller's time, and what taking it back may need. */
static uint64_t
time_needed(const struct mirror *mirror, const struct chain *chain)
{
	const struct operation *operation = mirror->operation;
	uint64_t now = clock_monotonic_ns(), ms = GRACE_MS;

	ms += operation->deadline == DEADLINE_NEVER ? NEVER_MS :
	    operation->deadline > now ? (operation->deadline - now) / NS_PER_MS : 0;
	for (size_t i = 0; i < chain->count; i++)
		ms += chain->entries[i].inner != NULL ? (uint64_t)GRACE_MS :
		    operation->engine->config->backends[chain->entries[i].target].timeout_ms;
	return ms;
}

/* A mark that says more stays as it is; that of a dead writer becomes what it means. */
static enum mortise_code
mark(struct mirror *mirror, struct side *side, int64_t until_ms)
{
	struct operation *operation = mirror->operation;
	struct behind behind;
	enum mortise_code code = behind_read(operation, side->target, mirror->name, &behind);

	if (code != MORTISE_OK)
		return code;
	side->before = behind.kind == BEHIND_WRITING ? BEHIND_DOUBT : behind.kind;
	if (mirror->op == CHAIN_DELETE)
		return behind_write(operation, side->target, mirror->name, BEHIND_GONE, 0);
	if (side->before == BEHIND_NONE)
		return behind_write(operation, side->target, mirror->name, BEHIND_WRITING, until_ms);
	return side->before != BEHIND_DOUBT ? MORTISE_OK :
	    behind_write(operation, side->target, mirror->name, BEHIND_DOUBT, 0);
}

/* As it was before this write. */
static enum mortise_code
restore(struct mirror *mirror, const struct side *side)
{
	return side->before == BEHIND_NONE ?
	    behind_clear(mirror->operation, side->target, mirror->name, NULL) :
	    behind_write(mirror->operation, side->target, mirror->name, side->before, 0);
}

enum mortise_code
mirror_begin(struct mirror *mirror, const struct run *run, enum chain_op op)
{
	struct operation *operation = run->operation;
	const struct config_route *route = run->route;
	const struct config_operation *part = route == NULL ? NULL :
	    op == CHAIN_DELETE ? &route->delete : &route->put;
	enum mortise_code code = MORTISE_OK;
	struct mortise_error why;
	uint64_t ms;

	mirror->operation = operation;
	mirror->name = run->name;
	mirror->op = op;
	mirror->turn.taken = false;
	mirror->count = 0;
	if (route == NULL || route->lags == NULL || part->given != CONFIG_CHAIN)
		return MORTISE_OK;
	find_sides(mirror, &part->chain, route->lags);
	if (mirror->count == 0)
		return MORTISE_OK;
	ms = time_needed(mirror, &part->chain);
	code = name_turn_take(operation, run->name, ms, &mirror->turn);
	for (size_t i = 0; code == MORTISE_OK && i < mirror->count; i++) {
		code = mark(mirror, &mirror->sides[i], clock_unix_us() / 1000 + (int64_t)ms);
		for (size_t k = i; code != MORTISE_OK && k > 0; k--)
			(void)restore(mirror, &mirror->sides[k - 1]);
	}
	if (code == MORTISE_OK)
		return code;
	why = *operation->error;
	name_turn_give(operation, &mirror->turn);
	mirror->count = 0;
	/* Nothing was written yet. */
	return error_set(operation->error, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
	    "nothing was written, as it could not be noted who takes it: %s", why.message);
}

void
mirror_called(struct mirror *mirror, size_t target, enum mortise_code code)
{
	struct side *side = side_of(mirror, target);

	if (side == NULL)
		return;
	side->called = true;
	side->confirmed = side->confirmed || code == MORTISE_OK ||
	    (mirror->op == CHAIN_DELETE && code == MORTISE_NOT_FOUND);
	side->doubt = side->doubt || code == MORTISE_TIMEOUT || code == MORTISE_ERROR;
}

void
mirror_undone(struct mirror *mirror, size_t target, bool well)
{
	struct side *side = side_of(mirror, target);

	if (side == NULL)
		return;
	side->confirmed = false;
	side->doubt = !well;
}

/* --- what became of it ---------------------------------------------------------------- */

static enum mortise_code
settle_put(struct mirror *mirror, const struct side *side, bool well)
{
	struct operation *operation = mirror->operation;

	if (well && side->confirmed)
		return behind_clear(operation, side->target, mirror->name, NULL);
	if (well || side->doubt)
		return behind_write(operation, side->target, mirror->name,
		    well || side->before == BEHIND_OLD ? BEHIND_OLD : BEHIND_DOUBT, 0);
	return restore(mirror, side);
}

/* Once one backend has deleted it, the others are to; before, a refusal is one. */
static enum mortise_code
settle_delete(struct mirror *mirror, const struct side *side, bool begun)
{
	if (side->confirmed)
		return behind_clear(mirror->operation, side->target, mirror->name, NULL);
	return begun || side->doubt ? MORTISE_OK : restore(mirror, side);
}

/* Those that have taken it, or those that have not. */
static enum mortise_code
settle(struct mirror *mirror, bool confirmed, bool well, bool begun)
{
	enum mortise_code code = MORTISE_OK;

	for (size_t i = 0; code == MORTISE_OK && i < mirror->count; i++) {
		const struct side *side = &mirror->sides[i];

		if (side->confirmed == confirmed)
			code = mirror->op == CHAIN_DELETE ? settle_delete(mirror, side, begun) :
			    settle_put(mirror, side, well);
	}
	if (code != MORTISE_OK)
		log_line(mirror->operation->engine->logger, MORTISE_LOG_WARNING, "%s: what a write has "
		    "left behind could not be noted: %s", mirror->name,
		    mirror->operation->error->message);
	return code;
}

enum mortise_code
mirror_end(struct mirror *mirror, enum mortise_code code)
{
	struct mortise_error kept = *mirror->operation->error;
	enum mortise_code noted;
	bool well = code == MORTISE_OK, begun = well;

	for (size_t i = 0; i < mirror->count; i++)
		begun = begun || mirror->sides[i].confirmed;
	/* Who was left behind first: once the others' marks are gone, they are believed.  What
	 * fails then is a mark too many. */
	noted = settle(mirror, false, well, begun);
	if (noted == MORTISE_OK)
		(void)settle(mirror, true, well, begun);
	*mirror->operation->error = kept;
	if (noted == MORTISE_OK || mirror->op != CHAIN_PUT || !well)
		return code;
	return error_set(mirror->operation->error, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
	    "it could not be noted which backend was left behind, so the put was taken back; is the "
	    "state store well?");
}

void
mirror_close(struct mirror *mirror)
{
	name_turn_give(mirror->operation, &mirror->turn);
}
