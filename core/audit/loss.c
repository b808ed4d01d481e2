/* SPDX-License-Identifier: BSD-2-Clause */
/* trail_accept_loss: going on after what cannot be had again. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/parts.h"
#include "base/digest.h"
#include "base/file.h"

#define LOST_MAX (UINT64_C(1) << 30)

struct loss {
	uint64_t *segments;
	size_t count, at;		/* the segment in which reading stopped */
	uint64_t bytes, records;	/* of what does not verify, there */
	char sha256[65];
};

static enum mortise_code
failed(const struct trail *trail, const char *name, const char *what, struct mortise_error *error)
{
	(void)error_errno(error, errno, "%s/%s cannot be %s", trail->options.directory, name, what);
	if (error != NULL)
		error->reason = MORTISE_REASON_AUDIT;
	return MORTISE_ERROR;
}

/* The newest segment that the head knows and whose first record is good: what is
 * wrong in those before it is no reason to part with what follows.  Without a head,
 * the first of all. */
static void
begin_near(struct trail *trail, struct loss *loss, const struct head *head)
{
	struct segment_start start;

	loss->at = loss->count;
	while (head != NULL && loss->at > 0) {
		if (loss->segments[--loss->at] > head->segment ||
		    !segment_start(trail->directory, loss->segments[loss->at], &start) ||
		    strcmp(start.trail, head->trail) != 0)
			continue;
		memcpy(trail->id, start.trail, sizeof(trail->id));
		trail->end.seq = start.seq - 1;
		memcpy(trail->end.hash, start.before, sizeof(trail->end.hash));
		for (size_t i = 0; i < head->pendings.count; i++) {
			const struct pending *pending = &head->pendings.all[i];

			if (pending->seq < start.seq)
				(void)pendings_add(&trail->pendings, pending->seq, pending->op,
				    pending->writer);
		}
		return;
	}
	loss->at = 0;
}

/* Reads on from there as far as it verifies. */
static enum mortise_code
read_good(struct trail *trail, struct loss *loss, struct mortise_error *error)
{
	enum mortise_code code = MORTISE_OK;
	struct stat st;
	uint64_t tail = 0;

	for (; loss->at < loss->count; loss->at++) {
		code = trail_segment_open(trail, loss->segments[loss->at], error);
		if (code != MORTISE_OK)
			return code;
		code = trail_scan(trail, UINT64_MAX, &tail, NULL);
		if (code == MORTISE_OK && loss->at + 1 == loss->count)
			code = trail_cut_tail(trail, tail, NULL);
		else if (code == MORTISE_OK && tail > 0)
			code = MORTISE_ERROR;
		if (code != MORTISE_OK)
			break;
	}
	if (loss->at == loss->count)
		return MORTISE_OK;
	if (fstat(trail->file, &st) < 0)
		return failed(trail, "", "read", error);
	loss->bytes = (uint64_t)st.st_size - trail->end.offset;
	return MORTISE_OK;
}

/* Copies what does not verify out of the segment, and cuts it off there. */
static enum mortise_code
copy_out(struct trail *trail, struct loss *loss, struct mortise_error *error)
{
	char name[SEGMENT_NAME_SIZE], aside[SEGMENT_NAME_SIZE + 8];
	char *bytes _cleanup_(free_pointer) = loss->bytes > LOST_MAX ? NULL :
	    malloc((size_t)loss->bytes + 1);
	int fd _cleanup_(file_close) = -1;
	unsigned char digest[DIGEST_SIZE];
	struct digest_part part = {bytes, (size_t)loss->bytes};

	segment_name(trail->segment, name);
	(void)snprintf(aside, sizeof(aside), "%s.lost", name);
	if (bytes == NULL)
		return error_memory(error);
	if (file_read_at(trail->file, bytes, part.size, (off_t)trail->end.offset) !=
	    (ssize_t)part.size || !digest_sha256(&part, 1, digest))
		return failed(trail, name, "read", error);
	hex_encode(digest, sizeof(digest), loss->sha256);
	for (size_t i = 0; i < part.size; i++)
		loss->records += bytes[i] == '\n' || i + 1 == part.size;
	if (file_replace(trail->directory, aside, bytes, part.size, 0400) < 0)
		return failed(trail, aside, "written", error);
	/* Through a descriptor of its own: a sealed segment is open for reading. */
	if (fchmod(trail->file, 0600) < 0)
		return failed(trail, name, "unsealed", error);
	fd = file_open(trail->directory, name, O_WRONLY | O_NOFOLLOW, 0);
	if (fd < 0 || ftruncate(fd, (off_t)trail->end.offset) < 0 || file_sync(fd) < 0)
		return failed(trail, name, "cut", error);
	return MORTISE_OK;
}

