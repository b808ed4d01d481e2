/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/verify_hash.h"
#include "audit/verify_keys.h"
#include "audit/verify_line.h"
#include "base/error.h"
#include "base/file.h"

#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define READ_SIZE 65536

struct anchor {
	const char *name;
	int64_t seq;
	char hash[65], trail[33];	/* trail "": of any */
	char found[65];			/* the h that the trail has there; "" = none */
};

/* A personal part that does not fit its commitment: good only if erased. */
struct blank {
	int64_t seq;
	bool empty;
};
struct range {
	int64_t from, to;
};
struct list {
	void *items;
	size_t count;
};

struct verifier {
	const struct mortise_verify_options *options;
	char *verdict;
	size_t verdict_size;
	enum mortise_reason reason;	/* once something is wrong */

	char trail[33], before[65];	/* "" = no record yet */
	int64_t seq;
	uint64_t count, digests;	/* records, and how many of them by their digests only */
	struct anchor *anchors;
	size_t anchors_count;
	struct list blanks, erased, holes;
	struct key_chain chain;

	char line[SCAN_LINE_MAX + 1], room[SCAN_ROOM];
	size_t line_size;		/* of what has come of the line so far */
	bool overlong, first, exported;	/* first: of a segment; exported: an export is read */
	uint64_t torn;			/* bytes of a cut tail */
};

static void
verifier_free(struct verifier *v)
{
	free(v->anchors);
	free(v->blanks.items);
	free(v->erased.items);
	free(v->holes.items);
	key_chain_free(&v->chain);
}

/* The first thing that is wrong; false, for returning. */
static bool __attribute__((format(printf, 3, 4)))
wrong(struct verifier *v, enum mortise_reason reason, const char *format, ...)
{
	va_list args;

	if (v->reason != MORTISE_REASON_NONE)
		return false;
	v->reason = reason;
	va_start(args, format);
	(void)vsnprintf(v->verdict, v->verdict_size, format, args);
	va_end(args);
	return false;
}

#define BROKEN MORTISE_REASON_DIFFERENCE
#define AFTER "record after %lld: "
#define SEQ(v) ((long long)(v)->seq)

static bool
list_add(struct verifier *v, struct list *list, const void *item, size_t size)
{
	size_t count = list->count;
	char *items = list->items;

	/* Full at each power of two. */
	if ((count & (count - 1)) == 0) {
		items = realloc(items, (count == 0 ? 1 : 2 * count) * size);
		if (items == NULL)
			return wrong(v, MORTISE_REASON_UNCHECKABLE, "out of memory");
		list->items = items;
	}
	memcpy(items + count * size, item, size);
	list->count++;
	return true;
}

static bool
no_hash(struct verifier *v)
{
	return wrong(v, MORTISE_REASON_UNCHECKABLE, "libcrypto computes no SHA-256");
}

/* --- one line ---------------------------------------------------------------------- */

static bool
is_hex(const struct scan_value *value, size_t digits)
{
	return value->type == SCAN_TEXT && strlen(value->text) == digits &&
	    strspn(value->text, "0123456789abcdef") == digits;
}

static void
note_hash(struct verifier *v, int64_t seq, const char *hash)
{
	for (size_t i = 0; i < v->anchors_count; i++) {
		if (v->anchors[i].seq == seq)
			memcpy(v->anchors[i].found, hash, 65);
	}
}

/* The very first record. */
static bool
begin_trail(struct verifier *v, const struct scan_line *line)
{
	int64_t seq = line->seq.number - 1;

	if (!is_hex(&line->trail, 32) || !is_hex(&line->before, 64) || seq < 0 ||
	    (seq == 0) != (strcmp(line->before.text, ZERO) == 0))
		return wrong(v, BROKEN, AFTER "malformed open", SEQ(v));
	memcpy(v->trail, line->trail.text, sizeof(v->trail));
	memcpy(v->before, line->before.text, sizeof(v->before));
	v->seq = seq;
	v->chain.anew = seq > 0;
	note_hash(v, seq, v->before);
	return true;
}

