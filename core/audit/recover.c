/* SPDX-License-Identifier: BSD-2-Clause */
/* From what lies in the directory to where the next record goes. */
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

#define TAIL_MAX (UINT64_C(64) << 20)

static enum mortise_code
short_of_head(const struct trail *trail, const struct head *head, struct mortise_error *error)
{
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_SHORT,
	    "the trail in %s is shorter than its head, which says record %" PRIu64
	    " in segment %" PRIu64 "; put the files back, or see `mortise audit accept-loss`",
	    trail->options.directory, head->seq, head->segment);
}

/* A whole record but for its LF, with something in that place. */
static bool
end_is_changed(const char *bytes, size_t size)
{
	static const char key[] = ",\"h\":\"";
	char hash[65], raw[32];

	for (size_t i = 0; i + 6 + 64 + 2 < size; i++) {
		if (memcmp(bytes + i, key, 6) != 0)
			continue;
		memcpy(hash, bytes + i + 6, 64);
		hash[64] = '\0';
		if (hex_decode(hash, raw, 32) && memcmp(bytes + i + 70, "\"}", 2) == 0)
			return true;
	}
	return false;
}

/* The beginning of the record that would come next, and then NULs. */
static bool
is_torn(const struct trail *trail, const char *bytes, size_t size)
{
	char start[64];
	size_t n = (size_t)snprintf(start, sizeof(start), "{\"c\":{\"v\":1,\"seq\":%" PRIu64 ",",
	    trail->end.seq + 1);

	while (size > 0 && bytes[size - 1] == '\0')
		size--;
	if (size >= RECORD_LINE_MAX || memchr(bytes, '\0', size) != NULL ||
	    end_is_changed(bytes, size))
		return false;
	return memcmp(bytes, start, size < n ? size : n) == 0;
}

enum mortise_code
trail_cut_tail(struct trail *trail, uint64_t tail, struct mortise_error *error)
{
	char *bytes _cleanup_(free_pointer) = NULL;
	unsigned char digest[DIGEST_SIZE];
	struct digest_part part;

	if (tail == 0)
		return MORTISE_OK;
	bytes = tail > TAIL_MAX ? NULL : malloc((size_t)tail);
	if (bytes == NULL)
		return trail_corrupt(trail, error, "too many bytes without a line's end");
	if (file_read_at(trail->file, bytes, (size_t)tail, (off_t)trail->end.offset) !=
	    (ssize_t)tail)
		return trail_corrupt(trail, error, "it cannot be read");
	if (trail->sealed || !is_torn(trail, bytes, (size_t)tail))
		return trail_corrupt(trail, error, "what stands there is not the beginning of it");
	part = (struct digest_part){bytes, (size_t)tail};
	if (!digest_sha256(&part, 1, digest))
		return error_memory(error);
	if (ftruncate(trail->file, (off_t)trail->end.offset) < 0)
		return error_errno(error, errno, "the cut record at the end of the trail in %s "
		    "cannot be removed", trail->options.directory);
	hex_encode(digest, sizeof(digest), trail->torn_sha256);
	trail->torn_bytes = tail;
	log_line(trail->options.logger, MORTISE_LOG_WARNING,
	    "%s: %" PRIu64 " bytes of a cut record were removed from the trail's end",
	    trail->options.directory, tail);
	return MORTISE_OK;
}

/* Begins where the head says. */
static enum mortise_code
take_head(struct trail *trail, struct head *head, struct mortise_error *error)
{
	struct stat st;
	enum mortise_code code = trail_segment_open(trail, head->segment, error);

	if (code != MORTISE_OK)
		return code;
	if (fstat(trail->file, &st) < 0)
		return error_errno(error, errno, "the trail in %s cannot be read",
		    trail->options.directory);
	if ((uint64_t)st.st_size < head->offset)
		return short_of_head(trail, head, error);
	code = trail_scan_last(trail, head, error);
	if (code != MORTISE_OK)
		return code;
	memcpy(trail->id, head->trail, sizeof(trail->id));
	trail->pendings = head->pendings;
	head->pendings = (struct pendings){0};
	(void)pthread_mutex_lock(&trail->mutex);
	for (size_t i = 0; code == MORTISE_OK && i < head->noteds.count; i++) {
		const struct noted *noted = &head->noteds.all[i];

		if (!noteds_set(&trail->noteds, noted->backend, noted->store, noted->generation,
		    NULL))
			code = error_memory(error);
	}
	(void)pthread_mutex_unlock(&trail->mutex);
	trail->head_seq = head->seq;
	memcpy(trail->known, head->running, sizeof(trail->known));
	trail->checkpoint = head->checkpoint;
	return code;
}

