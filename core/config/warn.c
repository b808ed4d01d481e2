/* SPDX-License-Identifier: BSD-2-Clause */
/* What is legal and yet probably not meant. */
#include <string.h>

#include "base/name.h"
#include "config/parts.h"

static void
warn_writes(const struct chain *chain, enum chain_op op, struct problems *problems)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_entry *entry = &chain->entries[i];
		bool stops = chain_action_for(entry, MORTISE_OK, op) == CHAIN_DONE;

		if (stops && i + 1 < chain->count)
			problem_warning(problems, &entry->place, "a %s that %s takes stops here, "
			    "and the entries behind it keep %s; use %s", chain_op_name(op),
			    entry->use, op == CHAIN_PUT ? "an older value" : "the name",
			    chain_word_name(chain_default_word(op)));
		if (entry->inner != NULL)
			warn_writes(entry->inner, op, problems);
	}
}

static const struct config_operation *
operation_of(const struct config_route *route, enum chain_op op)
{
	return op == CHAIN_PUT ? &route->put : &route->delete;
}

/* The writes of route i; a chain that several routes name is told once. */
static void
warn_operation(const struct config *config, size_t i, enum chain_op op, struct problems *problems)
{
	const struct config_operation *operation = operation_of(&config->secret[i], op);

	if (operation->given != CONFIG_CHAIN || chain_calls(&operation->chain) < 2)
		return;
	for (size_t k = 0; k < i; k++) {
		if (operation_of(&config->secret[k], op)->chain.entries == operation->chain.entries)
			return;
	}
	warn_writes(&operation->chain, op, problems);
}

/* The backends of a chain in the order of their first call. */
static size_t
order_of(const struct chain *chain, size_t order[CHAIN_CALLS_MAX], size_t count)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_entry *entry = &chain->entries[i];
		size_t k = 0;

		if (entry->inner != NULL) {
			count = order_of(entry->inner, order, count);
			continue;
		}
		while (k < count && order[k] != entry->target)
			k++;
		if (k == count && count < CHAIN_CALLS_MAX)
			order[count++] = entry->target;
	}
	return count;
}

static size_t
keep_common(size_t *order, size_t count, const size_t *other, size_t other_count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < other_count; k++) {
			if (order[i] == other[k]) {
				order[kept++] = order[i];
				break;
			}
		}
	}
	return kept;
}

static void
warn_order(const struct config_route *route, struct problems *problems)
{
	size_t reads[CHAIN_CALLS_MAX], writes[CHAIN_CALLS_MAX], all[CHAIN_CALLS_MAX];
	size_t reads_count = order_of(&route->get.chain, reads, 0);
	size_t writes_count = order_of(&route->put.chain, writes, 0), all_count = reads_count;

	memcpy(all, reads, sizeof(all));
	reads_count = keep_common(reads, reads_count, writes, writes_count);
	writes_count = keep_common(writes, writes_count, all, all_count);
	if (reads_count == writes_count && memcmp(reads, writes, reads_count * sizeof(*reads)) != 0)
		problem_warning(problems, &route->place, "%s is read in another order than it is "
		    "written: a read may find what a failed put took back elsewhere",
		    route->match);
}

void
config_warn(const struct config *config, struct problems *problems)
{
	for (size_t i = 0; i < config->secret_count; i++) {
		const struct config_route *route = &config->secret[i];
		bool put = route->put.given == CONFIG_CHAIN;

		warn_operation(config, i, CHAIN_PUT, problems);
		warn_operation(config, i, CHAIN_DELETE, problems);
		if (put && route->get.given == CONFIG_CHAIN)
			warn_order(route, problems);
	}
}
