/* SPDX-License-Identifier: BSD-2-Clause */
/* A trail belongs to one host: a copy or a restored disk begins another. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/parts.h"
#include "base/digest.h"
#include "base/file.h"

#define MACHINE_ID "/etc/machine-id"

void
host_digest(const char *trail, char host[17])
{
	size_t size = 0;
	char *id _cleanup_(free_pointer) = file_read(AT_FDCWD, MACHINE_ID, 4096, &size);
	unsigned char digest[DIGEST_SIZE];
	struct digest_part parts[] = {{trail, strlen(trail)}, {id, 0}};

	host[0] = '\0';
	if (id == NULL)
		return;
	/* 32 hex digits; "uninitialized" and an empty file name no host. */
	parts[1].size = strspn(id, "0123456789abcdef");
	if (parts[1].size == 32 && digest_sha256(parts, 2, digest))
		hex_encode(digest, 8, host);
}

static bool
move(const struct trail *trail, int to, const char *name)
{
	return renameat(trail->directory, name, to, name) == 0 || errno == ENOENT;
}

/* The head goes first and then the newest segment: whatever a crash leaves is a
 * whole trail up to somewhere, and is moved the next time. */
static enum mortise_code
move_aside(struct trail *trail, struct mortise_error *error)
{
	char old[48], name[SEGMENT_NAME_SIZE];
	uint64_t *segments _cleanup_(free_pointer) = NULL;
	int to _cleanup_(file_close) = -1;
	size_t count = 0;
	enum mortise_code code = segment_list(trail->directory, &segments, &count, error);
	bool good;

	if (code != MORTISE_OK)
		return code;
	(void)snprintf(old, sizeof(old), "old-%s", trail->id);
	if (mkdirat(trail->directory, old, 0700) == 0 || errno == EEXIST)
		to = file_open(trail->directory, old, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	good = to >= 0 && move(trail, to, "head");
	for (size_t i = count; good && i > 0; i--) {
		segment_name(segments[i - 1], name);
		good = move(trail, to, name);
	}
	good = good && move(trail, to, "seals.jsonl") && file_sync(to) == 0 &&
	    file_sync(trail->directory) == 0;
	return good ? MORTISE_OK : error_errno(error, errno,
	    "the trail of another host in %s cannot be moved to %s", trail->options.directory, old);
}

/* Nothing of the other host's trail is left in memory but its id. */
static void
forget(struct trail *trail)
{
	file_close(&trail->file);
	memcpy(trail->parent, trail->id, sizeof(trail->parent));
	trail->id[0] = '\0';
	trail->segment = trail->head_seq = trail->torn_bytes = 0;
	trail->end = trail->durable = (struct position){.hash = ZERO_HASH};
	trail->checkpoint = (struct checkpoint){.seq = 0};
	pendings_free(&trail->pendings);
	noteds_free(&trail->noteds);
}

enum mortise_code
trail_host_check(struct trail *trail, struct mortise_error *error)
{
	struct segment_start start;
	enum mortise_code code;

	if (trail->segment == 0 || !segment_start(trail->directory, trail->segment, &start))
		return MORTISE_OK;
	host_digest(trail->id, trail->host);
	if (trail->host[0] == '\0')
		log_line(trail->options.logger, MORTISE_LOG_WARNING,
		    "there is no " MACHINE_ID ": a copied trail would not be noticed");
	if (trail->host[0] == '\0' || start.host[0] == '\0' ||
	    strcmp(start.host, trail->host) == 0)
		return MORTISE_OK;
	/* First: the other host signs with them. */
	checkpoint_forget_keys(trail);
	code = move_aside(trail, error);
	if (code != MORTISE_OK)
		return code;
	log_line(trail->options.logger, MORTISE_LOG_WARNING,
	    "%s is the trail of another host: it lies in old-%s now, a new one begins",
	    trail->options.directory, trail->id);
	forget(trail);
	return MORTISE_OK;
}
