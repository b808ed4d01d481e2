/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recorder: a sink that appends "TRAIL LINE" to PATH/lines, and does what the file
 * PATH/answer says (no file: all is well), read anew for each batch:
 *
 *   CODE           answers that code: unavailable, denied, error, ...
 *   CODE SEQ       the same for that record; those before it are taken
 *   hang           sleeps until the deadline
 *   slow MS        sleeps for so long between looking what it has and taking more
 *
 * With `keeps: true` it knows what it has: position; and a record that comes again is
 * taken and not written again, or a conflict where it is another one.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <mortise/plugin.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct recorder {
	const struct mortise_host *host;
	const char *path;
	bool keeps;
};

static const char *const codes[MORTISE_CODES] = {"ok", "not_found", "unavailable", "timeout",
    "denied", "invalid", "conflict", "unsupported", "ignore", "error"};
static const struct mortise_host *the_host;

static FILE *
open_file(const struct recorder *recorder, const char *name, const char *mode)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", recorder->path, name);
	return fopen(path, mode);
}

struct answer {
	char word[32];
	uint64_t number;
	bool given;		/* the number */
};

static void
read_answer(const struct recorder *recorder, struct answer *answer)
{
	FILE *file = open_file(recorder, "answer", "re");

	*answer = (struct answer){.number = 0};
	if (file == NULL)
		return;
	answer->given = fscanf(file, "%31s %" SCNu64, answer->word, &answer->number) == 2;
	(void)fclose(file);
}

static enum mortise_code
fail(const struct recorder *recorder, struct mortise_call *call, const char *word)
{
	for (unsigned int i = 0; i < MORTISE_CODES; i++) {
		if (strcmp(codes[i], word) == 0)
			return recorder->host->fail(call, (enum mortise_code)i, MORTISE_REASON_NONE,
			    "the recorder was told to answer %s", word);
	}
	return MORTISE_ERROR;
}

static enum mortise_code
position(void *instance, struct mortise_call *call, const char *trail, uint64_t *seq)
{
	struct recorder *recorder = instance;
	FILE *file = open_file(recorder, "lines", "re");
	char *line = NULL, id[33];
	size_t capacity = 0;
	uint64_t number;
	struct answer answer;

	read_answer(recorder, &answer);
	*seq = 0;
	while (file != NULL && getline(&line, &capacity, file) > 0) {
		if (sscanf(line, "%32s {\"c\":{\"v\":1,\"seq\":%" SCNu64, id, &number) == 2 &&
		    strcmp(id, trail) == 0)
			*seq = number;
	}
	free(line);
	if (file != NULL)
		(void)fclose(file);
	if (strcmp(answer.word, "unavailable") == 0 && !answer.given)
		return fail(recorder, call, answer.word);
	return MORTISE_OK;
}

/* Is there another record of this number? */
static bool
differs(const struct recorder *recorder, const struct mortise_line *line)
{
	FILE *file = open_file(recorder, "lines", "re");
	char *stored = NULL, id[33];
	size_t capacity = 0;
	ssize_t length;
	uint64_t number;
	bool other = false;

	while (file != NULL && !other && (length = getline(&stored, &capacity, file)) > 34)
		other = sscanf(stored, "%32s {\"c\":{\"v\":1,\"seq\":%" SCNu64, id, &number) == 2 &&
		    strcmp(id, line->trail) == 0 && number == line->seq &&
		    ((size_t)length - 34 != line->line_size ||
		    memcmp(stored + 33, line->line, line->line_size) != 0);
	free(stored);
	if (file != NULL)
		(void)fclose(file);
	return other;
}

static enum mortise_code
emit(void *instance, struct mortise_call *call, const struct mortise_line *lines, size_t count,
    size_t *taken)
{
	struct recorder *recorder = instance;
	struct answer answer;
	uint64_t last = 0;
	FILE *file;

	read_answer(recorder, &answer);
	if (strcmp(answer.word, "hang") == 0) {
		(void)poll(NULL, 0, recorder->host->left_ms(call));
		return fail(recorder, call, "timeout");
	}
	if (answer.word[0] != '\0' && !answer.given)
		return fail(recorder, call, answer.word);
	if (recorder->keeps)
		(void)position(recorder, call, lines[0].trail, &last);
	if (strcmp(answer.word, "slow") == 0)
		(void)poll(NULL, 0, (int)answer.number);
	file = open_file(recorder, "lines", "ae");
	if (file == NULL)
		return fail(recorder, call, "unavailable");
	for (*taken = 0; *taken < count; ++*taken) {
		const struct mortise_line *line = &lines[*taken];

		if (answer.given && strcmp(answer.word, "slow") != 0 && line->seq == answer.number) {
			(void)fclose(file);
			return fail(recorder, call, answer.word);
		}
		if (recorder->keeps && line->seq <= last && differs(recorder, line)) {
			(void)fclose(file);
			return fail(recorder, call, "conflict");
		}
		if (!recorder->keeps || line->seq > last)
			(void)fprintf(file, "%s %.*s\n", line->trail, (int)line->line_size, line->line);
	}
	return fclose(file) == 0 ? MORTISE_OK : fail(recorder, call, "unavailable");
}

static enum mortise_code
open_recorder(struct mortise_call *call, const struct mortise_options *options, void **instance)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	(void)call;
	if (recorder == NULL)
		return MORTISE_ERROR;
	recorder->host = the_host;
	recorder->path = the_host->option_string(options, "path");
	recorder->keeps = the_host->option_number(options, "keeps") != 0;
	*instance = recorder;
	return MORTISE_OK;
}

static uint64_t
offers(void *instance)
{
	const struct recorder *recorder = instance;

	return MORTISE_CAN_SINK_EMIT | (recorder->keeps ? MORTISE_CAN_SINK_POSITION : 0);
}

static const struct mortise_option path_option = {
	.size = sizeof(path_option), .name = "path", .type = MORTISE_OPTION_STRING,
	.doc = "directory of its files", .flags = MORTISE_OPTION_REQUIRED | MORTISE_OPTION_PATH,
}, keeps_option = {
	.size = sizeof(keeps_option), .name = "keeps", .type = MORTISE_OPTION_BOOL,
	.doc = "does it know what it has?", .initial = "true",
};
static const struct mortise_option *const options[] = {&path_option, &keeps_option, NULL};
static const struct mortise_sink_ops sink = {
	.size = sizeof(sink), .emit = emit, .position = position,
};
static const struct mortise_plugin plugin = {
	.size = sizeof(plugin), .magic = MORTISE_PLUGIN_MAGIC, .abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR, .name = "recorder", .version = "1",
	.doc = "a sink for tests", .threads = MORTISE_THREADS_SERIAL, .reach = MORTISE_REACH_HOST,
	.options = options, .open = open_recorder, .close = free, .offers = offers, .sink = &sink,
};

enum mortise_code
mortise_plugin_init(const struct mortise_host *host, struct mortise_call *call,
    const struct mortise_plugin **result)
{
	(void)call;
	the_host = host;
	*result = &plugin;
	return MORTISE_OK;
}
