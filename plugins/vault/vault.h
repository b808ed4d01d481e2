/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vault: HashiCorp Vault and OpenBao, key/value engine of version 1 and 2.
 *
 *   options.c    the schema, and instances
 *   login.c      how a token is got and renewed
 *   request.c    one request, and what its answer means
 *   mount.c      which version a mount has, and paths in it
 *   fields.c     a value in the fields of a secret
 *   secrets.c    get, put, delete, list
 *   versions.c   describe, undo
 *
 * Facts of the protocol: the vendors' API documents ("KV secrets engine - version 2 (API)",
 * "System backend"), and a real OpenBao 2.7 where they are silent.
 */
#ifndef VAULT_H
#define VAULT_H

#include <mortise/plugin.h>
#include <pthread.h>
#include <stdatomic.h>

#include "sdk/encoding.h"
#include "sdk/http.h"
#include "sdk/json.h"
#include "sdk/session.h"

#define PATH_SIZE 2048			/* of a request, with its NUL */
#define INDEX_SIZE 1025			/* of a state's name, with its NUL */

enum vault_method {
	VAULT_TOKEN,
	VAULT_APPROLE,
	VAULT_KUBERNETES,
	VAULT_JWT,
	VAULT_CERT
};

struct vault {
	const struct mortise_host *host;
	const struct mortise_options *options;
	struct mortise_http *http;
	struct session *session;
	char *identity;
	char *mount, *prefix;		/* without slashes at their ends; prefix "": none */
	const char *namespace, *field;	/* namespace NULL: none */
	char *token_file;		/* with `env`, where the token is in a file; else NULL */
	const char *environment_token;	/* with `env`; else NULL */
	bool replace;
	int kv_version;			/* as stated: 1, 2; 0 = to be found out */
	atomic_int found_version;	/* 0 = not yet */
	enum vault_method method;
	pthread_mutex_t lock;		/* guards what follows */
	char index[INDEX_SIZE];		/* the newest state that a server has told of; "": none has */
	/* An unwrapped secret-id and the wrapping token that it came by; the session has one
	 * login at a time, and nobody else looks. */
	struct mortise_secret *secret_id, *wrapping;
};

/* --- request.c ------------------------------------------------------------------ */

struct vault_request {
	const char *method, *path;		/* path: from /v1/ on, encoded */
	const struct mortise_secret *body;	/* JSON; NULL: none */
	const struct mortise_secret *token;	/* this one, and no other after a refusal */
	bool anonymous;				/* without any */
	const char *what;			/* for messages: the secret's name, "the login" */
};

struct vault_answer {
	int status;			/* 0: none came */
	json_t *tree;			/* NULL: no body, or no JSON */
};

/* Asks, with a login where one is needed, once more after a refused token, and until the
 * deadline while the server only has to catch up.  ok: 2xx.  Otherwise fails with what the
 * answer means; the answer is there all the same.  answer_forget() in each case. */
enum mortise_code vault_ask(struct vault *, struct mortise_call *, const struct vault_request *,
    struct vault_answer *);
void answer_forget(struct vault_answer *);
/* A member of "data"; NULL: none. */
json_t *answer_data(const struct vault_answer *, const char *member);
enum mortise_code vault_no_memory(const struct vault *, struct mortise_call *);
/* Fails: a whole answer that is none of the protocol's. */
enum mortise_code vault_strange(const struct vault *, struct mortise_call *, const char *what);

/* --- login.c ---------------------------------------------------------------------- */

extern const struct session_ops vault_session_ops;	/* arg: a struct vault */

/* --- mount.c ---------------------------------------------------------------------- */

/* 1 or 2, as stated or as the server says; found out once. */
enum mortise_code mount_version(struct vault *, struct mortise_call *, int *version);
/* "/v1/MOUNT/[PART/]PREFIX/NAME"; part "" for version 1.  invalid: too long. */
enum mortise_code mount_path(const struct vault *, struct mortise_call *, const char *part,
    const char *name, char path[PATH_SIZE]);

/* --- fields.c --------------------------------------------------------------------- */

/* The value of a secret's fields: that of ours where it is the only one, else all of them
 * as JSON with sorted members. */
enum mortise_code fields_value(const struct vault *, struct mortise_call *, const json_t *fields,
    struct mortise_secret **value);
/* Are there fields beside ours? */
bool fields_foreign(const struct vault *, const json_t *fields);
/* A body: {"data":{FIELD:value},"options":{"cas":version}}, or with version < 0 the fields
 * alone.  NULL: no memory. */
struct mortise_secret *fields_body(const struct vault *, const struct mortise_secret *value,
    int64_t version);

/* --- versions.c ------------------------------------------------------------------- */

/* The newest version of a secret in a mount of version 2. */
struct newest {
	int64_t version;		/* 0: there is none, nor was */
	json_t *fields;			/* borrowed of the answer; NULL: deleted or none */
	struct vault_answer answer;	/* the caller's to forget, under each code */
};
enum mortise_code newest_read(struct vault *, struct mortise_call *, const char *name,
    struct newest *);
enum mortise_code vault_describe(void *instance, struct mortise_call *, const char *name,
    struct mortise_out *);
enum mortise_code vault_undo(void *instance, struct mortise_call *, const char *name,
    const struct mortise_receipt *, const struct mortise_secret *written);

extern const struct mortise_secret_ops vault_secret_ops;

#endif
