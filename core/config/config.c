/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/name.h"
#include "config/forms.h"
#include "config/parts.h"

const char *const config_core_words[] = {"plugin", "call", NULL};

#define DEADLINE_MS INT64_C(10000)
#define RETENTION_MS (INT64_C(400) * 86400000)

void *
config_keep(struct config *config, void *block, struct problems *problems)
{
	struct config_memory *memory = config->memory;
	struct place place = {config->path, 0, 0};
	void **bigger = block == NULL ? NULL :
	    realloc(memory->blocks, (memory->count + 1) * sizeof(*bigger));

	if (bigger == NULL) {
		problem_error(problems, &place, "out of memory");
		free(block);
		return NULL;
	}
	memory->blocks = bigger;
	memory->blocks[memory->count++] = block;
	return block;
}

void *
config_take(struct config *config, size_t count, size_t size, struct problems *problems)
{
	return config_keep(config, calloc(count == 0 ? 1 : count, size), problems);
}

char *
config_text(struct config *config, const char *text, struct problems *problems)
{
	return config_keep(config, text_dup(text), problems);
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	if (config->memory != NULL) {
		for (size_t i = 0; i < config->memory->count; i++)
			free(config->memory->blocks[i]);
		free(config->memory->blocks);
		yaml_node_free(config->memory->root);
	}
	free(config->memory);
	free(config);
}

const char *
text_of(const struct yaml_node *node, const char *what, struct problems *problems)
{
	if (node->kind == YAML_SCALAR && node->text[0] != '\0')
		return node->text;
	problem_error(problems, &node->place, "%s must be a text", what);
	return NULL;
}

static bool
is_one_of(const char *word, const char *const *words)
{
	for (; words != NULL && *words != NULL; words++) {
		if (strcmp(*words, word) == 0)
			return true;
	}
	return false;
}

