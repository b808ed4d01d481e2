/* SPDX-License-Identifier: BSD-2-Clause */
/* secret: and state:. */
#include <string.h>

#include "base/name.h"
#include "config/parts.h"

/* What an operation's key says; node NULL: nothing. */
static void
read_operation(struct config *config, const struct yaml_node *node, const char *name,
    struct config_operation *operation, struct problems *problems)
{
	const struct chain *named;
	size_t before = problems->errors;

	if (node == NULL)
		return;
	if (node->kind == YAML_SCALAR && strcmp(node->text, "none") == 0) {
		operation->given = CONFIG_NONE;
		return;
	}
	operation->given = CONFIG_CHAIN;
	config_entries(config, node, name, &operation->chain, problems);
	if (problems->errors > before)
		return;
	/* A chain's name alone is that chain, not one that holds it. */
	named = operation->chain.entries[0].inner;
	if (node->kind == YAML_SCALAR && named != NULL) {
		operation->chain.entries = named->entries;
		operation->chain.count = named->count;
	}
	if (!config->memory->chains_broken)
		config_check_chain(&operation->chain, problems);
}

static const char *
read_match(const struct yaml_node *route, struct problems *problems)
{
	const struct yaml_node *match = yaml_member(route, "match");

	if (match != NULL)
		return text_of(match, "match", problems);
	problem_error(problems, &route->place, "match is missing; \"*\" matches every name");
	return NULL;
}

static void
read_secret_route(struct config *config, const struct yaml_node *node, struct config_route *route,
    struct problems *problems)
{
	static const char *const known[] = {"match", "use", "get", "put", "delete", NULL};
	struct config_operation *const operations[] = {&route->get, &route->put, &route->delete};
	struct config_operation by_use = {.given = CONFIG_OPEN};
	const struct yaml_node *use;

	route->place = node->place;
	route->match = "";
	if (!keys_check(node, "a route", &(struct keys){known, NULL}, problems))
		return;
	route->match = read_match(node, problems);
	use = yaml_member(node, "use");
	/* Once for all that it serves, so that a mistake in it is told once. */
	read_operation(config, use, "use", &by_use, problems);
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		const struct yaml_node *own = yaml_member(node, known[2 + i]);

		*operations[i] = by_use;
		if (own != NULL)
			read_operation(config, own, known[2 + i], operations[i], problems);
		if (own == NULL && use == NULL)
			problem_error(problems, &node->place, "the route leaves %s open; add `use`, "
			    "or `%s: none` to refuse it", known[2 + i], known[2 + i]);
	}
}

static void
read_state_route(struct config *config, const struct yaml_node *node, struct config_route *route,
    struct problems *problems)
{
	static const char *const known[] = {"match", "use", NULL};
	const struct yaml_node *use;

	route->place = node->place;
	route->match = "";
	if (!keys_check(node, "a state route", &(struct keys){known, NULL}, problems))
		return;
	route->match = read_match(node, problems);
	use = yaml_member(node, "use");
	for (size_t i = 0; use != NULL && use->kind == YAML_SCALAR && i < config->backends_count;
	    i++) {
		if (strcmp(config->backends[i].name, use->text) == 0) {
			route->target = i;
			return;
		}
	}
	problem_error(problems, use == NULL ? &node->place : &use->place,
	    "a state route names exactly one backend by `use`: "
	    "a record in two stores could be taken twice");
}

/* The routes of one kind. */
static struct config_route *
read_routes(struct config *config, const char *kind, size_t *count,
    void (*read)(struct config *, const struct yaml_node *, struct config_route *,
    struct problems *), struct problems *problems)
{
	const struct yaml_node *node = yaml_member(config->memory->root, kind);
	struct config_route *routes;

	*count = 0;
	if (node == NULL)
		return NULL;
	if (node->kind != YAML_LIST || node->count == 0) {
		problem_error(problems, &node->place,
		    "%s must be a list of routes, such as [{match: \"*\", use: store}]", kind);
		return NULL;
	}
	routes = config_take(config, node->count, sizeof(*routes), problems);
	if (routes == NULL)
		return NULL;
	*count = node->count;
	for (size_t i = 0; i < node->count; i++)
		read(config, node->values[i], &routes[i], problems);
	if (routes[node->count - 1].match == NULL || strcmp(routes[node->count - 1].match, "*") != 0)
		problem_error(problems, &routes[node->count - 1].place,
		    "the last route of %s must match \"*\", so that every name has one", kind);
	return routes;
}

/* Tokens are kept, and that ends well where one backend holds them. */
static bool
may_hold_tokens(const struct config *config, const struct config_route *route)
{
	char prefix[MORTISE_NAME_MAX + 1];
	size_t length = strcspn(config->token_name, "{");

	if (config->state_count == 0 || length >= sizeof(prefix))
		return false;
	memcpy(prefix, config->token_name, length);
	prefix[length] = '\0';
	return glob_may_match(route->match, prefix);
}

static bool
lags(const struct config *config, const struct config_route *route, size_t target)
{
	const struct chain *put = &route->put.chain, *delete = &route->delete.chain;

	return (route->put.given == CONFIG_CHAIN && (chain_may_lag(put, CHAIN_PUT, target) ||
	    (may_hold_tokens(config, route) && chain_may_lag(put, CHAIN_KEEP, target)))) ||
	    (route->delete.given == CONFIG_CHAIN && chain_may_lag(delete, CHAIN_DELETE, target));
}

void
config_lags(struct config *config, struct problems *problems)
{
	for (size_t i = 0; i < config->secret_count; i++) {
		struct config_route *route = &config->secret[i];
		bool any = false;

		route->lags = config_take(config, config->backends_count, sizeof(bool), problems);
		if (route->lags == NULL)
			return;
		for (size_t k = 0; k < config->backends_count; k++) {
			route->lags[k] = lags(config, route, k);
			any = any || route->lags[k];
		}
		if (!any)
			route->lags = NULL;
	}
}

void
config_routes(struct config *config, struct problems *problems)
{
	const struct yaml_node *root = config->memory->root;

	if (yaml_member(root, "secret") == NULL)
		problem_error(problems, &root->place,
		    "secret is missing; write routes: secret: [{match: \"*\", use: store}]");
	config->secret = read_routes(config, "secret", &config->secret_count, read_secret_route,
	    problems);
	config->state = read_routes(config, "state", &config->state_count, read_state_route,
	    problems);
}
