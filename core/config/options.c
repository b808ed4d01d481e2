/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/options.h"

#include <stdlib.h>
#include <string.h>

#include "config/forms.h"
#include "config/value.h"

void
options_free(struct mortise_options *options)
{
	if (options == NULL)
		return;
	for (size_t i = 0; i < options->count; i++)
		options_free(options->children[i]);
	free(options->children);
	free(options->text);
	free(options);
}

const struct mortise_options *
value_member(const struct mortise_options *group, const char *name, size_t length)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct mortise_options *child = group->children[i];

		if (child != NULL && strlen(child->option->name) == length &&
		    memcmp(child->option->name, name, length) == 0)
			return child;
	}
	return NULL;
}

/* "" is the value itself; "a.b" is member b of group a. */
static const struct mortise_options *
find(const struct mortise_options *options, const char *path)
{
	while (options != NULL && *path != '\0') {
		size_t length = strcspn(path, ".");

		options = options->members == NULL ? NULL : value_member(options, path, length);
		path += length;
		if (*path == '.')
			path++;
	}
	return options;
}

const char *
options_string(const struct mortise_options *options, const char *path)
{
	const struct mortise_options *value = find(options, path);

	if (value == NULL || value->option == NULL)
		return NULL;
	if (value->option->type == MORTISE_OPTION_ENUM &&
	    (value->node != NULL || value->option->initial != NULL))
		return value->option->words[value->number];
	return value->text;
}

int64_t
options_number(const struct mortise_options *options, const char *path)
{
	const struct mortise_options *value = find(options, path);

	return value == NULL ? 0 : value->number;
}

bool
options_given(const struct mortise_options *options, const char *path)
{
	const struct mortise_options *value = find(options, path);

	return value != NULL && value->node != NULL;
}

size_t
options_count(const struct mortise_options *options, const char *path)
{
	const struct mortise_options *value = find(options, path);

	return value == NULL || value->members != NULL ? 0 : value->count;
}

const struct mortise_options *
options_at(const struct mortise_options *options, const char *path, size_t index,
    const char **key)
{
	const struct mortise_options *value = find(options, path);

	if (value == NULL || value->members != NULL || index >= value->count)
		return NULL;
	if (key != NULL)
		*key = value->children[index]->key;
	return value->children[index];
}

struct place
options_place(const struct mortise_options *options, const char *path)
{
	const struct mortise_options *value = find(options, path);

	return value == NULL ? options->place : value->place;
}

enum mortise_code
options_secret(const struct mortise_options *options, const char *path, options_fetch_fn *fetch,
    void *arg, struct mortise_secret **value, struct mortise_error *error)
{
	const struct mortise_options *found = find(options, path);

	if (found == NULL || found->node == NULL)
		return error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_CONFIGURATION,
		    "%s is not given", path);
	return form_read(found->node, fetch, arg, value, error);
}

static enum mortise_code
resolve_string(struct mortise_options *value, options_fetch_fn *fetch, void *arg,
    struct mortise_error *error)
{
	struct mortise_secret *secret = NULL;
	enum mortise_code code = form_read(value->node, fetch, arg, &secret, error);
	const char *text;
	size_t size;

	if (code != MORTISE_OK)
		return code;
	text = mortise_secret_peek(secret, &size);
	if (memchr(text, '\0', size) != NULL) {
		code = error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "the value has a NUL byte");
		error_at(error, &value->place);
	} else {
		value->text = (value->option->flags & MORTISE_OPTION_PATH) != 0 ?
		    form_path(&value->place, text) : text_dup(text);
		if (value->text == NULL)
			code = error_memory(error);
	}
	mortise_secret_free(secret);
	return code;
}

enum mortise_code
options_resolve(struct mortise_options *options, options_fetch_fn *fetch, void *arg,
    struct mortise_error *error)
{
	enum mortise_code code = MORTISE_OK;

	if (options->option != NULL && options->option->type == MORTISE_OPTION_STRING &&
	    options->node != NULL && options->node->kind != YAML_SCALAR &&
	    (options->option->flags & MORTISE_OPTION_SECRET) == 0 && options->text == NULL)
		return resolve_string(options, fetch, arg, error);
	for (size_t i = 0; code == MORTISE_OK && i < options->count; i++)
		code = options_resolve(options->children[i], fetch, arg, error);
	return code;
}

/* Also in the directory that relative paths start from. */
static bool
same_node(const struct yaml_node *a, const struct yaml_node *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	if (a->kind != b->kind || a->count != b->count || a->quoted != b->quoted ||
	    strcmp(a->place.file, b->place.file) != 0 ||
	    (a->kind == YAML_SCALAR && strcmp(a->text, b->text) != 0))
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if ((a->kind == YAML_MAP && strcmp(a->keys[i]->text, b->keys[i]->text) != 0) ||
		    !same_node(a->values[i], b->values[i]))
			return false;
	}
	return true;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
options_same(const struct mortise_options *a, const struct mortise_options *b)
{
	bool secret = a->option != NULL && (a->option->flags & MORTISE_OPTION_SECRET) != 0;

	if (a->option != b->option || a->count != b->count || a->number != b->number ||
	    (a->node == NULL) != (b->node == NULL) || !same_text(a->key, b->key) ||
	    !same_text(a->text, b->text) || (secret && !same_node(a->node, b->node)))
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (!options_same(a->children[i], b->children[i]))
			return false;
	}
	return true;
}
