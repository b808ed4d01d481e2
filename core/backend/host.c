/* SPDX-License-Identifier: BSD-2-Clause */
/* The table that plugins get. */
#include <stdio.h>
#include <string.h>

#include "backend/instance.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/sized.h"

#define MESSAGE_SIZE 513	/* what a plugin may say at once, with its NUL */

/* --- words ---------------------------------------------------------------------- */

/*
 * A message may quote a server: what would move a terminal's cursor, or is cut
 * in the middle of a character, does not get through.
 */
static void say(char text[MESSAGE_SIZE], const char *format, va_list args) _printf_(2, 0);
static void
say(char text[MESSAGE_SIZE], const char *format, va_list args)
{
	size_t length;

	if (vsnprintf(text, MESSAGE_SIZE, format, args) < 0)
		text[0] = '\0';
	length = strlen(text);
	if (length == MESSAGE_SIZE - 1)
		text[utf8_valid(text, length)] = '\0';
	for (char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == '\x7f')
			*p = ' ';
	}
}

/* Keeps the detail: plugins may give it before or after the failure. */
static enum mortise_code host_fail(struct mortise_call *call, enum mortise_code code,
    enum mortise_reason reason, const char *format, ...) _printf_(4, 5);
static enum mortise_code
host_fail(struct mortise_call *call, enum mortise_code code, enum mortise_reason reason,
    const char *format, ...)
{
	char text[MESSAGE_SIZE], request_id[sizeof(call->error->request_id)];
	int64_t retry_after_ms = call->error->retry_after_ms;
	va_list args;

	va_start(args, format);
	say(text, format, args);
	va_end(args);
	memcpy(request_id, call->error->request_id, sizeof(request_id));
	(void)error_set(call->error, code, reason, "%s", text);
	memcpy(call->error->request_id, request_id, sizeof(request_id));
	call->error->retry_after_ms = retry_after_ms;
	return code;
}

static void
host_fail_detail(struct mortise_call *call, const char *request_id, int64_t retry_after_ms)
{
	struct mortise_error *error = call->error;

	(void)snprintf(error->request_id, sizeof(error->request_id), "%s",
	    request_id == NULL ? "" : request_id);
	error->retry_after_ms = retry_after_ms;
}

static void host_log(struct mortise_call *call, enum mortise_level level, const char *format, ...)
    _printf_(3, 4);
static void
host_log(struct mortise_call *call, enum mortise_level level, const char *format, ...)
{
	char text[MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	say(text, format, args);
	va_end(args);
	if (call->backend == NULL)
		log_line(call->logger, level, "%s", text);
	else
		log_line(call->logger, level, "%s: %s", call->backend->name, text);
}

/* --- time ------------------------------------------------------------------------ */

static uint64_t
host_deadline(const struct mortise_call *call)
{
	return call->deadline;
}

static int
host_left_ms(const struct mortise_call *call)
{
	return deadline_left_ms(call->deadline);
}

/* --- options --------------------------------------------------------------------- */

static enum mortise_code
host_option_secret(struct mortise_call *call, const struct mortise_options *options,
    const char *path, struct mortise_secret **value)
{
	const struct backend *backend = call->backend;

	if (call->fetch != NULL)
		return options_secret(options, path, call->fetch, call->fetch_arg, value,
		    call->error);
	return options_secret(options, path, backend == NULL ? NULL : backend->fetch,
	    backend == NULL ? NULL : backend->arg, value, call->error);
}

static enum mortise_code host_option_fail(struct mortise_call *call,
    const struct mortise_options *options, const char *path, const char *format, ...)
    _printf_(4, 5);
static enum mortise_code
host_option_fail(struct mortise_call *call, const struct mortise_options *options,
    const char *path, const char *format, ...)
{
	struct place place = options_place(options, path);
	char text[MESSAGE_SIZE];
	va_list args;

	va_start(args, format);
	say(text, format, args);
	va_end(args);
	(void)error_set(call->error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION, "%s%s%s",
	    path, path[0] == '\0' ? "" : ": ", text);
	error_at(call->error, &place);
	return MORTISE_INVALID;
}

/* --- results ---------------------------------------------------------------------- */

static enum mortise_code
host_add_name(struct mortise_out *out, const char *name)
{
	if (name == NULL)
		return MORTISE_ERROR;
	out->given = true;
	return out->name == NULL ? MORTISE_OK : out->name(out->arg, name);
}

/* Versions come from strangers' buffers: they end where their type does. */
static void
end_version(struct mortise_version *version)
{
	version->text[sizeof(version->text) - 1] = '\0';
}

static enum mortise_code
host_add_history(struct mortise_out *out, const struct mortise_history *given)
{
	struct mortise_history history;

	if (!sized_copy(&history, sizeof(history), given))
		return MORTISE_ERROR;
	end_version(&history.version);
	out->given = true;
	return out->history == NULL ? MORTISE_OK : out->history(out->arg, &history);
}

static enum mortise_code
host_add_record(struct mortise_out *out, const struct mortise_record *given)
{
	struct mortise_record record;

	if (!sized_copy(&record, sizeof(record), given) || record.key == NULL ||
	    (record.value == NULL && record.value_size != 0))
		return MORTISE_ERROR;
	end_version(&record.version);
	out->given = true;
	return out->record == NULL ? MORTISE_OK : out->record(out->arg, &record);
}

static enum mortise_code
host_add_row(struct mortise_out *out, const struct mortise_pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (pairs[i].name == NULL || pairs[i].value == NULL)
			return MORTISE_ERROR;
	}
	out->given = true;
	return out->row == NULL ? MORTISE_OK : out->row(out->arg, pairs, count);
}