/* A segment's first record: it goes on, or says what is missing. */
static bool
begin_segment(struct verifier *v, const struct scan_line *line)
{
	struct range hole = {v->seq + 1, line->seq.number - 1};

	if (line->trail.type != SCAN_TEXT || strcmp(line->trail.text, v->trail) != 0)
		return wrong(v, BROKEN, AFTER "a segment of another trail", SEQ(v));
	if (line->before.type == SCAN_TEXT && strcmp(line->before.text, v->before) == 0)
		return true;
	if (!is_hex(&line->before, 64) || line->gap_from.type != SCAN_INT ||
	    line->gap_to.type != SCAN_INT || line->gap_from.number != hole.from ||
	    line->gap_to.number != hole.to || line->seq.number <= v->seq + 1)
		return wrong(v, BROKEN, AFTER "a segment is missing here", SEQ(v));
	memcpy(v->before, line->before.text, sizeof(v->before));
	v->seq = line->seq.number - 1;
	v->chain.anew = true;
	return list_add(v, &v->holes, &hole, sizeof(hole));
}

static bool
check_personal(struct verifier *v, const struct scan_line *line)
{
	struct blank blank = {.seq = line->seq.number};
	size_t size = line->p_size;
	char hash[65];

	if (line->pc.type == SCAN_ABSENT)
		return wrong(v, BROKEN, AFTER "malformed: no pc", SEQ(v));
	if (line->pc.type == SCAN_NULL)
		return (size == 4 && memcmp(line->p, "null", 4) == 0) || wrong(v, BROKEN,
		    "record %lld: personal part added", (long long)blank.seq);
	while (size > 0 && line->p[size - 1] == ' ')
		size--;
	blank.empty = size == 4 && memcmp(line->p, "null", 4) == 0;
	if (!blank.empty && !verify_commitment(line->p, line->p_size, hash))
		return no_hash(v);
	if (!blank.empty && line->pc.type == SCAN_TEXT && strcmp(hash, line->pc.text) == 0)
		return true;
	return list_add(v, &v->blanks, &blank, sizeof(blank));
}

static bool
check_erase(struct verifier *v, const struct scan_line *line)
{
	const char *at = line->records;
	struct range range;
	int more;

	if (strcmp(line->t.text, "erase") != 0)
		return true;
	if (at == NULL || *at != '[')
		return wrong(v, BROKEN, AFTER "malformed: erases no list", SEQ(v));
	while ((more = scan_pair(&at, &range.from, &range.to)) == 1) {
		if (range.from < 1 || range.to < range.from || range.to >= line->seq.number)
			return wrong(v, BROKEN, AFTER "erases no earlier record", SEQ(v));
		if (!list_add(v, &v->erased, &range, sizeof(range)))
			return false;
	}
	return more == 0 || wrong(v, BROKEN, AFTER "malformed: erases no pairs", SEQ(v));
}

static bool
check_keys(struct verifier *v, const struct scan_line *line)
{
	enum mortise_reason reason = MORTISE_REASON_NONE;

	if (strcmp(line->t.text, "checkpoint") == 0)
		reason = key_chain_take(&v->chain, line, v->trail, v->before, v->room);
	else if (line->anew.type == SCAN_TRUE && strcmp(line->t.text, "open") == 0)
		v->chain.anew = true;
	return reason == MORTISE_REASON_NONE || wrong(v, reason, AFTER "%s", SEQ(v),
	    v->chain.words);
}

/* The record of the next number, which was found good. */
static bool
count_record(struct verifier *v, const char *hash)
{
	v->seq++;
	v->count++;
	v->first = false;
	memcpy(v->before, hash, sizeof(v->before));
	note_hash(v, v->seq, hash);
	return true;
}

/* A record of which an export has no more than this. */
static bool
check_digest(struct verifier *v, const char *digest, const char *given)
{
	char hash[65];

	if (v->first)
		return wrong(v, BROKEN, AFTER "an export begins with an open record", SEQ(v));
	if (!verify_link(v->trail, v->before, digest, hash))
		return no_hash(v);
	if (strcmp(hash, given) != 0)
		return wrong(v, BROKEN, AFTER "hash differs", SEQ(v));
	v->digests++;
	return count_record(v, hash);
}

