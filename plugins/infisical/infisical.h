/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * infisical: secrets of one environment of an Infisical project.
 *
 *   options.c    the schema, and instances
 *   login.c      how a token is got and renewed
 *   request.c    one request, to a server of either generation
 *   folders.c    makes folders; is all of it there?
 *   answer.c     what an answer means, and the secret in it
 *   names.c      a name as a folder and a key, and back
 *   secrets.c    get, delete, list
 *   put.c        put
 *   versions.c   describe, undo
 *
 * Facts of the protocol: the vendor's API documents and the server's public source
 * (routes/v4/secret-router, plugins/error-handler), and an old server where they differ.
 * Servers before /api/v4 have the same under /api/v3/secrets/raw, and say with 400 what
 * others say with 404.
 */
#ifndef INFISICAL_H
#define INFISICAL_H

#include <mortise/plugin.h>
#include <stdatomic.h>

#include "sdk/encoding.h"
#include "sdk/http.h"
#include "sdk/json.h"
#include "sdk/session.h"

#define PATH_SIZE 8192			/* of a request, with its NUL */
#define FOLDER_SIZE 2048		/* of a folder's path, with its NUL */
#define BASE_MAX 512			/* bytes of the option path */

enum infisical_method {
	INFISICAL_UNIVERSAL,
	INFISICAL_TOKEN,
	INFISICAL_KUBERNETES,
	INFISICAL_OIDC
};

struct infisical {
	const struct mortise_host *host;
	const struct mortise_options *options;
	struct mortise_http *http;
	struct session *session;
	char *identity;
	char *base;			/* the folder of all names: "" or "/a/b" */
	const char *project, *environment;
	enum infisical_method method;
	/* With `env`, from there; else NULL. */
	const char *given_token, *given_id, *given_secret;
	atomic_int generation;		/* of the API: 4, 3; 0 = not yet asked */
	atomic_bool compared;		/* a value that was put came back as it was */
};

/* --- answer.c --------------------------------------------------------------------- */

/* What an answer says that is more than a code. */
enum said {
	SAID_NOTHING,
	SAID_NO_ROUTE,			/* the server is of another generation */
	SAID_NO_TOKEN,			/* it has ended, was revoked, or is none */
	SAID_NO_SECRET,
	SAID_NO_FOLDER,
	SAID_EXISTS			/* the secret, or folder, that was to be made */
};

struct meaning {
	int status;			/* 0: any but 2xx */
	const char *error, *begins, *has;	/* "error"; "message"; NULL: any */
	enum said said;
	enum mortise_code code;
	enum mortise_reason reason;
	const char *words;		/* ours: a server's own may hold a value */
};

/* NULL: the status alone says it. */
const struct meaning *meaning_of(int status, const json_t *tree);
/* When to come back, as the text says it, in ms; 0: it does not. */
int64_t meaning_wait_ms(const json_t *tree);

/* A secret as an answer has it; what it points to is the tree's. */
struct kept {
	int64_t version;
	const char *text, *id;		/* text NULL: hidden from this identity; id: NULL: none */
	size_t size;
	const json_t *labels;
	int64_t created_ms, updated_ms;	/* 0: not said */
};

/* Has it a secret?  denied: a change policy has taken the change instead of doing it. */
enum mortise_code is_done(const struct infisical *, struct mortise_call *, const json_t *tree,
    const char *what);
/* The same, and what the secret is. */
enum mortise_code kept_of(const struct infisical *, struct mortise_call *, const json_t *tree,
    const char *what, struct kept *);
/* The value that it stands for.  denied: hidden. */
enum mortise_code kept_value(const struct infisical *, struct mortise_call *, const struct kept *,
    const char *what, struct mortise_secret **value);
/* Would a server alter it, or read it as more than bytes? */
bool needs_marker(const char *bytes, size_t size);
/* Does it begin or end with what the server's trim takes away? */
bool blank_ended(const char *bytes, size_t size);
/* add_name for each secret of a list that begins with prefix; folder: where a server that
 * does not say it has them. */
enum mortise_code kept_names(const struct infisical *, struct mortise_call *, const json_t *tree,
    const char *folder, const char *prefix, struct mortise_out *);

enum mortise_code infisical_no_memory(const struct infisical *, struct mortise_call *);
/* Fails: a whole answer that is none of the protocol's. */
enum mortise_code infisical_strange(const struct infisical *, struct mortise_call *,
    const char *what);

