/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For kill.sh: a program that writes until it is killed, and one that looks whether
 * what it was told is true.
 *
 *   writer write LEDGER ID    puts secrets; each that was acknowledged becomes a line
 *                             of LEDGER, NAME and value, synced before the next put
 *   writer work LEDGER N      the same by N threads of one context, until SIGTERM; a
 *                             put that is refused is tried again
 *   writer check LEDGER       reads each of them; says how many are lost
 *
 * With WRITER_TEARS set, a batch of the trail is written in two pieces with a pause
 * between, so that a kill may tear it.
 */
#include <errno.h>
#include <fcntl.h>
#include <mortise/mortise.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);

static bool tears;

ssize_t
__wrap_write(int fd, const void *bytes, size_t size)
{
	const struct timespec pause = {.tv_nsec = 300000};
	ssize_t first;

	if (!tears || size < 64 || memcmp(bytes, "{\"c\":", 5) != 0)
		return __real_write(fd, bytes, size);
	first = __real_write(fd, bytes, size / 2);
	(void)nanosleep(&pause, NULL);
	return first;
}

static struct mortise *
open_context(struct mortise_error *error)
{
	const struct mortise_open_options options = {.size = sizeof(options), .program = "writer"};
	struct mortise *context = NULL;

	if (mortise_open(&options, &context, error) != MORTISE_OK) {
		fprintf(stderr, "%s\n", mortise_error_message(error));
		exit(1);
	}
	return context;
}

/* One put and, if it was acknowledged, its line. */
static enum mortise_code
write_one(struct mortise *context, int ledger, const char *id, unsigned long n,
    struct mortise_error *error)
{
	struct mortise_secret *value = mortise_secret_new(64);
	char line[128], name[64], text[64];
	enum mortise_code code;
	int size;

	(void)snprintf(name, sizeof(name), "kill/%s/%lu", id, n % 16);
	(void)snprintf(text, sizeof(text), "%s-%lu", id, n);
	if (value == NULL || mortise_secret_append(value, text, strlen(text)) != MORTISE_OK)
		abort();
	code = mortise_put(context, NULL, name, value, NULL, NULL, error);
	mortise_secret_free(value);
	if (code != MORTISE_OK)
		return code;
	size = snprintf(line, sizeof(line), "%s %s\n", name, text);
	if (__real_write(ledger, line, (size_t)size) != size || fdatasync(ledger) != 0)
		abort();
	return code;
}

static int
write_for_ever(const char *ledger, const char *id)
{
	struct mortise_error *error = mortise_error_new();
	struct mortise *context = open_context(error);
	int fd = open(ledger, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	for (unsigned long n = 0; fd >= 0; n++) {
		if (write_one(context, fd, id, n, error) != MORTISE_OK) {
			fprintf(stderr, "%s\n", mortise_error_message(error));
			return 1;
		}
	}
	return 1;
}

/* --- threads of one context ------------------------------------------------------------ */

static volatile sig_atomic_t ended;

static void
end(int signal_number)
{
	(void)signal_number;
	ended = 1;
}

struct worker {
	struct mortise *context;
	int ledger;
	char id[40];
	pthread_t thread;
	unsigned long acknowledged, refused;
};

static void *
work(void *arg)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	struct mortise_error *error = mortise_error_new();
	struct worker *worker = arg;

	for (unsigned long n = 0; !ended; n++) {
		if (write_one(worker->context, worker->ledger, worker->id, n, error) == MORTISE_OK) {
			worker->acknowledged++;
			continue;
		}
		fprintf(stderr, "%s\n", mortise_error_message(error));
		worker->refused++;
		(void)nanosleep(&pause, NULL);
	}
	mortise_error_free(error);
	return NULL;
}

static int
work_together(const char *ledger, unsigned long count)
{
	struct mortise_error *error = mortise_error_new();
	struct mortise *context = open_context(error);
	int fd = open(ledger, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	struct worker *workers = calloc(count, sizeof(*workers));
	unsigned long acknowledged = 0, refused = 0;

	(void)signal(SIGTERM, end);
	for (unsigned long i = 0; i < count; i++) {
		workers[i] = (struct worker){.context = context, .ledger = fd};
		(void)snprintf(workers[i].id, sizeof(workers[i].id), "worker%lu", i);
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			abort();
	}
	for (unsigned long i = 0; i < count; i++) {
		(void)pthread_join(workers[i].thread, NULL);
		acknowledged += workers[i].acknowledged;
		refused += workers[i].refused;
	}
	free(workers);
	mortise_close(context);
	mortise_error_free(error);
	printf("%lu acknowledged, %lu refused\n", acknowledged, refused);
	return 0;
}

/* --- the look behind ---------------------------------------------------------------------- */

/* The number behind the last dash. */
static unsigned long
number_of(const char *text)
{
	return strtoul(strrchr(text, '-') + 1, NULL, 10);
}

static int
check(const char *ledger)
{
	struct mortise_error *error = mortise_error_new();
	struct mortise *context = open_context(error);
	FILE *file = fopen(ledger, "r");
	unsigned long checked = 0, lost = 0;
	char name[64], text[64];

	if (file == NULL)
		return 1;
	while (fscanf(file, "%63s %63s", name, text) == 2) {
		struct mortise_secret *value = NULL;

		checked++;
		/* A later put of the same name may have been acknowledged, or cut off. */
		if (mortise_get(context, NULL, name, NULL, &value, NULL, error) != MORTISE_OK ||
		    number_of(mortise_secret_peek(value, NULL)) < number_of(text)) {
			lost++;
			printf("# %s is not there: %s\n", text, mortise_error_message(error));
		}
		mortise_secret_free(value);
	}
	(void)fclose(file);
	mortise_close(context);
	mortise_error_free(error);
	printf("%lu checked, %lu lost\n", checked, lost);
	return lost == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	tears = getenv("WRITER_TEARS") != NULL;
	if (argc == 4 && strcmp(argv[1], "write") == 0)
		return write_for_ever(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "work") == 0)
		return work_together(argv[2], strtoul(argv[3], NULL, 10));
	if (argc == 3 && strcmp(argv[1], "check") == 0)
		return check(argv[2]);
	fprintf(stderr, "usage: writer write LEDGER ID | work LEDGER N | check LEDGER\n");
	return 2;
}
