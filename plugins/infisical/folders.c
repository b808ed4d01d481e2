/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes folders; is all of it there? */
#include <stdio.h>
#include <string.h>

#include "infisical.h"

/* Both words for the project: servers of the two generations know one each. */
static enum mortise_code
make_one(struct infisical *infisical, struct mortise_call *call, const char *parent,
    const char *folder, const char *what)
{
	struct text_member members[] = {
		{.name = "projectId", .text = infisical->project},
		{.name = "workspaceId", .text = infisical->project},
		{.name = "environment", .text = infisical->environment},
		{.name = "path", .text = parent},
		{.name = "name", .text = folder},
	};
	struct mortise_secret *body = text_object(infisical->host, members, 5);
	struct infisical_request request = {.method = "POST", .path = "/api/v1/folders",
	    .body = body, .what = what};
	struct infisical_answer answer = {0};
	enum mortise_code code = body == NULL ? infisical_no_memory(infisical, call) :
	    infisical_ask(infisical, call, &request, &answer);

	/* Somebody else may have been faster. */
	if (code == MORTISE_CONFLICT && answer.said == SAID_EXISTS)
		code = MORTISE_OK;
	else if (code == MORTISE_NOT_FOUND)
		code = infisical->host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "a folder for %s cannot be made: the one above it is not there", what);
	answer_forget(&answer);
	infisical->host->secret_free(body);
	return code;
}

enum mortise_code
folders_make(struct infisical *infisical, struct mortise_call *call, const char *name)
{
	char folder[FOLDER_SIZE], parent[FOLDER_SIZE] = "";
	const char *key;
	enum mortise_code code = MORTISE_OK;

	if (!name_split(infisical->base, name, folder, &key))
		return infisical->host->fail(call, MORTISE_INVALID, MORTISE_REASON_NONE,
		    "the path of %s is too long", name);
	/* From the top: old servers make no parents. */
	for (char *part = folder; code == MORTISE_OK && part[0] == '/' && part[1] != '\0';) {
		size_t length = strcspn(part + 1, "/");
		char end = part[1 + length];

		part[1 + length] = '\0';
		code = make_one(infisical, call, parent[0] == '\0' ? "/" : parent, part + 1, name);
		(void)snprintf(parent, sizeof(parent), "%s", folder);
		part[1 + length] = end;
		part += 1 + length;
	}
	return before_write(infisical, call, name, code);
}

enum mortise_code
infisical_check(void *instance, struct mortise_call *call)
{
	struct infisical *infisical = instance;
	char path[PATH_SIZE] = "/api/v1/folders?path=%2F&projectId=";
	struct infisical_request request = {.method = "GET", .path = path,
	    .what = "the environment"};
	struct infisical_answer answer = {0};
	int version;
	bool good = mortise_http_encode(path, PATH_SIZE, infisical->project, false) &&
	    strlen(path) + sizeof("&workspaceId=") < PATH_SIZE;
	enum mortise_code code = infisical_generation(infisical, call, &version);

	if (code != MORTISE_OK)
		return code;
	(void)snprintf(path + strlen(path), PATH_SIZE - strlen(path), "&workspaceId=");
	good = good && mortise_http_encode(path, PATH_SIZE, infisical->project, false) &&
	    strlen(path) + sizeof("&environment=") < PATH_SIZE;
	(void)snprintf(path + strlen(path), PATH_SIZE - strlen(path), "&environment=");
	if (!good || !mortise_http_encode(path, PATH_SIZE, infisical->environment, false))
		return infisical->host->option_fail(call, infisical->options, "project-id",
		    "it or the environment is too long");
	code = infisical_ask(infisical, call, &request, &answer);
	if (code == MORTISE_NOT_FOUND)
		code = infisical->host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "the project has no such environment; see the option environment");
	answer_forget(&answer);
	return code;
}
