/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/bytes.h"

struct reader {
	yaml_parser_t parser;
	const char *bytes;
	const char *file;
	struct problems *problems;
	bool stopped;		/* a syntax error, a limit, no memory: no tree */
};

static struct place
place_of(const struct reader *reader, yaml_mark_t mark)
{
	return (struct place){reader->file, (unsigned int)mark.line + 1,
	    (unsigned int)mark.column + 1};
}

/* Where a byte is: lines and characters up to it, from 1. */
static struct place
place_at(const char *file, const char *bytes, size_t at)
{
	struct place place = {file, 1, 1};

	for (size_t i = 0; i < at; i++) {
		if (bytes[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)bytes[i] & 0xc0) != 0x80)
			place.column++;
	}
	return place;
}

static void
stop(struct reader *reader, yaml_mark_t mark, const char *message)
{
	struct place place = place_of(reader, mark);

	if (!reader->stopped)
		problem_error(reader->problems, &place, "%s", message);
	reader->stopped = true;
}

void
yaml_node_free(struct yaml_node *node)
{
	if (node == NULL)
		return;
	for (size_t i = 0; i < node->count; i++) {
		if (node->keys != NULL)
			yaml_node_free(node->keys[i]);
		yaml_node_free(node->values[i]);
	}
	free(node->keys);
	free(node->values);
	free(node->text);
	free(node);
}

static bool
grow(struct yaml_node ***array, size_t count)
{
	struct yaml_node **bigger;

	/* Room for a power of two: it is full when count is one. */
	if ((count & (count - 1)) != 0)
		return true;
	bigger = realloc(*array, (count == 0 ? 1 : count * 2) * sizeof(*bigger));
	if (bigger == NULL)
		return false;
	*array = bigger;
	return true;
}

bool
yaml_add(struct yaml_node *node, struct yaml_node *key, struct yaml_node *value)
{
	if (!grow(&node->values, node->count) || (key != NULL && !grow(&node->keys, node->count))) {
		yaml_node_free(key);
		yaml_node_free(value);
		return false;
	}
	if (key != NULL)
		node->keys[node->count] = key;
	node->values[node->count++] = value;
	return true;
}

struct yaml_node *
yaml_member(const struct yaml_node *map, const char *key)
{
	if (map == NULL || map->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++) {
		if (strcmp(map->keys[i]->text, key) == 0)
			return map->values[i];
	}
	return NULL;
}

/* Tells why libyaml has stopped. */
static void
tell_syntax(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	struct place place = place_of(reader, parser->problem_mark);
	bool nested = parser->context != NULL && parser->context_mark.line != parser->problem_mark.line;

	/* A byte that may not stand there is met long before it is parsed. */
	if (parser->error == YAML_READER_ERROR)
		place = place_at(reader->file, reader->bytes, parser->problem_offset);
	if (nested)
		problem_error(reader->problems, &place, "not YAML: %s (%s that begins in line %zu); "
		    "the rest of the file was not read", parser->problem, parser->context,
		    parser->context_mark.line + 1);
	else
		problem_error(reader->problems, &place, "not YAML: %s; "
		    "the rest of the file was not read", parser->problem);
	reader->stopped = true;
}

/* The next event; false after an error, which has been told. */
static bool
next_event(struct reader *reader, yaml_event_t *event)
{
	if (yaml_parser_parse(&reader->parser, event) != 0)
		return true;
	if (reader->parser.error == YAML_MEMORY_ERROR)
		stop(reader, reader->parser.mark, "out of memory");
	else if (!reader->stopped)
		tell_syntax(reader);
	return false;
}

static struct yaml_node *
new_node(struct reader *reader, enum yaml_kind kind, yaml_mark_t mark)
{
	struct yaml_node *node = calloc(1, sizeof(*node));

	if (node == NULL) {
		stop(reader, mark, "out of memory");
		return NULL;
	}
	node->kind = kind;
	node->place = place_of(reader, mark);
	return node;
}

