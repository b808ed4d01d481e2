/* SPDX-License-Identifier: BSD-2-Clause */
/* The public API as a program uses it: the first user's whole flow, the agency
 * rule, backends swapped by the configuration alone, threads. */
#include <pthread.h>
#include <time.h>

#include "install.h"

/* --- helpers ------------------------------------------------------------------ */

static struct mortise_secret *
secret_of(const char *text)
{
	struct mortise_secret *secret = mortise_secret_new(strlen(text));

	if (secret == NULL || mortise_secret_append(secret, text, strlen(text)) != MORTISE_OK) {
		printf("Bail out! out of memory\n");
		exit(1);
	}
	return secret;
}

struct seen {
	char id[64], status[32], secret[256], agency[64];
	unsigned int count;
};

static void
see_authorization(void *arg, const struct mortise_authorization *authorization)
{
	struct seen *seen = arg;

	(void)snprintf(seen->id, sizeof(seen->id), "%s", authorization->authorization_id);
	(void)snprintf(seen->status, sizeof(seen->status), "%s", authorization->status);
	(void)snprintf(seen->agency, sizeof(seen->agency), "%s",
	    authorization->agency_id == NULL ? "" : authorization->agency_id);
	(void)snprintf(seen->secret, sizeof(seen->secret), "%s",
	    authorization->secret_id == NULL ? "" : authorization->secret_id);
	seen->count++;
}

static void
see_state(void *arg, const struct mortise_state_info *info)
{
	struct seen *seen = arg;

	(void)snprintf(seen->agency, sizeof(seen->agency), "%s", info->agency_id);
	(void)snprintf(seen->id, sizeof(seen->id), "%s", info->redirect_uri);
	seen->count++;
}

static void
count_line(void *arg, const char *line, size_t size)
{
	unsigned int *count = arg;

	if (strlen(line) == size)
		(*count)++;
}

static unsigned int
count_records(struct mortise *context, const char *agency, const char *action,
    const char *resource)
{
	struct mortise_audit_filter filter = {
		.size = sizeof(filter), .agency_id = agency, .action = action,
		.resource_id = resource,
	};
	unsigned int count = 0;

	CHECK_NUMBER(mortise_audit_search(context, NULL, &filter, count_line, &count, NULL),
	    MORTISE_OK);
	return count;
}

/* --- the first user's flow ------------------------------------------------------ */

static const struct mortise_request ann = {
	.size = sizeof(ann), .agency_id = "ag_1", .user_email = "ann@agency.example",
	.ip_address = "192.0.2.7", .user_agent = "flow/1", .metadata = "{\"ticket\": \"T-1\"}",
};
static const struct mortise_request stranger = {.size = sizeof(stranger), .agency_id = "ag_2"};

static const struct mortise_token_store_options meta = {
	.size = sizeof(meta), .platform = "meta_ads", .connection_id = "act_42",
	.authorization_id = "auth_1",
};

