/* SPDX-License-Identifier: BSD-2-Clause */
/* For MAP_ANONYMOUS, setresuid. */
#define _GNU_SOURCE
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../memory.h"
#include "../test.h"
#include "base/error.h"
#include "secmem/secret.h"

static unsigned char pattern[65536];

/* Runs fn in a child; its exit status, or -1 where a signal ended it. */
static int
in_child(int (*fn)(void *), void *arg)
{
	struct rlimit none = {0, 0};
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)close(STDERR_FILENO);
		_exit(fn(arg));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* --- bytes in, bytes out ----------------------------------------------------- */

static bool
holds_pattern(const struct mortise_secret *secret, size_t want)
{
	size_t size = want + 1;
	const unsigned char *bytes = mortise_secret_peek(secret, &size);

	return size == want && memcmp(bytes, pattern, size) == 0 && bytes[size] == 0;
}

static void
test_sizes(void)
{
	static const size_t edges[] = {0, 1, 62, 63, 64, 65, 127, 128, 4094, 4095, 4096, 4097,
	    8191, 8192, 65535, 65536};
	size_t wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		struct mortise_secret *secret = secret_from(pattern, edges[i]);

		CHECK_AS(secret != NULL && holds_pattern(secret, edges[i]), "%zu bytes", edges[i]);
		mortise_secret_free(secret);
	}
	for (size_t size = 0; size <= sizeof(pattern); size += 37) {
		struct mortise_secret *secret = secret_from(pattern, size);

		wrong += secret == NULL || !holds_pattern(secret, size);
		mortise_secret_free(secret);
	}
	CHECK_NUMBER(wrong, 0);
	mortise_secret_free(NULL);
}

static void
test_growth(void)
{
	struct mortise_secret *secret = mortise_secret_new(0);
	size_t size = 0;

	for (size_t step = 1; size + step <= sizeof(pattern); step++) {
		(void)mortise_secret_append(secret, pattern + size, step);
		size += step;
	}
	CHECK_AS(holds_pattern(secret, size), "%zu bytes in growing steps", size);
	mortise_secret_free(secret);

	secret = secret_from(pattern, 100);
	CHECK_NUMBER(mortise_secret_append(secret, mortise_secret_peek(secret, NULL), 100),
	    MORTISE_OK);
	CHECK_AS(memcmp(mortise_secret_peek(secret, &size), pattern, 100) == 0 && size == 200 &&
	    memcmp((const char *)mortise_secret_peek(secret, NULL) + 100, pattern, 100) == 0,
	    "appending a secret to itself, though it moves");
	CHECK_NUMBER(mortise_secret_append(secret, NULL, 0), MORTISE_OK);
	mortise_secret_free(secret);
}

static void
test_limit(void)
{
	struct mortise_secret *secret = mortise_secret_new(SECRET_MAX);
	void *bytes = secret_resize(secret, SECRET_MAX);
	size_t size;

	CHECK_AS(bytes != NULL, "16 MiB fit");
	CHECK_NUMBER(mortise_secret_append(secret, "x", 1), MORTISE_INVALID);
	(void)mortise_secret_peek(secret, &size);
	CHECK_NUMBER(size, SECRET_MAX);
	mortise_secret_free(secret);
	CHECK(mortise_secret_new(SECRET_MAX + 1) == NULL);
	CHECK(mortise_secret_new(SIZE_MAX) == NULL);
	secret = secret_from("x", 1);
	CHECK_NUMBER(mortise_secret_append(secret, "x", SIZE_MAX), MORTISE_INVALID);
	CHECK_NUMBER(mortise_secret_append(secret, "x", SECRET_MAX), MORTISE_INVALID);
	mortise_secret_free(secret);
}

static void
test_equal(void)
{
	static const struct {
		const char *a, *b;
		size_t a_size, b_size;
		bool equal;
	} rows[] = {{"", "", 0, 0, true}, {"abc", "abc", 3, 3, true}, {"abc", "abd", 3, 3, false},
	    {"abc", "ab", 3, 2, false}, {"a\0b", "a\0b", 3, 3, true}, {"a\0b", "a\0c", 3, 3, false},
	    {"", "\0", 0, 1, false}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mortise_secret *a = secret_from(rows[i].a, rows[i].a_size);
		struct mortise_secret *b = secret_from(rows[i].b, rows[i].b_size);

		CHECK_AS(mortise_secret_equal(a, b) == rows[i].equal, "equal, row %zu", i);
		mortise_secret_free(a);
		mortise_secret_free(b);
	}
}