bool
keys_check(const struct yaml_node *map, const char *what, const struct keys *keys,
    struct problems *problems)
{
	if (map->kind != YAML_MAP) {
		problem_error(problems, &map->place, "%s must be a map, such as {%s: ...}", what,
		    keys->known[0]);
		return false;
	}
	for (size_t i = 0; i < map->count; i++) {
		const struct yaml_node *key = map->keys[i];
		const char *nearest = nearest_word(key->text, keys->known);

		if (is_one_of(key->text, keys->known))
			continue;
		if (is_one_of(key->text, keys->unbuilt))
			problem_error(problems, &key->place,
			    "%s is not part of this version yet; remove it", key->text);
		else
			problem_error(problems, &key->place, "unknown key %s in %s; %s%s%s",
			    key->text, what, nearest == NULL ? "remove it" : "did you mean ",
			    nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
	}
	return true;
}

static void
read_duration(const struct yaml_node *node, const char *what, int64_t *ms,
    struct problems *problems)
{
	if (node == NULL)
		return;
	if (node->kind != YAML_SCALAR || !duration_parse(node->text, ms) || *ms == 0)
		problem_error(problems, &node->place,
		    "%s must be a duration, such as 250ms, 2s, 5m, 12h or 400d", what);
}

static void
read_version(const struct yaml_node *root, struct problems *problems)
{
	const struct yaml_node *node = yaml_member(root, "version");

	if (node == NULL)
		problem_error(problems, &root->place, "version is missing; write `version: 1`");
	else if (node->kind != YAML_SCALAR || strcmp(node->text, "1") != 0)
		problem_error(problems, &node->place,
		    "this program reads version 1 of the configuration; write `version: 1`");
}

static void
read_plugin_path(struct config *config, const struct yaml_node *node, struct problems *problems)
{
	if (node == NULL)
		return;
	if (node->kind != YAML_LIST) {
		problem_error(problems, &node->place,
		    "plugin-path must be a list of directories, such as [/opt/acme/mortise]");
		return;
	}
	config->plugin_path = config_take(config, node->count, sizeof(char *), problems);
	config->plugin_path_places = config_take(config, node->count, sizeof(struct place), problems);
	if (config->plugin_path == NULL || config->plugin_path_places == NULL)
		return;
	for (size_t i = 0; i < node->count; i++) {
		const char *path = text_of(node->values[i], "a directory of plugin-path", problems);

		if (path == NULL)
			continue;
		if (path[0] != '/')
			problem_error(problems, &node->values[i]->place,
			    "plugin-path takes absolute directories only; begin it with /");
		config->plugin_path_places[config->plugin_path_count] = node->values[i]->place;
		config->plugin_path[config->plugin_path_count++] = path;
	}
}

static void
read_backend(struct config_backend *backend, const struct yaml_node *key,
    const struct yaml_node *map, struct problems *problems)
{
	const struct yaml_node *plugin = yaml_member(map, "plugin");

	backend->name = key->text;
	backend->place = key->place;
	backend->map = map;
	if (!word_valid(key->text))
		problem_error(problems, &key->place, "%s is no name for a backend; "
		    "names are 1 to 32 of [a-z0-9-], and not none", key->text);
	if (map->kind != YAML_MAP || plugin == NULL) {
		problem_error(problems, &map->place,
		    "a backend is a map with a plugin, such as {plugin: local, ...}");
		return;
	}
	backend->plugin = text_of(plugin, "plugin", problems);
	backend->plugin_place = plugin->place;
	if (backend->plugin != NULL && !word_valid(backend->plugin))
		problem_error(problems, &plugin->place,
		    "%s is no name of a plugin; it is [a-z0-9-]+", backend->plugin);
	config_call(backend, yaml_member(map, "call"), problems);
}

static void
read_backends(struct config *config, const struct yaml_node *root, struct problems *problems)
{
	const struct yaml_node *node = yaml_member(root, "backends");

	if (node == NULL || node->kind != YAML_MAP || node->count == 0) {
		problem_error(problems, node == NULL ? &root->place : &node->place,
		    "backends is missing; name at least one: "
		    "backends: {store: {plugin: local, ...}}");
		return;
	}
	config->backends = config_take(config, node->count, sizeof(*config->backends), problems);
	if (config->backends == NULL)
		return;
	config->backends_count = node->count;
	for (size_t i = 0; i < node->count; i++)
		read_backend(&config->backends[i], node->keys[i], node->values[i], problems);
	config_order(config, problems);
}

static void
read_trail(struct config *config, const struct yaml_node *trail, struct problems *problems)
{
	static const char *const known[] = {"path", "retention", NULL};
	const struct yaml_node *path;
	const char *text;

	if (!keys_check(trail, "trail", &(struct keys){known, NULL}, problems))
		return;
	config->audit.place = trail->place;
	read_duration(yaml_member(trail, "retention"), "retention", &config->audit.retention_ms,
	    problems);
	path = yaml_member(trail, "path");
	if (path == NULL) {
		problem_error(problems, &trail->place,
		    "path is missing: the directory that the trail lies in");
		return;
	}
	text = text_of(path, "path", problems);
	if (text != NULL)
		config->audit.trail = config_keep(config, form_path(&path->place, text), problems);
}

static void
read_audit(struct config *config, const struct yaml_node *root, struct problems *problems)
{
	static const char *const known[] = {"trail", "sinks", NULL};
	const struct yaml_node *audit = yaml_member(root, "audit"), *trail;

	config->audit.retention_ms = RETENTION_MS;
	if (audit == NULL) {
		problem_error(problems, &root->place, "audit is missing; every access is recorded: "
		    "audit: {trail: {path: DIRECTORY}}");
		return;
	}
	if (audit->kind == YAML_SCALAR && strcmp(audit->text, "off") == 0) {
		config->audit.off = true;
		problem_warning(problems, &audit->place,
		    "audit is off: no access is recorded; this is for tests only");
		return;
	}
	if (!keys_check(audit, "audit", &(struct keys){known, NULL}, problems))
		return;
	config_sinks(config, yaml_member(audit, "sinks"), problems);
	trail = yaml_member(audit, "trail");
	if (trail == NULL)
		problem_error(problems, &audit->place, "trail is missing; the trail commits every "
		    "operation: trail: {path: DIRECTORY}");
	else
		read_trail(config, trail, problems);
}

/* Makes the one place of a mark a part of the name around it; false: there is
 * none, or several. */
static bool
fill(char *text, const char *mark, const char **at)
{
	char *found = strstr(text, mark);

	if (found == NULL || strstr(found + 1, mark) != NULL)
		return false;
	memset(found, 'x', strlen(mark));
	*at = found;
	return true;
}

/* Can every pair of platform and connection be told apart by its name?  A slash
 * is all that stands in neither. */
static bool
is_template(char *text)
{
	const char *platform, *connection;
	size_t apart;

	if (!fill(text, "{platform}", &platform) || !fill(text, "{connectionId}", &connection) ||
	    name_check(text, NULL) != MORTISE_OK)
		return false;
	apart = (size_t)(platform < connection ? connection - platform : platform - connection);
	return memchr(platform < connection ? platform : connection, '/', apart) != NULL;
}

static void
read_tokens(struct config *config, const struct yaml_node *root, struct problems *problems)
{
	static const char *const known[] = {"name", NULL};
	const struct yaml_node *tokens = yaml_member(root, "tokens"), *name;
	char *copy;

	config->token_name = "oauth/{platform}/{connectionId}";
	if (tokens == NULL || !keys_check(tokens, "tokens", &(struct keys){known, NULL}, problems) ||
	    (name = yaml_member(tokens, "name")) == NULL ||
	    text_of(name, "name", problems) == NULL)
		return;
	config->token_name = name->text;
	config->token_name_place = name->place;
	copy = config_text(config, name->text, problems);
	if (copy != NULL && !is_template(copy))
		problem_error(problems, &name->place, "name must hold {platform} and {connectionId} "
		    "once each, with a slash between them, and be a secret's name otherwise; "
		    "such as oauth/{platform}/{connectionId}");
}

static void
read_root(struct config *config, struct problems *problems)
{
	static const char *const known[] = {"version", "plugin-path", "deadline", "backends",
	    "chains", "secret", "state", "audit", "tokens", NULL};
	static const char *const unbuilt[] = {"seal-key", "providers", "daemon", "policy", NULL};
	const struct yaml_node *root = config->memory->root;

	(void)keys_check(root, "the configuration", &(struct keys){known, unbuilt}, problems);
	read_version(root, problems);
	config->deadline_ms = DEADLINE_MS;
	read_duration(yaml_member(root, "deadline"), "deadline", &config->deadline_ms, problems);
	read_plugin_path(config, yaml_member(root, "plugin-path"), problems);
	read_backends(config, root, problems);
	config_chains(config, problems);
	config_routes(config, problems);
	read_audit(config, root, problems);
	read_tokens(config, root, problems);
	if (problems->errors == 0)
		config_lags(config, problems);
	if (problems->errors == 0)
		config_warn(config, problems);
}

/* Not realpath: drop-ins and relative paths lie beside the name that was given,
 * also where that is a symbolic link. */
static char *
absolute(const char *path)
{
	char directory[PATH_MAX];

	return path_join(path[0] == '/' ? NULL : getcwd(directory, sizeof(directory)), path);
}

enum mortise_code
config_read(const char *path, struct config **config, struct problems *problems)
{
	struct config *made = calloc(1, sizeof(*made));

	if (made == NULL || (made->memory = calloc(1, sizeof(*made->memory))) == NULL) {
		free(made);
		return error_memory(&problems->first);
	}
	made->path = config_keep(made, absolute(path), problems);
	/* What is missing in half a tree would bring errors of its own. */
	if (made->path != NULL && config_load(made, problems))
		read_root(made, problems);
	if (problems->errors > 0) {
		config_free(made);
		return MORTISE_INVALID;
	}
	*config = made;
	return MORTISE_OK;
}