static void
refuse(struct reader *reader, yaml_mark_t mark, const char *what, const char *remedy)
{
	struct place place = place_of(reader, mark);

	problem_error(reader->problems, &place, "%s: not used here; %s", what, remedy);
}

/* Anchors and tags, which every kind of node may have. */
static void
refuse_decoration(struct reader *reader, const yaml_event_t *event, const yaml_char_t *anchor,
    const yaml_char_t *tag)
{
	if (anchor != NULL)
		refuse(reader, event->start_mark, "an anchor (&name)", "write the value out");
	if (tag != NULL)
		refuse(reader, event->start_mark, "a tag (!name)", "remove it");
}

static struct yaml_node *
read_scalar(struct reader *reader, const yaml_event_t *event)
{
	struct yaml_node *node = new_node(reader, YAML_SCALAR, event->start_mark);
	const char *text = (const char *)event->data.scalar.value;

	if (node == NULL)
		return NULL;
	refuse_decoration(reader, event, event->data.scalar.anchor, event->data.scalar.tag);
	if (strlen(text) != event->data.scalar.length)
		refuse(reader, event->start_mark, "a NUL byte", "keep such a value in a file");
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->text = text_dup(text);
	if (node->text == NULL) {
		stop(reader, event->start_mark, "out of memory");
		yaml_node_free(node);
		return NULL;
	}
	return node;
}

static struct yaml_node *read_node(struct reader *reader, const yaml_event_t *event,
    unsigned int depth);

/* Reads the event of a child; NULL at the collection's end or after an error. */
static struct yaml_node *
read_child(struct reader *reader, yaml_event_type_t end, unsigned int depth)
{
	struct yaml_node *node = NULL;
	yaml_event_t event;

	if (reader->stopped || !next_event(reader, &event))
		return NULL;
	if (event.type != end)
		node = read_node(reader, &event, depth);
	yaml_event_delete(&event);
	return node;
}

static struct yaml_node *
read_list(struct reader *reader, const yaml_event_t *event, unsigned int depth)
{
	struct yaml_node *list = new_node(reader, YAML_LIST, event->start_mark), *item;

	refuse_decoration(reader, event, event->data.sequence_start.anchor,
	    event->data.sequence_start.tag);
	while (list != NULL &&
	    (item = read_child(reader, YAML_SEQUENCE_END_EVENT, depth + 1)) != NULL) {
		if (!yaml_add(list, NULL, item))
			stop(reader, event->start_mark, "out of memory");
	}
	return list;
}

static void
check_key(struct reader *reader, const struct yaml_node *map, const struct yaml_node *key)
{
	if (strcmp(key->text, "<<") == 0 && !key->quoted) {
		problem_error(reader->problems, &key->place,
		    "a merge key (<<): not used here; write the keys out");
		return;
	}
	for (size_t i = 0; i < map->count; i++) {
		if (strcmp(map->keys[i]->text, key->text) != 0)
			continue;
		problem_error(reader->problems, &key->place,
		    "%s is here twice, first in line %u; remove one of them", key->text,
		    map->keys[i]->place.line);
		return;
	}
}

static void
stop_at(struct reader *reader, const struct yaml_node *node, const char *message)
{
	stop(reader, (yaml_mark_t){0, node->place.line - 1, node->place.column - 1}, message);
}

/* One key and its value; false at the map's end or after an error. */
static bool
read_pair(struct reader *reader, struct yaml_node *map, unsigned int depth)
{
	struct yaml_node *key = read_child(reader, YAML_MAPPING_END_EVENT, depth), *value;

	if (key == NULL)
		return false;
	if (key->kind != YAML_SCALAR)
		stop_at(reader, key, "a key that is no word; keys are words");
	else if (map->count == YAML_KEYS_MAX)
		stop_at(reader, key, "more than 4096 keys in one map; no configuration has so many");
	else
		check_key(reader, map, key);
	value = read_child(reader, YAML_NO_EVENT, depth);
	if (value == NULL) {
		yaml_node_free(key);
		return false;
	}
	if (yaml_add(map, key, value))
		return true;
	stop_at(reader, map, "out of memory");
	return false;
}