static void
test_tokens(struct mortise *context, struct mortise_error *error)
{
	struct mortise_secret *tokens = secret_of(
	    "{\"access_token\":\"EAAB-1\",\"token_type\":\"bearer\",\"expires_in\":5183944}");
	struct mortise_secret *read = NULL;
	struct seen seen = {.count = 0};

	CHECK_NUMBER(mortise_token_store(context, &ann, &meta, tokens, see_authorization, &seen,
	    error), MORTISE_OK);
	CHECK_NUMBER(seen.count, 1);
	CHECK_TEXT(seen.id, "auth_1");
	CHECK_TEXT(seen.secret, "oauth/meta_ads/act_42");
	CHECK_TEXT(seen.status, "active");
	CHECK_TEXT(seen.agency, "ag_1");
	mortise_secret_free(tokens);

	CHECK_NUMBER(mortise_token_get(context, &ann, "auth_1", &read, error), MORTISE_OK);
	if (read != NULL)
		CHECK(strstr(mortise_secret_peek(read, NULL), "\"accessToken\":\"EAAB-1\"") != NULL);
	mortise_secret_free(read);
	read = NULL;
	CHECK_NUMBER(mortise_token_get(context, &ann, "oauth/meta_ads/act_42", &read, error),
	    MORTISE_OK);
	mortise_secret_free(read);
	read = NULL;

	/* Another agency gets nothing, by whatever call. */
	CHECK_NUMBER(mortise_token_get(context, &stranger, "auth_1", &read, error), MORTISE_DENIED);
	CHECK_NUMBER(mortise_error_reason(error), MORTISE_REASON_AGENCY);
	CHECK_NUMBER(mortise_get(context, &stranger, "oauth/meta_ads/act_42", NULL, &read, NULL,
	    error), MORTISE_DENIED);
	CHECK_NUMBER(mortise_token_revoke(context, &stranger, "auth_1", NULL, NULL, NULL, error),
	    MORTISE_DENIED);
	CHECK(read == NULL);

	/* A plain get of a token is a viewed token. */
	CHECK_NUMBER(mortise_get(context, NULL, "oauth/meta_ads/act_42", NULL, &read, NULL, error),
	    MORTISE_OK);
	mortise_secret_free(read);
	read = NULL;
	CHECK_NUMBER(count_records(context, "ag_1", "token_viewed", "auth_1"), 5);
	CHECK_NUMBER(count_records(context, NULL, "secret_viewed", NULL), 0);

	CHECK_NUMBER(mortise_token_revoke(context, &ann, "auth_1", NULL, see_authorization, &seen,
	    error), MORTISE_OK);
	CHECK_TEXT(seen.status, "revoked");
	CHECK_TEXT(seen.secret, "");
	CHECK_NUMBER(mortise_token_get(context, &ann, "auth_1", &read, error), MORTISE_NOT_FOUND);
	CHECK_NUMBER(mortise_token_revoke(context, &ann, "auth_1", NULL, NULL, NULL, error),
	    MORTISE_NOT_FOUND);
	CHECK_NUMBER(mortise_get(context, &ann, "oauth/meta_ads/act_42", NULL, &read, NULL, error),
	    MORTISE_NOT_FOUND);
	CHECK_NUMBER_AS(count_records(context, NULL, "access_granted", NULL), 2,
	    "an intent and an outcome");
}

/* A second store for the same connection updates its authorization. */
static void
test_store_again(struct mortise *context, struct mortise_error *error)
{
	struct mortise_token_store_options google = {
		.size = sizeof(google), .platform = "google_ads", .connection_id = "7",
		.agency_id = "ag_1", .action = "AGENCY_CONNECTED",
	};
	struct mortise_secret *tokens = secret_of("{\"accessToken\":\"a\",\"refreshToken\":\"r\"}");
	struct seen first = {.count = 0}, second = {.count = 0}, listed = {.count = 0};

	CHECK_NUMBER(mortise_token_store(context, NULL, &google, tokens, see_authorization, &first,
	    error), MORTISE_OK);
	CHECK(strncmp(first.id, "auth_", 5) == 0 && strlen(first.id) == 31);
	CHECK_NUMBER(mortise_token_store(context, NULL, &google, tokens, see_authorization, &second,
	    error), MORTISE_OK);
	CHECK_TEXT(second.id, first.id);
	google.agency_id = "ag_2";
	CHECK_NUMBER(mortise_token_store(context, NULL, &google, tokens, NULL, NULL, error),
	    MORTISE_DENIED);
	google.agency_id = "ag_1";
	google.connection_id = "8";
	google.authorization_id = first.id;
	CHECK_NUMBER_AS(mortise_token_store(context, NULL, &google, tokens, NULL, NULL, error),
	    MORTISE_CONFLICT, "an id that belongs to another connection");
	google.action = "token_viewed";
	CHECK_NUMBER_AS(mortise_token_store(context, NULL, &google, tokens, NULL, NULL, error),
	    MORTISE_INVALID, "an action that is not offered");
	CHECK_NUMBER(mortise_token_list(context, &stranger, see_authorization, &listed, error),
	    MORTISE_OK);
	CHECK_NUMBER(listed.count, 0);
	CHECK_NUMBER(mortise_token_list(context, &ann, see_authorization, &listed, error),
	    MORTISE_OK);
	CHECK_NUMBER_AS(listed.count, 2, "the revoked one and this one");
	mortise_secret_free(tokens);
}

