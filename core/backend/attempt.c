/* SPDX-License-Identifier: BSD-2-Clause */
/* Around each call of a plugin's function: breaker, turn, words, another try. */
#include <errno.h>
#include <stdio.h>

#include "backend/instance.h"
#include "base/clock.h"
#include "base/code.h"
#include "base/digest.h"

/* Full jitter: a pause is anything up to this much, which doubles each time. */
#define PAUSE_MS UINT64_C(100)
#define PAUSE_MAX_MS UINT64_C(2000)

static bool
serial(const struct backend *backend)
{
	return backend->plugin->table.threads == MORTISE_THREADS_SERIAL;
}

/* The error is large and mostly clean: it is cleared only where it is not. */
static void
clean(struct mortise_error *error)
{
	if (error->code != MORTISE_OK || error->message[0] != '\0' ||
	    error->request_id[0] != '\0' || error->retry_after_ms != 0)
		error_clear(error);
}

enum mortise_code
backend_say(const struct backend *backend, struct mortise_call *call, enum mortise_code said)
{
	struct mortise_error *error = call->error;
	enum mortise_code code = code_known(said);

	if (code == MORTISE_OK) {
		clean(error);
		return code;
	}
	if (code != said)
		(void)error_set(error, code, MORTISE_REASON_NONE, "the plugin %s answered the code "
		    "%d, which is none; report it to its author", backend->plugin->table.name,
		    (int)said);
	else if (error->message[0] == '\0')
		(void)error_set(error, code, MORTISE_REASON_NONE, "the plugin %s answered %s and "
		    "does not say why", backend->plugin->table.name, mortise_code_name(code));
	/* The plugin may have prepared another answer; what it returned counts. */
	error->code = code;
	(void)snprintf(error->backend, sizeof(error->backend), "%s", backend->name);
	if (error->file[0] == '\0')
		error_at(error, call->place != NULL ? call->place : &backend->place);
	return code;
}

enum mortise_code
backend_broken(const struct backend *backend, struct mortise_call *call, const char *what)
{
	(void)error_set(call->error, MORTISE_ERROR, MORTISE_REASON_NONE,
	    "the plugin %s %s; report it to its author", backend->plugin->table.name, what);
	return backend_say(backend, call, MORTISE_ERROR);
}

/* A timeout counts against the backend only if it had its own time. */
static enum breaker_result
result_of(const struct attempts *attempts, enum mortise_code code)
{
	if (code == MORTISE_TIMEOUT)
		return attempts->whole ? BREAKER_FAILED : BREAKER_NEITHER;
	return code == MORTISE_UNAVAILABLE ? BREAKER_FAILED : BREAKER_ANSWERED;
}

/* unavailable while the breaker is open.  A write is taken back all the same:
 * nobody else will do it later. */
static enum mortise_code
ask_breaker(struct backend *backend, struct mortise_call *call, struct attempts *attempts)
{
	unsigned int failures;
	uint64_t open_ms;

	if (backend->breaker.limit == 0)
		return MORTISE_OK;
	/* Nearly all of it: the chain's clock goes by ticks. */
	if (attempts->tried == 0)
		attempts->whole = deadline_left_ns(call->deadline) / NS_PER_MS >=
		    backend->timeout_ms - backend->timeout_ms / 8 - 1;
	attempts->pass = breaker_enter(&backend->breaker);
	if (attempts->pass != BREAKER_REFUSED || attempts->bit == MORTISE_CAN_SECRET_UNDO)
		return MORTISE_OK;
	call->told.refused = true;
	(void)breaker_look(&backend->breaker, &failures, &open_ms);
	(void)error_set(call->error, MORTISE_UNAVAILABLE, MORTISE_REASON_NONE,
	    "%u calls in a row had failed, so it is left alone for %llu ms more (`call: {breaker}`)",
	    failures, (unsigned long long)open_ms);
	return backend_say(backend, call, MORTISE_UNAVAILABLE);
}

static enum mortise_code
ask_leaving(struct backend *backend, struct mortise_call *call)
{
	if (call->leaving == NULL || backend->plugin->table.reach != MORTISE_REACH_NETWORK)
		return MORTISE_OK;
	return call->leaving(call->leaving_arg, call->error);
}

enum mortise_code
backend_enter(struct backend *backend, struct mortise_call *call, struct attempts *attempts)
{
	enum mortise_code code;

	call->backend = backend;
	call->note.set = false;
	call->told.refused = false;
	clean(call->error);
	if ((backend->can & attempts->bit) != attempts->bit) {
		(void)error_set(call->error, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
		    "the plugin %s has no %s here; route it to a backend that has it",
		    backend->plugin->table.name, plugin_operation_name(attempts->bit));
		return backend_say(backend, call, MORTISE_UNSUPPORTED);
	}
	code = ask_leaving(backend, call);
	if (code == MORTISE_OK)
		code = ask_breaker(backend, call, attempts);
	if (code != MORTISE_OK)
		return code;
	if (!serial(backend) || turn_take(&backend->turn, call->deadline)) {
		call->told.attempts++;
		return MORTISE_OK;
	}
	breaker_leave(&backend->breaker, attempts->pass, result_of(attempts, MORTISE_TIMEOUT));
	(void)error_set(call->error, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
	    "earlier calls took until the deadline: the plugin %s serves one at a time; raise the "
	    "deadline, or configure the backend twice", backend->plugin->table.name);
	return backend_say(backend, call, MORTISE_TIMEOUT);
}

enum mortise_code
backend_leave(struct backend *backend, struct mortise_call *call, const struct attempts *attempts,
    enum mortise_code said)
{
	if (serial(backend))
		turn_give(&backend->turn);
	if (backend->breaker.limit > 0)
		breaker_leave(&backend->breaker, attempts->pass,
		    result_of(attempts, code_known(said)));
	return backend_say(backend, call, said);
}

/* Waits after so many attempts, and says whether there was time for it. */
static bool
pause_for(const struct mortise_call *call, unsigned int tried)
{
	uint64_t most = PAUSE_MS << (tried < 6 ? tried - 1 : 5), pause_ms = 0, end;
	int64_t wanted = call->error->retry_after_ms;
	struct timespec until;

	if (!random_bytes(&pause_ms, sizeof(pause_ms)))
		return false;
	pause_ms %= (most < PAUSE_MAX_MS ? most : PAUSE_MAX_MS) + 1;
	if (wanted > 0 && (uint64_t)wanted > pause_ms)
		pause_ms = (uint64_t)wanted;
	end = deadline_in_ms(pause_ms);
	if (end >= call->deadline)
		return false;
	until = deadline_timespec(end);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		continue;
	return true;
}

bool
backend_again(const struct backend *backend, struct mortise_call *call, struct attempts *attempts,
    enum mortise_code code)
{
	bool safe = code == MORTISE_UNAVAILABLE || (code == MORTISE_TIMEOUT && attempts->harmless);

	if (!safe || call->told.refused || ++attempts->tried >= backend->rules.attempts ||
	    (attempts->out != NULL && attempts->out->given))
		return false;
	return pause_for(call, attempts->tried);
}
