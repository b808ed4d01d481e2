/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/cursor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "audit/parts.h"
#include "base/bytes.h"
#include "base/file.h"

/* Always as long, so that writing it again leaves nothing of the old text. */
#define CURSOR_SIZE 1024
/* It may be read in the middle of a change. */
#define READS 10

enum mortise_code
cursor_open(int directory, const char *sink, int *file, struct mortise_error *error)
{
	int sinks _cleanup_(file_close) = -1;

	if (mkdirat(directory, CURSOR_DIRECTORY, 0700) == 0)
		(void)file_sync(directory);
	sinks = file_open(directory, CURSOR_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	*file = sinks < 0 ? -1 : file_open(sinks, sink, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (*file >= 0)
		return MORTISE_OK;
	(void)error_errno(error, errno, "the trail's " CURSOR_DIRECTORY "/%s cannot be opened", sink);
	if (error != NULL)
		error->reason = MORTISE_REASON_AUDIT;
	return MORTISE_ERROR;
}

int
cursor_look(int directory, const char *sink)
{
	int sinks _cleanup_(file_close) = file_open(directory, CURSOR_DIRECTORY,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	return sinks < 0 ? -1 : file_open(sinks, sink, O_RDONLY | O_NOFOLLOW, 0);
}

bool
cursor_lock(int file)
{
	int got;

	do
		got = flock(file, LOCK_EX | LOCK_NB);
	while (got < 0 && errno == EINTR);
	return got == 0;
}

void
cursor_unlock(int file)
{
	(void)flock(file, LOCK_UN);
}

static bool
parse(const char *text, size_t size, struct cursor *cursor)
{
	json_t *tree = json_loadb(text, size, 0, NULL);
	const char *trail = json_string_value(json_object_get(tree, "trail"));
	const char *failure = json_string_value(json_object_get(tree, "failure"));
	bool good = trail != NULL && trail_number(tree, "seq", &cursor->seq) &&
	    trail_number(tree, "segment", &cursor->segment) &&
	    trail_number(tree, "offset", &cursor->offset) &&
	    trail_number(tree, "parked", &cursor->parked);

	if (good)
		(void)snprintf(cursor->trail, sizeof(cursor->trail), "%s", trail);
	(void)snprintf(cursor->failure, sizeof(cursor->failure), "%s",
	    failure == NULL ? "" : failure);
	cursor->keep = json_is_true(json_object_get(tree, "keep"));
	json_decref(tree);
	return good;
}

bool
cursor_read(int file, struct cursor *cursor)
{
	char text[CURSOR_SIZE];

	for (int reads = 0; reads < READS; reads++) {
		ssize_t size = file_read_at(file, text, sizeof(text), 0);

		*cursor = (struct cursor){.seq = 0};
		if (size <= 0)
			return false;
		if (parse(text, (size_t)size, cursor))
			return true;
	}
	*cursor = (struct cursor){.seq = 0};
	return false;
}

bool
cursor_write(int file, const struct cursor *cursor)
{
	struct buffer text _cleanup_(buffer_free) = {0};
	char all[CURSOR_SIZE];

	buffer_format(&text, "{\"trail\":\"%s\",\"seq\":%" PRIu64 ",\"segment\":%" PRIu64
	    ",\"offset\":%" PRIu64 ",\"parked\":%" PRIu64 ",\"keep\":%s,\"failure\":",
	    cursor->trail, cursor->seq, cursor->segment, cursor->offset, cursor->parked,
	    cursor->keep ? "true" : "false");
	(void)buffer_json(&text, cursor->failure, strlen(cursor->failure));
	buffer_text(&text, "}");
	if (text.failed || text.size >= sizeof(all))
		return false;
	memset(all, ' ', sizeof(all));
	memcpy(all, text.data, text.size);
	all[sizeof(all) - 1] = '\n';
	return file_write_at(file, all, sizeof(all), 0) == 0;
}

static bool
is_behind(int sinks, const char *name, const char *trail, uint64_t seq)
{
	int file _cleanup_(file_close) = file_open(sinks, name, O_RDONLY | O_NOFOLLOW, 0);
	struct cursor cursor;

	return file >= 0 && cursor_read(file, &cursor) && cursor.keep &&
	    (strcmp(cursor.trail, trail) != 0 || cursor.seq < seq);
}

bool
cursor_keeps(int directory, const char *trail, uint64_t seq, char *sink)
{
	int sinks = file_open(directory, CURSOR_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	DIR *list = sinks < 0 ? NULL : fdopendir(sinks);
	struct dirent *entry;
	bool found = false;

	if (list == NULL)
		file_close(&sinks);
	while (list != NULL && !found && (entry = readdir(list)) != NULL) {
		if (entry->d_name[0] == '.' || !is_behind(sinks, entry->d_name, trail, seq))
			continue;
		(void)snprintf(sink, NAME_MAX + 1, "%s", entry->d_name);
		found = true;
	}
	if (list != NULL)
		(void)closedir(list);
	return found;
}
