/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For mirror.sh: programs that write and read through a mirror, and write down what they
 * were told and when, a line each in LEDGER:
 *
 *   mirror write CONFIG LEDGER ID COUNT   "B name value t0" before a put, "W name value t0
 *                                         t1 code" behind it; ten names in turn
 *   mirror read CONFIG LEDGER STOP        "R name value t0 t1 code stale" a read, until the
 *                                         file STOP is there; value "-": none
 *
 * Times are CLOCK_MONOTONIC in ns: one clock for all of them.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <mortise/mortise.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAMES 10

static int ledger;

static int64_t
now(void)
{
	struct timespec time = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void
note(const char *line)
{
	if (write(ledger, line, strlen(line)) != (ssize_t)strlen(line))
		exit(1);
}

static void
write_one(struct mortise *context, const char *id, unsigned int i, struct mortise_error *error)
{
	struct mortise_secret *secret = mortise_secret_new(64);
	char name[32], value[64], line[256];
	int64_t begin = now();
	enum mortise_code code;

	(void)snprintf(name, sizeof(name), "mirror/%u", i % NAMES);
	(void)snprintf(value, sizeof(value), "%s.%u", id, i);
	(void)snprintf(line, sizeof(line), "B %s %s %" PRId64 "\n", name, value, begin);
	note(line);
	if (secret == NULL || mortise_secret_append(secret, value, strlen(value)) != MORTISE_OK)
		exit(1);
	code = mortise_put(context, NULL, name, secret, NULL, NULL, error);
	(void)snprintf(line, sizeof(line), "W %s %s %" PRId64 " %" PRId64 " %s\n", name, value, begin,
	    now(), mortise_code_name(code));
	note(line);
	if (code != MORTISE_OK)
		fprintf(stderr, "%s: %s\n", name, mortise_error_message(error));
	mortise_secret_free(secret);
}

static void
read_one(struct mortise *context, unsigned int i, struct mortise_error *error)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	struct mortise_secret *secret = NULL;
	char name[32], line[256];
	int64_t begin = now();
	enum mortise_code code;

	(void)snprintf(name, sizeof(name), "mirror/%u", i % NAMES);
	code = mortise_get(context, NULL, name, NULL, &secret, NULL, error);
	(void)snprintf(line, sizeof(line), "R %s %s %" PRId64 " %" PRId64 " %s %d\n", name,
	    code == MORTISE_OK ? (const char *)mortise_secret_peek(secret, NULL) : "-", begin, now(),
	    mortise_code_name(code),
	    code == MORTISE_OK && mortise_error_reason(error) == MORTISE_REASON_STALE);
	note(line);
	mortise_secret_free(secret);
	(void)nanosleep(&pause, NULL);
}

int
main(int argc, char **argv)
{
	struct mortise_open_options options = {.size = sizeof(options), .program = "mirror 1"};
	struct mortise_error *error = mortise_error_new();
	struct mortise *context = NULL;
	bool writes = argc == 6 && strcmp(argv[1], "write") == 0;

	if ((!writes && argc != 5) || error == NULL)
		return 2;
	options.config_path = argv[2];
	ledger = open(argv[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (ledger < 0 || mortise_open(&options, &context, error) != MORTISE_OK) {
		fprintf(stderr, "%s\n", mortise_error_message(error));
		return 1;
	}
	if (writes) {
		for (unsigned int i = 0; i < strtoul(argv[5], NULL, 10); i++)
			write_one(context, argv[4], i, error);
	} else {
		for (unsigned int i = 0; access(argv[4], F_OK) != 0; i++)
			read_one(context, i, error);
	}
	mortise_close(context);
	mortise_error_free(error);
	return 0;
}
