/* SPDX-License-Identifier: BSD-2-Clause */
/* list and history. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "operation/call.h"
#include "operation/route.h"

struct names {
	const struct config *config;
	const struct config_route *route;	/* whose backend is being asked */
	const char *prefix;
	char **names;
	size_t count, capacity;
};

static void
names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
}

/* Keeps a name that has the prefix and is routed to where it was found. */
static enum mortise_code
take_name(void *arg, const char *name)
{
	struct names *names = arg;
	char **bigger;

	if (strncmp(name, names->prefix, strlen(names->prefix)) != 0 ||
	    name_check(name, NULL) != MORTISE_OK ||
	    route_find(names->config->secret, names->config->secret_count, name) != names->route)
		return MORTISE_OK;
	if (names->count == names->capacity) {
		size_t capacity = names->capacity == 0 ? 64 : names->capacity * 2;

		bigger = realloc(names->names, capacity * sizeof(*bigger));
		if (bigger == NULL)
			return MORTISE_ERROR;
		names->names = bigger;
		names->capacity = capacity;
	}
	names->names[names->count] = text_dup(name);
	return names->names[names->count] == NULL ? MORTISE_ERROR :
	    (names->count++, MORTISE_OK);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum mortise_code
list_backend(struct operation *operation, size_t target, struct names *names)
{
	struct mortise_out out = {.name = take_name, .arg = names};
	enum mortise_code code;
	struct step step;
	struct backend *backend = call_begin(operation, &step, target,
	    call_deadline(operation, target), MORTISE_CAN_SECRET_LIST, &code);

	if (backend == NULL)
		return MORTISE_OK;
	code = backend_list(backend, &step.call, names->prefix, &out);
	call_end(operation, &step, code, NULL);
	return code == MORTISE_OK ? code : call_fail(operation, &step, code);
}

enum mortise_code
operation_list(struct operation *operation, const char *prefix, mortise_name_fn *each, void *arg)
{
	const struct config *config = operation->engine->config;
	struct names names _cleanup_(names_free) = {.config = config, .prefix = prefix};
	enum mortise_code code = name_check_prefix(prefix, operation->error);

	for (size_t i = 0; code == MORTISE_OK && i < config->secret_count; i++) {
		names.route = &config->secret[i];
		if (names.route->get.given != CONFIG_CHAIN ||
		    !glob_may_match(names.route->match, prefix))
			continue;
		for (size_t k = 0; code == MORTISE_OK && k < config->backends_count; k++) {
			if (route_has_backend(&names.route->get.chain, k))
				code = list_backend(operation, k, &names);
		}
	}
	if (code != MORTISE_OK)
		return code;
	if (names.count > 0)
		qsort(names.names, names.count, sizeof(*names.names), compare);
	for (size_t i = 0; i < names.count; i++) {
		if (i == 0 || strcmp(names.names[i - 1], names.names[i]) != 0)
			each(arg, names.names[i]);
	}
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
