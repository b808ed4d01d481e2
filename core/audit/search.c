/* SPDX-License-Identifier: BSD-2-Clause */
/* Records by field, and what else is read without a trail being open. */
#include "audit/search.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/parts.h"
#include "base/clock.h"
#include "base/file.h"

#define READ_SIZE ((size_t)RECORD_LINE_MAX * 16)

struct search {
	const struct mortise_audit_filter *filter;
	mortise_line_fn *each;
	void *arg;
	/* With filter->last: the newest so many, a ring. */
	char **ring;
	size_t next, held;
};

static bool
is_like(const json_t *object, const char *key, const char *want)
{
	const char *have = json_string_value(json_object_get(object, key));

	return want == NULL || (have != NULL && strcmp(have, want) == 0);
}

static bool
is_in_time(const json_t *c, const struct mortise_audit_filter *filter)
{
	const char *text = json_string_value(json_object_get(c, "ts"));
	int64_t ms;

	if (filter->from_ms == 0 && filter->to_ms == 0)
		return true;
	return text != NULL && clock_parse(text, &ms) &&
	    (filter->from_ms == 0 || ms >= filter->from_ms) &&
	    (filter->to_ms == 0 || ms < filter->to_ms);
}

static bool
matches(const struct mortise_audit_filter *filter, const char *line, size_t size)
{
	json_t *record = json_loadb(line, size, 0, NULL);
	const json_t *c = json_object_get(record, "c"), *p = json_object_get(record, "p");
	bool good = c != NULL && is_like(c, "agencyId", filter->agency_id) &&
	    is_like(c, "action", filter->action) &&
	    is_like(c, "resourceType", filter->resource_type) &&
	    is_like(c, "resourceId", filter->resource_id) &&
	    is_like(p, "userEmail", filter->user_email) && is_in_time(c, filter);

	json_decref(record);
	return good;
}

static bool
take_line(struct search *search, const char *line, size_t size)
{
	char *copy;

	if (!matches(search->filter, line, size))
		return true;
	if (search->ring == NULL) {
		search->each(search->arg, line, size);
		return true;
	}
	copy = text_dup(line);
	if (copy == NULL)
		return false;
	free(search->ring[search->next]);
	search->ring[search->next] = copy;
	search->next = (search->next + 1) % search->filter->last;
	if (search->held < search->filter->last)
		search->held++;
	return true;
}

static enum mortise_code
read_segment(struct search *search, int fd, uint64_t end, struct mortise_error *error)
{
	char *bytes _cleanup_(free_pointer) = malloc(READ_SIZE + 1);
	uint64_t offset = 0;

	if (bytes == NULL)
		return error_memory(error);
	while (offset < end) {
		size_t want = end - offset < READ_SIZE ? (size_t)(end - offset) : READ_SIZE, used = 0;
		ssize_t got = file_read_at(fd, bytes, want, (off_t)offset);
		char *lf;

		if (got <= 0)
			break;
		while ((lf = memchr(bytes + used, '\n', (size_t)got - used)) != NULL) {
			size_t size = (size_t)(lf - bytes) - used;

			*lf = '\0';
			if (!take_line(search, bytes + used, size))
				return error_memory(error);
			used += size + 1;
		}
		if (used == 0)
			break;
		offset += used;
	}
	return MORTISE_OK;
}

/* What is not durable is not shown: it may be gone after a crash. */
static uint64_t
durable_end(int directory, uint64_t segment, int fd)
{
	int lock _cleanup_(file_close) = file_open(directory, "lock", O_RDONLY, 0);
	struct lock_state state;
	off_t size = lseek(fd, 0, SEEK_END);

	if (lock >= 0 && lock_read(lock, &state, NULL) == MORTISE_OK && state.segment == segment &&
	    state.durable < (uint64_t)size)
		return state.durable;
	return size < 0 ? 0 : (uint64_t)size;
}

static enum mortise_code
read_all(struct search *search, int directory, const char *path, struct mortise_error *error)
{
	uint64_t *numbers _cleanup_(free_pointer) = NULL;
	size_t count = 0;
	enum mortise_code code = MORTISE_OK;

	if (segment_numbers(directory, &numbers, &count) < 0)
		return audit_failed(error, "the directory cannot be read", path);
	for (size_t i = 0; code == MORTISE_OK && i < count; i++) {
		char name[SEGMENT_NAME_SIZE];
		int fd _cleanup_(file_close) = -1;

		segment_name(numbers[i], name);
		fd = file_open(directory, name, O_RDONLY | O_NOFOLLOW, 0);
		if (fd < 0 && errno == ENOENT)
			continue;	/* retired meanwhile */
		if (fd < 0)
			return audit_failed(error, "a segment cannot be read", path);
		code = read_segment(search, fd, durable_end(directory, numbers[i], fd), error);
	}
	return code;
}

static void
search_free(struct search *search)
{
	for (size_t i = 0; search->ring != NULL && i < search->filter->last; i++)
		free(search->ring[i]);
	free(search->ring);
}

enum mortise_code
search_trail(const char *path, const struct mortise_audit_filter *filter, mortise_line_fn *each,
    void *arg, struct mortise_error *error)
{
	struct search search _cleanup_(search_free) = {.filter = filter, .each = each, .arg = arg};
	int directory _cleanup_(file_close) = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	enum mortise_code code;

	if (directory < 0)
		return audit_failed(error, "the directory cannot be opened", path);
	if (filter->last > 0) {
		search.ring = calloc(filter->last, sizeof(*search.ring));
		if (search.ring == NULL)
			return error_memory(error);
	}
	code = read_all(&search, directory, path, error);
	for (size_t i = 0; code == MORTISE_OK && i < search.held; i++) {
		const char *line = search.ring[(search.next + filter->last - search.held + i) %
		    filter->last];

		each(arg, line, strlen(line));
	}
	return code;
}

enum mortise_code
trail_head(const char *path, struct mortise_audit_head *head, struct mortise_error *error)
{
	int directory _cleanup_(file_close) = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	struct view view = {.pending = NULL};
	enum mortise_code code;

	if (directory < 0)
		return audit_failed(error, "the directory cannot be opened", path);
	code = head_read(directory, &view, error);
	if (code != MORTISE_OK)
		return code;
	head->seq = view.seq;
	(void)snprintf(head->trail, sizeof(head->trail), "%s", view.trail);
	(void)snprintf(head->hash, sizeof(head->hash), "%s", view.hash);
	view_free(&view);
	return MORTISE_OK;
}