/* Out of the way what cannot be gone on from. */
static enum mortise_code
set_aside(struct trail *trail, struct loss *loss, struct mortise_error *error)
{
	char name[SEGMENT_NAME_SIZE], aside[SEGMENT_NAME_SIZE + 8];
	enum mortise_code code = MORTISE_OK;
	size_t from = loss->at;

	if (loss->at == loss->count)
		return MORTISE_OK;
	if (loss->bytes > 0)
		code = copy_out(trail, loss, error);
	if (code != MORTISE_OK)
		return code;
	/* Of a segment whose first record is bad nothing is left to stay. */
	if (trail->end.offset > 0)
		from++;
	for (size_t i = from; i < loss->count; i++) {
		segment_name(loss->segments[i], name);
		(void)snprintf(aside, sizeof(aside), "%s.lost", name);
		if (i == loss->at ? unlinkat(trail->directory, name, 0) < 0 :
		    renameat(trail->directory, name, trail->directory, aside) < 0)
			return failed(trail, name, "moved aside", error);
		loss->records += i != loss->at;
	}
	return file_sync(trail->directory) < 0 ? failed(trail, "", "synced", error) : MORTISE_OK;
}

/* Where to go on: behind all that the head knows, or that was set aside. */
static const struct record_gap *
place_after(struct trail *trail, const struct loss *loss, const struct head *head,
    struct record_gap *gap)
{
	gap->from = trail->end.seq + 1;
	if (head != NULL && head->seq > trail->end.seq) {
		trail->end.seq = head->seq;
		memcpy(trail->end.hash, head->hash, sizeof(trail->end.hash));
	} else if (loss->records > 0) {
		/* Their hashes are worth nothing: the digest of their bytes stands
		 * for them. */
		trail->end.seq += loss->records;
		memcpy(trail->end.hash, loss->sha256, sizeof(trail->end.hash));
	} else
		return NULL;
	gap->to = trail->end.seq;
	return gap;
}

static void
take_from_head(struct trail *trail, const struct head *head)
{
	memcpy(trail->id, head->trail, sizeof(trail->id));
	for (size_t i = 0; i < head->noteds.count; i++)
		(void)noteds_set(&trail->noteds, head->noteds.all[i].backend,
		    head->noteds.all[i].store, head->noteds.all[i].generation, NULL);
	for (size_t i = 0; i < head->pendings.count; i++) {
		const struct pending *pending = &head->pendings.all[i];

		if (pending->seq > trail->end.seq)
			(void)pendings_add(&trail->pendings, pending->seq, pending->op,
			    pending->writer);
	}
	if (trail->segment < head->segment)
		trail->segment = head->segment;
	if (trail->checkpoint.seq < head->checkpoint.seq)
		trail->checkpoint = head->checkpoint;
}

/* All is there, and nobody was told to stop. */
static bool
nothing_lost(const struct trail *trail, const struct loss *loss, const struct head *head)
{
	struct lock_state lock = {.refused = false};

	return loss->at == loss->count && (head == NULL || head->seq <= trail->end.seq) &&
	    !(trail_lock_read(trail->lock, &lock) && lock.refused);
}

static enum mortise_code
accept_locked(struct trail *trail, const struct head *head, struct record_gap *gap,
    struct mortise_error *error)
{
	struct loss loss = {0};
	enum mortise_code code = segment_list(trail->directory, &loss.segments, &loss.count, error);

	trail->end = (struct position){.hash = ZERO_HASH};
	if (code == MORTISE_OK) {
		begin_near(trail, &loss, head);
		code = read_good(trail, &loss, error);
	}
	if (code == MORTISE_OK && trail->end.seq == 0 && head == NULL)
		code = error_set(error, MORTISE_INVALID, MORTISE_REASON_AUDIT,
		    "%s has neither a head nor a good record to go on from; move its files away "
		    "to begin anew", trail->options.directory);
	if (code == MORTISE_OK && trail->end.seq > 0 && nothing_lost(trail, &loss, head))
		code = error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "%s: no record is missing, so there is no loss to accept",
		    trail->options.directory);
	if (code == MORTISE_OK && trail->id[0] != '\0' && head != NULL &&
	    strcmp(trail->id, head->trail) != 0)
		code = error_set(error, MORTISE_INVALID, MORTISE_REASON_AUDIT,
		    "%s: head and records are of two trails; move the wrong ones away",
		    trail->options.directory);
	if (code == MORTISE_OK)
		code = set_aside(trail, &loss, error);
	if (code == MORTISE_OK) {
		if (loss.count > 0)
			trail->segment = loss.segments[loss.count - 1];
		if (head != NULL)
			take_from_head(trail, head);
		host_digest(trail->id, trail->host);
		code = trail_segment_begin(trail, place_after(trail, &loss, head, gap), error);
	}
	trail->loaded = code == MORTISE_OK;
	if (code == MORTISE_OK && trail->torn_bytes > 0)
		code = trail_write(trail, NULL, 0, error);
	if (code == MORTISE_OK)
		trail_head_write(trail, true);
	free(loss.segments);
	return code;
}

enum mortise_code
trail_accept_loss(const struct trail_options *options, const char *reason, const char *by,
    struct mortise_error *error)
{
	struct record_gap gap = {.reason = reason, .by = by};
	struct trail *trail = NULL;
	struct head head = {0};
	enum mortise_code code = trail_new(options, &trail, error);
	bool found;

	if (code != MORTISE_OK)
		return code;
	found = head_read(trail->directory, &head, NULL) == MORTISE_OK;
	code = accept_locked(trail, found ? &head : NULL, &gap, error);
	trail_lock_release(trail);
	head_free(&head);
	trail_free(trail);
	return code;
}
