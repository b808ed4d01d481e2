/* SPDX-License-Identifier: BSD-2-Clause */
/* One name in two backends: compared, and removed from the first. */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "move/moving.h"
#include "secmem/secret.h"

/* A digest under the run's key, so that one value is in memory at a time. */
static enum mortise_code
read_digest(const struct moving *moving, struct operation *operation, size_t backend,
    const char *name, bool *there, unsigned char digest[DIGEST_SIZE])
{
	struct mortise_secret *value _cleanup_(secret_cleanup) = NULL;
	struct mortise_version found;
	struct digest_part parts[2] = {{moving->key, sizeof(moving->key)}};
	enum mortise_code code = operation_get_at(operation, backend, name, NULL, &value, &found);

	*there = code == MORTISE_OK;
	if (code != MORTISE_OK)
		return code == MORTISE_NOT_FOUND ? MORTISE_OK : code;
	parts[1].bytes = mortise_secret_peek(value, &parts[1].size);
	return digest_sha256(parts, 2, digest) ? MORTISE_OK : error_set(operation->error,
	    MORTISE_ERROR, MORTISE_REASON_NONE, "libcrypto made no SHA-256");
}

enum mortise_code
move_read_both(const struct moving *moving, struct operation *operation, const char *name,
    bool *in_from, bool *in_to, bool *same)
{
	unsigned char from[DIGEST_SIZE] = {0}, to[DIGEST_SIZE] = {0};
	enum mortise_code code = read_digest(moving, operation, moving->from, name, in_from, from);

	if (code == MORTISE_OK)
		code = read_digest(moving, operation, moving->to, name, in_to, to);
	*same = code == MORTISE_OK && *in_from && *in_to && memcmp(from, to, sizeof(from)) == 0;
	return code;
}

enum mortise_code
move_end(struct operation *operation, enum mortise_code code, struct mortise_moved_info *info)
{
	enum mortise_code ended = operation_end(operation, code);

	if (ended == MORTISE_OK)
		return ended;
	info->what = MORTISE_MOVED_FAILED;
	info->code = ended;
	info->reason = operation->error->reason;
	info->message = operation->error->message;
	/* Without a record nothing may go on. */
	return operation->error->reason == MORTISE_REASON_AUDIT ? ended : MORTISE_OK;
}

enum mortise_code
move_compare(const struct moving *moving, struct mortise_moved_info *info,
    struct mortise_error *error)
{
	struct operation operation;
	bool first = false, second = false, same = false;
	enum mortise_code code = operation_begin(&operation, moving->engine, moving->request,
	    "secret_compared", "secret", info->name, error);

	operation.fresh = true;
	if (code == MORTISE_OK)
		code = moving->claim(&operation, info->name);
	if (code == MORTISE_OK)
		code = move_read_both(moving, &operation, info->name, &first, &second, &same);
	info->what = same || (!first && !second) ? MORTISE_MOVED_SAME :
	    first && second ? MORTISE_MOVED_DIFFERS :
	    first ? MORTISE_MOVED_ONLY_FIRST : MORTISE_MOVED_ONLY_SECOND;
	return move_end(&operation, code, info);
}

enum mortise_code
move_remove(const struct moving *moving, struct mortise_moved_info *info,
    struct mortise_error *error)
{
	struct operation operation;
	bool first = false, second = false, same = false;
	enum mortise_code code = operation_begin(&operation, moving->engine, moving->request,
	    "secret_deleted", "secret", info->name, error);

	operation.fresh = true;
	if (code == MORTISE_OK)
		code = moving->claim(&operation, info->name);
	if (code == MORTISE_OK)
		code = operation_intent(&operation);
	if (code == MORTISE_OK)
		code = move_read_both(moving, &operation, info->name, &first, &second, &same);
	if (code == MORTISE_OK && first && !same)
		code = error_set(error, MORTISE_CONFLICT, MORTISE_REASON_DIFFERENCE,
		    "it was changed since it was copied, and is kept; migrate again");
	if (code == MORTISE_OK && first)
		code = operation_delete_at(&operation, moving->from, info->name);
	info->what = MORTISE_MOVED_DELETED;
	return move_end(&operation, code, info);
}