/* In this order: form, open, hash, version, number, personal part, keys. */
static bool
check_record(struct verifier *v)
{
	struct scan_line line;
	char hash[65];
	bool opens;

	v->line[v->line_size] = '\0';
	if (v->overlong || !scan_line(v->line, v->line_size, v->room, &line))
		return wrong(v, BROKEN, AFTER "not a record", SEQ(v));
	opens = strcmp(line.t.text, "open") == 0;
	/* In an export the segments stand one behind the other. */
	if (opens != v->first && !(opens && v->exported))
		return wrong(v, BROKEN, AFTER
		    "a segment begins with an open record, and only there", SEQ(v));
	if (opens && !(v->trail[0] == '\0' ? begin_trail(v, &line) : begin_segment(v, &line)))
		return false;
	if (!verify_digest(line.c, line.c_size, hash) ||
	    !verify_link(v->trail, v->before, hash, hash))
		return no_hash(v);
	if (memcmp(hash, line.hash, SCAN_HASH_SIZE) != 0)
		return wrong(v, BROKEN, AFTER "hash differs", SEQ(v));
	if (line.v.number != 1)
		return wrong(v, MORTISE_REASON_UNCHECKABLE, AFTER "format version %lld", SEQ(v),
		    (long long)line.v.number);
	if (line.seq.number != v->seq + 1)
		return wrong(v, BROKEN, AFTER "sequence %lld, expected %lld", SEQ(v),
		    (long long)line.seq.number, SEQ(v) + 1);
	return check_personal(v, &line) && check_erase(v, &line) && check_keys(v, &line) &&
	    count_record(v, hash);
}

static bool
check_line(struct verifier *v)
{
	static const char header[] = SCAN_EXPORT;
	char digest[65], hash[65];

	if (v->first && !v->exported && v->line_size == sizeof(header) - 1 &&
	    memcmp(v->line, header, sizeof(header) - 1) == 0) {
		v->exported = true;
		return true;
	}
	return v->exported && scan_digest(v->line, v->line_size, digest, hash) ?
	    check_digest(v, digest, hash) : check_record(v);
}

/* --- files ---------------------------------------------------------------------------- */

/* Some bytes more of a line, without its LF. */
static void
take_part(struct verifier *v, const char *bytes, size_t size)
{
	size_t room = SCAN_LINE_MAX - v->line_size;

	v->torn += size;
	if (size > room) {
		v->overlong = true;
		size = room;
	}
	memcpy(v->line + v->line_size, bytes, size);
	v->line_size += size;
}

