/* SPDX-License-Identifier: BSD-2-Clause */
/* DIR/lock, and who writes: DIR/writers. */
#define _GNU_SOURCE	/* F_OFD_SETLK: locks of a descriptor, not of a process */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/parts.h"
#include "base/digest.h"
#include "base/file.h"

#define WRITER_MASK UINT32_C(0x7fffffff)
#define LOOKS 100
#define PAUSE_MIN_NS 20000
#define PAUSE_MAX_NS 2000000

enum mortise_code
trail_lock_open(struct trail *trail, struct mortise_error *error)
{
	struct stat st;

	trail->lock = file_open(trail->directory, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (trail->lock >= 0)
		trail->writers = file_open(trail->directory, "writers",
		    O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (trail->lock >= 0 && trail->writers >= 0 && fstat(trail->lock, &st) == 0) {
		trail->lock_inode = st.st_ino;
		return MORTISE_OK;
	}
	(void)error_errno(error, errno, "%s/%s cannot be opened for writing",
	    trail->options.directory, trail->lock < 0 ? "lock" : "writers");
	if (error != NULL)
		error->reason = MORTISE_REASON_AUDIT;
	return MORTISE_ERROR;
}

/* Tries again and again: a wait in flock could not be ended at the deadline. */
enum mortise_code
trail_lock_take(struct trail *trail, uint64_t deadline, struct mortise_error *error)
{
	struct timespec pause = {.tv_nsec = PAUSE_MIN_NS};

	while (flock(trail->lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			(void)error_errno(error, errno, "%s/lock cannot be locked",
			    trail->options.directory);
			if (error != NULL)
				error->reason = MORTISE_REASON_AUDIT;
			return MORTISE_ERROR;
		}
		if (deadline_left_ns(deadline) == 0)
			return error_set(error, MORTISE_TIMEOUT, MORTISE_REASON_AUDIT,
			    "%s/lock is held by another process; look whether one hangs",
			    trail->options.directory);
		(void)nanosleep(&pause, NULL);
		if (pause.tv_nsec < PAUSE_MAX_NS)
			pause.tv_nsec += pause.tv_nsec / 2;
	}
	return MORTISE_OK;
}

void
trail_lock_release(struct trail *trail)
{
	(void)flock(trail->lock, LOCK_UN);
}

bool
trail_number(const json_t *tree, const char *key, uint64_t *number)
{
	const json_t *value = json_object_get(tree, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*number = (uint64_t)json_integer_value(value);
	return true;
}

static bool
parse_lock(const char *text, size_t size, struct lock_state *state)
{
	json_t *tree = json_loadb(text, size, 0, NULL);
	bool good = trail_number(tree, "segment", &state->segment) &&
	    trail_number(tree, "size", &state->size) &&
	    trail_number(tree, "durable", &state->durable);

	state->refused = good && json_is_true(json_object_get(tree, "refused"));
	json_decref(tree);
	return good;
}

bool
trail_lock_read(int lock, struct lock_state *state)
{
	char text[LOCK_SIZE];
	ssize_t size = file_read_at(lock, text, LOCK_SIZE, 0);

	if (size == LOCK_SIZE && memcmp(text, state->text, LOCK_SIZE) == 0)
		return true;
	*state = (struct lock_state){0};
	if (size <= 0 || !parse_lock(text, (size_t)size, state))
		return false;
	if (size == LOCK_SIZE)
		memcpy(state->text, text, LOCK_SIZE);
	return true;
}

bool
trail_lock_look(const char *directory, struct lock_state *state)
{
	char *path _cleanup_(free_pointer) = path_join(directory, "lock");
	int fd _cleanup_(file_close) = path == NULL ? -1 :
	    file_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);

	for (int tries = 0; fd >= 0 && tries < LOOKS; tries++) {
		if (trail_lock_read(fd, state))
			return true;
	}
	return false;
}

enum mortise_code
trail_lock_write(struct trail *trail, bool refused, struct mortise_error *error)
{
	struct lock_state *state = &trail->lock_state;
	int n;

	*state = (struct lock_state){trail->segment, trail->end.offset, trail->durable.offset,
	    refused, ""};
	n = snprintf(state->text, LOCK_SIZE, "{\"segment\":%" PRIu64 ",\"size\":%" PRIu64
	    ",\"durable\":%" PRIu64 ",\"refused\":%s}", state->segment, state->size,
	    state->durable, refused ? "true" : "false");
	memset(state->text + n, ' ', LOCK_SIZE - (size_t)n);
	state->text[LOCK_SIZE - 1] = '\n';
	if (file_write_at(trail->lock, state->text, LOCK_SIZE, 0) == 0)
		return MORTISE_OK;
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
	    "%s/lock cannot be written; look for a full disk", trail->options.directory);
}

static bool
lock_byte(int fd, uint32_t byte, short type)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1,
	};

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

enum mortise_code
trail_writer_draw(struct trail *trail, struct mortise_error *error)
{
	uint32_t writer;

	for (int tries = 0; tries < 100; tries++) {
		if (!random_bytes(&writer, sizeof(writer)))
			break;
		writer &= WRITER_MASK;
		if (pendings_holds(&trail->pendings, writer) ||
		    !lock_byte(trail->writers, writer, F_WRLCK))
			continue;
		trail->writer = writer;
		return MORTISE_OK;
	}
	return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
	    "%s/writers: no byte of it can be locked; the trail must lie on a local file system",
	    trail->options.directory);
}

bool
trail_writer_gone(const struct trail *trail, uint32_t writer)
{
	if (!lock_byte(trail->writers, writer, F_WRLCK))
		return false;
	(void)lock_byte(trail->writers, writer, F_UNLCK);
	return true;
}
