/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words that callers (mortise.h) and plugin authors (plugin.h) share.
 * No functions.  Values are part of the ABI: they are never reused, and new
 * ones are only added at the end.
 */
#ifndef MORTISE_TYPES_H
#define MORTISE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What came of an operation; mortise_code_name() gives the word in brackets.
 * Any other value counts as MORTISE_ERROR.
 *
 * About a write they promise: unavailable, denied, invalid, conflict,
 * not_found, unsupported and ignore had surely no effect; after timeout and
 * error it may have taken effect.
 */
enum mortise_code {
	MORTISE_OK,		/* [ok] */
	MORTISE_NOT_FOUND,	/* [not_found] no such name, version or record */
	MORTISE_UNAVAILABLE,	/* [unavailable] could not be asked */
	MORTISE_TIMEOUT,	/* [timeout] asked, no answer in time */
	MORTISE_DENIED,		/* [denied] asked, and refused */
	MORTISE_INVALID,	/* [invalid] cannot be held or understood */
	MORTISE_CONFLICT,	/* [conflict] a precondition does not hold */
	MORTISE_UNSUPPORTED,	/* [unsupported] nobody here can do that */
	MORTISE_IGNORE,		/* [ignore] abstains; never reaches a caller */
	MORTISE_ERROR		/* [error] anything else */
};
#define MORTISE_CODES 10

/* Why, where the code alone does not tell it. */
enum mortise_reason {
	MORTISE_REASON_NONE,
	MORTISE_REASON_AUDIT,		/* no durable audit record, so nothing is released */
	MORTISE_REASON_AGENCY,		/* the caller claimed another agency */
	MORTISE_REASON_POLICY,		/* a policy rule refused, or none allowed */
	MORTISE_REASON_CONFIGURATION,	/* the configuration is wrong */
	MORTISE_REASON_REAUTH,		/* the person has to consent again */
	MORTISE_REASON_STALE,		/* an old value, served by `stale: allow` */
	MORTISE_REASON_SUPERSEDED,	/* somebody wrote later, nothing was undone */
	MORTISE_REASON_SEALED,		/* the secret manager is sealed */
	MORTISE_REASON_ROLLBACK,	/* a store is older than the trail says */
	MORTISE_REASON_DIFFERENCE,	/* compared, and found different or broken */
	MORTISE_REASON_SHORT,		/* a trail is shorter than an anchor says */
	MORTISE_REASON_UNCHECKABLE	/* a trail that cannot be checked at all */
};
#define MORTISE_REASONS 13

enum mortise_level {
	MORTISE_LOG_ERROR,
	MORTISE_LOG_WARNING,
	MORTISE_LOG_INFO,
	MORTISE_LOG_DEBUG
};

/*
 * A version of a secret or a state record: an opaque string, compared for
 * equality only, unique within one life of a name.  "" = unknown or none.
 */
#define MORTISE_VERSION_SIZE 65		/* with its NUL */
struct mortise_version {
	char text[MORTISE_VERSION_SIZE];
};

/* One named string: a label, an audit field, a cell of a table. */
struct mortise_pair {
	const char *name, *value;
};

/* Bytes that are locked in memory, kept out of cores and wiped when freed. */
struct mortise_secret;

/* Limits that hold everywhere, in bytes without a NUL. */
#define MORTISE_NAME_MAX 255		/* a secret's name */
#define MORTISE_KEY_MAX 512		/* a state record's key */
#define MORTISE_VALUE_MAX 65536		/* a secret's value */

#ifdef __cplusplus
}
#endif

#endif
