/* SPDX-License-Identifier: BSD-2-Clause */
/* For secure_getenv. */
#define _GNU_SOURCE
/* Files to one tree: find, read, merge. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/path.h"
#include "config/parts.h"

static bool
is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* $XDG_CONFIG_HOME/mortise/mortise.yaml, NULL where there is no such home. */
static char *
user_path(void)
{
	const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");

	if (config != NULL && config[0] == '/')
		return text_format("%s/mortise/mortise.yaml", config);
	return home == NULL || home[0] != '/' ? NULL :
	    text_format("%s/.config/mortise/mortise.yaml", home);
}

enum mortise_code
config_find(char *path, size_t size, struct mortise_error *error)
{
	static const char etc[] = SYSCONF_DIRECTORY "/mortise.yaml";
	static const char vendor[] = DATA_DIRECTORY "/mortise.yaml";
	const char *given = secure_getenv("MORTISE_CONFIG"), *found = NULL;
	char *user _cleanup_(free_pointer) = geteuid() == 0 ? NULL : user_path();

	if (given != NULL && given[0] != '\0')
		found = given;
	else if (geteuid() == 0)
		found = etc;
	else if (user != NULL && is_there(user))
		found = user;
	else if (is_there(etc))
		found = etc;
	else if (is_there(vendor))
		found = vendor;
	if (found == NULL)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "there is no configuration; `mortise init` makes one, "
		    "or name one by --config or MORTISE_CONFIG");
	if (snprintf(path, size, "%s", found) >= (int)size)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "the configuration's path is too long");
	return MORTISE_OK;
}

/*
 * Opens what a path leads to.  A configuration is as powerful as a plugin: who
 * may write it decides what is loaded.  So it is checked by its descriptor, and
 * is read from the same.
 */
static int
open_trusted(const char *path, struct stat *st, struct mortise_error *error)
{
	char *real _cleanup_(free_pointer) = realpath(path, NULL);
	/* Not blocking: in the place of the file may be a pipe. */
	int fd = real == NULL ? -1 :
	    file_open(AT_FDCWD, real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
	enum mortise_code code = MORTISE_OK;

	if (fd < 0 && errno == ENOENT) {
		(void)error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "there is no such file; `mortise init` makes a configuration");
		return -1;
	}
	if (fd < 0 || fstat(fd, st) < 0)
		code = error_errno(error, errno, "cannot be read");
	else if (!S_ISREG(st->st_mode))
		code = error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "not a regular file; name one");
	else
		code = path_check(real, st, error);
	if (code == MORTISE_OK && (geteuid() == 0 || getauxval(AT_SECURE) != 0))
		code = path_check_parents(real, error);
	if (code != MORTISE_OK)
		file_close(&fd);
	return fd;
}

/* One file's bytes, malloc'd; NULL after an error.  *exposed: others can read it. */
static char *
read_file(const char *path, size_t *size, bool *exposed, struct problems *problems)
{
	struct place place = {path, 0, 0};
	struct mortise_error error = {0};
	struct stat st = {0};
	int fd _cleanup_(file_close) = open_trusted(path, &st, &error);
	char *bytes = NULL;
	ssize_t n = -1;

	if (fd < 0) {
		problem_error(problems, &place, "%s", error.message);
		return NULL;
	}
	if ((uint64_t)st.st_size > YAML_SIZE_MAX) {
		problem_error(problems, &place, "larger than 1 MiB; no configuration is");
		return NULL;
	}
	bytes = malloc((size_t)st.st_size + 1);
	if (bytes != NULL)
		n = file_read_at(fd, bytes, (size_t)st.st_size, 0);
	if (n < 0) {
		(void)error_errno(&error, errno, "cannot be read");
		problem_error(problems, &place, "%s", error.message);
		free(bytes);
		return NULL;
	}
	*size = (size_t)n;
	*exposed = (st.st_mode & 077) != 0;
	return bytes;
}

/* Marks a whole tree: a literal secret may not stand in it. */
static void
expose(struct yaml_node *node)
{
	node->exposed = true;
	for (size_t i = 0; i < node->count; i++)
		expose(node->values[i]);
}

/* Later drop-ins win; these lists of theirs stand before the earlier ones. */
static bool
is_prepended(const char *key)
{
	return strcmp(key, "secret") == 0 || strcmp(key, "state") == 0 ||
	    strcmp(key, "policy") == 0;
}

static bool
is_replaced_whole(const char *parent)
{
	return strcmp(parent, "backends") == 0 || strcmp(parent, "chains") == 0;
}

