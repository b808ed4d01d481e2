/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations on sinks.  No retry here: who follows the trail tries again by itself. */
#include "backend/instance.h"
#include "backend/list.h"

enum mortise_code
backend_sink_emit(struct backend *backend, struct mortise_call *call,
    const struct mortise_line *lines, size_t count, size_t *taken)
{
	struct attempts attempts = {.bit = MORTISE_CAN_SINK_EMIT};
	enum mortise_code code;

	*taken = 0;
	code = backend_enter(backend, call, &attempts);
	if (code != MORTISE_OK)
		return code;
	code = backend_leave(backend, call, &attempts,
	    backend->plugin->sink.emit(backend->instance, call, lines, count, taken));
	if (*taken <= count && (code == MORTISE_OK) == (*taken == count))
		return code;
	*taken = 0;
	return backend_broken(backend, call, "took another number of records than it says");
}

enum mortise_code
backend_sink_flush(struct backend *backend, struct mortise_call *call)
{
	struct attempts attempts = {.bit = MORTISE_CAN_SINK_FLUSH};
	enum mortise_code code;

	if ((backend->can & MORTISE_CAN_SINK_FLUSH) == 0)
		return MORTISE_OK;
	code = backend_enter(backend, call, &attempts);
	return code != MORTISE_OK ? code : backend_leave(backend, call, &attempts,
	    backend->plugin->sink.flush(backend->instance, call));
}

enum mortise_code
backend_sink_position(struct backend *backend, struct mortise_call *call, const char *trail,
    uint64_t *seq)
{
	struct attempts attempts = {.bit = MORTISE_CAN_SINK_POSITION, .harmless = true};
	enum mortise_code code = backend_enter(backend, call, &attempts);

	return code != MORTISE_OK ? code : backend_leave(backend, call, &attempts,
	    backend->plugin->sink.position(backend->instance, call, trail, seq));
}

enum mortise_code
backend_sink_erase(struct backend *backend, struct mortise_call *call, const char *trail,
    const uint64_t *seqs, size_t count)
{
	struct attempts attempts = {.bit = MORTISE_CAN_SINK_ERASE, .harmless = true};
	enum mortise_code code;

	do {
		code = backend_enter(backend, call, &attempts);
		if (code == MORTISE_OK)
			code = backend_leave(backend, call, &attempts, backend->plugin->sink.erase(
			    backend->instance, call, trail, seqs, count));
	} while (backend_again(backend, call, &attempts, code));
	return code;
}

static enum mortise_code
read_page(struct backend *backend, struct mortise_call *call, struct listing *listing,
    const char *cursor)
{
	return backend->plugin->sink.read(backend->instance, call, listing->pairs,
	    listing->pairs_count, cursor, &listing->filter);
}

enum mortise_code
backend_sink_read(struct backend *backend, struct mortise_call *call,
    const struct mortise_pair *filter, size_t count, struct mortise_out *out)
{
	struct listing listing = {.bit = MORTISE_CAN_SINK_READ, .page = read_page, .pairs = filter,
	    .pairs_count = count, .out = out, .filter = {.row = out->row, .arg = out->arg}};

	return backend_list_pages(backend, call, &listing);
}
