/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For fuzz targets: each is a program with LLVMFuzzerTestOneInput, and a corpus in
 * tests/fuzz/corpus/NAME.  With --enable-fuzzing libFuzzer drives it; in every other
 * build main.c feeds it the corpus once, as a test.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What must hold whatever comes in. */
#define MUST(condition) \
	((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

__attribute__((unused, noreturn)) static void
fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
	abort();
}

static char fuzz_path[64];

__attribute__((unused)) static int
fuzz_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

__attribute__((unused)) static void
fuzz_remove(void)
{
	(void)nftw(fuzz_path, fuzz_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* One directory a process, in memory where there is such a place. */
__attribute__((unused)) static const char *
fuzz_directory(void)
{
	if (fuzz_path[0] == '\0') {
		(void)snprintf(fuzz_path, sizeof(fuzz_path), "%s/mortise-fuzz-XXXXXX",
		    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
		MUST(mkdtemp(fuzz_path) != NULL && atexit(fuzz_remove) == 0);
	}
	return fuzz_path;
}

/* Writes a file into the directory; its path is static. */
__attribute__((unused)) static const char *
fuzz_file(const char *name, const void *bytes, size_t size)
{
	static char path[160];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", fuzz_directory(), name);
	(void)unlink(path);
	file = fopen(path, "w");
	MUST(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0 &&
	    chmod(path, 0600) == 0);
	return path;
}

#endif
