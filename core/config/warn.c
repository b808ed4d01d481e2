/* SPDX-License-Identifier: BSD-2-Clause */
/* What is legal and yet probably not meant. */
#include <string.h>

#include "base/name.h"
#include "config/parts.h"

/* Can the chain end well although this entry failed or was passed over? */
static bool
may_be_passed(const struct chain_entry *entry, enum chain_op op)
{
	for (int i = 0; i < MORTISE_CODES; i++) {
		enum mortise_code code = (enum mortise_code)i;

		if (code != MORTISE_OK && code != MORTISE_IGNORE && code != MORTISE_NOT_FOUND &&
		    chain_action_for(entry, code, op) == CHAIN_PASS)
			return true;
	}
	return false;
}

static void
warn_writes(const struct chain *chain, enum chain_op op, struct problems *problems)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_entry *entry = &chain->entries[i];

		if (op == CHAIN_PUT && i + 1 < chain->count &&
		    (entry->word == CHAIN_SUFFICIENT || entry->word == CHAIN_FALLBACK))
			problem_warning(problems, &entry->place, "a put that %s takes stops here, "
			    "and the entries behind it keep an older value; use requisite",
			    entry->use);
		else if (may_be_passed(entry, op))
			problem_warning(problems, &entry->place, "a %s can end well although %s "
			    "failed, which is left behind then; use requisite or required",
			    chain_op_name(op), entry->use);
		if (entry->inner != NULL)
			warn_writes(entry->inner, op, problems);
	}
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

/* Tokens are kept: no failure of an entry stops that, nothing is taken back. */
static void
warn_tokens(const struct config *config, const struct config_route *route,
    struct problems *problems)
{
	char prefix[MORTISE_NAME_MAX + 1];
	size_t length = strcspn(config->token_name, "{");

	if (length >= sizeof(prefix) || chain_calls(&route->put.chain) < 2)
		return;
	memcpy(prefix, config->token_name, length);
	prefix[length] = '\0';
	if (glob_may_match(route->match, prefix))
		problem_warning(problems, &route->place, "tokens may be kept in some of this route's "
		    "backends only: a store that fails then is left behind");
}

void
config_warn(const struct config *config, struct problems *problems)
{
	for (size_t i = 0; i < config->secret_count; i++) {
		const struct config_route *route = &config->secret[i];
		bool put = route->put.given == CONFIG_CHAIN;

		if (put && chain_calls(&route->put.chain) > 1)
			warn_writes(&route->put.chain, CHAIN_PUT, problems);
		if (put)
			warn_tokens(config, route, problems);
		if (route->delete.given == CONFIG_CHAIN && chain_calls(&route->delete.chain) > 1)
			warn_writes(&route->delete.chain, CHAIN_DELETE, problems);
		if (put && route->get.given == CONFIG_CHAIN)
			warn_order(route, problems);
	}
}
