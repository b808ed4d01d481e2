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
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
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

/* A configuration is as powerful as a plugin: who may write it decides what is
 * loaded. */
static bool
check_owner(int fd, const struct place *place, struct problems *problems)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		problem_error(problems, place, "not a regular file; name one");
		return false;
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		problem_error(problems, place, "owned by uid %lu; only root's or your own "
		    "configuration is read", (unsigned long)st.st_uid);
		return false;
	}
	if ((st.st_mode & 022) != 0) {
		problem_error(problems, place, "others can write it (mode %03o); chmod go-w it",
		    (unsigned int)st.st_mode & 0777);
		return false;
	}
	return true;
}

/* One file's bytes, malloc'd; NULL after an error. */
static char *
read_file(const char *path, size_t *size, struct problems *problems)
{
	struct place place = {path, 0, 0};
	int fd _cleanup_(file_close) = file_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
	char *bytes;

	if (fd < 0 && errno == ENOENT) {
		problem_error(problems, &place, "there is no such configuration; "
		    "`mortise init` makes one");
		return NULL;
	}
	if (fd < 0) {
		problem_error(problems, &place, "cannot be read (errno %d); "
		    "look at its owner and mode", errno);
		return NULL;
	}
	if (!check_owner(fd, &place, problems))
		return NULL;
	bytes = file_read(AT_FDCWD, path, YAML_SIZE_MAX, size);
	if (bytes == NULL)
		problem_error(problems, &place, errno == EFBIG ?
		    "larger than 1 MiB; no configuration is" : "cannot be read");
	return bytes;
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
		yaml_free(value);
		return;
	}
	if (depth == 0 && is_prepended(key) && old->kind == YAML_LIST && value->kind == YAML_LIST) {
		for (size_t k = 0; k < old->count; k++) {
			if (!yaml_add(value, NULL, old->values[k]))
				problem_error(problems, &old->place, "out of memory");
		}
		old->count = 0;
	}
	yaml_free(old);
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
		yaml_free(over->keys[k]);
		merge_value(base, i, over->values[k], name, depth, problems);
	}
	over->count = 0;
}

static void
add_file(struct config *config, const char *path, struct buffer *all, struct problems *problems)
{
	struct place start = {path, 1, 1};
	struct yaml_node *tree;
	size_t size;
	char *bytes = read_file(path, &size, problems);

	if (bytes == NULL)
		return;
	buffer_append(all, bytes, size);
	tree = yaml_parse(bytes, size, path, problems);
	free(bytes);
	if (tree == NULL)
		return;
	if (tree->kind != YAML_MAP)
		problem_error(problems, &start, "a configuration is a map, such as `version: 1`");
	else if (config->memory->root == NULL) {
		config->memory->root = tree;
		return;
	} else
		merge(config->memory->root, tree, "", 0, problems);
	yaml_free(tree);
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

static void
add_drop_ins(struct config *config, struct buffer *all, struct problems *problems)
{
	char *directory _cleanup_(free_pointer) = path_directory(config->path);
	char *folder _cleanup_(free_pointer) =
	    directory == NULL ? NULL : path_join(directory, "mortise.d");
	struct place place = {config->path, 0, 0};
	struct dirent **entries = NULL;
	int count = folder == NULL ? -1 : scandir(folder, &entries, is_drop_in, by_bytes);

	if (count < 0 && (folder == NULL || errno != ENOENT))
		problem_error(problems, &place, "the drop-ins in mortise.d beside it cannot be read");
	for (int i = 0; i < count; i++) {
		char *path = config_keep(config, path_join(folder, entries[i]->d_name), problems);

		if (path != NULL)
			add_file(config, path, all, problems);
		free(entries[i]);
	}
	free(entries);
}

void
config_load(struct config *config, struct problems *problems)
{
	struct buffer all _cleanup_(buffer_free) = {0};
	struct place place = {config->path, 0, 0};
	struct digest_part part;
	unsigned char digest[DIGEST_SIZE];

	add_file(config, config->path, &all, problems);
	if (config->memory->root == NULL)
		return;
	add_drop_ins(config, &all, problems);
	part = (struct digest_part){all.data, all.size};
	if (all.failed || !digest_sha256(&part, 1, digest))
		problem_error(problems, &place, "out of memory");
	else
		hex_encode(digest, sizeof(digest), config->digest);
}
