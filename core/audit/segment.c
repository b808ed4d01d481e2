/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments: begin, follow, repair, retire.  Under the lock, all of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/parts.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"

static int
open_segment(const struct trail *trail, uint64_t number, int flags)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(number, name);
	return file_open(trail->directory, name, flags | O_NOFOLLOW, 0600);
}

static uint64_t
file_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* The old one is synced and sealed before there is a new one. */
static bool
seal(struct trail *trail)
{
	if (trail->segment < 0)
		return true;
	return file_sync_data(trail->segment) == 0 && fchmod(trail->segment, 0400) == 0;
}

static enum mortise_code
write_open(struct trail *trail, int fd, const char *parent, const struct record_gap *gap,
    struct mortise_error *error)
{
	struct record record = {
		.type = RECORD_OPEN,
		.segment = trail->view.segment,
		.gap = gap,
		.program = trail->options.program,
		.config = trail->options.config,
		.plugins = trail->options.plugins,
		.plugins_count = trail->options.plugins_count,
	};
	struct record_body body _cleanup_(record_free) = {.commitment = ""};
	struct buffer line _cleanup_(buffer_free) = {0};
	char host[17], hash[65];
	struct record_link link = {
		.trail = trail->view.trail, .parent = parent, .seq = trail->view.seq + 1,
		.time_us = clock_unix_us(), .before = trail->view.hash, .host = host,
	};
	enum mortise_code code;

	host_digest(trail->view.trail, host);
	link.back = link.time_us < trail->view.time_us;
	code = record_prepare(&record, &link, &body, error);
	if (code != MORTISE_OK)
		return code;
	if (!record_finish(&body, &link, &line, hash))
		return error_memory(error);
	if (file_write(fd, line.data, line.size, NULL) < 0 || file_sync(fd) < 0 ||
	    file_sync(trail->directory) < 0)
		return audit_failed(error, "a new segment cannot be written",
		    trail->options.directory);
	trail->opened = (struct segment_open){.seq = link.seq, .time_us = link.time_us};
	memcpy(trail->opened.host, host, sizeof(host));
	trail->view.seq = link.seq;
	trail->view.time_us = link.time_us;
	trail->view.offset = line.size;
	memcpy(trail->view.hash, hash, sizeof(hash));
	return MORTISE_OK;
}

enum mortise_code
segment_begin(struct trail *trail, struct lock_state *lock, const char *parent,
    const struct record_gap *gap, struct mortise_error *error)
{
	struct view before = trail->view;
	char name[SEGMENT_NAME_SIZE];
	enum mortise_code code;
	int fd;

	if (!seal(trail))
		return audit_failed(error, "the old segment cannot be sealed",
		    trail->options.directory);
	/* A number that is taken belongs to what was lost here: go past it. */
	do
		fd = open_segment(trail, ++trail->view.segment,
		    O_RDWR | O_APPEND | O_CREAT | O_EXCL);
	while (fd < 0 && errno == EEXIST);
	if (fd < 0) {
		trail->view.segment = before.segment;
		return audit_failed(error, "a new segment cannot be made",
		    trail->options.directory);
	}
	code = write_open(trail, fd, parent, gap, error);
	if (code == MORTISE_OK) {
		*lock = (struct lock_state){.segment = trail->view.segment,
		    .size = trail->view.offset, .durable = trail->view.offset};
		code = lock_write(trail->lock, lock, error);
	}
	if (code != MORTISE_OK) {
		segment_name(trail->view.segment, name);
		(void)unlinkat(trail->directory, name, 0);
		file_close(&fd);
		trail->view.segment = before.segment;
		trail->view.offset = before.offset;
		trail->view.seq = before.seq;
		trail->view.time_us = before.time_us;
		memcpy(trail->view.hash, before.hash, sizeof(before.hash));
		return code;
	}
	file_close(&trail->segment);
	trail->segment = fd;
	trail->synced = trail->view.offset;
	return MORTISE_OK;
}

/* Gone, or another file in its place: what it held is lost, unless others have
 * it.  A new segment says so. */