static void merge(struct yaml_node *base, struct yaml_node *over, const char *name, int depth,
    struct problems *problems);

/* Puts value in the place of base->values[i], or into it. */
static void
merge_value(struct yaml_node *base, size_t i, struct yaml_node *value, const char *parent,
    int depth, struct problems *problems)
{
	struct yaml_node *old = base->values[i];
	const char *key = base->keys[i]->text;

	if (old->kind == YAML_MAP && value->kind == YAML_MAP && !is_replaced_whole(parent)) {
		merge(old, value, key, depth + 1, problems);
		yaml_node_free(value);
		return;
	}
	if (depth == 0 && is_prepended(key) && old->kind == YAML_LIST && value->kind == YAML_LIST) {
		for (size_t k = 0; k < old->count; k++) {
			if (!yaml_add(value, NULL, old->values[k]))
				problem_error(problems, &old->place, "out of memory");
		}
		old->count = 0;
	} else
		problem_note(problems, &base->keys[i]->place, "%s replaces the one in %s:%u:%u",
		    key, old->place.file, old->place.line, old->place.column);
	yaml_node_free(old);
	base->values[i] = value;
}

/* Moves all that `over` holds into `base`; over is an empty map then. */
static void
merge(struct yaml_node *base, struct yaml_node *over, const char *name, int depth,
    struct problems *problems)
{
	for (size_t k = 0; k < over->count; k++) {
		size_t i = 0;

		while (i < base->count && strcmp(base->keys[i]->text, over->keys[k]->text) != 0)
			i++;
		if (i == base->count) {
			if (!yaml_add(base, over->keys[k], over->values[k]))
				problem_error(problems, &base->place, "out of memory");
			continue;
		}
		/* The later place is the one that people will look for. */
		base->keys[i]->place = over->keys[k]->place;
		yaml_node_free(over->keys[k]);
		merge_value(base, i, over->values[k], name, depth, problems);
	}
	over->count = 0;
}

/* false: the file was not read to its end, or is no map. */
static bool
add_file(struct config *config, const char *path, struct buffer *all, struct problems *problems)
{
	struct yaml_node *tree;
	bool exposed;
	size_t size;
	char *bytes = read_file(path, &size, &exposed, problems);

	if (bytes == NULL)
		return false;
	buffer_append(all, bytes, size);
	tree = yaml_parse(bytes, size, path, problems);
	free(bytes);
	if (tree == NULL)
		return false;
	if (tree->kind != YAML_MAP) {
		problem_error(problems, &tree->place,
		    "a configuration is a map, such as `version: 1`");
		yaml_node_free(tree);
		return false;
	}
	if (exposed)
		expose(tree);
	if (config->memory->root == NULL) {
		config->memory->root = tree;
		return true;
	}
	merge(config->memory->root, tree, "", 0, problems);
	yaml_node_free(tree);
	return true;
}

static int
is_drop_in(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot != NULL && strcmp(dot, ".yaml") == 0;
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool
add_drop_ins(struct config *config, struct buffer *all, struct problems *problems)
{
	char *directory _cleanup_(free_pointer) = path_directory(config->path);
	char *folder _cleanup_(free_pointer) =
	    directory == NULL ? NULL : path_join(directory, "mortise.d");
	struct place place = {config->path, 0, 0};
	struct dirent **entries = NULL;
	int count = folder == NULL ? -1 : scandir(folder, &entries, is_drop_in, by_bytes);
	bool whole = count >= 0 || (folder != NULL && errno == ENOENT);

	if (!whole)
		problem_error(problems, &place, "the drop-ins in mortise.d beside it cannot be "
		    "read; make that a directory which you may read");
	for (int i = 0; i < count; i++) {
		char *path = config_keep(config, path_join(folder, entries[i]->d_name), problems);

		whole = path != NULL && add_file(config, path, all, problems) && whole;
		free(entries[i]);
	}
	free(entries);
	return whole;
}

bool
config_load(struct config *config, struct problems *problems)
{
	struct buffer all _cleanup_(buffer_free) = {0};
	struct place place = {config->path, 0, 0};
	struct digest_part part;
	unsigned char digest[DIGEST_SIZE];
	bool whole = add_file(config, config->path, &all, problems);

	/* Each file's own mistakes are told, also when another is not whole. */
	whole = add_drop_ins(config, &all, problems) && whole;
	part = (struct digest_part){all.data, all.size};
	if (all.failed || !digest_sha256(&part, 1, digest)) {
		problem_error(problems, &place, "out of memory");
		return false;
	}
	hex_encode(digest, sizeof(digest), config->digest);
	return whole;
}