static void
test_states(struct mortise *context, struct mortise_error *error)
{
	struct mortise_state_options options = {
		.size = sizeof(options), .platform = "meta_ads", .agency_id = "ag_1",
		.redirect_uri = "https://app.example/callback", .binding = "cookie",
	};
	char state[MORTISE_STATE_SIZE], other[MORTISE_STATE_SIZE];
	struct seen seen = {.count = 0};

	CHECK_NUMBER(mortise_state_create(context, NULL, &options, state, error), MORTISE_OK);
	CHECK_NUMBER(strlen(state), 43);
	CHECK_NUMBER(mortise_state_validate(context, NULL, state, "cookie", see_state, &seen,
	    error), MORTISE_OK);
	CHECK_TEXT(seen.id, "https://app.example/callback");
	CHECK_TEXT(seen.agency, "ag_1");
	CHECK_NUMBER_AS(mortise_state_validate(context, NULL, state, "cookie", NULL, NULL, error),
	    MORTISE_NOT_FOUND, "a replay");
	CHECK_TEXT(mortise_error_message(error), "Invalid or expired OAuth state");

	CHECK_NUMBER(mortise_state_create(context, NULL, &options, other, error), MORTISE_OK);
	CHECK_NUMBER_AS(mortise_state_validate(context, NULL, other, "another", NULL, NULL, error),
	    MORTISE_NOT_FOUND, "another binding");
	CHECK_NUMBER_AS(mortise_state_validate(context, NULL, other, "cookie", NULL, NULL, error),
	    MORTISE_NOT_FOUND, "used up by that");
	CHECK_NUMBER(mortise_state_validate(context, NULL, "../x", NULL, NULL, NULL, error),
	    MORTISE_NOT_FOUND);
	options.ttl_ms = 1;
	CHECK_NUMBER(mortise_state_create(context, NULL, &options, state, error), MORTISE_OK);
	(void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	CHECK_NUMBER_AS(mortise_state_validate(context, NULL, state, "cookie", NULL, NULL, error),
	    MORTISE_NOT_FOUND, "too late");
	options.agency_id = NULL;
	CHECK_NUMBER(mortise_state_create(context, NULL, &options, state, error), MORTISE_INVALID);
	CHECK_NUMBER(count_records(context, NULL, "state_rejected", NULL), 5);
	CHECK_NUMBER(count_records(context, "ag_1", "state_validated", NULL), 1);
}

/* --- swapping backends by the configuration alone -------------------------------- */

static void
put_text(struct mortise *context, const char *name, const char *text)
{
	struct mortise_secret *value = secret_of(text);

	CHECK_NUMBER(mortise_put(context, NULL, name, value, NULL, NULL, NULL), MORTISE_OK);
	mortise_secret_free(value);
}

static void
check_text(struct mortise *context, const char *name, const char *want, const char *backend)
{
	struct mortise_secret *value = NULL;
	struct mortise_place place = {""};

	CHECK_NUMBER_AS(mortise_get(context, NULL, name, NULL, &value, &place, NULL), MORTISE_OK,
	    name);
	CHECK_TEXT_AS(value == NULL ? NULL : mortise_secret_peek(value, NULL), want, name);
	CHECK_AS(strncmp(place.text, backend, strlen(backend)) == 0 &&
	    place.text[strlen(backend)] == ':', "%s answers from %s: %s", name, backend,
	    place.text);
	mortise_secret_free(value);
}

static void
test_swap(struct mortise_error *error)
{
	struct mortise *context = open_config("a.yaml", error);

	put_text(context, "moved/one", "in store");
	check_text(context, "moved/one", "in store", "store");
	mortise_close(context);
	context = open_config("b.yaml", error);
	check_text(context, "moved/one", "in store", "store");	/* by fallback */
	put_text(context, "moved/one", "in spare");
	check_text(context, "moved/one", "in spare", "spare");
	mortise_close(context);
	context = open_config("a.yaml", error);
	check_text(context, "moved/one", "in store", "store");
	mortise_close(context);
}

/* --- versions and labels ------------------------------------------------------------ */

static void
add_text(void *arg, const char *text)
{
	char *all = arg;
	size_t used = strlen(all);

	(void)snprintf(all + used, 256 - used, "%s ", text);
}

static void
add_version(void *arg, const struct mortise_version_info *info)
{
	CHECK(info->created_ms > 0 && !info->destroyed);
	add_text(arg, info->version.text);
}

static void
add_label(void *arg, const struct mortise_pair *label)
{
	add_text(arg, label->name);
	add_text(arg, label->value);
}

static void
test_versions(struct mortise *context)
{
	const struct mortise_pair labels[] = {{"owner", "ann"}, {"team", "ads"}};
	struct mortise_put_options options = {
		.size = sizeof(options), .labels = labels, .labels_count = 2,
	};
	struct mortise_secret *one = secret_of("one"), *two = secret_of("two"), *read = NULL;
	struct mortise_place first, second;
	char all[256] = "", want[256];

	CHECK_NUMBER(mortise_put(context, NULL, "v/a", one, &options, &first, NULL), MORTISE_OK);
	CHECK_NUMBER(mortise_put(context, NULL, "v/a", two, NULL, &second, NULL), MORTISE_OK);
	CHECK_NUMBER(mortise_get(context, NULL, "v/a", first.text, &read, NULL, NULL), MORTISE_OK);
	CHECK(read != NULL && mortise_secret_equal(read, one));
	mortise_secret_free(read);
	CHECK_NUMBER(mortise_history(context, NULL, "v/a", add_version, add_label, all, NULL),
	    MORTISE_OK);
	(void)snprintf(want, sizeof(want), "%s %s owner ann team ads ", second.text, first.text);
	CHECK_TEXT_AS(all, want, "newest first, then the labels, which a put without any leaves");
	mortise_secret_free(one);
	mortise_secret_free(two);
}

/* --- threads ------------------------------------------------------------------------ */

struct worker {
	struct mortise *context;
	const char *state;
	unsigned int number, won, wrong;
};

static void *
work(void *arg)
{
	struct worker *worker = arg;
	char name[64], text[64];

	(void)snprintf(name, sizeof(name), "thread/%u", worker->number);
	for (unsigned int i = 0; i < 10; i++) {
		struct mortise_secret *value, *read = NULL;

		(void)snprintf(text, sizeof(text), "%u:%u", worker->number, i);
		value = secret_of(text);
		if (mortise_put(worker->context, NULL, name, value, NULL, NULL, NULL) != MORTISE_OK ||
		    mortise_get(worker->context, NULL, name, NULL, &read, NULL, NULL) != MORTISE_OK ||
		    !mortise_secret_equal(value, read))
			worker->wrong++;
		mortise_secret_free(value);
		mortise_secret_free(read);
	}
	if (mortise_state_validate(worker->context, NULL, worker->state, NULL, NULL, NULL, NULL) ==
	    MORTISE_OK)
		worker->won++;
	return NULL;
}

#define WORKERS 8

static void
test_threads(struct mortise *context)
{
	struct mortise_state_options options = {
		.size = sizeof(options), .platform = "p", .agency_id = "a", .redirect_uri = "u",
	};
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS];
	char state[MORTISE_STATE_SIZE];
	unsigned int won = 0, wrong = 0;

	CHECK_NUMBER(mortise_state_create(context, NULL, &options, state, NULL), MORTISE_OK);
	for (unsigned int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.context = context, .state = state, .number = i};
		if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
			exit(1);
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		(void)pthread_join(threads[i], NULL);
		won += workers[i].won;
		wrong += workers[i].wrong;
	}
	CHECK_NUMBER_AS(won, 1, "one thread takes the state");
	CHECK_NUMBER_AS(wrong, 0, "every thread reads what it wrote");
}