static struct yaml_node *
read_map(struct reader *reader, const yaml_event_t *event, unsigned int depth)
{
	struct yaml_node *map = new_node(reader, YAML_MAP, event->start_mark);

	refuse_decoration(reader, event, event->data.mapping_start.anchor,
	    event->data.mapping_start.tag);
	while (map != NULL && read_pair(reader, map, depth + 1))
		continue;
	return map;
}

static struct yaml_node *
read_node(struct reader *reader, const yaml_event_t *event, unsigned int depth)
{
	if (depth > YAML_DEPTH_MAX) {
		stop(reader, event->start_mark, "nested deeper than 32; no key needs that");
		return NULL;
	}
	if (event->type == YAML_SCALAR_EVENT)
		return read_scalar(reader, event);
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return read_list(reader, event, depth);
	if (event->type == YAML_MAPPING_START_EVENT)
		return read_map(reader, event, depth);
	/* Nothing else can stand here but an alias. */
	stop(reader, event->start_mark,
	    "an alias (*name): not used here; write the value out");
	return NULL;
}

static struct yaml_node *
read_document(struct reader *reader)
{
	struct yaml_node *root = NULL;
	bool more = true;
	yaml_event_t event;

	while (more && !reader->stopped && next_event(reader, &event)) {
		switch (event.type) {
		case YAML_NO_EVENT:
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
		case YAML_SEQUENCE_END_EVENT:
		case YAML_MAPPING_END_EVENT:
			break;
		case YAML_STREAM_END_EVENT:
			more = false;
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (root != NULL)
				stop(reader, event.start_mark,
				    "a second document: a file has one; remove the ---");
			break;
		case YAML_ALIAS_EVENT:
		case YAML_SCALAR_EVENT:
		case YAML_SEQUENCE_START_EVENT:
		case YAML_MAPPING_START_EVENT:
			root = read_node(reader, &event, 1);
			break;
		}
		yaml_event_delete(&event);
	}
	if (root == NULL && !reader->stopped)
		root = new_node(reader, YAML_MAP, (yaml_mark_t){0, 0, 0});
	if (root != NULL && root->kind == YAML_SCALAR && root->text[0] == '\0' && !root->quoted)
		root->kind = YAML_MAP;
	return root;
}

struct yaml_node *
yaml_parse(const char *bytes, size_t size, const char *file, struct problems *problems)
{
	static const char mark[] = "\xef\xbb\xbf";
	struct reader reader = {.file = file, .problems = problems};
	struct place start = {file, 1, 1};
	struct yaml_node *root;
	size_t valid;

	if (size > YAML_SIZE_MAX) {
		problem_error(problems, &start, "larger than 1 MiB; no configuration is");
		return NULL;
	}
	/* Some editors put a byte order mark first; to libyaml it is a column. */
	if (size >= strlen(mark) && memcmp(bytes, mark, strlen(mark)) == 0) {
		bytes += strlen(mark);
		size -= strlen(mark);
	}
	reader.bytes = bytes;
	valid = utf8_valid(bytes, size);
	if (valid < size) {
		start = place_at(file, bytes, valid);
		problem_error(problems, &start, "a byte that is not UTF-8; save the file as UTF-8");
		return NULL;
	}
	if (yaml_parser_initialize(&reader.parser) == 0) {
		problem_error(problems, &start, "out of memory");
		return NULL;
	}
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, size);
	root = read_document(&reader);
	yaml_parser_delete(&reader.parser);
	if (!reader.stopped)
		return root;
	yaml_node_free(root);
	return NULL;
}
