/* SPDX-License-Identifier: BSD-2-Clause */
/* free and realloc of our programs: this one links core/secmem/wipe.c. */
/* For reallocarray. */
#define _GNU_SOURCE
#include "config.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../memory.h"
#include "../test.h"
#include "base/bytes.h"
#include "secmem/wipe.h"

#define BLOCK 1000

/* A heap block with the canary somewhere in it. */
static unsigned char *
block_with(const struct canary *canary, size_t size, size_t at)
{
	unsigned char *block = calloc(1, size);

	canary_write(canary, block + at);
	return block;
}

static void
test_free(const struct canary *canary)
{
	void *block = block_with(canary, BLOCK, 500);

	CHECK_NUMBER_AS(memory_count(canary), 1, "held on the heap");
	free(block);
	CHECK_NUMBER_AS(memory_count(canary), 0, "nowhere after free");
	block = block_with(canary, 300000, 290000);
	free(block);
	CHECK_NUMBER_AS(memory_count(canary), 0, "nor after free of a mapped block");
	free(NULL);
}

static void
test_realloc(const struct canary *canary)
{
	unsigned char *block = realloc(NULL, 10);

	CHECK_AS(block != NULL, "realloc of nothing allocates");
	free(block);
	block = block_with(canary, BLOCK, 500);
	block = realloc(block, 20 * BLOCK);
	CHECK_NUMBER_AS(memory_count(canary), 1, "in one place after it grew");
	CHECK_AS(canary_is_at(canary, block + 500), "and that is the new one");
	block = reallocarray(block, 40, BLOCK);
	CHECK_NUMBER_AS(memory_count(canary), 1, "in one place after reallocarray");
	block = realloc(block, 700);
	CHECK_NUMBER_AS(memory_count(canary), 1, "still there after it shrank behind it");
	block = realloc(block, 400);
	CHECK_NUMBER_AS(memory_count(canary), 0, "nowhere after it shrank before it");
	canary_write(canary, block + 100);
	/* A volatile size: compilers warn of what is tried here. */
	volatile size_t nothing = 0;
	CHECK(realloc(block, nothing) == NULL);
	CHECK_NUMBER_AS(memory_count(canary), 0, "realloc to nothing frees");
}

/* What goes through the C library and libraries of ours. */
static void
test_callers(const struct canary *canary)
{
	struct buffer buffer = {0};
	unsigned char *block = block_with(canary, CANARY_SIZE, 0);

	buffer_append(&buffer, block, CANARY_SIZE);
	free(block);
	CHECK_NUMBER_AS(memory_count(canary), 1, "in a buffer");
	for (int i = 0; i < 5000; i++)
		buffer_append(&buffer, "0123456789", 10);
	CHECK_NUMBER_AS(memory_count(canary), 1, "in one place after the buffer grew");
	buffer_free(&buffer);
	CHECK_NUMBER_AS(memory_count(canary), 0, "nowhere after it is freed");
}

static void
test_stream(const struct canary *canary)
{
	FILE *file = tmpfile();
	unsigned char *block = block_with(canary, CANARY_SIZE, 0);
	char *line = NULL;
	size_t size = 0;

	if (file == NULL) {
		CHECK_AS(false, "a temporary file");
		return;
	}
	CHECK_NUMBER(fwrite(block, 1, CANARY_SIZE, file), CANARY_SIZE);
	free(block);
	CHECK_AS(memory_count(canary) > 0, "in the buffer of a stream");
	rewind(file);
	CHECK(getline(&line, &size, file) > 0);
	(void)fclose(file);
	free(line);
	CHECK_NUMBER_AS(memory_count(canary), 0, "nowhere after fclose");
}

/* In a child: a hardened process is no use for the rest of the tests. */
static int
harden(void)
{
	struct rlimit before = {4096, 8192}, now;

	if (setrlimit(RLIMIT_CORE, &before) != 0 || getrlimit(RLIMIT_CORE, &before) != 0)
		return 1;
	process_harden();
	if (getrlimit(RLIMIT_CORE, &now) != 0 || now.rlim_cur != 0)
		return 2;
#ifndef MORTISE_SANITIZED
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 3;
#endif
	process_restore_core_limit();
	if (getrlimit(RLIMIT_CORE, &now) != 0 || now.rlim_cur != before.rlim_cur)
		return 4;
	return 0;
}

static void
test_harden(void)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(harden());
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	CHECK_NUMBER_AS(WEXITSTATUS(status), 0, "no cores, and the old limit back");
}

int
main(void)
{
	struct canary canary;
	const char *excuse = memory_excuse();

	test_harden();
	CHECK(canary_make(&canary));
	if (excuse == NULL) {
		test_free(&canary);
		test_realloc(&canary);
		test_callers(&canary);
		test_stream(&canary);
	} else {
		test_skip("wiping", excuse);
	}
	return test_end();
}
