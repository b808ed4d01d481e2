/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/parts.h"
#include "base/digest.h"
#include "base/file.h"

/* Another process holds the lock for a batch at a time. */
#define OPEN_WAIT_MS 10000

void
trail_free(struct trail *trail)
{
	if (trail == NULL)
		return;
	file_close(&trail->file);
	file_close(&trail->writers);
	file_close(&trail->lock);
	file_close(&trail->directory);
	pendings_free(&trail->pendings);
	noteds_free(&trail->noteds);
	running_forget(&trail->running);
	free((char *)(uintptr_t)trail->options.directory);
	free((char *)(uintptr_t)trail->options.program);
	(void)pthread_mutex_destroy(&trail->mutex);
	free(trail);
}

static enum mortise_code
open_directory(struct trail *trail, struct mortise_error *error)
{
	const char *path = trail->options.directory;

	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		(void)error_errno(error, errno, "the trail's directory %s cannot be made", path);
	} else {
		trail->directory = file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
		if (trail->directory >= 0)
			return MORTISE_OK;
		(void)error_errno(error, errno, "the trail's directory %s cannot be opened", path);
	}
	if (error != NULL)
		error->reason = MORTISE_REASON_AUDIT;
	return MORTISE_ERROR;
}

enum mortise_code
trail_new(const struct trail_options *options, struct trail **made, struct mortise_error *error)
{
	struct trail *trail = calloc(1, sizeof(*trail));
	enum mortise_code code;

	if (trail == NULL)
		return error_memory(error);
	trail->options = *options;
	trail->directory = trail->lock = trail->writers = trail->file = -1;
	trail->last = &trail->first;
	if (pthread_mutex_init(&trail->mutex, NULL) != 0) {
		free(trail);
		return error_memory(error);
	}
	trail->options.directory = text_dup(options->directory);
	trail->options.program = text_dup(options->program == NULL ? "" : options->program);
	code = trail->options.directory == NULL || trail->options.program == NULL ||
	    !running_set(&trail->running, options->config, options->plugins,
	    options->plugins_count) ? error_memory(error) : open_directory(trail, error);
	if (code == MORTISE_OK)
		code = trail_lock_open(trail, error);
	if (code == MORTISE_OK)
		code = trail_lock_take(trail, deadline_in_ms(OPEN_WAIT_MS), error);
	if (code != MORTISE_OK) {
		trail_free(trail);
		return code;
	}
	*made = trail;
	return MORTISE_OK;
}

static enum mortise_code
begin_trail(struct trail *trail, struct mortise_error *error)
{
	unsigned char id[16];
	enum mortise_code code;

	if (!random_bytes(id, sizeof(id)))
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_AUDIT,
		    "the random number generator failed");
	hex_encode(id, sizeof(id), trail->id);
	host_digest(trail->id, trail->host);
	checkpoint_forget_keys(trail);
	code = trail_segment_begin(trail, NULL, error);
	trail->loaded = code == MORTISE_OK;
	if (code == MORTISE_OK)
		trail_head_write(trail, true);
	return code;
}

/* Who opens it without a configuration has nothing to tell. */
static enum mortise_code
tell_running(struct trail *trail, struct mortise_error *error)
{
	const struct record record = {.type = RECORD_CONFIG, .config = trail->running.config,
	    .plugins = trail->running.plugins, .plugins_count = trail->running.plugins_count,
	    .program = trail->options.program};
	char running[RUNNING_DIGEST_SIZE];
	enum mortise_code code;

	running_digest(&trail->running, running);
	if (trail->running.config[0] == '\0' || strcmp(running, trail->known) == 0)
		return MORTISE_OK;
	code = trail_write(trail, &record, 1, error);
	if (code == MORTISE_OK)
		trail_head_write(trail, true);
	return code;
}

/* With the lock. */
static enum mortise_code
open_locked(struct trail *trail, struct mortise_error *error)
{
	enum mortise_code code = trail_catch_up(trail, error);

	if (code == MORTISE_OK)
		trail_erase_again(trail);
	if (code == MORTISE_OK)
		code = trail_host_check(trail, error);
	if (code == MORTISE_OK && trail->segment == 0)
		code = begin_trail(trail, error);
	else if (code == MORTISE_OK && trail->sealed)
		code = trail_segment_next(trail, error);
	else if (code == MORTISE_OK)
		code = trail_lock_write(trail, false, error);
	/* Before our own byte is drawn: none of the pending ones is ours. */
	if (code == MORTISE_OK)
		code = trail_close_orphans(trail, error);
	if (code == MORTISE_OK)
		code = tell_running(trail, error);
	return code == MORTISE_OK ? trail_writer_draw(trail, error) : code;
}

enum mortise_code
trail_open(const struct trail_options *options, struct trail **opened,
    struct mortise_error *error)
{
	struct trail *trail = NULL;
	enum mortise_code code = trail_new(options, &trail, error);

	if (code != MORTISE_OK)
		return code;
	code = open_locked(trail, error);
	trail_lock_release(trail);
	if (code != MORTISE_OK) {
		trail_free(trail);
		return code;
	}
	*opened = trail;
	return MORTISE_OK;
}

void
trail_close(struct trail *trail)
{
	struct mortise_error error = {0};
	enum mortise_code code;

	if (trail == NULL)
		return;
	code = trail_lock_take(trail, deadline_in_ms(OPEN_WAIT_MS), &error);
	if (code == MORTISE_OK) {
		code = trail_catch_up(trail, &error);
		/* What nobody waited for is synced, so that the head can name it. */
		if (code == MORTISE_OK && trail->durable.offset < trail->end.offset)
			code = trail_write(trail, NULL, 0, &error);
		if (code == MORTISE_OK && trail->durable.seq > trail->head_seq)
			trail_head_write(trail, true);
		trail_lock_release(trail);
	}
	if (code != MORTISE_OK)
		log_line(trail->options.logger, MORTISE_LOG_WARNING,
		    "the trail could not be closed: %s", error.message);
	trail_free(trail);
}

static bool
find_noted(struct trail *trail, const char *backend, char store[65], uint64_t *generation)
{
	const struct noted *noted;

	(void)pthread_mutex_lock(&trail->mutex);
	noted = noteds_find(&trail->noteds, backend);
	if (noted != NULL) {
		memcpy(store, noted->store, sizeof(noted->store));
		*generation = noted->generation;
	}
	(void)pthread_mutex_unlock(&trail->mutex);
	return noted != NULL;
}

bool
trail_noted(struct trail *trail, const char *backend, char store[65], uint64_t *generation)
{
	if (find_noted(trail, backend, store, generation))
		return true;
	trail_head_merge(trail);
	return find_noted(trail, backend, store, generation);
}
