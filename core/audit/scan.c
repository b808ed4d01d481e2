/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the trail as its writer must know it: every line verified, and what
 * it says of pending intents and stores taken in. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "audit/parts.h"
#include "base/file.h"

#define CHUNK (1 << 20)
/* ,"h":"…"} and LF */
#define END_SIZE (6 + 64 + 3)

enum mortise_code
trail_corrupt(const struct trail *trail, struct mortise_error *error, const char *what)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(trail->segment, name);
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT, "%s/%s: record %" PRIu64
	    " (at byte %" PRIu64 ") is corrupt: %s; keep a copy and see "
	    "`mortise audit accept-loss`", trail->options.directory, name, trail->end.seq + 1,
	    trail->end.offset, what);
}

static uint64_t
number_in(const json_t *tree, const char *key)
{
	const json_t *value = json_object_get(tree, key);

	return json_is_integer(value) && json_integer_value(value) > 0 ?
	    (uint64_t)json_integer_value(value) : 0;
}

static const char *
text_in(const json_t *tree, const char *key)
{
	const char *text = json_string_value(json_object_get(tree, key));

	return text == NULL ? "" : text;
}

bool
line_split(const char *bytes, size_t size, struct line *line)
{
	json_error_t problem;
	size_t body;

	if (size < 16 + END_SIZE || size > RECORD_LINE_MAX || memcmp(bytes, "{\"c\":{", 6) != 0 ||
	    memcmp(bytes + size - END_SIZE, ",\"h\":\"", 6) != 0 ||
	    memcmp(bytes + size - 3, "\"}\n", 3) != 0)
		return false;
	line->c = bytes + 5;
	line->h = bytes + size - END_SIZE + 6;
	body = size - END_SIZE - 5;
	line->tree = json_loadb(line->c, body, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES,
	    &problem);
	if (line->tree == NULL)
		return false;
	line->c_size = (size_t)problem.position;
	if (body - line->c_size < 9 || memcmp(line->c + line->c_size, ",\"p\":", 5) != 0)
		return false;
	line->p = line->c + line->c_size + 5;
	line->p_size = body - line->c_size - 5;
	return true;
}

/* p is null, blanked (null and spaces), or what pc says. */
static bool
personal_fits(const struct line *line)
{
	const json_t *pc = json_object_get(line->tree, "pc");
	size_t spaces = 4;
	char commitment[65];

	while (spaces < line->p_size && line->p[spaces] == ' ')
		spaces++;
	if (memcmp(line->p, "null", 4) == 0 && spaces == line->p_size)
		return json_is_string(pc) || line->p_size == 4;
	return json_is_string(pc) && record_commitment(line->p, line->p_size, commitment) &&
	    strcmp(json_string_value(pc), commitment) == 0;
}

/* RFC 3339 with six digits. */
bool
trail_time(const char *ts, int64_t *us)
{
	int64_t ms;

	if (strlen(ts) != 27 || ts[26] != 'Z' || !clock_parse(ts, &ms))
		return false;
	*us = ms * 1000 + (ts[23] - '0') * 100 + (ts[24] - '0') * 10 + (ts[25] - '0');
	return true;
}

static int64_t
time_of(const json_t *tree)
{
	int64_t us = 0;

	(void)trail_time(text_in(tree, "ts"), &us);
	return us;
}

/* An open record says where it goes on: at the place that it names. */
static enum mortise_code
take_open(struct trail *trail, const struct line *line, struct position *before,
    struct mortise_error *error)
{
	const json_t *gap = json_object_get(line->tree, "gap");
	const char *id = text_in(line->tree, "trail"), *hash = text_in(line->tree, "before");
	uint64_t seq = number_in(line->tree, "seq");

