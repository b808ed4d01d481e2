/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For benches.  Both sides of a comparison are measured in one run, one after the
 * other, PAIRS times; what counts is the median of the ratios.  A row on stdout
 * is a name, a figure, a bound, and whether the figure meets it, with tabs
 * between; what else there is to say goes to stderr.
 *
 * BENCH_SECONDS (0.5) says how long one side is measured each time.
 */
#ifndef BENCH_H
#define BENCH_H

#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define PAIRS 5
#define CALLERS 64
#define CALLERS_MAX 128

static char directory[64] = "/tmp/mortise-bench-XXXXXX";

__attribute__((unused, noreturn)) static void
give_up(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void
remove_directory(void)
{
	(void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* One directory a program, on the file system of TMPDIR or /tmp, removed at exit. */
__attribute__((unused)) static void
make_directory(void)
{
	const char *base = getenv("TMPDIR");

	if (base != NULL && strlen(base) < 32)
		(void)snprintf(directory, sizeof(directory), "%s/mortise-bench-XXXXXX", base);
	if (mkdtemp(directory) == NULL || atexit(remove_directory) != 0)
		give_up("there is no temporary directory");
}

__attribute__((unused)) static double
bench_seconds(void)
{
	const char *text = getenv("BENCH_SECONDS");
	double seconds = text == NULL ? 0 : strtod(text, NULL);

	return seconds > 0 ? seconds : 0.5;
}

/* --- rates ------------------------------------------------------------------------ */

/* One step of what is measured; `caller` is the number of the thread. */
typedef void bench_step(void *arg, unsigned int caller);

struct bench_caller {
	pthread_t thread;
	bench_step *step;
	void *arg;
	_Atomic bool *stop;
	unsigned int number;
	unsigned long done;
};

__attribute__((unused)) static void *
bench_call(void *arg)
{
	struct bench_caller *caller = arg;

	while (!atomic_load_explicit(caller->stop, memory_order_relaxed)) {
		caller->step(caller->arg, caller->number);
		caller->done++;
	}
	return NULL;
}

/* Steps a second that so many callers make together. */
__attribute__((unused)) static double
bench_rate(unsigned int callers, bench_step *step, void *arg)
{
	static struct bench_caller each[CALLERS_MAX];
	_Atomic bool stop = false;
	unsigned long done = 0;
	uint64_t begun = clock_monotonic_ns(), ended;
	const struct timespec whole = {.tv_sec = (time_t)bench_seconds(),
	    .tv_nsec = (long)((bench_seconds() - (double)(time_t)bench_seconds()) * 1e9)};

	for (unsigned int i = 0; i < callers; i++) {
		each[i] = (struct bench_caller){.step = step, .arg = arg, .stop = &stop,
		    .number = i};
		if (pthread_create(&each[i].thread, NULL, bench_call, &each[i]) != 0)
			give_up("no thread");
	}
	(void)nanosleep(&whole, NULL);
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < callers; i++) {
		(void)pthread_join(each[i].thread, NULL);
		done += each[i].done;
	}
	ended = clock_monotonic_ns();
	return (double)done * 1e9 / (double)(ended - begun);
}

/* --- rows ------------------------------------------------------------------------- */

__attribute__((unused)) static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the figures and gives the middle one. */
__attribute__((unused)) static double
median(double *figures, size_t count)
{
	qsort(figures, count, sizeof(*figures), by_size);
	return figures[count / 2];
}

enum bench_bound {
	AT_LEAST,
	AT_MOST
};

__attribute__((unused)) static void
bench_row(const char *name, double figure, const char *unit, enum bench_bound kind, double bound)
{
	printf("%s\t%.3g%s\t%s %.3g%s\t%s\n", name, figure, unit,
	    kind == AT_LEAST ? "at least" : "at most", bound, unit,
	    (kind == AT_LEAST ? figure >= bound : figure <= bound) ? "meets" : "short");
	fflush(stdout);
}

/* PAIRS ratios as a row: their median, and their spread on stderr. */
__attribute__((unused)) static void
bench_ratios(const char *name, double ratios[PAIRS], enum bench_bound kind, double bound)
{
	double middle = median(ratios, PAIRS);

	fprintf(stderr, "%s: %.3g to %.3g\n", name, ratios[0], ratios[PAIRS - 1]);
	bench_row(name, middle, "x", kind, bound);
}

#endif
