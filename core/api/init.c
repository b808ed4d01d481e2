/* SPDX-License-Identifier: BSD-2-Clause */
/* mortise_init: a working installation, nothing overwritten. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "api/context.h"
#include "base/digest.h"
#include "base/file.h"

static enum mortise_code
failed(struct mortise_error *error, const char *what, const char *path)
{
	return error_errno(error, errno, "%s %s", what, path);
}

/* Unless it is there.  Whoever finds the file finds all of it. */
static enum mortise_code
write_new(const char *path, const void *bytes, size_t size, mode_t mode,
    struct mortise_error *error)
{
	if (file_create(AT_FDCWD, path, bytes, size, mode) == 0 || errno == EEXIST)
		return MORTISE_OK;
	return failed(error, "cannot make", path);
}

static bool
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* A key file is one line: base64 of 32 random bytes. */
static enum mortise_code
make_key(const char *path, const char *store, struct mortise_error *error)
{
	unsigned char key[32];
	char line[BASE64_SIZE(sizeof(key)) + 1];
	/* In this order: another init makes the key before the store. */
	bool has_store = exists(store), has_key = exists(path);
	enum mortise_code code;

	if (has_key)
		return MORTISE_OK;
	if (has_store)
		return error_set(error, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "%s is there, but its key %s is not, and a new key would not open it; "
		    "put the key back, or move the store away", store, path);
	if (!random_bytes(key, sizeof(key)))
		return error_set(error, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "the random number generator failed");
	base64_encode(key, sizeof(key), line);
	line[sizeof(line) - 2] = '\n';
	code = write_new(path, line, sizeof(line) - 1, 0400, error);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(line, sizeof(line));
	return code;
}

static enum mortise_code
make_config(const char *path, const char *data, struct mortise_error *error)
{
	struct buffer text _cleanup_(buffer_free) = {0};
	const char *slash = data == NULL ? "" : "/";

	if (data == NULL)
		data = "";
	buffer_format(&text,
	    "# Made by `mortise init`; mortise.yaml(5) lists every key.\n"
	    "version: 1\n"
	    "backends:\n"
	    "  store: {plugin: local, path: \"%s%slocal.db\", key: {file: local.key}}\n"
	    "secret:\n"
	    "  - {match: \"*\", use: store}\n"
	    "state:\n"
	    "  - {match: \"*\", use: store}\n"
	    "audit:\n"
	    "  trail: {path: \"%s%strail\"}\n", data, slash, data, slash);
	if (text.failed)
		return error_memory(error);
	return write_new(path, text.data, text.size, 0600, error);
}

enum mortise_code
mortise_init(const char *config_directory, const char *directory, struct mortise_error *given)
{
	struct mortise_error spare, *error = error_or(given, &spare);
	const char *place = config_directory == NULL ? directory : config_directory;
	char *config _cleanup_(free_pointer) = path_join(place, "mortise.yaml");
	char *key _cleanup_(free_pointer) = path_join(place, "local.key");
	char *store _cleanup_(free_pointer) = path_join(directory, "local.db");
	struct mortise_open_options options = {.size = sizeof(options), .config_path = config};
	struct mortise *context;
	enum mortise_code code;

	error_clear(error);
	if (config == NULL || key == NULL || store == NULL)
		return error_memory(error);
	if (file_make_directories(place, 0700) < 0)
		return failed(error, "cannot make the directory", place);
	if (file_make_directories(directory, 0700) < 0)
		return failed(error, "cannot make the directory", directory);
	code = make_key(key, store, error);
	if (code == MORTISE_OK)
		code = make_config(config, config_directory == NULL ? NULL : directory, error);
	/* Opening it makes the trail and the store, and proves that it works. */
	if (code == MORTISE_OK)
		code = mortise_open(&options, &context, error);
	if (code == MORTISE_OK)
		mortise_close(context);
	return code;
}
