/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sink PLUGIN OPTIONS.yaml TIMEOUT_MS COMMAND...: a sink as the core runs it, for scripts.
 *
 *   emit TRAIL FILE BATCH       the lines of the file in batches; ends at the first failure
 *   pour TRAIL FILE BATCH       the same, and sends again until all of them are taken
 *   position TRAIL [COMMAND]    with a command of the shell: before and after it
 *   read [NAME=VALUE...]        what is read, a line each
 *   erase TRAIL SEQ...
 *   check, identity
 *   many THREADS TRAIL FILE BATCH   emit by so many at once, each with an instance
 *
 * Each prints a word of what came of it, and numbers and words behind it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit/fields.h"
#include "backend/backend.h"
#include "base/attr.h"
#include "base/clock.h"

#define THREADS_MAX 16

/* --- lines and their fields ------------------------------------------------------------ */

struct record {
	char *line;
	struct fields fields;
};

struct records {
	struct record *all;
	struct mortise_line *lines;
	size_t count;
};

/* As the core does it. */
static void
parse(struct record *record, const char *trail, struct mortise_line *line)
{
	size_t size = strlen(record->line);

	if (!fields_take(&record->fields, record->line, size)) {
		fprintf(stderr, "sink: a line is no record: %s\n", record->line);
		exit(2);
	}
	*line = (struct mortise_line){
		.size = sizeof(*line),
		.trail = trail,
		.seq = strtoull(fields_find(&record->fields, "seq"), NULL, 10),
		.line = record->line,
		.line_size = size,
		.fields = record->fields.pairs,
		.fields_count = record->fields.count,
	};
}

static void
read_records(const char *trail, const char *path, struct records *records)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t size = 0, room = 0;
	ssize_t length;

	if (file == NULL)
		exit(2);
	while ((length = getline(&line, &size, file)) > 0) {
		line[length - 1] = '\0';
		if (records->count == room) {
			room = room == 0 ? 1024 : 2 * room;
			records->all = realloc(records->all, room * sizeof(*records->all));
			if (records->all == NULL)
				abort();
		}
		records->all[records->count] = (struct record){.line = strdup(line)};
		records->count++;
	}
	free(line);
	(void)fclose(file);
	records->lines = calloc(records->count + 1, sizeof(*records->lines));
	for (size_t i = 0; records->lines != NULL && i < records->count; i++)
		parse(&records->all[i], trail, &records->lines[i]);
}

static void
free_records(struct records *records)
{
	for (size_t i = 0; i < records->count; i++) {
		fields_free(&records->all[i].fields);
		free(records->all[i].line);
	}
	free(records->all);
	free(records->lines);
}

/* --- the backend ----------------------------------------------------------------------- */

static uint64_t timeout_ms;

static struct mortise_call
call_now(struct mortise_error *error)
{
	return (struct mortise_call){.deadline = deadline_in_ms(timeout_ms), .error = error};
}

struct opened {
	struct plugin *plugin;
	struct yaml_node *map;
	struct backend *backend;
	char *text;
};

static char *
read_text(const char *path, size_t *size)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 65536);

	if (file == NULL || text == NULL)
		exit(2);
	*size = fread(text, 1, 65535, file);
	(void)fclose(file);
	return text;
}

static void
fail_open(const char *what)
{
	printf("open: %s\n", what);
	exit(1);
}

static void
open_backend(const char *name, const char *path, struct opened *opened)
{
	static const char *const skip[] = {"plugin", "call", NULL};
	const char *builddir = getenv("builddir");
	char directory[4096];
	const char *directories[] = {directory};
	const struct loader loader = {directories, 1, false};
	struct backend_setup setup = {.name = "sink", .timeout_ms = 10000};
	struct mortise_error error = {0};
	struct mortise_call call = call_now(&error);
	struct problems problems = {0};
	size_t size;

	(void)snprintf(directory, sizeof(directory), "%s/plugins/.libs",
	    builddir == NULL ? "." : builddir);
	if (plugin_load(&loader, name, backend_host(), &call, &opened->plugin, &error) != MORTISE_OK)
		fail_open(error.message);
	opened->text = read_text(path, &size);
	opened->map = yaml_parse(opened->text, size, path, &problems);
	if (opened->map != NULL)
		setup.options = options_check(opened->map, &opened->map->place,
		    opened->plugin->table.options, skip, &problems);
	if (setup.options == NULL)
		fail_open(problems.first.message);
	setup.plugin = opened->plugin;
	if (backend_open(&setup, &opened->backend, &error) != MORTISE_OK)
		fail_open(error.message);
}