static void
test_resize(void)
{
	struct mortise_secret *secret = mortise_secret_new(100);
	char *bytes = secret_resize(secret, 100);
	size_t size;

	memset(bytes, 'x', 100);
	CHECK_TEXT((const char *)mortise_secret_peek(secret, &size) + 90, "xxxxxxxxxx");
	CHECK_NUMBER(size, 100);
	CHECK(secret_resize(secret, 10) == bytes);
	CHECK_TEXT(mortise_secret_peek(secret, &size), "xxxxxxxxxx");
	CHECK_NUMBER(size, 10);
	CHECK(secret_resize(secret, 100) == bytes);
	CHECK_AS(bytes[10] == 0 && bytes[99] == 0, "what was cut off is wiped");
	CHECK(secret_resize(secret, 100000) == NULL);
	mortise_secret_free(secret);
}

/* --- reading ----------------------------------------------------------------- */

/* A descriptor that holds the first bytes of the pattern. */
static int
pattern_file(size_t size)
{
	FILE *file = tmpfile();
	int fd = file == NULL ? -1 : dup(fileno(file));

	if (fd < 0 || write(fd, pattern, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
		perror("pattern_file");
	if (file != NULL)
		(void)fclose(file);
	return fd;
}

static void
test_read(void)
{
	static const struct {
		size_t size, most;
		enum mortise_code code;
	} rows[] = {{0, 10, MORTISE_OK}, {10, 10, MORTISE_OK}, {11, 10, MORTISE_INVALID},
	    {63, 65536, MORTISE_OK}, {4096, 65536, MORTISE_OK}, {65536, 65536, MORTISE_OK},
	    {65536, 65535, MORTISE_INVALID}, {0, 0, MORTISE_OK}, {1, 0, MORTISE_INVALID}};
	struct mortise_error error;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mortise_secret *secret = NULL;
		int fd = pattern_file(rows[i].size);

		CHECK_NUMBER_AS(secret_read(fd, rows[i].most, &secret, &error), rows[i].code,
		    "secret_read");
		CHECK_AS(rows[i].code != MORTISE_OK ? secret == NULL :
		    secret != NULL && holds_pattern(secret, rows[i].size),
		    "%zu bytes, at most %zu", rows[i].size, rows[i].most);
		mortise_secret_free(secret);
		(void)close(fd);
	}
	CHECK_TEXT(error.message, "the value is longer than 0 bytes; give a shorter one");
}

static void *
pour(void *arg)
{
	const int *fd = arg;

	for (size_t done = 0; done < 50000; done += 1000)
		(void)!write(*fd, pattern + done, 1000);
	(void)close(*fd);
	return NULL;
}

static void
test_read_pipe(void)
{
	struct mortise_secret *secret = NULL;
	struct mortise_error error;
	pthread_t thread;
	int ends[2], directory;

	CHECK_NUMBER(pipe(ends), 0);
	CHECK_NUMBER(pthread_create(&thread, NULL, pour, &ends[1]), 0);
	CHECK_NUMBER(secret_read(ends[0], 65536, &secret, NULL), MORTISE_OK);
	(void)pthread_join(thread, NULL);
	CHECK_AS(secret != NULL && holds_pattern(secret, 50000), "a pipe, piece by piece");
	mortise_secret_free(secret);
	(void)close(ends[0]);

	directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_NUMBER(secret_read(directory, 10, &secret, &error), MORTISE_ERROR);
	CHECK_TEXT(error.message, "cannot read the value: Is a directory");
	(void)close(directory);
}

/* --- what is left behind ------------------------------------------------------ */

static void
test_canary(size_t padding)
{
	struct mortise_secret *secret = mortise_secret_new(CANARY_SIZE + padding);
	struct canary canary;

	CHECK(canary_make(&canary));
	CHECK_NUMBER_AS(memory_count(&canary), 0, "the canary is nowhere at first");
	canary_write(&canary, secret_resize(secret, CANARY_SIZE));
	CHECK_NUMBER_AS(memory_count(&canary), 1, "it is in the arena");
	(void)mortise_secret_append(secret, pattern, 3000);
	CHECK_NUMBER_AS(memory_count(&canary), 1, "it moved, and is in one place");
	(void)mortise_secret_append(secret, pattern, 60000);
	CHECK_NUMBER_AS(memory_count(&canary), 1, "it moved to a mapping of its own");
	mortise_secret_free(secret);
	CHECK_NUMBER_AS(memory_count(&canary), 0, "it is nowhere after free");
}

/* Is the flag among the VmFlags of the mapping that holds the address? */
static bool
has_flag(const void *address, const char *flag)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	char line[512], word[8];
	size_t from, to;
	bool inside = false, found = false;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "%zx-%zx %7s", &from, &to, word) == 3)
			inside = from <= (size_t)address && (size_t)address < to;
		if (inside && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag) != NULL;
	}
	if (file != NULL)
		(void)fclose(file);
	return found;
}

static int
child_sees_zeros(void *arg)
{
	const unsigned char *bytes = arg;

	for (size_t i = 0; i < 1000; i++) {
		if (bytes[i] != 0)
			return 1;
	}
	return 0;
}