/* A new segment in which a crash left no whole record: nothing in it was ever
 * acknowledged. */
static enum mortise_code
remove_empty(struct trail *trail, uint64_t before, struct mortise_error *error)
{
	char name[SEGMENT_NAME_SIZE];
	struct position end = trail->end;
	struct stat st;

	segment_name(trail->segment, name);
	if (unlinkat(trail->directory, name, 0) < 0 || file_sync(trail->directory) < 0)
		return error_errno(error, errno, "%s/%s cannot be removed",
		    trail->options.directory, name);
	if (before == 0) {
		file_close(&trail->file);
		trail->segment = 0;
		return MORTISE_OK;
	}
	enum mortise_code code = trail_segment_open(trail, before, error);

	if (code != MORTISE_OK)
		return code;
	if (fstat(trail->file, &st) < 0)
		return error_errno(error, errno, "the trail in %s cannot be read",
		    trail->options.directory);
	end.offset = (uint64_t)st.st_size;
	trail->end = end;
	return MORTISE_OK;
}

/* All that follows trail->end in the segments from `at` on; opened: the first
 * of them is open already. */
static enum mortise_code
scan_segments(struct trail *trail, const uint64_t *segments, size_t count, size_t at, bool opened,
    struct mortise_error *error)
{
	enum mortise_code code = MORTISE_OK;
	uint64_t tail = 0;

	for (size_t i = at; i < count; i++) {
		if (i > at || !opened)
			code = trail_segment_open(trail, segments[i], error);
		if (code == MORTISE_OK)
			code = trail_scan(trail, UINT64_MAX, &tail, error);
		if (code != MORTISE_OK)
			return code;
		if (i + 1 < count && tail > 0)
			return trail_corrupt(trail, error, "it is cut inside the trail");
	}
	code = trail_cut_tail(trail, tail, error);
	if (code == MORTISE_OK && trail->end.offset == 0) {
		trail->torn_bytes = 0;
		code = remove_empty(trail, count > 1 ? segments[count - 2] : 0, error);
	}
	return code;
}

static size_t
find_segment(const uint64_t *segments, size_t count, uint64_t segment)
{
	size_t i = 0;

	while (i < count && segments[i] != segment)
		i++;
	return i;
}

static enum mortise_code
load_segments(struct trail *trail, struct head *head, const uint64_t *segments, size_t count,
    struct mortise_error *error)
{
	size_t at = head == NULL ? 0 : find_segment(segments, count, head->segment);
	enum mortise_code code = MORTISE_OK;
	struct segment_start start;

	if (head != NULL && at == count)
		return short_of_head(trail, head, error);
	if (head != NULL)
		code = take_head(trail, head, error);
	if (code == MORTISE_OK && count > 0)
		code = scan_segments(trail, segments, count, at, head != NULL, error);
	if (code != MORTISE_OK || trail->segment == 0)
		return code;
	if (!segment_start(trail->directory, trail->segment, &start) ||
	    strcmp(start.trail, trail->id) != 0) {
		trail->end = (struct position){0};
		return trail_corrupt(trail, error, "the segment's first is no open record of it");
	}
	trail->first_seq = start.seq;
	trail->segment_us = start.time_us;
	if (!trail->sealed && file_sync_data(trail->file) < 0)
		return error_errno(error, errno, "the trail in %s cannot be synced",
		    trail->options.directory);
	trail->durable = trail->end;
	pendings_settle(&trail->pendings);
	return MORTISE_OK;
}

enum mortise_code
trail_load(struct trail *trail, struct mortise_error *error)
{
	uint64_t *segments _cleanup_(free_pointer) = NULL;
	struct head head _cleanup_(head_free) = {0};
	size_t count = 0;
	enum mortise_code code, found;

	trail->loaded = false;
	file_close(&trail->file);
	pendings_free(&trail->pendings);
	trail->end = (struct position){.hash = ZERO_HASH};
	trail->checkpoint = (struct checkpoint){.seq = 0};
	trail->segment = 0;
	code = segment_list(trail->directory, &segments, &count, error);
	if (code != MORTISE_OK)
		return code;
	found = head_read(trail->directory, &head, error);
	if (found != MORTISE_OK && found != MORTISE_NOT_FOUND && found != MORTISE_INVALID)
		return found;
	if (found == MORTISE_INVALID)
		log_line(trail->options.logger, MORTISE_LOG_WARNING,
		    "%s/head cannot be read; the whole trail is read instead",
		    trail->options.directory);
	code = load_segments(trail, found == MORTISE_OK ? &head : NULL, segments, count, error);
	if (code == MORTISE_ERROR && error != NULL && error->reason == MORTISE_REASON_NONE)
		error->reason = MORTISE_REASON_AUDIT;
	trail->loaded = code == MORTISE_OK;
	return code;
}

