/* SPDX-License-Identifier: BSD-2-Clause */
/* For memmem. */
#define _GNU_SOURCE
/* Reading a trail the way its writers do: line by line, each verified. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/parts.h"
#include "base/clock.h"
#include "base/file.h"

#define HASH_TAIL 72	/* ,"h":"…64…"} and no LF */
#define READ_SIZE ((size_t)RECORD_LINE_MAX * 16)

void
view_free(struct view *view)
{
	free(view->pending);
	free(view->stores);
	*view = (struct view){.pending = NULL};
}

static void *
copy_block(const void *block, size_t count, size_t size)
{
	void *copy = malloc(count * size + 1);

	if (copy != NULL && count > 0)
		memcpy(copy, block, count * size);
	return copy;
}

bool
view_copy(const struct view *from, struct view *to)
{
	*to = *from;
	to->pending = copy_block(from->pending, from->pending_count, sizeof(*from->pending));
	to->stores = copy_block(from->stores, from->stores_count, sizeof(*from->stores));
	if (to->pending != NULL && to->stores != NULL)
		return true;
	view_free(to);
	return false;
}

bool
view_add_pending(struct view *view, uint64_t seq, const char *op, uint32_t writer)
{
	struct pending *bigger = realloc(view->pending,
	    (view->pending_count + 1) * sizeof(*bigger));

	if (bigger == NULL)
		return false;
	view->pending = bigger;
	view->pending[view->pending_count] = (struct pending){.seq = seq, .writer = writer};
	(void)snprintf(view->pending[view->pending_count++].op, sizeof(bigger->op), "%s", op);
	return true;
}

void
view_drop_pending(struct view *view, const char *op)
{
	for (size_t i = 0; i < view->pending_count; i++) {
		if (strcmp(view->pending[i].op, op) == 0) {
			view->pending[i] = view->pending[--view->pending_count];
			return;
		}
	}
}

bool
view_set_store(struct view *view, const char *backend, const char *id, uint64_t generation)
{
	struct store_note *bigger;
	size_t i = 0;

	while (i < view->stores_count && strcmp(view->stores[i].backend, backend) != 0)
		i++;
	if (i == view->stores_count) {
		bigger = realloc(view->stores, (view->stores_count + 1) * sizeof(*bigger));
		if (bigger == NULL)
			return false;
		view->stores = bigger;
		view->stores_count++;
		(void)snprintf(view->stores[i].backend, sizeof(bigger->backend), "%s", backend);
	}
	(void)snprintf(view->stores[i].id, sizeof(view->stores[i].id), "%s", id);
	view->stores[i].generation = generation;
	return true;
}

/* --- one line ------------------------------------------------------------------- */

/* The parts of a line without its LF. */
struct line {
	const char *c, *p, *hash;
	size_t c_size, p_size;
};

static bool
split_line(const char *text, size_t size, struct line *line)
{
	static const char begin[] = "{\"c\":", middle[] = ",\"p\":", tail[] = ",\"h\":\"";
	const char *p;

	if (size < sizeof(begin) + HASH_TAIL || size >= RECORD_LINE_MAX ||
	    memcmp(text, begin, sizeof(begin) - 1) != 0 ||
	    memcmp(text + size - HASH_TAIL, tail, sizeof(tail) - 1) != 0 ||
	    memcmp(text + size - 2, "\"}", 2) != 0)
		return false;
	/* In a string the quotes would be escaped, and c has no member p. */
	p = memmem(text, size, middle, sizeof(middle) - 1);
	if (p == NULL || p > text + size - HASH_TAIL - (sizeof(middle) - 1))
		return false;
	line->c = text + sizeof(begin) - 1;
	line->c_size = (size_t)(p - line->c);
	line->p = p + sizeof(middle) - 1;
	line->p_size = (size_t)(text + size - HASH_TAIL - line->p);
	line->hash = text + size - HASH_TAIL + sizeof(tail) - 1;
	return true;
}

static const char *
text_member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

static uint64_t
number_member(const json_t *object, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(object, key));

	return number < 0 ? 0 : (uint64_t)number;
}

static int64_t
time_member(const json_t *c)
{
	const char *text = text_member(c, "ts"), *dot = strchr(text, '.');
	int64_t ms = 0;

	/* The parser has milliseconds; the last three digits are these. */
	if (!clock_parse(text, &ms))
		return 0;
	return ms * 1000 + (dot != NULL && strlen(dot) >= 7 ? strtol(dot + 4, NULL, 10) : 0);
}

/* Does p still fit pc, or was it erased? */
static bool
personal_fits(const json_t *c, const struct line *line)
{
	const char *want = text_member(c, "pc");
	char have[65];

	if (line->p_size >= 4 && memcmp(line->p, "null", 4) == 0)
		return strspn(line->p + 4, " ") >= line->p_size - 4;
	return want[0] != '\0' && record_commitment(line->p, line->p_size, have) &&
	    strcmp(want, have) == 0;
}

/* The one backend that an outcome called; "" if there are several. */
static const char *
only_backend(const json_t *c)
{
	const json_t *calls = json_object_get(c, "calls"), *call;
	const char *only = "";
	size_t i;

	json_array_foreach(calls, i, call) {
		const char *backend = text_member(call, "backend");

		if (i > 0 && strcmp(only, backend) != 0)
			return "";
		only = backend;
	}
	return only;
}

/* An outcome names stores by their ids; the head, which is written by who made
 * the outcome, says whose they are.  Where it was not written any more, a
 * single backend in the calls says it too. */
