/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For kill.sh: a program that writes until it is killed, and one that looks whether
 * what it was told is true.
 *
 *   writer write LEDGER ID    puts secrets; each that was acknowledged becomes a line
 *                             of LEDGER, NAME and value, synced before the next put
 *   writer check LEDGER       reads each of them; says how many are lost
 *
 * With WRITER_TEARS set, a batch of the trail is written in two pieces with a pause
 * between, so that a kill may tear it.
 */
#include <errno.h>
#include <fcntl.h>
#include <mortise/mortise.h>
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

static int
write_for_ever(const char *ledger, const char *id)
{
	struct mortise_error *error = mortise_error_new();
	struct mortise *context = open_context(error);
	int fd = open(ledger, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	char line[128], name[64], text[64];

	for (unsigned long n = 0; fd >= 0; n++) {
		struct mortise_secret *value = mortise_secret_new(64);
		int size;

		(void)snprintf(name, sizeof(name), "kill/%s/%lu", id, n % 16);
		(void)snprintf(text, sizeof(text), "%s-%lu", id, n);
		if (value == NULL || mortise_secret_append(value, text, strlen(text)) != MORTISE_OK)
			return 1;
		if (mortise_put(context, NULL, name, value, NULL, NULL, error) != MORTISE_OK) {
			fprintf(stderr, "%s\n", mortise_error_message(error));
			return 1;
		}
		mortise_secret_free(value);
		size = snprintf(line, sizeof(line), "%s %s\n", name, text);
		if (__real_write(fd, line, (size_t)size) != size || fdatasync(fd) != 0)
			return 1;
	}
	return 1;
}

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
	if (argc == 3 && strcmp(argv[1], "check") == 0)
		return check(argv[2]);
	fprintf(stderr, "usage: writer write LEDGER ID | check LEDGER\n");
	return 2;
}
