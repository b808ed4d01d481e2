/* SPDX-License-Identifier: BSD-2-Clause */
/* chains: and the entries of routes, to struct chain. */
#include <stdlib.h>
#include <string.h>

#include "base/code.h"
#include "base/name.h"
#include "config/parts.h"

static bool
parse_word(const struct yaml_node *node, struct chain_entry *entry, struct problems *problems)
{
	static const char *const words[] = {"required", "requisite", "sufficient", "binding",
	    "optional", "fallback", NULL};
	const char *nearest;

	if (node->kind == YAML_SCALAR && chain_word_parse(node->text, &entry->word))
		return true;
	nearest = node->kind == YAML_SCALAR ? nearest_word(node->text, words) : NULL;
	problem_error(problems, &node->place, "control is one of required, requisite, sufficient, "
	    "binding, optional, fallback%s%s%s", nearest == NULL ? "" : "; did you mean ",
	    nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
	return false;
}

static void
parse_code(const struct yaml_node *key, const struct yaml_node *value, struct chain_entry *entry,
    struct problems *problems)
{
	enum mortise_code code;
	enum chain_action action;

	if (!code_parse(key->text, &code)) {
		problem_error(problems, &key->place, "no code %s; the codes are ok, not_found, "
		    "unavailable, timeout, denied, invalid, conflict, unsupported, ignore, error",
		    key->text);
		return;
	}
	if (value->kind != YAML_SCALAR || !chain_action_parse(value->text, &action)) {
		problem_error(problems, &value->place,
		    "an action is one of ok, done, bad, die, ignore");
		return;
	}
	if ((action == CHAIN_OK || action == CHAIN_DONE) && code != MORTISE_OK) {
		problem_error(problems, &value->place, "%s cannot be made %s: only ok is ever a yes; "
		    "use bad, die or ignore", key->text, value->text);
		return;
	}
	entry->codes[code] = (signed char)action;
}

static void
parse_codes(const struct yaml_node *node, struct chain_entry *entry, struct problems *problems)
{
	if (node->kind != YAML_MAP) {
		problem_error(problems, &node->place,
		    "codes is a map of code to action, such as {denied: ignore}");
		return;
	}
	for (size_t i = 0; i < node->count; i++)
		parse_code(node->keys[i], node->values[i], entry, problems);
}

/* A name to a backend or a chain. */
static void
resolve_use(const struct config *config, const struct yaml_node *use, struct chain_entry *entry,
    struct problems *problems)
{
	entry->use = use->text;
	for (size_t i = 0; i < config->chains_count; i++) {
		if (strcmp(config->chains[i].name, use->text) == 0)
			entry->inner = &config->chains[i];
	}
	for (size_t i = 0; i < config->backends_count; i++) {
		if (strcmp(config->backends[i].name, use->text) == 0) {
			entry->target = i;
			return;
		}
	}
	if (entry->inner == NULL)
		problem_error(problems, &use->place,
		    "%s is no backend and no chain; backends: and chains: name them", use->text);
}

static void
parse_entry(struct config *config, const struct yaml_node *node, struct chain_entry *entry,
    struct problems *problems)
{
	static const char *const known[] = {"use", "control", "codes", "stale", NULL};
	const struct yaml_node *use = node, *part;

	entry->place = node->place;
	entry->use = "";
	entry->word = CHAIN_DEFAULT;
	entry->stale = false;
	memset(entry->codes, CHAIN_BY_WORD, sizeof(entry->codes));
	if (node->kind != YAML_SCALAR) {
		if (!keys_check(node, "an entry", &(struct keys){known, NULL}, problems))
			return;
		use = yaml_member(node, "use");
		if (use == NULL) {
			problem_error(problems, &node->place,
			    "use is missing: the backend or chain that this entry asks");
			return;
		}
		part = yaml_member(node, "control");
		if (part != NULL)
			(void)parse_word(part, entry, problems);
		part = yaml_member(node, "codes");
		if (part != NULL)
			parse_codes(part, entry, problems);
		part = yaml_member(node, "stale");
		entry->stale = part != NULL && part->kind == YAML_SCALAR &&
		    strcmp(part->text, "allow") == 0;
		if (part != NULL && !entry->stale)
			problem_error(problems, &part->place, "stale can be allow: this entry may answer "
			    "although a write has left it behind");
	}
	if (text_of(use, "use", problems) != NULL)
		resolve_use(config, use, entry, problems);
}

void
config_entries(struct config *config, const struct yaml_node *node, const char *name,
    struct chain *chain, struct problems *problems)
{
	bool single = node->kind == YAML_SCALAR;
	size_t count = single ? 1 : node->count;
	struct chain_entry *entries;

	chain->name = name;
	chain->place = node->place;
	if (node->kind == YAML_MAP) {
		problem_error(problems, &node->place, "%s must be a name or a list of entries, such "
		    "as [main, {use: store, control: optional}]", name);
		return;
	}
	if (count == 0 || count > CHAIN_CALLS_MAX) {
		problem_error(problems, &node->place, count == 0 ?
		    "an empty chain; name at least one entry" :
		    "more than 64 entries, each of which is a backend call; take some out");
		return;
	}
	entries = config_take(config, count, sizeof(*entries), problems);
	if (entries == NULL)
		return;
	chain->entries = entries;
	chain->count = count;
	for (size_t i = 0; i < count; i++)
		parse_entry(config, single ? node : node->values[i], &entries[i], problems);
}

/* Depth first: a chain that is met again while its entries are looked at stands
 * in a cycle. */
struct walk {
	const struct config *config;
	struct {
		enum { NEW, OPEN, DONE } state;
		size_t begin;	/* of its name in the path, while open */
	} *marks;		/* by chain */
	struct buffer path;
	bool cycle;
};

static void
walk_chain(struct walk *walk, const struct chain *chain, struct problems *problems)
{
	size_t index = (size_t)(chain - walk->config->chains), length = walk->path.size;

	buffer_text(&walk->path, length == 0 ? "" : " -> ");
	walk->marks[index].begin = walk->path.size;
	walk->marks[index].state = OPEN;
	buffer_text(&walk->path, chain->name);
	for (size_t i = 0; i < chain->count && !walk->path.failed; i++) {
		const struct chain_entry *entry = &chain->entries[i];
		size_t inner = entry->inner == NULL ? 0 :
		    (size_t)(entry->inner - walk->config->chains);

		if (entry->inner == NULL || walk->marks[inner].state == DONE)
			continue;
		if (walk->marks[inner].state == NEW) {
			walk_chain(walk, entry->inner, problems);
			continue;
		}
		walk->cycle = true;
		problem_error(problems, &entry->place, "a cycle: %s -> %s; take one of these out",
		    walk->path.data + walk->marks[inner].begin, entry->use);
	}
	walk->marks[index].state = DONE;
	if (!walk->path.failed) {
		walk->path.size = length;
		walk->path.data[length] = '\0';
	}
}

void
config_check_chain(const struct chain *chain, struct problems *problems)
{
	struct mortise_error error = {0};
	struct place place;

	if (chain_check(chain, &error) == MORTISE_OK)
		return;
	place = (struct place){error.file, error.line, error.column};
	problem_error(problems, &place, "%s", error.message);
}

/* Chains that no route reaches are checked too.  false: they cannot be run. */
static bool
check_chains(struct config *config, struct problems *problems)
{
	struct walk walk = {.config = config};
	struct place place = {config->path, 0, 0};
	size_t before = problems->errors;

	walk.marks = config_take(config, config->chains_count, sizeof(*walk.marks), problems);
	if (walk.marks == NULL)
		return false;
	for (size_t i = 0; i < config->chains_count; i++) {
		if (walk.marks[i].state == NEW)
			walk_chain(&walk, &config->chains[i], problems);
	}
	if (walk.path.failed)
		problem_error(problems, &place, "out of memory");
	buffer_free(&walk.path);
	for (size_t i = 0; !walk.cycle && i < config->chains_count; i++)
		config_check_chain(&config->chains[i], problems);
	return problems->errors == before;
}

static bool
is_backend(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->backends_count; i++) {
		if (strcmp(config->backends[i].name, name) == 0)
			return true;
	}
	return false;
}