static enum mortise_code
replace_lost(struct trail *trail, struct lock_state *lock, struct mortise_error *error)
{
	const struct record_gap gap = {
		.from = trail->opened.seq, .to = trail->view.seq,
		.reason = "the segment was removed or replaced", .by = trail->options.program,
	};

	log_line(trail->options.logger, MORTISE_LOG_ERROR, "the audit trail's segment %llu was "
	    "removed or replaced: records %llu to %llu are lost",
	    (unsigned long long)trail->view.segment, (unsigned long long)gap.from,
	    (unsigned long long)gap.to);
	return segment_begin(trail, lock, NULL, &gap, error);
}

static bool
is_in_place(const struct trail *trail)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat ours, named;

	segment_name(trail->view.segment, name);
	return fstat(trail->segment, &ours) == 0 && ours.st_nlink > 0 &&
	    fstatat(trail->directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

/* Reads on through sealed segments to the one that is written now. */
static enum mortise_code
go_to(struct trail *trail, uint64_t number, struct mortise_error *error)
{
	enum mortise_code code = MORTISE_OK;

	while (code == MORTISE_OK && trail->view.segment < number) {
		int next;

		if (trail->segment >= 0)
			code = view_read(&trail->view, trail->segment, file_size(trail->segment),
			    error);
		if (code != MORTISE_OK)
			return code;
		do
			next = open_segment(trail, ++trail->view.segment, O_RDWR | O_APPEND);
		while (next < 0 && (errno == ENOENT || errno == EACCES) &&
		    trail->view.segment < number);
		/* Sealed ones are read-only for those who are not root. */
		if (next < 0 && errno == EACCES)
			next = open_segment(trail, trail->view.segment, O_RDONLY);
		if (next < 0)
			return audit_failed(error, "a segment is missing", trail->options.directory);
		file_close(&trail->segment);
		trail->segment = next;
		trail->view.offset = 0;
		trail->synced = 0;
		if (!segment_read_open(next, &trail->opened))
			return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
			    "the trail's segment %llu has no open record; "
			    "`mortise audit verify` says more",
			    (unsigned long long)trail->view.segment);
	}
	return code;
}

enum mortise_code
segment_follow(struct trail *trail, struct lock_state *lock, struct mortise_error *error)
{
	enum mortise_code code;

	if (lock->segment == trail->view.segment && trail->segment >= 0 && !is_in_place(trail))
		return replace_lost(trail, lock, error);
	code = go_to(trail, lock->segment, error);
	if (code == MORTISE_OK && lock->size > trail->view.offset)
		code = view_read(&trail->view, trail->segment, lock->size, error);
	if (code == MORTISE_OK && lock->durable > trail->synced)
		trail->synced = lock->durable;
	if (code == MORTISE_OK && file_size(trail->segment) != lock->size)
		code = segment_repair(trail, lock, error);
	return code;
}

/* Is what lies behind the last LF the beginning of a record, and then zeros, as
 * a crash leaves it? */
static bool
is_torn(const char *bytes, size_t size)
{
	static const char begin[] = "{\"c\":{";
	size_t zeros = size, length;

	while (zeros > 0 && bytes[zeros - 1] == '\0')
		zeros--;
	length = zeros < sizeof(begin) - 1 ? zeros : sizeof(begin) - 1;
	/* A whole record whose LF is another byte was changed, not cut. */
	if (zeros > 73 && memcmp(bytes + zeros - 73, ",\"h\":\"", 6) == 0 &&
	    memcmp(bytes + zeros - 3, "\"}", 2) == 0)
		return false;
	return memcmp(bytes, begin, length) == 0 && memchr(bytes, '\0', zeros) == NULL;
}

static enum mortise_code
write_torn(struct trail *trail, struct lock_state *lock, const char *bytes, size_t size,
    struct mortise_error *error)
{
	const struct digest_part part = {bytes, size};
	struct record record = {.type = RECORD_TORN, .torn_bytes = size};
	unsigned char digest[DIGEST_SIZE];
	char text[DIGEST_TEXT_SIZE];

