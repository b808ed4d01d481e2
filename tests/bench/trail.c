/* SPDX-License-Identifier: BSD-2-Clause */
/* Appending to the trail: 64 callers against one, and how many records one sync carries; and
 * how fast what was appended is verified. */
#include "bench.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "append.h"
#include "audit/verify.h"

static _Atomic unsigned long syncs;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int
__wrap_fdatasync(int fd)
{
	(void)atomic_fetch_add(&syncs, 1);
	return __real_fdatasync(fd);
}

/* Megabytes a second of one processor. */
static double
verify(void)
{
	struct mortise_verify_options options = {.size = sizeof(options)};
	char path[128], verdict[256], **files = NULL;
	struct mortise_error error = {0};
	struct stat st;
	double bytes = 0;
	clock_t begun;

	(void)snprintf(path, sizeof(path), "%s/trail", directory);
	if (trail_segments(path, &files, &options.files_count, &error) != MORTISE_OK)
		give_up(error.message);
	options.files = (const char *const *)files;
	for (size_t i = 0; i < options.files_count; i++)
		bytes += stat(files[i], &st) == 0 ? (double)st.st_size : 0;
	begun = clock();
	if (verify_trail(&options, verdict, sizeof(verdict), &error) != MORTISE_OK)
		give_up(error.message);
	bytes /= (double)(clock() - begun) / CLOCKS_PER_SEC;
	trail_segments_free(files, options.files_count);
	return bytes / 1e6;
}

int
main(void)
{
	double ratios[PAIRS], carried[PAIRS];
	struct trail *trail;

	make_directory();
	trail = open_trail("trail");
	for (size_t i = 0; i < PAIRS; i++) {
		double one = bench_rate(1, append_one, trail), many;

		atomic_store(&syncs, 0);
		many = bench_rate(CALLERS, append_one, trail);
		ratios[i] = many / one;
		carried[i] = many * bench_seconds() / (double)atomic_load(&syncs);
		fprintf(stderr, "trail: %.0f records a second by one, %.0f by %d\n", one, many,
		    CALLERS);
	}
	bench_ratios("trail append, 64 callers against one", ratios, AT_LEAST, 8);
	bench_row("records that a sync carries, 64 callers", median(carried, PAIRS), "", AT_LEAST,
	    20);
	trail_close(trail);
	for (size_t i = 0; i < PAIRS; i++)
		ratios[i] = verify();
	bench_row("verifying a trail, by one processor", median(ratios, PAIRS), " MB/s", AT_LEAST, 200);
	return 0;
}