static enum mortise_code
host_set_cursor(struct mortise_out *out, const char *next)
{
	size_t length = next == NULL ? 0 : strlen(next);

	if (length >= sizeof(out->cursor))
		return MORTISE_ERROR;
	if (length > 0)
		memcpy(out->cursor, next, length);
	out->cursor[length] = '\0';
	return MORTISE_OK;
}

/* --- what the trail knows of stores ------------------------------------------------ */

static void
host_note_generation(struct mortise_call *call, const char *store, uint64_t generation)
{
	struct backend_note *note = &call->note;
	size_t length = strlen(store);

	/* A shortened id would be another store's. */
	if (length >= sizeof(note->store)) {
		host_log(call, MORTISE_LOG_ERROR,
		    "its store id has %zu bytes, and the trail takes 64; report it to its author",
		    length);
		return;
	}
	memcpy(note->store, store, length + 1);
	note->generation = generation;
	note->set = true;
}

static bool
host_noted_generation(struct mortise_call *call, char store[65], uint64_t *generation)
{
	const struct backend *backend = call->backend;

	store[0] = '\0';
	*generation = 0;
	return backend != NULL && backend->noted != NULL &&
	    backend->noted(backend->arg, backend->name, store, generation);
}

static int
host_recoverable_days(const struct mortise_call *call)
{
	return call->backend == NULL ? 0 : (int)call->backend->rules.recoverable_days;
}

static bool
host_rollback_accepted(struct mortise_call *call)
{
	return call->backend != NULL && call->backend->accept_rollback;
}

static const struct mortise_options *
host_backend_options(struct mortise_call *call)
{
	return call->backend == NULL ? NULL : call->backend->options;
}

const struct mortise_host *
backend_host(void)
{
	static const struct mortise_host host = {
		.size = sizeof(host),
		.abi_major = MORTISE_ABI_MAJOR,
		.abi_minor = MORTISE_ABI_MINOR,
		.fail = host_fail,
		.fail_detail = host_fail_detail,
		.log = host_log,
		.deadline = host_deadline,
		.left_ms = host_left_ms,
		.secret_new = mortise_secret_new,
		.secret_append = mortise_secret_append,
		.secret_peek = mortise_secret_peek,
		.secret_free = mortise_secret_free,
		.option_string = options_string,
		.option_number = options_number,
		.option_given = options_given,
		.option_count = options_count,
		.option_at = options_at,
		.option_secret = host_option_secret,
		.option_fail = host_option_fail,
		.add_name = host_add_name,
		.add_history = host_add_history,
		.add_record = host_add_record,
		.add_row = host_add_row,
		.set_cursor = host_set_cursor,
		.note_generation = host_note_generation,
		.noted_generation = host_noted_generation,
		.resolve = host_resolve,
		.spawn = host_spawn,
		.rollback_accepted = host_rollback_accepted,
		.recoverable_days = host_recoverable_days,
		.backend_options = host_backend_options,
	};

	return &host;
}
