/* SPDX-License-Identifier: BSD-2-Clause */
#include "oauth/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/name.h"
#include "oauth/json.h"
#include "oauth/tokens.h"

static bool
is_revoked(const struct mortise_authorization *public)
{
	return strcmp(public->status, "revoked") == 0;
}

/* The authorization is what the record is about. */
static enum mortise_code
own(struct operation *operation, const struct authorization *authorization)
{
	operation_about(operation, authorization->public.authorization_id);
	return operation_agency(operation, authorization->public.agency_id);
}

/* What a store will write, from the options and what is there already. */
struct storing {
	struct authorization old;	/* json NULL: none */
	struct mortise_authorization new;
	char name[MORTISE_NAME_MAX + 1];
	char made_id[32];
	struct mortise_secret *stored;
};

static void
storing_free(struct storing *storing)
{
	authorization_free(&storing->old);
	mortise_secret_free(storing->stored);
}

static enum mortise_code
choose_id(struct operation *operation, const struct mortise_token_store_options *options,
    struct storing *storing)
{
	enum mortise_code code = MORTISE_OK;

	if (options->authorization_id != NULL) {
		code = authorization_check_id(options->authorization_id, operation->error);
		storing->new.authorization_id = options->authorization_id;
	} else if (storing->old.json != NULL)
		storing->new.authorization_id = storing->old.public.authorization_id;
	else {
		code = authorization_make_id(storing->made_id, operation->error);
		storing->new.authorization_id = storing->made_id;
	}
	if (code == MORTISE_OK)
		operation_about(operation, storing->new.authorization_id);
	return code;
}

static enum mortise_code
find_old(struct operation *operation, struct storing *storing)
{
	enum mortise_code code = authorization_of_secret(operation, storing->name, &storing->old);

	if (code == MORTISE_NOT_FOUND)
		return MORTISE_OK;
	if (code != MORTISE_OK)
		return code;
	/* A connection that was given back may go to another agency. */
	if (is_revoked(&storing->old.public))
		return MORTISE_OK;
	return own(operation, &storing->old);
}

static enum mortise_code
prepare(struct operation *operation, const struct mortise_token_store_options *options,
    const struct mortise_secret *tokens, struct storing *storing)
{
	int64_t now = clock_unix_ms(), expires = 0;
	enum mortise_code code;

	if (options->agency_id != NULL)
		operation_claim(operation, options->agency_id);
	code = tokens_name(operation->engine->config->token_name, options->platform,
	    options->connection_id, storing->name, operation->error);
	if (code != MORTISE_OK)
		return code;
	operation_about(operation, storing->name);
	code = tokens_normalise(tokens, now, &storing->stored, &expires, operation->error);
	if (code == MORTISE_OK)
		code = find_old(operation, storing);
	if (code == MORTISE_OK)
		code = choose_id(operation, options, storing);
	storing->new.size = sizeof(storing->new);
	storing->new.agency_id = operation->agency_id[0] == '\0' ? NULL : operation->agency_id;
	storing->new.platform = options->platform;
	storing->new.connection_id = options->connection_id;
	storing->new.secret_id = storing->name;
	storing->new.status = "active";
	storing->new.refresh = "none";
	storing->new.expires_ms = expires;
	storing->new.refresh_ms = tokens_refresh_ms(now, expires);
	storing->new.created_ms = storing->old.json != NULL ? storing->old.public.created_ms : now;
	storing->new.updated_ms = now;
	return code;
}

/* The tokens are safe by now: a failure must not read as if they were not. */
static enum mortise_code
record_authorization(struct operation *operation, const struct storing *storing)
{
	enum mortise_code code = authorization_write(operation, &storing->new, storing->name,
	    &storing->old.version);
	char *cause _cleanup_(free_pointer) = NULL;

	if (code == MORTISE_OK)
		return code;
	cause = text_dup(operation->error->message);
	return error_set(operation->error, code, operation->error->reason,
	    "the tokens are kept as %s, but their authorization could not be recorded: %s; "
	    "store them again", storing->name, cause == NULL ? "out of memory" : cause);
}

enum mortise_code
token_store(struct operation *operation, const struct mortise_token_store_options *options,
    const struct mortise_secret *tokens, struct authorization *authorization)
{
	struct storing storing _cleanup_(storing_free) = {.old = {.json = NULL}};
	enum mortise_code code = prepare(operation, options, tokens, &storing);

	if (code == MORTISE_OK)
		code = operation_intent(operation);
	if (code == MORTISE_OK)
		code = operation_put(operation, storing.name, storing.stored, NULL, true, NULL);
	if (code == MORTISE_OK)
		code = record_authorization(operation, &storing);
	return code == MORTISE_OK ?
	    authorization_of_secret(operation, storing.name, authorization) : code;
}

/* Stored tokens in the form that token get gives. */
static enum mortise_code
present(struct operation *operation, struct mortise_secret **tokens)
{
	struct mortise_secret *presented;
	int64_t expires;
	enum mortise_code code = tokens_normalise(*tokens, clock_unix_ms(), &presented, &expires,
	    NULL);

	mortise_secret_free(*tokens);
	*tokens = NULL;
	if (code != MORTISE_OK)
		return error_set(operation->error, MORTISE_ERROR, MORTISE_REASON_NONE,
		    "what is stored there are no tokens; `mortise get` reads it as it is");
	*tokens = presented;
	return MORTISE_OK;
}

