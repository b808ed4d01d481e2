/* SPDX-License-Identifier: BSD-2-Clause */
/* For F_OFD_SETLK. */
#define _GNU_SOURCE
/* Opening, recovery and closing; accepting a loss. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/parts.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"

/* --- who writes ---------------------------------------------------------------------- */

/* Locks byte w of DIR/writers; false = somebody has it. */
static bool
lock_byte(const struct trail *trail, uint32_t w, short type)
{
	struct flock range = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)w, .l_len = 1,
	};

	return fcntl(trail->writers, F_OFD_SETLK, &range) == 0;
}

static bool
is_pending(const struct trail *trail, uint32_t w)
{
	for (size_t i = 0; i < trail->view.pending_count; i++) {
		if (trail->view.pending[i].writer == w)
			return true;
	}
	return false;
}

enum mortise_code
writer_take(struct trail *trail, struct mortise_error *error)
{
	uint32_t w;

	do {
		if (!random_bytes(&w, sizeof(w)))
			return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
			    "the random number generator failed");
		w &= 0x7fffffff;
	} while (w == 0 || is_pending(trail, w) || !lock_byte(trail, w, F_WRLCK));
	trail->writer = w;
	return MORTISE_OK;
}

enum mortise_code
trail_close_pending(struct trail *trail, struct lock_state *lock, struct mortise_error *error)
{
	enum mortise_code code = MORTISE_OK;

	for (size_t i = 0; code == MORTISE_OK && i < trail->view.pending_count;) {
		struct record record = {.type = RECORD_OUTCOME, .code = "unknown"};
		uint32_t w = trail->view.pending[i].writer;

		if (!lock_byte(trail, w, F_WRLCK)) {
			i++;
			continue;
		}
		(void)lock_byte(trail, w, F_UNLCK);
		memcpy(record.op, trail->view.pending[i].op, sizeof(record.op));
		log_line(trail->options.logger, MORTISE_LOG_WARNING, "the writer of record %llu is "
		    "gone; what became of its operation is unknown",
		    (unsigned long long)trail->view.pending[i].seq);
		/* Which takes it off the list. */
		code = trail_write_own(trail, lock, &record, error);
	}
	return code;
}

/* --- the directory --------------------------------------------------------------------- */

static enum mortise_code
open_files(struct trail *trail, struct mortise_error *error)
{
	const char *path = trail->options.directory;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return audit_failed(error, "the directory cannot be made", path);
	trail->directory = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (trail->directory < 0)
		return audit_failed(error, "the directory cannot be opened", path);
	trail->lock = file_open(trail->directory, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (trail->lock < 0)
		return audit_failed(error, "the lock file cannot be opened", path);
	trail->writers = file_open(trail->directory, "writers", O_RDWR | O_CREAT | O_NOFOLLOW,
	    0600);
	if (trail->writers < 0)
		return audit_failed(error, "the file of writers cannot be opened", path);
	return MORTISE_OK;
}

static bool
init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	bool good;

	if (pthread_condattr_init(&attributes) != 0)
		return false;
	good = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
	    pthread_cond_init(condition, &attributes) == 0;
	(void)pthread_condattr_destroy(&attributes);
	return good;
}

enum mortise_code
trail_attach(const struct trail_options *options, struct trail **trail,
    struct mortise_error *error)
{
	struct trail *made = calloc(1, sizeof(*made));
	enum mortise_code code;

	if (made == NULL)
		return error_memory(error);
	made->options = *options;
	made->directory = made->lock = made->writers = made->segment = -1;
	made->last = &made->first;
	if (pthread_mutex_init(&made->mutex, NULL) != 0) {
		free(made);
		return error_memory(error);
	}
	if (!init_condition(&made->done)) {
		(void)pthread_mutex_destroy(&made->mutex);
		free(made);
		return error_memory(error);
	}
	code = open_files(made, error);
	if (code != MORTISE_OK) {
		trail_detach(made);
		return code;
	}
	*trail = made;
	return MORTISE_OK;
}

void
trail_detach(struct trail *trail)
{
	file_close(&trail->segment);
	file_close(&trail->writers);
	file_close(&trail->lock);
	file_close(&trail->directory);
	view_free(&trail->view);
	(void)pthread_cond_destroy(&trail->done);
	(void)pthread_mutex_destroy(&trail->mutex);
	free(trail);
}

/* --- recovery ---------------------------------------------------------------------------- */

static uint64_t
size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static enum mortise_code
begin_new(struct trail *trail, struct lock_state *lock, const char *parent,
    struct mortise_error *error)
{
	unsigned char id[16];

	if (!random_bytes(id, sizeof(id)))
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
		    "the random number generator failed");
	view_free(&trail->view);
	hex_encode(id, sizeof(id), trail->view.trail);
	memcpy(trail->view.hash, ZERO_HASH, sizeof(ZERO_HASH));
	file_close(&trail->segment);
	return segment_begin(trail, lock, parent, NULL, error);
}

