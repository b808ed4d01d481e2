/* SPDX-License-Identifier: BSD-2-Clause */
/* Backends that writes have left behind, brought up to date. */
#include <string.h>

#include "base/clock.h"
#include "operation/mirror.h"
#include "operation/route.h"
#include "secmem/secret.h"

#define TURN_MS 30000

struct behind_side {
	size_t target;
	struct behind behind;
};

struct reconciling {
	struct operation *operation;
	const char *name;
	struct behind_side sides[2 * CHAIN_CALLS_MAX];	/* puts first, in their order */
	size_t count;
	struct mortise_secret *value;	/* the newest; NULL: the name is not there */
	size_t source;
};

static void
find_sides(struct reconciling *work, const struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_entry *entry = &chain->entries[i];
		size_t k = 0;

		if (entry->inner != NULL) {
			find_sides(work, entry->inner);
			continue;
		}
		while (k < work->count && work->sides[k].target != entry->target)
			k++;
		if (k == work->count && operation_can_at(work->operation->engine, entry->target,
		    MORTISE_CAN_SECRET_GET))
			work->sides[work->count++] = (struct behind_side){.target = entry->target};
	}
}

/* Of a kind, the first that answers.  ok also where it has no such name. */
static enum mortise_code
read_newest(struct reconciling *work, enum behind_kind kind)
{
	enum mortise_code code = MORTISE_NOT_FOUND, got;
	bool asked = false;

	for (size_t i = 0; i < work->count; i++) {
		struct mortise_version found;

		if (work->sides[i].behind.kind != kind)
			continue;
		asked = true;
		work->source = work->sides[i].target;
		got = operation_get_at(work->operation, work->source, work->name, NULL, &work->value,
		    &found);
		if (got == MORTISE_OK || got == MORTISE_NOT_FOUND)
			return MORTISE_OK;
		code = got;
	}
	return asked ? code : MORTISE_NOT_FOUND;
}

static enum mortise_code
find_newest(struct reconciling *work)
{
	/* Who has no mark has it; else one whose writer died, whichever value that left. */
	enum mortise_code code = read_newest(work, BEHIND_NONE);

	if (code == MORTISE_NOT_FOUND)
		code = read_newest(work, BEHIND_DOUBT);
	return code != MORTISE_NOT_FOUND ? code : error_set(work->operation->error,
	    MORTISE_CONFLICT, MORTISE_REASON_NONE, "no backend is known to have the newest value of "
	    "%s; put it again", work->name);
}

static enum mortise_code
copy_to(struct reconciling *work, size_t target)
{
	struct mortise_secret *there _cleanup_(secret_cleanup) = NULL;
	struct mortise_secret *after _cleanup_(secret_cleanup) = NULL;
	const struct mortise_secret_put put = {.size = sizeof(put), .value = work->value};
	struct mortise_version found;
	enum mortise_code code = operation_get_at(work->operation, target, work->name, NULL, &there,
	    &found);

	if (code == MORTISE_OK && mortise_secret_equal(there, work->value))
		return code;
	if (code == MORTISE_OK || code == MORTISE_NOT_FOUND)
		code = operation_put_at(work->operation, target, work->name, &put, &found);
	if (code == MORTISE_OK)
		code = operation_get_at(work->operation, target, work->name, NULL, &after, &found);
	if (code == MORTISE_OK && !mortise_secret_equal(after, work->value))
		code = error_set(work->operation->error, MORTISE_ERROR, MORTISE_REASON_DIFFERENCE,
		    "%s gave another value back than was written",
		    work->operation->engine->config->backends[target].name);
	return code;
}

static enum mortise_code
delete_at(struct reconciling *work, size_t target)
{
	enum mortise_code code = operation_delete_at(work->operation, target, work->name);

	return code == MORTISE_NOT_FOUND ? MORTISE_OK : code;
}

static enum mortise_code
mend(struct reconciling *work, const struct behind_side *side, bool *deleted)
{
	enum mortise_code code;

	*deleted = side->behind.kind == BEHIND_GONE || work->value == NULL;
	code = *deleted ? delete_at(work, side->target) :
	    side->target == work->source ? MORTISE_OK : copy_to(work, side->target);
	return code != MORTISE_OK ? code : behind_clear(work->operation, side->target, work->name,
	    &side->behind.version);
}

/* Under the name's turn. */
static enum mortise_code
mend_all(struct reconciling *work, operation_reconciled_fn *done, void *arg)
{
	enum mortise_code code = MORTISE_OK, first = MORTISE_OK;
	struct mortise_error error = *work->operation->error;
	bool value_needed = false, any = false, deleted;

	for (size_t i = 0; code == MORTISE_OK && i < work->count; i++) {
		struct behind *behind = &work->sides[i].behind;

		code = behind_read(work->operation, work->sides[i].target, work->name, behind);
		/* It is our turn: nobody is writing. */
		if (behind->kind == BEHIND_WRITING)
			behind->kind = BEHIND_DOUBT;
		any = any || behind->kind != BEHIND_NONE;
		value_needed = value_needed || (behind->kind != BEHIND_NONE &&
		    behind->kind != BEHIND_GONE);
	}
	if (code == MORTISE_OK && value_needed)
		code = find_newest(work);
	for (size_t i = 0; code == MORTISE_OK && any && i < work->count; i++) {
		if (work->sides[i].behind.kind == BEHIND_NONE)
			continue;
		code = mend(work, &work->sides[i], &deleted);
		if (code == MORTISE_OK && done != NULL)
			done(arg, work->sides[i].target, deleted);
		else if (code != MORTISE_OK && first == MORTISE_OK) {
			first = code;
			error = *work->operation->error;
		}
		code = MORTISE_OK;
	}
	if (first != MORTISE_OK)
		*work->operation->error = error;
	return code != MORTISE_OK ? code : first;
}

enum mortise_code
operation_reconcile(struct operation *operation, const char *name, operation_reconciled_fn *done,
    void *arg)
{
	const struct config *config = operation->engine->config;
	const struct config_route *route = route_find(config->secret, config->secret_count, name);
	struct reconciling work = {.operation = operation, .name = name, .source = SIZE_MAX};
	struct name_turn turn = {.taken = false};
	enum mortise_code code;

	if (route == NULL)
		return MORTISE_OK;
	if (route->put.given == CONFIG_CHAIN)
		find_sides(&work, &route->put.chain);
	if (route->delete.given == CONFIG_CHAIN)
		find_sides(&work, &route->delete.chain);
	code = name_turn_take(operation, name, TURN_MS, &turn);
	if (code != MORTISE_OK)
		return code;
	code = mend_all(&work, done, arg);
	name_turn_give(operation, &turn);
	mortise_secret_free(work.value);
	return code;
}

struct listing {
	enum mortise_code (*each)(void *arg, const char *name);
	void *arg;
};

static enum mortise_code
take_record(void *arg, const struct mortise_record *record)
{
	const struct listing *listing = arg;
	const char *name = behind_name(record->key);

	return name == NULL ? MORTISE_OK : listing->each(listing->arg, name);
}

enum mortise_code
operation_behind(struct operation *operation, enum mortise_code (*each)(void *arg,
    const char *name), void *arg)
{
	struct listing listing = {.each = each, .arg = arg};

	return operation_state_list(operation, BEHIND_PREFIX, take_record, &listing);
}
