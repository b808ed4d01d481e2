/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * many CONFIG THREADS GETS [COMMAND]: writes a secret for each thread, has the command
 * run by a shell, and then each thread reads its own that many times, all at once.  With 0
 * GETS no thread is made.  Status 0: every read gave its value.
 */
#include <mortise/mortise.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 1000

struct reader {
	struct mortise *context;
	pthread_barrier_t *start;
	unsigned int number, gets, bad;
};

static void
name_of(unsigned int number, char name[32])
{
	(void)snprintf(name, 32, "app/many/%u", number);
}

static bool
read_one(const struct reader *reader)
{
	struct mortise_error *error = mortise_error_new();
	struct mortise_secret *value = NULL;
	char name[32];
	size_t size = 0;
	const char *bytes;
	bool good;

	name_of(reader->number, name);
	good = mortise_get(reader->context, NULL, name, NULL, &value, NULL, error) == MORTISE_OK;
	bytes = good ? mortise_secret_peek(value, &size) : NULL;
	if (!good)
		fprintf(stderr, "%s: %s\n", name, mortise_error_message(error));
	good = good && size == strlen(name) && memcmp(bytes, name, size) == 0;
	mortise_secret_free(value);
	mortise_error_free(error);
	return good;
}

static void *
read_all(void *arg)
{
	struct reader *reader = arg;

	(void)pthread_barrier_wait(reader->start);
	for (unsigned int i = 0; i < reader->gets; i++)
		reader->bad += !read_one(reader);
	return NULL;
}

static bool
write_one(struct mortise *context, unsigned int number)
{
	struct mortise_error *error = mortise_error_new();
	struct mortise_secret *value;
	char name[32];
	bool good;

	name_of(number, name);
	value = mortise_secret_new(strlen(name));
	good = value != NULL && mortise_secret_append(value, name, strlen(name)) == MORTISE_OK &&
	    mortise_put(context, NULL, name, value, NULL, NULL, error) == MORTISE_OK;
	if (!good)
		fprintf(stderr, "%s: %s\n", name, mortise_error_message(error));
	mortise_secret_free(value);
	mortise_error_free(error);
	return good;
}

static unsigned int
run(struct mortise *context, unsigned int threads, unsigned int gets, const char *command)
{
	static struct reader readers[THREADS_MAX];
	static pthread_t ids[THREADS_MAX];
	pthread_barrier_t start;
	unsigned int bad = 0;

	for (unsigned int i = 0; i < threads; i++)
		bad += !write_one(context, i);
	if (gets == 0)
		return bad;
	if (bad > 0 || (command != NULL && system(command) != 0) ||
	    pthread_barrier_init(&start, NULL, threads) != 0)
		return 1;
	for (unsigned int i = 0; i < threads; i++) {
		readers[i] = (struct reader){.context = context, .start = &start, .number = i,
		    .gets = gets};
		if (pthread_create(&ids[i], NULL, read_all, &readers[i]) != 0)
			exit(1);
	}
	for (unsigned int i = 0; i < threads; i++) {
		(void)pthread_join(ids[i], NULL);
		bad += readers[i].bad;
	}
	(void)pthread_barrier_destroy(&start);
	return bad;
}

int
main(int argc, char **argv)
{
	struct mortise_open_options options = {.size = sizeof(options), .program = "many 1"};
	struct mortise_error *error = mortise_error_new();
	struct mortise *context = NULL;
	unsigned int threads = argc > 3 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;
	unsigned int bad = 1;

	if (threads == 0 || threads > THREADS_MAX)
		return 2;
	options.config_path = argv[1];
	if (mortise_open(&options, &context, error) == MORTISE_OK)
		bad = run(context, threads, (unsigned int)strtoul(argv[3], NULL, 10),
		    argc > 4 ? argv[4] : NULL);
	else
		fprintf(stderr, "%s\n", mortise_error_message(error));
	mortise_close(context);
	mortise_error_free(error);
	return bad == 0 ? 0 : 1;
}