	if (!digest_sha256(&part, 1, digest))
		return error_memory(error);
	hex_encode(digest, sizeof(digest), text);
	record.torn_sha256 = text;
	log_line(trail->options.logger, MORTISE_LOG_WARNING,
	    "the audit trail ended in a cut record of %zu bytes; it was removed", size);
	return trail_write_own(trail, lock, &record, error);
}

enum mortise_code
segment_repair(struct trail *trail, struct lock_state *lock, struct mortise_error *error)
{
	uint64_t size = file_size(trail->segment), end;
	size_t tail;
	char *bytes _cleanup_(free_pointer) = NULL;
	enum mortise_code code;

	if (size < trail->view.offset)
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_SHORT,
		    "the trail's segment %llu is shorter than it was; put it back from a copy, "
		    "or declare the loss by `mortise audit accept-loss`",
		    (unsigned long long)trail->view.segment);
	/* The tail is less than a batch: find its last LF. */
	tail = (size_t)(size - trail->view.offset);
	bytes = malloc(tail + 1);
	if (bytes == NULL)
		return error_memory(error);
	if (file_read_at(trail->segment, bytes, tail, (off_t)trail->view.offset) != (ssize_t)tail)
		return audit_failed(error, "cannot be read", trail->options.directory);
	end = trail->view.offset + tail;
	while (end > trail->view.offset && bytes[end - trail->view.offset - 1] != '\n')
		end--;
	memmove(bytes, bytes + (end - trail->view.offset), (size_t)(size - end));
	tail = (size_t)(size - end);
	code = view_read(&trail->view, trail->segment, end, error);
	if (code != MORTISE_OK)
		return code;
	if (tail > 0 && !is_torn(bytes, tail))
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
		    "the trail's segment %llu ends in %zu bytes that no crash leaves; "
		    "`mortise audit verify` says more",
		    (unsigned long long)trail->view.segment, tail);
	if (tail > 0 && ftruncate(trail->segment, (off_t)end) < 0)
		return audit_failed(error, "the cut end cannot be removed",
		    trail->options.directory);
	lock->size = trail->view.offset;
	if (lock->durable > lock->size)
		lock->durable = lock->size;
	return tail > 0 ? write_torn(trail, lock, bytes, tail, error) :
	    lock_write(trail->lock, lock, error);
}

/* Its last number and hash stay in DIR/seals.jsonl, so that what is left can be
 * tied to what was there. */
static bool
write_seal(const struct trail *trail, uint64_t number, const struct segment_open *next)
{
	int fd _cleanup_(file_close) = file_open(trail->directory, "seals.jsonl",
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
	char line[256];
	int length = snprintf(line, sizeof(line),
	    "{\"v\":1,\"trail\":\"%s\",\"segment\":%llu,\"seq\":%llu,\"h\":\"%s\"}\n",
	    trail->view.trail, (unsigned long long)number, (unsigned long long)(next->seq - 1),
	    next->before);

	return fd >= 0 && file_write(fd, line, (size_t)length, NULL) == 0 && file_sync(fd) == 0;
}

void
segment_retire(struct trail *trail)
{
	uint64_t *numbers = NULL;
	size_t count = 0;
	int64_t before = clock_unix_us() - trail->options.retention_ms * 1000;

	if (trail->options.retention_ms <= 0 ||
	    segment_numbers(trail->directory, &numbers, &count) < 0)
		return;
	for (size_t i = 0; i + 1 < count; i++) {
		int fd _cleanup_(file_close) = open_segment(trail, numbers[i + 1], O_RDONLY);
		char name[SEGMENT_NAME_SIZE];
		struct segment_open next;

		/* Its newest record is older than the next one's first. */
		if (fd < 0 || !segment_read_open(fd, &next) || next.time_us >= before ||
		    !write_seal(trail, numbers[i], &next))
			break;
		segment_name(numbers[i], name);
		(void)unlinkat(trail->directory, name, 0);
	}
	free(numbers);
}
