/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * secmem: memory for secrets.  Values live in an arena of their own: mapped
 * apart from the heap between guard pages, locked, left out of cores
 * (MADV_DONTDUMP), empty in a forked child (MADV_WIPEONFORK), wiped when
 * freed.  The public mortise_secret_* functions are defined here; any room
 * may use them and what is below.
 */
#ifndef SECMEM_SECRET_H
#define SECMEM_SECRET_H

#include <mortise/mortise.h>

#include "base/attr.h"

#define SECRET_MAX ((size_t)16 << 20)		/* bytes in one secret */

/* A new secret with this content; NULL = no memory, or more than SECRET_MAX. */
struct mortise_secret *secret_from(const void *bytes, size_t size);
/* For _cleanup_. */
void secret_cleanup(struct mortise_secret **secret);

/* The bytes for writing in place: size is what peek will say afterwards.  NULL
 * where that does not fit: up to the capacity of new always does.  New bytes
 * are zero, those that are cut off are wiped. */
void *secret_resize(struct mortise_secret *secret, size_t size);

/* Reads a descriptor to its end: invalid above `most` bytes, error with errno's
 * words otherwise. */
enum mortise_code secret_read(int fd, size_t most, struct mortise_secret **secret,
    struct mortise_error *error);

/* Is all of it locked?  false: mlock was refused (RLIMIT_MEMLOCK) at least once,
 * so something secret may have gone to swap. */
bool secret_memory_locked(void);

#endif
