/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages on their way. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "syslog.h"

/* --- datagrams --------------------------------------------------------------------- */

/* A Unix socket's daemon was started anew: there may be another one at the path. */
static bool
was_replaced(const struct sink *sink)
{
	return sink->peer.transport == TRANSPORT_UNIX && (errno == ECONNREFUSED ||
	    errno == ENOTCONN || errno == ECONNRESET || errno == EPIPE || errno == EDESTADDRREQ);
}

/* Where it does not fit, shorter ones are tried: *most is what is known to. */
static enum mortise_code
shorten(struct sink *sink, const struct mortise_line *line, size_t *most)
{
	if (*most <= SIZE_MIN)
		return sink->host->fail(sink->call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "record %llu has no room in a datagram; use tcp:// or tls://",
		    (unsigned long long)line->seq);
	*most = *most / 2 < SIZE_MIN ? SIZE_MIN : *most / 2;
	return message_make(sink, line, *most);
}

static enum mortise_code
send_datagram(struct sink *sink, const struct mortise_line *line)
{
	size_t most = sink->max_size;
	bool again = true;
	enum mortise_code code = message_make(sink, line, most);

	while (code == MORTISE_OK) {
		if (sink_send(sink, sink->message.data, sink->message.size) >= 0)
			return MORTISE_OK;
		if (errno == EAGAIN || errno == EWOULDBLOCK) {
			code = wait_for(sink, POLLOUT);
		} else if (errno == ENOBUFS) {
			code = wait_for(sink, 0);
		} else if (errno == EMSGSIZE) {
			code = shorten(sink, line, &most);
		} else if (again && was_replaced(sink)) {
			again = false;
			sink_disconnect(sink);
			code = sink_connect(sink);
		} else {
			/* Of UDP it is an earlier one that was refused: that one is lost. */
			code = fail_errno(sink, "takes no messages");
			sink_disconnect(sink);
		}
	}
	return code;
}

/* --- streams ----------------------------------------------------------------------- */

/* RFC 6587, 3.4.1, and RFC 5425: its length before it; on a Unix socket a LF behind it. */
static enum mortise_code
make_frame(struct sink *sink, const struct mortise_line *line)
{
	struct buffer *frame = &sink->frame;
	enum mortise_code code = message_make(sink, line, sink->max_size);

	if (code != MORTISE_OK)
		return code;
	frame->size = 0;
	if (sink->peer.transport != TRANSPORT_UNIX) {
		buffer_number(frame, sink->message.size);
		buffer_text(frame, " ");
	}
	buffer_append(frame, sink->message.data, sink->message.size);
	if (sink->peer.transport == TRANSPORT_UNIX)
		buffer_text(frame, "\n");
	if (frame->failed) {
		buffer_free(frame);
		return sink->host->fail(sink->call, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "out of memory");
	}
	(void)snprintf(sink->trail, sizeof(sink->trail), "%s", line->trail);
	sink->seq = line->seq;
	sink->sent = 0;
	return MORTISE_OK;
}

static enum mortise_code
send_rest(struct sink *sink)
{
	struct buffer *frame = &sink->frame;
	enum mortise_code code = MORTISE_OK;

	if (sink->tls != NULL)
		return tls_send(sink, frame->data, frame->size);
	while (code == MORTISE_OK && sink->sent < frame->size) {
		ssize_t n = sink_send(sink, frame->data + sink->sent, frame->size - sink->sent);

		if (n >= 0)
			sink->sent += (size_t)n;
		else
			code = errno == EAGAIN || errno == EWOULDBLOCK ? wait_for(sink, POLLOUT) :
			    fail_errno(sink, "broke off");
	}
	return code;
}

/*
 * A message that the deadline interrupts goes on with the next call, so that the receiver
 * gets no piece of one.  One that broke off is sent again, whole, on another connection.
 */
static enum mortise_code
send_frame(struct sink *sink, const struct mortise_line *line)
{
	enum mortise_code code = MORTISE_OK;

	for (int tries = 0; tries < 2; tries++) {
		if (sink->seq == 0)
			code = make_frame(sink, line);
		if (code == MORTISE_OK)
			code = send_rest(sink);
		if (code == MORTISE_OK)
			sink->seq = 0;
		if (code != MORTISE_UNAVAILABLE)
			break;
		sink_disconnect(sink);
		if (tries == 0)
			code = sink_connect(sink);
		if (code != MORTISE_OK)
			break;
	}
	if (code == MORTISE_ERROR)
		sink_disconnect(sink);
	return code;
}

/* --- the operation ----------------------------------------------------------------- */

enum mortise_code
syslog_emit(void *instance, struct mortise_call *call, const struct mortise_line *lines,
    size_t count, size_t *taken)
{
	struct sink *sink = instance;
	enum mortise_code code = MORTISE_OK;

	sink->call = call;
	*taken = 0;
	/* The rest of another record's message is nobody's any more. */
	if (sink->seq != 0 && count > 0 && (sink->seq != lines[0].seq ||
	    strcmp(sink->trail, lines[0].trail) != 0))
		sink_disconnect(sink);
	while (code == MORTISE_OK && *taken < count) {
		const struct mortise_line *line = &lines[*taken];

		if (sink->host->left_ms(call) == 0)
			return sink->host->fail(call, MORTISE_TIMEOUT, MORTISE_REASON_NONE,
			    "no time was left to send it");
		code = sink_connect(sink);
		if (code == MORTISE_OK)
			code = sink->stream ? send_frame(sink, line) : send_datagram(sink, line);
		if (code == MORTISE_OK)
			++*taken;
	}
	return code;
}