static bool
take_stores(struct view *view, const json_t *c)
{
	json_t *stores = json_object_get(c, "stores"), *generation;
	const char *id;

	json_object_foreach(stores, id, generation) {
		const char *backend = only_backend(c);

		for (size_t i = 0; i < view->stores_count; i++) {
			if (strcmp(view->stores[i].id, id) == 0)
				backend = view->stores[i].backend;
		}
		if (backend[0] != '\0' && !view_set_store(view, backend, id,
		    (uint64_t)json_integer_value(generation)))
			return false;
	}
	return true;
}

static bool
take_fields(struct view *view, const json_t *c)
{
	const char *type = text_member(c, "t");

	if (strcmp(type, "intent") == 0)
		return view_add_pending(view, view->seq, text_member(c, "op"),
		    (uint32_t)number_member(c, "w"));
	if (strcmp(type, "outcome") != 0)
		return true;
	view_drop_pending(view, text_member(c, "op"));
	return take_stores(view, c);
}

/* A segment's first line: the trail goes on here, or begins here. */
static bool
take_open(struct view *view, const json_t *c)
{
	if (strcmp(text_member(c, "t"), "open") != 0 || strlen(text_member(c, "trail")) != 32 ||
	    strlen(text_member(c, "before")) != 64)
		return false;
	if (view->trail[0] != '\0' && strcmp(view->trail, text_member(c, "trail")) != 0)
		return false;
	/* Anything between is lost: where it was accepted, it is declared. */
	if (view->seq != 0 && strcmp(view->hash, text_member(c, "before")) != 0 &&
	    json_object_get(c, "gap") == NULL)
		return false;
	(void)snprintf(view->trail, sizeof(view->trail), "%s", text_member(c, "trail"));
	(void)snprintf(view->hash, sizeof(view->hash), "%s", text_member(c, "before"));
	view->seq = number_member(c, "seq") - 1;
	return true;
}

/* Takes one line in; false = it does not verify. */
static bool
take_line(struct view *view, const char *text, size_t size, bool first)
{
	unsigned char digest[32];
	char hash[65];
	struct line line;
	json_t *c;
	bool good;

	if (!split_line(text, size, &line))
		return false;
	c = json_loadb(line.c, line.c_size, JSON_REJECT_DUPLICATES, NULL);
	if (c == NULL)
		return false;
	good = (!first || take_open(view, c)) && number_member(c, "v") == 1 &&
	    number_member(c, "seq") == view->seq + 1 &&
	    record_digest(line.c, line.c_size, digest) &&
	    record_hash(view->trail, view->hash, digest, hash) &&
	    memcmp(hash, line.hash, 64) == 0 && personal_fits(c, &line);
	if (good) {
		view->seq++;
		memcpy(view->hash, hash, sizeof(hash));
		view->time_us = time_member(c);
		good = take_fields(view, c);
	}
	json_decref(c);
	return good;
}

static enum mortise_code
corrupt(const struct view *view, struct mortise_error *error)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(view->segment, name);
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
	    "the trail is corrupt in %s: the record after %llu (byte %llu) does not verify; "
	    "`mortise audit verify` says more, put the file back from a copy, "
	    "or declare the loss by `mortise audit accept-loss`", name,
	    (unsigned long long)view->seq, (unsigned long long)view->offset);
}

enum mortise_code
view_read(struct view *view, int fd, uint64_t end, struct mortise_error *error)
{
	char *bytes _cleanup_(free_pointer) = malloc(READ_SIZE);

	if (bytes == NULL)
		return error_memory(error);
	while (view->offset < end) {
		uint64_t left = end - view->offset;
		size_t want = left < READ_SIZE ? (size_t)left : READ_SIZE, used = 0;
		ssize_t got = file_read_at(fd, bytes, want, (off_t)view->offset);
		const char *lf;

		if (got <= 0)
			return corrupt(view, error);
		while ((lf = memchr(bytes + used, '\n', (size_t)got - used)) != NULL) {
			size_t size = (size_t)(lf - bytes) - used;

			if (!take_line(view, bytes + used, size, view->offset == 0))
				return corrupt(view, error);
			used += size + 1;
			view->offset += size + 1;
		}
		/* No line is longer than a read: what has no LF has no end. */
		if (used == 0)
			return corrupt(view, error);
	}
	return MORTISE_OK;
}

bool
segment_read_open(int fd, struct segment_open *open)
{
	char *bytes _cleanup_(free_pointer) = malloc(RECORD_LINE_MAX);
	ssize_t got = bytes == NULL ? -1 : file_read_at(fd, bytes, RECORD_LINE_MAX, 0);
	const char *lf = got <= 0 ? NULL : memchr(bytes, '\n', (size_t)got);
	struct line line;
	json_t *c;
	bool good;

	if (lf == NULL || !split_line(bytes, (size_t)(lf - bytes), &line))
		return false;
	c = json_loadb(line.c, line.c_size, 0, NULL);
	good = c != NULL && strcmp(text_member(c, "t"), "open") == 0;
	if (good) {
		*open = (struct segment_open){
			.seq = number_member(c, "seq"), .time_us = time_member(c),
		};
		(void)snprintf(open->trail, sizeof(open->trail), "%s", text_member(c, "trail"));
		(void)snprintf(open->before, sizeof(open->before), "%s", text_member(c, "before"));
		(void)snprintf(open->host, sizeof(open->host), "%s", text_member(c, "host"));
	}
	json_decref(c);
	return good;
}