void
config_chains(struct config *config, struct problems *problems)
{
	const struct yaml_node *node = yaml_member(config->memory->root, "chains");
	size_t before = problems->errors;

	if (node == NULL)
		return;
	if (node->kind != YAML_MAP) {
		problem_error(problems, &node->place,
		    "chains must be a map of name to entries, such as {both: [main, store]}");
		return;
	}
	config->chains = config_take(config, node->count, sizeof(*config->chains), problems);
	if (config->chains == NULL)
		return;
	/* Names first: a chain may use one that stands below it. */
	for (size_t i = 0; i < node->count; i++)
		config->chains[i].name = node->keys[i]->text;
	config->chains_count = node->count;
	for (size_t i = 0; i < node->count; i++) {
		const struct yaml_node *key = node->keys[i];

		if (!word_valid(key->text))
			problem_error(problems, &key->place, "%s is no name for a chain; "
			    "names are 1 to 32 of [a-z0-9-], and not none", key->text);
		if (is_backend(config, key->text))
			problem_error(problems, &key->place,
			    "%s is a backend already; backends and chains share their names",
			    key->text);
		config_entries(config, node->values[i], key->text, &config->chains[i], problems);
	}
	config->memory->chains_broken = problems->errors > before ||
	    !check_chains(config, problems);
}
