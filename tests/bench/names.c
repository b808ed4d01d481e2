/* SPDX-License-Identifier: BSD-2-Clause */
/* 64 names that nobody has asked for, each from a backend that takes 20 ms, against
 * one such name: nobody waits for another. */
#include "bench.h"

#include <fcntl.h>
#include <mortise/mortise.h>
#include <sys/stat.h>

struct reader {
	pthread_t thread;
	struct mortise *context;
	unsigned int round, number;
};

static void
name_of(const struct reader *reader, char name[64])
{
	(void)snprintf(name, 64, "slow/20/%u/%u", reader->round, reader->number);
}

static void *
read_one(void *arg)
{
	struct reader *reader = arg;
	struct mortise_secret *value = NULL;
	char name[64];

	name_of(reader, name);
	if (mortise_get(reader->context, NULL, name, NULL, &value, NULL, NULL) != MORTISE_OK)
		give_up("a get failed");
	mortise_secret_free(value);
	return NULL;
}

/* Milliseconds until all of them have their value. */
static double
time_of(struct reader *readers, unsigned int count)
{
	uint64_t begun = clock_monotonic_ns();

	for (unsigned int i = 0; i < count; i++) {
		if (pthread_create(&readers[i].thread, NULL, read_one, &readers[i]) != 0)
			give_up("no thread");
	}
	for (unsigned int i = 0; i < count; i++)
		(void)pthread_join(readers[i].thread, NULL);
	return (double)(clock_monotonic_ns() - begun) / 1e6;
}

static void *
put_one(void *arg)
{
	struct reader *reader = arg;
	struct mortise_secret *value = mortise_secret_new(1);
	char name[64];

	name_of(reader, name);
	if (value == NULL || mortise_put(reader->context, NULL, name, value, NULL, NULL, NULL) !=
	    MORTISE_OK)
		give_up("a put failed");
	mortise_secret_free(value);
	return NULL;
}

static struct mortise *
open_mock(void)
{
	const char *build = getenv("builddir");
	char path[128], text[512];
	struct mortise_open_options options = {.size = sizeof(options), .config_path = path,
	    .program = "bench"};
	struct mortise_error *error = mortise_error_new();
	struct mortise *context = NULL;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/mortise.yaml", directory);
	file = fopen(path, "w");
	if (file == NULL)
		give_up("no configuration can be written");
	(void)snprintf(text, sizeof(text), "version: 1\nplugin-path: [%s/tests/mocks/.libs]\n"
	    "backends: {slow: {plugin: far, call: {cache: {ttl: 1h}}}}\n"
	    "secret: [{match: \"*\", use: slow}]\naudit: {trail: {path: trail}}\n",
	    build == NULL ? "" : build);
	if (fputs(text, file) < 0 || fclose(file) != 0 || chmod(path, 0600) != 0 ||
	    mortise_open(&options, &context, error) != MORTISE_OK)
		give_up(mortise_error_message(error));
	mortise_error_free(error);
	return context;
}

int
main(void)
{
	static struct reader readers[CALLERS + 1];
	struct mortise *context;
	double ratios[PAIRS];

	make_directory();
	context = open_mock();
	for (unsigned int round = 0; round < PAIRS; round++) {
		double all, one;

		for (unsigned int i = 0; i <= CALLERS; i++) {
			readers[i] = (struct reader){.context = context, .round = round,
			    .number = i};
			if (pthread_create(&readers[i].thread, NULL, put_one, &readers[i]) != 0)
				give_up("no thread");
		}
		for (unsigned int i = 0; i <= CALLERS; i++)
			(void)pthread_join(readers[i].thread, NULL);
		one = time_of(&readers[CALLERS], 1);
		all = time_of(readers, CALLERS);
		ratios[round] = all / one;
		fprintf(stderr, "names: %.1f ms for %d, %.1f ms for one\n", all, CALLERS, one);
	}
	bench_ratios("64 cold names through a slow backend, against one", ratios, AT_MOST, 3);
	mortise_close(context);
	return 0;
}
