/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of the shared files, ~/.aws/config and ~/.aws/credentials. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"

#define SECTION_SIZE 192
#define SETTING_SIZE 1024
#define DEPTH_MAX 5			/* profiles that lead to another one */
#define ARGUMENTS_MAX 32
#define OUTPUT_MAX 65536

/* --- files -------------------------------------------------------------------------- */

struct files {
	const struct aws *aws;
	struct mortise_secret *config, *credentials;	/* NULL: not there */
};

static void
files_free(struct files *files)
{
	files->aws->host->secret_free(files->config);
	files->aws->host->secret_free(files->credentials);
}

static enum mortise_code
read_one(const struct aws *aws, struct mortise_call *call, const char *variable, const char *name,
    struct mortise_secret **text)
{
	const char *path = place_environment(variable), *home = place_environment("HOME");
	char made[PATH_MAX];
	enum mortise_code code;

	if (path == NULL && home == NULL)
		return MORTISE_OK;
	if (path == NULL) {
		(void)snprintf(made, sizeof(made), "%s/.aws/%s", home, name);
		path = made;
	}
	code = sts_read_file(aws, call, path, text);
	return code == MORTISE_NOT_FOUND ? MORTISE_OK : code;
}

static enum mortise_code
files_read(const struct aws *aws, struct mortise_call *call, struct files *files)
{
	enum mortise_code code;

	*files = (struct files){.aws = aws};
	code = read_one(aws, call, "AWS_CONFIG_FILE", "config", &files->config);
	if (code == MORTISE_OK)
		code = read_one(aws, call, "AWS_SHARED_CREDENTIALS_FILE", "credentials",
		    &files->credentials);
	return code;
}

static void
section_of(const char *profile, bool config, char section[SECTION_SIZE])
{
	(void)snprintf(section, SECTION_SIZE, "%s%s",
	    config && strcmp(profile, "default") != 0 ? "profile " : "", profile);
}

/* Of a profile, from the file of keys before the other one. */
static bool
setting(const struct files *files, const char *profile, const char *key, const char **value,
    size_t *length)
{
	const struct mortise_host *host = files->aws->host;
	char section[SECTION_SIZE];

	for (int i = 0; i < 2; i++) {
		const struct mortise_secret *file = i == 0 ? files->credentials : files->config;
		size_t size;
		const char *text = file == NULL ? NULL : host->secret_peek(file, &size);

		section_of(profile, i == 1, section);
		if (text != NULL && ini_find(text, size, section, key, NULL, value, length))
			return true;
	}
	return false;
}

static bool
copy_setting(const struct files *files, const char *profile, const char *key, char *to,
    size_t size)
{
	const char *value;
	size_t length;

	to[0] = '\0';
	if (!setting(files, profile, key, &value, &length) || length >= size)
		return false;
	memcpy(to, value, length);
	to[length] = '\0';
	return true;
}

static bool
is_there(const struct files *files, const char *profile)
{
	const struct mortise_host *host = files->aws->host;
	char section[SECTION_SIZE];
	size_t size;
	const char *text = files->credentials == NULL ? NULL :
	    host->secret_peek(files->credentials, &size);

	section_of(profile, false, section);
	if (text != NULL && ini_section(text, size, section))
		return true;
	section_of(profile, true, section);
	text = files->config == NULL ? NULL : host->secret_peek(files->config, &size);
	return text != NULL && ini_section(text, size, section);
}

/* --- settings ----------------------------------------------------------------------- */

enum mortise_code
profile_setting(const struct aws *aws, struct mortise_call *call, const char *key, char *to,
    size_t size)
{
	struct files files;
	enum mortise_code code = files_read(aws, call, &files);

	if (code == MORTISE_OK && !copy_setting(&files, aws->profile, key, to, size))
		code = MORTISE_NOT_FOUND;
	files_free(&files);
	return code;
}

