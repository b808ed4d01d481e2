/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thousand names migrated between backends that take 20 ms a call, sixteen in flight: how
 * long for a thousand calls.  How many calls a name takes is found out by twenty of them,
 * one after the other.
 */
#include "bench.h"

#include <mortise/mortise.h>

#define WRITERS 50

struct writer {
	pthread_t thread;
	struct mortise *context;
	const char *prefix;
	unsigned int first, end;
};

static void *
put_some(void *arg)
{
	struct writer *writer = arg;
	struct mortise_secret *value = mortise_secret_new(1);
	char name[64];

	for (unsigned int i = writer->first; i < writer->end; i++) {
		(void)snprintf(name, sizeof(name), "%s%u", writer->prefix, i);
		if (value == NULL || mortise_put(writer->context, NULL, name, value, NULL, NULL,
		    NULL) != MORTISE_OK)
			give_up("a put failed");
	}
	mortise_secret_free(value);
	return NULL;
}

static void
put_names(struct mortise *context, const char *prefix, unsigned int count)
{
	static struct writer writers[WRITERS];

	for (unsigned int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){.context = context, .prefix = prefix,
		    .first = i * count / WRITERS, .end = (i + 1) * count / WRITERS};
		if (pthread_create(&writers[i].thread, NULL, put_some, &writers[i]) != 0)
			give_up("no thread");
	}
	for (unsigned int i = 0; i < WRITERS; i++)
		(void)pthread_join(writers[i].thread, NULL);
}

/* Milliseconds. */
static double
time_of(struct mortise *context, const char *prefix, unsigned int jobs, uint64_t *calls)
{
	const struct mortise_move_options options = {.size = sizeof(options), .from = "a", .to = "b",
	    .prefix = prefix, .jobs = jobs};
	struct mortise_move_report report = {.size = sizeof(report)};
	struct mortise_error *error = mortise_error_new();
	uint64_t begun = clock_monotonic_ns();

	if (mortise_migrate(context, NULL, &options, &report, error) != MORTISE_OK)
		give_up(mortise_error_message(error));
	mortise_error_free(error);
	*calls = report.copied;
	return (double)(clock_monotonic_ns() - begun) / 1e6;
}

int
main(void)
{
	char path[128], text[512];
	struct mortise_open_options options = {.size = sizeof(options), .config_path = path,
	    .program = "bench"};
	struct mortise *context = NULL;
	FILE *file;
	uint64_t few, many;
	double list, all, calls;

	make_directory();
	(void)snprintf(path, sizeof(path), "%s/mortise.yaml", directory);
	(void)snprintf(text, sizeof(text), "version: 1\ndeadline: 60s\nplugin-path: [%s/tests/mocks/.libs]\n"
	    "backends: {a: {plugin: far, call: {timeout: 60s}}, b: {plugin: far}}\n"
	    "secret: [{match: \"*\", use: a}]\naudit: {trail: {path: trail}}\n", getenv("builddir"));
	file = fopen(path, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 ||
	    mortise_open(&options, &context, NULL) != MORTISE_OK)
		give_up("no context");
	/* The mock sleeps so long in each call that names such a secret. */
	put_names(context, "slow/20/few/", 20);
	put_names(context, "slow/20/all/", 1000);
	/* The list, which this mock gives three names at a time, is no part of it. */
	list = time_of(context, "slow/20/none/", 1, &few);
	calls = (time_of(context, "slow/20/few/", 1, &few) - list) / 20 / 20;
	all = time_of(context, "slow/20/all/", 16, &many) - list;
	if (few != 20 || many != 1000)
		give_up("names were lost");
	fprintf(stderr, "migrate: %.1f calls a name, %.0f ms for %.0f calls\n", calls, all,
	    calls * 1000);
	bench_row("1 000 names migrated, 16 in flight: waiting for a thousand calls of 20 ms",
	    all / calls / 1000, " s", AT_MOST, 1.5);
	mortise_close(context);
	return 0;
}
