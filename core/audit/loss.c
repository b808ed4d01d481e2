/* SPDX-License-Identifier: BSD-2-Clause */
/* accept-loss: going on where records are known to be missing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/parts.h"
#include "base/file.h"

/* Reads a segment as far as it verifies; false = not to its end. */
static bool
read_segment(struct trail *trail, uint64_t number)
{
	char name[SEGMENT_NAME_SIZE];
	int fd _cleanup_(file_close) = -1;
	off_t end;

	segment_name(number, name);
	fd = file_open(trail->directory, name, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return false;
	end = lseek(fd, 0, SEEK_END);
	trail->view.segment = number;
	trail->view.offset = 0;
	return end >= 0 && view_read(&trail->view, fd, (uint64_t)end, NULL) == MORTISE_OK;
}

/* A segment that does not verify is kept, under a name that no reader takes. */
static enum mortise_code
set_damaged_aside(const struct trail *trail, uint64_t number, struct mortise_error *error)
{
	char name[SEGMENT_NAME_SIZE], to[SEGMENT_NAME_SIZE + 8];

	segment_name(number, name);
	(void)snprintf(to, sizeof(to), "damaged-%s", name);
	if (renameat(trail->directory, name, trail->directory, to) < 0)
		return audit_failed(error, "a damaged segment cannot be set aside",
		    trail->options.directory);
	return MORTISE_OK;
}

/* The view at the end of what verifies; what lies behind it is set aside.  The
 * last record that was seen at all goes to *seen. */
static enum mortise_code
find_end(struct trail *trail, uint64_t *seen, struct mortise_error *error)
{
	uint64_t *numbers _cleanup_(free_pointer) = NULL;
	size_t count = 0, i = 0;
	struct view good = {.pending = NULL};
	enum mortise_code code = MORTISE_OK;
	bool whole = true;

	if (segment_numbers(trail->directory, &numbers, &count) < 0)
		return audit_failed(error, "the directory cannot be read", trail->options.directory);
	*seen = 0;
	for (; whole && code == MORTISE_OK && i < count; i++) {
		view_free(&good);
		if (!view_copy(&trail->view, &good))
			return error_memory(error);
		whole = read_segment(trail, numbers[i]);
		if (trail->view.seq > *seen)
			*seen = trail->view.seq;
	}
	if (!whole) {
		/* Records of a segment that does not verify whole are lost with it. */
		view_free(&trail->view);
		trail->view = good;
		for (i--; code == MORTISE_OK && i < count; i++)
			code = set_damaged_aside(trail, numbers[i], error);
	} else
		view_free(&good);
	if (code == MORTISE_OK && count > 0)
		trail->view.segment = numbers[count - 1];
	return code;
}

static enum mortise_code
accept_locked(struct trail *trail, const char *reason, const char *by, struct mortise_error *error)
{
	struct view head _cleanup_(view_free) = {.pending = NULL};
	struct record_gap gap = {.reason = reason, .by = by};
	struct lock_state lock = {.segment = 0};
	uint64_t seen = 0;
	enum mortise_code code = find_end(trail, &seen, error);
	bool known = head_read(trail->directory, &head, NULL) == MORTISE_OK;

	if (code != MORTISE_OK)
		return code;
	if (trail->view.trail[0] == '\0' && !known)
		return error_set(error, MORTISE_NOT_FOUND, MORTISE_REASON_AUDIT,
		    "there is no trail in %s, and no head of one", trail->options.directory);
	if (known && (trail->view.trail[0] == '\0' ||
	    (strcmp(head.trail, trail->view.trail) == 0 && head.seq > trail->view.seq))) {
		gap.from = trail->view.seq + 1;
		gap.to = head.seq;
		memcpy(trail->view.trail, head.trail, sizeof(head.trail));
		memcpy(trail->view.hash, head.hash, sizeof(head.hash));
		trail->view.seq = head.seq;
	}
	if (seen > trail->view.seq) {
		if (gap.from == 0)
			gap.from = trail->view.seq + 1;
		gap.to = trail->view.seq = seen;
	}
	/* The stores of the head are the newest that anybody knows. */
	for (size_t i = 0; known && i < head.stores_count; i++) {
		if (!view_set_store(&trail->view, head.stores[i].backend, head.stores[i].id,
		    head.stores[i].generation))
			return error_memory(error);
	}
	code = segment_begin(trail, &lock, NULL, gap.from == 0 ? NULL : &gap, error);
	return code == MORTISE_OK ? trail_head_due(trail, true, error) : code;
}

enum mortise_code
trail_accept_loss(const struct trail_options *options, const char *reason, const char *by,
    struct mortise_error *error)
{
	struct trail *trail;
	enum mortise_code code = trail_attach(options, &trail, error);

	if (code != MORTISE_OK)
		return code;
	if (trail_lock(trail) < 0)
		code = audit_failed(error, "cannot be locked", options->directory);
	else {
		code = accept_locked(trail, reason, by, error);
		trail_unlock(trail);
	}
	trail_detach(trail);
	return code;
}
