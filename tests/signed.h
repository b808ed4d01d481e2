/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests of signed trails share: opening with other clocks, and verifying. */
#ifndef TESTS_SIGNED_H
#define TESTS_SIGNED_H

#include "audit/keys.h"
#include "audit/verify.h"
#include "trail.h"

#define SEGMENT "000001.jsonl"
#define NEVER INT64_MAX

__attribute__((unused)) static struct trail *
open_with(const char *directory, int64_t checkpoint_ms, int64_t epoch_ms)
{
	struct trail_options options = {.directory = directory, .program = "test 1",
	    .checkpoint_ms = checkpoint_ms, .epoch_ms = epoch_ms};
	struct mortise_error error = {0};
	struct trail *trail = NULL;

	if (trail_open(&options, &trail, &error) == MORTISE_OK)
		return trail;
	printf("# %s\nBail out! no trail\n", error.message);
	exit(1);
}

__attribute__((unused)) static void
pass_ms(long ms)
{
	const struct timespec pause = {.tv_nsec = ms * 1000000};

	(void)nanosleep(&pause, NULL);
}

__attribute__((unused)) static bool
has(const char *directory, const char *name)
{
	return access(path_in(directory, name), F_OK) == 0;
}

__attribute__((unused)) static enum mortise_code
sign_now(struct trail *trail)
{
	return trail_checkpoint(trail, DEADLINE_NEVER, NULL);
}

/* The exit status of a verification of all segments; key "": none is known. */
__attribute__((unused)) static int
verify_all(const char *directory, const char *first_key, const struct mortise_audit_gap *gap,
    char verdict[512])
{
	struct mortise_audit_key key = {.epoch = 1};
	struct mortise_verify_options options = {.size = sizeof(options), .keys = &key,
	    .gaps = gap, .gaps_count = gap != NULL};
	struct mortise_error error = {0};
	char **files = NULL;
	enum mortise_code code;

	(void)snprintf(key.key, sizeof(key.key), "%s", first_key);
	options.keys_count = first_key[0] != '\0';
	if (trail_segments(directory, &files, &options.files_count, NULL) != MORTISE_OK)
		return -1;
	options.files = (const char *const *)files;
	code = verify_trail(&options, verdict, 512, &error);
	trail_segments_free(files, options.files_count);
	return mortise_exit_status(code, error.reason);
}

__attribute__((unused)) static void
check_verifies(const char *directory, const char *first_key, int status, const char *what)
{
	char verdict[512] = "";

	if (!CHECK_NUMBER_AS(verify_all(directory, first_key, NULL, verdict), status, what))
		printf("# %s\n", verdict);
}

__attribute__((unused)) static json_int_t
number_at(const struct seen *seen, size_t i, const char *key)
{
	return json_integer_value(json_object_get(json_array_get(seen->records, i), key));
}

/* The public key that the first checkpoint has. */
__attribute__((unused)) static void
first_key_of(const char *directory, char key[KEY_TEXT_SIZE])
{
	struct seen seen = see_all(directory);

	key[0] = '\0';
	for (size_t i = 0; key[0] == '\0' && i < json_array_size(seen.records); i++) {
		if (strcmp(field(&seen, (int)i, "t"), "checkpoint") == 0)
			(void)snprintf(key, KEY_TEXT_SIZE, "%s", field(&seen, (int)i, "key"));
	}
	seen_free(&seen);
}

#endif
