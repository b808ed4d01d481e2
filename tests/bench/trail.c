/* SPDX-License-Identifier: BSD-2-Clause */
/* Appending to the trail: 64 callers against one, and how many records one sync
 * carries. */
#include "bench.h"

#include <fcntl.h>

#include "append.h"

static _Atomic unsigned long syncs;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int
__wrap_fdatasync(int fd)
{
	(void)atomic_fetch_add(&syncs, 1);
	return __real_fdatasync(fd);
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
	return 0;
}
