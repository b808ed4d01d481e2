/* SPDX-License-Identifier: BSD-2-Clause */
#include "chain/chain.h"

#include "base/code.h"

/* A chain on the way from the one that is checked to the one looked at. */
struct level {
	const struct chain *chain;
	const struct level *up;		/* NULL: the chain itself */
	unsigned int depth;		/* 1: the chain itself */
};

/* A breach is one of the configuration, and has a place in it. */
#define breach(error, at, ...) ( \
	(void)error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION, __VA_ARGS__), \
	error_at(error, at), MORTISE_INVALID)

static enum mortise_code
check_entry_codes(const struct chain_entry *entry, struct mortise_error *error)
{
	for (int code = 0; code < MORTISE_CODES; code++) {
		int action = entry->codes[code];

		if (code != MORTISE_OK && (action == CHAIN_OK || action == CHAIN_DONE))
			return breach(error, &entry->place,
			    "entry '%s': %s cannot become %s, nothing but ok is a success; "
			    "use bad, die or ignore", entry->use,
			    mortise_code_name((enum mortise_code)code),
			    chain_action_name((enum chain_action)action));
	}
	return MORTISE_OK;
}

static enum mortise_code
check_nesting(const struct chain_entry *entry, const struct level *level,
    struct mortise_error *error)
{
	for (const struct level *l = level; l != NULL; l = l->up) {
		if (l->chain == entry->inner)
			return breach(error, &entry->place,
			    "chain '%s' runs itself by this entry; take the entry out",
			    entry->use);
	}
	if (level->depth > CHAIN_DEPTH_MAX)
		return breach(error, &entry->place,
		    "chain '%s' is nested deeper than %d; write its entries out here",
		    entry->use, CHAIN_DEPTH_MAX);
	return MORTISE_OK;
}

/*
 * Stops at the first breach, so it ends: no chain on a path is met twice, none
 * is empty, so each path ends in a call, and calls are bounded.
 */
static enum mortise_code
check_level(const struct level *level, size_t *calls, struct mortise_error *error)
{
	const struct chain *chain = level->chain;

	if (chain->count == 0)
		return breach(error, &chain->place, "an empty chain; name a backend in it");
	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_entry *entry = &chain->entries[i];
		const struct level inner = {entry->inner, level, level->depth + 1};
		enum mortise_code code = check_entry_codes(entry, error);

		if (code == MORTISE_OK && entry->inner != NULL)
			code = check_nesting(entry, level, error);
		if (code == MORTISE_OK && entry->inner != NULL)
			code = check_level(&inner, calls, error);
		else if (code == MORTISE_OK && ++*calls > CHAIN_CALLS_MAX)
			code = breach(error, &entry->place,
			    "more than %d backend calls in one chain; take entries out",
			    CHAIN_CALLS_MAX);
		if (code != MORTISE_OK)
			return code;
	}
	return MORTISE_OK;
}

enum mortise_code
chain_check(const struct chain *chain, struct mortise_error *error)
{
	const struct level top = {chain, NULL, 1};
	size_t calls = 0;

	return check_level(&top, &calls, error);
}

size_t
chain_calls(const struct chain *chain)
{
	size_t calls = 0;

	for (size_t i = 0; i < chain->count; i++) {
		const struct chain *inner = chain->entries[i].inner;

		calls += inner == NULL ? 1 : chain_calls(inner);
	}
	return calls;
}
