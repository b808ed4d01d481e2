/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * aws: secrets in AWS Secrets Manager.
 *
 *   options.c      the schema, and instances
 *   place.c        region and endpoint
 *   keys.c         where keys come from, in their order
 *   profile.c      keys of the shared files
 *   ini.c          what such a file says
 *   sts.c          keys of a role
 *   metadata.c     keys of a container, or of the machine
 *   request.c      one request, and what its answer means
 *   secrets.c      get, delete, list
 *   put.c          put
 *   versions.c     describe, undo
 *
 * Facts of the protocol: AWS's API references of Secrets Manager and STS, its "SDKs and
 * Tools Reference Guide" for keys and places, and moto where they are silent.
 */
#ifndef AWS_H
#define AWS_H

#include <mortise/plugin.h>

#include "sdk/encoding.h"
#include "sdk/http.h"
#include "sdk/json.h"
#include "sdk/session.h"

#define REGION_SIZE 64
#define NAME_MAX_AWS 512		/* bytes of a secret's name there */

struct aws {
	const struct mortise_host *host;
	const struct mortise_options *options;
	struct session *session;	/* secrets: key id, secret key, session token or NULL */
	char *prefix;			/* without slashes at its ends; "": none */
	char *identity;
	const char *profile;		/* "default" where none is named */
	bool profile_named;
	/* Set at open or, where only the machine knows its region, by the first login. */
	char region[REGION_SIZE];
	char scope[REGION_SIZE + 32];	/* "aws:amz:REGION:secretsmanager" */
	struct mortise_http *http;
	/* The session has one login at a time, and nobody else looks. */
	struct mortise_http *sts, *metadata, *container;
	_Atomic int64_t skew_ms;	/* the server's clock less ours, once it has complained */
};

enum mortise_code aws_no_memory(const struct aws *, struct mortise_call *);

/* --- place.c ---------------------------------------------------------------------- */

/* The region as far as files and environment know it; "" = not. */
enum mortise_code place_region(struct aws *, struct mortise_call *);
/* The client, once the region is known. */
enum mortise_code place_connect(struct aws *, struct mortise_call *);
/* "https://sts.REGION.amazonaws.com" or what stands for it. */
enum mortise_code place_sts(struct aws *, struct mortise_call *);
/* The environment's; NULL: not there, or empty. */
const char *place_environment(const char *variable);

/* --- ini.c ------------------------------------------------------------------------ */

/*
 * The value of a key in a section ("default", "profile web") of a file of AWS's form, of the
 * key `inner` below it if that is not NULL.  false: there is none.  *value points into the
 * text, *length bytes.
 */
bool ini_find(const char *text, size_t size, const char *section, const char *key,
    const char *inner, const char **value, size_t *length);
bool ini_section(const char *text, size_t size, const char *section);

/* --- profile.c -------------------------------------------------------------------- */

/* A setting of the configured profile, in `to`.  not_found: it is not given. */
enum mortise_code profile_setting(const struct aws *, struct mortise_call *, const char *key,
    char *to, size_t size);
/* The endpoint that a profile's services section has for `service`. */
enum mortise_code profile_service(const struct aws *, struct mortise_call *,
    const char *service, char *to, size_t size);
/* Keys by the configured profile.  not_found: there is none, or none in it. */
enum mortise_code profile_keys(struct aws *, struct mortise_call *, struct session_grant *);

/* --- sts.c ------------------------------------------------------------------------ */

struct role {
	const char *arn, *session_name, *external_id;	/* the last two: NULL = none */
	const struct mortise_secret *web_token;		/* NULL: signed with `by` */
	const struct session_grant *by;
	int64_t seconds;				/* 0: as the role says */
};
enum mortise_code sts_assume(struct aws *, struct mortise_call *, const struct role *,
    struct session_grant *);
enum mortise_code sts_assume_web(struct aws *, struct mortise_call *, const struct role *,
    const struct mortise_secret *text, struct session_grant *);
/* Keys of AWS_WEB_IDENTITY_TOKEN_FILE; not_found: it is not set. */
enum mortise_code sts_web_keys(struct aws *, struct mortise_call *, struct session_grant *);
/* A whole small file. */
enum mortise_code sts_read_file(const struct aws *, struct mortise_call *, const char *path,
    struct mortise_secret **text);
