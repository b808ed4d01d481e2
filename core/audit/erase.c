/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/erase.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/parts.h"
#include "base/file.h"

#define NAME "erasing"
#define RANGES_MAX 400		/* of a record: its line has to fit */
#define PARTS_AT_ONCE 64	/* while other writers wait */
#define WAIT_MS 10000

/* What stands before and behind a personal part. */
static const char before[] = ",\"p\":", behind[] = ",\"h\":\"";

bool
trail_erasing(const struct trail *trail)
{
	struct stat st;

	return fstatat(trail->directory, NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0;
}

static enum mortise_code
failed(const struct trail *trail, struct mortise_error *error, const char *name, const char *what)
{
	(void)error_errno(error, errno, "%s/%s cannot be %s; see to the disk, and open the trail "
	    "again to end the erasure", trail->options.directory, name, what);
	if (error != NULL)
		error->reason = MORTISE_REASON_AUDIT;
	return MORTISE_ERROR;
}

/* --- one segment ------------------------------------------------------------------- */

/* For writing, also where it is sealed.  With the lock, so that nobody takes it for one
 * that is written to. */
static int
open_segment(const struct trail *trail, uint64_t segment, uint64_t newest)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat st;
	mode_t mode;
	int fd, saved;

	segment_name(segment, name);
	if (fstatat(trail->directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	/* A crash may have left a sealed one open. */
	mode = segment < newest ? 0400 : st.st_mode & 07777;
	if ((st.st_mode & S_IWUSR) == 0 && fchmodat(trail->directory, name, 0600, 0) < 0)
		return -1;
	fd = file_open(trail->directory, name, O_RDWR | O_NOFOLLOW, 0);
	saved = errno;
	if (fchmodat(trail->directory, name, mode, 0) < 0 && fd >= 0) {
		saved = errno;
		file_close(&fd);
	}
	errno = saved;
	return fd;
}

/* Nothing is written where no personal part stands: the file may have been cut. */
static int
blank_part(int fd, const struct erase_place *place)
{
	const size_t around = sizeof(before) - 1;
	char bytes[RECORD_LINE_MAX];
	size_t want = around + place->size + sizeof(behind) - 1;
	ssize_t size;

	if (want > sizeof(bytes) || place->size < 4 || place->offset < around)
		return 0;
	size = file_read_at(fd, bytes, want, (off_t)(place->offset - around));
	if (size < 0)
		return -1;
	if (size != (ssize_t)want || memcmp(bytes, before, around) != 0 ||
	    memcmp(bytes + around + place->size, behind, sizeof(behind) - 1) != 0)
		return 0;
	memset(bytes, ' ', place->size);
	memcpy(bytes, "null", 4);
	return file_write_at(fd, bytes, place->size, (off_t)place->offset);
}

/* How others are kept away: a lock of its own, for the trail's is its leader's. */
struct holding {
	struct trail own;
	bool locked;			/* by the caller, for all of it */
};

static enum mortise_code
hold(struct holding *holding, struct mortise_error *error)
{
	return holding->locked ? MORTISE_OK :
	    trail_lock_take(&holding->own, deadline_in_ms(WAIT_MS), error);
}

static void
let_go(struct holding *holding)
{
	if (!holding->locked)
		trail_lock_release(&holding->own);
}

/* The places from *at on that lie in one segment. */
static enum mortise_code
blank_segment(struct holding *holding, const struct erase_plan *plan, size_t *at,
    struct mortise_error *error)
{
	struct trail *trail = &holding->own;
	uint64_t segment = plan->places[*at].segment;
	int fd _cleanup_(file_close) = -1;
	char name[SEGMENT_NAME_SIZE];
	enum mortise_code code = MORTISE_OK;
	bool gone;

	segment_name(segment, name);
	while (code == MORTISE_OK && *at < plan->count && plan->places[*at].segment == segment) {
		size_t end = *at + PARTS_AT_ONCE;

		code = hold(holding, error);
		if (code != MORTISE_OK)
			return code;
		(void)trail_lock_read(trail->lock, &trail->lock_state);
		if (fd < 0)
			fd = open_segment(trail, segment, trail->lock_state.segment);
		/* Its retention may have ended. */
		gone = fd < 0 && errno == ENOENT;
		if (fd < 0 && !gone)
			code = failed(trail, error, name, "opened for writing");
		for (; code == MORTISE_OK && *at < end && *at < plan->count &&
		    plan->places[*at].segment == segment; ++*at) {
			if (!gone && blank_part(fd, &plan->places[*at]) < 0)
				code = failed(trail, error, name, "written");
		}
		let_go(holding);
	}
	return code == MORTISE_OK && fd >= 0 && file_sync_data(fd) < 0 ?
	    failed(trail, error, name, "synced") : code;
}

static enum mortise_code
blank(struct trail *trail, const struct erase_plan *plan, bool locked,
    struct mortise_error *error)
{
	struct holding holding = {.locked = locked, .own = {.options = trail->options,
	    .directory = trail->directory}};
	int lock _cleanup_(file_close) = file_open(trail->directory, "lock",
	    O_RDWR | O_NOFOLLOW, 0);
	enum mortise_code code = MORTISE_OK;

	if (lock < 0)
		return failed(trail, error, "lock", "opened");
	holding.own.lock = lock;
	for (size_t at = 0; code == MORTISE_OK && at < plan->count;)
		code = blank_segment(&holding, plan, &at, error);
	return code;
}

/* --- DIR/erasing --------------------------------------------------------------------- */

/* Ours alone, or -1: conflict where somebody else erases. */
static int
open_erasing(const struct trail *trail, int flags)
{
	int fd = file_open(trail->directory, NAME, O_RDWR | O_NOFOLLOW | flags, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		file_close(&fd);
	return fd;
}

static enum mortise_code
begin(const struct trail *trail, int fd, uint64_t from, struct mortise_error *error)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "{\"from\":%" PRIu64 "}\n", from);

	return file_write_at(fd, text, (size_t)size, 0) == 0 && file_sync(fd) == 0 &&
	    file_sync(trail->directory) == 0 ? MORTISE_OK : failed(trail, error, NAME, "written");
}

static enum mortise_code
finish(const struct trail *trail, int fd, struct mortise_error *error)
{
	return file_truncate(fd, 0) == 0 && file_sync(fd) == 0 ? MORTISE_OK :
	    failed(trail, error, NAME, "emptied");
}

/* What cannot be read was written before any erase record: then all are looked at. */
static uint64_t
read_from(int fd)
{
	char text[64] = "";
	uint64_t from = 0;

	(void)file_read_at(fd, text, sizeof(text) - 1, 0);
	return sscanf(text, "{\"from\":%" SCNu64 "}", &from) == 1 ? from : 0;
}

/* What erase records from the file's number on name, and then nothing is open any more. */
static enum mortise_code
carry_out(struct trail *trail, int fd, const struct walk *walk, bool locked,
    struct mortise_error *error)
{
	struct erase_plan plan _cleanup_(erase_plan_free) = {.places = NULL};
	struct erase_ranges named = {.all = NULL};
	struct erase_wanted wanted = {.ranges = &named, .again = true};
	enum mortise_code code = erase_named(walk, read_from(fd), &named, error);

	if (code == MORTISE_OK && named.count > 0)
		code = erase_find(walk, &wanted, &plan, error);
	free(named.all);
	if (code == MORTISE_OK)
		code = blank(trail, &plan, locked, error);
	return code == MORTISE_OK ? finish(trail, fd, error) : code;
}

static enum mortise_code
append_records(struct trail *trail, const struct erase_ranges *ranges, const char *by,
    struct mortise_error *error)
{
	enum mortise_code code = MORTISE_OK;

	for (size_t at = 0; code == MORTISE_OK && at < ranges->count; at += RANGES_MAX) {
		size_t left = ranges->count - at;
		const struct record record = {
			.type = RECORD_ERASE, .by = by, .erased = ranges->all + at,
			.erased_count = left < RANGES_MAX ? left : RANGES_MAX,
		};

		code = trail_append(trail, &record, true, deadline_in_ms(WAIT_MS), NULL, error);
	}
	return code;
}

enum mortise_code
trail_erase(struct trail *trail, const struct erase_plan *plan, const char *by,
    struct mortise_error *error)
{
	int fd _cleanup_(file_close) = open_erasing(trail, O_CREAT);
	struct walk walk _cleanup_(walk_end) = {.files = NULL};
	enum mortise_code code = MORTISE_OK;

	if (fd < 0 && errno == EWOULDBLOCK)
		return error_set(error, MORTISE_CONFLICT, MORTISE_REASON_NONE,
		    "%s: another erasure is under way; try again when it is done",
		    trail->options.directory);
	if (fd < 0)
		return failed(trail, error, NAME, "opened");
	/* What somebody has left since we opened the trail. */
	if (trail_erasing(trail))
		code = walk_begin(&walk, trail->options.directory, error);
	if (code == MORTISE_OK && walk.files != NULL)
		code = carry_out(trail, fd, &walk, false, error);
	if (code == MORTISE_OK)
		code = begin(trail, fd, plan->last + 1, error);
	if (code == MORTISE_OK)
		code = append_records(trail, &plan->ranges, by, error);
	if (code == MORTISE_OK)
		code = blank(trail, plan, false, error);
	return code == MORTISE_OK ? finish(trail, fd, error) : code;
}

void
trail_erase_again(struct trail *trail)
{
	struct mortise_error error = {0};
	struct walk walk = {.files = NULL};
	int fd _cleanup_(file_close) = -1;
	enum mortise_code code;

	if (trail->segment == 0 || !trail_erasing(trail))
		return;
	fd = open_erasing(trail, 0);
	/* Whoever erases is there, and ends it. */
	if (fd < 0 && errno == EWOULDBLOCK)
		return;
	code = fd < 0 ? failed(trail, &error, NAME, "opened") :
	    walk_begin(&walk, trail->options.directory, &error);
	/* What was found at open is more than what was last said to be durable. */
	walk.segment = trail->segment;
	walk.durable = trail->end.offset;
	if (code == MORTISE_OK)
		code = carry_out(trail, fd, &walk, true, &error);
	walk_end(&walk);
	log_line(trail->options.logger, code == MORTISE_OK ? MORTISE_LOG_INFO : MORTISE_LOG_ERROR,
	    code == MORTISE_OK ? "%s: an erasure that was cut off is done now%s" :
	    "%s: an erasure that was cut off could not be ended: %s", trail->options.directory,
	    error.message);
}
