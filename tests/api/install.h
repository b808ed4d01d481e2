/* SPDX-License-Identifier: BSD-2-Clause */
/* install.h: an installation in a temporary folder, for programs that use the
 * API as a program of a user does. */
#ifndef TESTS_API_INSTALL_H
#define TESTS_API_INSTALL_H

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../test.h"

static char directory[] = "/tmp/mortise-test-XXXXXX";

static void
write_file(const char *name, const char *text, mode_t mode)
{
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	(void)unlink(path);
	file = fopen(path, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 || chmod(path, mode) != 0) {
		printf("Bail out! cannot write %s\n", path);
		exit(1);
	}
}

__attribute__((unused)) static struct mortise *
open_config(const char *name, struct mortise_error *error)
{
	char path[256];
	struct mortise_open_options options = {
		.size = sizeof(options), .config_path = path, .program = "test",
	};
	struct mortise *context = NULL;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (mortise_open(&options, &context, error) != MORTISE_OK)
		printf("# %s:%u:%u: %s\n", mortise_error_file(error), mortise_error_line(error),
		    mortise_error_column(error), mortise_error_message(error));
	return context;
}

/* A configuration of two local stores with these routes for secrets. */
static void
write_config(const char *name, const char *routes)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), "version: 1\n"
	    "plugin-path: [%s/plugins/.libs]\n"
	    "backends:\n"
	    "  store: {plugin: local, path: store.db, key: {file: key}}\n"
	    "  spare: {plugin: local, path: spare.db, key: {file: key}}\n"
	    "secret:\n%s"
	    "state: [{match: \"*\", use: store}]\n"
	    "audit: {trail: {path: trail}}\n", getenv("builddir"), routes);
	write_file(name, text, 0600);
}

static void
install(void)
{
	if (mkdtemp(directory) == NULL) {
		printf("Bail out! no temporary folder\n");
		exit(1);
	}
	write_file("key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n", 0400);
	write_config("mortise.yaml", "  - {match: \"*\", use: store}\n");
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void
uninstall(void)
{
	(void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