/* The operation's resource by id: an authorization, or a bare secret name. */
static enum mortise_code
resolve(struct operation *operation, const char *id, struct authorization *authorization,
    const char **name)
{
	enum mortise_code code = authorization_find(operation, id, authorization);

	if (code == MORTISE_NOT_FOUND) {
		*name = id;
		return name_check(id, operation->error);
	}
	if (code != MORTISE_OK)
		return code;
	*name = authorization->secret_name;
	code = own(operation, authorization);
	if (code == MORTISE_OK && is_revoked(&authorization->public))
		code = error_set(operation->error, MORTISE_NOT_FOUND, MORTISE_REASON_NONE,
		    "this authorization was revoked; its tokens are gone");
	return code;
}

enum mortise_code
token_get(struct operation *operation, const char *id, struct mortise_secret **tokens,
    struct authorization *authorization)
{
	const char *name;
	enum mortise_code code = resolve(operation, id, authorization, &name);

	if (code == MORTISE_OK)
		code = operation_get(operation, name, NULL, tokens, NULL);
	if (code == MORTISE_OK && authorization->json == NULL)
		log_line(operation->engine->logger, MORTISE_LOG_WARNING,
		    "%s has no authorization; store its tokens by `token store`", name);
	return code == MORTISE_OK ? present(operation, tokens) : code;
}

enum mortise_code
token_claim(struct operation *operation, const char *name, struct authorization *authorization)
{
	enum mortise_code code;

	if (!tokens_name_matches(operation->engine->config->token_name, name))
		return MORTISE_OK;
	operation->action = "token_viewed";
	operation->resource_type = "platform_authorization";
	if (operation->engine->config->state_count == 0)
		return MORTISE_OK;
	code = authorization_of_secret(operation, name, authorization);
	if (code == MORTISE_NOT_FOUND)
		return MORTISE_OK;
	return code == MORTISE_OK ? own(operation, authorization) : code;
}

static enum mortise_code
set_status(struct operation *operation, struct authorization *authorization, const char *status,
    bool keep_secret)
{
	struct mortise_authorization public = authorization->public;
	enum mortise_code code;

	public.status = status;
	public.updated_ms = clock_unix_ms();
	if (!keep_secret) {
		public.secret_id = NULL;
		public.refresh_ms = 0;
	}
	code = authorization_write(operation, &public, authorization->secret_name,
	    &authorization->version);
	if (code == MORTISE_OK) {
		struct authorization written = {.json = NULL};

		code = authorization_of_secret(operation, authorization->secret_name, &written);
		if (code != MORTISE_OK)
			return code;
		authorization_free(authorization);
		*authorization = written;
	}
	return code;
}

enum mortise_code
token_revoke(struct operation *operation, const char *id, struct authorization *authorization)
{
	const char *name;
	enum mortise_code code = resolve(operation, id, authorization, &name);
	bool known = authorization->json != NULL;
	char secret[MORTISE_NAME_MAX + 1];

	if (code != MORTISE_OK)
		return code;
	(void)snprintf(secret, sizeof(secret), "%s", name);
	code = operation_intent(operation);
	if (code == MORTISE_OK && known)
		code = set_status(operation, authorization, "revoking", true);
	if (code != MORTISE_OK)
		return code;
	code = operation_delete(operation, secret);
	/* Gone already: a revoke that was cut short is being finished. */
	if (code == MORTISE_NOT_FOUND && known)
		code = MORTISE_OK;
	return code == MORTISE_OK && known ?
	    set_status(operation, authorization, "revoked", false) : code;
}

void
authorizations_free(struct authorizations *list)
{
	for (size_t i = 0; i < list->count; i++)
		authorization_free(&list->items[i]);
	free(list->items);
}

struct listing {
	struct operation *operation;
	struct authorizations *list;
};

static bool
is_wanted(const struct operation *operation, const struct authorization *authorization)
{
	const char *agency = authorization->public.agency_id;

	return operation->request_agency == NULL ||
	    (agency != NULL && strcmp(operation->request_agency, agency) == 0);
}

static enum mortise_code
list_one(void *arg, const struct mortise_record *record)
{
	const struct listing *listing = arg;
	struct authorizations *list = listing->list;
	struct authorization authorization = {.json = NULL}, *bigger;
	enum mortise_code code = authorization_parse(record->key, record->value,
	    record->value_size, &authorization, listing->operation->error);

	if (code != MORTISE_OK)
		return code;
	if (!is_wanted(listing->operation, &authorization)) {
		authorization_free(&authorization);
		return MORTISE_OK;
	}
	if (list->count == list->capacity) {
		size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;

		bigger = realloc(list->items, capacity * sizeof(*bigger));
		if (bigger == NULL) {
			authorization_free(&authorization);
			return error_memory(listing->operation->error);
		}
		list->items = bigger;
		list->capacity = capacity;
	}
	list->items[list->count++] = authorization;
	return MORTISE_OK;
}

enum mortise_code
token_list(struct operation *operation, struct authorizations *list)
{
	struct listing listing = {.operation = operation, .list = list};

	return operation_state_list(operation, AUTHORIZATION_PREFIX, list_one, &listing);
}