static bool
take_bytes(struct verifier *v, const char *bytes, size_t size)
{
	const char *end = bytes + size, *lf;

	while ((lf = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
		take_part(v, bytes, (size_t)(lf - bytes));
		if (!check_line(v))
			return false;
		v->line_size = 0;
		v->torn = 0;
		v->overlong = false;
		bytes = lf + 1;
	}
	take_part(v, bytes, (size_t)(end - bytes));
	return true;
}

static bool
check_file(struct verifier *v, const char *path)
{
	int fd _cleanup_(file_close) = file_open(AT_FDCWD, path, O_RDONLY, 0);
	char bytes[READ_SIZE];
	off_t at = 0;
	ssize_t got;

	if (v->torn > 0)
		return wrong(v, BROKEN, AFTER "a cut line inside the trail", SEQ(v));
	if (fd < 0)
		return wrong(v, MORTISE_REASON_UNCHECKABLE, "%s cannot be read", path);
	/* Before the lines: an end that was changed is the graver thing. */
	if (scan_tail_changed(fd))
		return wrong(v, BROKEN, "the last line's end is changed");
	v->first = true;
	v->exported = false;
	v->line_size = 0;
	v->overlong = false;
	while ((got = file_read_at(fd, bytes, sizeof(bytes), at)) > 0) {
		if (!take_bytes(v, bytes, (size_t)got))
			return false;
		at += got;
	}
	return got == 0 || wrong(v, MORTISE_REASON_UNCHECKABLE, "%s cannot be read", path);
}

/* All must be readable before anything is said. */
static bool
check_readable(struct verifier *v)
{
	for (size_t i = 0; i < v->options->files_count; i++) {
		int fd _cleanup_(file_close) =
		    file_open(AT_FDCWD, v->options->files[i], O_RDONLY, 0);
		char byte;

		if (fd < 0 || file_read_at(fd, &byte, 1, 0) < 0)
			return wrong(v, MORTISE_REASON_UNCHECKABLE, "%s cannot be read: %s",
			    v->options->files[i], errno == ENOENT ? "there is no such file" :
			    errno == EISDIR ? "it is a directory" :
			    errno == ESPIPE ? "it is a pipe, and has to be a file" :
			    "look at its owner and mode");
	}
	return true;
}

/* --- the whole -------------------------------------------------------------------------- */

/* What is too long is no hash or id of any trail: so is "?". */
static void
take_word(char *to, size_t size, const char *word)
{
	(void)snprintf(to, size, "%s", strlen(word) < size ? word : "?");
}

static bool
read_head(struct verifier *v, const char *path)
{
	struct anchor *anchor = &v->anchors[v->anchors_count];
	json_t *head = json_load_file(path, 0, NULL);
	const json_t *seq = json_object_get(head, "seq");
	const char *hash = json_string_value(json_object_get(head, "h"));
	const char *trail = json_string_value(json_object_get(head, "trail"));
	bool good = json_is_integer(seq) && hash != NULL && trail != NULL;

	if (good) {
		*anchor = (struct anchor){.name = "the head", .seq = json_integer_value(seq)};
		take_word(anchor->hash, sizeof(anchor->hash), hash);
		take_word(anchor->trail, sizeof(anchor->trail), trail);
		v->anchors_count++;
	}
	json_decref(head);
	return good || wrong(v, MORTISE_REASON_UNCHECKABLE, "%s is no head file", path);
}

/* Their keys are known then, too. */
static bool
read_checkpoints(struct verifier *v)
{
	for (size_t i = 0; i < v->options->checkpoint_files_count; i++) {
		struct anchor *anchor = &v->anchors[v->anchors_count++];

		anchor->name = "the given checkpoint";
		if (!key_chain_read(&v->chain, v->options->checkpoint_files[i], &anchor->seq,
		    anchor->hash, anchor->trail))
			return wrong(v, MORTISE_REASON_UNCHECKABLE, "%s", v->chain.words);
	}
	return true;
}

static bool
read_anchors(struct verifier *v)
{
	const struct mortise_verify_options *options = v->options;

	v->anchors = calloc(options->anchors_count + options->checkpoint_files_count + 1,
	    sizeof(*v->anchors));
	if (v->anchors == NULL || !key_chain_begin(&v->chain, options))
		return wrong(v, MORTISE_REASON_UNCHECKABLE, "out of memory");
	if (options->head_file != NULL && !read_head(v, options->head_file))
		return false;
	for (size_t i = 0; i < options->anchors_count; i++) {
		struct anchor *anchor = &v->anchors[v->anchors_count++];

		anchor->name = "the expected head";
		/* Cut, it is still beyond every record. */
		anchor->seq = options->anchors[i].seq > INT64_MAX ? INT64_MAX :
		    (int64_t)options->anchors[i].seq;
		memcpy(anchor->hash, options->anchors[i].hash, sizeof(anchor->hash) - 1);
	}
	return read_checkpoints(v);
}

static bool
in_ranges(const struct list *list, int64_t seq)
{
	const struct range *ranges = list->items;

	for (size_t i = 0; i < list->count; i++) {
		if (ranges[i].from <= seq && seq <= ranges[i].to)
			return true;
	}
	return false;
}

static int
by_from(const void *a, const void *b)
{
	const struct range *one = a, *other = b;

	return (one->from > other->from) - (one->from < other->from);
}

/* Blanks stand in order; sorted, the ranges are gone through but once. */
static bool
check_blanks(struct verifier *v)
{
	const struct blank *blanks = v->blanks.items;
	struct range *ranges = v->erased.items;
	size_t next = 0;
	int64_t reach = 0;		/* of the ranges that begin so far */

	if (ranges != NULL)
		qsort(ranges, v->erased.count, sizeof(*ranges), by_from);
	for (size_t i = 0; i < v->blanks.count; i++) {
		for (; ranges != NULL && next < v->erased.count &&
		    ranges[next].from <= blanks[i].seq; next++) {
			if (ranges[next].to > reach)
				reach = ranges[next].to;
		}
		if (reach < blanks[i].seq)
			return wrong(v, BROKEN, "record %lld: personal part %s",
			    (long long)blanks[i].seq, blanks[i].empty ?
			    "blank without an erase record" : "differs");
	}
	return true;
}

static bool
is_accepted(const struct verifier *v, const struct range *hole)
{
	for (size_t i = 0; i < v->options->gaps_count; i++) {
		if (v->options->gaps[i].from == (uint64_t)hole->from &&
		    v->options->gaps[i].to == (uint64_t)hole->to)
			return true;
	}
	return false;
}

static bool
check_anchors(struct verifier *v)
{
	for (size_t i = 0; i < v->anchors_count; i++) {
		const struct anchor *anchor = &v->anchors[i];

		if (anchor->trail[0] != '\0' && v->trail[0] != '\0' &&
		    strcmp(anchor->trail, v->trail) != 0)
			return wrong(v, BROKEN, "%s is of another trail", anchor->name);
		if (anchor->found[0] != '\0' && strcmp(anchor->found, anchor->hash) != 0)
			return wrong(v, BROKEN, "record %lld: hash differs from %s",
			    (long long)anchor->seq, anchor->name);
	}
	return true;
}

static bool
check_complete(struct verifier *v)
{
	const struct range *holes = v->holes.items;
	enum mortise_reason keys = key_chain_end(&v->chain);

	for (size_t i = 0; i < v->holes.count; i++) {
		if (!is_accepted(v, &holes[i]))
			return wrong(v, MORTISE_REASON_SHORT,
			    "records %lld to %lld are missing, as declared",
			    (long long)holes[i].from, (long long)holes[i].to);
	}
	for (size_t i = 0; i < v->anchors_count; i++) {
		if (v->anchors[i].seq > v->seq || v->trail[0] == '\0')
			return wrong(v, MORTISE_REASON_SHORT, "ends at record %lld, but %s says %lld",
			    SEQ(v), v->anchors[i].name, (long long)v->anchors[i].seq);
	}
	if (keys == MORTISE_REASON_SHORT)
		return wrong(v, keys, "%s", v->chain.words);
	if (v->trail[0] == '\0')
		return wrong(v, MORTISE_REASON_UNCHECKABLE, "no record");
	for (size_t i = 0; i < v->anchors_count; i++) {
		if (v->anchors[i].found[0] == '\0' && !in_ranges(&v->holes, v->anchors[i].seq))
			return wrong(v, MORTISE_REASON_UNCHECKABLE,
			    "an anchor lies before the first record given");
	}
	return keys == MORTISE_REASON_NONE || wrong(v, keys, "%s", v->chain.words);
}

static bool
check_all(struct verifier *v)
{
	bool good = read_anchors(v) && check_readable(v);

	for (size_t i = 0; good && i < v->options->files_count; i++)
		good = check_file(v, v->options->files[i]);
	return good && check_blanks(v) && check_anchors(v) && check_complete(v);
}

enum mortise_code
verify_trail(const struct mortise_verify_options *options, char *verdict, size_t size,
    struct mortise_error *error)
{
	struct verifier *v = calloc(1, sizeof(*v));
	char digests[64] = "", torn[48] = "", keys[KEY_CHAIN_WORDS] = "";
	enum mortise_reason reason;

	if (v == NULL)
		return error_memory(error);
	v->options = options;
	v->verdict = verdict;
	v->verdict_size = size;
	if (check_all(v)) {
		if (v->torn > 0)
			(void)snprintf(torn, sizeof(torn), ", %llu bytes of a torn tail",
			    (unsigned long long)v->torn);
		if (v->digests > 0)
			(void)snprintf(digests, sizeof(digests), ", %llu of them as digests only",
			    (unsigned long long)v->digests);
		key_chain_tell(&v->chain, keys);
		(void)snprintf(verdict, size, "%llu records%s, to %lld %s%s%s",
		    (unsigned long long)v->count, digests, SEQ(v), v->before, torn, keys);
	}
	reason = v->reason;
	verifier_free(v);
	free(v);
	return reason == MORTISE_REASON_NONE ? MORTISE_OK :
	    error_set(error, MORTISE_ERROR, reason, "%s", verdict);
}
