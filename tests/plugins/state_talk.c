/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state_talk CONFIG BACKEND: one instance that lives while its server does not.  Reads
 * commands, and answers each by a line: the code, its value or error, and LATE where it was
 * not back by its deadline.
 *
 *   put KEY VALUE | get KEY | take KEY | delete KEY | list PREFIX | check
 *   deadline MS   what each has from here on, 10000 at first
 */
#define _GNU_SOURCE		/* strsep */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "configured.h"

#define LATE_MS 2000			/* a busy machine's own */

struct talk {
	struct backend *backend;
	uint64_t deadline_ms;
	char said[4096];
};

static enum mortise_code
see(void *arg, const struct mortise_record *record)
{
	struct talk *talk = arg;
	size_t used = strlen(talk->said);

	(void)snprintf(talk->said + used, sizeof(talk->said) - used, " %s=%.*s", record->key,
	    (int)record->value_size, (const char *)record->value);
	return MORTISE_OK;
}

static enum mortise_code
ask(struct talk *talk, struct mortise_call *call, const char *verb, const char *key,
    const char *value)
{
	const struct mortise_state_put put = {.size = sizeof(put), .value = value,
	    .value_size = strlen(value), .ttl_ms = 600000};
	struct mortise_out out = {.record = see, .arg = talk};
	struct mortise_version made;

	if (strcmp(verb, "put") == 0)
		return backend_state_put(talk->backend, call, key, &put, &made);
	if (strcmp(verb, "get") == 0)
		return backend_state_get(talk->backend, call, key, &out);
	if (strcmp(verb, "take") == 0)
		return backend_state_take(talk->backend, call, key, &out);
	if (strcmp(verb, "delete") == 0)
		return backend_state_delete(talk->backend, call, key, NULL);
	if (strcmp(verb, "list") == 0)
		return backend_state_list(talk->backend, call, key, &out);
	if (strcmp(verb, "check") == 0)
		return backend_check(talk->backend, call);
	return MORTISE_INVALID;
}

static void
answer(struct talk *talk, char *line)
{
	char *rest = line, *verb = strsep(&rest, " \n"), *key = strsep(&rest, " \n");
	char *value = strsep(&rest, "\n");
	struct mortise_error error = {0};
	struct mortise_call call = {.deadline = deadline_in_ms(talk->deadline_ms),
	    .error = &error};
	enum mortise_code code;
	uint64_t now;

	if (strcmp(verb, "deadline") == 0) {
		talk->deadline_ms = strtoull(key, NULL, 10);
		return;
	}
	talk->said[0] = '\0';
	code = ask(talk, &call, verb, key == NULL ? "" : key, value == NULL ? "" : value);
	now = clock_monotonic_ns();
	printf("%s%s %s%s\n", mortise_code_name(code), talk->said, error.message,
	    now > call.deadline + LATE_MS * NS_PER_MS ? " LATE" : "");
	(void)fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct talk talk = {.deadline_ms = 10000};
	struct configured store;
	char line[4096];

	if (argc != 3 || !configured_open(&store, argv[1], argv[2]))
		return 2;
	talk.backend = store.backend;
	while (fgets(line, sizeof(line), stdin) != NULL)
		answer(&talk, line);
	configured_close(&store);
	return 0;
}