enum mortise_code
profile_service(const struct aws *aws, struct mortise_call *call, const char *service, char *to,
    size_t size)
{
	struct files files;
	char name[SECTION_SIZE - 16], section[SECTION_SIZE];
	const char *text, *value;
	size_t length, text_size;
	enum mortise_code code = files_read(aws, call, &files);

	if (code == MORTISE_OK && (files.config == NULL ||
	    !copy_setting(&files, aws->profile, "services", name, sizeof(name))))
		code = MORTISE_NOT_FOUND;
	if (code == MORTISE_OK) {
		(void)snprintf(section, sizeof(section), "services %s", name);
		text = aws->host->secret_peek(files.config, &text_size);
		if (ini_find(text, text_size, section, service, "endpoint_url", &value, &length) &&
		    length < size)
			(void)snprintf(to, size, "%.*s", (int)length, value);
		else
			code = MORTISE_NOT_FOUND;
	}
	files_free(&files);
	return code;
}

/* --- credential_process ------------------------------------------------------------- */

/* As a shell splits a line: blanks, quotes and backslashes; nothing is expanded. */
static bool
split(char *line, const char *arguments[ARGUMENTS_MAX + 1])
{
	char *from = line, *to = line;
	size_t count = 0;

	for (;;) {
		char quote = '\0';

		while (*from == ' ' || *from == '\t')
			from++;
		if (*from == '\0')
			break;
		if (count == ARGUMENTS_MAX)
			return false;
		arguments[count++] = to;
		for (; *from != '\0' && (quote != '\0' || (*from != ' ' && *from != '\t')); from++) {
			if (quote == '\0' && (*from == '\'' || *from == '"'))
				quote = *from;
			else if (quote != '\0' && *from == quote)
				quote = '\0';
			else if (*from == '\\' && quote != '\'' && from[1] != '\0')
				*to++ = *++from;
			else
				*to++ = *from;
		}
		if (quote != '\0')
			return false;
		if (*from != '\0')
			from++;
		*to++ = '\0';
	}
	arguments[count] = NULL;
	return count > 0;
}

static enum mortise_code
process_keys(const struct aws *aws, struct mortise_call *call, char *line,
    struct session_grant *grant)
{
	const char *arguments[ARGUMENTS_MAX + 1];
	struct mortise_secret *output = NULL;
	json_t *tree;
	enum mortise_code code;

	if (!split(line, arguments))
		return aws->host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "credential_process of the profile %s is no command line", aws->profile);
	code = aws->host->spawn(call, arguments, OUTPUT_MAX, &output);
	if (code != MORTISE_OK)
		return code;
	tree = json_of(aws->host, output);
	aws->host->secret_free(output);
	if (json_integer_value(json_object_get(tree, "Version")) != 1)
		code = aws->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "what credential_process of the profile %s prints is no JSON of version 1",
		    aws->profile);
	else
		code = keys_from_json(aws, call, tree, "SessionToken", "what credential_process prints",
		    grant);
	json_forget(tree);
	return code;
}

/* --- keys --------------------------------------------------------------------------- */

static enum mortise_code keys_of(struct aws *aws, struct mortise_call *call,
    const struct files *files, const char *profile, unsigned int depth,
    struct session_grant *grant);

static enum mortise_code
source_keys(struct aws *aws, struct mortise_call *call, const struct files *files,
    const char *profile, unsigned int depth, struct session_grant *grant)
{
	char source[SECTION_SIZE - 16];

	if (copy_setting(files, profile, "source_profile", source, sizeof(source))) {
		/* Itself, with keys beside the role: those are meant. */
		if (strcmp(source, profile) == 0)
			return keys_of(aws, call, files, profile, DEPTH_MAX, grant);
		return keys_of(aws, call, files, source, depth + 1, grant);
	}
	if (!copy_setting(files, profile, "credential_source", source, sizeof(source)))
		return aws->host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "the profile %s has a role_arn, and no source_profile or credential_source", profile);
	if (strcmp(source, "Environment") == 0)
		return environment_keys(aws, call, grant);
	if (strcmp(source, "EcsContainer") == 0)
		return container_keys(aws, call, grant);
	if (strcmp(source, "Ec2InstanceMetadata") == 0)
		return machine_keys(aws, call, grant);
	return aws->host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
	    "credential_source of the profile %s is none of Environment, EcsContainer, "
	    "Ec2InstanceMetadata", profile);
}

