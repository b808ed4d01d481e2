/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * behind.h: what is known of a backend that a write of a name has left behind, or may
 * have: the state record "behind:STORE:NAME", of doc/file-formats.md.  operation's own.
 */
#ifndef OPERATION_BEHIND_H
#define OPERATION_BEHIND_H

#include "operation/operation.h"

enum behind_kind {
	BEHIND_NONE,		/* it has the newest value */
	BEHIND_WRITING,		/* a write is on its way, and has time left */
	BEHIND_DOUBT,		/* it has none left: the writer died, the value is old or new */
	BEHIND_OLD,		/* the value is an older one */
	BEHIND_GONE		/* the name is deleted, but not here */
};

struct behind {
	enum behind_kind kind;
	struct mortise_version version;		/* of the record; "" with BEHIND_NONE */
};

/* All of them leave the operation's error as it is, but for a code that is not ok. */
enum mortise_code behind_read(struct operation *, size_t target, const char *name,
    struct behind *);
/* until_ms: of BEHIND_WRITING, Unix time. */
enum mortise_code behind_write(struct operation *, size_t target, const char *name,
    enum behind_kind, int64_t until_ms);
/* only_if NULL: whatever it says now; conflict: it says something else.  No record is ok. */
enum mortise_code behind_clear(struct operation *, size_t target, const char *name,
    const struct mortise_version *only_if);

/* Of a record's key: the name, which lies in it; NULL: it is no such key. */
const char *behind_name(const char *key);

#endif
