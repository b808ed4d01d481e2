/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A follower in small, for tests that kill one or watch what arrives:
 *
 *   sink_writer PLUGIN TRAIL FROM TO BATCH TIMEOUT_MS [OPTION=VALUE]...
 *
 * sends the records from the sink's own position, or FROM, up to TO, in batches, and
 * prints "durable SEQ" for each that was flushed, "refused CODE MESSAGE" for a failure, in
 * which it ends; "took MS" is how long the last emit was.  With SINK_STEPS in the
 * environment it waits for a line of standard input before each batch.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "plugin_host.h"
#include "sink_lines.h"

struct writer {
	struct hosted sink;
	const char *trail;
	uint64_t next, to, batch;
	uint64_t timeout_ms;
};

/* Whole lines, at once: whoever reads them may kill us. */
static void
say(const char *word, uint64_t number, const char *message)
{
	char line[1200];
	int n = snprintf(line, sizeof(line), "%s %" PRIu64 "%s%s\n", word, number,
	    message[0] == '\0' ? "" : " ", message);

	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		exit(3);
}

static bool
begin(struct writer *writer)
{
	const struct mortise_sink_ops *ops = writer->sink.plugin->sink;
	struct mortise_call call = host_call();
	uint64_t seq = 0;

	if (ops->position == NULL)
		return true;
	if (ops->position(writer->sink.instance, &call, writer->trail, &seq) != MORTISE_OK) {
		say("refused", call.code, call.message);
		return false;
	}
	say("position", seq, "");
	if (seq + 1 > writer->next)
		writer->next = seq + 1;
	return true;
}

static bool
send_batch(struct writer *writer)
{
	const struct mortise_sink_ops *ops = writer->sink.plugin->sink;
	uint64_t last = writer->next + writer->batch - 1, began;
	struct sink_batch *batch = sink_batch_make(writer->trail, writer->next,
	    last < writer->to ? last : writer->to);
	struct mortise_call call = {.deadline = deadline_in_ms(writer->timeout_ms)};
	size_t taken = 0;
	enum mortise_code code;

	began = clock_monotonic_ns();
	code = ops->emit(writer->sink.instance, &call, batch->lines, batch->count, &taken);
	say("took", (clock_monotonic_ns() - began) / NS_PER_MS, "");
	writer->next += taken;
	if (code == MORTISE_OK && ops->flush != NULL)
		code = ops->flush(writer->sink.instance, &call);
	if (code == MORTISE_OK || ops->flush == NULL)
		say("durable", writer->next - 1, "");
	if (code != MORTISE_OK)
		say("refused", code, call.message);
	sink_batch_free(batch);
	return code == MORTISE_OK;
}

static bool
may_go_on(void)
{
	int c = getenv("SINK_STEPS") == NULL ? '\n' : getchar();

	while (c != '\n' && c != EOF)
		c = getchar();
	return c == '\n';
}

int
main(int argc, char **argv)
{
	struct host_option options[16];
	struct writer writer = {0};
	size_t count = 0;
	bool good;

	if (argc < 7)
		return 2;
	writer.trail = argv[2];
	writer.next = strtoull(argv[3], NULL, 10);
	writer.to = strtoull(argv[4], NULL, 10);
	writer.batch = strtoull(argv[5], NULL, 10);
	writer.timeout_ms = strtoull(argv[6], NULL, 10);
	for (int i = 7; i < argc && count < 16; i++) {
		char *value = strchr(argv[i], '=');

		if (value == NULL)
			return 2;
		*value = '\0';
		options[count++] = (struct host_option){argv[i], value + 1};
	}
	if (!host_open(&writer.sink, argv[1], options, count))
		return 1;
	good = begin(&writer);
	while (good && writer.next <= writer.to && may_go_on())
		good = send_batch(&writer);
	host_close(&writer.sink);
	return good ? 0 : 1;
}