static int
child_writes(void *arg)
{
	*(volatile unsigned char *)arg = 1;
	return 0;
}

static void
test_mapping(size_t size)
{
	struct mortise_secret *secret = secret_from(pattern, size);
	unsigned char *bytes = secret_resize(secret, size);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), end = size + 1;

	CHECK_AS(has_flag(bytes, " dd"), "%zu bytes: left out of cores", size);
	CHECK_AS(has_flag(bytes, " wf"), "%zu bytes: wiped on fork", size);
	if (memory_excuse() == NULL && secret_memory_locked())
		CHECK_AS(has_flag(bytes, " lo"), "%zu bytes: locked", size);
	else
		test_skip("locked", "mlock is refused here, or a sanitizer's");
	CHECK_NUMBER_AS(in_child(child_sees_zeros, bytes), 0, "a forked child sees zeros");
	CHECK_AS(memcmp(bytes, pattern, size) == 0, "the parent still has the bytes");
	/* Small blocks share their pages with others, so no guard is next to them. */
	if (size >= page) {
		end = (end + page - 1) / page * page;
		CHECK_AS(in_child(child_writes, bytes + end) != 0, "a guard stands behind it");
		CHECK_AS(in_child(child_writes, bytes - 1) != 0, "a guard stands before it");
	}
	mortise_secret_free(secret);
}

/* --- refusals ---------------------------------------------------------------- */

static int
child_without_memory(void *arg)
{
	struct mortise_secret *secret = secret_from(pattern, 100);
	struct rlimit limit = {0, 0};

	(void)arg;
	if (setrlimit(RLIMIT_AS, &limit) != 0)
		return 1;
	if (mortise_secret_append(secret, pattern, 60000) != MORTISE_ERROR)
		return 2;
	if (!holds_pattern(secret, 100))
		return 3;
	return mortise_secret_new(60000) == NULL ? 0 : 4;
}

static int
child_without_lock(void *arg)
{
	struct rlimit limit = {0, 0};
	struct mortise_secret *secret;

	(void)arg;
	if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return 1;
	/* The superuser locks as much as he wants. */
	if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
		return 1;
	secret = secret_from(pattern, 60000);
	if (secret == NULL || !holds_pattern(secret, 60000))
		return 2;
	return secret_memory_locked() ? 3 : 0;
}

/* --- threads ----------------------------------------------------------------- */

/* A secret of one byte over and over, which no other thread writes. */
static struct mortise_secret *
filled(unsigned char byte, size_t size)
{
	struct mortise_secret *secret = mortise_secret_new(size);

	memset(secret_resize(secret, size), byte, size);
	return secret;
}

static bool
is_filled(const struct mortise_secret *secret, unsigned char byte)
{
	size_t size, i = 0;
	const unsigned char *bytes = mortise_secret_peek(secret, &size);

	while (i < size && bytes[i] == byte)
		i++;
	return i == size && bytes[size] == 0;
}

/* Many secrets of many sizes, alive at once and freed in another order. */
static void *
churn(void *arg)
{
	struct mortise_secret *held[64] = {NULL};
	unsigned int seed = (unsigned int)(size_t)arg;
	unsigned char byte = (unsigned char)seed;
	size_t wrong = 0;

	for (size_t i = 0; i < 20000; i++) {
		size_t slot;

		seed = seed * 1103515245u + 12345u;
		slot = seed >> 16 & 63;
		if (held[slot] != NULL) {
			wrong += !is_filled(held[slot], byte);
			mortise_secret_free(held[slot]);
			held[slot] = NULL;
		} else {
			held[slot] = filled(byte, (seed >> 8) % 4200);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		mortise_secret_free(held[i]);
	return (void *)wrong;
}

static void
test_threads(void)
{
	pthread_t threads[8];
	void *wrong;

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		(void)pthread_create(&threads[i], NULL, churn, (void *)(i + 1));
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		(void)pthread_join(threads[i], &wrong);
		CHECK_AS(wrong == NULL, "thread %zu found its bytes", i);
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (unsigned char)(i * 7 + i / 251 + 1);
	test_sizes();
	test_growth();
	test_limit();
	test_equal();
	test_resize();
	test_read();
	test_read_pipe();
	if (memory_excuse() == NULL) {
		test_canary(0);
		test_canary(10000);
		CHECK_NUMBER_AS(in_child(child_without_memory, NULL), 0, "no memory is a code");
		CHECK_NUMBER_AS(in_child(child_without_lock, NULL), 0,
		    "without mlock it works, and tells");
	} else {
		test_skip("what is left in memory", memory_excuse());
	}
	test_mapping(1000);
	test_mapping(60000);
	test_threads();
	return test_end();
}
