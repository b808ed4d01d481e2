/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does something secret lie anywhere in this process?  A canary is kept as two
 * halves, neither of which shows it; memory_count looks for the whole in all
 * that the process can read.  It says -1 where it cannot look.
 */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/digest.h"

#define CANARY_SIZE 32
#define SCAN_SIZE ((size_t)1 << 20)

struct canary {
	unsigned char masked[CANARY_SIZE], mask[CANARY_SIZE];
};

__attribute__((unused)) static bool
canary_make(struct canary *canary)
{
	return random_bytes(canary->masked, CANARY_SIZE) && random_bytes(canary->mask, CANARY_SIZE);
}

/* One of letters, which fits into JSON and a command line. */
__attribute__((unused)) static bool
canary_make_text(struct canary *canary)
{
	if (!canary_make(canary))
		return false;
	for (size_t i = 0; i < CANARY_SIZE; i++)
		canary->masked[i] = (unsigned char)(('a' + canary->masked[i] % 26) ^
		    canary->mask[i]);
	return true;
}

__attribute__((unused)) static void
canary_write(const struct canary *canary, void *to)
{
	volatile unsigned char *byte = to;

	for (size_t i = 0; i < CANARY_SIZE; i++)
		byte[i] = canary->masked[i] ^ canary->mask[i];
}

static bool
canary_is_at(const struct canary *canary, const unsigned char *bytes)
{
	for (size_t i = 0; i < CANARY_SIZE; i++) {
		if ((bytes[i] ^ canary->mask[i]) != canary->masked[i])
			return false;
	}
	return true;
}

/* Counts in [from, to), by way of the window, which no caller looks into. */
static long
count_in_range(const struct canary *canary, int fd, size_t from, size_t to, unsigned char *window)
{
	long found = 0;

	while (from < to) {
		size_t size = to - from < SCAN_SIZE ? to - from : SCAN_SIZE;
		ssize_t n = pread(fd, window, size, (off_t)from);

		if (n <= 0)
			break;
		for (size_t i = 0; i + CANARY_SIZE <= (size_t)n; i++)
			found += canary_is_at(canary, window + i);
		if ((size_t)n < CANARY_SIZE || from + (size_t)n >= to)
			break;
		from += (size_t)n - (CANARY_SIZE - 1);
	}
	return found;
}

static long
count_in_maps(const struct canary *canary, FILE *maps, int fd, unsigned char *window)
{
	size_t hidden = (size_t)window, from, to;
	char line[512], mode[8];
	long found = 0;

	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%zx-%zx %7s", &from, &to, mode) != 3 || mode[0] != 'r' ||
		    strstr(line, "[v") != NULL)
			continue;
		if (from <= hidden && hidden < to) {
			found += count_in_range(canary, fd, from, hidden, window);
			from = hidden + SCAN_SIZE;
		}
		found += count_in_range(canary, fd, from, to, window);
	}
	return found;
}

__attribute__((unused)) static long
memory_count(const struct canary *canary)
{
	unsigned char *window = mmap(NULL, SCAN_SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	FILE *maps = fopen("/proc/self/maps", "re");
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	long found = -1;

	if (window != MAP_FAILED && maps != NULL && fd >= 0)
		found = count_in_maps(canary, maps, fd, window);
	if (window != MAP_FAILED)
		(void)munmap(window, SCAN_SIZE);
	if (maps != NULL)
		(void)fclose(maps);
	if (fd >= 0)
		(void)close(fd);
	return found;
}

/* Why memory cannot be looked at, or is another allocator's; NULL: it can. */
__attribute__((unused)) static const char *
memory_excuse(void)
{
#ifdef MORTISE_SANITIZED
	return "sanitizers keep terabytes of their own";
#else
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL ?
	    "valgrind brings its own allocator" : NULL;
#endif
}

#endif
