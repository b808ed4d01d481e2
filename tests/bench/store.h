/* SPDX-License-Identifier: BSD-2-Clause */
/* An installation with a local store. */
#ifndef BENCH_STORE_H
#define BENCH_STORE_H

#include <mortise/mortise.h>
#include <sys/stat.h>

#define VALUE_SIZE 256

static void
write_text(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 || chmod(path, mode) != 0)
		give_up("a file cannot be written");
}

/* NAME.yaml, NAME.db, NAME.trail in `where`; audit false: for filling only. */
static struct mortise *
open_store(const char *where, const char *name, bool audit)
{
	const char *build = getenv("builddir");
	struct mortise_error *error = mortise_error_new();
	struct mortise *context = NULL;
	char path[256], text[1024];
	struct mortise_open_options options = {.size = sizeof(options), .config_path = path,
	    .program = "bench"};

	(void)snprintf(path, sizeof(path), "%s/key", where);
	if (access(path, F_OK) != 0)
		write_text(path, "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n", 0400);
	(void)snprintf(text, sizeof(text), "version: 1\nplugin-path: [%s/plugins/.libs]\n"
	    "backends: {store: {plugin: local, path: %s.db, key: {file: key}}}\n"
	    "secret: [{match: \"*\", use: store}]\n"
	    "audit: %s%s%s\n", build == NULL ? "" : build, name,
	    audit ? "{trail: {path: " : "off", audit ? name : "", audit ? ".trail}}" : "");
	(void)snprintf(path, sizeof(path), "%s/%s.yaml", where, name);
	write_text(path, text, 0600);
	if (mortise_open(&options, &context, error) != MORTISE_OK)
		give_up(mortise_error_message(error));
	mortise_error_free(error);
	return context;
}

static struct mortise_secret *
new_value(void)
{
	struct mortise_secret *value = mortise_secret_new(VALUE_SIZE);

	for (int i = 0; i < VALUE_SIZE; i++) {
		if (value == NULL || mortise_secret_append(value, "v", 1) != MORTISE_OK)
			give_up("out of memory");
	}
	return value;
}

static void
put_number(struct mortise *context, unsigned long number, const struct mortise_secret *value)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "app/%lu", number);
	if (mortise_put(context, NULL, name, value, NULL, NULL, NULL) != MORTISE_OK)
		give_up("a put failed");
}

#endif
