/* SPDX-License-Identifier: BSD-2-Clause */
/* Which version a mount has, and paths in it. */
#include <stdio.h>
#include <string.h>

#include "vault.h"

/* "team/kv/": it is the whole of the mount, not one that the option is below. */
static bool
is_the_mount(const struct vault *vault, const char *path)
{
	size_t length = strlen(vault->mount);

	return path != NULL && strncmp(path, vault->mount, length) == 0 &&
	    strcmp(path + length, "/") == 0;
}

static enum mortise_code
take_version(struct vault *vault, struct mortise_call *call, const struct vault_answer *answer,
    int *version)
{
	const struct mortise_host *host = vault->host;
	const char *path = json_string_value(answer_data(answer, "path"));
	const char *type = json_string_value(answer_data(answer, "type"));
	const char *stated = json_string_of(answer_data(answer, "options"), "version");

	if (path == NULL || type == NULL)
		return vault_strange(vault, call, "the question for the mount");
	if (!is_the_mount(vault, path))
		return host->option_fail(call, vault->options, "mount", "%s is below a mount, and "
		    "none itself; make it the mount, and the rest of it `prefix`", vault->mount);
	if (strcmp(type, "kv") != 0 && strcmp(type, "generic") != 0)
		return host->option_fail(call, vault->options, "mount",
		    "%s is no mount of the key/value engine", vault->mount);
	*version = stated != NULL && strcmp(stated, "2") == 0 ? 2 : 1;
	return MORTISE_OK;
}

enum mortise_code
mount_version(struct vault *vault, struct mortise_call *call, int *version)
{
	char path[PATH_SIZE] = "/v1/sys/internal/ui/mounts/";
	struct vault_request request = {.method = "GET", .path = path, .what = "the mount"};
	struct vault_answer answer = {0};
	enum mortise_code code;

	*version = vault->kv_version != 0 ? vault->kv_version : atomic_load(&vault->found_version);
	if (*version != 0)
		return MORTISE_OK;
	if (!mortise_http_encode(path, sizeof(path), vault->mount, true))
		return vault->host->option_fail(call, vault->options, "mount", "it is too long");
	code = vault_ask(vault, call, &request, &answer);
	/* Old servers have versions in no mount, and not this question. */
	if (code == MORTISE_INVALID && answer.status == 404) {
		*version = 1;
		code = MORTISE_OK;
	} else if (code == MORTISE_OK)
		code = take_version(vault, call, &answer, version);
	answer_forget(&answer);
	if (code == MORTISE_OK)
		atomic_store(&vault->found_version, *version);
	return code;
}

enum mortise_code
mount_path(const struct vault *vault, struct mortise_call *call, const char *part,
    const char *name, char path[PATH_SIZE])
{
	const char *const parts[] = {vault->mount, part, vault->prefix, name};
	bool good = true;

	(void)snprintf(path, PATH_SIZE, "/v1");
	for (size_t i = 0; good && i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t length = strlen(path);

		if (parts[i][0] == '\0')
			continue;
		good = length + 1 < PATH_SIZE;
		if (good) {
			path[length] = '/';
			path[length + 1] = '\0';
			good = mortise_http_encode(path, PATH_SIZE, parts[i], true);
		}
	}
	return good ? MORTISE_OK : vault->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
	    "the path of %s is longer than %d bytes", name, PATH_SIZE - 1);
}
