/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a chain and a backend add to the call of a plugin's function: eight entries
 * that are all asked, with a deadline and timeouts, against as many direct calls.
 */
#include "bench.h"

#include "backend/backend.h"
#include "chain/chain.h"

#define ENTRIES 8
#define ROUNDS 200000

static unsigned long allocations;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *
__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	allocations++;
	return __real_calloc(count, size);
}

/* The plugin: it answers at once, with a value that nobody looks at. */
static enum mortise_code
get(void *instance, struct mortise_call *call, const char *name,
    const struct mortise_version *version, struct mortise_secret **value,
    struct mortise_version *found)
{
	(void)call;
	(void)name;
	(void)version;
	(void)found;
	*value = instance;
	return MORTISE_OK;
}

static char instance_of_nothing;

static enum mortise_code
open_nothing(struct mortise_call *call, const struct mortise_options *options, void **instance)
{
	(void)call;
	(void)options;
	*instance = &instance_of_nothing;
	return MORTISE_OK;
}

static void
close_nothing(void *instance)
{
	(void)instance;
}

struct world {
	struct backend *backend;
	struct mortise_error error;
	struct mortise_call call;
};

static enum mortise_code
call_backend(void *arg, const struct chain_entry *entry, size_t number, uint64_t deadline)
{
	struct world *world = arg;
	struct mortise_secret *value;

	(void)entry;
	(void)number;
	world->call.deadline = deadline;
	return backend_get(world->backend, &world->call, "name", NULL, &value, NULL);
}

static uint64_t
timeout(void *arg, const struct chain_entry *entry)
{
	(void)arg;
	(void)entry;
	return 2000 * NS_PER_MS;
}

/* Nanoseconds an entry. */
static double
through_chain(struct world *world)
{
	static const struct chain_host host = {.call = call_backend, .timeout = timeout};
	static struct chain_entry entries[ENTRIES];
	const struct chain chain = {"bench", {"bench", 1, 1}, entries, ENTRIES};
	struct chain_run run = {&host, world, CHAIN_GET, deadline_in_ms(3600000), NULL};
	uint64_t begun;
	size_t answer;

	for (size_t i = 0; i < ENTRIES; i++) {
		entries[i] = (struct chain_entry){.use = "none", .word = CHAIN_OPTIONAL};
		memset(entries[i].codes, CHAIN_BY_WORD, sizeof(entries[i].codes));
	}
	begun = clock_monotonic_ns();
	for (size_t i = 0; i < ROUNDS; i++) {
		if (chain_run(&chain, &run, &answer) != MORTISE_OK)
			give_up("the chain failed");
	}
	return (double)(clock_monotonic_ns() - begun) / ROUNDS / ENTRIES;
}

static double
direct(struct world *world)
{
	/* By a pointer that the compiler cannot see through, as the core has it. */
	enum mortise_code (*volatile function)(void *, struct mortise_call *, const char *,
	    const struct mortise_version *, struct mortise_secret **,
	    struct mortise_version *) = get;
	struct mortise_version found;
	struct mortise_secret *value;
	uint64_t begun = clock_monotonic_ns();

	for (size_t i = 0; i < (size_t)ROUNDS * ENTRIES; i++) {
		if (function(&instance_of_nothing, &world->call, "name", NULL, &value, &found) !=
		    MORTISE_OK)
			give_up("the function failed");
	}
	return (double)(clock_monotonic_ns() - begun) / ROUNDS / ENTRIES;
}

int
main(void)
{
	static struct plugin plugin = {
		.table = {.size = sizeof(plugin.table), .name = "none",
		    .threads = MORTISE_THREADS_FREE, .reach = MORTISE_REACH_PROCESS,
		    .open = open_nothing, .close = close_nothing},
		.secret = {.size = sizeof(plugin.secret), .get = get},
		.can = MORTISE_CAN_SECRET_GET,
	};
	const struct place place = {"bench", 1, 1};
	struct problems problems = {0};
	struct backend_setup setup = {.name = "none", .plugin = &plugin, .place = place,
	    .timeout_ms = 2000, .options = options_check(NULL, &place, NULL, NULL, &problems)};
	struct world world = {0};
	double more[PAIRS];

	if (backend_open(&setup, &world.backend, NULL) != MORTISE_OK)
		give_up("the backend does not open");
	world.call.error = &world.error;
	(void)through_chain(&world);
	allocations = 0;
	for (size_t i = 0; i < PAIRS; i++)
		more[i] = through_chain(&world) - direct(&world);
	fprintf(stderr, "dispatch: %.3g to %.3g ns\n", more[0], more[PAIRS - 1]);
	bench_row("chain dispatch, an entry, beyond a direct call", median(more, PAIRS), " ns",
	    AT_MOST, 30);
	bench_row("allocations of that", (double)allocations, "", AT_MOST, 0);
	backend_close(world.backend);
	return 0;
}
