/* SPDX-License-Identifier: BSD-2-Clause */
/* Region and endpoint. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"

#define URL_SIZE 512

const char *
place_environment(const char *variable)
{
	const char *text = getenv(variable);

	return text == NULL || text[0] == '\0' ? NULL : text;
}

static bool
is_region(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length < REGION_SIZE &&
	    text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

enum mortise_code
place_region(struct aws *aws, struct mortise_call *call)
{
	const char *given = aws->host->option_string(aws->options, "region");
	const char *region = given;
	char of_profile[REGION_SIZE] = "";

	if (region == NULL)
		region = place_environment("AWS_REGION");
	if (region == NULL)
		region = place_environment("AWS_DEFAULT_REGION");
	if (region == NULL) {
		enum mortise_code code = profile_setting(aws, call, "region", of_profile,
		    sizeof(of_profile));

		if (code != MORTISE_OK)
			return code == MORTISE_NOT_FOUND ? MORTISE_OK : code;
		region = of_profile;
	}
	if (!is_region(region))
		return given != NULL ? aws->host->option_fail(call, aws->options, "region",
		    "\"%s\" is no region, such as eu-central-1", region) :
		    aws->host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "\"%s\" is no region, such as eu-central-1", region);
	(void)snprintf(aws->region, sizeof(aws->region), "%s", region);
	return MORTISE_OK;
}

static bool
is_on(const char *variable)
{
	const char *text = place_environment(variable);

	return text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

static void
default_endpoint(const struct aws *aws, char url[URL_SIZE])
{
	const char *fips = is_on("AWS_USE_FIPS_ENDPOINT") ? "-fips" : "";
	bool china = strncmp(aws->region, "cn-", 3) == 0;

	if (is_on("AWS_USE_DUALSTACK_ENDPOINT"))
		(void)snprintf(url, URL_SIZE, "https://secretsmanager%s.%s.api.%s", fips, aws->region,
		    china ? "amazonwebservices.com.cn" : "aws");
	else
		(void)snprintf(url, URL_SIZE, "https://secretsmanager%s.%s.amazonaws.com%s", fips,
		    aws->region, china ? ".cn" : "");
}

/* Given, or of environment or profile for this service; url: where one is made. */
static enum mortise_code
find_endpoint(const struct aws *aws, struct mortise_call *call, char url[URL_SIZE],
    const char **endpoint)
{
	enum mortise_code code;

	*endpoint = aws->host->option_string(aws->options, "endpoint");
	if (*endpoint == NULL)
		*endpoint = place_environment("AWS_ENDPOINT_URL_SECRETS_MANAGER");
	if (*endpoint == NULL)
		*endpoint = place_environment("AWS_ENDPOINT_URL");
	if (*endpoint != NULL)
		return MORTISE_OK;
	*endpoint = url;
	code = profile_service(aws, call, "secrets_manager", url, URL_SIZE);
	if (code == MORTISE_NOT_FOUND)
		code = profile_setting(aws, call, "endpoint_url", url, URL_SIZE);
	if (code == MORTISE_NOT_FOUND) {
		default_endpoint(aws, url);
		code = MORTISE_OK;
	}
	return code;
}

enum mortise_code
place_connect(struct aws *aws, struct mortise_call *call)
{
	const struct mortise_http_defaults defaults = {.size = sizeof(defaults),
	    .ca_file = place_environment("AWS_CA_BUNDLE")};
	char url[URL_SIZE];
	const char *endpoint;
	enum mortise_code code = find_endpoint(aws, call, url, &endpoint);

	if (code != MORTISE_OK)
		return code;
	(void)snprintf(aws->scope, sizeof(aws->scope), "aws:amz:%s:secretsmanager", aws->region);
	if (aws->identity == NULL) {
		size_t size = strlen(endpoint) + strlen(aws->prefix) + 2;

		aws->identity = malloc(size);
		if (aws->identity == NULL)
			return aws_no_memory(aws, call);
		(void)snprintf(aws->identity, size, "%s/%s", endpoint, aws->prefix);
	}
	return mortise_http_new(aws->host, call, aws->options, &endpoint, 1, &defaults, &aws->http);
}

enum mortise_code
place_sts(struct aws *aws, struct mortise_call *call)
{
	const struct mortise_http_defaults defaults = {.size = sizeof(defaults),
	    .ca_file = place_environment("AWS_CA_BUNDLE")};
	char url[URL_SIZE];
	const char *endpoint = place_environment("AWS_ENDPOINT_URL_STS");

	if (aws->sts != NULL)
		return MORTISE_OK;
	if (endpoint == NULL && aws->region[0] == '\0')
		return aws->host->fail(call, MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
		    "keys of a role need a region: give `region`");
	if (endpoint == NULL) {
		(void)snprintf(url, sizeof(url), "https://sts%s.%s.amazonaws.com%s",
		    is_on("AWS_USE_FIPS_ENDPOINT") ? "-fips" : "", aws->region,
		    strncmp(aws->region, "cn-", 3) == 0 ? ".cn" : "");
		endpoint = url;
	}
	return mortise_http_new(aws->host, call, aws->options, &endpoint, 1, &defaults, &aws->sts);
}
