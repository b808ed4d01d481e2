/* SPDX-License-Identifier: BSD-2-Clause */
/* No value stays behind: not in this process's memory, not in the store's files,
 * not in the trail, not in a log at the top level.  Built as our programs are,
 * with free and realloc that wipe. */
/* For MAP_ANONYMOUS, in memory.h. */
#define _GNU_SOURCE
#include "../memory.h"
#include "install.h"
#include "secmem/secret.h"

static struct canary canary;
static unsigned int log_lines, log_hits;

/* A copy of the canary that lies in the arena only. */
static struct mortise_secret *
canary_secret(const char *before, const char *after)
{
	size_t begin = strlen(before), end = strlen(after);
	struct mortise_secret *secret = mortise_secret_new(begin + CANARY_SIZE + end);
	char *bytes = secret == NULL ? NULL : secret_resize(secret, begin + CANARY_SIZE + end);

	if (bytes == NULL)
		exit(99);
	memcpy(bytes, before, begin);
	canary_write(&canary, bytes + begin);
	memcpy(bytes + begin + CANARY_SIZE, after, end);
	return secret;
}

static bool
bytes_have(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i + CANARY_SIZE <= size; i++) {
		if (canary_is_at(&canary, bytes + i))
			return true;
	}
	return false;
}

static void
log_fn(void *arg, enum mortise_level level, const char *message)
{
	(void)arg;
	(void)level;
	log_lines++;
	log_hits += bytes_have((const unsigned char *)message, strlen(message));
}

static struct mortise *
open_with_log(void)
{
	char path[256];
	struct mortise_open_options options = {
		.size = sizeof(options), .config_path = path, .log = log_fn,
		.log_level = MORTISE_LOG_DEBUG,
	};
	struct mortise *context = NULL;

	(void)snprintf(path, sizeof(path), "%s/mortise.yaml", directory);
	CHECK_NUMBER(mortise_open(&options, &context, NULL), MORTISE_OK);
	return context;
}

/* Everything that a value passes through; each copy is freed again. */
static void
use_values(struct mortise *context)
{
	struct mortise_token_store_options options = {
		.size = sizeof(options), .platform = "meta", .connection_id = "1",
		.authorization_id = "auth_1",
	};
	struct mortise_secret *value = canary_secret("", ""), *read = NULL;
	struct mortise_error *error = mortise_error_new();

	CHECK_NUMBER(mortise_put(context, NULL, "a/b", value, NULL, NULL, error), MORTISE_OK);
	CHECK_NUMBER(mortise_get(context, NULL, "a/b", NULL, &read, NULL, error), MORTISE_OK);
	CHECK(read != NULL && mortise_secret_equal(value, read));
	mortise_secret_free(read);
	read = NULL;
	/* As a name it is refused, and not quoted. */
	CHECK_NUMBER(mortise_token_store(context, NULL, &options, value, NULL, NULL, error),
	    MORTISE_INVALID);
	CHECK(!bytes_have((const unsigned char *)mortise_error_message(error),
	    strlen(mortise_error_message(error))));
	mortise_secret_free(value);
	value = canary_secret("{\"access_token\":\"", "\",\"expires_in\":3600}");
	CHECK_NUMBER(mortise_token_store(context, NULL, &options, value, NULL, NULL, error),
	    MORTISE_OK);
	CHECK_NUMBER(mortise_token_get(context, NULL, "auth_1", &read, error), MORTISE_OK);
	if (memory_excuse() == NULL)
		CHECK_AS(memory_count(&canary) > 0, "it is here while it is held");
	mortise_secret_free(read);
	mortise_secret_free(value);
	CHECK_NUMBER(mortise_token_revoke(context, NULL, "auth_1", NULL, NULL, NULL, error),
	    MORTISE_OK);
	mortise_error_free(error);
}

static unsigned int files_seen;

static int
scan_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	unsigned char *bytes;
	FILE *file;
	size_t size;

	(void)at;
	if (type != FTW_F)
		return 0;
	files_seen++;
	bytes = malloc((size_t)st->st_size + 1);
	file = fopen(path, "r");
	if (bytes == NULL || file == NULL)
		exit(99);
	size = fread(bytes, 1, (size_t)st->st_size, file);
	CHECK_AS(!bytes_have(bytes, size), "not in %s", path + strlen(directory) + 1);
	(void)fclose(file);
	free(bytes);
	return 0;
}

/* Where an allocator of somebody else's is at work, what was freed is not ours
 * to wipe. */
static void
check_memory(const char *when)
{
	const char *excuse = memory_excuse();

	if (excuse != NULL)
		test_skip(when, excuse);
	else
		CHECK_NUMBER_AS(memory_count(&canary), 0, when);
}

int
main(void)
{
	struct mortise *context;

	if (!canary_make_text(&canary))
		return 99;
	install();
	context = open_with_log();
	if (context != NULL) {
		use_values(context);
		check_memory("not in memory after the last free");
		mortise_close(context);
		check_memory("nor after the close");
		(void)nftw(directory, scan_file, 16, FTW_PHYS);
		CHECK_AS(files_seen >= 5, "%u files were looked at", files_seen);
		CHECK_NUMBER_AS(log_hits, 0, "not in the log");
	}
	uninstall();
	return test_end();
}