/* What the file at the segment's path still holds of it: a whole part from its
 * beginning.  Another file is moved aside. */
static uint64_t
what_is_left(struct trail *trail)
{
	struct trail probe = {
		.options = trail->options, .directory = trail->directory, .file = -1,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
	};
	char name[SEGMENT_NAME_SIZE], aside[SEGMENT_NAME_SIZE + 8];
	uint64_t tail = 0, left = trail->first_seq - 1;
	enum mortise_code code = trail_segment_open(&probe, trail->segment, NULL);

	if (code == MORTISE_OK)
		code = trail_scan(&probe, UINT64_MAX, &tail, NULL);
	if (code == MORTISE_OK && strcmp(probe.id, trail->id) == 0 &&
	    (tail == 0 || ftruncate(probe.file, (off_t)probe.end.offset) == 0) &&
	    file_sync(probe.file) == 0)
		left = probe.end.seq;
	else if (probe.file >= 0) {
		segment_name(trail->segment, name);
		(void)snprintf(aside, sizeof(aside), "%s.lost", name);
		(void)renameat(trail->directory, name, trail->directory, aside);
	}
	if (probe.file >= 0)
		(void)fchmod(probe.file, 0400);
	file_close(&probe.file);
	pendings_free(&probe.pendings);
	noteds_free(&probe.noteds);
	return left;
}

enum mortise_code
trail_declare_loss(struct trail *trail, struct mortise_error *error)
{
	uint64_t left = what_is_left(trail);
	struct record_gap gap = {
		.from = left + 1, .to = trail->end.seq,
		.reason = "the segment was removed, cut or replaced while in use",
		.by = trail->options.program,
	};
	enum mortise_code code = trail_segment_begin(trail, left < gap.to ? &gap : NULL, error);

	if (code != MORTISE_OK)
		return code;
	log_line(trail->options.logger, MORTISE_LOG_ERROR,
	    "%s: the segment in use was removed, cut or replaced; %" PRIu64 " records are lost",
	    trail->options.directory, left < gap.to ? gap.to - left : 0);
	trail_head_write(trail, true);
	return MORTISE_OK;
}

/* The segment in use, as its path leads to it. */
static bool
is_intact(const struct trail *trail, uint64_t *size)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat path, file;

	segment_name(trail->segment, name);
	if (fstat(trail->file, &file) < 0 ||
	    fstatat(trail->directory, name, &path, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	*size = (uint64_t)file.st_size;
	return path.st_ino == file.st_ino && path.st_dev == file.st_dev &&
	    *size >= trail->end.offset;
}

enum mortise_code
trail_catch_up(struct trail *trail, struct mortise_error *error)
{
	const struct lock_state *lock = &trail->lock_state;
	bool known = trail_lock_read(trail->lock, &trail->lock_state);
	uint64_t size = 0, tail = 0, durable = lock->durable;
	enum mortise_code code = MORTISE_OK;
	struct stat st;

	if (fstatat(trail->directory, "lock", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_ino != trail->lock_inode)
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
		    "%s/lock was removed or replaced; restart all who write the trail",
		    trail->options.directory);
	if (lock->refused)
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
		    "%s could not be written and refuses all records; see to its disk, then "
		    "`mortise audit accept-loss`", trail->options.directory);
	if (!known || !trail->loaded || lock->segment != trail->segment)
		return trail_load(trail, error);
	if (!is_intact(trail, &size))
		return trail_declare_loss(trail, error);
	if (durable == trail->end.offset)
		trail->durable = trail->end;
	if (size > trail->end.offset)
		code = trail_scan(trail, durable, &tail, error);
	if (code == MORTISE_OK)
		code = trail_cut_tail(trail, tail, error);
	if (code != MORTISE_OK) {
		trail->loaded = false;
		return code;
	}
	return trail->durable.offset == durable ? MORTISE_OK : trail_load(trail, error);
}
