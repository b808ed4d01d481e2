/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/search.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "audit/parts.h"
#include "base/file.h"

#define CHUNK (256 * 1024)
#define LOCK_TRIES 100

/* A file's time of change is read from a coarser clock than a record's. */
#define COARSE_MS 1000

struct kept {
	char *bytes;
	size_t size;
};

struct search {
	const struct mortise_audit_filter *filter;
	char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];	/* "" = any */
	mortise_line_fn *each;
	void *arg;
	/* With filter->last: the newest so far, a ring from `oldest` on. */
	struct kept *kept;
	size_t kept_count, kept_capacity, oldest;
};

static bool
text_is(const json_t *tree, const char *key, const char *wanted)
{
	const char *text;

	if (wanted == NULL)
		return true;
	text = json_string_value(json_object_get(tree, key));
	return text != NULL && strcmp(text, wanted) == 0;
}

/* The time stands at one place behind the number, as text that sorts. */
static bool
time_fits(const struct search *search, const char *line, size_t size)
{
	static const char key[] = "\"ts\":\"";
	const char *ts = size < 128 ? NULL : memchr(line + 1, '"', size - 1);

	if (search->from[0] == '\0' && search->to[0] == '\0')
		return true;
	while (ts != NULL && (size_t)(ts - line) + 64 < size && memcmp(ts, key, 6) != 0)
		ts = memchr(ts + 1, '"', size - (size_t)(ts - line) - 1);
	if (ts == NULL || (size_t)(ts - line) + 64 >= size)
		return false;
	ts += sizeof(key) - 1;
	return (search->from[0] == '\0' || memcmp(ts, search->from, 27) >= 0) &&
	    (search->to[0] == '\0' || memcmp(ts, search->to, 27) < 0);
}

static bool
line_fits(const struct search *search, const char *line, size_t size)
{
	const struct mortise_audit_filter *filter = search->filter;
	json_t *tree, *c;
	bool fits;

	if (!time_fits(search, line, size))
		return false;
	if (filter->agency_id == NULL && filter->action == NULL && filter->resource_type == NULL &&
	    filter->resource_id == NULL && filter->user_email == NULL)
		return true;
	tree = json_loadb(line, size, 0, NULL);
	c = json_object_get(tree, "c");
	fits = text_is(c, "agencyId", filter->agency_id) && text_is(c, "action", filter->action) &&
	    text_is(c, "resourceType", filter->resource_type) &&
	    text_is(c, "resourceId", filter->resource_id) &&
	    text_is(json_object_get(tree, "p"), "userEmail", filter->user_email);
	json_decref(tree);
	return fits;
}

/* A place of the ring: a new one until there are `last`, then the oldest. */
static struct kept *
kept_next(struct search *search)
{
	size_t capacity;
	struct kept *bigger;

	if (search->kept_count == search->filter->last) {
		struct kept *oldest = &search->kept[search->oldest];

		search->oldest = (search->oldest + 1) % search->kept_count;
		free(oldest->bytes);
		oldest->bytes = NULL;
		return oldest;
	}
	if (search->kept_count == search->kept_capacity) {
		capacity = search->kept_capacity == 0 ? 64 : search->kept_capacity * 2;
		bigger = capacity > SIZE_MAX / sizeof(*bigger) ? NULL :
		    realloc(search->kept, capacity * sizeof(*bigger));
		if (bigger == NULL)
			return NULL;
		search->kept = bigger;
		search->kept_capacity = capacity;
	}
	return &search->kept[search->kept_count++];
}

static enum mortise_code
take_line(struct search *search, const char *line, size_t size, struct mortise_error *error)
{
	struct kept *kept;
	char *copy;

	if (!line_fits(search, line, size))
		return MORTISE_OK;
	copy = malloc(size + 1);
	if (copy == NULL)
		return error_memory(error);
	memcpy(copy, line, size);
	copy[size] = '\0';
	if (search->filter->last == 0) {
		search->each(search->arg, copy, size);
		free(copy);
		return MORTISE_OK;
	}
	kept = kept_next(search);
	if (kept == NULL) {
		free(copy);
		return error_memory(error);
	}
	*kept = (struct kept){copy, size};
	return MORTISE_OK;
}