	if (strlen(id) != 32 || strlen(hash) != 64 || seq == 0)
		return trail_corrupt(trail, error, "it is no good open record");
	if (trail->id[0] == '\0')
		memcpy(trail->id, id, 33);
	if (strcmp(trail->id, id) != 0)
		return trail_corrupt(trail, error, "it is of another trail");
	/* The first segment that retention left. */
	if (before->seq == 0) {
		before->seq = seq - 1;
		memcpy(before->hash, hash, 65);
	}
	if (before->seq == seq - 1 && strcmp(before->hash, hash) == 0)
		return MORTISE_OK;
	if (number_in(gap, "from") != before->seq + 1 || number_in(gap, "to") != seq - 1)
		return trail_corrupt(trail, error, "a segment is missing before it");
	before->seq = seq - 1;
	memcpy(before->hash, hash, 65);
	return MORTISE_OK;
}

/* What the record means for those who write after it. */
static bool
take_in(struct trail *trail, const struct line *line, uint64_t seq)
{
	const char *type = text_in(line->tree, "t"), *op = text_in(line->tree, "op"), *store;
	json_t *stores, *generation;

	if (strcmp(type, "open") == 0)
		trail->segment_us = time_of(line->tree);
	if (strcmp(type, "intent") == 0)
		return pendings_add(&trail->pendings, seq, op,
		    (uint32_t)number_in(line->tree, "w"));
	if (strcmp(type, "checkpoint") == 0 && checkpoint_parse(line->tree, &trail->checkpoint))
		trail->checkpoint.seq = seq;
	if (strcmp(type, "outcome") != 0)
		return true;
	pendings_close(&trail->pendings, op, seq);
	stores = json_object_get(line->tree, "stores");
	(void)pthread_mutex_lock(&trail->mutex);
	json_object_foreach(stores, store, generation)
		(void)noteds_set(&trail->noteds, NULL, store,
		    (uint64_t)json_integer_value(generation), NULL);
	(void)pthread_mutex_unlock(&trail->mutex);
	return true;
}

static enum mortise_code
verify_line(struct trail *trail, const struct line *line, size_t size, struct mortise_error *error)
{
	struct position next = trail->end;
	bool first = trail->end.offset == 0;
	enum mortise_code code = MORTISE_OK;

	if ((strcmp(text_in(line->tree, "t"), "open") == 0) != first)
		return trail_corrupt(trail, error, "a segment begins with an open record, and only there");
	if (first)
		code = take_open(trail, line, &next, error);
	if (code != MORTISE_OK)
		return code;
	if (!record_hash(trail->id, next.hash, line->c, line->c_size, next.hash) ||
	    memcmp(next.hash, line->h, 64) != 0)
		return trail_corrupt(trail, error, "its hash differs");
	if (number_in(line->tree, "v") != 1)
		return trail_corrupt(trail, error, "it is of a format that this version does not know");
	if (number_in(line->tree, "seq") != next.seq + 1)
		return trail_corrupt(trail, error, "its number is wrong");
	/* A crash may have left it blank in part. */
	if (!personal_fits(line) && !trail_erasing(trail))
		return trail_corrupt(trail, error, "its personal part differs");
	next.seq++;
	next.offset += size;
	next.time_us = time_of(line->tree);
	if (!take_in(trail, line, next.seq))
		return error_memory(error);
	trail->end = next;
	return MORTISE_OK;
}

enum mortise_code
trail_scan_line(struct trail *trail, const char *bytes, size_t size, struct mortise_error *error)
{
	struct line line = {0};
	enum mortise_code code = line_split(bytes, size, &line) ?
	    verify_line(trail, &line, size, error) : trail_corrupt(trail, error, "it is no record");

	json_decref(line.tree);
	return code;
}

/* The lines in a chunk; *used: the bytes of those. */
static enum mortise_code
scan_chunk(struct trail *trail, const char *bytes, size_t size, uint64_t durable_at, size_t *used,
    struct mortise_error *error)
{
	enum mortise_code code = MORTISE_OK;
	size_t at = 0;
	const char *lf;

	while (code == MORTISE_OK && (lf = memchr(bytes + at, '\n', size - at)) != NULL) {
		size_t length = (size_t)(lf - bytes) + 1 - at;

		code = trail_scan_line(trail, bytes + at, length, error);
		at += length;
		if (code == MORTISE_OK && trail->end.offset == durable_at)
			trail->durable = trail->end;
	}
	*used = at;
	return code;
}