static enum mortise_code
role_keys(struct aws *aws, struct mortise_call *call, const struct files *files,
    const char *profile, const char *arn, unsigned int depth, struct session_grant *grant)
{
	char session[SETTING_SIZE], external[SETTING_SIZE], seconds[32], path[SETTING_SIZE];
	struct session_grant by = {.secrets = {NULL}};
	struct role role = {.arn = arn, .by = &by};
	struct mortise_secret *token = NULL;
	enum mortise_code code;

	if (copy_setting(files, profile, "role_session_name", session, sizeof(session)))
		role.session_name = session;
	if (copy_setting(files, profile, "external_id", external, sizeof(external)))
		role.external_id = external;
	if (copy_setting(files, profile, "duration_seconds", seconds, sizeof(seconds)))
		role.seconds = strtoll(seconds, NULL, 10);
	if (copy_setting(files, profile, "web_identity_token_file", path, sizeof(path))) {
		role.by = NULL;
		code = sts_read_file(aws, call, path, &token);
		if (code == MORTISE_NOT_FOUND)
			code = aws->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
			    "%s, which the profile %s names, is not there", path, profile);
		if (code == MORTISE_OK)
			code = sts_assume_web(aws, call, &role, token, grant);
		aws->host->secret_free(token);
		return code;
	}
	code = source_keys(aws, call, files, profile, depth, &by);
	if (code == MORTISE_NOT_FOUND)
		code = aws->host->fail(call, MORTISE_DENIED, MORTISE_REASON_NONE,
		    "there are no keys to ask for the role of the profile %s with", profile);
	if (code == MORTISE_OK)
		code = sts_assume(aws, call, &role, grant);
	keys_drop(aws, &by);
	return code;
}

static enum mortise_code
static_keys(const struct aws *aws, struct mortise_call *call, const struct files *files,
    const char *profile, struct session_grant *grant)
{
	const char *id, *key, *token = NULL;
	size_t id_size, key_size, token_size = 0;

	if (!setting(files, profile, "aws_access_key_id", &id, &id_size) ||
	    !setting(files, profile, "aws_secret_access_key", &key, &key_size))
		return MORTISE_NOT_FOUND;
	(void)setting(files, profile, "aws_session_token", &token, &token_size);
	return keys_take(aws, call, id, id_size, key, key_size, token, token_size, 0, grant);
}

/* depth DEPTH_MAX: the keys that stand there, and no way to others. */
static enum mortise_code
keys_of(struct aws *aws, struct mortise_call *call, const struct files *files,
    const char *profile, unsigned int depth, struct session_grant *grant)
{
	char text[SETTING_SIZE];
	enum mortise_code code;

	if (!is_there(files, profile))
		return MORTISE_NOT_FOUND;
	if (depth < DEPTH_MAX && copy_setting(files, profile, "role_arn", text, sizeof(text)))
		return role_keys(aws, call, files, profile, text, depth, grant);
	code = static_keys(aws, call, files, profile, grant);
	if (code != MORTISE_NOT_FOUND)
		return code;
	if (depth >= DEPTH_MAX)
		return aws->host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "the profiles of role after role lead nowhere, or in a circle, at %s", profile);
	if (copy_setting(files, profile, "credential_process", text, sizeof(text)))
		return process_keys(aws, call, text, grant);
	return copy_setting(files, profile, "sso_session", text, sizeof(text)) ||
	    copy_setting(files, profile, "sso_start_url", text, sizeof(text)) ?
	    aws->host->fail(call, MORTISE_UNSUPPORTED, MORTISE_REASON_NONE,
	    "the profile %s logs in by sso, which this does not; give the backend a profile with "
	    "credential_process, such as `aws configure export-credentials --profile %s`", profile,
	    profile) : MORTISE_NOT_FOUND;
}

enum mortise_code
profile_keys(struct aws *aws, struct mortise_call *call, struct session_grant *grant)
{
	struct files files;
	enum mortise_code code = files_read(aws, call, &files);

	if (code == MORTISE_OK)
		code = keys_of(aws, call, &files, aws->profile, 0, grant);
	files_free(&files);
	return code;
}
