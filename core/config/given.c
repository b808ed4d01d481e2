/* SPDX-License-Identifier: BSD-2-Clause */
/* Options that are given one by one, as a command line does, in the form of a map. */
#include <stdlib.h>
#include <string.h>

#include "config/options.h"

static struct yaml_node *
node_new(enum yaml_kind kind, const struct place *place, const char *text, bool quoted)
{
	struct yaml_node *node = calloc(1, sizeof(*node));

	if (node == NULL)
		return NULL;
	node->kind = kind;
	node->place = *place;
	node->quoted = quoted;
	node->text = text == NULL ? NULL : text_dup(text);
	if (text == NULL || node->text != NULL)
		return node;
	yaml_node_free(node);
	return NULL;
}

/* false: no memory, and the value is freed. */
static bool
add(struct yaml_node *map, const char *key, struct yaml_node *value)
{
	struct yaml_node *name = value == NULL ? NULL :
	    node_new(YAML_SCALAR, &map->place, key, false);

	if (name != NULL)
		return yaml_add(map, name, value);
	yaml_node_free(value);
	return false;
}

static struct yaml_node *
node_of(const struct mortise_option *option, const struct mortise_command_value *given,
    const struct place *place)
{
	bool text = option == NULL || option->type == MORTISE_OPTION_STRING;
	struct yaml_node *form;

	if (given->secret == NULL)
		return node_new(YAML_SCALAR, place, given->text, text);
	form = node_new(YAML_MAP, place, NULL, false);
	if (form != NULL && add(form, "secret", node_new(YAML_SCALAR, place, given->option, true)) &&
	    add(form, "from", node_new(YAML_SCALAR, place, place->file, true)))
		return form;
	yaml_node_free(form);
	return NULL;
}

static const struct mortise_option *
find(const struct mortise_option *const *schema, const char *name)
{
	while (schema != NULL && *schema != NULL && strcmp((*schema)->name, name) != 0)
		schema++;
	return schema == NULL ? NULL : *schema;
}

/* An element of a list, which is made with its first one. */
static bool
add_element(struct yaml_node *map, const struct mortise_command_value *given)
{
	struct yaml_node *list = yaml_member(map, given->option), *element;

	if (list == NULL) {
		list = node_new(YAML_LIST, &map->place, NULL, false);
		if (!add(map, given->option, list))
			return false;
	}
	element = node_of(NULL, given, &map->place);
	return element != NULL && yaml_add(list, NULL, element);
}

struct yaml_node *
options_given_by(const struct mortise_option *const *schema,
    const struct mortise_command_value *values, size_t count, const struct place *place,
    struct problems *problems)
{
	struct yaml_node *map = node_new(YAML_MAP, place, NULL, false);
	bool good = map != NULL;

	for (size_t i = 0; good && i < count; i++) {
		const struct mortise_command_value *given = &values[i];
		const struct mortise_option *option = find(schema, given->option);

		if (option != NULL && option->type == MORTISE_OPTION_LIST)
			good = add_element(map, given);
		else if (yaml_member(map, given->option) != NULL)
			problem_error(problems, place, "%s is given twice; give it once",
			    given->option);
		else
			good = add(map, given->option, node_of(option, given, place));
	}
	if (good)
		return map;
	problem_error(problems, place, "out of memory");
	yaml_node_free(map);
	return NULL;
}
