/* SPDX-License-Identifier: BSD-2-Clause */
/* The schema and the descriptor; what makes and ends an instance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "sdk/schema.h"

static const struct mortise_host *host;

/* --- the schema --------------------------------------------------------------------- */

SCHEMA_TEXT(region, "region", "the region; not given: AWS_REGION, the profile's, or the machine's",
    NULL, 0);
SCHEMA_TEXT(endpoint, "endpoint", "the address, where it is not the region's own", NULL, 0);
SCHEMA_TEXT(prefix, "prefix", "what stands before each name, and a slash", NULL, 0);
SCHEMA_TEXT(kms_key, "kms-key-id", "the KMS key that new secrets are encrypted under; not given: the "
    "account's own", NULL, 0);
SCHEMA_TEXT(profile, "profile", "a profile of the shared files; not given: AWS_PROFILE, or default",
    NULL, 0);
SCHEMA_TEXT(access_key, "access-key-id", "the id of an access key; not given: as AWS's own tools find "
    "one", NULL, 0);
SCHEMA_TEXT(secret_key, "secret-access-key", "the key itself", NULL, MORTISE_OPTION_SECRET);
SCHEMA_TEXT(session_token, "session-token", "the token of a key that ends", NULL,
    MORTISE_OPTION_SECRET);

static const struct mortise_option *const options[] = {&region, &endpoint, &prefix, &kms_key,
    &profile, &access_key, &secret_key, &session_token, &mortise_http_option, NULL};

/* --- instances ---------------------------------------------------------------------- */

static void
aws_close(void *instance)
{
	struct aws *aws = instance;

	session_free(aws->session);
	mortise_http_free(aws->http);
	mortise_http_free(aws->sts);
	mortise_http_free(aws->metadata);
	mortise_http_free(aws->container);
	free(aws->prefix);
	free(aws->identity);
	free(aws);
}

/* AWS takes from 7 to 30 days. */
static enum mortise_code
check_days(struct mortise_call *call)
{
	int days = host->recoverable_days(call);

	return days == 0 || (days >= 7 && days <= 30) ? MORTISE_OK : host->fail(call,
	    MORTISE_INVALID, MORTISE_REASON_CONFIGURATION,
	    "`recoverable` is %d; AWS keeps what is deleted for 7 to 30 days", days);
}

/* Where only the machine knows the region, the store is named without it. */
static enum mortise_code
find_place(struct aws *aws, struct mortise_call *call)
{
	enum mortise_code code = place_region(aws, call);
	size_t size = strlen(aws->prefix) + sizeof("secretsmanager/");

	if (code != MORTISE_OK || aws->region[0] != '\0')
		return code != MORTISE_OK ? code : place_connect(aws, call);
	aws->identity = malloc(size);
	if (aws->identity == NULL)
		return aws_no_memory(aws, call);
	(void)snprintf(aws->identity, size, "secretsmanager/%s", aws->prefix);
	return MORTISE_OK;
}

static enum mortise_code
take_options(struct aws *aws, struct mortise_call *call)
{
	const char *id = host->option_string(aws->options, "access-key-id");
	bool key = host->option_given(aws->options, "secret-access-key");

	if ((id != NULL) != key)
		return host->option_fail(call, aws->options, id != NULL ? "access-key-id" :
		    "secret-access-key", "access-key-id and secret-access-key belong together; give both");
	if (check_days(call) != MORTISE_OK)
		return MORTISE_INVALID;
	aws->prefix = text_path(host->option_string(aws->options, "prefix"));
	if (aws->prefix == NULL)
		return aws_no_memory(aws, call);
	aws->profile = host->option_string(aws->options, "profile");
	aws->profile_named = aws->profile != NULL;
	if (aws->profile == NULL)
		aws->profile = place_environment("AWS_PROFILE");
	if (aws->profile == NULL)
		aws->profile = "default";
	return find_place(aws, call);
}

static enum mortise_code
aws_open(struct mortise_call *call, const struct mortise_options *given, void **instance)
{
	struct aws *aws = calloc(1, sizeof(*aws));
	enum mortise_code code;

	if (aws == NULL)
		return host->fail(call, MORTISE_ERROR, MORTISE_REASON_NONE, "out of memory");
	aws->host = host;
	aws->options = given;
	aws->session = session_new(host, &aws_session_ops, aws);
	code = aws->session == NULL ? aws_no_memory(aws, call) : take_options(aws, call);
	if (code != MORTISE_OK) {
		aws_close(aws);
		return code;
	}
	*instance = aws;
	return MORTISE_OK;
}

/* Do we get in?  A list of one says so, and needs no name. */
static enum mortise_code
aws_check(void *instance, struct mortise_call *call)
{
	static const char body[] = "{\"MaxResults\":1}";
	struct aws *aws = instance;
	struct mortise_secret *one = secret_of(host, body, strlen(body));
	struct aws_answer answer = {0};
	enum mortise_code code = one == NULL ? aws_no_memory(aws, call) :
	    aws_ask(aws, call, "ListSecrets", one, false, "the list", &answer);

	answer_forget(&answer);
	host->secret_free(one);
	return code;
}

static const char *
aws_identity(void *instance)
{
	const struct aws *aws = instance;

	return aws->identity;
}

static const struct mortise_plugin plugin = {
	.size = sizeof(plugin),
	.magic = MORTISE_PLUGIN_MAGIC,
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.name = "aws",
	.version = "0.1.0",
	.doc = "secrets in AWS Secrets Manager",
	.threads = MORTISE_THREADS_FREE,
	.reach = MORTISE_REACH_NETWORK,
	/* The first put of a name is taken back by a delete, which compares nothing. */
	.flags = MORTISE_PLUGIN_DURABLE | MORTISE_PLUGIN_UNDO_RACY | MORTISE_PLUGIN_RECOVERABLE,
	.options = options,
	.open = aws_open,
	.close = aws_close,
	.check = aws_check,
	.identity = aws_identity,
	.secret = &aws_secret_ops,
};

enum mortise_code
mortise_plugin_init(const struct mortise_host *table, struct mortise_call *call,
    const struct mortise_plugin **descriptor)
{
	host = table;
	*descriptor = &plugin;
	return mortise_http_init(table, call);
}
