/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "loader/agree.h"

/* Data can be a circle. */
#define DEPTH_MAX 8

/* The last field of ABI 0.1: config walks the schema in place, so an option may
 * be longer than this, but never shorter. */
#define OPTION_SIZE (offsetof(struct mortise_option, chosen_for) + sizeof(const char *const *))

/* The core's own keys in a backend's map. */
static const char *const reserved[] = {"plugin", "call", NULL};

static const struct {
	bool words, members;	/* needs them */
	bool text;		/* may be secret or a path */
	bool number;		/* may have a range */
} types[] = {
	[MORTISE_OPTION_BOOL] = {0},
	[MORTISE_OPTION_INT] = {.number = true},
	[MORTISE_OPTION_SIZE] = {.number = true},
	[MORTISE_OPTION_DURATION] = {.number = true},
	[MORTISE_OPTION_STRING] = {.text = true},
	[MORTISE_OPTION_ENUM] = {.words = true},
	[MORTISE_OPTION_LIST] = {.members = true},
	[MORTISE_OPTION_MAP] = {.members = true},
	[MORTISE_OPTION_GROUP] = {.members = true},
};
_Static_assert(ARRAY_SIZE(types) == MORTISE_OPTION_GROUP + 1, "a type without a row");

static bool
among(const char *word, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strcmp(word, *words) == 0)
			return true;
	}
	return false;
}

static const struct mortise_option *
find(const struct mortise_option *const *schema, const char *name)
{
	for (; *schema != NULL; schema++) {
		if (strcmp((*schema)->name, name) == 0)
			return *schema;
	}
	return NULL;
}

static bool
name_good(const char *name, bool element)
{
	if (element)
		return name[0] == '\0';
	return name[0] != '\0' &&
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/* One option by itself; NULL = sound. */
static const char *
option_breach(const struct mortise_option *option, bool element)
{
	if (option->size < OPTION_SIZE)
		return "is shorter than ABI 0.1 has it";
	if (option->name == NULL || !name_good(option->name, element))
		return element ? "is an element, and has a name" : "has no name of a-z, 0-9 and -";
	if (option->doc == NULL || option->doc[0] == '\0')
		return "has no doc line";
	if (option->type >= ARRAY_SIZE(types))
		return "is of no known type";
	if (types[option->type].words && (option->words == NULL || option->words[0] == NULL))
		return "is an enum without words";
	if (types[option->type].members && (option->members == NULL || option->members[0] == NULL))
		return "has no members";
	if (!types[option->type].text &&
	    (option->flags & (MORTISE_OPTION_SECRET | MORTISE_OPTION_PATH)) != 0)
		return "is a secret or a path, and no string";
	if (option->minimum > option->maximum ||
	    (!types[option->type].number && option->maximum != option->minimum))
		return "has a range that nothing is in";
	if (option->initial != NULL && types[option->type].words &&
	    !among(option->initial, option->words))
		return "has a default that is none of its words";
	return NULL;
}

/* What an option says about its neighbours. */
static const char *
neighbour_breach(const struct mortise_option *const *schema, const struct mortise_option *option,
    bool element, bool top)
{
	const struct mortise_option *chooser;

	if (!element && find(schema, option->name) != option)
		return "is there twice";
	if (top && among(option->name, reserved))
		return "has a name that the core keeps for itself";
	if (option->chosen_by == NULL)
		return NULL;
	chooser = find(schema, option->chosen_by);
	if (chooser == NULL || chooser == option || chooser->type != MORTISE_OPTION_ENUM)
		return "is chosen by something that is no enum beside it";
	if (option->chosen_for == NULL || option->chosen_for[0] == NULL)
		return "is chosen for no word";
	for (const char *const *word = option->chosen_for; *word != NULL; word++) {
		if (!among(*word, chooser->words))
			return "is chosen for a word that its enum lacks";
	}
	return NULL;
}

static const char *
map_breach(const struct mortise_option *const *schema, const struct mortise_option *parent,
    unsigned int depth, char *what, size_t size)
{
	bool element = parent != NULL && parent->type != MORTISE_OPTION_GROUP;
	const char *breach = NULL;
	size_t count = 0;

	if (depth > DEPTH_MAX) {
		(void)snprintf(what, size, "option %s is nested too deep", parent->name);
		return what;
	}
	for (; breach == NULL && schema[count] != NULL; count++)
		breach = option_breach(schema[count], element);
	if (breach == NULL && element && count != 1)
		breach = "has more than one kind of element";
	for (size_t i = 0; breach == NULL && i < count; i++) {
		breach = neighbour_breach(schema, schema[i], element, parent == NULL);
		if (breach != NULL)
			count = i + 1;
	}
	if (breach != NULL) {
		(void)snprintf(what, size, "option %zu%s%s %s", count,
		    parent == NULL ? "" : " in ", parent == NULL ? "" : parent->name, breach);
		return what;
	}
	for (size_t i = 0; breach == NULL && i < count; i++) {
		if (types[schema[i]->type].members)
			breach = map_breach(schema[i]->members, schema[i], depth + 1, what, size);
	}
	return breach;
}

const char *
schema_breach(const struct mortise_option *const *schema, char *what, size_t size)
{
	return schema == NULL ? NULL : map_breach(schema, NULL, 1, what, size);
}