static void
close_backend(struct opened *opened)
{
	backend_close(opened->backend);
	yaml_node_free(opened->map);
	plugin_free(opened->plugin);
	free(opened->text);
}

/* --- commands -------------------------------------------------------------------------- */

static int
told(enum mortise_code code, const struct mortise_error *error)
{
	printf("%s %s %s\n", mortise_code_name(code), mortise_reason_name(error->reason),
	    error->message);
	return 0;
}

/* *taken counts on; the code of the first failure. */
static enum mortise_code
emit(struct backend *backend, const struct records *records, size_t batch, size_t *taken,
    struct mortise_error *error)
{
	enum mortise_code code = MORTISE_OK;

	while (code == MORTISE_OK && *taken < records->count) {
		struct mortise_call call = call_now(error);
		size_t left = records->count - *taken, now = 0;

		code = backend_sink_emit(backend, &call, records->lines + *taken,
		    left < batch ? left : batch, &now);
		*taken += now;
	}
	return code;
}

static int
command_emit(struct backend *backend, const struct records *records, size_t batch)
{
	struct mortise_error error = {0};
	size_t taken = 0;
	uint64_t began = clock_monotonic_ns();
	enum mortise_code code = emit(backend, records, batch, &taken, &error);

	fprintf(stderr, "%.0f lines/s\n", (double)taken * 1e9 / (double)(clock_monotonic_ns() - began));
	printf("%zu ", taken);
	return told(code, &error);
}

/* Counts failures by code, and how often less was taken than before. */
static int
command_pour(struct backend *backend, const struct records *records, size_t batch)
{
	static const struct timespec pause = {0, 20000000};
	struct mortise_error error = {0};
	unsigned int failures[MORTISE_CODES] = {0};
	size_t taken = 0;

	while (emit(backend, records, batch, &taken, &error) != MORTISE_OK) {
		failures[error.code]++;
		if (error.code != MORTISE_TIMEOUT && error.code != MORTISE_UNAVAILABLE)
			break;
		(void)nanosleep(&pause, NULL);
	}
	printf("%zu", taken);
	for (int i = 0; i < MORTISE_CODES; i++) {
		if (failures[i] > 0)
			printf(" %s=%u", mortise_code_name((enum mortise_code)i), failures[i]);
	}
	printf("\n");
	return 0;
}

static enum mortise_code
print_row(void *arg, const struct mortise_pair *cells, size_t count)
{
	(void)arg;
	for (size_t i = 0; i < count; i++)
		printf("%s%s", cells[i].value, i + 1 < count ? " " : "\n");
	return MORTISE_OK;
}

static int
command_read(struct backend *backend, char **given, size_t count)
{
	struct mortise_pair filter[16];
	struct mortise_error error = {0};
	struct mortise_call call = call_now(&error);
	struct mortise_out out = {.row = print_row};

	for (size_t i = 0; i < count && i < ARRAY_SIZE(filter); i++) {
		char *equals = strchr(given[i], '=');

		if (equals == NULL)
			return 2;
		*equals = '\0';
		filter[i] = (struct mortise_pair){given[i], equals + 1};
	}
	return told(backend_sink_read(backend, &call, filter, count, &out), &error);
}

static int
command_erase(struct backend *backend, const char *trail, char **given, size_t count)
{
	struct mortise_error error = {0};
	struct mortise_call call = call_now(&error);
	uint64_t *seqs = calloc(count + 1, sizeof(*seqs));
	enum mortise_code code;

	for (size_t i = 0; seqs != NULL && i < count; i++)
		seqs[i] = strtoull(given[i], NULL, 10);
	code = backend_sink_erase(backend, &call, trail, seqs, count);
	free(seqs);
	return told(code, &error);
}

