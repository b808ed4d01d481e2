/* SPDX-License-Identifier: BSD-2-Clause */
/* For secure_getenv. */
#define _GNU_SOURCE
#include "config/forms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/name.h"
#include "secmem/secret.h"

static const char *const form_keys[] = {"file", "credential", "env", "secret", "from", NULL};

char *
form_path(const struct place *place, const char *path)
{
	char *directory _cleanup_(free_pointer) = NULL;

	if (path[0] == '/' || place->file == NULL)
		return text_dup(path);
	directory = path_directory(place->file);
	return directory == NULL ? NULL : path_join(directory, path);
}

static void
check_literal(const struct yaml_node *node, struct problems *problems)
{
	if (node->exposed)
		problem_error(problems, &node->place, "a secret stands here, and others can read "
		    "this file; chmod 600 it, or name a file: {file: PATH}");
}

static void
check_member(const struct yaml_node *key, const struct yaml_node *value,
    struct problems *problems)
{
	const char *nearest;

	for (size_t i = 0; form_keys[i] != NULL; i++) {
		if (strcmp(form_keys[i], key->text) != 0)
			continue;
		if (value->kind != YAML_SCALAR || value->text[0] == '\0')
			problem_error(problems, &value->place, "%s needs a text", key->text);
		else if (strcmp(key->text, "credential") == 0 && strchr(value->text, '/') != NULL)
			problem_error(problems, &value->place, "a credential's name has no slash; "
			    "name a file by {file: PATH}");
		return;
	}
	nearest = nearest_word(key->text, form_keys);
	problem_error(problems, &key->place, "no value form has %s; %s%s%s", key->text,
	    nearest == NULL ? "the forms are {file:}, {credential:}, {env:}, {secret:, from:}" :
	    "did you mean ", nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
}

static void
check_form(const struct yaml_node *node, bool secret, struct problems *problems)
{
	bool from = yaml_member(node, "from") != NULL, fetched = yaml_member(node, "secret") != NULL;

	for (size_t i = 0; i < node->count; i++)
		check_member(node->keys[i], node->values[i], problems);
	if (node->count - from != 1)
		problem_error(problems, &node->place, "a value form has one of file, credential, "
		    "env, secret; this has %s", node->count == 0 ? "none" : "several");
	else if (from != fetched)
		problem_error(problems, &node->place,
		    "secret and from belong together: {secret: NAME, from: BACKEND}");
	if (secret && yaml_member(node, "env") != NULL)
		problem_warning(problems, &node->place, "a secret from the environment can be read "
		    "by every program that this one starts; a file is safer");
}

void
form_check(const struct yaml_node *node, bool secret, struct problems *problems)
{
	switch (node->kind) {
	case YAML_SCALAR:
		if (secret)
			check_literal(node, problems);
		return;
	case YAML_MAP:
		check_form(node, secret, problems);
		return;
	case YAML_LIST:
		break;
	}
	if (node->count == 0)
		problem_error(problems, &node->place, "an empty list; name at least one form");
	for (size_t i = 0; i < node->count; i++) {
		if (node->values[i]->kind == YAML_MAP)
			check_form(node->values[i], secret, problems);
		else
			problem_error(problems, &node->values[i]->place,
			    "a list here holds value forms, such as {file: PATH}");
	}
}

static enum mortise_code
read_file(const char *path, struct mortise_secret **value, struct mortise_error *error)
{
	int fd _cleanup_(file_close) = file_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0);
	enum mortise_code code;
	const char *bytes;
	size_t size;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_CONFIGURATION,
		    "there is no file %s", path);
	if (fd < 0)
		return error_errno(error, errno, "cannot read %s", path);
	code = secret_read(fd, MORTISE_VALUE_MAX, value, error);
	if (code != MORTISE_OK)
		return code;
	bytes = mortise_secret_peek(*value, &size);
	if (size > 0 && bytes[size - 1] == '\n')
		(void)secret_resize(*value, size - 1);
	return MORTISE_OK;
}

static enum mortise_code
read_credential(const char *name, struct mortise_secret **value, struct mortise_error *error)
{
	const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");
	char *path _cleanup_(free_pointer) = NULL;

	if (directory == NULL)
		return error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_CONFIGURATION,
		    "there is no credential %s; systemd's LoadCredential= gives it to a unit", name);
	path = path_join(directory, name);
	return path == NULL ? error_memory(error) : read_file(path, value, error);
}

static enum mortise_code
from_text(const char *text, struct mortise_secret **value, struct mortise_error *error)
{
	struct mortise_secret *made = secret_from(text, strlen(text));

	if (made == NULL)
		return error_memory(error);
	*value = made;
	return MORTISE_OK;
}

static enum mortise_code
read_form(const struct yaml_node *node, options_fetch_fn *fetch, void *arg,
    struct mortise_secret **value, struct mortise_error *error)
{
	const char *word = node->keys[0]->text, *text = node->values[0]->text;
	const struct yaml_node *from = yaml_member(node, "from");
	char *path _cleanup_(free_pointer) = NULL;

	if (from != NULL) {
		if (fetch == NULL)
			return error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_CONFIGURATION,
			    "{secret:} cannot be used here");
		return fetch(arg, from->text, yaml_member(node, "secret")->text, value, error);
	}
	if (strcmp(word, "env") == 0) {
		text = secure_getenv(text);
		if (text != NULL)
			return from_text(text, value, error);
		return error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_CONFIGURATION,
		    "the environment has no %s", node->values[0]->text);
	}
	if (strcmp(word, "credential") == 0)
		return read_credential(text, value, error);
	path = form_path(&node->place, text);
	return path == NULL ? error_memory(error) : read_file(path, value, error);
}

enum mortise_code
form_read(const struct yaml_node *node, options_fetch_fn *fetch, void *arg,
    struct mortise_secret **value, struct mortise_error *error)
{
	enum mortise_code code = MORTISE_NOT_FOUND;

	switch (node->kind) {
	case YAML_SCALAR:
		return from_text(node->text, value, error);
	case YAML_MAP:
		code = read_form(node, fetch, arg, value, error);
		break;
	case YAML_LIST:
		for (size_t i = 0; code == MORTISE_NOT_FOUND && i < node->count; i++)
			code = read_form(node->values[i], fetch, arg, value, error);
		break;
	}
	if (code != MORTISE_OK)
		error_at(error, &node->place);
	return code;
}
