/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on the trail. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/context.h"
#include "audit/search.h"
#include "audit/verify.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/sized.h"

/* How often a follower looks, and how far back: a record that was numbered
 * first may become durable a moment after a later one was shown. */
#define FOLLOW_NS 200000000
#define FOLLOW_BACK_MS 60000

struct searching {
	const char *own;	/* the op of the search itself, which is not shown */
	uint64_t shown;		/* all up to this seq are */
	mortise_line_fn *each;
	void *arg;
};

static uint64_t
seq_of(const char *line)
{
	const char *seq = strstr(line, "\"seq\":");

	return seq == NULL ? 0 : strtoull(seq + 6, NULL, 10);
}

static void
pass_line(void *arg, const char *line, size_t size)
{
	struct searching *searching = arg;
	uint64_t seq = seq_of(line);

	/* The record of this very search is the reader's doing, no news to him. */
	if (seq > searching->shown && strstr(line, searching->own) == NULL)
		searching->each(searching->arg, line, size);
	if (seq > searching->shown)
		searching->shown = seq;
}

/* Where the newest few are asked for: this search's own record may be one of
 * them, or none, as the filter has it.  So one more is read, and held back. */
struct held {
	const char *own;
	struct buffer lines;	/* each with a LF */
	size_t count;
};

static void
hold_line(void *arg, const char *line, size_t size)
{
	struct held *held = arg;

	if (strstr(line, held->own) != NULL)
		return;
	buffer_append(&held->lines, line, size);
	buffer_text(&held->lines, "\n");
	held->count++;
}

static enum mortise_code
search_newest(const char *directory, const struct mortise_audit_filter *filter,
    struct searching *searching, struct mortise_error *error)
{
	struct mortise_audit_filter wanted = *filter;
	struct held held = {.own = searching->own};
	enum mortise_code code;
	char *line, *end;

	wanted.last++;
	code = search_trail(directory, &wanted, hold_line, &held, error);
	if (code == MORTISE_OK && held.lines.failed)
		code = error_memory(error);
	line = held.lines.data;
	for (size_t left = held.count; code == MORTISE_OK && left > 0; left--) {
		end = strchr(line, '\n');
		*end = '\0';
		if (left <= filter->last)
			pass_line(searching, line, (size_t)(end - line));
		line = end + 1;
	}
	buffer_free(&held.lines);
	return code;
}

static enum mortise_code
follow(const char *directory, const struct mortise_audit_filter *filter,
    struct searching *searching, struct mortise_error *error)
{
	const struct timespec pause = {.tv_nsec = FOLLOW_NS};
	struct mortise_audit_filter next = *filter;
	enum mortise_code code = MORTISE_OK;

	next.last = 0;
	while (code == MORTISE_OK) {
		next.from_ms = clock_unix_ms() - FOLLOW_BACK_MS;
		(void)nanosleep(&pause, NULL);
		code = search_trail(directory, &next, pass_line, searching, error);
	}
	return code;
}

enum mortise_code
mortise_audit_search(struct mortise *context, const struct mortise_request *request,
    const struct mortise_audit_filter *filter, mortise_line_fn *each, void *arg,
    struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	const char *directory = running->engine.config->audit.trail;
	struct mortise_audit_filter wanted = {.size = sizeof(wanted)};
	struct searching searching = {.each = each, .arg = arg};
	struct operation operation;
	enum mortise_code code = operation_begin(&operation, &running->engine, request,
	    "audit_read", "audit_trail", "", error);

	if (code == MORTISE_OK && running->engine.trail == NULL)
		code = error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "there is no trail to read: audit is off");
	if (code == MORTISE_OK && filter != NULL && !sized_copy(&wanted, sizeof(wanted), filter))
		code = error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the filter's size is none; set it to sizeof");
	/* That it was read is durable before the first line is shown. */
	code = operation_end(&operation, code);
	if (code != MORTISE_OK)
		return code;
	searching.own = operation.op;
	if (wanted.sink != NULL)
		return search_sink(context, running, &wanted, operation.op, each, arg, error);
	code = wanted.last == 0 ?
	    search_trail(directory, &wanted, pass_line, &searching, error) :
	    search_newest(directory, &wanted, &searching, error);
	return code == MORTISE_OK && wanted.follow ?
	    follow(directory, &wanted, &searching, error) : code;
}

enum mortise_code
mortise_audit_verify(const struct mortise_verify_options *options, char *verdict, size_t size,
    struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct mortise_verify_options known;

	error_clear(error);
	if (!sized_copy(&known, sizeof(known), options))
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the size of the options is none");
	return verify_trail(&known, verdict, size, error);
}

enum mortise_code
trail_config(const char *config_path, struct config **config, struct mortise_error *error)
{
	struct problems problems = {0};
	char buffer[PATH_MAX];
	enum mortise_code code = MORTISE_OK;

	error_clear(error);
	if (config_path == NULL) {
		code = config_find(buffer, sizeof(buffer), error);
		config_path = buffer;
	}
	if (code != MORTISE_OK)
		return code;
	code = config_read(config_path, config, &problems);
	if (code != MORTISE_OK) {
		*error = problems.first;
		return code;
	}
	if (!(*config)->audit.off)
		return MORTISE_OK;
	config_free(*config);
	return error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
	    "there is no trail: audit is off");
}

enum mortise_code
mortise_audit_head(const char *config_path, struct mortise_audit_head *head, char *directory,
    size_t size, struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct mortise_audit_head found = {.size = sizeof(found)};
	struct config *config = NULL;
	enum mortise_code code = trail_config(config_path, &config, error);

	if (code != MORTISE_OK)
		return code;
	if (directory != NULL && snprintf(directory, size, "%s", config->audit.trail) >= (int)size)
		code = error_set(error, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the trail's path is too long");
	else
		code = trail_head(config->audit.trail, &found, error);
	if (code == MORTISE_OK)
		sized_give(head, sizeof(found), &found);
	config_free(config);
	return code;
}

enum mortise_code
mortise_audit_checkpoint(struct mortise *context, struct mortise_audit_head *head,
    struct mortise_error *given)
{
	struct running *running _cleanup_(running_release) = running_hold(context);
	struct mortise_error spare, *error = error_or(given, &spare);
	const struct config *config = running->engine.config;
	struct mortise_audit_head found = {.size = sizeof(found)};
	enum mortise_code code;

	error_clear(error);
	if (context->trail == NULL)
		return error_set(error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "there is no trail to sign: audit is off");
	code = trail_checkpoint(context->trail, deadline_in_ms((uint64_t)config->deadline_ms),
	    error);
	if (code == MORTISE_OK)
		code = trail_head(config->audit.trail, &found, error);
	if (code == MORTISE_OK)
		sized_give(head, sizeof(found), &found);
	return code;
}

enum mortise_code
mortise_audit_accept_loss(const char *config_path, const char *reason, const char *by,
    struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	struct config *config = NULL;
	struct trail_options options = {.program = "libmortise " VERSION_TEXT};
	enum mortise_code code = trail_config(config_path, &config, error);

	if (code != MORTISE_OK)
		return code;
	options.directory = config->audit.trail;
	options.config = config->digest;
	options.retention_ms = config->audit.retention_ms;
	code = trail_accept_loss(&options, reason, by, error);
	config_free(config);
	return code;
}
