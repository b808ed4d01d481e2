/* SPDX-License-Identifier: BSD-2-Clause */
/* A map against a schema. */
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "config/forms.h"
#include "config/value.h"

/* What a type looks like, for messages. */
static const char *
looks(enum mortise_option_type type)
{
	switch (type) {
	case MORTISE_OPTION_BOOL:
		return "true or false";
	case MORTISE_OPTION_INT:
		return "a whole number";
	case MORTISE_OPTION_SIZE:
		return "a size, such as 64KiB or 1MiB";
	case MORTISE_OPTION_DURATION:
		return "a duration, such as 250ms, 2s, 5m, 12h or 400d";
	case MORTISE_OPTION_STRING:
		return "a text, or a value form such as {file: PATH}";
	case MORTISE_OPTION_ENUM:
		return "a word";
	case MORTISE_OPTION_LIST:
		return "a list, such as [a, b]";
	case MORTISE_OPTION_MAP:
	case MORTISE_OPTION_GROUP:
		return "a map, such as {key: value}";
	}
	return "";
}

static void
wrong_type(const struct mortise_options *value, const char *name, struct problems *problems)
{
	const struct yaml_node *node = value->node;
	bool yes_no = value->option->type == MORTISE_OPTION_BOOL && node->kind == YAML_SCALAR &&
	    (strcmp(node->text, "yes") == 0 || strcmp(node->text, "no") == 0 ||
	    strcmp(node->text, "on") == 0 || strcmp(node->text, "off") == 0);

	if (yes_no)
		problem_error(problems, &node->place, "%s is %s; write %s", name, node->text,
		    node->text[0] == 'y' || node->text[1] == 'n' ? "true" : "false");
	else if (node->kind == YAML_SCALAR && node->quoted)
		problem_error(problems, &node->place, "%s must be %s, and without quotes", name,
		    looks((enum mortise_option_type)value->option->type));
	else
		problem_error(problems, &node->place, "%s must be %s", name,
		    looks((enum mortise_option_type)value->option->type));
}

static bool
parse_scalar(struct mortise_options *value, const char *text)
{
	switch ((enum mortise_option_type)value->option->type) {
	case MORTISE_OPTION_BOOL:
		value->number = strcmp(text, "true") == 0;
		return value->number != 0 || strcmp(text, "false") == 0;
	case MORTISE_OPTION_INT:
		return int_parse(text, &value->number);
	case MORTISE_OPTION_SIZE:
		return size_parse(text, &value->number);
	case MORTISE_OPTION_DURATION:
		return duration_parse(text, &value->number);
	case MORTISE_OPTION_ENUM:
		for (int64_t i = 0; value->option->words[i] != NULL; i++) {
			if (strcmp(value->option->words[i], text) == 0) {
				value->number = i;
				return true;
			}
		}
		return false;
	case MORTISE_OPTION_STRING:
	case MORTISE_OPTION_LIST:
	case MORTISE_OPTION_MAP:
	case MORTISE_OPTION_GROUP:
		return true;
	}
	return false;
}