/* A last segment without a whole record is what a crash leaves of one that was
 * being begun. */
static enum mortise_code
drop_empty(struct trail *trail, const uint64_t *numbers, size_t *count, struct mortise_error *error)
{
	char name[SEGMENT_NAME_SIZE];
	struct segment_open open;
	int fd;
	bool whole;

	if (*count == 0)
		return MORTISE_OK;
	segment_name(numbers[*count - 1], name);
	fd = file_open(trail->directory, name, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return audit_failed(error, "a segment cannot be read", trail->options.directory);
	whole = size_of(fd) >= RECORD_LINE_MAX || segment_read_open(fd, &open);
	file_close(&fd);
	if (whole)
		return MORTISE_OK;
	log_line(trail->options.logger, MORTISE_LOG_WARNING,
	    "the audit trail's segment %s was being begun when its writer died; it was removed",
	    name);
	(*count)--;
	if (unlinkat(trail->directory, name, 0) < 0)
		return audit_failed(error, "an unfinished segment cannot be removed",
		    trail->options.directory);
	return MORTISE_OK;
}

/* Does the line that ends at the head's offset carry the head's hash? */
static bool
head_holds(int fd, const struct view *head)
{
	char tail[67];

	return head->offset >= 67 &&
	    file_read_at(fd, tail, sizeof(tail), (off_t)head->offset - 67) == 67 &&
	    memcmp(tail, head->hash, 64) == 0 && memcmp(tail + 64, "\"}\n", 3) == 0;
}

static enum mortise_code
shorter(const struct trail *trail, const struct view *head, struct mortise_error *error)
{
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_SHORT,
	    "the audit trail in %s is shorter than its head, which says record %llu; "
	    "put the missing part back, or declare the loss by `mortise audit accept-loss`",
	    trail->options.directory, (unsigned long long)head->seq);
}

/* Goes to where the head says, and reads on from there. */
static enum mortise_code
start_at_head(struct trail *trail, const struct view *head, struct mortise_error *error)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(head->segment, name);
	trail->segment = file_open(trail->directory, name, O_RDWR | O_APPEND | O_NOFOLLOW, 0);
	if (trail->segment < 0 && errno == EACCES)
		trail->segment = file_open(trail->directory, name, O_RDONLY | O_NOFOLLOW, 0);
	if (trail->segment < 0 || size_of(trail->segment) < head->offset)
		return shorter(trail, head, error);
	if (!segment_read_open(trail->segment, &trail->opened) ||
	    strcmp(trail->opened.trail, head->trail) != 0 || !head_holds(trail->segment, head))
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
		    "the audit trail in %s does not fit its head at record %llu; "
		    "`mortise audit verify` says more", trail->options.directory,
		    (unsigned long long)head->seq);
	if (!view_copy(head, &trail->view))
		return error_memory(error);
	trail->head_seq = head->seq;
	/* The head's ts is not kept: what comes next is compared with the open. */
	trail->view.time_us = trail->opened.time_us;
	return MORTISE_OK;
}

static enum mortise_code
start_at_first(struct trail *trail, uint64_t number, struct mortise_error *error)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(number, name);
	trail->segment = file_open(trail->directory, name, O_RDWR | O_APPEND | O_NOFOLLOW, 0);
	if (trail->segment < 0 && errno == EACCES)
		trail->segment = file_open(trail->directory, name, O_RDONLY | O_NOFOLLOW, 0);
	if (trail->segment < 0)
		return audit_failed(error, "a segment cannot be opened", trail->options.directory);
	(void)segment_read_open(trail->segment, &trail->opened);
	trail->view.segment = number;
	return MORTISE_OK;
}

/* Finds the end of a trail that is there. */
static enum mortise_code
recover(struct trail *trail, struct lock_state *lock, uint64_t first, uint64_t last,
    struct mortise_error *error)
{
	struct view head _cleanup_(view_free) = {.pending = NULL};
	enum mortise_code code = head_read(trail->directory, &head, error);

	code = code == MORTISE_OK ? start_at_head(trail, &head, error) :
	    code == MORTISE_NOT_FOUND ? start_at_first(trail, first, error) : code;
	if (code != MORTISE_OK)
		return code;
	if (head.seq != 0 && head.segment > last)
		return shorter(trail, &head, error);
	/* A lock file that names another segment, or says nothing, is behind. */
	if (lock->segment != last)
		*lock = (struct lock_state){.segment = last, .refused = lock->refused};
	code = segment_follow(trail, lock, error);
	if (code == MORTISE_OK && trail->view.seq < head.seq)
		return shorter(trail, &head, error);
	return code;
}

/* A trail that was copied to another host must not be two trails of one name. */
static bool
is_of_other_host(const struct trail *trail)
{
	char host[17];

	host_digest(trail->view.trail, host);
	if (host[0] == '\0' || trail->opened.host[0] == '\0') {
		log_line(trail->options.logger, MORTISE_LOG_WARNING, "this machine has no "
		    "machine-id: a trail that was copied here is not noticed");
		return false;
	}
	return strcmp(host, trail->opened.host) != 0;
}

