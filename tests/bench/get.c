/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A get from the local store: route, chain, decryption and durable audit.  With
 * 64 callers against appending to a trail alone, with one against a bare write
 * and fdatasync of as many bytes as its record has.
 */
#include "bench.h"

#include <fcntl.h>

#include "append.h"
#include "store.h"

#define NAMES 1000

struct reader {
	struct mortise *context;
	unsigned int next[CALLERS_MAX];
};

static void
get_next(void *arg, unsigned int caller)
{
	struct reader *reader = arg;
	struct mortise_secret *value = NULL;
	char name[32];

	(void)snprintf(name, sizeof(name), "app/%u", (caller * 37 + reader->next[caller]++) % NAMES);
	if (mortise_get(reader->context, NULL, name, NULL, &value, NULL, NULL) != MORTISE_OK)
		give_up("a get failed");
	mortise_secret_free(value);
}

struct file {
	int fd;
	size_t size;
	char bytes[16384];
};

static void
write_synced(void *arg, unsigned int caller)
{
	struct file *file = arg;

	(void)caller;
	if (write(file->fd, file->bytes, file->size) != (ssize_t)file->size ||
	    fdatasync(file->fd) != 0)
		give_up("a write failed");
}

static void
keep_size(void *arg, const char *line, size_t size)
{
	(void)line;
	*(size_t *)arg = size + 1;
}

/* The size of a get's record. */
static size_t
record_size(struct mortise *context)
{
	const struct mortise_audit_filter filter = {.size = sizeof(filter),
	    .action = "secret_viewed", .last = 1};
	size_t size = 0;

	if (mortise_audit_search(context, NULL, &filter, keep_size, &size, NULL) != MORTISE_OK ||
	    size == 0)
		give_up("there is no record");
	return size;
}

int
main(void)
{
	double many[PAIRS], one[PAIRS];
	static struct reader reader;
	static struct file file;
	struct mortise_secret *value = new_value();
	struct trail *trail;
	char path[256];

	make_directory();
	reader.context = open_store(directory, "store", true);
	for (unsigned long i = 0; i < NAMES; i++)
		put_number(reader.context, i, value);
	get_next(&reader, 0);
	(void)snprintf(path, sizeof(path), "%s/bare", directory);
	file.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	file.size = record_size(reader.context);
	trail = open_trail("trail");
	for (size_t i = 0; i < PAIRS; i++) {
		double get = bench_rate(CALLERS, get_next, &reader);
		double append = bench_rate(CALLERS, append_one, trail);
		double get_alone = bench_rate(1, get_next, &reader);
		double bare = bench_rate(1, write_synced, &file);

		many[i] = get / append;
		one[i] = get_alone / bare;
		fprintf(stderr, "get: %.0f against %.0f a second by %d, %.0f against %.0f by one\n",
		    get, append, CALLERS, get_alone, bare);
	}
	bench_ratios("local get with audit, 64 callers, against appends alone", many, AT_LEAST, 0.5);
	bench_ratios("local get with audit, one caller, against write and fdatasync", one, AT_LEAST,
	    0.8);
	trail_close(trail);
	mortise_close(reader.context);
	mortise_secret_free(value);
	(void)close(file.fd);
	return 0;
}