static void
wrong_word(const struct mortise_options *value, const char *name, struct problems *problems)
{
	const char *nearest = nearest_word(value->node->text, value->option->words);
	struct buffer words _cleanup_(buffer_free) = {0};

	for (size_t i = 0; value->option->words[i] != NULL; i++)
		buffer_format(&words, "%s%s", i == 0 ? "" : ", ", value->option->words[i]);
	problem_error(problems, &value->node->place, "%s is none of %s%s%s%s", name,
	    words.failed ? "its words" : words.data, nearest == NULL ? "" : "; did you mean ",
	    nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
}

static void
check_number(struct mortise_options *value, const char *name, struct problems *problems)
{
	const struct mortise_option *option = value->option;
	bool bounded = option->minimum != 0 || option->maximum != 0;

	if (value->node->kind != YAML_SCALAR || (value->node->quoted &&
	    option->type != MORTISE_OPTION_ENUM))
		wrong_type(value, name, problems);
	else if (!parse_scalar(value, value->node->text)) {
		value->wrong = true;
		if (option->type == MORTISE_OPTION_ENUM)
			wrong_word(value, name, problems);
		else
			wrong_type(value, name, problems);
	} else if (bounded && option->type != MORTISE_OPTION_ENUM &&
	    (value->number < option->minimum || value->number > option->maximum))
		problem_error(problems, &value->node->place, "%s is %s; it may be %lld to %lld%s",
		    name, value->node->text, (long long)option->minimum,
		    (long long)option->maximum,
		    option->type == MORTISE_OPTION_DURATION ? " ms" :
		    option->type == MORTISE_OPTION_SIZE ? " bytes" : "");
}

static struct mortise_options *check_value(const struct mortise_option *option,
    const struct yaml_node *node, const struct place *place, const char *name,
    struct problems *problems);

static void
no_memory(struct problems *problems, const struct place *place)
{
	problem_error(problems, place, "out of memory");
}

static void
check_elements(struct mortise_options *value, const char *name, struct problems *problems)
{
	const struct yaml_node *node = value->node;
	enum yaml_kind kind = value->option->type == MORTISE_OPTION_LIST ? YAML_LIST : YAML_MAP;
	/* A word alone is a list of one. */
	bool alone = kind == YAML_LIST && node->kind == YAML_SCALAR;
	size_t count = alone ? 1 : node->count;

	if (node->kind != kind && !alone) {
		wrong_type(value, name, problems);
		return;
	}
	value->children = calloc(count + 1, sizeof(struct mortise_options *));
	if (value->children == NULL) {
		no_memory(problems, &value->place);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *element = alone ? node : node->values[i];
		const char *key = kind == YAML_MAP ? node->keys[i]->text : name;
		struct mortise_options *child = check_value(value->option->members[0], element,
		    &element->place, key, problems);

		if (child == NULL)
			return;
		child->key = kind == YAML_MAP ? key : NULL;
		value->children[value->count++] = child;
	}
}

static bool
is_word_of(const char *word, const char *const *words)
{
	for (; words != NULL && *words != NULL; words++) {
		if (strcmp(*words, word) == 0)
			return true;
	}
	return false;
}

enum chosen {
	CHOSEN,
	NOT_CHOSEN,
	UNDECIDED	/* the chooser is missing or wrong, which is told by itself */
};

/* Does the chooser's word make this member one of the group's? */
static enum chosen
is_chosen(const struct mortise_options *group, const struct mortise_option *option)
{
	const struct mortise_options *chooser;

	if (option->chosen_by == NULL)
		return CHOSEN;
	chooser = value_member(group, option->chosen_by, strlen(option->chosen_by));
	if (chooser == NULL || chooser->wrong)
		return UNDECIDED;
	if (chooser->node == NULL && chooser->option->initial == NULL)
		return (chooser->option->flags & MORTISE_OPTION_REQUIRED) != 0 ? UNDECIDED :
		    NOT_CHOSEN;
	return is_word_of(chooser->option->words[chooser->number], option->chosen_for) ? CHOSEN :
	    NOT_CHOSEN;
}

static void
check_member(struct mortise_options *group, size_t i, struct problems *problems)
{
	const struct mortise_option *option = group->members[i];
	const struct yaml_node *node = yaml_member(group->node, option->name);
	enum chosen chosen = is_chosen(group, option);
	/* The whole map is there also where nothing is given in it. */
	bool there = group->node != NULL || group->option == NULL;

	if (node != NULL && chosen == NOT_CHOSEN)
		problem_error(problems, &node->place, "%s does not go with this %s; remove one of "
		    "them", option->name, option->chosen_by);
	else if (node == NULL && chosen == CHOSEN && there &&
	    (option->flags & MORTISE_OPTION_REQUIRED) != 0)
		problem_error(problems, &group->place, "%s is missing: %s", option->name,
		    option->doc);
	group->children[i] = check_value(option, node, node == NULL ? &group->place : &node->place,
	    option->name, problems);
}

static void
check_unknown(const struct mortise_options *group, const char *const *skip,
    struct problems *problems)
{
	const char **known = calloc(group->count + 1, sizeof(*known)), *nearest;

	if (known == NULL) {
		no_memory(problems, &group->place);
		return;
	}
	for (size_t i = 0; i < group->count; i++)
		known[i] = group->members[i]->name;
	for (size_t i = 0; group->node != NULL && i < group->node->count; i++) {
		const struct yaml_node *key = group->node->keys[i];

		if (is_word_of(key->text, known) || is_word_of(key->text, skip))
			continue;
		nearest = nearest_word(key->text, known);
		problem_error(problems, &key->place, "unknown key %s; %s%s%s", key->text,
		    nearest == NULL ? "remove it" : "did you mean ",
		    nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
	}
	free(known);
}

static void
check_group(struct mortise_options *group, const char *const *skip, struct problems *problems)
{
	size_t count = 0;

	while (group->members != NULL && group->members[count] != NULL)
		count++;
	group->children = calloc(count + 1, sizeof(struct mortise_options *));
	if (group->children == NULL) {
		no_memory(problems, &group->place);
		return;
	}
	group->count = count;
	/* Choosers first: they say which of the others apply. */
	for (size_t i = 0; i < count; i++) {
		if (group->members[i]->chosen_by == NULL)
			check_member(group, i, problems);
	}
	for (size_t i = 0; i < count; i++) {
		if (group->members[i]->chosen_by != NULL)
			check_member(group, i, problems);
	}
	check_unknown(group, skip, problems);
}

static void
take_text(struct mortise_options *value, const char *text, struct problems *problems)
{
	value->text = (value->option->flags & MORTISE_OPTION_PATH) != 0 ?
	    form_path(&value->place, text) : text_dup(text);
	if (value->text == NULL)
		no_memory(problems, &value->place);
}

static void
check_string(struct mortise_options *value, const char *name, struct problems *problems)
{
	bool secret = (value->option->flags & MORTISE_OPTION_SECRET) != 0;

	form_check(value->node, secret, problems);
	if (value->node->kind != YAML_SCALAR)
		return;
	if (value->node->text[0] == '\0')
		problem_error(problems, &value->node->place, "%s is empty; give it a value, or "
		    "remove it", name);
	if (!secret)
		take_text(value, value->node->text, problems);
}

static void
take_default(struct mortise_options *value, struct problems *problems)
{
	const char *initial = value->option->initial;

	if (initial == NULL)
		return;
	(void)parse_scalar(value, initial);
	if (value->option->type == MORTISE_OPTION_STRING)
		take_text(value, initial, problems);
}

static struct mortise_options *
check_value(const struct mortise_option *option, const struct yaml_node *node,
    const struct place *place, const char *name, struct problems *problems)
{
	struct mortise_options *value = calloc(1, sizeof(*value));

	if (value == NULL) {
		no_memory(problems, place);
		return NULL;
	}
	value->option = option;
	value->node = node;
	value->place = *place;
	if (node == NULL && option->type != MORTISE_OPTION_GROUP) {
		take_default(value, problems);
		return value;
	}
	switch ((enum mortise_option_type)option->type) {
	case MORTISE_OPTION_BOOL:
	case MORTISE_OPTION_INT:
	case MORTISE_OPTION_SIZE:
	case MORTISE_OPTION_DURATION:
	case MORTISE_OPTION_ENUM:
		check_number(value, name, problems);
		break;
	case MORTISE_OPTION_STRING:
		check_string(value, name, problems);
		break;
	case MORTISE_OPTION_LIST:
	case MORTISE_OPTION_MAP:
		check_elements(value, name, problems);
		break;
	case MORTISE_OPTION_GROUP:
		value->members = option->members;
		if (node != NULL && node->kind != YAML_MAP)
			wrong_type(value, name, problems);
		else
			check_group(value, NULL, problems);
		break;
	}
	return value;
}

struct mortise_options *
options_check(const struct yaml_node *map, const struct place *place,
    const struct mortise_option *const *schema, const char *const *skip,
    struct problems *problems)
{
	size_t before = problems->errors;
	struct mortise_options *options = calloc(1, sizeof(*options));

	if (options == NULL) {
		no_memory(problems, place);
		return NULL;
	}
	options->members = schema;
	options->node = map;
	options->place = *place;
	check_group(options, skip, problems);
	if (problems->errors == before)
		return options;
	options_free(options);
	return NULL;
}
