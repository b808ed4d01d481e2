/* SPDX-License-Identifier: BSD-2-Clause */
#include "chain/chain.h"

/* Can the chain go on to a good end although the entry failed? */
static bool
may_pass(const struct chain_entry *entry, enum chain_op op)
{
	for (int i = 0; i < MORTISE_CODES; i++) {
		enum mortise_code code = (enum mortise_code)i;

		if (code != MORTISE_OK && code != MORTISE_IGNORE && code != MORTISE_NOT_FOUND &&
		    chain_action_for(entry, code, op) == CHAIN_PASS)
			return true;
	}
	return false;
}

/* passed: the whole list may be. */
static bool
lags_in(const struct chain *chain, enum chain_op op, size_t target, bool passed)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_entry *entry = &chain->entries[i];
		bool here = passed || may_pass(entry, op);

		if (entry->inner != NULL ? lags_in(entry->inner, op, target, here) :
		    here && entry->target == target)
			return true;
		/* Who says so keeps the next ones from being asked. */
		passed = passed || chain_action_for(entry, MORTISE_OK, op) == CHAIN_DONE;
	}
	return false;
}

bool
chain_may_lag(const struct chain *chain, enum chain_op op, size_t target)
{
	/* One call that fails is a chain that does. */
	return chain_calls(chain) > 1 && lags_in(chain, op, target, false);
}