static void
give_kept(struct search *search, bool give)
{
	for (size_t i = 0; i < search->kept_count; i++) {
		struct kept *kept = &search->kept[(search->oldest + i) % search->kept_count];

		if (give)
			search->each(search->arg, kept->bytes, kept->size);
		free(kept->bytes);
	}
	free(search->kept);
}

/* The whole lines of a file's first `most` bytes. */
static enum mortise_code
search_file(struct search *search, int fd, uint64_t most, const char *path,
    struct mortise_error *error)
{
	char *chunk _cleanup_(free_pointer) = malloc(CHUNK);
	enum mortise_code code = MORTISE_OK;
	uint64_t offset = 0;
	size_t used = 1;

	if (chunk == NULL)
		return error_memory(error);
	while (code == MORTISE_OK && used > 0 && offset < most) {
		size_t want = most - offset < CHUNK ? (size_t)(most - offset) : CHUNK;
		ssize_t size = file_read_at(fd, chunk, want, (off_t)offset);
		const char *lf;

		if (size < 0)
			return error_errno(error, errno, "%s cannot be read", path);
		for (used = 0; code == MORTISE_OK &&
		    (lf = memchr(chunk + used, '\n', (size_t)size - used)) != NULL;
		    used = (size_t)(lf - chunk) + 1)
			code = take_line(search, chunk + used, (size_t)(lf - chunk) - used, error);
		offset += used;
	}
	return code;
}

/* Read beside its writers, so perhaps in the middle of a change. */
static bool
read_lock(const char *directory, struct lock_state *state)
{
	char *path _cleanup_(free_pointer) = path_join(directory, "lock");
	int fd _cleanup_(file_close) = path == NULL ? -1 :
	    file_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);

	for (int tries = 0; fd >= 0 && tries < LOCK_TRIES; tries++) {
		if (trail_lock_read(fd, state))
			return true;
	}
	return false;
}

static enum mortise_code
search_segment(struct search *search, const char *path, const struct lock_state *lock,
    struct mortise_error *error)
{
	int fd _cleanup_(file_close) = file_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
	const char *name = strrchr(path, '/');
	uint64_t segment = strtoull(name == NULL ? path : name + 1, NULL, 10);
	struct stat st;

	/* Its retention may end meanwhile. */
	if (fd < 0 && errno == ENOENT)
		return MORTISE_OK;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(error, errno, "%s cannot be read", path);
	if (segment > lock->segment || (search->filter->from_ms != 0 &&
	    (int64_t)st.st_mtime * 1000 + COARSE_MS < search->filter->from_ms))
		return MORTISE_OK;
	return search_file(search, fd, segment == lock->segment ? lock->durable :
	    (uint64_t)st.st_size, path, error);
}

enum mortise_code
search_trail(const char *directory, const struct mortise_audit_filter *filter,
    mortise_line_fn *each, void *arg, struct mortise_error *error)
{
	struct search search = {.filter = filter, .each = each, .arg = arg};
	struct lock_state lock = {.segment = UINT64_MAX};
	char **files = NULL;
	size_t count = 0;
	enum mortise_code code;

	if (filter->from_ms != 0)
		clock_format(filter->from_ms * 1000, 6, search.from);
	if (filter->to_ms != 0)
		clock_format(filter->to_ms * 1000, 6, search.to);
	/* Before the files are listed: what it calls durable is in one of them. */
	(void)read_lock(directory, &lock);
	code = trail_segments(directory, &files, &count, error);
	for (size_t i = 0; code == MORTISE_OK && i < count; i++)
		code = search_segment(&search, files[i], &lock, error);
	trail_segments_free(files, count);
	give_kept(&search, code == MORTISE_OK);
	return code;
}