/* What was copied here stays, in a directory of its own name. */
static enum mortise_code
set_aside(struct trail *trail, const uint64_t *numbers, size_t count, struct mortise_error *error)
{
	char folder[48], name[SEGMENT_NAME_SIZE], to[80];

	(void)snprintf(folder, sizeof(folder), "old-%s", trail->view.trail);
	if (mkdirat(trail->directory, folder, 0700) < 0 && errno != EEXIST)
		return audit_failed(error, "a copied trail cannot be set aside",
		    trail->options.directory);
	for (size_t i = 0; i <= count; i++) {
		if (i < count)
			segment_name(numbers[i], name);
		(void)snprintf(to, sizeof(to), "%s/%s", folder, i < count ? name : "head");
		if (renameat(trail->directory, i < count ? name : "head", trail->directory, to) < 0 &&
		    errno != ENOENT)
			return audit_failed(error, "a copied trail cannot be set aside",
			    trail->options.directory);
	}
	log_line(trail->options.logger, MORTISE_LOG_WARNING, "the trail in %s is of another host: "
	    "it was set aside as %s, and a new one begun", trail->options.directory, folder);
	return MORTISE_OK;
}

static enum mortise_code
check_host(struct trail *trail, struct lock_state *lock, const uint64_t *numbers, size_t count,
    struct mortise_error *error)
{
	char parent[33];
	enum mortise_code code;

	if (!is_of_other_host(trail))
		return MORTISE_OK;
	memcpy(parent, trail->view.trail, sizeof(parent));
	code = set_aside(trail, numbers, count, error);
	return code == MORTISE_OK ? begin_new(trail, lock, parent, error) : code;
}

/* Everything that opening does under the lock. */
static enum mortise_code
open_locked(struct trail *trail, struct mortise_error *error)
{
	uint64_t *numbers _cleanup_(free_pointer) = NULL;
	struct lock_state lock;
	size_t count = 0;
	enum mortise_code code = lock_read(trail->lock, &lock, error);

	if (code == MORTISE_OK && lock.refused)
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
		    "the audit trail in %s refuses records since it lost some; "
		    "`mortise audit accept-loss` declares the loss", trail->options.directory);
	if (code == MORTISE_OK && segment_numbers(trail->directory, &numbers, &count) < 0)
		return audit_failed(error, "the directory cannot be read", trail->options.directory);
	if (code == MORTISE_OK)
		code = drop_empty(trail, numbers, &count, error);
	if (code != MORTISE_OK)
		return code;
	if (count > 0) {
		code = recover(trail, &lock, numbers[0], numbers[count - 1], error);
		if (code == MORTISE_OK)
			code = check_host(trail, &lock, numbers, count, error);
	} else {
		struct view head = {.pending = NULL};

		/* No segment and yet a head: they were removed. */
		if (head_read(trail->directory, &head, NULL) == MORTISE_OK) {
			code = shorter(trail, &head, error);
			view_free(&head);
		} else
			code = begin_new(trail, &lock, NULL, error);
	}
	if (code == MORTISE_OK)
		code = writer_take(trail, error);
	if (code == MORTISE_OK)
		code = trail_close_pending(trail, &lock, error);
	if (code == MORTISE_OK)
		code = trail_head_due(trail, trail->head_seq == 0, error);
	return code;
}

enum mortise_code
trail_open(const struct trail_options *options, struct trail **trail, struct mortise_error *error)
{
	struct trail *made;
	enum mortise_code code = trail_attach(options, &made, error);

	if (code != MORTISE_OK)
		return code;
	if (trail_lock(made) < 0)
		code = audit_failed(error, "cannot be locked", options->directory);
	else {
		code = open_locked(made, error);
		trail_unlock(made);
	}
	if (code != MORTISE_OK) {
		trail_detach(made);
		return code;
	}
	*trail = made;
	return MORTISE_OK;
}

/* What was not waited for is synced, so that the head can name it. */
static void
finish(struct trail *trail)
{
	struct lock_state lock;

	if (lock_read(trail->lock, &lock, NULL) != MORTISE_OK || lock.refused ||
	    segment_follow(trail, &lock, NULL) != MORTISE_OK)
		return;
	if (trail->synced < trail->view.offset) {
		if (file_sync_data(trail->segment) < 0)
			return;
		trail->synced = lock.durable = trail->view.offset;
		(void)lock_write(trail->lock, &lock, NULL);
	}
	(void)trail_head_due(trail, true, NULL);
}

void
trail_close(struct trail *trail)
{
	if (trail == NULL)
		return;
	if (trail_lock(trail) == 0) {
		finish(trail);
		trail_unlock(trail);
	}
	trail_detach(trail);
}
