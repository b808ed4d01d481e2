/* SPDX-License-Identifier: BSD-2-Clause */
/* Which backends need which to open: {secret: NAME, from: BACKEND} in their
 * options.  They are opened after those that they need. */
#include <string.h>

#include "config/parts.h"

struct needs {
	struct config *config;
	struct problems *problems;
	struct config_backend *backend;
};

static bool
has_need(const struct config_backend *backend, size_t need)
{
	for (size_t i = 0; i < backend->needs_count; i++) {
		if (backend->needs[i] == need)
			return true;
	}
	return false;
}

static void
add_need(struct needs *needs, const struct yaml_node *from)
{
	struct config *config = needs->config;
	size_t i = 0;

	while (i < config->backends_count && strcmp(config->backends[i].name, from->text) != 0)
		i++;
	if (i == config->backends_count) {
		problem_error(needs->problems, &from->place, "there is no backend %s; name one of "
		    "`backends:`", from->text);
		return;
	}
	if (has_need(needs->backend, i))
		return;
	if (needs->backend->needs == NULL)
		needs->backend->needs = config_take(config, config->backends_count,
		    sizeof(size_t), needs->problems);
	if (needs->backend->needs != NULL)
		needs->backend->needs[needs->backend->needs_count++] = i;
}

static void
walk(struct needs *needs, const struct yaml_node *node)
{
	const struct yaml_node *from = yaml_member(node, "from"),
	    *secret = yaml_member(node, "secret");

	if (from != NULL && secret != NULL && from->kind == YAML_SCALAR &&
	    secret->kind == YAML_SCALAR)
		add_need(needs, from);
	for (size_t i = 0; i < node->count; i++)
		walk(needs, node->values[i]);
}

enum mark {
	UNSEEN,
	OPEN,		/* its needs are being looked at */
	PLACED
};

/* Puts the backend behind all that it needs; false: a cycle, which is told. */
static bool
place(struct config *config, size_t i, unsigned char *marks, size_t *placed,
    struct problems *problems)
{
	const struct config_backend *backend = &config->backends[i];

	if (marks[i] == PLACED)
		return true;
	if (marks[i] == OPEN) {
		problem_error(problems, &backend->place, "backend %s needs itself to open, by "
		    "{secret:, from:}; give one of the circle its secret in another way",
		    backend->name);
		return false;
	}
	marks[i] = OPEN;
	for (size_t k = 0; k < backend->needs_count; k++) {
		if (!place(config, backend->needs[k], marks, placed, problems))
			return false;
	}
	marks[i] = PLACED;
	config->order[(*placed)++] = i;
	return true;
}

void
config_order(struct config *config, struct problems *problems)
{
	unsigned char *marks = config_take(config, config->backends_count, 1, problems);
	size_t placed = 0;

	config->order = config_take(config, config->backends_count, sizeof(size_t), problems);
	if (marks == NULL || config->order == NULL)
		return;
	for (size_t i = 0; i < config->backends_count; i++) {
		struct needs needs = {.config = config, .problems = problems,
		    .backend = &config->backends[i]};

		if (needs.backend->map->kind == YAML_MAP)
			walk(&needs, needs.backend->map);
	}
	for (size_t i = 0; i < config->backends_count; i++) {
		if (!place(config, i, marks, &placed, problems))
			return;
	}
}