/* The text of an element of XML; false: there is none, or it has more than text in it. */
bool xml_text(const char *text, size_t size, const char *element, const char **value,
    size_t *length);

/* --- metadata.c ------------------------------------------------------------------- */

enum mortise_code container_keys(struct aws *, struct mortise_call *, struct session_grant *);
enum mortise_code machine_keys(struct aws *, struct mortise_call *, struct session_grant *);
/* not_found: not asked, or no machine of theirs. */
enum mortise_code machine_region(struct aws *, struct mortise_call *, char region[REGION_SIZE]);
/* {"AccessKeyId", "SecretAccessKey", "Token" or "SessionToken", "Expiration"} */
enum mortise_code keys_from_json(const struct aws *, struct mortise_call *, const json_t *,
    const char *token_member, const char *what, struct session_grant *);

/* --- keys.c ----------------------------------------------------------------------- */

extern const struct session_ops aws_session_ops;	/* arg: a struct aws */
/* Takes keys; expires_ms: Unix time, 0 = never. */
enum mortise_code keys_take(const struct aws *, struct mortise_call *, const char *id,
    size_t id_size, const char *key, size_t key_size, const char *token, size_t token_size,
    int64_t expires_ms, struct session_grant *);
void keys_drop(const struct aws *, struct session_grant *);
enum mortise_code environment_keys(const struct aws *, struct mortise_call *,
    struct session_grant *);

/* --- request.c -------------------------------------------------------------------- */

/* What an answer says that is more than a code. */
enum said {
	SAID_NOTHING,
	SAID_NOT_FOUND,
	SAID_DELETED,			/* marked so: it can be restored */
	SAID_DELETING,			/* on its way: not yet free again */
	SAID_EXISTS,
	SAID_THROTTLED,
	SAID_EXPIRED,			/* the keys */
	SAID_SKEWED			/* the clocks differ */
};

struct aws_answer {
	int status;			/* 0: none came */
	enum said said;
	json_t *tree;			/* NULL: none, or no JSON */
};

/* Calls an operation ("GetSecretValue").  writes: with a token of its own, so that it may
 * be sent again.  ok: 2xx; otherwise fails with what it means.  answer_forget() always. */
enum mortise_code aws_ask(struct aws *, struct mortise_call *, const char *operation,
    const struct mortise_secret *body, bool writes, const char *what, struct aws_answer *);
/* The same with a body of these members. */
enum mortise_code aws_ask_members(struct aws *, struct mortise_call *, const char *operation,
    const struct text_member *, size_t count, bool writes, const char *what,
    struct aws_answer *);
void answer_forget(struct aws_answer *);
/* Fails: a whole answer that is none of the protocol's. */
enum mortise_code aws_strange(const struct aws *, struct mortise_call *, const char *what);
/* "PREFIX/NAME", with "=" behind one that ends in a hyphen and six characters.  invalid: it
 * is too long. */
enum mortise_code aws_name(const struct aws *, struct mortise_call *, const char *name,
    char full[NAME_MAX_AWS + 1]);
/* Back.  false: it is none of ours. */
bool aws_name_back(const struct aws *, const char *full, char name[NAME_MAX_AWS + 1]);

/* --- secrets.c, put.c, versions.c ------------------------------------------------- */

/* DescribeSecret. */
struct described {
	bool there, deleted;
	const char *current;		/* the version AWSCURRENT; NULL: none */
	const json_t *tags;
	struct aws_answer answer;	/* the caller's to forget, under each code */
};
/* ok also where it is not there. */
enum mortise_code aws_describe_secret(struct aws *, struct mortise_call *, const char *name,
    struct described *);
void version_set(struct mortise_version *, const char *text);

enum mortise_code aws_put(void *instance, struct mortise_call *, const char *name,
    const struct mortise_secret_put *, struct mortise_receipt *);
enum mortise_code aws_describe(void *instance, struct mortise_call *, const char *name,
    struct mortise_out *);
enum mortise_code aws_undo(void *instance, struct mortise_call *, const char *name,
    const struct mortise_receipt *, const struct mortise_secret *written);
/* DeleteSecret; days 0: beyond recovery. */
enum mortise_code aws_destroy(struct aws *, struct mortise_call *, const char *name, int days);

extern const struct mortise_secret_ops aws_secret_ops;

#endif