static int
command_position(struct backend *backend, const char *trail)
{
	struct mortise_error error = {0};
	struct mortise_call call = call_now(&error);
	uint64_t seq = 0;
	enum mortise_code code = backend_sink_position(backend, &call, trail, &seq);

	printf("%llu ", (unsigned long long)seq);
	return told(code, &error);
}

static int
command_check(struct backend *backend)
{
	struct mortise_error error = {0};
	struct mortise_call call = call_now(&error);

	return told(backend_check(backend, &call), &error);
}

/* --- many ------------------------------------------------------------------------------ */

struct emitter {
	const char *plugin, *options;
	const struct records *records;
	size_t batch, taken;
	pthread_barrier_t *start;
	pthread_t thread;
};

static void *
run_emitter(void *arg)
{
	struct emitter *emitter = arg;
	struct mortise_error error = {0};
	struct opened opened = {0};

	open_backend(emitter->plugin, emitter->options, &opened);
	(void)pthread_barrier_wait(emitter->start);
	while (emit(opened.backend, emitter->records, emitter->batch, &emitter->taken, &error) ==
	    MORTISE_UNAVAILABLE)
		continue;
	close_backend(&opened);
	return NULL;
}

static int
command_many(const char *plugin, const char *options, size_t threads,
    const struct records *records, size_t batch)
{
	struct emitter emitters[THREADS_MAX];
	pthread_barrier_t start;

	if (threads == 0 || threads > THREADS_MAX ||
	    pthread_barrier_init(&start, NULL, (unsigned int)threads) != 0)
		return 2;
	for (size_t i = 0; i < threads; i++) {
		emitters[i] = (struct emitter){plugin, options, records, batch, 0, &start, 0};
		if (pthread_create(&emitters[i].thread, NULL, run_emitter, &emitters[i]) != 0)
			return 2;
	}
	for (size_t i = 0; i < threads; i++) {
		(void)pthread_join(emitters[i].thread, NULL);
		printf("%zu\n", emitters[i].taken);
	}
	(void)pthread_barrier_destroy(&start);
	return 0;
}

static int
run(struct backend *backend, int argc, char **argv)
{
	const char *command = argv[4];

	if (strcmp(command, "check") == 0)
		return command_check(backend);
	if (strcmp(command, "identity") == 0)
		return printf("%s\n", backend_identity(backend)) < 0;
	if (strcmp(command, "read") == 0)
		return command_read(backend, argv + 5, (size_t)argc - 5);
	if (strcmp(command, "position") == 0 && argc > 5) {
		(void)command_position(backend, argv[5]);
		(void)fflush(stdout);
		return argc > 6 && (system(argv[6]) != 0 || command_position(backend, argv[5]) != 0);
	}
	if (strcmp(command, "erase") == 0 && argc > 5)
		return command_erase(backend, argv[5], argv + 6, (size_t)argc - 6);
	return 2;
}

static int
run_with_records(struct opened *opened, char **argv)
{
	bool many = strcmp(argv[4], "many") == 0;
	char **given = argv + (many ? 6 : 5);
	size_t batch = strtoul(given[2], NULL, 10);
	struct records records = {0};
	int status = 2;

	read_records(given[0], given[1], &records);
	if (many)
		status = command_many(argv[1], argv[2], strtoul(argv[5], NULL, 10), &records, batch);
	else if (strcmp(argv[4], "emit") == 0)
		status = command_emit(opened->backend, &records, batch);
	else if (strcmp(argv[4], "pour") == 0)
		status = command_pour(opened->backend, &records, batch);
	free_records(&records);
	return status;
}

int
main(int argc, char **argv)
{
	struct opened opened = {0};
	int status;

	if (argc < 5)
		return 2;
	timeout_ms = strtoull(argv[3], NULL, 10);
	open_backend(argv[1], argv[2], &opened);
	status = argc > 7 && (strcmp(argv[4], "emit") == 0 || strcmp(argv[4], "pour") == 0 ||
	    strcmp(argv[4], "many") == 0) ? run_with_records(&opened, argv) :
	    run(opened.backend, argc, argv);
	close_backend(&opened);
	return status;
}
