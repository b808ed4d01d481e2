/* SPDX-License-Identifier: BSD-2-Clause */
#include "operation/route.h"

#include <string.h>

#include "base/name.h"

const struct config_route *
route_find(const struct config_route *routes, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (glob_match(routes[i].match, name))
			return &routes[i];
	}
	return NULL;
}

static const struct config_operation *
part(const struct config_route *route, enum chain_op op)
{
	switch (op) {
	case CHAIN_GET:
		return &route->get;
	case CHAIN_PUT:
	case CHAIN_KEEP:
		return &route->put;
	case CHAIN_DELETE:
		return &route->delete;
	}
	return NULL;
}

static enum mortise_code
no_route(struct mortise_error *error)
{
	return error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
	    "no route serves this name; add one under `secret:` in the configuration");
}

enum mortise_code
route_chain(const struct config_route *route, enum chain_op op, const struct chain **chain,
    struct mortise_error *error)
{
	const struct config_operation *operation;

	if (route == NULL)
		return no_route(error);
	operation = part(route, op);
	if (operation->given != CONFIG_CHAIN) {
		(void)error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "this route serves no %s; add it to the route if it should",
		    chain_op_name(op == CHAIN_KEEP ? CHAIN_PUT : op));
		error_at(error, &route->place);
		return MORTISE_UNSUPPORTED;
	}
	*chain = &operation->chain;
	return MORTISE_OK;
}

size_t
route_first_backend(const struct chain *chain)
{
	while (chain->entries[0].inner != NULL)
		chain = chain->entries[0].inner;
	return chain->entries[0].target;
}

bool
route_has_backend(const struct chain *chain, size_t target)
{
	for (size_t i = 0; i < chain->count; i++) {
		const struct chain_entry *entry = &chain->entries[i];

		if (entry->inner != NULL ? route_has_backend(entry->inner, target) :
		    entry->target == target)
			return true;
	}
	return false;
}

static bool
serves(const struct config_operation *operation, size_t target)
{
	return operation->given == CONFIG_CHAIN && route_has_backend(&operation->chain, target);
}

static enum mortise_code
named_backend(const struct config *config, const struct config_route *route, const char *version,
    size_t length, size_t *target, struct mortise_error *error)
{
	for (size_t i = 0; i < config->backends_count; i++) {
		const char *name = config->backends[i].name;

		if (strlen(name) == length && memcmp(name, version, length) == 0 &&
		    (serves(&route->get, i) || serves(&route->put, i))) {
			*target = i;
			return MORTISE_OK;
		}
	}
	return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "the version names a backend that does not serve this name; "
	    "`history` prints versions as BACKEND:VERSION");
}

enum mortise_code
route_one(const struct config *config, const char *name, const char *version, size_t *target,
    const char **bare, struct mortise_error *error)
{
	const struct config_route *route = route_find(config->secret, config->secret_count, name);
	const char *colon = version == NULL ? NULL : strchr(version, ':');

	if (route == NULL)
		return no_route(error);
	*bare = colon == NULL ? version : colon + 1;
	if (*bare != NULL && (**bare == '\0' || strlen(*bare) >= MORTISE_VERSION_SIZE))
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "not a version; `history` prints them");
	if (colon != NULL)
		return named_backend(config, route, version, (size_t)(colon - version), target,
		    error);
	if (route->put.given == CONFIG_CHAIN)
		*target = route_first_backend(&route->put.chain);
	else if (route->get.given == CONFIG_CHAIN)
		*target = route_first_backend(&route->get.chain);
	else
		return error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "the route of this name neither reads nor writes");
	return MORTISE_OK;
}
