/* SPDX-License-Identifier: BSD-2-Clause */
/* list and history. */
#include <stdio.h>
#include <string.h>

#include "base/name.h"
#include "base/names.h"
#include "operation/call.h"
#include "operation/route.h"

struct listing {
	const struct config *config;
	const struct config_route *route;	/* whose backend is being asked */
	const char *prefix;
	struct names names;
};

static void
listing_free(struct listing *listing)
{
	names_free(&listing->names);
}

/* Keeps a name that has the prefix and is routed to where it was found. */
static enum mortise_code
take_name(void *arg, const char *name)
{
	struct listing *listing = arg;

	if (strncmp(name, listing->prefix, strlen(listing->prefix)) != 0 ||
	    name_check(name, NULL) != MORTISE_OK || route_find(listing->config->secret,
	    listing->config->secret_count, name) != listing->route)
		return MORTISE_OK;
	return names_add(&listing->names, name) ? MORTISE_OK : MORTISE_ERROR;
}

static enum mortise_code
list_backend(struct operation *operation, size_t target, struct listing *listing)
{
	struct mortise_out out = {.name = take_name, .arg = listing};
	enum mortise_code code;
	struct step step;
	struct backend *backend = call_begin(operation, &step, target,
	    call_deadline(operation, target), MORTISE_CAN_SECRET_LIST, &code);

	if (backend == NULL)
		return MORTISE_OK;
	code = backend_list(backend, &step.call, listing->prefix, &out);
	call_end(operation, &step, code, NULL);
	return code == MORTISE_OK ? code : call_fail(operation, &step, code);
}

enum mortise_code
operation_list(struct operation *operation, const char *prefix, mortise_name_fn *each, void *arg)
{
	const struct config *config = operation->engine->config;
	struct listing listing _cleanup_(listing_free) = {.config = config, .prefix = prefix};
	enum mortise_code code = name_check_prefix(prefix, operation->error);

	for (size_t i = 0; code == MORTISE_OK && i < config->secret_count; i++) {
		listing.route = &config->secret[i];
		if (listing.route->get.given != CONFIG_CHAIN ||
		    !glob_may_match(listing.route->match, prefix))
			continue;
		for (size_t k = 0; code == MORTISE_OK && k < config->backends_count; k++) {
			if (route_has_backend(&listing.route->get.chain, k))
				code = list_backend(operation, k, &listing);
		}
	}
	if (code != MORTISE_OK)
		return code;
	names_sort(&listing.names);
	for (size_t i = 0; i < listing.names.count; i++)
		each(arg, listing.names.all[i]);
	return MORTISE_OK;
}

struct history {
	const char *backend;
	mortise_version_fn *version;
	mortise_label_fn *label;
	void *arg;
};

static enum mortise_code
take_version(void *arg, const struct mortise_history *line)
{
	const struct history *history = arg;
	struct mortise_version_info info = {
		.size = sizeof(info),
		.created_ms = line->created_ms,
		.deleted_ms = line->deleted_ms,
		.destroyed = line->destroyed,
	};

	(void)snprintf(info.version.text, sizeof(info.version.text), "%s:%s", history->backend,
	    line->version.text);
	if (history->version != NULL)
		history->version(history->arg, &info);
	return MORTISE_OK;
}

static enum mortise_code
take_labels(void *arg, const struct mortise_pair *pairs, size_t count)
{
	const struct history *history = arg;

	for (size_t i = 0; history->label != NULL && i < count; i++)
		history->label(history->arg, &pairs[i]);
	return MORTISE_OK;
}

enum mortise_code
operation_history(struct operation *operation, const char *name, mortise_version_fn *version,
    mortise_label_fn *label, void *arg)
{
	struct history history = {.version = version, .label = label, .arg = arg};
	struct mortise_out out = {.history = take_version, .row = take_labels, .arg = &history};
	enum mortise_code code = name_check(name, operation->error);
	const char *bare;
	size_t target;

	if (code == MORTISE_OK)
		code = route_one(operation->engine->config, name, NULL, &target, &bare,
		    operation->error);
	if (code != MORTISE_OK)
		return code;
	history.backend = operation->engine->config->backends[target].name;
	return operation_describe_at(operation, target, name, &out);
}