enum mortise_code
trail_scan(struct trail *trail, uint64_t durable_at, uint64_t *tail, struct mortise_error *error)
{
	char *chunk _cleanup_(free_pointer) = NULL;
	enum mortise_code code = MORTISE_OK;
	size_t capacity = CHUNK, used = 1;
	struct stat st;
	ssize_t size;

	if (fstat(trail->file, &st) < 0)
		return error_errno(error, errno, "the trail in %s cannot be read",
		    trail->options.directory);
	if ((uint64_t)st.st_size < trail->end.offset + capacity)
		capacity = (uint64_t)st.st_size <= trail->end.offset ? 1 :
		    (size_t)((uint64_t)st.st_size - trail->end.offset);
	chunk = malloc(capacity);
	if (chunk == NULL)
		return error_memory(error);
	while (code == MORTISE_OK && used > 0) {
		size = file_read_at(trail->file, chunk, capacity, (off_t)trail->end.offset);
		if (size < 0)
			return error_errno(error, errno, "the trail in %s cannot be read",
			    trail->options.directory);
		code = scan_chunk(trail, chunk, (size_t)size, durable_at, &used, error);
	}
	*tail = (uint64_t)st.st_size > trail->end.offset ?
	    (uint64_t)st.st_size - trail->end.offset : 0;
	return code;
}

enum mortise_code
trail_scan_last(struct trail *trail, const struct head *head, struct mortise_error *error)
{
	char *bytes _cleanup_(free_pointer) = malloc(RECORD_LINE_MAX);
	size_t size = head->offset < RECORD_LINE_MAX ? (size_t)head->offset : RECORD_LINE_MAX;
	size_t start = size;
	struct line line = {0};
	bool good;

	if (bytes == NULL)
		return error_memory(error);
	if (file_read_at(trail->file, bytes, size, (off_t)(head->offset - size)) != (ssize_t)size)
		return trail_corrupt(trail, error, "it cannot be read");
	while (start > 0 && (start == size || bytes[start - 1] != '\n'))
		start--;
	good = line_split(bytes + start, size - start, &line) &&
	    memcmp(line.h, head->hash, 64) == 0 && number_in(line.tree, "seq") == head->seq;
	if (good) {
		trail->end = (struct position){
			.offset = head->offset, .seq = head->seq, .time_us = time_of(line.tree),
		};
		memcpy(trail->end.hash, head->hash, sizeof(trail->end.hash));
	}
	json_decref(line.tree);
	trail->end.seq = good ? head->seq : head->seq - 1;
	return good ? MORTISE_OK : trail_corrupt(trail, error, "it is not what the head says");
}

bool
segment_start(int directory, uint64_t segment, struct segment_start *start)
{
	char *bytes _cleanup_(free_pointer) = malloc(RECORD_LINE_MAX);
	int fd _cleanup_(file_close) = -1;
	char name[SEGMENT_NAME_SIZE], hash[65];
	struct segment_start made = {0};
	struct line line = {0};
	ssize_t size = 0;
	const char *lf;
	bool good;

	segment_name(segment, name);
	fd = file_open(directory, name, O_RDONLY | O_NOFOLLOW, 0);
	if (fd >= 0 && bytes != NULL)
		size = file_read_at(fd, bytes, RECORD_LINE_MAX, 0);
	lf = size <= 0 ? NULL : memchr(bytes, '\n', (size_t)size);
	good = lf != NULL && line_split(bytes, (size_t)(lf - bytes) + 1, &line) &&
	    strcmp(text_in(line.tree, "t"), "open") == 0;
	if (good) {
		(void)snprintf(made.trail, sizeof(made.trail), "%s", text_in(line.tree, "trail"));
		(void)snprintf(made.host, sizeof(made.host), "%s", text_in(line.tree, "host"));
		(void)snprintf(made.before, sizeof(made.before), "%s",
		    text_in(line.tree, "before"));
		made.seq = number_in(line.tree, "seq");
		made.time_us = time_of(line.tree);
		good = record_hash(made.trail, made.before, line.c, line.c_size, hash) &&
		    memcmp(hash, line.h, 64) == 0;
	}
	json_decref(line.tree);
	if (good)
		*start = made;
	return good;
}