/* --- the trail holds ------------------------------------------------------------------ */

static void
test_verify(const char *trail)
{
	char segment[300], head[300], verdict[256];
	const char *files[] = {segment};
	struct mortise_verify_options options = {
		.size = sizeof(options), .files = files, .files_count = 1, .head_file = head,
	};

	(void)snprintf(segment, sizeof(segment), "%s/%s/000001.jsonl", directory, trail);
	(void)snprintf(head, sizeof(head), "%s/%s/head", directory, trail);
	CHECK_NUMBER(mortise_audit_verify(&options, verdict, sizeof(verdict), NULL), MORTISE_OK);
	printf("# %s\n", verdict);
}

int
main(void)
{
	struct mortise_error *error = mortise_error_new();
	struct mortise *context;

	install();
	write_config("a.yaml",
	    "  - {match: \"moved/*\", get: [store, spare], put: store, delete: store}\n"
	    "  - {match: \"*\", use: store}\n");
	write_config("b.yaml",
	    "  - {match: \"moved/*\", get: [spare, store], put: spare, delete: spare}\n"
	    "  - {match: \"*\", use: store}\n");
	context = open_config("a.yaml", error);
	CHECK(context != NULL);
	if (context != NULL) {
		test_tokens(context, error);
		test_store_again(context, error);
		test_states(context, error);
		test_versions(context);
		test_threads(context);
		mortise_close(context);
		test_swap(error);
		test_verify("trail");
	}
	mortise_error_free(error);
	uninstall();
	return test_end();
}