/* --- names.c ---------------------------------------------------------------------- */

/* "a/b.c/d" as the folder "BASE/a/b_-dc" and the key "d", which is the name's end.
 * false: too long. */
bool name_split(const char *base, const char *name, char folder[FOLDER_SIZE], const char **key);
/* Back.  false: it is the name of none. */
bool name_join(const char *base, const char *folder, const char *key,
    char name[MORTISE_NAME_MAX + 1]);

/* --- request.c -------------------------------------------------------------------- */

struct infisical_request {
	const char *method, *path;		/* path: from /api/ on, encoded */
	const struct mortise_secret *body;	/* JSON; NULL: none */
	bool anonymous;				/* without a token */
	bool login;				/* whose refusals are of another kind */
	const char *what;			/* for messages: the secret's name, "the login" */
};

struct infisical_answer {
	int status;			/* 0: none came */
	enum said said;
	int64_t date_ms;		/* the server's clock; 0: not said */
	json_t *tree;			/* NULL: no body, or no JSON */
};

/* Asks, with a login where one is needed, and once more after a refused token.  ok: 2xx.
 * Otherwise fails with what the answer means; the answer is there all the same.
 * answer_forget() in each case. */
enum mortise_code infisical_ask(struct infisical *, struct mortise_call *,
    const struct infisical_request *, struct infisical_answer *);
void answer_forget(struct infisical_answer *);

/* What is asked of one secret, or with name NULL of all below `folder`. */
struct secret_request {
	const char *method, *name, *folder;
	int64_t version;			/* 0: the newest */
	bool unseen;				/* without the value */
	const struct mortise_secret *value;	/* to be written; NULL: none */
	const char *text;			/* the same, as it is kept already */
	size_t text_size;
	const struct mortise_pair *labels;	/* NULL: as they are */
	size_t labels_count;
};

/* The same, to whichever generation the server is of. */
enum mortise_code secret_ask(struct infisical *, struct mortise_call *,
    const struct secret_request *, struct infisical_answer *);
/* GET, with what is in the answer.  version 0: the newest; not_found: another one came. */
enum mortise_code infisical_read(struct infisical *, struct mortise_call *, const char *name,
    int64_t version, bool unseen, struct infisical_answer *, struct kept *);
/* 4 or 3; 4 until it turns out to be 3; the first time the server is asked whether it
 * is one. */
enum mortise_code infisical_generation(struct infisical *, struct mortise_call *, int *found);
/* What came of a read, or of folders, before a write: nothing was sent yet that could be
 * in doubt. */
enum mortise_code before_write(const struct infisical *, struct mortise_call *, const char *name,
    enum mortise_code);

/* --- folders.c -------------------------------------------------------------------- */

/* Makes a name's folder and those above it; those that are there are fine. */
enum mortise_code folders_make(struct infisical *, struct mortise_call *, const char *name);
/* Is the address one, do we get in, and are project and environment there? */
enum mortise_code infisical_check(void *instance, struct mortise_call *);

/* --- login.c ---------------------------------------------------------------------- */

extern const struct session_ops infisical_session_ops;	/* arg: a struct infisical */

/* --- secrets.c, put.c, versions.c ------------------------------------------------- */

enum mortise_code infisical_remove(void *instance, struct mortise_call *, const char *name);

/* What a receipt has for undo. */
struct mark {
	int64_t began_ms;		/* our clock, before anything was sent */
	char id[64];			/* the secret's, "": not said; a name has many lives */
};
enum mortise_code infisical_put(void *instance, struct mortise_call *, const char *name,
    const struct mortise_secret_put *, struct mortise_receipt *);
/* Is the newest version the one that the put made, or has what it was to write? */
bool kept_is_ours(const struct infisical *, struct mortise_call *, const struct kept *,
    int64_t date_ms, const struct mortise_receipt *, const struct mortise_secret *written);
enum mortise_code infisical_describe(void *instance, struct mortise_call *, const char *name,
    struct mortise_out *);
enum mortise_code infisical_undo(void *instance, struct mortise_call *, const char *name,
    const struct mortise_receipt *, const struct mortise_secret *written);

extern const struct mortise_secret_ops infisical_secret_ops;

#endif
